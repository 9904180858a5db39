//! Properties of the state machine: it has no other edges (I-06), final states stay (I-07), there is one event for each
//! transition (I-09), and replay gives the state (I-10). Nobody decides their own case (I-04), and the allowed actions
//! are those that succeed.

use crate::domain::authority::actor::{Actor, Role};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::text::Remark;
use crate::domain::organization::turn::Duty;
use crate::domain::transfer::allowed::{TransferAction, allowed_actions};
use crate::domain::transfer::decide::a2_branch;
use crate::domain::transfer::events::{EventKind, replay};
use crate::domain::transfer::expiry::is_overdue;
use crate::domain::transfer::reason::{Reason, Side};
use crate::domain::transfer::state::{ApprovalSide, CaseOutcome, CaseState, Phase, StateParts};
use crate::domain::transfer::testing::*;
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;

fn any_state() -> impl Strategy<Value = CaseState> {
    let since = at("2026-07-01T00:00:00Z");
    let id = OrganizationId(7);
    let states = vec![
        CaseState::AwaitingLeadingOrgan { organ: id, since },
        CaseState::AwaitingApproval {
            side: ApprovalSide::Source,
            at: id,
            since,
        },
        CaseState::AwaitingApproval {
            side: ApprovalSide::Target,
            at: id,
            since,
        },
        CaseState::AwaitingProvince { organ: id, since },
        CaseState::ExternalPending {
            province: BEIJING_CODE,
            organ: id,
            since,
        },
        CaseState::AwaitingAssignment {
            at: id,
            since,
            escalated: None,
        },
        CaseState::AwaitingAssignment {
            at: id,
            since,
            escalated: Some(since),
        },
        CaseState::Completed {
            at: since,
            outcome: CaseOutcome::Branch(id),
        },
        CaseState::Completed {
            at: since,
            outcome: CaseOutcome::Holding(id),
        },
        CaseState::Completed {
            at: since,
            outcome: CaseOutcome::MovedOut(BEIJING_CODE),
        },
        CaseState::Refused {
            at: since,
            reason: Remark::new("信息错误").unwrap(),
        },
        CaseState::Withdrawn { at: since },
        CaseState::Expired { at: since },
    ];
    select(states)
}

/// Every organization's administrator, the member as one of them, and every other kind of actor.
fn any_actor() -> impl Strategy<Value = Actor> {
    let mut actors: Vec<Actor> = ALL.into_iter().map(administrator).collect();
    actors.push(Actor {
        member: Some(MEMBER),
        ..administrator(VILLAGE)
    });
    actors.extend([member(), stranger(), integrator(), Actor::system()]);
    select(actors)
}

/// Proposals for every route a case can take.
fn any_draft() -> impl Strategy<Value = ProposalDraft> {
    let young = |draft: ProposalDraft| ProposalDraft {
        explanation: Some("迁居"),
        ..draft.born("2012-01-01")
    };
    let drafts = vec![
        ProposalDraft::to_village(),
        ProposalDraft::to_village().started_by(Side::Source, COLLEGE),
        ProposalDraft::to_village().started_by(Side::Target, TOWNSHIP),
        ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)),
        ProposalDraft::new(Reason::Unsettled, Some(FLOATING)).started_by(Side::Source, UNIVERSITY),
        ProposalDraft::new(Reason::EmployedWithLeague, Some(UNIVERSITY)),
        ProposalDraft::to_other_university(),
        ProposalDraft::to_other_university().started_by(Side::Target, OTHER_UNIVERSITY),
        ProposalDraft::to_special_unit(),
        ProposalDraft::to_beijing(),
        young(ProposalDraft::to_village()),
        young(ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).started_by(Side::Target, TOWNSHIP)),
        young(ProposalDraft::to_special_unit()),
    ];
    let vacant = prop::collection::vec(select(ALL.to_vec()), 0..4);
    (select(drafts), vacant, 0..200i64).prop_map(|(draft, vacant, days)| {
        let now = draft.now + TimeDelta::days(days);
        ProposalDraft { vacant, now, ..draft }
    })
}

#[derive(Debug, Clone)]
enum Attempt {
    Take(TransferAction, Actor, OrganizationId),
    Expire,
    Escalate,
    Wait(TimeDelta),
}

fn any_attempt() -> impl Strategy<Value = Attempt> {
    let action = (select(TransferAction::ALL.to_vec()), any_actor(), select(ALL.to_vec()));
    prop_oneof![
        8 => action.prop_map(|(action, actor, branch)| Attempt::Take(action, actor, branch)),
        1 => Just(Attempt::Expire),
        1 => Just(Attempt::Escalate),
        1 => (0..40_000i64).prop_map(|minutes| Attempt::Wait(TimeDelta::minutes(minutes))),
    ]
}

fn take(play: &mut Play, action: TransferAction, actor: &Actor, branch: OrganizationId) -> Result<(), Code> {
    match action {
        TransferAction::Approve => play.approve(actor),
        TransferAction::Refuse => play.refuse(actor, "信息错误"),
        TransferAction::Assign => play.assign(actor, branch),
        TransferAction::Withdraw => play.withdraw(actor),
        TransferAction::AcceptExternal => play.accept_external(actor),
        TransferAction::RefuseExternal => play.refuse_external(actor, "查无此人"),
    }
}

/// Makes an attempt and checks that the outcome is the one that was announced.
fn attempt(play: &mut Play, attempt: &Attempt) -> Result<(), TestCaseError> {
    match attempt {
        Attempt::Wait(time) => play.now += *time,
        Attempt::Expire => {
            let overdue = is_overdue(&play.case.state, &play.policy, play.now);
            prop_assert_eq!(play.expire(), overdue, "I-22");
        }
        Attempt::Escalate => {
            play.escalate();
        }
        Attempt::Take(action, actor, branch) => {
            let allowed = play.ask(actor, allowed_actions);
            let announced = allowed
                .into_iter()
                .find(|(other, _)| other == action)
                .unwrap()
                .1
                .map_err(|no| no.code);
            let good_input = *action != TransferAction::Assign || a2_branch(&play.case, &organization(*branch)).is_ok();
            let answer = take(play, *action, actor, *branch);
            if good_input {
                prop_assert_eq!(answer, announced, "shown and decided differ");
            } else {
                prop_assert!(answer.is_err());
            }
            let decides = !matches!(action, TransferAction::Withdraw | TransferAction::Assign);
            if answer.is_ok() && decides && !matches!(actor.role, Role::Integrator { .. }) {
                prop_assert_ne!(actor.account, play.case.proposed_by, "I-04");
                prop_assert_ne!(actor.member, play.case.member(), "I-04");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn i10_a_state_survives_its_columns_and_its_json(state in any_state()) {
        prop_assert_eq!(&CaseState::try_from(StateParts::from(state.clone())), &Ok(state.clone()));
        let json = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<CaseState>(&json).unwrap(), state);
    }

    #[test]
    fn i06_i07_i09_i10_a_case_keeps_to_the_machine(
        draft in any_draft(),
        attempts in prop::collection::vec(any_attempt(), 1..60),
    ) {
        let mut play = draft.play();
        for next in &attempts {
            let (before, events) = (play.case.clone(), play.events.len());
            attempt(&mut play, next)?;
            let changed = play.events.len() - events;
            if changed == 0 {
                prop_assert_eq!(&play.case, &before, "I-32: a denied attempt changes nothing");
            } else {
                prop_assert_eq!(changed, 1, "I-09");
                prop_assert!(before.state.is_open(), "I-07");
                prop_assert!(before.state.phase().next().contains(&play.phase()), "I-06");
                prop_assert_eq!(play.movement.is_some(), play.phase() == Phase::Completed, "I-11");
            }
            prop_assert_eq!(play.case.version, play.events.len() as i64);
            prop_assert_eq!(replay(&play.events), Ok(play.case.state.clone()), "I-10");
        }
    }

    #[test]
    fn a8_exactly_the_organizations_with_a_case_in_their_inbox_can_act_on_it(
        draft in any_draft(),
        attempts in prop::collection::vec(any_attempt(), 0..30),
    ) {
        let mut play = draft.play();
        for next in &attempts {
            attempt(&mut play, next)?;
        }
        let Some(turn) = play.case.state.turn() else { return Ok(()) };
        let action = match turn.duty {
            Duty::Assignment => TransferAction::Assign,
            Duty::ExternalAnswer => TransferAction::AcceptExternal,
            _ => TransferAction::Approve,
        };
        let holders = play.holders();
        for organization in ALL {
            let may = play.ask(&administrator(organization), |case, context| action.check(case, context)).is_ok();
            prop_assert_eq!(may, holders.contains(&organization), "{:?} at {:?}", action, organization);
        }
    }

    #[test]
    fn t10_a1_the_previewed_route_is_the_one_the_case_takes(draft in any_draft()) {
        let proposal = draft.propose().unwrap();
        let mut play = Play::new(proposal.clone(), &draft.vacant);
        for step in &proposal.route {
            let turn = play.case.state.turn().unwrap();
            prop_assert_eq!((turn.duty, turn.organization), (step.duty, step.organization));
            prop_assert_eq!(&play.holders(), &step.holders);
            let Some(holder) = step.holders.first() else { return Ok(()) };
            let actor = administrator(*holder);
            let answer = match step.duty {
                Duty::Assignment => {
                    let branch = ALL.into_iter().find(|id| a2_branch(&play.case, &organization(*id)).is_ok());
                    play.assign(&actor, branch.unwrap())
                }
                Duty::ExternalAnswer => play.accept_external(&actor),
                _ => play.approve(&actor),
            };
            prop_assert_eq!(answer, Ok(()));
        }
        prop_assert_eq!(play.phase(), Phase::Completed);
    }

    #[test]
    fn the_preview_and_the_proposal_agree_and_a_blocked_one_says_why(
        draft in any_draft(),
        actor in any_actor(),
        side in select(Side::ALL.to_vec()),
        reason in select(Reason::ALL.to_vec()),
        target in prop::option::of(select(ALL.to_vec())),
    ) {
        let draft = ProposalDraft { actor, side, reason, target, ..draft };
        let (preview, proposed) = (draft.propose(), draft.propose());
        prop_assert_eq!(&preview, &proposed);
        match proposed {
            Ok(proposal) => {
                prop_assert!(proposal.state.is_open());
                prop_assert_eq!(proposal.route[0].duty, proposal.state.turn().unwrap().duty);
            }
            Err(refusals) => prop_assert!(!refusals.is_empty()),
        }
    }
}

#[test]
fn n7_n13_a_closed_case_accepts_no_action() {
    let mut ends: Vec<Play> = vec![];
    let mut play = ProposalDraft::to_village().play();
    play.approve(&administrator(VILLAGE)).unwrap();
    ends.push(play);
    let mut play = ProposalDraft::to_village().play();
    play.refuse(&administrator(VILLAGE), "信息错误").unwrap();
    ends.push(play);
    let mut play = ProposalDraft::to_village().play();
    play.withdraw(&member()).unwrap();
    ends.push(play);
    let mut play = ProposalDraft::to_village().play();
    play.now = at("2027-01-01T00:00:00Z");
    assert!(play.expire());
    ends.push(play);
    for mut play in ends {
        play.now = at("2030-01-01T00:00:00Z");
        for action in TransferAction::ALL {
            for actor in [administrator(VILLAGE), administrator(TOWNSHIP), member(), integrator()] {
                assert_eq!(
                    take(&mut play, *action, &actor, OTHER_VILLAGE),
                    Err(Code::TransferClosed),
                    "{action}"
                );
            }
        }
        assert!(!play.expire() && !play.escalate());
    }
}

#[test]
fn i10_a_history_with_a_gap_a_second_proposal_or_a_missing_edge_is_invalid() {
    let mut play = ProposalDraft::new(Reason::Unsettled, Some(TOWNSHIP)).play();
    play.approve(&administrator(TOWNSHIP)).unwrap();
    play.assign(&administrator(TOWNSHIP), VILLAGE).unwrap();
    let good = play.events;
    assert!(replay(&good).is_ok());
    assert_eq!(replay(&[]).map_err(|no| no.number), Err(1));
    assert_eq!(replay(&good[1..]).map_err(|no| no.number), Err(1));

    let gap = [good[0].clone(), good[2].clone()];
    assert_eq!(replay(&gap).map_err(|no| no.number), Err(2));

    let mut twice = good.clone();
    twice[1].kind = twice[0].kind.clone();
    assert_eq!(replay(&twice).map_err(|no| no.number), Err(2));

    let mut after_the_end = good.clone();
    after_the_end.push(good[2].clone());
    after_the_end[3].number = 4;
    after_the_end[3].kind = EventKind::Expired;
    assert_eq!(replay(&after_the_end).map_err(|no| no.number), Err(4));

    let mut skipped = good;
    skipped[1].kind = EventKind::Assigned { branch: VILLAGE };
    assert_eq!(replay(&skipped).map_err(|no| no.number), Err(2));
}

#[test]
fn i10_columns_that_contradict_each_other_do_not_form_a_state() {
    let since = at("2026-07-01T00:00:00Z");
    let blank = StateParts::from(CaseState::Withdrawn { at: since });
    for phase in Phase::ALL {
        let lacking = CaseState::try_from(StateParts {
            phase: *phase,
            ..blank.clone()
        });
        assert_eq!(
            lacking.is_ok(),
            matches!(phase, Phase::Withdrawn | Phase::Expired),
            "{phase}"
        );
    }
}
