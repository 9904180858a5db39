//! HTTP and JSON as their specifications have them.

use crate::support::both_engines;
use crate::support::world::{World, fresh_key};
use serde_json::json;

const NOW: &str = "2026-06-15T00:00:00Z";

both_engines! {
    fn several_lines_of_languages_are_one_list(db: TestDb) {
        let world = World::new(db, NOW);
        let language = |lines: &[&str]| {
            let client = world.anybody();
            let request = lines.iter().fold(client.request("GET", "/v1/me"), |request, line| request.header("accept-language", line));
            request.send().header("content-language").map(str::to_owned)
        };
        assert_eq!(language(&["zh;q=0.3", "en;q=0.8"]).as_deref(), Some("en"));
        assert_eq!(language(&["zh;Q=0.3, EN;Q=0.8"]).as_deref(), Some("en"));
        assert_eq!(language(&["zh;q=0.3", "*"]).as_deref(), Some("en"));
        assert_eq!(language(&["*"]).as_deref(), Some("zh-CN"));
    }

    fn blanks_behind_bearer_do_no_harm(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.anybody();
        let request = client.request("GET", "/v1/me").header("authorization", &format!("bearer   {}", world.token("class_1")));
        request.send().expect(200);
    }

    fn a_byte_order_mark_before_json_is_ignored(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.admin("township");
        let body = json!({"name": "class_1/1", "id_number": world.id_number("class_1/1")}).to_string();
        let request = client.request("POST", "/v1/members/look-up").header("content-type", "application/json");
        request.body([b"\xef\xbb\xbf", body.as_bytes()].concat()).send().expect(200);
    }

    fn an_encoded_body_is_refused_as_such(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.admin("township");
        let encoded = |encoding: &str| {
            let request = client.request("POST", "/v1/members/look-up").header("content-encoding", encoding);
            request.json(&json!({"name": "class_1/1", "id_number": world.id_number("class_1/1")})).send()
        };
        encoded("gzip").refused(415, "request.media_type");
        encoded("identity").expect(200);
    }

    fn the_order_of_members_does_not_make_another_request(db: TestDb) {
        let world = World::new(db, NOW);
        let (client, key) = (world.admin("class_1"), fresh_key());
        let send = |body: &str| {
            let path = format!("/v1/organizations/{}/contact", world.org("class_1"));
            let request = client.request("POST", &path).header("idempotency-key", &key).header("if-match", "*");
            request.header("content-type", "application/json").body(body.as_bytes().to_vec()).send()
        };
        send(r#"{"name": "王老师", "phone": "027-1"}"#).expect(200);
        let again = send(r#"{"phone":"027-1","name":"王老师"}"#).expect(200);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        send(r#"{"phone":"027-2","name":"王老师"}"#).refused(422, "request.idempotency_key_reused");
    }

    fn a_season_has_one_address(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.admin("class_1");
        client.get("/v1/policies/2026").expect(200);
        for other in ["02026", "+2026", "2026.0"] {
            client.get(&format!("/v1/policies/{other}")).refused(404, "policy.not_found");
        }
    }
}
