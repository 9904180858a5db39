//! The HTTP server: its routes and its limits.

pub mod connections;
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
use actix_service::IntoServiceFactory;
use actix_web::dev::Server;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{Condition, from_fn};
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Budgets and certificate are looked at so much more seldom than connections.
const ROUNDS_BETWEEN_CHORES: u32 = 10;

/// Takes the address to listen on.
///
/// # Errors
/// When it is taken already or not ours to take.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A server on a listener. Awaiting it runs it until it is told to stop; it then finishes what it accepted.
///
/// # Errors
/// When the listener can't be used.
pub fn serve(app: App, listener: TcpListener) -> io::Result<Server> {
    serve_behind(app, listener, threads(), &ServerSettings::default())
}

/// The same with a number of worker threads.
///
/// # Errors
/// When the listener can't be used.
pub fn serve_with(app: App, listener: TcpListener, workers: usize) -> io::Result<Server> {
    serve_behind(app, listener, workers, &ServerSettings::default())
}

/// As many worker threads as there are processors.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// The same behind a door with settings of its own. Runs on the current actix system.
///
/// # Errors
/// When the listener can't be used, an origin is none, or the certificate can't be read.
pub fn serve_behind(app: App, listener: TcpListener, workers: usize, settings: &ServerSettings) -> io::Result<Server> {
    // Putting the document together takes fifteen megabytes, which this thread leaves to the first worker.
    let described = std::thread::spawn(described).join();
    let (routes, text) = described.map_err(|_| io::Error::other("the document can't be put together"))??;
    let (routes, text) = (web::Data::new(routes), web::Data::new(text));
    let app = web::Data::new(app);
    let door = web::Data::new(Edge::new(settings));
    let origins: Arc<[String]> = cors::origins(&settings.cors_origins)?.into();
    let certificate = certificate(settings)?;
    let connections = door.clone();
    watch(&door, certificate.clone());
    let behind = door.clone();
    let service = move || {
        let (actix, _) = actix_web::App::new()
            .into_utoipa_app()
            .configure(openapi::routes)
            .split_for_parts();
        let all = actix
            .app_data(app.clone())
            .app_data(routes.clone())
            .app_data(text.clone())
            .app_data(behind.clone())
            .app_data(IsTls(behind.is_tls()))
            .app_data(web::PayloadConfig::new(limits::LARGE))
            .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/v1/openapi.json")))
            .route("/docs", web::get().to(to_docs))
            .default_service(web::to(nothing_here))
            .wrap(from_fn(invalidate_actor_cache))
            .wrap(from_fn(edge))
            .wrap(Condition::new(!origins.is_empty(), cors::cors(&origins)))
            .wrap(from_fn(headers::headers));
        LoadShed::before(all.into_factory(), &behind, &routes, &origins)
    };
    if let Some(certificate) = certificate {
        return https::serve(service, listener, certificate.server()?, workers, &door);
    }
    let server = HttpServer::new(service)
        .workers(workers)
        .max_connections(settings.connections.div_ceil(workers.max(1)))
        .on_connect(move |io, data| connections.connections.opened(io, data))
        .client_request_timeout(settings.patience.head)
        .client_disconnect_timeout(LAST_WORDS)
        .tls_handshake_timeout(HANDSHAKE)
        .keep_alive(settings.patience.idle)
        .shutdown_timeout(SHUTDOWN_SECONDS);
    Ok(server.listen(listener)?.run())
}

/// What the document says of the routes, and its text.
fn described() -> io::Result<(Routes, DocumentText)> {
    let document = openapi::document();
    permissions::check(&document)?;
    Ok((Routes::of(&document), DocumentText(openapi::text(&document))))
}

fn certificate(settings: &ServerSettings) -> io::Result<Option<Arc<Certificate>>> {
    let files = settings.tls_certificate.as_ref().zip(settings.tls_key.as_ref());
    files.map(|(chain, key)| Certificate::read(chain, key)).transpose()
}

/// Looks after the connections, the budgets and the certificate for as long as the server's door is there.
fn watch(door: &web::Data<Edge>, certificate: Option<Arc<Certificate>>) {
    let door = Arc::downgrade(&door.clone().into_inner());
    actix_web::rt::spawn(async move {
        let mut round = tokio::time::interval(ROUND);
        for count in 1_u32.. {
            round.tick().await;
            let Some(door) = door.upgrade() else { return };
            door.connections.sweep(&door.settings.patience);
            door.refusals.tell();
            if count.is_multiple_of(ROUNDS_BETWEEN_CHORES) {
                door.budgets.forget();
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

/// No route took the request. actix says 404 also to a wrong method on a known path: the document knows better.
async fn nothing_here(request: HttpRequest, routes: web::Data<Routes>) -> Result<HttpResponse, Problem> {
    match routes.methods(request.path()) {
        None => Err(Code::RequestNotFound.into()),
        Some(methods) => {
            let problem = Problem::from(Code::RequestMethodNotAllowed);
            Err(match HeaderValue::from_str(&methods) {
                Ok(allow) => problem.with_header(header::ALLOW, allow),
                Err(_) => problem,
            })
        }
    }
}
