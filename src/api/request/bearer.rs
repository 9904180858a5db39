//! The bearer token of a request (RFC 6750).

use crate::security::tokens::Bearer;
use actix_web::HttpRequest;
use actix_web::http::header;

/// The bearer of the request's token, which the edge found for the rate limit. `None` without a valid token.
#[derive(Debug, Clone, Copy)]
pub struct Borne(pub Option<Bearer>);

/// The token of `Authorization: Bearer …` (RFC 6750). Two such headers count as none, since it is unclear which of them
/// is meant.
pub fn bearer_token(request: &HttpRequest) -> Option<String> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let value = values.next().filter(|_| values.next().is_none())?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    // One or more blanks follow the scheme (RFC 9110, 11.4).
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' ').to_owned())
}
