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
/// How long budgets are kept. The longest span of a budget is an hour, so a day of them is enough.
const BUDGETS_KEPT: TimeDelta = TimeDelta::days(1);

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
    pub fn audit_until(&self, now: Timestamp) -> Timestamp {
        now - self.audit
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

    /// Sessions last used before this time are deleted.
    pub fn sessions_until(&self, now: Timestamp) -> Timestamp {
        now - SESSIONS_KEPT
    }

    /// Budgets whose span began before this time are deleted.
    pub fn budgets_until(&self, now: Timestamp) -> Timestamp {
        now - BUDGETS_KEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::session::SessionKind;

    #[test]
    fn s29_no_session_is_forgotten_that_could_still_be_used() {
        let now: Timestamp = "2026-06-15T08:00:00Z".parse().unwrap();
        let last = RetentionPeriods::default().sessions_until(now);
        for kind in [SessionKind::Member, SessionKind::Office] {
            assert!(!kind.lasts(last, last, now));
        }
    }

    #[test]
    fn s29_nothing_is_kept_for_less_than_its_floor() {
        assert!(RetentionPeriods::new(180, 30).is_ok());
        assert!(RetentionPeriods::new(179, 30).is_err());
        assert!(RetentionPeriods::new(180, 29).is_err());
    }
}
