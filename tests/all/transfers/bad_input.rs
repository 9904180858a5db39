//! Bad input of every kind, sent to every write of the OpenAPI document: the answer is a clear problem that repeats no
//! rejected value, and nothing is stored (S-05, S-06, I-32).

use super::{SUMMER, busy, proposal, propose, stored};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::language;
use crate::support::process::{Process, zhuanjie};
use crate::support::world::{World, fresh_key};
use serde_json::{Value, json};
use zhuanjie::domain::core::ids::{MemberId, MonthChangeId, OrganizationId, TransferId};

/// A plausible ID number with a wrong check digit. No answer may contain it.
const SECRET: &str = "420106199901011239";

/// A well-formed id that no object has, for each kind of object with a path.
fn nothing(path: &str) -> String {
    const KEY: i64 = 987_654;
    match path.split('/').nth(2) {
        Some("organizations") => OrganizationId(KEY).to_string(),
        Some("members") => MemberId(KEY).to_string(),
        Some("month-changes") => MonthChangeId(KEY).to_string(),
        _ => TransferId(KEY).to_string(),
    }
}

struct Operation {
    method: String,
    path: String,
    takes_body: bool,
    /// The fields of the body, each with a value of the right kind.
    fields: Vec<(String, Value)>,
    /// The parameters of the query.
    parameters: Vec<String>,
}

/// The operations of the document, with ids of nothing in their paths.
fn operations(client: &Client) -> Vec<Operation> {
    let document = client.get("/v1/openapi.json").expect(200).json();
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let body = &operation["requestBody"]["content"]["application/json"]["schema"];
            let schema = resolved(&document, body);
            let fields = schema["properties"].as_object().cloned().unwrap_or_default();
            let fields = fields
                .iter()
                .map(|(name, schema)| (name.clone(), sample(resolved(&document, schema))))
                .collect();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let parameters = parameters.iter().filter(|parameter| parameter["in"] == json!("query"));
            found.push(Operation {
                method: method.to_uppercase(),
                path: path
                    .replace("{id}", &nothing(path))
                    .replace("{season}", "2026")
                    .replace("{code}", "x"),
                takes_body: operation["requestBody"].is_object(),
                fields,
                parameters: parameters
                    .map(|parameter| parameter["name"].as_str().expect("a name").to_owned())
                    .collect(),
            });
        }
    }
    found
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = schema["$ref"].as_str().or_else(|| {
        let either = schema["oneOf"].as_array().or(schema["anyOf"].as_array())?;
        either.iter().find_map(|schema| schema["$ref"].as_str())
    });
    match reference {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or(&Value::Null),
        None => schema,
    }
}

fn sample(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(first) = schema["examples"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    let kind = schema["type"]
        .as_str()
        .or_else(|| schema["type"][0].as_str())
        .unwrap_or("object");
    match kind {
        "string" => json!("文"),
        "integer" | "number" => json!(1),
        "boolean" => json!(false),
        "array" => json!([]),
        _ => json!({}),
    }
}

/// Checks that an answer is a proper problem: 4xx with a code, and nothing of what was sent.
#[track_caller]
fn clear(answer: &Answer, what: &str) {
    assert!(
        (400..500).contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        answer.text
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{what}: {}",
        answer.text
    );
    assert!(
        answer.json()["code"].as_str().is_some_and(|code| code.contains('.')),
        "{what}: {}",
        answer.text
    );
    language::is_chinese(&answer.json(), what);
    discreet(answer, what);
}

#[track_caller]
fn discreet(answer: &Answer, what: &str) {
    assert!(!answer.text.contains(SECRET), "{what}: {}", answer.text);
    assert!(
        !format!("{:?}", answer.headers).contains(SECRET),
        "{what}: {:?}",
        answer.headers
    );
}

fn send(client: &Client, operation: &Operation, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
    client
        .request(&operation.method, &operation.path)
        .header("idempotency-key", &fresh_key())
        .header("if-match", "\"1\"")
        .header("content-type", kind)
        .body(body)
        .send()
}

const JSON: &str = "application/json";

/// Bodies that every operation refuses.
fn bodies(operation: &Operation) -> Vec<(&'static str, Vec<u8>)> {
    let good: serde_json::Map<String, Value> = operation.fields.iter().cloned().collect();
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body.insert(name.to_owned(), value);
        Value::Object(body).to_string().into_bytes()
    };
    let mut all: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("null", b"null".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a text", format!("\"{SECRET}\"").into_bytes()),
        ("a number", SECRET.as_bytes().to_vec()),
        ("not JSON", format!("{{\"a\": {SECRET}").into_bytes()),
        ("trailing text", format!("{{}} {SECRET}").into_bytes()),
        ("an unknown field", with(SECRET, json!(1))),
        (
            "an unknown field with a sentence as its name",
            with(&format!("x, expected {SECRET}"), json!(SECRET)),
        ),
        ("an unknown field's value", with("surprise", json!(SECRET))),
        ("a server's field", with("state", json!(SECRET))),
        ("a nested secret", with("more", json!({"deep": [SECRET]}))),
        (
            "deep nesting",
            ["{\"details\":".repeat(5000), "1".into(), "}".repeat(5000)]
                .concat()
                .into_bytes(),
        ),
        (
            "deep lists",
            ["[".repeat(100_000), "]".repeat(100_000)].concat().into_bytes(),
        ),
        (
            "not UTF-8",
            [b"{\"reason\": \"".as_slice(), &[0xff, 0xfe, 0xc0], b"\"}"].concat(),
        ),
        ("a lone surrogate", b"{\"reason\": \"\\ud800\"}".to_vec()),
        ("a huge number", b"{\"version\": 1e999999}".to_vec()),
    ];
    for (name, sample) in &operation.fields {
        let twice = format!("{{\"{name}\": {sample}, \"{name}\": {sample}}}");
        all.push(("a key twice", twice.into_bytes()));
        for wrong in wrong_kinds(sample) {
            all.push(("a wrong kind", with(name, wrong)));
        }
    }
    all
}

fn wrong_kinds(sample: &Value) -> Vec<Value> {
    let number: Value = serde_json::from_str(SECRET).expect("a number");
    let all = [
        json!(true),
        number,
        json!(1.5),
        json!(-1),
        json!(SECRET),
        json!([SECRET]),
        json!({SECRET: SECRET}),
    ];
    let is_free_text = *sample == json!("文");
    all.into_iter()
        .filter(|wrong| match sample {
            Value::String(_) => !(is_free_text && wrong.is_string()),
            Value::Bool(_) => !wrong.is_boolean(),
            Value::Array(_) => true,
            Value::Object(_) => true,
            _ => !wrong.is_number(),
        })
        .collect()
}

both_engines! {
    fn every_write_answers_bad_bodies_with_a_clear_problem_and_stores_nothing(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        busy(&mut world);
        let before = stored(&world);
        let clients = [world.anybody(), world.person("class_1/1"), world.admin("nation")];
        let operations = operations(&clients[0]);
        let writes: Vec<&Operation> = operations.iter().filter(|o| o.takes_body).collect();
        assert!(writes.len() >= 14, "{}", writes.len());
        for operation in writes {
            let name = format!("{} {}", operation.method, operation.path);
            for client in &clients {
                for (what, body) in bodies(operation) {
                    let (answer, what) = (send(client, operation, JSON, body), format!("{name}: {what}"));
                    // The items of a list without a mode are refused one by one.
                    if answer.status == 200 && answer.json()["done"] == json!(0) && answer.json()["refused"] != json!(0) {
                        discreet(&answer, &what);
                    } else {
                        clear(&answer, &what);
                    }
                }
                for kind in ["", "text/plain", "application/xml", "application/jsonp", "multipart/form-data"] {
                    clear(&send(client, operation, kind, "{}"), &format!("{name}: {kind}"));
                }
            }
        }
        assert_eq!(stored(&world), before);
    }

    fn long_and_odd_texts_are_refused_or_kept_whole_and_never_a_fault(db: TestDb) {
        let world = World::new(db, SUMMER);
        let admin = world.admin("nation");
        let operations = operations(&admin);
        let before = stored(&world);
        let long = "9".repeat(1_000_000);
        for operation in operations.iter().filter(|o| o.method == "POST" && !o.path.contains("sign-in")) {
            for (name, sample) in operation.fields.iter().filter(|(_, sample)| sample.is_string()) {
                for odd in [long.as_str(), "\u{0}", "a\u{0}b", "\u{feff}\u{202e}", "';--", "\u{10ffff}"] {
                    let mut body: serde_json::Map<String, Value> = operation.fields.iter().cloned().collect();
                    body.insert(name.clone(), json!(odd));
                    let answer = send(&admin, operation, JSON, Value::Object(body).to_string());
                    let what = format!("{} {name}: {} {sample}", operation.path, odd.len());
                    if !(200..300).contains(&answer.status) {
                        clear(&answer, &what);
                    }
                }
            }
        }
        // The same on a real case, by callers with the permission.
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        for odd in ["\u{0}", "a\u{0}b", long.as_str(), &"长".repeat(1001)] {
            let answer = world.admin("village").decide(&case.at("refuse"), 1, &json!({"reason": odd}));
            clear(&answer, "a reason");
            let mut body = proposal(&world, "unsettled", "village");
            body["explanation"] = json!(odd);
            clear(&world.person("class_1/2").write("/v1/transfers", &body), "an explanation");
            let mut body = proposal(&world, "employed_with_league", "workshop");
            body["details"]["employer_name"] = json!(odd);
            clear(&world.person("class_1/2").write("/v1/transfers", &body), "a name");
            body["member"] = json!({"name": odd, "id_number": world.id_number("class_1/2")});
            clear(&world.admin("workshop").write("/v1/transfers", &body), "a member's name");
        }
        assert_ne!(stored(&world), before);
        assert_eq!(world.db.count("transfers"), 1);
    }

    fn id_numbers_with_wrong_check_digits_are_refused_and_not_repeated(db: TestDb) {
        let world = World::new(db, SUMMER);
        let before = stored(&world);
        let good = world.id_number("class_1/1");
        let mut numbers = vec![SECRET.to_owned(), String::new(), "1".repeat(18), good[..17].to_owned()];
        let last = good.as_bytes()[17];
        numbers.extend((b'0'..=b'9').filter(|digit| *digit != last).map(|digit| format!("{}{}", &good[..17], digit as char)));
        for number in numbers {
            let mut body = proposal(&world, "unsettled", "village");
            body["member"] = json!({"name": "class_1/1", "id_number": number});
            for path in ["/v1/transfers", "/v1/transfers/preview"] {
                let answer = world.admin("village").write(path, &body);
                clear(&answer, &number);
                assert!(number.is_empty() || !answer.text.contains(&number), "{}", answer.text);
            }
        }
        let both = json!({"id": world.mem("class_1/1"), "name": "class_1/1", "id_number": good});
        for who in [both, json!({}), json!({"name": "class_1/1"}), json!({"id_number": world.id_number("class_1/1")})] {
            let mut body = proposal(&world, "unsettled", "village");
            body["member"] = who;
            world.admin("village").write("/v1/transfers", &body).refused(422, "request.invalid");
        }
        assert_eq!(stored(&world), before);
    }

    fn impossible_months_are_refused(db: TestDb) {
        let world = World::new(db, SUMMER);
        let before = stored(&world);
        let college = world.admin("college");
        for month in ["2026-00", "2026-13", "2026-1", "26-06", "2026-06-01", "0000-01", "2026/06", "", "2026-06\u{0}", SECRET] {
            let item = json!({"branch": world.org("class_1"), "month": month});
            let body = json!({"mode": "all_or_nothing", "items": [item]});
            clear(&college.write("/v1/graduation-marks", &body), month);
            let body = json!({"branch": world.org("class_1"), "month": month, "reason": "x"});
            clear(&college.write("/v1/month-changes", &body), month);
        }
        assert_eq!(stored(&world), before);
    }

    fn a_body_over_the_limit_is_413_and_says_the_limit(db: TestDb) {
        let world = World::new(db, SUMMER);
        let admin = world.admin("village");
        let operation = |path: &str| Operation { method: "POST".into(), path: path.into(), takes_body: true, fields: vec![], parameters: vec![] };
        for path in ["/v1/transfers", "/v1/transfers/preview", "/v1/auth/sign-in"] {
            let operation = operation(path);
            let body = |size: usize| format!("{{\"reason\": \"{}\"}}", "x".repeat(size - 14));
            assert_eq!(send(&admin, &operation, JSON, body(64 << 10)).code(), "request.invalid", "{path}: at the limit");
            let answer = send(&admin, &operation, JSON, body((64 << 10) + 1)).refused(413, "request.too_large");
            assert!(answer.json()["detail"].as_str().expect("words").contains("65536"), "{}", answer.text);
        }
    }

    fn queries_are_held_to_what_the_document_says(db: TestDb) {
        let world = World::new(db, SUMMER);
        let admin = world.admin("nation");
        for operation in operations(&admin).iter().filter(|o| o.method == "GET" && o.path.starts_with("/v1")) {
            let needed = if operation.path == "/v1/inbox" { "kind=approval_in&" } else { "" };
            let get = |query: String| admin.get(&format!("{}?{needed}{query}", operation.path));
            if operation.parameters.is_empty() {
                discreet(&get(format!("x={SECRET}")), &operation.path);
                continue;
            }
            for query in [format!("{SECRET}=1"), format!("x={SECRET}"), "limit=1&limit=2".to_owned()] {
                clear(&get(query), &operation.path);
            }
            for parameter in &operation.parameters {
                let bad: &[&str] = match parameter.as_str() {
                    "limit" => &["0", "201", "-1", "x", "1.5", "99999999999999999999", SECRET],
                    "cursor" => &["x", "AAAA", "%00", "%ff", SECRET],
                    "under" | "state" | "side" | "kind" => &["", "x", "%00", "%ff", SECRET, "x:%20duplicate%20field%20420106199901011239"],
                    _ => &["%ff"],
                };
                for value in bad {
                    let query = if parameter == "kind" { format!("{}?kind={value}", operation.path) } else {
                        format!("{}?{needed}{parameter}={value}", operation.path)
                    };
                    clear(&admin.get(&query), &query);
                }
            }
        }
    }

    fn odd_methods_paths_and_ids_are_clear_problems(db: TestDb) {
        let world = World::new(db, SUMMER);
        let before = stored(&world);
        for client in [world.anybody(), world.admin("nation")] {
            for operation in operations(&client) {
                for method in ["PATCH", "TRACE", "CONNECTX", "DELETE"] {
                    let answer = client.request(method, &operation.path).send();
                    assert_eq!(answer.status, 405, "{method} {}: {}", operation.path, answer.text);
                    clear(&answer, &operation.path);
                    assert!(answer.header("allow").is_some_and(|allow| allow.contains(&operation.method)), "{}", operation.path);
                }
                let also_reads = operations(&client).iter().any(|other| other.path == operation.path && other.method == "GET");
                if operation.method == "POST" && !also_reads {
                    let answer = client.request("HEAD", &operation.path).send();
                    assert!((400..500).contains(&answer.status), "{}", operation.path);
                }
            }
            for path in ["/", "/v2/transfers", "/v1", "/v1/", "/v1/transfers/", "/v1//transfers", "/v1/nothing", "/v1/transfers/x/y/z",
                "/v1/%2e%2e/transfers", "/v1/transfers%00", "/V1/transfers", &format!("/v1/{SECRET}")] {
                let answer = client.get(path);
                assert_eq!(answer.status, 404, "{path}: {}", answer.text);
                clear(&answer, path);
            }
        }
        let admin = world.admin("nation");
        for id in ["1", "0", "-1", "trf_", "trf_x", "TRF_0000000000000", "org_0000000000000", "%00", "%ff", "%2f", "..%2f", "trf_0000000000000 ",
            SECRET, &"9".repeat(4000), "trf_zzzzzzzzzzzzz", "'%20OR%201=1"] {
            let id = id.replace(' ', "%20");
            for path in [format!("/v1/transfers/{id}"), format!("/v1/transfers/{id}/history"), format!("/v1/members/{id}"), format!("/v1/organizations/{id}")] {
                let answer = admin.get(&path);
                assert_eq!(answer.status, 404, "{path}: {}", answer.text);
                clear(&answer, &path);
            }
            let answer = admin.decide(&format!("/v1/transfers/{id}/approve"), 1, &json!({}));
            assert_eq!(answer.status, 404, "{id}: {}", answer.text);
            clear(&answer, &id);
        }
        assert_eq!(stored(&world), before);
    }
}

/// Sends the same to the compiled program and checks its output: its log contains no number.
#[test]
fn s_17_no_rejected_value_is_in_the_log() {
    let scratch = crate::support::TestDb::new(crate::support::Engine::Sqlite).expect("SQLite is built in");
    let mut command = zhuanjie(["demo", "--members", "1000", "--listen", "127.0.0.1:0"]);
    command
        .env("DATABASE_URL", format!("{}-demo", scratch.address()))
        .env("RUST_LOG", "debug");
    let (server, base) = Process::serve(command);
    let client = Client::new(&base);
    for operation in operations(&client) {
        for (_, body) in bodies(&operation) {
            discreet(&send(&client, &operation, JSON, body), &operation.path);
        }
        discreet(&client.get(&format!("{}?x={SECRET}", operation.path)), &operation.path);
        let request = client
            .request("GET", &operation.path)
            .header("x-request-id", SECRET)
            .header("authorization", SECRET);
        discreet(&request.send(), &operation.path);
    }
    discreet(&client.get(&format!("/v1/transfers/{SECRET}")), "a path");
    discreet(
        &client.post("/v1/auth/sign-in", &json!({"id_number": SECRET, "password": SECRET})),
        "a sign-in",
    );
    let (_, lines) = server.terminate();
    assert!(
        lines.iter().any(|line| line.contains("sign-in")),
        "the output contains no log:\n{}",
        lines.join("\n")
    );
    assert!(!lines.iter().any(|line| line.contains(SECRET)), "{}", lines.join("\n"));
}
