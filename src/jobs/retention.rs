//! Deletes records and personal data after their retention period, and files that no row refers to (S-29).

use super::job::{HOUR, Job};
use super::run::{Interrupted, JobContext, LeasedRun};
use crate::db::Conn;
use crate::service::jobs::{Batch, JobName};
use crate::service::retention::{self, RecordKind};
use crate::service::{Error, Result};
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

    /// Removes files without a row once they are a day old. A server that was killed after storing a file and before
    /// storing its row leaves such a file.
    async fn after(run: &LeasedRun<'_>) -> std::result::Result<(), Interrupted> {
        let Some(files) = &run.environment.files else {
            return Ok(());
        };
        files.sweep().await.map_err(unreadable)?;
        for names in files.settled().await.map_err(unreadable)?.chunks(FILES) {
            let names = names.to_vec();
            let orphans = run
                .transaction(move |conn, context| retention::orphans(conn, &context.service, &names))
                .await?;
            for orphan in &orphans {
                files.remove(orphan).await;
            }
        }
        Ok(())
    }
}

fn unreadable(error: io::Error) -> Interrupted {
    log::error!("the directory of files can't be read: {error}");
    Error::Corrupt("the directory of files can't be read").into()
}
