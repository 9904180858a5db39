//! A copy of the embedded database, taken while the server runs. It is complete, checked and on the disk before it gets
//! its name.

use crate::db::sql::maintenance;
use crate::db::{DatabaseSettings, DatabaseUrl, Db, DbError};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Only the owner may read a backup, because it holds everything the database holds.
const OWNER_ONLY: u32 = 0o600;

/// Copies an embedded database, as it is at one instant, into a new file. Writes go on meanwhile.
///
/// The copy has another name in the same directory until it is checked, so that a file with the given name is always a
/// complete backup. The uploaded files are not part of it.
///
/// # Errors
/// When the file already exists, the database is not embedded, or a step fails. No file is left behind then.
pub async fn take(database: &DatabaseUrl, to: &Path) -> Result<()> {
    if let DatabaseUrl::Postgres(_) = database {
        bail!("PostgreSQL has its own tools for backups: see docs/operations.md, Backup");
    }
    ensure!(!to.exists(), "{} exists already", to.display());
    let partial = Partial::reserve(to)?;
    let db = open(database)?;
    let copied = db.copy_to(&partial.0).await;
    db.close().await;
    copied.context("copying")?;
    check(&partial.0).await?;
    File::open(&partial.0)?.sync_all()?;
    // Fails if the file was created meanwhile. A rename would replace it.
    fs::hard_link(&partial.0, to).with_context(|| format!("giving the backup its name {}", to.display()))?;
    drop(partial);
    Ok(File::open(directory(to))?.sync_all()?)
}

/// An unfinished copy. Dropping it removes its file.
struct Partial(PathBuf);

impl Partial {
    fn reserve(to: &Path) -> Result<Self> {
        let mut name: OsString = to.as_os_str().to_owned();
        name.push(".partial");
        let path = PathBuf::from(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&path)
            .with_context(|| format!("{}: another backup, or one that was broken off", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.as_os_str().to_owned();
            name.push(suffix);
            let _ = fs::remove_file(PathBuf::from(name));
        }
    }
}

fn directory(of: &Path) -> &Path {
    match of.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn open(database: &DatabaseUrl) -> Result<Db> {
    let settings = DatabaseSettings {
        pool_size: 1,
        ..DatabaseSettings::default()
    };
    Ok(Db::open(database, &settings)?)
}

/// Reads every page of the copy with the engine that will serve it.
async fn check(copy: &Path) -> Result<()> {
    let db = open(&DatabaseUrl::Sqlite(copy.to_owned()))?;
    let unsound = db
        .survey::<_, DbError, _>(|conn| Ok(maintenance::integrity_errors(conn)?))
        .await
        .context("checking the copy")?;
    db.close().await;
    ensure!(unsound.is_empty(), "the copy is not sound: {}", unsound.join("; "));
    Ok(())
}
