//! Which web pages of other origins may call (Fetch standard, CORS): those on the list, none by default. Tokens are sent in a
//! header, never in a cookie.

use crate::api::request::trace::TRACEPARENT;
use actix_cors::Cors;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::io;

/// The header fields a page may read.
const EXPOSED: [&str; 10] = [
    "etag",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
    "traceparent",
    "idempotent-replayed",
    "content-disposition",
];
/// How long a browser may keep the answer to a preflight, in seconds.
const REMEMBER: usize = 600;

/// Checks a list of origins. `*` is refused: every origin is named.
///
/// # Errors
/// When an entry is not a scheme and a host, with or without a port.
pub fn origins(texts: &[String]) -> io::Result<Vec<String>> {
    let is_origin = |text: &str| {
        let uri: Option<Uri> = text.parse().ok();
        uri.is_some_and(|uri| uri.scheme().is_some() && uri.host().is_some() && uri.path() == "/")
            && !text.ends_with('/')
    };
    let checked = texts.iter().map(|text| match text.trim() {
        text if is_origin(text) => Ok(text.to_owned()),
        text => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{text:?} is no origin, such as https://tuan.example.cn"),
        )),
    });
    checked.collect()
}

/// Lets a page of a listed origin read an answer that was given before the CORS middleware ran.
pub fn allow(origins: &[String], asked: &HeaderMap, answered: &mut HeaderMap) {
    if origins.is_empty() {
        return;
    }
    answered.append(header::VARY, HeaderValue::from_static("Origin"));
    let origin = asked.get(header::ORIGIN);
    let origin = origin.filter(|origin| origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    if let (Some(origin), Ok(exposed)) = (origin, HeaderValue::try_from(EXPOSED.join(","))) {
        answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answered.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// The CORS middleware for a list of origins.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE"])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::ACCEPT_LANGUAGE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-request-id"),
            TRACEPARENT,
        ])
        .expose_headers(EXPOSED)
        // A browser ignores the answer, and other clients need no permission.
        .block_on_origin_mismatch(false)
        .max_age(REMEMBER);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
