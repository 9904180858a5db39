//! X2: transfers from one of the three provinces.

use super::{
    INBOUND, address, country, events, going_to, issue, listed, number, page, place, signed_in, system, to_beijing,
};
use crate::support::both_engines;
use crate::support::http::Client;
use crate::support::world::World;
use serde_json::{Value, json};
use std::thread;
use zhuanjie::domain::core::id_number::IdNumber;

const NOW: &str = "2026-09-07T02:00:00Z";

fn propose(world: &World, client: &Client, target: &str, name: &str, number: &str) -> String {
    place(client.write(INBOUND, &going_to(world, target, name, number)))
}

fn decide(client: &Client, case: &str, action: &str, body: &Value) -> Value {
    let version = page(client, case)["version"].as_i64().expect("a version");
    client
        .decide(&format!("{case}/{action}"), version, body)
        .expect(200)
        .json()
}

fn look_up(world: &World, name: &str, number: &str) -> Value {
    let body = json!({"name": name, "id_number": number});
    world.admin("employer").post("/v1/members/look-up", &body).json()
}

fn member(world: &World, case: &str) -> Value {
    let nation = world.admin("nation");
    let id = page(&nation, case)["member_id"].as_str().expect("a member").to_owned();
    page(&nation, &format!("/v1/members/{id}"))
}

both_engines! {
    fn x2_a_case_from_beijing_is_approved_and_the_person_becomes_a_member(db: TestDb) {
        let world = country(db, NOW);
        let (beijing, number) = (system(&world, "beijing"), number(1));
        let preview = beijing.post(&format!("{INBOUND}/preview"), &going_to(&world, "village", "张三", &number)).expect(200).json();
        assert_eq!((&preview["may_be_proposed"], &preview["route"][0]["duty"]), (&json!(true), &json!("approval_in")));
        assert_eq!(world.db.count("transfers"), 0);
        let case = propose(&world, &beijing, "village", "张三", &number);
        let shown = page(&world.admin("village"), &case);
        assert!(shown.get("member_id").is_none());
        assert_eq!(
            (&shown["state"], &shown["source"]["province"], &shown["source"]["name"], &shown["member_name"]),
            (&json!("awaiting_approval"), &json!(11), &json!("beijing"), &json!("张三"))
        );
        assert_eq!(look_up(&world, "张三", &number)["code"], "member.no_match", "not a member yet");
        assert_eq!(decide(&world.admin("village"), &case, "approve", &json!({}))["state"], "completed");

        let member = member(&world, &case);
        assert_eq!((&member["name"], &member["branch"]["id"]), (&json!("张三"), &json!(world.org("village"))));
        assert_eq!((&member["standing"], &member["certification"]), (&json!("good"), &json!("certified")));
        let place = &member["memberships"][0];
        assert_eq!((&place["since"], &place["transfer_id"]), (&json!(NOW), &json!(&case["/v1/transfers/".len()..])));
        assert_eq!(look_up(&world, "张三", &number)["organization"]["id"], json!(world.org("village")));
        let members = page(&world.admin("village"), &format!("/v1/organizations/{}/members", world.org("village")));
        assert!(members.to_string().contains("张三"));
        assert_eq!(events(&beijing, &case), ["proposed", "approved"]);
        assert_eq!(world.db.number("SELECT count(*) AS value FROM inbound_persons WHERE open"), 0);
        assert_eq!(world.db.count("inbox_entries"), 0);
        // The person is now a member like any other. The branch proposes their next transfer.
        beijing.write(INBOUND, &going_to(&world, "village", "张三", &number)).refused(409, "transfer.inbound_member_exists");
        let next = json!({
            "member": {"id": member["id"]}, "reason": "employed_with_league", "target": world.org("workshop"),
            "details": {"employer_name": "某单位", "employer_address": address("420106")},
        });
        world.admin("village").write("/v1/transfers", &next).expect(201);
    }

    fn x2_a_committee_approves_and_assigns(db: TestDb) {
        let world = country(db, NOW);
        let (beijing, number) = (system(&world, "beijing"), number(1));
        let mut body = going_to(&world, "township", "张三", &number);
        body["person"]["joined_month"] = json!("2019-12");
        body["person"]["development_number"] = json!("201900000001");
        let case = place(beijing.write(INBOUND, &body));
        let township = world.admin("township");
        assert_eq!(decide(&township, &case, "approve", &json!({}))["state"], "awaiting_assignment");
        let elsewhere = json!({"branch": world.org("workshop")});
        township.decide(&format!("{case}/assign"), 2, &elsewhere).refused(422, "assignment.branch_out_of_scope");
        decide(&township, &case, "assign", &json!({"branch": world.org("village")}));
        let member = member(&world, &case);
        assert_eq!(member["branch"]["id"], json!(world.org("village")));
        assert_eq!(member["certification"], "not_required", "developed before 2020");
    }

    fn x2_a_member_who_had_moved_out_becomes_a_member_again(db: TestDb) {
        let world = country(db, NOW);
        let beijing = system(&world, "beijing");
        let out = to_beijing(&world, "class_1/1");
        let number = world.id_number("class_1/1");
        beijing.decide(&format!("{out}/accept-external"), 1, &json!({})).expect(200);
        beijing.write(INBOUND, &going_to(&world, "village", "别人", &number)).refused(404, "member.no_match");
        let case = propose(&world, &beijing, "village", "class_1/1", &number);
        assert_eq!(page(&world.person("class_1/1"), &case)["state"], "awaiting_approval", "the member sees the case");
        world.at("2026-09-08T02:00:00Z");
        decide(&world.admin("village"), &case, "approve", &json!({}));
        let member = member(&world, &case);
        assert_eq!(member["id"], json!(world.mem("class_1/1")));
        assert_eq!((&member["standing"], &member["branch"]["id"]), (&json!("good"), &json!(world.org("village"))));
        let places: Vec<_> = member["memberships"].as_array().expect("places").iter()
            .map(|place| (place["branch_name"].clone(), place["until"].clone()))
            .collect();
        assert_eq!(places, [(json!("class_1"), json!(NOW)), (json!("village"), json!(null))]);
        let phone = format!("SELECT count(*) AS value FROM members WHERE phone_sealed IS NOT NULL AND id = {}", world.mem_key("class_1/1"));
        assert_eq!(world.db.number(&phone), 1, "the telephone of the proposal is stored");
        world.person("class_1/1").get("/v1/me").expect(200);
    }

    fn x2_a_member_here_can_not_be_proposed_from_outside(db: TestDb) {
        let world = country(db, NOW);
        let beijing = system(&world, "beijing");
        // The answer is the same with any name. It reveals only that the person is a member.
        for name in ["class_1/2", "别人"] {
            let body = going_to(&world, "village", name, &world.id_number("class_1/2"));
            beijing.write(INBOUND, &body).refused(409, "transfer.inbound_member_exists");
            let preview = beijing.post(&format!("{INBOUND}/preview"), &body).expect(200).json();
            assert_eq!(preview["blocking"][0]["code"], "transfer.inbound_member_exists");
            assert_eq!(preview["blocking"].as_array().map(Vec::len), Some(1));
        }
        world.db.execute(&format!("UPDATE members SET standing = 'expelled' WHERE id = {}", world.mem_key("class_1/3")));
        let expelled = going_to(&world, "village", "class_1/3", &world.id_number("class_1/3"));
        beijing.write(INBOUND, &expelled).refused(409, "transfer.member_not_active");
        assert_eq!((world.db.count("transfers"), world.db.count("inbound_persons")), (0, 0));
        assert_eq!(world.db.number("SELECT count(*) AS value FROM look_ups"), 5, "each attempt is recorded");
    }

    fn x2_t2_one_open_case_for_each_person_whichever_system_proposes(db: TestDb) {
        let world = country(db, NOW);
        let clients = [system(&world, "beijing"), system(&world, "guangdong"), system(&world, "beijing")];
        let body = going_to(&world, "village", "张三", &number(1));
        let answers: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = (0..9)
                .map(|i| (&clients[i % 3], &body))
                .map(|(client, body)| scope.spawn(move || client.write(INBOUND, body)))
                .collect();
            running.into_iter().map(|one| one.join().expect("an answer")).collect()
        });
        let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![201], vec![409; 8]].concat());
        for answer in answers.into_iter().filter(|answer| answer.status == 409) {
            let answer = answer.refused(409, "transfer.already_open").json();
            assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains("trf_")), "the refusal names the first case: {answer}");
        }
        assert_eq!((world.db.count("transfers"), world.db.count("inbound_persons")), (1, 1));
    }

    fn x2_t10_the_province_s_system_withdraws_and_may_propose_again(db: TestDb) {
        let world = country(db, NOW);
        let (beijing, number) = (system(&world, "beijing"), number(1));
        let case = propose(&world, &beijing, "village", "张三", &number);
        let withdraw = format!("{case}/withdraw");
        system(&world, "guangdong").decide(&withdraw, 1, &json!({})).refused(404, "transfer.not_found");
        world.admin("village").decide(&withdraw, 1, &json!({})).refused(403, "transfer.not_yours_to_cancel");
        // Another credential of the same province belongs to the same side.
        decide(&system(&world, "beijing"), &case, "withdraw", &json!({}));
        let case = propose(&world, &beijing, "village", "张三", &number);
        decide(&world.admin("village"), &case, "refuse", &json!({"reason": "信息错误"}));
        let case = propose(&world, &beijing, "village", "张三", &number);
        decide(&world.admin("beijing"), &case, "withdraw", &json!({}));
        assert_eq!(world.db.number("SELECT count(*) AS value FROM inbound_persons WHERE open"), 0);
        assert_eq!(look_up(&world, "张三", &number)["code"], "member.no_match");
    }

    fn x2_only_a_province_s_system_proposes_from_outside(db: TestDb) {
        let world = country(db, NOW);
        let body = going_to(&world, "village", "张三", &number(1));
        for client in [world.admin("beijing"), world.admin("nation"), world.person("class_1/1")] {
            client.write(INBOUND, &body).refused(403, "transfer.inbound_not_allowed");
        }
        for organization in ["railway", "university"] {
            system(&world, organization).write(INBOUND, &body).refused(403, "integrator.scope_missing");
        }
        world.anybody().write(INBOUND, &body).refused(401, "request.unauthenticated");
        let ordinary = json!({"reason": "unsettled", "details": {}, "target": world.org("village")});
        system(&world, "beijing").write("/v1/transfers", &ordinary).refused(403, "actor.not_administrator");
    }

    fn x2_the_rules_of_target_and_reason_apply_and_all_errors_are_reported(db: TestDb) {
        let world = country(db, NOW);
        let beijing = system(&world, "beijing");
        let try_with = |change: fn(&mut Value, &World)| {
            let mut body = going_to(&world, "village", "张三", &number(1));
            change(&mut body, &world);
            beijing.write(INBOUND, &body)
        };
        try_with(|body, world| body["target"] = json!(world.org("beijing_branch"))).refused(422, "transfer.target_other_system");
        try_with(|body, world| body["target"] = json!(world.org("county"))).refused(422, "transfer.target_leading_organ");
        try_with(|body, world| body["target"] = json!(world.org("workshop"))).refused(422, "transfer.target_not_allowed_for_reason");
        try_with(|body, world| body["target"] = json!(world.org("holding"))).refused(404, "organization.not_found");
        try_with(|body, _| body["target"] = Value::Null).refused(422, "transfer.target_required");
        try_with(|body, _| body["details"] = json!({})).refused(422, "transfer.field_required");
        try_with(|body, _| body["person"]["id_number"] = json!("110108200503040012")).refused(422, "member.id_number_check_digit");
        try_with(|body, _| body["person"]["joined_month"] = json!("2026-10")).refused(422, "member.joined_in_future");
        try_with(|body, _| body["person"]["phone"] = json!("1380000004")).refused(422, "member.phone");
        try_with(|body, _| body["person"]["ethnic_group"] = json!("x")).refused(422, "member.ethnic_group");
        try_with(|body, _| body["person"]["political_status"] = json!("团员")).refused(422, "member.political_status");
        try_with(|body, _| body["person"]["development_number"] = json!("2021")).refused(422, "member.development_number");
        try_with(|body, _| body["person"]["development_number"] = Value::Null).refused(422, "member.development_number_required");
        try_with(|body, _| body["person"]["development_number"] = json!("202000000001"))
            .refused(422, "member.development_number_year");
        try_with(|body, _| body["person"]["name"] = json!("<b>张三</b>")).refused(422, "request.text");
        try_with(|body, _| body["person"]["name"] = json!("张\u{200b}三")).refused(422, "request.text");
        try_with(|body, _| body["person"]["name"] = json!(" ")).refused(422, "request.invalid");
        try_with(|body, _| body["person"]["phone"] = json!("1".repeat(33))).refused(422, "request.invalid");
        try_with(|body, _| body["person"]["standing"] = json!("good")).refused(422, "request.invalid");
        let both = try_with(|body, _| {
            body["target"] = Value::Null;
            body["details"] = json!({});
        });
        assert_eq!(both.json()["errors"].as_array().map(Vec::len), Some(2), "{}", both.text);
        assert_eq!((world.db.count("transfers"), world.db.count("inbound_persons")), (0, 0));
        try_with(|body, _| {
            body["person"]["joined_month"] = json!("2026-09");
            body["person"]["development_number"] = json!("202600000001");
        }).expect(201);
    }

    fn x2_t9_somebody_under_16_who_leaves_the_school_sector_needs_an_explanation(db: TestDb) {
        let world = country(db, NOW);
        let beijing = system(&world, "beijing");
        let born = "2011-03-04".parse().expect("a day");
        let young = IdNumber::compose(110108, born, 12).expect("a number");
        let mut body = going_to(&world, "village", "张三", young.reveal());
        body["person"]["joined_month"] = json!("2025-09");
        body["person"]["development_number"] = json!("202500000001");
        beijing.write(INBOUND, &body).refused(422, "transfer.explanation_required");
        let preview = beijing.post(&format!("{INBOUND}/preview"), &body).expect(200).json();
        assert_eq!(preview["blocking"][0]["code"], "transfer.explanation_required");
        body["explanation"] = json!("随家长返乡");
        let case = place(beijing.write(INBOUND, &body));
        assert_eq!(page(&world.admin("village"), &case)["explanation"], "随家长返乡");
    }

    fn x2_a_development_number_belongs_to_one_member(db: TestDb) {
        let world = country(db, NOW);
        let beijing = system(&world, "beijing");
        // Two persons with the same development number may both be proposed. The second case can not be completed, but
        // can still be refused.
        let claiming = |serial: u16| {
            let mut body = going_to(&world, "village", "张三", &number(serial));
            body["person"]["development_number"] = json!("202100010001");
            body
        };
        let cases = [1, 2].map(|serial| place(beijing.write(INBOUND, &claiming(serial))));
        let village = world.admin("village");
        decide(&village, &cases[0], "approve", &json!({}));
        village.decide(&format!("{}/approve", cases[1]), 1, &json!({})).refused(409, "member.development_number_taken");
        assert_eq!(page(&village, &cases[1])["state"], "awaiting_approval");
        decide(&village, &cases[1], "refuse", &json!({"reason": "信息错误"}));
        let third = beijing.write(INBOUND, &claiming(3)).refused(409, "member.development_number_taken");
        assert_eq!(third.json()["errors"][0]["pointer"], "/person/development_number");
    }

    fn x2_lists_show_a_case_to_both_sides_and_to_nobody_else(db: TestDb) {
        let world = country(db, NOW);
        let credential = issue(&world, "beijing");
        let beijing = signed_in(&world, &credential);
        let inbound = propose(&world, &beijing, "village", "张三", &number(1));
        let outbound = to_beijing(&world, "class_1/1");
        let of = |who: &str, side: &str| listed(&world.admin(who), &format!("side={side}"));
        let none = Vec::<String>::new();
        assert_eq!((of("village", "in"), of("village", "out")), (vec![inbound.clone()], none.clone()));
        assert_eq!((of("beijing", "in"), of("beijing", "out")), (vec![outbound.clone()], vec![inbound.clone()]));
        assert_eq!((of("university", "in"), of("university", "out")), (none.clone(), vec![outbound.clone()]));
        assert_eq!((of("guangdong", "in"), of("guangdong", "out")), (none.clone(), none.clone()));
        let mut nation = of("nation", "in");
        nation.sort();
        let mut both = vec![inbound.clone(), outbound.clone()];
        both.sort();
        assert_eq!(nation, both);
        assert_eq!(of("nation", "out").len(), 2);
        assert_eq!((listed(&beijing, "side=in"), listed(&beijing, "side=out")), (vec![outbound], vec![inbound.clone()]));
        let guangdong = system(&world, "guangdong");
        assert_eq!((listed(&guangdong, "side=in"), listed(&guangdong, "side=out")), (none.clone(), none));
        guangdong.get(&inbound).refused(404, "transfer.not_found");
        world.admin("class_1").get(&inbound).refused(404, "transfer.not_found");
        world.admin("guangdong").get(&inbound).refused(404, "transfer.not_found");
    }

    fn x2_the_same_key_gives_the_same_answer(db: TestDb) {
        let world = country(db, NOW);
        let beijing = system(&world, "beijing");
        let body = going_to(&world, "village", "张三", &number(1));
        let first = beijing.write_with("once", INBOUND, &body).expect(201);
        let again = beijing.write_with("once", INBOUND, &body).expect(201);
        assert_eq!((&first.text, again.header("idempotent-replayed")), (&again.text, Some("true")));
        assert_eq!(world.db.count("transfers"), 1);
    }
}
