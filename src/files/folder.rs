//! The folder itself: whose it is, and what is taken out of it. It belongs to one database, by an id that both carry.
//! What no row refers to goes into a bin first, so that a mistake can be undone.

use crate::security::random_text;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

/// The ending of a file's name until the file is complete.
const PART: &str = "part";
/// The file that says whose the folder is: the database's id, and on the next line the stamp of its last clearing. No
/// kept file has a dot in its name.
const MARK: &str = ".database";
/// The folder, within the folder, of files that no row refers to.
const BIN: &str = ".bin";
/// The age after which an incomplete file is abandoned, and a row that refers to a complete one is stored.
const SETTLED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a file stays in the bin.
const BINNED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The length of a file's name.
const NAME: usize = 22;

/// The folder of a database. Cloning shares it. It is made with the first file.
#[derive(Debug, Clone)]
pub struct Folder {
    root: Arc<Path>,
    database: Arc<str>,
}

impl Folder {
    /// The folder at a path, for the database with an id.
    pub fn new(root: impl Into<PathBuf>, database: &str) -> Self {
        Self {
            root: root.into().into(),
            database: database.into(),
        }
    }

    /// Checks that the folder is this database's. A folder without any file may become anybody's.
    ///
    /// # Errors
    /// When it belongs to another database or does not say to which, or can't be read.
    pub async fn check(&self) -> io::Result<()> {
        let why = match self.mark().await? {
            Some((id, _)) if id == *self.database => return Ok(()),
            Some(_) => "belongs to another database",
            None if self.names().await?.is_empty() => return Ok(()),
            None => "has files and does not say whose they are",
        };
        Err(io::Error::other(format!(
            "the folder of files {} {why}. Give this database another folder (--files, ZHUANJIE_FILES). If the folder \
             is its own all the same, write {} into {}",
            self.root.display(),
            self.database,
            self.root.join(MARK).display()
        )))
    }

    /// The id of the database that the folder belongs to, and the stamp of the last clearing.
    async fn mark(&self) -> io::Result<Option<(String, Option<String>)>> {
        let text = match fs::read_to_string(self.root.join(MARK)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let mut lines = text.lines().map(|line| line.trim().to_owned());
        Ok(lines.next().map(|id| (id, lines.next())))
    }

    async fn write_mark(&self, stamp: &str) -> io::Result<()> {
        let part = self.part(&random_text());
        let mut file = File::create(&part).await?;
        file.write_all(format!("{}\n{stamp}\n", self.database).as_bytes())
            .await?;
        file.sync_all().await?;
        fs::rename(&part, self.root.join(MARK)).await?;
        self.sync().await
    }

    /// What the last clearing left as its stamp.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub async fn stamp(&self) -> io::Result<Option<String>> {
        let stamp = self.mark().await?.and_then(|(_, stamp)| stamp);
        Ok(stamp.filter(|stamp| !stamp.is_empty()))
    }

    /// Leaves a stamp, by which the next clearing knows whether it works for the same database or for an older copy. A
    /// folder without files gets none.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn set_stamp(&self, stamp: &str) -> io::Result<()> {
        match self.mark().await? {
            Some(_) => self.write_mark(stamp).await,
            None => Ok(()),
        }
    }

    /// Makes the folder if it does not exist, and marks it as this database's.
    ///
    /// # Errors
    /// Those of [`Folder::check`]; when the disk fails.
    pub async fn claim(&self) -> io::Result<()> {
        self.check().await?;
        if self.mark().await?.is_some() {
            return Ok(());
        }
        make(&self.root)?;
        self.write_mark("").await?;
        // Another database may have done the same at this moment. Then the last one has the folder.
        self.check().await
    }

    /// Where a complete file is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Where a file is until it is complete.
    pub(super) fn part(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.{PART}"))
    }

    /// Opens a complete file, or one in the bin: a row that refers to it may have been restored since.
    pub(super) async fn open(&self, name: &str) -> io::Result<File> {
        match File::open(self.path(name)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(self.root.join(BIN).join(name)).await,
            opened => opened,
        }
    }

    /// Waits until the names in the folder are on the disk.
    pub(super) async fn sync(&self) -> io::Result<()> {
        File::open(&self.root).await?.sync_all().await
    }

    /// Removes a file that no row ever referred to. A failure is only logged, since the file only takes up space.
    pub async fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.path(name)).await {
            log::warn!("a file that nothing refers to can't be removed: {error}");
        }
    }

    /// Removes incomplete files that a killed server left. Files younger than a day may belong to another server.
    ///
    /// # Errors
    /// When the folder can't be read. A folder that does not exist is empty.
    pub async fn sweep(&self) -> io::Result<()> {
        let Some(mut entries) = entries(&self.root).await? else {
            return Ok(());
        };
        while let Some(entry) = entries.next_entry().await? {
            let is_part = entry.path().extension().is_some_and(|extension| extension == PART);
            if is_part && age(&entry).await?.is_some_and(|age| age > SETTLED) {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }

    /// The names of all complete files.
    ///
    /// # Errors
    /// When the folder can't be read. A folder that does not exist is empty.
    pub async fn names(&self) -> io::Result<Vec<String>> {
        self.aged(&self.root, Duration::ZERO).await
    }

    /// The names of complete files older than a day. A row that refers to a file is stored by then.
    ///
    /// # Errors
    /// As [`Folder::names`].
    pub async fn settled(&self) -> io::Result<Vec<String>> {
        self.aged(&self.root, SETTLED).await
    }

    /// The names of the files in the bin.
    ///
    /// # Errors
    /// As [`Folder::names`].
    pub async fn binned(&self) -> io::Result<Vec<String>> {
        self.aged(&self.root.join(BIN), Duration::ZERO).await
    }

    /// The names of files that have been in the bin for a month.
    ///
    /// # Errors
    /// As [`Folder::names`].
    pub async fn outdated(&self) -> io::Result<Vec<String>> {
        self.aged(&self.root.join(BIN), BINNED).await
    }

    /// Puts a file into the bin.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn bin(&self, name: &str) -> io::Result<()> {
        make(&self.root.join(BIN))?;
        let file = OpenOptions::new().write(true).open(self.path(name)).await?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the month in the bin is measured by the same clock as the files' other times"
        )]
        let now = SystemTime::now();
        file.into_std().await.set_modified(now)?;
        fs::rename(self.path(name), self.root.join(BIN).join(name)).await
    }

    /// Takes a file out of the bin again.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn restore(&self, name: &str) -> io::Result<()> {
        fs::rename(self.root.join(BIN).join(name), self.path(name)).await
    }

    /// Deletes a file in the bin.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn delete(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(BIN).join(name)).await
    }

    /// The names of complete files in a folder whose age is at least `least`. Other files were put there by somebody
    /// else, and are left alone.
    async fn aged(&self, folder: &Path, least: Duration) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let Some(mut entries) = entries(folder).await? else {
            return Ok(names);
        };
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name().into_string().ok().filter(|name| is_ours(name));
            if let Some(name) = name
                && age(&entry).await?.is_some_and(|age| age >= least)
            {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// The entries of a folder. `None` if it does not exist.
async fn entries(folder: &Path) -> io::Result<Option<fs::ReadDir>> {
    match fs::read_dir(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        entries => entries.map(Some),
    }
}

/// How old an entry is. `None` if it is gone by now.
async fn age(entry: &fs::DirEntry) -> io::Result<Option<Duration>> {
    match entry.metadata().await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        data => Ok(Some(data?.modified()?.elapsed().unwrap_or_default())),
    }
}

/// Makes a folder that only the service's own user may read.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Whether a name can be that of a complete file.
fn is_ours(name: &str) -> bool {
    name.len() == NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
