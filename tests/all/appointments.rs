//! Offices: who appoints, which changes wait for approval, and how inbox entries follow when offices change (A10).

use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::World;
use serde_json::{Value, json};

const NOW: &str = "2026-06-15T00:00:00Z";
/// A valid ID number that no table knows.
const STRANGER: &str = "11010519491231002X";

/// How many inbox entries of a kind wait for the caller.
fn waiting(client: &Client, kind: &str) -> usize {
    let page = client.get(&format!("/v1/inbox?kind={kind}")).expect(200).json();
    page["items"].as_array().expect("items").len()
}

fn offices(client: &Client, organization: &str) -> Vec<Value> {
    let page = client
        .get(&format!("/v1/organizations/{organization}/appointments"))
        .expect(200)
        .json();
    page["items"].as_array().expect("items").clone()
}

/// The office of the only administrator of an organization.
fn office(client: &Client, organization: &str) -> String {
    let found = offices(client, organization);
    assert_eq!(found.len(), 1);
    found[0]["id"].as_str().expect("an id").to_owned()
}

fn appoint(world: &World, by: &str, organization: &str, member: &str) -> crate::support::http::Answer {
    let path = format!("/v1/organizations/{}/appointments", world.org(organization));
    world.admin(by).write(&path, &json!({"member": world.mem(member)}))
}

fn end(world: &World, by: &str, organization: &str) -> crate::support::http::Answer {
    let id = office(&world.admin(by), &world.org(organization));
    world.admin(by).write(&format!("/v1/appointments/{id}/end"), &json!({}))
}

/// A transfer of class_1's first member to the workshop, which waits there and at the employer.
fn request(world: &World) -> String {
    let body = json!({"reason": "employed_with_league", "target": world.org("workshop"),
        "details": {"employer_name": "机器厂", "employer_address": {"division_code": "420106", "text": "一号"}}});
    let proposed = world
        .person("class_1/1")
        .write("/v1/transfers", &body)
        .expect(201)
        .json();
    proposed["id"].as_str().expect("an id").to_owned()
}

both_engines! {
    fn a10_the_direct_superior_appoints_and_dismisses_at_once(db: TestDb) {
        let world = World::new(db, NOW);
        let begun = appoint(&world, "college", "class_1", "class_1/2").expect(201).json();
        assert_eq!(begun["appointment"]["name"], "class_1/2");
        assert_eq!(offices(&world.admin("college"), &world.org("class_1")).len(), 2);
        appoint(&world, "college", "class_1", "class_1/2").refused(409, "appointment.held_already");
        appoint(&world, "university", "class_1", "class_1/3").refused(403, "appointment.not_allowed");
        appoint(&world, "employer", "class_1", "class_1/3").refused(404, "organization.not_found");
        let path = format!("/v1/appointments/{}/end", begun["appointment"]["id"].as_str().expect("an id"));
        let ended = world.admin("college").write(&path, &json!({})).expect(200).json();
        assert!(ended["appointment"]["until"].is_string());
        world.admin("college").write(&path, &json!({})).refused(409, "appointment.ended");
        world.admin("employer").write(&path, &json!({})).refused(404, "appointment.not_found");
    }

    fn a10_an_organizations_own_change_needs_its_superiors_approval(db: TestDb) {
        let world = World::new(db, NOW);
        let asked = appoint(&world, "class_1", "class_1", "class_1/2").expect(202).json();
        let id = asked["request"]["id"].as_str().expect("an id").to_owned();
        assert_eq!(offices(&world.admin("college"), &world.org("class_1")).len(), 1);
        appoint(&world, "class_1", "class_1", "class_1/2").refused(409, "appointment.request_open");
        assert_eq!((waiting(&world.admin("college"), "appointment"), waiting(&world.admin("university"), "appointment")), (1, 0));
        let path = |verdict: &str| format!("/v1/appointment-requests/{id}/{verdict}");
        world.admin("class_1").decide(&path("approve"), 1, &json!({})).refused(403, "appointment.not_approver");
        world.admin("employer").decide(&path("approve"), 1, &json!({})).refused(404, "appointment.request_not_found");
        world.admin("college").decide(&path("refuse"), 1, &json!({})).refused(422, "approval.reason_required");
        world.admin("college").decide(&path("approve"), 7, &json!({})).refused(412, "request.stale");
        world.admin("college").decide(&path("approve"), 1, &json!({})).expect(200);
        world.admin("college").decide(&path("approve"), 2, &json!({})).refused(409, "appointment.request_not_open");
        assert_eq!(waiting(&world.admin("college"), "appointment"), 0);
        assert_eq!(offices(&world.admin("college"), &world.org("class_1")).len(), 2);
    }

    fn a10_a_request_lapses_when_the_superior_makes_the_change(db: TestDb) {
        let world = World::new(db, NOW);
        let asked = end(&world, "class_1", "class_1").expect(202).json();
        let id = asked["request"]["id"].as_str().expect("an id").to_owned();
        end(&world, "college", "class_1").expect(200);
        let found = world.admin("college").get(&format!("/v1/appointment-requests/{id}")).expect(200).json();
        assert_eq!(found["state"], "lapsed");
        assert_eq!(waiting(&world.admin("college"), "appointment"), 0);
    }

    fn a10_the_nation_keeps_its_last_administrator(db: TestDb) {
        let world = World::new(db, NOW);
        end(&world, "nation", "nation").refused(409, "appointment.last_of_nation");
        appoint(&world, "nation", "nation", "class_1/1").expect(201);
        let first = offices(&world.admin("nation"), &world.org("nation"))[0]["id"].as_str().expect("an id").to_owned();
        world.admin("nation").write(&format!("/v1/appointments/{first}/end"), &json!({})).expect(200);
    }

    fn o5_a_person_without_an_account_gets_one_and_signs_in_after_a_code(db: TestDb) {
        let world = World::new(db, NOW);
        let path = format!("/v1/organizations/{}/appointments", world.org("class_1"));
        let body = json!({"name": "张三", "id_number": STRANGER});
        let begun = world.admin("college").write(&path, &body).expect(201).json();
        let wrong = json!({"name": "李四", "id_number": STRANGER});
        world.admin("college").write(&path, &wrong).refused(404, "member.no_match");
        world.admin("college").write(&path, &json!({"name": "张三"})).refused(422, "request.invalid");
        let sign_in = json!({"id_number": STRANGER, "password": "correct horse"});
        world.anybody().post("/v1/auth/sign-in", &sign_in).refused(401, "request.sign_in_failed");
        let office = begun["appointment"]["id"].as_str().expect("an id");
        let code = world.admin("college").write(&format!("/v1/appointments/{office}/reset-code"), &json!({})).expect(201).json();
        let reset = json!({"id_number": STRANGER, "code": code["code"], "new_password": "correct horse"});
        world.anybody().post("/v1/auth/reset", &reset).expect(204);
        let signed_in = world.anybody().post("/v1/auth/sign-in", &sign_in).expect(200).json();
        assert_eq!(signed_in["offices"][0]["id"], json!(office));
    }

    fn a10_inbox_entries_follow_the_offices(db: TestDb) {
        let world = World::new(db, NOW);
        request(&world);
        let waits = || ["workshop", "employer", "county"].map(|name| waiting(&world.admin(name), "approval_in"));
        assert_eq!(waits(), [1, 1, 0]);
        // A vacant branch leaves the turn to its direct superior alone. If that one is vacant too, the turn passes to
        // the next above.
        let workshops = office(&world.admin("employer"), &world.org("workshop"));
        let employers = office(&world.admin("county"), &world.org("employer"));
        world.admin("employer").write(&format!("/v1/appointments/{workshops}/end"), &json!({})).expect(200);
        assert_eq!(["employer", "county"].map(|name| waiting(&world.admin(name), "approval_in")), [1, 0]);
        world.admin("county").write(&format!("/v1/appointments/{employers}/end"), &json!({})).expect(200);
        assert_eq!(["county", "city"].map(|name| waiting(&world.admin(name), "approval_in")), [1, 0]);
        // With the employer vacant, the county appoints at the workshop. The workshop gets its turn back, and then the
        // employer does.
        appoint(&world, "county", "workshop", "village/1").expect(201);
        assert_eq!(waiting(&world.admin("county"), "approval_in"), 0);
        appoint(&world, "county", "employer", "village/2").expect(201);
        let held = "SELECT count(*) AS value FROM inbox_entries WHERE kind = 'approval_in' AND organization_id = ";
        for name in ["workshop", "employer"] {
            assert_eq!(world.db.number(&format!("{held}{}", world.org_key(name))), 1, "{name}");
        }
        assert_eq!(world.db.count("inbox_entries"), 2);
    }

    fn a10_an_orphaned_case_returns_to_the_first_who_can_decide(db: TestDb) {
        let mut world = World::new(db, NOW);
        for name in ["workshop", "employer", "county", "city", "province"] {
            world.dismiss(name);
        }
        // The proposer holds the only office of the nation. Nobody may decide, so nobody holds the turn.
        world.dismiss("nation");
        world.appoint("class_1/1", "nation");
        request(&world);
        assert_eq!(world.db.count("inbox_entries"), 0);
        let path = format!("/v1/organizations/{}/appointments", world.org("province"));
        world.admin("class_1/1").write(&path, &json!({"member": world.mem("village/1")})).expect(201);
        let held = format!("SELECT count(*) AS value FROM inbox_entries WHERE organization_id = {}", world.org_key("province"));
        assert_eq!((world.db.number(&held), world.db.count("inbox_entries")), (1, 1));
    }

    fn a10_month_changes_and_requests_follow_the_offices_too(db: TestDb) {
        let world = World::new(db, NOW);
        let mark = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-06"}]});
        world.admin("college").write("/v1/graduation-marks", &mark).expect(200);
        world.run(zhuanjie::service::jobs::JobName::YearlySwitch, NOW);
        let change = json!({"branch": world.org("class_1"), "month": "2027-06", "reason": "学制延长"});
        world.admin("college").write("/v1/month-changes", &change).expect(201);
        appoint(&world, "class_2", "class_2", "class_2/1").expect(202);
        assert_eq!(waiting(&world.admin("province"), "month_change"), 1);
        assert_eq!(waiting(&world.admin("college"), "appointment"), 1);
        end(&world, "nation", "province").expect(200);
        assert_eq!(waiting(&world.admin("nation"), "month_change"), 1);
        end(&world, "university", "college").expect(200);
        assert_eq!(waiting(&world.admin("university"), "appointment"), 1);
    }
}
