//! Refuses requests before the edge while all places are taken. A refusal must cost next to nothing: if requests come
//! ten times faster than they can be answered, the processor that answers one of ten also refuses the other nine. So
//! the answer is prepared and sent before anything else is done. The connection is kept, because a new one would cost
//! more than the refusal. The caller and their rate limit are not looked at. A line of the log counts the refusals.

use super::concurrency::RequestClass;
use super::edge::Edge;
use super::limits::Body;
use super::{cors, headers};
use crate::api::openapi::route_table::Routes;
use crate::api::request::language;
use crate::api::request::request_id::{REQUEST_ID, request_id};
use crate::api::request::trace::{TRACEPARENT, TraceContext};
use crate::api::server::connections::Connection;
use actix_http::{HttpMessage, Request, Response};
use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{AppConfig, Payload, Service, ServiceFactory, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::web::{Bytes, Data};
use futures_util::Stream;
use futures_util::future::{Either, FutureExt, LocalBoxFuture, Map};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Builds a service behind load shedding.
pub struct LoadShed<F> {
    inner: F,
    edge: Data<Edge>,
    routes: Data<Routes>,
    origins: Arc<[String]>,
}

impl<F> LoadShed<F> {
    /// Puts load shedding before a whole service.
    pub fn before(inner: F, edge: &Data<Edge>, routes: &Data<Routes>, origins: &Arc<[String]>) -> Self {
        Self {
            inner,
            edge: edge.clone(),
            routes: routes.clone(),
            origins: origins.clone(),
        }
    }
}

impl<F, B> ServiceFactory<Request> for LoadShed<F>
where
    F: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = Error>,
    F::Future: 'static,
    B: MessageBody,
{
    type Response = Response<EitherBody<B, Bytes>>;
    type Error = Error;
    type Config = AppConfig;
    type Service = LoadShedService<F::Service>;
    type InitError = F::InitError;
    type Future = LocalBoxFuture<'static, Result<Self::Service, Self::InitError>>;

    fn new_service(&self, config: AppConfig) -> Self::Future {
        let watch = Watch {
            edge: self.edge.clone(),
            routes: self.routes.clone(),
            origins: self.origins.clone(),
        };
        let inner = self.inner.new_service(config);
        inner
            .map(|inner| Ok(LoadShedService { inner: inner?, watch }))
            .boxed_local()
    }
}

/// A service that is not reached while it has no place.
pub struct LoadShedService<S> {
    inner: S,
    watch: Watch,
}

type Answer<B> = Result<Response<EitherBody<B, Bytes>>, Error>;
type Served<F, B> = Map<F, fn(Result<ServiceResponse<B>, Error>) -> Answer<B>>;

impl<S, B> Service<Request> for LoadShedService<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = Response<EitherBody<B, Bytes>>;
    type Error = Error;
    type Future = Either<Served<S::Future, B>, Refusing<B>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: Request) -> Self::Future {
        if self.watch.lets(&request) {
            let served: fn(_) -> _ = |answer: Result<ServiceResponse<B>, Error>| {
                Ok(Response::from(answer?).map_body(|_, body| EitherBody::left(body)))
            };
            return Either::Left(self.inner.call(request).map(served));
        }
        let answer = self.watch.refuse(&request);
        Either::Right(Refusing {
            payload: request.take_payload(),
            answer: Some(answer.map_body(|_, body| EitherBody::right(body))),
            has_waited: false,
            connection: request.conn_data::<Arc<Connection>>().cloned(),
        })
    }
}

/// A refusal on its way. What has come of the request's body is thrown away; if that is all of it the connection is
/// kept, else not: whatever is still to come is not waited for.
pub struct Refusing<B> {
    payload: Payload,
    answer: Option<Response<EitherBody<B, Bytes>>>,
    has_waited: bool,
    connection: Option<Arc<Connection>>,
}

// Nothing in it is ever pinned.
impl<B> Unpin for Refusing<B> {}

impl<B> Future for Refusing<B> {
    type Output = Answer<B>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let is_whole = ready!(self.poll_body(cx));
        let Some(mut answer) = self.answer.take() else {
            return Poll::Pending;
        };
        if let Some(connection) = &self.connection {
            connection.touch();
            if !is_whole {
                connection.refuse();
            }
        }
        if !is_whole {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        Poll::Ready(Ok(answer))
    }
}

impl<B> Refusing<B> {
    /// Whether all of the body is there. What came together with the head is handed over between two polls.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if matches!(self.payload, Payload::None) {
            return Poll::Ready(true);
        }
        loop {
            match Pin::new(&mut self.payload).poll_next(cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Pending if !self.has_waited => {
                    self.has_waited = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(_))) | Poll::Pending => return Poll::Ready(false),
            }
        }
    }
}

/// Who is refused before the edge.
struct Watch {
    edge: Data<Edge>,
    routes: Data<Routes>,
    origins: Arc<[String]>,
}

impl Watch {
    /// Whether a request may come to the edge. What a preflight asks is answered there without a place.
    fn lets(&self, request: &Request) -> bool {
        if request
            .conn_data::<Arc<Connection>>()
            .is_some_and(|connection| connection.is_excess())
        {
            return false;
        }
        let (path, method) = (request.path(), request.method());
        let is_free = |kind| self.edge.concurrency.has_place(RequestClass::of(path, kind));
        is_free(Body::Small)
            || (method == Method::OPTIONS && !self.origins.is_empty())
            || (may_be_file(request) && is_free(self.routes.body(method, path)))
    }

    fn refuse(&self, request: &Request) -> Response<Bytes> {
        let mut response = Response::new(StatusCode::SERVICE_UNAVAILABLE);
        let (asked, fields) = (request.headers(), response.headers_mut());
        let trace = TraceContext::of(asked);
        let (language, id) = (language::asked_in(asked), request_id(asked, trace.as_ref()));
        let words = self.edge.busy_response.refuse(language, request.path(), &id, fields);
        self.edge.metrics.refused();
        if let Ok(id) = HeaderValue::try_from(id) {
            fields.insert(REQUEST_ID, id);
        }
        if let Some(header) = trace.and_then(|trace| trace.header()) {
            fields.insert(TRACEPARENT, header);
        }
        headers::write(fields, false, self.edge.is_tls());
        cors::allow(&self.origins, asked, fields);
        self.edge.draining.close(response.head_mut());
        response.set_body(words)
    }
}

/// Most bodies are JSON: for those the routes need not be asked.
fn may_be_file(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| !kind.as_bytes().starts_with(b"application/json"))
}
