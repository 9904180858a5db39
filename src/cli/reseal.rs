//! `zhuanjie reseal`: seals everything under the newest key that is sealed under an older one.

use super::forms::FormPages;
use super::options::{DatabaseArgs, FilesArgs};
use super::output::say;
use crate::app::folder_of;
use crate::clock::Clock;
use crate::config::Keys;
use crate::db::Db;
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::authority::actor::Actor;
use crate::files::{FileFault, FileRecord, Files};
use crate::security::vault::Vault;
use crate::service::jobs::wording;
use crate::service::reseal::{self, SealedTable};
use crate::service::{self, Context};
use anyhow::{Result, anyhow, ensure};

/// Runs the command: table by table in batches, each in a transaction of its own, and then the files.
///
/// # Errors
/// When something is sealed under a key that is not configured, or the database or the disk fails. Batches that were
/// committed stay committed.
pub async fn run(database: &DatabaseArgs, files: FilesArgs) -> Result<()> {
    let config = files.apply(database.config()?);
    let vault = Keys::from_environment()?.vault;
    let db = Db::open(&config.database, &config.settings)?;
    for table in SealedTable::ALL {
        reseal(&db, &vault, table).await?;
    }
    let files = Files::new(folder_of(&db, &config).await?, vault.clone());
    files.folder().check().await?;
    let (resealed, unreadable) = reseal_files(&db, &files).await?;
    say(&format!("files: {resealed} sealed again\n"))?;
    record(&db).await?;
    db.close().await;
    ensure!(
        unreadable == 0,
        "{unreadable} files can't be sealed again; `verify --files` names them"
    );
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

/// Seals the file of every form again. Returns how many were sealed and how many could not be read.
async fn reseal_files(db: &Db, files: &Files) -> Result<(usize, usize)> {
    let (mut resealed, mut unreadable) = (0, 0);
    let mut forms = FormPages::new(db);
    while let Some(page) = forms.next().await? {
        for form in page {
            match files.reseal(&FileRecord::from(&form)).await {
                Ok(is_new) => resealed += usize::from(is_new),
                Err(FileFault::Disk(error)) => return Err(error.into()),
                Err(fault) => {
                    log::error!("form {}: {fault}", form.id);
                    unreadable += 1;
                }
            }
        }
    }
    Ok((resealed, unreadable))
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
