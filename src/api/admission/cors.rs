//! Which pages of other origins may call (Fetch standard, CORS): those of the list, and nobody's by default. No cookie is
//! ever sent: a token goes into a header.

use actix_cors::Cors;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::io;

/// What a page may read of an answer, besides its body.
const EXPOSED: [&str; 9] = [
    "etag",
    "link",
    "location",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
    "idempotent-replayed",
    "content-disposition",
];
/// How long a page may remember what it may do, in seconds.
const REMEMBER: usize = 600;

/// Checks a list of origins. `*` is none: whoever may call is named.
///
/// # Errors
/// When one is not scheme and host, with a port or without.
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

/// Lets a page of an origin of the list read an answer that was given before CORS was asked.
pub fn allow(origins: &[String], asked: &HeaderMap, answered: &mut HeaderMap) {
    if origins.is_empty() {
        return;
    }
    answered.insert(header::VARY, HeaderValue::from_static("Origin"));
    let origin = asked.get(header::ORIGIN);
    let origin = origin.filter(|origin| origins.iter().any(|known| known.as_bytes() == origin.as_bytes()));
    if let (Some(origin), Ok(exposed)) = (origin, HeaderValue::try_from(EXPOSED.join(","))) {
        answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answered.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// CORS for a list of origins.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "DELETE"])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            header::ACCEPT_LANGUAGE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-request-id"),
        ])
        .expose_headers(EXPOSED)
        // Of no use to a browser; and whoever is none gets the answer anyway.
        .block_on_origin_mismatch(false)
        .max_age(REMEMBER);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
