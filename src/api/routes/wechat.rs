//! Sign-in from the mini-program (微信小程序).

use super::auth::{SignedInAnswer, attempt, entered, proven};
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::client::Client;
use crate::api::request::extract::Json;
use crate::api::request::request_id::RequestId;
use crate::api::response::problem::Problem;
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::AppointmentId;
use crate::outbound::wechat::{self as jscode2session, Failure};
use crate::security::vault::SealPurpose;
use crate::service::accounts::attempts::AttemptOrigin;
use crate::service::accounts::sign_in::Attempt;
use crate::service::accounts::wechat;
use actix_web::{HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(wechat_login).service(wechat_bind).service(wechat_unbind);
}

/// The digest of the identity that WeChat confirms.
async fn identity(app: &App, code: &str, attempt: &Attempt) -> Result<Vec<u8>, Problem> {
    let settings = app.wechat.as_ref().ok_or(Code::WechatNotConfigured)?;
    let (vault, counted) = (app.vault.clone(), attempt.clone());
    let wait = app.db.write(move |conn| wechat::wait(conn, &vault, &counted)).await?;
    if let Some(wait) = wait {
        return Err(Problem::wait(wait));
    }
    match jscode2session::openid(settings, code).await {
        Ok(openid) => Ok(app.vault.digest(SealPurpose::Wechat, &openid)),
        Err(Failure::Refused(code)) => Err(code.into()),
        Err(Failure::Wait(time)) => Err(Problem::wait_seconds(time.as_secs())),
        Err(Failure::Unavailable(why)) => Err(Problem::from(Code::WechatUnavailable).because(why)),
        Err(Failure::Misconfigured(why)) => Err(Problem::from(Code::ServiceFault).because(why)),
    }
}

/// An attempt without an ID number.
fn nameless(app: &App, origin: AttemptOrigin, id: RequestId) -> Attempt {
    Attempt {
        id_number: Vec::new(),
        origin,
        now: app.clock.now(),
        request_id: id.0,
    }
}

/// The credentials of the mini-program.
#[derive(Deserialize, ToSchema)]
#[schema(as = WechatLoginRequest)]
#[serde(deny_unknown_fields)]
struct WechatLogin {
    /// The code from `wx.login`.
    code: String,
    /// The office to act from. Without it the person acts as a member.
    #[serde(default)]
    office: Option<AppointmentId>,
}

refuses!(WechatLoginRefusals:
    WechatNotBound,
    WechatBlocked,
    RequestNoSuchOffice,
    WechatNotConfigured,
    WechatCodeInvalid,
    RequestTooManyAttempts,
    WechatUnavailable,
);

/// Sign in by WeChat
///
/// Send a code from `wx.login`. The WeChat identity has to be bound to an account.
#[utoipa::path(tag = "auth", operation_id = "wechat_login", security(()), responses(
    (status = 200, description = "The tokens of the new session", body = SignedInAnswer),
    WechatLoginRefusals,
))]
#[post("/auth/wechat/login")]
async fn wechat_login(
    app: web::Data<App>,
    Client(origin): Client,
    id: RequestId,
    body: Json<WechatLogin>,
) -> Result<HttpResponse, Problem> {
    let WechatLogin { code, office } = body.into_inner();
    let attempt = nameless(&app, origin, id);
    let openid = identity(&app, &code, &attempt).await?;
    let vault = app.vault.clone();
    let entry = app
        .db
        .write(move |conn| wechat::log_in(conn, &vault, &openid, office, &attempt))
        .await?;
    entered(&app, entry)
}

/// The WeChat identity to bind, and the credentials of the account.
#[derive(Deserialize, ToSchema)]
#[schema(as = WechatBindRequest)]
#[serde(deny_unknown_fields)]
struct WechatBind {
    /// The code from `wx.login`.
    code: String,
    /// The ID number (公民身份号码, GB 11643).
    id_number: String,
    /// The password.
    password: String,
    /// The office to act from. Without it the person acts as a member.
    #[serde(default)]
    office: Option<AppointmentId>,
}

refuses!(WechatBindRefusals:
    RequestSignInFailed,
    WechatBlocked,
    RequestNoSuchOffice,
    WechatNotConfigured,
    WechatBoundAlready,
    WechatCodeInvalid,
    RequestTooManyAttempts,
    WechatUnavailable,
);

/// Bind a WeChat identity
///
/// Binds a WeChat identity to the account with this ID number and password, and signs in. The password is required even
/// if the person is signed in, because the binding is another way into the account. An identity can be bound to one
/// account and an account to one identity. Unbind the old one first.
#[utoipa::path(tag = "auth", operation_id = "wechat_bind", security(()), responses(
    (status = 200, description = "The tokens of the new session. The WeChat identity is bound", body = SignedInAnswer),
    WechatBindRefusals,
))]
#[post("/auth/wechat/bind")]
async fn wechat_bind(
    app: web::Data<App>,
    Client(origin): Client,
    id: RequestId,
    body: Json<WechatBind>,
) -> Result<HttpResponse, Problem> {
    let WechatBind {
        code,
        id_number,
        password,
        office,
    } = body.into_inner();
    // Check the password first: WeChat's code works once and expires after five minutes.
    let attempt = attempt(&app, id_number, origin, id);
    let mut proven = proven(&app, &attempt, password, office).await?;
    proven.openid = Some(identity(&app, &code, &attempt).await?);
    let vault = app.vault.clone();
    let entry = app
        .db
        .write(move |conn| wechat::bind(conn, &vault, &attempt, &proven))
        .await?;
    entered(&app, entry)
}

/// Unbind the WeChat identity
///
/// Unbinds the identity of your account. If none is bound, nothing changes. Sessions stay open.
#[utoipa::path(tag = "auth", operation_id = "wechat_unbind", security(("bearer" = [])), responses(
    (status = 204, description = "No WeChat identity is bound to the account"),
))]
#[post("/auth/wechat/unbind")]
async fn wechat_unbind(app: web::Data<App>, caller: Caller<can::ManageSelf>) -> Result<HttpResponse, Problem> {
    let context = caller.context;
    let account = context.actor.account.ok_or(Code::RequestUnauthenticated)?;
    app.db
        .write(move |conn| wechat::unbind(conn, &context, account))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
