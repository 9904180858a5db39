//! The OpenAPI document: the committed file is the generated one, and client generators can use it.

use crate::support::process::{run, zhuanjie};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// Operations that need no token: the probes, signing in, and what the service says about itself.
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
    assert!(found.len() > 30, "too few operations were found");
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
            "{name}: another operation has the id"
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
                assert!(says(status), "{} does not list {status}", operation.name);
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
    assert!(found.len() > 100, "too few references were found");
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a place in the document itself");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

/// The schemas of an operation, each with whether it belongs to the request.
fn bodies(operation: &Operation) -> Vec<(bool, String)> {
    fn names(value: &Value, found: &mut Vec<String>) {
        let name = value["$ref"].as_str().and_then(|text| text.rsplit('/').next());
        found.extend(name.map(str::to_owned));
        if let Some(kinds) = value["content"].as_object() {
            kinds.values().for_each(|content| names(&content["schema"], found));
        }
        if !value["items"].is_null() {
            names(&value["items"], found);
        }
    }
    let mut asked = Vec::new();
    let mut answered = Vec::new();
    operation
        .content
        .get("requestBody")
        .inspect(|body| names(body, &mut asked));
    operation
        .responses()
        .values()
        .for_each(|response| names(response, &mut answered));
    let asked = asked.into_iter().map(|name| (true, name));
    asked.chain(answered.into_iter().map(|name| (false, name))).collect()
}

/// The grammar of `src/api/wire/mod.rs`: the names can be types in TypeScript, Python and Java.
#[test]
fn the_names_of_schemas_are_fit_for_generated_clients() {
    const TAKEN: &[&str] = &[
        "Any",
        "Array",
        "Boolean",
        "Date",
        "Dict",
        "Enum",
        "Error",
        "Exception",
        "Field",
        "Function",
        "Integer",
        "List",
        "Map",
        "Module",
        "Number",
        "Object",
        "Optional",
        "Override",
        "Process",
        "Promise",
        "Record",
        "Request",
        "Response",
        "Set",
        "String",
        "Symbol",
        "System",
        "Thread",
        "Type",
        "Union",
    ];
    const ENDINGS: &[&str] = &["View", "Body", "Answer", "Row", "Brief", "Dto", "Params"];
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for name in schemas.keys() {
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(is_plain && name.starts_with(|c: char| c.is_ascii_uppercase()), "{name}");
        assert!(
            !TAKEN.contains(&name.as_str()),
            "{name} is a type that these languages already have"
        );
        let ending = ENDINGS.iter().find(|ending| name.ends_with(**ending));
        assert!(
            ending.is_none(),
            "{name} has an ending that describes the code, not the thing"
        );
    }
    for operation in operations(&document) {
        let bodies = bodies(&operation);
        let is_put = operation.name.starts_with("put ");
        for (is_asked, name) in &bodies {
            // A `PUT` sends the thing itself.
            let may_be_asked = name.ends_with("Request") || name == "Empty" || is_put;
            assert!(!is_asked || may_be_asked, "{} takes {name}", operation.name);
            let may_be_answered = !name.ends_with("Request") || name == "AppointmentRequest";
            assert!(*is_asked || may_be_answered, "{} answers {name}", operation.name);
        }
    }
}

/// The public name of every type in the document, read from the sources.
fn described(sources: &str) -> Vec<String> {
    let mut names = Vec::new();
    for derive in sources.split("#[derive(").skip(1) {
        let Some((traits, rest)) = derive.split_once(")]") else {
            continue;
        };
        if !traits.split(',').any(|name| name.trim().ends_with("ToSchema")) {
            continue;
        }
        let head = rest.split('{').next().unwrap_or_default();
        let public = head
            .split_once("#[schema(as = ")
            .and_then(|(_, rest)| rest.split([')', ',']).next());
        let mut words = head.split(|c: char| !c.is_alphanumeric() && c != '_');
        let own = words
            .find(|word| ["struct", "enum"].contains(word))
            .and_then(|_| words.next());
        names.extend(public.or(own).map(str::to_owned));
    }
    for (macro_name, is_pair) in [("\nenum_schemas!(", true), ("\nid_schemas!(", false)] {
        let lists = sources
            .split(macro_name)
            .skip(1)
            .filter_map(|rest| rest.split(");").next());
        for entry in lists
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let name = if is_pair { entry.split('"').nth(1) } else { Some(entry) };
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// Of two types with one name, the document would keep one and describe the other wrongly.
#[test]
fn no_two_types_share_a_name_in_the_document() {
    fn collect(folder: &std::path::Path, sources: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                collect(&path, sources);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                sources.push_str(&fs::read_to_string(path).expect("UTF-8"));
            }
        }
    }
    let mut sources = String::new();
    collect(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
    let names = described(&sources);
    assert!(names.len() > 100, "too few types were found: {names:?}");
    let mut seen = HashSet::new();
    for name in &names {
        assert!(seen.insert(name), "two types are called {name} in the document");
    }
}

#[test]
fn a_described_type_is_found_with_its_public_name() {
    let sources = "\n#[derive(Debug, ToSchema)]\n#[schema(as = Target)]\nstruct TargetView {}\n\
                   #[derive(Debug)]\nstruct Other {}\n#[derive(utoipa::ToSchema)]\npub enum Plain { A }\n\
                   \nenum_schemas!(\n    Kind as \"OrganizationKind\",\n);\nid_schemas!(\n    MemberId,\n    TaskId\n);\n";
    assert_eq!(
        described(sources),
        ["Target", "Plain", "OrganizationKind", "MemberId", "TaskId"]
    );
}

#[test]
fn every_enumeration_is_open_to_new_values() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let closed: Vec<_> = schemas
        .iter()
        .filter(|(_, schema)| !schema["enum"].is_null())
        .inspect(|(name, schema)| {
            let description = schema["description"].as_str().unwrap_or_default();
            assert!(
                description.contains("More values may be added"),
                "{name}: {description}"
            );
        })
        .collect();
    assert!(closed.len() > 40, "too few enumerations were found");
}

#[test]
fn every_problem_has_an_example_made_from_its_code() {
    let document = document();
    for (code, example) in document["components"]["examples"].as_object().expect("examples") {
        let problem = &example["value"];
        assert_eq!(problem["code"], code.as_str());
        assert_eq!(problem["type"], format!("/v1/errors/{code}"));
        assert_ne!(
            problem["next_actions"][0]["text"].as_str().unwrap_or_default(),
            "",
            "{code}"
        );
    }
    for operation in operations(&document) {
        for (status, response) in operation.responses() {
            let Some(content) = response["content"].get("application/problem+json") else {
                continue;
            };
            let examples = content["examples"].as_object().expect("examples");
            assert!(!examples.is_empty(), "{} {status}", operation.name);
            for (code, example) in examples {
                let place = example["$ref"]
                    .as_str()
                    .expect("a shared example")
                    .trim_start_matches('#');
                let problem = &document.pointer(place).expect("the example exists")["value"];
                assert_eq!(problem["code"], code.as_str());
                assert_eq!(problem["status"].to_string(), *status, "{} {code}", operation.name);
                let line = format!("- `{code}`: ");
                assert!(
                    response["description"]
                        .as_str()
                        .is_some_and(|text| text.contains(&line)),
                    "{code}"
                );
            }
        }
    }
}
