//! The id of a request. It is in the log, in the answer and in every problem document.

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use std::future::{Ready, ready};

/// The request's id.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl FromRequest for RequestId {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<Self>().cloned();
        ready(Ok(id.unwrap_or_else(|| Self(String::new()))))
    }
}

/// The header that carries it, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids are replaced, because they would only fill the log.
const LONGEST_ID: usize = 64;

/// The client's own id if it is a short token, else a new one.
pub fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_token = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    // A run of digits could be somebody's ID number, so such an id does not get into the log.
    let is_harmless = |id: &&str| !id.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= 11);
    given
        .filter(is_token)
        .filter(is_harmless)
        .map_or_else(crate::security::random_text, str::to_owned)
}
