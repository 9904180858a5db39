//! The HTTP layer: admission, extractors, handlers, wire types, problem documents and the OpenAPI document. It does not
//! know the tables.
//!
//! A request passes [`server`] (connections, TLS), [`admission`] (limits before any work), [`request`] (extractors) and
//! one handler of [`routes`]. [`response`] makes the answer. [`wire`] has the types on the wire, and [`openapi`] the
//! document.

mod admission;
mod openapi;
mod request;
mod response;
mod routes;
mod server;
mod settings;
mod wire;

pub use server::{bind, serve, threads};
pub use settings::{ServerSettings, Timeouts};

/// The OpenAPI document, as it is committed and served.
pub fn document_text() -> String {
    openapi::text(&openapi::document())
}
