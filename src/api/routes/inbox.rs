//! The inbox (操作中心).

use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::Query;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::Problem;
use crate::api::wire::{Instant, Page};
use crate::app::App;
use crate::db::columns::Micros;
use crate::domain::core::ids::{AppointmentRequestId, CertificationId, InboxEntryId, MonthChangeId, TransferId};
use crate::domain::core::time::Timestamp;
use crate::domain::organization::turn::Duty;
use crate::service;
use crate::service::inbox::{self, InboxPlace, InboxRow};
use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(inbox_counts).service(list_inbox);
}

/// The number of waiting entries, by kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxCounts)]
struct Counts {
    /// The number of entries of all kinds.
    total: i64,
    /// One item for each kind with entries.
    kinds: Vec<Count>,
}

/// The number of waiting entries of one kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxCount)]
struct Count {
    /// The kind.
    kind: Kind,
    /// The number of entries.
    count: i64,
}

/// Count the inbox entries
///
/// Returns the number of inbox entries of your organization, by kind.
#[utoipa::path(tag = "inbox", operation_id = "inbox_counts", security(("bearer" = [])), responses(
    (status = 200, description = "The number of entries of each kind", body = Counts),
))]
#[get("/inbox/counts")]
async fn inbox_counts(app: web::Data<App>, caller: Caller<can::ReadInbox>) -> Result<HttpResponse, Problem> {
    let counts = app.db.read(move |conn| inbox::counts(conn, &caller.context)).await?;
    let total = counts.iter().map(|(_, count)| count).sum();
    let count = |(kind, count): (String, i64)| {
        Ok(Count {
            kind: Kind::stored(&kind)?,
            count,
        })
    };
    let kinds = counts.into_iter().map(count).collect::<Result<_, Problem>>()?;
    Ok(HttpResponse::Ok().json(Counts { total, kinds }))
}

/// What has to be done.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = InboxKind)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Approval by the target (转入审批).
    ApprovalIn,
    /// Approval by the member's side (转出审批).
    ApprovalOut,
    /// Approval by a leading organ, for members under 16.
    LeadingOrgan,
    /// Approval by the province, for special units.
    Province,
    /// Answer of an external province's system.
    ExternalAnswer,
    /// Assignment to a branch (分配).
    Assignment,
    /// Change of a graduate branch's month (毕业时间审批).
    MonthChange,
    /// Identity certification (团员身份认证).
    Certification,
    /// Appointment or dismissal of an administrator (管理员任免).
    Appointment,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::ApprovalIn,
        Self::ApprovalOut,
        Self::LeadingOrgan,
        Self::Province,
        Self::ExternalAnswer,
        Self::Assignment,
        Self::MonthChange,
        Self::Certification,
        Self::Appointment,
    ];

    /// Parses the stored name of a kind.
    fn stored(name: &str) -> Result<Self, Problem> {
        let kind = Self::ALL.into_iter().find(|kind| kind.as_str() == name);
        kind.ok_or_else(|| Problem::from(service::Error::Corrupt("an inbox entry has an unknown kind")))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalIn => Duty::ApprovalIn.as_str(),
            Self::ApprovalOut => Duty::ApprovalOut.as_str(),
            Self::LeadingOrgan => Duty::LeadingOrgan.as_str(),
            Self::Province => Duty::Province.as_str(),
            Self::ExternalAnswer => Duty::ExternalAnswer.as_str(),
            Self::Assignment => Duty::Assignment.as_str(),
            Self::MonthChange => "month_change",
            Self::Certification => "certification",
            Self::Appointment => "appointment",
        }
    }
}

/// An entry of the inbox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InboxEntry)]
struct InboxEntryView {
    /// The id of the entry.
    id: InboxEntryId,
    /// What has to be done.
    kind: Kind,
    /// The id of a transfer, month change, certification or request to appoint or dismiss.
    subject_id: String,
    /// The member it concerns, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    member_name: Option<String>,
    /// When it began to wait.
    since: Instant,
    /// How many whole days it has waited.
    age_days: i64,
    /// The instant after which it ends or is escalated (A6).
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Instant>,
}

impl InboxEntryView {
    fn new(row: InboxRow, now: Timestamp) -> Result<Self, Problem> {
        let kind = Kind::stored(&row.kind)?;
        let subject_id = match kind {
            Kind::MonthChange => MonthChangeId(row.subject_id).to_string(),
            Kind::Certification => CertificationId(row.subject_id).to_string(),
            Kind::Appointment => AppointmentRequestId(row.subject_id).to_string(),
            _ => TransferId(row.subject_id).to_string(),
        };
        let since = Timestamp::from(row.since);
        Ok(Self {
            id: row.id,
            kind,
            subject_id,
            member_name: row.member_name,
            since: since.into(),
            age_days: (now - since).num_days(),
            due_at: row.due_at.map(Instant::from),
        })
    }
}

/// Selects a page of the inbox.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct InboxQuery {
    /// The kind of entries to list.
    kind: Kind,
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List the inbox
///
/// Lists the entries that wait for your organization, longest waiting first. You can act on each of them.
#[utoipa::path(tag = "inbox", operation_id = "list_inbox", security(("bearer" = [])), params(InboxQuery), responses(
    (status = 200, description = "A page of inbox entries", body = Page<InboxEntryView>),
))]
#[get("/inbox")]
async fn list_inbox(
    app: web::Data<App>,
    caller: Caller<can::ReadInbox>,
    Query(query): Query<InboxQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let list = List::new(&app.vault, "list_inbox", &query.kind);
    let after = list.after(query.cursor.as_deref())?;
    let after = after.map(|(since, id)| InboxPlace {
        since: Micros::from_number(since),
        id: InboxEntryId(id),
    });
    let now = caller.context.now;
    let rows = app
        .db
        .read(move |conn| inbox::page(conn, &caller.context, query.kind.as_str(), after, limit + 1))
        .await?;
    let (items, last) = paging::split_page(rows, limit, |row| (row.since.number(), row.id.0));
    let items = items.into_iter().map(|row| InboxEntryView::new(row, now));
    let items = items.collect::<Result<_, _>>()?;
    Ok(HttpResponse::Ok().json(Page {
        items,
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}
