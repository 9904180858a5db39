//! What follows from a one-time code (O5): the owner is told, and open sessions end.

use super::{NOW, bearing, behind_a_proxy, refresh, sign_in, text};
use crate::support::both_engines;
use crate::support::http::Answer;
use crate::support::world::World;
use serde_json::json;

const NEW: &str = "a new password";

fn reset(world: &World, member: &str, code: &str, password: &str) -> Answer {
    let body = json!({"id_number": world.id_number(member), "code": code, "new_password": password});
    world.anybody().post("/v1/auth/reset", &body)
}

both_engines! {
    fn o5_the_member_is_told_of_a_code_for_thirty_days(db: TestDb) {
        let world = World::new(db, NOW);
        assert_eq!(sign_in(&world, "class_1/1")["notices"], json!([]));
        let issued = world.admin("college").write(&format!("/v1/members/{}/reset-code", world.mem("class_1/1")), &json!({}));
        let code = issued.expect(201).json();
        // Told whether the code was used or not.
        let notice = json!({"issued_at": "2026-06-15T08:00:00Z", "organization": {"id": world.org("college"), "name": "college"}});
        assert_eq!(sign_in(&world, "class_1/1")["notices"], json!([notice]));
        reset(&world, "class_1/1", text(&code, "code"), NEW).expect(204);
        let body = json!({"id_number": world.id_number("class_1/1"), "password": NEW});
        let signed_in = world.anybody().post("/v1/auth/sign-in", &body).expect(200).json();
        assert_eq!(signed_in["notices"][0]["used_at"], "2026-06-15T08:00:00Z");
        let me = bearing(&world.anybody(), &signed_in).get("/v1/me").expect(200).json();
        assert_eq!(me["notices"], signed_in["notices"]);
        assert_eq!(sign_in(&world, "class_1/2")["notices"], json!([]), "the code is told to another member");
        for (at, told) in [("2026-07-15T08:00:00Z", 1), ("2026-07-15T08:00:00.000001Z", 0)] {
            world.at(at);
            let signed_in = world.anybody().post("/v1/auth/sign-in", &body).expect(200).json();
            assert_eq!(signed_in["notices"].as_array().expect("a list").len(), told, "{at}");
        }
    }

    fn o5_a_reset_ends_every_session_and_every_wait(db: TestDb) {
        let world = World::new(db, NOW);
        let open = sign_in(&world, "class_1/1");
        let issued = world.admin("class_1").write(&format!("/v1/members/{}/reset-code", world.mem("class_1/1")), &json!({}));
        let code = issued.expect(201).json();
        let body = json!({"id_number": world.id_number("class_1/1"), "password": "wrong"});
        while world.anybody().post("/v1/auth/sign-in", &body).status != 429 {}
        reset(&world, "class_1/1", text(&code, "code"), &world.id_number("class_1/1")).refused(422, "account.password_is_number");
        reset(&world, "class_1/1", text(&code, "code"), NEW).expect(204);
        bearing(&world.anybody(), &open).get("/v1/me").refused(401, "request.unauthenticated");
        refresh(&world.anybody(), text(&open, "refresh_token")).refused(401, "request.refresh_failed");
        let body = json!({"id_number": world.id_number("class_1/1"), "password": NEW});
        world.anybody().post("/v1/auth/sign-in", &body).expect(200);
    }

    fn o5_each_member_of_a_list_gets_a_code_or_a_refusal(db: TestDb) {
        let world = World::new(db, NOW);
        let members = ["class_1/1", "class_2/1", "class_1/2"].map(|name| world.mem(name));
        let codes = world.admin("class_1").post("/v1/members/reset-codes", &json!({"items": members})).expect(200).json();
        assert_eq!((&codes["done"], &codes["refused"]), (&json!(2), &json!(1)));
        let results = codes["results"].as_array().expect("results");
        assert_eq!(results[1]["errors"][0]["code"], "member.not_found");
        assert_eq!(results[1].get("code"), None);
        for (index, member) in [(0, "class_1/1"), (2, "class_1/2")] {
            assert_eq!(results[index]["member"], json!(world.mem(member)));
            reset(&world, member, text(&results[index], "code"), NEW).expect(204);
        }
        // A code works for one member only.
        let again = world.admin("class_1").post("/v1/members/reset-codes", &json!({"items": members})).expect(200).json();
        reset(&world, "class_1/2", text(&again["results"][0], "code"), NEW).refused(422, "account.reset_code_invalid");
        let twice = json!({"items": [&members[0], &members[0]]});
        world.admin("class_1").post("/v1/members/reset-codes", &twice).refused(422, "batch.item_twice");
        world.admin("class_1").post("/v1/members/reset-codes", &json!({"items": []})).refused(422, "request.invalid");
        world.person("class_1/1").post("/v1/members/reset-codes", &json!({"items": members})).refused(403, "actor.not_administrator");
        assert_eq!(world.db.count("audit_log WHERE action = 'reset_code.issued'"), 4);
    }

    fn s09_a_guesser_of_codes_waits_and_the_owner_elsewhere_does_not(db: TestDb) {
        let world = World::with(db, NOW, behind_a_proxy);
        let try_from = |address: &str| {
            let body = json!({"id_number": world.id_number("class_1/1"), "code": "0000-0000-0000-0000", "new_password": NEW});
            world.anybody().request("POST", "/v1/auth/reset").header("x-forwarded-for", address).json(&body).send()
        };
        for _ in 0..5 {
            try_from("203.0.113.1").refused(422, "account.reset_code_invalid");
        }
        try_from("203.0.113.1").refused(429, "request.too_many_attempts");
        try_from("203.0.113.2").refused(422, "account.reset_code_invalid");
    }
}
