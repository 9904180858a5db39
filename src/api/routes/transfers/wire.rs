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

/// The source of a case: a branch, or a province with a system of its own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferSource)]
struct SourceView {
    /// The id of the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// The two digits of the province.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<i32>,
    /// The name of the branch or province.
    name: String,
}

/// The destination of a case.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferTarget)]
struct TargetView {
    /// What the destination is: an organization, an external province, or the special-unit holding.
    kind: DestinationKind,
    /// The id of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// The organization's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The two digits of the province.
    #[serde(skip_serializing_if = "Option::is_none")]
    province: Option<i32>,
}

/// A transfer case (组织关系转接) in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferSummary)]
pub struct TransferBrief {
    /// The id of the case.
    id: TransferId,
    /// The season it belongs to, which is the year of the proposal.
    season: i32,
    /// The id of the member. Absent while a person from another province is not yet a member here.
    #[serde(skip_serializing_if = "Option::is_none")]
    member_id: Option<MemberId>,
    /// The member's name.
    member_name: String,
    /// Why the member moves.
    reason: Reason,
    /// Which side started it.
    started_by: Side,
    /// The source.
    source: SourceView,
    /// The destination.
    target: TargetView,
    /// The state of the case.
    state: Phase,
    /// When the case entered this state.
    since: Instant,
    /// The instant after which it ends or is escalated (A6). Absent if it has no deadline now.
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
    /// The reason of the refusal.
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

/// A transfer case with all details.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Transfer)]
pub struct TransferView {
    #[serde(flatten)]
    transfer: TransferBrief,
    /// The details that were proposed. See `GET /v1/transfer-reasons`.
    details: Details,
    /// Why a member under 16 leaves the school sector (T9).
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    /// The organizations whose administrators can act now. If it is empty while the case is open, nobody up to the root
    /// can act.
    waiting_for: Vec<OrganizationRef>,
    /// What the caller can do. The address of an action is `/v1/transfers/{id}/{action}`, with `-` in place of `_`.
    allowed_actions: Vec<AllowedAction<TransferAction>>,
}

impl TransferView {
    /// Renders a case in the caller's language.
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

/// A person with an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountRef)]
struct Person {
    /// The id of the account.
    account_id: AccountId,
    /// The person's name.
    name: String,
}

/// One step of a case's history (A7).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferEvent)]
pub struct EventView {
    /// The number of the step, without gaps. The proposal is 1.
    number: i64,
    /// When it happened.
    at: Instant,
    /// What happened.
    event: EventName,
    /// Whether the service did it without a request.
    automatic: bool,
    /// The person who did it. Absent if the service did.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Person>,
    /// The organization for which the person acted. Absent if the member or the service acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_for: Option<OrganizationRef>,
    /// The state of the case after this step, if the step changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Phase>,
    /// The branch that the step names.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch_id: Option<OrganizationId>,
    /// The reason that was given.
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

/// One step of the route a case would take.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferStep)]
struct StepView {
    /// What has to be done.
    duty: Duty,
    /// Whose turn it is.
    organization: OrganizationRef,
    /// Whether that organization has no active administrator (A10).
    vacant: bool,
    /// The organizations that can act; empty if nobody can.
    decided_by: Vec<OrganizationRef>,
    /// Whether the turn passes to a superior (A10, T11).
    passes_to_superior: bool,
    /// The instant after which the case expires (A6). Only on the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Instant>,
}

/// Something to know before proposing. It blocks nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferPreviewWarning)]
struct WarningView {
    /// The code of the warning.
    code: Warning,
    /// The rule behind it.
    rule: Rule,
    /// The warning in the caller's language.
    detail: &'static str,
}

/// A field that the reason fills in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FilledField)]
struct FieldView {
    /// The JSON Pointer (RFC 6901) of the field in the request.
    pointer: String,
    /// The field's name in the caller's language.
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

/// What proposing would answer. Nothing was stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransferPreview)]
pub struct PreviewView {
    /// Whether the transfer can be proposed.
    may_be_proposed: bool,
    /// The fields that the reason fills in (§1.4.6).
    fields: Vec<FieldView>,
    /// All rules that stand in the way. Proposing would answer with the first.
    blocking: Vec<Blocking>,
    /// The route up to completion, if the transfer can be proposed.
    route: Vec<StepView>,
    /// What to know before proposing.
    warnings: Vec<WarningView>,
}

impl PreviewView {
    /// Renders a preview in the caller's language.
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
