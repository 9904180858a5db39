//! Changing the password, and the initial one that must be changed.

use super::{NOW, bearing, refresh, sign_in, text};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{PASSWORD, World};
use serde_json::json;

const NEW: &str = "a new password";

fn change(client: &Client, current: &str, new: &str) -> Answer {
    client.post(
        "/v1/auth/password",
        &json!({"current_password": current, "new_password": new}),
    )
}

both_engines! {
    fn api2_a_changed_password_ends_every_other_session(db: TestDb) {
        let world = World::new(db, NOW);
        let (mine, other) = (sign_in(&world, "class_1/1"), sign_in(&world, "class_1/1"));
        let client = bearing(&world.anybody(), &mine);
        change(&client, PASSWORD, NEW).expect(204);
        client.get("/v1/me").expect(200);
        refresh(&client, text(&mine, "refresh_token")).expect(200);
        bearing(&client, &other).get("/v1/me").refused(401, "request.unauthenticated");
        refresh(&client, text(&other, "refresh_token")).refused(401, "request.refresh_failed");
        let old = json!({"id_number": world.id_number("class_1/1"), "password": PASSWORD});
        client.post("/v1/auth/sign-in", &old).refused(401, "request.sign_in_failed");
        assert_eq!(world.db.count("audit_log WHERE action = 'password.changed'"), 1);
    }

    fn api2_a_change_needs_the_current_password_and_a_new_one_that_others_can_not_guess(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.person("class_1/1");
        let number = world.id_number("class_1/1");
        change(&client, PASSWORD, "short").refused(422, "account.password_length");
        change(&client, PASSWORD, PASSWORD).refused(422, "account.password_reused");
        change(&client, PASSWORD, "Password1").refused(422, "account.password_common");
        change(&client, PASSWORD, &number).refused(422, "account.password_is_number");
        change(&client, PASSWORD, &number[6..14]).refused(422, "account.password_is_number");
        change(&client, &"x".repeat(257), NEW).refused(422, "account.password_wrong");
        // The holder of a stolen session can guess no more often than at the sign-in.
        for _ in 0..5 {
            change(&client, "open barley", NEW).refused(422, "account.password_wrong");
        }
        change(&client, PASSWORD, NEW).refused(429, "request.too_many_attempts");
        world.at("2026-06-15T08:00:01Z");
        change(&client, PASSWORD, NEW).expect(204);
    }

    fn api2_with_an_initial_password_only_changing_it_is_allowed(db: TestDb) {
        let world = World::new(db, NOW);
        world.db.execute("UPDATE accounts SET must_change_password = true");
        let signed_in = sign_in(&world, "class_1/1");
        assert_eq!(signed_in["must_change_password"], true);
        let client = bearing(&world.anybody(), &signed_in);
        for path in ["/v1/me", "/v1/me/sessions", "/v1/transfers", "/v1/inbox/counts"] {
            client.get(path).refused(403, "account.password_change_required");
        }
        let next = refresh(&client, text(&signed_in, "refresh_token")).expect(200).json();
        bearing(&client, &next).get("/v1/me").refused(403, "account.password_change_required");
        change(&client, PASSWORD, NEW).expect(204);
        client.get("/v1/me").expect(200);
        bearing(&world.anybody(), &sign_in(&world, "class_1/2")).post("/v1/auth/sign-out", &json!({"everywhere": false})).expect(204);
    }
}
