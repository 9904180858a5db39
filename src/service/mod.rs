//! Use cases, one file for each aggregate. A use case loads, authorizes on the loaded object, lets the domain decide,
//! stores and writes the audit entry, all in one transaction.

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
pub(crate) mod reseal;
pub(crate) mod retention;
pub mod search;
pub mod status;
pub mod transfers;
pub mod verify;

pub use context::{Context, Expected};
pub(crate) use context::{may, sees};
pub use error::{Error, Result};
