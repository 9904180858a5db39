//! Setting a new password with a one-time code (§2.5, O5).

use super::caller::{Caller, can};
use super::edge::RequestId;
use super::extract::{Id, Json};
use super::problem::{Problem, ProblemDetails};
use super::wire::Instant;
use crate::app::App;
use crate::domain::account::o5_password;
use crate::domain::id_number::IdNumber;
use crate::domain::ids::{AppointmentId, MemberId};
use crate::domain::time::shanghai_date;
use crate::security::code;
use crate::security::vault::Purpose;
use crate::service::resets::{self, Issued, Reset};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(issue_member_code)
        .service(issue_office_code)
        .service(reset_password);
}

/// A one-time code.
#[derive(Serialize, ToSchema)]
struct ResetCodeView {
    /// The code, shown this once: hand it to the person.
    #[schema(example = "7K2M-Q8ZD-0RVA-PX4T")]
    code: String,
    /// Until when it is valid.
    valid_until: Instant,
}

impl From<Issued> for ResetCodeView {
    fn from(issued: Issued) -> Self {
        Self {
            code: issued.code,
            valid_until: issued.valid_until.into(),
        }
    }
}

/// Issue a one-time code for a member
///
/// By an administrator of the member's branch or of its direct superior. Valid two days and once; a new one makes the one
/// before void. It takes no `Idempotency-Key`: the answer would have to be kept, and with it the code.
#[utoipa::path(tag = "members", operation_id = "issue_member_code", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "Which member")), responses(
    (status = 201, description = "The code", body = ResetCodeView),
    (status = 403, description = "`account.reset_not_allowed`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 404, description = "`member.not_found`", body = ProblemDetails, content_type = "application/problem+json"),
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
    Ok(HttpResponse::Created().json(ResetCodeView::from(issued)))
}

/// Issue a one-time code for an administrator
///
/// For whoever holds an office and need not be a member, by an administrator there or of the direct superior.
#[utoipa::path(tag = "appointments", operation_id = "issue_office_code", security(("bearer" = [])),
    params(("id" = AppointmentId, Path, description = "Which office")), responses(
    (status = 201, description = "The code", body = ResetCodeView),
    (status = 403, description = "`account.reset_not_allowed`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 404, description = "`appointment.not_found`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 409, description = "`appointment.ended`", body = ProblemDetails, content_type = "application/problem+json"),
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
    Ok(HttpResponse::Created().json(ResetCodeView::from(issued)))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The ID number (公民身份号码, GB 11643).
    id_number: String,
    /// The one-time code.
    code: String,
    /// The new password, 8 to 256 bytes.
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
}

/// Set a new password
///
/// With the ID number and a one-time code. One answer for everything that is wrong with them.
#[utoipa::path(tag = "auth", operation_id = "reset_password", security(()), responses(
    (status = 204, description = "The password is set; sign in with it"),
    (status = 422, description = "`account.reset_code_invalid`, `account.password_length`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[post("/auth/reset")]
async fn reset_password(
    app: web::Data<App>,
    request: HttpRequest,
    body: Json<NewPassword>,
) -> Result<HttpResponse, Problem> {
    let NewPassword {
        id_number,
        code,
        new_password,
    } = body.into_inner();
    o5_password(&new_password).map_err(Problem::new)?;
    let now = app.clock.now();
    // What is no ID number belongs to nobody, and is looked up all the same.
    let number = IdNumber::parse(&id_number, shanghai_date(now)).map_or(id_number, |number| number.reveal().to_owned());
    // Hashed before anything is looked up: so every answer takes as long as every other.
    let password_hash = app
        .passwords
        .hash(new_password)
        .await
        .map_err(crate::service::Error::from)?;
    let reset = Reset {
        id_number: app.vault.digest(Purpose::IdNumber, &number),
        code: app.vault.digest(Purpose::ResetCode, &code::normal(&code)),
        password_hash,
    };
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let request_id = request_id.unwrap_or_default();
    app.db
        .write(move |conn| resets::reset(conn, &reset, now, &request_id))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
