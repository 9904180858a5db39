//! Blocks and unblocks accounts.

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

/// A block of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountBlock)]
pub struct BlockView {
    /// When the account was blocked.
    blocked_at: Instant,
    /// When it was unblocked. Absent while the block lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    unblocked_at: Option<Instant>,
    /// Why it was blocked.
    reason: String,
    /// The organization whose administrators blocked it. Absent if the operators of the service did.
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
/// An administrator of the member's branch or of its direct superior can block the account. If the member holds
/// offices, the caller's organization has to appoint to each of them or stand above it. All sessions end within a
/// second on every server. The password, the WeChat binding and any one-time code become void and stay void after the
/// unblock, so a thief can't use them. A sign-in to a blocked account fails as with a wrong password.
#[utoipa::path(tag = "members", operation_id = "block_member", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member"), Key), responses(
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
/// Those who may block the account can unblock it. An organization can't lift the block of one above it, or of the
/// operators of the service. The owner then sets a new password with a one-time code, and sees the block at sign-in for
/// thirty days.
#[utoipa::path(tag = "members", operation_id = "unblock_member", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member"), Key), responses(
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

/// Block an office holder's account
///
/// The caller's organization has to appoint to each office of the holder, or stand above it. The effects are those of
/// blocking a member's account. What waits for the holder's organization goes to the superior if nobody there can act
/// any more (A10).
#[utoipa::path(tag = "appointments", operation_id = "block_officer", security(("bearer" = [])),
    params(("id" = AppointmentId, Path, description = "The id of the appointment"), Key), responses(
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

/// Unblock an office holder's account
///
/// Those who may block the account can unblock it. An organization can't lift the block of one above it, or of the
/// operators of the service.
#[utoipa::path(tag = "appointments", operation_id = "unblock_officer", security(("bearer" = [])),
    params(("id" = AppointmentId, Path, description = "The id of the appointment"), Key), responses(
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
