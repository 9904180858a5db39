//! Deletes records and personal data after their retention period, and clears away files that no row refers to (S-29).

use super::job::{HOUR, Job};
use super::run::{Environment, Interrupted, JobContext, LeasedRun};
use crate::db::Conn;
use crate::domain::audit::AuditAction;
use crate::domain::retention::files_at_once;
use crate::files::Folder;
use crate::service::jobs::{self, Batch, JobName, Tally};
use crate::service::retention::{self, RecordKind};
use crate::service::{Error, Result};
use std::collections::HashSet;
use std::io;
use std::time::Duration;

/// The number of files that are checked in one transaction.
const FILES: usize = 200;

pub struct Retention;

impl Job for Retention {
    const NAME: JobName = JobName::Retention;
    const EVERY: Duration = HOUR;
    type Cursor = RecordKind;

    fn batch(conn: &mut Conn, context: &JobContext, cursor: RecordKind, size: i64) -> Result<Batch<RecordKind>> {
        retention::delete(conn, &context.service, &context.retention, cursor, size)
    }

    fn part(cursor: &RecordKind) -> &'static str {
        cursor.name()
    }

    /// Puts files without a row into the bin once they are a day old, and deletes what has been in the bin for a month. A
    /// server that was killed after storing a file and before storing its row leaves such a file. A file in the bin to
    /// which a row refers is put back. An older copy of the database does not know all rows, so it touches no file.
    async fn after(run: &LeasedRun<'_>) -> std::result::Result<(), Interrupted> {
        let Some(files) = &run.environment.files else {
            return Ok(());
        };
        let plan = FilePlan::of(run.environment, files).await?;
        if plan.refusal == Some(FileRefusal::OlderCopy) {
            return Err(FileRefusal::OlderCopy.fault().into());
        }
        files.set_stamp(&run.stamp()).await.map_err(unreadable)?;
        files.sweep().await.map_err(unreadable)?;
        for name in &plan.needed {
            files.restore(name).await.map_err(unreadable)?;
        }
        if !plan.needed.is_empty() {
            log::warn!(
                "{} files were in the bin though a row refers to them; they are back",
                plan.needed.len()
            );
        }
        for names in plan.outdated.chunks(FILES) {
            for name in record(run, AuditAction::UnusedFilesDeleted, names).await? {
                files.delete(&name).await.map_err(unreadable)?;
            }
        }
        if let Some(refusal) = plan.refusal {
            return Err(refusal.fault().into());
        }
        for names in plan.unused.chunks(FILES) {
            for name in record(run, AuditAction::UnusedFilesBinned, names).await? {
                files.bin(&name).await.map_err(unreadable)?;
            }
        }
        Ok(())
    }

    async fn rehearse_after(environment: &Environment) -> Result<Vec<(&'static str, Tally)>> {
        let Some(files) = &environment.files else {
            return Ok(Vec::new());
        };
        let plan = FilePlan::of(environment, files).await?;
        let tally = |names: &[String], is_refused| match (is_refused, Tally::of(names.len())) {
            (false, tally) => tally,
            (true, tally) => Tally {
                processed: 0,
                failed: tally.processed,
            },
        };
        let is_older = plan.refusal == Some(FileRefusal::OlderCopy);
        Ok(vec![
            ("files in the bin that a row refers to", tally(&plan.needed, is_older)),
            (
                "files that were in the bin for a month",
                tally(&plan.outdated, is_older),
            ),
            (
                "files without a row, into the bin",
                tally(&plan.unused, plan.refusal.is_some()),
            ),
        ])
    }
}

/// Why files stay where they are, unless an operator confirms the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileRefusal {
    /// The folder was cleared by a run that this database does not know.
    OlderCopy,
    /// More files have no row than one run may take away.
    TooMany,
}

impl FileRefusal {
    fn fault(self) -> Error {
        Error::Corrupt(match self {
            Self::OlderCopy => {
                "this database is an older copy of the one that last cleared the folder of files; no file was touched. \
                 If the copy has taken its place, run the job once with --yes"
            }
            Self::TooMany => {
                "more files have no row than one run may put into the bin; none was moved. If they are not in use, run \
                 the job with --yes, which moves a twentieth of all files at a time"
            }
        })
    }
}

/// What is to be done in the folder of files.
struct FilePlan {
    /// Files in the bin to which a row refers.
    needed: Vec<String>,
    /// Files that have been in the bin for a month.
    outdated: Vec<String>,
    /// Files outside of the bin to which no row refers.
    unused: Vec<String>,
    /// Why they stay where they are.
    refusal: Option<FileRefusal>,
}

impl FilePlan {
    async fn of(environment: &Environment, files: &Folder) -> Result<Self> {
        files.check().await.map_err(unreadable)?;
        let (binned, settled) = (files.binned().await, files.settled().await);
        let binned = binned.map_err(unreadable)?;
        let unused_in_bin: HashSet<String> = unused(environment, &binned).await?.into_iter().collect();
        let mut unused = unused(environment, &settled.map_err(unreadable)?).await?;
        let outdated = files.outdated().await.map_err(unreadable)?;
        let at_once = files_at_once(files.names().await.map_err(unreadable)?.len());
        let is_older = match files.stamp().await.map_err(unreadable)? {
            Some(stamp) => !environment.db.read(move |conn| jobs::is_known(conn, &stamp)).await?,
            None => false,
        };
        let refusal = match environment.is_confirmed {
            true => None,
            false if is_older => Some(FileRefusal::OlderCopy),
            false => (unused.len() > at_once).then_some(FileRefusal::TooMany),
        };
        if environment.is_confirmed {
            unused.truncate(at_once);
        }
        Ok(Self {
            needed: binned
                .into_iter()
                .filter(|name| !unused_in_bin.contains(name))
                .collect(),
            outdated: outdated
                .into_iter()
                .filter(|name| unused_in_bin.contains(name))
                .collect(),
            unused,
            refusal,
        })
    }
}

async fn unused(environment: &Environment, names: &[String]) -> Result<Vec<String>> {
    let mut unused = Vec::new();
    for names in names.chunks(FILES) {
        let names = names.to_vec();
        let found = environment.db.read(move |conn| retention::unused(conn, &names)).await;
        unused.append(&mut found?);
    }
    Ok(unused)
}

/// Records what is about to be done to some files. Returns those to which still no row refers.
async fn record(
    run: &LeasedRun<'_>,
    action: AuditAction,
    names: &[String],
) -> std::result::Result<Vec<String>, Interrupted> {
    let names = names.to_vec();
    run.transaction(move |conn, context| retention::record_unused(conn, &context.service, action, &names))
        .await
}

fn unreadable(error: io::Error) -> Error {
    log::error!("{error}");
    Error::Corrupt("the folder of files can't be used; the log says why")
}
