//! The list of all jobs. A job name without a job does not compile, and neither do two jobs with one name.

use super::audit_seal::AuditSeal;
use super::escalation::Escalation;
use super::expiry::Expiry;
use super::job::Job;
use super::retention::Retention;
use super::run::{Ending, Environment, Rehearsal};
use super::runner;
use super::yearly_switch::YearlySwitch;
use crate::domain::core::time::Timestamp;
use crate::service::Result;
use crate::service::jobs::JobName;
use futures_util::future::BoxFuture;
use std::time::Duration;

/// The functions of a job, for any job type.
struct RegisteredJob {
    every: Duration,
    run: for<'a> fn(&'a Environment, Timestamp) -> BoxFuture<'a, Result<Ending>>,
    rehearse: for<'a> fn(&'a Environment, Timestamp) -> BoxFuture<'a, Result<Rehearsal>>,
}

impl RegisteredJob {
    fn of<J: Job>() -> Self {
        Self {
            every: J::EVERY,
            run: |environment, at| Box::pin(runner::run::<J>(environment, at)),
            rehearse: |environment, at| Box::pin(runner::rehearse::<J>(environment, at)),
        }
    }
}

#[deny(unreachable_patterns, reason = "two jobs of one name")]
fn find(name: JobName) -> RegisteredJob {
    match name {
        YearlySwitch::NAME => RegisteredJob::of::<YearlySwitch>(),
        Expiry::NAME => RegisteredJob::of::<Expiry>(),
        Escalation::NAME => RegisteredJob::of::<Escalation>(),
        AuditSeal::NAME => RegisteredJob::of::<AuditSeal>(),
        Retention::NAME => RegisteredJob::of::<Retention>(),
    }
}

/// How often a server runs a job.
pub fn interval(name: JobName) -> Duration {
    find(name).every
}

/// Runs a job for the instant `at` until nothing is left to do. An instant that can't be right has to be confirmed.
///
/// # Errors
/// When the database fails. The run's record then holds the problem, and the next run does the rest.
pub async fn run(environment: &Environment, name: JobName, at: Timestamp) -> Result<Ending> {
    (find(name).run)(environment, at).await
}

/// What a run for the instant `at` would do. Nothing is changed.
///
/// # Errors
/// When the database or the disk fails.
pub async fn rehearse(environment: &Environment, name: JobName, at: Timestamp) -> Result<Rehearsal> {
    (find(name).rehearse)(environment, at).await
}
