//! One-time codes, and setting a new password with one (§2.5, O5).

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::client::Client;
use crate::api::request::extract::{Id, Json, items};
use crate::api::request::language;
use crate::api::request::request_id::RequestId;
use crate::api::response::problem::{Blocking, Problem};
use crate::api::wire::Instant;
use crate::api::wire::batch::{BatchAnswer, ItemStatus, blocking};
use crate::app::App;
use crate::domain::account::password::o5_password_of;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AppointmentId, MemberId};
use crate::domain::core::language::Language;
use crate::domain::core::time::shanghai_date;
use crate::security::code;
use crate::security::vault::SealPurpose;
use crate::service::accounts::resets::{self, CodeOutcome, IssuedCode, Reset};
use crate::service::batch::{BatchMode, BatchOptions, ItemOutcome, ReadItem};
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(issue_member_code)
        .service(issue_member_codes)
        .service(issue_office_code)
        .service(reset_password);
}

/// A one-time code.
#[derive(Serialize, ToSchema)]
#[schema(as = ResetCode)]
struct ResetCodeView {
    /// The code. It is shown only once: hand it to the person.
    #[schema(example = "7K2M-Q8ZD-0RVA-PX4T")]
    code: String,
    /// When it expires.
    valid_until: Instant,
}

impl From<IssuedCode> for ResetCodeView {
    fn from(issued: IssuedCode) -> Self {
        Self {
            code: issued.code,
            valid_until: issued.valid_until.into(),
        }
    }
}

/// A one-time code that a second administrator has to issue.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingResetCode)]
struct CodeRequestView {
    /// Until when another administrator can issue the code, by the same operation.
    second_administrator_until: Instant,
}

/// 201 with the code, or 202 when a second administrator has to issue it.
fn code_answer(outcome: CodeOutcome) -> HttpResponse {
    match outcome {
        CodeOutcome::Issued(code) => HttpResponse::Created().json(ResetCodeView::from(code)),
        CodeOutcome::Requested(until) => HttpResponse::Accepted().json(CodeRequestView {
            second_administrator_until: until.into(),
        }),
    }
}

refuses!(IssueMemberCodeRefusals: AccountResetOneself);

/// Issue a one-time code for a member
///
/// An administrator of the member's branch or of its direct superior issues the code. If the member holds offices, your
/// organization must be above each of them. If one of these offices is above a branch, two administrators are needed:
/// the first call answers 202, and the same call by another administrator within a day answers with the code. A code
/// works once, within two days. A new code voids the code before, and so does a new office of the member. There is no
/// `Idempotency-Key`, because the service would have to keep the code.
#[utoipa::path(tag = "members", operation_id = "issue_member_code", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member")), responses(
    (status = 201, description = "The one-time code", body = ResetCodeView),
    (status = 202, description = "A second administrator has to issue the code", body = CodeRequestView),
    IssueMemberCodeRefusals,
))]
#[post("/members/{id}/reset-code")]
async fn issue_member_code(
    app: web::Data<App>,
    caller: Caller<can::IssueMemberCode>,
    Id(member): Id<MemberId>,
) -> Result<HttpResponse, Problem> {
    let (vault, context) = (app.vault.clone(), caller.context);
    let issued = app
        .db
        .write(move |conn| resets::for_member(conn, &context, &vault, member))
        .await?;
    Ok(code_answer(issued))
}

/// The members to issue codes for.
#[derive(Deserialize, ToSchema)]
#[schema(as = IssueMemberCodesRequest)]
#[serde(deny_unknown_fields)]
struct CodesBody {
    /// The members, 1 to 200.
    #[serde(deserialize_with = "items")]
    #[schema(min_items = 1, max_items = 200, value_type = Vec<MemberId>)]
    items: Vec<ReadItem<MemberId>>,
}

/// The result for one member.
#[derive(Serialize, ToSchema)]
#[schema(as = ResetCodeResult)]
struct CodeResult {
    /// The id of the member. Absent if it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    /// Whether a code was issued.
    status: ItemStatus,
    /// The code.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    issued: Option<ResetCodeView>,
    /// The rules that stand in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Blocking>,
}

impl CodeResult {
    fn new(member: Option<MemberId>, outcome: ItemOutcome<IssuedCode>, language: Language) -> Self {
        let (status, issued, refusals) = match outcome {
            Ok(issued) => (ItemStatus::Done, Some(issued.into()), Vec::new()),
            Err(refusals) => (ItemStatus::Refused, None, refusals),
        };
        Self {
            member,
            status,
            issued,
            errors: blocking(&refusals, language),
        }
    }
}

refuses!(IssueMemberCodesRefusals: BatchItemTwice);

/// Issue one-time codes for a list of members
///
/// Each member gets a code or a refusal, independently of the others. A member whose code needs two administrators is
/// refused here. There is no `Idempotency-Key`. Sending the request again voids the earlier codes.
#[utoipa::path(tag = "members", operation_id = "issue_member_codes", security(("bearer" = [])), responses(
    (status = 200, description = "A result for each member", body = BatchAnswer<CodeResult>),
    IssueMemberCodesRefusals,
))]
#[post("/members/reset-codes")]
async fn issue_member_codes(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::IssueMemberCode>,
    body: Json<CodesBody>,
) -> Result<HttpResponse, Problem> {
    let members = body.into_inner().items;
    let (vault, context, wanted) = (app.vault.clone(), caller.context, members.clone());
    let outcomes = app
        .db
        .write(move |conn| resets::for_members(conn, &context, &vault, &wanted))
        .await?;
    let language = language::of(&request);
    let options = BatchOptions {
        mode: BatchMode::PerItem,
        dry_run: false,
    };
    let result = |member: Option<&MemberId>, outcome| CodeResult::new(member.copied(), outcome, language);
    Ok(HttpResponse::Ok().json(BatchAnswer::new(options, &members, outcomes, result)))
}

refuses!(IssueOfficeCodeRefusals: AppointmentEnded, AccountResetOneself);

/// Issue a one-time code for an administrator
///
/// The holder of the office need not be a member. Your organization must be above each office of this person. The
/// root's administrators issue codes for each other. If one of the offices is above a branch, two administrators are
/// needed: the first call answers 202, and the same call by another administrator within a day answers with the code.
#[utoipa::path(tag = "appointments", operation_id = "issue_office_code", security(("bearer" = [])),
    params(("id" = AppointmentId, Path, description = "The id of the appointment")), responses(
    (status = 201, description = "The one-time code", body = ResetCodeView),
    (status = 202, description = "A second administrator has to issue the code", body = CodeRequestView),
    IssueOfficeCodeRefusals,
))]
#[post("/appointments/{id}/reset-code")]
async fn issue_office_code(
    app: web::Data<App>,
    caller: Caller<can::IssueOfficeCode>,
    Id(office): Id<AppointmentId>,
) -> Result<HttpResponse, Problem> {
    let (vault, context) = (app.vault.clone(), caller.context);
    let issued = app
        .db
        .write(move |conn| resets::for_office(conn, &context, &vault, office))
        .await?;
    Ok(code_answer(issued))
}

/// A new password and the code that permits it.
#[derive(Deserialize, ToSchema)]
#[schema(as = ResetPasswordRequest)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The ID number (公民身份号码, GB 11643).
    id_number: String,
    /// The one-time code.
    code: String,
    /// The new password: 8 to 256 bytes, not part of the ID number.
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
}

refuses!(ResetPasswordRefusals:
    AccountResetCodeInvalid,
    AccountPasswordLength,
    AccountPasswordIsNumber,
    AccountPasswordCommon,
    RequestTooManyAttempts,
);

/// Set a new password
///
/// Send the ID number and a one-time code. Every fault in them gets the same answer. All sessions of the account end,
/// and a WeChat identity that is bound to it is unbound. For thirty days, sign-in shows that the code was issued.
#[utoipa::path(tag = "auth", operation_id = "reset_password", security(()), responses(
    (status = 204, description = "The password is set. Sign in with it"),
    ResetPasswordRefusals,
))]
#[post("/auth/reset")]
async fn reset_password(
    app: web::Data<App>,
    Client(origin): Client,
    RequestId(request_id): RequestId,
    body: Json<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let NewPassword {
        id_number,
        code,
        new_password,
    } = body.into_inner();
    let now = app.clock.now();
    // A string that is no ID number is looked up too, and matches nobody.
    let number = IdNumber::parse(&id_number, shanghai_date(now)).map_or(id_number, |number| number.reveal().to_owned());
    o5_password_of(&new_password, &number).map_err(Problem::new)?;
    let place = app.passwords.place().map_err(crate::service::Error::from)?;
    let id_number = app.vault.digest(SealPurpose::IdNumber, &number);
    let (vault, counted) = (app.vault.clone(), id_number.clone());
    let wait = app
        .db
        .write(move |conn| resets::begin_attempt(conn, &vault, &counted, origin, now))
        .await?;
    if let Some(wait) = wait {
        return Err(Problem::wait(wait));
    }
    // Hash before any look-up, so that every answer takes the same time.
    let password_hash = place.hash(new_password).await.map_err(crate::service::Error::from)?;
    let reset = Reset {
        id_number,
        code: app.vault.digest(SealPurpose::ResetCode, &code::normal(&code)),
        password_hash,
        origin,
    };
    let vault = app.vault.clone();
    app.db
        .write(move |conn| resets::reset(conn, &vault, &reset, now, &request_id))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
