//! Members (团员) and their marks.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, Json, Key, Missing, Query, etag, items};
use crate::api::request::language;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::{Blocking, Problem};
use crate::api::response::reply;
use crate::api::wire::batch::{BatchAnswer, ItemStatus, blocking};
use crate::api::wire::{AllowedAction, Instant, OrganizationLabel, Page, is_false, remark};
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::language::Language;
use crate::domain::core::time::{Month, shanghai_date};
use crate::domain::disclosure::masked_phone;
use crate::domain::member::mark::{Identity, MarkAction};
use crate::domain::member::{Certification, RealName, Standing};
use crate::security::vault::{SealPurpose, SealedRow, Vault};
use crate::service::batch::{BatchMode, BatchOptions, ItemOutcome, ReadItem};
use crate::service::marks::{self, MarkItem, MarkRecord};
use crate::service::members::{self, MemberListing, MemberProfile, Membership, ShownMember};
use crate::service::{self, Context};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_members)
        .service(get_member)
        .service(mark_members)
        .service(undo_marks)
        .service(mark_history);
}

impl Missing for MemberId {
    const CODE: Code = Code::MemberNotFound;
}

/// A member in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberSummary)]
struct MemberView {
    /// The id of the member.
    id: MemberId,
    /// The full name.
    name: String,
    /// The member's branch. Absent after a move out of the national tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<OrganizationLabel>,
    /// The member's standing (团籍状态).
    standing: Standing,
    /// The state of the League identity certification.
    certification: Certification,
    /// What the member is in a graduating branch (被标记成员身份, M1). Absent in any other branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    /// The graduation month: a delayed graduate's own, or else the branch's.
    #[serde(skip_serializing_if = "Option::is_none")]
    graduation_month: Option<Month>,
    /// Why graduation is delayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark_reason: Option<String>,
    /// The version, as in the ETag.
    version: i32,
}

impl From<ShownMember> for MemberView {
    fn from(shown: ShownMember) -> Self {
        let member = shown.member;
        Self {
            id: member.id,
            name: member.name,
            branch: shown.branch.as_deref().map(OrganizationLabel::from),
            standing: member.standing,
            certification: member.certification,
            identity: shown.identity,
            graduation_month: shown.graduation_month,
            mark_reason: member.mark_reason,
            version: member.version,
        }
    }
}

/// Filters and pages the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MemberQuery {
    /// `true` lists the members of the whole subtree, `false` those of this branch.
    #[serde(default)]
    subtree: bool,
    /// Only members with this identity. `delayed` gives the list of delayed graduates (M6).
    identity: Option<Identity>,
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List members
///
/// Lists the members of a branch or of a whole subtree.
#[utoipa::path(tag = "members", operation_id = "list_members", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the branch or of the root of the subtree"), MemberQuery),
    responses(
    (status = 200, description = "A page of members", body = Page<MemberView>),
))]
#[get("/organizations/{id}/members")]
async fn list_members(
    app: web::Data<App>,
    caller: Caller<can::ListMembers>,
    Id(organization): Id<OrganizationId>,
    Query(query): Query<MemberQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let filters = (organization, query.subtree, query.identity);
    let list = List::new(&app.vault, "list_members", &filters);
    let listing = MemberListing {
        organization,
        subtree: query.subtree,
        identity: query.identity,
        after: list.after_in_tree(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let question = move |conn: &mut _| members::list(conn, &caller.context, &listing);
    let (found, last) = paging::split_page(app.db.read(question).await?, limit, ShownMember::place);
    Ok(HttpResponse::Ok().json(Page {
        items: found.into_iter().map(MemberView::from).collect(),
        next_cursor: last.flatten().map(|after| list.cursor_in_tree(&after)),
    }))
}

/// A member with all details.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberDetail {
    #[serde(flatten)]
    member: MemberView,
    /// The ID number with its inner digits hidden.
    #[schema(example = "110*************2X")]
    id_number: String,
    /// The telephone number with its inner digits hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "138******78")]
    phone: Option<String>,
    /// The real-name check (实名认证). It informs and blocks nothing.
    real_name_check: RealName,
    /// The month in which the member joined the League.
    joined_month: Month,
    /// The development number (发展团员编号).
    #[serde(skip_serializing_if = "Option::is_none")]
    development_number: Option<String>,
    /// The ethnic group (民族, GB/T 3304).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "汉族")]
    ethnic_group: Option<String>,
    /// The political status (政治面貌, GB/T 4762).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "共青团员")]
    political_status: Option<String>,
    /// The education (学历).
    #[serde(skip_serializing_if = "Option::is_none")]
    education: Option<String>,
    /// The branches the member belonged to, earliest first.
    memberships: Vec<MembershipView>,
    /// What the caller can do with the member now, and for everything else the reason why not.
    allowed_actions: Vec<AllowedAction<MarkAction>>,
    /// For administrators: whether the member's account is blocked. Absent if it is not.
    #[serde(skip_serializing_if = "is_false")]
    account_blocked: bool,
}

/// An interval in which a member belonged to a branch, from `since` to just before `until`.
#[derive(Serialize, ToSchema)]
#[schema(as = Membership)]
struct MembershipView {
    /// The id of the branch.
    branch_id: OrganizationId,
    /// The branch's name.
    branch_name: String,
    /// When the membership began.
    since: Instant,
    /// When it ended. Absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Instant>,
    /// The transfer that brought the member to this branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_id: Option<TransferId>,
}

impl From<(Membership, String)> for MembershipView {
    fn from((membership, branch_name): (Membership, String)) -> Self {
        Self {
            branch_id: membership.branch_id,
            branch_name,
            since: membership.since.into(),
            until: membership.until.map(Instant::from),
            transfer_id: membership.transfer_id,
        }
    }
}

impl MemberDetail {
    /// Renders a profile in the caller's language, with masked numbers.
    pub fn new(detail: MemberProfile, vault: &Vault, context: &Context, language: Language) -> service::Result<Self> {
        let member = &detail.member;
        let row = SealedRow::Member(member.id);
        let number = vault.open(SealPurpose::IdNumber, row, &member.id_number_sealed)?;
        let number = IdNumber::parse(&number, shanghai_date(context.now));
        let id_number = number
            .map_err(|_| service::Error::Corrupt("a stored ID number is invalid"))?
            .masked();
        let phone = member
            .phone_sealed
            .as_ref()
            .map(|sealed| vault.open(SealPurpose::Phone, row, sealed));
        let phone = phone.transpose()?.map(|phone| masked_phone(&phone));
        let action =
            |(action, refusal): (MarkAction, Option<Refusal>)| AllowedAction::new(action, refusal.as_ref(), language);
        Ok(Self {
            id_number,
            phone,
            real_name_check: member.real_name_check,
            joined_month: member.joined_month,
            development_number: member.development_number.clone(),
            ethnic_group: member.ethnic_group.clone(),
            political_status: member.political_status.clone(),
            education: member.education.clone(),
            memberships: detail.memberships.into_iter().map(MembershipView::from).collect(),
            allowed_actions: detail.actions.into_iter().map(action).collect(),
            account_blocked: detail.blocked,
            member: detail.shown.into(),
        })
    }
}

/// Get a member
///
/// The member and administrators of the branch and above can read it.
#[utoipa::path(tag = "members", operation_id = "get_member", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member")), responses(
    (status = 200, description = "The member", body = MemberDetail),
))]
#[get("/members/{id}")]
async fn get_member(
    app: web::Data<App>,
    caller: Caller<can::ReadMember>,
    Id(id): Id<MemberId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let context = caller.context.clone();
    let detail = app.db.read(move |conn| members::get(conn, &caller.context, id)).await?;
    let view = MemberDetail::new(detail, &app.vault, &context, language::of(&request))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, etag(view.member.version)))
        .json(view))
}

/// What a member can be marked as.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[schema(as = MarkIdentity)]
#[serde(rename_all = "snake_case")]
enum MarkAs {
    /// Delayed graduate (延迟毕业团员).
    Delayed,
    /// Teacher (教师).
    Teacher,
}

impl From<MarkAs> for Identity {
    fn from(mark: MarkAs) -> Self {
        match mark {
            MarkAs::Delayed => Self::Delayed,
            MarkAs::Teacher => Self::Teacher,
        }
    }
}

/// The members to mark.
#[derive(Deserialize, ToSchema)]
#[schema(as = MarkMembersRequest)]
#[serde(deny_unknown_fields)]
struct MemberMarks {
    /// What a refusal of one item means for the others.
    mode: BatchMode,
    /// Set it to learn the result without storing anything.
    #[serde(default)]
    dry_run: bool,
    /// The members, 1 to 200, without duplicates.
    #[serde(deserialize_with = "items")]
    #[schema(min_items = 1, max_items = 200, value_type = Vec<MemberMark>)]
    items: Vec<ReadItem<MemberMark>>,
}

/// One member with the mark.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberMark {
    /// The id of the member.
    member: MemberId,
    /// What to mark the member as.
    identity: MarkAs,
    /// When a delayed graduate is expected to graduate: later than the branch (M3).
    #[serde(default)]
    month: Option<Month>,
    /// Why a delayed graduate is delayed; at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// The members whose marks to undo.
#[derive(Deserialize, ToSchema)]
#[schema(as = UndoMarksRequest)]
#[serde(deny_unknown_fields)]
struct MarksToUndo {
    /// What a refusal of one item means for the others.
    mode: BatchMode,
    /// Set it to learn the result without storing anything.
    #[serde(default)]
    dry_run: bool,
    /// The members, 1 to 200, without duplicates.
    #[serde(deserialize_with = "items")]
    #[schema(min_items = 1, max_items = 200, value_type = Vec<MarkToUndo>)]
    items: Vec<ReadItem<MarkToUndo>>,
}

/// One member whose mark to undo.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MarkToUndo {
    /// The id of the member.
    member: MemberId,
}

/// What happened to a member's mark.
#[derive(Serialize, ToSchema)]
struct MemberMarkResult {
    /// The id of the member. Absent if the item could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    /// What happened to the mark.
    status: ItemStatus,
    /// The rules that stand in the way.
    errors: Vec<Blocking>,
}

impl MemberMarkResult {
    fn new(member: Option<MemberId>, outcome: ItemOutcome<bool>, language: Language) -> Self {
        let (status, errors) = match outcome {
            Ok(true) => (ItemStatus::Done, Vec::new()),
            Ok(false) => (ItemStatus::Unchanged, Vec::new()),
            Err(refusals) => (ItemStatus::Refused, blocking(&refusals, language)),
        };
        Self { member, status, errors }
    }
}

impl MemberMarks {
    fn batch(self) -> (BatchOptions, Vec<ReadItem<MarkItem>>) {
        let options = BatchOptions {
            mode: self.mode,
            dry_run: self.dry_run,
        };
        let items = self.items.into_iter().map(|mark| mark.and_then(MemberMark::item));
        (options, items.collect())
    }
}

impl MemberMark {
    fn item(self) -> ReadItem<MarkItem> {
        let reason = remark(self.reason.as_deref(), "/reason").map_err(|refusal| vec![refusal])?;
        Ok(MarkItem {
            member: self.member,
            identity: self.identity.into(),
            month: self.month,
            reason,
        })
    }
}

refuses!(MarkMembersRefusals:
    MarkNotGraduating,
    BatchItemTwice,
    MarkMonthNotLater,
    MarkReasonRequired,
    MarkMonthRequired,
    MarkSuperiorOnly,
);

/// Mark members
///
/// Marks one member or many as delayed graduates, with month and reason, or as teachers (M2 to M5).
#[utoipa::path(tag = "members", operation_id = "mark_members", security(("bearer" = [])),
    params(Key), responses(
    (status = 200, description = "A result for each member", body = BatchAnswer<MemberMarkResult>),
    MarkMembersRefusals,
))]
#[post("/member-marks")]
async fn mark_members(
    app: web::Data<App>,
    caller: Caller<can::MarkMember>,
    key: Key,
    request: HttpRequest,
    body: Json<MemberMarks>,
) -> Result<HttpResponse, Problem> {
    let (claim, language) = (key.claim(&request, &body), language::of(&request));
    let (options, items) = body.into_inner().batch();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let outcomes = marks::mark(conn, context, options, &items)?;
        let result =
            |item: Option<&MarkItem>, outcome| MemberMarkResult::new(item.map(|item| item.member), outcome, language);
        reply::answer(StatusCode::OK, &BatchAnswer::new(options, &items, outcomes, result))
    })
    .await
}

refuses!(UndoMarksRefusals:
    MarkNotMarked,
    BatchItemTwice,
    MarkSuperiorOnly,
);

/// Undo the marks of members
///
/// Undoes the marks of one member or many. They are graduates again, in their branch's month (M6).
#[utoipa::path(tag = "members", operation_id = "undo_marks", security(("bearer" = [])),
    params(Key), responses(
    (status = 200, description = "A result for each member", body = BatchAnswer<MemberMarkResult>),
    UndoMarksRefusals,
))]
#[post("/member-marks/undo")]
async fn undo_marks(
    app: web::Data<App>,
    caller: Caller<can::MarkMember>,
    key: Key,
    request: HttpRequest,
    body: Json<MarksToUndo>,
) -> Result<HttpResponse, Problem> {
    let (claim, language) = (key.claim(&request, &body), language::of(&request));
    let MarksToUndo { mode, dry_run, items } = body.into_inner();
    let options = BatchOptions { mode, dry_run };
    let items: Vec<ReadItem<MemberId>> = items.into_iter().map(|item| item.map(|item| item.member)).collect();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let outcomes = marks::undo(conn, context, options, &items)?;
        let result = |member: Option<&MemberId>, outcome| MemberMarkResult::new(member.copied(), outcome, language);
        reply::answer(StatusCode::OK, &BatchAnswer::new(options, &items, outcomes, result))
    })
    .await
}

/// A change of a member's mark.
#[derive(Serialize, ToSchema)]
struct MarkHistoryEntry {
    /// When it happened.
    at: Instant,
    /// The account that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    /// The organization for which it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// The identity before.
    old: MarkView,
    /// The identity afterwards.
    new: MarkView,
    /// The reason that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// An identity. A member of a graduating branch without a mark is a graduate.
#[derive(Serialize, ToSchema)]
#[schema(as = MarkedIdentity)]
struct MarkView {
    /// The identity.
    identity: Identity,
    /// The month of a delayed graduate.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<Month>,
}

impl MarkView {
    fn new(identity: Option<Identity>, month: Option<Month>) -> Self {
        Self {
            identity: identity.unwrap_or(Identity::Graduate),
            month,
        }
    }
}

impl From<MarkRecord> for MarkHistoryEntry {
    fn from(entry: MarkRecord) -> Self {
        Self {
            at: entry.at.into(),
            account_id: entry.account,
            organization_id: entry.organization,
            old: MarkView::new(entry.old_mark, entry.old_month),
            new: MarkView::new(entry.new_mark, entry.new_month),
            reason: entry.reason,
        }
    }
}

/// Selects a page of the history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MarkHistoryQuery {
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List the history of a member's marks
///
/// Lists all changes of the mark, earliest first. They are kept for ever.
#[utoipa::path(tag = "members", operation_id = "mark_history", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member"), MarkHistoryQuery), responses(
    (status = 200, description = "A page of history entries", body = Page<MarkHistoryEntry>),
))]
#[get("/members/{id}/mark-history")]
async fn mark_history(
    app: web::Data<App>,
    caller: Caller<can::ReadMember>,
    Id(member): Id<MemberId>,
    Query(query): Query<MarkHistoryQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let list = List::new(&app.vault, "mark_history", &member);
    let after = list.after(query.cursor.as_deref())?.unwrap_or(0);
    let actor = caller.context.actor;
    let question = move |conn: &mut _| marks::history(conn, &actor, member, after, limit + 1);
    let (entries, last) = paging::split_page(app.db.read(question).await?, limit, |entry| entry.id);
    Ok(HttpResponse::Ok().json(Page {
        items: entries.into_iter().map(MarkHistoryEntry::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}
