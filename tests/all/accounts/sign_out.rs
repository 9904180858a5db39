//! What is ended stops working: on this server at once, on every other within a second (S-08).

use super::{NOW, bearing, refresh, sign_in, sign_in_to_office, text};
use crate::external::system;
use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::World;
use serde_json::json;
use std::time::Duration;
use zhuanjie::app::App;
use zhuanjie::clock::tick;
use zhuanjie::service::accounts::presence::{A_SECOND, ActorCache};

/// Like a served program: it caches actors for a second.
fn remembering(app: App) -> App {
    App {
        actor_cache: ActorCache::new(A_SECOND),
        ..app
    }
}

/// Two servers of one database. Returns a client of each with one token, which both servers have cached.
fn known_to_both(here: &Client, there: &Client, token: &serde_json::Value) -> [Client; 2] {
    let both = [bearing(here, token), bearing(there, token)];
    both.iter().for_each(|client| drop(client.get("/v1/me").expect(200)));
    both
}

both_engines! {
    fn api2_s08_a_sign_out_takes_effect_at_once_and_on_other_servers_within_a_second(db: TestDb) {
        let mut world = World::with(db, NOW, remembering);
        let (here, there) = (world.anybody(), world.another_server(remembering));
        let [client, elsewhere] = known_to_both(&here, &there, &sign_in(&world, "class_1/1"));
        client.post("/v1/auth/sign-out", &json!({"everywhere": false})).expect(204);
        let out = tick();
        client.get("/v1/me").refused(401, "request.unauthenticated");
        // The cache of the other server uses the machine's clock and expires by that clock.
        while elsewhere.get("/v1/me").status == 200 {
            assert!(out.elapsed() < Duration::from_secs(3), "the sign-out has not reached the other server");
        }
        elsewhere.get("/v1/me").refused(401, "request.unauthenticated");
    }

    fn api2_s08_an_ended_office_and_a_blocked_account_are_refused_within_a_second(db: TestDb) {
        let mut world = World::with(db, NOW, remembering);
        let (here, there) = (world.anybody(), world.another_server(remembering));
        let office = sign_in_to_office(&world, "class_2");
        let id = text(&office, "office").to_owned();
        let [client, elsewhere] = known_to_both(&here, &there, &office);
        world.admin("college").write(&format!("/v1/appointments/{id}/end"), &json!({})).expect(200);
        client.get("/v1/me").refused(401, "request.unauthenticated");
        world.at("2026-06-15T08:00:01Z");
        elsewhere.get("/v1/me").refused(401, "request.unauthenticated");
        // No server is told that the account was blocked.
        let both = known_to_both(&here, &there, &sign_in(&world, "class_1/1"));
        world.db.execute(&format!("UPDATE accounts SET status = 'blocked' WHERE member_id = {}", world.mem_key("class_1/1")));
        world.at("2026-06-15T08:00:02Z");
        both.iter().for_each(|client| drop(client.get("/v1/me").refused(401, "request.unauthenticated")));
    }

    fn api2_signing_out_ends_this_session_or_all_and_nobody_elses(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.anybody();
        let [one, two, three] = [(); 3].map(|()| sign_in(&world, "class_1/1"));
        let other = sign_in(&world, "class_1/2");
        let list = bearing(&client, &two).get("/v1/me/sessions").expect(200).json();
        let current: Vec<_> = list["items"].as_array().expect("a list").iter().map(|item| item["current"] == true).collect();
        assert_eq!(current, [false, true, false]);
        bearing(&client, &one).post("/v1/auth/sign-out", &json!({"everywhere": false})).expect(204);
        refresh(&client, text(&one, "refresh_token")).refused(401, "request.refresh_failed");
        bearing(&client, &two).get("/v1/me").expect(200);
        bearing(&client, &two).post("/v1/auth/sign-out", &json!({"everywhere": true})).expect(204);
        for token in [&one, &two, &three] {
            bearing(&client, token).get("/v1/me").refused(401, "request.unauthenticated");
        }
        bearing(&client, &other).get("/v1/me").expect(200);
        assert_eq!(world.db.count("sessions WHERE ending = 'signed_out'"), 3);
    }

    fn api2_the_list_of_sessions_names_the_office(db: TestDb) {
        let world = World::new(db, NOW);
        let token = sign_in_to_office(&world, "college");
        let list = bearing(&world.anybody(), &token).get("/v1/me/sessions").expect(200).json();
        assert_eq!(list["items"][0]["organization_name"], "college");
        assert_eq!(list["items"][0]["office"], token["office"]);
        assert_eq!(list["items"][1].get("office"), None);
    }

    fn api2_a_credential_has_no_session_to_end(db: TestDb) {
        let world = World::new(db, NOW);
        let system = system(&world, "province");
        system.post("/v1/auth/sign-out", &json!({"everywhere": false})).refused(403, "request.persons_only");
        let change = json!({"current_password": "open sesame", "new_password": "open barley"});
        system.post("/v1/auth/password", &change).refused(403, "request.persons_only");
    }
}
