//! Decisions on a case (§1.4.4, §1.5). Each is one transition, stored together with its event, the inbox entries, the
//! member's move and the audit entry, or not at all.

use super::case::{LoadedCase, load_case, visible};
use super::inbound;
use super::turn::{close_inbox_entries, move_inbox_entries};
use super::view::{CaseView, render, starter, view};
use crate::db::Conn;
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, OrganizationId, TransferId};
use crate::domain::core::text::Remark;
use crate::domain::member::Standing;
use crate::domain::organization::facts::{Level, OrganizationKind, OrganizationPurpose, Path, Sector};
use crate::domain::organization::rules::HOLDING_NAME;
use crate::domain::policy::Policy;
use crate::domain::transfer::case::Case;
use crate::domain::transfer::decide::{self as rules, DecisionContext, Move, Transition};
use crate::domain::transfer::events::Event;
use crate::domain::transfer::state::CaseOutcome;
use crate::domain::transfer::{expiry, proposal_rules};
use crate::repository::organizations::{self, NewOrganization, Organization};
use crate::repository::transfers::{self, Transfer};
use crate::repository::{appointments, members};
use crate::security::vault::Vault;
use crate::service::{Context, Error, Expected, Result, appointments as offices, audit};

/// A decision on a case.
#[derive(Debug, Clone)]
pub enum TransferDecision {
    /// Approve the case (同意).
    Approve,
    /// Refuse the case, with a reason (不同意).
    Refuse {
        /// The reason. A decision without one is refused (A5).
        reason: Option<Remark>,
    },
    /// Assign a branch to the accepted member (分配).
    Assign {
        /// The branch.
        branch: OrganizationId,
    },
    /// Take the case back, as the proposing side or the member (撤销).
    Withdraw,
    /// The external province's system accepted the member (X1).
    AcceptExternal,
    /// The external province's system refused the member, with a reason (X1).
    RefuseExternal {
        /// The reason. A decision without one is refused (A5).
        reason: Option<Remark>,
    },
}

impl TransferDecision {
    /// Whether it is a decision of a holder. The others are the proposing side's, the member's or an integrator's.
    fn is_in_turn(&self) -> bool {
        matches!(self, Self::Approve | Self::Refuse { .. } | Self::Assign { .. })
    }

    /// The action that the caller must be allowed to do.
    fn permission(&self) -> Action {
        match self {
            Self::Approve | Self::Refuse { .. } => Action::DecideTransfer,
            Self::Assign { .. } => Action::AssignTransfer,
            Self::Withdraw => Action::WithdrawTransfer,
            Self::AcceptExternal | Self::RefuseExternal { .. } => Action::AnswerExternal,
        }
    }

    /// The action in the audit log.
    fn audit_action(&self) -> AuditAction {
        match self {
            Self::Approve => AuditAction::TransferApproved,
            Self::Refuse { .. } => AuditAction::TransferRefused,
            Self::Assign { .. } => AuditAction::TransferAssigned,
            Self::Withdraw => AuditAction::TransferWithdrawn,
            Self::AcceptExternal => AuditAction::ExternalTransferAccepted,
            Self::RefuseExternal { .. } => AuditAction::ExternalTransferRefused,
        }
    }
}

/// Decides a case.
///
/// # Errors
/// `transfer.not_found` for callers who may not see it. The refusals of the rules. `request.stale` if the case has
/// changed since it was read. A rule that refuses anyway comes first (RFC 9110, 13.2.1), so the loser of a race learns
/// the state that won.
pub fn decide(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    id: TransferId,
    expected: Expected,
    decision: &TransferDecision,
) -> Result<CaseView> {
    // An office can end with the member's move (P6).
    let ends_offices = appointments::has_office(conn, id)?;
    if ends_offices {
        appointments::lock_offices(conn)?;
    } else {
        appointments::lock_offices_shared(conn)?;
    }
    let found = transfers::find_locked(conn, id)?;
    let transfer = visible(conn, &context.actor, decision.permission(), id, found)?;
    let LoadedCase { case, holders, policy } = load_case(conn, &transfer)?;
    let before = case.state.clone();
    let decision_context = DecisionContext {
        now: context.now,
        actor: &context.actor,
        holders: &holders,
        starter: starter(conn, &context.actor, &case)?,
        policy: &policy,
    };
    let transition = match decision {
        TransferDecision::Approve => rules::approve(case, &decision_context),
        TransferDecision::Refuse { reason } => rules::refuse(case, &decision_context, reason.clone()),
        TransferDecision::Assign { branch } => {
            let found = organizations::find_locked(conn, *branch)?
                .filter(|found| found.purpose != OrganizationPurpose::SpecialUnit);
            let found = found.ok_or_else(|| Refusal::new(Code::OrganizationNotFound).at("/branch"))?;
            rules::assign(case, &decision_context, &found.facts())
        }
        TransferDecision::Withdraw => rules::withdraw(case, &decision_context),
        TransferDecision::AcceptExternal => rules::accept_external(case, &decision_context),
        TransferDecision::RefuseExternal { reason } => rules::refuse_external(case, &decision_context, reason.clone()),
    }?;
    expected.check_version(transfer.version)?;
    close_inbox_entries(conn, &transition.case, &before)?;
    let turn = decision.is_in_turn().then_some(transfer.organization_id).flatten();
    let is_inbound = transfer.source_province.is_some();
    let Transition { case, event, movement } = transition;
    advance(conn, &transfer, &case, &event, &policy)?;
    if let Some(movement) = movement {
        relocate(conn, context, vault, &transfer, movement)?;
    }
    let action = decision.audit_action();
    let holders = conclude(conn, context, &transfer, &case, turn, &policy, action)?;
    if let (Some(account), Some(Move { from: Some(_), .. })) = (case.member_account, movement) {
        end_offices_left(conn, context, &transfer, account, ends_offices)?;
    }
    let stored = transfers::find(conn, id)?.ok_or(Code::TransferNotFound)?;
    if is_inbound {
        // The person of an inbound case may just have become a member.
        return view(conn, context, stored);
    }
    render(conn, context, stored, &LoadedCase { case, holders, policy })
}

/// Stores the beginning of a transition: the row if its version still fits, and its event. `policy` is that of the case's
/// season. The caller has already deleted the old inbox entries, and moves the member next, if the transition does.
pub(super) fn advance(conn: &mut Conn, transfer: &Transfer, case: &Case, event: &Event, policy: &Policy) -> Result<()> {
    let deadline = expiry::deadline(&case.state, policy);
    if !transfers::update(conn, case.id, case.version, &case.state, deadline)? {
        return Err(Refusal::new(Code::TransferConflict)
            .with_term("state", transfer.state.text())
            .into());
    }
    let facts = serde_json::to_string(&event.kind).map_err(|_| Error::Corrupt("an event can't be written as JSON"))?;
    Ok(transfers::append_event(conn, case.id, event, &facts)?)
}

/// Stores the rest of a transition: the new inbox entries and the audit entry. The audit entry says on whose behalf the
/// actor decided if the `turn` was another organization's (A10). Returns the case's new holders.
pub(super) fn conclude(
    conn: &mut Conn,
    context: &Context,
    transfer: &Transfer,
    case: &Case,
    turn: Option<OrganizationId>,
    policy: &Policy,
    action: AuditAction,
) -> Result<Vec<OrganizationId>> {
    if !case.state.is_open() && case.origin.province().is_some() {
        inbound::close(conn, case.id)?;
    }
    let holders = move_inbox_entries(conn, case, policy, &transfer.member_name, &[])?;
    if case.state.is_open() && holders.is_empty() {
        transfers::set_orphaned(conn, case.id, Some(context.now))?;
    }
    audit::record_in_turn(conn, context, turn, action, case.id)?;
    Ok(holders)
}

fn relocate(conn: &mut Conn, context: &Context, vault: &Vault, transfer: &Transfer, movement: Move) -> Result<()> {
    let branch = match movement.to {
        CaseOutcome::Branch(branch) => Some(taking(conn, branch)?),
        CaseOutcome::Holding(organ) => Some(Some(holding(conn, context, organ)?)),
        CaseOutcome::MovedOut(_) => None,
    };
    let branch = branch
        .map(|branch| branch.ok_or(Error::Corrupt("a case's receiving branch is missing")))
        .transpose()?;
    let to = branch.as_ref().map(|branch| (branch.id, &branch.path));
    match (movement.member, to) {
        (Some(member), to) => {
            if movement.from.is_none() {
                inbound::refresh(conn, vault, transfer, member)?;
            }
            let member = members::find_locked(conn, member)?.ok_or(Error::Corrupt("a case's member is missing"))?;
            let standing = match (to, member.standing) {
                (None, _) => Standing::MovedOut,
                // A member who comes back is in good standing again (X2).
                (Some(_), Standing::MovedOut) => Standing::Good,
                (Some(_), standing) => standing,
            };
            Ok(members::relocate(
                conn,
                member.id,
                to,
                standing,
                transfer.id,
                context.now,
            )?)
        }
        (None, Some(to)) => inbound::create_member(conn, context, vault, transfer, to),
        (None, None) => Err(Error::Corrupt("a case that moves a member out has no member")),
    }
}

/// P6: ends the offices that somebody held where they were a member. `is_locked` tells whether this transaction may change
/// appointments.
fn end_offices_left(
    conn: &mut Conn,
    context: &Context,
    transfer: &Transfer,
    account: AccountId,
    is_locked: bool,
) -> Result<()> {
    let from: Path = transfer
        .source_path
        .parse()
        .map_err(|_| Error::Corrupt("a case's source path is invalid"))?;
    let member = transfer
        .member_id
        .ok_or(Error::Corrupt("a case that moved a member has none"))?;
    let member = members::find(conn, member)?.ok_or(Error::Corrupt("a case's member is missing"))?;
    let left = offices::left(conn, account, &from, member.place())?;
    if !left.is_empty() && !is_locked {
        // They were appointed after this transaction looked.
        return Err(Code::ServiceBusy.into());
    }
    left.into_iter()
        .try_for_each(|office| offices::end_left(conn, context, office))
}

/// A4: the special-unit holding (特殊单位专属库) of a province-level leading organ. The first approval makes it. It is in no
/// search index and leaves no audit entry of its own, since nobody else may know of it (S-30).
fn holding(conn: &mut Conn, context: &Context, organ: OrganizationId) -> Result<Organization> {
    // Two first approvals at once wait for each other here.
    let organ = organizations::find_locked(conn, organ)?.ok_or(Error::Corrupt("a case's leading organ is missing"))?;
    if let Some(holding) = organizations::holding(conn, organ.id)? {
        return Ok(holding);
    }
    let name = format!("{}{HOLDING_NAME}", organ.short_name);
    let new = NewOrganization {
        kind: OrganizationKind::Branch,
        level: Level::Grassroots,
        system: organ.system,
        sector: Sector::Institution,
        stage: None,
        township: false,
        school_code: None,
        purpose: OrganizationPurpose::SpecialUnit,
        division_code: organ.division_code.as_deref(),
        name: &name,
        short_name: &name,
        contact_name: None,
        contact_phone: None,
    };
    let id = organizations::create(conn, &organ, &new, context.now)?;
    organizations::find(conn, id)?.ok_or(Error::Corrupt("a holding that was just stored is missing"))
}

/// The branch that takes a member, locked and checked again (T8). It may have been closed or turned into a graduate
/// branch since the case was decided.
fn taking(conn: &mut Conn, id: OrganizationId) -> Result<Option<Organization>> {
    let branch = organizations::find_locked(conn, id)?;
    if let Some(branch) = &branch {
        let facts = branch.facts();
        proposal_rules::t8_target_closed(&facts).and_then(|()| proposal_rules::t8_target_graduate_branch(&facts))?;
    }
    Ok(branch)
}
