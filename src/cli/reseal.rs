//! `zhuanjie reseal`: seals everything under the newest key that is sealed under an older one.

use super::options::DatabaseArgs;
use super::output::say;
use crate::clock::Clock;
use crate::config::Keys;
use crate::db::Db;
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::authority::actor::Actor;
use crate::files::Files;
use crate::security::vault::Vault;
use crate::service::jobs::wording;
use crate::service::reseal::{self, SealedTable};
use crate::service::{self, Context};
use anyhow::{Result, anyhow};
use std::path::PathBuf;

/// Runs the command: table by table in batches, each in a transaction of its own, and then the files.
///
/// # Errors
/// When something is sealed under a key that is not configured, or the database or the disk fails. Batches that were
/// committed stay committed.
pub async fn run(database: &DatabaseArgs, files: Option<PathBuf>) -> Result<()> {
    let mut config = database.config()?;
    config.files = files.unwrap_or(config.files);
    let vault = Keys::from_environment()?.vault;
    let db = Db::open(&config.database, &config.settings)?;
    for table in SealedTable::ALL {
        reseal(&db, &vault, table).await?;
    }
    let resealed = reseal_files(&Files::new(&config.files, vault.clone())).await?;
    say(&format!("files: {resealed} sealed again\n"))?;
    record(&db).await?;
    db.close().await;
    say(&format!(
        "everything is under key {}; the older ones can be removed\n",
        vault.newest()
    ))
}

async fn reseal(db: &Db, vault: &Vault, table: SealedTable) -> Result<()> {
    let (mut after, mut total) = (Some(0), 0);
    while let Some(from) = after {
        let vault = vault.clone();
        let batch = db.write(move |conn| reseal::reseal(conn, &vault, table, from)).await;
        let batch = batch.map_err(|fault: service::Error| anyhow!("{table}: {}", wording(&fault)))?;
        total += batch.changed;
        after = batch.next;
        if batch.changed > 0 || after.is_none() {
            say(&format!("{table}: {total} sealed again\n"))?;
        }
    }
    Ok(())
}

async fn reseal_files(files: &Files) -> Result<usize> {
    let mut resealed = 0;
    for name in files.names().await? {
        resealed += usize::from(files.reseal(&name).await?);
    }
    Ok(resealed)
}

async fn record(db: &Db) -> Result<()> {
    let context = Context {
        actor: Actor::system(),
        now: Clock::system().now(),
        request_id: "reseal".into(),
    };
    let recorded = db
        .write(move |conn| {
            service::audit::record(conn, &context, AuditAction::PersonalDataResealed, AuditSubject::Nothing)
        })
        .await;
    recorded.map_err(|fault| anyhow!(wording(&fault)))
}
