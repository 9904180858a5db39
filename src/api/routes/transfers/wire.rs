//! Transfer cases as clients see them.

use crate::api::response::problem::Blocking;
use crate::api::wire::OrganizationRef;
use crate::api::wire::{AllowedAction, Instant};
use crate::domain::catalogue::rule::Rule;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::language::Language;
use crate::domain::core::text::Remark;
use crate::domain::organization::turn::Duty;
use crate::domain::transfer::allowed::TransferAction;
use crate::domain::transfer::events::{EventKind, EventName};
use crate::domain::transfer::propose::{RouteStep, Warning};
use crate::domain::transfer::reason::{DetailField, Details, Reason, Side};
use crate::domain::transfer::route::DestinationKind;
use crate::domain::transfer::state::{CaseOutcome, CaseState, Phase};
use crate::service::transfers::{CaseView, HistoryEntry, Preview, Transfer};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a member comes from: a branch, or a province with a system of its own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferSource)]
struct SourceView {
    /// The branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// The province's two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<i32>,
    /// The name.
    name: String,
}

/// Where a member goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferTarget)]
struct TargetView {
    /// An organization, one of the three provinces, or the special-unit holding.
    kind: DestinationKind,
    /// The organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The province's two digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<i32>,
}

/// A transfer case (组织关系转接) in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferSummary)]
pub struct TransferBrief {
    /// Which one.
    id: TransferId,
    /// The graduation season it belongs to: the year of its proposal.
    season: i32,
    /// The member; absent while somebody from another province is not known here.
    #[serde(skip_serializing_if = "Option::is_none")]
    member_id: Option<MemberId>,
    /// The member's name.
    member_name: String,
    /// Why the member moves.
    reason: Reason,
    /// Which side started it.
    started_by: Side,
    /// Where from.
    source: SourceView,
    /// Where to.
    target: TargetView,
    /// Where it stands.
    state: Phase,
    /// Since when.
    since: Instant,
    /// After which instant it is ended or escalated; absent while no clock runs (A6).
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<Instant>,
    /// When it was proposed.
    proposed_at: Instant,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Instant>,
    /// The branch that took the member.
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_branch_id: Option<OrganizationId>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    closing_reason: Option<String>,
    /// The version, as in the ETag.
    version: i64,
}

impl From<Transfer> for TransferBrief {
    fn from(transfer: Transfer) -> Self {
        let completed_branch_id = match transfer.state() {
            Some(CaseState::Completed {
                outcome: CaseOutcome::Branch(branch),
                ..
            }) => Some(branch),
            _ => None,
        };
        // A holding shows neither its organization nor its name (S-30).
        let is_shown = transfer.target_kind != DestinationKind::Holding;
        Self {
            id: transfer.id,
            season: transfer.season,
            member_id: transfer.member_id,
            member_name: transfer.member_name,
            reason: transfer.reason,
            started_by: transfer.started_by,
            source: SourceView {
                organization_id: transfer.source_branch_id,
                province: transfer.source_province,
                name: transfer.source_name,
            },
            target: TargetView {
                kind: transfer.target_kind,
                organization_id: is_shown.then_some(transfer.target_id),
                name: is_shown.then_some(transfer.target_name),
                province: transfer.target_province,
            },
            state: transfer.state,
            since: transfer.since.into(),
            deadline: transfer.deadline.map(Instant::from),
            proposed_at: transfer.proposed_at.into(),
            closed_at: transfer.closed_at.map(Instant::from),
            completed_branch_id,
            closing_reason: transfer.closing_reason,
            version: transfer.version,
        }
    }
}

/// A transfer case with everything about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub struct TransferView {
    #[serde(flatten)]
    transfer: TransferBrief,
    /// What was written out when it was proposed: see `GET /v1/transfer-reasons`.
    details: Details,
    /// Why a member under 16 leaves the school sector (T9).
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    /// The organizations whose administrators may act now. Empty while a case is open: nobody can, up to the root.
    waiting_for: Vec<OrganizationRef>,
    /// What the caller may do; the address of an action is `/v1/transfers/{id}/{action}` with `-` for `_`.
    allowed_actions: Vec<AllowedAction<TransferAction>>,
}

impl TransferView {
    /// A case in the caller's language.
    pub fn new(view: CaseView, language: Language) -> Self {
        let CaseView {
            mut transfer,
            waiting_for,
            actions,
        } = view;
        let details = serde_json::from_str(&std::mem::take(&mut transfer.details)).unwrap_or_default();
        let explanation = transfer.explanation.take();
        let action = |(action, answer): (TransferAction, Result<(), _>)| {
            AllowedAction::new(action, answer.err().as_ref(), language)
        };
        Self {
            transfer: transfer.into(),
            details,
            explanation,
            waiting_for: waiting_for
                .into_iter()
                .map(|(id, name)| OrganizationRef { id, name })
                .collect(),
            allowed_actions: actions.into_iter().map(action).collect(),
        }
    }
}

/// Somebody with an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountRef)]
struct Person {
    /// The account.
    account_id: AccountId,
    /// The name.
    name: String,
}

/// One step of a case's history (A7).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferEvent)]
pub struct EventView {
    /// 1 for the proposal; without gaps.
    number: i64,
    /// When.
    at: Instant,
    /// What happened.
    event: EventName,
    /// Whether the service did it by itself.
    automatic: bool,
    /// Who did it; absent when the service did.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Person>,
    /// The organization somebody acted for; absent when the member or the service acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_for: Option<OrganizationRef>,
    /// Where the case stood afterwards, where the step says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Phase>,
    /// The branch that was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch_id: Option<OrganizationId>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<HistoryEntry> for EventView {
    fn from(entry: HistoryEntry) -> Self {
        let HistoryEntry {
            event,
            person_name,
            organization_name,
        } = entry;
        let (state, branch_id, reason) = match &event.kind {
            EventKind::Proposed { first: state } | EventKind::Approved { next: state } => {
                (Some(state.phase()), None, None)
            }
            EventKind::Assigned { branch } => (Some(Phase::Completed), Some(*branch), None),
            EventKind::Refused { reason } => (Some(Phase::Refused), None, Some(reason.clone())),
            EventKind::Withdrawn => (Some(Phase::Withdrawn), None, None),
            EventKind::Expired => (Some(Phase::Expired), None, None),
            EventKind::Escalated => (None, None, None),
        };
        Self {
            number: event.number,
            at: event.at.into(),
            event: event.kind.name(),
            automatic: event.is_automatic(),
            by: event
                .by
                .zip(person_name)
                .map(|(account_id, name)| Person { account_id, name }),
            acting_for: event
                .acting_for
                .zip(organization_name)
                .map(|(id, name)| OrganizationRef { id, name }),
            state,
            branch_id,
            reason: reason.as_ref().map(Remark::as_str).map(str::to_owned),
        }
    }
}

/// One step of the way a case would take.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferStep)]
struct StepView {
    /// What is to be done.
    duty: Duty,
    /// Whose turn it is.
    organization: OrganizationRef,
    /// Whether that organization has no active administrator (A10).
    vacant: bool,
    /// The organizations that can act; empty if nobody can.
    decided_by: Vec<OrganizationRef>,
    /// Whether the turn passes to a superior (A10, T11).
    passes_to_superior: bool,
    /// After which instant the case is ended (A6); only for the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Instant>,
}

/// What should be known before proposing, though it blocks nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferPreviewWarning)]
struct WarningView {
    /// Which.
    code: Warning,
    /// The rule behind it.
    rule: Rule,
    /// In the caller's language.
    detail: &'static str,
}

/// A field that the reason has filled in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FilledField)]
struct FieldView {
    /// Its place in the request (RFC 6901).
    pointer: String,
    /// Its name in the caller's language.
    title: &'static str,
}

impl FieldView {
    fn new(field: DetailField, language: Language) -> Self {
        Self {
            pointer: field.pointer(),
            title: field.label(language),
        }
    }
}

/// What proposing would answer; nothing was stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferPreview)]
pub struct PreviewView {
    /// Whether it may be proposed.
    may_be_proposed: bool,
    /// What the reason has filled in (§1.4.6).
    fields: Vec<FieldView>,
    /// Every rule in its way; the first is the one proposing would answer with.
    blocking: Vec<Blocking>,
    /// The whole way up to completion, when it may be proposed.
    route: Vec<StepView>,
    /// What should be known.
    warnings: Vec<WarningView>,
}

impl PreviewView {
    /// A preview in the caller's language.
    pub fn new(preview: Preview, language: Language) -> Self {
        let Preview { outcome, names, fields } = preview;
        let fields = fields
            .into_iter()
            .map(|field| FieldView::new(field, language))
            .collect();
        let named = |id: OrganizationId| OrganizationRef {
            id,
            name: names
                .iter()
                .find(|(found, _)| *found == id)
                .map(|(_, name)| name.clone())
                .unwrap_or_default(),
        };
        let step = |step: RouteStep| StepView {
            duty: step.duty,
            organization: named(step.organization),
            vacant: step.vacant,
            decided_by: step.holders.into_iter().map(named).collect(),
            passes_to_superior: step.passes_to_superior,
            due_at: step.due.map(Instant::from),
        };
        let warning = |warning: Warning| WarningView {
            code: warning,
            rule: warning.rule(),
            detail: warning.label(language),
        };
        match outcome {
            Ok(proposal) => Self {
                may_be_proposed: true,
                fields,
                blocking: Vec::new(),
                route: proposal.route.into_iter().map(step).collect(),
                warnings: proposal.warnings.into_iter().map(warning).collect(),
            },
            Err(refusals) => Self {
                may_be_proposed: false,
                fields,
                blocking: refusals
                    .iter()
                    .map(|refusal| Blocking::new(refusal, language))
                    .collect(),
                route: Vec::new(),
                warnings: Vec::new(),
            },
        }
    }
}
