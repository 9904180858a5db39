//! The trait that every job implements.

use super::run::{Environment, Interrupted, JobContext, LeasedRun};
use crate::db::Conn;
use crate::service::Result;
use crate::service::jobs::{Batch, JobName, Tally};
use std::future::{Future, ready};
use std::time::Duration;

/// The interval of a job that is not urgent.
pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// Work that the service does without a request, in batches.
pub trait Job: 'static {
    /// The job's name in its lease, its record, its audit entries, the command line and `GET /v1/jobs`.
    const NAME: JobName;
    /// How often a server runs it.
    const EVERY: Duration;
    /// Where a batch begins. It lasts for one run: the next run begins at the default.
    type Cursor: Default + Clone + Send + 'static;

    /// Works on at most `size` rows after a cursor, in one transaction. It looks for what is due at
    /// `context.service.now`, so a second run finds only what is left. The transaction may be retried.
    ///
    /// # Errors
    /// When the database fails. The run then ends and records why.
    fn batch(conn: &mut Conn, context: &JobContext, cursor: Self::Cursor, size: i64) -> Result<Batch<Self::Cursor>>;

    /// What the rows of a batch are, for an operator who asks what a run would do.
    fn part(_: &Self::Cursor) -> &'static str {
        "rows"
    }

    /// Does what is left after the last batch and belongs in no transaction, such as removing files.
    ///
    /// # Errors
    /// When the work fails or the lease is lost.
    fn after(_: &LeasedRun<'_>) -> impl Future<Output = std::result::Result<(), Interrupted>> + Send {
        ready(Ok(()))
    }

    /// What [`Job::after`] would do: kinds of things and how many of each.
    ///
    /// # Errors
    /// When the database or the disk fails.
    fn rehearse_after(_: &Environment) -> impl Future<Output = Result<Vec<(&'static str, Tally)>>> + Send {
        ready(Ok(Vec::new()))
    }
}
