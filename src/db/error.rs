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

/// What kind of fault an error of the database is, whichever engine reported it.
///
/// diesel tells few of them apart, so most are known by their English text: a connection makes sure at its start that
/// the server speaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Deadlock, serialization failure, busy: the same transaction may well succeed at once.
    Conflict,
    /// A statement or a lock took longer than it may.
    TooSlow,
    /// The connection is gone, or the server is ending it.
    Lost,
    /// The server takes no writes (any more): a standby, or a primary that was demoted.
    ReadOnly,
    /// The server has no connection, memory or disk left.
    Exhausted,
    /// The server starts, stops or recovers.
    NotServing,
    /// The statement itself is at fault.
    Statement,
}

/// The texts by which a fault is known; the first that an error contains decides. (PostgreSQL's `errmsg` texts of the
/// SQLSTATEs 40P01, 55P03, 57014, 57P01 to 57P05, 53xxx, 25P03 and 08xxx, libpq's own, and SQLite's `sqlite3_errstr`.)
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
    /// Which kind an error is.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::BrokenTransactionManager => Self::Lost,
            Error::RollbackErrorOnCommit { commit_error, .. } => Self::of(commit_error),
            Error::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::SerializationFailure => Self::Conflict,
                DatabaseErrorKind::ReadOnlyTransaction => Self::ReadOnly,
                DatabaseErrorKind::ClosedConnection => Self::Lost,
                DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::Unknown => Self::told_by(info.message()),
                _ => Self::Statement,
            },
            _ => Self::Statement,
        }
    }

    fn told_by(message: &str) -> Self {
        let told = TEXTS.iter().find(|(text, _)| message.contains(text));
        told.map_or(Self::Statement, |(_, kind)| *kind)
    }
}

impl DbError {
    /// Deadlock, serialization failure and busy; diesel knows only the second by kind.
    pub fn is_retryable(error: &Error) -> bool {
        FaultKind::of(error) == FaultKind::Conflict
    }

    /// The same for each of several that shared a transaction, where it says nothing of any one of them.
    pub fn again(&self) -> Option<Self> {
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

    /// Whether the fault lies in the database's present state, not in what was asked: nothing was done, and the same
    /// request may succeed a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Overloaded | Self::Unavailable(_) => true,
            Self::Query(error) => FaultKind::of(error) != FaultKind::Statement,
            Self::OutcomeUnknown(_) | Self::Panicked | Self::Url(_) | Self::Migration(_) => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_told_by_itself_and_no_text_hides_another() {
        for (text, kind) in TEXTS {
            assert_eq!(FaultKind::told_by(&format!("ERROR: {text} at 7")), kind, "{text}");
        }
        assert_eq!(
            FaultKind::told_by("syntax error at or near \"x\""),
            FaultKind::Statement
        );
    }

    #[test]
    fn a_lost_commit_is_no_passing_fault() {
        assert!(!DbError::OutcomeUnknown("x".into()).is_passing());
        assert!(DbError::Overloaded.is_passing() && DbError::Query(Error::BrokenTransactionManager).is_passing());
        assert!(!DbError::Query(Error::NotFound).is_passing());
    }
}
