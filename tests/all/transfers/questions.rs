//! The manual's questions 2.1 to 2.8, each answered by an error or an endpoint.
//!
//! 2.5 (a lost password) is tested with the look-up and the reset codes.

use super::{SUMMER, named, no, not_proposed, proposal, propose};
use crate::support::both_engines;
use crate::support::world::{World, fresh_key};
use serde_json::json;
use zhuanjie::service::jobs::JobName;

/// `class_1` with its month, turned by the yearly switch.
fn turned(world: &World) {
    let marks = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-06"}]});
    world.admin("college").write("/v1/graduation-marks", &marks).expect(200);
    assert_eq!(world.run(JobName::YearlySwitch, SUMMER).processed, 1);
}

both_engines! {
    fn q2_1_may_floating_branches_be_created_at_will(db: TestDb) {
        // 必须由学校团委本级(有学校机构编号)创建,创建时组织名称中须包含关键词“流动团员”
        let world = World::new(db, SUMMER);
        let body = |parent: &str, name: &str| json!({
            "parent": world.org(parent), "kind": "branch", "sector": "school", "stage": "regular_university",
            "purpose": "floating", "name": name,
        });
        let create = |who: &str, body| world.admin(who).write("/v1/organizations", &body);
        create("college", body("college", "学院流动团员团支部")).refused(422, "organization.floating_needs_school");
        create("university", body("university", "毕业生团支部")).refused(422, "organization.floating_name");
        create("university", body("university", "第二流动团员团支部")).expect(201);
    }

    fn q2_2_when_does_a_leading_organ_approve(db: TestDb) {
        // 若团员未满16周岁,且转入组织为非学校领域 …
        let mut world = World::new(db, SUMMER);
        world.add_member("kid", "school", "2012-01-01");
        let mut body = proposal(&world, "unsettled", "village");
        let kid = world.person("kid");
        not_proposed(&world, &kid, &body, no(422, "transfer.explanation_required", "T9").at("/explanation"));
        body["explanation"] = json!("随父母迁居");
        let preview = kid.post("/v1/transfers/preview", &body).expect(200).json();
        let duties: Vec<&str> = preview["route"].as_array().unwrap().iter().map(|step| step["duty"].as_str().unwrap()).collect();
        assert_eq!(duties, ["leading_organ", "approval_in"]);
        assert_eq!(preview["fields"][0]["pointer"], json!("/details/home_address"), "what the reason has filled in");
        assert_eq!(preview["route"][0]["organization"]["name"], json!("county"));
        assert_eq!(preview["warnings"][0]["rule"], json!("G1"));
        assert_eq!(preview["warnings"][1]["code"], json!("leading_organ_first"));
        propose(&kid, &body);
    }

    fn q2_3_can_a_graduate_branch_s_month_be_corrected(db: TestDb) {
        // 可以修改:直属上级管理员 … 说明修改原因,提交后由上级团的领导机关审批
        let world = World::new(db, SUMMER);
        turned(&world);
        let college = world.admin("college");
        let marks = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2027-06"}]});
        let answer = college.write("/v1/graduation-marks", &marks).refused(409, "graduation.needs_change_request");
        assert!(answer.json()["next_actions"][0]["text"].as_str().is_some_and(|text| !text.is_empty()));
        let change = json!({"branch": world.org("class_1"), "month": "2027-06", "reason": "学制五年"});
        let proposed = college.write("/v1/month-changes", &change).expect(201).json();
        assert_eq!(proposed["leading_organ_id"], json!(world.org("province")));
        assert_eq!(proposed["state"], json!("open"), "its progress can be seen");
    }

    fn q2_4_how_does_the_leading_organ_decide_on_it(db: TestDb) {
        // 团的领导机关管理员 … 可看到下级提交的业务具体信息,根据实际情况审核即可
        let world = World::new(db, SUMMER);
        turned(&world);
        let change = json!({"branch": world.org("class_1"), "month": "2027-06", "reason": "学制五年"});
        let proposed = world.admin("college").write("/v1/month-changes", &change).expect(201).json();
        let organ = world.admin("province");
        let waiting = organ.get("/v1/inbox?kind=month_change").expect(200).json();
        assert_eq!(waiting["items"][0]["subject_id"], proposed["id"]);
        let id = proposed["id"].as_str().unwrap();
        let seen = organ.get(&format!("/v1/month-changes/{id}")).expect(200);
        let tag = seen.header("etag").unwrap().to_owned();
        let seen = seen.json();
        assert_eq!((&seen["old_month"], &seen["new_month"], &seen["reason"]), (&json!("2026-06"), &json!("2027-06"), &json!("学制五年")));
        let path = format!("/v1/month-changes/{id}/approve");
        let approve = organ.request("POST", &path).header("idempotency-key", &fresh_key()).header("if-match", &tag);
        approve.json(&json!({})).send().expect(200);
        let waiting = organ.get("/v1/inbox?kind=month_change").expect(200).json();
        assert_eq!(waiting["items"], json!([]));
    }

    fn q2_6_the_target_is_not_found(db: TestDb) {
        // 选择转入系统团委团组织时 … 不能根据组织所在地选择具体省份;第三,确认要转入的组织不是毕业生团组织
        let world = World::new(db, SUMMER);
        turned(&world);
        let body = proposal(&world, "further_study", "class_1");
        let no_graduates = no(422, "transfer.target_graduate_branch", "T8").at("/target");
        not_proposed(&world, &world.person("class_2/1"), &body, no_graduates);
        let body = proposal(&world, "employed_with_league", "beijing_branch");
        not_proposed(&world, &world.person("class_2/1"), &body, no(422, "transfer.target_other_system", "T6").at("/target"));
    }

    fn q2_7_a_transfer_is_open_already(db: TestDb) {
        // 已有业务正在办理,不能重复发起 … 可以查看组织关系发起转接情况及发起人信息 … 可以点击右上角的“撤销申请”
        let world = World::new(db, SUMMER);
        let fetched = propose(&world.admin("village"), &named(&world, "class_1/1", proposal(&world, "unsettled", "village")));
        let member = world.person("class_1/1");
        let own = proposal(&world, "unsettled", "home");
        let answer = member.write("/v1/transfers", &own).refused(409, "transfer.already_open").json();
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains("已有业务正在办理\u{ff0c}不能重复发起") && detail.contains(&fetched.id) && detail.contains("转入方"), "{detail}");
        // The member finds the case and who started it in their own list, and withdraws it.
        let mine = member.get("/v1/transfers").expect(200).json();
        assert_eq!((&mine["items"][0]["id"], &mine["items"][0]["started_by"]), (&json!(fetched.id), &json!("target")));
        let history = member.get(&format!("{}/history", fetched.path())).expect(200).json();
        assert_eq!(history["items"][0]["acting_for"]["name"], json!("village"));
        fetched.take(&member, "withdraw", &json!({}));
        propose(&member, &own);
    }

    fn q2_8_the_league_identity_is_not_certified(db: TestDb) {
        // 不是姓名下显示的“已认证” … 2020年以后发展的团员 … 联系上级组织管理员
        let world = World::new(db, SUMMER);
        let id = world.mem_key("class_1/1");
        world.db.execute(&format!(
            "UPDATE members SET joined_month = 202105, certification = 'waiting', real_name_check = 'passed' WHERE id = {id}"
        ));
        let body = proposal(&world, "unsettled", "village");
        let uncertified = no(409, "transfer.identity_not_certified", "T3").ask("class_1");
        let answer = not_proposed(&world, &world.person("class_1/1"), &body, uncertified);
        assert_eq!(answer["section"], json!("2.8"));
        world.db.execute(&format!("UPDATE members SET certification = 'certified' WHERE id = {id}"));
        propose(&world.person("class_1/1"), &body);
    }
}
