//! Use cases, a file an aggregate: load, authorize on the loaded object, let the domain decide, store, write the audit
//! row; all in the one transaction that the door opened.

pub mod accounts;
pub mod appointments;
pub mod audit;
pub mod batch;
pub mod certifications;
pub mod disclosures;
mod error;
pub mod graduation;
pub mod idempotency;
pub mod inbox;
pub mod integrators;
pub mod jobs;
pub mod look_up;
pub mod marks;
pub mod members;
pub mod organizations;
pub mod people;
pub mod policies;
pub mod reseal;
pub mod retention;
pub mod search;
pub mod transfers;
pub mod verify;

pub use error::{Error, Result};

use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object};
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
fn may(actor: &Actor, action: Action, object: Object<'_>) -> Result<()> {
    Ok(authority::decide(actor, action, object).settle()?)
}

/// Whether somebody may at least know of an object that was loaded; what he may do to it, the action's own rule is asked
/// next.
///
/// # Errors
/// The object's own "there is no such thing".
fn sees(actor: &Actor, action: Action, object: Object<'_>) -> Result<()> {
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
            Self::Version(version) if version != found.into() => {
                Err(crate::domain::catalogue::code::Code::RequestStale.into())
            }
            _ => Ok(()),
        }
    }
}
