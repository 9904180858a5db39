//! The directory of files: what is uploaded lies here, written piece by piece, complete and on the disk before it has its
//! name. Who may read what, and what a file must be, is decided elsewhere.

use crate::security::random_text;
use aws_lc_rs::digest::{Context, SHA256};
use futures_util::stream::{self, Stream};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What ends a name until the file is complete.
const PART: &str = "part";
/// A part that is so old belongs to nobody any more.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of a file's beginning is remembered for whoever checks its content.
const HEAD: usize = 16;
/// How much of its end.
const TAIL: usize = 1024;
const PIECE: usize = 64 * 1024;

/// The directory. Cloning shares it; it is made when the first file comes.
#[derive(Debug, Clone)]
pub struct Files {
    root: Arc<Path>,
}

/// A file that is complete and lies under its name.
#[derive(Debug)]
pub struct Kept {
    /// The name to ask for it again.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its content.
    pub sha256: Vec<u8>,
}

impl Files {
    /// The directory at a path.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into().into(),
        }
    }

    /// Begins to take a file in.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn receive(&self) -> io::Result<Incoming> {
        // Others on this machine have no business here.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
        let name = random_text();
        let part = Part(self.root.join(&name).with_extension(PART));
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&part.0).await?;
        Ok(Incoming {
            root: self.root.clone(),
            name,
            part,
            file,
            bytes: 0,
            head: Vec::with_capacity(HEAD),
            tail: Vec::with_capacity(2 * TAIL),
            digest: Context::new(&SHA256),
        })
    }

    /// A kept file's length, and its content piece by piece.
    ///
    /// # Errors
    /// When there is no such file or the disk refuses.
    pub async fn read(&self, name: &str) -> io::Result<(u64, impl Stream<Item = io::Result<Vec<u8>>> + use<>)> {
        let file = File::open(self.root.join(name)).await?;
        let bytes = file.metadata().await?.len();
        let pieces = stream::try_unfold(file, |mut file| async move {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            piece.truncate(read);
            Ok((read > 0).then_some((piece, file)))
        });
        Ok((bytes, pieces))
    }

    /// Removes a kept file that nothing refers to. If that fails, it only takes up room, and the log says so.
    pub async fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.root.join(name)).await {
            log::warn!("a file that nothing refers to can't be removed: {error}");
        }
    }

    /// Removes what a server that was killed left half received. What is younger than a day may belong to another server.
    ///
    /// # Errors
    /// When the directory can't be read; that it does not exist is no error.
    pub async fn sweep(&self) -> io::Result<()> {
        let mut entries = match fs::read_dir(&self.root).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        while let Some(entry) = entries.next_entry().await? {
            let is_part = entry.path().extension().is_some_and(|extension| extension == PART);
            let age = entry.metadata().await?.modified()?.elapsed().unwrap_or_default();
            if is_part && age > ABANDONED {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }
}

impl Files {
    /// The names of kept files that are older than a day: whatever is to refer to them does by now.
    ///
    /// # Errors
    /// When the directory can't be read; that it does not exist is no error.
    pub async fn settled(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut entries = match fs::read_dir(&self.root).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            entries => entries?,
        };
        while let Some(entry) = entries.next_entry().await? {
            let age = entry.metadata().await?.modified()?.elapsed().unwrap_or_default();
            let name = entry.file_name().into_string().ok();
            names.extend(name.filter(|name| age > ABANDONED && !name.contains('.')));
        }
        Ok(names)
    }
}

/// A file's path until it is complete; dropped before that, the file goes with it.
#[derive(Debug)]
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there when it was kept.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A file on its way in.
pub struct Incoming {
    root: Arc<Path>,
    name: String,
    part: Part,
    file: File,
    bytes: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    digest: Context,
}

impl Incoming {
    /// Takes a piece.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece).await?;
        self.bytes += piece.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..missing]);
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        self.digest.update(piece);
        Ok(())
    }

    /// How much has come so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Its first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Its last bytes, up to 1,024.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Keeps it: its content is on the disk before it has its name, and the name before anybody is told.
    ///
    /// # Errors
    /// When the disk refuses; then nothing is left.
    pub async fn keep(mut self) -> io::Result<Kept> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        fs::rename(&self.part.0, self.root.join(&self.name)).await?;
        File::open(&self.root).await?.sync_all().await?;
        Ok(Kept {
            name: self.name,
            bytes: self.bytes,
            sha256: self.digest.finish().as_ref().to_vec(),
        })
    }
}
