//! The OpenAPI document, generated from the routes.

mod components;
pub mod permissions;
pub mod refuses;
pub mod route_table;

use super::response::problem::ProblemDetails;
use super::routes::{
    appointments, audit, auth, blocks, certifications, disclosures, graduation, inbox, integrators, jobs, look_up,
    members, meta, organizations, policies, registration, resets, rules, search, token, transfers, wechat, well_known,
};
use crate::domain::authority::Action;
use crate::domain::catalogue::code::Code;
use actix_web::App;
use actix_web::http::Method;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::service_config::ServiceConfig;
use utoipa_actix_web::{AppExt, scope};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "zhuanjie 转接",
        description = "Transfers of the League's organization relations (团组织关系转接): organizations, members, graduation \
                       marks and transfer workflows. Every error is a problem (RFC 9457) with a code, the rule of the \
                       manual it comes from, and the way out.",
        license(name = "MIT", identifier = "MIT")
    ),
    tags(
        (name = "auth", description = "Sign-in, sessions and passwords"),
        (name = "organizations", description = "Organizations (团组织) and graduation months of branches (毕业时间)"),
        (name = "appointments", description = "Appointments of administrators and auditors (管理员任职)"),
        (name = "members", description = "Members (团员), their marks (标记) and certifications (团员身份认证)"),
        (name = "transfers", description = "Transfers (组织关系转接)"),
        (name = "inbox", description = "What an organization has to act on (操作中心)"),
        (name = "integrators", description = "Integrators (对接系统) and their credentials"),
        (name = "audit", description = "The audit log (审计日志), for auditors"),
        (name = "service", description = "The service: rules, refusals, policies, jobs and health"),
    ),
    components(schemas(ProblemDetails)),
    modifiers(&Bearer)
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// All routes.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.configure(meta::probes).configure(well_known::routes).service(
        scope::scope("/v1")
            // The router tries the routes in order, so the busiest come first.
            .configure(members::routes)
            .configure(registration::routes)
            .configure(meta::routes)
            .configure(auth::routes)
            .configure(wechat::routes)
            .configure(integrators::routes)
            .configure(token::routes)
            .configure(resets::routes)
            .configure(blocks::routes)
            .configure(organizations::routes)
            .configure(appointments::routes)
            .configure(certifications::routes)
            .configure(transfers::routes)
            .configure(inbox::routes)
            .configure(graduation::routes)
            .configure(look_up::routes)
            .configure(policies::routes)
            .configure(rules::routes)
            .configure(jobs::routes)
            .configure(audit::routes)
            .configure(disclosures::routes)
            .configure(search::routes),
    );
}

/// The document.
pub fn document() -> Document {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Api::openapi())
        .configure(routes)
        .split_for_parts();
    let demanded = permissions::demanded(&document, routes);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in permissions::operations_mut(item) {
            let action = demanded.get(&(method.clone(), path.clone())).copied();
            add_common_errors(&method, action, operation);
            if let Some(action) = action {
                permissions::print(operation, action);
            }
        }
    }
    let components = document.components.get_or_insert_default();
    components.examples.extend(refuses::examples());
    components::open_enumerations(components);
    components::name_generics(document)
}

/// Adds the errors that follow from the operation's parameters, body and permission: those of the extractors, of the
/// permission check and of the service itself.
fn add_common_errors(method: &Method, demanded: Option<Action>, operation: &mut Operation) {
    let needs_token = operation
        .security
        .iter()
        .flatten()
        .any(|requirement| *requirement != SecurityRequirement::default());
    let has_body = operation.request_body.is_some();
    let parameters = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            _ => None,
        });
    let has = |name: &str| parameters.clone().any(|parameter| parameter.name == name);
    let has_query = parameters.clone().any(|p| p.parameter_in == ParameterIn::Query);
    let asks_database = needs_token || has_body;
    // Only the probes have no rate limit.
    let is_rate_limited = !matches!(operation.operation_id.as_deref(), Some("healthz" | "readyz"));
    let applicable = [
        (needs_token, Code::RequestUnauthenticated),
        (has_body || has_query, Code::RequestMalformed),
        (has_body, Code::RequestText),
        (has_body, Code::RequestTooLarge),
        (has_body, Code::RequestTimeout),
        (is_rate_limited, Code::RequestTooMany),
        (has_body, Code::RequestMediaType),
        (has_body, Code::RequestInvalid),
        (has("Idempotency-Key"), Code::RequestKeyRequired),
        (has("Idempotency-Key"), Code::RequestKeyReused),
        (has("If-Match"), Code::RequestStale),
        (has("If-Match"), Code::RequestPreconditionRequired),
        (asks_database, Code::ServiceFault),
        (asks_database, Code::ServiceBusy),
        (asks_database && !method.is_safe(), Code::ServiceOutcomeUnknown),
    ];
    let applicable = applicable
        .into_iter()
        .filter_map(|(applies, code)| applies.then_some(code));
    let of_permission = demanded.map(permissions::refusals).into_iter().flatten();
    for code in of_permission.chain(applicable) {
        refuses::add(&mut operation.responses.responses, code);
    }
}

/// The document's text, as it is committed and served.
pub fn text(document: &Document) -> String {
    // A document of plain structs always serializes.
    document.to_pretty_json().unwrap_or_default() + "\n"
}
