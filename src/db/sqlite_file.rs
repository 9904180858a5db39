//! An SQLite file that is not open as the database. Only its owner can read a file that we make. The demo marks the files
//! that it creates, and replaces only those.

use super::DbError;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Only the owner of a database may read it.
const OWNER_ONLY: u32 = 0o600;
/// The rights of everybody else.
const OTHERS: u32 = 0o077;

/// Opens a file, and makes it if it does not exist. SQLite gives its log (`-wal`, `-shm`) the mode of the file.
///
/// # Errors
/// When it can't be opened.
pub(super) fn establish(path: &Path) -> Result<SqliteConnection, DbError> {
    let text = path.to_string_lossy();
    // SQLite takes such a text for a URI and not for a path.
    if !text.starts_with("file:") {
        // If this fails because the file exists, there is nothing to make. SQLite names every other fault.
        let _ = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(path);
    }
    SqliteConnection::establish(&text).map_err(|e| DbError::Unavailable(e.to_string()))
}

/// Logs a warning if others than the owner may read or write a file. We did not make it, or somebody meant it so.
pub(super) fn warn_if_shared(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
    if mode & OTHERS != 0 {
        log::warn!("others than its owner can use {0}: chmod 600 '{0}'", path.display());
    }
}

/// Creates an empty file whose header carries a number (`PRAGMA application_id`).
///
/// # Errors
/// When the file can't be written.
pub fn create(path: &Path, application_id: i32) -> Result<(), DbError> {
    execute(path, &format!("PRAGMA application_id = {application_id}"))
}

/// Checks that no other connection uses a file. Only then can SQLite leave the WAL mode.
///
/// # Errors
/// When the file is in use, or is not a database.
pub fn ensure_idle(path: &Path) -> Result<(), DbError> {
    execute(path, "PRAGMA journal_mode = DELETE")
}

fn execute(path: &Path, statement: &str) -> Result<(), DbError> {
    Ok(establish(path)?.batch_execute(statement)?)
}
