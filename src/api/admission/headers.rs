//! The header fields of every answer, from handlers, extractors, the framework and preflights alike: those for security
//! (S-20), and the end of the connection while the service drains.

use crate::api::server::draining::Draining;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};

/// Whether the server speaks TLS; registered beside the routes.
#[derive(Debug, Clone, Copy)]
pub struct IsTls(pub bool);

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The policy of all answers but one page: they are not pages, so nothing in them may load, run or be framed.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
/// The policy of the documentation page: scripts, styles and calls from this origin only.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (RESOURCE_POLICY, "same-origin"),
];

/// The middleware. It wraps everything else.
///
/// # Errors
/// Those of the wrapped service.
pub async fn headers(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let (is_page, is_tls) = about(response.request());
    write(response.headers_mut(), is_page, is_tls);
    if let Some(draining) = response.request().app_data::<web::Data<Draining>>().cloned() {
        draining.close(response.response_mut().head_mut());
    }
    Ok(response)
}

/// Whether a request is for the documentation page, and whether it came over TLS.
pub fn about(request: &HttpRequest) -> (bool, bool) {
    let is_tls = request.app_data::<IsTls>().is_some_and(|is_tls| is_tls.0);
    (request.path().starts_with("/docs"), is_tls)
}

/// Writes the fields. `Cache-Control` and a content policy that a handler set itself are kept.
pub fn write(headers: &mut header::HeaderMap, is_page: bool, is_tls: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let content = if is_page { PAGE } else { NOTHING };
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, content),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    // What is said depends on the language. Other fields that an answer depends on stay.
    headers.append(header::VARY, HeaderValue::from_static("Accept-Language"));
    if is_tls {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}
