//! What the service does by itself: named jobs, each safe at any hour, after any sleep, twice, and on several servers.
//!
//! A job works in batches, each one use case of its own: it looks for what is due, so running it again finds nothing
//! more. A lease in the database lets one server at a time run it; the lease is renewed in each batch's own transaction,
//! so a server that slept through its lease writes nothing more.

mod timer;

pub use timer::{DEFAULT_INTERVAL, start as start_timer};

use crate::clock::Clock;
use crate::db::{Conn, Db};
use crate::domain::actor::Actor;
use crate::domain::time::Timestamp;
use crate::security;
use crate::service::jobs::{self, Batch, Job, Run, Work};
use crate::service::{self, Context, graduation, transfers};

/// How many rows one batch, that is one transaction, works on.
const BATCH: i64 = 200;

/// How a job works. It looks for what is due, so that a second run, a late one or one that goes on after a crash finds only
/// what is left.
fn work(job: Job) -> Work {
    match job {
        Job::YearlySwitch => graduation::switch,
        Job::Expiry => transfers::expire,
        Job::Escalation => transfers::escalate,
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
    let db = &db.patient();
    let holder = security::random_text();
    let (now, me) = (clock.now(), holder.clone());
    let begun = db.write(move |conn| jobs::begin(conn, job, &me, at, now)).await?;
    let Some(run) = begun else {
        return Ok(Ending::Elsewhere);
    };
    let worked = batches(db, clock, job, run, &holder, at).await;
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
async fn batches(db: &Db, clock: &Clock, job: Job, run: i64, holder: &str, at: Timestamp) -> service::Result<bool> {
    let mut cursor = Some(0);
    while let Some(after) = cursor {
        let (now, holder) = (clock.now(), holder.to_owned());
        let done = db
            .write(move |conn| batch(conn, job, run, &holder, at, now, after))
            .await?;
        match done {
            Some(done) => cursor = done.next,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// One batch with its record, under the lease.
fn batch(
    conn: &mut Conn,
    job: Job,
    run: i64,
    holder: &str,
    at: Timestamp,
    now: Timestamp,
    after: i64,
) -> service::Result<Option<Batch>> {
    if !jobs::renew(conn, job, holder, now)? {
        return Ok(None);
    }
    let context = Context {
        actor: Actor::system(),
        now: at,
        request_id: format!("{job}/{run}"),
    };
    let done = work(job)(conn, &context, after, BATCH)?;
    jobs::count(conn, run, &done)?;
    Ok(Some(done))
}
