//! The HTTP server: its routes and its limits.

use super::edge::edge;
use super::extract::BODY_LIMIT;
use super::meta::DocumentText;
use super::openapi::{self, Routes};
use super::permissions;
use super::problem::Problem;
use crate::app::App;
use crate::domain::codes::Code;
use actix_web::dev::Server;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// How long what was accepted may take to finish when the service is told to stop.
const SHUTDOWN_SECONDS: u64 = 30;

/// Takes the address to listen on.
///
/// # Errors
/// When it is taken already or not ours to take.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A server on a listener. Awaiting it runs it until it is told to stop; it then finishes what it accepted.
///
/// # Errors
/// When the listener can't be used.
pub fn serve(app: App, listener: TcpListener) -> std::io::Result<Server> {
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    serve_with(app, listener, workers)
}

/// The same with a number of worker threads.
///
/// # Errors
/// When the listener can't be used.
pub fn serve_with(app: App, listener: TcpListener, workers: usize) -> std::io::Result<Server> {
    let document = openapi::document();
    permissions::check(&document)?;
    let routes = web::Data::new(Routes::of(&document));
    let text = web::Data::new(DocumentText(openapi::text(&document)));
    let app = web::Data::new(app);
    let server = HttpServer::new(move || {
        let (actix, _) = actix_web::App::new()
            .into_utoipa_app()
            .configure(openapi::routes)
            .split_for_parts();
        actix
            .app_data(app.clone())
            .app_data(routes.clone())
            .app_data(text.clone())
            .app_data(web::PayloadConfig::new(BODY_LIMIT))
            .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/v1/openapi.json")))
            .route("/docs", web::get().to(to_docs))
            .default_service(web::to(nothing_here))
            .wrap(from_fn(edge))
    })
    .workers(workers)
    .listen(listener)?
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(SHUTDOWN_SECONDS)
    .run();
    Ok(server)
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
