//! A file that is being received: written and sealed in pieces, and on the disk before it gets its name.

use super::folder::Folder;
use crate::security::random_text;
use crate::security::vault::{FILE_PIECE, FileSeal, Vault};
use aws_lc_rs::digest::{Context, SHA256};
use std::io;
use std::path::PathBuf;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

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

/// What a file is bound to: its name, and the row that it belongs to. It opens under no other name and for no other row.
pub(super) fn bound_to(name: &str, owner: i64) -> Vec<u8> {
    [name.as_bytes(), &[0], &owner.to_be_bytes()].concat()
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
    folder: Folder,
    name: String,
    part: PartialFile,
    file: File,
    seal: FileSeal,
    /// Bytes that have arrived and are not yet a whole piece, or that may be the last piece.
    waiting: Vec<u8>,
    bytes: u64,
    digest: Context,
}

impl Incoming {
    pub(super) async fn begin(folder: Folder, vault: &Vault, name: String, owner: i64) -> io::Result<Self> {
        folder.claim().await?;
        let part = PartialFile(folder.part(&random_text()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&part.0).await?;
        let seal = vault.seal_file(bound_to(&name, owner));
        file.write_all(seal.header()).await?;
        Ok(Self {
            folder,
            name,
            part,
            file,
            seal,
            waiting: Vec::with_capacity(FILE_PIECE),
            bytes: 0,
            digest: Context::new(&SHA256),
        })
    }

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
        self.digest.update(piece);
        Ok(())
    }

    /// The number of bytes that have arrived.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Keeps the file. Its content is on the disk before it gets its name, and its name is on the disk before this
    /// returns.
    ///
    /// # Errors
    /// When the disk fails. Then nothing is left.
    pub async fn keep(mut self) -> io::Result<Kept> {
        let mut last = std::mem::take(&mut self.waiting);
        self.seal.seal(&mut last, true).map_err(io::Error::other)?;
        self.file.write_all(&last).await?;
        self.file.flush().await?;
        self.file.sync_all().await?;
        fs::rename(&self.part.0, self.folder.path(&self.name)).await?;
        self.folder.sync().await?;
        Ok(Kept {
            name: self.name,
            bytes: self.bytes,
            sha256: self.digest.finish().as_ref().to_vec(),
        })
    }
}
