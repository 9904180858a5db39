//! The window of a measurement: a fixed time, or the run of a job.

use anyhow::{Result, ensure};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::time::Instant;
use zhuanjie::db::Conn;
use zhuanjie::repository::jobs::{self, Run};
use zhuanjie::service::jobs::JobName;

/// The interval between checks of a job's progress.
const LOOK: Duration = Duration::from_millis(20);

/// The window of a measurement. Its bounds may become known while players play.
#[derive(Default)]
pub struct Window {
    from: OnceLock<Instant>,
    until: OnceLock<Instant>,
}

impl Window {
    /// A window of a fixed length after a warm-up.
    pub fn after(warm_up: Duration, length: Duration) -> Arc<Self> {
        let from = Instant::now() + warm_up;
        let window = Self {
            from: from.into(),
            until: (from + length).into(),
        };
        Arc::new(window)
    }

    /// A window that lasts as long as the next run of a job. The run has to begin before `patience` runs out. The
    /// thread's result tells whether it did.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of_run(mut conn: Conn, job: JobName, patience: Duration) -> Result<(Arc<Self>, JoinHandle<Result<()>>)> {
        let window = Arc::new(Self::default());
        let before = newest(&mut conn, job)?.map_or(0, |run| run.id);
        let watched = window.clone();
        let watch = move || {
            let seen = watched.follow(&mut conn, job, before, patience);
            // Players must stop, however the watch ended.
            watched.until.get_or_init(Instant::now);
            seen
        };
        Ok((window, thread::spawn(watch)))
    }

    fn follow(&self, conn: &mut Conn, job: JobName, before: i64, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            let run = newest(conn, job)?.filter(|run| run.id > before);
            if run.is_some() {
                self.from.get_or_init(Instant::now);
            }
            if run.is_some_and(|run| run.finished_at.is_some()) {
                return Ok(());
            }
            let is_hopeful = self.from.get().is_some() || begun.elapsed() < patience;
            ensure!(is_hopeful, "no run of {job} began");
            thread::sleep(LOOK);
        }
    }

    /// Whether an answer at this instant counts.
    pub fn counts(&self, instant: Instant) -> bool {
        self.from.get().is_some_and(|from| *from <= instant)
    }

    /// Whether no request begins any more.
    pub fn is_over(&self, instant: Instant) -> bool {
        self.until.get().is_some_and(|until| *until <= instant)
    }

    /// The length of the window.
    pub fn length(&self) -> Duration {
        match (self.from.get(), self.until.get()) {
            (Some(from), Some(until)) => *until - *from,
            _ => Duration::ZERO,
        }
    }
}

fn newest(conn: &mut Conn, job: JobName) -> Result<Option<Run>> {
    Ok(jobs::last(conn, job.as_str(), 1)?.into_iter().next())
}
