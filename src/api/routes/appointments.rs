//! Offices (管理员任职): who administers an organization, and how that changes.

use super::look_up;
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, IfMatch, Json, Key, Missing, Query, etag};
use crate::api::response::paging::{self, List};
use crate::api::response::problem::Problem;
use crate::api::response::reply;
use crate::api::wire::{Empty, Instant, Page, ReasonBody, is_false, person_name};
use crate::app::App;
use crate::db::Conn;
use crate::domain::account::AccountStatus;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::decision::Verdict;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, AppointmentId, AppointmentRequestId, MemberId, OrganizationId};
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::core::time::{Timestamp, shanghai_date};
use crate::domain::office::{OfficeRole, RequestKind, RequestState};
use crate::security::vault::SealPurpose;
use crate::service;
use crate::service::appointments::{self, Appointment, AppointmentOutcome, StoredRequest};
use crate::service::idempotency::KeptAnswer;
use crate::service::look_up::LookedUpPerson;
use crate::service::people::PersonRef;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_appointments)
        .service(appoint)
        .service(end_appointment)
        .service(get_appointment_request)
        .service(approve_appointment_request)
        .service(refuse_appointment_request)
        .service(consent_to_appointment)
        .service(decline_appointment);
}

impl Missing for AppointmentId {
    const CODE: Code = Code::AppointmentNotFound;
}

impl Missing for AppointmentRequestId {
    const CODE: Code = Code::AppointmentRequestNotFound;
}

/// An office and the person who holds it.
#[derive(Serialize, ToSchema)]
#[schema(as = Appointment)]
struct AppointmentView {
    /// The id of the appointment.
    id: AppointmentId,
    /// The organization of the office.
    organization_id: OrganizationId,
    /// The account that holds the office.
    account_id: AccountId,
    /// The holder's name.
    name: String,
    /// What the office is for.
    role: OfficeRole,
    /// When the office began.
    since: Instant,
    /// When the office ended. Absent while it is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Instant>,
    /// The account that appointed the holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    appointed_by: Option<AccountId>,
    /// Whether the holder's account is blocked, so that they can't act. Absent if it is not.
    #[serde(skip_serializing_if = "is_false")]
    blocked: bool,
}

impl From<Appointment> for AppointmentView {
    fn from(appointment: Appointment) -> Self {
        Self {
            id: appointment.id,
            organization_id: appointment.organization_id,
            account_id: appointment.account_id,
            name: appointment.account_name,
            role: appointment.role,
            since: appointment.started_at.into(),
            until: appointment.ended_at.map(Instant::from),
            appointed_by: appointment.appointed_by,
            blocked: appointment.account_status == AccountStatus::Blocked,
        }
    }
}

/// A request to appoint or dismiss.
#[derive(Serialize, ToSchema)]
#[schema(as = AppointmentRequest)]
pub(super) struct AppointmentRequestView {
    /// The id of the request.
    id: AppointmentRequestId,
    /// The organization of the office.
    organization_id: OrganizationId,
    /// The organization's name.
    organization_name: String,
    /// What the request asks for.
    kind: RequestKind,
    /// What the office is for.
    role: OfficeRole,
    /// The account to appoint or dismiss. Absent while the service does not know the person: they get an account when
    /// the appointment takes effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<AccountId>,
    /// The name of the person to appoint or dismiss.
    name: String,
    /// The account that made the request.
    proposer_account_id: AccountId,
    /// When the request was made.
    proposed_at: Instant,
    /// The state of the request.
    state: RequestState,
    /// The account that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<AccountId>,
    /// The organization for which it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_for: Option<OrganizationId>,
    /// When it was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Instant>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_reason: Option<String>,
    /// When the person consented or declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<Instant>,
    /// The version, as in the ETag.
    version: i32,
}

impl From<StoredRequest> for AppointmentRequestView {
    fn from(request: StoredRequest) -> Self {
        let name = request.name().to_owned();
        Self {
            name,
            id: request.id,
            organization_id: request.organization_id,
            organization_name: request.organization_name,
            kind: request.kind,
            role: request.role,
            account_id: request.account_id,
            proposer_account_id: request.proposer_account_id,
            proposed_at: request.proposed_at.into(),
            state: request.state,
            decided_by: request.decider_account_id,
            decided_for: request.decider_organization_id,
            decided_at: request.decided_at.map(Instant::from),
            decision_reason: request.decision_reason,
            answered_at: request.answered_at.map(Instant::from),
            version: request.version,
        }
    }
}

/// What a change of an office led to. Exactly one of the two fields is present.
#[derive(Serialize, ToSchema)]
struct OfficeChange {
    /// The office that began or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    appointment: Option<AppointmentView>,
    /// The request that waits for the direct superior, or for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<AppointmentRequestView>,
}

/// The answer to a change of an office: `done` if the office changed, 202 if the direct superior has to approve or the
/// person has to consent first.
fn outcome(outcome: AppointmentOutcome, done: StatusCode) -> service::Result<KeptAnswer> {
    match outcome {
        AppointmentOutcome::Done(appointment) => {
            let location = (done == StatusCode::CREATED)
                .then(|| format!("/v1/organizations/{}/appointments", appointment.organization_id));
            let appointment = Some(appointment.into());
            let body = OfficeChange {
                appointment,
                request: None,
            };
            Ok(KeptAnswer {
                location,
                ..reply::answer(done, &body)?
            })
        }
        AppointmentOutcome::Requested(request) => {
            let location = Some(format!("/v1/appointment-requests/{}", request.id));
            let etag = Some(etag(request.version));
            let request = Some(request.into());
            let body = OfficeChange {
                appointment: None,
                request,
            };
            let answer = reply::answer(StatusCode::ACCEPTED, &body)?;
            Ok(KeptAnswer {
                location,
                etag,
                ..answer
            })
        }
    }
}

/// Selects a page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AppointmentQuery {
    /// The position to continue at: `next_cursor` of the page before.
    cursor: Option<String>,
    /// The size of the page, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// List an organization's administrators and auditors
///
/// Lists the appointments in force at an organization of your subtree, earliest first.
#[utoipa::path(tag = "appointments", operation_id = "list_appointments", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the organization"), AppointmentQuery), responses(
    (status = 200, description = "A page of appointments", body = Page<AppointmentView>),
))]
#[get("/organizations/{id}/appointments")]
async fn list_appointments(
    app: web::Data<App>,
    caller: Caller<can::ListAppointments>,
    Id(organization): Id<OrganizationId>,
    Query(query): Query<AppointmentQuery>,
) -> Result<HttpResponse, Problem> {
    let limit = paging::limit(query.limit)?;
    let list = List::new(&app.vault, "list_appointments", &organization);
    let after = list.after(query.cursor.as_deref())?.unwrap_or(0);
    let actor = caller.context.actor;
    let question = move |conn: &mut Conn| appointments::list(conn, &actor, organization, after, limit + 1);
    let (found, last) = paging::split_page(app.db.read(question).await?, limit, |found| found.id.0);
    Ok(HttpResponse::Ok().json(Page {
        items: found.into_iter().map(AppointmentView::from).collect(),
        next_cursor: last.map(|after| list.cursor(after)),
    }))
}

/// The person to appoint: a member of the caller's subtree, or anybody by full name and ID number.
#[derive(Deserialize, ToSchema)]
#[schema(as = AppointRequest)]
#[serde(deny_unknown_fields)]
struct NewAdministrator {
    /// The id of the member.
    #[serde(default)]
    member: Option<MemberId>,
    /// The full name.
    #[serde(default)]
    name: Option<String>,
    /// The ID number (公民身份号码, GB 11643).
    #[serde(default)]
    id_number: Option<String>,
    /// What the office is for. `administrator` if absent. Only the direct superior can appoint an auditor (审计员).
    #[serde(default)]
    role: Option<OfficeRole>,
}

const LONGEST_NAME: usize = 50;

impl NewAdministrator {
    fn person(&self, now: Timestamp) -> Result<PersonRef, Problem> {
        match (self.member, &self.name, &self.id_number) {
            (Some(member), None, None) => Ok(PersonRef::Member(member)),
            (None, Some(name), Some(number)) => {
                let id_number = IdNumber::parse(number, shanghai_date(now))
                    .map_err(|error| Problem::new(Refusal::from(error).at("/id_number")))?;
                let name = person_name(name, LONGEST_NAME, "/name")?;
                Ok(PersonRef::Named { name, id_number })
            }
            _ => Err(Problem::new(Refusal::invalid(InputError::Said(Text {
                zh: "请填写 member，或者同时填写 name 和 id_number",
                en: "give either member, or name and id_number",
            })))),
        }
    }
}

refuses!(AppointRefusals:
    MemberNotFound,
    MemberNoMatch,
    AppointmentHeldAlready,
    AppointmentRequestOpen,
    OrganizationClosed,
    MemberIdNumberMalformed,
    RateLimited,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
);

/// Appoint an administrator
///
/// The direct superior appoints at once. The organization's own administrators make a request that the direct superior
/// has to approve. A person who belongs elsewhere, and nowhere in the appointing organization's subtree, has to
/// consent: they find the offer at `GET /v1/me`. A person without an account gets one that has no password, and sets it
/// with a one-time code (O5). Naming a person by full name and ID number counts as a look-up (T4). Everything that
/// waits for the organization, or was passed on because nobody there could decide it, moves to those who can decide it
/// now (A10).
#[utoipa::path(tag = "appointments", operation_id = "appoint", security(("bearer" = [])),
    params(("id" = OrganizationId, Path, description = "The id of the organization"), Key), responses(
    (status = 201, description = "The person is appointed", body = OfficeChange),
    (status = 202, description = "The request waits for the direct superior or for the person", body = OfficeChange),
    AppointRefusals,
))]
#[post("/organizations/{id}/appointments")]
async fn appoint(
    app: web::Data<App>,
    caller: Caller<can::Appoint>,
    Id(organization): Id<OrganizationId>,
    key: Key,
    request: HttpRequest,
    body: Json<NewAdministrator>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let person = body.person(caller.context.now)?;
    if let PersonRef::Named { name, id_number } = &person {
        // The answer reveals whether such a person exists, so it is a look-up and charged as one (T4).
        let id_number = app.vault.digest(SealPurpose::IdNumber, id_number.reveal());
        let name = name.clone();
        look_up::charge(&app, caller.context.clone(), LookedUpPerson { name, id_number }).await?;
    }
    let vault = app.vault.clone();
    let role = body.role.unwrap_or(OfficeRole::Administrator);
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let change = appointments::appoint(conn, context, &vault, organization, role, &person)?;
        outcome(change, StatusCode::CREATED)
    })
    .await
}

refuses!(EndAppointmentRefusals: AppointmentEnded, AppointmentRequestOpen, AppointmentLastOfNation);

/// End an appointment
///
/// The direct superior ends it at once. The organization's own administrators, the holder included, make a request.
#[utoipa::path(tag = "appointments", operation_id = "end_appointment", security(("bearer" = [])),
    params(("id" = AppointmentId, Path, description = "The id of the appointment"), Key), responses(
    (status = 200, description = "The appointment has ended", body = OfficeChange),
    (status = 202, description = "The request waits for the direct superior", body = OfficeChange),
    EndAppointmentRefusals,
))]
#[post("/appointments/{id}/end")]
async fn end_appointment(
    app: web::Data<App>,
    caller: Caller<can::EndAppointment>,
    Id(id): Id<AppointmentId>,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        outcome(appointments::end(conn, context, id)?, StatusCode::OK)
    })
    .await
}

/// Get a request to appoint or dismiss
///
/// Administrators of the organization and of those above it can read the request: what it asks for and where it stands.
#[utoipa::path(tag = "appointments", operation_id = "get_appointment_request", security(("bearer" = [])),
    params(("id" = AppointmentRequestId, Path, description = "The id of the appointment request")), responses(
    (status = 200, description = "The request", body = AppointmentRequestView),
))]
#[get("/appointment-requests/{id}")]
async fn get_appointment_request(
    app: web::Data<App>,
    caller: Caller<can::ReadAppointmentRequest>,
    Id(id): Id<AppointmentRequestId>,
) -> Result<HttpResponse, Problem> {
    let actor = caller.context.actor;
    let found = app.db.read(move |conn| appointments::request(conn, &actor, id)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, etag(found.version)))
        .json(AppointmentRequestView::from(found)))
}

refuses!(ApproveAppointmentRequestRefusals: AppointmentSelfApproval, AppointmentRequestNotOpen);

/// Approve a request to appoint or dismiss
///
/// Administrators of the organization's direct superior approve it. The office begins or ends at once, or begins when
/// the person consents.
#[utoipa::path(tag = "appointments", operation_id = "approve_appointment_request", security(("bearer" = [])),
    params(("id" = AppointmentRequestId, Path, description = "The id of the appointment request"), Key, IfMatch),
    responses(
    (status = 200, description = "The request is approved or waits for consent", body = AppointmentRequestView),
    ApproveAppointmentRequestRefusals,
))]
#[post("/appointment-requests/{id}/approve")]
async fn approve_appointment_request(
    app: web::Data<App>,
    caller: Caller<can::DecideAppointmentRequest>,
    Id(id): Id<AppointmentRequestId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let vault = app.vault.clone();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let decided = appointments::decide(conn, context, &vault, id, expected, &Verdict::Approve)?;
        reply::changed(decided.version, &AppointmentRequestView::from(decided))
    })
    .await
}

refuses!(RefuseAppointmentRequestRefusals: AppointmentSelfApproval, AppointmentRequestNotOpen, ApprovalReasonRequired);

/// Refuse a request to appoint or dismiss
///
/// Administrators of the organization's direct superior refuse it, with a reason. Until the person consents, this also
/// takes back an approval or an offer.
#[utoipa::path(tag = "appointments", operation_id = "refuse_appointment_request", security(("bearer" = [])),
    params(("id" = AppointmentRequestId, Path, description = "The id of the appointment request"), Key, IfMatch),
    responses(
    (status = 200, description = "The request is refused", body = AppointmentRequestView),
    RefuseAppointmentRequestRefusals,
))]
#[post("/appointment-requests/{id}/refuse")]
async fn refuse_appointment_request(
    app: web::Data<App>,
    caller: Caller<can::DecideAppointmentRequest>,
    Id(id): Id<AppointmentRequestId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let verdict = Verdict::Refuse(body.reason()?);
    let vault = app.vault.clone();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let decided = appointments::decide(conn, context, &vault, id, expected, &verdict)?;
        reply::changed(decided.version, &AppointmentRequestView::from(decided))
    })
    .await
}

refuses!(ConsentToAppointmentRefusals: AppointmentRequestNotFound, AppointmentRequestNotOpen);

/// Consent to your own appointment
///
/// Your office begins at once. `GET /v1/me` lists the appointments that wait for your consent.
#[utoipa::path(tag = "appointments", operation_id = "consent_to_appointment", security(("bearer" = [])),
    params(("id" = AppointmentRequestId, Path, description = "The id of the appointment request"), Key, IfMatch),
    responses(
    (status = 200, description = "You are appointed", body = AppointmentRequestView),
    ConsentToAppointmentRefusals,
))]
#[post("/appointment-requests/{id}/consent")]
async fn consent_to_appointment(
    app: web::Data<App>,
    caller: Caller<can::AnswerAppointment>,
    Id(id): Id<AppointmentRequestId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let vault = app.vault.clone();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let answered = appointments::answer(conn, context, &vault, id, expected, true)?;
        reply::changed(answered.version, &AppointmentRequestView::from(answered))
    })
    .await
}

refuses!(DeclineAppointmentRefusals: AppointmentRequestNotFound, AppointmentRequestNotOpen);

/// Decline your own appointment
///
/// Nothing begins. The organization sees the answer at the request.
#[utoipa::path(tag = "appointments", operation_id = "decline_appointment", security(("bearer" = [])),
    params(("id" = AppointmentRequestId, Path, description = "The id of the appointment request"), Key, IfMatch),
    responses(
    (status = 200, description = "The appointment is declined", body = AppointmentRequestView),
    DeclineAppointmentRefusals,
))]
#[post("/appointment-requests/{id}/decline")]
async fn decline_appointment(
    app: web::Data<App>,
    caller: Caller<can::AnswerAppointment>,
    Id(id): Id<AppointmentRequestId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let vault = app.vault.clone();
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let answered = appointments::answer(conn, context, &vault, id, expected, false)?;
        reply::changed(answered.version, &AppointmentRequestView::from(answered))
    })
    .await
}
