//! Only what the document describes is answered (S-21, API9), only documented fields are accepted (S-06, API3), and no
//! address that a client sends is ever called (S-16, API7).

use super::{behind, operations, resolved};
use crate::support::http::Client;
use crate::support::world::{World, fresh_key};
use serde_json::{Map, Value, json};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use zhuanjie::api::ServerSettings;

/// Fields whose values only the service sets, wherever they occur.
const SERVER_OWNED: &[&str] = &[
    "id",
    "version",
    "state",
    "status",
    "role",
    "is_admin",
    "organization_id",
    "account_id",
    "member_id",
    "actor",
    "created_at",
    "updated_at",
    "decided_at",
    "proposed_by",
    "path",
    "province_id",
    "branch_id",
    "allowed_actions",
    "scopes_granted",
    "__proto__",
];

fn document(world: &World) -> Value {
    world.anybody().get("/v1/openapi.json").expect(200).json()
}

fn body_schema<'a>(document: &'a Value, operation: &'a Value) -> Option<&'a Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    (!schema.is_null()).then(|| resolved(document, schema))
}

/// Every object that a schema leads to.
fn objects<'a>(document: &'a Value, schema: &'a Value, depth: usize, found: &mut Vec<&'a Value>) {
    if depth > 8 {
        return;
    }
    let schema = resolved(document, schema);
    if let Some(fields) = schema["properties"].as_object() {
        found.push(schema);
        fields
            .values()
            .for_each(|field| objects(document, field, depth + 1, found));
    }
    objects_of_parts(document, schema, depth, found);
}

fn objects_of_parts<'a>(document: &'a Value, schema: &'a Value, depth: usize, found: &mut Vec<&'a Value>) {
    if !schema["items"].is_null() {
        objects(document, &schema["items"], depth + 1, found);
    }
    let parts = ["oneOf", "anyOf", "allOf"]
        .iter()
        .filter_map(|name| schema[name].as_array());
    parts
        .flatten()
        .for_each(|part| objects(document, part, depth + 1, found));
}

#[test]
fn s06_api3_the_document_closes_every_object_a_client_sends() {
    behind(&ServerSettings::default(), |world| {
        let document = document(&world);
        for (method, path, operation) in operations(&document) {
            let mut found = Vec::new();
            if let Some(schema) = body_schema(&document, &operation) {
                objects(&document, schema, 0, &mut found);
            }
            for object in found {
                assert_eq!(
                    object["additionalProperties"],
                    json!(false),
                    "{method} {path}: {object}"
                );
            }
        }
    });
}

#[test]
fn s06_api3_no_write_accepts_an_unknown_field() {
    behind(&ServerSettings::default(), |world| {
        let document = document(&world);
        let callers = [world.admin("nation"), world.person("class_1/1"), system(&world)];
        let mut tried = 0;
        for (method, path, operation) in operations(&document) {
            let Some(schema) = body_schema(&document, &operation) else {
                continue;
            };
            let own = schema["properties"].as_object().cloned().unwrap_or_default();
            for field in SERVER_OWNED.iter().filter(|field| !own.contains_key(**field)) {
                let body = Value::Object(Map::from_iter([((*field).to_owned(), json!(1))]));
                let refused = callers.iter().any(|caller| is_unknown(caller, &method, &path, &body));
                assert!(refused, "{method} {path} takes {field}");
                tried += 1;
            }
        }
        assert!(tried > 300, "{tried}");
    });
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .collect()
}

fn is_unknown(caller: &Client, method: &str, path: &str, body: &Value) -> bool {
    let request = caller.request(method, path).header("idempotency-key", &fresh_key());
    let answer = request.header("if-match", "*").json(body).send();
    assert!(
        !(200..300).contains(&answer.status),
        "{method} {path} {body}: {}",
        answer.text
    );
    answer.status == 422 && answer.text.contains("不是可用的字段")
}

/// Beijing's own system.
fn system(world: &World) -> Client {
    crate::external::system(world, "beijing")
}

#[test]
fn s21_api9_paths_outside_the_document_do_not_exist() {
    behind(&ServerSettings::default(), |world| {
        let nation = world.admin("nation");
        for path in [
            "/",
            "/v1",
            "/v1/",
            "/v2/organizations",
            "/v0/organizations",
            "/api/v1/organizations",
            "/admin",
            "/metrics",
            "/debug",
            "/debug/pprof",
            "/actuator",
            "/actuator/env",
            "/.env",
            "/.git/config",
            "/v1/users",
            "/v1/accounts",
            "/v1/accounts/1",
            "/graphql",
            "/v1/openapi.yaml",
            "/swagger.json",
            "/console",
            "/server-status",
            "/v1/test",
            "/v1/organizations/",
            "/V1/organizations",
            "/v1//organizations",
            "/v1/organizations/../organizations",
            "/healthz/",
            "/internal",
            "/v1/transfers/export",
        ] {
            let answer = nation.get(path);
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        }
    });
}

#[test]
fn s21_api9_every_documented_operation_is_routed_and_no_other_method_is() {
    behind(&ServerSettings::default(), |world| {
        let document = document(&world);
        let nation = world.admin("nation");
        let known = operations(&document);
        for (method, path, _) in &known {
            let answer = nation.request(method, path).send();
            let is_missing = answer.status == 404 && answer.code() == "request.not_found";
            assert!(!is_missing && answer.status != 405, "{method} {path}");
        }
        for (_, path, _) in &known {
            for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECTION", "X"] {
                if !known.iter().any(|(own, other, _)| own == method && other == path) {
                    let answer = nation.request(method, path).send();
                    // A path such as `/members/look-up` also reads as an id, and no object has that id.
                    let names_nothing = answer.status == 404 && answer.code() != "request.not_found";
                    let allow = answer.header("allow").unwrap_or_default();
                    let is_refused = answer.status == 405 && !allow.is_empty();
                    assert!(
                        is_refused || names_nothing,
                        "{method} {path}: {} {}",
                        answer.status,
                        answer.text
                    );
                }
            }
        }
    });
}

#[test]
fn s21_api9_every_route_of_the_source_is_in_the_document() {
    behind(&ServerSettings::default(), |world| {
        let document = document(&world);
        let paths = document["paths"].as_object().expect("paths");
        let documented: usize = paths
            .values()
            .map(|item| item.as_object().expect("operations").len())
            .sum();
        let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
        let mut routed = 0;
        for file in sources(&api) {
            let text = fs::read_to_string(&file).expect("UTF-8");
            for method in ["get", "post", "put", "delete", "patch", "head", "route"] {
                routed += text.matches(&format!("#[{method}(\"")).count();
            }
            // A route without an annotation would be missing in the document. The page of the document is the one
            // exception for callers.
            let by_hand = text.matches(".route(\"").count() + text.matches("web::resource(").count();
            let wanted = match file.file_name().and_then(|name| name.to_str()) {
                // The listener for administration has no document.
                Some("administration.rs") => 3,
                Some("mod.rs") if file.ends_with("server/mod.rs") => 1,
                _ => 0,
            };
            assert_eq!(by_hand, wanted, "{}", file.display());
        }
        assert_eq!(routed, documented, "{routed} routes, {documented} documented");
    });
}

#[test]
fn s16_api7_no_address_that_a_client_gives_is_called() {
    behind(&ServerSettings::default(), |world| {
        let trap = TcpListener::bind("127.0.0.1:0").expect("a free port");
        trap.set_nonblocking(true).expect("accepting does not wait");
        let host = trap.local_addr().expect("the listener is bound").to_string();
        let url = format!("http://{host}/");
        let document = document(&world);
        let callers = [world.admin("nation"), world.person("class_1/1"), system(&world)];
        for (method, path, operation) in operations(&document) {
            let own = body_schema(&document, &operation).and_then(|schema| schema["properties"].as_object());
            let fields = own.cloned().unwrap_or_default();
            let body: Map<String, Value> = fields.keys().map(|name| (name.clone(), json!(url))).collect();
            for caller in &callers {
                let mut request = caller.request(&method, &path).header("idempotency-key", &fresh_key());
                for name in [
                    "referer",
                    "origin",
                    "x-forwarded-host",
                    "forwarded",
                    "x-original-url",
                    "x-callback-url",
                ] {
                    request = request.header(name, &url);
                }
                let request = if fields.is_empty() {
                    request
                } else {
                    request.json(&body.clone().into())
                };
                assert_ne!(request.send().status, 500, "{method} {path}");
            }
            caller_with_query(&callers[0], &method, &path, &url);
        }
        assert!(trap.accept().is_err(), "the service called the address");
    });
}

fn caller_with_query(caller: &Client, method: &str, path: &str, url: &str) {
    let path = format!("{path}?url={url}&callback={url}&cursor={url}");
    assert_ne!(caller.request(method, &path).send().status, 500, "{path}");
}
