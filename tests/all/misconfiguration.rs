//! What a service must never do, however it is configured (API8): accept a default account or the demo's secrets, or
//! reveal its internals when something breaks.

use crate::external::TOKEN;
use crate::support::both_engines;
use crate::support::http::Answer;
use crate::support::world::{PASSWORD, World, fresh_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zhuanjie::api;
use zhuanjie::app::App;
use zhuanjie::security::tokens::Tokens;
use zhuanjie::security::vault::Vault;

const NOW: &str = "2026-06-15T08:00:00Z";
/// The names and passwords that attackers try first.
const DEFAULTS: &[(&str, &str)] = &[
    ("admin", "admin"),
    ("admin", "password"),
    ("root", "root"),
    ("administrator", ""),
    ("zhuanjie", "zhuanjie"),
    ("demo", "demo"),
    ("test", "test"),
    ("11010519491231002X", "11010519491231002X"),
    ("11010519491231002X", "31002X"),
    ("", ""),
];
/// Words that would reveal internals.
const INSIDE: &[&str] = &[
    "sqlite",
    "postgres",
    "diesel",
    "actix",
    "select ",
    "insert ",
    "no such",
    "relation",
    "column",
    "table",
    "panicked",
    "src/",
    ".rs",
    "elsewhere",
    "stack",
    "thread",
    "/tmp",
    "/dev/",
    "127.0.0.1",
    "poison",
    "connection",
];

fn says_nothing_of_the_inside(answer: &Answer, code: &str) {
    let body = answer.json();
    assert_eq!(body["code"], code, "{}", answer.text);
    let mut fields: Vec<&String> = body.as_object().expect("a problem").keys().collect();
    fields.sort();
    let told = [
        body["title"].clone(),
        body["detail"].clone(),
        body["next_actions"].clone(),
    ];
    let text = Value::from(told.to_vec()).to_string().to_lowercase();
    let found: Vec<&&str> = INSIDE.iter().filter(|word| text.contains(**word)).collect();
    assert!(found.is_empty(), "{found:?}: {}", answer.text);
    let known = [
        "code",
        "detail",
        "errors",
        "instance",
        "next_actions",
        "request_id",
        "rule",
        "section",
        "status",
        "title",
        "type",
    ];
    assert!(fields.iter().all(|field| known.contains(&field.as_str())), "{fields:?}");
}

both_engines! {
    fn api8_no_default_account_signs_in_to_an_empty_or_a_full_service(db: TestDb) {
        assert_eq!(db.count("accounts"), 0, "a fresh database has no accounts");
        let world = World::new(db, NOW);
        let sign_in = |name: &str, password: &str| {
            let body = json!({"id_number": name, "password": password});
            world.anybody().post("/v1/auth/sign-in", &body)
        };
        for (name, password) in DEFAULTS {
            world.db.execute("DELETE FROM attempts");
            sign_in(name, password).refused(401, "request.sign_in_failed");
            let form = [("grant_type", "client_credentials"), ("client_id", name), ("client_secret", password)];
            world.anybody().form(TOKEN, &form).refused(401, "request.sign_in_failed");
            let token = format!("{name}:{password}");
            for scheme in ["Basic", "Bearer"] {
                let value = format!("{scheme} {}", STANDARD.encode(&token));
                let anybody = world.anybody();
                let request = anybody.request("GET", "/v1/me").header("authorization", &value);
                request.send().refused(401, "request.unauthenticated");
            }
        }
    }

    fn api8_tokens_and_passwords_fail_behind_other_keys(db: TestDb) {
        let mut world = World::new(db, NOW);
        let token = world.token("nation");
        world.anybody().with_token(&token).get("/v1/me").expect(200);
        // The same tables behind other keys: neither tokens nor passwords are accepted.
        let elsewhere = world.another_server(|app| {
            let vault = Vault::new(&[(0, [5; 32])].into(), &[6; 32]).expect("a key");
            App { tokens: Tokens::ephemeral(chrono::TimeDelta::minutes(15)), vault, ..app }
        });
        elsewhere.with_token(&token).get("/v1/me").refused(401, "request.unauthenticated");
        let body = json!({"id_number": world.id_number("nation"), "password": PASSWORD});
        world.anybody().post("/v1/auth/sign-in", &body).expect(200);
        elsewhere.post("/v1/auth/sign-in", &body).refused(401, "request.sign_in_failed");
    }

    fn api8_a_fault_reveals_no_internals_at_any_operation(db: TestDb) {
        let world = World::new(db, NOW);
        let document: Value = serde_json::from_str(&api::document_text()).expect("a document");
        let nation = world.admin("nation");
        world.db.execute("ALTER TABLE sessions RENAME TO elsewhere");
        let mut tried = 0;
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                if operation["x-permission"].is_null() {
                    continue;
                }
                let path = path.replace("{season}", "2026").replace("{id}", &world.org("class_1"));
                let method = method.to_uppercase();
                let request = nation.request(&method, &path).header("idempotency-key", &fresh_key());
                let answer = request.json(&json!({})).send().expect(500);
                says_nothing_of_the_inside(&answer, "service.fault");
                tried += 1;
            }
        }
        assert!(tried > 50, "{tried}");
    }
}
