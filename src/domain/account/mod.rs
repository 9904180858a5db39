//! Setting a new password with a one-time code (§2.5; rule O5), and who may block an account.

pub mod attempts;
pub mod password;
pub mod session;

use super::authority::actor::{Actor, Role};
use super::authority::{self, Action, Object};
use super::catalogue::code::Code;
use super::core::ids::{AccountId, OrganizationId};
use super::core::time::Timestamp;
use super::core::vocabulary::vocabulary;
use super::organization::facts::Path;
use chrono::TimeDelta;

vocabulary! {
    /// Whether an account may be used.
    AccountStatus {
        Active = "active", "正常", "active";
        Blocked = "blocked", "已停用", "blocked";
    }
}

/// O5: how long a one-time code is valid.
pub const CODE_VALID: TimeDelta = TimeDelta::days(2);
/// O5: whether a code is valid. It works once, and until exactly two days after it was issued.
pub fn o5_is_valid(issued: Timestamp, used: bool, now: Timestamp) -> bool {
    !used && now <= issued + CODE_VALID
}

/// An office that the owner of an account holds, as far as it says who may open or shut the account.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'a> {
    /// The path of the organization.
    pub path: &'a Path,
    /// The organization that appoints there: the direct superior, or one further up (A10). The root appoints its own.
    pub appoints: Option<OrganizationId>,
    /// Whether the office is at a branch.
    pub at_branch: bool,
}

/// How a one-time code is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeIssue {
    /// By one administrator.
    AtOnce,
    /// By two: one requests it, another issues it.
    BySecond,
}

/// For how long a first administrator's request for a code stands.
pub const CODE_REQUEST_VALID: TimeDelta = TimeDelta::days(1);

/// O5 (§2.5): who may issue a one-time code. For a member, it is an administrator of their branch or of its direct superior.
/// For the holder of an office, it is an organization above (our decision). In both cases the caller must stand above every
/// office that the person holds, since a code opens them all. If one of the offices is above a branch, a second
/// administrator is needed. `action` and `object` say by what the person was found.
///
/// # Errors
/// Those of the authority table, `account.reset_oneself`, `account.reset_not_allowed`.
pub fn o5_may_issue(
    actor: &Actor,
    action: Action,
    object: Object<'_>,
    account: AccountId,
    seats: &[Seat<'_>],
) -> Result<CodeIssue, Code> {
    authority::decide(actor, action, object).into_result()?;
    if actor.account == Some(account) {
        return Err(Code::AccountResetOneself);
    }
    if !is_above_all(actor, seats) {
        return Err(Code::AccountResetNotAllowed);
    }
    let has_high_office = seats.iter().any(|seat| !seat.at_branch);
    Ok(if has_high_office {
        CodeIssue::BySecond
    } else {
        CodeIssue::AtOnce
    })
}

/// O5: whether somebody is the second administrator who issues a code that `first` requested at an instant.
pub fn o5_may_be_second(second: AccountId, first: AccountId, requested: Timestamp, now: Timestamp) -> bool {
    second != first && now <= requested + CODE_REQUEST_VALID
}

/// Who may block or unblock an account. This is our decision, since the manual has neither. A member's branch and its
/// direct superior may, as for one-time codes (O5). For the holder of an office, the organization that appoints them or
/// one above may. This must hold for each of their offices, since a block ends all of them. So nobody blocks upward,
/// and nobody blocks themselves. `action` and `object` say how the account was found.
///
/// # Errors
/// Those of the authority table, `account.block_oneself`, `account.block_not_allowed`.
pub fn may_block(
    actor: &Actor,
    action: Action,
    object: Object<'_>,
    account: AccountId,
    seats: &[Seat<'_>],
) -> Result<(), Code> {
    authority::decide(actor, action, object).into_result()?;
    if actor.account == Some(account) {
        return Err(Code::AccountBlockOneself);
    }
    if is_above_all(actor, seats) {
        Ok(())
    } else {
        Err(Code::AccountBlockNotAllowed)
    }
}

/// The one rule for whatever opens or shuts somebody's account: the caller's organization appoints at each of the person's
/// offices or stands above it.
fn is_above_all(actor: &Actor, seats: &[Seat<'_>]) -> bool {
    actor.office().is_some_and(|office| {
        let is_above = |seat: &Seat<'_>| seat.appoints == Some(office.organization) || seat.path.is_below(&office.path);
        seats.iter().all(is_above)
    })
}

/// Whether an actor who may block an account may also lift a block. An organization below the one that ordered the
/// block may not. Only the operators ([`Role::System`]) lift a block that they ordered (`None`).
///
/// # Errors
/// `account.unblock_not_allowed`.
pub fn may_unblock(actor: &Actor, ordered_at: Option<&Path>) -> Result<(), Code> {
    let is_below = |path: &Path| actor.office().is_none_or(|office| office.path.is_below(path));
    if actor.role == Role::System || ordered_at.is_some_and(|path| !is_below(path)) {
        Ok(())
    } else {
        Err(Code::AccountUnblockNotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::organization::facts::{OrganizationFacts, OrganizationKind};
    use crate::domain::testing::*;

    #[test]
    fn nobody_blocks_upward_sideways_or_themselves() {
        let (class, college, university) = (class(), college(), university());
        let somebody = AccountId(1);
        let seat = |at: &OrganizationFacts| (at.path.clone(), at.parent);
        let judge = |by: &OrganizationFacts, account: AccountId, held: &[(Path, Option<OrganizationId>)]| {
            let seats: Vec<Seat<'_>> = held
                .iter()
                .map(|(path, appoints)| Seat {
                    path,
                    appoints: *appoints,
                    at_branch: false,
                })
                .collect();
            let object = Object::organization(&class.path);
            may_block(&administrator(by), Action::BlockMember, object, account, &seats)
        };
        assert_eq!(judge(&class, somebody, &[]), Ok(()));
        assert_eq!(judge(&college, somebody, &[]), Ok(()));
        let refused = Err(Code::AccountBlockNotAllowed);
        assert_eq!(judge(&university, somebody, &[]), refused);
        // A member of the class who also holds an office.
        assert_eq!(judge(&class, somebody, &[seat(&class)]), refused);
        assert_eq!(judge(&college, somebody, &[seat(&class)]), Ok(()));
        assert_eq!(judge(&college, somebody, &[seat(&class), seat(&college)]), refused);
        assert_eq!(judge(&college, somebody, &[seat(&university)]), refused);
        assert_eq!(
            judge(&class, AccountId(class.id.0 + 100), &[]),
            Err(Code::AccountBlockOneself)
        );
        // The root appoints its own administrators.
        let nation = nation();
        let path = nation.path.clone();
        let held = [Seat {
            path: &path,
            appoints: Some(nation.id),
            at_branch: false,
        }];
        let holders = [nation.id];
        let object = Object::turn(&path, &holders);
        let by_a_fellow = may_block(&administrator(&nation), Action::BlockOfficer, object, somebody, &held);
        assert_eq!(by_a_fellow, Ok(()));
    }

    #[test]
    fn the_organization_that_ordered_a_block_and_those_above_it_lift_it() {
        let (class, college, university) = (class(), college(), university());
        let by =
            |at: &OrganizationFacts, ordered: &OrganizationFacts| may_unblock(&administrator(at), Some(&ordered.path));
        assert_eq!(by(&college, &college), Ok(()));
        assert_eq!(by(&university, &college), Ok(()));
        assert_eq!(by(&class, &college), Err(Code::AccountUnblockNotAllowed));
        assert_eq!(
            may_unblock(&administrator(&nation()), None),
            Err(Code::AccountUnblockNotAllowed)
        );
        assert_eq!(may_unblock(&Actor::system(), None), Ok(()));
    }

    /// Whether `by` may issue a code for a member of the class, or for the holder of an office there, who holds offices at
    /// `held`.
    fn issue(
        by: &OrganizationFacts,
        action: Action,
        account: AccountId,
        held: &[&OrganizationFacts],
    ) -> Result<CodeIssue, Code> {
        let seats: Vec<Seat<'_>> = held
            .iter()
            .map(|at| Seat {
                path: &at.path,
                appoints: at.parent.or(Some(at.id)),
                at_branch: at.kind == OrganizationKind::Branch,
            })
            .collect();
        let at = if action == Action::IssueMemberCode {
            class()
        } else {
            held[0].clone()
        };
        let appoints = at.parent.or(Some(at.id));
        o5_may_issue(
            &administrator(by),
            action,
            Object::turn(&at.path, appoints.as_slice()),
            account,
            &seats,
        )
    }

    #[test]
    fn o5_the_branch_and_its_direct_superior_issue_members_codes_and_nobody_else() {
        let of_member = |by: &OrganizationFacts| issue(by, Action::IssueMemberCode, AccountId(1), &[]);
        assert_eq!(of_member(&class()), Ok(CodeIssue::AtOnce));
        assert_eq!(of_member(&college()), Ok(CodeIssue::AtOnce));
        assert_eq!(of_member(&university()), Err(Code::AccountResetNotAllowed));
        let own = AccountId(class().id.0 + 100);
        assert_eq!(
            issue(&class(), Action::IssueMemberCode, own, &[]),
            Err(Code::AccountResetOneself)
        );
    }

    #[test]
    fn o5_no_code_opens_an_office_that_its_issuer_is_not_above() {
        let somebody = AccountId(1);
        let refused = Err(Code::AccountResetNotAllowed);
        for action in [Action::IssueMemberCode, Action::IssueOfficeCode] {
            let of = |by: &OrganizationFacts, held: &[&OrganizationFacts]| issue(by, action, somebody, held);
            assert_eq!(of(&class(), &[&class()]), refused, "sideways");
            assert_eq!(of(&college(), &[&class()]), Ok(CodeIssue::AtOnce));
            assert_eq!(of(&college(), &[&class(), &college()]), refused, "sideways");
            assert_eq!(of(&college(), &[&class(), &nation()]), refused, "upward");
        }
        // From further up, where nobody nearer stands above all of the offices.
        let of_officer =
            |by: &OrganizationFacts, held: &[&OrganizationFacts]| issue(by, Action::IssueOfficeCode, somebody, held);
        assert_eq!(of_officer(&university(), &[&class()]), Ok(CodeIssue::AtOnce));
        assert_eq!(
            of_officer(&university(), &[&class(), &college()]),
            Ok(CodeIssue::BySecond)
        );
        // The root appoints its own.
        assert_eq!(of_officer(&nation(), &[&nation()]), Ok(CodeIssue::BySecond));
        let own = AccountId(nation().id.0 + 100);
        assert_eq!(
            issue(&nation(), Action::IssueOfficeCode, own, &[&nation()]),
            Err(Code::AccountResetOneself)
        );
    }

    #[test]
    fn o5_the_second_administrator_is_another_person_within_a_day() {
        let requested: Timestamp = "2026-06-10T08:00:00Z".parse().unwrap();
        let last = requested + CODE_REQUEST_VALID;
        let (first, second) = (AccountId(1), AccountId(2));
        assert!(o5_may_be_second(second, first, requested, last));
        assert!(!o5_may_be_second(
            second,
            first,
            requested,
            last + TimeDelta::microseconds(1)
        ));
        assert!(!o5_may_be_second(first, first, requested, requested));
    }

    #[test]
    fn o5_a_code_is_valid_for_two_days_and_once() {
        let issued: Timestamp = "2026-06-10T08:00:00Z".parse().unwrap();
        let last = issued + CODE_VALID;
        assert!(o5_is_valid(issued, false, last));
        assert!(!o5_is_valid(issued, false, last + TimeDelta::microseconds(1)));
        assert!(!o5_is_valid(issued, true, issued));
    }
}
