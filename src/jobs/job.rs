//! What a job is.

use super::run::{Interrupted, JobContext, LeasedRun};
use crate::db::Conn;
use crate::service::Result;
use crate::service::jobs::{Batch, JobName};
use std::future::{Future, ready};
use std::time::Duration;

/// The interval of a job that nobody waits for.
pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// Work that the service does without a request, in batches.
pub trait Job: 'static {
    /// Its name: for its lease, its record, its audit rows, the command line and `GET /v1/jobs`.
    const NAME: JobName;
    /// How often a serving process runs it.
    const EVERY: Duration;
    /// Where a batch begins. It lives as long as the run: the next run begins at the default.
    type Cursor: Default + Clone + Send + 'static;

    /// Works on at most `size` rows from a cursor on, in one transaction. It looks for what is due at `context.service.now`,
    /// so a second run finds only what is left. The transaction may be tried again.
    ///
    /// # Errors
    /// When the database fails. The run then ends and records why.
    fn batch(conn: &mut Conn, context: &JobContext, cursor: Self::Cursor, size: i64) -> Result<Batch<Self::Cursor>>;

    /// What is left to do outside of a transaction, such as removing files, after the last batch.
    ///
    /// # Errors
    /// When it fails, or the lease is lost.
    fn after(_: &LeasedRun<'_>) -> impl Future<Output = std::result::Result<(), Interrupted>> + Send {
        ready(Ok(()))
    }
}
