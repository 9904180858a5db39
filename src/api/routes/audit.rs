//! The audit log (审计日志), for auditors.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::Query;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::Problem;
use crate::api::wire::{Instant, Page};
use crate::app::App;
use crate::db::Conn;
use crate::domain::audit::{AuditAction, AuditOutcome, AuditSubject, SubjectKind};
use crate::domain::authority::Capacity;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::service::audit::{self, AuditFilter, StoredAuditRow};
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoint.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_audit);
}

/// An entry of the audit log: who did or tried what, and when. It names people and things only by their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct AuditEntryView {
    /// When it was done or tried.
    at: Instant,
    /// In what capacity the actor acted.
    #[schema(value_type = Capacity)]
    capacity: String,
    /// The actor's account; absent for the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    /// The organization the actor acted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// The organization whose turn it was, if the actor acted in its place (A10).
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<OrganizationId>,
    /// Whether it was done or refused.
    outcome: AuditOutcome,
    /// What was done; absent if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<AuditAction>)]
    action: Option<String>,
    /// The operation that was refused, as its method and path; absent if it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "GET /v1/members/{id}")]
    operation: Option<String>,
    /// Why it was refused; absent if it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Code>)]
    code: Option<String>,
    /// The kind of thing that `subject` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_kind: Option<SubjectKind>,
    /// The id of the thing it was done to, or the season of a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// For a refused attempt: how many refusals this actor had in the hour. From the hundredth on, an entry is written
    /// only each time the number doubles.
    times: i64,
    /// The id of the request, or of the job's run.
    request_id: String,
    /// The entry's number in the chain of hashes. Absent until the entry is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<i64>,
}

impl From<StoredAuditRow> for AuditEntryView {
    fn from(row: StoredAuditRow) -> Self {
        // A word outside the vocabulary means that somebody tampered with the row.
        let outcome = row.outcome.parse().unwrap_or(AuditOutcome::Denied);
        let (action, operation) = match outcome {
            AuditOutcome::Done => (Some(row.action), None),
            AuditOutcome::Denied => (None, Some(row.action)),
        };
        let subject = row.subject.as_deref().map(AuditSubject::read);
        Self {
            at: row.at.into(),
            capacity: row.capacity,
            account_id: row.account_id,
            organization_id: row.organization_id,
            on_behalf_of: row.on_behalf_of,
            outcome,
            action,
            operation,
            code: row.code,
            subject_kind: subject.and_then(|subject| subject.kind()),
            subject: row.subject,
            times: row.times,
            request_id: row.request_id,
            sequence: row.sequence,
        }
    }
}

/// Selects entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only entries from this instant on (RFC 3339).
    from: Option<Instant>,
    /// Only entries before this instant (RFC 3339).
    until: Option<Instant>,
    /// Only entries of this action.
    action: Option<AuditAction>,
    /// Only refused attempts at this operation, such as `GET /v1/members/{id}`.
    operation: Option<String>,
    /// Only entries of this outcome.
    outcome: Option<AuditOutcome>,
    /// Only what was done for this organization.
    organization: Option<OrganizationId>,
    /// Only entries about the thing with this id.
    subject: Option<String>,
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

impl AuditQuery {
    fn filter(&self) -> AuditFilter {
        AuditFilter {
            from: self.from.map(Timestamp::from),
            until: self.until.map(Timestamp::from),
            action: self.action,
            operation: self.operation.clone(),
            outcome: self.outcome,
            organization: self.organization,
            subject: self.subject.clone(),
        }
    }
}

refuses!(ListAuditRefusals: OrganizationNotFound);

/// Read the audit log
///
/// Lists what the people and systems of the auditor's subtree did, and what was refused to them, newest first. An
/// auditor of the root also sees what the service did.
#[utoipa::path(tag = "audit", operation_id = "list_audit", security(("bearer" = [])), params(AuditQuery), responses(
    (status = 200, description = "A page of audit entries", body = Page<AuditEntryView>),
    ListAuditRefusals,
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
    let query = move |conn: &mut Conn| audit::page(conn, &actor, &filter, before, limit + 1);
    let (rows, last) = paging::split_page(app.db.read(query).await?, limit, |row| row.id);
    Ok(HttpResponse::Ok().json(Page {
        items: rows.into_iter().map(AuditEntryView::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}
