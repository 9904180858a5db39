//! Which permission each operation demands, asked of the handlers themselves, so that the document cannot say anything
//! else; and that none demands nothing (S-04).

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

/// Where an operation says which permission it demands.
const EXTENSION: &str = "x-permission";

/// What anybody may call: the probes, signing in, and what the service says about itself. A route that is not here and
/// demands no permission keeps the service from starting.
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

/// The same, to be changed.
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

/// What each handler's signature demands, by method and path.
///
/// Every operation is called once on routes that have nothing behind them: the caller's extractor says what it demands
/// and then finds no database to ask, so no handler is run that needs one.
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
    // Nothing in it waits for anything: should that change, nothing is found, and the service does not start.
    ask.now_or_never().unwrap_or_default()
}

/// A path with something in the place of each parameter.
fn example(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "0" } else { part }.to_owned();
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// What an operation that demands this permission can answer because of it.
pub fn refusals(action: Action) -> impl Iterator<Item = Code> {
    // Whoever must change their password first may do just that.
    let must_change = (action != Action::ManageSelf).then_some(Code::AccountPasswordChangeRequired);
    authority::refusals(action).into_iter().chain(must_change)
}

/// Writes a permission into the document.
pub fn print(operation: &mut Operation, action: Action) {
    let said = ExtensionsBuilder::new().add(EXTENSION, action.as_str()).build();
    operation.extensions.get_or_insert_default().merge(said);
}

/// S-04: whether every operation demands a permission, or is one of the few that anybody may call.
///
/// # Errors
/// Names the first operation for which neither holds, or both.
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
