//! Policies by season, and the catalogue of rules, refusals and reasons.

use crate::support::both_engines;
use crate::support::http::Answer;
use crate::support::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::catalogue::rule::Rule;
use zhuanjie::domain::transfer::reason::Reason;

const POLICY: &str = "/v1/policies/2026";

fn put(world: &World, who: &str, version: &str, policy: &Value) -> Answer {
    let client = world.admin(who);
    client
        .request("PUT", POLICY)
        .header("if-match", version)
        .json(policy)
        .send()
}

both_engines! {
    fn a_policy_is_changed_by_the_nation_with_history(db: TestDb) {
        let world = World::new(db, "2026-03-02T02:00:00Z");
        let found = world.person("class_1/1").get(POLICY).expect(200);
        assert!(found.header("etag").is_some_and(|tag| tag.starts_with("\"0-")));
        let mut policy = found.json();
        assert_eq!(policy["expiry_days"], 10);
        policy["expiry_days"] = json!(15);
        put(&world, "province", "\"0\"", &policy).refused(403, "policy.not_allowed");
        put(&world, "nation", "\"1\"", &policy).refused(412, "request.stale");
        assert_eq!(put(&world, "nation", "\"0\"", &policy).expect(200).header("etag"), Some("\"1\""));
        put(&world, "nation", "\"0\"", &policy).refused(412, "request.stale");
        policy["expiry_days"] = json!(20);
        put(&world, "nation", "\"1\"", &policy).expect(200);
        assert_eq!(world.admin("village").get(POLICY).expect(200).json()["expiry_days"], 20);
        let history = world.admin("nation").get("/v1/policies/2026/history").expect(200).json();
        assert_eq!((&history[0]["version"], &history[1]["policy"]["expiry_days"]), (&json!(2), &json!(15)));
        assert_eq!(history[0]["changed_by"], json!(world.account("nation")));
        assert_eq!(world.admin("nation").get("/v1/policies/2027").expect(200).json()["expiry_days"], 10);
    }

    fn an_impossible_policy_changes_nothing(db: TestDb) {
        let world = World::new(db, "2026-03-02T02:00:00Z");
        let good = world.admin("nation").get(POLICY).expect(200).json();
        for (field, value, code) in [
            ("expiry_days", json!(0), "policy.out_of_range"),
            ("expiry_days", json!(91), "policy.out_of_range"),
            ("switch_on", json!("10-01"), "policy.dates_out_of_order"),
            ("switch_on", json!("02-29"), "request.invalid"),
            ("season", json!(2027), "request.invalid"),
            ("expire_days", json!(1), "request.invalid"),
        ] {
            let mut policy = good.clone();
            policy[field] = value;
            put(&world, "nation", "*", &policy).refused(422, code);
        }
        assert_eq!(world.db.count("policies"), 0);
        world.admin("nation").get("/v1/policies/1999").refused(404, "policy.not_found");
        world.admin("nation").get("/v1/policies/next").refused(404, "policy.not_found");
    }

    fn the_catalogue_is_open_to_everybody_and_whole(db: TestDb) {
        let world = World::new(db, "2026-03-02T02:00:00Z");
        let anybody = world.anybody();
        let rules = anybody.get("/v1/rules").expect(200).json();
        let errors = anybody.get("/v1/errors").expect(200).json();
        let reasons = anybody.get("/v1/transfer-reasons").expect(200).json();
        let count = |list: &Value| list.as_array().map_or(0, Vec::len);
        assert_eq!((count(&rules), count(&errors), count(&reasons)), (Rule::ALL.len(), Code::ALL.len(), Reason::ALL.len()));
        // Every code that a rule lists cites that rule, and every code that cites a rule is listed by it.
        let listed: BTreeSet<(String, String)> = rules.as_array().expect("rules").iter()
            .flat_map(|rule| rule["codes"].as_array().expect("codes").iter().map(|code| (code.to_string(), rule["number"].to_string())))
            .collect();
        let cited: BTreeSet<(String, String)> = errors.as_array().expect("errors").iter()
            .filter(|error| !error["rule"].is_null())
            .map(|error| (error["code"].to_string(), error["rule"].to_string()))
            .collect();
        assert_eq!(listed, cited);
        let g2 = rules.as_array().expect("rules").iter().find(|rule| rule["number"] == "G2").expect("G2");
        assert_eq!(g2["section"], "1.1");
        assert!(g2["text"]["zh-CN"].is_string() && g2["text"]["en"].is_string());
        assert_eq!(reasons[0]["details_schema"]["$schema"], "https://json-schema.org/draft/2020-12/schema");
        anybody.get("/v1/errors/transfer.already_open").expect(200);
        anybody.get("/v1/errors/no.such").refused(404, "request.not_found");
    }
}
