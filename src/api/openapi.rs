//! The OpenAPI document, made from the routes themselves.

use super::{
    appointments, auth, certifications, graduation, inbox, jobs, members, meta, organizations, policies, resets, rules,
    transfers,
};
use actix_web::App;
use std::collections::BTreeMap;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, PathItem};
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
        (name = "auth", description = "Signing in"),
        (name = "organizations", description = "Organizations (团组织) and graduation months of branches (毕业时间)"),
        (name = "appointments", description = "Offices (管理员任职)"),
        (name = "members", description = "Members (团员) and their marks"),
        (name = "transfers", description = "Transfer cases (组织关系转接)"),
        (name = "inbox", description = "What waits for an organization (操作中心)"),
        (name = "service", description = "The service itself"),
    ),
    components(schemas(super::problem::ProblemDetails)),
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
    config.configure(meta::probes).service(
        scope::scope("/v1")
            .configure(meta::routes)
            .configure(auth::routes)
            .configure(resets::routes)
            .configure(organizations::routes)
            .configure(appointments::routes)
            .configure(certifications::routes)
            .configure(transfers::routes)
            .configure(inbox::routes)
            .configure(graduation::routes)
            .configure(members::routes)
            .configure(policies::routes)
            .configure(rules::routes)
            .configure(jobs::routes),
    );
}

/// The document.
pub fn document() -> Document {
    let (_, document) = App::new()
        .into_utoipa_app()
        .openapi(Api::openapi())
        .configure(routes)
        .split_for_parts();
    document
}

/// The document as it is committed and served.
pub fn text(document: &Document) -> String {
    // A document of plain structs always serializes.
    document.to_pretty_json().unwrap_or_default() + "\n"
}

/// Which methods each path of the document takes.
pub struct Routes(Vec<(Vec<Segment>, String)>);

enum Segment {
    Word(String),
    Any,
}

impl Routes {
    /// Reads them off the document.
    pub fn of(document: &Document) -> Self {
        let paths: BTreeMap<&String, &PathItem> = document.paths.paths.iter().collect();
        Self(
            paths
                .into_iter()
                .map(|(path, item)| (segments(path), methods(item)))
                .collect(),
        )
    }

    /// The methods of a path, as the `Allow` header lists them; `None` for a path that does not exist.
    pub fn methods(&self, path: &str) -> Option<String> {
        let found: Vec<&str> = path.split('/').collect();
        let fits = |wanted: &[Segment]| {
            wanted.len() == found.len()
                && wanted.iter().zip(&found).all(|(wanted, found)| match wanted {
                    Segment::Word(word) => word == found,
                    Segment::Any => !found.is_empty(),
                })
        };
        self.0
            .iter()
            .find(|(wanted, _)| fits(wanted))
            .map(|(_, methods)| methods.clone())
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

fn methods(item: &PathItem) -> String {
    let known = [
        ("GET", &item.get),
        ("PUT", &item.put),
        ("POST", &item.post),
        ("DELETE", &item.delete),
    ];
    let taken: Vec<&str> = known
        .into_iter()
        .filter(|(_, operation)| operation.is_some())
        .map(|(name, _)| name)
        .collect();
    taken.join(", ")
}
