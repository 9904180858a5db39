//! How long a caller waits after failed attempts to sign in (S-09).
//!
//! Failures are counted by what they have in common. The delays grow fast for one address that tries one account, where
//! guessing is most likely. They stay short for an account, so that strangers can make its owner wait but never lock
//! them out. They begin late for an address, since a whole school may share one.

use crate::domain::core::time::Timestamp;
use chrono::TimeDelta;

/// What failed attempts have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Common {
    /// One account from one address.
    Pair,
    /// One account from anywhere.
    Account,
    /// One address, whichever accounts it tries.
    Address,
}

/// How many failures cause no wait, the longest wait, and the time without a failure after which all are forgotten.
struct AttemptLimits {
    free: i64,
    longest: TimeDelta,
    memory: TimeDelta,
}

/// The longest time for which any failure counts.
pub const LONGEST_MEMORY: TimeDelta = TimeDelta::hours(24);

impl Common {
    fn limits(self) -> AttemptLimits {
        match self {
            Self::Pair => AttemptLimits {
                free: 5,
                longest: TimeDelta::minutes(15),
                memory: LONGEST_MEMORY,
            },
            Self::Account => AttemptLimits {
                free: 20,
                longest: TimeDelta::minutes(1),
                memory: LONGEST_MEMORY,
            },
            Self::Address => AttemptLimits {
                free: 100,
                longest: TimeDelta::minutes(1),
                memory: TimeDelta::hours(1),
            },
        }
    }

    /// S-09: how much longer the caller must wait after so many failures, the last of them at `last`. The wait is one
    /// second after the last free failure and doubles with each further one.
    pub fn s09_wait(self, failures: i64, last: Timestamp, now: Timestamp) -> Option<TimeDelta> {
        let limits = self.limits();
        let beyond = self.s09_still_count(failures, last, now) - limits.free;
        if beyond < 0 {
            return None;
        }
        let delay = TimeDelta::seconds(1 << beyond.min(30)).min(limits.longest);
        // A clock that was set back must not lengthen the wait.
        Some((last + delay - now).min(delay)).filter(|rest| *rest > TimeDelta::zero())
    }

    /// How many of the failures still count.
    pub fn s09_still_count(self, failures: i64, last: Timestamp, now: Timestamp) -> i64 {
        if now < last + self.limits().memory { failures } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn s09_the_wait_begins_after_the_free_failures_doubles_and_is_bounded() {
        for (common, free, longest) in [
            (Common::Pair, 5, 900),
            (Common::Account, 20, 60),
            (Common::Address, 100, 60),
        ] {
            assert_eq!(common.s09_wait(free - 1, at(0), at(0)), None);
            for (failures, seconds) in [
                (free, 1),
                (free + 1, 2),
                (free + 4, 16),
                (free + 20, longest),
                (i64::MAX, longest),
            ] {
                let wait = |now| common.s09_wait(failures, at(0), at(now));
                assert_eq!(wait(0), Some(TimeDelta::seconds(seconds)), "{common:?} {failures}");
                assert_eq!(wait(seconds - 1), Some(TimeDelta::seconds(1)));
                assert_eq!(wait(seconds), None);
                assert_eq!(wait(-3_600), wait(0), "a clock set back by an hour");
            }
        }
    }

    #[test]
    fn s09_failures_are_forgotten_after_a_quiet_time() {
        for (common, memory) in [
            (Common::Pair, 86_400),
            (Common::Account, 86_400),
            (Common::Address, 3_600),
        ] {
            assert_eq!(common.s09_still_count(7, at(0), at(memory - 1)), 7);
            assert_eq!(common.s09_still_count(7, at(0), at(memory)), 0);
        }
    }
}
