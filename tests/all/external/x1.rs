//! X1: transfers to one of the three provinces.

use super::{country, events, issue, listed, page, signed_in, system, to_beijing};
use crate::support::both_engines;
use serde_json::json;

const NOW: &str = "2026-09-07T02:00:00Z";

both_engines! {
    fn x1_the_province_s_system_accepts_and_the_member_moves_out(db: TestDb) {
        let world = country(db, NOW);
        let case = to_beijing(&world, "class_1/1");
        let beijing = system(&world, "beijing");
        assert_eq!(listed(&beijing, "side=in&state=external_pending"), [&*case]);
        assert_eq!(listed(&beijing, "side=out"), [""; 0]);
        let shown = page(&beijing, &case);
        assert_eq!((&shown["state"], &shown["target"]["province"]), (&json!("external_pending"), &json!(11)));
        let may = |action: &str| {
            let actions = shown["allowed_actions"].as_array().expect("actions").iter();
            actions.filter(|a| a["action"] == action).map(|a| a["allowed"].clone()).collect::<Vec<_>>()
        };
        assert_eq!((may("accept_external"), may("approve"), may("withdraw")), (vec![json!(true)], vec![json!(false)], vec![json!(false)]));
        let done = beijing.decide(&format!("{case}/accept-external"), 1, &json!({})).expect(200).json();
        assert_eq!(done["state"], "completed");

        let path = format!("/v1/members/{}", world.mem("class_1/1"));
        let member = page(&world.person("class_1/1"), &path);
        assert_eq!(member["standing"], "moved_out");
        assert!(member.get("branch").is_none());
        assert_eq!(member["memberships"].as_array().map(Vec::len), Some(1));
        assert_eq!(member["memberships"][0]["until"], NOW);
        assert_eq!(world.db.number("SELECT count(*) AS value FROM memberships WHERE until IS NOT NULL"), 1);
        for client in [&beijing, &world.person("class_1/1"), &world.admin("class_1"), &world.admin("nation")] {
            assert_eq!(events(client, &case), ["proposed", "approved"]);
        }
        let step = &page(&beijing, &format!("{case}/history"))["items"][1];
        assert_eq!((&step["acting_for"]["id"], &step["by"]["name"]), (&json!(world.org("beijing")), &json!("beijing system")));
        beijing.decide(&format!("{case}/accept-external"), 2, &json!({})).refused(409, "transfer.closed");
        let body = json!({"reason": "unsettled", "details": {}, "target": world.org("village")});
        world.person("class_1/1").write("/v1/transfers", &body).refused(409, "transfer.member_not_active");
        let undo = json!({"mode": "all_or_nothing", "items": [{"member": world.mem("class_1/1")}]});
        world.admin("college").write("/v1/member-marks/undo", &undo).refused(404, "member.not_found");
    }

    fn x1_the_province_s_leading_organ_may_enter_the_answer(db: TestDb) {
        let world = country(db, NOW);
        let case = to_beijing(&world, "class_1/1");
        let inbox = page(&world.admin("beijing"), "/v1/inbox?kind=external_answer");
        assert_eq!(inbox["items"][0]["member_name"], "class_1/1", "{inbox}");
        let done = world.admin("beijing").decide(&format!("{case}/accept-external"), 1, &json!({})).expect(200).json();
        assert_eq!(done["state"], "completed");
        assert_eq!(world.db.count("inbox_entries"), 0);
    }

    fn x1_a_refusal_needs_a_reason_and_leaves_the_member_in_their_branch(db: TestDb) {
        let world = country(db, NOW);
        let case = to_beijing(&world, "class_1/1");
        let (beijing, refuse) = (system(&world, "beijing"), format!("{case}/refuse-external"));
        beijing.decide(&refuse, 1, &json!({"reason": " "})).refused(422, "approval.reason_required");
        let done = beijing.decide(&refuse, 1, &json!({"reason": "查无此人"})).expect(200).json();
        assert_eq!((&done["state"], &done["closing_reason"]), (&json!("refused"), &json!("查无此人")));
        let member = page(&world.person("class_1/1"), &format!("/v1/members/{}", world.mem("class_1/1")));
        assert_eq!((&member["standing"], &member["branch"]["id"]), (&json!("good"), &json!(world.org("class_1"))));
        to_beijing(&world, "class_1/1");
    }

    fn x1_only_the_province_answers(db: TestDb) {
        let world = country(db, NOW);
        let case = to_beijing(&world, "class_1/1");
        let (accept, refuse) = (format!("{case}/accept-external"), format!("{case}/refuse-external"));
        // A caller who sees the case is told that the answer is not theirs to give. To other callers the case does not
        // exist.
        for who in ["class_1", "university", "nation"] {
            world.admin(who).decide(&accept, 1, &json!({})).refused(403, "transfer.external_not_yours");
        }
        world.person("class_1/1").decide(&accept, 1, &json!({})).refused(403, "actor.not_administrator");
        world.admin("guangdong").decide(&accept, 1, &json!({})).refused(404, "transfer.not_found");
        let other = system(&world, "guangdong");
        other.get(&case).refused(404, "transfer.not_found");
        other.get(&format!("{case}/history")).refused(404, "transfer.not_found");
        other.decide(&accept, 1, &json!({})).refused(404, "transfer.not_found");
        other.decide(&refuse, 1, &json!({"reason": "x"})).refused(404, "transfer.not_found");
        for organization in ["railway", "university", "beijing_branch"] {
            let other = system(&world, organization);
            other.get(&case).refused(403, "integrator.scope_missing");
            other.decide(&accept, 1, &json!({})).refused(403, "integrator.scope_missing");
        }
        assert_eq!(listed(&system(&world, "guangdong"), "side=in"), [""; 0]);
        system(&world, "university").get("/v1/transfers").refused(403, "integrator.scope_missing");
        let beijing = system(&world, "beijing");
        beijing.decide(&format!("{case}/approve"), 1, &json!({})).refused(403, "actor.not_administrator");
        beijing.decide(&format!("{case}/withdraw"), 1, &json!({})).refused(403, "transfer.not_yours_to_cancel");
        assert_eq!(page(&world.admin("nation"), &case)["version"], 1);
    }

    fn x1_a_revoked_credential_answers_nothing(db: TestDb) {
        let world = country(db, NOW);
        let case = to_beijing(&world, "class_1/1");
        let credential = issue(&world, "beijing");
        let client = signed_in(&world, &credential);
        world.admin("nation").write(&format!("/v1/integrators/{}/revoke", credential.id), &json!({})).expect(200);
        client.decide(&format!("{case}/accept-external"), 1, &json!({})).refused(401, "request.unauthenticated");
    }

    fn x1_a_system_s_list_continues_at_the_cursor(db: TestDb) {
        let world = country(db, NOW);
        let cases: Vec<_> = ["class_1/1", "class_1/2", "class_2/1"].map(|member| to_beijing(&world, member)).into();
        let beijing = system(&world, "beijing");
        let first = page(&beijing, "/v1/transfers?side=in&limit=2");
        let next = first["next_cursor"].as_str().expect("there is more");
        let rest = listed(&beijing, &format!("side=in&limit=2&cursor={next}"));
        assert_eq!(first["items"][0]["member_name"], "class_2/1", "newest first");
        assert_eq!(rest, cases[..1]);
    }
}
