//! The address that a request comes from (S-23): the peer's, or the client's if trusted proxies report it.

use crate::app::App;
use crate::config::proxies::Proxies;
use crate::service::accounts::attempts::AttemptOrigin;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{Error, FromRequest, HttpRequest, web};
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

/// The address of a request's client as its trusted proxies report it.
pub fn of(proxies: &Proxies, request: &HttpRequest) -> IpAddr {
    // Only a connection that is not over a network has no peer.
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let lines = request.headers().get_all(header::X_FORWARDED_FOR);
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    proxies.client(peer, &lines)
}

/// The client's address in the form in which failed attempts are counted.
pub struct Client(pub AttemptOrigin);

impl FromRequest for Client {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let none = Proxies::default();
        let app = request.app_data::<web::Data<App>>();
        let proxies = app.map_or(&none, |app| &app.proxies);
        ready(Ok(Self(AttemptOrigin::of(of(proxies, request)))))
    }
}
