//! The server over TLS. The framework's own server offers HTTP/2 beside HTTP/1.1 and has no option against it. The HTTP/2
//! library accepts heads of up to 16 MiB and any number of requests on a connection before any limit of ours (S-12). So this
//! server is built from the same parts and offers HTTP/1.1 only (RFC 7301). A client that speaks only HTTP/2 gets no handshake.

use crate::api::admission::edge::Edge;
use crate::api::server::connections::Place;
use crate::api::settings::{HANDSHAKE, LAST_WORDS, SHUTDOWN_SECONDS, ServerSettings};
use actix_http::{HttpService, Request, Response};
use actix_service::{ServiceFactoryExt, apply_fn_factory, map_config};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, AcceptorService, TlsStream};
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory};
use actix_web::rt::net::TcpStream;
use actix_web::{Error, web};
use rustls::ServerConfig;
use std::fmt::Debug;
use std::io;
use std::net::TcpListener;

/// The only protocol that is offered within TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// A server of a service over TLS, with the limits the framework's own would have.
///
/// # Errors
/// When the listener can't be used.
pub fn serve<F, S, B>(
    service: F,
    listener: TcpListener,
    mut tls: ServerConfig,
    workers: usize,
    edge_state: &web::Data<Edge>,
) -> io::Result<Server>
where
    F: Fn() -> S + Clone + Send + 'static,
    S: ServiceFactory<Request, Config = AppConfig, Response = Response<B>, Error = Error> + 'static,
    S::InitError: Debug,
    S::Future: 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    tls.alpn_protocols = vec![PROTOCOL.to_vec()];
    let ServerSettings {
        connections, timeouts, ..
    } = edge_state.settings.clone();
    let server = actix_server::Server::build()
        .workers(workers)
        .max_concurrent_connections(connections.div_ceil(workers.max(1)))
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_SECONDS);
    let (draining, edge_state) = (server.graceful_shutdown_signal(), edge_state.clone());
    let server = server.listen("https", listener, move || {
        let (draining, edge_state) = (draining.clone(), edge_state.clone());
        let mut acceptor = Acceptor::new(tls.clone());
        acceptor.set_handshake_timeout(HANDSHAKE);
        let counting = edge_state.clone();
        let acceptor = apply_fn_factory::<_, _, _, _, TcpStream, TcpStream, _, _>(
            acceptor,
            move |io: TcpStream, acceptor: &AcceptorService| {
                // Whoever is beyond the limit of their address gets no handshake.
                let place = counting.connections.place(&io);
                let handshake = (!matches!(place, Place::Excess)).then(|| acceptor.call(io));
                async move {
                    let _place = place;
                    match handshake {
                        Some(handshake) => handshake.await,
                        None => Err(TlsError::Tls(io::ErrorKind::ConnectionRefused.into())),
                    }
                }
            },
        );
        let answering = service().map_err(|error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let draining = draining.clone();
                async move { draining.notified().await }
            })
            .keep_alive(timeouts.idle)
            .client_request_timeout(timeouts.head)
            .client_disconnect_timeout(LAST_WORDS)
            .on_connect_ext(move |io: &TlsStream<TcpStream>, data| edge_state.connections.opened(io, data))
            .h1(map_config(answering, |()| AppConfig::default()));
        acceptor
            .map_err(TlsError::into_service_error)
            .map(|io: TlsStream<TcpStream>| {
                let peer = io.get_ref().0.peer_addr().ok();
                (io, peer)
            })
            .and_then(http.map_err(TlsError::Service))
    })?;
    Ok(server.run())
}
