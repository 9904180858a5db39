//! Extractors: who calls, from where, in which language, and what the request holds.

pub mod bearer;
pub mod caller;
pub mod client;
pub mod extract;
pub mod language;
pub mod request_id;
mod serde_message;
pub mod trace;
