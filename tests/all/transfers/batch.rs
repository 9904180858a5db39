//! Many decisions in one request (A8): each with its own result, or all of them or none.

use super::{Proposed, SUMMER, proposal, propose, stored, to_beijing};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use serde_json::{Value, json};

const DECISIONS: &str = "/v1/transfers/decisions";

fn decide(client: &Client, mode: &str, items: Value) -> Answer {
    client.write(DECISIONS, &json!({"mode": mode, "items": items}))
}

/// Three cases of different members that wait at the township.
fn three(world: &World) -> [Proposed; 3] {
    ["class_1/1", "class_1/2", "class_1/3"]
        .map(|member| propose(&world.person(member), &proposal(world, "unsettled", "township")))
}

both_engines! {
    fn a8_each_item_of_a_batch_has_its_own_result(db: TestDb) {
        let world = World::new(db, SUMMER);
        let [first, second, third] = three(&world);
        let elsewhere = propose(&world.person("class_2/1"), &to_beijing());
        let township = world.admin("township");
        let answer = decide(&township, "per_item", json!([
            {"transfer": first.id, "action": "approve"},
            {"transfer": second.id, "action": "refuse", "reason": "信息错误"},
            {"transfer": third.id, "action": "refuse"},
            {"transfer": elsewhere.id, "action": "approve"},
        ])).expect(200).json();
        assert_eq!((&answer["done"], &answer["refused"]), (&json!(2), &json!(2)));
        let results = answer["results"].as_array().expect("results");
        assert_eq!((&results[0]["state"], &results[0]["version"]), (&json!("awaiting_assignment"), &json!(2)));
        assert_eq!(results[1]["state"], "refused");
        assert_eq!(results[2]["errors"][0]["code"], "approval.reason_required");
        assert_eq!(results[3]["errors"][0]["code"], "transfer.not_found", "hidden from the township");
        assert_eq!(third.state(&township), "awaiting_approval");
        let assigned = decide(&township, "per_item", json!([
            {"transfer": first.id, "action": "assign", "version": 2, "branch": world.org("village")},
        ])).expect(200).json();
        assert_eq!(assigned["results"][0]["state"], "completed");
    }

    fn a8_n11_all_or_nothing_reports_every_bad_item_at_once_and_does_none(db: TestDb) {
        let world = World::new(db, SUMMER);
        let [first, second, third] = three(&world);
        let township = world.admin("township");
        let before = stored(&world);
        let answer = decide(&township, "all_or_nothing", json!([
            {"transfer": first.id, "action": "approve"},
            {"transfer": second.id, "action": "refuse", "reason": " "},
            {"transfer": third.id, "action": "assign", "branch": world.org("village")},
        ])).refused(422, "approval.reason_required").json();
        let said: Vec<(&str, &str)> = answer["errors"].as_array().expect("errors").iter()
            .map(|error| (error["pointer"].as_str().expect("a pointer"), error["code"].as_str().expect("a code")))
            .collect();
        assert_eq!(said, [("/items/1/reason", "approval.reason_required"), ("/items/2", "assignment.not_awaited")]);
        assert_eq!(stored(&world), before);
    }

    fn a8_a_dry_run_decides_everything_and_stores_nothing(db: TestDb) {
        let world = World::new(db, SUMMER);
        let [first, ..] = three(&world);
        let township = world.admin("township");
        let body = json!({"mode": "per_item", "dry_run": true, "items": [{"transfer": first.id, "action": "approve"}]});
        let answer = township.write(DECISIONS, &body).expect(200).json();
        assert_eq!(answer["results"][0]["state"], "awaiting_assignment");
        assert_eq!(first.state(&township), "awaiting_approval");
    }

    fn a8_two_decisions_on_one_case_and_misplaced_fields_are_refused(db: TestDb) {
        let world = World::new(db, SUMMER);
        let [first, second, _] = three(&world);
        let township = world.admin("township");
        let approve = json!({"transfer": first.id, "action": "approve"});
        decide(&township, "per_item", json!([approve, approve])).refused(422, "batch.item_twice");
        decide(&township, "per_item", json!([])).refused(422, "request.invalid");
        for item in [
            json!({"transfer": second.id, "action": "approve", "reason": "x"}),
            json!({"transfer": second.id, "action": "assign"}),
            json!({"transfer": second.id, "action": "refuse", "branch": world.org("village")}),
            json!({"transfer": second.id, "action": "accept_external"}),
        ] {
            decide(&township, "all_or_nothing", json!([item])).refused(422, "request.invalid");
            let each = decide(&township, "per_item", json!([item])).expect(200).json();
            assert_eq!((&each["refused"], &each["results"][0]["errors"][0]["code"]), (&json!(1), &json!("request.invalid")));
        }
        let stale = json!([{"transfer": first.id, "action": "approve", "version": 7}]);
        decide(&township, "all_or_nothing", stale).refused(412, "request.stale");
    }
}
