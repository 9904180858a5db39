//! The answers of writes. They are kept under their idempotency key.

use super::problem::Problem;
use crate::api::request::extract::etag;
use crate::app::App;
use crate::db::Conn;
use crate::service::idempotency::{Claim, KeptAnswer, once};
use crate::service::{self, Context};
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::Serialize;

/// The answer of a write, with status and body.
///
/// # Errors
/// When the body can't be serialized. A plain struct always can.
pub fn answer(status: StatusCode, body: &impl Serialize) -> service::Result<KeptAnswer> {
    let body =
        serde_json::to_string(body).map_err(|_| service::Error::Corrupt("an answer can't be written as JSON"))?;
    Ok(KeptAnswer {
        status: status.as_u16(),
        location: None,
        etag: None,
        body,
        replayed: false,
    })
}

/// The answer for a new resource: 201 with its address and version.
///
/// # Errors
/// As [`answer`].
pub fn created(location: String, version: impl Into<i64>, body: &impl Serialize) -> service::Result<KeptAnswer> {
    Ok(KeptAnswer {
        location: Some(location),
        etag: Some(etag(version)),
        ..answer(StatusCode::CREATED, body)?
    })
}

/// The answer for a changed resource.
///
/// # Errors
/// As [`answer`].
pub fn changed(version: impl Into<i64>, body: &impl Serialize) -> service::Result<KeptAnswer> {
    Ok(KeptAnswer {
        etag: Some(etag(version)),
        ..answer(StatusCode::OK, body)?
    })
}

/// Runs a write once for its key and returns its answer.
///
/// # Errors
/// The refusals of the use case.
pub async fn write_once<F>(app: &App, context: Context, claim: Claim, use_case: F) -> Result<HttpResponse, Problem>
where
    F: Fn(&mut Conn, &Context) -> service::Result<KeptAnswer> + Send + 'static,
{
    let answer = app
        .db
        .write(move |conn| once(conn, &context, &claim, |conn| use_case(conn, &context)))
        .await?;
    Ok(response(answer))
}

/// An answer as an HTTP response. A replay differs only by the header `Idempotent-Replayed`.
pub fn response(answer: KeptAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    if let Some(location) = answer.location {
        response.insert_header((header::LOCATION, location));
    }
    if let Some(etag) = answer.etag {
        response.insert_header((header::ETAG, etag));
    }
    if answer.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response.content_type("application/json").body(answer.body)
}
