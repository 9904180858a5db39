//! Sessions: what follows from one sign-in until it ends (S-08). Use prolongs a session, but only up to a limit.

use crate::domain::core::time::Timestamp;
use crate::domain::core::vocabulary::vocabulary;
use chrono::TimeDelta;

vocabulary! {
    /// Why a session ended before its time.
    SessionEnding {
        SignedOut = "signed_out", "已退出登录", "signed out";
        Reused = "reused", "刷新令牌被重复使用", "a refresh token was used twice";
        PasswordChanged = "password_changed", "密码已更改", "the password was changed";
        Blocked = "blocked", "账号已停用", "the account was blocked";
        EndedByOperators = "ended_by_operators", "运维人员已结束会话", "the operators ended it";
        Joined = "joined", "账号已并入团员", "the account was joined to a member";
    }
}

/// For how long a refresh token that was just replaced gives the same next token once more, to the address from which it
/// was replaced. An answer can be lost, and two tabs can refresh at once (our decision).
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(10);

/// In what role a person is signed in, which decides how long the session may last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A member on their own telephone: 30 days unused, 180 days in total.
    Member,
    /// An administrator, who sees other people's data: 12 hours unused, 7 days in total.
    Office,
}

impl SessionKind {
    fn unused(self) -> TimeDelta {
        match self {
            Self::Member => TimeDelta::days(30),
            Self::Office => TimeDelta::hours(12),
        }
    }

    fn in_all(self) -> TimeDelta {
        match self {
            Self::Member => TimeDelta::days(180),
            Self::Office => TimeDelta::days(7),
        }
    }

    /// Whether a session that nobody ended is still valid. It is over at the exact instant its time is up.
    pub fn lasts(self, created: Timestamp, last_used: Timestamp, now: Timestamp) -> bool {
        now < created + self.in_all() && now < last_used + self.unused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: TimeDelta = TimeDelta::microseconds(1);

    #[test]
    fn s08_a_session_ends_exactly_when_its_unused_or_total_time_is_up() {
        let created: Timestamp = "2026-06-10T08:00:00Z".parse().unwrap();
        for (kind, unused, in_all) in [
            (SessionKind::Member, TimeDelta::days(30), TimeDelta::days(180)),
            (SessionKind::Office, TimeDelta::hours(12), TimeDelta::days(7)),
        ] {
            assert!(kind.lasts(created, created, created + unused - TICK));
            assert!(!kind.lasts(created, created, created + unused));
            let used = created + in_all - TICK;
            assert!(kind.lasts(created, used, used));
            assert!(!kind.lasts(created, used, created + in_all));
        }
    }
}
