//! What can go wrong with the database itself, as apart from what a rule refuses.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// A fault of the database or on the way to it. Its text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The queue before the database is full or was too slow; nothing was done.
    #[error("the database is busy")]
    Overloaded,
    /// The database can't be reached; nothing was done.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The commit failed or its answer was lost: it may or may not have happened.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// The use case panicked; nothing was done.
    #[error("a use case panicked")]
    Panicked,
    /// The address is not a database we know.
    #[error("{0}")]
    Url(String),
    /// A migration failed.
    #[error("migration failed: {0}")]
    Migration(String),
    /// A statement failed.
    #[error("a statement failed: {0}")]
    Query(#[from] Error),
}

impl DbError {
    /// Deadlock, serialization failure and busy; diesel knows only the second by kind.
    pub fn is_retryable(error: &Error) -> bool {
        match error {
            Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
            Error::DatabaseError(DatabaseErrorKind::Unknown, info) => {
                let text = info.message();
                text.contains("deadlock detected") || text.contains("database is locked")
            }
            _ => false,
        }
    }
}

/// The unique constraints that a client can run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// T2: one open transfer a member.
    OpenTransfer,
    /// T2 for somebody from another province: one open case a person (X2).
    InboundPerson,
    /// A development number belongs to one member.
    DevelopmentNumber,
    /// An ID number belongs to one member.
    MemberIdNumber,
    /// G7: one open request a branch.
    OpenMonthChange,
    /// O7: one form of a member waits at a time.
    WaitingForm,
    /// One open request about a person at an organization.
    OpenAppointmentRequest,
    /// Names are unique among siblings.
    SiblingName,
    /// A school code belongs to one organization.
    SchoolCode,
    /// The same answer is being written by a twin of this request.
    IdempotencyKey,
    /// A policy's next version was stored by somebody else.
    PolicyVersion,
}

impl Unique {
    /// Each constraint as PostgreSQL names it and as SQLite words it (which names columns, not the index).
    const NAMES: [(Self, &'static str, &'static str); 11] = [
        (Self::OpenTransfer, "transfers_one_open", "transfers.member_id"),
        (
            Self::InboundPerson,
            "inbound_persons_one_open",
            "inbound_persons.id_number_digest",
        ),
        (
            Self::DevelopmentNumber,
            "members_development_number",
            "members.development_number",
        ),
        (Self::MemberIdNumber, "members_id_number", "members.id_number_digest"),
        (
            Self::OpenMonthChange,
            "month_changes_one_open",
            "month_changes.branch_id",
        ),
        (
            Self::WaitingForm,
            "certifications_one_waiting",
            "certifications.member_id",
        ),
        (
            Self::OpenAppointmentRequest,
            "appointment_requests_one_open",
            "appointment_requests.organization_id, appointment_requests.account_id",
        ),
        (
            Self::SiblingName,
            "organizations_sibling_name",
            "organizations.parent_id, organizations.name",
        ),
        (
            Self::SchoolCode,
            "organizations_school_code_key",
            "organizations.school_code",
        ),
        (
            Self::IdempotencyKey,
            "idempotency_keys_pkey",
            "idempotency_keys.actor, idempotency_keys.key",
        ),
        (
            Self::PolicyVersion,
            "policies_pkey",
            "policies.season, policies.version",
        ),
    ];

    /// Which constraint a statement ran into, if it is one of these.
    pub fn violated(error: &Error) -> Option<Self> {
        let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) = error else {
            return None;
        };
        Self::of(info.as_ref())
    }

    fn of(info: &dyn DatabaseErrorInformation) -> Option<Self> {
        let sqlite = info.message().strip_prefix("UNIQUE constraint failed: ");
        Self::NAMES
            .into_iter()
            .find(|(_, postgres, columns)| info.constraint_name() == Some(postgres) || sqlite == Some(columns))
            .map(|(unique, ..)| unique)
    }
}
