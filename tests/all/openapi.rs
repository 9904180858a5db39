//! The OpenAPI document: committed as it is made, and fit for those who build clients from it.

use crate::support::process::{run, zhuanjie};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// What anybody may call: the probes, signing in, and what the service says about itself.
const WITHOUT_TOKEN: &[&str] = &[
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

fn printed() -> String {
    let (status, lines) = run(zhuanjie(["openapi"]));
    assert!(status.success(), "{lines:?}");
    lines.join("\n") + "\n"
}

fn document() -> Value {
    serde_json::from_str(&printed()).expect("the document is JSON")
}

/// An operation with its method and path.
struct Operation {
    name: String,
    content: Map<String, Value>,
}

impl Operation {
    fn text(&self, field: &str) -> &str {
        self.content.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn responses(&self) -> &Map<String, Value> {
        self.content["responses"].as_object().expect("responses")
    }

    fn has_parameter(&self, name: &str) -> bool {
        let parameters = self.content.get("parameters").and_then(Value::as_array);
        parameters
            .into_iter()
            .flatten()
            .any(|parameter| parameter["name"] == name)
    }

    fn needs_token(&self) -> bool {
        self.content["security"] == serde_json::json!([{"bearer": []}])
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.as_object().expect("a path's operations").clone();
        let path = path.clone();
        item.into_iter().map(move |(method, content)| Operation {
            name: format!("{method} {path}"),
            content: content.as_object().expect("an operation").clone(),
        })
    };
    let found: Vec<_> = paths.iter().flat_map(of_path).collect();
    assert!(found.len() > 30, "it finds the operations");
    found
}

#[test]
fn the_committed_document_is_the_one_the_binary_prints() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("openapi/openapi.json");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == printed(),
        "openapi/openapi.json is stale; refresh it:\n\n    cargo run -- openapi > openapi/openapi.json\n"
    );
}

#[test]
fn it_is_openapi_3_1_with_a_licence() {
    let document = document();
    let version = document["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3.1."), "{version}");
    assert_eq!(document["info"]["license"]["identifier"], "MIT");
    assert_eq!(document["info"]["license"]["name"], "MIT");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&"http".into(), &"bearer".into()));
}

#[test]
fn no_description_is_empty() {
    fn check(value: &Value, place: &str) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let is_empty = value.as_str().is_some_and(|text| text.trim().is_empty());
                    let is_text = name == "description" || name == "summary";
                    assert!(!(is_text && is_empty), "{place}/{name} is empty");
                    check(value, &format!("{place}/{name}"));
                }
            }
            Value::Array(items) => items.iter().for_each(|item| check(item, place)),
            _ => {}
        }
    }
    check(&document(), "");
}

#[test]
fn every_operation_says_what_it_is() {
    let document = document();
    let tags: Vec<&Value> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|t| &t["name"])
        .collect();
    let mut ids = HashSet::new();
    for operation in operations(&document) {
        let name = &operation.name;
        for field in ["operationId", "summary", "description"] {
            assert!(!operation.text(field).is_empty(), "{name} has no {field}");
        }
        assert!(
            ids.insert(operation.text("operationId").to_owned()),
            "{name}: the id is taken"
        );
        let own = operation.content["tags"].as_array().expect("tags");
        assert!(!own.is_empty(), "{name} has no tag");
        assert!(
            own.iter().all(|tag| tags.contains(&tag)),
            "{name}: a tag without a description"
        );
        for (status, response) in operation.responses() {
            assert!(
                response["description"].is_string(),
                "{name} {status} has no description"
            );
        }
        let is_success = |status: &String| status.starts_with('2');
        assert!(operation.responses().keys().any(is_success), "{name} never succeeds");
    }
}

#[test]
fn whatever_is_not_on_the_list_needs_a_token() {
    let open: Vec<String> = operations(&document())
        .iter()
        .filter(|operation| !operation.needs_token())
        .map(|operation| operation.text("operationId").to_owned())
        .collect();
    let open: HashSet<&str> = open.iter().map(String::as_str).collect();
    assert_eq!(open, WITHOUT_TOKEN.iter().copied().collect());
}

#[test]
fn every_error_is_a_problem() {
    for operation in operations(&document()) {
        for (status, response) in operation.responses() {
            let content = response.get("content").and_then(Value::as_object);
            let kinds: Vec<&String> = content.into_iter().flat_map(Map::keys).collect();
            let is_error = status.starts_with('4') || status.starts_with('5');
            assert_eq!(
                kinds == ["application/problem+json"],
                is_error,
                "{} {status}: {kinds:?}",
                operation.name
            );
        }
    }
}

#[test]
fn what_every_operation_of_a_kind_can_answer_is_said() {
    for operation in operations(&document()) {
        let has_body = operation.content.contains_key("requestBody");
        let says = |status: &str| operation.responses().contains_key(status);
        let wanted = [
            (operation.needs_token(), &["401", "500", "503"][..]),
            (has_body, &["400", "413", "415", "422", "500", "503"]),
            (operation.has_parameter("Idempotency-Key"), &["400", "422"]),
            (operation.has_parameter("If-Match"), &["412", "428"]),
            (operation.has_parameter("limit"), &["400"]),
        ];
        for (_, statuses) in wanted.iter().filter(|(applies, _)| *applies) {
            for status in *statuses {
                assert!(says(status), "{} does not say {status}", operation.name);
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100, "it finds the references");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a place in the document itself");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
