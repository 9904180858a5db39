//! T10, T11, A1 to A6, A10, X1, X2: decisions on a proposed case.

use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{OrganizationFacts, Status};
use crate::domain::transfer::decide::Move;
use crate::domain::transfer::reason::{Reason, Side};
use crate::domain::transfer::route::Destination;
use crate::domain::transfer::state::{ApprovalSide, CaseOutcome, CaseState, Phase};
use crate::domain::transfer::testing::*;
use chrono::TimeDelta;

fn moved_to(branch: OrganizationId) -> Option<Move> {
    Some(Move {
        member: Some(MEMBER),
        from: Some(CLASS),
        to: CaseOutcome::Branch(branch),
    })
}

#[test]
fn a1_a_branch_or_its_direct_superior_completes_the_transfer() {
    for approver in [VILLAGE, TOWNSHIP] {
        let mut play = ProposalDraft::to_village().play();
        assert_eq!(play.holders(), [VILLAGE, TOWNSHIP]);
        assert_eq!(play.approve(&administrator(approver)), Ok(()));
        assert_eq!(play.phase(), Phase::Completed);
        assert_eq!(play.movement, moved_to(VILLAGE));
        assert_eq!(play.events.last().unwrap().acting_for, Some(approver));
    }
}

#[test]
fn a1_n5_nobody_else_has_the_turn() {
    let others = [COUNTY, PROVINCE, NATION, OTHER_VILLAGE, CLASS, COLLEGE, UNIVERSITY].map(administrator);
    for actor in others
        .into_iter()
        .chain([member(), stranger(), integrator(), Actor::system()])
    {
        let mut play = ProposalDraft::to_village().play();
        assert_eq!(play.approve(&actor), Err(Code::ApprovalNotYourTurn), "{actor:?}");
        assert_eq!(play.refuse(&actor, "no"), Err(Code::ApprovalNotYourTurn), "{actor:?}");
        assert_eq!(play.phase(), Phase::AwaitingApproval);
    }
}

#[test]
fn a2_a_committee_approves_and_then_assigns() {
    let mut play = ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).play();
    assert_eq!(play.holders(), [TOWNSHIP]);
    assert_eq!(
        play.assign(&administrator(TOWNSHIP), VILLAGE),
        Err(Code::AssignmentNotAwaited)
    );
    assert_eq!(play.approve(&administrator(COUNTY)), Err(Code::ApprovalNotYourTurn));
    assert_eq!(play.approve(&administrator(TOWNSHIP)), Ok(()));
    assert_eq!(
        (play.phase(), play.movement),
        (Phase::AwaitingAssignment, None),
        "the member moves only when a branch is assigned"
    );
    assert_eq!(play.approve(&administrator(TOWNSHIP)), Err(Code::ApprovalNotAwaited));
    assert_eq!(
        play.assign(&administrator(COUNTY), VILLAGE),
        Err(Code::ApprovalNotYourTurn)
    );
    assert_eq!(play.assign(&administrator(TOWNSHIP), VILLAGE), Ok(()));
    assert_eq!((play.phase(), play.movement), (Phase::Completed, moved_to(VILLAGE)));
}

#[test]
fn a2_only_an_active_ordinary_branch_of_the_receiving_organization_is_assigned() {
    for (target, branch, answer) in [
        (TOWNSHIP, VILLAGE, Ok(())),
        (TOWNSHIP, OTHER_VILLAGE, Ok(())),
        (TOWNSHIP, VILLAGE_GENERAL, Err(Code::AssignmentNotABranch)),
        (TOWNSHIP, TOWNSHIP, Err(Code::AssignmentBranchOutOfScope)),
        (TOWNSHIP, FACTORY_BRANCH, Err(Code::AssignmentBranchOutOfScope)),
        (FACTORY, FACTORY_BRANCH, Ok(())),
        (FACTORY, CLOSED_BRANCH, Err(Code::TransferTargetClosed)),
        (UNIVERSITY, OTHER_CLASS, Err(Code::AssignmentBranchOutOfScope)),
        (UNIVERSITY, COLLEGE, Err(Code::AssignmentNotABranch)),
        (UNIVERSITY, GRADUATE_CLASS, Err(Code::TransferTargetGraduateBranch)),
        (UNIVERSITY, CLASS, Err(Code::TransferTargetSame)),
        (UNIVERSITY, FLOATING, Ok(())),
    ] {
        let reason = if target == TOWNSHIP {
            Reason::Unsettled
        } else {
            Reason::EmployedWithLeague
        };
        let mut play = ProposalDraft::new(reason, Some(target)).play();
        play.approve(&administrator(target)).unwrap();
        assert_eq!(
            play.assign(&administrator(target), branch),
            answer,
            "{branch:?} in {target:?}"
        );
        assert_eq!(play.phase() == Phase::Completed, answer.is_ok());
    }
}

#[test]
fn a3_the_members_branch_or_its_direct_superior_approves_what_the_target_side_started() {
    for approver in [CLASS, COLLEGE] {
        let draft = ProposalDraft::to_other_university().started_by(Side::Target, OTHER_UNIVERSITY);
        let mut play = draft.play();
        assert!(matches!(
            play.case.state,
            CaseState::AwaitingApproval {
                side: ApprovalSide::Source,
                at: CLASS,
                ..
            }
        ));
        for other in [UNIVERSITY, OTHER_UNIVERSITY, OTHER_PROVINCE] {
            assert_eq!(play.approve(&administrator(other)), Err(Code::ApprovalNotYourTurn));
        }
        assert_eq!(play.approve(&administrator(approver)), Ok(()));
        assert_eq!(play.phase(), Phase::AwaitingAssignment);
        // The target side proposed the transfer and the source side approved it. The proposer may still assign the
        // branch.
        assert_eq!(play.assign(&administrator(OTHER_UNIVERSITY), OTHER_CLASS), Ok(()));
        assert_eq!(play.movement, moved_to(OTHER_CLASS));
    }
}

#[test]
fn a3_the_source_sides_approval_completes_a_transfer_to_a_branch() {
    let draft = ProposalDraft::new(Reason::FurtherStudy, Some(OTHER_CLASS)).started_by(Side::Target, OTHER_UNIVERSITY);
    let mut play = draft.play();
    play.approve(&administrator(CLASS)).unwrap();
    assert_eq!(play.movement, moved_to(OTHER_CLASS));
}

#[test]
fn a4_the_provinces_approval_moves_the_member_to_the_holding() {
    let mut play = ProposalDraft::to_special_unit().play();
    assert_eq!(play.phase(), Phase::AwaitingProvince);
    for other in [CLASS, COLLEGE, UNIVERSITY, NATION, OTHER_PROVINCE] {
        assert_eq!(play.approve(&administrator(other)), Err(Code::ApprovalNotYourTurn));
    }
    assert_eq!(play.approve(&administrator(PROVINCE)), Ok(()));
    assert_eq!(play.movement.unwrap().to, CaseOutcome::Holding(PROVINCE));
}

#[test]
fn a5_a_refusal_needs_a_reason_and_ends_the_case() {
    for blank in ["", "  ", "\u{3000}"] {
        let mut play = ProposalDraft::to_village().play();
        assert_eq!(
            play.refuse(&administrator(VILLAGE), blank),
            Err(Code::ApprovalReasonRequired)
        );
        assert_eq!(play.phase(), Phase::AwaitingApproval);
    }
    let mut play = ProposalDraft::to_village().play();
    assert_eq!(play.refuse(&administrator(VILLAGE), "未按要求报到"), Ok(()));
    assert!(matches!(&play.case.state, CaseState::Refused { reason, .. } if reason.as_str() == "未按要求报到"));
    assert_eq!(play.movement, None);
}

#[test]
fn a6_the_service_ends_only_cases_that_waited_too_long() {
    let mut play = ProposalDraft::to_village().play();
    play.now = at("2026-10-10T16:00:00Z");
    assert!(!play.expire());
    play.now += TimeDelta::minutes(1);
    assert!(play.expire());
    assert_eq!(play.phase(), Phase::Expired);
    assert!(play.events.last().unwrap().is_automatic());
    assert!(!play.expire(), "once is enough");
}

#[test]
fn a6_n6_a_job_that_did_not_run_for_years_still_ends_the_case() {
    let mut play = ProposalDraft::to_village().play();
    play.now = at("2029-01-01T00:00:00Z");
    assert!(play.expire());
}

#[test]
fn a6_an_overdue_case_can_be_decided_until_the_system_ends_it() {
    let mut play = ProposalDraft::to_village().play();
    play.now = at("2026-12-01T00:00:00Z");
    assert_eq!(play.approve(&administrator(VILLAGE)), Ok(()));
    assert!(!play.expire(), "n13: a decided case is never ended");
}

#[test]
fn a6_a_stale_assignment_goes_to_the_direct_superior_too() {
    let mut play = ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).play();
    play.approve(&administrator(TOWNSHIP)).unwrap();
    play.now += TimeDelta::days(10);
    assert!(!play.escalate());
    assert_eq!(
        play.assign(&administrator(COUNTY), VILLAGE),
        Err(Code::ApprovalNotYourTurn)
    );
    play.now += TimeDelta::minutes(1);
    assert!(play.escalate());
    assert!(!play.escalate(), "once");
    assert_eq!(play.holders(), [TOWNSHIP, COUNTY]);
    play.now += TimeDelta::days(900);
    assert!(!play.expire());
    assert_eq!(play.assign(&administrator(COUNTY), VILLAGE), Ok(()));
}

#[test]
fn a7_every_step_records_who_when_what_for_which_organization_and_whether_it_was_automatic() {
    let mut play = ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).play();
    play.now += TimeDelta::hours(1);
    play.approve(&administrator(TOWNSHIP)).unwrap();
    play.now += TimeDelta::days(11);
    assert!(play.escalate());
    play.assign(&administrator(COUNTY), VILLAGE).unwrap();
    let history: Vec<_> = play
        .events
        .iter()
        .map(|event| {
            (
                event.number,
                event.kind.name().as_str(),
                event.by,
                event.acting_for,
                event.is_automatic(),
            )
        })
        .collect();
    assert_eq!(
        history,
        [
            (1, "proposed", Some(MEMBER_ACCOUNT), None, false),
            (2, "approved", Some(account_of(TOWNSHIP)), Some(TOWNSHIP), false),
            (3, "escalated", None, None, true),
            (4, "assigned", Some(account_of(COUNTY)), Some(COUNTY), false),
        ]
    );
    assert_eq!(play.events[1].at, at("2026-07-01T05:00:00Z"));
}

#[test]
fn a9_each_transition_takes_the_next_version_so_a_stale_one_cannot_win() {
    let play = ProposalDraft::to_village().play();
    let read = play.case.version;
    let (mut first, mut second) = (play.clone(), play);
    first.approve(&administrator(VILLAGE)).unwrap();
    second.withdraw(&member()).unwrap();
    assert_eq!(
        (first.case.version, second.case.version),
        (read + 1, read + 1),
        "both need the same event number, and only one row can have it"
    );
}

#[test]
fn a10_a_vacant_target_is_decided_by_its_superior() {
    let mut play = ProposalDraft {
        vacant: vec![VILLAGE, TOWNSHIP],
        ..ProposalDraft::to_village()
    }
    .play();
    assert_eq!(play.holders(), [COUNTY]);
    assert_eq!(play.approve(&administrator(PROVINCE)), Err(Code::ApprovalNotYourTurn));
    assert_eq!(play.approve(&administrator(COUNTY)), Ok(()));
}

#[test]
fn a10_a_case_that_nobody_can_decide_is_refused_as_orphaned() {
    let vacant = vec![VILLAGE, TOWNSHIP, COUNTY, PROVINCE, NATION];
    let mut play = ProposalDraft {
        vacant,
        ..ProposalDraft::to_village()
    }
    .play();
    assert_eq!(play.approve(&administrator(COLLEGE)), Err(Code::TransferOrphaned));
    assert_eq!(play.withdraw(&member()), Ok(()), "the member can always withdraw it");
}

#[test]
fn t8_a_target_that_turned_or_closed_while_the_case_waited_takes_no_members() {
    let turned = OrganizationFacts {
        graduated_season: Some(2026),
        ..organization(VILLAGE)
    };
    let closed = OrganizationFacts {
        status: Status::Closed,
        ..organization(VILLAGE)
    };
    for (target, code) in [
        (turned, Code::TransferTargetGraduateBranch),
        (closed, Code::TransferTargetClosed),
    ] {
        let mut play = ProposalDraft::to_village().play();
        play.case.destination = Destination::Organization(target);
        assert_eq!(play.approve(&administrator(VILLAGE)), Err(code));
        assert_eq!(play.refuse(&administrator(VILLAGE), "组织已变动"), Ok(()));
    }
}

#[test]
fn t9_the_leading_organ_decides_before_the_ordinary_approver() {
    let young = ProposalDraft {
        explanation: Some("随父母迁居"),
        ..ProposalDraft::to_village().born("2012-01-01")
    };
    let mut play = young.play();
    assert_eq!(play.phase(), Phase::AwaitingLeadingOrgan);
    assert_eq!(play.holders(), [PROVINCE], "the nearest leading organ above the class");
    assert_eq!(play.approve(&administrator(VILLAGE)), Err(Code::ApprovalNotYourTurn));
    play.now = at("2027-06-01T00:00:00Z");
    assert!(!play.expire(), "a6: no clock runs with a leading organ");
    assert_eq!(play.approve(&administrator(PROVINCE)), Ok(()));
    assert_eq!(
        (play.phase(), play.case.state.since()),
        (Phase::AwaitingApproval, play.now)
    );
    assert_eq!(play.approve(&administrator(VILLAGE)), Ok(()));
    assert_eq!(play.movement, moved_to(VILLAGE));
}

#[test]
fn t10_the_side_that_started_and_the_member_may_withdraw() {
    let by_member = ProposalDraft::to_village();
    let by_source = ProposalDraft::to_village().started_by(Side::Source, COLLEGE);
    let by_target = ProposalDraft::to_other_university().started_by(Side::Target, OTHER_UNIVERSITY);
    let no = Err(Code::TransferNotYoursToCancel);
    for (draft, actor, answer) in [
        (&by_member, member(), Ok(())),
        (&by_member, stranger(), no),
        (&by_member, administrator(COLLEGE), no),
        (&by_member, administrator(VILLAGE), no),
        (&by_source, administrator(COLLEGE), Ok(())),
        (&by_source, member(), Ok(())),
        (&by_source, administrator(CLASS), no),
        (&by_source, administrator(VILLAGE), no),
        (&by_target, administrator(OTHER_UNIVERSITY), Ok(())),
        (&by_target, member(), Ok(())),
        (&by_target, administrator(COLLEGE), no),
        (&by_target, integrator(), no),
    ] {
        let mut play = draft.play();
        assert_eq!(play.withdraw(&actor), answer, "{actor:?}");
        assert_eq!(play.phase() == Phase::Withdrawn, answer.is_ok());
    }
}

#[test]
fn t10_the_policy_decides_whether_members_withdraw_what_others_proposed() {
    let mut play = ProposalDraft::to_village().started_by(Side::Source, COLLEGE).play();
    play.policy.member_may_withdraw = false;
    assert_eq!(play.withdraw(&member()), Err(Code::TransferNotYoursToCancel));
    let mut own = ProposalDraft::to_village().play();
    own.policy.member_may_withdraw = false;
    assert_eq!(
        own.withdraw(&member()),
        Ok(()),
        "members may always withdraw their own proposal"
    );
}

#[test]
fn t10_it_can_be_withdrawn_until_it_is_assigned() {
    let mut play = ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).play();
    play.approve(&administrator(TOWNSHIP)).unwrap();
    let mut assigned = play.clone();
    assert_eq!(play.withdraw(&member()), Ok(()));
    assert_eq!((play.phase(), play.movement), (Phase::Withdrawn, None));
    assigned.assign(&administrator(TOWNSHIP), VILLAGE).unwrap();
    assert_eq!(assigned.withdraw(&member()), Err(Code::TransferClosed));
}

#[test]
fn a2_what_was_approved_by_mistake_is_sent_back_with_a_reason() {
    let mut play = ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).play();
    play.approve(&administrator(TOWNSHIP)).unwrap();
    assert_eq!(
        play.refuse(&administrator(COUNTY), "no"),
        Err(Code::ApprovalNotYourTurn)
    );
    assert_eq!(
        play.refuse(&administrator(TOWNSHIP), " "),
        Err(Code::ApprovalReasonRequired)
    );
    assert_eq!(play.refuse(&administrator(TOWNSHIP), "未报到"), Ok(()));
    assert_eq!((play.phase(), play.movement), (Phase::Refused, None));
}

#[test]
fn t11_the_proposer_never_approves() {
    // The university proposes a transfer into its own floating branch, so only the branch's own administrator decides.
    let mut play = ProposalDraft::new(Reason::Unsettled, Some(FLOATING))
        .started_by(Side::Source, UNIVERSITY)
        .play();
    assert_eq!(play.holders(), [FLOATING], "the proposer's organization is left out");
    assert_eq!(play.approve(&administrator(UNIVERSITY)), Err(Code::ApprovalNotYourTurn));
    assert_eq!(play.approve(&administrator(FLOATING)), Ok(()));
}

#[test]
fn t11_the_direct_superior_decides_the_case_of_an_only_administrator() {
    // The member is the only administrator of the village's branch.
    let mut draft = ProposalDraft::to_village();
    draft.member.account = Some(account_of(VILLAGE));
    draft.actor.account = Some(account_of(VILLAGE));
    let mut play = draft.play();
    assert_eq!(play.holders(), [TOWNSHIP]);
    assert_eq!(play.approve(&administrator(VILLAGE)), Err(Code::TransferSelfApproval));
    assert_eq!(play.approve(&administrator(TOWNSHIP)), Ok(()));
}

#[test]
fn t11_the_member_is_recognized_by_member_id_as_well_as_by_account() {
    let mut play = ProposalDraft::to_village().play();
    let member_in_office = Actor {
        member: Some(MEMBER),
        ..administrator(VILLAGE)
    };
    assert_eq!(play.approve(&member_in_office), Err(Code::TransferSelfApproval));
}

#[test]
fn x1_the_other_system_or_its_provinces_leading_organ_answers() {
    for actor in [integrator(), administrator(BEIJING)] {
        let mut play = ProposalDraft::to_beijing().play();
        assert_eq!(play.phase(), Phase::ExternalPending);
        assert_eq!(play.accept_external(&actor), Ok(()));
        assert_eq!(play.movement.unwrap().to, CaseOutcome::MovedOut(BEIJING_CODE));

        let mut play = ProposalDraft::to_beijing().play();
        assert_eq!(play.refuse_external(&actor, " "), Err(Code::ApprovalReasonRequired));
        assert_eq!(play.refuse_external(&actor, "查无此人"), Ok(()));
        assert_eq!((play.phase(), play.movement), (Phase::Refused, None));
    }
}

#[test]
fn x1_nobody_else_answers_and_the_ordinary_actions_do_not_apply() {
    let mut guangdong = integrator();
    guangdong.role = crate::domain::authority::actor::Role::Integrator {
        organization: OrganizationId(9),
        province: Some(44),
        grant: crate::domain::authority::scope::Grant::everything(OrganizationId(9)),
    };
    let mut play = ProposalDraft::to_beijing().play();
    for actor in [
        guangdong,
        administrator(NATION),
        administrator(PROVINCE),
        administrator(COLLEGE),
        member(),
    ] {
        assert_eq!(
            play.accept_external(&actor),
            Err(Code::TransferExternalNotYours),
            "{actor:?}"
        );
        assert_eq!(
            play.refuse_external(&actor, "no"),
            Err(Code::TransferExternalNotYours),
            "{actor:?}"
        );
    }
    assert_eq!(
        play.approve(&administrator(BEIJING)),
        Err(Code::TransferExternalPending)
    );
    let mut ordinary = ProposalDraft::to_village().play();
    assert_eq!(ordinary.accept_external(&integrator()), Err(Code::TransferNotExternal));
}

#[test]
fn x2_a_case_from_another_province_creates_or_revives_the_member() {
    use crate::domain::member::Standing;
    use crate::domain::transfer::propose::FormerMember;
    let known = FormerMember {
        id: MEMBER,
        standing: Standing::MovedOut,
    };
    for (known, member) in [(None, None), (Some(known), Some(MEMBER))] {
        let draft = ProposalDraft {
            actor: integrator(),
            side: Side::Source,
            ..ProposalDraft::to_other_university()
        };
        let mut play = Play::new(draft.propose_inbound(known).unwrap(), &[]);
        assert_eq!(play.holders(), [OTHER_UNIVERSITY]);
        play.approve(&administrator(OTHER_UNIVERSITY)).unwrap();
        play.assign(&administrator(OTHER_UNIVERSITY), OTHER_CLASS).unwrap();
        assert_eq!(
            play.movement,
            Some(Move {
                member,
                from: None,
                to: CaseOutcome::Branch(OTHER_CLASS)
            })
        );
    }
}

#[test]
fn x2_the_province_that_proposed_may_withdraw() {
    let draft = ProposalDraft {
        actor: integrator(),
        side: Side::Source,
        ..ProposalDraft::to_other_university()
    };
    let mut play = Play::new(draft.propose_inbound(None).unwrap(), &[]);
    assert_eq!(
        play.withdraw(&administrator(CLASS)),
        Err(Code::TransferNotYoursToCancel)
    );
    assert_eq!(play.withdraw(&integrator()), Ok(()));
}

#[test]
fn x3_the_ten_days_hold_for_both_directions() {
    let inbound = ProposalDraft {
        actor: integrator(),
        side: Side::Source,
        ..ProposalDraft::to_other_university()
    };
    for mut play in [
        Play::new(inbound.propose_inbound(None).unwrap(), &[]),
        ProposalDraft::to_beijing().play(),
    ] {
        play.now = at("2026-10-10T16:00:00Z");
        assert!(!play.expire());
        play.now += TimeDelta::minutes(1);
        assert!(play.expire());
    }
}
