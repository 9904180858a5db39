//! The instant that a job runs for, and whether it can be right. A wrong one makes `retention` delete what is young, and
//! `expiry` end cases that still wait in time.

use super::core::time::Timestamp;
use chrono::{SecondsFormat, TimeDelta};
use std::fmt;

/// How much later than the newest row of the audit log an instant may be. A service that is in use writes a row within
/// this time.
const LONGEST_SILENCE: TimeDelta = TimeDelta::days(1);

/// Why an instant can't be right. A job runs for it only if an operator confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImplausibleInstant {
    /// It is later than the machine's clock.
    AheadOfClock {
        /// The instant.
        at: Timestamp,
        /// The machine's clock.
        clock: Timestamp,
    },
    /// It is more than a day later than the newest row of the audit log: the clock is wrong, or the service was not in
    /// use.
    AheadOfLog {
        /// The instant.
        at: Timestamp,
        /// When the newest row was written.
        newest: Timestamp,
    },
}

impl fmt::Display for ImplausibleInstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |at: &Timestamp| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        match self {
            Self::AheadOfClock { at, clock } => {
                write!(f, "{} is later than this machine's clock, {}", text(at), text(clock))
            }
            Self::AheadOfLog { at, newest } => write!(
                f,
                "{} is more than a day later than the newest row of the audit log, {}",
                text(at),
                text(newest)
            ),
        }
    }
}

/// Whether a job may run for an instant. `newest` is when the newest row of the audit log was written. A database
/// without one holds nothing that could be lost.
///
/// # Errors
/// [`ImplausibleInstant`].
pub fn check_instant(at: Timestamp, clock: Timestamp, newest: Option<Timestamp>) -> Result<(), ImplausibleInstant> {
    if at > clock {
        return Err(ImplausibleInstant::AheadOfClock { at, clock });
    }
    match newest {
        Some(newest) if at > newest + LONGEST_SILENCE => Err(ImplausibleInstant::AheadOfLog { at, newest }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn s29_an_instant_is_plausible_up_to_the_clock_and_up_to_a_day_after_the_newest_row() {
        let (now, row) = (at("2026-06-20T04:00:00Z"), at("2026-06-19T04:00:00Z"));
        assert_eq!(check_instant(now, now, Some(row)), Ok(()));
        assert_eq!(check_instant(now, now, None), Ok(()));
        assert_eq!(check_instant(at("2020-01-01T00:00:00Z"), now, Some(row)), Ok(()));
        let second = TimeDelta::seconds(1);
        let ahead = ImplausibleInstant::AheadOfClock {
            at: now + second,
            clock: now,
        };
        assert_eq!(check_instant(now + second, now, Some(now)), Err(ahead));
        let late = ImplausibleInstant::AheadOfLog {
            at: now,
            newest: row - second,
        };
        assert_eq!(check_instant(now, now, Some(row - second)), Err(late));
    }

    #[test]
    fn it_says_both_instants() {
        let (early, late) = (at("2026-06-20T04:00:00Z"), at("2035-01-01T00:00:00Z"));
        let said = check_instant(late, early, None).unwrap_err().to_string();
        assert_eq!(
            said,
            "2035-01-01T00:00:00Z is later than this machine's clock, 2026-06-20T04:00:00Z"
        );
        let said = check_instant(late, late, Some(early)).unwrap_err().to_string();
        assert!(
            said.ends_with("the newest row of the audit log, 2026-06-20T04:00:00Z"),
            "{said}"
        );
    }
}
