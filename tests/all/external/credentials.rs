//! Credentials: who issues them, why they are refused, and that no table contains their secrets.

use super::{Credential, INBOUND, TOKEN, country, going_to, issue, issued, number, signed_in, system, token};
use crate::support::http::Answer;
use crate::support::rows::declared;
use crate::support::world::World;
use crate::support::{Engine, TestDb, both_engines};
use serde_json::{Value, json};

const NOW: &str = "2026-11-02T02:00:00Z";
const LATER: &str = "2026-11-02T02:05:00Z";

/// A problem without the parts that differ in every request.
fn said(answer: Answer) -> (u16, Value) {
    let mut problem = answer.json();
    problem.as_object_mut().expect("a problem").remove("request_id");
    (answer.status, problem)
}

/// Every stored text and binary value, as hexadecimal digits.
fn everything(db: &TestDb) -> Vec<String> {
    let columns = declared()
        .into_iter()
        .filter(|(_, class)| class.contains("Text") || class.contains("Binary"));
    columns
        .flat_map(|(name, class)| {
            let (table, column) = name.split_once('.').expect("a column");
            let hex = match (db.engine(), class.contains("Text")) {
                (Engine::Sqlite, _) => format!("hex(\"{column}\")"),
                (Engine::Postgres, true) => format!("upper(encode(convert_to(\"{column}\", 'UTF8'), 'hex'))"),
                (Engine::Postgres, false) => format!("upper(encode(\"{column}\", 'hex'))"),
            };
            db.texts(&format!(
                "SELECT {hex} AS value FROM {table} WHERE \"{column}\" IS NOT NULL"
            ))
        })
        .collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02X}")).collect()
}

both_engines! {
    fn only_the_nation_manages_credentials(db: TestDb) {
        let world = country(db, NOW);
        let body = json!({"name": "a system", "organization": world.org("beijing")});
        for who in ["province", "beijing", "class_1"] {
            let client = world.admin(who);
            client.post("/v1/integrators", &body).refused(403, "integrator.not_allowed");
            client.get("/v1/integrators").refused(403, "integrator.not_allowed");
        }
        world.person("class_1/1").post("/v1/integrators", &body).refused(403, "actor.not_administrator");
        world.anybody().post("/v1/integrators", &body).refused(401, "request.unauthenticated");
        let beijing = issue(&world, "beijing");
        let client = signed_in(&world, &beijing);
        client.post("/v1/integrators", &body).refused(403, "actor.not_administrator");
        let revoke = format!("/v1/integrators/{}/revoke", beijing.id);
        world.admin("beijing").write(&revoke, &json!({})).refused(403, "integrator.not_allowed");
        assert_eq!(world.db.count("integrators"), 1);
    }

    fn a_credential_speaks_for_a_province_only_where_it_is_its_leading_organ_s(db: TestDb) {
        let world = country(db, NOW);
        for (organization, province) in [
            ("beijing", json!(11)), ("guangdong", json!(44)), ("province", Value::Null), ("beijing_branch", Value::Null),
            ("railway", Value::Null), ("university", Value::Null),
        ] {
            let body = json!({"name": "a system", "organization": world.org(organization)});
            let answer = world.admin("nation").post("/v1/integrators", &body).expect(201).json();
            assert_eq!(answer["province"], province, "{organization}");
        }
        let newest = world.admin("nation").get("/v1/integrators?limit=1").expect(200);
        let page = newest.json();
        assert_eq!(page["items"][0]["organization_id"], json!(world.org("university")));
        assert!(page["next_cursor"].is_string() && !newest.text.contains("client_secret"));
        let bad = [
            (json!({"name": " ", "organization": world.org("beijing")}), 422, "request.invalid"),
            (json!({"name": "x", "organization": "org_0000000000000"}), 422, "request.invalid"),
            (json!({"name": "x", "organization": world.org("beijing"), "expires_at": NOW}), 422, "request.invalid"),
            (json!({"name": "x", "organization": world.org("beijing"), "province": 44}), 422, "request.invalid"),
        ];
        for (body, status, code) in bad {
            world.admin("nation").post("/v1/integrators", &body).refused(status, code);
        }
        assert_eq!(world.db.count("integrators"), 6);
    }

    fn whatever_is_wrong_with_a_credential_the_answer_is_the_same(db: TestDb) {
        let world = country(db, NOW);
        let body = json!({"name": "short", "organization": world.org("beijing"), "expires_at": LATER});
        let expired = issued(world.admin("nation").post("/v1/integrators", &body));
        let (good, revoked) = (issue(&world, "beijing"), issue(&world, "beijing"));
        let revoke = format!("/v1/integrators/{}/revoke", revoked.id);
        world.admin("nation").write(&revoke, &json!({})).expect(200);
        token(&world, &good).expect(200);
        world.at(LATER);
        let ask = |id: &str, secret: &str| {
            said(world.anybody().form(TOKEN, &[("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)]))
        };
        let unknown = ask("acc_0000000000000", &good.secret);
        assert_eq!((unknown.0, &unknown.1["code"]), (401, &json!("request.sign_in_failed")));
        let person = world.account("class_1/1");
        for (id, secret) in [
            (&*good.id, "wrong"), (&*good.id, ""), (&*good.id, &*expired.secret), (&*good.id, &*"x".repeat(300)),
            ("no id", &*good.secret), (&*person, &*good.secret), (&*revoked.id, &*revoked.secret),
            (&*expired.id, &*expired.secret),
        ] {
            assert_eq!(ask(id, secret), unknown);
        }
        token(&world, &good).expect(200);
    }

    fn what_is_revoked_or_expired_is_refused_at_once(db: TestDb) {
        let world = country(db, NOW);
        let body = json!({"name": "short", "organization": world.org("beijing"), "expires_at": LATER});
        let short = issued(world.admin("nation").post("/v1/integrators", &body));
        let (short, credential) = (signed_in(&world, &short), issue(&world, "beijing"));
        let client = signed_in(&world, &credential);
        assert_eq!(client.get("/v1/me").expect(200).json()["name"], "beijing system");
        let revoke = format!("/v1/integrators/{}/revoke", credential.id);
        let revoked = world.admin("nation").write(&revoke, &json!({})).expect(200).json();
        assert_eq!((&revoked["revoked_at"], &revoked["last_used_at"]), (&json!(NOW), &json!(NOW)));
        client.get("/v1/me").refused(401, "request.unauthenticated");
        world.at("2026-11-02T02:04:59Z");
        short.get("/v1/me").expect(200);
        let again = world.admin("nation").write(&revoke, &json!({})).expect(200).json();
        assert_eq!(again["revoked_at"], json!(NOW), "the first revocation counts");
        world.at(LATER);
        short.get("/v1/me").refused(401, "request.unauthenticated");
        let nobody = "/v1/integrators/acc_0000000000000/revoke";
        world.admin("nation").write(nobody, &json!({})).refused(404, "integrator.not_found");
        let person = format!("/v1/integrators/{}/revoke", world.account("class_1/1"));
        world.admin("nation").write(&person, &json!({})).refused(404, "integrator.not_found");
    }

    fn two_secrets_are_in_force_at_once_so_that_one_takes_over_from_the_other(db: TestDb) {
        let world = country(db, NOW);
        let nation = world.admin("nation");
        let first = issue(&world, "beijing");
        let secrets = format!("/v1/integrators/{}/secrets", first.id);
        let added = nation.post(&secrets, &json!({"expires_at": "2027-01-01T00:00:00Z"})).expect(201).json();
        let second = Credential { id: first.id.clone(), secret: added["client_secret"].as_str().expect("it").into() };
        assert_ne!(first.secret, second.secret);
        nation.post(&secrets, &json!({})).refused(409, "integrator.secrets_full");
        token(&world, &first).expect(200);
        token(&world, &second).expect(200);
        let listed = nation.get("/v1/integrators").expect(200);
        assert!(!listed.text.contains(&second.secret));
        let known = listed.json()["items"][0]["secrets"].clone();
        assert_eq!(known.as_array().map(Vec::len), Some(2));
        assert_eq!((&known[0]["last_used_at"], &known[1]["last_used_at"]), (&json!(NOW), &json!(NOW)));
        let retire = |id: &Value| format!("{secrets}/{}/retire", id.as_str().expect("an id"));
        let after = nation.write(&retire(&known[0]["id"]), &json!({})).expect(200).json();
        assert_eq!(after["secrets"][0]["retired_at"], json!(NOW));
        token(&world, &first).refused(401, "request.sign_in_failed");
        token(&world, &second).expect(200);
        nation.write(&retire(&known[1]["id"]), &json!({})).refused(409, "integrator.last_secret");
        nation.write(&retire(&known[0]["id"]), &json!({})).expect(200);
        // A secret of another credential is not found here, and only the nation manages secrets.
        let other = issue(&world, "guangdong");
        let theirs = format!("/v1/integrators/{}/secrets/{}/retire", other.id, known[1]["id"].as_str().expect("an id"));
        nation.write(&theirs, &json!({})).refused(404, "integrator.secret_not_found");
        nation.write(&format!("{secrets}/nothing/retire"), &json!({})).refused(404, "integrator.secret_not_found");
        nation.post("/v1/integrators/acc_0000000000000/secrets", &json!({})).refused(404, "integrator.not_found");
        for who in ["beijing", "province"] {
            world.admin(who).post(&secrets, &json!({})).refused(403, "integrator.not_allowed");
            world.admin(who).write(&retire(&known[1]["id"]), &json!({})).refused(403, "integrator.not_allowed");
        }
        nation.post(&secrets, &json!({"expires_at": NOW})).refused(422, "request.invalid");
        // One of the two secrets was retired, so another can be added. An expired secret is refused without any action.
        nation.post(&secrets, &json!({})).expect(201);
        world.at("2027-01-01T00:00:00Z");
        token(&world, &second).refused(401, "request.sign_in_failed");
        let nation = world.admin("nation");
        nation.write(&format!("/v1/integrators/{}/revoke", first.id), &json!({})).expect(200);
        nation.post(&secrets, &json!({})).refused(409, "integrator.revoked");
    }

    fn the_last_use_is_noted_at_most_once_a_minute(db: TestDb) {
        let world = country(db, NOW);
        let credential = issue(&world, "beijing");
        let used = |world: &World| {
            world.admin("nation").get("/v1/integrators").expect(200).json()["items"][0]["last_used_at"].clone()
        };
        for (at, noted) in [
            ("2026-11-02T02:00:00Z", "2026-11-02T02:00:00Z"),
            ("2026-11-02T02:00:59Z", "2026-11-02T02:00:00Z"),
            ("2026-11-02T02:01:00Z", "2026-11-02T02:01:00Z"),
        ] {
            world.at(at);
            token(&world, &credential).expect(200);
            assert_eq!(used(&world), json!(noted), "at {at}");
        }
    }

    fn no_secret_and_no_number_is_stored_in_the_clear(db: TestDb) {
        let world = country(db, NOW);
        let credential = issue(&world, "beijing");
        let number = number(7);
        let body = going_to(&world, "village", "张三", &number);
        signed_in(&world, &credential).write(INBOUND, &body).expect(201);
        assert_eq!(credential.secret.len(), 43, "256 bits");
        let stored = everything(&world.db);
        assert!(stored.contains(&hex("张三")), "the search finds what is stored");
        for secret in [&*credential.secret, &*number, "13800000042"] {
            assert!(!stored.iter().any(|value| value.contains(&hex(secret))));
        }
    }

    fn what_another_system_does_is_audited_under_its_name(db: TestDb) {
        let world = country(db, NOW);
        let client = system(&world, "beijing");
        client.write(INBOUND, &going_to(&world, "village", "张三", &number(7))).expect(201);
        let organ = world.org_key("beijing");
        let question = format!(
            "SELECT action AS value FROM audit_log WHERE capacity = 'integrator' AND organization_id = {organ} ORDER BY id"
        );
        assert_eq!(world.db.texts(&question), ["integrator.signed_in", "member.looked_up", "transfer.proposed"]);
    }
}
