//! The state of the service as its database shows it: how each job is doing, and how old the oldest entry of the audit
//! log is that is not sealed. For those who operate the service.

use super::Result;
use super::jobs::JobName;
use crate::db::Conn;
use crate::domain::core::time::Timestamp;
use crate::repository::{audit, jobs};
use chrono::TimeDelta;
use serde::Serialize;
use std::time::Duration;

/// How many of a job's latest runs are looked at. If all of them failed, the time of the last success is not known.
const RUNS: i64 = 10;
/// A job is late when it has not succeeded for so many of its intervals and [`GRACE`].
const LATE: u32 = 2;
const GRACE: Duration = Duration::from_secs(60);

/// The state of the service.
#[derive(Debug)]
pub struct ServiceStatus {
    pub jobs: Vec<JobStatus>,
    /// When the oldest entry was written that is not sealed.
    pub unsealed_since: Option<Timestamp>,
}

/// How a job is doing.
#[derive(Debug, Clone)]
pub struct JobStatus {
    pub name: JobName,
    /// When the last run without a failure began.
    pub succeeded_at: Option<Timestamp>,
    /// Whether the last run that ended failed, in whole or for some rows.
    pub has_failed: bool,
}

/// The word for how a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    Ok,
    Failed,
    Late,
}

impl JobStatus {
    /// The time since the last run without a failure began, if it is known.
    pub fn age(&self, now: Timestamp) -> Option<TimeDelta> {
        self.succeeded_at.map(|at| (now - at).max(TimeDelta::zero()))
    }

    /// How a job that runs so often is doing. Late counts for more than failed, since it lasts.
    pub fn state(&self, every: Duration, now: Timestamp) -> JobState {
        let limit = TimeDelta::from_std(every * LATE + GRACE).unwrap_or(TimeDelta::MAX);
        if self.age(now).is_none_or(|age| age > limit) {
            JobState::Late
        } else if self.has_failed {
            JobState::Failed
        } else {
            JobState::Ok
        }
    }
}

impl ServiceStatus {
    /// The age of the oldest entry of the audit log that is not sealed; zero if all are.
    pub fn unsealed_age(&self, now: Timestamp) -> TimeDelta {
        let age = self.unsealed_since.map_or(TimeDelta::zero(), |since| now - since);
        age.max(TimeDelta::zero())
    }
}

/// Reads the state.
///
/// # Errors
/// When the database fails.
pub fn read(conn: &mut Conn) -> Result<ServiceStatus> {
    let mut found = Vec::new();
    for &name in JobName::ALL {
        found.push(job(conn, name)?);
    }
    Ok(ServiceStatus {
        jobs: found,
        unsealed_since: audit::oldest_unsealed(conn)?,
    })
}

fn job(conn: &mut Conn, name: JobName) -> Result<JobStatus> {
    let mut runs = jobs::last(conn, name.as_str(), RUNS)?;
    runs.retain(|run| run.finished_at.is_some());
    let has_failed = |run: &jobs::Run| run.problem.is_some() || run.failed > 0;
    let good = runs.iter().find(|run| !has_failed(run));
    Ok(JobStatus {
        name,
        succeeded_at: good.map(|run| run.started_at.into()),
        has_failed: runs.first().is_some_and(has_failed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_late_after_two_intervals_and_a_minute_and_failed_until_it_succeeds() {
        let now: Timestamp = "2026-06-15T12:00:00Z".parse().unwrap();
        let every = Duration::from_secs(3600);
        let state = |seconds: Option<i64>, has_failed| {
            let job = JobStatus {
                name: JobName::Expiry,
                succeeded_at: seconds.map(|seconds| now - TimeDelta::seconds(seconds)),
                has_failed,
            };
            job.state(every, now)
        };
        assert_eq!(state(Some(7260), false), JobState::Ok);
        assert_eq!(state(Some(7261), false), JobState::Late);
        assert_eq!(state(Some(60), true), JobState::Failed);
        assert_eq!(state(Some(7261), true), JobState::Late);
        assert_eq!(state(None, false), JobState::Late);
        // A clock that was set back makes nothing late.
        assert_eq!(state(Some(-7261), false), JobState::Ok);
    }
}
