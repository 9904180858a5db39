use super::*;
use crate::domain::authority::actor::Actor;
use crate::domain::core::ids::MemberId;
use crate::domain::organization::facts::{OrganizationKind, Status};
use crate::domain::testing::*;
use proptest::prelude::*;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn code<T>(result: Result<T, Refusal>) -> Option<Code> {
    result.err().map(|refusal| refusal.code)
}

fn turned(month: &str) -> OrganizationFacts {
    OrganizationFacts {
        graduated_season: Some(2026),
        ..class_of(month)
    }
}

#[test]
fn g1_only_school_branches_show_as_unmarked() {
    assert!(g1_is_unmarked(&class()));
    assert!(!g1_is_unmarked(&class_of("2026-07")));
    assert!(!g1_is_unmarked(&college()));
    assert!(!g1_is_unmarked(&OrganizationFacts {
        sector: Sector::Enterprise,
        ..class()
    }));
}

#[test]
fn g2_administrators_above_the_branch_mark_it_and_nobody_else() {
    let class = class();
    for above in [nation(), province(), university(), college()] {
        assert_eq!(g2_may_mark(&administrator(&above), &class), Ok(()), "{:?}", above.path);
    }
    let elsewhere = OrganizationFacts {
        id: OrganizationId(9),
        path: "1/2/9/".parse().unwrap(),
        ..college()
    };
    let member = Actor::member(AccountId(1), MemberId(1));
    for (actor, expected) in [
        (administrator(&class), Code::GraduationNotAllowedForBranchAdmin),
        (administrator(&elsewhere), Code::OrganizationNotFound),
        (member, Code::ActorNotAdministrator),
    ] {
        assert_eq!(code(g2_may_mark(&actor, &class)), Some(expected));
    }
}

#[test]
fn g2_only_open_branches_of_the_school_sector_are_marked() {
    let cases = [
        (
            OrganizationFacts {
                sector: Sector::Enterprise,
                ..class()
            },
            Code::GraduationNotSchoolBranch,
        ),
        (
            OrganizationFacts {
                kind: OrganizationKind::GeneralBranch,
                ..class()
            },
            Code::GraduationNotSchoolBranch,
        ),
        (
            OrganizationFacts {
                status: Status::Closed,
                ..class()
            },
            Code::OrganizationClosed,
        ),
    ];
    for (branch, expected) in cases {
        assert_eq!(code(g2_may_mark(&administrator(&college()), &branch)), Some(expected));
    }
}

#[test]
fn g3_each_branch_of_many_has_its_own_result() {
    let branches = [class(), turned("2026-07"), class_of("2027-07")];
    let new = Graduation::Month(month("2026-06"));
    let results: Vec<bool> = branches
        .iter()
        .map(|branch| set(&administrator(&college()), branch, new).is_ok())
        .collect();
    assert_eq!(results, [true, false, true]);
}

#[test]
fn g4_exactly_one_of_month_and_reason_is_given() {
    let (some, why) = (Some(month("2026-07")), Some(Undetermined::Teacher));
    assert_eq!(g4_month_or_reason(some, None), Ok(Graduation::Month(month("2026-07"))));
    assert_eq!(
        g4_month_or_reason(None, why),
        Ok(Graduation::Undetermined(Undetermined::Teacher))
    );
    assert_eq!(code(g4_month_or_reason(some, why)), Some(Code::GraduationMonthOrReason));
    assert_eq!(
        code(g4_month_or_reason(None, None)),
        Some(Code::GraduationMonthOrReason)
    );
}

#[test]
fn g5_before_the_switch_a_month_can_be_set_again_and_the_old_one_is_kept() {
    let new = Graduation::Month(month("2027-06"));
    let change = set(&administrator(&college()), &class_of("2026-07"), new).unwrap();
    assert_eq!(
        change,
        MarkChange {
            old: Some(Graduation::Month(month("2026-07"))),
            new
        }
    );
}

#[test]
fn g6_branches_turn_from_midnight_of_the_switch_date_in_shanghai() {
    let policy = Policy::default_for(2026);
    for (month, now, season) in [
        ("2026-07", "2026-05-31T15:59:59Z", None),
        ("2026-07", "2026-05-31T16:00:00Z", Some(2026)),
        ("2026-12", "2026-06-02T00:00:00Z", Some(2026)),
        ("2027-01", "2026-06-02T00:00:00Z", None),
        ("2024-07", "2026-06-02T00:00:00Z", Some(2026)),
        ("2026-07", "2027-02-01T00:00:00Z", Some(2026)),
    ] {
        assert_eq!(g6_turns(&class_of(month), &policy, at(now)), season, "{month} at {now}");
    }
}

#[test]
fn g6_branches_that_have_turned_or_cannot_turn_do_not_change() {
    let (policy, now) = (Policy::default_for(2026), at("2026-06-02T00:00:00Z"));
    let marked = class_of("2026-07");
    for branch in [
        turned("2026-07"),
        class(),
        OrganizationFacts {
            graduation: Some(Graduation::Undetermined(Undetermined::Mixed)),
            ..class()
        },
        OrganizationFacts {
            status: Status::Closed,
            ..marked.clone()
        },
        OrganizationFacts {
            sector: Sector::Enterprise,
            ..marked
        },
    ] {
        assert_eq!(g6_turns(&branch, &policy, now), None);
    }
}

#[test]
fn g7_after_the_switch_setting_directly_is_refused() {
    let result = set(
        &administrator(&college()),
        &turned("2026-07"),
        Graduation::Month(month("2027-07")),
    );
    let refusal = result.unwrap_err();
    assert_eq!(refusal.code, Code::GraduationNeedsChangeRequest);
    assert_eq!(refusal.helper, Some(college().id));
}

fn propose_as(actor: &Actor, branch: &OrganizationFacts, new: &str) -> Result<MonthChange, Refusal> {
    propose(
        actor,
        branch,
        None,
        None,
        month(new),
        Remark::new("录入错误"),
        at("2026-06-10T00:00:00Z"),
    )
}

#[test]
fn g7_only_the_direct_superior_proposes_and_the_nearest_leading_organ_decides() {
    let branch = turned("2026-07");
    let change = propose_as(&administrator(&college()), &branch, "2027-07").unwrap();
    assert_eq!(change.state(), MonthChangeState::Open);
    assert_eq!(change.request().leading_organ, province().id);
    assert_eq!(
        (change.request().old, change.request().new),
        (month("2026-07"), month("2027-07"))
    );
    for actor in [&university(), &province(), &branch] {
        let refused = propose_as(&administrator(actor), &branch, "2027-07");
        assert_eq!(code(refused), Some(Code::GraduationNotDirectSuperior));
    }
}

#[test]
fn g7_a_request_needs_a_turned_branch_a_reason_another_month_and_no_other_request() {
    let (actor, branch, now) = (administrator(&college()), turned("2026-07"), at("2026-06-10T00:00:00Z"));
    let (new, why) = (month("2027-07"), Remark::new("录入错误"));
    assert_eq!(
        code(propose_as(&actor, &class_of("2026-07"), "2027-07")),
        Some(Code::GraduationSetDirectly)
    );
    assert_eq!(
        code(propose_as(&actor, &branch, "2026-07")),
        Some(Code::GraduationMonthUnchanged)
    );
    let open = Some(MonthChangeId(1));
    assert_eq!(
        code(propose(&actor, &branch, None, open, new, why, now)),
        Some(Code::GraduationChangeRequestOpen)
    );
    assert_eq!(
        code(propose(&actor, &branch, None, None, new, None, now)),
        Some(Code::GraduationChangeReasonRequired)
    );
}

#[test]
fn g8_the_leading_organ_decides_once_and_a_no_needs_a_reason() {
    let open = propose_as(&administrator(&college()), &turned("2026-07"), "2027-07").unwrap();
    let (organ, now, holders) = (administrator(&province()), at("2026-06-11T00:00:00Z"), [province().id]);
    let decide = |change: &MonthChange, actor: &Actor, verdict| change.clone().decide(actor, &holders, verdict, now);

    assert_eq!(
        code(decide(&open, &organ, Verdict::Refuse(None))),
        Some(Code::ApprovalReasonRequired)
    );
    for stranger in [nation(), university(), college()] {
        let refused = decide(&open, &administrator(&stranger), Verdict::Approve);
        assert_eq!(code(refused), Some(Code::GraduationNotApprover));
    }
    let approved = decide(&open, &organ, Verdict::Approve).unwrap();
    let refused = decide(&open, &organ, Verdict::Refuse(Remark::new("材料不足"))).unwrap();
    assert_eq!(
        (approved.state(), refused.state()),
        (MonthChangeState::Approved, MonthChangeState::Refused)
    );
    for done in [approved, refused] {
        assert_eq!(
            code(decide(&done, &organ, Verdict::Approve)),
            Some(Code::GraduationNoOpenRequest)
        );
    }
}

#[test]
fn g8_nobody_decides_their_own_request() {
    let branch = turned("2026-07");
    let open = propose_as(&administrator(&college()), &branch, "2027-07").unwrap();
    // The same person holds an office at the leading organ too.
    let mut organ = administrator(&province());
    organ.account = administrator(&college()).account;
    let result = open.decide(&organ, &[province().id], Verdict::Approve, at("2026-06-11T00:00:00Z"));
    assert_eq!(code(result), Some(Code::GraduationSelfApproval));
}

#[test]
fn g9_a_month_of_a_later_year_makes_an_ordinary_branch_again() {
    for (new, season) in [
        ("2026-12", Some(2026)),
        ("2025-01", Some(2026)),
        ("2027-01", None),
        ("2028-07", None),
    ] {
        assert_eq!(g9_season_after(2026, month(new)), season, "{new}");
    }
}

proptest! {
    /// G6, G9: after a correction the switch of the same season does not turn the branch again.
    #[test]
    fn g9_a_branch_set_back_waits_for_its_own_year(season in 2000..2100i32, year in 2000..2100i32, m in 1..=12u32) {
        let new = Month::new(year, m).unwrap();
        let policy = Policy::default_for(season);
        let branch = OrganizationFacts {
            graduation: Some(Graduation::Month(new)),
            graduated_season: g9_season_after(season, new),
            ..class()
        };
        prop_assert_eq!(g6_turns(&branch, &policy, policy.switch_at()), None);
    }

    /// G6: once turned, no later run turns a branch again.
    #[test]
    fn g6_turning_twice_changes_nothing(year in 2000..2100i32, m in 1..=12u32, later in 0..1000i64) {
        let policy = Policy::default_for(2026);
        let mut branch = OrganizationFacts { graduation: Month::new(year, m).map(Graduation::Month), ..class() };
        branch.graduated_season = g6_turns(&branch, &policy, policy.switch_at());
        let then = policy.switch_at() + chrono::TimeDelta::days(later);
        let again = g6_turns(&branch, &policy, then);
        prop_assert_eq!(again, None);
    }
}
