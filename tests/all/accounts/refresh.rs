//! Refresh tokens: each works once, and the session has an end (S-08, RFC 9700 §4.14).

use super::{NOW, bearing, behind_a_proxy, refresh, sign_in, sign_in_to_office, text};
use crate::support::world::World;
use crate::support::{Engine, TestDb, both_engines};
use chrono::TimeDelta;
use serde_json::json;
use std::sync::Barrier;
use std::time::Duration;
use zhuanjie::db::DatabaseSettings;

fn wide(engine: Engine) -> TestDb {
    let settings = DatabaseSettings {
        wait: Duration::from_secs(120),
        ..DatabaseSettings::default()
    };
    TestDb::with_settings(engine, &settings).expect("a second database")
}

both_engines! {
    fn api2_a_refresh_token_works_once_and_its_reuse_ends_the_session(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.anybody();
        let (first, other) = (sign_in(&world, "class_1/1"), sign_in(&world, "class_1/1"));
        let next = refresh(&client, text(&first, "refresh_token")).expect(200).json();
        // Both access tokens belong to the session and stay valid for their time.
        bearing(&client, &first).get("/v1/me").expect(200);
        bearing(&client, &next).get("/v1/me").expect(200);
        world.clock.set(world.clock.now() + TimeDelta::seconds(11));
        refresh(&client, text(&first, "refresh_token")).refused(401, "request.refresh_failed");
        refresh(&client, text(&next, "refresh_token")).refused(401, "request.refresh_failed");
        bearing(&client, &first).get("/v1/me").refused(401, "request.unauthenticated");
        bearing(&client, &next).get("/v1/me").refused(401, "request.unauthenticated");
        // Sessions of other accounts go on. So does the other session of this account.
        bearing(&client, &other).get("/v1/me").expect(200);
        refresh(&client, text(&other, "refresh_token")).expect(200);
        assert_eq!(world.db.count("sessions WHERE ending = 'reused'"), 1);
        assert_eq!(world.db.count("audit_log WHERE action = 'refresh_token.reused'"), 1);
    }

    fn api2_of_a_thousand_refreshes_of_one_token_at_once_one_succeeds(db: TestDb) {
        const THREADS: usize = 100;
        const EACH: usize = 10;
        let world = World::with(wide(db.engine()), NOW, behind_a_proxy);
        let token = text(&sign_in(&world, "class_1/1"), "refresh_token").to_owned();
        let barrier = Barrier::new(THREADS);
        // Each thread has an address of its own. A request that found no place is repeated, because only decisions are
        // counted.
        let decided = |thread: usize| {
            let client = world.anybody();
            let ask = || {
                let request = client.request("POST", "/v1/auth/refresh");
                let request = request.header("x-forwarded-for", &format!("10.2.{thread}.1"));
                request.json(&json!({"refresh_token": token})).send()
            };
            barrier.wait();
            let decision = || std::iter::repeat_with(ask).find(|answer| answer.status != 503);
            (0..EACH).filter_map(|_| decision()).collect::<Vec<_>>()
        };
        let answers: Vec<_> = std::thread::scope(|scope| {
            let decided = &decided;
            let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || decided(thread))).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("the thread ends"))
                .collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
        // The address that won may have asked once more before the session ended, and was told the same.
        assert!((1..=2).contains(&won.len()), "{}", won.len());
        assert_eq!(won.len() + lost.len(), THREADS * EACH);
        assert!(won.iter().all(|answer| answer.json()["refresh_token"] == won[0].json()["refresh_token"]));
        for answer in lost {
            answer.refused(401, "request.refresh_failed");
        }
        // The reuse by the other requests has ended the session of the one that succeeded.
        let won = won[0].json();
        bearing(&world.anybody(), &won).get("/v1/me").refused(401, "request.unauthenticated");
        refresh(&world.anybody(), text(&won, "refresh_token")).refused(401, "request.refresh_failed");
        assert_eq!(world.db.count("audit_log WHERE action = 'refresh_token.reused'"), 1);
    }

    fn api2_the_token_just_replaced_gives_the_same_next_one_once_more(db: TestDb) {
        let world = World::with(db, NOW, behind_a_proxy);
        let client = world.anybody();
        let ask = |token: &str, address: &str| {
            let request = client.request("POST", "/v1/auth/refresh").header("x-forwarded-for", address);
            request.json(&json!({"refresh_token": token})).send()
        };
        let (home, elsewhere) = ("10.2.0.1", "10.2.0.2");
        let begin = || {
            let first = text(&sign_in(&world, "class_1/1"), "refresh_token").to_owned();
            let next = ask(&first, home).expect(200).json();
            (first, text(&next, "refresh_token").to_owned())
        };
        let after = |micros: i64| world.clock.set(world.clock.now() + TimeDelta::microseconds(micros));
        // A lost answer: the same once more, and the session goes on.
        let (first, next) = begin();
        after(10_000_000);
        let again = ask(&first, home).expect(200).json();
        assert_eq!(text(&again, "refresh_token"), next);
        bearing(&client, &again).get("/v1/me").expect(200);
        let third = ask(&next, home).expect(200).json();
        // Only the last token has a grace, and only once.
        ask(&first, home).refused(401, "request.refresh_failed");
        ask(text(&third, "refresh_token"), home).refused(401, "request.refresh_failed");
        let ends = |again: &dyn Fn(&str)| {
            let (first, next) = begin();
            again(&first);
            ask(&next, home).refused(401, "request.refresh_failed");
        };
        ends(&|first| drop(ask(first, elsewhere).refused(401, "request.refresh_failed")));
        ends(&|first| {
            after(10_000_001);
            ask(first, home).refused(401, "request.refresh_failed");
        });
        ends(&|first| {
            ask(first, home).expect(200);
            ask(first, home).refused(401, "request.refresh_failed");
        });
        assert_eq!(world.db.count("sessions WHERE ending = 'reused'"), 4);
    }

    fn api2_two_tabs_that_refresh_at_once_both_go_on(db: TestDb) {
        let world = World::new(wide(db.engine()), NOW);
        for _ in 0..8 {
            let token = text(&sign_in(&world, "class_1/1"), "refresh_token").to_owned();
            let barrier = Barrier::new(2);
            let tab = || {
                let client = world.anybody();
                barrier.wait();
                text(&refresh(&client, &token).expect(200).json(), "refresh_token").to_owned()
            };
            let (one, other) = std::thread::scope(|scope| {
                let other = scope.spawn(tab);
                (tab(), other.join().expect("the tab ends"))
            });
            assert_eq!(one, other);
            refresh(&world.anybody(), &one).expect(200);
        }
    }

    fn api2_no_table_holds_a_token(db: TestDb) {
        let world = World::new(db, NOW);
        let answer = sign_in(&world, "class_1/1");
        let token = text(&answer, "refresh_token");
        assert_eq!(token.len(), 64, "384 random bits");
        let hex = |digest: &str| format!("SELECT count(*) AS value FROM sessions WHERE {digest} = {digest} AND length({digest}) = 32");
        assert_eq!(world.db.number(&hex("refresh_digest")), 1);
        assert_eq!(world.db.number(&hex("family_digest")), 1);
        let kept = format!("SELECT count(*) AS value FROM idempotency_keys WHERE body LIKE '%{token}%'");
        assert_eq!(world.db.number(&kept), 0);
    }

    fn s08_a_session_lasts_while_it_is_used_but_not_for_ever(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.anybody();
        // A session in an office ends after twelve hours without use, and after a week in any case.
        let mut token = sign_in_to_office(&world, "college");
        for at in ["15T19:59:59Z", "16T07:59:58Z", "16T19:59:57Z", "17T07:00:00Z", "17T18:00:00Z", "18T05:00:00Z", "18T16:00:00Z",
            "19T03:00:00Z", "19T14:00:00Z", "20T01:00:00Z", "20T12:00:00Z", "20T23:00:00Z", "21T10:00:00Z", "21T21:00:00Z", "22T07:59:59Z"] {
            world.at(&format!("2026-06-{at}"));
            token = refresh(&client, text(&token, "refresh_token")).expect(200).json();
        }
        bearing(&client, &token).get("/v1/me").expect(200);
        world.at("2026-06-22T08:00:00Z");
        bearing(&client, &token).get("/v1/me").refused(401, "request.unauthenticated");
        refresh(&client, text(&token, "refresh_token")).refused(401, "request.refresh_failed");
        // Twelve hours without use.
        let token = sign_in_to_office(&world, "college");
        world.at("2026-06-22T20:00:00Z");
        refresh(&client, text(&token, "refresh_token")).refused(401, "request.refresh_failed");
        // A member's session lasts longer.
        let token = sign_in(&world, "class_1/1");
        world.at("2026-07-22T19:59:59Z");
        let token = refresh(&client, text(&token, "refresh_token")).expect(200).json();
        world.at("2026-08-21T19:59:59Z");
        refresh(&client, text(&token, "refresh_token")).refused(401, "request.refresh_failed");
    }

    fn api2_an_ended_office_and_a_blocked_account_can_not_refresh(db: TestDb) {
        let mut world = World::new(db, NOW);
        let client = world.anybody();
        let (office, member) = (sign_in_to_office(&world, "class_2"), sign_in(&world, "class_1/1"));
        world.dismiss("class_2");
        refresh(&client, text(&office, "refresh_token")).refused(401, "request.refresh_failed");
        world.db.execute(&format!("UPDATE accounts SET status = 'blocked' WHERE member_id = {}", world.mem_key("class_1/1")));
        refresh(&client, text(&member, "refresh_token")).refused(401, "request.refresh_failed");
    }

    fn api2_s09_a_guesser_of_refresh_tokens_waits(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.anybody();
        let real = sign_in(&world, "class_1/1");
        let mut guess = text(&real, "refresh_token").to_owned();
        guess.replace_range(0..1, if guess.starts_with('A') { "B" } else { "A" });
        for _ in 0..99 {
            refresh(&client, &guess).refused(401, "request.refresh_failed");
        }
        refresh(&client, "no token at all").refused(401, "request.refresh_failed");
        let wait = refresh(&client, &guess).refused(429, "request.too_many_attempts");
        assert_eq!(wait.header("retry-after"), Some("1"));
        // Whoever has a right token does not wait for the guesses of others at their address.
        refresh(&client, text(&real, "refresh_token")).expect(200);
        world.at("2026-06-15T08:00:01Z");
        refresh(&client, "").refused(401, "request.refresh_failed");
        let body = json!({"refresh_token": 7});
        client.post("/v1/auth/refresh", &body).refused(422, "request.invalid");
    }
}
