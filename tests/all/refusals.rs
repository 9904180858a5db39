//! Refusals that several operations share, each answered at every operation where the document lists it. Other tests
//! show such a refusal at one operation only.

use crate::external::{INBOUND, country, going_to, number, system};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::{PASSWORD, World};
use serde_json::{Value, json};
use zhuanjie::domain::core::ids::AppointmentId;
use zhuanjie::service::jobs::JobName;

const NOW: &str = "2026-03-02T02:00:00Z";

/// Texts that are not ID numbers, each with the code of its fault.
const BAD_NUMBERS: [(&str, &str); 3] = [
    ("1101051949123100", "member.id_number_malformed"),
    ("110105194912310021", "member.id_number_check_digit"),
    ("440524188001010014", "member.id_number_birth_date"),
];

fn close(world: &World, name: &str) {
    let key = world.org_key(name);
    world
        .db
        .execute(&format!("UPDATE organizations SET status = 'closed' WHERE id = {key}"));
}

fn office(world: &World, name: &str, what: &str) -> String {
    format!("/v1/appointments/{}/{what}", AppointmentId(world.officer_key(name)))
}

/// A proposal for a transfer to the township, for a person by full name and ID number.
fn proposal(world: &World, name: &str, number: &str) -> Value {
    json!({
        "member": {"name": name, "id_number": number}, "reason": "unsettled", "target": world.org("township"),
        "details": {"home_address": {"division_code": "420106", "text": "珞喻路1号"}},
    })
}

fn appoint(world: &World, by: &Client, body: &Value) -> Answer {
    by.write(
        &format!("/v1/organizations/{}/appointments", world.org("class_1")),
        body,
    )
}

both_engines! {
    fn what_is_no_id_number_is_refused_wherever_one_is_given(db: TestDb) {
        let world = country(db, NOW);
        let (beijing, township, college) = (system(&world, "beijing"), world.admin("township"), world.admin("college"));
        for (number, code) in BAD_NUMBERS {
            let person = json!({"name": "张三", "id_number": number});
            let mut inbound = going_to(&world, "village", "张三", &crate::external::number(1));
            inbound["person"]["id_number"] = json!(number);
            township.post("/v1/members/look-up", &person).refused(422, code);
            township.post("/v1/transfers/preview", &proposal(&world, "张三", number)).refused(422, code);
            township.write("/v1/transfers", &proposal(&world, "张三", number)).refused(422, code);
            appoint(&world, &college, &person).refused(422, code);
            beijing.post(&format!("{INBOUND}/preview"), &inbound).refused(422, code);
            beijing.write(INBOUND, &inbound).refused(422, code);
        }
        assert_eq!(world.db.count("transfers"), 0);
    }

    fn t4_no_operation_finds_a_person_who_was_looked_up_too_often(db: TestDb) {
        let world = country(db, NOW);
        let (beijing, number) = (system(&world, "beijing"), world.id_number("class_1/1"));
        let wanted = json!({"name": "class_1/1", "id_number": number});
        for _ in 0..20 {
            world.admin("township").post("/v1/members/look-up", &wanted).expect(200);
        }
        appoint(&world, &world.admin("college"), &wanted).refused(429, "rate_limited");
        let inbound = going_to(&world, "village", "class_1/1", &number);
        beijing.post(&format!("{INBOUND}/preview"), &inbound).refused(429, "rate_limited");
        beijing.write(INBOUND, &inbound).refused(429, "rate_limited");
    }

    fn o3_a_closed_organization_takes_no_change(db: TestDb) {
        let world = World::new(db, NOW);
        let refused = |answer: Answer| answer.refused(409, "organization.closed");
        close(&world, "class_1");
        close(&world, "employer");
        let college = world.admin("college");
        refused(appoint(&world, &college, &json!({"member": world.mem("class_2/1")})));
        let mark = json!({"branch": world.org("class_1"), "month": "2026-07"});
        refused(college.write("/v1/graduation-marks", &json!({"mode": "all_or_nothing", "items": [mark]})));
        let contact = json!({"name": "张三"});
        refused(college.decide(&format!("/v1/organizations/{}/contact", world.org("class_1")), 0, &contact));
        let branch = json!({"parent": world.org("employer"), "kind": "branch", "sector": "enterprise", "name": "二车间团支部"});
        refused(world.admin("employer").write("/v1/organizations", &branch));
        let credential = json!({"name": "企业系统", "organization": world.org("employer")});
        refused(world.admin("nation").post("/v1/integrators", &credential));
    }

    fn nobody_blocks_or_unblocks_their_own_account(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint("class_1/1", "class_1");
        let own = world.admin("class_1/1");
        let path = |what: &str| format!("/v1/members/{}/{what}", world.mem("class_1/1"));
        own.write(&path("block"), &json!({"reason": "账号被盗"})).refused(403, "account.block_oneself");
        own.write(&path("unblock"), &json!({})).refused(403, "account.block_oneself");
        world.admin("nation").write(&office(&world, "nation", "unblock"), &json!({})).refused(403, "account.block_oneself");
    }

    fn an_office_is_blocked_once_and_not_after_its_end(db: TestDb) {
        let world = World::new(db, NOW);
        let (college, reason) = (world.admin("college"), json!({"reason": "账号被盗"}));
        college.write(&office(&world, "class_1", "block"), &reason).expect(200);
        college.write(&office(&world, "class_1", "block"), &reason).refused(409, "account.blocked_already");
        college.write(&office(&world, "class_2", "end"), &json!({})).expect(200);
        college.write(&office(&world, "class_2", "unblock"), &json!({})).refused(409, "appointment.ended");
        college.write(&office(&world, "class_2", "reset-code"), &json!({})).refused(409, "appointment.ended");
    }

    fn a10_an_office_has_at_most_one_open_request_to_end_it(db: TestDb) {
        let world = World::new(db, NOW);
        let class = world.admin("class_1");
        let asked = class.write(&office(&world, "class_1", "end"), &json!({})).expect(202).json();
        class.write(&office(&world, "class_1", "end"), &json!({})).refused(409, "appointment.request_open");
        let path = |verdict: &str| format!("/v1/appointment-requests/{}/{verdict}", asked["request"]["id"].as_str().expect("an id"));
        let (college, reason) = (world.admin("college"), json!({"reason": "任期未满"}));
        college.decide(&path("refuse"), 1, &reason).expect(200);
        college.decide(&path("refuse"), 2, &reason).refused(409, "appointment.request_not_open");
        let nobody = zhuanjie::domain::core::ids::MemberId(987_654).to_string();
        appoint(&world, &college, &json!({"member": nobody})).refused(404, "member.not_found");
    }

    fn nobody_decides_what_they_asked_for(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.db.execute("UPDATE members SET joined_month = 202105, certification = 'not_uploaded'");
        let class = world.admin("class_1");
        let asked = class.write(&office(&world, "class_1", "end"), &json!({})).expect(202).json();
        let form = format!("/v1/members/{}/certification", world.mem("class_1/1"));
        let form = class.request("POST", &form).header("content-type", "application/pdf").header("idempotency-key", "form");
        let form = form.body(b"%PDF-1.7\n<</Type/Page>>\nstartxref\n9\n%%EOF\n".to_vec()).send().expect(201).json();
        // The proposer becomes the second administrator of the organization that decides.
        world.appoint("class_1", "college");
        let own = world.admin("class_1");
        let request = format!("/v1/appointment-requests/{}", asked["request"]["id"].as_str().expect("an id"));
        let form = format!("/v1/certifications/{}", form["id"].as_str().expect("an id"));
        for (path, code) in [(&request, "appointment.self_approval"), (&form, "certification.self_approval")] {
            own.decide(&format!("{path}/approve"), 1, &json!({})).refused(403, code);
            own.decide(&format!("{path}/refuse"), 1, &json!({"reason": "不"})).refused(403, code);
        }
        world.admin("college").decide(&format!("{form}/approve"), 1, &json!({})).expect(200);
        world.admin("college").decide(&format!("{form}/approve"), 2, &json!({})).refused(409, "certification.not_waiting");
    }

    fn g7_a_month_change_is_decided_once_and_not_by_its_proposer(db: TestDb) {
        let mut world = World::new(db, NOW);
        let mark = json!({"branch": world.org("class_1"), "month": "2026-07"});
        world.admin("college").write("/v1/graduation-marks", &json!({"mode": "all_or_nothing", "items": [mark]})).expect(200);
        world.at("2026-05-31T16:00:00Z");
        world.run(JobName::YearlySwitch, "2026-05-31T16:00:00Z");
        let change = json!({"branch": world.org("class_1"), "month": "2026-08", "reason": "学制延长"});
        let change = world.admin("college").write("/v1/month-changes", &change).expect(201).json();
        let (id, version) = (change["id"].as_str().expect("an id"), change["version"].as_i64().expect("a version"));
        let path = |verdict: &str| format!("/v1/month-changes/{id}/{verdict}");
        world.appoint("college", "province");
        let reason = json!({"reason": "不"});
        world.admin("college").decide(&path("refuse"), version, &reason).refused(403, "graduation.self_approval");
        world.admin("province").decide(&path("approve"), version, &json!({})).expect(200);
        world.admin("province").decide(&path("approve"), version + 1, &json!({})).refused(409, "graduation.no_open_request");
    }

    fn m6_marks_are_undone_once_for_each_member_and_only_if_there_is_one(db: TestDb) {
        let world = World::new(db, NOW);
        let undo = |members: &[&str]| {
            let items: Vec<Value> = members.iter().map(|name| json!({"member": world.mem(name)})).collect();
            world.admin("college").write("/v1/member-marks/undo", &json!({"mode": "all_or_nothing", "items": items}))
        };
        undo(&["class_1/1", "class_1/1"]).refused(422, "batch.item_twice");
        undo(&["class_1/1"]).refused(409, "mark.not_marked");
    }

    fn o3_a_new_name_has_two_characters_at_least(db: TestDb) {
        let world = World::new(db, NOW);
        let path = format!("/v1/organizations/{}/rename", world.org("class_1"));
        for name in ["", "  ", "班"] {
            world.admin("college").decide(&path, 1, &json!({"name": name})).refused(422, "organization.name_required");
        }
    }

    fn a_season_without_a_policy_has_no_history_and_takes_none(db: TestDb) {
        let world = World::new(db, NOW);
        let nation = world.admin("nation");
        nation.get("/v1/policies/1999/history").refused(404, "policy.not_found");
        let mut policy = nation.get("/v1/policies/2026").expect(200).json();
        policy["season"] = json!(1999);
        let put = nation.request("PUT", "/v1/policies/1999").header("if-match", "*").json(&policy);
        put.send().refused(404, "policy.not_found");
    }

    fn an_office_of_somebody_else_is_none_to_sign_in_to(db: TestDb) {
        let world = World::new(db, NOW);
        let body = json!({
            "id_number": world.id_number("class_1/1"), "password": PASSWORD,
            "office": AppointmentId(world.officer_key("college")).to_string(),
        });
        world.anybody().post("/v1/auth/sign-in", &body).refused(403, "request.no_such_office");
    }

    fn t5_inbound_proposals_are_checked_like_any_other(db: TestDb) {
        let world = country(db, NOW);
        let beijing = system(&world, "beijing");
        let sent = |change: &dyn Fn(&mut Value)| {
            let mut body = going_to(&world, "village", "张三", &number(1));
            change(&mut body);
            beijing.write(INBOUND, &body)
        };
        sent(&|body| body["details"]["home_address"]["text"] = json!("")).refused(422, "transfer.field_required");
        sent(&|body| body["details"]["employer_name"] = json!("某单位")).refused(422, "transfer.field_not_allowed");
        sent(&|body| body["details"]["home_address"]["division_code"] = json!("4201")).refused(422, "transfer.address_not_detailed");
        sent(&|body| body["details"]["home_address"]["division_code"] = json!("999999")).refused(422, "division.unknown");
        sent(&|body| body["person"]["joined_month"] = json!("2017-02")).refused(422, "member.joined_too_young");
        close(&world, "village");
        sent(&|_| ()).refused(422, "transfer.target_closed");
    }
}
