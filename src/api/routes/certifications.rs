//! League identity certification (团员身份认证, §2.8, O7): upload and download of the form, and the decision about it.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Id, IfMatch, Json, Key, Missing, admit_encoding};
use crate::api::response::problem::Problem;
use crate::api::response::reply;
use crate::api::wire::{Empty, Instant, ReasonBody};
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::decision::Verdict;
use crate::domain::core::ids::{AccountId, CertificationId, MemberId, OrganizationId};
use crate::domain::core::input_error::InputError;
use crate::domain::member::Certification;
use crate::domain::member::certification::{FormState, o7_is_form, o7_size};
use crate::domain::member::pdf::PdfScan;
use crate::files::{FileFault, FileRecord, Files, Incoming, Kept};
use crate::service::certifications::{self, CertificationStatus, ReceivedFile, StoredForm};
use actix_multipart::Multipart;
use actix_web::body::SizedStream;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde::Serialize;
use std::io;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(upload_form)
        .service(get_certification)
        .service(download_form)
        .service(approve_certification)
        .service(refuse_certification);
}

impl Missing for CertificationId {
    const CODE: Code = Code::CertificationNotFound;
}

const PDF: &str = "application/pdf";
const FORM_DATA: &str = "multipart/form-data";
/// A client that sends nothing for this long is taken as gone.
const SILENCE: Duration = Duration::from_secs(30);

/// An application form (《入团志愿书》) and its state.
#[derive(Serialize, ToSchema)]
#[schema(as = CertificationForm)]
struct FormView {
    /// The id of the form. Its file is at `/v1/certifications/{id}/form`.
    id: CertificationId,
    /// The member it belongs to.
    member_id: MemberId,
    /// The state of the form.
    state: FormState,
    /// The length of the file, in bytes.
    bytes: i64,
    /// The account that uploaded it.
    uploaded_by: AccountId,
    /// The organization for which it was uploaded.
    uploaded_for: OrganizationId,
    /// When it was uploaded.
    uploaded_at: Instant,
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
    /// The version, as in the ETag.
    version: i32,
}

impl From<StoredForm> for FormView {
    fn from(form: StoredForm) -> Self {
        Self {
            id: form.id,
            member_id: form.member_id,
            state: form.state,
            bytes: form.bytes,
            uploaded_by: form.uploader_account_id,
            uploaded_for: form.uploader_organization_id,
            uploaded_at: form.uploaded_at.into(),
            decided_by: form.decider_account_id,
            decided_for: form.decider_organization_id,
            decided_at: form.decided_at.map(Instant::from),
            decision_reason: form.decision_reason,
            version: form.version,
        }
    }
}

/// A member's certification.
#[derive(Serialize, ToSchema)]
#[schema(as = Certification)]
struct CertificationView {
    /// The state of the certification (T3).
    certification: Certification,
    /// The member's latest form, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    form_id: Option<CertificationId>,
    /// All forms of the member, newest first.
    history: Vec<FormView>,
}

impl From<CertificationStatus> for CertificationView {
    fn from(standing: CertificationStatus) -> Self {
        Self {
            certification: standing.certification,
            form_id: standing.forms.first().map(|form| form.id),
            history: standing.forms.into_iter().map(FormView::from).collect(),
        }
    }
}

refuses!(UploadFormRefusals:
    CertificationWaiting,
    CertificationAlreadyCertified,
    CertificationNotRequired,
    CertificationTooLarge,
    CertificationNotAPdf,
    CertificationPdfLocked,
    CertificationPdfEmpty,
    CertificationFormMissing,
);

/// Form data with one file (RFC 7578).
#[derive(ToSchema)]
#[schema(as = UploadFormRequest)]
#[expect(dead_code, reason = "it only describes the form data")]
struct FormData {
    /// The PDF. The field may have any name.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Upload a member's application form
///
/// An administrator of the member's branch uploads the form (O7). The body is the PDF itself, at most 20 MB, or form
/// data with that one file. The committee above decides. To replace a refused form, upload another.
#[utoipa::path(tag = "members", operation_id = "upload_form", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member"), Key),
    request_body(description = "The PDF, or form data with it",
        content((Vec<u8> = "application/pdf"), (FormData = "multipart/form-data"))), responses(
    (status = 201, description = "The form waits for the committee above", body = FormView),
    UploadFormRefusals,
))]
#[post("/members/{id}/certification")]
async fn upload_form(
    app: web::Data<App>,
    caller: Caller<can::UploadForm>,
    Id(member): Id<MemberId>,
    key: Key,
    request: HttpRequest,
    body: web::Payload,
) -> Result<HttpResponse, Problem> {
    let packing = admit_headers(&request)?;
    let actor = caller.context.actor.clone();
    app.db
        .read(move |conn| certifications::check_uploader(conn, &actor, member))
        .await?;
    let kept = receive(&app.files, member, packing, &request, body).await?;
    let received = ReceivedFile {
        file: kept.name.clone(),
        bytes: kept.bytes,
        sha256: kept.sha256.clone(),
    };
    let claim = key.claim_for(&request, &kept.sha256);
    let answer = reply::write_once(&app, caller.context, claim, move |conn, context| {
        let form = certifications::upload(conn, context, member, &received)?;
        let location = format!("/v1/members/{member}/certification");
        reply::created(location, form.version, &FormView::from(form))
    })
    .await;
    if !refers_to_the_file(&answer) {
        app.files.remove(&kept.name).await;
    }
    answer
}

/// Whether a row may refer to the new file. A refusal or the answer of an earlier upload stored no row for it. A commit
/// with unknown outcome may have stored one.
fn refers_to_the_file(answer: &Result<HttpResponse, Problem>) -> bool {
    match answer {
        Ok(response) => !response.headers().contains_key("idempotent-replayed"),
        Err(problem) => problem.to_string() == Code::ServiceOutcomeUnknown.name(),
    }
}

/// How a form is sent.
enum Packing {
    /// The body is the file.
    Plain,
    /// The file is the one file of the form data (RFC 7578), as a browser's form and the mini-program send it.
    FormData,
}

/// What form data may hold beside the file, in bytes.
const BESIDE_THE_FILE: u64 = 64 * 1024;

/// Checks the headers, so that a file that is too long is refused before its first byte.
fn admit_headers(request: &HttpRequest) -> Result<Packing, Problem> {
    admit_encoding(request)?;
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let kind = text(header::CONTENT_TYPE)
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    let announced: u64 = text(header::CONTENT_LENGTH)
        .and_then(|length| length.parse().ok())
        .unwrap_or_default();
    if kind.trim().eq_ignore_ascii_case(PDF) {
        o7_size(announced).map_err(Problem::new)?;
        Ok(Packing::Plain)
    } else if kind.trim().eq_ignore_ascii_case(FORM_DATA) {
        o7_size(announced.saturating_sub(BESIDE_THE_FILE)).map_err(Problem::new)?;
        Ok(Packing::FormData)
    } else {
        let expected = format!("{PDF}, {FORM_DATA}");
        Err(Problem::new(
            Refusal::new(Code::RequestMediaType).with("expected", expected),
        ))
    }
}

/// Receives the body in pieces. If it ends early, nothing is kept.
async fn receive(
    files: &Files,
    member: MemberId,
    packing: Packing,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<Kept, Problem> {
    let (incoming, content) = match packing {
        Packing::Plain => receive_file(files, member, body).await?,
        Packing::FormData => receive_form_data(files, member, request, body).await?,
    };
    o7_is_form(&content).map_err(Problem::new)?;
    incoming.keep().await.map_err(fault)
}

/// Receives the one file among the parts of form data. The other parts are read and not used.
async fn receive_form_data(
    files: &Files,
    member: MemberId,
    request: &HttpRequest,
    body: web::Payload,
) -> Result<(Incoming, PdfScan), Problem> {
    // It polls the body again after its end.
    let mut parts = Multipart::new(request.headers(), body.fuse());
    let (mut file, mut beside) = (None, 0_u64);
    while let Some(mut part) = next(&mut parts).await? {
        let is_file = part
            .content_disposition()
            .is_some_and(|said| said.get_filename().is_some());
        if !is_file {
            while let Some(piece) = next(&mut part).await? {
                beside += piece.len() as u64;
                if beside > BESIDE_THE_FILE {
                    return Err(Code::CertificationFormMissing.into());
                }
            }
        } else if file.is_some() {
            return Err(Code::CertificationFormMissing.into());
        } else {
            file = Some(receive_file(files, member, part).await?);
        }
    }
    file.ok_or_else(|| Code::CertificationFormMissing.into())
}

/// Receives a file.
async fn receive_file<E>(
    files: &Files,
    member: MemberId,
    mut pieces: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<(Incoming, PdfScan), Problem> {
    let mut incoming = files.receive(member.0).await.map_err(fault)?;
    let mut content = PdfScan::default();
    while let Some(piece) = next(&mut pieces).await? {
        o7_size(incoming.bytes() + piece.len() as u64).map_err(Problem::new)?;
        content.update(&piece);
        incoming.write(&piece).await.map_err(fault)?;
    }
    Ok((incoming, content))
}

/// The next item of a body. `None` at its end.
async fn next<T, E>(items: &mut (impl Stream<Item = Result<T, E>> + Unpin)) -> Result<Option<T>, Problem> {
    match tokio::time::timeout(SILENCE, items.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(item))) => Ok(Some(item)),
        Ok(Some(Err(_))) | Err(_) => Err(Problem::new(Refusal::malformed(InputError::EndedEarly))),
    }
}

/// Logs an error of the disk. The client only learns that the fault is the service's.
fn fault(error: io::Error) -> Problem {
    log::error!("the folder of files can't be used: {error}");
    Code::ServiceFault.into()
}

/// Logs that the file of a form can't be read.
fn unreadable(id: CertificationId, fault: &FileFault) -> Problem {
    log::error!("form {id}: {fault}");
    match fault {
        FileFault::Missing => Code::CertificationFileMissing.into(),
        FileFault::Altered => Code::CertificationFileAltered.into(),
        FileFault::Disk(_) => Code::ServiceFault.into(),
    }
}

/// Get a member's certification
///
/// The member, and administrators of the branch and above, can read the state and every form.
#[utoipa::path(tag = "members", operation_id = "get_certification", security(("bearer" = [])),
    params(("id" = MemberId, Path, description = "The id of the member")), responses(
    (status = 200, description = "The state of the certification", body = CertificationView),
))]
#[get("/members/{id}/certification")]
async fn get_certification(
    app: web::Data<App>,
    caller: Caller<can::ReadMember>,
    Id(member): Id<MemberId>,
) -> Result<HttpResponse, Problem> {
    let context = caller.context;
    let standing = app
        .db
        .read(move |conn| certifications::get(conn, &context, member))
        .await?;
    Ok(HttpResponse::Ok().json(CertificationView::from(standing)))
}

refuses!(DownloadFormRefusals: CertificationFileMissing, CertificationFileAltered);

/// Download a form
///
/// The member, and administrators of the branch and above, can download it. Each download is recorded in the audit log.
#[utoipa::path(tag = "members", operation_id = "download_form", security(("bearer" = [])),
    params(("id" = CertificationId, Path, description = "The id of the form")), responses(
    (status = 200, description = "The PDF", body = Vec<u8>, content_type = "application/pdf"),
    DownloadFormRefusals,
))]
#[get("/certifications/{id}/form")]
async fn download_form(
    app: web::Data<App>,
    caller: Caller<can::ReadForm>,
    Id(id): Id<CertificationId>,
) -> Result<HttpResponse, Problem> {
    let context = caller.context;
    let form = app
        .db
        .write(move |conn| certifications::read(conn, &context, id))
        .await?;
    let record = FileRecord::from(&form);
    let pieces = app.files.read(&record).await.map_err(|fault| unreadable(id, &fault))?;
    let pieces = pieces
        .inspect_err(move |fault| log::error!("form {id}: {fault}"))
        .map_ok(web::Bytes::from)
        .boxed_local();
    Ok(HttpResponse::Ok()
        .content_type(PDF)
        // Always an attachment: content from a stranger must not run under our origin.
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{id}.pdf\""),
        ))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .body(SizedStream::new(record.bytes, pieces)))
}

refuses!(ApproveCertificationRefusals: CertificationSelfApproval, CertificationNotWaiting);

/// Certify a member's League identity
///
/// An administrator of the committee above the member's branch approves the form (O7).
#[utoipa::path(tag = "members", operation_id = "approve_certification", security(("bearer" = [])),
    params(("id" = CertificationId, Path, description = "The id of the form"), Key, IfMatch), responses(
    (status = 200, description = "The form is approved, and the member's identity is certified", body = FormView),
    ApproveCertificationRefusals,
))]
#[post("/certifications/{id}/approve")]
async fn approve_certification(
    app: web::Data<App>,
    caller: Caller<can::DecideCertification>,
    Id(id): Id<CertificationId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<Empty>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let form = certifications::decide(conn, context, id, expected, &Verdict::Approve)?;
        reply::changed(form.version, &FormView::from(form))
    })
    .await
}

refuses!(RefuseCertificationRefusals: CertificationSelfApproval, CertificationNotWaiting, ApprovalReasonRequired);

/// Refuse a form
///
/// An administrator of the committee above the member's branch refuses the form, with a reason. It can then be replaced
/// (O7).
#[utoipa::path(tag = "members", operation_id = "refuse_certification", security(("bearer" = [])),
    params(("id" = CertificationId, Path, description = "The id of the form"), Key, IfMatch), responses(
    (status = 200, description = "The form is refused and can be replaced", body = FormView),
    RefuseCertificationRefusals,
))]
#[post("/certifications/{id}/refuse")]
async fn refuse_certification(
    app: web::Data<App>,
    caller: Caller<can::DecideCertification>,
    Id(id): Id<CertificationId>,
    IfMatch(expected): IfMatch,
    key: Key,
    request: HttpRequest,
    body: Json<ReasonBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let verdict = Verdict::Refuse(body.reason()?);
    reply::write_once(&app, caller.context, claim, move |conn, context| {
        let form = certifications::decide(conn, context, id, expected, &verdict)?;
        reply::changed(form.version, &FormView::from(form))
    })
    .await
}
