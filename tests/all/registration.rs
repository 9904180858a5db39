//! Registering members and changing their records (P1 to P3).

use crate::external::{INBOUND, country, going_to, number, system};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{PASSWORD, World};
use serde_json::{Value, json};

const NOW: &str = "2026-06-15T00:00:00Z";

fn person(serial: u16) -> Value {
    json!({"name": "张三", "id_number": number(serial), "joined_month": "2019-09",
        "development_number": format!("20190000{serial:04}"), "phone": "13800000042", "ethnic_group": "01",
        "political_status": "共青团员", "education": "大学本科"})
}

fn with(serial: u16, field: &str, value: Value) -> Value {
    let mut person = person(serial);
    person[field] = value;
    person
}

fn register(client: &Client, world: &World, branch: &str, person: &Value) -> Answer {
    client.write(&format!("/v1/organizations/{}/members", world.org(branch)), person)
}

fn preview(client: &Client, world: &World, branch: &str, person: &Value) -> Value {
    let path = format!("/v1/organizations/{}/members/preview", world.org(branch));
    client.post(&path, person).expect(200).json()
}

fn codes(answer: &Value, list: &str) -> Vec<String> {
    let all = answer[list].as_array().expect("a list").iter();
    all.map(|one| one["code"].as_str().expect("a code").to_owned())
        .collect()
}

both_engines! {
    fn p1_a_registered_member_is_a_member_like_any_other(db: TestDb) {
        let world = World::new(db, NOW);
        let class = world.admin("class_1");
        let answer = register(&class, &world, "class_1", &person(1)).expect(201);
        let member = answer.json();
        let id = member["id"].as_str().expect("an id");
        assert_eq!(answer.header("location"), Some(format!("/v1/members/{id}").as_str()));
        for (field, value) in [("name", "张三"), ("phone", "138******42"), ("ethnic_group", "汉族"),
            ("political_status", "共青团员"), ("education", "大学本科"), ("certification", "not_required"),
            ("standing", "good"), ("development_number", "201900000001"), ("joined_month", "2019-09")] {
            assert_eq!(member[field], json!(value), "{field}");
        }
        assert_eq!(member["branch"]["id"], json!(world.org("class_1")));
        assert_eq!(member["memberships"].as_array().map(Vec::len), Some(1));
        assert_eq!(member["warnings"], json!([]));
        let listed = class.whole(&format!("/v1/organizations/{}/members?", world.org("class_1")), 20);
        assert!(listed.iter().any(|listed| listed["id"] == json!(id)));
        // They get an account by a one-time code, and act for themselves.
        let code = class.write(&format!("/v1/members/{id}/reset-code"), &json!({})).expect(201).json();
        let reset = json!({"id_number": number(1), "code": code["code"], "new_password": PASSWORD});
        world.anybody().post("/v1/auth/reset", &reset).expect(204);
        world.anybody().post("/v1/auth/sign-in", &json!({"id_number": number(1), "password": PASSWORD})).expect(200);
        assert_eq!(world.db.count("audit_log WHERE action = 'member.registered'"), 1);
    }

    fn p1_the_branch_or_its_direct_superior_registers(db: TestDb) {
        let mut world = World::new(db, NOW);
        register(&world.admin("college"), &world, "class_1", &person(1)).expect(201);
        register(&world.admin("university"), &world, "class_1", &person(2)).refused(403, "member.registration_not_allowed");
        register(&world.admin("village"), &world, "class_1", &person(2)).refused(404, "organization.not_found");
        register(&world.admin("college"), &world, "college", &person(2)).refused(409, "member.only_in_branch");
        register(&world.person("class_1/1"), &world, "class_1", &person(2)).refused(403, "actor.not_administrator");
        // Nobody acts for the class and the college, so the university does (A10).
        world.dismiss("class_1");
        world.dismiss("college");
        register(&world.admin("university"), &world, "class_1", &person(2)).expect(201);
        assert_eq!(world.db.count("members WHERE name = '张三'"), 2);
    }

    fn p1_nobody_is_registered_at_a_closed_branch(db: TestDb) {
        let world = World::new(db, NOW);
        let home = format!("/v1/organizations/{}/close", world.org("home"));
        world.admin("township").request("POST", &home).header("idempotency-key", "close").header("if-match", "*")
            .json(&json!({})).send().expect(200);
        register(&world.admin("township"), &world, "home", &person(1)).refused(409, "organization.closed");
        let path = format!("/v1/organizations/{}/members/preview", world.org("home"));
        world.admin("township").post(&path, &person(1)).refused(409, "organization.closed");
    }

    fn p1_who_knows_name_and_number_learns_where_the_member_is(db: TestDb) {
        let world = World::new(db, NOW);
        let class = world.admin("class_1");
        let known = json!({"name": "village/1", "id_number": world.id_number("village/1"), "joined_month": "2018-09",
            "development_number": "201800000001"});
        let refused = register(&class, &world, "class_1", &known).refused(409, "member.already_registered").json();
        assert_eq!(refused["next_actions"][0]["organization_id"], json!(world.org("village")), "{refused}");
        let other = json!({"name": "somebody else", "id_number": world.id_number("village/1"), "joined_month": "2018-09",
            "development_number": "201800000001"});
        let refused = register(&class, &world, "class_1", &other).refused(409, "member.number_taken").json();
        assert_eq!(refused["next_actions"][0].get("organization_id"), None);
        // Whom an account names is somebody of another name too.
        let officer = json!({"name": "somebody else", "id_number": world.id_number("township"), "joined_month": "2001-09"});
        register(&class, &world, "class_1", &officer).refused(409, "member.number_taken");
        assert_eq!(world.db.count("look_ups"), 3);
    }

    fn p1_a_registered_officer_keeps_one_account(db: TestDb) {
        let world = World::new(db, NOW);
        let officer = json!({"name": "township", "id_number": world.id_number("township"), "joined_month": "2001-09"});
        let accounts = world.db.count("accounts");
        let member = register(&world.admin("class_1"), &world, "class_1", &officer).expect(201).json();
        assert_eq!(world.db.count("accounts"), accounts);
        assert_eq!(world.db.count("accounts WHERE name = 'township' AND member_id IS NOT NULL AND password_hash IS NULL"), 1);
        assert_eq!(member["name"], "township");
    }

    fn p1_s30_a_member_of_the_holding_is_somebody_else(db: TestDb) {
        let world = World::new(db, NOW);
        let (member, holding) = (world.mem_key("village/1"), world.org_key("holding"));
        world.db.execute(&format!("UPDATE members SET branch_id = {holding} WHERE id = {member}"));
        let known = json!({"name": "village/1", "id_number": world.id_number("village/1"), "joined_month": "2018-09",
            "development_number": "201800000001"});
        register(&world.admin("class_1"), &world, "class_1", &known).refused(409, "member.number_taken");
    }

    fn p1_t2_somebody_whom_another_province_sends_is_not_registered_meanwhile(db: TestDb) {
        let world = country(db, NOW);
        let sent = going_to(&world, "village", "张三", &number(5));
        system(&world, "beijing").write(INBOUND, &sent).expect(201);
        register(&world.admin("class_1"), &world, "class_1", &person(5)).refused(409, "transfer.already_open");
    }

    fn p2_everything_that_is_wrong_is_said_at_once(db: TestDb) {
        let world = World::new(db, NOW);
        let class = world.admin("class_1");
        for (field, value, code) in [
            ("joined_month", json!("2026-07"), "member.joined_in_future"),
            ("joined_month", json!("2018-02"), "member.joined_too_young"),
            ("development_number", Value::Null, "member.development_number_required"),
            ("development_number", json!("2019000001"), "member.development_number"),
            ("development_number", json!("201800000001"), "member.development_number_year"),
            ("phone", json!("1380000004"), "member.phone"),
            ("ethnic_group", json!("57"), "member.ethnic_group"),
            ("political_status", json!("团员"), "member.political_status"),
        ] {
            let refused = register(&class, &world, "class_1", &with(1, field, value.clone())).refused(422, code).json();
            assert_eq!(refused["errors"][0]["pointer"], json!(format!("/{field}")), "{code}");
        }
        for (text, code) in [("1", "member.id_number_malformed"), ("110105194912310021", "member.id_number_check_digit"),
            ("440524188001010014", "member.id_number_birth_date")] {
            let wrong = with(1, "id_number", json!(text));
            register(&class, &world, "class_1", &wrong).refused(422, code);
            class.post(&format!("/v1/organizations/{}/members/preview", world.org("class_1")), &wrong).refused(422, code);
        }
        let wrong = json!({"name": "张三", "id_number": number(1), "joined_month": "2026-07", "phone": "1", "ethnic_group": "x"});
        let refused = register(&class, &world, "class_1", &wrong).json();
        assert_eq!(codes(&refused, "errors"), ["member.joined_in_future", "member.development_number_required",
            "member.phone", "member.ethnic_group"]);
        assert_eq!(world.db.count("members WHERE name = '张三'"), 0);
        register(&class, &world, "class_1", &person(1)).expect(201);
        let twin = with(2, "development_number", json!("201900000001"));
        register(&class, &world, "class_1", &twin).refused(409, "member.development_number_taken");
    }

    fn p1_p2_a_preview_says_what_registering_would(db: TestDb) {
        let world = World::new(db, NOW);
        let college = world.admin("college");
        let marks = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-06"}]});
        college.write("/v1/graduation-marks", &marks).expect(200);
        let silent = with(1, "phone", Value::Null);
        let previewed = preview(&college, &world, "class_1", &silent);
        assert_eq!((&previewed["may_be_registered"], codes(&previewed, "warnings")), (&json!(true), vec!["phone_missing".to_owned()]));
        let previewed = preview(&college, &world, "class_1", &with(1, "phone", json!("1")));
        assert_eq!((&previewed["may_be_registered"], codes(&previewed, "blocking")), (&json!(false), vec!["member.phone".to_owned()]));
        let path = |branch: &str| format!("/v1/organizations/{}/members/preview", world.org(branch));
        world.admin("university").post(&path("class_1"), &silent).refused(403, "member.registration_not_allowed");
        college.post(&path("college"), &silent).refused(409, "member.only_in_branch");
        assert_eq!(world.db.count("members WHERE name = '张三'"), 0);
        let registered = register(&college, &world, "class_1", &silent).expect(201).json();
        assert_eq!(codes(&registered, "warnings"), ["phone_missing"]);
    }

    fn p1_l1_a_member_registered_after_the_switch_counts_in_the_season(db: TestDb) {
        let world = World::new(db, NOW);
        let marks = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-06"}]});
        world.admin("college").write("/v1/graduation-marks", &marks).expect(200);
        world.run(zhuanjie::service::jobs::JobName::YearlySwitch, NOW);
        let before = world.db.count("cohort_members");
        register(&world.admin("class_1"), &world, "class_1", &person(1)).expect(201);
        assert_eq!(world.db.count("cohort_members"), before + 1);
    }

    fn p1_of_many_who_register_one_person_at_once_one_succeeds(db: TestDb) {
        let world = World::new(db, NOW);
        let branches = ["class_1", "class_2", "teachers", "village"];
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let world = &world;
            let all: Vec<_> = branches.iter().map(|branch| {
                scope.spawn(move || register(&world.admin(branch), world, branch, &person(9)).status)
            }).collect();
            all.into_iter().map(|one| one.join().expect("an answer")).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 3, "{statuses:?}");
    }

    fn p1_registering_is_limited_as_a_look_up(db: TestDb) {
        let world = World::new(db, NOW);
        let class = world.admin("class_1");
        let known = json!({"name": "x", "id_number": world.id_number("village/1"), "joined_month": "2019-09"});
        for _ in 0..20 {
            register(&class, &world, "class_1", &known).refused(409, "member.number_taken");
        }
        register(&class, &world, "class_1", &known).refused(429, "rate_limited");
        class.post(&format!("/v1/organizations/{}/members/preview", world.org("class_1")), &known).refused(429, "rate_limited");
    }

    fn p3_a_change_is_kept_with_the_old_value(db: TestDb) {
        let world = World::new(db, NOW);
        let class = world.admin("class_1");
        let member = register(&class, &world, "class_1", &person(1)).expect(201).json();
        let path = format!("/v1/members/{}/record", member["id"].as_str().expect("an id"));
        let new = json!({"phone": "１９９１２３４５６７８", "education": "", "political_status": "01"});
        let changed = class.decide(&path, 1, &new).expect(200).json();
        assert_eq!((&changed["phone"], &changed["political_status"]), (&json!("199******78"), &json!("中共党员")));
        assert_eq!((changed.get("education"), &changed["ethnic_group"]), (None, &json!("汉族")));
        class.decide(&path, 1, &new).refused(412, "request.stale");
        // What changes nothing leaves no trace.
        assert_eq!(class.decide(&path, 2, &new).expect(200).json()["version"], json!(2));
        let changes = class.whole(&path.replace("record", "changes?"), 2);
        let of: Vec<_> = changes.iter().map(|change| (change["field"].clone(), change["old_value"].clone())).collect();
        assert_eq!(of, [
            (json!("phone"), json!("138******42")),
            (json!("education"), json!("大学本科")),
            (json!("political_status"), json!("共青团员")),
        ]);
        assert_eq!(world.db.count("audit_log WHERE action = 'member.changed'"), 1);
        class.decide(&path, 2, &json!({"phone": "12"})).refused(422, "member.phone");
        class.decide(&path, 2, &json!({"ethnic_group": "x"})).refused(422, "member.ethnic_group");
        class.decide(&path, 2, &json!({"political_status": "x"})).refused(422, "member.political_status");
    }

    fn p3_members_change_their_telephone_number_and_nothing_else(db: TestDb) {
        let world = World::new(db, NOW);
        let path = format!("/v1/members/{}/record", world.mem("class_1/1"));
        let me = world.person("class_1/1");
        me.decide(&path, 1, &json!({"phone": "13800000001"})).expect(200);
        me.decide(&path, 2, &json!({"education": "大学本科"})).refused(403, "member.change_not_allowed");
        world.person("class_1/2").decide(&path, 2, &json!({"phone": "13800000001"})).refused(404, "member.not_found");
        world.admin("university").decide(&path, 2, &json!({"phone": "13800000002"})).refused(403, "member.change_not_allowed");
        world.admin("college").decide(&path, 2, &json!({"education": "大学本科"})).expect(200);
        let changes = me.whole(&path.replace("record", "changes?"), 20);
        assert_eq!(changes[0].get("organization_id"), None);
        assert_eq!(changes[1]["organization_id"], json!(world.org("college")));
    }
}
