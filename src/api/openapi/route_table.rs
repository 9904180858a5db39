//! The operations of each path, and the kind of body each takes, from the document.

use crate::api::admission::limits::Body;
use actix_web::http::Method;
use serde_json::Value;
use utoipa::openapi::OpenApi as Document;

/// The operations of each path, and the kind of body each takes.
pub struct Routes(Vec<Route>);

struct Route {
    pattern: String,
    path: Vec<Segment>,
    operations: Vec<RouteOperation>,
}

struct RouteOperation {
    method: Method,
    body: Body,
    id: String,
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
                    pattern: path.clone(),
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
        let mut names: Vec<&str> = route.operations.iter().map(|own| own.method.as_str()).collect();
        // HEAD is answered wherever GET is (RFC 9110, 9.3.2), and OPTIONS everywhere (9.3.7).
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        names.push("OPTIONS");
        Some(names.join(", "))
    }

    /// The pattern of a path, such as `/v1/transfers/{id}`.
    pub fn pattern(&self, path: &str) -> Option<&str> {
        Some(&self.fitting(path).next()?.pattern)
    }

    /// Every operation: its pattern, its method and its id.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &Method, &str)> {
        self.0.iter().flat_map(|route| {
            let own = route.operations.iter();
            own.map(|own| (route.pattern.as_str(), &own.method, own.id.as_str()))
        })
    }

    /// The kind of body an operation takes. [`Body::Small`] for an operation without one.
    pub fn body(&self, method: &Method, path: &str) -> Body {
        if method.is_safe() {
            // Safe methods take no body and are most of the requests, so they skip the comparison of paths.
            return Body::Small;
        }
        let mut operations = self.fitting(path).flat_map(|route| &route.operations);
        operations
            .find(|own| own.method == *method)
            .map_or(Body::Small, |own| own.body)
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

fn operations(document: &Value, item: &Value) -> Vec<RouteOperation> {
    [Method::GET, Method::PUT, Method::POST, Method::DELETE]
        .into_iter()
        .filter_map(|method| {
            let operation = item.get(method.as_str().to_lowercase())?;
            Some(RouteOperation {
                body: body_kind(document, operation),
                id: operation["operationId"].as_str().unwrap_or_default().to_owned(),
                method,
            })
        })
        .collect()
}

/// The kind of a request body. JSON with a list at any depth is a batch. Forms without files are small. A body of another
/// media type is an upload.
fn body_kind(document: &Value, operation: &Value) -> Body {
    let content = operation["requestBody"]["content"].as_object();
    let is_form = content.is_some_and(|kinds| kinds.contains_key("application/x-www-form-urlencoded"));
    match content.map(|kinds| kinds.get("application/json")) {
        None => Body::Small,
        Some(None) if is_form => Body::Small,
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
