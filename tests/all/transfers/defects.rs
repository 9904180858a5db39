//! The defects N1 to N13 of other systems. N1 and N6 are tested with the expiry, N2 and N4 with the races, and N11
//! (imports) and N12 (rate limits) elsewhere.

use super::{Proposed, SUMMER, about, actions, busy, named, no, proposal, propose, route, stored};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{World, fresh_key};
use serde_json::{Value, json};
use zhuanjie::domain::core::ids::{AccountId, TransferId};
use zhuanjie::service::jobs::JobName;

/// An answer without the parts that differ from request to request. Whether the connection is closed depends on how
/// fast the body came.
fn essence(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let mut body = answer.json();
    body["request_id"] = Value::Null;
    body["instance"] = Value::Null;
    let headers = answer.headers.iter().filter(|(name, _)| {
        !matches!(
            name.as_str(),
            "x-request-id" | "date" | "content-length" | "connection" | "ratelimit"
        )
    });
    let mut headers: Vec<_> = headers
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    headers.sort();
    (answer.status, body.to_string(), headers)
}

/// The answers to everything that a client can ask about a case by its id.
fn asked(world: &World, client: &Client, id: &str) -> Vec<Answer> {
    let mut answers = vec![
        client.get(&format!("/v1/transfers/{id}")),
        client.get(&format!("/v1/transfers/{id}/history")),
    ];
    for (action, body) in actions(world, "village") {
        answers.push(client.decide(&format!("/v1/transfers/{id}/{}", route(action)), 1, &body));
    }
    answers
}

fn listed(client: &Client, query: &str) -> Vec<String> {
    let found = client.whole(&format!("/v1/transfers?{query}"), 2);
    found
        .iter()
        .map(|case| case["id"].as_str().expect("an id").to_owned())
        .collect()
}

both_engines! {
    fn n3_a_withdrawn_case_stays_readable(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        case.take(&world.person("class_1/1"), "withdraw", &json!({}));
        for reader in [world.person("class_1/1"), world.admin("class_1"), world.admin("village"), world.admin("nation")] {
            assert_eq!(case.state(&reader), "withdrawn");
            let history = reader.get(&format!("{}/history", case.path())).expect(200).json();
            assert_eq!(history["items"][1]["event"], json!("withdrawn"));
        }
        assert_eq!(listed(&world.person("class_1/1"), ""), [case.id]);
    }

    fn n5_a_refusal_always_ends_the_case_and_strangers_decide_nothing(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let cases = busy(&mut world);
        for case in &cases {
            for stranger in ["class_2", "station", "railway", "workshop", "teachers"] {
                let admin = world.admin(stranger);
                if admin.get(&case.path()).status == 404 {
                    let said = admin.decide(&case.at("refuse"), case.version, &json!({"reason": "不"}));
                    said.refused(404, "transfer.not_found");
                }
            }
        }
        let mut ended = 0;
        for office in world.offices() {
            let admin = world.admin(&office);
            for case in &cases {
                for action in ["refuse", "refuse-external"] {
                    let answer = admin.decide(&case.at(action), case.version, &json!({"reason": "信息错误"}));
                    if answer.status == 200 {
                        ended += 1;
                        assert_eq!(answer.json()["state"], json!("refused"));
                        assert_eq!(answer.json()["waiting_for"], json!([]));
                    }
                }
            }
        }
        assert_eq!(ended, 10, "the number of cases that waited for an approval, an answer or an assignment");
    }

    fn n7_a_new_proposal_reopens_nothing_and_unknown_fields_are_refused(db: TestDb) {
        let world = World::new(db, SUMMER);
        let member = world.person("class_1/1");
        let body = proposal(&world, "unsettled", "village");
        let case = propose(&member, &body);
        let admin = world.admin("village");
        case.take(&admin, "refuse", &json!({"reason": "信息错误"}));
        let again = propose(&member, &body);
        assert_ne!(again.id, case.id, "another case");
        assert_eq!(case.state(&member), "refused");
        again.take(&member, "withdraw", &json!({}));
        for case in [&case, &again] {
            for (action, body) in [("approve", json!({})), ("refuse", json!({"reason": "不"})), ("withdraw", json!({}))] {
                let client = if action == "withdraw" { &member } else { &admin };
                let closed = Proposed { version: 2, ..case.clone() };
                closed.not(&world, client, action, &body, no(409, "transfer.closed", "T10"));
            }
        }
        let before = stored(&world);
        for (field, value) in [("state", json!("completed")), ("id", json!(case.id)), ("season", json!(2030)), ("version", json!(9))] {
            let mut body = body.clone();
            body[field] = value;
            member.write("/v1/transfers", &body).refused(422, "request.invalid");
            member.post("/v1/transfers/preview", &body).refused(422, "request.invalid");
            admin.decide(&case.at("approve"), 1, &json!({field: 1})).refused(422, "request.invalid");
        }
        assert_eq!(stored(&world), before);
    }

    fn n8_o6_the_member_both_sides_and_their_superiors_see_a_case_and_nobody_else(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.admin("college"), &about(&world, "class_1/1", proposal(&world, "unsettled", "village")));
        let other = propose(&world.admin("railway"), &named(&world, "school/1", proposal(&world, "employed_with_league", "station")));
        for seer in ["class_1", "college", "university", "province", "nation"] {
            world.admin(seer).get(&case.path()).expect(200);
            assert!(listed(&world.admin(seer), "").contains(&case.id), "{seer}");
        }
        for seer in ["village", "township", "county", "city", "province", "nation"] {
            world.admin(seer).get(&case.path()).expect(200);
            assert!(listed(&world.admin(seer), "side=in&").contains(&case.id), "{seer}");
        }
        world.person("class_1/1").get(&case.path()).expect(200);
        assert_eq!(listed(&world.person("class_1/1"), ""), [case.id.as_str()]);
        assert_eq!(listed(&world.admin("class_1"), ""), [case.id.as_str()]);
        assert_eq!(listed(&world.admin("village"), "side=in&"), [case.id.as_str()]);
        assert_eq!(listed(&world.admin("station"), "side=in&"), [other.id.as_str()]);

        let strangers = ["class_2", "teachers", "floating", "school", "employer", "workshop", "home", "railway", "station", "beijing"];
        let mut clients: Vec<Client> = strangers.iter().map(|name| world.admin(name)).collect();
        clients.extend(["class_1/2", "class_2/1", "village/1", "school/1"].iter().map(|name| world.person(name)));
        let nothing = &TransferId(987_654).to_string();
        let before = stored(&world);
        for client in &clients {
            let hidden = asked(&world, client, &case.id);
            let missing = asked(&world, client, nothing);
            for (hidden, missing) in hidden.iter().zip(&missing) {
                assert_eq!(essence(hidden), essence(missing), "a hidden case is answered unlike a missing one");
                assert!(matches!(hidden.status, 403 | 404), "{}", hidden.text);
            }
            assert_eq!(hidden[0].status, 404);
            for query in ["", "side=in&", "side=out&"] {
                assert!(!listed(client, query).contains(&case.id));
            }
        }
        assert_eq!(stored(&world), before);
        // An organization outside the caller's scope can not be chosen for the list.
        let under = format!("/v1/transfers?under={}", world.org("class_1"));
        world.admin("class_2").get(&under).refused(404, "organization.not_found");
        assert_eq!(listed(&world.admin("college"), &format!("under={}&", world.org("class_2"))), [] as [String; 0]);
    }

    fn n8_lists_are_whole_page_by_page_and_by_state(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let cases = busy(&mut world);
        let nation = world.admin("nation");
        let special = cases[9].id.clone();
        for side in ["out", "in"] {
            let found = listed(&nation, &format!("side={side}&"));
            let mut sorted = found.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(sorted.len(), found.len(), "a case is listed twice");
            let mut all: Vec<String> = cases.iter().map(|case| case.id.clone()).filter(|id| *id != special).collect();
            all.sort();
            assert_eq!(sorted, all, "{side}: all but the case of the special unit");
        }
        for state in ["awaiting_approval", "awaiting_assignment", "expired", "withdrawn", "completed"] {
            for id in listed(&nation, &format!("state={state}&")) {
                let case = nation.get(&format!("/v1/transfers/{id}")).expect(200).json();
                assert_eq!(case["state"], json!(state));
            }
        }
        assert_eq!(listed(&nation, "state=awaiting_province&"), [] as [String; 0]);
    }

    fn n9_no_route_changes_a_case_but_the_actions(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        let before = stored(&world);
        for client in [world.person("class_1/1"), world.admin("village"), world.admin("nation")] {
            for path in [case.path(), format!("{}/history", case.path()), "/v1/transfers".to_owned(), "/v1/inbox".to_owned()] {
                for method in ["PUT", "PATCH", "DELETE"] {
                    let request = client.request(method, &path).header("idempotency-key", &fresh_key()).header("if-match", "*");
                    let answer = request.json(&json!({"state": "completed"})).send().refused(405, "request.method_not_allowed");
                    assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")));
                }
            }
            for path in [case.at("complete"), case.at("state"), case.at("expire")] {
                client.write(&path, &json!({})).refused(404, "request.not_found");
            }
        }
        assert_eq!(stored(&world), before);
    }

    fn n10_a_decision_keeps_its_actor_reason_and_time(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        case.take(&world.admin("township"), "refuse", &json!({"reason": "未按要求报到"}));
        // Years later.
        world.at("2036-06-15T00:00:00Z");
        world.run(JobName::Expiry, "2036-06-15T00:00:00Z");
        let history = world.person("class_1/1").get(&format!("{}/history", case.path())).expect(200).json();
        let step = &history["items"][1];
        assert_eq!((&step["event"], &step["acting_for"]["name"], &step["reason"], &step["at"]),
            (&json!("refused"), &json!("township"), &json!("未按要求报到"), &json!(SUMMER)));
        let decider = world.db.number("SELECT account_id AS value FROM transfer_events WHERE event = 'refused'");
        assert_eq!(AccountId(decider).to_string(), world.account("township"));
    }

    fn n13_no_job_changes_an_ended_case(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "township");
        let withdrawn = propose(&world.person("class_1/1"), &body);
        withdrawn.take(&world.person("class_1/1"), "withdraw", &json!({}));
        let refused = propose(&world.person("class_1/2"), &body);
        refused.take(&world.admin("township"), "refuse", &json!({"reason": "不"}));
        let completed = propose(&world.person("class_1/3"), &body).take(&world.admin("township"), "approve", &json!({}));
        completed.take(&world.admin("township"), "assign", &json!({"branch": world.org("village")}));
        world.at("2027-12-01T00:00:00Z");
        let before = world.db.count("transfer_events");
        for job in [JobName::Expiry, JobName::Escalation] {
            assert_eq!(world.run(job, "2027-12-01T00:00:00Z").processed, 0);
        }
        assert_eq!(world.db.count("transfer_events"), before);
        assert_eq!(withdrawn.state(&world.person("class_1/1")), "withdrawn");
        assert_eq!(refused.state(&world.person("class_1/2")), "refused");
    }
}
