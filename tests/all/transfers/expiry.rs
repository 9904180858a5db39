//! Cases that nobody decides (§1.5; A6): the service ends them, or the direct superior gets them too. To the minute.

use super::{Proposed, SUMMER, about, named, proposal, propose, to_beijing, to_special_unit};
use crate::support::both_engines;
use crate::support::world::World;
use chrono::TimeDelta;
use diesel::Connection;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::RefCell;
use zhuanjie::domain::core::ids::{OrganizationId, TransferId};
use zhuanjie::domain::core::text::Remark;
use zhuanjie::domain::core::time::Timestamp;
use zhuanjie::domain::policy::{MonthDay, Policy};
use zhuanjie::domain::transfer::expiry;
use zhuanjie::domain::transfer::state::{ApprovalSide, CaseOutcome, CaseState};
use zhuanjie::repository::transfers;
use zhuanjie::service::jobs::{JobName, Run};

/// Runs a job with the clock at an instant, as the schedule would.
fn run(world: &World, job: JobName, at: &str) -> Run {
    world.at(at);
    world.run(job, at)
}

fn expire(world: &World, at: &str) -> (i64, i64) {
    let run = run(world, JobName::Expiry, at);
    (run.processed, run.failed)
}

/// A state of any kind at one organization, since any quarter of an hour of a season.
fn any_state(organization: OrganizationId) -> impl Strategy<Value = CaseState> {
    let quarters = 0..4 * 24 * 365_i64;
    (0..13_usize, quarters).prop_map(move |(which, quarter)| {
        let since = Timestamp::UNIX_EPOCH + TimeDelta::days(20_454) + TimeDelta::minutes(15 * quarter);
        let approval = |side| CaseState::AwaitingApproval {
            side,
            at: organization,
            since,
        };
        let completed = |outcome| CaseState::Completed { at: since, outcome };
        let assignment = |escalated| CaseState::AwaitingAssignment {
            at: organization,
            since,
            escalated,
        };
        match which {
            0 => CaseState::AwaitingLeadingOrgan {
                organ: organization,
                since,
            },
            1 => approval(ApprovalSide::Source),
            2 => approval(ApprovalSide::Target),
            3 => CaseState::AwaitingProvince {
                organ: organization,
                since,
            },
            4 => CaseState::ExternalPending {
                province: 11,
                organ: organization,
                since,
            },
            5 => assignment(None),
            6 => assignment(Some(since)),
            7 => completed(CaseOutcome::Branch(organization)),
            8 => completed(CaseOutcome::Holding(organization)),
            9 => completed(CaseOutcome::MovedOut(11)),
            10 => CaseState::Refused {
                at: since,
                reason: Remark::new("信息错误").expect("a reason"),
            },
            11 => CaseState::Withdrawn { at: since },
            _ => CaseState::Expired { at: since },
        }
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    (1..=12_u32, 1..=28_u32, 1..=90_u16, 1..=90_u16).prop_map(|(month, day, expiry_days, escalation_days)| Policy {
        expiry_from: MonthDay::new(month, day).expect("a day of every year"),
        expiry_days,
        escalation_days,
        ..Policy::default_for(2026)
    })
}

both_engines! {
    fn a6_to_the_minute_from_1_october_or_the_arrival(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        // Proposed in June: the ten days start at midnight of 1 October in Shanghai.
        let early = propose(&world.person("class_1/1"), &body);
        let due = world.person("class_1/1").get(&early.path()).expect(200).json()["deadline"].clone();
        assert_eq!(due, json!("2026-10-10T16:00:00Z"));
        // On 30 September at 23:59 in Shanghai, and on 1 October at 00:00 and 00:01.
        world.at("2026-09-30T15:59:00Z");
        let eve = propose(&world.person("class_1/2"), &body);
        world.at("2026-09-30T16:00:00Z");
        let midnight = propose(&world.person("class_1/3"), &body);
        world.at("2026-09-30T16:01:00Z");
        let later = propose(&world.person("class_2/1"), &body);
        assert_eq!(expire(&world, "2026-10-10T15:59:00Z"), (0, 0));
        assert_eq!(expire(&world, "2026-10-10T16:00:00Z"), (0, 0), "more than ten days is strict");
        assert_eq!(expire(&world, "2026-10-10T16:01:00Z"), (3, 0));
        for (case, member) in [(&early, "class_1/1"), (&eve, "class_1/2"), (&midnight, "class_1/3")] {
            assert_eq!(case.state(&world.person(member)), "expired");
        }
        assert_eq!(later.state(&world.person("class_2/1")), "awaiting_approval");
        assert_eq!(expire(&world, "2026-10-10T16:02:00Z"), (1, 0));
        assert_eq!(expire(&world, "2026-10-10T16:02:00Z"), (0, 0), "a second run changes nothing");
        assert_eq!(world.db.count("inbox_entries"), 0, "an inbox entry is left");
        propose(&world.person("class_1/1"), &body);
    }

    fn a6_n1_expiry_ends_cases_in_the_steps_it_applies_to_and_in_no_other(db: TestDb) {
        let mut world = World::new(db, "2026-10-05T08:30:00Z");
        world.add_member("kid", "school", "2012-01-01");
        let in_approval = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        let out_approval = propose(&world.admin("village"), &named(&world, "class_1/2", proposal(&world, "unsettled", "village")));
        let external = propose(&world.person("class_1/3"), &to_beijing());
        let mut body = proposal(&world, "unsettled", "village");
        body["explanation"] = json!("随父母迁居");
        let organ = propose(&world.person("kid"), &body);
        let special = propose(&world.person("class_2/1"), &to_special_unit());
        let assignment = propose(&world.person("class_2/2"), &proposal(&world, "unsettled", "township"));
        let assignment = assignment.take(&world.admin("township"), "approve", &json!({}));
        assert_eq!(expire(&world, "2026-10-15T08:30:00Z"), (0, 0));
        assert_eq!(expire(&world, "2026-10-15T08:31:00Z"), (3, 0));
        for (case, member) in [(&in_approval, "class_1/1"), (&out_approval, "class_1/2"), (&external, "class_1/3")] {
            assert_eq!(case.state(&world.person(member)), "expired", "{member}");
        }
        // Cases at a leading organ or the province do not expire, and accepted cases never do.
        assert_eq!(expire(&world, "2027-03-01T00:00:00Z"), (0, 0));
        for (case, member, state) in [
            (&organ, "kid", "awaiting_leading_organ"),
            (&special, "class_2/1", "awaiting_province"),
            (&assignment, "class_2/2", "awaiting_assignment"),
        ] {
            assert_eq!(case.state(&world.person(member)), state);
        }
        // The ten days start when the case reaches its ordinary approver.
        world.at("2027-03-01T00:00:00Z");
        let passed = organ.take(&world.admin("county"), "approve", &json!({}));
        assert_eq!(expire(&world, "2027-03-11T00:00:00Z"), (0, 0));
        assert_eq!(expire(&world, "2027-03-11T00:01:00Z"), (1, 0));
        assert_eq!(passed.state(&world.person("kid")), "expired");
    }

    fn a6_n6_after_two_months_without_a_run_everything_overdue_is_ended_once(db: TestDb) {
        let mut world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        for number in 1..=12 {
            let name = format!("sleeper {number}");
            world.add_member(&name, "class_2", "2003-01-01");
            propose(&world.admin("class_2"), &about(&world, &name, body.clone()));
        }
        assert_eq!(expire(&world, "2026-09-30T16:00:00Z"), (0, 0), "not before 1 October");
        assert_eq!(expire(&world, "2026-12-20T03:00:00Z"), (12, 0));
        assert_eq!(expire(&world, "2026-12-20T03:00:00Z"), (0, 0));
        let expired = "SELECT count(*) AS value FROM transfer_events WHERE event = 'expired'";
        assert_eq!(world.db.number(expired), 12);
    }

    fn a6_n1_one_bad_row_stops_nothing(db: TestDb) {
        let world = World::new(db, SUMMER);
        let body = proposal(&world, "unsettled", "village");
        let members = ["class_1/1", "class_1/2", "class_1/3", "class_2/1"];
        let cases: Vec<Proposed> = members.iter().map(|member| propose(&world.person(member), &body)).collect();
        // The row of the first case loses columns that its state needs.
        let first = world.mem_key("class_1/1");
        world.db.execute(&format!("UPDATE transfers SET organization_id = NULL, side = NULL, deadline = 1 WHERE member_id = {first}"));
        assert_eq!(expire(&world, "2026-11-01T00:00:00Z"), (3, 1));
        for (case, member) in cases.iter().zip(members).skip(1) {
            assert_eq!(case.state(&world.person(member)), "expired");
        }
        assert_eq!(expire(&world, "2026-11-02T00:00:00Z"), (0, 1), "the bad row is found again and stops nothing");
    }

    fn a6_assignments_are_escalated_to_the_direct_superior_once(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "township"));
        let accepted = case.take(&world.admin("township"), "approve", &json!({}));
        let inbox = |name: &str| -> Value {
            world.admin(name).get("/v1/inbox?kind=assignment").expect(200).json()["items"].clone()
        };
        let escalate = |at: &str| run(&world, JobName::Escalation, at).processed;
        assert_eq!(escalate("2026-06-25T00:00:00Z"), 0, "more than ten days, in any month");
        assert_eq!(inbox("county"), json!([]));
        assert_eq!(escalate("2026-06-25T00:01:00Z"), 1);
        assert_eq!(escalate("2026-08-25T00:01:00Z"), 0, "once");
        for holder in ["township", "county"] {
            assert_eq!(inbox(holder)[0]["subject_id"], json!(accepted.id), "{holder}");
        }
        assert_eq!(inbox("city"), json!([]));
        let escalated = Proposed { version: accepted.version + 1, ..accepted };
        let done = escalated.take(&world.admin("county"), "assign", &json!({"branch": world.org("home")}));
        assert_eq!(done.state(&world.person("class_1/1")), "completed");
        assert_eq!((inbox("township"), inbox("county")), (json!([]), json!([])));
    }

    fn a6_the_days_and_the_start_are_the_season_s_policy_also_for_cases_proposed_before_it_changed(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        let accepted = propose(&world.person("class_1/2"), &proposal(&world, "unsettled", "township"))
            .take(&world.admin("township"), "approve", &json!({}));
        let nation = world.admin("nation");
        let mut policy = nation.get("/v1/policies/2026").expect(200).json();
        policy["expiry_from"] = json!("09-01");
        policy["expiry_days"] = json!(5);
        policy["escalation_days"] = json!(3);
        nation.request("PUT", "/v1/policies/2026").header("if-match", "\"0\"").json(&policy).send().expect(200);
        let seen = world.person("class_1/1").get(&case.path()).expect(200).json();
        assert_eq!(seen["deadline"], json!("2026-09-05T16:00:00Z"), "the shown deadline is the new one");
        let inbox = world.admin("village").get("/v1/inbox?kind=approval_in").expect(200).json();
        assert_eq!(inbox["items"][0]["due_at"], json!("2026-09-05T16:00:00Z"));
        assert_eq!(run(&world, JobName::Escalation, "2026-06-18T00:01:00Z").processed, 1);
        assert_eq!(expire(&world, "2026-09-05T16:00:00Z"), (0, 0));
        assert_eq!(expire(&world, "2026-09-05T16:01:00Z"), (1, 0));
        assert_eq!(case.state(&world.person("class_1/1")), "expired");
        assert_eq!(accepted.state(&world.person("class_1/2")), "awaiting_assignment");
    }

    fn a6_the_statement_that_resets_deadlines_agrees_with_the_rule(db: TestDb) {
        let world = World::new(db, SUMMER);
        let case = propose(&world.person("class_1/1"), &proposal(&world, "unsettled", "village"));
        let id: TransferId = case.id.parse().expect("an id");
        let conn = RefCell::new(world.db.conn());
        let attempts = (any_state(OrganizationId(world.org_key("village"))), any_policy(), any_policy());
        proptest!(ProptestConfig::with_cases(200), |((state, before, after) in attempts)| {
            let conn = &mut *conn.borrow_mut();
            let version = transfers::find(conn, id).expect("a case").expect("the case").version + 1;
            let is_stored = transfers::update(conn, id, version, &state, expiry::deadline(&state, &before));
            prop_assert!(is_stored.expect("a state"));
            let reset = conn.transaction(|conn| transfers::reset_deadlines(conn, &after));
            reset.expect("deadlines");
            let stored = transfers::find(conn, id).expect("a case").expect("the case");
            prop_assert_eq!(stored.state(), Some(state.clone()));
            prop_assert_eq!(stored.deadline.map(Timestamp::from), expiry::deadline(&state, &after));
        });
    }
}
