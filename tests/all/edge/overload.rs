//! Overload: requests beyond the limit are refused at once, and a request that hangs is answered by its deadline
//! (reliability facts 6 and 8).

use super::{NOW, behind, now};
use crate::support::Engine;
use crate::support::http::{Answer, Client};
use crate::support::world::{World, fresh_key};
use diesel::connection::SimpleConnection;
use serde_json::json;
use std::thread::JoinHandle;
use std::time::Duration;
use zhuanjie::api::ServerSettings;

fn change(client: &Client, path: &str) -> Answer {
    let request = client.request("POST", path).header("idempotency-key", &fresh_key());
    let body = json!({"name": "张三", "phone": "010-12345678"});
    request.header("if-match", "*").json(&body).send()
}

/// A write that takes as long as the database makes it wait. If it is refused a place, it is sent again.
fn write(client: Client, path: String) -> JoinHandle<()> {
    std::thread::spawn(move || {
        while change(&client, &path).status == 503 {
            std::thread::sleep(Duration::from_millis(10));
        }
    })
}

#[test]
fn beyond_its_places_it_refuses_at_once_and_probes_are_answered() {
    let settings = ServerSettings {
        in_flight: 2,
        ..ServerSettings::default()
    };
    behind(&settings, |world| {
        let admin = world.admin("college");
        let path = format!("/v1/organizations/{}/contact", world.org("college"));
        let mut other = world.db.conn();
        other.batch_execute("BEGIN IMMEDIATE").expect("the write lock is taken");
        let held: Vec<_> = (0..2).map(|_| write(admin.clone(), path.clone())).collect();
        let begun = now();
        let mut refused = None;
        while refused.is_none() && begun.elapsed() < Duration::from_secs(3) {
            let asked = now();
            let answer = admin.get("/v1/organizations?limit=1");
            refused = (answer.status == 503).then(|| (answer, asked.elapsed()));
        }
        let (answer, took) = refused.expect("both places are taken");
        let answer = answer.refused(503, "service.busy");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(took < Duration::from_millis(20), "{took:?}");
        // Refused before its body: no byte of the body was sent.
        let mut raw = super::Raw::to(&world);
        raw.send(super::post("/v1/transfers", "content-length: 60000\r\n"));
        let (status, head, body) = raw.answer();
        assert_eq!(status, 503, "{body}");
        assert!(
            head.contains("retry-after: 1") && head.contains("connection: close"),
            "{head}"
        );
        world.anybody().get("/healthz").expect(200);
        other.batch_execute("ROLLBACK").expect("the lock is released");
        for held in held {
            held.join().expect("an answer");
        }
        admin.get("/v1/organizations?limit=1").expect(200);
    });
}

#[test]
fn api4_a_refusal_is_complete_and_keeps_the_connection_of_a_complete_request() {
    const PAGE: &str = "https://tuan.example.cn";
    let settings = ServerSettings {
        in_flight: 1,
        cors_origins: vec![PAGE.into()],
        ..ServerSettings::default()
    };
    behind(&settings, |world| {
        let admin = world.admin("college");
        let path = format!("/v1/organizations/{}/contact", world.org("college"));
        let fields = format!("host: x\r\norigin: {PAGE}\r\nx-request-id: my-own\r\naccept-language: en\r\n");
        let body = "{\"reason\": \"unsettled\"}";
        let length = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        let post = format!("POST /v1/transfers HTTP/1.1\r\n{fields}{length}");
        // The head of this request is read while there is still a place.
        let mut late = super::Raw::to(&world);
        late.send(format!("{post}expect: 100-continue\r\n\r\n"));
        assert_eq!(late.answer().0, 100);
        let mut other = world.db.conn();
        other.batch_execute("BEGIN IMMEDIATE").expect("the write lock is taken");
        let held = write(admin.clone(), path);
        while admin.get("/v1/organizations?limit=1").status != 503 {}
        let mut raw = super::Raw::to(&world);
        let get = |path| format!("GET {path} HTTP/1.1\r\n{fields}\r\n");
        for (is_late, request, instance) in [
            (true, body.to_owned(), "/v1/transfers"),
            (true, get("/v1/members"), "/v1/members"),
            (false, get("/v1/members?name=x"), "/v1/members"),
            (false, format!("{post}\r\n{body}"), "/v1/transfers"),
            (false, get("/v1/members/110101199003070000"), "/v1/members/…"),
        ] {
            let raw = if is_late { &mut late } else { &mut raw };
            raw.send(&request);
            let (status, head, body) = raw.answer();
            assert_eq!(status, 503, "{body}");
            assert!(!head.contains("connection: close"), "{request}: {head}");
            for field in [
                "retry-after: 1",
                "x-request-id: my-own",
                "content-language: en",
                "content-type: application/problem+json",
                "cache-control: no-store",
                "x-content-type-options: nosniff",
                "access-control-allow-origin: https://tuan.example.cn",
                "vary: origin",
            ] {
                assert!(head.contains(field), "{field} in {head}");
            }
            let said: serde_json::Value = serde_json::from_str(&body).expect("JSON");
            assert_eq!(
                [&said["code"], &said["request_id"], &said["instance"]],
                [&json!("service.busy"), &json!("my-own"), &json!(instance)]
            );
            assert!(said["detail"].as_str().is_some_and(str::is_ascii), "{body}");
        }
        // The answer does not wait for the rest of a body.
        raw.send(format!(
            "POST /v1/transfers HTTP/1.1\r\n{fields}content-length: 60000\r\n\r\n{{"
        ));
        let (status, head, _) = raw.answer();
        assert!(status == 503 && head.contains("connection: close"), "{head}");
        // A preflight request is answered.
        let anybody = world.anybody();
        let asked = anybody.request("OPTIONS", "/v1/transfers").header("origin", PAGE);
        asked.header("access-control-request-method", "POST").send().expect(200);
        other.batch_execute("ROLLBACK").expect("the lock is released");
        held.join().expect("an answer");
    });
}

#[test]
fn a_write_that_hangs_is_answered_by_its_deadline_as_of_unknown_outcome() {
    let settings = ServerSettings {
        deadline: 1,
        ..ServerSettings::default()
    };
    behind(&settings, |world| {
        let path = format!("/v1/organizations/{}/contact", world.org("college"));
        let admin = world.admin("college");
        let mut other = world.db.conn();
        other.batch_execute("BEGIN IMMEDIATE").expect("the write lock is taken");
        let begun = now();
        let answer = change(&admin, &path).refused(503, "service.outcome_unknown");
        assert!((1..3).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("x-request-id").is_some() && answer.header("retry-after").is_some());
        other.batch_execute("ROLLBACK").expect("the lock is released");
    });
}

#[test]
fn with_the_tables_held_liveness_answers_at_once_and_reads_end_by_their_deadline() {
    Engine::Postgres.with_database(|db| {
        let settings = ServerSettings {
            deadline: 3,
            ..ServerSettings::default()
        };
        let world = World::behind(db, NOW, &settings);
        let admin = world.admin("college");
        let mut other = world.db.conn();
        other
            .batch_execute("BEGIN; LOCK TABLE organizations, accounts")
            .expect("the tables are locked");
        let begun = now();
        let reader = admin.clone();
        let reading = std::thread::spawn(move || {
            let answer = reader.get("/v1/organizations?limit=1");
            (answer.status, now().duration_since(begun))
        });
        let asked = now();
        world.anybody().get("/healthz").expect(200);
        assert!(asked.elapsed() < Duration::from_secs(1));
        let (status, took) = reading.join().expect("an answer");
        assert_eq!(status, 503);
        assert!(took < Duration::from_secs(5), "{took:?}");
        other.batch_execute("ROLLBACK").expect("the lock is released");
        let begun = now();
        while admin.get("/v1/organizations?limit=1").status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(2), "reads do not work again");
        }
    });
}
