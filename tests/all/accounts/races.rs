//! Requests at the same time that act on the state of one account: the later one sees what the earlier one did (S-08).

use super::{NOW, bearing, text};
use crate::support::both_engines;
use crate::support::http::Answer;
use crate::support::threads::at_once;
use crate::support::world::{PASSWORD, World};
use serde_json::json;
use std::collections::BTreeSet;

const NEW: &str = "a new password";
const OTHER: &str = "another password";

/// How often each race is run. One in three was lost before the account was locked.
const ROUNDS: usize = 12;

type Work<'a, T> = Box<dyn FnOnce() -> T + Send + 'a>;

/// The members of class_1 and class_2, in turn.
fn member(round: usize) -> &'static str {
    ["class_1/1", "class_1/2", "class_1/3"][round % 3]
}

fn code(world: &World, name: &str) -> String {
    let path = format!("/v1/members/{}/reset-code", world.mem(name));
    let answer = world.admin("college").write(&path, &json!({})).expect(201).json();
    text(&answer, "code").to_owned()
}

fn reset(world: &World, name: &str, code: &str, password: &str) -> Answer {
    let body = json!({"id_number": world.id_number(name), "code": code, "new_password": password});
    world.anybody().post("/v1/auth/reset", &body)
}

fn sign_in(world: &World, name: &str, password: &str) -> Answer {
    let body = json!({"id_number": world.id_number(name), "password": password});
    world.anybody().post("/v1/auth/sign-in", &body)
}

/// Gives everybody the first password again.
fn begin(world: &World, name: &str) {
    reset(world, name, &code(world, name), PASSWORD).expect(204);
}

both_engines! {
    fn a_session_of_the_old_password_does_not_outlive_a_reset(db: TestDb) {
        let world = World::new(db, NOW);
        for round in 0..ROUNDS {
            let name = member(round);
            begin(&world, name);
            let code = code(&world, name);
            let works: Vec<Work<'_, Answer>> = vec![
                Box::new(|| reset(&world, name, &code, NEW)),
                Box::new(|| sign_in(&world, name, PASSWORD)),
            ];
            let answers = at_once(works);
            assert_eq!(answers[0].status, 204, "{}", answers[0].text);
            if answers[1].status == 200 {
                let old = bearing(&world.anybody(), &answers[1].json());
                assert_eq!(old.get("/v1/me").status, 401, "round {round}: the old password's session goes on");
            }
        }
    }

    fn a_password_change_undoes_no_reset_and_no_block(db: TestDb) {
        let world = World::new(db, NOW);
        for round in 0..ROUNDS {
            let name = member(round);
            begin(&world, name);
            let own = bearing(&world.anybody(), &sign_in(&world, name, PASSWORD).expect(200).json());
            let code = code(&world, name);
            let change = || own.post("/v1/auth/password", &json!({"current_password": PASSWORD, "new_password": OTHER}));
            let works: Vec<Work<'_, Answer>> = vec![Box::new(|| reset(&world, name, &code, NEW)), Box::new(change)];
            let answers = at_once(works);
            assert_eq!(answers[0].status, 204, "{}", answers[0].text);
            sign_in(&world, name, NEW).expect(200);
        }
        for round in 0..ROUNDS {
            let name = member(round);
            let path = |what: &str| format!("/v1/members/{}/{what}", world.mem(name));
            begin(&world, name);
            let own = bearing(&world.anybody(), &sign_in(&world, name, PASSWORD).expect(200).json());
            let change = || own.post("/v1/auth/password", &json!({"current_password": PASSWORD, "new_password": OTHER}));
            let block = || world.admin("college").write(&path("block"), &json!({"reason": "账号被盗"}));
            let works: Vec<Work<'_, Answer>> = vec![Box::new(block), Box::new(change)];
            let answers = at_once(works);
            assert_eq!(answers[0].status, 200, "{}", answers[0].text);
            assert_eq!(world.db.count("accounts WHERE status = 'blocked' AND password_hash IS NOT NULL"), 0, "round {round}");
            world.admin("college").write(&path("unblock"), &json!({})).expect(200);
        }
    }

    fn codes_at_once_for_a_member_without_an_account_make_one_account(db: TestDb) {
        let world = World::new(db, NOW);
        for name in ["class_1/1", "class_1/2", "class_1/3"] {
            world.db.execute(&format!("DELETE FROM accounts WHERE member_id = {}", world.mem_key(name)));
            let path = format!("/v1/members/{}/reset-code", world.mem(name));
            let college = world.admin("college");
            let works: Vec<Work<'_, u16>> = (0..9)
                .map(|_| Box::new(|| college.post(&path, &json!({})).status) as Work<'_, u16>)
                .collect();
            let statuses: BTreeSet<u16> = at_once(works).into_iter().collect();
            assert_eq!(statuses, BTreeSet::from([201]));
            assert_eq!(world.db.count(&format!("accounts WHERE member_id = {}", world.mem_key(name))), 1);
        }
    }
}
