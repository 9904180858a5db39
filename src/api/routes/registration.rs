//! Registers members (P1, P2), and changes what is recorded about them (P3).

use super::look_up;
use super::members::MemberDetail;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, IfMatch, Json, Key, Query};
use crate::api::request::language;
use crate::api::response::paging::{self, List};
use crate::api::response::problem::{Blocking, Problem};
use crate::api::response::reply;
use crate::api::wire::{Instant, Page, line, person_name};
use crate::app::App;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::catalogue::rule::Rule;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId};
use crate::domain::core::language::Language;
use crate::domain::core::time::{Month, Timestamp, shanghai_date};
use crate::domain::disclosure::masked_phone;
use crate::domain::member::registration::{MemberField, RegistrationWarning};
use crate::security::vault::{SealPurpose, SealedRow, Vault};
use crate::service::registration::{self, MemberChange, RecordChange, Registration, StatedParticulars};
use crate::service::{self, Context, members};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(preview_registration)
        .service(register_member)
        .service(change_member)
        .service(list_member_changes);
}

/// The longest name, in characters.
const NAME_MAX: usize = 100;
/// The longest other text, in characters.
const WORD_MAX: usize = 32;

/// The person to register.
#[derive(Deserialize, ToSchema)]
#[schema(as = RegisterMemberRequest)]
#[serde(deny_unknown_fields)]
struct RegistrationBody {
    /// The full name.
    #[schema(max_length = 100)]
    name: String,
    /// The ID number (公民身份号码, GB 11643).
    id_number: String,
    /// The month in which the person joined the League.
    joined_month: Month,
    /// The development number (发展团员编号), 12 digits. Required from joining year 2017.
    #[serde(default)]
    #[schema(max_length = 32, pattern = "^[0-9]{12}$")]
    development_number: Option<String>,
    /// The mobile telephone number, 11 digits.
    #[serde(default)]
    #[schema(max_length = 32, pattern = "^1[0-9]{10}$")]
    phone: Option<String>,
    /// The ethnic group (民族): its Chinese name, or its code of two digits (GB/T 3304).
    #[serde(default)]
    #[schema(max_length = 32, example = "汉族")]
    ethnic_group: Option<String>,
    /// The political status (政治面貌): its Chinese short name, or its code of two digits (GB/T 4762).
    #[serde(default)]
    #[schema(max_length = 32, example = "共青团员")]
    political_status: Option<String>,
    /// The education (学历).
    #[serde(default)]
    #[schema(max_length = 32)]
    education: Option<String>,
}

impl RegistrationBody {
    fn registration(self, branch: OrganizationId, now: Timestamp) -> Result<Registration, Problem> {
        let id_number = IdNumber::parse(&self.id_number, shanghai_date(now))
            .map_err(|e| Problem::new(Refusal::from(e).at("/id_number")))?;
        Ok(Registration {
            branch,
            name: person_name(&self.name, NAME_MAX, "/name")?,
            id_number,
            particulars: StatedParticulars {
                joined_month: self.joined_month,
                development_number: word(self.development_number, "/development_number")?,
                phone: word(self.phone, "/phone")?,
                ethnic_group: word(self.ethnic_group, "/ethnic_group")?,
                political_status: word(self.political_status, "/political_status")?,
                education: word(self.education, "/education")?,
            },
        })
    }
}

/// A short text. A blank one counts as absent.
fn word(text: Option<String>, pointer: &str) -> Result<Option<String>, Problem> {
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(|text| line(&text, WORD_MAX, pointer)).transpose()
}

/// Charges a registration as a look-up (T4), if the caller may register at the branch at all.
async fn charge(app: &App, context: &Context, registration: &Registration) -> Result<(), Problem> {
    let (actor, branch) = (context.actor.clone(), registration.branch);
    app.db
        .read(move |conn| registration::check_registrar(conn, &actor, branch))
        .await?;
    look_up::charge(app, context.clone(), registration.wanted(&app.vault)).await
}

/// Something unusual about a registration. It blocks nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberWarning)]
struct RegistrationWarningView {
    /// The code of the warning.
    code: RegistrationWarning,
    /// The rule behind it.
    rule: Rule,
    /// The warning in the caller's language.
    detail: &'static str,
}

impl RegistrationWarningView {
    fn new(warning: RegistrationWarning, language: Language) -> Self {
        Self {
            code: warning,
            rule: warning.rule(),
            detail: warning.label(language),
        }
    }
}

/// What registering would answer. Nothing was stored.
#[derive(Serialize, ToSchema)]
struct RegistrationPreviewResult {
    /// Whether the person can be registered.
    may_be_registered: bool,
    /// All rules that stand in the way. Registering would answer with the first.
    blocking: Vec<Blocking>,
    /// What to know before registering.
    warnings: Vec<RegistrationWarningView>,
}

refuses!(PreviewRegistrationRefusals:
    MemberOnlyInBranch,
    OrganizationClosed,
    MemberIdNumberMalformed,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
    RateLimited,
);

/// Preview the registration of a member
///
/// Returns what registering would answer and stores nothing (P1, P2). It is charged as a look-up.
#[utoipa::path(tag = "members", operation_id = "preview_registration", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the branch")),
    request_body = RegistrationBody, responses(
    (status = 200, description = "What registering would answer", body = RegistrationPreviewResult),
    PreviewRegistrationRefusals,
))]
#[post("/organizations/{id}/members/preview")]
async fn preview_registration(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::RegisterMember>,
    Id(branch): Id<OrganizationId>,
    body: Json<RegistrationBody>,
) -> Result<HttpResponse, Problem> {
    let (language, vault) = (language::of(&request), app.vault.clone());
    let registration = body.into_inner().registration(branch, caller.context.now)?;
    charge(&app, &caller.context, &registration).await?;
    // A write transaction, so that it sees and locks exactly what the registration would.
    let preview = app
        .db
        .write(move |conn| registration::preview(conn, &caller.context, &vault, &registration))
        .await?;
    let (warnings, refusals) = match preview.outcome {
        Ok(warnings) => (warnings, Vec::new()),
        Err(refusals) => (Vec::new(), refusals),
    };
    let warning = |warning| RegistrationWarningView::new(warning, language);
    Ok(HttpResponse::Ok().json(RegistrationPreviewResult {
        may_be_registered: refusals.is_empty(),
        blocking: refusals
            .iter()
            .map(|refusal| Blocking::new(refusal, language))
            .collect(),
        warnings: warnings.into_iter().map(warning).collect(),
    }))
}

/// A member who was registered.
#[derive(Serialize, ToSchema)]
struct RegisteredMember {
    #[serde(flatten)]
    member: MemberDetail,
    /// What is unusual about the registration.
    warnings: Vec<RegistrationWarningView>,
}

refuses!(RegisterMemberRefusals:
    MemberIdNumberMalformed,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
    MemberAlreadyRegistered,
    MemberNumberTaken,
    MemberOnlyInBranch,
    MemberJoinedInFuture,
    MemberJoinedTooYoung,
    MemberDevelopmentNumber,
    MemberDevelopmentNumberRequired,
    MemberDevelopmentNumberYear,
    MemberDevelopmentNumberTaken,
    MemberPhone,
    MemberEthnicGroup,
    MemberPoliticalStatus,
    OrganizationClosed,
    TransferAlreadyOpen,
    RateLimited,
);

/// Register a member
///
/// An administrator of the branch or of its direct superior registers a person as a member there (P1, P2). An error
/// lists every fault at once. It is charged as a look-up, since a refusal can tell where the person is a member.
#[utoipa::path(tag = "members", operation_id = "register_member", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the branch"), Key),
    request_body = RegistrationBody, responses(
    (status = 201, description = "The new member", body = RegisteredMember),
    RegisterMemberRefusals,
))]
#[post("/organizations/{id}/members")]
async fn register_member(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::RegisterMember>,
    Id(branch): Id<OrganizationId>,
    key: Key,
    body: Json<RegistrationBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let (language, vault) = (language::of(&request), app.vault.clone());
    let registration = body.into_inner().registration(branch, caller.context.now)?;
    charge(&app, &caller.context, &registration).await?;
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let (id, warnings) = registration::register(conn, context, &vault, &registration)?;
        let detail = members::get(conn, context, id)?;
        let version = detail.member.version;
        let warning = |warning| RegistrationWarningView::new(warning, language);
        let body = RegisteredMember {
            member: MemberDetail::new(detail, &vault, context, language)?,
            warnings: warnings.into_iter().map(warning).collect(),
        };
        reply::created(format!("/v1/members/{id}"), version, &body)
    })
    .await
}

/// New values of a member's record. A field that is left out stays. An empty text empties the field.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangeMemberRequest)]
#[serde(deny_unknown_fields)]
struct RecordChangeBody {
    /// The mobile telephone number, 11 digits. The member can change it too.
    #[serde(default)]
    #[schema(max_length = 32, pattern = "^(1[0-9]{10})?$")]
    phone: Option<String>,
    /// The education (学历).
    #[serde(default)]
    #[schema(max_length = 32)]
    education: Option<String>,
    /// The political status (政治面貌): its Chinese short name, or its code of two digits (GB/T 4762).
    #[serde(default)]
    #[schema(max_length = 32)]
    political_status: Option<String>,
    /// The ethnic group (民族): its Chinese name, or its code of two digits (GB/T 3304).
    #[serde(default)]
    #[schema(max_length = 32)]
    ethnic_group: Option<String>,
}

impl RecordChangeBody {
    fn change(self) -> Result<RecordChange, Problem> {
        // An empty text stays, since it empties the field.
        let word = |text: Option<String>, pointer: &str| match text {
            Some(text) if text.trim().is_empty() => Ok(Some(String::new())),
            text => word(text, pointer),
        };
        Ok(RecordChange {
            phone: word(self.phone, "/phone")?,
            education: word(self.education, "/education")?,
            political_status: word(self.political_status, "/political_status")?,
            ethnic_group: word(self.ethnic_group, "/ethnic_group")?,
        })
    }
}

refuses!(ChangeMemberRefusals: MemberPhone, MemberEthnicGroup, MemberPoliticalStatus);

/// Change a member's record
///
/// The branch and its direct superior change telephone number, education, political status and ethnic group. Members
/// change their own telephone number (P3). Name and ID number are not changed here. The old values are kept.
#[utoipa::path(tag = "members", operation_id = "change_member", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member"), Key, IfMatch),
    request_body = RecordChangeBody, responses(
    (status = 200, description = "The changed member", body = MemberDetail),
    ChangeMemberRefusals,
))]
#[post("/members/{id}/record")]
async fn change_member(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ChangeMember>,
    Id(id): Id<MemberId>,
    IfMatch(expected): IfMatch,
    key: Key,
    body: Json<RecordChangeBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let (language, vault) = (language::of(&request), app.vault.clone());
    let change = body.into_inner().change()?;
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        registration::change(conn, context, &vault, id, expected, &change)?;
        let detail = members::get(conn, context, id)?;
        let version = detail.member.version;
        reply::changed(version, &MemberDetail::new(detail, &vault, context, language)?)
    })
    .await
}

/// A change of a member's record.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberChange)]
struct MemberChangeView {
    /// When it happened.
    at: Instant,
    /// The account that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    /// The organization for which it was done. Absent if the member did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<OrganizationId>,
    /// What was changed.
    field: MemberField,
    /// The value before; a telephone number with its inner digits hidden. Absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_value: Option<String>,
}

impl MemberChangeView {
    fn new(change: MemberChange, vault: &Vault) -> service::Result<Self> {
        let row = SealedRow::MemberChange(change.id);
        let sealed = change.old_sealed.as_ref();
        let phone = sealed
            .map(|sealed| vault.open(SealPurpose::Phone, row, sealed))
            .transpose()?;
        Ok(Self {
            at: change.at.into(),
            account_id: change.account,
            organization_id: change.organization,
            field: change.field,
            old_value: change.old_value.or(phone.map(|phone| masked_phone(&phone))),
        })
    }
}

/// Selects a page of the changes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct MemberChangeQuery {
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List the changes of a member's record
///
/// Lists all changes, earliest first, each with the value before (P3). They are kept for ever.
#[utoipa::path(tag = "members", operation_id = "list_member_changes", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member"), MemberChangeQuery), responses(
    (status = 200, description = "A page of changes", body = Page<MemberChangeView>),
))]
#[get("/members/{id}/changes")]
async fn list_member_changes(
    app: web::Data<App>,
    caller: Caller<can::ReadMember>,
    Id(member): Id<MemberId>,
    Query(query): Query<MemberChangeQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let list = List::new(&app.vault, "list_member_changes", &member);
    let after = list.after(query.cursor.as_deref())?.unwrap_or(0);
    let actor = caller.context.actor;
    let question = move |conn: &mut _| registration::history(conn, &actor, member, after, limit + 1);
    let (changes, last) = paging::split_page(app.db.read(question).await?, limit, |change| change.id);
    let views = changes
        .into_iter()
        .map(|change| MemberChangeView::new(change, &app.vault));
    Ok(HttpResponse::Ok().json(Page {
        items: views.collect::<service::Result<Vec<_>>>()?,
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}
