//! Creates, renames and closes organizations, and changes their contact (O1 to O3).

use super::read::OrganizationView;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, IfMatch, Json, Key};
use crate::api::response::problem::Problem;
use crate::api::response::reply;
use crate::api::wire::{Empty, person_name};
use crate::app::App;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::organization::facts::{Level, OrganizationKind, OrganizationPurpose, Sector, Stage, System};
use crate::domain::organization::rules::SchoolCodeWarning;
use crate::service::organizations::{self, Creation, OrganizationContact};
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(create_organization)
        .service(rename_organization)
        .service(close_organization)
        .service(change_contact);
}

/// The organization to create.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateOrganizationRequest)]
#[serde(deny_unknown_fields)]
struct NewOrganization {
    /// The direct superior, which is the caller's own organization.
    parent: OrganizationId,
    /// The category.
    kind: OrganizationKind,
    /// The level. Everything but a leading organ has `grassroots`.
    #[serde(default = "grassroots")]
    level: Level,
    /// The organizational system. The superior's if absent.
    #[serde(default)]
    system: Option<System>,
    /// The sector.
    sector: Sector,
    /// The school stage. Only for the school sector.
    #[serde(default)]
    stage: Option<Stage>,
    /// Whether it is a township or street committee.
    #[serde(default)]
    township: bool,
    /// The school code (学校机构编号) of an independent school.
    #[serde(default)]
    #[schema(pattern = "^[0-9]{10}$")]
    school_code: Option<String>,
    /// What a branch is for.
    #[serde(default = "ordinary")]
    purpose: OrganizationPurpose,
    /// The division code (GB/T 2260) of its place. The superior's if absent.
    #[serde(default)]
    #[schema(pattern = "^[0-9]{6}$")]
    division_code: Option<String>,
    /// The full name, 2 to 100 characters, different from its siblings'.
    name: String,
    /// The short name. The full name if absent.
    #[serde(default)]
    short_name: Option<String>,
    /// The contact, which is the secretary.
    #[serde(default)]
    contact: Option<NewContact>,
}

fn grassroots() -> Level {
    Level::Grassroots
}

fn ordinary() -> OrganizationPurpose {
    OrganizationPurpose::Ordinary
}

/// The contact of an organization.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangeContactRequest)]
#[serde(deny_unknown_fields)]
struct NewContact {
    /// The secretary's name, at most 50 characters.
    #[schema(min_length = 1, max_length = 50)]
    name: String,
    /// The office telephone, at most 30 characters: digits, spaces, `+`, `-` and brackets.
    #[serde(default)]
    #[schema(max_length = 30)]
    phone: Option<String>,
}

const LONGEST_CONTACT: usize = 50;
const LONGEST_PHONE: usize = 30;

impl NewContact {
    fn contact(&self, pointer: &str) -> Result<OrganizationContact, Problem> {
        let name = person_name(&self.name, LONGEST_CONTACT, &format!("{pointer}/name"))?;
        let is_number = |c: char| c.is_ascii_digit() || " +-()".contains(c);
        let phone = self.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty());
        if phone.is_some_and(|phone| phone.len() > LONGEST_PHONE || !phone.chars().all(is_number)) {
            let problem = InputError::Said(Text {
                zh: "须为电话号码，最多 30 个字符：数字、空格、+、- 和括号",
                en: "must be a telephone number of at most 30 characters: digits, blanks, +, - and brackets",
            });
            return Err(Problem::new(Refusal::invalid(problem).at(format!("{pointer}/phone"))));
        }
        Ok(OrganizationContact {
            name,
            phone: phone.map(str::to_owned),
        })
    }
}

impl NewOrganization {
    fn creation(&self) -> Result<Creation, Problem> {
        let contact = self.contact.as_ref().map(|contact| contact.contact("/contact"));
        Ok(Creation {
            superior: self.parent,
            kind: self.kind,
            level: self.level,
            system: self.system,
            sector: self.sector,
            stage: self.stage,
            township: self.township,
            school_code: self.school_code.clone(),
            purpose: self.purpose,
            division_code: self.division_code.clone(),
            name: self.name.clone(),
            short_name: self.short_name.clone(),
            contact: contact.transpose()?,
        })
    }
}

/// A new organization.
#[derive(Serialize, ToSchema)]
struct CreatedOrganization {
    #[serde(flatten)]
    organization: OrganizationView,
    /// What looks unusual about the school code. It does not make the code wrong.
    warnings: Vec<SchoolCodeWarning>,
}

refuses!(CreateOrganizationRefusals:
    OrganizationNameTaken,
    OrganizationSchoolCodeTaken,
    OrganizationClosed,
    OrganizationKindNotAllowedHere,
    OrganizationLevelNotAllowedHere,
    OrganizationTooDeep,
    OrganizationPurposeNotAllowed,
    OrganizationFloatingNeedsSchool,
    OrganizationFloatingName,
    OrganizationNameRequired,
    OrganizationStageRequired,
    OrganizationSchoolCodeInvalid,
);

/// Create an organization
///
/// The new organization is directly below your own, which becomes its direct superior (O1 to O3). A floating or abroad
/// branch of a school is directly below the organization with the school code, and its name says what it is (§2.1). An
/// error lists every fault at once.
#[utoipa::path(tag = "organizations", operation_id = "create_organization", security(("bearer" = [])),
    params(Key), responses(
    (status = 201, description = "The new organization", body = CreatedOrganization),
    CreateOrganizationRefusals,
))]
#[post("/organizations")]
async fn create_organization(
    app: web::Data<App>,
    caller: Caller<can::CreateOrganization>,
    key: Key,
    request: HttpRequest,
    body: Json<NewOrganization>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let creation = body.creation()?;
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let (organization, warnings) = organizations::create(conn, context, &creation)?;
        let (id, version) = (organization.id, organization.version);
        let organization = organization.into();
        let body = CreatedOrganization { organization, warnings };
        reply::created(format!("/v1/organizations/{id}"), version, &body)
    })
    .await
}

/// The new name of an organization.
#[derive(Deserialize, ToSchema)]
#[schema(as = RenameOrganizationRequest)]
#[serde(deny_unknown_fields)]
struct Renaming {
    /// The full name, 2 to 100 characters, different from its siblings'.
    name: String,
    /// The short name. The full name if absent.
    #[serde(default)]
    short_name: Option<String>,
}

refuses!(RenameOrganizationRefusals:
    OrganizationNameTaken,
    OrganizationClosed,
    OrganizationNameRequired,
    OrganizationFloatingName,
    OrganizationPurposeNotAllowed,
);

/// Rename an organization
///
/// An administrator of its direct superior renames it (O3). The search still finds it by its former name.
#[utoipa::path(tag = "organizations", operation_id = "rename_organization", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the organization"), Key, IfMatch), responses(
    (status = 200, description = "The organization with its new name", body = OrganizationView),
    RenameOrganizationRefusals,
))]
#[post("/organizations/{id}/rename")]
async fn rename_organization(
    app: web::Data<App>,
    caller: Caller<can::RenameOrganization>,
    Id(id): Id<OrganizationId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<Renaming>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let Renaming { name, short_name } = body.into_inner();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let renamed = organizations::rename(conn, context, id, expected, &name, short_name.as_deref())?;
        reply::changed(renamed.version, &OrganizationView::from(renamed))
    })
    .await
}

refuses!(CloseOrganizationRefusals: OrganizationNotEmpty, OrganizationClosed);

/// Close an organization
///
/// An administrator of its direct superior closes it, once it has no members, no open case and no organization below it
/// (O3). Its offices end.
#[utoipa::path(tag = "organizations", operation_id = "close_organization", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the organization"), Key, IfMatch), responses(
    (status = 200, description = "The closed organization", body = OrganizationView),
    CloseOrganizationRefusals,
))]
#[post("/organizations/{id}/close")]
async fn close_organization(
    app: web::Data<App>,
    caller: Caller<can::CloseOrganization>,
    Id(id): Id<OrganizationId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let closed = organizations::close(conn, context, id, expected)?;
        reply::changed(closed.version, &OrganizationView::from(closed))
    })
    .await
}

refuses!(ChangeContactRefusals: OrganizationClosed);

/// Change an organization's contact
///
/// Its own administrators and those of its direct superior can change it.
#[utoipa::path(tag = "organizations", operation_id = "change_contact", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the organization"), Key, IfMatch), responses(
    (status = 200, description = "The organization with its new contact", body = OrganizationView),
    ChangeContactRefusals,
))]
#[post("/organizations/{id}/contact")]
async fn change_contact(
    app: web::Data<App>,
    caller: Caller<can::ChangeContact>,
    Id(id): Id<OrganizationId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<NewContact>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let contact = body.contact("")?;
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let changed = organizations::change_contact(conn, context, id, expected, &contact)?;
        reply::changed(changed.version, &OrganizationView::from(changed))
    })
    .await
}
