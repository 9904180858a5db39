//! Reading a member's ID number or telephone number in full, and the list of who did.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, Json, Query};
use crate::api::response::paging::{self, List};
use crate::api::response::problem::Problem;
use crate::api::wire::{Instant, Page, remark};
use crate::app::App;
use crate::db::Conn;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::could_hold_one;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::disclosure::{DisclosedField, DisclosureKind, SHORTEST_PURPOSE};
use crate::service::disclosures::{self, Disclosure, RevealOutcome, RevealRequest, Revealed};
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(reveal_member).service(my_disclosures);
}

/// The fields to read, and the purpose.
#[derive(Deserialize, ToSchema)]
#[schema(as = RevealMemberRequest)]
#[serde(deny_unknown_fields)]
struct RevealBody {
    /// The fields to read, without duplicates.
    #[schema(min_items = 1, max_items = 2)]
    fields: Vec<DisclosedField>,
    /// The purpose, which the member can read: 4 to 500 characters, without long numbers.
    #[schema(min_length = 4, max_length = 500, example = "核对入团志愿书")]
    purpose: String,
}

impl RevealBody {
    fn request(mut self, member: MemberId) -> Result<RevealRequest, Problem> {
        self.fields.sort_unstable();
        let count = self.fields.len();
        self.fields.dedup();
        if self.fields.is_empty() || self.fields.len() != count {
            return Err(invalid(
                "须至少选择一项，且不能重复",
                "must name at least one field, none twice",
                "/fields",
            ));
        }
        let stated = |purpose: &str| purpose.trim().chars().count() >= SHORTEST_PURPOSE && !could_hold_one(purpose);
        let purpose = remark(
            Some(&self.purpose)
                .filter(|purpose| stated(purpose))
                .map(String::as_str),
            "/purpose",
        )?;
        let vague = || {
            invalid(
                "须写明用途，不少于 4 个字，且不含长串数字",
                "must state a purpose of at least 4 characters, without long numbers",
                "/purpose",
            )
        };
        Ok(RevealRequest {
            member,
            fields: self.fields,
            purpose: purpose.ok_or_else(vague)?,
        })
    }
}

fn invalid(zh: &'static str, en: &'static str, pointer: &str) -> Problem {
    Problem::new(Refusal::invalid(InputError::Said(Text { zh, en })).at(pointer))
}

/// The fields in full.
#[derive(Serialize, ToSchema)]
#[schema(as = RevealedMember)]
struct RevealedView {
    /// The ID number.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_number: Option<String>,
    /// The telephone number. Also absent if none is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<String>,
}

impl From<Revealed> for RevealedView {
    fn from(revealed: Revealed) -> Self {
        Self {
            id_number: revealed.id_number,
            phone: revealed.phone,
        }
    }
}

refuses!(RevealMemberRefusals: RateLimited);

/// Read a member's ID number or telephone number in full
///
/// Administrators of the member's branch and of its direct superior can read the numbers, for a purpose that the member
/// can read. The limit is 60 an hour for a caller and 200 an hour for an organization. There is no `Idempotency-Key`,
/// because the service would have to keep the answer.
#[utoipa::path(tag = "members", operation_id = "reveal_member", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member")), responses(
    (status = 200, description = "The requested numbers in full", body = RevealedView),
    RevealMemberRefusals,
))]
#[post("/members/{id}/reveal")]
async fn reveal_member(
    app: web::Data<App>,
    caller: Caller<can::RevealMember>,
    Id(member): Id<MemberId>,
    body: Json<RevealBody>,
) -> Result<HttpResponse, Problem> {
    let request = body.into_inner().request(member)?;
    let (vault, context) = (app.vault.clone(), caller.context);
    let reveal = move |conn: &mut Conn| disclosures::reveal(conn, &context, &vault, &request);
    match app.db.write(reveal).await? {
        RevealOutcome::Revealed(revealed) => Ok(HttpResponse::Ok().json(RevealedView::from(*revealed))),
        RevealOutcome::Exhausted => Err(Code::RateLimited.into()),
    }
}

/// An occasion on which somebody learned the caller's data.
#[derive(Serialize, ToSchema)]
#[schema(as = Disclosure)]
struct DisclosureView {
    /// When it happened.
    at: Instant,
    /// How they learned it.
    kind: DisclosureKind,
    /// The organization whose administrators they were.
    organization_id: OrganizationId,
    /// The organization's name.
    organization_name: String,
    /// The fields they read in full.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<DisclosedField>,
    /// The purpose they gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
}

impl From<Disclosure> for DisclosureView {
    fn from(disclosure: Disclosure) -> Self {
        let fields = disclosure.fields.unwrap_or_default();
        Self {
            at: disclosure.at.into(),
            kind: disclosure.kind,
            organization_id: disclosure.organization_id,
            organization_name: disclosure.organization_name,
            fields: fields.split(',').filter_map(|field| field.parse().ok()).collect(),
            purpose: disclosure.purpose,
        }
    }
}

/// Selects a page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DisclosureQuery {
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List who looked you up or read your data
///
/// Lists who found you by full name and ID number, who read your numbers in full, and for which purpose, newest first.
/// Only members can call it.
#[utoipa::path(tag = "members", operation_id = "my_disclosures", security(("bearer" = [])),
    params(DisclosureQuery), responses(
    (status = 200, description = "A page of disclosures", body = Page<DisclosureView>),
))]
#[get("/me/disclosures")]
async fn my_disclosures(
    app: web::Data<App>,
    caller: Caller<can::ReadDisclosures>,
    Query(query): Query<DisclosureQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let context = caller.context;
    let list = List::new(&app.vault, "my_disclosures", &context.actor.account);
    let before = list.after(query.cursor.as_deref())?;
    let question = move |conn: &mut Conn| disclosures::mine(conn, &context, before, limit + 1);
    let (found, last) = paging::split_page(app.db.read(question).await?, limit, |found| found.id);
    Ok(HttpResponse::Ok().json(Page {
        items: found.into_iter().map(DisclosureView::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}
