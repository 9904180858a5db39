//! T1 to T12, G1 and the route: the answer to a proposal.

use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{OrganizationId, TransferId};
use crate::domain::core::language::Language;
use crate::domain::member::{Certification, Standing};
use crate::domain::organization::facts::System;
use crate::domain::organization::turn::Duty;
use crate::domain::transfer::proposal_rules::{OpenCase, t6_target_other_system};
use crate::domain::transfer::propose::{FormerMember, Warning};
use crate::domain::transfer::reason::{Reason, Side};
use crate::domain::transfer::state::CaseState;
use crate::domain::transfer::testing::*;

const NOTHING: [Code; 0] = [];

#[test]
fn t1_a_member_starts_only_their_own_transfer() {
    assert_eq!(ProposalDraft::to_village().codes(), NOTHING);
    assert_eq!(
        ProposalDraft {
            actor: stranger(),
            ..ProposalDraft::to_village()
        }
        .codes(),
        [Code::TransferOutOfScope]
    );
    // An administrator cannot act as the member, nor the member as an administrator.
    assert_eq!(
        ProposalDraft::to_village().started_by(Side::Member, CLASS).codes(),
        [Code::TransferOutOfScope]
    );
    assert_eq!(
        ProposalDraft {
            side: Side::Source,
            ..ProposalDraft::to_village()
        }
        .codes(),
        [Code::TransferOutOfScope]
    );
}

#[test]
fn t1_the_source_side_starts_for_members_of_its_subtree() {
    for (organization, codes) in [
        (CLASS, vec![]),
        (COLLEGE, vec![]),
        (UNIVERSITY, vec![]),
        (PROVINCE, vec![]),
        (GRADUATE_CLASS, vec![Code::TransferOutOfScope]),
        (VILLAGE, vec![Code::TransferOutOfScope]),
        (OTHER_UNIVERSITY, vec![Code::TransferOutOfScope]),
    ] {
        assert_eq!(
            ProposalDraft::to_village()
                .started_by(Side::Source, organization)
                .codes(),
            codes,
            "{organization:?}"
        );
    }
}

#[test]
fn t1_the_target_side_starts_for_its_own_subtree() {
    for (organization, codes) in [
        (OTHER_UNIVERSITY, vec![]),
        (OTHER_PROVINCE, vec![]),
        (OTHER_CLASS, vec![Code::TransferTargetOutOfScope]),
        (FACTORY, vec![Code::TransferTargetOutOfScope]),
        (COLLEGE, vec![Code::TransferTargetOutOfScope]),
    ] {
        let draft = ProposalDraft::to_other_university().started_by(Side::Target, organization);
        assert_eq!(draft.codes(), codes, "{organization:?}");
    }
}

#[test]
fn t2_a_second_transfer_names_the_open_one() {
    let open = OpenCase {
        id: TransferId(99),
        started_by: Side::Source,
        proposed_at: at("2026-06-30T16:30:00Z"),
    };
    let refusals = ProposalDraft {
        open_case: Some(open),
        ..ProposalDraft::to_village()
    }
    .propose()
    .unwrap_err();
    assert_eq!(refusals[0].code, Code::TransferAlreadyOpen);
    let text = refusals[0].detail(Language::English);
    assert!(text.contains(&open.id.to_string()), "{text}");
    assert!(text.contains("source side"), "{text}");
    assert!(text.contains("2026-07-01"), "the day in Shanghai: {text}");
}

#[test]
fn t3_members_who_joined_in_2020_or_later_need_a_certified_identity() {
    for (joined_on, certification, codes) in [
        ("2019-12", Certification::NotRequired, vec![]),
        ("2019-12", Certification::NotUploaded, vec![]),
        ("2020-01", Certification::Certified, vec![]),
        (
            "2020-01",
            Certification::NotRequired,
            vec![Code::TransferIdentityNotCertified],
        ),
        (
            "2020-01",
            Certification::NotUploaded,
            vec![Code::TransferIdentityNotCertified],
        ),
        (
            "2020-01",
            Certification::Waiting,
            vec![Code::TransferIdentityNotCertified],
        ),
        (
            "2025-05",
            Certification::Refused,
            vec![Code::TransferIdentityNotCertified],
        ),
    ] {
        let mut draft = ProposalDraft::to_village();
        draft.member.joined_on = joined_on.parse().unwrap();
        draft.member.certification = certification;
        assert_eq!(draft.codes(), codes, "{joined_on} {certification}");
    }
}

#[test]
fn t5_every_missing_field_of_the_reason_is_reported_at_once() {
    let mut draft = ProposalDraft::to_other_university();
    draft.details = Default::default();
    assert_eq!(draft.codes(), [Code::TransferFieldRequired; 3]);
}

#[test]
fn t5_the_reason_decides_which_targets_are_allowed() {
    let no = vec![Code::TransferTargetNotAllowedForReason];
    for (reason, target, codes) in [
        (Reason::FurtherStudy, Some(OTHER_UNIVERSITY), vec![]),
        (Reason::FurtherStudy, Some(FACTORY), no.clone()),
        (Reason::EmployedWithLeague, Some(FACTORY), vec![]),
        (Reason::EmployedWithLeague, Some(OTHER_UNIVERSITY), vec![]),
        (Reason::EmployedWithoutLeague, Some(TOWNSHIP), vec![]),
        (Reason::EmployedWithoutLeague, Some(FACTORY), no.clone()),
        (Reason::Abroad, Some(ABROAD), vec![]),
        (Reason::Abroad, Some(FLOATING), no.clone()),
        (Reason::Abroad, Some(VILLAGE), no.clone()),
        (Reason::Unsettled, Some(TOWNSHIP), vec![]),
        (Reason::Unsettled, Some(FLOATING), vec![]),
        (Reason::Unsettled, Some(ABROAD), no.clone()),
        (Reason::Unsettled, Some(FACTORY), no),
        (Reason::Unsettled, None, vec![Code::TransferTargetRequired]),
        (Reason::Abroad, None, vec![Code::TransferTargetRequired]),
        (Reason::SpecialUnit, None, vec![]),
        (
            Reason::SpecialUnit,
            Some(VILLAGE),
            vec![Code::TransferSpecialUnitHasNoTarget],
        ),
    ] {
        assert_eq!(
            ProposalDraft::new(reason, target).codes(),
            codes,
            "{reason} to {target:?}"
        );
    }
}

#[test]
fn t5_the_policy_decides_about_other_reasons_from_the_target_side() {
    let mut draft = ProposalDraft::to_village().started_by(Side::Target, TOWNSHIP);
    assert_eq!(draft.codes(), NOTHING);
    draft.policy.target_side_other_reasons = false;
    assert_eq!(draft.codes(), [Code::TransferReasonNotAllowedFromTarget]);
    let mut study = ProposalDraft::to_other_university().started_by(Side::Target, OTHER_UNIVERSITY);
    study.policy.target_side_other_reasons = false;
    assert_eq!(study.codes(), NOTHING);
}

#[test]
fn t6_the_three_provinces_are_written_out_in_full() {
    assert_eq!(ProposalDraft::to_beijing().codes(), NOTHING);

    let mut incomplete = ProposalDraft::to_beijing();
    let external = incomplete.details.external.as_mut().unwrap();
    (external.name, external.organization, external.address) = (None, Some("  ".into()), None);
    assert_eq!(incomplete.codes(), [Code::TransferExternalDetailsRequired; 3]);

    let mut nowhere = ProposalDraft::to_beijing();
    nowhere.details.external.as_mut().unwrap().province = None;
    assert_eq!(nowhere.codes(), [Code::TransferExternalDetailsRequired]);

    let mut hebei = ProposalDraft::to_beijing();
    hebei.details.external.as_mut().unwrap().province = Some(13);
    assert!(hebei.codes().contains(&Code::TransferExternalProvinceUnknown));
    assert_eq!(
        hebei
            .codes()
            .iter()
            .filter(|code| **code == Code::TransferExternalProvinceUnknown)
            .count(),
        1
    );
}

#[test]
fn t6_a_proposal_has_either_a_target_or_a_written_out_destination() {
    let both = ProposalDraft {
        target: Some(OTHER_UNIVERSITY),
        ..ProposalDraft::to_beijing()
    };
    assert_eq!(both.codes(), [Code::TransferTargetAndExternal]);
    let by_target = ProposalDraft::to_beijing().started_by(Side::Target, OTHER_UNIVERSITY);
    assert_eq!(by_target.codes(), [Code::TransferTargetRequired]);
    let mut abroad = ProposalDraft {
        reason: Reason::Abroad,
        ..ProposalDraft::to_beijing()
    };
    abroad.details.school_name = None;
    assert!(abroad.codes().contains(&Code::TransferReasonNotExternal));
}

#[test]
fn t6_an_organization_of_the_three_provinces_cannot_be_chosen() {
    let draft = ProposalDraft::new(Reason::FurtherStudy, Some(BEIJING_UNIVERSITY));
    assert_eq!(draft.codes(), [Code::TransferTargetOtherSystem]);
}

#[test]
fn t7_an_organization_of_a_system_committee_is_a_target_wherever_it_is() {
    let mut railway = organization(BEIJING_UNIVERSITY);
    railway.system = System::Railway;
    assert_eq!(t6_target_other_system(&railway), Ok(()));
    railway.system = System::Place;
    assert!(t6_target_other_system(&railway).is_err());
}

#[test]
fn t8_each_refused_target_has_its_own_code() {
    for (target, code) in [
        (GRADUATE_CLASS, Code::TransferTargetGraduateBranch),
        (CLOSED_BRANCH, Code::TransferTargetClosed),
        (CLASS, Code::TransferTargetSame),
        (PROVINCE, Code::TransferTargetLeadingOrgan),
        (COUNTY, Code::TransferTargetLeadingOrgan),
    ] {
        let codes = ProposalDraft::new(Reason::EmployedWithLeague, Some(target)).codes();
        assert!(codes.contains(&code), "{target:?}: {codes:?}");
    }
    // The organizations above those targets are allowed, including the member's own college.
    for target in [FACTORY, COLLEGE, UNIVERSITY] {
        assert_eq!(
            ProposalDraft::new(Reason::EmployedWithLeague, Some(target)).codes(),
            NOTHING,
            "{target:?}"
        );
    }
}

#[test]
fn t8_nobody_chooses_the_holding_of_special_units() {
    for reason in Reason::ALL {
        let codes = ProposalDraft::new(*reason, Some(HOLDING)).codes();
        assert!(!codes.is_empty(), "{reason}");
    }
}

#[test]
fn t9_a_member_under_sixteen_who_leaves_the_school_sector_needs_an_explanation() {
    let born = |birth_date: &str, now: &str, explanation| ProposalDraft {
        now: at(now),
        explanation,
        ..ProposalDraft::to_village().born(birth_date)
    };
    // 1 September 2026 begins in Shanghai at 16:00 of 31 August in UTC.
    let before = born("2010-09-01", "2026-08-31T15:59:59Z", None);
    assert_eq!(before.codes(), [Code::TransferExplanationRequired]);
    assert_eq!(
        born("2010-09-01", "2026-08-31T16:00:00Z", None).codes(),
        NOTHING,
        "sixteen on the birthday"
    );
    assert_eq!(
        born("2010-09-01", "2026-08-31T15:59:59Z", Some(" ")).codes(),
        [Code::TransferExplanationRequired]
    );

    let explained = born("2010-09-01", "2026-08-31T15:59:59Z", Some("随父母迁居"))
        .propose()
        .unwrap();
    assert!(matches!(
        explained.state,
        CaseState::AwaitingLeadingOrgan { organ: PROVINCE, .. }
    ));
    assert!(explained.warnings.contains(&Warning::LeadingOrganFirst));
    let grown = born("2010-09-01", "2026-08-31T16:00:00Z", Some("随父母迁居"))
        .propose()
        .unwrap();
    assert!(
        matches!(grown.state, CaseState::AwaitingApproval { .. }),
        "an explanation alone does not change the route"
    );
}

#[test]
fn t9_within_the_school_sector_no_leading_organ_approves() {
    let young = ProposalDraft::to_other_university().born("2012-01-01");
    assert!(matches!(
        young.propose().unwrap().state,
        CaseState::AwaitingApproval { .. }
    ));
    let to_school_in_beijing = ProposalDraft::to_beijing().born("2012-01-01");
    assert!(matches!(
        to_school_in_beijing.propose().unwrap().state,
        CaseState::ExternalPending { .. }
    ));
    assert_eq!(
        ProposalDraft::to_special_unit().born("2012-01-01").codes(),
        [Code::TransferExplanationRequired]
    );
}

#[test]
fn t12_only_members_in_good_standing_can_start() {
    for standing in Standing::ALL {
        let mut draft = ProposalDraft::to_village();
        draft.member.standing = *standing;
        let good = matches!(standing, Standing::Good | Standing::PartyMember);
        let expected = if good {
            vec![]
        } else {
            vec![Code::TransferMemberNotActive]
        };
        assert_eq!(draft.codes(), expected, "{standing}");
    }
    let mut held = ProposalDraft::to_village();
    held.member.branch = organization(HOLDING);
    assert_eq!(held.codes(), [Code::TransferMemberNotActive]);
}

#[test]
fn all_blocking_rules_are_told_at_once_in_a_fixed_order() {
    let mut draft = ProposalDraft::new(Reason::Unsettled, Some(CLOSED_BRANCH)).born("2012-01-01");
    draft.member.standing = Standing::Expelled;
    draft.member.certification = Certification::Waiting;
    draft.open_case = Some(OpenCase {
        id: TransferId(3),
        started_by: Side::Target,
        proposed_at: draft.now,
    });
    draft.details = Default::default();
    assert_eq!(
        draft.codes(),
        [
            Code::TransferMemberNotActive,
            Code::TransferAlreadyOpen,
            Code::TransferIdentityNotCertified,
            Code::TransferFieldRequired,
            Code::TransferTargetClosed,
            Code::TransferTargetNotAllowedForReason,
            Code::TransferExplanationRequired,
        ]
    );
}

#[test]
fn t1_a_caller_who_may_not_start_the_transfer_learns_nothing_about_the_member() {
    let mut draft = ProposalDraft {
        actor: stranger(),
        ..ProposalDraft::to_village()
    };
    draft.member.standing = Standing::Expelled;
    draft.member.certification = Certification::Waiting;
    draft.open_case = Some(OpenCase {
        id: TransferId(3),
        started_by: Side::Target,
        proposed_at: draft.now,
    });
    assert_eq!(draft.codes(), [Code::TransferOutOfScope]);
}

#[test]
fn t12_the_refusal_does_not_name_the_holding() {
    let mut held = ProposalDraft::to_village();
    held.member.branch = organization(HOLDING);
    assert_eq!(held.propose().unwrap_err()[0].helper, None);
    held.member.branch = organization(CLASS);
    held.member.standing = Standing::Left;
    assert_eq!(held.propose().unwrap_err()[0].helper, Some(CLASS));
}

#[test]
fn g1_an_unmarked_branch_only_warns() {
    let draft = ProposalDraft::to_village();
    assert_eq!(draft.propose().unwrap().warnings, [Warning::BranchUnmarked]);
    let mut marked = draft.clone();
    let month = crate::domain::core::time::Month::new(2026, 7).unwrap();
    marked.member.branch.graduation = Some(crate::domain::organization::facts::Graduation::Month(month));
    assert_eq!(marked.propose().unwrap().warnings, []);
}

/// Each step's duty, its organization, who can act, and whether the turn passes to a superior.
fn route(draft: &ProposalDraft) -> Vec<(Duty, OrganizationId, Vec<OrganizationId>, bool)> {
    let route = draft.propose().unwrap().route;
    route
        .into_iter()
        .map(|step| (step.duty, step.organization, step.holders, step.passes_to_superior))
        .collect()
}

#[test]
fn a1_to_a4_the_preview_shows_the_whole_route() {
    assert_eq!(
        route(&ProposalDraft::to_village()),
        [(Duty::ApprovalIn, VILLAGE, vec![VILLAGE, TOWNSHIP], false)]
    );
    assert_eq!(
        route(&ProposalDraft::to_other_university()),
        [
            (Duty::ApprovalIn, OTHER_UNIVERSITY, vec![OTHER_UNIVERSITY], false),
            (Duty::Assignment, OTHER_UNIVERSITY, vec![OTHER_UNIVERSITY], false),
        ]
    );
    assert_eq!(
        route(&ProposalDraft::to_other_university().started_by(Side::Target, OTHER_UNIVERSITY)),
        [
            (Duty::ApprovalOut, CLASS, vec![CLASS, COLLEGE], false),
            (Duty::Assignment, OTHER_UNIVERSITY, vec![OTHER_UNIVERSITY], false),
        ]
    );
    assert_eq!(
        route(&ProposalDraft::to_special_unit()),
        [(Duty::Province, PROVINCE, vec![PROVINCE], false)]
    );
    assert_eq!(
        route(&ProposalDraft::to_beijing()),
        [(Duty::ExternalAnswer, BEIJING, vec![BEIJING], false)]
    );
    let young = ProposalDraft {
        explanation: Some("迁居"),
        ..ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).born("2012-01-01")
    };
    assert_eq!(
        route(&young).iter().map(|step| step.0).collect::<Vec<_>>(),
        [Duty::LeadingOrgan, Duty::ApprovalIn, Duty::Assignment,]
    );
}

#[test]
fn a10_the_preview_says_that_a_turn_will_pass() {
    let draft = ProposalDraft {
        vacant: vec![VILLAGE, TOWNSHIP],
        ..ProposalDraft::to_village()
    };
    let proposal = draft.propose().unwrap();
    assert!(proposal.route[0].vacant && proposal.route[0].passes_to_superior);
    assert_eq!(proposal.route[0].holders, [COUNTY]);
    assert!(proposal.warnings.contains(&Warning::TurnPasses));

    let nobody = ProposalDraft {
        vacant: vec![VILLAGE, TOWNSHIP, COUNTY, PROVINCE, NATION],
        ..draft
    };
    assert!(nobody.propose().unwrap().warnings.contains(&Warning::NobodyCanAct));
}

#[test]
fn a6_the_preview_shows_the_first_steps_due_date() {
    let route = ProposalDraft::to_other_university().propose().unwrap().route;
    assert_eq!(route[0].due, Some(at("2026-10-10T16:00:00Z")));
    assert_eq!(route[1].due, None, "its clock starts when it is reached");
}

#[test]
fn x2_only_another_provinces_system_proposes_from_there() {
    let draft = ProposalDraft {
        side: Side::Source,
        ..ProposalDraft::to_other_university()
    };
    for (actor, expected) in [
        (integrator(), vec![]),
        (administrator(BEIJING), vec![Code::TransferInboundNotAllowed]),
        (administrator(OTHER_UNIVERSITY), vec![Code::TransferInboundNotAllowed]),
        (member(), vec![Code::TransferInboundNotAllowed]),
    ] {
        assert_eq!(
            codes(ProposalDraft { actor, ..draft.clone() }.propose_inbound(None)),
            expected
        );
    }
}

#[test]
fn x2_a_member_in_the_national_tree_is_not_proposed_from_outside() {
    let draft = ProposalDraft {
        actor: integrator(),
        side: Side::Source,
        ..ProposalDraft::to_other_university()
    };
    for standing in Standing::ALL {
        let known = FormerMember {
            id: MEMBER,
            standing: *standing,
        };
        let expected = match standing {
            Standing::MovedOut => vec![],
            Standing::Good | Standing::PartyMember => vec![Code::TransferInboundMemberExists],
            _ => vec![Code::TransferMemberNotActive],
        };
        assert_eq!(codes(draft.propose_inbound(Some(known))), expected, "{standing}");
    }
}

#[test]
fn x2_the_target_rules_hold_for_inbound_cases_too() {
    for (target, expected) in [
        (None, Code::TransferTargetRequired),
        (Some(GRADUATE_CLASS), Code::TransferTargetGraduateBranch),
        (Some(COUNTY), Code::TransferTargetLeadingOrgan),
        (Some(BEIJING_UNIVERSITY), Code::TransferTargetOtherSystem),
        (Some(FACTORY), Code::TransferTargetNotAllowedForReason),
    ] {
        let draft = ProposalDraft {
            actor: integrator(),
            side: Side::Source,
            target,
            ..ProposalDraft::to_other_university()
        };
        assert!(codes(draft.propose_inbound(None)).contains(&expected), "{target:?}");
    }
    let open = OpenCase {
        id: TransferId(3),
        started_by: Side::Source,
        proposed_at: at("2026-06-01T00:00:00Z"),
    };
    let draft = ProposalDraft {
        actor: integrator(),
        open_case: Some(open),
        ..ProposalDraft::to_other_university()
    };
    assert_eq!(codes(draft.propose_inbound(None)), [Code::TransferAlreadyOpen]);
}
