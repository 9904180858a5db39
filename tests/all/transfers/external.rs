//! Beijing, Guangdong and Fujian (§1.4.5; X1, X3): the case waits for the other system's answer.

use super::{SUMMER, about, named, no, proposal, propose, to_beijing};
use crate::support::both_engines;
use crate::support::world::World;
use serde_json::json;
use zhuanjie::service::jobs::JobName;

both_engines! {
    fn x1_the_other_province_s_leading_organ_enters_the_acceptance(db: TestDb) {
        let world = World::new(db, SUMMER);
        let member = world.person("class_1/1");
        let case = propose(&member, &to_beijing());
        let seen = member.get(&case.path()).expect(200).json();
        assert_eq!(seen["details"]["external"]["organization"], json!("共青团某公司委员会"), "written out in full");
        for other in ["province", "nation", "college"] {
            let no_answer = no(403, "transfer.external_not_yours", "X1").ask("beijing");
            case.not(&world, &world.admin(other), "accept-external", &json!({}), no_answer);
        }
        // An ordinary approval is not possible.
        case.not(&world, &world.admin("beijing"), "approve", &json!({}), no(409, "transfer.external_pending", "X1"));
        case.not(&world, &world.admin("beijing"), "refuse", &json!({"reason": "不"}), no(409, "transfer.external_pending", "X1"));
        case.not(&world, &world.admin("beijing"), "assign", &json!({"branch": world.org("beijing_branch")}), no(409, "assignment.not_awaited", "A2"));
        let done = case.take(&world.admin("beijing"), "accept-external", &json!({}));
        assert_eq!(done.state(&member), "completed");
        let me = member.get("/v1/me").expect(200).json();
        assert_eq!(me["member"]["standing"], json!("moved_out"));
        assert_eq!(me["member"].get("branch"), None, "out of the national tree");
        let history = member.get(&format!("{}/history", case.path())).expect(200).json();
        assert_eq!(history["items"].as_array().unwrap().len(), 2, "history is kept");
        // A person who has moved out can not propose here, and no look-up finds them.
        let body = proposal(&world, "unsettled", "village");
        member.write("/v1/transfers", &body).refused(409, "transfer.member_not_active");
        world.admin("college").write("/v1/transfers", &about(&world, "class_1/1", body.clone())).refused(404, "member.not_found");
        world.admin("village").write("/v1/transfers", &named(&world, "class_1/1", body)).refused(404, "member.no_match");
    }

    fn x1_the_refusal_of_another_province_needs_a_reason_and_returns_the_case(db: TestDb) {
        let world = World::new(db, SUMMER);
        let member = world.person("class_1/1");
        let case = propose(&member, &to_beijing());
        let blank = no(422, "approval.reason_required", "A5").at("/reason");
        case.not(&world, &world.admin("beijing"), "refuse-external", &json!({"reason": " "}), blank);
        let ended = case.take(&world.admin("beijing"), "refuse-external", &json!({"reason": "查无此单位"}));
        assert_eq!(ended.state(&member), "refused");
        assert_eq!(member.get("/v1/me").expect(200).json()["member"]["branch"]["id"], json!(world.org("class_1")));
        ended.not(&world, &world.admin("beijing"), "accept-external", &json!({}), no(409, "transfer.closed", "T10"));
        propose(&member, &to_beijing()).take(&member, "withdraw", &json!({}));
    }

    fn x3_the_ten_days_apply_while_the_other_province_has_not_answered(db: TestDb) {
        let world = World::new(db, "2026-10-20T01:00:00Z");
        let case = propose(&world.person("class_1/1"), &to_beijing());
        let expire = |at: &str| { world.at(at); world.run(JobName::Expiry, at).processed };
        assert_eq!(expire("2026-10-30T01:00:00Z"), 0);
        assert_eq!(expire("2026-10-30T01:01:00Z"), 1);
        assert_eq!(case.state(&world.person("class_1/1")), "expired");
    }
}
