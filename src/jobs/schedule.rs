//! Runs each job at its interval while the server runs.

use super::registry;
use super::run::{Ending, Environment};
use crate::app::App;
use crate::service::jobs::{self, JobName};
use chrono::TimeDelta;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// The shortest interval of any job.
const SHORTEST: Duration = Duration::from_secs(1);

/// How a server runs its jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScheduleSettings {
    /// The longest time between two runs of a job.
    pub longest: Option<Duration>,
    /// Whether the clock was set on purpose, as in a demo.
    pub is_confirmed: bool,
}

/// Runs every job at once, and then each at its interval. The jobs run one after another, so that requests wait for at
/// most one. Aborting the task stops it between two batches.
///
/// Must be called in a Tokio runtime.
pub fn start(app: &App, settings: ScheduleSettings) -> JoinHandle<()> {
    let environment = Environment {
        db: app.db.clone(),
        clock: app.clock.clone(),
        retention: app.retention,
        files: Some(app.files.folder().clone()),
        is_confirmed: settings.is_confirmed,
    };
    tokio::spawn(async move {
        let mut schedule = schedule(Instant::now(), settings.longest);
        while let Some(next) = schedule.iter_mut().min_by_key(|next| next.due) {
            sleep_until(next.due).await;
            next.due = Instant::now() + next.every;
            run(&environment, next.job, next.every).await;
        }
    })
}

/// When a job runs next.
struct Scheduled {
    job: JobName,
    every: Duration,
    due: Instant,
}

fn schedule(now: Instant, longest: Option<Duration>) -> Vec<Scheduled> {
    let first = |(job, every)| Scheduled { job, every, due: now };
    intervals(longest).into_iter().map(first).collect()
}

/// How often a server runs each job: at its own interval, or at `longest` if that is shorter.
pub fn intervals(longest: Option<Duration>) -> Vec<(JobName, Duration)> {
    let every = |&job: &JobName| {
        let own = registry::interval(job);
        (job, longest.map_or(own, |longest| own.min(longest)).max(SHORTEST))
    };
    JobName::ALL.iter().map(every).collect()
}

/// Runs a job, unless a run of it began within the last half of its interval.
async fn run(environment: &Environment, job: JobName, every: Duration) {
    let now = environment.clock.now();
    let recent = now - TimeDelta::from_std(every / 2).unwrap_or(TimeDelta::zero());
    let last = environment.db.read(move |conn| jobs::last_begun(conn, job)).await;
    let outcome = match last {
        Ok(Some(begun)) if begun > recent && begun <= now => return,
        Ok(_) => registry::run(environment, job, now).await,
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(Ending::Done(done)) => {
            log::info!(job = job.as_str(), processed = done.processed, failed = done.failed; "job done");
        }
        Ok(Ending::Implausible(why)) => {
            log::warn!("job {job} did not run: {why}. It runs after the next write, or by `jobs run {job} --yes`");
        }
        Ok(Ending::Elsewhere) => log::info!(job = job.as_str(); "another server runs the job"),
        Err(fault) => log::error!("job {job}: {}", jobs::wording(&fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_keeps_its_own_interval_unless_a_shorter_one_is_given() {
        let own = registry::interval(JobName::Expiry);
        let every = |longest| {
            let all = schedule(Instant::now(), longest);
            let expiry = all.iter().find(|next| next.job == JobName::Expiry);
            expiry.map(|next| next.every)
        };
        assert_eq!(every(None), Some(own));
        assert_eq!(every(Some(own * 2)), Some(own));
        assert_eq!(every(Some(own / 2)), Some(own / 2));
        assert_eq!(every(Some(Duration::ZERO)), Some(SHORTEST));
    }
}
