//! The permission that each operation demands. It is read from the handlers themselves, so the document can't differ
//! from them. Every operation has one, except those on the public list (S-04).

use crate::api::request::caller::Demanded;
use crate::domain::authority::{self, Action};
use crate::domain::catalogue::code::Code;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpMessage};
use futures_util::future::FutureExt;
use std::collections::HashMap;
use std::io;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi as Document, PathItem};
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

/// The extension that names an operation's permission.
const EXTENSION: &str = "x-permission";

/// The operations without a permission: probes, sign-in, and the pages about the service itself. If a route demands no
/// permission and is not listed here, the service does not start.
const PUBLIC: &[&str] = &[
    "get_error",
    "get_token",
    "healthz",
    "jwks",
    "list_errors",
    "list_rules",
    "list_transfer_reasons",
    "openapi_document",
    "readyz",
    "refresh",
    "reset_password",
    "sign_in",
    "wechat_bind",
    "wechat_login",
];

/// The operations of a path with their methods.
pub fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// The operations of a path with their methods, mutable.
pub fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The permission that each handler's signature demands, by method and path.
///
/// Calls every operation once, on routes without an application behind them. The extractor of the caller reports its
/// permission and then fails, because there is no application. So no handler that demands a permission runs.
pub fn demanded(document: &Document, routes: impl FnOnce(&mut ServiceConfig<'_>)) -> HashMap<(Method, String), Action> {
    let ask = async {
        let (actix, _) = App::new().into_utoipa_app().configure(routes).split_for_parts();
        let service = init_service(actix).await;
        let mut found = HashMap::new();
        for (path, item) in &document.paths.paths {
            for (method, _) in operations(item) {
                let request = TestRequest::with_uri(&example(path))
                    .method(method.clone())
                    .to_request();
                let answer = call_service(&service, request).await;
                let action = answer
                    .request()
                    .extensions()
                    .get::<Demanded>()
                    .map(|demanded| demanded.0);
                found.extend(action.map(|action| ((method, path.clone()), action)));
            }
        }
        found
    };
    // The calls never wait. If one did, nothing would be found, and the service would not start.
    ask.now_or_never().unwrap_or_default()
}

/// A path with a value in place of each parameter.
fn example(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "0" } else { part }.to_owned();
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The refusals that the check of this permission can give.
pub fn refusals(action: Action) -> impl Iterator<Item = Code> {
    // A person who has to change their password first may do only that.
    let must_change = (action != Action::ManageSelf).then_some(Code::AccountPasswordChangeRequired);
    authority::refusals(action).into_iter().chain(must_change)
}

/// Adds a permission to an operation of the document.
pub fn print(operation: &mut Operation, action: Action) {
    let said = ExtensionsBuilder::new().add(EXTENSION, action.as_str()).build();
    operation.extensions.get_or_insert_default().merge(said);
}

/// S-04: checks that every operation either demands a permission or is on the public list.
///
/// # Errors
/// If an operation does neither or both. Names the first such operation.
pub fn check(document: &Document) -> io::Result<()> {
    for (method, operation) in document.paths.paths.values().flat_map(operations) {
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let demands = operation
            .extensions
            .as_ref()
            .is_some_and(|extensions| extensions.contains_key(EXTENSION));
        if demands == PUBLIC.contains(&id) {
            return Err(io::Error::other(format!(
                "{method} {id} demands no permission, or needs none and is not public"
            )));
        }
    }
    Ok(())
}
