//! Who acts in a use case, what they may do, and which version they decided on.

use super::error::Result;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::core::time::Timestamp;

/// Who asks for a use case, when, and in which request.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who asks.
    pub actor: Actor,
    /// The instant everything in this use case happens at.
    pub now: Timestamp,
    /// The request it belongs to; a job's run for the jobs.
    pub request_id: String,
}

/// Whether somebody may do this to an object that was loaded.
///
/// # Errors
/// The object's own "there is no such thing" where he may not know of it; the action's refusal where he may.
pub fn may(actor: &Actor, action: Action, object: Object<'_>) -> Result<()> {
    Ok(authority::decide(actor, action, object).settle()?)
}

/// Whether somebody may at least know of an object that was loaded; what he may do to it, the action's own rule is asked
/// next.
///
/// # Errors
/// The object's own "there is no such thing".
pub fn sees(actor: &Actor, action: Action, object: Object<'_>) -> Result<()> {
    Ok(authority::decide(actor, action, object).seen()?)
}

/// Which version of a thing a caller decided on (RFC 9110, If-Match).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there (`*`).
    Any,
    /// Exactly this one.
    Version(i64),
}

impl Expected {
    /// Whether the version found is the one decided on.
    ///
    /// # Errors
    /// `request.stale` when it is not.
    pub fn admit(self, found: impl Into<i64>) -> Result<()> {
        match self {
            Self::Version(version) if version != found.into() => Err(Code::RequestStale.into()),
            _ => Ok(()),
        }
    }
}
