//! The HTTP server: its routes and its limits.

mod administration;
pub mod connections;
pub mod draining;
pub mod https;
pub mod tls;

use super::admission::edge::{Edge, edge};
use super::admission::headers::{self, IsTls};
use super::admission::load_shed::LoadShed;
use super::admission::{cors, limits};
use super::openapi::route_table::Routes;
use super::openapi::{self, permissions};
use super::request::caller::invalidate_actor_cache;
use super::response::problem::Problem;
use super::routes::meta::DocumentText;
use super::server::connections::ROUND;
use super::server::tls::Certificate;
use super::settings::{HANDSHAKE, LAST_WORDS, SHUTDOWN_SECONDS, ServerSettings};
use crate::app::App;
use crate::domain::catalogue::code::Code;
use crate::service::jobs::JobName;
use actix_service::IntoServiceFactory;
use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{Condition, from_fn};
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Rate limits and the certificate are swept once for so many sweeps of the connections.
const ROUNDS_BETWEEN_CHORES: u32 = 10;

/// Binds the address to listen on.
///
/// # Errors
/// When the address is in use or not allowed.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The number of worker threads: one for each processor.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// The HTTP servers of a process: one for callers, and one for those who operate it. They share what they know of each
/// other. No server listens for signals: the process does.
#[derive(Clone)]
pub struct Servers {
    app: web::Data<App>,
    edge: web::Data<Edge>,
    routes: web::Data<Routes>,
    text: web::Data<DocumentText>,
    origins: Arc<[String]>,
    certificate: Option<Arc<Certificate>>,
}

impl Servers {
    /// Prepares the servers.
    ///
    /// # Errors
    /// When an origin is malformed, or the certificate can't be read.
    pub fn new(app: App, settings: &ServerSettings) -> io::Result<Self> {
        // Making the document takes fifteen megabytes. A thread of its own gives them back.
        let described = std::thread::spawn(described).join();
        let (routes, text) = described.map_err(|_| io::Error::other("the document can't be put together"))??;
        Ok(Self {
            edge: web::Data::new(Edge::new(settings, &app.proxies, &routes)),
            app: web::Data::new(app),
            routes: web::Data::new(routes),
            text: web::Data::new(text),
            origins: cors::origins(&settings.cors_origins)?.into(),
            certificate: certificate(settings)?,
        })
    }

    /// The server for callers on a listener, on the current actix system. Awaiting it runs it until its handle stops it.
    /// It then finishes the requests it accepted.
    ///
    /// # Errors
    /// When the listener can't be used.
    pub fn public(&self, listener: TcpListener, workers: usize) -> io::Result<Server> {
        let Self {
            app,
            edge: edge_state,
            routes,
            text,
            origins,
            certificate,
        } = self.clone();
        let settings = edge_state.settings.clone();
        let (shared, connections) = (edge_state.clone(), edge_state.clone());
        sweep(&edge_state, certificate.clone());
        let service = move || {
            let (actix, _) = actix_web::App::new()
                .into_utoipa_app()
                .configure(openapi::routes)
                .split_for_parts();
            let all = actix
                .app_data(app.clone())
                .app_data(routes.clone())
                .app_data(text.clone())
                .app_data(shared.clone())
                .app_data(web::Data::new(shared.draining.clone()))
                .app_data(IsTls(shared.is_tls()))
                .app_data(web::PayloadConfig::new(limits::LARGE))
                .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/v1/openapi.json")))
                .route("/docs", web::get().to(to_docs))
                .default_service(web::to(nothing_here))
                .wrap(from_fn(invalidate_actor_cache))
                .wrap(from_fn(edge))
                .wrap(Condition::new(!origins.is_empty(), cors::cors(&origins)))
                .wrap(from_fn(headers::headers));
            LoadShed::before(all.into_factory(), &shared, &routes, &origins)
        };
        if let Some(certificate) = certificate {
            return https::serve(service, listener, certificate.server()?, workers, &edge_state);
        }
        let server = HttpServer::new(service)
            .workers(workers)
            .max_connections(settings.connections.div_ceil(workers.max(1)))
            .on_connect(move |io, data| connections.connections.opened(io, data))
            .client_request_timeout(settings.timeouts.head)
            .client_disconnect_timeout(LAST_WORDS)
            .tls_handshake_timeout(HANDSHAKE)
            .keep_alive(settings.timeouts.idle)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals();
        Ok(server.listen(listener)?.run())
    }

    /// The server for administration: health, readiness with its detail, and metrics. It has a thread and connections of
    /// its own, so it answers when the other one can't. `intervals` says how often each job runs.
    ///
    /// # Errors
    /// When the listener can't be used.
    pub fn administration(&self, listener: TcpListener, intervals: Vec<(JobName, Duration)>) -> io::Result<Server> {
        administration::serve(&self.app, &self.edge, intervals, listener)
    }

    /// From now on readiness fails, and each answer closes its connection.
    pub fn drain(&self) {
        self.edge.draining.begin();
    }
}

/// The route table and the text of the document.
fn described() -> io::Result<(Routes, DocumentText)> {
    let document = openapi::document();
    permissions::check(&document)?;
    Ok((Routes::of(&document), DocumentText(openapi::text(&document))))
}

/// Checks the origins and the certificate as [`Servers::new`] reads them.
///
/// # Errors
/// When an origin is malformed, or the certificate can't be read.
pub fn check(settings: &ServerSettings) -> io::Result<()> {
    cors::origins(&settings.cors_origins)?;
    certificate(settings)?.map_or(Ok(()), |certificate| certificate.server().map(drop))
}

fn certificate(settings: &ServerSettings) -> io::Result<Option<Arc<Certificate>>> {
    let files = settings.tls_certificate.as_ref().zip(settings.tls_key.as_ref());
    files.map(|(chain, key)| Certificate::read(chain, key)).transpose()
}

/// Sweeps connections, rate limits and the certificate for as long as the server lives.
fn sweep(edge_state: &web::Data<Edge>, certificate: Option<Arc<Certificate>>) {
    let edge_state = Arc::downgrade(&edge_state.clone().into_inner());
    actix_web::rt::spawn(async move {
        let mut round = tokio::time::interval(ROUND);
        for count in 1_u32.. {
            round.tick().await;
            let Some(edge_state) = edge_state.upgrade() else { return };
            edge_state.connections.sweep(&edge_state.settings.timeouts);
            edge_state.busy_response.tell();
            if count.is_multiple_of(ROUNDS_BETWEEN_CHORES) {
                edge_state.rate_limits.forget();
                certificate.iter().for_each(|certificate| certificate.refresh());
            }
        }
    });
}

async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/docs/"))
        .finish()
}

/// The answer when no route matched. For a wrong method on a known path actix answers 404; the route table says 405.
async fn nothing_here(request: HttpRequest, routes: web::Data<Routes>) -> Result<HttpResponse, Problem> {
    match routes.methods(request.path()) {
        None => Err(Code::RequestNotFound.into()),
        Some(methods) if request.method() == Method::OPTIONS => Ok(HttpResponse::NoContent()
            .insert_header((header::ALLOW, methods))
            .finish()),
        Some(methods) => {
            let problem = Problem::from(Code::RequestMethodNotAllowed);
            Err(match HeaderValue::from_str(&methods) {
                Ok(allow) => problem.with_header(header::ALLOW, allow),
                Err(_) => problem,
            })
        }
    }
}
