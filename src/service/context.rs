//! Who acts in a use case, what they may do, and on which version they decided.

use super::error::Result;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::core::time::Timestamp;

/// Who calls a use case, when, and in which request.
#[derive(Debug, Clone)]
pub struct Context {
    /// The caller.
    pub actor: Actor,
    /// The instant of everything that happens in this use case.
    pub now: Timestamp,
    /// The id of the request, or of the run for a job.
    pub request_id: String,
}

/// Checks that an actor may do this to a loaded object.
///
/// # Errors
/// The object's own not-found code if they may not know of it. Otherwise the refusal of the action.
pub fn may(actor: &Actor, action: Action, object: Object<'_>) -> Result<()> {
    Ok(authority::decide(actor, action, object).into_result()?)
}

/// Checks that an actor may know of a loaded object. The rule of the action then decides what they may do to it.
///
/// # Errors
/// The object's own not-found code.
pub fn sees(actor: &Actor, action: Action, object: Object<'_>) -> Result<()> {
    Ok(authority::decide(actor, action, object).seen()?)
}

/// The version of a row that a caller decided on (RFC 9110, If-Match).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Any version (`*`).
    Any,
    /// This version only.
    Version(i64),
}

impl Expected {
    /// Checks that the stored version is the one decided on.
    ///
    /// # Errors
    /// `request.stale` if it is not.
    pub fn check_version(self, found: impl Into<i64>) -> Result<()> {
        match self {
            Self::Version(version) if version != found.into() => Err(Code::RequestStale.into()),
            _ => Ok(()),
        }
    }
}
