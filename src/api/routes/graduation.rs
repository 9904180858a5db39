//! Graduation months of branches (毕业时间) and requests to change them (毕业时间修改申请).

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, IfMatch, Json, Key, Missing, Query, etag, items};
use crate::api::request::language;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::{Blocking, Problem};
use crate::api::response::reply;
use crate::api::wire::batch::{BatchAnswer, ItemStatus, blocking};
use crate::api::wire::{Empty, GraduationView, Instant, Page, ReasonBody, remark};
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::core::decision::Verdict;
use crate::domain::core::ids::{AccountId, MemberId, MonthChangeId, OrganizationId};
use crate::domain::core::language::Language;
use crate::domain::core::time::Month;
use crate::domain::graduation::{GraduationEvent, MonthChangeState};
use crate::domain::organization::facts::Undetermined;
use crate::service::batch::{BatchMode, BatchOptions, ItemOutcome, ReadItem};
use crate::service::graduation::{
    self, DecidedMonthChange, GraduationItem, GraduationRecord, Marked, ProposedMonthChange, StoredChange,
};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(mark_graduation)
        .service(graduation_history)
        .service(propose_month_change)
        .service(list_month_changes)
        .service(get_month_change)
        .service(approve_month_change)
        .service(refuse_month_change);
}

impl Missing for MonthChangeId {
    const CODE: Code = Code::GraduationChangeNotFound;
}

/// The branches to mark.
#[derive(Deserialize, ToSchema)]
#[schema(as = MarkGraduationRequest)]
#[serde(deny_unknown_fields)]
struct GraduationMarks {
    /// What the refusal of one item means for the others (G3).
    mode: BatchMode,
    /// Set it to learn the result without storing anything.
    #[serde(default)]
    dry_run: bool,
    /// The branches, 1 to 200, without duplicates.
    #[serde(deserialize_with = "items")]
    #[schema(min_items = 1, max_items = 200, value_type = Vec<GraduationMark>)]
    items: Vec<ReadItem<GraduationMark>>,
}

/// One branch, with its month or the reason why there is none (G4).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GraduationMark {
    /// The id of the branch.
    branch: OrganizationId,
    /// The month in which its members graduate.
    #[serde(default)]
    month: Option<Month>,
    /// Why no month can be fixed.
    #[serde(default)]
    undetermined: Option<Undetermined>,
}

/// What marking did to a branch.
#[derive(Serialize, ToSchema)]
struct GraduationMarkResult {
    /// The id of the branch. Absent if the item could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<OrganizationId>,
    /// What happened to the branch.
    status: ItemStatus,
    /// The rules that stand in the way.
    errors: Vec<Blocking>,
    /// Delayed graduates whose month is no longer later than the branch's. An administrator has to settle them (M7).
    stale_delayed_members: Vec<MemberId>,
}

impl GraduationMarkResult {
    fn new(branch: Option<OrganizationId>, outcome: ItemOutcome<Marked>, language: Language) -> Self {
        let (status, errors, stale_delayed_members) = match outcome {
            Ok(marked) if marked.changed => (ItemStatus::Done, Vec::new(), marked.stale_delayed),
            Ok(marked) => (ItemStatus::Unchanged, Vec::new(), marked.stale_delayed),
            Err(refusals) => (ItemStatus::Refused, blocking(&refusals, language), Vec::new()),
        };
        Self {
            branch,
            status,
            errors,
            stale_delayed_members,
        }
    }
}

refuses!(MarkGraduationRefusals:
    BatchItemTwice,
    GraduationMonthOrReason,
    GraduationNeedsChangeRequest,
    GraduationNotSchoolBranch,
    OrganizationClosed,
);

/// Mark the graduation month of branches
///
/// Marks one branch or many, each with a month or the reason why there is none (G1 to G5). After the yearly switch,
/// propose a month change instead.
#[utoipa::path(tag = "organizations", operation_id = "mark_graduation", security(("bearer" = [])),
    params(Key), responses(
    (status = 200, description = "A result for each branch", body = BatchAnswer<GraduationMarkResult>),
    MarkGraduationRefusals,
))]
#[post("/graduation-marks")]
async fn mark_graduation(
    app: web::Data<App>,
    caller: Caller<can::MarkGraduation>,
    key: Key,
    request: HttpRequest,
    body: Json<GraduationMarks>,
) -> Result<HttpResponse, Problem> {
    let (claim, language) = (key.claim(&request, &body), language::of(&request));
    let (options, items) = body.into_inner().batch();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let outcomes = graduation::mark(conn, context, options, &items)?;
        let result = |item: Option<&GraduationItem>, outcome| {
            GraduationMarkResult::new(item.map(|item| item.branch), outcome, language)
        };
        reply::answer(StatusCode::OK, &BatchAnswer::new(options, &items, outcomes, result))
    })
    .await
}

impl GraduationMarks {
    fn batch(self) -> (BatchOptions, Vec<ReadItem<GraduationItem>>) {
        let options = BatchOptions {
            mode: self.mode,
            dry_run: self.dry_run,
        };
        let item = |mark: GraduationMark| GraduationItem {
            branch: mark.branch,
            month: mark.month,
            undetermined: mark.undetermined,
        };
        (options, self.items.into_iter().map(|mark| mark.map(item)).collect())
    }
}

/// An entry of a branch's history.
#[derive(Serialize, ToSchema)]
struct GraduationHistoryEntry {
    /// When it happened.
    at: Instant,
    /// What happened.
    event: GraduationEvent,
    /// Whether the service did it without a request.
    automatic: bool,
    /// The account that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    /// The organization for which it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// The mark before. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    old: Option<GraduationView>,
    /// The mark afterwards, or the one that was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<GraduationView>,
    /// The month change it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    month_change_id: Option<MonthChangeId>,
    /// The reason that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<GraduationRecord> for GraduationHistoryEntry {
    fn from(entry: GraduationRecord) -> Self {
        Self {
            at: entry.at.into(),
            event: entry.event,
            automatic: entry.automatic,
            account_id: entry.account,
            organization_id: entry.organization,
            old: entry.old.map(GraduationView::from),
            new: entry.new.map(GraduationView::from),
            month_change_id: entry.month_change,
            reason: entry.reason,
        }
    }
}

/// Selects a page of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HistoryQuery {
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List the history of a branch's graduation month
///
/// Lists marks, the yearly switch, requests and decisions, earliest first (G5, G7). They are kept for ever.
#[utoipa::path(tag = "organizations", operation_id = "graduation_history", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the branch"), HistoryQuery), responses(
    (status = 200, description = "A page of history entries", body = Page<GraduationHistoryEntry>),
))]
#[get("/organizations/{id}/graduation-history")]
async fn graduation_history(
    app: web::Data<App>,
    caller: Caller<can::ReadGraduationHistory>,
    Id(branch): Id<OrganizationId>,
    Query(query): Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let list = List::new(&app.vault, "graduation_history", &branch);
    let after = list.after(query.cursor.as_deref())?.unwrap_or(0);
    let actor = caller.context.actor;
    let question = move |conn: &mut _| graduation::history(conn, &actor, branch, after, limit + 1);
    let (entries, last) = paging::split_page(app.db.read(question).await?, limit, |entry| entry.id);
    Ok(HttpResponse::Ok().json(Page {
        items: entries.into_iter().map(GraduationHistoryEntry::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}

/// A proposal of another month for a graduate branch.
#[derive(Deserialize, ToSchema)]
#[schema(as = ProposeMonthChangeRequest)]
#[serde(deny_unknown_fields)]
struct MonthChangeProposal {
    /// The id of the branch.
    branch: OrganizationId,
    /// The proposed month.
    month: Month,
    /// The reason, at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// A request to change a graduate branch's month (毕业时间修改申请).
#[derive(Serialize, ToSchema)]
#[schema(as = MonthChange)]
struct MonthChangeView {
    /// The id of the request.
    id: MonthChangeId,
    /// The id of the branch.
    branch_id: OrganizationId,
    /// The name the branch had when the change was proposed.
    branch_name: String,
    /// The leading organ that decides (团的领导机关).
    leading_organ_id: OrganizationId,
    /// The current month.
    old_month: Month,
    /// The proposed month.
    new_month: Month,
    /// The reason for the change.
    reason: String,
    /// Who proposed it.
    proposer: Proposer,
    /// When it was proposed.
    proposed_at: Instant,
    /// The state of the request (审批进度).
    state: MonthChangeState,
    /// The account that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<AccountId>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Instant>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_reason: Option<String>,
    /// The version, as in the ETag.
    version: i32,
}

/// The administrator who proposed the change.
#[derive(Serialize, ToSchema)]
struct Proposer {
    /// The account.
    account_id: AccountId,
    /// The administrator's name.
    name: String,
    /// The direct superior for which they acted.
    organization_id: OrganizationId,
}

impl From<StoredChange> for MonthChangeView {
    fn from(change: StoredChange) -> Self {
        Self {
            id: change.id,
            branch_id: change.branch_id,
            branch_name: change.branch_name,
            leading_organ_id: change.organ_id,
            old_month: change.old_month,
            new_month: change.new_month,
            reason: change.reason,
            proposer: Proposer {
                account_id: change.proposer_account_id,
                name: change.proposer_name,
                organization_id: change.proposer_organization_id,
            },
            proposed_at: change.proposed_at.into(),
            state: change.state,
            decided_by: change.decider_account_id,
            decided_at: change.decided_at.map(Instant::from),
            decision_reason: change.decision_reason,
            version: change.version,
        }
    }
}

refuses!(ProposeMonthChangeRefusals:
    GraduationSetDirectly,
    GraduationChangeRequestOpen,
    GraduationChangeReasonRequired,
    GraduationMonthUnchanged,
    GraduationNoLeadingOrgan,
);

/// Propose another month for a graduate branch
///
/// An administrator of the branch's direct superior proposes the change, with a reason (G7). The nearest leading organ
/// above decides.
#[utoipa::path(tag = "organizations", operation_id = "propose_month_change", security(("bearer" = [])),
    params(Key), responses(
    (status = 201, description = "The month change waits for the leading organ", body = MonthChangeView),
    ProposeMonthChangeRefusals,
))]
#[post("/month-changes")]
async fn propose_month_change(
    app: web::Data<App>,
    caller: Caller<can::ProposeMonthChange>,
    key: Key,
    request: HttpRequest,
    body: Json<MonthChangeProposal>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let proposal = ProposedMonthChange {
        branch: body.branch,
        month: body.month,
        reason: remark(body.reason.as_deref(), "/reason")?,
    };
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let change = graduation::propose(conn, context, &proposal)?;
        let location = format!("/v1/month-changes/{}", change.id);
        reply::created(location, change.version, &MonthChangeView::from(change))
    })
    .await
}

/// Filters and pages the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MonthChangeQuery {
    /// Only requests in this state.
    state: Option<MonthChangeState>,
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List month changes
///
/// Lists the month changes that your organization decides or proposed, newest first. Each shows both months, the reason
/// and the proposer (G8).
#[utoipa::path(tag = "organizations", operation_id = "list_month_changes", security(("bearer" = [])),
    params(MonthChangeQuery), responses(
    (status = 200, description = "A page of month changes", body = Page<MonthChangeView>),
))]
#[get("/month-changes")]
async fn list_month_changes(
    app: web::Data<App>,
    caller: Caller<can::ListMonthChanges>,
    Query(query): Query<MonthChangeQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let actor = caller.context.actor;
    let office = actor.office().map(|office| office.organization);
    let list = List::new(&app.vault, "list_month_changes", &(office, query.state));
    let before = list.after(query.cursor.as_deref())?;
    let question = move |conn: &mut _| graduation::month_changes(conn, &actor, query.state, before, limit + 1);
    let (changes, last) = paging::split_page(app.db.read(question).await?, limit, |change| change.id.0);
    Ok(HttpResponse::Ok().json(Page {
        items: changes.into_iter().map(MonthChangeView::from).collect(),
        next_cursor: last.map(|before| list.cursor(before)),
    }))
}

/// Get a month change
///
/// Administrators of the branch and of the organizations above it can read both months, the reason and the state.
#[utoipa::path(tag = "organizations", operation_id = "get_month_change", security(("bearer" = [])),
    params(("id" = MonthChangeId, Path, description = "The id of the month change")), responses(
    (status = 200, description = "The month change", body = MonthChangeView),
))]
#[get("/month-changes/{id}")]
async fn get_month_change(
    app: web::Data<App>,
    caller: Caller<can::ReadMonthChange>,
    Id(id): Id<MonthChangeId>,
) -> Result<HttpResponse, Problem> {
    let actor = caller.context.actor;
    let change = app
        .db
        .read(move |conn| graduation::month_change(conn, &actor, id))
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, etag(change.version)))
        .json(MonthChangeView::from(change)))
}

/// A decided request.
#[derive(Serialize, ToSchema)]
struct MonthChangeDecision {
    #[serde(flatten)]
    change: MonthChangeView,
    /// Delayed graduates whose month is no longer later than the branch's. An administrator has to settle them (M7).
    stale_delayed_members: Vec<MemberId>,
}

impl From<DecidedMonthChange> for MonthChangeDecision {
    fn from(decided: DecidedMonthChange) -> Self {
        Self {
            change: decided.change.into(),
            stale_delayed_members: decided.stale_delayed,
        }
    }
}

refuses!(ApproveMonthChangeRefusals: GraduationSelfApproval, GraduationNoOpenRequest);

/// Approve a month change
///
/// An administrator of the leading organ approves it (G7). If the new month lies in a later year, the branch becomes an
/// ordinary one again until that year's switch (G9).
#[utoipa::path(tag = "organizations", operation_id = "approve_month_change", security(("bearer" = [])),
    params(("id" = MonthChangeId, Path, description = "The id of the month change"), Key, IfMatch),
    responses(
    (status = 200, description = "The month change is approved", body = MonthChangeDecision),
    ApproveMonthChangeRefusals,
))]
#[post("/month-changes/{id}/approve")]
async fn approve_month_change(
    app: web::Data<App>,
    caller: Caller<can::DecideMonthChange>,
    Id(id): Id<MonthChangeId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let decided = graduation::decide(conn, context, id, expected, &Verdict::Approve)?;
        reply::changed(decided.change.version, &MonthChangeDecision::from(decided))
    })
    .await
}

refuses!(RefuseMonthChangeRefusals: GraduationSelfApproval, GraduationNoOpenRequest, ApprovalReasonRequired);

/// Refuse a month change
///
/// An administrator of the leading organ refuses it, with a reason (G8).
#[utoipa::path(tag = "organizations", operation_id = "refuse_month_change", security(("bearer" = [])),
    params(("id" = MonthChangeId, Path, description = "The id of the month change"), Key, IfMatch),
    responses(
    (status = 200, description = "The month change is refused", body = MonthChangeDecision),
    RefuseMonthChangeRefusals,
))]
#[post("/month-changes/{id}/refuse")]
async fn refuse_month_change(
    app: web::Data<App>,
    caller: Caller<can::DecideMonthChange>,
    Id(id): Id<MonthChangeId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let verdict = Verdict::Refuse(body.reason()?);
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let decided = graduation::decide(conn, context, id, expected, &verdict)?;
        reply::changed(decided.change.version, &MonthChangeDecision::from(decided))
    })
    .await
}
