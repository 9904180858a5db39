//! Reads one organization, or lists them.

use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, Missing, Query, etag};
use crate::api::request::language;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::Problem;
use crate::api::wire::{AllowedAction, GraduationView, Instant, Page, division_name};
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{MonthChangeId, OrganizationId};
use crate::domain::core::language::Language;
use crate::domain::core::time::Month;
use crate::domain::organization::actions::OrganizationAction;
use crate::domain::organization::facts::{
    Health, Level, OrganizationKind, OrganizationPurpose, Sector, Stage, Status, System,
};
use crate::service::graduation::StoredChange;
use crate::service::organizations::{self, Organization, OrganizationFilter, OrganizationListing, OrganizationProfile};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_organizations).service(get_organization);
}

impl Missing for OrganizationId {
    const CODE: Code = Code::OrganizationNotFound;
}

/// An organization (团组织) in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganizationSummary)]
pub struct OrganizationView {
    /// The id of the organization.
    pub id: OrganizationId,
    /// The direct superior (直属上级).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<OrganizationId>,
    /// The full name.
    pub name: String,
    /// The short name.
    pub short_name: String,
    /// The category.
    pub kind: OrganizationKind,
    /// The level.
    pub level: Level,
    /// The organizational system.
    pub system: System,
    /// The sector.
    pub sector: Sector,
    /// The school stage. Only for the school sector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Whether it is a township or street committee.
    pub township: bool,
    /// The school code (学校机构编号).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school_code: Option<String>,
    /// What a branch is for.
    pub purpose: OrganizationPurpose,
    /// The division code (GB/T 2260, six digits) of its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9]{6}$", example = "420106")]
    pub division_code: Option<String>,
    /// The whole name of that division, in Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "湖北省武汉市武昌区")]
    pub division_name: Option<String>,
    /// Whether it takes part in new business.
    pub status: Status,
    /// The graduation mark of a school branch. Absent while it is unmarked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graduation: Option<GraduationView>,
    /// The season in which it turned into a graduate branch (毕业生团组织).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graduated_season: Option<i32>,
    /// The request for another graduation month that waits for the leading organ's decision (上级审批, §2.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    open_month_change: Option<OpenMonthChange>,
    /// The version, as in the ETag.
    pub version: i32,
}

impl OrganizationView {
    /// An organization with its open request for another graduation month.
    fn new(organization: Organization, open_change: Option<StoredChange>) -> Self {
        Self {
            open_month_change: open_change.map(OpenMonthChange::from),
            ..organization.into()
        }
    }
}

impl From<Organization> for OrganizationView {
    fn from(organization: Organization) -> Self {
        let graduation = organization.graduation().map(GraduationView::from);
        Self {
            id: organization.id,
            parent_id: organization.parent_id,
            name: organization.name,
            short_name: organization.short_name,
            kind: organization.kind,
            level: organization.level,
            system: organization.system,
            sector: organization.sector,
            stage: organization.stage,
            township: organization.township,
            school_code: organization.school_code,
            purpose: organization.purpose,
            division_name: division_name(organization.division_code.as_deref()),
            division_code: organization.division_code,
            status: organization.status,
            graduation,
            graduated_season: organization.graduated_season,
            open_month_change: None,
            version: organization.version,
        }
    }
}

/// An organization with its contact and what the caller can do with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
struct OrganizationDetail {
    #[serde(flatten)]
    organization: OrganizationView,
    /// The names it had before.
    former_names: Vec<String>,
    /// The contact, which is the secretary.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
    /// How many active administrators it has. If there is none, its turn passes to the direct superior (A10).
    administrators: usize,
    /// Warnings for its administrators. They never block anything (O3, G1).
    health: Vec<Health>,
    /// What the caller can do with it now, and for everything else the reason why not.
    allowed_actions: Vec<AllowedAction<OrganizationAction>>,
}

/// A month change that waits for the leading organ (上级审批).
#[derive(Debug, Serialize, ToSchema)]
struct OpenMonthChange {
    /// The id of the month change.
    id: MonthChangeId,
    /// The proposed month.
    new_month: Month,
    /// When it was proposed.
    proposed_at: Instant,
}

impl From<StoredChange> for OpenMonthChange {
    fn from(change: StoredChange) -> Self {
        Self {
            id: change.id,
            new_month: change.new_month,
            proposed_at: change.proposed_at.into(),
        }
    }
}

/// An organization's contact.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrganizationContact)]
pub struct Contact {
    /// The secretary's name.
    name: String,
    /// The office telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

impl Contact {
    /// A person without a known office telephone.
    pub fn named(name: String) -> Self {
        Self { name, phone: None }
    }

    /// The contact, if the organization has one.
    pub fn of(organization: &Organization) -> Option<Self> {
        let phone = organization.contact_phone.clone();
        organization.contact_name.clone().map(|name| Self { name, phone })
    }
}

impl OrganizationDetail {
    fn new(detail: OrganizationProfile, language: Language) -> Self {
        let OrganizationProfile {
            organization,
            former_names,
            administrators,
            health,
            actions,
            open_change,
        } = detail;
        Self {
            contact: Contact::of(&organization),
            organization: OrganizationView::new(organization, open_change),
            former_names,
            administrators,
            health,
            allowed_actions: actions
                .into_iter()
                .map(|(action, refusal)| AllowedAction::new(action, refusal.as_ref(), language))
                .collect(),
        }
    }
}

/// Filters and pages the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OrganizationQuery {
    /// The organization to start from. The caller's own if absent.
    under: Option<OrganizationId>,
    /// `true` lists the whole subtree, `false` the direct subordinates only.
    #[serde(default)]
    subtree: bool,
    /// Only this category.
    kind: Option<OrganizationKind>,
    /// Only this sector.
    sector: Option<Sector>,
    /// Only school branches with (`true`) or without (`false`) a graduation mark (G1).
    graduation_marked: Option<bool>,
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List organizations
///
/// Lists the direct subordinates, or the whole subtree, of an organization in your subtree.
#[utoipa::path(tag = "organizations", operation_id = "list_organizations", security(("bearer" = [])),
    params(OrganizationQuery), responses(
    (status = 200, description = "A page of organizations", body = Page<OrganizationView>),
))]
#[get("/organizations")]
async fn list_organizations(
    app: web::Data<App>,
    caller: Caller<can::ListOrganizations>,
    Query(query): Query<OrganizationQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let filters = (
        query.under,
        query.subtree,
        query.kind,
        query.sector,
        query.graduation_marked,
    );
    let list = List::new(&app.vault, "list_organizations", &filters);
    let listing = OrganizationListing {
        under: query.under,
        subtree: query.subtree,
        filter: OrganizationFilter {
            kind: query.kind,
            sector: query.sector,
            graduation_marked: query.graduation_marked,
        },
        after: list.after_in_tree(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let actor = caller.context.actor;
    let found = app
        .db
        .read(move |conn| organizations::list(conn, &actor, &listing))
        .await?;
    let (items, last) = paging::split_page(found, limit, |(organization, _)| organization.place());
    let view = |(organization, change)| OrganizationView::new(organization, change);
    let items = items.into_iter().map(view).collect();
    Ok(HttpResponse::Ok().json(Page {
        items,
        next_cursor: last.map(|after| list.cursor_in_tree(&after)),
    }))
}

/// Get an organization
///
/// Shows its contact, its former names and the number of its administrators.
#[utoipa::path(tag = "organizations", operation_id = "get_organization", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the organization")), responses(
    (status = 200, description = "The organization", body = OrganizationDetail),
))]
#[get("/organizations/{id}")]
async fn get_organization(
    app: web::Data<App>,
    caller: Caller<can::ReadOrganization>,
    Id(id): Id<OrganizationId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let detail = app
        .db
        .read(move |conn| organizations::get(conn, &caller.context, id))
        .await?;
    let version = detail.organization.version;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, etag(version)))
        .json(OrganizationDetail::new(detail, language::of(&request))))
}
