//! Forgetting in time (S-29), and that looking for somebody costs the same whatever comes of it (T4, API6).

use crate::support::both_engines;
use crate::support::world::{World, fresh_key};
use diesel::Connection;
use diesel::connection::InstrumentationEvent;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use zhuanjie::domain::actor::{Actor, Office};
use zhuanjie::domain::id_number::IdNumber;
use zhuanjie::domain::ids::{AccountId, AppointmentId, OrganizationId};
use zhuanjie::domain::organization::{Kind, Path};
use zhuanjie::security::vault::Purpose;
use zhuanjie::service::Context;
use zhuanjie::service::jobs::Job;
use zhuanjie::service::look_up::{Wanted, look_up};

const NOW: &str = "2026-06-20T04:00:00Z";

/// How many statements a look-up takes.
fn statements(world: &World, name: &str, number: &str) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let mut conn = world.db.conn();
    let counted = count.clone();
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { .. } = event {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let vault = zhuanjie::config::Keys::demo().vault;
    let wanted = Wanted {
        name: name.to_owned(),
        id_number: vault.digest(Purpose::IdNumber, number),
    };
    let key = world.org_key("township");
    let path = world
        .db
        .texts(&format!("SELECT path AS value FROM organizations WHERE id = {key}"))
        .remove(0);
    let office = Office {
        appointment: AppointmentId(1),
        organization: OrganizationId(key),
        path: path.parse::<Path>().expect("a path"),
        kind: Kind::Committee,
    };
    let context = Context {
        actor: Actor::administrator(AccountId(1), None, office),
        now: NOW.parse().expect("an instant"),
        request_id: fresh_key(),
    };
    look_up(&mut conn, &context, &wanted).expect("a result");
    count.load(Ordering::Relaxed)
}

fn stranger() -> IdNumber {
    IdNumber::compose(420106, "1980-01-01".parse().expect("a day"), 999).expect("a number")
}

both_engines! {
    fn api6_a_hit_a_miss_and_a_wrong_name_are_the_same_work(db: TestDb) {
        let world = World::new(db, NOW);
        let number = world.id_number("class_1/1");
        let hit = statements(&world, "class_1/1", &number);
        assert!(hit >= 6, "budgets, person, branch, note, audit: {hit}");
        assert_eq!(hit, statements(&world, "class_1/2", &number), "a wrong name");
        assert_eq!(hit, statements(&world, "class_1/1", stranger().reveal()), "nobody's number");
    }

    fn api6_going_through_birth_dates_runs_into_the_budget_of_the_seeker(db: TestDb) {
        let world = World::new(db, NOW);
        let township = world.admin("township");
        let numbers = (0..121).map(|day| {
            let born = chrono::NaiveDate::from_ymd_opt(2004, 1, 1).expect("a day") + chrono::TimeDelta::days(day);
            IdNumber::compose(420106, born, 1).expect("a number")
        });
        let statuses: Vec<u16> = numbers
            .map(|number| township.post("/v1/members/look-up", &json!({"name": "class_1/1", "id_number": number.reveal()})).status)
            .collect();
        assert_eq!(statuses.iter().filter(|&&status| status == 429).count(), 1, "the last one: {statuses:?}");
        assert_eq!(statuses[120], 429);
        // Each attempt is on record, the one that was turned away too.
        let rows = "SELECT count(*) AS value FROM audit_log WHERE action LIKE 'member.look%'";
        assert_eq!(world.db.number(rows), 121);
    }

    fn s29_what_was_promised_for_a_time_is_forgotten_behind_it(db: TestDb) {
        let world = World::new(db, NOW);
        world.admin("township").post("/v1/members/look-up", &json!({"name": "x", "id_number": stranger().reveal()})).refused(404, "member.no_match");
        world.admin("class_1").post(&format!("/v1/members/{}/reset-code", world.mem("class_1/1")), &json!({})).expect(201);
        let body = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-07"}]});
        world.admin("college").write("/v1/graduation-marks", &body).expect(200);
        let left = |at: &str| {
            world.run(Job::Retention, at);
            ["look_ups", "budgets", "idempotency_keys", "reset_codes"].map(|table| world.db.count(table))
        };
        assert_eq!(left("2026-06-21T04:00:00Z"), [1, 3, 1, 1], "an hour's budgets are kept a day");
        assert_eq!(left("2026-06-21T05:00:00Z"), [1, 0, 1, 1]);
        assert_eq!(left("2026-06-27T04:00:00Z"), [1, 0, 1, 1], "answers seven days");
        assert_eq!(left("2026-06-27T04:00:01Z"), [1, 0, 0, 1]);
        assert_eq!(left("2026-07-20T04:00:01Z"), [1, 0, 0, 0], "codes thirty days");
        assert_eq!(left("2029-06-19T04:00:00Z"), [1, 0, 0, 0], "look-ups as long as the audit log");
        assert_eq!(left("2029-06-19T04:00:01Z"), [0, 0, 0, 0]);
        assert_eq!(world.run(Job::Retention, "2029-06-19T04:00:01Z").processed, 0, "twice changes nothing");
    }
}
