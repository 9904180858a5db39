//! The outermost layer of a request: its id, its log line, the headers of every answer, and the wording of errors.

use super::caller::Identified;
use super::problem::{Helper, Problem, Unworded};
use crate::app::App;
use crate::domain::codes::Code;
use crate::domain::ids::has_form;
use crate::service::audit::{self, Denial};
use crate::service::jobs::wording;
use crate::service::organizations;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use std::time::Instant;

/// Under which the log knows this request.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ids are replaced: they would only fill the log.
const LONGEST_ID: usize = 64;

/// Wraps every request.
///
/// # Errors
/// Never: no layer lies between this one and the handlers, whose errors and extractors' errors come as answers.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long an answer took is no matter of the rules' clock"
    )]
    let begun = Instant::now();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    // The request goes in as the only one of its kind: actix writes the route into it, which a clone would forbid.
    let response = next.call(request).await?.map_into_boxed_body();
    let (mut response, private) = worded(response, &id).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    let status = response.status().as_u16();
    let micros = begun.elapsed().as_micros() as u64;
    // The matched pattern, not the path: whatever a client writes into an address stays out of the log.
    let http = response.request();
    let route = http.match_pattern().unwrap_or_else(|| "-".into());
    match private {
        Some(fault) => log::error!(target: "zhuanjie::access", method = http.method().as_str(), route = route.as_str(),
            status = status, micros = micros, request_id = id.as_str(), fault = fault.as_str(); "request"),
        None => log::info!(target: "zhuanjie::access", method = http.method().as_str(), route = route.as_str(),
            status = status, micros = micros, request_id = id.as_str(); "request"),
    }
    Ok(response)
}

/// The client's own id if it is a short token, else a new one.
fn request_id(request: &ServiceRequest) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_token = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    // Eighteen digits in a row could be somebody's ID number: such an id is not taken over into the log.
    let is_harmless = |id: &&str| !id.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= 11);
    given
        .filter(is_token)
        .filter(is_harmless)
        .map_or_else(crate::security::random_text, str::to_owned)
}

/// Puts an error into words; also the framework's own, which come without any.
async fn worded(mut response: ServiceResponse<BoxBody>, id: &str) -> (ServiceResponse<BoxBody>, Option<String>) {
    let problem = response
        .response_mut()
        .extensions_mut()
        .remove::<Unworded>()
        .map(|unworded| unworded.0);
    let problem = problem.or_else(|| frameworks_own(response.status(), response.headers()));
    let Some(problem) = problem else {
        return (response, None);
    };
    let private = problem.private().map(str::to_owned);
    let (request, _) = response.into_parts();
    record_denial(&request, &problem).await;
    let helper = helper(&request, &problem).await;
    let response: HttpResponse = problem.respond(&request, id, helper);
    (ServiceResponse::new(request, response), private)
}

/// Notes that somebody who is known was refused, or asked for what is not there for him (I-28). It is done before the
/// answer, and alike for what exists out of sight and what does not exist at all (S-02). Where it can't be noted he is
/// refused all the same, and the log says so.
async fn record_denial(request: &HttpRequest, problem: &Problem) {
    let identified = request.extensions().get::<Identified>().cloned();
    let (Some(Identified(context)), Some(code)) = (identified, problem.denial()) else {
        return;
    };
    let Some(app) = request.app_data::<web::Data<App>>() else {
        return;
    };
    let pattern = request.match_pattern().unwrap_or_else(|| "-".into());
    let denial = Denial {
        action: format!("{} {pattern}", request.method()),
        subject: request
            .match_info()
            .get("id")
            .filter(|id| has_form(id))
            .map(str::to_owned),
        code,
    };
    let noted = app
        .db
        .write(move |conn| audit::record_denial(conn, &context, &denial))
        .await;
    if let Err(fault) = noted {
        log::error!("a refusal is not in the audit log: {}", wording(&fault));
    }
}

/// Whom to ask. Where the database can't say, the answer goes without.
async fn helper(request: &HttpRequest, problem: &Problem) -> Option<Helper> {
    let id = problem.helper()?;
    let app = request.app_data::<web::Data<App>>()?.clone();
    let found = app.db.read(move |conn| organizations::helper(conn, id)).await;
    found.ok().flatten().map(Helper::from)
}

/// Errors that actix made itself and that are not yet problems.
fn frameworks_own(status: StatusCode, headers: &header::HeaderMap) -> Option<Problem> {
    let is_problem = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == "application/problem+json");
    if !(status.is_client_error() || status.is_server_error()) || is_problem {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND => Code::RequestNotFound.into(),
        StatusCode::METHOD_NOT_ALLOWED => Code::RequestMethodNotAllowed.into(),
        StatusCode::PAYLOAD_TOO_LARGE => Code::RequestTooLarge.into(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::RequestMediaType.into(),
        status if status.is_client_error() => {
            Problem::new(crate::domain::refusal::Refusal::new(Code::RequestMalformed).with("problem", status))
        }
        _ => Code::ServiceFault.into(),
    })
}
