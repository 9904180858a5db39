//! Decisions on a proposed case (§1.4.4, §1.5, §2.5; T10, T11, A1 to A6, X1, X2).
//!
//! Each action has a guard, `may_…`. [`super::allowed`] calls the same guards, so the allowed actions a client sees and
//! the decision cannot differ. An action consumes the case and returns the new one with its event.

use super::case::Case;
use super::events::{self, Event, EventKind};
use super::reason::Side;
use super::route::{Destination, OrdinarySteps, Origin, ordinary_steps};
use super::state::{CaseOutcome, CaseState, Phase};
use super::{expiry, proposal_rules};
use crate::domain::authority::actor::{Actor, Role};
use crate::domain::authority::{self, AccessDecision, Action, Capacity, Relation};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::OrganizationFacts;
use crate::domain::policy::Policy;

/// Who decides, when, and under which policy.
#[derive(Debug, Clone, Copy)]
pub struct DecisionContext<'a> {
    /// Now.
    pub now: Timestamp,
    /// Who acts.
    pub actor: &'a Actor,
    /// The organizations that hold the case's turn, as the inbox lists them:
    /// [`crate::domain::organization::turn::Turn::holders`].
    pub holders: &'a [OrganizationId],
    /// The organization that acts for the one that proposed the case (A10). `None` if the member proposed it.
    pub starter: Option<OrganizationId>,
    /// The policy of the case's season.
    pub policy: &'a Policy,
}

/// A member's change of branch. It must be stored together with the transition that causes it (I-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// The member. `None` if a person from another province has to be created (X2).
    pub member: Option<MemberId>,
    /// The branch the member leaves. `None` if they come from another province. If the person was a member here before,
    /// their old record is used again (X2).
    pub from: Option<OrganizationId>,
    /// Where the member goes.
    pub to: CaseOutcome,
}

/// What a decision changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The case after the decision. Its version equals the number of the event. The stored row must still have the
    /// version before it (A9).
    pub case: Case,
    /// The one event of this transition (I-09).
    pub event: Event,
    /// The member's move, if the decision completes the case.
    pub movement: Option<Move>,
}

/// A1 to A4, T9: approves the step the case is at. After a leading organ's approval the case goes on to the ordinary
/// approval. The ordinary approval completes the case or leads to the assignment.
///
/// # Errors
/// Those of [`may_approve`].
pub fn approve(case: Case, context: &DecisionContext<'_>) -> Result<Transition, Refusal> {
    may_approve(&case, context)?;
    accept(case, context)
}

/// A5: refuses with a reason. The case ends and returns to the side that started it. A case that waits for assignment is
/// sent back in the same way, such as after an approval by mistake (A2).
///
/// # Errors
/// Those of [`may_refuse`], and `approval.reason_required`.
pub fn refuse(case: Case, context: &DecisionContext<'_>, reason: Option<Remark>) -> Result<Transition, Refusal> {
    may_refuse(&case, context)?;
    decline(case, context, reason)
}

/// X1: the other system accepts, through its integrator or through its province's leading organ, which enters the
/// answer. The member moves out of the national tree.
///
/// # Errors
/// Those of [`may_answer_external`].
pub fn accept_external(case: Case, context: &DecisionContext<'_>) -> Result<Transition, Refusal> {
    may_answer_external(&case, context)?;
    accept(case, context)
}

/// X1: the other system refuses, with a reason. The case ends and returns to the side that started it.
///
/// # Errors
/// Those of [`may_answer_external`], and `approval.reason_required`.
pub fn refuse_external(
    case: Case,
    context: &DecisionContext<'_>,
    reason: Option<Remark>,
) -> Result<Transition, Refusal> {
    may_answer_external(&case, context)?;
    decline(case, context, reason)
}

/// A2: assigns the member of an approved case to a branch, which completes the case.
///
/// # Errors
/// Those of [`may_assign`] and [`a2_branch`].
pub fn assign(case: Case, context: &DecisionContext<'_>, branch: &OrganizationFacts) -> Result<Transition, Refusal> {
    may_assign(&case, context)?;
    a2_branch(&case, branch)?;
    by_person(case, context, EventKind::Assigned { branch: branch.id })
}

/// T10: withdraws the case. Its history stays.
///
/// # Errors
/// Those of [`may_withdraw`].
pub fn withdraw(case: Case, context: &DecisionContext<'_>) -> Result<Transition, Refusal> {
    may_withdraw(&case, context)?;
    by_person(case, context, EventKind::Withdrawn)
}

/// A6: ends a case that waited too long. `None` if it is not overdue or no longer waits.
pub fn expire(case: Case, policy: &Policy, now: Timestamp) -> Option<Transition> {
    expiry_event(&case.state, case.version, policy, now)?;
    by_system(case, now, EventKind::Expired)
}

/// The event that ends a case, if it waited too long. It needs only the state and the version, so that a job can end
/// many cases without loading each.
pub fn expiry_event(state: &CaseState, version: i64, policy: &Policy, now: Timestamp) -> Option<Event> {
    let event = Event {
        number: version + 1,
        at: now,
        by: None,
        acting_for: None,
        kind: EventKind::Expired,
    };
    let ends = expiry::is_overdue(state, policy, now) && events::apply(Some(state.clone()), &event).is_some();
    ends.then_some(event)
}

/// A6: shows a late assignment to the direct superior too. `None` if it is not late or was escalated already.
pub fn escalate(case: Case, policy: &Policy, now: Timestamp) -> Option<Transition> {
    let stale = expiry::is_stale(&case.state, policy, now);
    stale.then(|| by_system(case, now, EventKind::Escalated)).flatten()
}

/// Whether the actor may approve now.
///
/// # Errors
/// `approval.not_awaited`, and those of [`may_refuse`]. If the target accepts no members any more (T8), `transfer.target_closed` or
/// `transfer.target_graduate_branch`, since a branch may have turned while the case waited.
pub fn may_approve(case: &Case, context: &DecisionContext<'_>) -> Result<(), Refusal> {
    is_open(case)?;
    if case.state.phase() == Phase::AwaitingAssignment {
        return Err(Code::ApprovalNotAwaited.into());
    }
    may_refuse(case, context)?;
    match &case.destination {
        Destination::Organization(target) => {
            proposal_rules::t8_target_closed(target).and_then(|()| proposal_rules::t8_target_graduate_branch(target))
        }
        _ => Ok(()),
    }
}

/// Whether the actor may refuse now, or send an approved case back before it is assigned (A2).
///
/// # Errors
/// `transfer.closed`, `transfer.external_pending`, and those of the turn: `transfer.self_approval`,
/// `transfer.orphaned`, `approval.not_your_turn`.
pub fn may_refuse(case: &Case, context: &DecisionContext<'_>) -> Result<(), Refusal> {
    is_open(case)?;
    if case.state.phase() == Phase::ExternalPending {
        return Err(Code::TransferExternalPending.into());
    }
    has_the_turn(case, context, Action::DecideTransfer)?;
    // Who proposed an approved case may assign it, but sending it back would decide it. They can withdraw it (I-04).
    if case.proposed_by.is_some() && case.proposed_by == context.actor.account {
        return Err(with_helper(Code::TransferSelfApproval, context));
    }
    Ok(())
}

/// X1: whether the actor may give the other system's answer now.
///
/// # Errors
/// `transfer.closed`, `transfer.not_external`, `transfer.self_approval`, `transfer.orphaned`,
/// `transfer.external_not_yours`.
pub fn may_answer_external(case: &Case, context: &DecisionContext<'_>) -> Result<(), Refusal> {
    is_open(case)?;
    match case.state {
        CaseState::ExternalPending { province, .. } if context.actor.speaks_for() == Some(province) => {
            let verdict = authority::verdict(Capacity::of(context.actor), Action::AnswerExternal, Relation::Holder);
            Ok(verdict.into_result()?)
        }
        CaseState::ExternalPending { .. } => has_the_turn(case, context, Action::AnswerExternal),
        _ => Err(Code::TransferNotExternal.into()),
    }
}

/// A2: whether the actor may assign a branch now.
///
/// # Errors
/// `transfer.closed`, `assignment.not_awaited`, `transfer.self_approval`, `transfer.orphaned`,
/// `approval.not_your_turn`.
pub fn may_assign(case: &Case, context: &DecisionContext<'_>) -> Result<(), Refusal> {
    is_open(case)?;
    match case.state.phase() {
        Phase::AwaitingAssignment => has_the_turn(case, context, Action::AssignTransfer),
        _ => Err(Code::AssignmentNotAwaited.into()),
    }
}

/// T10: whether the actor may withdraw the case now. The side that started it and the member may, until the approval is
/// complete. It is complete when the member is assigned to a branch.
///
/// # Errors
/// `transfer.closed`, `transfer.not_yours_to_cancel`.
pub fn may_withdraw(case: &Case, context: &DecisionContext<'_>) -> Result<(), Refusal> {
    is_open(case)?;
    let by_right_of_the_member = context.policy.member_may_withdraw && is_about_actor(case, context.actor);
    let relation = match (is_starter(case, context), by_right_of_the_member) {
        (true, _) => Relation::Starter,
        (false, true) => Relation::Myself,
        (false, false) => Relation::SourceSide,
    };
    Ok(authority::verdict(Capacity::of(context.actor), Action::WithdrawTransfer, relation).into_result()?)
}

/// A2: whether the member may be assigned to this branch. It must be an active ordinary branch in the receiving
/// organization's subtree, and not the branch the member leaves.
///
/// # Errors
/// `assignment.branch_out_of_scope`, `assignment.not_a_branch`, `transfer.target_closed`,
/// `transfer.target_graduate_branch`, `transfer.target_same`.
pub fn a2_branch(case: &Case, branch: &OrganizationFacts) -> Result<(), Refusal> {
    let in_scope = match &case.destination {
        Destination::Organization(target) => branch.path.is_below(&target.path) && !proposal_rules::is_holding(branch),
        _ => false,
    };
    if !in_scope {
        return Err(at_branch(Code::AssignmentBranchOutOfScope.into()));
    }
    if !branch.is_branch() {
        return Err(at_branch(Code::AssignmentNotABranch.into()));
    }
    proposal_rules::t8_target_closed(branch)
        .and_then(|()| proposal_rules::t8_target_graduate_branch(branch))
        .and_then(|()| proposal_rules::t8_target_same(case.origin.branch(), branch))
        .map_err(at_branch)
}

fn at_branch(refusal: Refusal) -> Refusal {
    refusal.at("/branch")
}

/// I-07: a closed case accepts no decision.
fn is_open(case: &Case) -> Result<(), Refusal> {
    if case.state.is_open() {
        Ok(())
    } else {
        Err(Refusal::new(Code::TransferClosed).with_term("state", case.state.phase().text()))
    }
}

/// A1, T11: whether it is the actor's turn. Other superiors see the case but cannot act.
fn has_the_turn(case: &Case, context: &DecisionContext<'_>, action: Action) -> Result<(), Refusal> {
    let verdict = authority::at_turn(context.actor, action, context.holders);
    let entitled = verdict == AccessDecision::May;
    // The turn has passed on if every administrator here is excluded. The refusal still tells them why.
    let would_be = case
        .state
        .turn()
        .is_some_and(|turn| context.actor.administers(turn.organization));
    if case.excludes(context.actor) && (entitled || would_be) {
        return Err(with_helper(Code::TransferSelfApproval, context));
    }
    match (verdict.into_result(), context.holders) {
        (Err(_), []) => Err(Code::TransferOrphaned.into()),
        (settled, _) => settled.map_err(|code| with_helper(code, context)),
    }
}

fn with_helper(code: Code, context: &DecisionContext<'_>) -> Refusal {
    let refusal = Refusal::new(code);
    match context.holders.first() {
        Some(holder) => refusal.ask(*holder),
        None => refusal,
    }
}

/// T10: whether the actor is the side that started the case: the member, an administrator of the organization that
/// proposed or of the one that acts for it (A10), or the integrator of the province the case comes from.
fn is_starter(case: &Case, context: &DecisionContext<'_>) -> bool {
    let actor = context.actor;
    match &actor.role {
        Role::Member => case.started_by == Side::Member && is_about_actor(case, actor),
        Role::Administrator(office) => context.starter == Some(office.organization),
        Role::Integrator { .. } => {
            matches!(case.origin, Origin::Province { province, .. } if actor.speaks_for() == Some(province))
        }
        Role::Auditor(_) | Role::System => false,
    }
}

fn is_about_actor(case: &Case, actor: &Actor) -> bool {
    actor.acting_member().is_some() && actor.acting_member() == case.member()
}

/// The state after the approval that the case waits for.
fn after_approval(case: &Case, now: Timestamp) -> CaseState {
    let OrdinarySteps { approval, assignment } = ordinary_steps(case.started_by, &case.origin, &case.destination, now);
    if case.state.phase() == Phase::AwaitingLeadingOrgan {
        return approval;
    }
    assignment.unwrap_or_else(|| CaseState::Completed {
        at: now,
        outcome: case.destination.outcome(),
    })
}

fn accept(case: Case, context: &DecisionContext<'_>) -> Result<Transition, Refusal> {
    let next = after_approval(&case, context.now);
    by_person(case, context, EventKind::Approved { next })
}

fn decline(case: Case, context: &DecisionContext<'_>, reason: Option<Remark>) -> Result<Transition, Refusal> {
    let reason = reason.ok_or_else(|| Refusal::new(Code::ApprovalReasonRequired).at("/reason"))?;
    by_person(case, context, EventKind::Refused { reason })
}

fn by_person(case: Case, context: &DecisionContext<'_>, kind: EventKind) -> Result<Transition, Refusal> {
    let conflict = Refusal::new(Code::TransferConflict).with_term("state", case.state.phase().text());
    // The guards exclude missing edges. If one were reached nevertheless, this is a conflict and never a wrong state.
    transition(
        case,
        context.now,
        context.actor.account,
        context.actor.acting_for(),
        kind,
    )
    .ok_or(conflict)
}

fn by_system(case: Case, now: Timestamp, kind: EventKind) -> Option<Transition> {
    transition(case, now, None, None, kind)
}

/// The case after one more event. `None` if the state machine has no such edge (I-06).
fn transition(
    case: Case,
    at: Timestamp,
    by: Option<AccountId>,
    acting_for: Option<OrganizationId>,
    kind: EventKind,
) -> Option<Transition> {
    let event = Event {
        number: case.version + 1,
        at,
        by,
        acting_for,
        kind,
    };
    let state = events::apply(Some(case.state.clone()), &event)?;
    let movement = match &state {
        CaseState::Completed { outcome, .. } => Some(Move {
            member: case.member(),
            from: case.origin.branch(),
            to: *outcome,
        }),
        _ => None,
    };
    Some(Transition {
        case: Case {
            state,
            version: event.number,
            ..case
        },
        event,
        movement,
    })
}
