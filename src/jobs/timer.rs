//! Runs every job now and then while the service serves.

use super::{Ending, JobRequest, run_with_files};
use crate::app::App;
use crate::service::jobs::{self, Job};
use chrono::TimeDelta;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// How often the jobs are run unless told otherwise.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(3600);

/// Starts the timer: the jobs run at once, and then at each tick. Aborting the task stops it between two batches.
///
/// Needs a runtime.
pub fn start(app: &App, every: Duration) -> JoinHandle<()> {
    let app = app.clone();
    tokio::spawn(async move {
        let mut ticks = interval(every.max(Duration::from_secs(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for job in Job::ALL {
                tick(&app, *job, every).await;
            }
        }
    })
}

/// Runs a job unless another server did so within half an interval.
async fn tick(app: &App, job: Job, every: Duration) {
    let now = app.clock.now();
    let recent = now - TimeDelta::from_std(every / 2).unwrap_or(TimeDelta::zero());
    let last = app.db.read(move |conn| jobs::last_begun(conn, job)).await;
    let outcome = match last {
        Ok(Some(begun)) if begun > recent && begun <= now => return,
        Ok(_) => {
            let kept = app.retention;
            let files = app.files.folder();
            run_with_files(&app.db, &app.clock, JobRequest { job, at: now, kept }, Some(&files)).await
        }
        Err(fault) => Err(fault),
    };
    match outcome {
        Ok(Ending::Done(done)) => {
            log::info!(job = job.as_str(), processed = done.processed, failed = done.failed; "job done");
        }
        Ok(Ending::Elsewhere) => log::info!(job = job.as_str(); "another server runs the job"),
        Err(fault) => log::error!("job {job}: {}", jobs::wording(&fault)),
    }
}
