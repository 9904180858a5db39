//! The HTTP floor: wire types, extractors, handlers, problems and the OpenAPI document. It knows no tables.

mod auth;
mod caller;
mod edge;
mod extract;
mod language;
mod meta;
mod openapi;
mod organizations;
mod paging;
mod problem;
mod reply;
mod search;
mod server;
mod wire;

pub use server::{bind, serve};

/// The OpenAPI document, as it is committed and served.
pub fn document_text() -> String {
    openapi::text(&openapi::document())
}
