//! The look-up of a person by full name and ID number (T4).

use super::organizations::Contact;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::Json;
use crate::api::response::problem::Problem;
use crate::api::wire::{OrganizationLabel, OrganizationRef};
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::time::{Timestamp, shanghai_date};
use crate::security::vault::{SealPurpose, Vault};
use crate::service::Context;
use crate::service::look_up::{self, FoundMember, LookUpOutcome, LookedUpPerson};
use actix_web::{HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoint.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(look_up_member);
}

/// The person to find.
#[derive(Deserialize, ToSchema)]
#[schema(as = LookUpMemberRequest)]
#[serde(deny_unknown_fields)]
struct LookUpBody {
    /// The full name.
    name: String,
    /// The ID number.
    id_number: String,
}

/// The person's branch and its contact.
#[derive(Serialize, ToSchema)]
#[schema(as = LookUpMemberResult)]
struct LookUpAnswer {
    /// The branch.
    organization: OrganizationLabel,
    /// The branch's contact. Without one, an administrator of the branch, or of the organization that acts for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
    /// The organization of the contact, if it is not the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_organization: Option<OrganizationRef>,
}

impl From<FoundMember> for LookUpAnswer {
    fn from(found: FoundMember) -> Self {
        let FoundMember { branch, administrator } = found;
        let own = Contact::of(&branch);
        let administrator = administrator.filter(|_| own.is_none());
        let contact_organization = administrator
            .as_ref()
            .filter(|administrator| administrator.organization != branch.id)
            .map(|administrator| OrganizationRef {
                id: administrator.organization,
                name: administrator.organization_name.clone(),
            });
        Self {
            organization: OrganizationLabel::from(&branch),
            contact: own.or(administrator.map(|administrator| Contact::named(administrator.name))),
            contact_organization,
        }
    }
}

/// Turns a name and an ID number into the person to look up.
///
/// # Errors
/// The fault of the ID number, with a pointer below `at`.
pub fn wanted(name: String, number: &str, at: &str, vault: &Vault, now: Timestamp) -> Result<LookedUpPerson, Problem> {
    let number = IdNumber::parse(number, shanghai_date(now))
        .map_err(|e| Problem::new(Refusal::from(e).at(format!("{at}/id_number"))))?;
    Ok(LookedUpPerson {
        name,
        id_number: vault.digest(SealPurpose::IdNumber, number.reveal()),
    })
}

/// Looks up a person and charges for it in a transaction of its own, so that the attempt counts even if the request
/// fails later.
///
/// # Errors
/// `member.no_match`, `rate_limited`.
pub async fn find(app: &App, context: Context, wanted: LookedUpPerson) -> Result<FoundMember, Problem> {
    match app
        .db
        .write(move |conn| look_up::look_up(conn, &context, &wanted))
        .await?
    {
        LookUpOutcome::Found(found) => Ok(*found),
        LookUpOutcome::Nobody => Err(Code::MemberNoMatch.into()),
        LookUpOutcome::Exhausted => Err(Code::RateLimited.into()),
    }
}

/// Charges for a look-up whose result another answer reveals. The result is dropped here.
///
/// # Errors
/// `rate_limited`.
pub async fn charge(app: &App, context: Context, wanted: LookedUpPerson) -> Result<(), Problem> {
    match app
        .db
        .write(move |conn| look_up::look_up(conn, &context, &wanted))
        .await?
    {
        LookUpOutcome::Found(_) | LookUpOutcome::Nobody => Ok(()),
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

/// Look up a person
///
/// Send the exact full name and the ID number. The answer has the branch and its contact (§1.4.3, §2.5). Every other
/// case gets the same answer. Look-ups are recorded, and limited for the caller, for their organization and for the
/// person looked up.
#[utoipa::path(tag = "members", operation_id = "look_up_member", security(("bearer" = [])), request_body = LookUpBody,
    responses(
    (status = 200, description = "The member's branch and its contact", body = LookUpAnswer),
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
    let found = find(&app, caller.context, wanted).await?;
    Ok(HttpResponse::Ok().json(LookUpAnswer::from(found)))
}
