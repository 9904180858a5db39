//! Use cases, a file an aggregate: load, authorize on the loaded object, let the domain decide, store, write the audit
//! row; all in the one transaction that the door opened.

pub mod accounts;
pub mod appointments;
pub mod audit;
pub mod batch;
pub mod certifications;
mod context;
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
mod pending;
pub mod people;
pub mod policies;
pub mod reseal;
pub mod retention;
pub mod search;
pub mod transfers;
pub mod verify;

pub use context::{Context, Expected};
pub(crate) use context::{may, sees};
pub use error::{Error, Result};
