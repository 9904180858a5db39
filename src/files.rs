//! The directory of uploaded files. A file is written in pieces. It is complete and on the disk before it gets its
//! name. Other modules decide who may read a file and which files are accepted.

use crate::security::random_text;
use crate::security::vault::{FILE_HEADER, FILE_PIECE, FILE_TAG, FileSeal, Vault};
use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt;
use futures_util::stream::{self, Stream};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The ending of a file's name until the file is complete.
const PART: &str = "part";
/// The age after which an incomplete file is abandoned.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);
/// The length of a file's name.
const NAME: usize = 22;
/// The number of bytes that are kept from a file's beginning for checking its content.
const HEAD: usize = 16;
/// The number of bytes that are kept from its end.
const TAIL: usize = 1024;

/// The directory with its data keys. Cloning shares it. It is created with the first file. Its files are sealed (S-11).
#[derive(Debug, Clone)]
pub struct Files {
    root: Arc<Path>,
    vault: Vault,
}

/// The directory without data keys, for removing files.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Path>);

/// A complete file with its name.
#[derive(Debug)]
pub struct Kept {
    /// The name to read it by.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its content.
    pub sha256: Vec<u8>,
}

impl Files {
    /// The directory at a path.
    pub fn new(root: impl Into<PathBuf>, vault: Vault) -> Self {
        Self {
            root: root.into().into(),
            vault,
        }
    }

    /// Begins receiving a file.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn receive(&self) -> io::Result<Incoming> {
        // Only the service's own user may read the directory.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
        let name = random_text();
        let part = PartialFile(self.root.join(&name).with_extension(PART));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&part.0).await?;
        let seal = self.vault.seal_file();
        file.write_all(seal.header()).await?;
        Ok(Incoming {
            root: self.root.clone(),
            name,
            part,
            file,
            seal,
            waiting: Vec::with_capacity(FILE_PIECE),
            bytes: 0,
            head: Vec::with_capacity(HEAD),
            tail: Vec::with_capacity(2 * TAIL),
            digest: Context::new(&SHA256),
        })
    }

    /// The length of a kept file in bytes, and its content in pieces. A file that was altered on the disk ends in an
    /// error.
    ///
    /// # Errors
    /// When there is no such file, it is sealed under an unknown key, or the disk fails.
    pub async fn read(&self, name: &str) -> io::Result<(u64, impl Stream<Item = io::Result<Vec<u8>>> + use<>)> {
        let mut file = File::open(self.root.join(name)).await?;
        let sealed = file.metadata().await?.len().saturating_sub(FILE_HEADER as u64);
        let mut header = [0; FILE_HEADER];
        file.read_exact(&mut header).await?;
        let seal = self.vault.open_file(header).map_err(io::Error::other)?;
        let whole = (FILE_PIECE + FILE_TAG) as u64;
        let bytes = sealed.saturating_sub(sealed.div_ceil(whole) * FILE_TAG as u64);
        let pieces = stream::try_unfold((file, seal, sealed), move |(mut file, mut seal, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let length = left.min(whole);
            let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact(&mut piece).await?;
            seal.open(&mut piece, left == length).map_err(io::Error::other)?;
            Ok(Some((piece, (file, seal, left - length))))
        });
        Ok((bytes, pieces))
    }

    /// Seals a kept file again under the newest key. `false` if it is under that key already. A reader of the old file
    /// can read it to its end.
    ///
    /// # Errors
    /// As [`Files::read`].
    pub async fn reseal(&self, name: &str) -> io::Result<bool> {
        let mut header = [0; FILE_HEADER];
        File::open(self.root.join(name)).await?.read_exact(&mut header).await?;
        if self.vault.is_newest(&header) {
            return Ok(false);
        }
        let (_, pieces) = self.read(name).await?;
        let mut pieces = std::pin::pin!(pieces);
        let mut again = self.receive().await?;
        while let Some(piece) = pieces.try_next().await? {
            again.write(&piece).await?;
        }
        again.keep_as(name).await?;
        Ok(true)
    }

    /// The names of all kept files.
    ///
    /// # Errors
    /// When the directory can't be read. A directory that does not exist is empty.
    pub async fn names(&self) -> io::Result<Vec<String>> {
        self.folder().older_than(Duration::ZERO).await
    }

    /// Removes a kept file that nothing refers to. A failure is only logged, since the file only takes up space.
    pub async fn remove(&self, name: &str) {
        self.folder().remove(name).await;
    }

    /// The directory itself.
    pub fn folder(&self) -> Folder {
        Folder(self.root.clone())
    }
}

impl Folder {
    /// The directory at a path.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into().into())
    }

    /// Removes a kept file that nothing refers to. A failure is only logged, since the file only takes up space.
    pub async fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.0.join(name)).await {
            log::warn!("a file that nothing refers to can't be removed: {error}");
        }
    }

    /// Removes incomplete files that a killed server left. Files younger than a day may belong to another server.
    ///
    /// # Errors
    /// When the directory can't be read. A directory that does not exist is empty.
    pub async fn sweep(&self) -> io::Result<()> {
        let mut entries = match fs::read_dir(&self.0).await {
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
    /// The names of kept files older than a day. A row that refers to a file is stored by then.
    ///
    /// # Errors
    /// As [`Files::names`].
    pub async fn settled(&self) -> io::Result<Vec<String>> {
        let mut names = self.older_than(ABANDONED).await?;
        // Nothing is lost in a directory that was configured by mistake.
        names.retain(|name| is_ours(name));
        Ok(names)
    }

    /// The names of kept files whose age is at least `least`.
    async fn older_than(&self, least: Duration) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let mut entries = match fs::read_dir(&self.0).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            entries => entries?,
        };
        while let Some(entry) = entries.next_entry().await? {
            let age = entry.metadata().await?.modified()?.elapsed().unwrap_or_default();
            let name = entry.file_name().into_string().ok();
            names.extend(name.filter(|name| age >= least && !name.contains('.')));
        }
        Ok(names)
    }
}

/// Whether a name can be one of [`random_text`].
fn is_ours(name: &str) -> bool {
    name.len() == NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The path of an incomplete file. Dropping it removes the file.
#[derive(Debug)]
struct PartialFile(PathBuf);

impl Drop for PartialFile {
    fn drop(&mut self) {
        // A kept file has already been renamed.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A file that is being received.
pub struct Incoming {
    root: Arc<Path>,
    name: String,
    part: PartialFile,
    file: File,
    seal: FileSeal,
    /// Bytes that have arrived and are not yet a whole piece, or that may be the last piece.
    waiting: Vec<u8>,
    bytes: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    digest: Context,
}

impl Incoming {
    /// Receives some bytes.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(piece);
        while self.waiting.len() > FILE_PIECE {
            let rest = self.waiting.split_off(FILE_PIECE);
            let mut whole = std::mem::replace(&mut self.waiting, rest);
            self.seal.seal(&mut whole, false).map_err(io::Error::other)?;
            self.file.write_all(&whole).await?;
        }
        self.bytes += piece.len() as u64;
        let missing = HEAD.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..missing]);
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        self.digest.update(piece);
        Ok(())
    }

    /// The number of bytes that have arrived.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The last bytes, at most 1,024.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Keeps the file. Its content is on the disk before it gets its name, and its name is on the disk before this
    /// returns.
    ///
    /// # Errors
    /// When the disk fails. Then nothing is left.
    pub async fn keep(self) -> io::Result<Kept> {
        let name = self.name.clone();
        self.keep_as(&name).await
    }

    async fn keep_as(mut self, name: &str) -> io::Result<Kept> {
        let mut last = std::mem::take(&mut self.waiting);
        self.seal.seal(&mut last, true).map_err(io::Error::other)?;
        self.file.write_all(&last).await?;
        self.file.flush().await?;
        self.file.sync_all().await?;
        fs::rename(&self.part.0, self.root.join(name)).await?;
        File::open(&self.root).await?.sync_all().await?;
        Ok(Kept {
            name: name.to_owned(),
            bytes: self.bytes,
            sha256: self.digest.finish().as_ref().to_vec(),
        })
    }
}
