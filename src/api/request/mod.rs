//! The extractors: the caller, the client's address, the language, and the contents of a request.

pub mod bearer;
pub mod caller;
pub mod client;
pub mod extract;
pub mod language;
pub mod request_id;
mod serde_message;
