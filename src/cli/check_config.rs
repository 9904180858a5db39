//! `zhuanjie check-config`: checks what `serve` would be started with, and changes nothing.

use super::output::say;
use super::serve::ServeArgs;
use crate::api;
use crate::config::{Config, Keys};
use crate::db::{DatabaseUrl, Db, DbError};
use anyhow::{Context, Result, ensure};
use std::path::Path;

/// Checks everything and prints a line for each part. It shows no key and no password.
///
/// # Errors
/// When something is wrong.
pub async fn run(args: &ServeArgs) -> Result<()> {
    let mut report = ConfigReport::default();
    let config = report.add("values", args.config())?;
    report.add("keys", Keys::for_service())?;
    report.add(
        "origins and certificate",
        api::check(&args.settings).map_err(Into::into),
    )?;
    report.add("addresses", addresses(args))?;
    if let Some(config) = config {
        report.add("folder of files", folder(&config.files))?;
        report.add("database", database(&config).await)?;
    }
    ensure!(
        report.wrong == 0,
        "{} of {} parts are wrong",
        report.wrong,
        report.checked
    );
    Ok(())
}

/// What was checked so far.
#[derive(Default)]
struct ConfigReport {
    checked: usize,
    wrong: usize,
}

impl ConfigReport {
    /// Prints the outcome of one part, and returns what it gave.
    fn add<T>(&mut self, part: &str, outcome: Result<T>) -> Result<Option<T>> {
        self.checked += 1;
        match outcome {
            Ok(found) => {
                say(&format!("ok     {part}\n"))?;
                Ok(Some(found))
            }
            Err(error) => {
                self.wrong += 1;
                say(&format!("WRONG  {part}: {error:#}\n"))?;
                Ok(None)
            }
        }
    }
}

fn addresses(args: &ServeArgs) -> Result<()> {
    ensure!(
        args.admin_listen != Some(args.listen),
        "ZHUANJIE_ADMIN_LISTEN and ZHUANJIE_LISTEN are the same"
    );
    Ok(())
}

/// A folder can be written to: the one at the path, or the nearest above in which it would be made.
fn folder(path: &Path) -> Result<()> {
    let nearest = path.ancestors().find(|folder| folder.exists());
    writable(nearest.unwrap_or(Path::new(".")))
}

fn writable(folder: &Path) -> Result<()> {
    let metadata = folder.metadata().with_context(|| folder.display().to_string())?;
    ensure!(metadata.is_dir(), "{} is no folder", folder.display());
    ensure!(
        !metadata.permissions().readonly(),
        "{} can't be written to",
        folder.display()
    );
    Ok(())
}

/// The database answers. An embedded one that does not exist yet would be created.
async fn database(config: &Config) -> Result<()> {
    if let DatabaseUrl::Sqlite(path) = &config.database
        && !path.exists()
    {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        return writable(parent.unwrap_or(Path::new(".")));
    }
    let db = Db::open(&config.database, &config.settings)?;
    let answer = db.read::<_, DbError, _>(|_| Ok(())).await;
    db.close().await;
    Ok(answer?)
}
