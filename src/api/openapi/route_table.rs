//! The methods of each path, and the kind of body each takes, from the document.

use crate::api::admission::limits::Body;
use actix_web::http::Method;
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;

/// The methods of each path, and the kind of body each takes.
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
    /// Reads the routes from the document.
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

    /// The kind of body an operation takes. [`Body::Small`] for an operation without one.
    pub fn body(&self, method: &Method, path: &str) -> Body {
        if method.is_safe() {
            // Safe methods take no body and are most of the requests, so they skip the comparison of paths.
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

/// The kind of a request body. JSON with a list at any depth is a batch. A body of another media type is an upload.
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
    // Ends the search in schemas that refer to themselves. No body is this deep.
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
