//! Blocking an account and unblocking it.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, Permission, can};
use crate::api::request::extract::{Id, Json, Key};
use crate::api::response::problem::Problem;
use crate::api::response::reply;
use crate::api::wire::{Empty, Instant, OrganizationRef, ReasonBody};
use crate::app::App;
use crate::domain::core::ids::{AppointmentId, MemberId};
use crate::service::accounts::blocks::{self, Block, BlockTarget};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(block_member)
        .service(unblock_member)
        .service(block_officer)
        .service(unblock_officer);
}

/// That an account was blocked, and until when.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountBlock)]
pub struct BlockView {
    /// Since when.
    blocked_at: Instant,
    /// Until when; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    unblocked_at: Option<Instant>,
    /// Why.
    reason: String,
    /// By the administrators of which organization; absent for the operators of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrganizationRef>,
}

impl From<Block> for BlockView {
    fn from(block: Block) -> Self {
        let ordered = block.organization_id.zip(block.organization_name);
        Self {
            blocked_at: block.blocked_at.into(),
            unblocked_at: block.unblocked_at.map(Instant::from),
            reason: block.reason,
            organization: ordered.map(|(id, name)| OrganizationRef { id, name }),
        }
    }
}

async fn block<P: Permission>(
    app: &App,
    caller: Caller<P>,
    whose: BlockTarget,
    (key, request, body): (Key, HttpRequest, Json<ReasonBody>),
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let reason = body.reason()?;
    reply::write_once(app, caller.context, claim, move |conn, context| {
        let block = blocks::block(conn, context, whose, reason.as_ref())?;
        reply::answer(StatusCode::OK, &BlockView::from(block))
    })
    .await
}

async fn unblock<P: Permission>(
    app: &App,
    caller: Caller<P>,
    whose: BlockTarget,
    (key, request, body): (Key, HttpRequest, Json<Empty>),
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    reply::write_once(app, caller.context, claim, move |conn, context| {
        let block = blocks::unblock(conn, context, whose)?;
        reply::answer(StatusCode::OK, &BlockView::from(block))
    })
    .await
}

refuses!(BlockMemberRefusals: AccountBlockOneself, AccountBlockedAlready, AccountBlockReasonRequired);

/// Block a member's account
///
/// By an administrator of the member's branch or of its direct superior; if the member holds offices, by whoever appoints
/// him or stands above at each of them. All sessions end within a second on every server. The password, the WeChat identity
/// and any one-time code are void for good: who stole one of them has nothing. Signing in fails as with a wrong password.
#[utoipa::path(tag = "members", operation_id = "block_member", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "Which member"), Key), responses(
    (status = 200, description = "The account is blocked", body = BlockView),
    BlockMemberRefusals,
))]
#[post("/members/{id}/block")]
async fn block_member(
    app: web::Data<App>,
    caller: Caller<can::BlockMember>,
    Id(id): Id<MemberId>,
    key: Key,
    request: HttpRequest,
    body: Json<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    block(&app, caller, BlockTarget::Member(id), (key, request, body)).await
}

refuses!(UnblockMemberRefusals: AccountBlockOneself, AccountUnblockNotAllowed, AccountNotBlocked);

/// Unblock a member's account
///
/// By whoever may block it, but not from below the organization that did. The owner needs a one-time code, sets a new
/// password with it, and is told of the block for thirty days.
#[utoipa::path(tag = "members", operation_id = "unblock_member", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "Which member"), Key), responses(
    (status = 200, description = "The account is unblocked", body = BlockView),
    UnblockMemberRefusals,
))]
#[post("/members/{id}/unblock")]
async fn unblock_member(
    app: web::Data<App>,
    caller: Caller<can::BlockMember>,
    Id(id): Id<MemberId>,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    unblock(&app, caller, BlockTarget::Member(id), (key, request, body)).await
}

refuses!(BlockOfficerRefusals:
    AccountBlockOneself,
    AccountBlockedAlready,
    AppointmentEnded,
    AccountBlockReasonRequired,
);

/// Block the account of an office's holder
///
/// By whoever appoints him or stands above, at each of his offices. As for a member; what waits for his organization goes
/// to the superior if nobody there can act any more (A10).
#[utoipa::path(tag = "appointments", operation_id = "block_officer", security(("bearer" = [])),
    params(("id" = AppointmentId, Path, description = "Which office"), Key), responses(
    (status = 200, description = "The account is blocked", body = BlockView),
    BlockOfficerRefusals,
))]
#[post("/appointments/{id}/block")]
async fn block_officer(
    app: web::Data<App>,
    caller: Caller<can::BlockOfficer>,
    Id(id): Id<AppointmentId>,
    key: Key,
    request: HttpRequest,
    body: Json<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    block(&app, caller, BlockTarget::Officer(id), (key, request, body)).await
}

refuses!(UnblockOfficerRefusals:
    AccountBlockOneself,
    AccountUnblockNotAllowed,
    AccountNotBlocked,
    AppointmentEnded,
);

/// Unblock the account of an office's holder
///
/// As for a member: not from below the organization that blocked it.
#[utoipa::path(tag = "appointments", operation_id = "unblock_officer", security(("bearer" = [])),
    params(("id" = AppointmentId, Path, description = "Which office"), Key), responses(
    (status = 200, description = "The account is unblocked", body = BlockView),
    UnblockOfficerRefusals,
))]
#[post("/appointments/{id}/unblock")]
async fn unblock_officer(
    app: web::Data<App>,
    caller: Caller<can::BlockOfficer>,
    Id(id): Id<AppointmentId>,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    unblock(&app, caller, BlockTarget::Officer(id), (key, request, body)).await
}
