//! Errors of the database. A refusal by a rule is not one of them: see `service::Error::Refused`.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// A fault of the database, or of the connection to it. Its text is for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A queue before the database is full, or the wait in it was too long. Nothing was done.
    #[error("the database is busy")]
    Overloaded,
    /// The database can't be reached. Nothing was done.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The commit failed or its answer was lost: the transaction may or may not be committed.
    #[error("the outcome of the commit is unknown: {0}")]
    OutcomeUnknown(String),
    /// The use case panicked. Nothing was done.
    #[error("a use case panicked")]
    Panicked,
    /// A configured address can't be used.
    #[error("{0}")]
    Url(String),
    /// A migration failed.
    #[error("migration failed: {0}")]
    Migration(String),
    /// A statement failed.
    #[error("a statement failed: {0}")]
    Query(#[from] Error),
}

/// An error of a use case, which may be a fault of the database.
pub trait Retryable {
    /// The fault of the database, if there is one.
    fn fault(&self) -> Option<&DbError>;

    /// True only for deadlock, serialization failure and busy: another try may succeed.
    fn is_retryable(&self) -> bool {
        matches!(self.fault(), Some(DbError::Query(error)) if DbError::is_retryable(error))
    }
}

impl Retryable for DbError {
    fn fault(&self) -> Option<&DbError> {
        Some(self)
    }
}

/// What kind of fault a failed statement is, on either engine.
///
/// diesel distinguishes few of them, so most are recognized by their English text. A connection checks when it is
/// opened that the server speaks English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Deadlock, serialization failure or busy: another try may succeed at once.
    Conflict,
    /// A statement, or the wait for a lock, exceeded its time limit.
    TooSlow,
    /// The connection is lost, or the server is ending it.
    Lost,
    /// The server takes no writes: it is a standby, or a primary that was demoted.
    ReadOnly,
    /// The server has no connection, memory or disk left.
    Exhausted,
    /// The server is starting, stopping or recovering.
    NotServing,
    /// The statement itself is wrong.
    Statement,
}

/// The texts by which a fault is recognized. The first one that a message contains decides. Sources: PostgreSQL's
/// `errmsg` for the SQLSTATEs 40P01, 55P03, 57014, 57P01 to 57P05, 53xxx, 25P03 and 08xxx; libpq; SQLite's
/// `sqlite3_errstr`.
const TEXTS: [(&str, FaultKind); 33] = [
    ("deadlock detected", FaultKind::Conflict),
    ("could not serialize access", FaultKind::Conflict),
    ("database is locked", FaultKind::Conflict),
    ("database table is locked", FaultKind::Conflict),
    ("locking protocol", FaultKind::Conflict),
    ("canceling statement due to lock timeout", FaultKind::TooSlow),
    ("canceling statement due to statement timeout", FaultKind::TooSlow),
    ("canceling statement due to user request", FaultKind::TooSlow),
    ("canceling statement due to conflict with recovery", FaultKind::Conflict),
    ("terminating connection", FaultKind::Lost),
    ("server closed the connection", FaultKind::Lost),
    ("connection has been closed", FaultKind::Lost),
    ("connection not open", FaultKind::Lost),
    ("connection to server was lost", FaultKind::Lost),
    ("no connection to the server", FaultKind::Lost),
    ("connection pointer is NULL", FaultKind::Lost),
    ("could not receive data from server", FaultKind::Lost),
    ("could not send data to server", FaultKind::Lost),
    ("SSL SYSCALL error", FaultKind::Lost),
    ("SSL error", FaultKind::Lost),
    ("read-only transaction", FaultKind::ReadOnly),
    ("during recovery", FaultKind::ReadOnly),
    ("attempt to write a readonly database", FaultKind::ReadOnly),
    ("too many clients", FaultKind::Exhausted),
    ("too many connections", FaultKind::Exhausted),
    ("remaining connection slots are reserved", FaultKind::Exhausted),
    ("out of memory", FaultKind::Exhausted),
    ("No space left on device", FaultKind::Exhausted),
    ("database or disk is full", FaultKind::Exhausted),
    ("disk I/O error", FaultKind::Exhausted),
    ("unable to open database file", FaultKind::Exhausted),
    ("out of shared memory", FaultKind::Exhausted),
    ("the database system is", FaultKind::NotServing),
];

impl FaultKind {
    /// The kind of an error.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::BrokenTransactionManager => Self::Lost,
            Error::RollbackErrorOnCommit { commit_error, .. } => Self::of(commit_error),
            Error::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::SerializationFailure => Self::Conflict,
                DatabaseErrorKind::ReadOnlyTransaction => Self::ReadOnly,
                DatabaseErrorKind::ClosedConnection => Self::Lost,
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::Unknown => Self::of_text(info.message()),
                _ => Self::Statement,
            },
            _ => Self::Statement,
        }
    }

    fn of_text(message: &str) -> Self {
        let known = TEXTS.iter().find(|(text, _)| message.contains(text));
        known.map_or(Self::Statement, |(_, kind)| *kind)
    }
}

impl DbError {
    /// The answer did not come in time.
    pub(super) fn no_answer() -> Self {
        Self::Unavailable("the database did not answer in time".into())
    }

    /// The database was closed, because the process ends.
    pub(super) fn closed() -> Self {
        Self::Unavailable("the database is closed".into())
    }

    /// Whether it is a deadlock, a serialization failure or busy. (diesel has a kind for the second only.)
    pub fn is_retryable(error: &Error) -> bool {
        FaultKind::of(error) == FaultKind::Conflict
    }

    /// A copy of this fault for each use case of a batch. `None` if one of the use cases may have caused it, so that
    /// each must be tried alone.
    pub(super) fn for_whole_batch(&self) -> Option<Self> {
        match self {
            Self::Overloaded => Some(Self::Overloaded),
            Self::Unavailable(why) => Some(Self::Unavailable(why.clone())),
            Self::OutcomeUnknown(why) => Some(Self::OutcomeUnknown(why.clone())),
            Self::Query(error) => match FaultKind::of(error) {
                FaultKind::Lost | FaultKind::ReadOnly | FaultKind::Exhausted | FaultKind::NotServing => {
                    Some(Self::Unavailable(error.to_string()))
                }
                FaultKind::Conflict | FaultKind::TooSlow | FaultKind::Statement => None,
            },
            Self::Panicked | Self::Url(_) | Self::Migration(_) => None,
        }
    }

    /// Whether the present state of the database is the cause, and not the request. Nothing was done, and the same
    /// request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Overloaded | Self::Unavailable(_) => true,
            Self::Query(error) => FaultKind::of(error) != FaultKind::Statement,
            Self::OutcomeUnknown(_) | Self::Panicked | Self::Url(_) | Self::Migration(_) => false,
        }
    }
}

/// The unique constraints that a client can violate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// T2: a member has at most one open transfer.
    OpenTransfer,
    /// T2 for a person from another province: at most one open case (X2).
    InboundPerson,
    /// A development number belongs to one member.
    DevelopmentNumber,
    /// An ID number belongs to one member.
    MemberIdNumber,
    /// G7: a branch has at most one open month change.
    OpenMonthChange,
    /// O7: at most one certification of a member waits.
    WaitingForm,
    /// At most one open appointment request for a person at an organization.
    OpenAppointmentRequest,
    /// At most one open appointment request for a person without an account at an organization.
    OpenNewcomerRequest,
    /// An organization's name is unique among its siblings.
    SiblingName,
    /// A school code belongs to one organization.
    SchoolCode,
    /// A request with the same idempotency key is storing its answer.
    IdempotencyKey,
    /// Another request has stored this version of the policy.
    PolicyVersion,
}

impl Unique {
    /// Each constraint as it appears in PostgreSQL's errors (its name) and in SQLite's (its columns).
    const NAMES: [(Self, &'static str, &'static str); 12] = [
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
            Self::OpenNewcomerRequest,
            "appointment_requests_one_newcomer",
            "appointment_requests.organization_id, appointment_requests.id_number_digest",
        ),
        (
            Self::SiblingName,
            "organizations_sibling_name",
            "organizations.parent_id, organizations.name_key",
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

    /// The constraint that a statement violated, if it is one of these.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_gives_its_kind_and_hides_no_other() {
        for (text, kind) in TEXTS {
            assert_eq!(FaultKind::of_text(&format!("ERROR: {text} at 7")), kind, "{text}");
        }
        assert_eq!(
            FaultKind::of_text("syntax error at or near \"x\""),
            FaultKind::Statement
        );
    }

    #[test]
    fn an_unknown_outcome_is_no_transient_fault() {
        assert!(!DbError::OutcomeUnknown("x".into()).is_transient());
        assert!(DbError::Overloaded.is_transient() && DbError::Query(Error::BrokenTransactionManager).is_transient());
        assert!(!DbError::Query(Error::NotFound).is_transient());
    }
}
