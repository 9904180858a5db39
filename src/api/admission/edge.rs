//! The door every request comes in by: its id, its budget, its limits and its place; its log line, and the wording of
//! errors.

use super::busy_response::BusyResponse;
use super::concurrency::{AtCapacity, ConcurrencyLimits, RequestClass};
use super::limits::{self, Body};
use super::rate_limit::{self, RateLimitStatus, RateLimits};
use super::{body, headers};
use crate::api::openapi::route_table::Routes;
use crate::api::request::bearer::{Borne, bearer_token};
use crate::api::request::caller::Identified;
use crate::api::request::request_id::{REQUEST_ID, RequestId, request_id};
use crate::api::request::{client, language};
use crate::api::response::problem::{Helper, Problem, Unworded};
use crate::api::server::connections::{Busy, Connection, Connections, Watched};
use crate::api::settings::ServerSettings;
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::has_form;
use crate::domain::core::language::Language;
use crate::service::audit::{self, Denial};
use crate::service::jobs::wording;
use crate::service::organizations;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// What the door goes by; one for all threads of a server.
pub struct Edge {
    pub settings: ServerSettings,
    pub lanes: ConcurrencyLimits,
    pub budgets: RateLimits,
    pub connections: Connections,
    /// Requests refused for want of a place.
    pub refusals: BusyResponse,
}

impl Edge {
    /// A door with these settings.
    pub fn new(settings: &ServerSettings) -> Self {
        Self {
            lanes: ConcurrencyLimits::new(settings.in_flight),
            budgets: RateLimits::new(settings),
            connections: Connections::default(),
            refusals: BusyResponse::default(),
            settings: settings.clone(),
        }
    }

    /// Whether it speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.settings.tls_certificate.is_some()
    }

    /// Whether a request comes in: within its limits, its body received, a place taken. What can be refused is refused
    /// before anything is read.
    async fn admit(&self, request: &mut ServiceRequest) -> Result<Pass, Refusal> {
        let routes = request.app_data::<web::Data<Routes>>();
        let kind = routes.map_or(Body::Small, |routes| routes.body(request.method(), request.path()));
        limits::admit(request.request(), kind)?;
        let lane = RequestClass::of(request.path(), kind);
        let patience = &self.settings.patience;
        let mut deadline = Duration::from_secs(self.settings.deadline);
        let mut room = None;
        match (request.take_payload(), kind.most()) {
            (Payload::None, _) => {}
            (payload, Some(most)) => {
                let _receiving = self.lanes.receive(lane)?;
                let whole = body::receive(payload, most, &self.lanes.memory, patience).await?;
                request.set_payload(Payload::from(whole.bytes));
                room = Some(whole.room);
            }
            (payload, None) => {
                deadline += patience.upload;
                request.set_payload(body::paced(payload, patience));
            }
        }
        let place = self.lanes.enter(lane).map_err(|full| Refusal {
            is_heard: room.is_some(),
            ..full.into()
        })?;
        Ok(Pass {
            _place: place,
            _room: room,
            deadline,
        })
    }

    /// The answer to a request that found no place.
    fn full(&self, asked: &Asked) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(StatusCode::SERVICE_UNAVAILABLE);
        let fields = response.headers_mut();
        let words = self.refusals.refuse(asked.language, &asked.path, &asked.id, fields);
        response.set_body(BoxBody::new(words))
    }

    /// Counts a request against its sender's budget. Probes are free: whoever asks is told whether the process lives.
    fn spend(&self, request: &ServiceRequest) -> Option<RateLimitStatus> {
        if RequestClass::of(request.path(), Body::Small) == RequestClass::Probe {
            return None;
        }
        self.budgets.spend(sender(request)?)
    }
}

/// A request that was let in: its place, the room its body takes up, and how long it may take.
struct Pass {
    _place: Option<OwnedSemaphorePermit>,
    _room: Option<OwnedSemaphorePermit>,
    deadline: Duration,
}

/// Why a request does not come in, and whether its body was received whole: else nothing more is taken from its
/// connection.
struct Refusal {
    /// `None` for want of a place.
    problem: Option<Problem>,
    is_heard: bool,
}

impl<P: Into<Problem>> From<P> for Refusal {
    fn from(problem: P) -> Self {
        Self {
            problem: Some(problem.into()),
            is_heard: false,
        }
    }
}

impl From<AtCapacity> for Refusal {
    fn from(_: AtCapacity) -> Self {
        Self {
            problem: None,
            is_heard: false,
        }
    }
}

/// Who sends a request: the account of its token, if that is valid, else the address it comes from. The token's bearer is
/// left in the request.
fn sender(request: &ServiceRequest) -> Option<rate_limit::Caller> {
    let app = request.app_data::<web::Data<App>>()?;
    let bearer = bearer_token(request.request()).and_then(|token| app.tokens.check(&token, app.clock.now()).ok());
    request.extensions_mut().insert(Borne(bearer));
    match bearer {
        Some(bearer) => Some(rate_limit::Caller::Account(bearer.account)),
        None => Some(rate_limit::Caller::at(client::address(
            &app.proxies,
            request.peer_addr()?.ip(),
            request.headers(),
        ))),
    }
}

/// What is still known of a request once its work was given up.
struct Asked {
    id: String,
    method: Method,
    path: String,
    language: Language,
    about: (bool, bool),
    begun: Instant,
}

impl Asked {
    fn new(request: &ServiceRequest) -> Self {
        Self {
            id: request_id(request.headers()),
            method: request.method().clone(),
            path: request.path().to_owned(),
            language: language::of(request.request()),
            about: headers::about(request.request()),
            begun: Instant::now(),
        }
    }

    /// The answer to a request whose deadline has passed. What it wanted to write may yet be written.
    fn late(&self) -> Error {
        let code = if self.method.is_safe() {
            Code::ServiceBusy
        } else {
            Code::ServiceOutcomeUnknown
        };
        let mut response = Problem::from(code).respond_in(self.language, &self.path, &self.id, None);
        headers::write(response.headers_mut(), self.about.0, self.about.1);
        self.sign(response.headers_mut(), None);
        self.log("-", response.status(), Some("the deadline has passed"));
        InternalError::from_response("the deadline has passed", response).into()
    }

    /// The fields that belong to this request.
    fn sign(&self, headers: &mut header::HeaderMap, standing: Option<&RateLimitStatus>) {
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, value);
        }
        if let Some(standing) = standing {
            standing.write(headers);
        }
    }

    /// Its line. The route is the matched pattern, not the path: whatever a client writes into an address stays out.
    fn log(&self, route: &str, status: StatusCode, fault: Option<&str>) {
        let (method, id, status) = (self.method.as_str(), self.id.as_str(), status.as_u16());
        let micros = self.begun.elapsed().as_micros() as u64;
        match fault {
            Some(fault) => log::error!(target: "zhuanjie::access", method = method, route = route, status = status,
                micros = micros, request_id = id, fault = fault; "request"),
            None => log::info!(target: "zhuanjie::access", method = method, route = route, status = status,
                micros = micros, request_id = id; "request"),
        }
    }
}

/// Wraps every request.
///
/// # Errors
/// When a deadline has passed: the request went with the work, so there is none to answer but in words already made. Else
/// never: no layer lies between this one and the handlers, whose errors and extractors' errors come as answers.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = Asked::new(&request);
    request.extensions_mut().insert(RequestId(asked.id.clone()));
    let Some(door) = request.app_data::<web::Data<Edge>>().cloned() else {
        return Err(Problem::from(Code::ServiceFault).into());
    };
    let connection = request.conn_data::<Arc<Connection>>().cloned();
    let busy = connection.as_ref().map(Busy::on);
    let is_bare = matches!(request.parts_mut().1, Payload::None);
    let standing = door.spend(&request);
    let admitted = match standing.as_ref().map_or(Ok(()), RateLimitStatus::admit) {
        Ok(()) => door.admit(&mut request).await,
        Err(spent) => Err(spent.into()),
    };
    let is_broken_off = !is_bare && admitted.as_ref().is_err_and(|refusal| !refusal.is_heard);
    let is_counted = admitted.as_ref().is_err_and(|refusal| refusal.problem.is_none());
    let response = match admitted {
        Err(Refusal { problem: None, .. }) => request.into_response(door.full(&asked)),
        Err(Refusal {
            problem: Some(problem), ..
        }) => request.error_response(problem),
        // The request goes in as the only one of its kind: actix writes the route into it, which a clone would forbid.
        Ok(pass) => match tokio::time::timeout(pass.deadline, next.call(request)).await {
            Ok(response) => response?.map_into_boxed_body(),
            Err(_) => return Err(asked.late()),
        },
    };
    let (mut response, private) = worded(response, &asked.id).await;
    asked.sign(response.headers_mut(), standing.as_ref());
    if is_broken_off {
        // Whatever is still to come of its body is not waited for.
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
        connection.iter().for_each(|connection| connection.refuse());
    }
    if !is_counted {
        let route = response.request().match_pattern().unwrap_or_else(|| "-".into());
        asked.log(&route, response.status(), private.as_deref());
    }
    drop(busy);
    Ok(response.map_body(|_, body| Watched::over(body, connection.as_ref())))
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
    let subject = request.match_info().get("id");
    // What can be nobody's id is refused whoever asks, and might be anything, a number of somebody's included.
    if subject.is_some_and(|id| !has_form(id)) {
        return;
    }
    let pattern = request.match_pattern().unwrap_or_else(|| "-".into());
    let denial = Denial {
        operation: format!("{} {pattern}", request.method()),
        subject: subject.map(str::to_owned),
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
        StatusCode::PAYLOAD_TOO_LARGE => limits::too_large(limits::LARGE),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::RequestMediaType.into(),
        status if status.is_client_error() => Problem::new(
            crate::domain::catalogue::refusal::Refusal::new(Code::RequestMalformed).with("problem", status),
        ),
        _ => Code::ServiceFault.into(),
    })
}
