//! Transfers of organization relations (组织关系转接): proposals, previews, decisions, history.

mod batch;
mod inbound;
mod wire;

use super::look_up;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, IfMatch, Json, Key, Missing, Query, etag};
use crate::api::request::language;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::Problem;
use crate::api::response::reply::{self, write_once};
use crate::api::wire::{Empty, Page, ReasonBody, remark};
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{MemberId, OrganizationId, TransferId};
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::{Language, Text};
use crate::domain::transfer::reason::{Details, Reason};
use crate::domain::transfer::state::Phase;
use crate::service;
use crate::service::idempotency::{Claim, KeptAnswer};
use crate::service::transfers::{
    self, CaseView, Direction, ProposalSubject, ProposeTransfer, ProposedTransfer, TransferDecision, TransferListing,
};
use crate::service::{Context, Expected};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use wire::{EventView, PreviewView, TransferBrief, TransferView};

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_transfers)
        .service(preview_transfer)
        .service(batch::decide_transfers)
        .service(inbound::preview_inbound_transfer)
        .service(inbound::propose_inbound_transfer)
        .service(propose_transfer)
        .service(get_transfer)
        .service(transfer_history)
        .service(approve_transfer)
        .service(refuse_transfer)
        .service(assign_transfer)
        .service(withdraw_transfer)
        .service(accept_external_transfer)
        .service(refuse_external_transfer);
}

impl Missing for TransferId {
    const CODE: Code = Code::TransferNotFound;
}

/// The member a proposal concerns. The fields used tell which side starts the case (T1).
#[derive(Deserialize, ToSchema)]
#[schema(as = TransferMember)]
#[serde(deny_unknown_fields)]
struct Who {
    /// For the source side: a member of the caller's subtree.
    id: Option<MemberId>,
    /// For the target side: the member's full name. Send it with `id_number`.
    name: Option<String>,
    /// For the target side: the member's ID number. Send it with `name`.
    id_number: Option<String>,
}

/// A proposal.
#[derive(Deserialize, ToSchema)]
#[schema(as = ProposeTransferRequest)]
#[serde(deny_unknown_fields)]
struct ProposalBody {
    /// The member it concerns. Absent if the caller is the member.
    member: Option<Who>,
    /// Why the member moves.
    reason: Reason,
    /// The fields that the reason requires. See `GET /v1/transfer-reasons`.
    #[serde(default)]
    details: Details,
    /// The target. Absent for Beijing, Guangdong, Fujian and special units. If the target side names none, its own
    /// organization is the target.
    target: Option<OrganizationId>,
    /// Why a member under 16 leaves the school sector (T9).
    explanation: Option<String>,
}

impl ProposalBody {
    /// Makes the proposal. Naming a person by name and ID number is a look-up and charged as one (T4), even if the
    /// proposal is refused.
    async fn into_proposed(self, app: &App, context: &Context) -> Result<ProposedTransfer, Problem> {
        let explanation = remark(self.explanation.as_deref(), "/explanation")?;
        let subject = match self.member {
            None => ProposalSubject::Myself,
            Some(who) => who.into_subject(app, context).await?,
        };
        Ok(ProposedTransfer {
            subject,
            reason: self.reason,
            details: self.details,
            target: self.target,
            explanation,
        })
    }
}

impl Who {
    async fn into_subject(self, app: &App, context: &Context) -> Result<ProposalSubject, Problem> {
        match (self.id, self.name, self.id_number) {
            (Some(id), None, None) => Ok(ProposalSubject::Ours(id)),
            (None, Some(name), Some(number)) => {
                let wanted = look_up::wanted(name, &number, "/member", &app.vault, context.now)?;
                look_up::find(app, context.clone(), wanted.clone()).await?;
                Ok(ProposalSubject::Named(wanted))
            }
            _ => {
                let problem = InputError::Said(Text {
                    zh: "须填写 id，或者同时填写 name 和 id_number",
                    en: "must have either id, or name and id_number",
                });
                Err(Problem::new(Refusal::invalid(problem).at("/member")))
            }
        }
    }
}

refuses!(PreviewTransferRefusals:
    MemberNotFound,
    MemberNoMatch,
    RequestMembersOnly,
    RateLimited,
    MemberIdNumberMalformed,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
);

/// Preview a transfer
///
/// Returns what proposing would answer and stores nothing: all rules that stand in the way, or the whole route with
/// those who decide at each step.
#[utoipa::path(tag = "transfers", operation_id = "preview_transfer", security(("bearer" = [])),
    request_body = ProposalBody, responses(
    (status = 200, description = "What proposing would answer", body = PreviewView),
    PreviewTransferRefusals,
))]
#[post("/transfers/preview")]
async fn preview_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ProposeTransfer>,
    body: Json<ProposalBody>,
) -> Result<HttpResponse, Problem> {
    let transfer = body.into_inner().into_proposed(&app, &caller.context).await?;
    let vault = app.vault.clone();
    // A write transaction, so that it sees and locks exactly what the proposal would.
    let preview = app
        .db
        .write(move |conn| transfers::preview(conn, &caller.context, &vault, &transfer))
        .await?;
    Ok(HttpResponse::Ok().json(PreviewView::new(preview, language::of(&request))))
}

refuses!(ProposeTransferRefusals:
    TransferOutOfScope,
    TransferTargetOutOfScope,
    MemberNotFound,
    MemberNoMatch,
    TransferAlreadyOpen,
    TransferIdentityNotCertified,
    TransferMemberNotActive,
    TransferFieldRequired,
    TransferTargetGraduateBranch,
    RequestMembersOnly,
    RateLimited,
    TransferSpecialUnitHasNoTarget,
    TransferReasonNotAllowedFromTarget,
    TransferExternalDetailsRequired,
    TransferExternalProvinceUnknown,
    TransferReasonNotExternal,
    TransferTargetAndExternal,
    TransferTargetSame,
    OrganizationNotFound,
    TransferFieldInvalid,
    TransferFieldNotAllowed,
    TransferAddressNotDetailed,
    DivisionUnknown,
    TransferTargetRequired,
    TransferTargetNotAllowedForReason,
    TransferTargetOtherSystem,
    TransferTargetClosed,
    TransferTargetLeadingOrgan,
    TransferExplanationRequired,
    MemberIdNumberMalformed,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
);

/// Propose a transfer
///
/// The member proposes it (no `member`), or an administrator of the source side (`member.id`) or of the target side
/// (`member.name` and `member.id_number`).
#[utoipa::path(tag = "transfers", operation_id = "propose_transfer", security(("bearer" = [])),
    params(Key),
    request_body = ProposalBody, responses(
    (status = 201, description = "The transfer is proposed", body = TransferView),
    ProposeTransferRefusals,
))]
#[post("/transfers")]
async fn propose_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ProposeTransfer>,
    key: Key,
    body: Json<ProposalBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let transfer = body.into_inner().into_proposed(&app, &caller.context).await?;
    let command = ProposeTransfer {
        context: caller.context,
        vault: app.vault.clone(),
        claim,
        transfer,
        language: language::of(&request),
        render: render_created,
    };
    Ok(reply::response(app.proposals.submit(command).await?))
}

/// The answer to a new case.
fn render_created(view: CaseView, language: Language) -> service::Result<KeptAnswer> {
    let (id, version) = (view.transfer.id, view.transfer.version);
    reply::created(
        format!("/v1/transfers/{id}"),
        version,
        &TransferView::new(view, language),
    )
}

/// Get a transfer
///
/// The member, both sides and their superiors can read the state, whose turn it is, and what the caller can do.
#[utoipa::path(tag = "transfers", operation_id = "get_transfer", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer")), responses(
    (status = 200, description = "The transfer", body = TransferView),
))]
#[get("/transfers/{id}")]
async fn get_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ReadTransfer>,
    Id(id): Id<TransferId>,
) -> Result<HttpResponse, Problem> {
    let view = app
        .db
        .read(move |conn| transfers::get(conn, &caller.context, id))
        .await?;
    let tag = etag(view.transfer.version);
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, tag))
        .json(TransferView::new(view, language::of(&request))))
}

/// List the history of a transfer
///
/// The member, both sides and their superiors can read every step. The steps are kept for ever (A7).
#[utoipa::path(tag = "transfers", operation_id = "transfer_history", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer")), responses(
    (status = 200, description = "The steps, earliest first", body = Page<EventView>),
))]
#[get("/transfers/{id}/history")]
async fn transfer_history(
    app: web::Data<App>,
    caller: Caller<can::ReadTransfer>,
    Id(id): Id<TransferId>,
) -> Result<HttpResponse, Problem> {
    let entries = app
        .db
        .read(move |conn| transfers::history(conn, &caller.context, id))
        .await?;
    let items = entries.into_iter().map(EventView::from).collect();
    Ok(HttpResponse::Ok().json(Page {
        items,
        next_cursor: None,
    }))
}

/// Filters and pages the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TransferQuery {
    /// For administrators and integrators: `out` for cases that leave the subtree or province (转出), `in` for cases
    /// that enter it (转入).
    #[param(inline)]
    side: Option<SideParam>,
    /// For administrators: the organization to start from. The caller's own if absent.
    under: Option<OrganizationId>,
    /// Only cases in this state.
    state: Option<Phase>,
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// The direction of a case, seen from a subtree or province.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SideParam {
    /// Cases that leave it.
    Out,
    /// Cases that enter it.
    In,
}

refuses!(ListTransfersRefusals: OrganizationNotFound);

/// List transfers
///
/// A member sees their own cases, newest first. An administrator sees those that leave or enter the subtree. An
/// integrator sees those that leave or enter its province, newest first.
#[utoipa::path(tag = "transfers", operation_id = "list_transfers", security(("bearer" = [])),
    params(TransferQuery), responses(
    (status = 200, description = "A page of transfers", body = Page<TransferBrief>),
    ListTransfersRefusals,
))]
#[get("/transfers")]
async fn list_transfers(
    app: web::Data<App>,
    caller: Caller<can::ListTransfers>,
    Query(query): Query<TransferQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let list = List::new(&app.vault, "list_transfers", &(query.side, query.under, query.state));
    let direction = match query.side {
        Some(SideParam::In) => Direction::In,
        _ => Direction::Out,
    };
    let filter = TransferListing {
        member: None,
        direction,
        under: query.under,
        state: query.state,
        after: list.after_in_tree(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let found = app
        .db
        .read(move |conn| transfers::list(conn, &caller.context, &filter))
        .await?;
    let place = |transfer: &_| transfers::place_in_list(transfer, direction);
    let (items, last) = paging::split_page(found, limit, place);
    let items = items.into_iter().map(TransferBrief::from).collect();
    Ok(HttpResponse::Ok().json(Page {
        items,
        next_cursor: last.flatten().map(|after| list.cursor_in_tree(&after)),
    }))
}

/// The branch that receives the member.
#[derive(Deserialize, ToSchema)]
#[schema(as = AssignTransferRequest)]
#[serde(deny_unknown_fields)]
struct AssignmentBody {
    /// The branch.
    branch: OrganizationId,
}

/// Carries out a decision once for each idempotency key, on the version that the caller saw.
async fn decide(
    app: &App,
    language: Language,
    context: Context,
    claim: Claim,
    (id, expected): (TransferId, Expected),
    decision: TransferDecision,
) -> Result<HttpResponse, Problem> {
    let vault = app.vault.clone();
    write_once(app, context, claim, move |conn, context| {
        let view = transfers::decide(conn, context, &vault, id, expected, &decision)?;
        reply::changed(view.transfer.version, &TransferView::new(view, language))
    })
    .await
}

refuses!(ApproveTransferRefusals:
    TransferSelfApproval,
    TransferClosed,
    ApprovalNotAwaited,
    TransferExternalPending,
    TransferOrphaned,
    TransferConflict,
    TransferInboundMemberExists,
    MemberDevelopmentNumberTaken,
    TransferTargetClosed,
    TransferTargetGraduateBranch,
);

/// Approve a transfer
///
/// The side whose turn it is approves (A1, A3, A4, T9).
#[utoipa::path(tag = "transfers", operation_id = "approve_transfer", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer"), Key, IfMatch),
    request_body = Empty, responses(
    (status = 200, description = "The transfer after the approval", body = TransferView),
    ApproveTransferRefusals,
))]
#[post("/transfers/{id}/approve")]
async fn approve_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::DecideTransfer>,
    Id(id): Id<TransferId>,
    key: Key,
    IfMatch(expected): IfMatch,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let language = language::of(&request);
    decide(
        &app,
        language,
        caller.context,
        claim,
        (id, expected),
        TransferDecision::Approve,
    )
    .await
}

refuses!(RefuseTransferRefusals:
    TransferSelfApproval,
    TransferClosed,
    TransferExternalPending,
    TransferOrphaned,
    TransferConflict,
    ApprovalReasonRequired,
);

/// Refuse a transfer
///
/// The side whose turn it is refuses, with a reason. The case ends and goes back to the side that started it (A5).
#[utoipa::path(tag = "transfers", operation_id = "refuse_transfer", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer"), Key, IfMatch),
    request_body = ReasonBody, responses(
    (status = 200, description = "The refused transfer", body = TransferView),
    RefuseTransferRefusals,
))]
#[post("/transfers/{id}/refuse")]
async fn refuse_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::DecideTransfer>,
    Id(id): Id<TransferId>,
    key: Key,
    IfMatch(expected): IfMatch,
    body: Json<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let language = language::of(&request);
    let decision = TransferDecision::Refuse { reason: body.reason()? };
    decide(&app, language, caller.context, claim, (id, expected), decision).await
}

refuses!(AssignTransferRefusals:
    TransferSelfApproval,
    OrganizationNotFound,
    TransferClosed,
    AssignmentNotAwaited,
    TransferOrphaned,
    TransferConflict,
    TransferInboundMemberExists,
    MemberDevelopmentNumberTaken,
    AssignmentBranchOutOfScope,
    AssignmentNotABranch,
    TransferTargetClosed,
    TransferTargetGraduateBranch,
    TransferTargetSame,
);

/// Assign an accepted member to a branch
///
/// The receiving organization names a branch of its subtree, and the member moves (A2).
#[utoipa::path(tag = "transfers", operation_id = "assign_transfer", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer"), Key, IfMatch),
    request_body = AssignmentBody, responses(
    (status = 200, description = "The completed transfer", body = TransferView),
    AssignTransferRefusals,
))]
#[post("/transfers/{id}/assign")]
async fn assign_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::AssignTransfer>,
    Id(id): Id<TransferId>,
    key: Key,
    IfMatch(expected): IfMatch,
    body: Json<AssignmentBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let language = language::of(&request);
    let decision = TransferDecision::Assign { branch: body.branch };
    decide(&app, language, caller.context, claim, (id, expected), decision).await
}

refuses!(WithdrawTransferRefusals: TransferClosed, TransferConflict);

/// Withdraw a transfer
///
/// The side that started the case, or the member, withdraws it until the approval is complete (T10).
#[utoipa::path(tag = "transfers", operation_id = "withdraw_transfer", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer"), Key, IfMatch),
    request_body = Empty, responses(
    (status = 200, description = "The withdrawn transfer", body = TransferView),
    WithdrawTransferRefusals,
))]
#[post("/transfers/{id}/withdraw")]
async fn withdraw_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::WithdrawTransfer>,
    Id(id): Id<TransferId>,
    key: Key,
    IfMatch(expected): IfMatch,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let language = language::of(&request);
    decide(
        &app,
        language,
        caller.context,
        claim,
        (id, expected),
        TransferDecision::Withdraw,
    )
    .await
}

refuses!(AcceptExternalTransferRefusals:
    TransferSelfApproval,
    TransferClosed,
    TransferNotExternal,
    TransferOrphaned,
    TransferConflict,
);

/// Record the other system's acceptance
///
/// For a transfer to Beijing, Guangdong or Fujian, the integrator of the province or its leading organ records the
/// acceptance. The member then moves out of the national tree (X1).
#[utoipa::path(tag = "transfers", operation_id = "accept_external_transfer", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer"), Key, IfMatch),
    request_body = Empty, responses(
    (status = 200, description = "The completed transfer", body = TransferView),
    AcceptExternalTransferRefusals,
))]
#[post("/transfers/{id}/accept-external")]
async fn accept_external_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::AnswerExternal>,
    Id(id): Id<TransferId>,
    key: Key,
    IfMatch(expected): IfMatch,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let language = language::of(&request);
    decide(
        &app,
        language,
        caller.context,
        claim,
        (id, expected),
        TransferDecision::AcceptExternal,
    )
    .await
}

refuses!(RefuseExternalTransferRefusals:
    TransferSelfApproval,
    TransferClosed,
    TransferNotExternal,
    TransferOrphaned,
    TransferConflict,
    ApprovalReasonRequired,
);

/// Record the other system's refusal
///
/// For a transfer to Beijing, Guangdong or Fujian, the integrator of the province or its leading organ records the
/// refusal, with a reason (X1).
#[utoipa::path(tag = "transfers", operation_id = "refuse_external_transfer", security(("bearer" = [])),
    params(("id" = TransferId, Path, description = "The id of the transfer"), Key, IfMatch),
    request_body = ReasonBody, responses(
    (status = 200, description = "The refused transfer", body = TransferView),
    RefuseExternalTransferRefusals,
))]
#[post("/transfers/{id}/refuse-external")]
async fn refuse_external_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::AnswerExternal>,
    Id(id): Id<TransferId>,
    key: Key,
    IfMatch(expected): IfMatch,
    body: Json<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let language = language::of(&request);
    let decision = TransferDecision::RefuseExternal { reason: body.reason()? };
    decide(&app, language, caller.context, claim, (id, expected), decision).await
}
