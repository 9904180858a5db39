//! The policy of each season.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Found, IfMatch, Json, etag, once_authorized};
use crate::api::response::problem::Problem;
use crate::api::wire::Instant;
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::AccountId;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::core::time::Season;
use crate::domain::policy::Policy;
use crate::service::policies::{self, StoredPolicy, Versioned};
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, get, put, web};
use serde::Serialize;
use std::future::ready;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(get_policy)
        .service(change_policy)
        .service(policy_history);
}

/// The seasons that can have a policy.
const SEASONS: std::ops::RangeInclusive<Season> = 2000..=2199;

/// The season in the path.
struct InSeason(Season);

impl FromRequest for InSeason {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("season").unwrap_or_default();
        // One season has one address: 02026 is none.
        let season = text.parse().ok().filter(|season: &Season| season.to_string() == text);
        let season = season.filter(|season| SEASONS.contains(season));
        once_authorized(request, ready(season.map(Self).ok_or(Code::PolicyNotFound.into())))
    }
}

/// A version of a season's policy.
#[derive(Serialize, ToSchema)]
struct PolicyVersion {
    /// The version. The default has version 0.
    version: i32,
    /// The policy.
    policy: Policy,
    /// When it was stored.
    changed_at: Instant,
    /// The account that changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<AccountId>,
}

impl From<StoredPolicy> for PolicyVersion {
    fn from(stored: StoredPolicy) -> Self {
        Self {
            version: stored.version,
            policy: stored.policy,
            changed_at: stored.changed_at.into(),
            changed_by: stored.changed_by,
        }
    }
}

fn respond(found: Versioned) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::ETAG, etag(found.version)))
        .json(found.policy)
}

refuses!(GetPolicyRefusals: PolicyNotFound);

/// Get a season's policy
///
/// Returns the dates and switches that apply in a season.
#[utoipa::path(tag = "service", operation_id = "get_policy", security(("bearer" = [])),
    params(("season" = i32, Path, description = "The season, a calendar year")), responses(
    (status = 200, description = "The policy of the season", body = Policy),
    GetPolicyRefusals,
))]
#[get("/policies/{season}")]
async fn get_policy(
    app: web::Data<App>,
    _: Caller<can::ReadPolicy>,
    InSeason(season): InSeason,
) -> Result<HttpResponse, Problem> {
    Ok(respond(app.db.read(move |conn| policies::get(conn, season)).await?))
}

refuses!(ChangePolicyRefusals: PolicyNotFound, PolicyOutOfRange, PolicyDatesOutOfOrder);

/// Change a season's policy
///
/// Only the nation's own administrators can change a policy. It applies to every later decision. Older versions stay in
/// the history.
#[utoipa::path(tag = "service", operation_id = "change_policy", security(("bearer" = [])),
    params(("season" = i32, Path, description = "The season, a calendar year"), IfMatch), responses(
    (status = 200, description = "The new policy", body = Policy),
    ChangePolicyRefusals,
))]
#[put("/policies/{season}")]
async fn change_policy(
    app: web::Data<App>,
    caller: Caller<can::ChangePolicy>,
    InSeason(season): InSeason,
    IfMatch(expected): IfMatch,
    body: Json<Policy>,
) -> Result<HttpResponse, Problem> {
    let policy = body.into_inner();
    if policy.season != season {
        let other = InputError::Said(Text {
            zh: "须与地址中的年度一致",
            en: "must be the year in the address",
        });
        return Err(Problem::new(Refusal::invalid(other).at("/season")));
    }
    let change = move |conn: &mut _| policies::change(conn, &caller.context, &policy, expected);
    Ok(respond(app.db.patient().write(change).await?))
}

refuses!(PolicyHistoryRefusals: PolicyNotFound);

/// List the versions of a season's policy
///
/// Lists the stored versions, newest first. The default is not among them.
#[utoipa::path(tag = "service", operation_id = "policy_history", security(("bearer" = [])),
    params(("season" = i32, Path, description = "The season, a calendar year")), responses(
    (status = 200, description = "Every stored version", body = [PolicyVersion]),
    PolicyHistoryRefusals,
))]
#[get("/policies/{season}/history")]
async fn policy_history(
    app: web::Data<App>,
    _: Caller<can::ReadPolicy>,
    InSeason(season): InSeason,
) -> Result<HttpResponse, Problem> {
    let found = app.db.read(move |conn| policies::history(conn, season)).await?;
    Ok(HttpResponse::Ok().json(found.into_iter().map(PolicyVersion::from).collect::<Vec<_>>()))
}
