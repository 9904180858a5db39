//! The audit log (审计日志), for auditors.

use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::Query;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::{Problem, ProblemDetails};
use crate::api::wire::{Instant, Page};
use crate::app::App;
use crate::db::Conn;
use crate::domain::audit::AuditOutcome;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::service::audit::{self, Filter, Row};
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoint.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_audit);
}

/// A row of the audit log: who did or tried what, when. It names things by their ids and nobody by name.
#[derive(Serialize, ToSchema)]
struct AuditRow {
    /// When.
    at: Instant,
    /// In what capacity: `member`, `administrator`, `auditor`, `integrator`, `system`.
    actor_kind: String,
    /// Whose account; absent for the service itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    /// For which organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// Whose turn it was, where a superior acted in its place (A10).
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<OrganizationId>,
    /// What: the deed, or for what was refused the operation.
    #[schema(example = "transfer.approved")]
    action: String,
    /// On what, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Whether it was done.
    outcome: AuditOutcome,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The how manieth refusal of this actor in the hour it was; beyond a hundred only each doubling is written.
    times: i64,
    /// The request it belongs to; a job's run for the jobs.
    request_id: String,
    /// Its place in the chain of hashes; absent until it is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<i64>,
}

impl From<Row> for AuditRow {
    fn from(row: Row) -> Self {
        Self {
            at: row.at.into(),
            actor_kind: row.actor_kind,
            account_id: row.account_id,
            organization_id: row.organization_id,
            on_behalf_of: row.on_behalf_of,
            action: row.action,
            subject: row.subject,
            // What is no word of ours, somebody wrote who had no business there.
            outcome: row.outcome.parse().unwrap_or(AuditOutcome::Denied),
            code: row.code,
            times: row.times,
            request_id: row.request_id,
            sequence: row.sequence,
        }
    }
}

/// What the log is narrowed to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// From this instant on (RFC 3339).
    #[param(value_type = Option<Instant>)]
    from: Option<Timestamp>,
    /// Before this instant (RFC 3339).
    #[param(value_type = Option<Instant>)]
    until: Option<Timestamp>,
    /// Only this action.
    action: Option<String>,
    /// Only what was done for this organization.
    organization: Option<OrganizationId>,
    /// Only what was done to the thing with this id.
    subject: Option<String>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

impl AuditQuery {
    fn filter(&self) -> Filter {
        Filter {
            from: self.from,
            until: self.until,
            action: self.action.clone(),
            organization: self.organization,
            subject: self.subject.clone(),
        }
    }
}

/// Read the audit log
///
/// Newest first: what those who stand in the auditor's subtree did or were refused. For the nation's auditors also what
/// the service did by itself.
#[utoipa::path(tag = "audit", operation_id = "list_audit", security(("bearer" = [])), params(AuditQuery), responses(
    (status = 200, description = "A page", body = Page<AuditRow>),
    (status = 403, description = "`actor.not_auditor`", body = ProblemDetails, content_type = "application/problem+json"),
    (status = 404, description = "`organization.not_found`", body = ProblemDetails, content_type = "application/problem+json"),
))]
#[get("/audit")]
async fn list_audit(
    app: web::Data<App>,
    caller: Caller<can::ReadAudit>,
    Query(query): Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let (actor, filter) = (caller.context.actor, query.filter());
    let list = List::new(&app.vault, "list_audit", &filter);
    let before = list.after(query.cursor.as_deref())?;
    let question = move |conn: &mut Conn| audit::page(conn, &actor, &filter, before, limit + 1);
    let (rows, last) = paging::cut(app.db.read(question).await?, limit, |row| row.id);
    Ok(HttpResponse::Ok().json(Page {
        items: rows.into_iter().map(AuditRow::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}
