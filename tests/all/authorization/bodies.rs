//! The contents of requests: they are criticised only to callers who may make the request (API5), and no object in a
//! body accepts an unknown field, however deep it is (API3).

use super::country::{Country, Position};
use super::recipes::{RECIPES, Recipe};
use super::{Operation, address, call, operations, seen};
use crate::support::both_engines;
use crate::support::http::Answer;
use crate::support::world::fresh_key;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zhuanjie::domain::authority::enter;
use zhuanjie::domain::catalogue::code::Code;

/// Contents that fit no operation: query, media type, body.
const RUBBISH: &[(&str, &str, &str)] = &[
    ("", "application/json", "{"),
    ("", "application/json", "[]"),
    ("", "application/json", r#"{"is_admin":true}"#),
    ("", "text/plain", "rubbish"),
    ("?rubbish=1", "application/json", "{}"),
    ("?limit=-1&cursor=%ff", "application/json", "null"),
];
/// Fields that no request has.
const FOREIGN: &[&str] = &["account_id", "created_at", "is_admin", "proposed_by"];

/// The refusal at the entry check, if the position is refused there.
fn turned_away(position: &Position, operation: &Operation) -> Option<Code> {
    let permission = operation.permission?;
    match &position.actor {
        Some(actor) => enter(actor, permission).err(),
        None => Some(Code::RequestUnauthenticated),
    }
}

/// One position for each refusal at the entry check.
fn strangers<'a>(country: &'a Country, operation: &Operation) -> Vec<&'a Position> {
    let refusal = |position: &'a Position| Some((turned_away(position, operation)?.name(), position));
    let by_code: BTreeMap<&str, &Position> = country.positions.iter().filter_map(refusal).collect();
    by_code.into_values().collect()
}

fn rubbish(position: &Position, method: &str, path: &str, (query, kind, body): (&str, &str, &str)) -> Answer {
    let path = format!("{path}{query}");
    let request = position.client.request(method, &path).header("x-request-id", "tried");
    let request = request.header("connection", "close");
    match method {
        "GET" => request.send(),
        _ => request.header("content-type", kind).body(body).send(),
    }
}

/// Every object in a body, by its pointer.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(at.to_owned());
            for (name, field) in fields {
                objects(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A proposal with every object that a proposal can contain.
fn full() -> Value {
    let address = json!({"division_code": "110105", "text": "建国路1号"});
    let external = json!({"province": 11, "name": "某公司", "organization": "某公司团委", "address": address});
    json!({"reason": "employed_with_league", "member": {"name": "张三", "id_number": "11010519491231002X"},
        "details": {"employer_name": "某公司", "employer_address": address, "external": external}})
}

/// Whether an extra field in an object of a body is refused as unknown.
fn is_refused(position: &Position, operation: &Operation, recipe: &Recipe, id: &str, body: &Value) -> bool {
    let path = address(operation, id);
    let request = position.client.request(&operation.method, &path).json(body);
    let answer = request
        .header("idempotency-key", &fresh_key())
        .header("if-match", "*")
        .send();
    assert!(answer.status >= 400, "{}: {body}: {}", recipe.operation, answer.text);
    answer.status == 422 && answer.text.contains("不是可用的字段")
}

both_engines! {
    fn api5_a_caller_without_permission_is_told_that_and_nothing_about_the_contents(db: TestDb) {
        let country = Country::new(db);
        let operations = operations();
        let mut tried = 0;
        for recipe in RECIPES {
            let operation = &operations[recipe.operation];
            let thing = country.of(recipe.about)[0];
            let path = address(operation, &thing.id);
            for position in strangers(&country, operation) {
                let good = call(&country, position, operation, recipe, &thing.id);
                assert!(matches!(good.status, 401 | 403), "{}: {}", recipe.operation, good.text);
                let good = seen(&good, &thing.id);
                for sent in RUBBISH {
                    let bad = rubbish(position, &operation.method, &path, *sent);
                    assert_eq!(seen(&bad, &thing.id), good, "{} by {}: {sent:?}", recipe.operation, position.name);
                    tried += 1;
                }
                if !thing.id.is_empty() && operation.path.contains("{id}") {
                    // A text of the same length that is no id.
                    let no_id = "z".repeat(thing.id.len());
                    let path = address(operation, &no_id);
                    let bad = rubbish(position, &operation.method, &path, RUBBISH[0]);
                    assert_eq!(seen(&bad, &no_id), good, "{} by {}", recipe.operation, position.name);
                }
            }
        }
        assert!(tried > 1_000, "{tried}");
    }

    fn api3_no_object_in_a_body_accepts_an_unknown_field(db: TestDb) {
        let country = Country::new(db);
        let operations = operations();
        let mut tried = 0;
        for recipe in RECIPES.iter().filter(|recipe| operations[recipe.operation].takes_json) {
            let operation = &operations[recipe.operation];
            let thing = country.of(recipe.about)[0];
            let position = country.positions.iter().find(|position| turned_away(position, operation).is_none());
            let position = position.expect("some position may call");
            let (_, content) = recipe.content(&thing.id, &country).expect("a body");
            let mut bodies: Vec<Value> = vec![serde_json::from_slice(&content).expect("JSON")];
            if ["propose_transfer", "preview_transfer"].contains(&recipe.operation) {
                bodies.push(full());
            }
            for body in bodies {
                let mut found = Vec::new();
                objects(&body, "", &mut found);
                for (pointer, field) in found.iter().flat_map(|at| FOREIGN.iter().map(move |field| (at, *field))) {
                    let mut body = body.clone();
                    body.pointer_mut(pointer).expect("the object exists")[field] = json!(1);
                    assert!(is_refused(position, operation, recipe, &thing.id, &body), "{} takes {pointer}/{field}", recipe.operation);
                    tried += 1;
                }
            }
        }
        assert!(tried > 250, "{tried}");
    }
}
