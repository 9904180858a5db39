//! People whom the service does not know yet, and what becomes of their account when they become members (O5, X2, I-04).

use super::{NOW, bearing, text};
use crate::external::{INBOUND, country, going_to, page, place, system};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use serde_json::{Value, json};

/// A number that no table knows.
const NUMBER: &str = "11010519491231002X";
const PASSWORD: &str = "correct horse battery";

fn appoint(world: &World, by: &str, organization: &str, name: &str) -> Answer {
    let path = format!("/v1/organizations/{}/appointments", world.org(organization));
    world
        .admin(by)
        .write(&path, &json!({"name": name, "id_number": NUMBER}))
}

fn decide(world: &World, by: &str, request: &Value, verdict: &str, body: &Value) -> Answer {
    let path = format!("/v1/appointment-requests/{}/{verdict}", text(request, "id"));
    world
        .admin(by)
        .decide(&path, request["version"].as_i64().expect("a version"), body)
}

/// Sets a password with a one-time code for the holder of an office.
fn set_password(world: &World, by: &str, office: &str) {
    let code = world
        .admin(by)
        .write(&format!("/v1/appointments/{office}/reset-code"), &json!({}));
    let body = json!({"id_number": NUMBER, "code": code.expect(201).json()["code"], "new_password": PASSWORD});
    world.anybody().post("/v1/auth/reset", &body).expect(204);
}

fn sign_in(world: &World, office: Option<&str>) -> Answer {
    let body = json!({"id_number": NUMBER, "password": PASSWORD, "office": office});
    world.anybody().post("/v1/auth/sign-in", &body)
}

/// Makes 张三 the administrator of the village, signed in from that office.
fn village_head(world: &World) -> (Client, Value) {
    let office = appoint(world, "township", "village", "张三").expect(201).json();
    let office = text(&office["appointment"], "id").to_owned();
    set_password(world, "township", &office);
    let signed_in = sign_in(world, Some(&office)).expect(200).json();
    (bearing(&world.anybody(), &signed_in), signed_in)
}

fn waiting(client: &Client) -> usize {
    page(client, "/v1/inbox?kind=approval_in")["items"]
        .as_array()
        .expect("items")
        .len()
}

both_engines! {
    fn nobody_has_an_account_before_their_appointment_takes_effect(db: TestDb) {
        let world = World::new(db, NOW);
        let before = world.db.count("accounts");
        let asked = appoint(&world, "class_1", "class_1", "李四").expect(202).json()["request"].take();
        assert_eq!((text(&asked, "name"), asked.get("account_id")), ("李四", None));
        appoint(&world, "class_1", "class_1", "李四").refused(409, "appointment.request_open");
        let refused = decide(&world, "college", &asked, "refuse", &json!({"reason": "查无此人"})).expect(200).json();
        assert_eq!((text(&refused, "name"), text(&refused, "state")), ("李四", "refused"));
        assert_eq!(world.db.count("accounts"), before);
        assert_eq!(world.db.count("appointment_requests WHERE id_number_sealed IS NOT NULL OR id_number_digest IS NOT NULL"), 0);
        // The wrong name keeps nobody out.
        let asked = appoint(&world, "class_1", "class_1", "张三").expect(202).json()["request"].take();
        let approved = decide(&world, "college", &asked, "approve", &json!({})).expect(200).json();
        assert_eq!(text(&approved, "state"), "approved");
        assert!(approved["account_id"].is_string(), "{approved}");
        assert_eq!(world.db.count("accounts"), before + 1);
        assert_eq!(world.db.count("appointment_requests WHERE id_number_sealed IS NOT NULL OR id_number_digest IS NOT NULL"), 0);
        let offices = page(&world.admin("college"), &format!("/v1/organizations/{}/appointments", world.org("class_1")));
        let office = offices["items"].as_array().expect("items").iter().find(|office| office["name"] == "张三").expect("an office");
        set_password(&world, "college", text(office, "id"));
        sign_in(&world, Some(text(office, "id"))).expect(200);
    }

    fn a_request_for_a_newcomer_lapses_when_the_superior_appoints_them(db: TestDb) {
        let world = World::new(db, NOW);
        let asked = appoint(&world, "class_1", "class_1", "张三").expect(202).json()["request"].take();
        appoint(&world, "college", "class_1", "张三").expect(201);
        let shown = page(&world.admin("college"), &format!("/v1/appointment-requests/{}", text(&asked, "id")));
        assert_eq!(shown["state"], "lapsed");
        assert_eq!(world.db.count("appointment_requests WHERE id_number_sealed IS NOT NULL"), 0);
    }

    fn a_number_is_not_kept_under_a_wrong_name(db: TestDb) {
        let world = World::new(db, NOW);
        let wrong = appoint(&world, "college", "class_1", "李四").expect(201).json();
        appoint(&world, "county", "employer", "张三").refused(404, "member.no_match");
        let path = format!("/v1/appointments/{}/end", text(&wrong["appointment"], "id"));
        world.admin("college").write(&path, &json!({})).expect(200);
        // Nobody ever signed in to it, and it opens nothing: it is the next person's who is named by this number.
        let right = appoint(&world, "county", "employer", "张三").expect(201).json();
        assert_eq!((text(&right["appointment"], "name"), &right["appointment"]["account_id"]), ("张三", &wrong["appointment"]["account_id"]));
    }

    fn x2_what_opened_an_account_before_its_owner_became_a_member_opens_it_no_more(db: TestDb) {
        let world = country(db, NOW);
        let (head, _) = village_head(&world);
        head.get("/v1/me").expect(200);
        let beijing = system(&world, "beijing");
        let case = place(beijing.write(INBOUND, &going_to(&world, "township", "张三", NUMBER)));
        world.admin("township").decide(&format!("{case}/approve"), 1, &json!({})).expect(200);
        let branch = json!({"branch": world.org("home")});
        world.admin("township").decide(&format!("{case}/assign"), 2, &branch).expect(200);
        assert_eq!(world.db.count("accounts WHERE name = '张三'"), 1);
        assert_eq!(world.db.count("accounts WHERE name = '张三' AND member_id IS NOT NULL AND password_hash IS NULL"), 1);
        assert_eq!(world.db.count("sessions WHERE ending = 'joined'"), 1);
        assert_eq!(world.db.count("audit_log WHERE action = 'account.joined'"), 1);
        head.get("/v1/me").refused(401, "request.unauthenticated");
        sign_in(&world, None).refused(401, "request.sign_in_failed");
    }

    fn i04_nobody_decides_a_case_about_themselves_before_they_are_a_member_or_after(db: TestDb) {
        let world = country(db, NOW);
        let (head, signed_in) = village_head(&world);
        let beijing = system(&world, "beijing");
        let case = place(beijing.write(INBOUND, &going_to(&world, "village", "张三", NUMBER)));
        assert_eq!((waiting(&head), waiting(&world.admin("village"))), (0, 1));
        head.decide(&format!("{case}/approve"), 1, &json!({})).refused(403, "transfer.self_approval");
        world.admin("village").decide(&format!("{case}/approve"), 1, &json!({})).expect(200);
        // The account is the member's now. Their next case is about themselves as well.
        let office = text(&signed_in, "office").to_owned();
        set_password(&world, "township", &office);
        let own = sign_in(&world, None).expect(200).json();
        let body = json!({"reason": "unsettled", "details": {"home_address": {"division_code": "420106", "text": "一号"}},
            "target": world.org("home")});
        let next = place(bearing(&world.anybody(), &own).write("/v1/transfers", &body));
        let head = bearing(&world.anybody(), &sign_in(&world, Some(&office)).expect(200).json());
        let refused = head.decide(&format!("{next}/approve"), 1, &json!({}));
        assert_ne!(refused.status, 200, "{}", refused.text);
        for fault in zhuanjie::repository::invariants::ALL.iter().filter(|fault| fault.number == "I-04") {
            let broken = fault.broken(&mut world.db.conn()).expect("the query runs");
            assert!(broken.is_empty(), "{}: {broken:?}", fault.holds);
        }
    }
}
