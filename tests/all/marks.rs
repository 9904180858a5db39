//! Marks on members through HTTP (§1.2, §1.3; M1 to M6), and a member's own page.

use crate::support::http::{Answer, Client};
use crate::support::world::World;
use crate::support::{TestDb, both_engines};
use serde_json::{Value, json};

const MARKS: &str = "/v1/member-marks";
const UNDO: &str = "/v1/member-marks/undo";

/// A country in which class 1 and the one-branch school graduate in July of this year.
fn graduating(db: TestDb) -> World {
    let world = World::new(db, "2026-03-02T02:00:00Z");
    let items = json!([{"branch": world.org("class_1"), "month": "2026-07"}, {"branch": world.org("school"), "month": "2026-07"}]);
    let body = json!({"mode": "all_or_nothing", "items": items});
    world.admin("nation").write("/v1/graduation-marks", &body).expect(200);
    world
}

fn teacher(world: &World, client: &Client, member: &str) -> Answer {
    let item = json!({"member": world.mem(member), "identity": "teacher"});
    client.write(MARKS, &json!({"mode": "all_or_nothing", "items": [item]}))
}

fn delayed(world: &World, fields: Value) -> Answer {
    let mut item = fields;
    item["member"] = json!(world.mem("class_1/1"));
    item["identity"] = json!("delayed");
    let body = json!({"mode": "all_or_nothing", "items": [item]});
    world.admin("class_1").write(MARKS, &body)
}

fn page(world: &World, member: &str) -> Value {
    let path = format!("/v1/members/{}", world.mem(member));
    world.admin("nation").get(&path).expect(200).json()
}

both_engines! {
    fn m1_a_member_of_a_graduating_branch_shows_one_identity(db: TestDb) {
        let world = graduating(db);
        let class = world.admin("class_1");
        teacher(&world, &class, "class_1/1").expect(200);
        delayed(&world, json!({"month": "2026-08", "reason": "休学"})).expect(200);
        assert_eq!(page(&world, "class_1/1")["identity"], "delayed", "the later mark replaces the earlier");
        assert_eq!(page(&world, "class_1/2")["identity"], "graduate");
        assert_eq!(page(&world, "class_2/1")["identity"], Value::Null);
        teacher(&world, &world.admin("class_2"), "class_2/1").refused(409, "mark.not_graduating");
    }

    fn m2_administrators_of_the_school_mark_the_branchs_own_included(db: TestDb) {
        let world = graduating(db);
        for (member, who) in [("class_1/1", "class_1"), ("class_1/2", "college"), ("class_1/3", "university")] {
            teacher(&world, &world.admin(who), member).expect(200);
        }
        teacher(&world, &world.admin("province"), "class_1/1").refused(403, "mark.out_of_scope");
        teacher(&world, &world.admin("class_2"), "class_1/1").refused(404, "member.not_found");
        teacher(&world, &world.person("class_1/1"), "class_1/1").refused(403, "actor.not_administrator");
    }

    fn m2_where_the_school_is_one_branch_its_direct_superior_marks(db: TestDb) {
        let world = graduating(db);
        teacher(&world, &world.admin("school"), "school/1").refused(403, "mark.superior_only");
        teacher(&world, &world.admin("city"), "school/1").refused(403, "mark.superior_only");
        teacher(&world, &world.admin("county"), "school/1").expect(200);
    }

    fn m3_delayed_needs_a_strictly_later_month_and_a_reason(db: TestDb) {
        let world = graduating(db);
        delayed(&world, json!({"month": "2026-06", "reason": "休学"})).refused(422, "mark.month_not_later");
        delayed(&world, json!({"month": "2026-07", "reason": "休学"})).refused(422, "mark.month_not_later");
        delayed(&world, json!({"month": "2026-08", "reason": " "})).refused(422, "mark.reason_required");
        let both = delayed(&world, json!({})).refused(422, "mark.month_required").json();
        let pointers: Vec<_> = both["errors"].as_array().expect("errors").iter().map(|e| e["pointer"].clone()).collect();
        assert_eq!(pointers, ["/items/0/month", "/items/0/reason"]);
        delayed(&world, json!({"month": "2026-08", "reason": "字".repeat(501)})).refused(422, "request.invalid");
        assert_eq!(world.db.count("mark_history"), 0);
        delayed(&world, json!({"month": "2026-08", "reason": "休学"})).expect(200);
    }

    fn m4_a_batch_gives_each_member_a_result(db: TestDb) {
        let world = graduating(db);
        let item = |member: &str| json!({"member": world.mem(member), "identity": "teacher"});
        let mut body = json!({"mode": "per_item", "items": [item("class_1/1"), item("class_2/1"), item("village/1")]});
        let answer = world.admin("university").write(MARKS, &body).expect(200).json();
        let statuses: Vec<_> = answer["results"].as_array().expect("results").iter().map(|r| r["status"].clone()).collect();
        assert_eq!(statuses, ["done", "refused", "refused"]);
        assert_eq!(answer["results"][2]["errors"][0]["code"], "member.not_found");
        body["mode"] = json!("all_or_nothing");
        body["items"] = json!([item("class_1/2"), item("class_2/1")]);
        world.admin("university").write(MARKS, &body).refused(409, "mark.not_graduating");
        assert_eq!(world.db.count("mark_history"), 1);
        body["items"] = json!([item("class_1/2"), item("class_1/2")]);
        world.admin("university").write(MARKS, &body).refused(422, "batch.item_twice");
    }

    fn m6_undoing_restores_graduate_and_the_branchs_month(db: TestDb) {
        let world = graduating(db);
        let class = world.admin("class_1");
        delayed(&world, json!({"month": "2027-01", "reason": "休学"})).expect(200);
        let list = |identity: &str| {
            let path = format!("/v1/organizations/{}/members?subtree=true&identity={identity}", world.org("university"));
            world.admin("university").get(&path).expect(200).json()["items"].as_array().map(Vec::len)
        };
        assert_eq!((list("delayed"), list("teacher"), list("graduate")), (Some(1), Some(0), Some(2)));
        assert_eq!(page(&world, "class_1/1")["graduation_month"], "2027-01");
        let body = json!({"mode": "all_or_nothing", "items": [{"member": world.mem("class_1/1")}]});
        class.write(UNDO, &body).expect(200);
        let member = page(&world, "class_1/1");
        assert_eq!((&member["identity"], &member["graduation_month"]), (&json!("graduate"), &json!("2026-07")));
        class.write(UNDO, &body).refused(409, "mark.not_marked");
        let path = format!("/v1/members/{}/mark-history", world.mem("class_1/1"));
        let history = world.person("class_1/1").get(&path).expect(200).json();
        let seen: Vec<_> = history["items"].as_array().expect("items").iter().map(|e| e["new"]["identity"].clone()).collect();
        assert_eq!(seen, ["delayed", "graduate"]);
    }

    fn o6_only_members_themselves_and_their_superiors_see_a_member(db: TestDb) {
        let world = graduating(db);
        let path = format!("/v1/members/{}", world.mem("class_1/1"));
        let own = world.person("class_1/1").get(&path).expect(200);
        let number = world.id_number("class_1/1");
        assert!(!own.text.contains(&number) && own.text.contains(&number[16..]), "masked");
        let place = &own.json()["memberships"][0];
        assert_eq!((&place["branch_id"], &place["since"]), (&json!(world.org("class_1")), &json!("2020-01-01T00:00:00Z")));
        world.admin("college").get(&path).expect(200);
        world.admin("township").get(&path).refused(404, "member.not_found");
        world.person("class_1/2").get(&path).refused(404, "member.not_found");
        world.admin("college").get("/v1/members/mem_x").refused(404, "member.not_found");
    }

    fn m2_m6_allowed_actions_say_what_the_action_answers(db: TestDb) {
        let world = graduating(db);
        teacher(&world, &world.admin("college"), "class_1/2").expect(200);
        let members = ["class_1/1", "class_1/2", "class_2/1", "school/1"];
        for (who, member) in ["class_1", "college", "province", "county"].into_iter().flat_map(|w| members.map(|m| (w, m))) {
            let client = world.admin(who);
            let answer = client.get(&format!("/v1/members/{}", world.mem(member)));
            if answer.status == 404 {
                teacher(&world, &client, member).refused(404, "member.not_found");
                continue;
            }
            for action in answer.json()["allowed_actions"].as_array().expect("actions") {
                let mut item = json!({"member": world.mem(member)});
                let path = match action["action"].as_str() {
                    Some("undo_mark") => UNDO,
                    Some("mark_teacher") => { item["identity"] = json!("teacher"); MARKS }
                    _ => {
                        item["identity"] = json!("delayed");
                        item["month"] = json!("2030-01");
                        item["reason"] = json!("休学");
                        MARKS
                    }
                };
                let body = json!({"mode": "all_or_nothing", "dry_run": true, "items": [item]});
                let tried = client.write(path, &body);
                assert_eq!(action["allowed"], json!(tried.status == 200), "{who} {member}: {action}");
                if tried.status != 200 {
                    assert_eq!(action["because"]["code"], json!(tried.code()), "{who} {member}");
                }
            }
        }
    }
}
