//! How values of the domain are stored in columns: instants as microseconds, months as numbers, ids as keys, enums as
//! words.
//!
//! This is not done at the types, because the domain does not know the database. If a stored value is not a value of
//! its type, the query fails.

use crate::domain::account::AccountStatus;
use crate::domain::account::session::SessionEnding;
use crate::domain::audit::AuditOutcome;
use crate::domain::authority::Capacity;
use crate::domain::authority::actor::AccountKind;
use crate::domain::authority::scope::Reach;
use crate::domain::core::ids::*;
use crate::domain::core::time::{Month, Timestamp};
use crate::domain::disclosure::DisclosureKind;
use crate::domain::graduation::{GraduationEvent, MonthChangeState};
use crate::domain::member::certification::FormState;
use crate::domain::member::mark::Identity;
use crate::domain::member::registration::MemberField;
use crate::domain::member::{Certification, RealName, Standing};
use crate::domain::office::{OfficeRole, RequestKind, RequestState};
use crate::domain::organization::facts::{
    Level, OrganizationKind, OrganizationPurpose, Path, Sector, Stage, Status, System, Undetermined,
};
use crate::domain::search::TermKind;
use crate::domain::transfer::reason::{Reason, Side};
use crate::domain::transfer::route::DestinationKind;
use crate::domain::transfer::state::{ApprovalSide, Phase};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

/// Lets a type be stored in a column, on the connection of either engine and on `Conn`. `$to` borrows the column's
/// value, `$from` reads it back.
macro_rules! column {
    ($type:ty, $sql:ident, $borrowed:ty, $owned:ty, $to:expr, $from:expr) => {
        impl<DB: Backend> ToSql<$sql, DB> for $type
        where
            $borrowed: ToSql<$sql, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                let write: fn(&'b Self) -> &'b $borrowed = $to;
                write(self).to_sql(out)
            }
        }
        impl<DB: Backend> FromSql<$sql, DB> for $type
        where
            $owned: FromSql<$sql, DB>,
        {
            fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
                let read: fn($owned) -> Option<Self> = $from;
                read(<$owned as FromSql<$sql, DB>>::from_sql(raw)?)
                    .ok_or_else(|| concat!("not a stored ", stringify!($type)).into())
            }
        }
        impl<DB: Backend> Queryable<$sql, DB> for $type
        where
            Self: FromSql<$sql, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
        impl<DB: Backend> ToSql<Nullable<$sql>, DB> for $type
        where
            Self: ToSql<$sql, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                ToSql::<$sql, DB>::to_sql(self, out)
            }
        }
        column!(@expression $type, $sql, Nullable<$sql>);
    };
    (@expression $type:ty, $($as:ty),+) => {$(
        impl AsExpression<$as> for $type {
            type Expression = Bound<$as, Self>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
        impl<'a> AsExpression<$as> for &'a $type {
            type Expression = Bound<$as, &'a $type>;
            fn as_expression(self) -> Self::Expression { Bound::new(self) }
        }
    )+};
}

macro_rules! text_columns { ($($type:ty),+ $(,)?) => {$(
    column!($type, Text, str, String, |value| value.as_str(), |text| text.parse().ok());
)+}; }

macro_rules! id_columns { ($($type:ident),+ $(,)?) => {$(
    column!($type, BigInt, i64, i64, |id| &id.0, |key| Some($type(key)));
)+}; }

text_columns!(
    AuditOutcome,
    Capacity,
    AccountKind,
    AccountStatus,
    DisclosureKind,
    Phase,
    ApprovalSide,
    DestinationKind,
    Reason,
    Side,
    Standing,
    RealName,
    Certification,
    Identity,
    Undetermined,
    MonthChangeState,
    MemberField,
    GraduationEvent,
    FormState,
    OfficeRole,
    RequestKind,
    RequestState,
    SessionEnding,
    OrganizationKind,
    Level,
    System,
    Sector,
    Stage,
    OrganizationPurpose,
    Status,
    TermKind,
    Reach,
    Path
);
id_columns!(
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
column!(Micros, BigInt, i64, i64, |at| &at.0, |micros| Some(Micros(micros)));
column!(Month, Integer, i32, i32, |month| month.as_number(), Month::from_number);

/// An instant in a column: microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy)]
pub struct Micros(i64);

impl Micros {
    /// An instant by the microseconds since 1970-01-01 UTC.
    pub fn from_number(micros: i64) -> Self {
        Self(micros)
    }

    /// The microseconds since 1970-01-01 UTC.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl From<Micros> for Timestamp {
    fn from(micros: Micros) -> Self {
        // chrono's range is 262,000 years to either side. We never write an instant beyond it.
        Timestamp::from_timestamp_micros(micros.0).unwrap_or_default()
    }
}

impl From<Timestamp> for Micros {
    fn from(at: Timestamp) -> Self {
        Self(at.timestamp_micros())
    }
}
