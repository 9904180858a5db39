//! Special units (§1.4.6; A4, S-30): the province approves, the member goes to the holding, and nobody else learns of
//! it.

use super::{Proposed, SUMMER, about, no, proposal, propose, to_special_unit};
use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::World;
use serde_json::{Value, json};

fn listed(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/v1/transfers{query}")).expect(200).json();
    page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|case| case["id"].clone())
        .collect()
}

/// Administrators who must not learn of it.
const OTHERS: [&str; 10] = [
    "college",
    "university",
    "class_2",
    "teachers",
    "nation",
    "city",
    "county",
    "village",
    "railway",
    "beijing",
];

#[track_caller]
fn hidden(world: &World, case: &Proposed) {
    for other in OTHERS {
        let admin = world.admin(other);
        admin.get(&case.path()).refused(404, "transfer.not_found");
        admin
            .get(&format!("{}/history", case.path()))
            .refused(404, "transfer.not_found");
        for side in ["out", "in"] {
            assert!(
                !listed(&admin, &format!("?side={side}&limit=200")).contains(&json!(case.id)),
                "{other}"
            );
        }
        assert_eq!(
            admin.get("/v1/inbox/counts").expect(200).json()["total"],
            json!(0),
            "{other}"
        );
    }
    for superior in ["college", "university", "province", "nation"] {
        let under = format!("?side=out&under={}", world.org("class_1"));
        assert!(
            !listed(&world.admin(superior), &under).contains(&json!(case.id)),
            "{superior} sees the case in the list of the branch"
        );
    }
    for person in ["class_1/2", "class_2/1"] {
        world
            .person(person)
            .get(&case.path())
            .refused(404, "transfer.not_found");
    }
}

both_engines! {
    fn a4_the_province_approves_and_the_member_goes_to_the_holding(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &to_special_unit());
        let class = world.admin("class_1");
        case.not(&world, &class, "approve", &json!({}), no(403, "approval.not_your_turn", "A1").ask("province"));
        let done = case.take(&world.admin("province"), "approve", &json!({}));
        assert_eq!(done.state(&world.person("class_1/1")), "completed");
        let id = world.mem_key("class_1/1");
        let place = world.db.number(&format!("SELECT branch_id AS value FROM members WHERE id = {id}"));
        assert_eq!(place, world.org_key("holding"));
        // A member of the holding can not propose (T12), and the refusal does not name the holding.
        let answer = world.person("class_1/1").write("/v1/transfers", &proposal(&world, "unsettled", "village"));
        let answer = answer.refused(409, "transfer.member_not_active");
        assert!(!answer.text.contains(&world.org("holding")), "{}", answer.text);
    }

    fn a4_the_province_may_refuse_it(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &to_special_unit());
        case.not(&world, &world.admin("province"), "refuse", &json!({"reason": ""}), no(422, "approval.reason_required", "A5").at("/reason"));
        let ended = case.take(&world.admin("province"), "refuse", &json!({"reason": "信息错误"}));
        assert_eq!(ended.state(&world.person("class_1/1")), "refused");
        hidden(&world, &ended);
    }

    fn a4_s_30_only_the_member_the_branch_and_the_province_see_it(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.admin("class_1"), &about(&world, "class_1/1", to_special_unit()));
        let seers = || [world.person("class_1/1"), world.admin("class_1"), world.admin("province")];
        hidden(&world, &case);
        for seer in seers() {
            let seen = seer.get(&case.path()).expect(200);
            assert!(!seen.text.contains(&world.org("holding")) && !seen.text.contains("holding\",\"name"), "{}", seen.text);
        }
        assert_eq!(listed(&world.person("class_1/1"), ""), [json!(case.id)]);
        assert_eq!(listed(&world.admin("class_1"), ""), [json!(case.id)]);
        assert_eq!(world.admin("province").get("/v1/inbox/counts").expect(200).json()["total"], json!(1));
        let done = case.take(&world.admin("province"), "approve", &json!({}));
        hidden(&world, &done);
        for seer in seers() {
            let seen = seer.get(&done.path()).expect(200);
            assert!(!seen.text.contains(&world.org("holding")), "{}", seen.text);
            seer.get(&format!("{}/history", done.path())).expect(200);
        }
    }

    fn s_30_the_superior_of_a_vacant_province_sees_a_case_only_while_holding_it(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        world.dismiss("province");
        let case = propose(&world.person("class_1/1"), &to_special_unit());
        world.admin("nation").get(&case.path()).expect(200);
        let done = case.take(&world.admin("nation"), "approve", &json!({}));
        world.admin("nation").get(&done.path()).refused(404, "transfer.not_found");
    }
}
