//! Nobody opens an account that holds an office they are not above: one-time codes, appointments of people from elsewhere,
//! and the second administrator (O5, API5).

use super::{NOW, sign_in, text};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use serde_json::{Value, json};
use zhuanjie::domain::core::ids::AppointmentId;
use zhuanjie::domain::office::OfficeRole;

const NEW: &str = "a new password";
const STRANGER: &str = "11010519491231002X";

/// Asks for a code of a member.
fn member_code(world: &World, by: &str, member: &str) -> Answer {
    let path = format!("/v1/members/{}/reset-code", world.mem(member));
    world.admin(by).write(&path, &json!({}))
}

/// Asks for a code of the holder of an office.
fn office_code(world: &World, by: &str, officer: &str) -> Answer {
    let path = format!(
        "/v1/appointments/{}/reset-code",
        AppointmentId(world.officer_key(officer))
    );
    world.admin(by).write(&path, &json!({}))
}

/// Appoints somebody by name and number.
fn appoint(world: &World, by: &str, organization: &str, person: &str) -> Answer {
    let path = format!("/v1/organizations/{}/appointments", world.org(organization));
    world
        .admin(by)
        .write(&path, &json!({"name": person, "id_number": world.id_number(person)}))
}

/// What somebody is offered, as they see it.
fn offers(client: &Client) -> Vec<Value> {
    let me = client.get("/v1/me").expect(200).json();
    me["offers"].as_array().cloned().unwrap_or_default()
}

fn answer(client: &Client, offer: &Value, what: &str) -> Answer {
    let path = format!("/v1/appointment-requests/{}/{what}", text(offer, "id"));
    client.decide(&path, offer["version"].as_i64().expect("a version"), &json!({}))
}

fn reset(world: &World, person: &str, code: &str) -> Answer {
    let body = json!({"id_number": world.id_number(person), "code": code, "new_password": NEW});
    world.anybody().post("/v1/auth/reset", &body)
}

const NOT_ALLOWED: (u16, &str) = (403, "account.reset_not_allowed");

both_engines! {
    fn o5_api5_a_college_does_not_become_the_nation(db: TestDb) {
        let mut world = World::new(db, NOW);
        // It appoints the nation's administrator at home, and would issue a code at once.
        let asked = appoint(&world, "college", "class_1", "nation").expect(202).json();
        assert_eq!(asked["request"]["state"], "awaiting_consent");
        assert_eq!(world.db.count("appointments WHERE ended_at IS NULL AND account_id = (SELECT id FROM accounts WHERE name = 'nation')"), 1);
        assert_eq!(world.db.count("reset_codes"), 0);
        // Nor after they consented.
        let nation = world.person("nation");
        let offer = offers(&nation).remove(0);
        answer(&nation, &offer, "consent").expect(200);
        let held = world.admin("college").get(&format!("/v1/organizations/{}/appointments", world.org("class_1"))).expect(200).json();
        let held = held["items"].as_array().expect("items").iter().find(|office| office["name"] == "nation").expect("it has begun").clone();
        let path = format!("/v1/appointments/{}/reset-code", text(&held, "id"));
        for by in ["class_1", "college", "university", "province"] {
            let issued = world.admin(by).write(&path, &json!({}));
            issued.refused(NOT_ALLOWED.0, NOT_ALLOWED.1);
        }
        assert_eq!(world.db.count("reset_codes"), 0);
        sign_in(&world, "nation");
        // A fellow administrator of the nation is one of the two who may.
        world.appoint("a fellow", "nation");
        let path = format!("/v1/appointments/{}/reset-code", AppointmentId(world.officer_key("nation")));
        world.admin("a fellow").write(&path, &json!({})).expect(202);
        world.admin("nation").write(&path, &json!({})).refused(403, "account.reset_oneself");
        world.appoint("a third", "nation");
        let code = world.admin("a third").write(&path, &json!({})).expect(201).json();
        reset(&world, "nation", text(&code, "code")).expect(204);
    }

    fn o5_api5_a_class_does_not_become_the_college(db: TestDb) {
        let mut world = World::new(db, NOW);
        // A member of the class who holds an office at the college, and one who holds an office at the class.
        world.appoint("class_1/1", "college");
        world.appoint("class_1/2", "class_1");
        for (by, member) in [("class_1", "class_1/1"), ("college", "class_1/1"), ("class_1", "class_1/2")] {
            member_code(&world, by, member).refused(NOT_ALLOWED.0, NOT_ALLOWED.1);
            let block = format!("/v1/members/{}/block", world.mem(member));
            world.admin(by).write(&block, &json!({"reason": "试一试"})).refused(403, "account.block_not_allowed");
        }
        let items: Vec<String> = ["class_1/1", "class_1/2", "class_1/3"].iter().map(|name| world.mem(name)).collect();
        let batch = |by: &str| {
            let results = world.admin(by).post("/v1/members/reset-codes", &json!({"items": items})).expect(200).json();
            let results = results["results"].as_array().expect("items").clone();
            results.iter().map(|item| match item["errors"][0]["code"].as_str() {
                Some(code) => code.to_owned(),
                None => text(item, "status").to_owned(),
            }).collect::<Vec<_>>()
        };
        assert_eq!(batch("class_1"), [NOT_ALLOWED.1, NOT_ALLOWED.1, "done"]);
        // For an office at the branch the direct superior is enough.
        assert_eq!(batch("college"), [NOT_ALLOWED.1, "done", "done"]);
        // The college's officers get theirs from above, by two administrators.
        office_code(&world, "college", "class_1/1").refused(NOT_ALLOWED.0, NOT_ALLOWED.1);
        office_code(&world, "employer", "class_1/1").refused(404, "appointment.not_found");
        office_code(&world, "university", "class_1/1").expect(202);
        office_code(&world, "province", "class_1/1").expect(201);
    }

    fn o5_a_code_for_an_office_above_a_branch_needs_a_second_administrator_within_a_day(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint("a second", "university");
        let asked = office_code(&world, "university", "college").expect(202).json();
        assert_eq!(asked["second_administrator_until"], "2026-06-16T08:00:00Z");
        // Asking again makes nobody a second person.
        office_code(&world, "university", "college").expect(202);
        assert_eq!(world.db.count("reset_codes"), 0);
        world.at("2026-06-16T08:00:01Z");
        office_code(&world, "a second", "college").expect(202);
        let code = office_code(&world, "university", "college").expect(201).json();
        // Each code takes two again.
        office_code(&world, "university", "college").expect(202);
        assert_eq!(world.db.count("reset_codes"), 1);
        assert_eq!(world.db.count("audit_log WHERE action = 'reset_code.requested'"), 4);
        assert_eq!(world.db.count("audit_log WHERE action = 'reset_code.issued'"), 1);
        reset(&world, "college", text(&code, "code")).expect(204);
        // A member with such an office: the list refuses, the operation on one person asks for the second.
        world.appoint("class_1/1", "class_2");
        world.appoint("class_1/1", "county");
        let items = json!({"items": [world.mem("class_1/1")]});
        let results = world.admin("class_1").post("/v1/members/reset-codes", &items).expect(200).json();
        assert_eq!(results["results"][0]["errors"][0]["code"], NOT_ALLOWED.1);
    }

    fn o5_in_a_list_two_administrators_are_none(db: TestDb) {
        let mut world = World::new(db, NOW);
        // An office at the college, and a branch directly below the university.
        world.add_member("floating/9", "floating", "2004-05-06");
        world.appoint("floating/9", "college");
        let items = json!({"items": [world.mem("floating/9")]});
        let results = world.admin("university").post("/v1/members/reset-codes", &items).expect(200).json();
        assert_eq!(results["results"][0]["errors"][0]["code"], "account.second_administrator_required", "{results}");
        member_code(&world, "university", "floating/9").expect(202);
        // Nobody issues a code for themselves.
        world.appoint("class_1/1", "class_1");
        member_code(&world, "class_1/1", "class_1/1").refused(403, "account.reset_oneself");
    }

    fn o5_a_code_from_before_an_office_does_not_open_it(db: TestDb) {
        let world = World::new(db, NOW);
        let code = member_code(&world, "class_1", "class_1/1").expect(201).json();
        world.at("2026-06-15T09:00:00Z");
        let path = format!("/v1/organizations/{}/appointments", world.org("college"));
        world.admin("university").write(&path, &json!({"member": world.mem("class_1/1")})).expect(201);
        reset(&world, "class_1/1", text(&code, "code")).refused(422, "account.reset_code_invalid");
        sign_in(&world, "class_1/1");
    }

    fn a_stranger_takes_an_office_by_their_own_consent(db: TestDb) {
        let world = World::new(db, NOW);
        let administrators = || {
            let found = world.admin("college").get(&format!("/v1/organizations/{}/appointments", world.org("class_1")));
            found.expect(200).json()["items"].as_array().expect("items").len()
        };
        let asked = appoint(&world, "college", "class_1", "village/1").expect(202);
        let (place, asked) = (asked.header("location").expect("an address").to_owned(), asked.json());
        assert_eq!((administrators(), text(&asked["request"], "state")), (1, "awaiting_consent"));
        appoint(&world, "college", "class_1", "village/1").refused(409, "appointment.request_open");
        // Only the person answers.
        let person = world.person("village/1");
        let offer = offers(&person).remove(0);
        assert_eq!((text(&offer, "organization_name"), text(&offer, "role")), ("class_1", "administrator"));
        for other in [world.person("class_1/1"), world.admin("college"), world.admin("nation")] {
            answer(&other, &offer, "consent").refused(404, "appointment.request_not_found");
            assert!(offers(&other).is_empty());
        }
        let path = format!("/v1/appointment-requests/{}/consent", text(&offer, "id"));
        person.decide(&path, 7, &json!({})).refused(412, "request.stale");
        answer(&person, &offer, "consent").expect(200);
        assert_eq!(administrators(), 2);
        answer(&person, &offer, "consent").refused(409, "appointment.request_not_open");
        assert!(offers(&person).is_empty());
        assert_eq!(world.admin("college").get(&place).expect(200).json()["state"], "approved");
        // Somebody declines; somebody's offer is taken back; the organization may then ask again.
        appoint(&world, "college", "class_1", "village/2").expect(202);
        let person = world.person("village/2");
        let offer = offers(&person).remove(0);
        answer(&person, &offer, "decline").expect(200);
        answer(&person, &offer, "consent").refused(409, "appointment.request_not_open");
        appoint(&world, "college", "class_1", "village/2").expect(202);
        let offer = offers(&person).remove(0);
        let refuse = format!("/v1/appointment-requests/{}/refuse", text(&offer, "id"));
        world.admin("college").decide(&refuse, 1, &json!({"reason": "改派他人"})).expect(200);
        answer(&person, &offer, "consent").refused(409, "appointment.request_not_open");
        assert_eq!(administrators(), 2);
        for action in ["offered", "consented", "declined", "refused"] {
            assert!(world.db.count(&format!("audit_log WHERE action = 'appointment_request.{action}'")) >= 1, "{action}");
        }
    }

    fn an_approval_asks_a_person_from_outside_and_appoints_an_unknown_person_at_once(db: TestDb) {
        let world = World::new(db, NOW);
        let asked = appoint(&world, "class_1", "class_1", "village/1").expect(202).json();
        assert_eq!(asked["request"]["state"], "open");
        let path = format!("/v1/appointment-requests/{}/approve", text(&asked["request"], "id"));
        let decided = world.admin("college").decide(&path, 1, &json!({})).expect(200).json();
        assert_eq!(decided["state"], "awaiting_consent");
        world.admin("college").decide(&path, 2, &json!({})).refused(409, "appointment.request_not_open");
        let person = world.person("village/1");
        let offer = offers(&person).remove(0);
        answer(&person, &offer, "consent").expect(200);
        assert_eq!(sign_in(&world, "village/1")["offices"][0]["organization"]["name"], "class_1");
        // There is nothing of theirs to take over.
        let path = format!("/v1/organizations/{}/appointments", world.org("class_1"));
        world.admin("college").write(&path, &json!({"name": "张三", "id_number": STRANGER})).expect(201);
    }

    fn administrators_get_no_code_and_no_number_of_their_auditor(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("class_1/1", "university", OfficeRole::Auditor);
        let reveal = |by: &str, member: &str| {
            let path = format!("/v1/members/{}/reveal", world.mem(member));
            world.admin(by).write(&path, &json!({"fields": ["id_number"], "purpose": "核对学籍"}))
        };
        for by in ["class_1", "college"] {
            reveal(by, "class_1/1").refused(403, "member.reveal_not_allowed");
            reveal(by, "class_1/2").expect(200);
            member_code(&world, by, "class_1/1").refused(NOT_ALLOWED.0, NOT_ALLOWED.1);
        }
        office_code(&world, "university", "class_1/1").refused(NOT_ALLOWED.0, NOT_ALLOWED.1);
        // The auditor of another place is like anybody else.
        world.appoint_as("class_1/3", "employer", OfficeRole::Auditor);
        let path = format!("/v1/members/{}/reveal", world.mem("class_1/3"));
        world.admin("class_1").write(&path, &json!({"fields": ["id_number"], "purpose": "核对学籍"})).expect(200);
    }
}
