//! The uploaded files. A file is sealed for its row (S-11): it opens under no other name, for no other row, and only as
//! a whole. Other modules decide who may read a file and which files are accepted.

mod folder;
mod incoming;

pub use folder::Folder;
pub use incoming::{Incoming, Kept};

use crate::security::random_text;
use crate::security::vault::{FILE_HEADER, FILE_PIECE, FILE_TAG, FileSeal, Vault};
use aws_lc_rs::digest::{Context, SHA256};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use incoming::bound_to;
use std::io;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

/// The length of a whole sealed piece.
const SEALED_PIECE: u64 = (FILE_PIECE + FILE_TAG) as u64;

/// What a row knows of its file.
#[derive(Debug, Clone)]
pub struct FileRecord {
    /// The file's name.
    pub name: String,
    /// The key of the row that the file was received for.
    pub owner: i64,
    /// Its length in bytes.
    pub bytes: u64,
    /// The SHA-256 of its content.
    pub sha256: Vec<u8>,
}

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// There is no such file.
    #[error("the file is missing")]
    Missing,
    /// It is not the file that the row was stored with, or its data key is unknown.
    #[error("the file is not the one that was stored for its row")]
    Altered,
    /// The disk failed.
    #[error("the file can't be read: {0}")]
    Disk(io::Error),
}

impl From<io::Error> for FileFault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            // The file is shorter than it was.
            io::ErrorKind::UnexpectedEof => Self::Altered,
            _ => Self::Disk(error),
        }
    }
}

/// The folder with its data keys. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Files {
    folder: Folder,
    vault: Vault,
}

impl Files {
    /// The files of a folder.
    pub fn new(folder: Folder, vault: Vault) -> Self {
        Self { folder, vault }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Begins receiving a file for the row with a key.
    ///
    /// # Errors
    /// When the folder belongs to another database, or the disk fails.
    pub async fn receive(&self, owner: i64) -> io::Result<Incoming> {
        Incoming::begin(self.folder.clone(), &self.vault, random_text(), owner).await
    }

    /// The content of a file in pieces. Its first piece is opened before this returns. A file that differs from what its
    /// row knows ends in an error before its last piece.
    ///
    /// # Errors
    /// [`FileFault`].
    pub async fn read(
        &self,
        record: &FileRecord,
    ) -> Result<impl Stream<Item = Result<Vec<u8>, FileFault>> + use<>, FileFault> {
        let mut reading = FileReading::begin(self, record).await?;
        let first = reading.next().await?.ok_or(FileFault::Altered)?;
        let rest = stream::try_unfold(reading, |mut reading| async move {
            Ok(reading.next().await?.map(|piece| (piece, reading)))
        });
        Ok(stream::iter([Ok(first)]).chain(rest))
    }

    /// Reads a file to its end.
    ///
    /// # Errors
    /// [`FileFault`].
    pub async fn check(&self, record: &FileRecord) -> Result<(), FileFault> {
        let mut reading = FileReading::begin(self, record).await?;
        while reading.next().await?.is_some() {}
        Ok(())
    }

    /// Seals a file again under the newest key. `false` if it is under that key already. A reader of the old file can
    /// read it to its end.
    ///
    /// # Errors
    /// [`FileFault`].
    pub async fn reseal(&self, record: &FileRecord) -> Result<bool, FileFault> {
        let mut header = [0; FILE_HEADER];
        self.folder.open(&record.name).await?.read_exact(&mut header).await?;
        if self.vault.is_newest(&header) {
            return Ok(false);
        }
        let mut pieces = std::pin::pin!(self.read(record).await?);
        let mut again = Incoming::begin(self.folder.clone(), &self.vault, record.name.clone(), record.owner).await?;
        while let Some(piece) = pieces.try_next().await? {
            again.write(&piece).await?;
        }
        again.keep().await?;
        Ok(true)
    }

    /// Removes a file that no row ever referred to. A failure is only logged, since the file only takes up space.
    pub async fn remove(&self, name: &str) {
        self.folder.remove(name).await;
    }
}

/// A file that is being read.
struct FileReading {
    file: File,
    seal: FileSeal,
    /// The number of sealed bytes that are left.
    left: u64,
    digest: Context,
    sha256: Vec<u8>,
}

impl FileReading {
    async fn begin(files: &Files, record: &FileRecord) -> Result<Self, FileFault> {
        let mut file = files.folder.open(&record.name).await?;
        let left = file.metadata().await?.len().saturating_sub(FILE_HEADER as u64);
        let bytes = left.saturating_sub(left.div_ceil(SEALED_PIECE) * FILE_TAG as u64);
        if bytes != record.bytes {
            return Err(FileFault::Altered);
        }
        let mut header = [0; FILE_HEADER];
        file.read_exact(&mut header).await?;
        let bound_to = bound_to(&record.name, record.owner);
        Ok(Self {
            file,
            seal: files
                .vault
                .open_file(header, bound_to)
                .map_err(|_| FileFault::Altered)?,
            left,
            digest: Context::new(&SHA256),
            sha256: record.sha256.clone(),
        })
    }

    /// The next piece, or `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, FileFault> {
        if self.left == 0 {
            return Ok(None);
        }
        let length = self.left.min(SEALED_PIECE);
        let mut piece = vec![0; usize::try_from(length).unwrap_or(FILE_PIECE + FILE_TAG)];
        self.file.read_exact(&mut piece).await?;
        let is_last = self.left == length;
        self.seal.open(&mut piece, is_last).map_err(|_| FileFault::Altered)?;
        self.digest.update(&piece);
        if is_last && self.digest.clone().finish().as_ref() != self.sha256 {
            return Err(FileFault::Altered);
        }
        self.left -= length;
        Ok(Some(piece))
    }
}
