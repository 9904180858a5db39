//! Wire types that several endpoints share, and the schemas of the domain's vocabularies.
//!
//! The names of schemas suit the types of generated clients:
//!
//! - a resource has its noun (`Transfer`); its short form in lists ends in `Summary`, a list in `Page`;
//! - a request body has the name of its operation and `Request` (`ProposeTransferRequest`), or is `Empty`; the body of
//!   a PUT is the resource itself;
//! - an answer that is not a resource ends in `Result`;
//! - a vocabulary has a noun with its owner (`OrganizationKind`, `TransferState`).
//!
//! Rust types can end in `View` or `Body` to differ from the domain's types. `#[schema(as = …)]` gives the public name.

pub mod batch;

use super::response::problem::{Blocking, Problem};
use crate::db::columns::Micros;
use crate::domain::audit::{AuditAction, AuditOutcome, SubjectKind};
use crate::domain::authority::Capacity;
use crate::domain::authority::scope::{Reach, Scope};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::catalogue::rule::Rule;
use crate::domain::core::division::Division;
use crate::domain::core::ids::*;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Language;
use crate::domain::core::line::{is_plain, is_prose, is_shown};
use crate::domain::core::name::is_person_name;
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, Timestamp};
use crate::domain::disclosure::{DisclosedField, DisclosureKind};
use crate::domain::graduation::{GraduationEvent, MonthChangeState};
use crate::domain::member::certification::FormState;
use crate::domain::member::mark::{Identity, MarkAction};
use crate::domain::member::registration::{MemberField, RegistrationWarning};
use crate::domain::member::{Certification, RealName, Standing};
use crate::domain::office::{OfficeRole, RequestKind, RequestState};
use crate::domain::organization::actions::OrganizationAction;
use crate::domain::organization::facts::{
    Graduation, Health, Level, OrganizationKind, OrganizationPurpose, Sector, Stage, Status, System, Undetermined,
};
use crate::domain::organization::rules::SchoolCodeWarning;
use crate::domain::organization::turn::Duty;
use crate::domain::transfer::allowed::TransferAction;
use crate::domain::transfer::events::EventName;
use crate::domain::transfer::propose::Warning;
use crate::domain::transfer::reason::{Details, Reason, Side, TargetRule};
use crate::domain::transfer::route::DestinationKind;
use crate::domain::transfer::state::Phase;
use crate::service::batch::BatchMode;
use crate::service::jobs::JobName;
use crate::service::organizations::Organization;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// Describes the domain's vocabularies as string enums. Each has its public name, and its values have their labels.
macro_rules! enum_schemas { ($($type:ident as $name:literal,)+) => {$(
    impl PartialSchema for $type {
        fn schema() -> RefOr<Schema> {
            let labels = $type::ALL.iter().map(|value| {
                let text = value.text();
                format!("- `{value}`: {} ({})", text.en, text.zh)
            });
            string_enum($type::ALL.iter().map(|value| value.as_str()), labels.collect::<Vec<_>>().join("\n"))
        }
    }
    impl ToSchema for $type {
        fn name() -> Cow<'static, str> {
            Cow::Borrowed($name)
        }
    }
)+}; }

fn string_enum(values: impl Iterator<Item = &'static str>, description: String) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(values))
        .description(Some(description))
        .into()
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let description = "A refusal's machine-readable code; `GET /v1/errors` explains each.";
        string_enum(Code::ALL.iter().map(|code| code.name()), description.to_owned())
    }
}
impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("RefusalCode")
    }
}

impl PartialSchema for Rule {
    fn schema() -> RefOr<Schema> {
        let description = "A rule's number; `GET /v1/rules` explains each.";
        string_enum(Rule::ALL.iter().map(|rule| rule.number()), description.to_owned())
    }
}
impl ToSchema for Rule {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("RuleNumber")
    }
}

/// Describes ids as opaque strings, which they are outside the service.
macro_rules! id_schemas { ($($type:ident),+ $(,)?) => {$(
    impl PartialSchema for $type {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(SchemaType::Type(Type::String))
                .pattern(Some(concat!("^", "[a-z]{3}_[0-9a-hjkmnp-tv-z]{13}$")))
                .examples([serde_json::json!($type(1).to_string())])
                .into()
        }
    }
    impl ToSchema for $type {}
)+}; }

enum_schemas!(
    AuditAction as "AuditAction",
    AuditOutcome as "AuditOutcome",
    SubjectKind as "AuditSubjectKind",
    Capacity as "Capacity",
    DisclosureKind as "DisclosureKind",
    DisclosedField as "DisclosedField",
    TransferAction as "TransferAction",
    Warning as "TransferWarning",
    EventName as "TransferEventName",
    DestinationKind as "TransferDestinationKind",
    Phase as "TransferState",
    Duty as "TransferDuty",
    Reason as "TransferReason",
    Side as "TransferSide",
    TargetRule as "TransferTargetRule",
    Identity as "GraduateIdentity",
    MarkAction as "MarkAction",
    OrganizationKind as "OrganizationKind",
    Level as "OrganizationLevel",
    System as "OrganizationSystem",
    Sector as "OrganizationSector",
    Status as "OrganizationStatus",
    Health as "OrganizationHealth",
    OrganizationAction as "OrganizationAction",
    Stage as "SchoolStage",
    OrganizationPurpose as "BranchPurpose",
    SchoolCodeWarning as "SchoolCodeWarning",
    Undetermined as "GraduationUndetermined",
    GraduationEvent as "GraduationEvent",
    MonthChangeState as "MonthChangeState",
    Standing as "MemberStanding",
    MemberField as "MemberField",
    RegistrationWarning as "MemberWarningCode",
    RealName as "RealNameCheck",
    Certification as "CertificationStatus",
    FormState as "CertificationFormState",
    OfficeRole as "OfficeRole",
    RequestKind as "AppointmentRequestKind",
    RequestState as "AppointmentRequestState",
    BatchMode as "BatchMode",
    JobName as "JobName",
    Scope as "IntegratorScope",
    Reach as "IntegratorReach",
);
id_schemas!(
    OrganizationId,
    MemberId,
    AccountId,
    IntegratorSecretId,
    AppointmentId,
    AppointmentRequestId,
    TransferId,
    MonthChangeId,
    CertificationId,
    SessionId,
    InboxEntryId
);

impl PartialSchema for Month {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some("^[0-9]{4}-(0[1-9]|1[0-2])$"))
            .examples([serde_json::json!("2026-06")])
            .into()
    }
}
impl ToSchema for Month {}

/// A body without fields: send `{}`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// The reason of a refusal or a block.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReasonRequest)]
pub struct ReasonBody {
    /// The reason. Those concerned can read it. Not blank, at most 500 characters.
    // The rule that demands a reason refuses a missing one with its own code.
    #[serde(default)]
    #[schema(value_type = String, required, max_length = 500)]
    reason: Option<String>,
}

impl ReasonBody {
    /// The reason; `None` if it is missing or blank.
    ///
    /// # Errors
    /// `request.invalid` if it is longer than 500 characters.
    pub fn reason(&self) -> Result<Option<Remark>, Problem> {
        Ok(remark(self.reason.as_deref(), "/reason")?)
    }
}

/// A graduation mark: the month, or the reason why there is none.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Graduation)]
pub struct GraduationView {
    /// The month in which the members graduate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<Month>,
    /// Why no month can be fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undetermined: Option<Undetermined>,
}

impl From<Graduation> for GraduationView {
    fn from(graduation: Graduation) -> Self {
        match graduation {
            Graduation::Month(month) => Self {
                month: Some(month),
                undetermined: None,
            },
            Graduation::Undetermined(reason) => Self {
                month: None,
                undetermined: Some(reason),
            },
        }
    }
}

impl PartialSchema for Details {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .description(Some(
                "What the reason demands; `GET /v1/transfer-reasons` has a JSON Schema for each reason.",
            ))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .into()
    }
}
impl ToSchema for Details {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("TransferDetails")
    }
}

/// The longest remark, in characters.
const REMARK_MAX: usize = 500;

/// A remark that a person wrote. `None` if it is blank.
///
/// # Errors
/// `request.invalid` if it is longer than 500 characters, `request.text` if it has characters that nobody sees.
pub fn remark(text: Option<&str>, pointer: &str) -> Result<Option<Remark>, Refusal> {
    match text {
        Some(text) if text.chars().count() > REMARK_MAX => {
            let refusal = Refusal::invalid(InputError::AtMost(REMARK_MAX));
            Err(refusal.at(pointer))
        }
        Some(text) if !is_prose(text) => Err(Refusal::new(Code::RequestText).at(pointer)),
        text => Ok(text.and_then(Remark::new)),
    }
}

/// A line of text: trimmed, and plain ([`is_plain`]).
///
/// # Errors
/// `request.invalid`; `request.text` if it has characters that nobody sees.
pub fn line(text: &str, max: usize, pointer: &str) -> Result<String, Problem> {
    let text = text.trim();
    if is_plain(text, max) {
        return Ok(text.to_owned());
    }
    let is_legible = text.chars().all(|c| c.is_control() || is_shown(c));
    let refusal = match is_legible {
        true => Refusal::invalid(InputError::Line(max)),
        false => Code::RequestText.into(),
    };
    Err(Problem::new(refusal.at(pointer)))
}

/// The name of a person.
///
/// # Errors
/// Those of [`line`]; `request.text` for markup.
pub fn person_name(text: &str, max: usize, pointer: &str) -> Result<String, Problem> {
    let name = line(text, max, pointer)?;
    if is_person_name(&name, max) {
        return Ok(name);
    }
    Err(Problem::new(Refusal::new(Code::RequestText).at(pointer)))
}

/// The whole name of the division with a code.
pub fn division_name(code: Option<&str>) -> Option<String> {
    Some(Division::find(code?)?.full_name())
}

/// An organization by id and name.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrganizationRef {
    /// The id of the organization.
    pub id: OrganizationId,
    /// Its full name.
    pub name: String,
}

/// An organization with its id, name and category.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrganizationLabel {
    /// The id of the organization.
    pub id: OrganizationId,
    /// The full name.
    pub name: String,
    /// The category.
    pub kind: OrganizationKind,
}

impl From<&Organization> for OrganizationLabel {
    fn from(organization: &Organization) -> Self {
        Self {
            id: organization.id,
            name: organization.name.clone(),
            kind: organization.kind,
        }
    }
}

/// An instant on the wire (RFC 3339, UTC).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(transparent)]
pub struct Instant(Timestamp);

impl From<Timestamp> for Instant {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<Instant> for Timestamp {
    fn from(instant: Instant) -> Self {
        instant.0
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| InputError::Instant.into_serde())
    }
}

impl From<Micros> for Instant {
    fn from(at: Micros) -> Self {
        Self(at.into())
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([serde_json::json!("2026-06-20T01:00:00Z")])
            .into()
    }
}
impl ToSchema for Instant {}

/// An action on a resource, and whether the caller can take it now.
#[derive(Debug, Serialize, ToSchema)]
pub struct AllowedAction<A> {
    /// The action.
    pub action: A,
    /// Whether the caller can take it now.
    pub allowed: bool,
    /// Why not: the answer that the action would get.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Blocking>,
}

impl<A> AllowedAction<A> {
    /// An action with the refusal in its way, in the caller's language.
    pub fn new(action: A, refusal: Option<&Refusal>, language: Language) -> Self {
        Self {
            action,
            allowed: refusal.is_none(),
            because: refusal.map(|refusal| Blocking::new(refusal, language)),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items on this page.
    pub items: Vec<T>,
    /// The cursor of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Whether a Boolean field is false, so that it is left out of the answer.
pub fn is_false(value: &bool) -> bool {
    !value
}
