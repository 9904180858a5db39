//! X3 (§1.5): the ten days apply in both directions, to the minute, and not before October.

use super::{INBOUND, country, events, going_to, number, page, place, system, to_beijing};
use crate::support::both_engines;
use crate::support::world::World;
use serde_json::json;
use zhuanjie::service::jobs::JobName;

/// A case in each direction.
fn both_ways(world: &World) -> [String; 2] {
    let inbound = system(world, "beijing").write(INBOUND, &going_to(world, "village", "张三", &number(1)));
    [to_beijing(world, "class_1/1"), place(inbound)]
}

fn states(world: &World, cases: &[String; 2]) -> [String; 2] {
    let nation = world.admin("nation");
    cases
        .each_ref()
        .map(|case| page(&nation, case)["state"].as_str().expect("a state").to_owned())
}

both_engines! {
    fn x3_both_ways_end_after_ten_days_to_the_minute(db: TestDb) {
        let world = country(db, "2026-10-05T02:00:00Z");
        let cases = both_ways(&world);
        assert_eq!(page(&world.admin("nation"), &cases[0])["deadline"], "2026-10-15T02:00:00Z");
        assert_eq!(world.run(JobName::Expiry, "2026-10-15T02:00:00Z").processed, 0);
        assert_eq!(states(&world, &cases), ["external_pending", "awaiting_approval"]);
        assert_eq!(world.run(JobName::Expiry, "2026-10-15T02:01:00Z").processed, 2);
        assert_eq!(states(&world, &cases), ["expired", "expired"]);
        for case in &cases {
            assert_eq!(events(&world.admin("nation"), case), ["proposed", "expired"]);
            assert_eq!(page(&world.admin("nation"), &format!("{case}/history"))["items"][1]["automatic"], true);
        }
        world.at("2026-10-15T02:01:00Z");
        let beijing = system(&world, "beijing");
        let late = beijing.decide(&format!("{}/accept-external", cases[0]), 2, &json!({}));
        late.refused(409, "transfer.closed");
        // Both may be proposed again.
        both_ways(&world);
    }

    fn x3_the_clock_starts_in_october(db: TestDb) {
        let world = country(db, "2026-07-01T02:00:00Z");
        let cases = both_ways(&world);
        assert_eq!(world.run(JobName::Expiry, "2026-10-10T16:00:00Z").processed, 0);
        assert_eq!(world.run(JobName::Expiry, "2026-10-10T16:01:00Z").processed, 2);
        assert_eq!(states(&world, &cases), ["expired", "expired"]);
    }
}
