//! Use cases, one file for each aggregate. A use case loads, authorizes on the loaded object, lets the domain decide,
//! stores and writes the audit entry, all in one transaction.
//!
//! The functions that check the permission of an actor on a loaded object:
//!
//! | function | loads | checks that the actor | else |
//! |---|---|---|---|
//! | `may` | – | may do the action to the object | 404 if they may not see it, or the action's refusal |
//! | `sees` | – | may see the object; a rule of the domain decides the rest | 404 |
//! | `organizations::visible` | an organization | may see it | 404 |
//! | `organizations::permitted` | an organization | as `may` | as `may` |
//! | `organizations::lock_visible` | an organization, locked | as `sees` | 404 |
//! | `members::visible` | a member | as `sees` | 404 |
//! | `members::with_access` | – | nothing: returns the decision | 404 if there is no member |

pub mod accounts;
pub(crate) mod appointments;
pub mod audit;
pub(crate) mod batch;
pub(crate) mod certifications;
mod context;
pub(crate) mod disclosures;
mod error;
pub(crate) mod graduation;
pub(crate) mod idempotency;
pub(crate) mod inbox;
pub(crate) mod integrators;
pub mod jobs;
pub mod look_up;
pub(crate) mod marks;
pub(crate) mod members;
pub(crate) mod organizations;
mod pending;
pub(crate) mod people;
pub mod policies;
pub(crate) mod registration;
pub(crate) mod reseal;
pub(crate) mod retention;
pub mod search;
pub mod status;
pub mod transfers;
pub mod verify;

pub use context::{Context, Expected};
pub(crate) use context::{may, sees};
pub use error::{Error, Result};
