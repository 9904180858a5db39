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

    fn head_is_answered_wherever_get_is_without_a_body(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.admin("class_1");
        let class = world.org("class_1");
        for path in [format!("/v1/organizations/{class}"), format!("/v1/organizations/{class}/members?limit=2"), "/v1/rules".into(),
            "/healthz".into(), "/v1/members/mem_0".into(), "/v1/inbox?limit=0".into(), "/v1/openapi.json".into()] {
            let (get, head) = (client.get(&path), client.request("HEAD", &path).send());
            assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
            for field in ["etag", "content-type", "content-length", "link", "vary"] {
                assert_eq!(head.header(field), get.header(field), "{path} {field}");
            }
        }
        assert_eq!(client.request("HEAD", "/v1/members/look-up").send().status, client.get("/v1/members/look-up").status);
        assert_eq!(client.request("HEAD", "/v1/auth/sign-in").send().status, 405);
    }

    fn options_names_the_methods(db: TestDb) {
        let world = World::new(db, NOW);
        let options = |path: &str| {
            let answer = world.anybody().request("OPTIONS", path).send();
            (answer.status, answer.header("allow").map(str::to_owned))
        };
        assert_eq!(options("/v1/transfers"), (204, Some("GET, POST, HEAD, OPTIONS".into())));
        assert_eq!(options("/v1/auth/sign-in"), (204, Some("POST, OPTIONS".into())));
        assert_eq!(options("/v1/nothing"), (404, None));
        let refused = world.anybody().request("DELETE", "/v1/transfers").send();
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, POST, HEAD, OPTIONS")));
    }

    fn what_has_not_changed_is_not_sent_again(db: TestDb) {
        let world = World::new(db, NOW);
        let body = json!({"reason": "unsettled", "target": world.org("village"),
            "details": {"home_address": {"division_code": "420106", "text": "某路1号"}}});
        let case = world.person("class_1/1").write("/v1/transfers", &body).expect(201);
        let case = case.header("location").expect("an address").to_owned();
        let organization = format!("/v1/organizations/{}", world.org("village"));
        let member = format!("/v1/members/{}", world.mem("class_1/1"));
        let client = world.admin("nation");
        for path in [case.as_str(), &organization, &member, "/v1/policies/2026"] {
            let tag = client.get(path).expect(200).header("etag").expect("a tag").to_owned();
            let read = |tags: &[&str]| {
                let request = client.request("GET", path);
                tags.iter().fold(request, |request, tag| request.header("if-none-match", tag)).send()
            };
            for known in [vec![tag.as_str()], vec!["*"], vec!["\"1\", \"2\"", &format!("\"x\", W/{tag}")]] {
                let answer = read(&known);
                assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{path} {known:?}");
                assert_eq!(answer.header("etag"), Some(tag.as_str()));
                assert!(answer.header("vary").is_some_and(|vary| vary.contains("Accept-Language")));
                assert_eq!(answer.header("content-type"), None);
            }
            for other in ["\"1\"", "\"0\"", "\"\"", "x", tag.trim_matches('"')] {
                read(&[other]).expect(200);
            }
        }
        // A rename changes what a case says, though not its version.
        let before = client.get(&case).expect(200);
        let township = world.admin("township");
        let rename = format!("{organization}/rename");
        let renamed = township.request("POST", &rename).header("if-match", "*");
        renamed.header("idempotency-key", &fresh_key()).json(&json!({"name": "新村团支部"})).send().expect(200);
        let stale = client.request("GET", &case).header("if-none-match", before.header("etag").expect("a tag")).send().expect(200);
        assert_eq!(stale.json()["version"], before.json()["version"]);
        assert_ne!(stale.header("etag"), before.header("etag"));
        // Other readers and other languages have other tags.
        let tag = |client: &crate::support::http::Client, language: &str| {
            let answer = client.request("GET", &case).header("accept-language", language).send().expect(200);
            answer.header("etag").map(str::to_owned)
        };
        assert_ne!(tag(&client, "en"), tag(&client, "zh"));
        assert_ne!(tag(&client, "zh"), tag(&world.admin("village"), "zh"));
    }

    fn if_match_is_a_list_of_strong_tags(db: TestDb) {
        let world = World::new(db, NOW);
        let path = format!("/v1/organizations/{}", world.org("village"));
        let township = world.admin("township");
        let read = township.get(&path).expect(200);
        let (tag, version) = (read.header("etag").expect("a tag").to_owned(), read.json()["version"].as_i64().expect("a version"));
        let mut turn = 0;
        let mut contact = |lines: &[String]| {
            turn += 1;
            let path = format!("{path}/contact");
            let request = township.request("POST", &path).header("idempotency-key", &fresh_key());
            let request = lines.iter().fold(request, |request, line| request.header("if-match", line));
            request.json(&json!({"name": format!("王老师{turn}")})).send()
        };
        for stale in ["\"0\"", "", "\"01\"", "\"+1\"", &format!("W/{tag}"), &format!("{version}"), &format!("\"{version}-x\""), "\"x\"", "\"8\", \"9\""] {
            contact(&[stale.to_owned()]).refused(412, "request.stale");
        }
        contact(&[tag]).expect(200);
        contact(&["\"77\"".into(), format!("\"78\", \"{}\"", version + 1)]).expect(200);
        contact(&[format!("\"{}\"", version + 2)]).expect(200);
        contact(&["*".into()]).expect(200);
        contact(&[]).refused(428, "request.precondition_required");
    }

    fn a_malformed_item_of_a_batch_is_its_own(db: TestDb) {
        let world = World::new(db, "2026-03-02T02:00:00Z");
        let client = world.admin("college");
        let marks = |mode: &str| json!({"mode": mode, "items": [
            {"branch": world.org("class_1"), "month": "2026-13"},
            {"branch": world.org("class_2"), "month": "2026-07"},
            {"branch": "x", "month": "2026-07"},
            {"month": "2026-07"},
            {"branch": world.org("teachers"), "month": "2026-07", "colour": "red"},
            7,
        ]});
        let all = client.write("/v1/graduation-marks", &marks("all_or_nothing"));
        let all = all.refused(422, "request.invalid").json();
        let pointers: Vec<&str> = all["errors"].as_array().expect("errors").iter().filter_map(|error| error["pointer"].as_str()).collect();
        assert_eq!(pointers, ["/items/0/month", "/items/2/branch", "/items/3/branch", "/items/4/colour", "/items/5"]);
        assert_eq!(world.db.count("graduation_history"), 0);
        let each = client.write("/v1/graduation-marks", &marks("per_item")).expect(200).json();
        assert_eq!((&each["done"], &each["refused"]), (&json!(1), &json!(5)));
        let results = each["results"].as_array().expect("results");
        for (index, pointer) in [(0, "/month"), (2, "/branch"), (3, "/branch"), (4, "/colour")] {
            assert_eq!(results[index]["errors"][0]["pointer"], json!(pointer), "{each}");
            assert_eq!(results[index]["errors"][0]["code"], "request.invalid");
        }
        assert_eq!((&results[1]["status"], &results[1]["branch"]), (&json!("done"), &json!(world.org("class_2"))));
        assert_eq!(world.db.count("graduation_history"), 1);
        // The other batches do the same.
        let member = world.mem("class_2/1");
        let marks = json!({"mode": "per_item", "items": [{"member": member, "identity": "delayed", "month": "2027-07", "reason": "x".repeat(501)}, {"member": 7}]});
        let marked = world.admin("class_2").write("/v1/member-marks", &marks).expect(200).json();
        assert_eq!((&marked["results"][0]["errors"][0]["pointer"], &marked["refused"]), (&json!("/reason"), &json!(2)));
        let undone = world.admin("class_2").write("/v1/member-marks/undo", &json!({"mode": "per_item", "items": [{"member": member}, {}]})).expect(200).json();
        assert_eq!((&undone["results"][0]["errors"][0]["code"], &undone["results"][1]["errors"][0]["pointer"]), (&json!("mark.not_marked"), &json!("/member")));
        let codes = world.admin("class_2").post("/v1/members/reset-codes", &json!({"items": [member, "nobody", 7]})).expect(200).json();
        assert_eq!((&codes["done"], &codes["refused"]), (&json!(1), &json!(2)));
        let decisions = json!({"mode": "per_item", "items": [{"transfer": "trf_0", "action": "paint"}, {"transfer": world.mem("class_2/1"), "action": "approve"},
            {"action": "approve", "reason": "x"}]});
        let decided = world.admin("village").write("/v1/transfers/decisions", &decisions).expect(200).json();
        assert_eq!((&decided["done"], &decided["refused"]), (&json!(0), &json!(3)));
        // The list itself is still one.
        client.write("/v1/graduation-marks", &json!({"mode": "per_item", "items": {}})).refused(422, "request.invalid");
        client.write("/v1/graduation-marks", &json!({"mode": "per_item", "items": []})).refused(422, "request.invalid");
    }
}
