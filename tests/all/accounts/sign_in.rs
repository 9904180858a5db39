//! Signing in: every failure gets the same answer at the same cost, and guessers have to wait (S-09, S-27).

use super::{NOW, behind_a_proxy, comparable, try_from};
use crate::external::{issue, token};
use crate::support::both_engines;
use crate::support::http::Answer;
use crate::support::world::{PASSWORD, World};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A valid ID number that belongs to nobody.
const NOBODY: &str = "11010519491231002X";

fn attempt(world: &World, number: &str, password: &str) -> Answer {
    world
        .anybody()
        .post("/v1/auth/sign-in", &json!({"id_number": number, "password": password}))
}

both_engines! {
    fn api2_s09_every_failure_gets_the_same_answer_at_the_same_cost(db: TestDb) {
        let world = World::new(db, NOW);
        let set = |member: &str, what: &str| {
            world.db.execute(&format!("UPDATE accounts SET {what} WHERE member_id = {}", world.mem_key(member)));
        };
        set("class_1/2", "status = 'blocked'");
        set("class_1/3", "password_hash = NULL");
        let cases = [
            ("a wrong password", world.id_number("class_1/1"), "wrong"),
            ("nobody's number", NOBODY.into(), PASSWORD),
            ("no number", "nonsense".into(), PASSWORD),
            ("an empty one", String::new(), PASSWORD),
            ("a blocked account", world.id_number("class_1/2"), PASSWORD),
            ("no password set", world.id_number("class_1/3"), PASSWORD),
        ];
        let mut first = None;
        for (case, number, password) in cases {
            let (hashes, rows) = (world.app().passwords.computed(), world.db.count("attempts"));
            let answer = attempt(&world, &number, password).refused(401, "request.sign_in_failed");
            assert_eq!(world.app().passwords.computed() - hashes, 1, "{case}: hashes");
            let subjects = world.db.count("attempts") - rows;
            assert_eq!(subjects, if first.is_none() { 3 } else { 2 }, "{case}: counts");
            let answer = comparable(&answer);
            assert_eq!(*first.get_or_insert_with(|| answer.clone()), answer, "{case}");
        }
        assert_eq!(world.db.count("sessions"), 0);
        attempt(&world, &world.id_number("class_1/1"), PASSWORD).expect(200);
        assert_eq!(world.app().passwords.computed(), 7, "the right one costs no more");
    }

    fn api2_s09_a_guesser_waits_twice_as_long_each_time_and_learns_nothing_from_it(db: TestDb) {
        let world = World::new(db, NOW);
        let number = world.id_number("class_1/1");
        let mut waits = Vec::new();
        for number in [number.as_str(), NOBODY] {
            world.at(NOW);
            for _ in 0..5 {
                attempt(&world, number, "wrong").refused(401, "request.sign_in_failed");
            }
            let hashes = world.app().passwords.computed();
            let wait = attempt(&world, number, "wrong").refused(429, "request.too_many_attempts");
            assert_eq!(wait.header("retry-after"), Some("1"));
            // The right password is not checked during the wait either, and asking does not prolong the wait.
            attempt(&world, number, PASSWORD).refused(429, "request.too_many_attempts");
            assert_eq!(world.app().passwords.computed(), hashes, "a wait costs no hash");
            world.at("2026-06-15T08:00:01Z");
            attempt(&world, number, "wrong").refused(401, "request.sign_in_failed");
            let longer = attempt(&world, number, "wrong").refused(429, "request.too_many_attempts");
            assert_eq!(longer.header("retry-after"), Some("2"));
            waits.push([comparable(&wait), comparable(&longer)]);
        }
        assert_eq!(waits[0], waits[1], "the waits differ between an account and an unknown number");
        world.at("2026-06-15T08:00:03Z");
        attempt(&world, &number, PASSWORD).expect(200);
        // A success resets the count.
        for _ in 0..5 {
            attempt(&world, &number, "wrong").refused(401, "request.sign_in_failed");
        }
    }

    fn api2_s09_strangers_make_an_owner_wait_but_not_at_an_address_that_is_known(db: TestDb) {
        let world = World::with(db, NOW, behind_a_proxy);
        let (client, number) = (world.anybody(), world.id_number("class_1/1"));
        try_from(&client, "203.0.113.1", &number, PASSWORD).expect(200);
        for stranger in 0..20 {
            try_from(&client, &format!("198.51.100.{stranger}"), &number, "wrong").refused(401, "request.sign_in_failed");
        }
        let wait = try_from(&client, "198.51.100.77", &number, "wrong").refused(429, "request.too_many_attempts");
        assert_eq!(wait.header("retry-after"), Some("1"));
        try_from(&client, "198.51.100.78", &number, PASSWORD).refused(429, "request.too_many_attempts");
        try_from(&client, "203.0.113.1", &number, PASSWORD).expect(200);
        // The wait is never longer than a minute, however many attempts there are.
        world.db.execute("UPDATE attempts SET failures = 1000000 WHERE failures > 19");
        try_from(&client, "198.51.100.78", &number, PASSWORD).refused(429, "request.too_many_attempts");
        world.at("2026-06-15T08:01:00Z");
        try_from(&client, "198.51.100.78", &number, PASSWORD).expect(200);
    }

    fn api2_s09_the_owner_passes_the_wait_of_their_address_and_nobody_learns_who_is_known_there(db: TestDb) {
        let world = World::with(db, NOW, behind_a_proxy);
        let (client, school) = (world.anybody(), "203.0.113.1");
        let (known, stranger) = (world.id_number("class_1/1"), world.id_number("class_1/2"));
        try_from(&client, school, &known, PASSWORD).expect(200);
        for somebody in ["class_2/1", "class_2/2"] {
            try_from(&client, school, &world.id_number(somebody), "wrong").refused(401, "request.sign_in_failed");
        }
        // Both failures came from this address. A hundred make it wait.
        world.db.execute("UPDATE attempts SET failures = 100 WHERE failures = 2");
        let wrong = [&*known, &*stranger, NOBODY].map(|number| {
            comparable(&try_from(&client, school, number, "wrong").refused(429, "request.too_many_attempts"))
        });
        assert!(wrong.iter().all(|answer| *answer == wrong[0]), "{wrong:?}");
        try_from(&client, school, &stranger, PASSWORD).refused(429, "request.too_many_attempts");
        try_from(&client, school, &known, PASSWORD).expect(200);
        // Guessing goes on no faster behind the wait: the fifth failure of one number makes it wait by itself.
        for _ in 0..5 {
            try_from(&client, school, &known, "wrong").refused(429, "request.too_many_attempts");
        }
        try_from(&client, school, &known, PASSWORD).refused(429, "request.too_many_attempts");
    }

    fn api2_s23_a_client_cannot_say_where_it_comes_from(db: TestDb) {
        let world = World::new(db, NOW);
        let number = world.id_number("class_1/1");
        for address in 1..=5 {
            try_from(&world.anybody(), &format!("198.51.100.{address}"), &number, "wrong").refused(401, "request.sign_in_failed");
        }
        try_from(&world.anybody(), "198.51.100.6", &number, "wrong").refused(429, "request.too_many_attempts");
    }

    fn api2_s09_waits_survive_a_restart_and_hold_on_every_server(db: TestDb) {
        let mut world = World::new(db, NOW);
        let body = json!({"id_number": world.id_number("class_1/1"), "password": "wrong"});
        for _ in 0..5 {
            world.anybody().post("/v1/auth/sign-in", &body).refused(401, "request.sign_in_failed");
        }
        let there = world.another_server(|app| app);
        there.post("/v1/auth/sign-in", &body).refused(429, "request.too_many_attempts");
    }

    fn api2_s09_attempts_at_once_are_each_counted(db: TestDb) {
        let world = World::new(db, NOW);
        let number = world.id_number("class_1/1");
        let tried = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| match attempt(&world, &number, "wrong").status {
                    401 => drop(tried.fetch_add(1, Ordering::Relaxed)),
                    status => assert_eq!(status, 429),
                });
            }
        });
        assert_eq!(tried.into_inner(), 5, "the clock stands still, so five attempts are free and no more");
    }

    fn api2_a_credentials_secret_is_guessed_no_faster(db: TestDb) {
        let world = World::new(db, NOW);
        let mut credential = issue(&world, "province");
        let right = std::mem::replace(&mut credential.secret, "wrong".into());
        for _ in 0..5 {
            token(&world, &credential).refused(401, "request.sign_in_failed");
        }
        credential.secret = right;
        let wait = token(&world, &credential).refused(429, "request.too_many_attempts");
        assert_eq!(wait.header("retry-after"), Some("1"));
        world.at("2026-06-15T08:00:01Z");
        token(&world, &credential).expect(200);
    }

    fn s27_a_flood_of_sign_ins_delays_no_other_requests(db: TestDb) {
        let world = World::with(db, NOW, behind_a_proxy);
        let me = world.person("class_1/1");
        let (done, sent_away) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for number in 0..120 {
                let (client, done, sent_away) = (world.anybody(), &done, &sent_away);
                scope.spawn(move || {
                    let answer = try_from(&client, &format!("10.1.{number}.1"), NOBODY, "wrong");
                    match answer.status {
                        503 => {
                            assert!(answer.header("retry-after").is_some());
                            sent_away.fetch_add(1, Ordering::Relaxed);
                        }
                        status => assert!(matches!(status, 401 | 429), "{}", answer.text),
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                });
            }
            // Other requests are answered during the flood.
            let during = (0..5).filter(|_| {
                me.get("/v1/me").expect(200);
                done.load(Ordering::Relaxed) < 120
            });
            assert!(during.count() > 0, "the flood ended too early");
        });
        assert!(world.app().passwords.computed() <= 120);
    }
}

mod queue {
    use crate::support::block_on;
    use zhuanjie::security::passwords::Passwords;

    #[test]
    fn s27_the_queue_is_bounded_and_a_refused_sign_in_costs_nothing() {
        block_on(async {
            let passwords = Passwords::new(1);
            let mut places: Vec<_> = std::iter::from_fn(|| passwords.place().ok()).collect();
            assert_eq!(places.len(), 65, "one running and 64 waiting");
            assert_eq!(passwords.computed(), 0);
            places.pop();
            let place = passwords.place().expect("a place is free again");
            assert!(!place.check("x".into(), None).await.expect("its turn comes"));
            assert_eq!(passwords.computed(), 1);
        });
    }
}
