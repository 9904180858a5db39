//! The inbox (操作中心, §1.5; A8): its reader can act on every entry, and no entry is missing.

use super::{SUMMER, about, busy, named, proposal, propose};
use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const KINDS: [&str; 6] = [
    "approval_in",
    "approval_out",
    "leading_organ",
    "province",
    "external_answer",
    "assignment",
];

/// All entries of a kind, page by page.
fn waiting(client: &Client, kind: &str, limit: usize) -> Vec<Value> {
    client.whole(&format!("/v1/inbox?kind={kind}&"), limit)
}

fn subjects(entries: &[Value]) -> BTreeSet<String> {
    entries
        .iter()
        .map(|entry| entry["subject_id"].as_str().expect("an id").to_owned())
        .collect()
}

/// Whether the caller may do anything with a case except withdraw it. `None` if they do not see it.
fn may_act(client: &Client, id: &str) -> Option<bool> {
    let answer = client.get(&format!("/v1/transfers/{id}"));
    (answer.status == 200).then(|| {
        let case = answer.json();
        let actions = case["allowed_actions"].as_array().expect("actions");
        actions
            .iter()
            .any(|action| action["allowed"] == json!(true) && action["action"] != json!("withdraw"))
    })
}

both_engines! {
    fn a8_the_inbox_lists_exactly_what_its_reader_can_act_on(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let cases = busy(&mut world);
        let mut seen = 0;
        for office in world.offices() {
            let client = world.admin(&office);
            let listed: BTreeSet<String> = KINDS.iter().flat_map(|kind| subjects(&waiting(&client, kind, 200))).collect();
            let actionable: BTreeSet<String> =
                cases.iter().filter(|case| may_act(&client, &case.id) == Some(true)).map(|case| case.id.clone()).collect();
            assert_eq!(listed, actionable, "{office}");
            seen += listed.len();
            // The counts agree with the lists.
            let counts = client.get("/v1/inbox/counts").expect(200).json();
            assert_eq!(counts["total"], json!(listed.len()), "{office}: {counts}");
            for count in counts["kinds"].as_array().expect("kinds") {
                let kind = count["kind"].as_str().expect("a kind");
                assert_eq!(count["count"], json!(waiting(&client, kind, 200).len()), "{office}");
            }
        }
        assert!(seen >= 10, "{seen}: too few entries to compare");
    }

    fn a8_entries_come_oldest_first_with_age_and_due_date_page_by_page(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        let mut proposed = Vec::new();
        for day in 10..=16 {
            world.at(&format!("2026-10-{day}T08:00:00Z"));
            // Two cases of the same instant, so that the page limit falls between them.
            for twin in ["a", "b"] {
                let name = format!("{day}{twin}");
                world.add_member(&name, "class_2", "2003-01-01");
                proposed.push(propose(&world.admin("class_2"), &about(&world, &name, body.clone())).id);
            }
        }
        world.at("2026-10-16T20:00:00Z");
        let village = world.admin("village");
        for limit in [1, 2, 3, 13, 14, 200] {
            let entries = waiting(&village, "approval_in", limit);
            let ids: Vec<&str> = entries.iter().map(|entry| entry["subject_id"].as_str().expect("an id")).collect();
            assert_eq!(ids, proposed, "{limit} a page: all of them once, oldest first");
        }
        let entries = waiting(&village, "approval_in", 200);
        assert_eq!((&entries[0]["age_days"], &entries[0]["due_at"]), (&json!(6), &json!("2026-10-20T08:00:00Z")));
        assert_eq!(entries[13]["age_days"], json!(0));
        assert_eq!(entries[0]["member_name"], json!("10a"));
    }

    fn a8_an_entry_settled_between_two_pages_loses_none(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        let mut cases = Vec::new();
        for day in 10..=15 {
            world.at(&format!("2026-07-{day}T08:00:00Z"));
            let name = format!("member {day}");
            world.add_member(&name, "class_2", "2003-01-01");
            cases.push(propose(&world.admin("class_2"), &about(&world, &name, body.clone())));
        }
        let village = world.admin("village");
        let first = village.get("/v1/inbox?kind=approval_in&limit=2").expect(200).json();
        let cursor = first["next_cursor"].as_str().expect("more");
        cases[1].take(&village, "approve", &json!({}));
        let rest = village.get(&format!("/v1/inbox?kind=approval_in&limit=200&cursor={cursor}")).expect(200).json();
        let listed = subjects(rest["items"].as_array().expect("items"));
        assert!(cases[2..].iter().all(|case| listed.contains(&case.id)), "{listed:?}");
    }

    fn a8_each_office_has_its_own_inbox(db: TestDb) {
        let world = World::new(db, SUMMER);
        propose(&world.admin("village"), &named(&world, "class_1/1", proposal(&world, "unsettled", "village")));
        world.person("class_1/1").get("/v1/inbox/counts").refused(403, "actor.not_administrator");
        world.person("class_1/1").get("/v1/inbox?kind=approval_out").refused(403, "actor.not_administrator");
        let class = world.admin("class_1");
        assert_eq!(waiting(&class, "approval_out", 20).len(), 1);
        // A cursor is valid only for its list.
        for name in ["class_2", "class_3"] {
            let member = format!("class_1/{}", &name[6..]);
            propose(&world.admin("village"), &named(&world, &member, proposal(&world, "unsettled", "village")));
        }
        let page = class.get("/v1/inbox?kind=approval_out&limit=1").expect(200).json();
        let cursor = page["next_cursor"].as_str().expect("more");
        class.get(&format!("/v1/inbox?kind=approval_in&cursor={cursor}")).refused(400, "request.malformed");
        let forged = format!("{}A", &cursor[..cursor.len() - 1]);
        let answer = class.get(&format!("/v1/inbox?kind=approval_out&cursor={forged}"));
        assert!(forged == cursor || answer.status == 400, "{}", answer.text);
    }
}
