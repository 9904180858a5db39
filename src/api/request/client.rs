//! The address that a request comes from (S-23): the peer's, or the client's if trusted proxies report it.

use crate::app::App;
use crate::config::proxies::Proxies;
use crate::service::accounts::attempts::AttemptOrigin;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{Error, FromRequest, HttpRequest, web};
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

/// The client's address as its trusted proxies report it.
pub fn address(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let lines = headers.get_all(header::X_FORWARDED_FOR);
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    proxies.client(peer, &lines)
}

/// The client's address in the form in which failed attempts are counted.
pub struct Client(pub AttemptOrigin);

impl FromRequest for Client {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // A connection without a peer does not come from a network.
        let peer = request
            .peer_addr()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let client = match request.app_data::<web::Data<App>>() {
            Some(app) => address(&app.proxies, peer, request.headers()),
            None => peer,
        };
        ready(Ok(Self(AttemptOrigin::of(client))))
    }
}
