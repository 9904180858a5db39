//! The HTTP floor: wire types, extractors, handlers, problems and the OpenAPI document. It knows no tables.

pub mod address;
mod appointments;
mod audit;
mod auth;
mod batch;
mod blocks;
mod caller;
mod certifications;
mod disclosures;
mod edge;
mod extract;
mod graduation;
mod inbox;
mod integrators;
mod jobs;
mod jscode2session;
mod language;
mod look_up;
mod members;
mod meta;
mod openapi;
mod organizations;
mod paging;
mod permissions;
mod policies;
mod problem;
mod reply;
mod resets;
mod rules;
mod search;
mod server;
pub mod transfers;
mod wechat;
mod well_known;
mod wire;

pub use edge::settings::{Patience, Settings};
pub use server::{bind, serve, serve_behind, serve_with, threads};

/// The OpenAPI document, as it is committed and served.
pub fn document_text() -> String {
    openapi::text(&openapi::document())
}
