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
    /// One of these versions.
    OneOf([i64; Self::MOST]),
}

impl Expected {
    /// The most versions that a caller may name.
    const MOST: usize = 8;

    /// One of these versions: the first few, if there are too many. `None` without any.
    pub fn one_of(versions: &[i64]) -> Option<Self> {
        let (first, others) = versions.split_first()?;
        if others.is_empty() {
            return Some(Self::Version(*first));
        }
        let mut all = [*first; Self::MOST];
        all.iter_mut()
            .zip(versions)
            .for_each(|(place, version)| *place = *version);
        Some(Self::OneOf(all))
    }

    /// Checks that the stored version is the one decided on.
    ///
    /// # Errors
    /// `request.stale` if it is not.
    pub fn check_version(self, found: impl Into<i64>) -> Result<()> {
        let found = found.into();
        match self {
            Self::Any => Ok(()),
            Self::Version(version) if version == found => Ok(()),
            Self::OneOf(versions) if versions.contains(&found) => Ok(()),
            Self::Version(_) | Self::OneOf(_) => Err(Code::RequestStale.into()),
        }
    }
}
