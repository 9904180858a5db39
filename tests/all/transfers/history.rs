//! History (§1.5; A7): every step with who, when, what, why, and whether it was automatic, kept for ever. It also shows
//! where a member was on any day.

use super::{Proposed, SUMMER, named, proposal, propose, to_beijing};
use crate::support::both_engines;
use crate::support::world::World;
use serde_json::{Value, json};
use zhuanjie::service::jobs::JobName;

fn history(world: &World, person: &str, path: &str) -> Vec<Value> {
    let page = world.person(person).get(&format!("{path}/history")).expect(200).json();
    page["items"].as_array().expect("items").clone()
}

/// A step: event, organization acted for, instant, automatic, reason.
type Step<'a> = (&'a str, Option<&'a str>, &'a str, bool, Option<&'a str>);

fn steps(history: &[Value]) -> Vec<Step<'_>> {
    history
        .iter()
        .map(|step| {
            (
                step["event"].as_str().expect("what"),
                step["acting_for"]["name"].as_str(),
                step["at"].as_str().expect("when"),
                step["automatic"].as_bool().expect("automatic or not"),
                step["reason"].as_str(),
            )
        })
        .collect()
}

/// The places of a member: organization, case, since and until.
fn places(world: &World, member: &str) -> Vec<String> {
    let id = world.mem_key(member);
    let question = format!(
        "SELECT branch_id || ' ' || coalesce(transfer_id, 0) || ' ' || since || ' ' || coalesce(until, 0) AS value \
         FROM memberships WHERE member_id = {id} ORDER BY since"
    );
    world.db.texts(&question)
}

both_engines! {
    fn a7_every_step_shows_who_when_what_and_why(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.admin("township"), &named(&world, "class_1/1", proposal(&world, "unsettled", "township")));
        world.at("2026-06-16T00:00:00Z");
        let accepted = case.take(&world.admin("college"), "approve", &json!({}));
        world.at("2026-06-30T00:00:00Z");
        world.run(JobName::Escalation, "2026-06-30T00:00:00Z");
        world.at("2026-07-01T00:00:00Z");
        let escalated = Proposed { version: 3, ..accepted };
        escalated.take(&world.admin("county"), "assign", &json!({"branch": world.org("village")}));
        let seen = history(&world, "class_1/1", &case.path());
        assert_eq!(steps(&seen), [
            ("proposed", Some("township"), "2026-06-15T00:00:00Z", false, None),
            ("approved", Some("college"), "2026-06-16T00:00:00Z", false, None),
            ("escalated", None, "2026-06-30T00:00:00Z", true, None),
            ("assigned", Some("county"), "2026-07-01T00:00:00Z", false, None),
        ]);
        let numbers: Vec<&Value> = seen.iter().map(|step| &step["number"]).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(seen[3]["branch_id"], json!(world.org("village")));
        // Everybody who sees the case gets the same history.
        for other in ["class_1", "college", "university", "township", "county", "province", "nation"] {
            let page = world.admin(other).get(&format!("{}/history", case.path())).expect(200).json();
            assert_eq!(page["items"], json!(seen), "{other}");
        }
    }

    fn a7_each_way_to_end_leaves_a_step(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        let refused = propose(&world.person("class_1/1"), &body);
        refused.take(&world.admin("village"), "refuse", &json!({"reason": "人员不符合要求"}));
        let withdrawn = propose(&world.person("class_1/2"), &body);
        withdrawn.take(&world.person("class_1/2"), "withdraw", &json!({}));
        let expired = propose(&world.person("class_1/3"), &body);
        let external = propose(&world.person("class_2/1"), &to_beijing());
        external.take(&world.admin("beijing"), "refuse-external", &json!({"reason": "查无此单位"}));
        world.at("2026-11-01T00:00:00Z");
        world.run(JobName::Expiry, "2026-11-01T00:00:00Z");
        for (case, member, last) in [
            (&refused, "class_1/1", ("refused", Some("village"), SUMMER, false, Some("人员不符合要求"))),
            (&withdrawn, "class_1/2", ("withdrawn", None, SUMMER, false, None)),
            (&expired, "class_1/3", ("expired", None, "2026-11-01T00:00:00Z", true, None)),
            (&external, "class_2/1", ("refused", Some("beijing"), SUMMER, false, Some("查无此单位"))),
        ] {
            let seen = history(&world, member, &case.path());
            assert_eq!(steps(&seen), [("proposed", None, SUMMER, false, None), last]);
        }
    }

    fn a7_the_memberships_tell_where_a_member_was_on_1_july(db: TestDb) {
        let world = World::new(db, SUMMER);
        let micros = |at: &str| at.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant").timestamp_micros();
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        world.at("2026-07-01T00:00:00Z");
        case.take(&world.admin("village"), "approve", &json!({}));
        world.at("2026-09-01T00:00:00Z");
        let on = propose(&world.person("class_1/1"), &proposal(&world, "employed_with_league", "workshop"));
        world.at("2026-09-02T00:00:00Z");
        on.take(&world.admin("workshop"), "approve", &json!({}));
        let ids = world.db.texts("SELECT '' || id AS value FROM transfers ORDER BY id");
        let (begun, moved, again) = (micros("2020-01-01T00:00:00Z"), micros("2026-07-01T00:00:00Z"), micros("2026-09-02T00:00:00Z"));
        assert_eq!(places(&world, "class_1/1"), [
            format!("{} 0 {begun} {moved}", world.org_key("class_1")),
            format!("{} {} {moved} {again}", world.org_key("village"), ids[0]),
            format!("{} {} {again} 0", world.org_key("workshop"), ids[1]),
        ]);
        // The last interval ends when the member leaves the national tree, and none begins.
        let out = propose(&world.person("class_1/1"), &to_beijing());
        world.at("2026-09-03T00:00:00Z");
        out.take(&world.admin("beijing"), "accept-external", &json!({}));
        let places = places(&world, "class_1/1");
        assert_eq!(places.len(), 3);
        assert!(places[2].ends_with(&micros("2026-09-03T00:00:00Z").to_string()));
    }

    fn a7_each_change_has_its_audit_entry(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        let accepted = case.take(&world.admin("township"), "approve", &json!({}));
        accepted.take(&world.admin("township"), "assign", &json!({"branch": world.org("village")}));
        let rows = world.db.texts("SELECT action || ' ' || subject AS value FROM audit_log ORDER BY id");
        let id = &case.id;
        assert_eq!(rows, [format!("transfer.proposed {id}"), format!("transfer.approved {id}"), format!("transfer.assigned {id}")]);
    }
}
