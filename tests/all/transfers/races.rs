//! Requests at the same time (T2, A9, I-02, I-08, I-16): real requests in parallel, and exactly one effect.

use super::{Proposed, SUMMER, about, named, proposal, propose};
use crate::support::http::Answer;
use crate::support::threads::at_once;
use crate::support::world::World;
use crate::support::{Engine, TestDb, both_engines};
use serde_json::json;
use std::time::Duration;
use zhuanjie::api;
use zhuanjie::db::{DatabaseSettings, Limits};
use zhuanjie::service::jobs::JobName;

/// As many connections as in service, and a long wait for slow machines.
fn wide(engine: Engine) -> TestDb {
    let settings = DatabaseSettings {
        wait: Duration::from_secs(60),
        answer: Duration::from_secs(60),
        limits: Limits {
            statement: Duration::from_secs(60),
            lock: Duration::from_secs(60),
            ..Limits::default()
        },
        ..DatabaseSettings::default()
    };
    TestDb::with_settings(engine, &settings).expect("a second database")
}

/// Room for all requests at once, because these tests are not about admission.
fn server_settings() -> api::ServerSettings {
    api::ServerSettings {
        in_flight: 512,
        deadline: 60,
        ..api::ServerSettings::default()
    }
}

fn events(world: &World, kind: &str) -> i64 {
    world.db.number(&format!(
        "SELECT count(*) AS value FROM transfer_events WHERE event = '{kind}'"
    ))
}

both_engines! {
    fn n2_t2_of_200_proposals_for_one_member_from_three_sides_one_wins(db: TestDb) {
        let world = World::behind(wide(db.engine()), SUMMER, &server_settings());
        let body = proposal(&world, "unsettled", "village");
        let sides = [
            (world.person("class_1/1"), body.clone()),
            (world.admin("college"), about(&world, "class_1/1", body.clone())),
            (world.admin("village"), named(&world, "class_1/1", body)),
        ];
        let attempt = |number: usize| {
            // The target side names the member, which is a look-up. Twenty of those are allowed in an hour (T4).
            let side = if number < 20 { 2 } else { number % 2 };
            let (client, body) = sides[side].clone();
            Box::new(move || client.write("/v1/transfers", &body)) as Box<dyn FnOnce() -> Answer + Send>
        };
        let answers = at_once((0..200).map(attempt).collect());
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1);
        let case = Proposed::of(&won[0]);
        assert_eq!(lost.len(), 199);
        for answer in lost {
            let answer = answer.refused(409, "transfer.already_open");
            assert!(answer.json()["detail"].as_str().expect("words").contains(&case.id), "{}", answer.text);
        }
        for (table, rows) in [("transfers", 1), ("transfer_events", 1), ("inbox_entries", 2), ("idempotency_keys", 1), ("look_ups", 20), ("audit_log", 21)] {
            assert_eq!(world.db.count(table), rows, "{table}");
        }
    }

    fn n4_a9_of_two_approvers_one_wins(db: TestDb) {
        let world = World::behind(wide(db.engine()), SUMMER, &server_settings());
        let members = ["class_1/1", "class_1/2", "class_1/3", "class_2/1", "class_2/2", "class_2/3"];
        for (round, member) in (1..).zip(members) {
            let case = propose(&world.person(member), &proposal(&world, "unsettled", "village"));
            let path = case.at("approve");
            let approve = |name: &str| {
                let (client, path) = (world.admin(name), path.clone());
                Box::new(move || client.decide(&path, 1, &json!({}))) as Box<dyn FnOnce() -> Answer + Send>
            };
            let answers = at_once(vec![approve("village"), approve("township")]);
            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert!(matches!(statuses[..], [200, 409 | 412]), "{statuses:?}");
            assert_eq!(events(&world, "approved"), round);
            assert_eq!(world.db.count("transfer_events"), 2 * round);
        }
    }

    fn a9_i_08_approve_withdraw_and_expire_have_one_winner(db: TestDb) {
        enum Did { Answered(Answer), Ran(i64) }
        let world = World::new(wide(db.engine()), "2026-10-01T00:00:00Z");
        let members = ["class_1/1", "class_1/2", "class_1/3", "class_2/1", "class_2/2", "class_2/3"];
        let cases: Vec<Proposed> =
            members.iter().map(|member| propose(&world.person(member), &proposal(&world, "unsettled", "village"))).collect();
        world.at("2026-11-01T00:00:00Z");
        let mut works: Vec<Box<dyn FnOnce() -> Did + Send + '_>> =
            vec![Box::new(|| Did::Ran(world.run(JobName::Expiry, "2026-11-01T00:00:00Z").processed))];
        for (case, member) in cases.iter().zip(members) {
            for (client, action) in [(world.admin("village"), "approve"), (world.person(member), "withdraw")] {
                let path = case.at(action);
                works.push(Box::new(move || Did::Answered(client.decide(&path, 1, &json!({})))));
            }
        }
        let (mut won, mut expired) = (0, 0);
        for did in at_once(works) {
            match did {
                Did::Ran(processed) => expired += processed,
                Did::Answered(answer) if answer.status == 200 => won += 1,
                Did::Answered(answer) => assert!(matches!(answer.status, 409 | 412), "{}", answer.text),
            }
        }
        assert_eq!(won + expired, 6, "one winner for each case: {won} decided, {expired} expired");
        assert_eq!(world.db.count("transfer_events"), 12);
        assert_eq!(events(&world, "expired"), expired);
        assert_eq!(world.db.count("inbox_entries"), 0);
        // The members who moved are in the village, and no others.
        let moved = world.db.number(&format!("SELECT count(*) AS value FROM members WHERE branch_id = {}", world.org_key("village")));
        assert_eq!(moved, 3 + events(&world, "approved"));
    }

    fn i_16_one_key_sent_many_times_at_once_has_one_effect_and_one_answer(db: TestDb) {
        let world = World::behind(wide(db.engine()), SUMMER, &server_settings());
        let body = proposal(&world, "unsettled", "village");
        let client = world.person("class_1/1");
        let repeat = |_| {
            let (client, body) = (client.clone(), body.clone());
            Box::new(move || client.write_with("same", "/v1/transfers", &body)) as Box<dyn FnOnce() -> Answer + Send>
        };
        let answers = at_once((0..20).map(repeat).collect());
        for answer in &answers {
            assert_eq!((answer.status, &answer.text), (201, &answers[0].text));
        }
        let fresh = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_none()).count();
        assert_eq!(fresh, 1, "only one answer is not a repetition");
        assert_eq!((world.db.count("transfers"), world.db.number("SELECT count(*) AS value FROM audit_log WHERE outcome = 'done'")), (1, 1));
        // The same holds for a decision.
        let case = Proposed::of(&answers[0]);
        let (village, path) = (world.admin("village"), case.at("approve"));
        let repeat = |_| {
            let (client, path) = (village.clone(), path.clone());
            Box::new(move || {
                client.request("POST", &path).header("idempotency-key", "same").header("if-match", "\"1\"").json(&json!({})).send()
            }) as Box<dyn FnOnce() -> Answer + Send>
        };
        for answer in at_once((0..10).map(repeat).collect()) {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        assert_eq!(world.db.count("transfer_events"), 2);
    }
}
