//! Proposal (§1.4, §2.2, §2.7, §2.8): rules T1 to T9 and T12, each with its success and its refusal.

use super::{No, SUMMER, about, named, no, not_proposed, proposal, propose, to_beijing, to_special_unit};
use crate::support::both_engines;
use crate::support::world::World;
use serde_json::{Value, json};
use zhuanjie::domain::core::time::Month;

fn set_member(world: &World, member: &str, what: &str) {
    let id = world.mem_key(member);
    world.db.execute(&format!("UPDATE members SET {what} WHERE id = {id}"));
}

fn set_organization(world: &World, name: &str, what: &str) {
    let id = world.org_key(name);
    world
        .db
        .execute(&format!("UPDATE organizations SET {what} WHERE id = {id}"));
}

fn joined(text: &str) -> String {
    let month: Month = text.parse().expect("a month");
    format!("joined_month = {}", month.as_number())
}

/// A refusal of the kind of caller, without a rule of the manual.
fn plain(status: u16, code: &str) -> No<'_> {
    No {
        status,
        code,
        rule: None,
        pointer: None,
        helper: None,
    }
}

both_engines! {
    fn t1_each_of_the_three_sides_may_start(db: TestDb) {
        let world = World::new(db, SUMMER);
        for (member, client, body, side) in [
            ("class_1/1", world.person("class_1/1"), proposal(&world, "unsettled", "village"), "member"),
            ("class_1/2", world.admin("college"), about(&world, "class_1/2", proposal(&world, "unsettled", "village")), "source"),
            ("class_1/3", world.admin("class_1"), about(&world, "class_1/3", proposal(&world, "unsettled", "village")), "source"),
            ("class_2/1", world.admin("village"), named(&world, "class_2/1", proposal(&world, "unsettled", "village")), "target"),
        ] {
            let answer = client.write("/v1/transfers", &body).expect(201);
            let case = answer.json();
            assert_eq!(case["started_by"], json!(side), "{member}");
            assert_eq!(case["member_id"], json!(world.mem(member)));
            assert_eq!(case["season"], json!(2026));
            assert_eq!(answer.header("location"), Some(format!("/v1/transfers/{}", case["id"].as_str().unwrap()).as_str()));
            assert_eq!(answer.header("etag"), Some("\"1\""));
        }
    }

    fn t1_nobody_proposes_for_members_outside_their_scope(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = about(&world, "class_1/1", proposal(&world, "unsettled", "village"));
        // Outside the caller's subtree, members do not exist (O6).
        for stranger in ["class_2", "employer", "village", "railway", "beijing"] {
            not_proposed(&world, &world.admin(stranger), &body, no(404, "member.not_found", "O6"));
        }
        not_proposed(&world, &world.person("class_1/2"), &body, no(403, "actor.not_administrator", "O6"));
        let own = proposal(&world, "unsettled", "village");
        not_proposed(&world, &world.admin("college"), &own, plain(403, "request.members_only"));
        let by_name = named(&world, "class_1/1", proposal(&world, "unsettled", "village"));
        not_proposed(&world, &world.person("class_1/2"), &by_name, no(403, "actor.not_administrator", "O6"));
    }

    fn t1_the_target_side_proposes_only_for_its_own_organizations(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = named(&world, "class_1/1", proposal(&world, "unsettled", "village"));
        let no = no(403, "transfer.target_out_of_scope", "T1").at("/target");
        for stranger in ["employer", "railway", "home"] {
            not_proposed(&world, &world.admin(stranger), &body, no);
        }
        propose(&world.admin("township"), &body);
    }

    fn t2_one_open_transfer_whichever_side_started_it(db: TestDb) {
        // 00:30 on 16 June in Shanghai.
        let world = World::new(db, "2026-06-15T16:30:00Z");
        let own = proposal(&world, "unsettled", "village");
        let open = propose(&world.person("class_1/1"), &own);
        world.at("2026-06-16T01:00:00Z");
        let no = no(409, "transfer.already_open", "T2");
        for (client, body) in [
            (world.person("class_1/1"), proposal(&world, "unsettled", "home")),
            (world.admin("college"), about(&world, "class_1/1", own.clone())),
            (world.admin("village"), named(&world, "class_1/1", own.clone())),
        ] {
            let said = not_proposed(&world, &client, &body, no);
            let detail = said["detail"].as_str().unwrap();
            assert!(detail.contains(&open.id), "which case: {detail}");
            assert!(detail.contains("started by the member on"), "by which side: {detail}");
            assert!(detail.contains("2026-06-16"), "when, in Shanghai: {detail}");
        }
        // Once it has ended, another may start.
        open.take(&world.person("class_1/1"), "withdraw", &json!({}));
        propose(&world.admin("college"), &about(&world, "class_1/1", own));
    }

    fn t3_members_of_2020_and_later_need_a_certified_identity(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        let client = world.person("class_1/1");
        let no = no(409, "transfer.identity_not_certified", "T3").ask("class_1");
        set_member(&world, "class_1/1", &joined("2020-01"));
        for certification in ["not_required", "not_uploaded", "waiting", "refused"] {
            set_member(&world, "class_1/1", &format!("certification = '{certification}'"));
            not_proposed(&world, &client, &body, no);
        }
        set_member(&world, "class_1/1", "certification = 'certified'");
        propose(&client, &body);
        // A member who joined a month earlier needs no certification. The real-name check under the name blocks
        // nothing.
        set_member(&world, "class_1/2", &joined("2019-12"));
        set_member(&world, "class_1/2", "certification = 'not_uploaded', real_name_check = 'failed'");
        propose(&world.person("class_1/2"), &body);
    }

    fn t4_anything_but_an_exact_match_gets_the_same_refusal(db: TestDb) {
        let world = World::new(db, SUMMER);
        let good = named(&world, "class_1/1", proposal(&world, "unsettled", "village"));
        let admin = world.admin("village");
        let no = no(404, "member.no_match", "T4");
        let mut answers = Vec::new();
        for (name, number) in [
            ("class_1/2", world.id_number("class_1/1")),
            ("class_1/1", world.id_number("class_1/2")),
            ("class_1/11", world.id_number("class_1/1")),
            ("nobody", world.id_number("college")),
            ("", world.id_number("class_1/1")),
        ] {
            let mut body = good.clone();
            body["member"] = json!({"name": name, "id_number": number});
            let mut said = not_proposed(&world, &admin, &body, no);
            said["request_id"] = Value::Null;
            answers.push(said);
        }
        assert!(answers.iter().all(|said| *said == answers[0]));
        propose(&admin, &good);
    }

    fn t5_each_reason_demands_its_fields(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        for (reason, target, fields) in [
            ("further_study", "school", &["destination_stage", "school_name", "school_address"][..]),
            ("employed_with_league", "workshop", &["employer_name", "employer_address"]),
            ("employed_without_league", "village", &["employer_name", "employer_address"]),
            ("unsettled", "village", &["home_address"]),
        ] {
            let good = proposal(&world, reason, target);
            for field in fields {
                let mut body = good.clone();
                body["details"].as_object_mut().unwrap().remove(*field);
                let pointer = format!("/details/{field}");
                not_proposed(&world, &client, &body, no(422, "transfer.field_required", "T5").at(&pointer));
            }
            let mut body = good.clone();
            body["details"] = json!({});
            let said = not_proposed(&world, &client, &body, no(422, "transfer.field_required", "T5").at(&format!("/details/{}", fields[0])));
            assert_eq!(said["errors"].as_array().unwrap().len(), fields.len(), "all at once: {said}");
            let mut body = good.clone();
            body.as_object_mut().unwrap().remove("target");
            not_proposed(&world, &client, &body, no(422, "transfer.target_required", "T5").at("/target"));
            let case = propose(&client, &good);
            case.take(&client, "withdraw", &json!({}));
        }
    }

    fn t5_fields_that_a_reason_does_not_ask_for_are_refused(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        let mut body = proposal(&world, "unsettled", "village");
        body["details"]["employer_name"] = json!("某公司");
        not_proposed(&world, &client, &body, no(422, "transfer.field_not_allowed", "T5").at("/details/employer_name"));
        for (text, code) in [("", "transfer.field_required"), ("\u{3000}", "transfer.field_required"), ("a\nb", "transfer.field_invalid")] {
            let mut body = proposal(&world, "employed_with_league", "workshop");
            body["details"]["employer_name"] = json!(text);
            not_proposed(&world, &client, &body, no(422, code, "T5").at("/details/employer_name"));
        }
        for (length, fits) in [(100, true), (101, false)] {
            let mut body = proposal(&world, "employed_with_league", "workshop");
            body["details"]["employer_name"] = json!("厂".repeat(length));
            if fits {
                propose(&client, &body).take(&client, "withdraw", &json!({}));
            } else {
                not_proposed(&world, &client, &body, no(422, "transfer.field_invalid", "T5").at("/details/employer_name"));
            }
        }
    }

    fn t5_an_address_is_a_division_and_the_rest_of_it(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        for (division, text, code, at) in [
            ("999999", "1号", "division.unknown", "division_code"),
            ("42010", "1号", "division.unknown", "division_code"),
            ("4201", "1号", "transfer.address_not_detailed", "division_code"),
            ("42", "1号", "transfer.address_not_detailed", "division_code"),
            ("420106", " ", "transfer.field_required", "text"),
        ] {
            let mut body = proposal(&world, "unsettled", "village");
            body["details"]["home_address"] = json!({"division_code": division, "text": text});
            let pointer = format!("/details/home_address/{at}");
            not_proposed(&world, &client, &body, no(422, code, "T5").at(&pointer));
        }
    }

    fn t5_each_reason_allows_its_own_targets(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        let all = ["school", "workshop", "employer", "village", "township", "home", "floating", "abroad", "class_2", "station"];
        for (reason, allowed) in [
            ("further_study", &["school", "class_2"][..]),
            ("employed_with_league", &["school", "workshop", "employer", "village", "township", "class_2", "station"]),
            ("employed_without_league", &["village", "township"]),
            ("abroad", &["abroad"]),
            ("unsettled", &["village", "township", "home", "floating"]),
        ] {
            for target in all {
                let body = proposal(&world, reason, target);
                if allowed.contains(&target) {
                    propose(&client, &body).take(&client, "withdraw", &json!({}));
                } else {
                    not_proposed(&world, &client, &body, no(422, "transfer.target_not_allowed_for_reason", "T5").at("/target"));
                }
            }
        }
        // The member's school has no abroad branch, so there is no target.
        let body = proposal(&world, "abroad", "abroad");
        let no_such = no(422, "transfer.target_not_allowed_for_reason", "T5").at("/target");
        not_proposed(&world, &world.person("school/1"), &body, no_such);
        let mut body = to_special_unit();
        body["target"] = json!(world.org("village"));
        not_proposed(&world, &client, &body, no(422, "transfer.special_unit_has_no_target", "T5").at("/target"));
    }

    fn t5_whether_the_target_side_may_start_for_other_reasons_is_policy(db: TestDb) {
        let world = World::new(db, SUMMER);
        let nation = world.admin("nation");
        let mut policy = nation.get("/v1/policies/2026").expect(200).json();
        policy["target_side_other_reasons"] = json!(false);
        let changed = nation.request("PUT", "/v1/policies/2026").header("if-match", "\"0\"").json(&policy).send();
        changed.expect(200);
        let body = named(&world, "class_1/1", proposal(&world, "unsettled", "village"));
        let no = no(422, "transfer.reason_not_allowed_from_target", "T5").at("/reason");
        not_proposed(&world, &world.admin("village"), &body, no);
        propose(&world.admin("school"), &named(&world, "class_1/1", proposal(&world, "further_study", "school")));
        let mut body = named(&world, "class_1/2", to_special_unit());
        body["target"] = json!(world.org("village"));
        not_proposed(&world, &world.admin("village"), &body, no);
    }

    fn t6_beijing_guangdong_and_fujian_are_written_out(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        for field in ["province", "name", "organization", "address"] {
            let mut body = to_beijing();
            body["details"]["external"].as_object_mut().unwrap().remove(field);
            let pointer = format!("/details/external/{field}");
            not_proposed(&world, &client, &body, no(422, "transfer.external_details_required", "T6").at(&pointer));
        }
        for province in [12, 42, 255] {
            let mut body = to_beijing();
            body["details"]["external"]["province"] = json!(province);
            let at = "/details/external/province";
            not_proposed(&world, &client, &body, no(422, "transfer.external_province_unknown", "T6").at(at));
        }
        let mut body = to_beijing();
        body["target"] = json!(world.org("village"));
        not_proposed(&world, &client, &body, no(422, "transfer.target_and_external", "T6").at("/target"));
        let mut body = to_beijing();
        body["details"]["external"]["address"]["division_code"] = json!("440106");
        let at = "/details/external/address/division_code";
        not_proposed(&world, &client, &body, no(422, "transfer.field_invalid", "T5").at(at));
        let mut body = to_beijing();
        body["reason"] = json!("abroad");
        not_proposed(&world, &client, &body, no(422, "transfer.reason_not_external", "T6").at("/reason"));
        // Its organizations are in the directory but can not be chosen.
        let body = proposal(&world, "employed_with_league", "beijing_branch");
        not_proposed(&world, &client, &body, no(422, "transfer.target_other_system", "T6").at("/target"));
        let case = client.write("/v1/transfers", &to_beijing()).expect(201).json();
        assert_eq!(case["state"], json!("external_pending"));
        assert_eq!(case["target"]["province"], json!(11));
    }

    fn t7_a_system_committee_s_organization_can_be_chosen_in_any_province(db: TestDb) {
        let world = World::new(db, SUMMER);
        // The station is in Wuhan, as the member's school is, and belongs to the railway.
        let body = proposal(&world, "employed_with_league", "station");
        let preview = world.person("class_1/1").post("/v1/transfers/preview", &body).expect(200).json();
        assert_eq!(preview["route"][0]["organization"]["id"], json!(world.org("station")));
        let deciders: Vec<&Value> = preview["route"][0]["decided_by"].as_array().unwrap().iter().map(|o| &o["id"]).collect();
        assert_eq!(deciders, [&json!(world.org("station")), &json!(world.org("railway"))], "the railway decides, not the province");
        let case = propose(&world.person("class_1/1"), &body);
        // The same holds for a place in Beijing, because the system counts and not the place.
        set_organization(&world, "station", "division_code = '110105'");
        case.take(&world.admin("railway"), "approve", &json!({}));
        propose(&world.person("class_1/2"), &body);
    }

    fn t8_some_organizations_can_not_be_targets(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        let refuse = |target, code| {
            let body = proposal(&world, "employed_with_league", target);
            not_proposed(&world, &client, &body, no(422, code, "T8").at("/target"));
        };
        set_organization(&world, "class_2", "graduated_season = 2026, graduation_month = 202606");
        refuse("class_2", "transfer.target_graduate_branch");
        set_organization(&world, "workshop", "status = 'closed', closed_at = 1");
        refuse("workshop", "transfer.target_closed");
        refuse("class_1", "transfer.target_same");
        for organ in ["nation", "province", "county", "railway"] {
            refuse(organ, "transfer.target_leading_organ");
        }
        let mut body = proposal(&world, "unsettled", "village");
        for id in [world.org("holding"), "org_0000000000000".to_owned(), world.org("village").replace("org_", "mem_")] {
            body["target"] = json!(id);
            let answer = client.write("/v1/transfers", &body);
            assert!(matches!(answer.status, 404 | 422), "the holding is answered like a missing organization: {}", answer.text);
        }
    }

    fn t9_under_16_on_the_day_of_application_in_shanghai(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        world.add_member("kid", "school", "2010-06-16");
        world.add_member("older", "school", "2010-06-16");
        let body = proposal(&world, "unsettled", "village");
        // The last minute of 15 June in Shanghai: the member is still fifteen.
        world.at("2026-06-15T15:59:00Z");
        let no = no(422, "transfer.explanation_required", "T9").at("/explanation");
        let client = world.person("kid");
        not_proposed(&world, &client, &body, no);
        for blank in ["", " \u{3000}\n"] {
            let mut body = body.clone();
            body["explanation"] = json!(blank);
            not_proposed(&world, &client, &body, no);
        }
        let mut explained = body.clone();
        explained["explanation"] = json!("随父母迁居");
        let case = client.write("/v1/transfers", &explained).expect(201).json();
        assert_eq!(case["state"], json!("awaiting_leading_organ"));
        assert_eq!(case["waiting_for"], json!([{"id": world.org("county"), "name": "county"}]));
        // Midnight: the sixteenth birthday.
        world.at("2026-06-15T16:00:00Z");
        let case = world.person("older").write("/v1/transfers", &body).expect(201).json();
        assert_eq!(case["state"], json!("awaiting_approval"));
    }

    fn t9_only_for_targets_outside_of_schools(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        for name in ["a", "b", "c", "d"] {
            world.add_member(name, "class_1", "2011-01-01");
        }
        let case = world.person("a").write("/v1/transfers", &proposal(&world, "further_study", "school")).expect(201).json();
        assert_eq!(case["state"], json!("awaiting_approval"));
        let no = no(422, "transfer.explanation_required", "T9").at("/explanation");
        not_proposed(&world, &world.person("b"), &proposal(&world, "employed_with_league", "workshop"), no);
        not_proposed(&world, &world.admin("college"), &about(&world, "b", proposal(&world, "unsettled", "village")), no);
        not_proposed(&world, &world.admin("village"), &named(&world, "c", proposal(&world, "unsettled", "village")), no);
        not_proposed(&world, &world.person("d"), &to_beijing(), no);
    }

    fn t12_only_members_in_good_standing(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        let no = no(409, "transfer.member_not_active", "T12").ask("class_1");
        for standing in ["left_at_age", "left", "expelled"] {
            set_member(&world, "class_1/1", &format!("standing = '{standing}'"));
            not_proposed(&world, &world.person("class_1/1"), &body, no);
            not_proposed(&world, &world.admin("college"), &about(&world, "class_1/1", body.clone()), no);
            not_proposed(&world, &world.admin("village"), &named(&world, "class_1/1", body.clone()), no);
        }
        set_member(&world, "class_1/1", "standing = 'party_member'");
        propose(&world.person("class_1/1"), &body);
    }

    fn every_blocking_rule_at_once_and_the_first_one_first(db: TestDb) {
        let world = World::new(db, SUMMER);
        set_member(&world, "class_1/1", &joined("2021-05"));
        set_member(&world, "class_1/1", "standing = 'left', certification = 'waiting'");
        let mut body = proposal(&world, "unsettled", "employer");
        body["details"] = json!({});
        let said = not_proposed(&world, &world.person("class_1/1"), &body, no(409, "transfer.member_not_active", "T12").ask("class_1"));
        let codes: Vec<&str> = said["errors"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["transfer.member_not_active", "transfer.identity_not_certified", "transfer.field_required",
            "transfer.target_not_allowed_for_reason"]);
        let preview = world.person("class_1/1").post("/v1/transfers/preview", &body).expect(200).json();
        let blocking: Vec<&str> = preview["blocking"].as_array().unwrap().iter().map(|e| e["code"].as_str().unwrap()).collect();
        assert_eq!(blocking, codes);
    }
}
