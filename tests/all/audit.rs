//! The audit log: which actions leave a row, who reads it, how a change to it is noticed, and how long it is kept
//! (S-18, I-28).

use crate::support::http::Client;
use crate::support::process::{self, zhuanjie};
use crate::support::world::World;
use crate::support::{TestDb, block_on, both_engines};
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};
use zhuanjie::domain::office::OfficeRole;
use zhuanjie::service::audit::{Anchor, Check, Flaw};
use zhuanjie::service::jobs::JobName;

const NOW: &str = "2026-06-15T00:00:00Z";

/// Leaves a few rows by setting marks one after the other.
fn live(world: &World) {
    for month in ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"] {
        let body = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": month}]});
        world.admin("college").write("/v1/graduation-marks", &body).expect(200);
    }
}

fn check(world: &World, anchors: Vec<Anchor>) -> Check {
    block_on(async {
        let db = world.db.db();
        let mut check = Check::new(anchors, world.clock.now());
        loop {
            let read = db.read(move |conn| {
                let goes_on = check.go_on(conn, 2)?;
                Ok::<_, zhuanjie::service::Error>((check, goes_on))
            });
            let (checked, goes_on) = read.await.expect("a database");
            if !goes_on {
                return checked;
            }
            check = checked;
        }
    })
}

fn items(client: &Client, path: &str) -> Vec<Value> {
    client.get(path).expect(200).json()["items"]
        .as_array()
        .expect("items")
        .clone()
}

/// The organizations that an action was done for, as the auditor reads them, newest first.
fn behalf(world: &World, action: &str) -> Vec<Value> {
    let rows = items(&world.admin("the auditor"), &format!("/v1/audit?action={action}"));
    rows.into_iter().map(|mut row| row["on_behalf_of"].take()).collect()
}

fn denied(db: &TestDb) -> Vec<String> {
    db.texts(
        "SELECT action || ' ' || coalesce(subject, '-') || ' ' || code || ' ' || times AS value FROM audit_log
         WHERE outcome = 'denied' ORDER BY id",
    )
}

both_engines! {
    fn s18_a_sealed_log_passes_the_check_and_its_end_is_an_anchor(db: TestDb) {
        let world = World::new(db, NOW);
        live(&world);
        assert_eq!(check(&world, vec![]).unsealed, 5);
        assert_eq!(world.run(JobName::AuditSeal, NOW).processed, 5);
        let first = check(&world, vec![]);
        assert_eq!((first.rows, first.unsealed, &first.flaws), (5, 0, &vec![]));
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        let second = check(&world, vec![first.head.clone()]);
        assert_eq!((second.rows, &second.flaws), (10, &vec![]));
        assert_ne!(first.head, second.head);
    }

    fn s18_a_changed_row_is_named(db: TestDb) {
        let world = World::new(db, NOW);
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        world.db.unlock_audit_log();
        for change in ["action = 'x'", "subject = NULL", "at = at + 1", "account_id = 1", "request_id = ''", "outcome = 'x'", "scope_path = 'x'", "on_behalf_of = 1", "times = 2", "subject_key = 999"] {
            let kept = world.db.texts("SELECT action || '|' || coalesce(subject, '') || '|' || at || '|' || request_id AS value FROM audit_log WHERE sequence = 3");
            world.db.execute(&format!("CREATE TABLE kept AS SELECT * FROM audit_log WHERE sequence = 3; UPDATE audit_log SET {change} WHERE sequence = 3"));
            let found = check(&world, vec![]).flaws;
            assert!(matches!(found[..], [Flaw::Changed { sequence: 3, .. }]), "{change}: {found:?}");
            world.db.execute("DELETE FROM audit_log WHERE sequence = 3; INSERT INTO audit_log SELECT * FROM kept; DROP TABLE kept");
            assert_eq!(check(&world, vec![]).flaws, [], "{change}: {kept:?} is back");
        }
    }

    fn s18_a_removed_row_and_moved_rows_are_named(db: TestDb) {
        let world = World::new(db, NOW);
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        world.db.unlock_audit_log();
        world.db.execute(
            "UPDATE audit_log SET sequence = -1 WHERE sequence = 4; UPDATE audit_log SET sequence = 4 WHERE sequence = 5;
             UPDATE audit_log SET sequence = 5 WHERE sequence = -1; DELETE FROM audit_log WHERE sequence = 2",
        );
        let found = check(&world, vec![]).flaws;
        assert!(
            matches!(found[..], [Flaw::Missing { first: 2, last: 2 }, Flaw::Changed { sequence: 4, .. }, Flaw::Changed { sequence: 5, .. }]),
            "{found:?}"
        );
    }

    fn s18_an_anchor_reveals_a_cut_end_and_a_rebuilt_chain(db: TestDb) {
        let world = World::new(db, NOW);
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        let anchor = check(&world, vec![]).head;
        world.db.unlock_audit_log();
        world.db.execute("DELETE FROM audit_log WHERE sequence = 5");
        assert_eq!(check(&world, vec![]).flaws, [], "without an anchor the cut goes unnoticed");
        assert_eq!(check(&world, vec![anchor.clone()]).flaws, [Flaw::Anchor { sequence: 5 }]);
        // The owner of the database writes another history and seals it again.
        world.db.execute("UPDATE audit_log SET sequence = NULL, hash = NULL, subject = 'x', subject_key = NULL");
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        assert_eq!(check(&world, vec![]).flaws, []);
        assert_eq!(check(&world, vec![anchor]).flaws, [Flaw::Anchor { sequence: 5 }]);
    }

    fn s18_a_cut_made_by_hand_is_found(db: TestDb) {
        let world = World::new(db, NOW);
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        let early = check(&world, vec![]).head;
        world.at("2026-06-16T00:00:00Z");
        live(&world);
        world.run(JobName::AuditSeal, "2026-06-16T00:00:00Z");
        let late = check(&world, vec![]).head;
        // With a cut the database lets the rows go, and the rest of the chain is whole.
        let cut = |sequence: i64| {
            world.db.execute(&format!(
                "INSERT INTO audit_cuts (sequence, hash, at) SELECT sequence, hash, 1 FROM audit_log WHERE sequence = {sequence};
                 DELETE FROM audit_log WHERE sequence <= {sequence}"
            ));
        };
        cut(7);
        assert_eq!(check(&world, vec![]).flaws, [Flaw::YoungCut { sequence: 7 }]);
        let found = check(&world, vec![early.clone(), late.clone()]).flaws;
        assert_eq!(found, [Flaw::CutAnchor { sequence: 5 }, Flaw::YoungCut { sequence: 7 }]);
        // Somebody dates the rows that are left back and seals them again. Only the anchors show it.
        world.db.unlock_audit_log();
        world.db.execute("UPDATE audit_log SET at = 1, sequence = NULL, hash = NULL");
        world.run(JobName::AuditSeal, NOW);
        assert_eq!(check(&world, vec![]).flaws, []);
        assert_eq!(check(&world, vec![early.clone()]).flaws, [Flaw::CutAnchor { sequence: 5 }]);
        assert_eq!(check(&world, vec![late.clone()]).flaws, [Flaw::Anchor { sequence: 10 }]);
        // No row is left. An anchor of the last place is no more than its hash.
        cut(10);
        assert_eq!(check(&world, vec![]).flaws, [Flaw::YoungCut { sequence: 10 }]);
        // After 180 days the early anchor's row may be gone, and the late one's not yet.
        world.at("2026-12-12T00:00:00Z");
        let found = check(&world, vec![early, late]).flaws;
        assert_eq!(found, [Flaw::Anchor { sequence: 10 }, Flaw::CutAnchor { sequence: 10 }, Flaw::YoungCut { sequence: 10 }]);
    }

    fn s18_the_command_prints_the_cut_and_fails_for_a_young_one(db: TestDb) {
        let world = World::new(db, "2025-06-15T00:00:00Z");
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        let verify = || {
            let mut command = zhuanjie(["audit", "verify"]);
            command.env("DATABASE_URL", world.db.address());
            let (status, lines) = process::run(command);
            (status.success(), lines.join("\n"))
        };
        assert!(!verify().1.contains("cut:"));
        let cut = |sequence: i64| {
            world.db.execute(&format!(
                "INSERT INTO audit_cuts (sequence, hash, at) SELECT sequence, hash, at FROM audit_log WHERE sequence = {sequence};
                 DELETE FROM audit_log WHERE sequence <= {sequence}"
            ));
        };
        cut(3);
        let (good, said) = verify();
        assert!(good && said.contains("cut: the rows up to place 3 were removed at"), "{said}");
        assert!(said.contains("the oldest row left is of 2025-06-15T00:00:00"), "{said}");
        cut(5);
        let (good, said) = verify();
        assert!(!good && said.contains("no row is left") && said.contains("no row that is 180 days old follows"), "{said}");
    }

    fn s18_the_database_refuses_to_change_rows(db: TestDb) {
        let world = World::new(db, NOW);
        live(&world);
        let mut tampering = vec!["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "UPDATE audit_log SET sequence = 1, hash = hash, action = 'x' WHERE id = 1"];
        if world.db.engine() == crate::support::Engine::Postgres {
            tampering.push("TRUNCATE audit_log");
        }
        for sealed in [false, true] {
            for statement in &tampering {
                let refused = world.db.conn().batch_execute(statement).expect_err(statement);
                assert!(refused.to_string().contains("only appended to"), "sealed: {sealed}: {statement}: {refused}");
            }
            world.run(JobName::AuditSeal, NOW);
        }
        assert!(world.db.conn().batch_execute("UPDATE audit_log SET sequence = NULL").is_err());
        assert_eq!(check(&world, vec![]).flaws, []);
    }

    fn s18_an_entry_that_commits_late_is_sealed_too(db: TestDb) {
        let world = World::new(db, NOW);
        let row = |id: i64| format!("INSERT INTO audit_log (id, at, capacity, action, request_id) VALUES ({id}, 0, 'service', 'x', 'r')");
        world.db.execute(&row(10));
        world.run(JobName::AuditSeal, NOW);
        // A transaction that took its id earlier commits only now.
        world.db.execute(&row(9));
        assert_eq!(world.run(JobName::AuditSeal, NOW).processed, 1);
        let checked = check(&world, vec![]);
        assert_eq!((checked.rows, checked.unsealed, checked.flaws), (2, 0, vec![]));
        assert_eq!(world.db.number("SELECT sequence AS value FROM audit_log WHERE id = 9"), 2);
    }

    fn s18_a_write_whose_audit_entry_fails_is_not_stored(db: TestDb) {
        let world = World::new(db, NOW);
        world.db.execute("ALTER TABLE audit_log RENAME TO elsewhere");
        let body = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-07"}]});
        world.admin("college").write("/v1/graduation-marks", &body).refused(500, "service.fault");
        assert_eq!(world.db.count("graduation_history"), 0);
    }

    fn s18_the_command_names_the_row_and_fails(db: TestDb) {
        let world = World::new(db, NOW);
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        let verify = |more: &[&str]| {
            let mut command = zhuanjie(["audit", "verify"]);
            command.args(more).env("DATABASE_URL", world.db.address());
            process::run(command)
        };
        let (status, lines) = verify(&[]);
        assert!(status.success(), "{lines:?}");
        let anchor = lines.iter().find_map(|line| line.strip_prefix("anchor: ")).expect("an anchor").to_owned();
        let begin = "5@2026-06-15T00:00:00.000000Z:";
        assert!(anchor.starts_with(begin) && anchor.len() == begin.len() + 64, "{anchor}");
        assert!(verify(&["--anchor", &anchor]).0.success());
        world.db.unlock_audit_log();
        world.db.execute("UPDATE audit_log SET subject = NULL WHERE sequence = 2; DELETE FROM audit_log WHERE sequence = 5");
        let (status, lines) = verify(&["--anchor", &anchor]);
        assert!(!status.success());
        let said = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(said("place 2: row") && said("place 5: the log is not the one"), "{lines:?}");
    }

    fn i28_a_refused_attempt_leaves_its_row_and_nothing_else(db: TestDb) {
        let world = World::new(db, NOW);
        let class = world.mem("class_1/1");
        let (employer, member) = (world.admin("employer"), world.person("class_1/2"));
        let unseen = employer.request("GET", &format!("/v1/members/{class}")).header("x-request-id", "unseen").send();
        unseen.refused(404, "member.not_found");
        member.get(&format!("/v1/organizations/{}/members", world.org("class_1"))).refused(403, "actor.not_administrator");
        // A caller who is not signed in leaves no row. Neither does an id that can be nobody's, since it is refused
        // before the caller is known.
        world.anybody().get(&format!("/v1/members/{class}")).refused(401, "request.unauthenticated");
        employer.get("/v1/members/11010519491231002X").refused(404, "member.not_found");
        assert_eq!(denied(&world.db), [
            format!("GET /v1/members/{{id}} {class} member.not_found 1"),
            format!("GET /v1/organizations/{{id}}/members {} actor.not_administrator 1", world.org("class_1")),
        ]);
        assert_eq!(world.db.texts("SELECT request_id AS value FROM audit_log WHERE id = 1"), ["unseen"]);
        assert_eq!(world.db.number("SELECT count(*) AS value FROM audit_log WHERE outcome = 'done'"), 0);
    }

    fn i28_a_flood_of_refusals_is_counted_and_does_not_fill_the_disk(db: TestDb) {
        let world = World::new(db, NOW);
        let employer = world.admin("employer");
        let path = format!("/v1/members/{}", world.mem("class_1/1"));
        for _ in 0..130 {
            employer.get(&path).refused(404, "member.not_found");
        }
        let rows = denied(&world.db);
        assert_eq!(rows.len(), 101);
        assert!(rows[100].ends_with(" 128"), "{}", rows[100]);
        // Each hour counts anew.
        world.at("2026-06-15T01:00:00Z");
        world.admin("employer").get(&path).refused(404, "member.not_found");
        assert!(denied(&world.db)[101].ends_with(" 1"));
    }

    fn an_auditor_reads_the_log_of_their_own_subtree_only(db: TestDb) {
        let mut world = World::new(db, NOW);
        live(&world);
        world.person("class_1/2").get(&format!("/v1/organizations/{}/members", world.org("class_1"))).refused(403, "actor.not_administrator");
        world.admin("employer").get(&format!("/v1/members/{}", world.mem("class_1/1"))).refused(404, "member.not_found");
        for (auditor, organization, rows) in [("a", "university", 6), ("b", "class_1", 1), ("c", "county", 1), ("d", "nation", 7), ("e", "beijing", 0)] {
            world.appoint_as(auditor, organization, OfficeRole::Auditor);
            assert_eq!(items(&world.admin(auditor), "/v1/audit").len(), rows, "{organization}");
        }
        // Only auditors read the log, and each within their own subtree.
        world.admin("nation").get("/v1/audit").refused(403, "actor.not_auditor");
        let beside = format!("/v1/audit?organization={}", world.org("employer"));
        world.admin("a").get(&beside).refused(404, "organization.not_found");
        assert_eq!(items(&world.admin("c"), &beside).len(), 1);
    }

    fn what_was_written_before_ids_had_their_keys_beside_them_is_found_with_the_rest(db: TestDb) {
        let mut world = World::new(db, NOW);
        live(&world);
        world.at("2026-06-16T00:00:00Z");
        live(&world);
        world.appoint_as("the auditor", "nation", OfficeRole::Auditor);
        let subject = format!("/v1/audit?subject={}", world.org("class_1"));
        let asked = || items(&world.admin("the auditor"), &subject);
        let found = asked();
        assert_eq!(found.len(), 10);
        world.db.unlock_audit_log();
        world.db.execute("UPDATE audit_log SET subject_key = NULL WHERE id % 2 = 0");
        assert!(world.db.count("audit_log WHERE subject_key IS NULL AND subject IS NOT NULL") > 3);
        assert_eq!(asked(), found);
        let first = items(&world.admin("the auditor"), &format!("{subject}&limit=3"));
        assert_eq!(first, found[..3]);
        // A text that has the form of an id but is none was stored once and is shown once.
        world.admin("college").get("/v1/transfers/trf_zzzzzzzzzzzzz").refused(404, "transfer.not_found");
        assert_eq!(items(&world.admin("the auditor"), "/v1/audit?subject=trf_zzzzzzzzzzzzz").len(), 1);
    }

    fn an_auditor_narrows_the_log_and_pages_through_it(db: TestDb) {
        let mut world = World::new(db, NOW);
        live(&world);
        world.at("2026-06-16T00:00:00Z");
        live(&world);
        world.appoint_as("the auditor", "nation", OfficeRole::Auditor);
        let auditor = world.admin("the auditor");
        let count = |filter: &str| items(&auditor, &format!("/v1/audit?{filter}")).len();
        assert_eq!(count("action=graduation.marked"), 10);
        assert_eq!(count("action=transfer.proposed"), 0);
        assert_eq!(count("from=2026-06-16T00:00:00Z"), 5);
        assert_eq!(count("until=2026-06-16T00:00:00Z"), 5);
        assert_eq!(count(&format!("subject={}", world.org("class_1"))), 10);
        assert_eq!(count(&format!("subject={}", world.org("class_2"))), 0);
        assert_eq!(count(&format!("organization={}", world.org("college"))), 10);
        let seen: Vec<Value> = auditor.whole("/v1/audit?", 3).iter().map(|row| row["request_id"].clone()).collect();
        let (count, distinct) = (seen.len(), seen.iter().map(Value::to_string).collect::<std::collections::BTreeSet<_>>().len());
        assert_eq!((count, distinct), (10, 10));
    }

    fn a10_the_log_names_the_organization_an_actor_acts_for(db: TestDb) {
        let mut world = World::new(db, NOW);
        let path = format!("/v1/organizations/{}/appointments", world.org("class_1"));
        world.admin("college").write(&path, &json!({"member": world.mem("class_1/1")})).expect(201);
        world.dismiss("college");
        world.admin("university").write(&path, &json!({"member": world.mem("class_1/2")})).expect(201);
        let behalf = world.db.texts("SELECT coalesce(CAST(on_behalf_of AS TEXT), '-') AS value FROM audit_log WHERE action = 'appointment.made' ORDER BY id");
        assert_eq!(behalf, ["-".to_owned(), world.org_key("college").to_string()]);
    }

    fn a10_the_log_names_the_vacant_organization_of_a_decided_transfer(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("the auditor", "nation", OfficeRole::Auditor);
        let home = json!({"reason": "unsettled", "target": world.org("township"),
            "details": {"home_address": {"division_code": "420106", "text": "一号"}}});
        let propose = |member: &str| {
            let proposed = world.person(member).write("/v1/transfers", &home).expect(201);
            proposed.header("location").expect("an address").to_owned()
        };
        let (first, second, third) = (propose("class_1/1"), propose("class_1/2"), propose("class_1/3"));
        let branch = json!({"branch": world.org("village")});
        let approved = world.admin("township").decide(&format!("{first}/approve"), 1, &json!({})).expect(200);
        assert_eq!(approved.json()["version"], 2);
        // The only administrator leaves, so the direct superior has the turn at each step of each case.
        let office = world.admin("county").get(&format!("/v1/organizations/{}/appointments", world.org("township")));
        let office = office.expect(200).json()["items"][0]["id"].as_str().expect("an id").to_owned();
        world.admin("county").write(&format!("/v1/appointments/{office}/end"), &json!({})).expect(200);
        world.admin("city").decide(&format!("{second}/approve"), 1, &json!({})).refused(403, "approval.not_your_turn");
        let county = world.admin("county");
        county.decide(&format!("{first}/assign"), 2, &branch).expect(200);
        county.decide(&format!("{second}/approve"), 1, &json!({})).expect(200);
        county.decide(&format!("{third}/refuse"), 1, &json!({"reason": "查无此人"})).expect(200);
        let township = json!(world.org("township"));
        for (action, expected) in [
            ("transfer.approved", vec![township.clone(), Value::Null]),
            ("transfer.assigned", vec![township.clone()]),
            ("transfer.refused", vec![township]),
        ] {
            assert_eq!(behalf(&world, action), expected, "{action}, newest first");
        }
    }

    fn a10_the_log_names_the_vacant_organization_of_decided_months_offices_and_forms(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint_as("the auditor", "nation", OfficeRole::Auditor);
        let mark = json!({"mode": "all_or_nothing", "items": [{"branch": world.org("class_1"), "month": "2026-06"}]});
        world.admin("college").write("/v1/graduation-marks", &mark).expect(200);
        world.run(JobName::YearlySwitch, NOW);
        let propose = |month: &str| {
            let body = json!({"branch": world.org("class_1"), "month": month, "reason": "学制延长"});
            let change = world.admin("college").write("/v1/month-changes", &body).expect(201).json();
            format!("/v1/month-changes/{}", change["id"].as_str().expect("an id"))
        };
        let refusal = json!({"reason": "不属实"});
        let change = propose("2026-09");
        world.admin("province").decide(&format!("{change}/refuse"), 1, &refusal).expect(200);
        let change = propose("2026-10");
        let path = format!("/v1/organizations/{}/appointments", world.org("class_2"));
        let asked = world.admin("class_2").write(&path, &json!({"member": world.mem("class_2/1")})).expect(202).json();
        let request = asked["request"]["id"].as_str().expect("an id").to_owned();
        world.db.execute("UPDATE members SET joined_month = 202105, certification = 'not_uploaded' WHERE name = 'class_2/2'");
        for vacant in ["province", "college", "class_2"] {
            world.dismiss(vacant);
        }
        world.admin("nation").decide(&format!("{change}/approve"), 1, &json!({})).expect(200);
        world.admin("university").decide(&format!("/v1/appointment-requests/{request}/refuse"), 1, &refusal).expect(200);
        let university = world.admin("university");
        let path = format!("/v1/members/{}/certification", world.mem("class_2/2"));
        let upload = university.request("POST", &path).header("content-type", "application/pdf").header("idempotency-key", "form");
        upload.body("%PDF-1.7\n<</Type/Page>>\nstartxref\n9\n%%EOF\n").send().expect(201);
        let [college, class] = ["college", "class_2"].map(|name| json!(world.org(name)));
        assert_eq!(behalf(&world, "branch.turned"), [Value::Null]);
        assert_eq!(behalf(&world, "month_change.approved"), [json!(world.org("province"))]);
        assert_eq!(behalf(&world, "month_change.refused"), [Value::Null]);
        assert_eq!(behalf(&world, "appointment_request.refused"), [college]);
        assert_eq!(behalf(&world, "certification.uploaded"), [class]);
    }

    fn s29_the_log_is_kept_to_the_second_and_stays_whole_after_the_cut(db: TestDb) {
        use zhuanjie::domain::retention::RetentionPeriods;
        use zhuanjie::jobs::{self, Ending, Environment};
        let world = World::new(db, NOW);
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        let old = check(&world, vec![]).head;
        world.at("2026-07-15T00:00:00Z");
        live(&world);
        world.run(JobName::AuditSeal, NOW);
        let anchor = check(&world, vec![]).head;
        let retention = RetentionPeriods::new(200, 30).expect("more than the minimum");
        world.ran_until("2030-01-01T00:00:00Z");
        let environment = Environment { retention, ..world.jobs() };
        let rows_after = |at: &str| {
            let ended = block_on(jobs::run(&environment, JobName::Retention, at.parse().expect("an instant")));
            assert!(matches!(ended, Ok(Ending::Done(_))), "{ended:?}");
            world.db.number("SELECT count(*) AS value FROM audit_log WHERE sequence IS NOT NULL")
        };
        // To the second: 200 days after 15 June 2026 is 1 January.
        assert_eq!(rows_after("2027-01-01T00:00:00Z"), 10);
        // The newest of the old rows stays, and shows that the others were old.
        assert_eq!(rows_after("2027-01-01T00:00:01Z"), 6);
        assert_eq!(rows_after("2027-01-01T00:00:02Z"), 6);
        world.at("2027-01-01T00:00:02Z");
        let left = check(&world, vec![anchor, old]);
        assert_eq!((left.rows, left.flaws), (6, vec![]));
        let (cut, oldest) = left.cut.expect("a cut");
        assert_eq!((cut.sequence, oldest), (4, Some(NOW.parse().expect("an instant"))));
        // The job's own rows are sealed like any others.
        assert!(world.run(JobName::AuditSeal, NOW).processed > 0);
        assert_eq!(check(&world, vec![]).flaws, []);
        // Unsealed rows are not removed, however old they are.
        world.at("2026-07-15T00:00:00Z");
        live(&world);
        let waiting = check(&world, vec![]).unsealed;
        assert_eq!(rows_after("2030-01-01T00:00:00Z"), 1);
        assert!(waiting >= 5 && check(&world, vec![]).unsealed >= waiting);
    }
}

#[test]
fn s29_a_shorter_time_than_the_minimum_is_refused_at_startup() {
    for command in [
        vec!["serve", "--audit-days", "179"],
        vec!["jobs", "run", "retention", "--audit-days", "179"],
    ] {
        let mut command = zhuanjie(command);
        command.env("DATABASE_URL", "sqlite:///nowhere/at/all");
        let (status, lines) = process::run(command);
        assert!(!status.success());
        assert!(
            lines
                .iter()
                .any(|line| line.contains("179 days are fewer than the 180")),
            "{lines:?}"
        );
    }
}
