//! When it counts: for a time, or for as long as a job runs.

use anyhow::{Result, ensure};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::time::Instant;
use zhuanjie::db::Conn;
use zhuanjie::repository::jobs::{self, Run};
use zhuanjie::service::jobs::JobName;

/// How often it is asked how far a job is.
const LOOK: Duration = Duration::from_millis(20);

/// When it counts. Its bounds may come to be known while it is played.
#[derive(Default)]
pub struct Window {
    from: OnceLock<Instant>,
    until: OnceLock<Instant>,
}

impl Window {
    /// For a time, after another.
    pub fn after(warm_up: Duration, length: Duration) -> Arc<Self> {
        let from = Instant::now() + warm_up;
        let window = Self {
            from: from.into(),
            until: (from + length).into(),
        };
        Arc::new(window)
    }

    /// For as long as the next run of a job takes, which may let one wait for it so long. Whoever joins the thread learns
    /// whether it came.
    ///
    /// # Errors
    /// When the database fails.
    pub fn of_run(mut conn: Conn, job: JobName, patience: Duration) -> Result<(Arc<Self>, JoinHandle<Result<()>>)> {
        let window = Arc::new(Self::default());
        let before = newest(&mut conn, job)?.map_or(0, |run| run.id);
        let watched = window.clone();
        let watch = move || {
            let seen = watched.follow(&mut conn, job, before, patience);
            // However it ended, nobody is to play on for ever.
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

    /// Whether what ends at an instant counts.
    pub fn counts(&self, instant: Instant) -> bool {
        self.from.get().is_some_and(|from| *from <= instant)
    }

    /// Whether nothing is begun any more.
    pub fn is_over(&self, instant: Instant) -> bool {
        self.until.get().is_some_and(|until| *until <= instant)
    }

    /// How long it was.
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
