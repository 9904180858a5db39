//! One-time codes to set a new password with (§2.5, O5).

use crate::support::both_engines;
use crate::support::http::Answer;
use crate::support::world::{PASSWORD, World};
use serde_json::json;

const NOW: &str = "2026-06-15T08:00:00Z";
const NEW: &str = "a new password";

fn issue(world: &World, by: &str, member: &str) -> Answer {
    world
        .admin(by)
        .write(&format!("/v1/members/{}/reset-code", world.mem(member)), &json!({}))
}

fn code(world: &World, member: &str) -> String {
    let issued = issue(world, "class_1", member).expect(201).json();
    issued["code"].as_str().expect("a code").to_owned()
}

fn reset(world: &World, member: &str, code: &str, password: &str) -> Answer {
    let body = json!({"id_number": world.id_number(member), "code": code, "new_password": password});
    world.anybody().post("/v1/auth/reset", &body)
}

fn sign_in(world: &World, member: &str, password: &str) -> Answer {
    let body = json!({"id_number": world.id_number(member), "password": password});
    world.anybody().post("/v1/auth/sign-in", &body)
}

both_engines! {
    fn o5_the_branch_or_its_direct_superior_issues_the_code(db: TestDb) {
        let world = World::new(db, NOW);
        issue(&world, "class_1", "class_1/1").expect(201);
        issue(&world, "college", "class_1/1").expect(201);
        issue(&world, "university", "class_1/1").refused(403, "account.reset_not_allowed");
        issue(&world, "class_2", "class_1/1").refused(404, "member.not_found");
        // The code is shown once. No table keeps it, and no answer is kept.
        let shown = code(&world, "class_1/1");
        let kept = format!("SELECT count(*) AS value FROM idempotency_keys WHERE body LIKE '%{shown}%'");
        assert_eq!(world.db.number(&kept), 0);
    }

    fn o5_a_code_works_once(db: TestDb) {
        let world = World::new(db, NOW);
        let code = code(&world, "class_1/1");
        // As a person may write it down from the telephone.
        reset(&world, "class_1/1", &code.replace('-', " ").to_lowercase(), NEW).expect(204);
        sign_in(&world, "class_1/1", NEW).expect(200);
        sign_in(&world, "class_1/1", PASSWORD).refused(401, "request.sign_in_failed");
        reset(&world, "class_1/1", &code, NEW).refused(422, "account.reset_code_invalid");
    }

    fn o5_a_code_is_valid_until_two_days_have_passed(db: TestDb) {
        let world = World::new(db, NOW);
        for (at, valid) in [("2026-06-17T08:00:00Z", true), ("2026-06-17T08:00:00.000001Z", false)] {
            world.at(NOW);
            let code = code(&world, "class_1/1");
            world.at(at);
            let answer = reset(&world, "class_1/1", &code, NEW);
            if valid {
                answer.expect(204);
            } else {
                answer.refused(422, "account.reset_code_invalid");
            }
        }
    }

    fn o5_only_the_newest_code_counts(db: TestDb) {
        let world = World::new(db, NOW);
        let (first, second) = (code(&world, "class_1/1"), code(&world, "class_1/1"));
        reset(&world, "class_1/1", &first, NEW).refused(422, "account.reset_code_invalid");
        reset(&world, "class_1/1", &second, NEW).expect(204);
    }

    fn o5_every_wrong_combination_gets_the_same_answer(db: TestDb) {
        let world = World::new(db, NOW);
        let right = code(&world, "class_1/1");
        let mut answers = Vec::new();
        for (number, code) in [
            (world.id_number("class_1/2"), right.as_str()),
            (world.id_number("class_1/1"), "0000-0000-0000-0000"),
            ("11010519491231002X".to_owned(), right.as_str()),
            ("nonsense".to_owned(), right.as_str()),
        ] {
            let body = json!({"id_number": number, "code": code, "new_password": NEW});
            let mut problem = world.anybody().post("/v1/auth/reset", &body)
                .refused(422, "account.reset_code_invalid").json();
            problem["request_id"].take();
            answers.push(problem);
        }
        assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
        reset(&world, "class_1/1", &right, "short").refused(422, "account.password_length");
        reset(&world, "class_1/1", &right, "Password1").refused(422, "account.password_common");
        reset(&world, "class_1/1", &right, NEW).expect(204);
    }

    fn o5_a_member_without_an_account_gets_one(db: TestDb) {
        let world = World::new(db, NOW);
        let number = world.id_number("class_1/3");
        world.db.execute(&format!("DELETE FROM accounts WHERE member_id = {}", world.mem_key("class_1/3")));
        let code = code(&world, "class_1/3");
        let body = json!({"id_number": number, "code": code, "new_password": NEW});
        world.anybody().post("/v1/auth/reset", &body).expect(204);
        let signed_in = json!({"id_number": number, "password": NEW});
        world.anybody().post("/v1/auth/sign-in", &signed_in).expect(200);
    }
}
