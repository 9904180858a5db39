//! Accounts through HTTP: signing in, sessions, tokens, and the mini-program.

mod bad_tokens;
mod blocking;
mod keys;
mod newcomers;
mod password;
mod races;
mod recovery;
mod refresh;
mod restart;
mod sign_in;
mod sign_out;
pub mod stand_in;
mod takeover;
mod wechat;

use crate::support::http::{Answer, Client};
use crate::support::world::{PASSWORD, World};
use serde_json::{Value, json};
use zhuanjie::app::App;
use zhuanjie::config::proxies::Proxies;

pub const NOW: &str = "2026-06-15T08:00:00Z";

/// A program that trusts proxies on this machine, so that a test can choose the client's address.
pub fn behind_a_proxy(app: App) -> App {
    let proxies: Proxies = "127.0.0.0/8".parse().expect("a network");
    App { proxies, ..app }
}

/// A sign-in from this address, as a proxy reports it.
pub fn try_from(client: &Client, address: &str, number: &str, password: &str) -> Answer {
    client
        .request("POST", "/v1/auth/sign-in")
        .header("x-forwarded-for", address)
        .json(&json!({"id_number": number, "password": password}))
        .send()
}

/// A person's sign-in.
pub fn sign_in(world: &World, person: &str) -> Value {
    let body = json!({"id_number": world.id_number(person), "password": PASSWORD});
    world.anybody().post("/v1/auth/sign-in", &body).expect(200).json()
}

/// A sign-in of an administrator to their office.
pub fn sign_in_to_office(world: &World, person: &str) -> Value {
    let office = sign_in(world, person)["offices"][0]["id"].take();
    let body = json!({"id_number": world.id_number(person), "password": PASSWORD, "office": office});
    world.anybody().post("/v1/auth/sign-in", &body).expect(200).json()
}

pub fn text<'a>(answer: &'a Value, field: &str) -> &'a str {
    answer[field].as_str().expect("a text")
}

/// A client of the same server with the access token of an answer.
pub fn bearing(client: &Client, answer: &Value) -> Client {
    client.with_token(text(answer, "access_token"))
}

pub fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/v1/auth/refresh", &json!({"refresh_token": token}))
}

/// An answer without the parts that always differ, so that two answers can be compared as a stranger would.
pub fn comparable(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let id = answer.header("x-request-id").expect("an id");
    let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().expect("a text").to_owned())
    };
    let mut headers: Vec<_> = answer.headers.iter().map(header).collect();
    // The rate limit fields depend on the number of earlier requests and on whether the token's signature was valid.
    headers.retain(|(name, _)| !["date", "x-request-id", "ratelimit", "ratelimit-policy"].contains(&name.as_str()));
    headers.sort();
    (answer.status, headers, answer.text.replace(id, "…"))
}
