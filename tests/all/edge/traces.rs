//! Traces of several services (W3C Trace Context): accepted, answered, logged and audited.

use super::NOW;
use crate::support::both_engines;
use crate::support::world::{World, fresh_key};
use serde_json::json;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

both_engines! {
    fn a_trace_is_answered_and_audited_and_a_malformed_one_is_not(db: TestDb) {
        let world = World::new(db, NOW);
        let admin = world.admin("college");
        let path = format!("/v1/organizations/{}/contact", world.org("college"));
        let contact = json!({"name": "张三", "phone": "010-12345678"});
        let sent = format!("00-{TRACE}-b7ad6b7169203331-01");
        let change = |trace: &str| {
            let request = admin.request("POST", &path).header("idempotency-key", &fresh_key());
            let request = request.header("if-match", "*").header("traceparent", trace);
            request.header("x-request-id", "my-own").json(&contact).send().expect(200)
        };
        let ids: Vec<String> = (0..2)
            .map(|_| {
                let answer = change(&sent);
                let answered = answer.header("traceparent").expect("the trace");
                let parts: Vec<&str> = answered.split('-').collect();
                assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"));
                assert_ne!(parts[2], "b7ad6b7169203331", "the span is our own");
                let id = answer.header("x-request-id").expect("an id").to_owned();
                assert_eq!(id, format!("{TRACE}-{}", parts[2]));
                id
            })
            .collect();
        assert_ne!(ids[0], ids[1]);
        for id in &ids {
            assert_eq!(world.db.count(&format!("audit_log WHERE request_id = '{id}' AND action = 'contact.changed'")), 1);
        }
        let problem = admin.request("GET", "/v1/nothing").header("traceparent", &sent).send().refused(404, "request.not_found");
        assert!(problem.json()["request_id"].as_str().is_some_and(|id| id.starts_with(TRACE)));
        for malformed in ["", "00-x", &sent.to_uppercase(), &sent.replace("00-0af", "00-000")[..54]] {
            let answer = change(malformed);
            assert_eq!((answer.header("traceparent"), answer.header("x-request-id")), (None, Some("my-own")));
        }
    }
}
