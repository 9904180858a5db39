//! Setting a new password with a one-time code (§2.5; rule O5).

use super::actor::Actor;
use super::authority::{self, Action, Object};
use super::codes::Code;
use super::organization::OrganizationFacts;
use super::refusal::Refusal;
use super::time::Timestamp;
use chrono::TimeDelta;

/// O5: how long a code is valid.
pub const CODE_VALID: TimeDelta = TimeDelta::days(2);
/// How long a password is, in bytes: long enough to be worth hashing, short enough to be hashed.
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

/// O5 (§2.5): an administrator of the organization where somebody belongs, or of its direct superior, issues the code.
/// `action` says to whom: a member, or whoever holds an office.
///
/// # Errors
/// `actor.not_administrator`, `account.reset_not_allowed`; outside the actor's subtree, that there is no such thing (O6).
pub fn o5_may_issue(actor: &Actor, action: Action, at: &OrganizationFacts) -> Result<(), Refusal> {
    let verdict = authority::decide(actor, action, Object::organization(&at.path));
    verdict.settle().map_err(|code| Refusal::new(code).ask(at.id))
}

/// O5: whether a code counts: once, and until two days have passed to the instant.
pub fn o5_is_valid(issued: Timestamp, used: bool, now: Timestamp) -> bool {
    !used && now <= issued + CODE_VALID
}

/// O5: whether a text can be a password.
///
/// # Errors
/// `account.password_length`.
pub fn o5_password(password: &str) -> Result<(), Refusal> {
    if PASSWORD_LENGTH.contains(&password.len()) {
        return Ok(());
    }
    let (min, max) = PASSWORD_LENGTH.into_inner();
    Err(Refusal::new(Code::AccountPasswordLength)
        .with("min", min)
        .with("max", max)
        .at("/new_password"))
}

/// O5: whether a text can be the password of whoever has this ID number, which many know: no part of it can.
///
/// # Errors
/// `account.password_length`, `account.password_is_number`.
pub fn o5_password_of(password: &str, id_number: &str) -> Result<(), Refusal> {
    o5_password(password)?;
    if id_number.contains(&password.to_ascii_uppercase()) || password.to_ascii_uppercase().contains(id_number) {
        return Err(Refusal::new(Code::AccountPasswordIsNumber).at("/new_password"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::*;

    #[test]
    fn o5_the_branch_and_its_direct_superior_issue_codes_and_nobody_else() {
        for action in [Action::IssueMemberCode, Action::IssueOfficeCode] {
            assert_eq!(o5_may_issue(&administrator(&class()), action, &class()), Ok(()));
            assert_eq!(o5_may_issue(&administrator(&college()), action, &class()), Ok(()));
            let refused = o5_may_issue(&administrator(&university()), action, &class()).unwrap_err();
            assert_eq!(refused.code, Code::AccountResetNotAllowed);
        }
    }

    #[test]
    fn o5_a_code_is_valid_for_two_days_and_once() {
        let issued: Timestamp = "2026-06-10T08:00:00Z".parse().unwrap();
        let last = issued + CODE_VALID;
        assert!(o5_is_valid(issued, false, last));
        assert!(!o5_is_valid(issued, false, last + TimeDelta::microseconds(1)));
        assert!(!o5_is_valid(issued, true, issued));
    }

    #[test]
    fn o5_a_password_is_no_part_of_the_id_number() {
        let number = "11010519491231002X";
        for password in [
            number,
            "11010519491231002x",
            "19491231",
            "1231002x",
            "11010519491231002X!",
        ] {
            let refused = o5_password_of(password, number).unwrap_err();
            assert_eq!(refused.code, Code::AccountPasswordIsNumber, "{password}");
        }
        for password in ["19491232", "1949-12-31", "correct horse"] {
            assert_eq!(o5_password_of(password, number), Ok(()), "{password}");
        }
    }

    #[test]
    fn o5_a_password_is_neither_short_nor_endless() {
        for (length, fits) in [(7, false), (8, true), (256, true), (257, false)] {
            assert_eq!(o5_password(&"x".repeat(length)).is_ok(), fits, "{length}");
        }
    }
}
