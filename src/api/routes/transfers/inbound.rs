//! Inbound cases (X2): transfers that the system of Beijing, Guangdong or Fujian proposes.

use super::wire::{PreviewView, TransferView};
use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Json, Key};
use crate::api::request::language;
use crate::api::response::problem::Problem;
use crate::api::response::reply::{self, write_once};
use crate::api::routes::look_up;
use crate::api::wire::{line, person_name, remark};
use crate::app::App;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::{Month, Timestamp, shanghai_date};
use crate::domain::transfer::reason::{Details, Reason};
use crate::service::Context;
use crate::service::registration::StatedParticulars;
use crate::service::transfers::{self, InboundPerson, ProposedInbound};
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use utoipa::ToSchema;

/// The longest name, in characters.
const NAME_MAX: usize = 100;
/// The longest other text, in characters.
const WORD_MAX: usize = 32;

/// A member of an external province's League.
#[derive(Deserialize, ToSchema)]
#[schema(as = InboundPerson)]
#[serde(deny_unknown_fields)]
struct PersonBody {
    /// The full name.
    #[schema(max_length = 100)]
    name: String,
    /// The ID number (公民身份号码, GB 11643).
    id_number: String,
    /// The telephone number.
    #[schema(max_length = 32)]
    phone: Option<String>,
    /// The month in which the person joined the League.
    joined_month: Month,
    /// The development number (发展团员编号).
    #[schema(max_length = 32)]
    development_number: Option<String>,
    /// The political status (政治面貌).
    #[schema(max_length = 32)]
    political_status: Option<String>,
    /// The education (学历).
    #[schema(max_length = 32)]
    education: Option<String>,
    /// The ethnic group (民族).
    #[schema(max_length = 32)]
    ethnic_group: Option<String>,
}

/// A transfer as an external province's system proposes it.
#[derive(Deserialize, ToSchema)]
#[schema(as = ProposeInboundTransferRequest)]
#[serde(deny_unknown_fields)]
struct InboundBody {
    /// The person who moves.
    person: PersonBody,
    /// Why the person moves.
    reason: Reason,
    /// The fields that the reason requires. See `GET /v1/transfer-reasons`.
    #[serde(default)]
    details: Details,
    /// The organization of the national tree that should receive the person.
    target: Option<OrganizationId>,
    /// Why somebody under 16 leaves the school sector (T9); at most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    explanation: Option<String>,
}

impl PersonBody {
    fn into_newcomer(self, now: Timestamp) -> Result<InboundPerson, Problem> {
        let today = shanghai_date(now);
        let id_number = IdNumber::parse(&self.id_number, today)
            .map_err(|e| Problem::new(Refusal::from(e).at("/person/id_number")))?;
        let word = |text: Option<String>, field: &str| {
            text.map(|text| line(&text, WORD_MAX, &format!("/person/{field}")))
                .transpose()
        };
        Ok(InboundPerson {
            name: person_name(&self.name, NAME_MAX, "/person/name")?,
            id_number,
            particulars: StatedParticulars {
                joined_month: self.joined_month,
                development_number: word(self.development_number, "development_number")?,
                phone: word(self.phone, "phone")?,
                ethnic_group: word(self.ethnic_group, "ethnic_group")?,
                political_status: word(self.political_status, "political_status")?,
                education: word(self.education, "education")?,
            },
        })
    }
}

impl InboundBody {
    /// Makes the proposal. Its answer reveals whether the person is a member here, so it is charged as a look-up (T4),
    /// even if the proposal is refused.
    async fn into_proposed(self, app: &App, context: &Context) -> Result<ProposedInbound, Problem> {
        let person = self.person.into_newcomer(context.now)?;
        let explanation = remark(self.explanation.as_deref(), "/explanation")?;
        look_up::charge(app, context.clone(), person.wanted(&app.vault)).await?;
        Ok(ProposedInbound {
            person,
            reason: self.reason,
            details: self.details,
            target: self.target,
            explanation,
        })
    }
}

refuses!(PreviewInboundTransferRefusals:
    MemberIdNumberMalformed,
    RateLimited,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
);

/// Preview a transfer from another province
///
/// Returns what proposing would answer and stores nothing: all rules that stand in the way, or the whole route.
#[utoipa::path(tag = "transfers", operation_id = "preview_inbound_transfer", security(("bearer" = [])),
    request_body = InboundBody, responses(
    (status = 200, description = "What proposing would answer", body = PreviewView),
    PreviewInboundTransferRefusals,
))]
#[post("/inbound-transfers/preview")]
pub async fn preview_inbound_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ProposeInbound>,
    body: Json<InboundBody>,
) -> Result<HttpResponse, Problem> {
    let proposed = body.into_inner().into_proposed(&app, &caller.context).await?;
    let vault = app.vault.clone();
    // A write transaction, so that it sees and locks exactly what the proposal would.
    let preview = app
        .db
        .write(move |conn| transfers::preview_inbound(conn, &caller.context, &vault, &proposed))
        .await?;
    Ok(HttpResponse::Ok().json(PreviewView::new(preview, language::of(&request))))
}

refuses!(ProposeInboundTransferRefusals:
    OrganizationNotFound,
    MemberNoMatch,
    TransferInboundMemberExists,
    TransferAlreadyOpen,
    TransferMemberNotActive,
    MemberDevelopmentNumberTaken,
    TransferFieldRequired,
    TransferTargetGraduateBranch,
    MemberIdNumberMalformed,
    RateLimited,
    TransferFieldInvalid,
    TransferFieldNotAllowed,
    TransferAddressNotDetailed,
    DivisionUnknown,
    TransferTargetRequired,
    TransferTargetNotAllowedForReason,
    TransferTargetOtherSystem,
    TransferTargetClosed,
    TransferTargetLeadingOrgan,
    TransferExplanationRequired,
    MemberIdNumberCheckDigit,
    MemberIdNumberBirthDate,
    MemberJoinedTooYoung,
    MemberJoinedInFuture,
    MemberDevelopmentNumber,
    MemberDevelopmentNumberRequired,
    MemberDevelopmentNumberYear,
    MemberPhone,
    MemberEthnicGroup,
    MemberPoliticalStatus,
);

/// Propose a transfer from another province
///
/// The integrator of Beijing, Guangdong or Fujian sends the person's data (X2). The target decides it like any other
/// case. On completion the person becomes a member there.
#[utoipa::path(tag = "transfers", operation_id = "propose_inbound_transfer", security(("bearer" = [])),
    params(Key),
    request_body = InboundBody, responses(
    (status = 201, description = "The transfer is proposed", body = TransferView),
    ProposeInboundTransferRefusals,
))]
#[post("/inbound-transfers")]
pub async fn propose_inbound_transfer(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::ProposeInbound>,
    key: Key,
    body: Json<InboundBody>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let proposed = body.into_inner().into_proposed(&app, &caller.context).await?;
    let (vault, language) = (app.vault.clone(), language::of(&request));
    write_once(&app, caller.context, claim, move |conn, context| {
        let view = transfers::propose_inbound(conn, context, &vault, &proposed)?;
        let (id, version) = (view.transfer.id, view.transfer.version);
        reply::created(
            format!("/v1/transfers/{id}"),
            version,
            &TransferView::new(view, language),
        )
    })
    .await
}
