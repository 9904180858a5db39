//! The outermost middleware: the request's id, its rate limit, its size limits, one of the limited slots for running
//! requests, its log line, and the rendering of every error as a problem document.

use super::body::{self, BodyPermit};
use super::busy_response::BusyResponse;
use super::concurrency::{AtCapacity, ConcurrencyLimits, RequestClass};
use super::conditional;
use super::headers;
use super::limits::{self, Body};
use super::rate_limit::{self, RateLimitStatus, RateLimits};
use crate::api::metrics::Metrics;
use crate::api::openapi::route_table::Routes;
use crate::api::request::bearer::{Borne, bearer_token};
use crate::api::request::caller::Identified;
use crate::api::request::request_id::{REQUEST_ID, RequestId, request_id};
use crate::api::request::trace::{TRACEPARENT, TraceContext};
use crate::api::request::{client, language};
use crate::api::response::problem::{Helper, Problem, Unrendered};
use crate::api::server::connections::{Busy, Connection, Connections, Watched};
use crate::api::server::draining::Draining;
use crate::api::settings::ServerSettings;
use crate::app::App;
use crate::config::proxies::Proxies;
use crate::config::version::{COMMIT, VERSION};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::has_form;
use crate::domain::core::input_error::InputError;
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

/// What the middleware needs. All threads of a server share one.
pub struct Edge {
    pub settings: ServerSettings,
    pub concurrency: ConcurrencyLimits,
    pub rate_limits: RateLimits,
    pub connections: Connections,
    /// Makes and counts the answers to requests refused at capacity.
    pub busy_response: BusyResponse,
    /// Whether the service was told to stop.
    pub draining: Draining,
    /// What is counted for those who operate the service.
    pub metrics: Metrics,
}

impl Edge {
    /// From the settings, for these routes.
    pub fn new(settings: &ServerSettings, proxies: &Proxies, routes: &Routes) -> Self {
        Self {
            concurrency: ConcurrencyLimits::new(settings.in_flight),
            rate_limits: RateLimits::new(settings),
            connections: Connections::new(settings.address_connections, proxies),
            busy_response: BusyResponse::default(),
            draining: Draining::default(),
            metrics: Metrics::new(routes.operations(), VERSION, COMMIT),
            settings: settings.clone(),
        }
    }

    /// Whether the server speaks TLS.
    pub fn is_tls(&self) -> bool {
        self.settings.tls_certificate.is_some()
    }

    /// Admits a request that is within its limits: receives its body and takes a place. What can be refused is refused
    /// before anything is read.
    async fn admit(&self, request: &mut ServiceRequest, caller: rate_limit::Caller) -> Result<Admitted, NotAdmitted> {
        let routes = request.app_data::<web::Data<Routes>>();
        let kind = routes.map_or(Body::Small, |routes| routes.body(request.method(), request.path()));
        limits::admit(request.request(), kind, caller.is_known())?;
        let class = RequestClass::of(request.path(), kind);
        let timeouts = &self.settings.timeouts;
        let mut deadline = Duration::from_secs(self.settings.deadline);
        let mut memory = None;
        match (request.take_payload(), kind.most()) {
            (Payload::None, _) => {}
            (payload, Some(_)) => {
                let _receiving = self.concurrency.receive(class)?;
                let whole = body::receive(payload, kind, caller, &self.concurrency.body_pools, timeouts).await?;
                request.set_payload(Payload::from(whole.bytes));
                memory = Some(whole.memory);
            }
            (payload, None) => {
                deadline += timeouts.upload;
                request.set_payload(body::paced(payload, timeouts));
            }
        }
        let place = self.concurrency.enter(class).map_err(|full| NotAdmitted {
            is_heard: memory.is_some(),
            ..full.into()
        })?;
        Ok(Admitted {
            _place: place,
            _memory: memory,
            deadline,
        })
    }

    /// The answer to a request refused at capacity.
    fn full(&self, info: &RequestInfo) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(StatusCode::SERVICE_UNAVAILABLE);
        let fields = response.headers_mut();
        let words = self.busy_response.refuse(info.language, &info.path, &info.id, fields);
        self.metrics.refused();
        response.set_body(BoxBody::new(words))
    }

    /// Counts a request against its sender's rate limit. Probes are free, so that the orchestrator always gets its
    /// answer.
    fn spend(&self, request: &ServiceRequest, caller: rate_limit::Caller) -> Option<RateLimitStatus> {
        if RequestClass::of(request.path(), Body::Small) == RequestClass::Probe {
            return None;
        }
        self.rate_limits.spend(caller)
    }
}

/// An admitted request: its place, the memory of its body, and how long it may take.
struct Admitted {
    _place: Option<OwnedSemaphorePermit>,
    _memory: Option<BodyPermit>,
    deadline: Duration,
}

/// Why a request is not admitted, and whether its body was received in full. If it was not, the connection is closed.
struct NotAdmitted {
    /// `None` at capacity.
    problem: Option<Problem>,
    is_heard: bool,
}

impl<P: Into<Problem>> From<P> for NotAdmitted {
    fn from(problem: P) -> Self {
        Self {
            problem: Some(problem.into()),
            is_heard: false,
        }
    }
}

impl From<AtCapacity> for NotAdmitted {
    fn from(_: AtCapacity) -> Self {
        Self {
            problem: None,
            is_heard: false,
        }
    }
}

/// Who sends a request: the account of its token, if the token is valid, else the client's address. The token's bearer
/// stays in the request's extensions.
fn sender(request: &ServiceRequest, app: &App) -> rate_limit::Caller {
    let bearer = bearer_token(request.request()).and_then(|token| app.tokens.check(&token, app.clock.now()).ok());
    request.extensions_mut().insert(Borne(bearer));
    match bearer {
        Some(bearer) => rate_limit::Caller::Account(bearer.account),
        None => rate_limit::Caller::at(client::of(&app.proxies, request.request())),
    }
}

/// The facts about a request that are still needed when its handler has timed out.
struct RequestInfo {
    id: String,
    trace: Option<TraceContext>,
    method: Method,
    path: String,
    language: Language,
    about: (bool, bool),
    begun: Instant,
}

impl RequestInfo {
    fn new(request: &ServiceRequest) -> Self {
        let trace = TraceContext::of(request.headers());
        Self {
            id: request_id(request.headers(), trace.as_ref()),
            trace,
            method: request.method().clone(),
            path: request.path().to_owned(),
            language: language::of(request.request()),
            about: headers::about(request.request()),
            begun: Instant::now(),
        }
    }

    /// The answer to a request whose deadline has passed. Its write may still be committed.
    fn late(&self, edge: &Edge, route: Option<&str>) -> Error {
        let code = if self.method.is_safe() {
            Code::ServiceBusy
        } else {
            Code::ServiceOutcomeUnknown
        };
        let mut response = Problem::from(code).respond_in(self.language, &self.path, &self.id, None);
        headers::write(response.headers_mut(), self.about.0, self.about.1);
        self.sign(response.headers_mut(), None);
        edge.draining.close(response.head_mut());
        self.finish(edge, route, response.status(), Some("the deadline has passed"));
        InternalError::from_response("the deadline has passed", response).into()
    }

    /// Adds the header fields that belong to this request.
    fn sign(&self, headers: &mut header::HeaderMap, rate_limit: Option<&RateLimitStatus>) {
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, value);
        }
        if let Some(value) = self.trace.as_ref().and_then(TraceContext::header) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(rate_limit) = rate_limit {
            rate_limit.write(headers);
        }
    }

    /// Counts the answer and writes the log line. It has the matched pattern instead of the path, so nothing that a client writes gets into
    /// the log.
    fn finish(&self, edge: &Edge, route: Option<&str>, status: StatusCode, fault: Option<&str>) {
        let took = self.begun.elapsed();
        let counted = if self.method == Method::HEAD {
            &Method::GET
        } else {
            &self.method
        };
        edge.metrics.answered(counted, route, status, took);
        let (method, id, status) = (self.method.as_str(), self.id.as_str(), status.as_u16());
        let (route, micros) = (route.unwrap_or("-"), took.as_micros() as u64);
        macro_rules! line {
            ($level:ident $(, $key:ident)*) => {
                log::$level!(target: "zhuanjie::access", method = method, route = route, status = status,
                    micros = micros, request_id = id $(, $key = $key)*; "request")
            };
        }
        match (fault, self.trace.as_ref().map(|trace| trace.trace.as_str())) {
            (Some(fault), Some(trace_id)) => line!(error, trace_id, fault),
            (Some(fault), None) => line!(error, fault),
            (None, Some(trace_id)) => line!(info, trace_id),
            (None, None) => line!(info),
        }
    }
}

/// Wraps every request.
///
/// # Errors
/// When the deadline has passed. The request was moved into the handler and no longer exists, so the response is
/// returned inside an error. It never fails otherwise, since handlers and extractors answer with responses.
pub async fn edge(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let info = RequestInfo::new(&request);
    if info.method == Method::HEAD {
        // Answered as GET. The connection leaves the body out (RFC 9110, 9.3.2).
        request.head_mut().method = Method::GET;
    }
    request.extensions_mut().insert(RequestId(info.id.clone()));
    let (edge, app) = (
        request.app_data::<web::Data<Edge>>(),
        request.app_data::<web::Data<App>>(),
    );
    let Some((edge, app)) = edge.cloned().zip(app.cloned()) else {
        return Err(Problem::from(Code::ServiceFault).into());
    };
    let routes = request.app_data::<web::Data<Routes>>().cloned();
    let connection = request.conn_data::<Arc<Connection>>().cloned();
    let busy = connection.as_ref().map(Busy::on);
    let is_bare = matches!(request.parts_mut().1, Payload::None);
    let caller = sender(&request, &app);
    let rate_limit = edge.spend(&request, caller);
    let admitted = match rate_limit.as_ref().map_or(Ok(()), RateLimitStatus::admit) {
        Ok(()) => edge.admit(&mut request, caller).await,
        Err(spent) => Err(spent.into()),
    };
    let is_broken_off = !is_bare && admitted.as_ref().is_err_and(|refusal| !refusal.is_heard);
    let is_counted = admitted.as_ref().is_err_and(|refusal| refusal.problem.is_none());
    let response = match admitted {
        Err(NotAdmitted { problem: None, .. }) => request.into_response(edge.full(&info)),
        Err(NotAdmitted {
            problem: Some(problem), ..
        }) => request.error_response(problem),
        // The request is moved in and not cloned, because actix writes the matched route into it. That is impossible
        // while a second reference exists.
        Ok(pass) => match tokio::time::timeout(pass.deadline, next.call(request)).await {
            Ok(response) => response?.map_into_boxed_body(),
            Err(_) => {
                let routes = routes.as_ref().and_then(|routes| routes.pattern(&info.path));
                return Err(info.late(&edge, routes));
            }
        },
    };
    let (response, private) = rendered(response, &info.id).await;
    let mut response = conditional::answer(response);
    info.sign(response.headers_mut(), rate_limit.as_ref());
    if is_broken_off {
        // The rest of the body is not read.
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
        connection.iter().for_each(|connection| connection.refuse());
    }
    if !is_counted {
        let route = response.request().match_pattern();
        info.finish(&edge, route.as_deref(), response.status(), private.as_deref());
    }
    drop(busy);
    Ok(response.map_body(|_, body| Watched::over(body, connection.as_ref())))
}

/// Renders every error as a problem document, the framework's own errors included.
async fn rendered(mut response: ServiceResponse<BoxBody>, id: &str) -> (ServiceResponse<BoxBody>, Option<String>) {
    let problem = response
        .response_mut()
        .extensions_mut()
        .remove::<Unrendered>()
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

/// Records that a known caller was refused, or named an object that does not exist for them (I-28). The entry is
/// written before the answer. A hidden object and a missing one are recorded in the same way (S-02). If the entry can't
/// be written, the caller is still refused, and the log says so.
async fn record_denial(request: &HttpRequest, problem: &Problem) {
    let identified = request.extensions().get::<Identified>().cloned();
    let (Some(Identified(context)), Some(code)) = (identified, problem.denial()) else {
        return;
    };
    let Some(app) = request.app_data::<web::Data<App>>() else {
        return;
    };
    let subject = request.match_info().get("id");
    // A text that can't be an id is not stored: it might be anything, even somebody's ID number.
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

/// The organization that can help. If the database fails, the answer goes without it.
async fn helper(request: &HttpRequest, problem: &Problem) -> Option<Helper> {
    let id = problem.helper()?;
    let app = request.app_data::<web::Data<App>>()?.clone();
    let found = app.db.read(move |conn| organizations::helper(conn, id)).await;
    found.ok().flatten().map(Helper::from)
}

/// The code for an error that actix made and that is not a problem document yet.
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
        status if status.is_client_error() => Problem::new(crate::domain::catalogue::refusal::Refusal::malformed(
            InputError::NotHttp,
        )),
        _ => Code::ServiceFault.into(),
    })
}
