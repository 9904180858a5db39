//! Conditional reads (RFC 9110, 13): the strong tag of what is read, and 304 for a client that has it.
//!
//! An answer depends on more than the version of its row: on the names of organizations, on what its reader may do, and on
//! the language. So the tag of a read is the version and a digest of the body. `If-Match` compares the version alone
//! ([`crate::api::request::extract::IfMatch`]).

use crate::api::request::extract::list_of;
use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt::Write;

/// The bytes of the digest in a tag.
const DIGEST: usize = 8;

/// Gives an answer its whole tag, or makes it 304 if the client has it already.
pub fn answer(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let is_read = response.request().method() == Method::GET && response.status() == StatusCode::OK;
    let version = response.headers().get(header::ETAG).cloned().filter(|_| is_read);
    let Some(version) = version else {
        return response;
    };
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        // A body that is streamed has no digest.
        Err(body) => return ServiceResponse::new(request, response.set_body(body)),
    };
    let Some(tag) = tag(&version, &bytes) else {
        return ServiceResponse::new(request, response.set_body(BoxBody::new(bytes)));
    };
    let is_known = knows(request.headers(), &tag);
    response.headers_mut().insert(header::ETAG, tag);
    let response: HttpResponse<BoxBody> = if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.set_body(BoxBody::new(()))
    } else {
        response.set_body(BoxBody::new(bytes))
    };
    ServiceResponse::new(request, response)
}

/// `"7-0123456789abcdef"` for `"7"`.
fn tag(version: &HeaderValue, body: &[u8]) -> Option<HeaderValue> {
    let version = version.to_str().ok()?.trim_matches('"');
    let mut tag = format!("\"{version}-");
    for byte in digest(&SHA256, body).as_ref().iter().take(DIGEST) {
        write!(tag, "{byte:02x}").ok()?;
    }
    tag.push('"');
    HeaderValue::from_str(&tag).ok()
}

/// Whether `If-None-Match` names the tag or any tag. The comparison is weak (13.1.2).
fn knows(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let named = list_of(headers, &header::IF_NONE_MATCH);
    let mut tags = named.split(',').map(str::trim);
    tags.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named).as_bytes() == tag.as_bytes())
}
