//! Assignment to a branch (§1.5; A2).

use super::{Proposed, SUMMER, no, proposal, propose};
use crate::support::both_engines;
use crate::support::world::{Org, World};
use serde_json::json;
use zhuanjie::domain::organization::facts::{OrganizationKind, Sector};

fn accepted(world: &World, member: &str, target: &str) -> Proposed {
    let case = propose(&world.person(member), &proposal(world, "employed_with_league", target));
    case.take(&world.admin(target), "approve", &json!({}))
}

both_engines! {
    fn a2_the_target_s_own_administrator_approves_and_assigns(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        for other in ["county", "college", "class_1"] {
            case.not(&world, &world.admin(other), "approve", &json!({}), no(403, "approval.not_your_turn", "A1").ask("township"));
        }
        let accepted = case.take(&world.admin("township"), "approve", &json!({}));
        let me = || world.person("class_1/1").get("/v1/me").expect(200).json()["member"]["branch"]["id"].clone();
        assert_eq!(me(), json!(world.org("class_1")), "accepted, but not moved yet");
        for other in ["county", "province", "class_1"] {
            let no = no(403, "approval.not_your_turn", "A1").ask("township");
            accepted.not(&world, &world.admin(other), "assign", &json!({"branch": world.org("village")}), no);
        }
        let done = accepted.take(&world.admin("township"), "assign", &json!({"branch": world.org("village")}));
        assert_eq!(me(), json!(world.org("village")));
        let seen = world.person("class_1/1").get(&done.path()).expect(200).json();
        assert_eq!((&seen["state"], &seen["completed_branch_id"]), (&json!("completed"), &json!(world.org("village"))));
    }

    fn a2_the_target_assigns_only_to_its_own_branches_that_take_members(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        world.add_organization("general", &Org::below("employer", OrganizationKind::GeneralBranch, Sector::Enterprise));
        for name in ["deep", "closed", "graduated"] {
            world.add_organization(name, &Org::below("general", OrganizationKind::Branch, Sector::Enterprise));
        }
        let set = |name: &str, what: &str| {
            let id = world.org_key(name);
            world.db.execute(&format!("UPDATE organizations SET {what} WHERE id = {id}"));
        };
        set("closed", "status = 'closed', closed_at = 1");
        set("graduated", "graduated_season = 2026, graduation_month = 202606");
        let case = accepted(&world, "class_1/1", "employer");
        let admin = world.admin("employer");
        for (branch, code, rule) in [
            ("village", "assignment.branch_out_of_scope", "A2"),
            ("class_2", "assignment.branch_out_of_scope", "A2"),
            ("employer", "assignment.branch_out_of_scope", "A2"),
            ("county", "assignment.branch_out_of_scope", "A2"),
            ("general", "assignment.not_a_branch", "A2"),
            ("closed", "transfer.target_closed", "T8"),
            ("graduated", "transfer.target_graduate_branch", "T8"),
            ("holding", "organization.not_found", "O6"),
        ] {
            let body = json!({"branch": world.org(branch)});
            case.not(&world, &admin, "assign", &body, no(if branch == "holding" { 404 } else { 422 }, code, rule).at("/branch"));
        }
        let nowhere = json!({"branch": "org_0000000000zzz"});
        case.not(&world, &admin, "assign", &nowhere, no(404, "organization.not_found", "O6").at("/branch"));
        // A branch at any depth below the target is accepted.
        case.take(&admin, "assign", &json!({"branch": world.org("deep")}));
    }

    fn a2_the_target_does_not_assign_to_the_branch_the_member_leaves(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = accepted(&world, "class_1/1", "college");
        let no = no(422, "transfer.target_same", "T8").at("/branch");
        case.not(&world, &world.admin("college"), "assign", &json!({"branch": world.org("class_1")}), no);
        case.take(&world.admin("college"), "assign", &json!({"branch": world.org("class_2")}));
    }

    fn a2_a_target_that_turned_while_the_case_waited_receives_nobody(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "further_study", "class_2"));
        let id = world.org_key("class_2");
        world.db.execute(&format!("UPDATE organizations SET graduated_season = 2026, graduation_month = 202606 WHERE id = {id}"));
        let no = no(422, "transfer.target_graduate_branch", "T8");
        case.not(&world, &world.admin("class_2"), "approve", &json!({}), no);
        // Refusing is still possible, so the case is not stuck.
        case.take(&world.admin("college"), "refuse", &json!({"reason": "该支部已毕业"}));
    }
}
