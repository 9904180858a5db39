//! The demo's own file and its folder of forms. They are created anew at each start, and never mistaken for a user's
//! data.
//!
//! The file's header has our number (`PRAGMA application_id`) before anything else is stored. So our file is recognized
//! without opening it as a database, even if the demo in it is half-built.

use crate::db::sqlite_file;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The application id in the header, `zjdm`.
const APPLICATION: [u8; 4] = *b"zjdm";
/// The length of the header up to and including the application id (sqlite.org/fileformat2.html, §1.3).
const HEADER: usize = 72;
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Creates our empty file at the path. It replaces an earlier demo's.
///
/// # Errors
/// When the file there is not a demo's, is being served, or can't be replaced.
pub fn renew(path: &Path) -> Result<()> {
    if path.try_exists()? {
        ensure!(
            is_ours(path)?,
            "{} is not a demo's database: move it away, or name another database by --database",
            path.display()
        );
        sqlite_file::ensure_idle(path)
            .with_context(|| format!("{} is in use, by another demo perhaps", path.display()))?;
        for suffix in ["", "-wal", "-shm"] {
            remove(&PathBuf::from(format!("{}{suffix}", path.display())))?;
        }
        absent(fs::remove_dir_all(path.with_extension("files")))
            .context("can't remove the forms of an earlier demo")?;
    }
    sqlite_file::create(path, i32::from_be_bytes(APPLICATION)).with_context(|| format!("can't open {}", path.display()))
}

fn is_ours(path: &Path) -> Result<bool> {
    let mut header = Vec::new();
    let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
    file.take(HEADER as u64).read_to_end(&mut header)?;
    Ok(header.starts_with(MAGIC) && header.len() == HEADER && header.ends_with(&APPLICATION))
}

fn remove(path: &Path) -> Result<()> {
    absent(fs::remove_file(path)).with_context(|| format!("can't remove {}", path.display()))
}

/// What is not there need not be removed.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
