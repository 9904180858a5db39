//! Graduation months of branches through HTTP (§1.1, §2.3, §2.4; G1 to G9, M7).

use crate::support::world::World;
use crate::support::{TestDb, both_engines};
use serde_json::{Value, json};
use zhuanjie::service::jobs::JobName;

const SPRING: &str = "2026-03-02T02:00:00Z";
/// 1 June 2026, 00:00 in Asia/Shanghai.
const SWITCH: &str = "2026-05-31T16:00:00Z";
const MARKS: &str = "/v1/graduation-marks";

fn marks(world: &World, mode: &str, items: &[(&str, &str)]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|(branch, month)| json!({"branch": world.org(branch), "month": month}))
        .collect();
    json!({"mode": mode, "items": items})
}

/// Marks class 1 with a month and runs the yearly switch.
fn turned(db: TestDb, month: &str) -> World {
    let world = World::new(db, SPRING);
    let body = marks(&world, "all_or_nothing", &[("class_1", month)]);
    world.admin("college").write(MARKS, &body).expect(200);
    world.at(SWITCH);
    world.run(JobName::YearlySwitch, SWITCH);
    world
}

fn branch(world: &World, name: &str) -> Value {
    let path = format!("/v1/organizations/{}", world.org(name));
    world.admin("nation").get(&path).expect(200).json()
}

fn cohort(world: &World, name: &str) -> i64 {
    let key = world.org_key(name);
    world.db.number(&format!(
        "SELECT count(*) AS value FROM cohort_members WHERE season = 2026 AND branch_id = {key}"
    ))
}

fn events(world: &World, name: &str) -> Vec<String> {
    let path = format!("/v1/organizations/{}/graduation-history", world.org(name));
    let page = world.admin("college").get(&path).expect(200).json();
    let items = page["items"].as_array().expect("items").clone();
    items
        .iter()
        .map(|item| item["event"].as_str().expect("an event").to_owned())
        .collect()
}

fn propose(world: &World, month: &str) -> (String, i64) {
    let body = json!({"branch": world.org("class_1"), "month": month, "reason": "学制延长"});
    let change = world
        .admin("college")
        .write("/v1/month-changes", &body)
        .expect(201)
        .json();
    let id = change["id"].as_str().expect("an id");
    (
        format!("/v1/month-changes/{id}"),
        change["version"].as_i64().expect("a version"),
    )
}

both_engines! {
    fn g1_unmarked_branches_show_as_such_and_can_be_listed(db: TestDb) {
        let world = World::new(db, SPRING);
        let college = world.admin("college");
        let list = |marked: bool| {
            let path = format!("/v1/organizations?graduation_marked={marked}");
            college.get(&path).expect(200).json()["items"].as_array().map(Vec::len)
        };
        assert_eq!((list(false), list(true)), (Some(3), Some(0)));
        college.write(MARKS, &marks(&world, "per_item", &[("class_1", "2026-07")])).expect(200);
        assert_eq!((list(false), list(true)), (Some(2), Some(1)));
    }

    fn g2_everybody_above_may_mark_and_the_branch_itself_may_not(db: TestDb) {
        let world = World::new(db, SPRING);
        for (month, who) in [("2026-06", "college"), ("2026-07", "university"), ("2026-08", "province"), ("2026-09", "nation")] {
            let body = marks(&world, "all_or_nothing", &[("class_1", month)]);
            world.admin(who).write(MARKS, &body).expect(200);
            assert_eq!(branch(&world, "class_1")["graduation"]["month"], month);
        }
        let body = marks(&world, "all_or_nothing", &[("class_1", "2026-10")]);
        world.admin("class_1").write(MARKS, &body).refused(403, "graduation.not_allowed_for_branch_admin");
        world.admin("township").write(MARKS, &body).refused(404, "organization.not_found");
        world.person("class_1/1").write(MARKS, &body).refused(403, "actor.not_administrator");
        let body = marks(&world, "all_or_nothing", &[("village", "2026-10")]);
        world.admin("township").write(MARKS, &body).refused(409, "graduation.not_school_branch");
        assert_eq!(branch(&world, "class_1")["graduation"]["month"], "2026-09");
    }

    fn g3_each_branch_has_its_own_result_and_all_or_nothing_undoes_everything(db: TestDb) {
        let world = World::new(db, SPRING);
        let items = [("class_1", "2026-07"), ("village", "2026-07"), ("class_2", "2026-07")];
        let refused = world.admin("nation").write(MARKS, &marks(&world, "all_or_nothing", &items));
        let refused = refused.refused(409, "graduation.not_school_branch").json();
        assert_eq!(refused["errors"][0]["pointer"], "/items/1");
        assert_eq!((world.db.count("graduation_history"), world.db.number("SELECT count(*) AS value FROM audit_log WHERE outcome = 'done'")), (0, 0));

        let answer = world.admin("nation").write(MARKS, &marks(&world, "per_item", &items)).expect(200).json();
        let status = |i: usize| answer["results"][i]["status"].as_str();
        assert_eq!([status(0), status(1), status(2)], [Some("done"), Some("refused"), Some("done")]);
        assert_eq!((&answer["done"], &answer["refused"]), (&json!(2), &json!(1)));
        assert_eq!(answer["results"][1]["errors"][0]["code"], "graduation.not_school_branch");
        assert_eq!(world.db.count("graduation_history"), 2);
    }

    fn g3_a_dry_run_says_the_same_and_stores_nothing(db: TestDb) {
        let world = World::new(db, SPRING);
        let mut body = marks(&world, "per_item", &[("class_1", "2026-07"), ("village", "2026-07")]);
        body["dry_run"] = json!(true);
        let rehearsed = world.admin("nation").write(MARKS, &body).expect(200).json();
        assert_eq!((world.db.count("graduation_history"), world.db.number("SELECT count(*) AS value FROM audit_log WHERE outcome = 'done'")), (0, 0));
        body["dry_run"] = json!(false);
        let done = world.admin("nation").write(MARKS, &body).expect(200).json();
        assert_eq!(rehearsed["results"], done["results"]);
    }

    fn g3_a_batch_is_1_to_200_items_and_names_none_twice(db: TestDb) {
        let world = World::new(db, SPRING);
        let college = world.admin("college");
        let twice = marks(&world, "per_item", &[("class_1", "2026-07"), ("class_2", "2026-07"), ("class_1", "2026-08")]);
        let refused = college.write(MARKS, &twice).refused(422, "batch.item_twice").json();
        assert_eq!(refused["errors"][0]["pointer"], "/items/2");
        college.write(MARKS, &marks(&world, "per_item", &[])).refused(422, "request.invalid");
        let many = vec![("class_1", "2026-07"); 201];
        college.write(MARKS, &marks(&world, "per_item", &many)).refused(422, "request.invalid");
        assert_eq!(world.db.count("graduation_history"), 0);
    }

    fn g3_a_repeated_request_has_one_effect(db: TestDb) {
        let world = World::new(db, SPRING);
        let body = marks(&world, "per_item", &[("class_1", "2026-07")]);
        let first = world.admin("college").write_with("k", MARKS, &body).expect(200);
        let second = world.admin("college").write_with("k", MARKS, &body).expect(200);
        assert_eq!((first.text, second.header("Idempotent-Replayed")), (second.text.clone(), Some("true")));
        assert_eq!(world.db.count("graduation_history"), 1);
    }

    fn g4_month_or_reason_and_exactly_one(db: TestDb) {
        let world = World::new(db, SPRING);
        let college = world.admin("college");
        let one = |fields: Value| {
            let mut item = fields;
            item["branch"] = json!(world.org("teachers"));
            college.write(MARKS, &json!({"mode": "all_or_nothing", "items": [item]}))
        };
        one(json!({})).refused(422, "graduation.month_or_reason");
        one(json!({"month": "2026-07", "undetermined": "teacher_branch"})).refused(422, "graduation.month_or_reason");
        one(json!({"month": "2026-13"})).refused(422, "request.invalid");
        one(json!({"undetermined": "teacher_branch"})).expect(200);
        assert_eq!(branch(&world, "teachers")["graduation"]["undetermined"], "teacher_branch");
    }

    fn g5_the_month_is_set_again_and_the_old_one_stays_in_the_history(db: TestDb) {
        let world = World::new(db, SPRING);
        for month in ["2026-06", "2026-07", "2026-07"] {
            world.admin("college").write(MARKS, &marks(&world, "per_item", &[("class_1", month)])).expect(200);
        }
        let path = format!("/v1/organizations/{}/graduation-history", world.org("class_1"));
        let history = world.admin("class_1").get(&path).expect(200).json();
        let items = history["items"].as_array().expect("items");
        assert_eq!(items.len(), 2, "the third changed nothing: {history}");
        assert_eq!((&items[1]["old"]["month"], &items[1]["new"]["month"]), (&json!("2026-06"), &json!("2026-07")));
        assert_eq!(items[1]["account_id"], json!(world.account("college")));
        world.admin("township").get(&path).refused(404, "organization.not_found");
    }

    fn g5_g7_after_the_switch_a_month_is_no_longer_set(db: TestDb) {
        let world = turned(db, "2026-07");
        let body = marks(&world, "all_or_nothing", &[("class_1", "2026-08")]);
        let refused = world.admin("college").write(MARKS, &body).refused(409, "graduation.needs_change_request").json();
        assert_eq!(refused["rule"], "G7");
    }

    fn g7_only_the_direct_superior_proposes_once_and_with_a_reason(db: TestDb) {
        let world = turned(db, "2026-07");
        let body = json!({"branch": world.org("class_1"), "month": "2027-07", "reason": "学制延长"});
        let post = |who: &str, body: &Value| world.admin(who).write("/v1/month-changes", body);
        post("university", &body).refused(403, "graduation.not_direct_superior");
        post("class_1", &body).refused(403, "graduation.not_direct_superior");
        post("township", &body).refused(404, "organization.not_found");
        let blank = json!({"branch": world.org("class_1"), "month": "2027-07", "reason": "\u{3000}"});
        post("college", &blank).refused(422, "graduation.change_reason_required");
        let same = json!({"branch": world.org("class_1"), "month": "2026-07", "reason": "学制延长"});
        post("college", &same).refused(422, "graduation.month_unchanged");
        let ordinary = json!({"branch": world.org("class_2"), "month": "2027-07", "reason": "学制延长"});
        post("college", &ordinary).refused(409, "graduation.set_directly");
        post("college", &body).expect(201);
        post("college", &body).refused(409, "graduation.change_request_open");
        assert_eq!(events(&world, "class_1"), ["marked", "turned", "change_proposed"]);
    }

    fn g8_the_leading_organ_sees_its_list_and_refuses_with_a_reason(db: TestDb) {
        let world = turned(db, "2026-07");
        let (path, version) = propose(&world, "2027-07");
        let list = |who: &str| world.admin(who).get("/v1/month-changes?state=open").expect(200).json()["items"].clone();
        let seen = list("province");
        assert_eq!((&seen[0]["old_month"], &seen[0]["new_month"]), (&json!("2026-07"), &json!("2027-07")));
        assert_eq!((&seen[0]["reason"], &seen[0]["proposer"]["name"]), (&json!("学制延长"), &json!("college")));
        assert_eq!((list("college").as_array().map(Vec::len), list("nation").as_array().map(Vec::len)), (Some(1), Some(0)));
        assert_eq!(world.db.number("SELECT organization_id AS value FROM inbox_entries WHERE kind = 'month_change'"), world.org_key("province"));

        let refuse = |who: &str, body: Value| world.admin(who).decide(&format!("{path}/refuse"), version, &body);
        refuse("nation", json!({"reason": "材料不全"})).refused(403, "graduation.not_approver");
        refuse("township", json!({"reason": "材料不全"})).refused(404, "graduation.change_not_found");
        refuse("province", json!({})).refused(422, "approval.reason_required");
        let refused = refuse("province", json!({"reason": "材料不全"})).expect(200).json();
        assert_eq!((&refused["state"], &refused["decision_reason"]), (&json!("refused"), &json!("材料不全")));
        assert_eq!((world.db.count("inbox_entries"), &branch(&world, "class_1")["graduation"]["month"]), (0, &json!("2026-07")));
        refuse("province", json!({"reason": "材料不全"})).refused(409, "graduation.no_open_request");
        assert_eq!(events(&world, "class_1").last().map(String::as_str), Some("change_refused"));
    }

    fn g7_a_decision_is_about_a_version(db: TestDb) {
        let world = turned(db, "2026-07");
        let (path, version) = propose(&world, "2027-07");
        let approve = format!("{path}/approve");
        world.admin("province").write(&approve, &json!({})).refused(428, "request.precondition_required");
        world.admin("province").decide(&approve, version + 1, &json!({})).refused(412, "request.stale");
        world.admin("province").decide(&approve, version, &json!({})).expect(200);
        world.admin("province").get(&path).expect(200);
        world.admin("township").get(&path).refused(404, "graduation.change_not_found");
    }

    fn g7_a10_where_the_leading_organ_is_vacant_the_one_above_decides(db: TestDb) {
        let mut world = turned(db, "2026-07");
        world.dismiss("province");
        let (path, version) = propose(&world, "2026-08");
        let list = world.admin("nation").get("/v1/month-changes?state=open").expect(200).json();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "every change that waits for the nation is in its list");
        world.admin("nation").decide(&format!("{path}/approve"), version, &json!({})).expect(200);
    }

    fn g7_proposers_can_not_decide_their_own_change(db: TestDb) {
        let mut world = turned(db, "2026-07");
        let (path, version) = propose(&world, "2026-08");
        // The proposer becomes the leading organ's second administrator.
        world.appoint("college", "province");
        let own = world.admin("college").decide(&format!("{path}/approve"), version, &json!({}));
        own.refused(403, "graduation.self_approval");
        world.admin("province").decide(&format!("{path}/approve"), version, &json!({})).expect(200);
    }

    fn g9_a_month_of_a_later_year_takes_the_branch_out_of_the_season(db: TestDb) {
        let world = turned(db, "2026-07");
        assert_eq!(cohort(&world, "class_1"), 3);
        let (path, version) = propose(&world, "2027-01");
        world.admin("province").decide(&format!("{path}/approve"), version, &json!({})).expect(200);
        assert_eq!(branch(&world, "class_1")["graduated_season"], Value::Null);
        assert_eq!(cohort(&world, "class_1"), 0);
        // The switch of its new year turns it again.
        world.run(JobName::YearlySwitch, "2027-05-31T15:59:59Z");
        assert_eq!(branch(&world, "class_1")["graduated_season"], Value::Null);
        world.run(JobName::YearlySwitch, "2027-05-31T16:00:00Z");
        assert_eq!(branch(&world, "class_1")["graduated_season"], 2027);
        assert_eq!(cohort(&world, "class_1"), 0, "the cohort rows belong to the next season");
    }

    fn g9_a_month_of_the_same_year_leaves_it_a_graduate_branch(db: TestDb) {
        let world = turned(db, "2026-07");
        let (path, version) = propose(&world, "2026-12");
        world.admin("province").decide(&format!("{path}/approve"), version, &json!({})).expect(200);
        let class = branch(&world, "class_1");
        assert_eq!((&class["graduated_season"], &class["graduation"]["month"]), (&json!(2026), &json!("2026-12")));
        assert_eq!(cohort(&world, "class_1"), 3);
    }

    fn m7_a_delayed_month_that_is_no_longer_later_is_reported_and_kept(db: TestDb) {
        let world = World::new(db, SPRING);
        let college = world.admin("college");
        college.write(MARKS, &marks(&world, "per_item", &[("class_1", "2026-06")])).expect(200);
        let item = json!({"member": world.mem("class_1/2"), "identity": "delayed", "month": "2026-09", "reason": "休学"});
        college.write("/v1/member-marks", &json!({"mode": "per_item", "items": [item]})).expect(200);
        let stale = |month: &str| {
            let answer = college.write(MARKS, &marks(&world, "per_item", &[("class_1", month)])).expect(200).json();
            answer["results"][0]["stale_delayed_members"].clone()
        };
        assert_eq!(stale("2026-08"), json!([]));
        assert_eq!(stale("2026-09"), json!([world.mem("class_1/2")]));
        let path = format!("/v1/members/{}", world.mem("class_1/2"));
        assert_eq!(college.get(&path).expect(200).json()["identity"], "delayed");
    }
}
