//! Wire types that several endpoints share, and what the domain's words look like in the document.

use crate::domain::graduation::{Graduation, Undetermined};
use crate::domain::ids::*;
use crate::domain::member::{Certification, RealName, Standing};
use crate::domain::organization::{Health, Kind, Level, Purpose, Sector, Stage, Status, System};
use crate::domain::reason::Reason;
use crate::domain::time::{Month, Timestamp};
use crate::repository::organizations::Organization;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

/// Describes the domain's closed vocabularies as string enums.
macro_rules! words { ($($type:ident),+ $(,)?) => {$(
    impl PartialSchema for $type {
        fn schema() -> RefOr<Schema> {
            let names = $type::ALL.iter().map(|value| value.as_str());
            ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(names)).into()
        }
    }
    impl ToSchema for $type {}
)+}; }

/// Describes ids as the opaque strings they are outside.
macro_rules! ids { ($($type:ident),+ $(,)?) => {$(
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

words!(
    Kind,
    Level,
    System,
    Sector,
    Stage,
    Purpose,
    Status,
    Undetermined,
    Standing,
    RealName,
    Certification,
    Health,
    Reason
);
ids!(
    OrganizationId,
    MemberId,
    AccountId,
    AppointmentId,
    TransferId,
    MonthChangeId,
    CertificationId,
    TaskId
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

/// A graduation mark: the month, or the reason why there is none.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GraduationView {
    /// The month in which its members graduate.
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

/// An organization in a few words.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrganizationBrief {
    /// Which one.
    pub id: OrganizationId,
    /// Its full name.
    pub name: String,
    /// Its category.
    pub kind: Kind,
}

impl From<&Organization> for OrganizationBrief {
    fn from(organization: &Organization) -> Self {
        Self {
            id: organization.id,
            name: organization.name.clone(),
            kind: organization.kind,
        }
    }
}

/// An instant on the wire (RFC 3339, UTC).
pub type Instant = Timestamp;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
