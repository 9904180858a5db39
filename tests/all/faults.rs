//! What a country made through the interface alone must do right: places, holdings, schools, vacancies, copies, names.

use crate::external::{TOKEN, issued, number, system};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{Org, PASSWORD, World, fresh_key};
use serde_json::{Value, json};
use zhuanjie::domain::organization::facts::{OrganizationKind, Sector};

const NOW: &str = "2026-06-15T00:00:00Z";

fn latest(client: &Client, path: &str, body: &Value) -> Answer {
    let request = client.request("POST", path).header("if-match", "*");
    request.header("idempotency-key", &fresh_key()).json(body).send()
}

fn create(client: &Client, parent: &str, change: &dyn Fn(&mut Value)) -> Answer {
    let mut body = json!({"parent": parent, "kind": "branch", "sector": "enterprise", "name": "某公司团支部"});
    change(&mut body);
    client.write("/v1/organizations", &body)
}

fn organization(world: &World, name: &str, action: &str) -> String {
    format!("/v1/organizations/{}/{action}", world.org(name))
}

fn member(world: &World, name: &str, action: &str) -> String {
    format!("/v1/members/{}/{action}", world.mem(name))
}

fn special_unit(world: &World, member: &str) -> Answer {
    world
        .person(member)
        .write("/v1/transfers", &json!({"reason": "special_unit", "details": {}}))
}

both_engines! {
    fn o1_provinces_and_cities_are_made_with_their_codes(db: TestDb) {
        let world = World::new(db, NOW);
        let nation = world.admin("nation");
        let province = |code: &str, name: &str| create(&nation, &world.org("nation"), &|body| {
            body["kind"] = json!("leading_organ");
            body["level"] = json!("province");
            body["sector"] = json!("institution");
            body["division_code"] = json!(code);
            body["name"] = json!(name);
        });
        let shanxi = province("140000", "共青团山西省委员会").expect(201).json();
        assert_eq!(shanxi["division_code"], "140000");
        assert_eq!(shanxi["division_name"], "山西省");
        let guangdong = province("440000", "共青团广东省委员会").expect(201).json();
        province("990000", "共青团某省委员会").refused(422, "request.invalid");
        // Both are found by their province, whoever asks.
        for (code, id) in [(14, &shanxi["id"]), (44, &guangdong["id"])] {
            for caller in [world.admin("nation"), world.admin("class_1"), world.person("village/1")] {
                let found = caller.get(&format!("/v1/targets?q=%E5%85%B1%E9%9D%92%E5%9B%A2&province={code}")).expect(200).json();
                assert!(found["items"].as_array().is_some_and(|items| items.iter().all(|hit| {
                    &hit["id"] == id || hit["division_code"].as_str().is_some_and(|found| found.starts_with(&code.to_string()))
                })), "{found}");
            }
        }
    }

    fn x1_somebody_is_sent_to_a_province_that_was_made_through_the_interface(db: TestDb) {
        let world = World::new(db, NOW);
        let nation = world.admin("nation");
        create(&nation, &world.org("nation"), &|body| {
            body["kind"] = json!("leading_organ");
            body["level"] = json!("province");
            body["sector"] = json!("institution");
            body["division_code"] = json!("350000");
            body["name"] = json!("共青团福建省委员会");
        }).expect(201);
        let address = json!({"division_code": "350102", "text": "某路1号"});
        let external = json!({"province": 35, "name": "福建某大学", "organization": "共青团福建某大学委员会", "address": address});
        let details = json!({"destination_stage": "regular_university", "school_name": "福建某大学", "school_address": address,
            "external": external});
        let case = world.person("class_1/1").write("/v1/transfers", &json!({"reason": "further_study", "details": details}));
        assert_eq!(case.expect(201).json()["state"], "external_pending");
    }

    fn a4_the_first_approval_of_a_special_unit_makes_the_holding(db: TestDb) {
        let world = World::new(db, NOW);
        let holding = world.org_key("holding");
        world.db.execute(&format!("DELETE FROM organizations WHERE id = {holding}"));
        for member in ["class_1/1", "class_1/2"] {
            let case = special_unit(&world, member).expect(201);
            let path = case.header("location").expect("an address").to_owned();
            latest(&world.admin("province"), &format!("{path}/approve"), &json!({})).expect(200);
        }
        assert_eq!(world.db.count("organizations WHERE purpose = 'special_unit'"), 1);
        assert_eq!(world.db.count("members WHERE branch_id IN (SELECT id FROM organizations WHERE purpose = 'special_unit')"), 2);
        // Nobody finds it, and nobody makes or names another one.
        let found = world.admin("province").get("/v1/targets?q=%E7%89%B9%E6%AE%8A%E5%8D%95%E4%BD%8D").expect(200).json();
        assert_eq!(found["items"], json!([]));
        create(&world.admin("province"), &world.org("province"), &|body| body["name"] = json!("某特殊单位专属库"))
            .refused(422, "organization.purpose_not_allowed");
        latest(&world.admin("province"), &organization(&world, "university", "rename"), &json!({"name": "某特殊单位专属库"}))
            .refused(422, "organization.purpose_not_allowed");
    }

    fn m2_a_school_of_one_branch_is_a_school_without_a_code_too(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.add_organization("small", &Org::below("county", OrganizationKind::Branch, Sector::School));
        world.appoint("small", "small");
        world.add_member("small/1", "small", "2004-05-06");
        let month = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("small"), "month": "2026-07"}]});
        world.admin("county").write("/v1/graduation-marks", &month).expect(200);
        let mark = json!({"mode": "all_or_nothing", "items": [{"member": world.mem("small/1"), "identity": "teacher"}]});
        world.admin("small").write("/v1/member-marks", &mark).refused(403, "mark.superior_only");
        world.admin("county").write("/v1/member-marks", &mark).expect(200);
        assert_eq!(world.db.count("organizations WHERE id = school_id"), 3);
    }

    fn a10_what_two_vacant_organizations_would_do_passes_up(db: TestDb) {
        let mut world = World::new(db, NOW);
        let month = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_2"), "month": "2026-06"}]});
        world.admin("college").write("/v1/graduation-marks", &month).expect(200);
        world.run(zhuanjie::service::jobs::JobName::YearlySwitch, NOW);
        let university = world.admin("university");
        let contact = json!({"name": "王老师"});
        let reveal = json!({"fields": ["id_number"], "purpose": "核对入团志愿书"});
        let why = json!({"reason": "账号被盗"});
        let change = json!({"branch": world.org("class_2"), "month": "2027-06", "reason": "学制延长"});
        let acts: [(&str, String, Value, &str); 7] = [
            ("contact", organization(&world, "class_1", "contact"), contact, "organization.contact_not_allowed"),
            ("rename", organization(&world, "class_1", "rename"), json!({"name": "某班团支部"}), "organization.not_direct_superior"),
            ("code", member(&world, "class_1/1", "reset-code"), json!({}), "account.reset_not_allowed"),
            ("reveal", member(&world, "class_1/1", "reveal"), reveal, "member.reveal_not_allowed"),
            ("block", member(&world, "class_1/1", "block"), why, "account.block_not_allowed"),
            ("unblock", member(&world, "class_1/1", "unblock"), json!({}), "account.block_not_allowed"),
            ("month", "/v1/month-changes".to_owned(), change, "graduation.not_direct_superior"),
        ];
        for (name, path, body, code) in &acts {
            let answer = latest(&university, path, body);
            assert_eq!((answer.status, answer.code().as_str()), (403, *code), "{name}");
        }
        let new = json!({"parent": world.org("college"), "kind": "branch", "sector": "school", "stage": "regular_university",
            "name": "三班团支部"});
        university.write("/v1/organizations", &new).refused(403, "organization.not_direct_superior");
        for name in ["class_1", "class_2", "college"] {
            world.dismiss(name);
        }
        let shown = university.get(&format!("/v1/organizations/{}", world.org("class_1"))).expect(200).json();
        let may = |action: &str| shown["allowed_actions"].as_array().expect("actions").iter()
            .any(|allowed| allowed["action"] == json!(action) && allowed["allowed"] == json!(true));
        assert!(may("rename") && may("change_contact"), "{shown}");
        for (name, path, body, _) in &acts {
            let answer = latest(&university, path, body);
            assert!((200..300).contains(&answer.status), "{name}: {}", answer.text);
        }
        university.write("/v1/organizations", &new).expect(201);
        // The next one up stays out of it.
        latest(&world.admin("province"), &acts[0].1, &acts[0].2).refused(403, "organization.contact_not_allowed");
    }

    fn g2_o2_floating_and_abroad_branches_have_no_graduation_month(db: TestDb) {
        let world = World::new(db, NOW);
        for branch in ["floating", "abroad"] {
            let month = json!({"mode": "all_or_nothing", "items": [{"branch": world.org(branch), "month": "2026-06"}]});
            world.admin("university").write("/v1/graduation-marks", &month).refused(409, "graduation.not_school_branch");
        }
        let path = format!("/v1/organizations?under={}&subtree=true&graduation_marked=false&", world.org("university"));
        let unmarked = world.admin("university").whole(&path, 20);
        let mut names: Vec<&str> = unmarked.iter().filter_map(|branch| branch["name"].as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["class_1", "class_2", "teachers"]);
    }

    fn t5_somebody_whose_employer_has_no_league_may_go_to_a_development_zone(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.add_organization("zone", &Org::below("county", OrganizationKind::WorkCommittee, Sector::Enterprise));
        world.appoint("zone", "zone");
        let details = json!({"employer_name": "某公司", "employer_address": {"division_code": "420106", "text": "某路1号"}});
        let filed = |target: &str| json!({"reason": "employed_without_league", "details": details, "target": world.org(target)});
        world.person("class_1/1").write("/v1/transfers", &filed("employer")).refused(422, "transfer.target_not_allowed_for_reason");
        world.person("class_1/1").write("/v1/transfers", &filed("zone")).expect(201);
    }

    fn g8_the_list_of_organizations_shows_the_state_of_a_request(db: TestDb) {
        let world = World::new(db, NOW);
        let month = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-06"}]});
        world.admin("college").write("/v1/graduation-marks", &month).expect(200);
        world.run(zhuanjie::service::jobs::JobName::YearlySwitch, NOW);
        let change = json!({"branch": world.org("class_1"), "month": "2027-06", "reason": "学制延长"});
        world.admin("college").write("/v1/month-changes", &change).expect(201);
        let listed = world.admin("college").whole("/v1/organizations?", 20);
        let of = |name: &str| listed.iter().find(|listed| listed["name"] == json!(name)).expect("a class");
        assert_eq!(of("class_1")["open_month_change"]["new_month"], "2027-06");
        assert_eq!(of("class_2").get("open_month_change"), None);
    }

    fn o6_who_left_the_national_tree_is_in_no_list(db: TestDb) {
        let world = World::new(db, NOW);
        let path = crate::external::to_beijing(&world, "class_1/1");
        latest(&world.admin("beijing"), &format!("{path}/accept-external"), &json!({})).expect(200);
        let list = format!("/v1/organizations/{}/members?subtree=true&", world.org("college"));
        let listed = world.admin("college").whole(&list, 2);
        assert_eq!(listed.len(), 8);
        assert!(listed.iter().all(|member| member.get("branch").is_some()));
    }

    fn o6_nobody_reads_or_changes_who_left_the_national_tree(db: TestDb) {
        let world = World::new(db, NOW);
        let path = crate::external::to_beijing(&world, "class_1/1");
        latest(&world.admin("beijing"), &format!("{path}/accept-external"), &json!({})).expect(200);
        let page = format!("/v1/members/{}", world.mem("class_1/1"));
        let education = json!({"education": "大学本科"});
        for old in ["class_1", "college", "university", "nation"] {
            let old = world.admin(old);
            old.get(&page).refused(404, "member.not_found");
            old.get(&format!("{page}/certification")).refused(404, "member.not_found");
            let reveal = json!({"fields": ["id_number"], "purpose": "核对入团志愿书"});
            old.write(&format!("{page}/reveal"), &reveal).refused(404, "member.not_found");
            latest(&old, &format!("{page}/record"), &education).refused(404, "member.not_found");
            latest(&old, &format!("{page}/reset-code"), &json!({})).refused(404, "member.not_found");
            latest(&old, &format!("{page}/block"), &json!({"reason": "账号被盗"})).refused(404, "member.not_found");
        }
        // The page stays the member's own.
        let me = world.person("class_1/1");
        assert!(me.get(&page).expect(200).json().get("branch").is_none());
        latest(&me, &format!("{page}/record"), &json!({"phone": "13800000001"})).expect(200);
    }

    fn t10_a10_the_superior_withdraws_for_a_vacant_branch(db: TestDb) {
        let mut world = World::new(db, NOW);
        let details = json!({"home_address": {"division_code": "420106", "text": "某路1号"}});
        let body = json!({"reason": "unsettled", "member": {"id": world.mem("class_1/1")}, "details": details,
            "target": world.org("village")});
        let case = world.admin("class_1").write("/v1/transfers", &body).expect(201);
        let path = case.header("location").expect("an address").to_owned();
        let withdraw = |world: &World, by: &str| latest(&world.admin(by), &format!("{path}/withdraw"), &json!({}));
        let may = |world: &World, by: &str| world.admin(by).get(&path).expect(200).json()["allowed_actions"].as_array()
            .expect("actions").iter().any(|action| action["action"] == "withdraw" && action["allowed"] == json!(true));
        withdraw(&world, "college").refused(403, "transfer.not_yours_to_cancel");
        for name in ["class_1", "college"] {
            assert!(!may(&world, "university"));
            world.dismiss(name);
        }
        withdraw(&world, "province").refused(403, "transfer.not_yours_to_cancel");
        assert!(may(&world, "university"));
        withdraw(&world, "university").expect(200);
    }

    fn m1_m6_a_list_by_identity_shows_who_has_it(db: TestDb) {
        let world = World::new(db, NOW);
        let college = world.admin("college");
        let month = |month: &str| json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": month}]});
        college.write("/v1/graduation-marks", &month("2026-07")).expect(200);
        let mark = json!({"mode": "all_or_nothing", "items": [
            {"member": world.mem("class_1/1"), "identity": "delayed", "month": "2028-07", "reason": "休学"}]});
        college.write("/v1/member-marks", &mark).expect(200);
        let list = format!("/v1/organizations/{}/members?subtree=true&identity=delayed&", world.org("college"));
        assert_eq!(college.whole(&list, 20).len(), 1);
        college.write("/v1/graduation-marks", &month("2027-07")).expect(200);
        let item = college.get(&format!("/v1/members/{}", world.mem("class_1/1"))).expect(200).json();
        assert_eq!(item.get("identity"), None);
        assert_eq!(college.whole(&list, 20).len(), 0);
    }

    fn o3_a_renamed_organization_has_one_name_in_every_answer(db: TestDb) {
        let world = World::new(db, NOW);
        let details = json!({"home_address": {"division_code": "420106", "text": "某路1号"}});
        let case = world.person("class_1/1").write("/v1/transfers",
            &json!({"reason": "unsettled", "details": details, "target": world.org("village")})).expect(201);
        let path = case.header("location").expect("an address").to_owned();
        for (superior, name) in [("township", "village"), ("college", "class_1")] {
            let renamed = json!({"name": format!("{name} renamed")});
            latest(&world.admin(superior), &organization(&world, name, "rename"), &renamed).expect(200);
        }
        let shown = world.admin("village").get(&path).expect(200).json();
        assert_eq!(shown["target"]["name"], "village renamed");
        assert_eq!(shown["source"]["name"], "class_1 renamed");
        assert_eq!(shown["waiting_for"][0]["name"], "village renamed");
    }

    fn t4_a_look_up_names_somebody_who_can_help(db: TestDb) {
        let mut world = World::new(db, NOW);
        let wanted = json!({"name": "class_1/1", "id_number": world.id_number("class_1/1")});
        let looked_up = |world: &World| world.admin("township").post("/v1/members/look-up", &wanted).expect(200).json();
        latest(&world.admin("college"), &organization(&world, "class_1", "contact"), &json!({"name": "王老师", "phone": "027-1"})).expect(200);
        assert_eq!(looked_up(&world)["contact"], json!({"name": "王老师", "phone": "027-1"}));
        // Without a contact it names the administrator.
        world.db.execute("UPDATE organizations SET contact_name = NULL, contact_phone = NULL");
        assert_eq!(looked_up(&world)["contact"], json!({"name": "class_1"}));
        // A contact who was dismissed is a contact no more, however the name was typed (P7).
        latest(&world.admin("college"), &organization(&world, "class_1", "contact"), &json!({"name": "\u{ff43}lass_1"})).expect(200);
        let office = zhuanjie::domain::core::ids::AppointmentId(world.officer_key("class_1"));
        latest(&world.admin("college"), &format!("/v1/appointments/{office}/end"), &json!({})).expect(200);
        let found = looked_up(&world);
        assert_eq!(found["contact"], json!({"name": "college"}));
        assert_eq!(found["contact_organization"]["id"], json!(world.org("college")));
        world.dismiss("college");
        assert_eq!(looked_up(&world)["contact"], json!({"name": "university"}));
    }

    fn a7_a_history_belongs_to_those_within_whose_reach_it_was_written(db: TestDb) {
        let world = World::new(db, NOW);
        let month = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-07"}]});
        world.admin("college").write("/v1/graduation-marks", &month).expect(200);
        let mark = json!({"mode": "all_or_nothing", "items": [
            {"member": world.mem("class_1/1"), "identity": "delayed", "month": "2027-07", "reason": "因病休学"}]});
        world.admin("class_1").write("/v1/member-marks", &mark).expect(200);
        latest(&world.admin("class_1"), &member(&world, "class_1/1", "record"), &json!({"education": "大学本科"})).expect(200);
        let details = json!({"home_address": {"division_code": "420106", "text": "某路1号"}});
        let filed = json!({"reason": "unsettled", "details": details, "target": world.org("village")});
        let case = world.person("class_1/1").write("/v1/transfers", &filed).expect(201);
        let path = case.header("location").expect("an address").to_owned();
        world.at("2026-06-16T00:00:00Z");
        latest(&world.admin("village"), &format!("{path}/approve"), &json!({})).expect(200);
        latest(&world.admin("village"), &member(&world, "class_1/1", "record"), &json!({"education": "硕士研究生"})).expect(200);
        let entries = |client: &Client, list: &str| client.get(&member(&world, "class_1/1", list)).expect(200).json()["items"]
            .as_array().map_or(0, Vec::len);
        let me = world.person("class_1/1");
        assert_eq!((entries(&me, "mark-history"), entries(&me, "changes")), (1, 2));
        for old in ["class_1", "college", "university"] {
            let old = world.admin(old);
            assert_eq!((entries(&old, "mark-history"), entries(&old, "changes")), (1, 1));
            assert!(old.get(&member(&world, "class_1/1", "mark-history")).text.contains("因病休学"));
            // Only the history stays theirs.
            old.get(&format!("/v1/members/{}", world.mem("class_1/1"))).refused(404, "member.not_found");
        }
        for new in ["village", "township"] {
            let new = world.admin(new);
            assert_eq!((entries(&new, "mark-history"), entries(&new, "changes")), (0, 1));
        }
        assert_eq!(entries(&world.admin("province"), "changes"), 2);
        world.admin("employer").get(&member(&world, "class_1/1", "mark-history")).refused(404, "member.not_found");
    }

    fn t3_o7_a_policy_changed_within_the_season_makes_no_dead_end(db: TestDb) {
        let world = World::new(db, NOW);
        let nation = world.admin("nation");
        let mut policy = nation.get("/v1/policies/2026").expect(200).json();
        policy["certification_since"] = json!(2019);
        nation.request("PUT", "/v1/policies/2026").header("if-match", "*").json(&policy).send().expect(200);
        let me = world.person("class_1/1");
        let details = json!({"home_address": {"division_code": "420106", "text": "某路1号"}});
        let filed = json!({"reason": "unsettled", "details": details, "target": world.org("village")});
        me.write("/v1/transfers", &filed).refused(409, "transfer.identity_not_certified");
        // What filing asks for can be done, and everybody is shown the same.
        assert_eq!(me.get(&format!("/v1/members/{}", world.mem("class_1/1"))).expect(200).json()["certification"], "not_uploaded");
        let path = member(&world, "class_1/1", "certification");
        assert_eq!(me.get(&path).expect(200).json()["certification"], "not_uploaded");
        let class = world.admin("class_1");
        let request = class.request("POST", &path).header("idempotency-key", &fresh_key());
        let form = request.header("content-type", "application/pdf").body(crate::certification::pdf(1000)).send().expect(201).json();
        let form = form["id"].as_str().expect("an id");
        latest(&world.admin("college"), &format!("/v1/certifications/{form}/approve"), &json!({})).expect(200);
        me.write("/v1/transfers", &filed).expect(201);
    }

    fn p6_an_office_ends_when_its_holder_moves_out(db: TestDb) {
        let mut world = World::new(db, NOW);
        // A member of the class administers it and the township; a teacher of another branch administers the class too.
        world.appoint("class_1/1", "class_1");
        let details = json!({"home_address": {"division_code": "420106", "text": "某路1号"}});
        let filed = json!({"reason": "unsettled", "details": details, "target": world.org("village")});
        let case = world.person("class_1/1").write("/v1/transfers", &filed).expect(201);
        let path = case.header("location").expect("an address").to_owned();
        let before = world.admin("class_1/1");
        let list = format!("/v1/organizations/{}/members", world.org("class_1"));
        before.get(&list).expect(200);
        latest(&world.admin("village"), &format!("{path}/approve"), &json!({})).expect(200);
        assert!(before.get(&list).status >= 401);
        assert_eq!(world.db.count("audit_log WHERE action = 'appointment.ended'"), 1);
        // Whose membership is elsewhere keeps their office.
        world.admin("class_1").get(&list).expect(200);
    }

    fn o3_the_credential_of_a_closed_organization_ends(db: TestDb) {
        let world = World::new(db, NOW);
        let name = json!({"name": "某系统", "organization": world.org("home"), "scopes": ["organizations:read"]});
        let credential = issued(world.admin("nation").post("/v1/integrators", &name));
        let token = world.anybody().form(TOKEN, &credential.form()).expect(200).json();
        let client = world.anybody().with_token(token["access_token"].as_str().expect("a token"));
        client.get("/v1/me").expect(200);
        latest(&world.admin("township"), &organization(&world, "home", "close"), &json!({})).expect(200);
        assert_eq!(client.get("/v1/me").status, 401);
        assert_eq!(world.anybody().form(TOKEN, &credential.form()).status, 401);
    }

    fn p7_a_person_is_found_however_their_name_is_typed(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.add_member("阿依古丽·买买提", "class_1", "2004-05-06");
        let number = world.id_number("阿依古丽·买买提");
        for name in ["阿依古丽•买买提", "阿依古丽・买买提", "阿依古丽．买买提", "阿依古丽‧买买提", "阿依古丽●买买提", "阿依古丽.买买提",
            "阿依古丽･买买提", " 阿依古丽 · 买买提 ", "阿依古丽\u{3000}·买买提\t", "\u{feff}阿依古丽·买买提"] {
            let wanted = json!({"name": name, "id_number": number});
            world.admin("township").post("/v1/members/look-up", &wanted).expect(200);
        }
        let wanted = json!({"name": "阿依古丽 • 买买提", "id_number": number});
        let appointed = world.admin("college").write(&organization(&world, "class_1", "appointments"), &wanted).expect(201).json();
        assert_eq!(appointed["appointment"]["name"], "阿依古丽·买买提");
        let details = json!({"home_address": {"division_code": "420106", "text": "某路1号"}});
        let filed = json!({"reason": "unsettled", "details": details, "target": world.org("village"), "member": wanted});
        world.admin("village").write("/v1/transfers", &filed).expect(201);
    }

    fn p7_siblings_are_not_told_apart_by_width_brackets_or_blanks(db: TestDb) {
        let world = World::new(db, NOW);
        let employer = world.admin("employer");
        let named = |name: &str| create(&employer, &world.org("employer"), &|body| body["name"] = json!(name));
        named("某公司（北区）团支部").expect(201);
        for twin in ["某公司(北区)团支部", "某公司（北区） 团支部", "某公司（北区）团支部\u{3000}"] {
            named(twin).refused(409, "organization.name_taken");
        }
        for unfit in ["某公司\u{202e}团支部", "某公司\u{200b}团支部", "某公司\u{e0041}团支部", "\u{3164}\u{3164}\u{3164}"] {
            named(unfit).refused(422, "request.text");
        }
        latest(&employer, &organization(&world, "workshop", "rename"), &json!({"name": "某公司(北区)团支部"}))
            .refused(409, "organization.name_taken");
        latest(&employer, &organization(&world, "workshop", "rename"), &json!({"name": "某公司\u{200b}"})).refused(422, "request.text");
    }

    fn p7_a_required_reason_has_something_to_read(db: TestDb) {
        let world = World::new(db, NOW);
        let path = member(&world, "class_1/1", "block");
        for reason in ["", " \u{3000}", "\u{3164}"] {
            let answer = latest(&world.admin("class_1"), &path, &json!({"reason": reason}));
            assert!(["account.block_reason_required", "request.text"].contains(&answer.code().as_str()), "{}", answer.text);
        }
        latest(&world.admin("class_1"), &path, &json!({"reason": "\u{200b}\u{feff}"})).refused(422, "request.text");
        latest(&world.admin("class_1"), &path, &json!({"reason": "账号被盗\u{202e}"})).refused(422, "request.text");
        assert_eq!(world.db.count("account_blocks"), 0);
        let contact = json!({"name": "<b>王老师</b>"});
        latest(&world.admin("class_1"), &organization(&world, "class_1", "contact"), &contact).refused(422, "request.text");
        let person = json!({"name": "王<i>老师", "id_number": number(1)});
        world.admin("college").write(&organization(&world, "class_1", "appointments"), &person).refused(422, "request.text");
        let system = system(&world, "beijing");
        system.get("/v1/me").expect(200);
        world.anybody().post("/v1/auth/sign-in", &json!({"id_number": number(1), "password": PASSWORD})).refused(401, "request.sign_in_failed");
    }
}
