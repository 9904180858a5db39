//! Waiting cases (A6, X3, §1.5): when a case expires, and when a late assignment is escalated.

use super::state::CaseState;
use crate::domain::core::time::Timestamp;
use crate::domain::policy::Policy;
use chrono::TimeDelta;

/// A6: the instant after which a case expires. `None` while no clock runs.
///
/// The clock runs during an organization's approval, on either side (转出审批, 转入审批). It does not run with a
/// leading organ (T9) or the province (A4), and never for an assignment. It starts when the case entered the state or
/// when the expiry begins in its season, whichever is later.
///
/// X3 says that the rule holds in both directions. A case from one of the three provinces waits for the target's
/// approval. A case to one of them waits only for the other system's answer, which takes the place of the target's
/// approval, so the clock runs in `external_pending` too. The province that A6 exempts is the approver of a special
/// unit.
///
/// `policy` is that of the case's season.
pub fn due_at(state: &CaseState, policy: &Policy) -> Option<Timestamp> {
    match state {
        CaseState::AwaitingApproval { since, .. } | CaseState::ExternalPending { since, .. } => {
            Some((*since).max(policy.expiry_start()) + TimeDelta::days(i64::from(policy.expiry_days)))
        }
        _ => None,
    }
}

/// A6: whether the case has to be ended. "More than ten days" is strict, so a case is not overdue at the due instant
/// itself.
pub fn is_overdue(state: &CaseState, policy: &Policy, now: Timestamp) -> bool {
    due_at(state, policy).is_some_and(|due| now > due)
}

/// A6: the instant after which a late assignment is also shown to the direct superior, once, in any month of the year.
/// `None` if there is nothing to escalate.
pub fn escalation_due_at(state: &CaseState, policy: &Policy) -> Option<Timestamp> {
    match state {
        CaseState::AwaitingAssignment {
            since, escalated: None, ..
        } => Some(*since + TimeDelta::days(i64::from(policy.escalation_days))),
        _ => None,
    }
}

/// The instant after which the case expires or its assignment is escalated. Inboxes sort by it and jobs search by it.
pub fn deadline(state: &CaseState, policy: &Policy) -> Option<Timestamp> {
    due_at(state, policy).or_else(|| escalation_due_at(state, policy))
}

/// A6: whether the assignment has to be escalated. It is as strict as [`is_overdue`].
pub fn is_stale(state: &CaseState, policy: &Policy, now: Timestamp) -> bool {
    escalation_due_at(state, policy).is_some_and(|due| now > due)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::core::ids::OrganizationId;
    use crate::domain::core::text::Remark;
    use crate::domain::transfer::state::{ApprovalSide, CaseOutcome};
    use crate::domain::transfer::testing::{BEIJING, BEIJING_CODE, TOWNSHIP, VILLAGE, at};

    fn approval(since: &str) -> CaseState {
        CaseState::AwaitingApproval {
            side: ApprovalSide::Target,
            at: VILLAGE,
            since: at(since),
        }
    }

    fn policy() -> Policy {
        Policy::default_for(2026)
    }

    #[test]
    fn a6_more_than_ten_days_from_the_later_of_arrival_and_1_october() {
        // Midnight in Shanghai is 16:00 UTC of the day before.
        for (since, last_good) in [
            ("2026-03-01T00:00:00Z", "2026-10-10T16:00:00Z"), // long before: the clock starts on 1 October
            ("2026-09-30T15:59:59Z", "2026-10-10T16:00:00Z"), // 30 September, 23:59:59
            ("2026-09-30T16:00:00Z", "2026-10-10T16:00:00Z"), // 1 October, 00:00
            ("2026-09-30T16:01:00Z", "2026-10-10T16:01:00Z"), // 1 October, 00:01
            ("2026-11-05T08:30:00Z", "2026-11-15T08:30:00Z"),
            ("2026-12-28T08:30:00Z", "2027-01-07T08:30:00Z"), // the season stays the same over the new year
        ] {
            let (state, last_good) = (approval(since), at(last_good));
            assert_eq!(due_at(&state, &policy()), Some(last_good), "{since}");
            assert!(
                !is_overdue(&state, &policy(), last_good - TimeDelta::minutes(1)),
                "{since}"
            );
            assert!(!is_overdue(&state, &policy(), last_good), "{since}: strict");
            assert!(
                is_overdue(&state, &policy(), last_good + TimeDelta::minutes(1)),
                "{since}"
            );
        }
    }

    #[test]
    fn a6_the_days_and_the_start_are_policy() {
        let policy = Policy {
            expiry_days: 3,
            expiry_from: "09-01".parse().unwrap(),
            ..policy()
        };
        assert_eq!(
            due_at(&approval("2026-07-01T00:00:00Z"), &policy),
            Some(at("2026-09-03T16:00:00Z"))
        );
    }

    #[test]
    fn a6_n1_the_clock_runs_in_each_approval_of_an_organization_and_nowhere_else() {
        let since = at("2026-10-05T00:00:00Z");
        let organ = OrganizationId(3);
        let runs = Some(since + TimeDelta::days(10));
        for (state, due) in [
            (
                CaseState::AwaitingApproval {
                    side: ApprovalSide::Target,
                    at: VILLAGE,
                    since,
                },
                runs,
            ),
            (
                CaseState::AwaitingApproval {
                    side: ApprovalSide::Source,
                    at: VILLAGE,
                    since,
                },
                runs,
            ),
            (CaseState::AwaitingLeadingOrgan { organ, since }, None),
            (CaseState::AwaitingProvince { organ, since }, None),
            (
                CaseState::AwaitingAssignment {
                    at: TOWNSHIP,
                    since,
                    escalated: None,
                },
                None,
            ),
            (
                CaseState::Completed {
                    at: since,
                    outcome: CaseOutcome::Branch(VILLAGE),
                },
                None,
            ),
            (
                CaseState::Refused {
                    at: since,
                    reason: Remark::new("x").unwrap(),
                },
                None,
            ),
            (CaseState::Withdrawn { at: since }, None),
            (CaseState::Expired { at: since }, None),
        ] {
            assert_eq!(due_at(&state, &policy()), due, "{state:?}");
        }
    }

    #[test]
    fn x3_the_clock_runs_while_another_province_owes_its_answer() {
        let since = at("2026-10-05T00:00:00Z");
        let state = CaseState::ExternalPending {
            province: BEIJING_CODE,
            organ: BEIJING,
            since,
        };
        let due = due_at(&state, &policy()).unwrap();
        assert_eq!(due, since + TimeDelta::days(10));
        assert!(!is_overdue(&state, &policy(), due));
        assert!(is_overdue(&state, &policy(), due + TimeDelta::minutes(1)));
    }

    #[test]
    fn a6_a_stale_assignment_is_escalated_once_in_any_month() {
        let since = at("2026-06-20T01:00:00Z");
        let state = CaseState::AwaitingAssignment {
            at: TOWNSHIP,
            since,
            escalated: None,
        };
        let due = escalation_due_at(&state, &policy()).unwrap();
        assert_eq!(due, at("2026-06-30T01:00:00Z"));
        assert!(!is_stale(&state, &policy(), due));
        assert!(is_stale(&state, &policy(), due + TimeDelta::minutes(1)));

        let escalated = CaseState::AwaitingAssignment {
            at: TOWNSHIP,
            since,
            escalated: Some(due),
        };
        assert_eq!(escalation_due_at(&escalated, &policy()), None);
        assert!(
            !is_overdue(&escalated, &policy(), at("2030-01-01T00:00:00Z")),
            "an accepted member is never sent back"
        );
    }
}
