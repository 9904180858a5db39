//! Probes and the OpenAPI document.

use crate::api::openapi::refuses::refuses;
use crate::api::response::problem::Problem;
use crate::api::server::draining::Draining;
use crate::app::App;
use crate::domain::catalogue::code::Code;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// How long readiness waits for the database's answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Adds the probes, which have no version in their path.
pub fn probes(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz);
}

/// Adds the pages about the interface itself.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(openapi_document);
}

/// The text of the OpenAPI document, made once at the start.
pub struct DocumentText(pub String);

/// Get the OpenAPI document
///
/// Describes the interface in OpenAPI 3.1, generated from the routes.
#[utoipa::path(tag = "service", operation_id = "openapi_document", security(()), responses(
    (status = 200, description = "The OpenAPI document", content_type = "application/json"),
))]
#[get("/openapi.json")]
async fn openapi_document(text: web::Data<DocumentText>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text.0.clone())
}

/// The state of the service.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceState)]
struct State {
    /// Always `ok`.
    status: &'static str,
}

/// Check that the process is running
///
/// Does not use the database, so that a broken database does not get the process killed.
#[utoipa::path(tag = "service", operation_id = "healthz", security(()), responses(
    (status = 200, description = "The process is running", body = State),
))]
#[get("/healthz")]
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(State { status: "ok" })
}

refuses!(ReadyzRefusals: ServiceBusy);

/// Check that requests can be answered
///
/// Queries the database and waits up to two seconds for the answer. Answers 503 once the service was told to stop, for
/// as long as it still answers.
#[utoipa::path(tag = "service", operation_id = "readyz", security(()), responses(
    (status = 200, description = "Requests can be answered", body = State),
    ReadyzRefusals,
))]
#[get("/readyz")]
async fn readyz(app: web::Data<App>, draining: web::Data<Draining>) -> Result<HttpResponse, Problem> {
    if draining.has_begun() {
        return Err(Code::ServiceBusy.into());
    }
    app.db.ping(PATIENCE).await?;
    Ok(HttpResponse::Ok().json(State { status: "ok" }))
}
