//! What all jobs share: the lease, the record of runs, and batches that go on when one row fails.

use super::{Error, Result, may};
use crate::db::{Conn, DbError, Retryable};
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{Action, Object};
use crate::domain::core::time::Timestamp;
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::job::{ImplausibleInstant, check_instant};
use crate::domain::retention::RunningTime;
pub use crate::repository::jobs::Run;
use crate::repository::{audit, jobs};
use chrono::TimeDelta;
use std::fmt::Debug;

/// How long a lease lasts without a renewal. It is longer than any batch takes.
pub const LEASE: TimeDelta = TimeDelta::minutes(2);
/// The number of latest runs that are shown for a job.
const RUNS_SHOWN: i64 = 10;
/// The number of runs that are read at a time to find how long the service ran: about forty days.
const STARTS: i64 = 1000;

vocabulary! {
    /// The name of a job. A job is work that the service does without a request.
    JobName {
        YearlySwitch = "yearly-switch", "年度切换：到期团支部变更为毕业生团组织（G6）", "turns marked branches into graduate branches when their time has come (G6)";
        Expiry = "expiry", "超时终止：超过期限未审批的申请自动终止、退回（A6）", "ends cases that waited too long for an approval (A6)";
        Escalation = "escalation", "分配催办：逾期未分配团支部的，同时提交直属上级（A6）", "puts late assignments into the direct superior's inbox too (A6)";
        AuditSeal = "audit-seal", "审计封存：将新的审计记录纳入哈希链", "adds new rows of the audit log to the hash chain";
        Retention = "retention", "到期清理：删除超过保存期限的记录、个人信息和无引用的文件", "deletes records and personal data past their retention period, and files without a reference";
    }
}

/// The result of one batch of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<C> {
    /// The number of rows it worked on.
    pub tally: Tally,
    /// Where the next batch begins. `None` when nothing is left.
    pub next: Option<C>,
}

impl<C> Batch<C> {
    /// A batch that found `found` rows of at most `limit`. If it is full, more may follow, and the next batch begins at
    /// `next`.
    pub fn of(found: usize, limit: i64, tally: Tally, next: C) -> Self {
        let is_full = i64::try_from(found).is_ok_and(|found| found >= limit);
        Self {
            tally,
            next: is_full.then_some(next),
        }
    }
}

/// The number of rows that succeeded and the number that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows that were changed.
    pub processed: i64,
    /// Rows that could not be changed.
    pub failed: i64,
}

impl Tally {
    /// A tally of rows that all succeeded.
    pub fn of(processed: usize) -> Self {
        let processed = i64::try_from(processed).unwrap_or(i64::MAX);
        Self { processed, failed: 0 }
    }

    /// The sum of two tallies.
    pub fn plus(self, other: Self) -> Self {
        Self {
            processed: self.processed + other.processed,
            failed: self.failed + other.failed,
        }
    }
}

/// Works on all rows at once, which is many times faster. If that fails because of a row, it works on them one by one
/// as [`each`] does. `all` returns how many it changed.
///
/// # Errors
/// Those of [`each`].
pub fn together<I: Debug + Copy>(
    conn: &mut Conn,
    rows: &[I],
    all: impl FnOnce(&mut Conn, &[I]) -> Result<usize>,
    one: impl Fn(&mut Conn, I) -> Result<bool>,
) -> Result<Tally> {
    match conn.savepoint(|conn| all(conn, rows)) {
        Ok(changed) => Ok(Tally::of(changed)),
        Err(fault) if concerns_all(&fault) => Err(fault),
        Err(fault) => {
            log::warn!(
                "the batch failed as a whole, so its rows run one by one: {}",
                wording(&fault)
            );
            each(conn, rows.iter().copied(), one)
        }
    }
}

/// Works on each row in its own savepoint. A row that fails is logged by its id and counted, and the others go on.
/// `work` returns whether it changed anything.
///
/// # Errors
/// When the database itself is at fault. The whole batch must then be tried again.
pub fn each<I: Debug + Copy>(
    conn: &mut Conn,
    rows: impl IntoIterator<Item = I>,
    work: impl Fn(&mut Conn, I) -> Result<bool>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    for row in rows {
        match conn.savepoint(|conn| work(conn, row)) {
            Ok(changed) => tally.processed += i64::from(changed),
            Err(fault) if concerns_all(&fault) => return Err(fault),
            Err(fault) => {
                tally.failed += 1;
                log::error!("{row:?} failed: {}", wording(&fault));
            }
        }
    }
    Ok(tally)
}

/// Whether the fault concerns every row: the database's, not one row's.
fn concerns_all(fault: &Error) -> bool {
    match fault {
        Error::Database(DbError::Query(_)) => fault.is_retryable(),
        Error::Database(_) => true,
        Error::Refused(_) | Error::Corrupt(_) => false,
    }
}

/// A fault as text for the log and the run's record: codes and the database's message, without personal data.
pub fn wording(fault: &Error) -> String {
    match fault {
        Error::Refused(refusals) => {
            let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code.name()).collect();
            codes.join(", ")
        }
        Error::Database(DbError::Query(diesel::result::Error::DatabaseError(kind, _))) => format!("{kind:?}"),
        Error::Database(fault) => fault.to_string(),
        Error::Corrupt(what) => (*what).to_owned(),
    }
}

/// Takes the job's lease and stores that a run has begun. `None` while another server has the lease.
///
/// # Errors
/// When the database fails.
pub fn begin(conn: &mut Conn, job: JobName, holder: &str, at: Timestamp, now: Timestamp) -> Result<Option<i64>> {
    if !renew(conn, job, holder, now)? {
        return Ok(None);
    }
    Ok(Some(jobs::begin(conn, job.as_str(), at, now)?))
}

/// Renews the lease from now on. `false` if another server has taken it meanwhile.
///
/// # Errors
/// When the database fails.
pub fn renew(conn: &mut Conn, job: JobName, holder: &str, now: Timestamp) -> Result<bool> {
    Ok(jobs::lease(conn, job.as_str(), holder, now, now + LEASE, now + LEASE)?)
}

/// Adds a batch to its run's record.
///
/// # Errors
/// When the database fails.
pub fn count(conn: &mut Conn, run: i64, tally: Tally) -> Result<()> {
    Ok(jobs::count(conn, run, tally.processed, tally.failed)?)
}

/// Ends a run, releases the lease and returns the run.
///
/// # Errors
/// When the database fails.
pub fn finish(conn: &mut Conn, run: i64, holder: &str, problem: Option<&str>, now: Timestamp) -> Result<Run> {
    jobs::finish(conn, run, problem, now)?;
    let done = jobs::run(conn, run)?.ok_or(Error::Corrupt("a job run is not recorded"))?;
    jobs::release(conn, &done.name, holder)?;
    Ok(done)
}

/// Why a job should not run for an instant, if it should not. `clock` is what the machine's clock says.
///
/// # Errors
/// When the database fails.
pub fn doubt(conn: &mut Conn, at: Timestamp, clock: Timestamp) -> Result<Option<ImplausibleInstant>> {
    Ok(check_instant(at, clock, audit::newest(conn)?).err())
}

/// The instant since which the service has run for as long as the audit log must be kept, by the runs that sealed the
/// log. `None` if it has not run for so long.
///
/// # Errors
/// When the database fails.
pub fn ran_since(conn: &mut Conn) -> Result<Option<Timestamp>> {
    let (mut time, mut before) = (RunningTime::default(), i64::MAX);
    loop {
        let starts = jobs::starts(conn, JobName::AuditSeal.as_str(), before, STARTS)?;
        let Some(&(oldest, _)) = starts.last() else {
            return Ok(None);
        };
        before = oldest;
        if let Some((_, since)) = starts.into_iter().find(|&(_, start)| time.has_floor_since(start)) {
            return Ok(Some(since));
        }
    }
}

/// A text for a run, to be kept outside of the database.
pub fn stamp(run: i64, started_at: Timestamp) -> String {
    format!("{run} {}", started_at.timestamp_micros())
}

/// Whether the run with a stamp is on record here. It is not in a copy of the database that was taken before the run.
///
/// # Errors
/// When the database fails.
pub fn is_known(conn: &mut Conn, text: &str) -> Result<bool> {
    let id = text.split(' ').next().and_then(|id| id.parse().ok());
    let run = id.map(|id| jobs::run(conn, id)).transpose()?.flatten();
    Ok(run.is_some_and(|run| stamp(run.id, run.started_at.into()) == text))
}

/// The instant at which a job's latest run began.
///
/// # Errors
/// When the database fails.
pub fn last_begun(conn: &mut Conn, job: JobName) -> Result<Option<Timestamp>> {
    Ok(jobs::last(conn, job.as_str(), 1)?
        .first()
        .map(|run| run.started_at.into()))
}

/// The last runs of each job, newest first.
///
/// # Errors
/// `job.not_allowed` for callers other than the nation's own administrators.
pub fn overview(conn: &mut Conn, actor: &Actor) -> Result<Vec<(JobName, Vec<Run>)>> {
    may(actor, Action::ReadJobs, Object::Nation)?;
    let runs = |&job: &JobName| Ok((job, jobs::last(conn, job.as_str(), RUNS_SHOWN)?));
    JobName::ALL.iter().map(runs).collect()
}
