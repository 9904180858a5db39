//! The auditor (审计员) reads the audit log of a subtree and nothing else, and never counts as an administrator.

use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::{PASSWORD, World};
use serde_json::{Value, json};
use zhuanjie::api;
use zhuanjie::domain::office::OfficeRole;

const NOW: &str = "2026-06-15T00:00:00Z";

/// What an auditor may call in addition to the operations without a token: the log, and what the service knows about
/// the caller.
const OPEN: &[&str] = &["GET /v1/audit", "GET /v1/me", "GET /v1/me/sessions"];

/// Every operation of the document that demands a token, as `METHOD /path`.
fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&api::document_text()).expect("a document");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let needs_token = operation["security"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["bearer"].is_array()));
            if needs_token {
                found.push((method.to_uppercase(), path.clone()));
            }
        }
    }
    found
}

fn call(client: &Client, method: &str, path: &str, id: &str) -> crate::support::http::Answer {
    let path = path
        .replace("{id}", id)
        .replace("{season}", "2026")
        .replace("{reason}", "employed");
    let request = client
        .request(method, &path)
        .header("idempotency-key", "k")
        .header("if-match", "*");
    if method == "GET" {
        request.send()
    } else {
        request.json(&json!({})).send()
    }
}

both_engines! {
    fn an_auditor_is_refused_every_operation_but_the_log(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("the auditor", "nation", OfficeRole::Auditor);
        let auditor = world.admin("the auditor");
        let operations = operations();
        assert!(operations.len() > 40, "only {} operations were read", operations.len());
        for (method, path) in operations {
            if OPEN.contains(&format!("{method} {path}").as_str()) || path.starts_with("/v1/auth/") {
                continue;
            }
            // The request may be wrong in other ways too. No operation lets an auditor through.
            let answer = call(&auditor, &method, &path, &world.org("nation"));
            assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.text);
        }
    }

    fn an_auditor_sees_no_member_even_in_their_own_branch(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("class_1/1", "college", OfficeRole::Auditor);
        let auditor = world.admin("class_1/1");
        for path in [
            format!("/v1/members/{}", world.mem("class_1/1")),
            format!("/v1/members/{}", world.mem("class_1/2")),
            format!("/v1/organizations/{}/members", world.org("class_1")),
            "/v1/transfers".to_owned(),
            "/v1/inbox/counts".to_owned(),
        ] {
            assert_eq!(auditor.get(&path).status, 403, "{path}");
        }
        // As a member, the same person sees their own page.
        world.person("class_1/1").get(&format!("/v1/members/{}", world.mem("class_1/1"))).expect(200);
    }

    fn the_sign_in_says_what_an_office_is_for(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("class_1/1", "college", OfficeRole::Auditor);
        let mut body = json!({"id_number": world.id_number("class_1/1"), "password": PASSWORD});
        let office = world.anybody().post("/v1/auth/sign-in", &body).expect(200).json()["offices"][0].clone();
        assert_eq!(office["role"], "auditor");
        body["office"] = office["id"].clone();
        let token = world.anybody().post("/v1/auth/sign-in", &body).expect(200).json()["access_token"].clone();
        let me = world.anybody().with_token(token.as_str().expect("a token")).get("/v1/me").expect(200).json();
        assert_eq!((&me["acting_office"], &me["offices"][0]["role"]), (&office["id"], &json!("auditor")));
    }

    fn a10_an_organization_with_only_an_auditor_is_vacant(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.dismiss("class_1");
        world.appoint_as("class_1/2", "class_1", OfficeRole::Auditor);
        let class = world.admin("college").get(&format!("/v1/organizations/{}", world.org("class_1"))).expect(200).json();
        assert_eq!(class["administrators"], 0, "{class}");
    }

    fn only_the_direct_superior_makes_an_auditor(db: TestDb) {
        let world = World::new(db, NOW);
        let path = format!("/v1/organizations/{}/appointments", world.org("class_1"));
        let body = json!({"member": world.mem("class_1/2"), "role": "auditor"});
        world.admin("class_1").write(&path, &body).refused(403, "appointment.not_allowed");
        let begun = world.admin("college").write(&path, &body).expect(201).json();
        assert_eq!(begun["appointment"]["role"], "auditor");
        let end = format!("/v1/appointments/{}/end", begun["appointment"]["id"].as_str().expect("an id"));
        world.admin("class_1").write(&end, &json!({})).refused(403, "appointment.not_allowed");
        world.admin("college").write(&end, &json!({})).expect(200);
    }

    fn the_nations_auditor_may_end_and_its_last_administrator_may_not(db: TestDb) {
        let world = World::new(db, NOW);
        let path = format!("/v1/organizations/{}/appointments", world.org("nation"));
        let body = json!({"member": world.mem("class_1/2"), "role": "auditor"});
        let begun = world.admin("nation").write(&path, &body).expect(201).json();
        let all = world.admin("nation").get(&path).expect(200).json()["items"].clone();
        let end = |id: &Value| world.admin("nation").write(&format!("/v1/appointments/{}/end", id.as_str().expect("an id")), &json!({}));
        end(&all[0]["id"]).refused(409, "appointment.last_of_nation");
        end(&begun["appointment"]["id"]).expect(200);
    }
}
