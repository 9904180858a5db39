//! Seeing a member's ID number in full, and who is told (S-05, T4).

use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use serde_json::{Value, json};

const NOON: &str = "2026-06-20T04:00:00Z";

fn reveal(client: &Client, world: &World, member: &str) -> Answer {
    let body = json!({"fields": ["id_number", "phone"], "purpose": "核对入团志愿书"});
    client.post(&format!("/v1/members/{}/reveal", world.mem(member)), &body)
}

fn told(world: &World, member: &str) -> Vec<Value> {
    let page = world.person(member).get("/v1/me/disclosures").expect(200).json();
    page["items"].as_array().expect("items").clone()
}

both_engines! {
    fn s05_a_number_in_full_needs_a_purpose_and_leaves_a_row_that_the_member_reads(db: TestDb) {
        let world = World::new(db, NOON);
        let number = world.id_number("class_1/1");
        let page = world.admin("class_1").get(&format!("/v1/members/{}", world.mem("class_1/1"))).expect(200);
        assert!(!page.text.contains(&number), "masked unless asked for");
        let seen = reveal(&world.admin("class_1"), &world, "class_1/1").expect(200);
        assert_eq!(seen.json(), json!({"id_number": number}));
        assert_eq!(seen.header("cache-control"), Some("no-store"));
        assert_eq!(told(&world, "class_1/1"), [json!({
            "at": NOON, "kind": "reveal", "organization_id": world.org("class_1"), "organization_name": "class_1",
            "fields": ["id_number", "phone"], "purpose": "核对入团志愿书",
        })]);
        assert_eq!(told(&world, "class_1/2"), Vec::<Value>::new());
        let rows = world.db.texts("SELECT action || ' ' || subject AS value FROM audit_log WHERE outcome = 'done'");
        assert_eq!(rows, [format!("member.revealed {}", world.mem("class_1/1"))]);
    }

    fn t4_the_member_sees_who_looked_them_up(db: TestDb) {
        let world = World::new(db, NOON);
        let number = world.id_number("class_1/1");
        let look = |name: &str| world.admin("township").post("/v1/members/look-up", &json!({"name": name, "id_number": number}));
        look("class_1/1").expect(200);
        look("class_1/2").refused(404, "member.no_match");
        let told = told(&world, "class_1/1");
        assert_eq!(told.len(), 1, "a look-up without a match discloses nothing");
        assert_eq!((&told[0]["kind"], &told[0]["organization_name"]), (&json!("look_up"), &json!("township")));
    }

    fn s05_only_the_branch_and_its_direct_superior_see_a_number_in_full(db: TestDb) {
        let world = World::new(db, NOON);
        reveal(&world.admin("college"), &world, "class_1/1").expect(200);
        for above in ["university", "province", "nation"] {
            reveal(&world.admin(above), &world, "class_1/1").refused(403, "member.reveal_not_allowed");
        }
        for beside in ["class_2", "employer", "beijing"] {
            reveal(&world.admin(beside), &world, "class_1/1").refused(404, "member.not_found");
        }
        reveal(&world.person("class_1/1"), &world, "class_1/1").refused(403, "actor.not_administrator");
        assert_eq!(told(&world, "class_1/1").len(), 1, "a refusal discloses nothing");
    }

    fn s05_nothing_is_shown_without_a_purpose_or_with_a_number_in_the_purpose(db: TestDb) {
        let world = World::new(db, NOON);
        let (class, path) = (world.admin("class_1"), format!("/v1/members/{}/reveal", world.mem("class_1/1")));
        for body in [
            json!({"fields": ["id_number"]}),
            json!({"fields": ["id_number"], "purpose": "   "}),
            json!({"fields": ["id_number"], "purpose": "看看"}),
            json!({"fields": ["id_number"], "purpose": "核对 13812345678"}),
            json!({"fields": ["id_number"], "purpose": "核对 １１０１０５１９４９１２３１００２Ｘ"}),
            json!({"fields": ["id_number"], "purpose": "x".repeat(501)}),
            json!({"fields": [], "purpose": "核对入团志愿书"}),
            json!({"fields": ["id_number", "id_number"], "purpose": "核对入团志愿书"}),
            json!({"fields": ["name"], "purpose": "核对入团志愿书"}),
            json!({"fields": ["id_number"], "purpose": "核对入团志愿书", "silent": true}),
        ] {
            let answer = class.post(&path, &body).refused(422, "request.invalid");
            assert!(!answer.text.contains("1381234"), "{}", answer.text);
        }
        assert_eq!(world.db.count("look_ups"), 0);
    }

    fn api6_seeing_many_numbers_in_full_uses_up_the_budget(db: TestDb) {
        let world = World::new(db, NOON);
        let class = world.admin("class_1");
        for turn in 0..60 {
            reveal(&class, &world, ["class_1/1", "class_1/2", "class_1/3"][turn % 3]).expect(200);
        }
        let limited = reveal(&class, &world, "class_1/1").refused(429, "rate_limited");
        assert!(limited.header("retry-after").is_some());
        assert_eq!(world.db.number("SELECT count(*) AS value FROM audit_log WHERE action = 'reveal.limited'"), 1);
        world.at("2026-06-20T05:00:00Z");
        reveal(&world.admin("class_1"), &world, "class_1/1").expect(200);
    }

    fn each_member_reads_only_their_own_disclosures(db: TestDb) {
        let world = World::new(db, NOON);
        world.admin("class_1").get("/v1/me/disclosures").refused(403, "request.members_only");
        for _ in 0..3 {
            reveal(&world.admin("class_1"), &world, "class_1/1").expect(200);
        }
        let first = world.person("class_1/1").get("/v1/me/disclosures?limit=2").expect(200).json();
        let next = format!("/v1/me/disclosures?limit=2&cursor={}", first["next_cursor"].as_str().expect("more"));
        assert_eq!(world.person("class_1/1").get(&next).expect(200).json()["items"].as_array().map(Vec::len), Some(1));
        world.person("class_1/2").get(&next).refused(400, "request.malformed");
    }
}
