//! The search for a target (§2.6, O4).

use super::organizations::Contact;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::Query;
use crate::api::request::language;
use crate::api::response::paging;
use crate::api::response::problem::{Blocking, Problem};
use crate::api::wire::division_name;
use crate::app::App;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::{Language, Text};
use crate::domain::organization::facts::{Health, OrganizationKind, Sector, System};
use crate::domain::search::query::LONGEST;
use crate::domain::transfer::reason::Reason;
use crate::service::search::{self, Hit, Search, Within};
use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

const DEFAULT: i64 = 10;
const MOST: i64 = 50;

/// Adds the endpoint.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(find_targets);
}

/// What to look for, and where. Give at most one of `province`, `system` and `under`.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TargetQuery {
    /// Parts of a name, in any order: the full, short or former name, the usual abbreviation, the school code, pinyin
    /// or initials.
    #[param(min_length = 1, max_length = 64, example = "洪山 关山街道")]
    q: String,
    /// Only below this province's leading organ: the two digits of its division code.
    #[param(minimum = 11, maximum = 65, example = 42)]
    province: Option<u8>,
    /// Only in this organizational system, in any place (§1.4.5).
    system: Option<System>,
    /// Only below this organization. Its branches are found too, unless it is a leading organ.
    under: Option<OrganizationId>,
    /// Why the member moves. With it, each hit tells whether the reason allows that target.
    reason: Option<Reason>,
    /// The largest number of hits, 1 to 50. 10 if absent.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<i64>,
}

impl TargetQuery {
    fn check(self) -> Result<Search, Problem> {
        if !(1..=LONGEST).contains(&self.q.chars().count()) {
            return Err(Problem::new(Refusal::malformed(InputError::Length(LONGEST)).at("/q")));
        }
        let within = match (self.province, self.system, self.under) {
            (None, None, None) => Within::Nation,
            (Some(province), None, None) => Within::Province(province),
            (None, Some(system), None) => Within::System(system),
            (None, None, Some(organization)) => Within::Organization(organization),
            _ => {
                return Err(Problem::new(Refusal::malformed(InputError::Said(Text {
                    zh: "province、system、under 最多填写一个",
                    en: "give at most one of province, system and under",
                }))));
            }
        };
        let limit = paging::limit_of(self.limit, DEFAULT, MOST)?;
        Ok(Search {
            query: self.q,
            within,
            reason: self.reason,
            limit: usize::try_from(limit).unwrap_or_default(),
        })
    }
}

/// The hits, best first.
#[derive(Debug, Serialize, ToSchema)]
struct TargetList {
    items: Vec<TargetView>,
}

/// An organization that may be the target.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FoundTarget)]
struct TargetView {
    /// The id of the organization.
    id: OrganizationId,
    /// The full name.
    name: String,
    /// The short name.
    short_name: String,
    /// The names of its superiors from the province down, such as 共青团湖北省委员会, 共青团武汉市委员会.
    superiors: Vec<String>,
    /// The category.
    kind: OrganizationKind,
    /// The sector.
    sector: Sector,
    /// The organizational system.
    system: System,
    /// The division code (GB/T 2260, six digits) of its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[0-9]{6}$", example = "420106")]
    division_code: Option<String>,
    /// The whole name of that division, in Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "湖北省武汉市武昌区")]
    division_name: Option<String>,
    /// Whether it can be chosen as the target.
    can_be_chosen: bool,
    /// Why it can't be chosen, as a proposal would answer. Empty if it can.
    because: Vec<Blocking>,
    /// What to know before choosing it, such as that it holds no members yet.
    warnings: Vec<TargetWarning>,
    /// The contact, which is the secretary.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Contact>,
}

/// A warning about a target. It blocks nothing.
#[derive(Debug, Serialize, ToSchema)]
struct TargetWarning {
    /// The machine-readable code.
    code: Health,
    /// The warning in the caller's language.
    detail: &'static str,
}

impl TargetView {
    fn new(hit: Hit, language: Language) -> Self {
        let organization = hit.organization;
        let warning = |code: Health| TargetWarning {
            code,
            detail: code.label(language),
        };
        Self {
            contact: Contact::of(&organization),
            id: organization.id,
            name: organization.name,
            short_name: organization.short_name,
            superiors: hit.superiors,
            kind: organization.kind,
            sector: organization.sector,
            system: organization.system,
            division_name: division_name(organization.division_code.as_deref()),
            division_code: organization.division_code,
            can_be_chosen: hit.because.is_empty(),
            because: hit
                .because
                .iter()
                .map(|refusal| Blocking::new(refusal, language))
                .collect(),
            warnings: hit.warnings.into_iter().map(warning).collect(),
        }
    }
}

refuses!(FindTargetsRefusals: DivisionUnknown);

/// Find a target
///
/// Finds organizations by any part of their name (§2.6). Each hit tells whether it can be the target of a transfer and,
/// if not, why.
#[utoipa::path(tag = "organizations", operation_id = "find_targets", security(("bearer" = [])),
    params(TargetQuery), responses(
    (status = 200, description = "The organizations found, the best match first", body = TargetList),
    FindTargetsRefusals,
))]
#[get("/targets")]
async fn find_targets(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller<can::ReadOrganization>,
    Query(query): Query<TargetQuery>,
) -> Result<HttpResponse, Problem> {
    let wanted = query.check()?;
    let found = app
        .db
        .read(move |conn| search::search(conn, &caller.context.actor, &wanted))
        .await?;
    let language = language::of(&request);
    let items = found.into_iter().map(|hit| TargetView::new(hit, language)).collect();
    Ok(HttpResponse::Ok().json(TargetList { items }))
}
