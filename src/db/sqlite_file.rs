//! An SQLite file that is not open as the database. The demo marks the files that it creates, and replaces only those.

use super::DbError;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use std::path::Path;

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
    let mut conn =
        SqliteConnection::establish(&path.to_string_lossy()).map_err(|e| DbError::Unavailable(e.to_string()))?;
    Ok(conn.batch_execute(statement)?)
}
