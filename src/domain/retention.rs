//! How long each kind of personal data is kept (S-29). The minimums are fixed in the code, and a configuration below
//! one is refused.

use super::core::time::Timestamp;
use chrono::TimeDelta;

/// The audit log is kept for at least this many days (Cybersecurity Law of the PRC, article 21: network logs for at
/// least six months).
pub const AUDIT_FLOOR: i64 = 180;
/// The personal data of a closed inbound case is kept for at least this many days, which leaves time to ask back and to
/// propose again.
pub const INBOUND_FLOOR: i64 = 30;

/// How long a kept answer is given again under its idempotency key, at least.
const ANSWERS_KEPT: TimeDelta = TimeDelta::days(7);
/// How long one-time codes are kept, so that problems can be investigated later. A code is valid for two days (O5).
const CODES_KEPT: TimeDelta = TimeDelta::days(30);
/// How long sessions are kept after their last use, so that it can be established who was signed in from where when
/// something happened. It is at least as long as the audit log is kept. No session stays valid that long unused, so a
/// deleted one had ended.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(AUDIT_FLOOR);
/// Two runs of a job that are further apart don't show that the service ran between them. It may have been off, or its
/// clock has jumped.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(2);
/// How long budgets are kept. The longest span of a budget is an hour, so a day of them is enough.
const BUDGETS_KEPT: TimeDelta = TimeDelta::days(1);

/// How many files one run of a job may take away, of all files in the folder: a twentieth, or ten of a small folder. If
/// more seem to be unused, the database is probably not the one that the files belong to, or an older copy of it.
pub fn files_at_once(all: usize) -> usize {
    (all / 20).max(10)
}

/// A retention period below its minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {days} days are fewer than the {floor} that must be kept")]
pub struct TooShort {
    what: &'static str,
    days: i64,
    floor: i64,
}

/// How long each kind of record is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPeriods {
    audit: TimeDelta,
    inbound: TimeDelta,
}

impl Default for RetentionPeriods {
    fn default() -> Self {
        Self {
            audit: TimeDelta::days(3 * 365),
            inbound: TimeDelta::days(90),
        }
    }
}

impl RetentionPeriods {
    /// Retention periods given in days.
    ///
    /// # Errors
    /// [`TooShort`] below [`AUDIT_FLOOR`] or [`INBOUND_FLOOR`].
    pub fn new(audit: u16, inbound: u16) -> Result<Self, TooShort> {
        let at_least = |what, days: u16, floor| match i64::from(days) {
            days if days < floor => Err(TooShort { what, days, floor }),
            days => Ok(TimeDelta::days(days)),
        };
        Ok(Self {
            audit: at_least("the audit log", audit, AUDIT_FLOOR)?,
            inbound: at_least("persons of cases that came to nothing", inbound, INBOUND_FLOOR)?,
        })
    }

    /// Rows of the audit log older than this have been kept long enough. It also holds for look-ups and disclosures,
    /// which show the members concerned the same facts.
    ///
    /// `ran_since` is what [`RunningTime`] found, so that no wrong clock can make a young row old.
    pub fn audit_until(&self, now: Timestamp, ran_since: Option<Timestamp>) -> Timestamp {
        earlier(now - self.audit, ran_since)
    }

    /// The personal data of inbound cases that closed before this time is deleted.
    pub fn inbound_until(&self, now: Timestamp) -> Timestamp {
        now - self.inbound
    }

    /// Answers given before this time are deleted.
    pub fn answers_until(&self, now: Timestamp) -> Timestamp {
        now - ANSWERS_KEPT
    }

    /// One-time codes issued before this time are deleted.
    pub fn codes_until(&self, now: Timestamp) -> Timestamp {
        now - CODES_KEPT
    }

    /// Sessions last used before this time are deleted. `ran_since` is as for [`RetentionPeriods::audit_until`].
    pub fn sessions_until(&self, now: Timestamp, ran_since: Option<Timestamp>) -> Timestamp {
        earlier(now - SESSIONS_KEPT, ran_since)
    }

    /// Budgets whose span began before this time are deleted.
    pub fn budgets_until(&self, now: Timestamp) -> Timestamp {
        now - BUDGETS_KEPT
    }
}

/// The earlier of two instants. Without the second nothing is old enough.
fn earlier(until: Timestamp, ran_since: Option<Timestamp>) -> Timestamp {
    ran_since.map_or(Timestamp::UNIX_EPOCH, |since| since.min(until))
}

/// How long the service has really run, counted back over the runs of a job that runs at least daily. Only the time
/// between two runs that follow each other soon is counted. So a clock that jumps by years adds nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunningTime {
    counted: TimeDelta,
    later: Option<Timestamp>,
}

impl RunningTime {
    /// Adds a run. The newest is added first. Whether the service has run for [`AUDIT_FLOOR`] days since that run.
    pub fn has_floor_since(&mut self, run: Timestamp) -> bool {
        let pause = self.later.map_or(TimeDelta::zero(), |later| later - run);
        if (TimeDelta::zero()..=LONGEST_PAUSE).contains(&pause) {
            self.counted += pause;
        }
        self.later = Some(run);
        self.counted >= TimeDelta::days(AUDIT_FLOOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::session::SessionKind;

    #[test]
    fn s29_no_session_is_forgotten_that_could_still_be_used() {
        let now: Timestamp = "2026-06-15T08:00:00Z".parse().unwrap();
        let last = RetentionPeriods::default().sessions_until(now, Some(now));
        for kind in [SessionKind::Member, SessionKind::Office] {
            assert!(!kind.lasts(last, last, now));
        }
    }

    #[test]
    fn s29_no_clock_alone_makes_a_row_old() {
        let kept = RetentionPeriods::new(180, 30).unwrap();
        let now: Timestamp = "2026-06-15T08:00:00Z".parse().unwrap();
        let wrong: Timestamp = "2035-01-01T00:00:00Z".parse().unwrap();
        let since = now - TimeDelta::days(181);
        assert_eq!(kept.audit_until(now, Some(now)), now - TimeDelta::days(180));
        assert_eq!(kept.audit_until(wrong, Some(since)), since);
        assert_eq!(kept.sessions_until(wrong, Some(since)), since);
        assert_eq!(kept.audit_until(wrong, None), Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn s29_only_time_between_runs_that_follow_each_other_counts() {
        let now: Timestamp = "2026-06-15T08:00:00Z".parse().unwrap();
        let days = |days| TimeDelta::days(days);
        fn found(mut runs: impl Iterator<Item = Timestamp>) -> Option<Timestamp> {
            let mut time = RunningTime::default();
            runs.find(|run| time.has_floor_since(*run))
        }
        let daily = || (0..400).map(|day| now - days(day));
        assert_eq!(found(daily()), Some(now - days(180)));
        assert_eq!(found(daily().take(180)), None);
        // Runs under a clock that is years ahead, before, after and between.
        let ahead = |run: usize| now + days(3000 + run as i64 * 900);
        let jumping = (0..3)
            .map(ahead)
            .chain(daily().take(90))
            .chain((3..6).map(ahead))
            .chain(daily().skip(90));
        assert_eq!(found(jumping), Some(now - days(181)));
        // The service was off for three days. A timer that runs the job every other day is no pause.
        let off = daily().take(100).chain(daily().skip(102));
        assert_eq!(found(off), Some(now - days(183)));
        assert_eq!(found(daily().step_by(2)), Some(now - days(180)));
    }

    #[test]
    fn s29_a_run_takes_a_twentieth_of_the_files_at_most_or_ten() {
        assert_eq!(
            [0, 10, 200, 219, 220, 100_000].map(files_at_once),
            [10, 10, 10, 10, 11, 5_000]
        );
    }

    #[test]
    fn s29_nothing_is_kept_for_less_than_its_floor() {
        assert!(RetentionPeriods::new(180, 30).is_ok());
        assert!(RetentionPeriods::new(179, 30).is_err());
        assert!(RetentionPeriods::new(180, 29).is_err());
    }
}
