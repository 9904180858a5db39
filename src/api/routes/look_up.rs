//! Looking for a person by full name and ID number (T4).

use super::organizations::Contact;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::Json;
use crate::api::response::problem::Problem;
use crate::api::wire::OrganizationLabel;
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::time::{Timestamp, shanghai_date};
use crate::security::vault::{SealPurpose, Vault};
use crate::service::Context;
use crate::service::look_up::{self, LookUpOutcome, LookedUpPerson, Organization};
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(look_up_member);
}

/// Who is looked for.
#[derive(Deserialize, ToSchema)]
#[schema(as = LookUpMemberRequest)]
#[serde(deny_unknown_fields)]
struct LookUpBody {
    /// The full name.
    name: String,
    /// The ID number.
    id_number: String,
}

/// Where the person is, and whom to ask.
#[derive(Serialize, ToSchema)]
#[schema(as = LookUpMemberResult)]
struct LookUpAnswer {
    /// The branch.
    organization: OrganizationLabel,
    /// The branch's contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
}

impl From<Organization> for LookUpAnswer {
    fn from(branch: Organization) -> Self {
        Self {
            organization: OrganizationLabel::from(&branch),
            contact: Contact::of(&branch),
        }
    }
}

/// A person as a caller names him.
///
/// # Errors
/// What is wrong with the ID number, with a pointer below `at`.
pub fn wanted(name: String, number: &str, at: &str, vault: &Vault, now: Timestamp) -> Result<LookedUpPerson, Problem> {
    let number = IdNumber::parse(number, shanghai_date(now))
        .map_err(|e| Problem::new(Refusal::from(e).at(format!("{at}/id_number"))))?;
    Ok(LookedUpPerson {
        name,
        id_number: vault.digest(SealPurpose::IdNumber, number.reveal()),
    })
}

/// Looks for a person and pays for it, in a transaction of its own: the attempt counts whatever comes after it.
///
/// # Errors
/// `member.no_match`, `rate_limited`.
pub async fn find(app: &App, context: Context, wanted: LookedUpPerson) -> Result<Organization, Problem> {
    match app
        .db
        .write(move |conn| look_up::look_up(conn, &context, &wanted))
        .await?
    {
        LookUpOutcome::Branch(branch) => Ok(*branch),
        LookUpOutcome::Nobody => Err(Code::MemberNoMatch.into()),
        LookUpOutcome::Exhausted => Err(Code::RateLimited.into()),
    }
}

/// Pays for a look-up whose answer is given another way: what was found stays unsaid here.
///
/// # Errors
/// `rate_limited`.
pub async fn pay(app: &App, context: Context, wanted: LookedUpPerson) -> Result<(), Problem> {
    match app
        .db
        .write(move |conn| look_up::look_up(conn, &context, &wanted))
        .await?
    {
        LookUpOutcome::Branch(_) | LookUpOutcome::Nobody => Ok(()),
        LookUpOutcome::Exhausted => Err(Code::RateLimited.into()),
    }
}

refuses!(LookUpMemberRefusals:
    MemberNoMatch,
    MemberIdNumberMalformed,
    RateLimited,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
);

/// Look for a person
///
/// By exact full name and ID number: the branch and its contact (§1.4.3, §2.5). Anything else gets one and the same
/// answer. Every look-up is noted and limited, for the caller, his organization and the person looked for.
#[utoipa::path(tag = "members", operation_id = "look_up_member", security(("bearer" = [])), request_body = LookUpBody,
    responses(
    (status = 200, description = "Where the member is", body = LookUpAnswer),
    LookUpMemberRefusals,
))]
#[post("/members/look-up")]
async fn look_up_member(
    app: web::Data<App>,
    caller: Caller<can::LookUpMember>,
    body: Json<LookUpBody>,
) -> Result<HttpResponse, Problem> {
    let LookUpBody { name, id_number } = body.into_inner();
    let wanted = wanted(name, &id_number, "", &app.vault, caller.context.now)?;
    let branch = find(&app, caller.context, wanted).await?;
    Ok(HttpResponse::Ok().json(LookUpAnswer::from(branch)))
}
