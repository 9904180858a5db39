//! Creating, renaming and closing organizations (O1 to O3).

use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use serde_json::{Value, json};

const NOW: &str = "2026-06-15T00:00:00Z";

/// A branch of the enterprise sector, which the tests alter.
fn branch(world: &World, parent: &str, name: &str) -> Value {
    json!({"parent": world.org(parent), "kind": "branch", "sector": "enterprise", "name": name})
}

fn with(mut body: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().expect("fields") {
        body[key] = value.clone();
    }
    body
}

fn create(client: &Client, body: &Value) -> Answer {
    client.write("/v1/organizations", body)
}

fn version(client: &Client, id: &str) -> i64 {
    let found = client.get(&format!("/v1/organizations/{id}")).expect(200).json();
    found["version"].as_i64().expect("a version")
}

fn act(client: &Client, id: &str, action: &str, body: &Value) -> Answer {
    client.decide(&format!("/v1/organizations/{id}/{action}"), version(client, id), body)
}

/// What the caller may do with an organization: nothing, or the code of the refusal.
fn allowed(client: &Client, id: &str, action: &str) -> Option<String> {
    let detail = client.get(&format!("/v1/organizations/{id}")).expect(200).json();
    let actions = detail["allowed_actions"].as_array().expect("actions").clone();
    let found = actions
        .iter()
        .find(|found| found["action"] == action)
        .expect("the action");
    assert_eq!(found["allowed"], json!(found["because"].is_null()));
    found["because"]["code"].as_str().map(str::to_owned)
}

both_engines! {
    fn o1_which_kinds_may_be_below_which(db: TestDb) {
        let world = World::new(db, NOW);
        let cases = [
            ("employer", "committee", "grassroots", None),
            ("employer", "general_branch", "grassroots", None),
            ("employer", "work_committee", "grassroots", Some("organization.kind_not_allowed_here")),
            ("employer", "leading_organ", "county", Some("organization.kind_not_allowed_here")),
            ("workshop", "branch", "grassroots", Some("organization.kind_not_allowed_here")),
            ("county", "work_committee", "grassroots", None),
            ("city", "leading_organ", "county", None),
            ("city", "leading_organ", "province", Some("organization.level_not_allowed_here")),
            ("city", "branch", "county", Some("organization.level_not_allowed_here")),
        ];
        for (number, (parent, kind, level, refused)) in cases.into_iter().enumerate() {
            let changes = json!({"kind": kind, "level": level});
            let body = with(branch(&world, parent, &format!("第{number}个组织")), changes);
            let answer = create(&world.admin(parent), &body);
            match refused {
                None => drop(answer.expect(201)),
                Some(code) => drop(answer.refused(422, code)),
            }
        }
    }

    fn o1_a_new_organization_gets_its_place_in_the_tree(db: TestDb) {
        let world = World::new(db, NOW);
        let body = with(branch(&world, "college", "英语一班团支部"), json!({"sector": "school", "stage": "regular_university"}));
        let created = create(&world.admin("college"), &body).expect(201);
        let id = created.json()["id"].as_str().expect("an id").to_owned();
        assert_eq!(created.header("location"), Some(format!("/v1/organizations/{id}").as_str()));
        let same = |column: &str| world.db.number(&format!(
            "SELECT count(*) AS value FROM organizations a JOIN organizations b ON a.parent_id = b.parent_id
             WHERE a.name = '英语一班团支部' AND b.name = 'class_1' AND a.{column} = b.{column}"));
        for column in ["province_id", "leading_organ_id", "school_id", "division_code", "system"] {
            assert_eq!(same(column), 1, "{column}");
        }
        assert_eq!(world.db.number("SELECT count(*) AS value FROM organizations a JOIN organizations b ON a.parent_id = b.id
            WHERE a.name = '英语一班团支部' AND a.path = b.path || a.id || '/'"), 1);
        let listed = world.admin("college").get("/v1/organizations?limit=50").expect(200).json();
        assert!(listed["items"].as_array().expect("items").iter().any(|item| item["id"] == json!(id)));
    }

    fn o2_floating_and_abroad_branches_need_the_school_code_above(db: TestDb) {
        let world = World::new(db, NOW);
        let body = |parent: &str, purpose: &str, name: &str| {
            with(branch(&world, parent, name), json!({"sector": "school", "stage": "regular_university", "purpose": purpose}))
        };
        let university = world.admin("university");
        create(&university, &body("university", "floating", "珞珈流动团员团支部")).expect(201);
        create(&university, &body("university", "abroad", "珞珈出国(境)学习研究团员团支部")).expect(201);
        create(&university, &body("university", "floating", "珞珈团支部")).refused(422, "organization.floating_name");
        create(&world.admin("college"), &body("college", "floating", "学院流动团员团支部"))
            .refused(422, "organization.floating_needs_school");
        let at_township = with(body("township", "floating", "镇流动团员团支部"), json!({"sector": "township_village", "stage": null}));
        create(&world.admin("township"), &at_township).expect(201);
        create(&university, &body("university", "special_unit", "专属库")).refused(422, "organization.purpose_not_allowed");
        // Only that organization's own administrator may create it.
        create(&world.admin("province"), &body("university", "floating", "第二流动团员团支部"))
            .refused(403, "organization.not_direct_superior");
    }

    fn o3_only_the_direct_superior_creates_and_outsiders_see_nothing(db: TestDb) {
        let world = World::new(db, NOW);
        let body = branch(&world, "employer", "二车间团支部");
        create(&world.admin("county"), &body).refused(403, "organization.not_direct_superior");
        create(&world.admin("college"), &body).refused(404, "organization.not_found");
        create(&world.person("class_1/1"), &body).refused(403, "actor.not_administrator");
        create(&world.admin("employer"), &body).expect(201);
    }

    fn o3_names_are_unique_among_siblings_and_school_codes_everywhere(db: TestDb) {
        let world = World::new(db, NOW);
        create(&world.admin("employer"), &branch(&world, "employer", "workshop")).refused(409, "organization.name_taken");
        create(&world.admin("county"), &branch(&world, "county", "workshop")).expect(201);
        let school = |name: &str, code: &str| with(branch(&world, "county", name), json!({
            "kind": "committee", "sector": "school", "stage": "regular_university", "school_code": code}));
        let county = world.admin("county");
        create(&county, &school("第二大学", "4142010486")).refused(409, "organization.school_code_taken");
        create(&county, &school("第二大学", "414201048")).refused(422, "organization.school_code_invalid");
        let odd = create(&county, &school("第二大学", "9942010486")).expect(201).json();
        assert_eq!(odd["warnings"], json!(["unknown_class"]));
        let no_stage = with(school("第三大学", "4142010487"), json!({"stage": null}));
        create(&county, &no_stage).refused(422, "organization.stage_required");
    }

    fn o3_all_errors_are_reported_at_once(db: TestDb) {
        let world = World::new(db, NOW);
        let body = with(branch(&world, "employer", "x"), json!({"kind": "leading_organ", "sector": "school", "division_code": "999999"}));
        let problem = create(&world.admin("employer"), &body).expect(422).json();
        let codes: Vec<&str> = problem["errors"].as_array().expect("errors").iter().filter_map(|e| e["code"].as_str()).collect();
        assert_eq!(codes, ["organization.kind_not_allowed_here", "organization.name_required",
            "organization.stage_required", "request.invalid"]);
        assert_eq!(world.db.number("SELECT count(*) AS value FROM organizations WHERE name = 'x'"), 0);
    }

    fn o3_a_renamed_organization_keeps_its_former_name(db: TestDb) {
        let world = World::new(db, NOW);
        let (id, county) = (world.org("employer"), world.admin("county"));
        let body = json!({"name": "长江机器厂团委", "short_name": "长机团委"});
        world.admin("employer").decide(&format!("/v1/organizations/{id}/rename"), 1, &body)
            .refused(403, "organization.not_direct_superior");
        let renamed = act(&county, &id, "rename", &body).expect(200);
        assert_eq!(renamed.header("etag"), Some("\"2\""));
        let found = county.get(&format!("/v1/organizations/{id}")).expect(200).json();
        assert_eq!((&found["name"], &found["former_names"]), (&json!("长江机器厂团委"), &json!(["employer"])));
        county.decide(&format!("/v1/organizations/{id}/rename"), 1, &json!({"name": "又一个名字"}))
            .refused(412, "request.stale");
        // Renaming to the same names changes nothing. Another short name is not a former name.
        assert_eq!(act(&county, &id, "rename", &body).expect(200).header("etag"), Some("\"2\""));
        act(&county, &id, "rename", &json!({"name": "长江机器厂团委"})).expect(200);
        let found = county.get(&format!("/v1/organizations/{id}")).expect(200).json();
        assert_eq!(found["former_names"], json!(["employer"]));
        act(&county, &id, "rename", &json!({"name": "township"})).refused(409, "organization.name_taken");
        act(&world.admin("university"), &world.org("floating"), "rename", &json!({"name": "不说用途的支部"}))
            .refused(422, "organization.floating_name");
    }

    fn o3_only_an_empty_organization_without_open_cases_is_closed(db: TestDb) {
        let world = World::new(db, NOW);
        let (county, employer) = (world.admin("county"), world.admin("employer"));
        let (committee, workshop) = (world.org("employer"), world.org("workshop"));
        let detail = act(&county, &committee, "close", &json!({})).refused(409, "organization.not_empty").json();
        assert!(detail["detail"].as_str().is_some_and(|text| text.contains("1 个")), "{detail}");
        act(&world.admin("township"), &world.org("village"), "close", &json!({})).refused(409, "organization.not_empty");
        // An open case with this target keeps the organization from being closed.
        let proposal = json!({"reason": "employed_with_league", "target": workshop,
            "details": {"employer_name": "机器厂", "employer_address": {"division_code": "420106", "text": "一号"}}});
        let proposed = world.person("class_1/1").write("/v1/transfers", &proposal);
        let proposed = proposed.expect(201).json();
        act(&employer, &workshop, "close", &json!({})).refused(409, "organization.not_empty");
        assert_eq!(allowed(&employer, &workshop, "close").as_deref(), Some("organization.not_empty"));
        let case = format!("/v1/transfers/{}/withdraw", proposed["id"].as_str().expect("an id"));
        world.person("class_1/1").decide(&case, 1, &json!({})).expect(200);
        assert_eq!(allowed(&employer, &workshop, "close"), None);
        let stale = employer.decide(&format!("/v1/organizations/{workshop}/close"), 7, &json!({}));
        stale.refused(412, "request.stale");
        assert_eq!(act(&employer, &workshop, "close", &json!({})).expect(200).json()["status"], "closed");
        act(&employer, &workshop, "close", &json!({})).refused(409, "organization.closed");
        act(&employer, &workshop, "rename", &json!({"name": "改不了的名字"})).refused(409, "organization.closed");
        // Its offices ended with it and its name is free again. Now its superior can be closed too.
        let open = format!("SELECT count(*) AS value FROM appointments WHERE organization_id = {} AND ended_at IS NULL",
            world.org_key("workshop"));
        assert_eq!(world.db.number(&open), 0);
        let again = create(&employer, &branch(&world, "employer", "workshop")).expect(201).json();
        act(&employer, again["id"].as_str().expect("an id"), "close", &json!({})).expect(200);
        act(&county, &committee, "close", &json!({})).expect(200);
        create(&world.admin("county"), &branch(&world, "employer", "已关闭下的支部"))
            .refused(409, "organization.closed");
    }

    fn o3_the_organization_and_its_direct_superior_change_the_contact(db: TestDb) {
        let world = World::new(db, NOW);
        let id = world.org("employer");
        let body = json!({"name": "王书记", "phone": "027-8765 4321"});
        act(&world.admin("employer"), &id, "contact", &body).expect(200);
        act(&world.admin("county"), &id, "contact", &body).expect(200);
        act(&world.admin("city"), &id, "contact", &body).refused(403, "organization.contact_not_allowed");
        act(&world.admin("county"), &id, "contact", &json!({"name": "王书记", "phone": "打电话"})).refused(422, "request.invalid");
        let found = world.person("class_1/1").get(&format!("/v1/organizations/{id}")).expect(200).json();
        assert_eq!(found["contact"], body);
    }

    fn o3_size_is_only_a_warning(db: TestDb) {
        let mut world = World::new(db, NOW);
        let health = |world: &World, name: &str| {
            let detail = world.admin("province").get(&format!("/v1/organizations/{}", world.org(name))).expect(200);
            detail.json()["health"].clone()
        };
        assert_eq!(health(&world, "village"), json!([]));
        assert_eq!(health(&world, "workshop"), json!(["no_members"]));
        assert_eq!(health(&world, "class_1"), json!(["unmarked"]));
        assert_eq!(health(&world, "floating"), json!(["no_members"]));
        for number in 4..=50 {
            world.add_member(&format!("village/{number}"), "village", "2004-05-06");
        }
        assert_eq!(health(&world, "village"), json!([]));
        world.add_member("village/51", "village", "2004-05-06");
        assert_eq!(health(&world, "village"), json!(["too_many_members"]));
        world.dismiss("village");
        assert_eq!(health(&world, "village"), json!(["no_administrator", "too_many_members"]));
    }

    fn o3_allowed_actions_agree_with_what_the_actions_answer(db: TestDb) {
        let world = World::new(db, NOW);
        let code = |answer: Answer| (answer.status >= 400).then(|| answer.code());
        for caller in ["province", "university", "college", "class_1", "employer"] {
            let client = world.admin(caller);
            for name in ["university", "college", "class_1", "workshop"] {
                let id = world.org(name);
                let new = branch(&world, name, "团支部下的新组织");
                // A version that is not current makes a permitted action fail with `request.stale`, and an invalid body
                // with a code of its own. Only those codes are ignored here.
                let try_out = |action: &str, body: &Value| {
                    let found = code(client.decide(&format!("/v1/organizations/{id}/{action}"), 99, body));
                    found.filter(|code| code != "request.stale")
                };
                let input = |found: Option<String>| found.filter(|code| code != "organization.stage_required");
                let created = with(new, json!({"stage": "junior_high"}));
                assert_eq!(allowed(&client, &id, "create_below"), input(code(create(&client, &created))), "{caller} {name}");
                assert_eq!(allowed(&client, &id, "rename"), try_out("rename", &json!({"name": "新的名字"})), "{caller} {name}");
                assert_eq!(allowed(&client, &id, "close"), try_out("close", &json!({})), "{caller} {name}");
                let contact = json!({"name": "王书记"});
                assert_eq!(allowed(&client, &id, "change_contact"), try_out("contact", &contact), "{caller} {name}");
                let nobody = json!({"name": "没有此人", "id_number": world.id_number("class_2/1")});
                let appointed = client.write(&format!("/v1/organizations/{id}/appointments"), &nobody);
                assert_eq!(allowed(&client, &id, "appoint"), code(appointed).filter(|code| code != "member.no_match"), "{caller} {name}");
                let mark = json!({"mode": "all_or_nothing", "dry_run": true, "items": [{"branch": id, "month": "2027-06"}]});
                assert_eq!(allowed(&client, &id, "mark_graduation"), code(client.write("/v1/graduation-marks", &mark)), "{caller} {name}");
                let change = json!({"branch": id, "month": "2027-06", "reason": "学制延长"});
                assert_eq!(allowed(&client, &id, "propose_month_change"), code(client.write("/v1/month-changes", &change)), "{caller} {name}");
            }
        }
    }
}
