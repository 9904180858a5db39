//! The clock, passed as an argument: the machine's, one that starts at another instant (demo), or one that is set by
//! hand (tests).

use crate::domain::core::time::Timestamp;
use chrono::{SubsecRound, TimeDelta, Utc};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// An instant of the monotonic clock, for measuring durations.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that may read the machine's clock"
)]
pub fn tick() -> Instant {
    Instant::now()
}

/// Tells the time in whole microseconds, the precision that is stored.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Shifted { start: Timestamp, since: Instant },
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that shows `start` now and runs on from there.
    pub fn starting_at(start: Timestamp) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that may read the machine's clock"
        )]
        let since = Instant::now();
        Self(Source::Shifted { start, since })
    }

    /// A clock that stands still until it is set.
    pub fn manual(at: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(at.timestamp_micros()))))
    }

    /// Sets a manual clock. It has no effect on other clocks.
    pub fn set(&self, at: Timestamp) {
        if let Source::Manual(micros) = &self.0 {
            micros.store(at.timestamp_micros(), Ordering::SeqCst);
        }
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the one place that may read the machine's clock"
            )]
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Shifted { start, since } => {
                let passed = i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX);
                *start + TimeDelta::microseconds(passed)
            }
            Source::Manual(micros) => {
                Timestamp::from_timestamp_micros(micros.load(Ordering::SeqCst)).unwrap_or_default()
            }
        }
    }
}
