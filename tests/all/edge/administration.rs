//! The listener for administration: it answers when all connections of callers are taken, and tells those who operate
//! the service how it is doing.

use super::{NOW, Raw, behind};
use crate::support::both_engines;
use crate::support::world::{PASSWORD, World};
use serde_json::{Value, json};
use std::time::Duration;
use zhuanjie::api::ServerSettings;
use zhuanjie::service::jobs::JobName;

fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|own| own.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("{line} is not in\n{text}"))
}

fn job<'a>(readiness: &'a Value, name: &str) -> &'a Value {
    let jobs = readiness["jobs"].as_array().expect("jobs");
    jobs.iter().find(|job| job["name"] == name).expect("the job")
}

#[test]
fn s13_it_answers_when_all_connections_are_taken() {
    let settings = ServerSettings {
        connections: 3,
        ..ServerSettings::default()
    };
    behind(&settings, |mut world| {
        let administration = world.administration();
        let held: Vec<Raw> = (0..3)
            .map(|_| {
                let mut raw = Raw::to(&world);
                raw.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
                assert_eq!(raw.answer().0, 200);
                raw
            })
            .collect();
        let mut raw = Raw::to(&world);
        raw.stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("a time");
        raw.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(raw.answer().0, 0, "a fourth connection is served");
        for path in ["/healthz", "/readyz"] {
            assert_eq!(administration.get(path).expect(200).json()["status"], "ok");
        }
        let text = administration.get("/metrics").expect(200).text;
        assert_eq!(value(&text, "zhuanjie_connections "), 3.0);
        drop(held);
    });
}

#[test]
fn s21_it_has_three_routes_and_callers_have_none_of_its_detail() {
    behind(&ServerSettings::default(), |mut world| {
        let administration = world.administration();
        for path in ["/", "/v1/rules", "/docs/", "/v1/openapi.json"] {
            administration.get(path).expect(404);
        }
        world.anybody().get("/metrics").refused(404, "request.not_found");
        let ready = world.anybody().get("/readyz").expect(200).json();
        assert_eq!(ready, json!({"status": "ok"}));
        let answer = administration.get("/readyz").expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let readiness = answer.json();
        assert_eq!(readiness["version"], env!("CARGO_PKG_VERSION"));
        assert!(readiness["commit"].as_str().is_some_and(|commit| !commit.is_empty()));
    });
}

both_engines! {
    fn a_job_that_is_late_or_fails_shows_in_readiness_and_metrics(db: TestDb) {
        let mut world = World::new(db, NOW);
        let administration = world.administration();
        // It has never run.
        let readiness = administration.get("/readyz").expect(200).json();
        assert_eq!(job(&readiness, "expiry"), &json!({"name": "expiry", "state": "late", "succeeded_at": null}));
        world.run(JobName::Expiry, NOW);
        world.run(JobName::AuditSeal, NOW);
        let state = |name: &str| job(&administration.get("/readyz").expect(200).json(), name)["state"].clone();
        assert_eq!(state("expiry"), "ok");
        let metric = |line: &str| value(&administration.get("/metrics").expect(200).text, line);
        assert_eq!(metric("zhuanjie_job_late{job=\"expiry\"} "), 0.0);
        assert_eq!(metric("zhuanjie_job_interval_seconds{job=\"expiry\"} "), 3600.0);
        assert_eq!(metric("zhuanjie_audit_unsealed_age_seconds "), 0.0);
        world.admin("college").get("/v1/me").expect(200);
        let body = json!({"id_number": world.id_number("college"), "password": PASSWORD});
        world.anybody().post("/v1/auth/sign-in", &body).expect(200);
        world.at("2026-06-15T04:01:00Z");
        assert_eq!(state("expiry"), "ok");
        assert_eq!(metric("zhuanjie_audit_unsealed_age_seconds "), 7260.0);
        world.at("2026-06-15T04:01:01Z");
        assert_eq!(state("expiry"), "late");
        assert_eq!(metric("zhuanjie_job_late{job=\"expiry\"} "), 1.0);
        assert_eq!(metric("zhuanjie_job_age_seconds{job=\"expiry\"} "), 7261.0);
        // A later run ended early.
        world.at(NOW);
        world.db.execute(
            "INSERT INTO job_runs (name, at, started_at, finished_at, processed, failed, problem)
             SELECT name, at, started_at, finished_at, 0, 0, 'the lease was lost' FROM job_runs WHERE name = 'expiry'",
        );
        assert_eq!(state("expiry"), "failed");
        assert_eq!(metric("zhuanjie_job_failed{job=\"expiry\"} "), 1.0);
        administration.get("/readyz").expect(200);
        // What can't be read is not told, and old values are not repeated.
        world.db.execute("ALTER TABLE job_runs RENAME TO elsewhere");
        assert_eq!(administration.get("/readyz").expect(200).json().get("jobs"), None);
        let text = administration.get("/metrics").expect(200).text;
        assert!(!text.contains("zhuanjie_job_failed{") && text.contains("zhuanjie_ready 1"), "{text}");
        world.db.execute("ALTER TABLE elsewhere RENAME TO job_runs");
    }

    fn s17_metrics_tell_of_operations_and_queues_and_hold_no_personal_datum(db: TestDb) {
        let mut world = World::new(db, NOW);
        let administration = world.administration();
        let number = world.id_number("class_1/1");
        let look_up = json!({"name": "class_1/1", "id_number": number});
        world.admin("township").post("/v1/members/look-up", &look_up).expect(200);
        world.admin("college").get(&format!("/v1/members/{}", world.mem("class_1/1"))).expect(200);
        world.anybody().get(&format!("/v1/{number}?name={number}")).refused(404, "request.not_found");
        let text = administration.get("/metrics").expect(200).text;
        assert_eq!(value(&text, "zhuanjie_requests_total{operation=\"look_up_member\",status=\"2xx\"} "), 1.0);
        assert_eq!(value(&text, "zhuanjie_request_seconds_count{operation=\"look_up_member\"} "), 1.0);
        assert_eq!(value(&text, "zhuanjie_requests_total{operation=\"none\",status=\"4xx\"} "), 1.0);
        assert_eq!(value(&text, "zhuanjie_ready "), 1.0);
        for queue in ["reads", "writes", "proposals", "passwords"] {
            assert_eq!(value(&text, &format!("zhuanjie_queued{{queue=\"{queue}\"}} ")), 0.0);
        }
        assert_eq!(value(&text, "zhuanjie_places{class=\"work\"} "), 128.0);
        let has_pool = text.lines().any(|line| line.starts_with("zhuanjie_pool_connections "));
        assert_eq!(has_pool, world.db.engine() == crate::support::Engine::Postgres);
        for datum in [number.as_str(), "class_1", "127.0.0.1", &world.mem("class_1/1"), &world.org("college")] {
            assert!(!text.contains(datum), "{datum} is in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
