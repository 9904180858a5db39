//! Why a use case has no effect.

use crate::db::{DbError, Retryable, Unique};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::security::passwords::PasswordsBusy;
use crate::security::vault::UnsealError;

/// A refusal by a rule, or a fault.
#[derive(Debug)]
pub enum Error {
    /// Every refusal that blocks it. The first one's code is the code of the answer. Never empty.
    Refused(Vec<Refusal>),
    /// The database failed or was too busy.
    Database(DbError),
    /// Stored data is invalid. The text is for the log.
    Corrupt(&'static str),
}

/// The result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The unique constraint that was violated, if that is the fault.
    pub fn violated(&self) -> Option<Unique> {
        match self {
            Self::Database(DbError::Query(error)) => Unique::violated(error),
            _ => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Refusal::new(code).into()
    }
}

impl From<Vec<Refusal>> for Error {
    fn from(refusals: Vec<Refusal>) -> Self {
        if refusals.is_empty() {
            Self::Corrupt("a refusal without a reason")
        } else {
            Self::Refused(refusals)
        }
    }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        Self::Database(error)
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(DbError::Query(error))
    }
}

impl From<PasswordsBusy> for Error {
    fn from(_: PasswordsBusy) -> Self {
        Code::ServiceBusy.into()
    }
}

impl From<UnsealError> for Error {
    fn from(_: UnsealError) -> Self {
        Self::Corrupt("a sealed field does not open")
    }
}

impl Retryable for Error {
    fn fault(&self) -> Option<&DbError> {
        match self {
            Self::Database(error) => Some(error),
            Self::Refused(_) | Self::Corrupt(_) => None,
        }
    }
}
