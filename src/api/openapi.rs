//! The OpenAPI document, made from the routes themselves.

use super::edge::limits::Body;
use super::problem::{self, ProblemDetails};
use super::{
    appointments, audit, auth, blocks, certifications, disclosures, graduation, inbox, integrators, jobs, look_up,
    members, meta, organizations, permissions, policies, resets, rules, search, transfers, wechat, well_known,
};
use crate::domain::codes::Code;
use actix_web::App;
use actix_web::http::Method;
use serde_json::Value;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi, ToSchema};
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
        (name = "auth", description = "Signing in"),
        (name = "organizations", description = "Organizations (团组织) and graduation months of branches (毕业时间)"),
        (name = "appointments", description = "Offices (管理员任职)"),
        (name = "members", description = "Members (团员) and their marks"),
        (name = "transfers", description = "Transfer cases (组织关系转接)"),
        (name = "inbox", description = "What waits for an organization (操作中心)"),
        (name = "integrators", description = "Other systems (对接系统) and their credentials"),
        (name = "audit", description = "The audit log (审计日志), for auditors"),
        (name = "service", description = "The service itself"),
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
            // The router tries one after the other: what is asked most stands first.
            .configure(members::routes)
            .configure(meta::routes)
            .configure(auth::routes)
            .configure(wechat::routes)
            .configure(integrators::routes)
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
    let demanded = permissions::demanded(&document);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in permissions::operations_mut(item) {
            add_common_errors(operation);
            if let Some(action) = demanded.get(&(method, path.clone())) {
                permissions::print(operation, *action);
            }
        }
    }
    document
}

/// Adds what every operation of its kind may answer: what the extractors refuse, and what befalls the service itself.
/// Said here once, so that no handler's annotation can forget it.
fn add_common_errors(operation: &mut Operation) {
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
    let applicable = [
        (needs_token, Code::RequestUnauthenticated),
        (has_body || has_query, Code::RequestMalformed),
        (has_body, Code::RequestTooLarge),
        (has_body, Code::RequestTimeout),
        (asks_database, Code::RequestTooMany),
        (has_body, Code::RequestMediaType),
        (has_body, Code::RequestInvalid),
        (has("Idempotency-Key"), Code::RequestKeyRequired),
        (has("Idempotency-Key"), Code::RequestKeyReused),
        (has("If-Match"), Code::RequestStale),
        (has("If-Match"), Code::RequestPreconditionRequired),
        (asks_database, Code::ServiceFault),
        (asks_database, Code::ServiceBusy),
    ];
    for (_, code) in applicable.into_iter().filter(|(applies, _)| *applies) {
        add_error(operation, code);
    }
}

/// Adds a code to the answer of its status.
fn add_error(operation: &mut Operation, code: Code) {
    let status = problem::status(code.kind()).as_u16().to_string();
    let name = format!("`{}`", code.name());
    let responses = &mut operation.responses.responses;
    match responses.get_mut(&status) {
        Some(RefOr::T(response)) if response.description.contains(&name) => {}
        Some(RefOr::T(response)) => response.description = format!("{}, {name}", response.description),
        _ => {
            let schema = Ref::from_schema_name(ProblemDetails::name());
            let response = ResponseBuilder::new()
                .description(name)
                .content("application/problem+json", Content::new(Some(schema)))
                .build();
            responses.insert(status, response.into());
        }
    }
}

/// The document as it is committed and served.
pub fn text(document: &Document) -> String {
    // A document of plain structs always serializes.
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// What the document says of each path: its methods, and what kind of body each takes.
pub struct Routes(Vec<Route>);

struct Route {
    path: Vec<Segment>,
    operations: Vec<(Method, Body)>,
}

enum Segment {
    Word(String),
    Any,
}

impl Routes {
    /// Reads them off the document.
    pub fn of(document: &Document) -> Self {
        // A document of plain structs always serializes.
        let document = serde_json::to_value(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        Self(
            paths
                .map(|(path, item)| Route {
                    path: segments(path),
                    operations: operations(&document, item),
                })
                .collect(),
        )
    }

    fn fitting(&self, path: &str) -> impl Iterator<Item = &Route> {
        let found: Vec<&str> = path.split('/').collect();
        self.0.iter().filter(move |route| {
            route.path.len() == found.len()
                && route.path.iter().zip(&found).all(|(wanted, found)| match wanted {
                    Segment::Word(word) => word == found,
                    Segment::Any => !found.is_empty(),
                })
        })
    }

    /// The methods of a path, as the `Allow` header lists them; `None` for a path that does not exist.
    pub fn methods(&self, path: &str) -> Option<String> {
        let route = self.fitting(path).next()?;
        let names: Vec<&str> = route.operations.iter().map(|(method, _)| method.as_str()).collect();
        Some(names.join(", "))
    }

    /// What kind of body an operation takes; a small one where there is none.
    pub fn body(&self, method: &Method, path: &str) -> Body {
        if method.is_safe() {
            // What only asks takes none, and is most of what comes: the paths need not be compared.
            return Body::Small;
        }
        let mut operations = self.fitting(path).flat_map(|route| &route.operations);
        operations
            .find(|(own, _)| own == method)
            .map_or(Body::Small, |(_, body)| *body)
    }
}

fn segments(path: &str) -> Vec<Segment> {
    path.split('/')
        .map(|part| {
            if part.starts_with('{') {
                Segment::Any
            } else {
                Segment::Word(part.into())
            }
        })
        .collect()
}

fn operations(document: &Value, item: &Value) -> Vec<(Method, Body)> {
    [Method::GET, Method::PUT, Method::POST, Method::DELETE]
        .into_iter()
        .filter_map(|method| {
            let operation = item.get(method.as_str().to_lowercase())?;
            let body = body_kind(document, operation);
            Some((method, body))
        })
        .collect()
}

/// A list anywhere in a JSON body makes it one about many things; what is no JSON is a file.
fn body_kind(document: &Value, operation: &Value) -> Body {
    let content = operation["requestBody"]["content"].as_object();
    match content.map(|kinds| kinds.get("application/json")) {
        None => Body::Small,
        Some(None) => Body::Upload,
        Some(Some(json)) if has_list(document, &json["schema"], 0) => Body::Batch,
        Some(Some(_)) => Body::Small,
    }
}

fn has_list(document: &Value, schema: &Value, depth: usize) -> bool {
    // Deeper than any body is: schemas may refer to themselves.
    if depth > 8 {
        return false;
    }
    let within = |schema: &Value| has_list(document, schema, depth + 1);
    if let Some(place) = schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
        return document.pointer(place).is_some_and(within);
    }
    let kind = &schema["type"];
    let kinds = kind.as_array().map_or(std::slice::from_ref(kind), Vec::as_slice);
    let variants = ["oneOf", "anyOf", "allOf"]
        .iter()
        .filter_map(|name| schema[name].as_array());
    kinds.iter().any(|kind| kind == "array")
        || schema["properties"]
            .as_object()
            .is_some_and(|fields| fields.values().any(within))
        || variants.flatten().any(within)
}
