//! How long what is about people is kept (S-29). The floors stand in the code: a configuration below one is refused.

use super::core::time::Timestamp;
use chrono::TimeDelta;

/// The audit log is kept at least this many days (Cybersecurity Law of the PRC, article 21: network logs for at least six
/// months).
pub const AUDIT_FLOOR: i64 = 180;
/// The person of a case from another province that came to nothing is kept at least this many days: long enough to ask
/// back and to file again.
pub const INBOUND_FLOOR: i64 = 30;

/// Answers under an idempotency key are given again for this long at least.
const ANSWERS_KEPT: TimeDelta = TimeDelta::days(7);
/// One-time codes are valid two days (O5); so long they are kept behind it, for whoever asks what went wrong.
const CODES_KEPT: TimeDelta = TimeDelta::days(30);
/// Sessions are kept so long behind their last use, for whoever asks who was signed in from where when something happened:
/// as long as the audit log at least. None lasts nearly so long unused, so what is forgotten had ended.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(AUDIT_FLOOR);
/// The longest span of a budget is an hour; a day of them says enough.
const BUDGETS_KEPT: TimeDelta = TimeDelta::days(1);

/// A time below its floor.
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
    /// With these times, in days.
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

    /// Before when rows of the audit log, and of look-ups and disclosures, which say the same to whom they concern, have
    /// been kept long enough.
    pub fn audit_until(&self, now: Timestamp) -> Timestamp {
        now - self.audit
    }

    /// Before when a case from another province must have come to nothing for its person to be forgotten.
    pub fn inbound_until(&self, now: Timestamp) -> Timestamp {
        now - self.inbound
    }

    /// Before when an answer must have been given to be forgotten.
    pub fn answers_until(&self, now: Timestamp) -> Timestamp {
        now - ANSWERS_KEPT
    }

    /// Before when a one-time code must have been issued to be forgotten.
    pub fn codes_until(&self, now: Timestamp) -> Timestamp {
        now - CODES_KEPT
    }

    /// Before when a session must have been used last to be forgotten.
    pub fn sessions_until(&self, now: Timestamp) -> Timestamp {
        now - SESSIONS_KEPT
    }

    /// Before when a budget's span must have begun to be forgotten.
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
        for capacity in [SessionKind::Himself, SessionKind::Office] {
            assert!(!capacity.lasts(last, last, now));
        }
    }

    #[test]
    fn s29_nothing_is_kept_for_less_than_its_floor() {
        assert!(RetentionPeriods::new(180, 30).is_ok());
        assert!(RetentionPeriods::new(179, 30).is_err());
        assert!(RetentionPeriods::new(180, 29).is_err());
    }
}
