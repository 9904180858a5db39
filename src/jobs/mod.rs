//! What the service does by itself: named jobs, each safe at any hour, after any sleep, twice, and on several servers.
//!
//! A job works in batches, each one use case of its own: it looks for what is due, so running it again finds nothing
//! more. A lease in the database lets one server at a time run it; the lease is renewed in each batch's own transaction,
//! so a server that slept through its lease writes nothing more.

mod timer;

pub use timer::{DEFAULT_INTERVAL, start as start_timer};

use crate::clock::{Clock, tick};
use crate::db::{Conn, Db};
use crate::domain::authority::actor::Actor;
use crate::domain::core::time::Timestamp;
use crate::files::Folder;
use crate::security;
use crate::service::jobs::{self, Batch, Job, Run};
use crate::service::retention::{self, Retention};
use crate::service::{self, Context, audit, graduation, transfers};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How many rows the first batch, that is one transaction, works on.
const BATCH: i64 = 200;
/// How few and how many rows one may work on: SQLite binds no more than 32,766 values at once.
const SIZES: RangeInclusive<i64> = 100..=2400;
/// How long a batch is to take: everybody else who writes to the embedded database waits for it.
const BEAT: Duration = Duration::from_millis(15);
/// The same on PostgreSQL, where only who wants the same rows waits.
const LONG_BEAT: Duration = Duration::from_millis(100);

/// How many rows the next batch works on, after one of a size that took so long: as many as fit into a beat, since what a
/// transaction costs, and each page it touches, is paid once for all its rows. At most twice as many as before, at least
/// half of them.
fn next_size(size: i64, took: Duration, beat: Duration) -> i64 {
    let fitting = size as f64 * beat.as_secs_f64() / took.as_secs_f64().max(f64::EPSILON);
    (fitting as i64)
        .clamp(size / 2, size * 2)
        .clamp(*SIZES.start(), *SIZES.end())
}

/// How a job works. It looks for what is due, so that a second run, a late one or one that goes on after a crash finds only
/// what is left.
fn work(conn: &mut Conn, context: &Context, task: &JobRequest, after: i64, size: i64) -> service::Result<Batch> {
    match task.job {
        Job::YearlySwitch => graduation::switch(conn, context, after, size),
        Job::Expiry => transfers::expire(conn, context, after, size),
        Job::Escalation => transfers::escalate(conn, context, after, size),
        Job::AuditSeal => audit::seal(conn, context, after, size),
        Job::Retention => retention::forget(conn, context, &task.kept, after, size),
    }
}

/// A job to be run for an instant, with what it goes by.
#[derive(Debug, Clone, Copy)]
pub struct JobRequest {
    /// Which one.
    pub job: Job,
    /// For when.
    pub at: Timestamp,
    /// How long records are kept.
    pub kept: Retention,
}

impl JobRequest {
    /// With the times records are kept by default.
    pub fn new(job: Job, at: Timestamp) -> Self {
        let kept = Retention::default();
        Self { job, at, kept }
    }
}

/// How a run of a job ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// It did what there was to do.
    Done(Run),
    /// Another server holds the lease, or took it while this one slept.
    Elsewhere,
}

/// Runs a job for an instant, batch after batch, until nothing is left.
///
/// # Errors
/// When the database fails; the run's record says so, and the next run goes on where this one ended.
pub async fn run(db: &Db, clock: &Clock, job: Job, at: Timestamp) -> service::Result<Ending> {
    run_task(db, clock, JobRequest::new(job, at)).await
}

/// The same for a task of one's own making.
///
/// # Errors
/// As [`run`].
pub async fn run_task(db: &Db, clock: &Clock, task: JobRequest) -> service::Result<Ending> {
    run_with_files(db, clock, task, None).await
}

/// The same where the directory of uploaded files is at hand: retention then removes what nothing there refers to, which is
/// what a server that was killed between a file and its row left.
///
/// # Errors
/// As [`run`]; when the directory can't be read.
pub async fn run_with_files(
    db: &Db,
    clock: &Clock,
    task: JobRequest,
    files: Option<&Folder>,
) -> service::Result<Ending> {
    let JobRequest { job, at, .. } = task;
    let db = &db.patient();
    let holder = security::random_text();
    let (now, me) = (clock.now(), holder.clone());
    let begun = db.write(move |conn| jobs::begin(conn, job, &me, at, now)).await?;
    let Some(run) = begun else {
        return Ok(Ending::Elsewhere);
    };
    let mut worked = batches(db, clock, task, run, &holder).await;
    if let (Job::Retention, Ok(true), Some(files)) = (job, &worked, files) {
        worked = sweep(db, clock, task, run, &holder, files).await;
    }
    let problem = match &worked {
        Ok(true) => None,
        Ok(false) => Some("the lease was lost".to_owned()),
        Err(fault) => Some(jobs::wording(fault)),
    };
    let now = clock.now();
    let done = db
        .write(move |conn| jobs::finish(conn, run, &holder, problem.as_deref(), now))
        .await?;
    Ok(if worked? { Ending::Done(done) } else { Ending::Elsewhere })
}

/// Works until nothing is left; `false` if the lease was lost on the way.
async fn batches(db: &Db, clock: &Clock, task: JobRequest, run: i64, holder: &str) -> service::Result<bool> {
    let beat = if db.is_embedded() { BEAT } else { LONG_BEAT };
    let (mut cursor, mut size) = (Some(0), BATCH);
    while let Some(after) = cursor {
        let begun = tick();
        let (now, holder) = (clock.now(), holder.to_owned());
        let done = db
            .write(move |conn| batch(conn, task, run, &holder, now, (after, size)))
            .await?;
        size = next_size(size, begun.elapsed(), beat);
        match done {
            Some(done) => cursor = done.next,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Removes files that nothing refers to; `false` if the lease was lost on the way.
async fn sweep(
    db: &Db,
    clock: &Clock,
    task: JobRequest,
    run: i64,
    holder: &str,
    files: &Folder,
) -> service::Result<bool> {
    let unread = |error| {
        log::error!("the directory of files can't be swept: {error}");
        service::Error::Corrupt("the directory of files can't be swept")
    };
    files.sweep().await.map_err(unread)?;
    let names = files.settled().await.map_err(unread)?;
    for names in names.chunks(BATCH as usize) {
        let (now, holder, names) = (clock.now(), holder.to_owned(), names.to_vec());
        let found = db
            .write(move |conn| orphans(conn, task, run, &holder, now, &names))
            .await?;
        let Some(orphans) = found else { return Ok(false) };
        for orphan in &orphans {
            files.remove(orphan).await;
        }
    }
    Ok(true)
}

/// Those of some files that nothing refers to, with their record, under the lease.
fn orphans(
    conn: &mut Conn,
    task: JobRequest,
    run: i64,
    holder: &str,
    now: Timestamp,
    names: &[String],
) -> service::Result<Option<Vec<String>>> {
    if !jobs::renew(conn, task.job, holder, now)? {
        return Ok(None);
    }
    let orphans = retention::orphans(conn, &context(task, run), names)?;
    let done = Batch {
        processed: i64::try_from(orphans.len()).unwrap_or(i64::MAX),
        failed: 0,
        next: None,
    };
    jobs::count(conn, run, &done)?;
    Ok(Some(orphans))
}

fn context(task: JobRequest, run: i64) -> Context {
    Context {
        actor: Actor::system(),
        now: task.at,
        request_id: format!("{}/{run}", task.job),
    }
}

/// One batch, behind a key and of a size, with its record, under the lease.
fn batch(
    conn: &mut Conn,
    task: JobRequest,
    run: i64,
    holder: &str,
    now: Timestamp,
    (after, size): (i64, i64),
) -> service::Result<Option<Batch>> {
    if !jobs::renew(conn, task.job, holder, now)? {
        return Ok(None);
    }
    let done = work(conn, &context(task, run), &task, after, size)?;
    jobs::count(conn, run, &done)?;
    Ok(Some(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_grows_while_it_is_quick_and_shrinks_when_others_wait_for_it() {
        assert_eq!(next_size(200, BEAT / 9, BEAT), 400);
        assert_eq!(next_size(300, BEAT, BEAT), 300);
        assert_eq!(next_size(600, BEAT * 2, BEAT), 300);
        assert_eq!(next_size(600, BEAT * 9, BEAT), 300);
        assert_eq!(
            (next_size(2400, Duration::ZERO, BEAT), next_size(100, BEAT * 9, BEAT)),
            (2400, 100)
        );
    }
}
