//! Sign-in, sign-out, and who the caller is.

use super::appointments::AppointmentRequestView;
use super::blocks::BlockView;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{AccountHolder, Caller, can};
use crate::api::request::client::Client;
use crate::api::request::extract::Json;
use crate::api::request::request_id::RequestId;
use crate::api::response::problem::Problem;
use crate::api::wire::{Instant, OrganizationLabel, OrganizationRef};
use crate::app::App;
use crate::domain::account::password::{o5_password, o5_password_of, prepared};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, SessionId};
use crate::domain::core::time::shanghai_date;
use crate::domain::member::{Certification, Standing};
use crate::domain::office::OfficeRole;
use crate::security::refresh::Refresh;
use crate::security::vault::SealPurpose;
use crate::service::accounts::attempts::AttemptOrigin;
use crate::service::accounts::passwords::{self, PasswordReplacement};
use crate::service::accounts::sessions::{self, RefreshOutcome, Session};
use crate::service::accounts::sign_in::{self as entry, Attempt, Proven, SignInAdmission, SignInOutcome, Try};
use crate::service::accounts::{self, CodeNotice, HeldOffice, Myself};
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(sign_in)
        .service(refresh)
        .service(sign_out)
        .service(change_password)
        .service(me)
        .service(list_sessions);
}

/// A longer password is refused at once, so that Argon2 does no work for it.
const LONGEST_PASSWORD: usize = 256;

/// The credentials of a person.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignInRequest)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// The ID number (公民身份号码, GB 11643).
    id_number: String,
    /// The password.
    password: String,
    /// The office to act from. Without it the person acts as a member.
    #[serde(default)]
    office: Option<AppointmentId>,
}

/// A sign-in that succeeded.
#[derive(Serialize, ToSchema)]
#[schema(as = SignInResult)]
pub struct SignedInAnswer {
    /// The access token. Send it as `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    expires_in: i64,
    /// The refresh token. It works once, at `POST /v1/auth/refresh`, and gives the next two tokens. Keep it as safe as
    /// a password.
    refresh_token: String,
    /// Whether the person has to change the password first. Until then every other request is refused.
    must_change_password: bool,
    /// The office the token acts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    office: Option<AppointmentId>,
    /// All offices the person may choose from.
    offices: Vec<OfficeView>,
    /// The one-time codes issued for this account during the last thirty days (O5). An owner who did not ask for one
    /// should ask the organization named here.
    notices: Vec<CodeNoticeView>,
    /// The blocks of this account that ended during the last thirty days. Absent if there were none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<BlockView>,
}

/// A notice that somebody issued a one-time code, with which a new password can be set (O5).
#[derive(Serialize, ToSchema)]
#[schema(as = ResetCodeNotice)]
struct CodeNoticeView {
    /// When the code was issued.
    issued_at: Instant,
    /// When a password was set with it. Absent if it was not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<Instant>,
    /// The organization whose administrators issued it. Absent if the operators of the service did.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<OrganizationRef>,
}

impl From<CodeNotice> for CodeNoticeView {
    fn from(notice: CodeNotice) -> Self {
        let issuer = notice.organization_id.zip(notice.organization_name);
        Self {
            issued_at: notice.issued_at.into(),
            used_at: notice.used_at.map(Instant::from),
            organization: issuer.map(|(id, name)| OrganizationRef { id, name }),
        }
    }
}

/// An office (管理员任职).
#[derive(Serialize, ToSchema)]
#[schema(as = Office)]
pub struct OfficeView {
    /// The id of the appointment. Name it at sign-in to act from this office.
    pub id: AppointmentId,
    /// What the office is for.
    pub role: OfficeRole,
    /// The organization of the office.
    pub organization: OrganizationLabel,
}

impl From<HeldOffice> for OfficeView {
    fn from(held: HeldOffice) -> Self {
        let organization = OrganizationLabel {
            id: held.office.organization,
            name: held.organization_name,
            kind: held.office.kind,
        };
        Self {
            id: held.office.appointment,
            role: held.role,
            organization,
        }
    }
}

/// An attempt to sign in with an ID number.
pub fn attempt(app: &App, id_number: String, origin: AttemptOrigin, id: RequestId) -> Attempt {
    let now = app.clock.now();
    // A string that is no ID number is looked up too, and matches nobody.
    let number = IdNumber::parse(&id_number, shanghai_date(now)).map_or(id_number, |number| number.reveal().to_owned());
    Attempt {
        id_number: app.vault.digest(SealPurpose::IdNumber, &number),
        origin,
        now,
        request_id: id.0,
    }
}

/// Checks the password. Every failure costs the same work: one count, one query, one hash.
///
/// # Errors
/// `request.sign_in_failed`, `request.too_many_attempts`, `service.busy`.
pub async fn proven(
    app: &App,
    attempt: &Attempt,
    password: String,
    office: Option<AppointmentId>,
) -> Result<Proven, Problem> {
    if password.len() > LONGEST_PASSWORD {
        return Err(Code::RequestSignInFailed.into());
    }
    let place = app.passwords.place().map_err(crate::service::Error::from)?;
    let (vault, counted) = (app.vault.clone(), attempt.clone());
    let admission = app
        .db
        .write(move |conn| entry::begin_attempt(conn, &vault, &counted))
        .await?;
    let Try { found, wait, is_known } = match admission {
        SignInAdmission::Try(admitted) => admitted,
        SignInAdmission::Wait(time) => return Err(Problem::wait(time)),
    };
    let (account, hash) = found.map_or((None, None), |(account, hash)| (Some(account.id), hash));
    let fits = match wait {
        // Whoever made this address or this account wait must not take the processors from others as well.
        Some(wait) => place
            .check_if_idle(password, hash.clone())
            .await
            .ok_or_else(|| Problem::wait(wait))?,
        None => place.check(password, hash.clone()).await,
    };
    let fits = fits.map_err(crate::service::Error::from)?;
    let account = match (account.filter(|_| fits), wait) {
        (Some(account), None) => account,
        (Some(account), Some(_)) if is_known => account,
        (_, Some(wait)) => return Err(Problem::wait(wait)),
        (None, None) => return Err(Code::RequestSignInFailed.into()),
    };
    Ok(Proven {
        account,
        hash,
        has_passed_wait: wait.is_some(),
        office,
        openid: None,
    })
}

/// The answer to a sign-in that was decided.
///
/// # Errors
/// The code of a refused sign-in, such as `request.no_such_office`; `service.fault`.
pub fn entered(app: &App, came: SignInOutcome) -> Result<HttpResponse, Problem> {
    let signed_in = match came {
        SignInOutcome::Opened(signed_in) => signed_in,
        SignInOutcome::Refused(code) => return Err(code.into()),
    };
    Ok(HttpResponse::Ok().json(SignedInAnswer {
        access_token: app
            .tokens
            .issue(signed_in.bearer, app.clock.now())
            .map_err(|_| Code::ServiceFault)?,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime().num_seconds(),
        refresh_token: signed_in.refresh.reveal(),
        must_change_password: signed_in.must_change_password,
        office: signed_in.bearer.office,
        offices: signed_in.offices.into_iter().map(OfficeView::from).collect(),
        notices: signed_in.notices.into_iter().map(CodeNoticeView::from).collect(),
        blocks: signed_in.blocks.into_iter().map(BlockView::from).collect(),
    }))
}

refuses!(SignInRefusals: RequestSignInFailed, RequestNoSuchOffice, RequestTooManyAttempts);

/// Sign in
///
/// Send the ID number and the password. An unknown number and a wrong password get the same answer. The result lists
/// the person's offices. To act from one, sign in again and name it. After some failures each further attempt has to
/// wait.
#[utoipa::path(tag = "auth", operation_id = "sign_in", security(()), responses(
    (status = 200, description = "The tokens of the new session", body = SignedInAnswer),
    SignInRefusals,
))]
#[post("/auth/sign-in")]
async fn sign_in(
    app: web::Data<App>,
    Client(origin): Client,
    id: RequestId,
    body: Json<SignIn>,
) -> Result<HttpResponse, Problem> {
    let SignIn {
        id_number,
        password,
        office,
    } = body.into_inner();
    let attempt = attempt(&app, id_number, origin, id);
    let proven = proven(&app, &attempt, password, office).await?;
    let vault = app.vault.clone();
    let came = app
        .db
        .write(move |conn| entry::enter(conn, &vault, &attempt, &proven))
        .await?;
    entered(&app, came)
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[schema(as = RefreshRequest)]
#[serde(deny_unknown_fields)]
struct RefreshBody {
    /// The latest refresh token of the session.
    refresh_token: String,
}

/// The next tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = RefreshResult)]
struct RefreshAnswer {
    /// The access token. Send it as `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(example = 900)]
    expires_in: i64,
    /// The next refresh token. It replaces the one you sent.
    refresh_token: String,
}

refuses!(RefreshRefusals: RequestRefreshFailed, RequestTooManyAttempts);

/// Refresh the tokens
///
/// A refresh token works once. If the answer was lost, or another tab refreshed first, the token that was just replaced
/// gives the same next token once more, for ten seconds and from the same address. Any other used token is treated as
/// stolen and ends the session. A session that acts from an office ends after twelve hours without a refresh, and
/// after one week in any case. A member's session ends after thirty days without a refresh, and after half a year in
/// any case.
#[utoipa::path(tag = "auth", operation_id = "refresh", security(()), responses(
    (status = 200, description = "The new tokens", body = RefreshAnswer),
    RefreshRefusals,
))]
#[post("/auth/refresh")]
async fn refresh(
    app: web::Data<App>,
    Client(origin): Client,
    RequestId(id): RequestId,
    body: Json<RefreshBody>,
) -> Result<HttpResponse, Problem> {
    let shown = Refresh::parse(&body.refresh_token);
    let (vault, now) = (app.vault.clone(), app.clock.now());
    let turn = app
        .db
        .write(move |conn| sessions::refresh(conn, &vault, shown.as_ref(), origin, now, &id))
        .await?;
    match turn {
        RefreshOutcome::Next(bearer, next) => Ok(HttpResponse::Ok().json(RefreshAnswer {
            access_token: app.tokens.issue(bearer, now).map_err(|_| Code::ServiceFault)?,
            token_type: "Bearer",
            expires_in: app.tokens.lifetime().num_seconds(),
            refresh_token: next.reveal(),
        })),
        RefreshOutcome::Refused => {
            // The refresh may have ended a session.
            app.actor_cache.forget();
            Err(Code::RequestRefreshFailed.into())
        }
        RefreshOutcome::Wait(time) => Err(Problem::wait(time)),
    }
}

/// Which sessions to end.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignOutRequest)]
#[serde(deny_unknown_fields)]
struct SignOut {
    /// `true` ends all sessions of the account, on every device. `false` ends this session only.
    everywhere: bool,
}

/// Sign out
///
/// Ends this session or all sessions of the account. Every server refuses their tokens within a second.
#[utoipa::path(tag = "auth", operation_id = "sign_out", security(("bearer" = [])), responses(
    (status = 204, description = "The session or sessions have ended"),
))]
#[post("/auth/sign-out")]
async fn sign_out(app: web::Data<App>, holder: AccountHolder, body: Json<SignOut>) -> Result<HttpResponse, Problem> {
    let everywhere = body.everywhere;
    app.db
        .write(move |conn| sessions::sign_out(conn, &holder.context, holder.account, holder.session, everywhere))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangePasswordRequest)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The current password.
    current_password: String,
    /// The new password: 8 to 256 bytes, not part of the ID number.
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
}

refuses!(ChangePasswordRefusals:
    AccountPasswordWrong,
    AccountPasswordLength,
    AccountPasswordReused,
    AccountPasswordIsNumber,
    AccountPasswordCommon,
    RequestTooManyAttempts,
);

/// Change the password
///
/// A person who signed in with a password that somebody else set has to change it before any other request. All other
/// sessions of the account end. This session stays open.
#[utoipa::path(tag = "auth", operation_id = "change_password", security(("bearer" = [])), responses(
    (status = 204, description = "The password is changed"),
    ChangePasswordRefusals,
))]
#[post("/auth/password")]
async fn change_password(
    app: web::Data<App>,
    Client(origin): Client,
    holder: AccountHolder,
    body: Json<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let PasswordChange {
        current_password,
        new_password,
    } = body.into_inner();
    let AccountHolder {
        account,
        session,
        context,
    } = holder;
    o5_password(&new_password).map_err(Problem::new)?;
    if prepared(&new_password) == prepared(&current_password) {
        return Err(Problem::new(
            Refusal::new(Code::AccountPasswordReused).at("/new_password"),
        ));
    }
    let wrong = || Problem::new(Refusal::new(Code::AccountPasswordWrong).at("/current_password"));
    if current_password.len() > LONGEST_PASSWORD {
        return Err(wrong());
    }
    let vault = app.vault.clone();
    let number = app
        .db
        .read(move |conn| passwords::id_number(conn, &vault, account))
        .await?;
    o5_password_of(&new_password, &number).map_err(Problem::new)?;
    let place = app.passwords.place().map_err(crate::service::Error::from)?;
    let (vault, counted) = (app.vault.clone(), context.clone());
    let admission = app
        .db
        .write(move |conn| passwords::begin_attempt(conn, &counted, &vault, account, origin))
        .await?;
    let old = match admission {
        passwords::PasswordAdmission::Try(old) => old,
        passwords::PasswordAdmission::Wait(time) => return Err(Problem::wait(time)),
    };
    let fits = place.check(current_password, old.clone()).await;
    if !fits.map_err(crate::service::Error::from)? {
        return Err(wrong());
    }
    let new = place.hash(new_password).await.map_err(crate::service::Error::from)?;
    let change = PasswordReplacement {
        account,
        session,
        old,
        new,
        origin,
    };
    let vault = app.vault.clone();
    app.db
        .write(move |conn| passwords::change(conn, &context, &vault, &change))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A session.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionView {
    /// The id of the session.
    id: SessionId,
    /// Whether this request belongs to the session.
    current: bool,
    /// When it began.
    created_at: Instant,
    /// When its tokens were last refreshed.
    last_used_at: Instant,
    /// The office that the session acts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    office: Option<AppointmentId>,
    /// That office's organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_name: Option<String>,
}

/// The caller's sessions.
#[derive(Serialize, ToSchema)]
#[schema(as = SessionList)]
struct SessionsAnswer {
    /// The open sessions, latest first.
    items: Vec<SessionView>,
}

/// List your sessions
///
/// Lists all open sessions of your account, on every device. `POST /v1/auth/sign-out` ends them.
#[utoipa::path(tag = "auth", operation_id = "list_sessions", security(("bearer" = [])), responses(
    (status = 200, description = "The open sessions", body = SessionsAnswer),
))]
#[get("/me/sessions")]
async fn list_sessions(app: web::Data<App>, caller: Caller<can::ReadSelf>) -> Result<HttpResponse, Problem> {
    let (context, current) = (caller.context, caller.session);
    let account = context.actor.account.ok_or(Code::RequestUnauthenticated)?;
    let open = app
        .db
        .read(move |conn| sessions::list(conn, account, context.now))
        .await?;
    let view = |(session, organization_name): (Session, Option<String>)| SessionView {
        id: session.id,
        current: current == Some(session.id),
        created_at: session.created_at.into(),
        last_used_at: session.last_used_at.into(),
        office: session.appointment_id,
        organization_name,
    };
    let items = open.into_iter().map(view).collect();
    Ok(HttpResponse::Ok().json(SessionsAnswer { items }))
}

/// Who the caller is.
#[derive(Serialize, ToSchema)]
#[schema(as = CurrentUser)]
struct MeView {
    /// The account.
    account_id: AccountId,
    /// The person's name.
    name: String,
    /// The member that this person is, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MyMembership>,
    /// The office that this token acts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_office: Option<AppointmentId>,
    /// All offices that the person holds.
    offices: Vec<OfficeView>,
    /// The one-time codes issued for this account during the last thirty days (O5).
    notices: Vec<CodeNoticeView>,
    /// The blocks of this account that ended during the last thirty days. Absent if there were none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<BlockView>,
    /// The appointments that wait for your consent, earliest first; absent when there are none. Answer with
    /// `consent_to_appointment` or `decline_appointment`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<AppointmentRequestView>,
}

/// The caller as a member.
#[derive(Serialize, ToSchema)]
struct MyMembership {
    /// The id of the member.
    id: MemberId,
    /// The member's branch. Absent after a move out of the national tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<OrganizationLabel>,
    /// The member's standing (团籍状态).
    standing: Standing,
    /// The state of the League identity certification.
    certification: Certification,
}

impl From<Myself> for MeView {
    fn from(myself: Myself) -> Self {
        Self {
            account_id: myself.account.id,
            name: myself.account.name,
            member: myself.member.map(|(member, branch)| MyMembership {
                id: member.id,
                branch: branch.as_ref().map(OrganizationLabel::from),
                standing: member.standing,
                certification: member.certification,
            }),
            acting_office: myself.acting,
            offices: myself.offices.into_iter().map(OfficeView::from).collect(),
            notices: myself.notices.into_iter().map(CodeNoticeView::from).collect(),
            blocks: myself.blocks.into_iter().map(BlockView::from).collect(),
            offers: myself.offers.into_iter().map(AppointmentRequestView::from).collect(),
        }
    }
}

/// Get your account
///
/// Returns the account of the token, with its member and its offices.
#[utoipa::path(tag = "auth", operation_id = "me", security(("bearer" = [])), responses(
    (status = 200, description = "Your account, member and offices", body = MeView),
))]
#[get("/me")]
async fn me(app: web::Data<App>, caller: Caller<can::ReadSelf>) -> Result<HttpResponse, Problem> {
    let me = app.db.read(move |conn| accounts::myself(conn, &caller.context)).await?;
    Ok(HttpResponse::Ok().json(MeView::from(me)))
}
