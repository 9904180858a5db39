//! Decisions (§1.4.4, §1.5, §2.2): rules T10, T11, A1, A3, A5, A9 and A10, each with its success and its refusal.

use super::{No, Proposed, SUMMER, about, named, no, proposal, propose, refused, send, stored};
use crate::support::both_engines;
use crate::support::world::{World, fresh_key};
use serde_json::{Value, json};

fn none() -> Value {
    json!({})
}

/// The organizations that a case waits for, as the case says.
fn waiting_for(world: &World, case: &Proposed, member: &str) -> Vec<String> {
    let case = world.person(member).get(&case.path()).expect(200).json();
    let waiting = case["waiting_for"].as_array().expect("a list");
    let mut names: Vec<String> = waiting
        .iter()
        .map(|named| named["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

fn branch_of(world: &World, member: &str) -> String {
    let me = world.person(member).get("/v1/me").expect(200).json();
    me["member"]["branch"]["id"].as_str().unwrap_or_default().to_owned()
}

/// A side, how it proposes, the offices that may withdraw, and those that may not.
type Start<'a> = (&'a str, Box<dyn Fn() -> Proposed + 'a>, &'a [&'a str], &'a [&'a str]);

both_engines! {
    fn a1_a_branch_s_administrator_or_its_direct_superior_s_approves(db: TestDb) {
        let world = World::new(db, SUMMER);
        for (member, approver) in [("class_1/1", "village"), ("class_1/2", "township")] {
            let case = propose(&world.person(member), &proposal(&world, "unsettled", "village"));
            assert_eq!(waiting_for(&world, &case, member), ["township", "village"]);
            // Other superiors and the source side see the case but can not decide it.
            for other in ["county", "province", "nation", "class_1", "college", "university"] {
                let no = no(403, "approval.not_your_turn", "A1").ask("village");
                case.not(&world, &world.admin(other), "approve", &none(), no);
                case.not(&world, &world.admin(other), "refuse", &json!({"reason": "信息错误"}), no);
            }
            let done = case.take(&world.admin(approver), "approve", &none());
            assert_eq!(done.state(&world.person(member)), "completed");
            assert_eq!(branch_of(&world, member), world.org("village"), "the target is a branch, so the approval completes the case");
        }
    }

    fn a1_members_can_not_decide(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        let no = no(403, "actor.not_administrator", "O6");
        for action in ["approve", "accept-external"] {
            case.not(&world, &world.person("class_1/1"), action, &none(), no);
        }
        case.not(&world, &world.person("class_1/1"), "refuse", &json!({"reason": "不"}), no);
        case.not(&world, &world.person("class_1/1"), "assign", &json!({"branch": world.org("village")}), no);
    }

    fn a3_the_source_side_approves_what_the_target_side_started(db: TestDb) {
        let world = World::new(db, SUMMER);
        for (member, approver) in [("class_1/1", "class_1"), ("class_1/2", "college")] {
            let case = propose(&world.admin("village"), &named(&world, member, proposal(&world, "unsettled", "village")));
            assert_eq!(waiting_for(&world, &case, member), ["class_1", "college"]);
            for other in ["township", "university", "province"] {
                case.not(&world, &world.admin(other), "approve", &none(), no(403, "approval.not_your_turn", "A1").ask("class_1"));
            }
            case.take(&world.admin(approver), "approve", &none());
            assert_eq!(branch_of(&world, member), world.org("village"), "the target is a branch, so the approval completes the case");
        }
        // Otherwise the target side still assigns.
        let case = propose(&world.admin("township"), &named(&world, "class_1/3", proposal(&world, "unsettled", "township")));
        let accepted = case.take(&world.admin("class_1"), "approve", &none());
        assert_eq!(accepted.state(&world.person("class_1/3")), "awaiting_assignment");
        assert_eq!(waiting_for(&world, &accepted, "class_1/3"), ["township"]);
        accepted.take(&world.admin("township"), "assign", &json!({"branch": world.org("home")}));
        assert_eq!(branch_of(&world, "class_1/3"), world.org("home"));
    }

    fn t9_the_leading_organ_approves_before_the_ordinary_approver(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        world.add_member("kid", "school", "2012-01-01");
        let mut body = proposal(&world, "unsettled", "village");
        body["explanation"] = json!("随父母迁居");
        let case = propose(&world.person("kid"), &body);
        let view = world.person("kid").get(&case.path()).expect(200).json();
        assert_eq!(view["explanation"], json!("随父母迁居"));
        for early in ["village", "township", "school", "city"] {
            case.not(&world, &world.admin(early), "approve", &none(), no(403, "approval.not_your_turn", "A1").ask("county"));
        }
        let passed = case.take(&world.admin("county"), "approve", &none());
        assert_eq!(passed.state(&world.person("kid")), "awaiting_approval");
        passed.not(&world, &world.admin("county"), "approve", &none(), no(403, "approval.not_your_turn", "A1").ask("village"));
        passed.take(&world.admin("village"), "approve", &none());
        assert_eq!(branch_of(&world, "kid"), world.org("village"));
    }

    fn a5_a_refusal_needs_a_reason_and_ends_the_case(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        for blank in ["", " ", "\u{3000}\t"] {
            let no = no(422, "approval.reason_required", "A5").at("/reason");
            case.not(&world, &world.admin("village"), "refuse", &json!({"reason": blank}), no);
        }
        let ended = case.take(&world.admin("village"), "refuse", &json!({"reason": " 未按要求报到 "}));
        let seen = world.person("class_1/1").get(&ended.path()).expect(200).json();
        assert_eq!((&seen["state"], &seen["closing_reason"]), (&json!("refused"), &json!("未按要求报到")));
        assert!(seen["closed_at"].is_string());
        assert_eq!(branch_of(&world, "class_1/1"), world.org("class_1"), "the member stays in their branch");
        assert_eq!(world.db.count("inbox_entries"), 0);
        // The case was returned, so the member may propose again.
        propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "home"));
    }

    fn t10_the_starter_and_the_member_may_withdraw(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        let starts: [Start<'_>; 3] = [
            ("the member", Box::new(|| propose(&world.person("class_1/1"), &body)), &[], &["class_1", "college", "village", "township", "nation"]),
            ("the source", Box::new(|| propose(&world.admin("college"), &about(&world, "class_1/1", body.clone()))), &["college"], &["class_1", "university", "village"]),
            ("the target", Box::new(|| propose(&world.admin("village"), &named(&world, "class_1/1", body.clone()))), &["village"], &["class_1", "college", "township"]),
        ];
        for (side, start, starters, others) in &starts {
            let case = start();
            for other in *others {
                case.not(&world, &world.admin(other), "withdraw", &none(), no(403, "transfer.not_yours_to_cancel", "T10"));
            }
            let ended = case.take(&world.person("class_1/1"), "withdraw", &none());
            assert_eq!(ended.state(&world.person("class_1/1")), "withdrawn", "{side}");
            for starter in *starters {
                start().take(&world.admin(starter), "withdraw", &none());
            }
        }
    }

    fn t10_whether_the_member_may_withdraw_what_others_proposed_is_policy(db: TestDb) {
        let world = World::new(db, SUMMER);
        let nation = world.admin("nation");
        let mut policy = nation.get("/v1/policies/2026").expect(200).json();
        policy["member_may_withdraw"] = json!(false);
        nation.request("PUT", "/v1/policies/2026").header("if-match", "\"0\"").json(&policy).send().expect(200);
        let case = propose(&world.admin("college"), &about(&world, "class_1/1", proposal(&world, "unsettled", "village")));
        case.not(&world, &world.person("class_1/1"), "withdraw", &none(), no(403, "transfer.not_yours_to_cancel", "T10"));
        let own = propose(&world.person("class_1/2"), &proposal(&world, "unsettled", "village"));
        own.take(&world.person("class_1/2"), "withdraw", &none());
    }

    fn t10_n13_withdrawing_ends_with_the_assignment_and_works_once(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        let accepted = case.take(&world.admin("township"), "approve", &none());
        let withdrawn = accepted.take(&world.person("class_1/1"), "withdraw", &none());
        withdrawn.not(&world, &world.admin("township"), "assign", &json!({"branch": world.org("village")}), no(409, "transfer.closed", "T10"));
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        let accepted = case.take(&world.admin("township"), "approve", &none());
        let done = accepted.take(&world.admin("township"), "assign", &json!({"branch": world.org("village")}));
        done.not(&world, &world.person("class_1/1"), "withdraw", &none(), no(409, "transfer.closed", "T10"));
    }

    fn t11_nobody_decides_their_own_case(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        // A member of class_1 is the only administrator of the village and proposes to move there.
        world.dismiss("village");
        world.appoint("class_1/1", "village");
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        assert_eq!(waiting_for(&world, &case, "class_1/1"), ["township"], "the direct superior decides");
        let no = no(403, "transfer.self_approval", "T11").ask("township");
        let own_decider = world.admin("class_1/1");
        case.not(&world, &own_decider, "approve", &none(), no);
        case.not(&world, &own_decider, "refuse", &json!({"reason": "不"}), no);
        case.take(&world.admin("township"), "approve", &none());
    }

    fn t11_another_administrator_of_the_organization_decides(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        world.appoint("class_1/1", "township");
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        assert_eq!(waiting_for(&world, &case, "class_1/1"), ["township"]);
        case.not(&world, &world.admin("class_1/1"), "approve", &none(), no(403, "transfer.self_approval", "T11").ask("township"));
        let accepted = case.take(&world.admin("township"), "approve", &none());
        accepted.not(&world, &world.admin("class_1/1"), "assign", &json!({"branch": world.org("village")}),
            no(403, "transfer.self_approval", "T11").ask("township"));
        accepted.take(&world.admin("township"), "assign", &json!({"branch": world.org("village")}));
    }

    fn t11_i_04_the_proposer_does_not_decide_either(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        // The same person is the administrator of the class and of the village.
        world.dismiss("village");
        world.dismiss("class_1");
        world.appoint("class_1", "class_1");
        let class = world.admin("class_1");
        world.appoint("class_1", "village");
        let village = world.admin("class_1");
        let case = propose(&class, &about(&world, "class_1/1", proposal(&world, "unsettled", "village")));
        assert_eq!(waiting_for(&world, &case, "class_1/1"), ["township"]);
        case.not(&world, &village, "approve", &none(), no(403, "transfer.self_approval", "T11").ask("township"));
        case.take(&world.admin("township"), "approve", &none());
    }

    fn a9_the_loser_learns_which_state_won(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        case.take(&world.admin("village"), "approve", &none());
        let said = case.not(&world, &world.admin("township"), "approve", &none(), no(409, "transfer.closed", "T10"));
        assert!(said["detail"].as_str().unwrap().contains("completed"), "{said}");
    }

    fn a10_a_vacant_organization_s_turn_passes_to_its_superior(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        world.dismiss("employer");
        let body = proposal(&world, "employed_with_league", "employer");
        let preview = world.person("class_1/1").post("/v1/transfers/preview", &body).expect(200).json();
        let step = &preview["route"][0];
        assert_eq!((&step["vacant"], &step["passes_to_superior"]), (&json!(true), &json!(true)), "the preview says so");
        assert_eq!(step["decided_by"][0]["id"], json!(world.org("county")));
        let warnings: Vec<&Value> = preview["warnings"].as_array().unwrap().iter().map(|w| &w["code"]).collect();
        assert!(warnings.contains(&&json!("turn_passes")), "{preview}");
        let case = propose(&world.person("class_1/1"), &body);
        assert_eq!(waiting_for(&world, &case, "class_1/1"), ["county"]);
        let accepted = case.take(&world.admin("county"), "approve", &none());
        accepted.take(&world.admin("county"), "assign", &json!({"branch": world.org("workshop")}));
        assert_eq!(branch_of(&world, "class_1/1"), world.org("workshop"));
    }

    fn a10_without_an_administrator_up_to_the_root_the_case_is_orphaned_and_says_so(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        for vacant in ["employer", "county", "city", "province", "nation"] {
            world.dismiss(vacant);
        }
        let body = proposal(&world, "employed_with_league", "employer");
        let preview = world.person("class_1/1").post("/v1/transfers/preview", &body).expect(200).json();
        let warnings: Vec<&Value> = preview["warnings"].as_array().unwrap().iter().map(|w| &w["code"]).collect();
        assert!(warnings.contains(&&json!("nobody_can_act")), "{preview}");
        let case = propose(&world.person("class_1/1"), &body);
        assert_eq!(waiting_for(&world, &case, "class_1/1"), [] as [&str; 0]);
        case.not(&world, &world.admin("college"), "approve", &none(), no(409, "transfer.orphaned", "A10"));
        case.take(&world.person("class_1/1"), "withdraw", &none());
    }

    fn what_nobody_waits_for_can_t_be_done(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        let admin = world.admin("township");
        case.not(&world, &admin, "assign", &json!({"branch": world.org("village")}), no(409, "assignment.not_awaited", "A2"));
        for action in ["accept-external", "refuse-external"] {
            let body = if action == "accept-external" { none() } else { json!({"reason": "不"}) };
            case.not(&world, &admin, action, &body, no(409, "transfer.not_external", "X1"));
        }
        let accepted = case.take(&admin, "approve", &none());
        accepted.not(&world, &admin, "approve", &none(), no(409, "approval.not_awaited", "A2"));
    }

    fn a2_what_was_approved_by_mistake_is_sent_back(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        let admin = world.admin("township");
        let accepted = case.take(&admin, "approve", &none());
        accepted.not(&world, &admin, "refuse", &none(), no(422, "approval.reason_required", "A5").at("/reason"));
        accepted.not(&world, &world.admin("county"), "refuse", &json!({"reason": "未报到"}), no(403, "approval.not_your_turn", "A1").ask("township"));
        accepted.take(&admin, "refuse", &json!({"reason": "未报到"}));
        assert_eq!(world.db.count("transfers WHERE state = 'refused'"), 1);
        assert_eq!(world.db.count("inbox_entries"), 0);
        propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
    }

    fn every_write_needs_a_key_and_every_decision_a_version(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        let body = proposal(&world, "unsettled", "village");
        let before = stored(&world);
        let plain = |status, code| No { status, code, rule: None, pointer: None, helper: None };
        for key in [None, Some("".to_owned()), Some("k".repeat(65)), Some("a b".to_owned()), Some("ключ".to_owned())] {
            let mut request = client.request("POST", "/v1/transfers").json(&body);
            if let Some(key) = &key {
                request = request.header("idempotency-key", key);
            }
            plain(400, "request.idempotency_key_required").check(&world, &request.send(), "zh-CN");
        }
        assert_eq!(stored(&world), before);
        let case = propose(&client, &body);
        let admin = world.admin("village");
        let path = case.at("approve");
        let mine = world.person("class_1/1");
        let withdraw = case.at("withdraw");
        for (client, path) in [(&admin, &path), (&mine, &withdraw)] {
            let before = stored(&world);
            let keyless = client.request("POST", path).header("if-match", "\"1\"").json(&none()).send();
            plain(400, "request.idempotency_key_required").check(&world, &keyless, "zh-CN");
            refused(&world, client, path, None, &none(), plain(428, "request.precondition_required"));
            refused(&world, client, path, Some(0), &none(), no(412, "request.stale", "A9"));
            refused(&world, client, path, Some(2), &none(), no(412, "request.stale", "A9"));
            for tag in ["1", "\"x\"", "W/\"1\"", "\"\"", "\"1", "\"99999999999999999999\"", "\"2\", \"3\"", "\"1.0\"", "\"1-\""] {
                let answer = client.request("POST", path).header("idempotency-key", &fresh_key()).header("if-match", tag).json(&none()).send();
                no(412, "request.stale", "A9").check(&world, &answer, "zh-CN");
            }
            assert_eq!(stored(&world), before);
        }
        // `*` stands for the current version.
        let answer = admin.request("POST", &path).header("idempotency-key", &fresh_key()).header("if-match", "*").json(&none()).send();
        answer.expect(200);
    }

    fn i_16_one_key_has_one_effect_and_gets_the_same_answer(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        let body = proposal(&world, "unsettled", "village");
        let first = client.write_with("one", "/v1/transfers", &body).expect(201);
        assert_eq!(first.header("idempotent-replayed"), None);
        let after = stored(&world);
        let again = client.write_with("one", "/v1/transfers", &body).expect(201);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!((&again.text, again.header("etag"), again.header("location")),
            (&first.text, first.header("etag"), first.header("location")));
        assert_eq!(stored(&world), after, "a second effect");
        // The same key with another body or another path.
        let other = proposal(&world, "unsettled", "home");
        client.write_with("one", "/v1/transfers", &other).refused(422, "request.idempotency_key_reused");
        let case = Proposed::of(&first);
        let elsewhere = client.request("POST", &case.at("withdraw")).header("idempotency-key", "one").header("if-match", "*").json(&body).send();
        assert_eq!(elsewhere.status, 422, "{}", elsewhere.text);
        // Keys belong to one actor and one office.
        let another = world.person("class_1/2").write_with("one", "/v1/transfers", &body).expect(201);
        assert_eq!(another.header("idempotent-replayed"), None);
        assert_ne!(Proposed::of(&another).id, case.id);
        let theirs = about(&world, "class_1/3", body.clone());
        world.admin("class_1").write_with("one", "/v1/transfers", &theirs).expect(201);
        // A case that has changed since is still answered as before: the kept answer is that of the first request.
        case.take(&client, "withdraw", &none());
        let replayed = client.write_with("one", "/v1/transfers", &body).expect(201);
        assert_eq!(replayed.text, first.text);
        assert_eq!(case.state(&client), "withdrawn", "a repetition changed the case");
    }

    fn i_16_a_refusal_is_not_kept(db: TestDb) {
        let world = World::new(db, SUMMER);
        let client = world.person("class_1/1");
        let body = proposal(&world, "unsettled", "village");
        let village = world.org_key("village");
        world.db.execute(&format!("UPDATE organizations SET status = 'closed', closed_at = 1 WHERE id = {village}"));
        client.write_with("one", "/v1/transfers", &body).refused(422, "transfer.target_closed");
        world.db.execute(&format!("UPDATE organizations SET status = 'active', closed_at = NULL WHERE id = {village}"));
        let answer = client.write_with("one", "/v1/transfers", &body).expect(201);
        assert_eq!(answer.header("idempotent-replayed"), None);
    }

    fn a_decision_s_key_works_as_a_proposal_s(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        let admin = world.admin("village");
        let approve = |tag: &str| {
            admin.request("POST", &case.at("approve")).header("idempotency-key", "d").header("if-match", tag).json(&none()).send()
        };
        let first = approve("\"1\"").expect(200);
        let again = approve("\"1\"").expect(200);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!(first.text, again.text);
        // Without the key, the closed case refuses a second approval (I-07).
        send(&admin, &case.at("approve"), Some(1), &none(), "en").refused(409, "transfer.closed");
    }
}
