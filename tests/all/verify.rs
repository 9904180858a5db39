//! `zhuanjie verify`: a busy country passes, and each invariant that a test breaks is found. The broken invariants are
//! the control for the country that passes and for every harness that ends with `verify`.

use crate::support::process::{run, zhuanjie};
use crate::support::world::World;
use crate::support::{Engine, TestDb, block_on, both_engines};
use crate::transfers;
use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::result::Error;
use serde_json::json;
use std::collections::BTreeSet;
use zhuanjie::db::{Conn, DbError};
use zhuanjie::service::verify::{self, Finding};

/// A country with a case in every state, marks, an open month change, a look-up and a new administrator.
fn country(db: TestDb) -> World {
    let mut world = World::new(db, "2026-03-02T02:00:00Z");
    let branches = json!([{"branch": world.org("class_1"), "month": "2026-07"}, {"branch": world.org("teachers"), "month": "2026-07"}]);
    let body = json!({"mode": "all_or_nothing", "items": branches});
    world.admin("nation").write("/v1/graduation-marks", &body).expect(200);
    world.at("2026-03-03T02:00:00Z");
    let delayed =
        json!([{"member": world.mem("class_1/2"), "identity": "delayed", "month": "2027-07", "reason": "休学"}]);
    let body = json!({"mode": "all_or_nothing", "items": delayed});
    world.admin("class_1").write("/v1/member-marks", &body).expect(200);
    let cases = transfers::busy(&mut world);
    let village = json!({"branch": world.org("village")});
    cases[0].take(&world.admin("township"), "assign", &village);
    world
}

fn findings(conn: &mut Conn) -> Vec<Finding> {
    let mut findings = Vec::new();
    verify::run(conn, |finding| findings.push(finding)).expect("the database answers");
    assert_eq!(findings.len(), verify::checked().len());
    findings
}

/// The broken invariants: number and sentence.
fn broken(conn: &mut Conn) -> BTreeSet<(&'static str, &'static str)> {
    let findings = findings(conn).into_iter();
    findings
        .filter(|finding| !finding.broken.is_empty())
        .map(|finding| (finding.number, finding.holds))
        .collect()
}

/// How each invariant can be broken: its number, the beginning of its sentence, and the statements. If a constraint of
/// the database prevents it, the statements drop the constraint first.
#[rustfmt::skip]
const BREACHES: &[(&str, &str, &str)] = &[
    ("I-01", "A member is in the", "UPDATE members SET branch_id = 1 WHERE id = 1"),
    ("I-01", "A member is in the", "UPDATE members SET standing = 'moved_out' WHERE id = 1"),
    ("I-01", "A member is in the", "UPDATE memberships SET until = since WHERE until IS NULL AND member_id = 1"),
    ("I-01", "A member's memberships", "DROP INDEX memberships_one_current; INSERT INTO memberships (member_id, branch_id, since) SELECT member_id, branch_id, since + 1 FROM memberships WHERE member_id = 1"),
    ("I-01", "A member's memberships", "UPDATE memberships SET until = until - 1 WHERE until IS NOT NULL"),
    ("I-01", "A member's memberships", "UPDATE memberships SET until = until + 1 WHERE until IS NOT NULL"),
    ("I-02", "A member has at most", "DROP INDEX transfers_one_open; UPDATE transfers SET member_id = 1"),
    ("I-02", "A person from", "INSERT INTO inbound_persons (transfer_id, id_number_sealed, id_number_digest, joined_month, open) SELECT t.id, m.id_number_sealed, m.id_number_digest, m.joined_month, TRUE FROM transfers t JOIN members m ON m.id = 1 WHERE t.closed_at IS NOT NULL AND t.id = (SELECT min(id) FROM transfers WHERE closed_at IS NOT NULL)"),
    ("I-03", "Each decision", "UPDATE appointments SET started_at = 4000000000000000"),
    ("I-03", "Each decision", "UPDATE transfer_events SET organization_id = 1 WHERE event = 'refused'"),
    ("I-03", "A completed case", "UPDATE transfer_events SET event = 'escalated' WHERE event = 'approved'"),
    ("I-04", "Nobody decides", "UPDATE transfers SET proposer_account_id = (SELECT account_id FROM transfer_events e WHERE e.transfer_id = transfers.id AND e.number = 2) WHERE state = 'refused'"),
    ("I-05", "A completed case", "UPDATE transfers SET target_kind = 'holding' WHERE state = 'completed'"),
    ("I-06", "A case took only", "UPDATE transfer_events SET facts = '{\"event\":\"withdrawn\"}' WHERE event = 'assigned' OR number = 1"),
    ("I-06", "A case took only", "INSERT INTO transfer_events (transfer_id, number, at, event, facts) SELECT id, version + 1, since, 'withdrawn', '{\"event\":\"withdrawn\"}' FROM transfers WHERE state = 'withdrawn'"),
    ("I-06", "A case took only", "UPDATE transfer_events SET facts = 'no JSON'"),
    ("I-07", "A case is closed", "UPDATE transfers SET closed_at = since WHERE state = 'awaiting_approval'"),
    ("I-07", "A case is closed", "UPDATE transfers SET closed_at = closed_at + 1 WHERE state = 'completed'"),
    ("I-08", "A case was ended", "INSERT INTO transfer_events (transfer_id, number, at, event, facts) SELECT id, version + 1, since, 'withdrawn', '{\"event\":\"withdrawn\"}' FROM transfers WHERE state = 'refused'"),
    ("I-09", "A case has one event", "DELETE FROM transfer_events WHERE number = 1"),
    ("I-09", "A case has one event", "UPDATE transfers SET version = version + 1"),
    ("I-09", "A case has one event", "UPDATE transfer_events SET number = 0 WHERE number = 1"),
    ("I-10", "Replaying", "UPDATE transfers SET organization_id = 1 WHERE state = 'awaiting_approval'"),
    ("I-11", "Each membership", "UPDATE memberships SET transfer_id = NULL WHERE transfer_id IS NOT NULL"),
    ("I-11", "Each membership", "UPDATE memberships SET branch_id = 1 WHERE transfer_id IS NOT NULL"),
    ("I-11", "A completed case", "UPDATE memberships SET transfer_id = NULL WHERE transfer_id IS NOT NULL"),
    ("I-12", "The assigned", "UPDATE transfers SET target_id = (SELECT id FROM organizations WHERE name = 'employer') WHERE state = 'completed'"),
    ("I-12", "The assigned", "UPDATE organizations SET kind = 'committee' WHERE name = 'village'"),
    ("I-13", "The path of", "UPDATE organizations SET path = path || '7/' WHERE name = 'college'"),
    ("I-13", "The province", "UPDATE organizations SET school_id = NULL WHERE name = 'class_1'"),
    ("I-13", "The province", "UPDATE organizations SET leading_organ_id = 1 WHERE name = 'village'"),
    ("I-13", "The province", "UPDATE organizations SET province_id = 1 WHERE name = 'village'"),
    ("I-13", "Members and cases", "UPDATE members SET branch_path = '1/' WHERE id = 1"),
    ("I-13", "Members and cases", "UPDATE transfers SET source_path = '1/'"),
    ("I-13", "Open cases", "UPDATE transfers SET source_name = '旧名' WHERE closed_at IS NULL"),
    ("I-13", "Open cases", "UPDATE transfers SET target_name = '旧名' WHERE closed_at IS NULL"),
    ("I-13", "Open cases", "INSERT INTO month_changes (branch_id, branch_path, branch_name, organ_id, old_month, new_month, reason, proposer_account_id, proposer_organization_id, proposed_at, state) SELECT id, path, '旧名', 1, 202607, 202707, 'x', (SELECT min(id) FROM accounts), 1, 1, 'open' FROM organizations WHERE name = 'class_1'"),
    ("I-14", "A delayed graduate has", "UPDATE members SET mark_month = NULL WHERE mark = 'delayed'"),
    ("I-14", "A delayed graduate has", "UPDATE members SET mark_reason = 'x' WHERE mark IS NULL"),
    ("I-14", "A delayed graduate's month", "UPDATE members SET mark_month = 202607 WHERE mark = 'delayed'"),
    ("I-22", "A case that the service", "UPDATE transfer_events SET at = at - 500000000000 WHERE event = 'expired'"),
    ("I-22", "A case that the service", "UPDATE transfer_events SET at = at - 86400000000 * 120 WHERE event = 'escalated'"),
    ("I-28", "Every write", "DELETE FROM audit_log WHERE action = 'transfer.proposed' AND id = (SELECT max(id) FROM audit_log WHERE action = 'transfer.proposed')"),
    ("I-28", "Every write", "UPDATE audit_log SET at = at + 1 WHERE action = 'transfer.expired'"),
    ("I-28", "Every write", "UPDATE audit_log SET account_id = 1 WHERE action = 'mark.set'"),
    ("I-28", "Every write", "DELETE FROM audit_log WHERE action = 'graduation.marked'"),
    ("I-28", "Every write", "DELETE FROM audit_log WHERE action = 'transfer.assigned'"),
    ("I-28", "Every write", "UPDATE audit_log SET outcome = 'denied' WHERE action = 'transfer.refused'"),
    ("I-28", "Every write", "INSERT INTO look_ups (at, account_id, organization_id, kind) VALUES (4000000000000000, 1, 1, 'reveal')"),
    ("I-28", "Every write", "DELETE FROM audit_log WHERE action = 'member.looked_up'"),
    ("I-31", "An inbox entry", "UPDATE inbox_entries SET kind = 'assignment' WHERE kind = 'approval_in'"),
    ("I-31", "An inbox entry", "UPDATE inbox_entries SET subject_id = (SELECT id FROM transfers WHERE state = 'refused')"),
    ("I-31", "An inbox with", "UPDATE inbox_entries SET organization_id = (SELECT id FROM organizations WHERE name = 'holding')"),
    ("I-31", "An open case", "DELETE FROM inbox_entries WHERE kind = 'province'"),
    ("I-31", "A case is listed", "UPDATE transfers SET orphaned_at = since WHERE state = 'refused'"),
    ("I-31", "A case is listed", "DELETE FROM inbox_entries WHERE kind = 'province'"),
    ("I-33", "A member has the same", "UPDATE members SET name = 'somebody else' WHERE id = 1"),
    ("I-33", "A member has the same", "UPDATE transfers SET member_name = 'somebody else'"),
    ("S-08", "An account is blocked", "UPDATE accounts SET status = 'blocked' WHERE id = 1"),
    ("S-08", "An account is blocked", "INSERT INTO account_blocks (account_id, blocked_at, reason) VALUES (1, 0, 'x')"),
];

/// Runs a body and undoes what it wrote.
fn for_a_moment(conn: &mut Conn, body: impl FnOnce(&mut Conn)) {
    let undone = conn.transaction::<(), Error, _>(|conn| {
        body(conn);
        Err(Error::RollbackTransaction)
    });
    assert_eq!(undone, Err(Error::RollbackTransaction));
}

both_engines! {
    fn a_busy_country_passes_and_each_breach_is_found(db: TestDb) {
        let world = country(db);
        let mut conn = world.db.conn();
        for by_service in ["transfer.expired", "transfer.escalated"] {
            let rows = format!("audit_log WHERE action = '{by_service}' AND capacity = 'service' AND account_id IS NULL");
            assert!(world.db.count(&rows) > 0, "{by_service}");
        }
        assert_eq!(broken(&mut conn), BTreeSet::new());
        world.db.unlock_audit_log();
        let (mut found, mut missed) = (BTreeSet::new(), Vec::new());
        for (number, begins, breach) in BREACHES {
            for_a_moment(&mut conn, |conn| {
                conn.batch_execute(breach).unwrap_or_else(|e| panic!("{breach}: {e}"));
                let broken = broken(conn);
                let is_it = |(broken, holds): &&(&str, &str)| broken == number && holds.starts_with(begins);
                match broken.iter().find(is_it) {
                    Some(it) => drop(found.insert(*it)),
                    None => missed.push(format!("{number} {begins}: {breach} breaks {broken:?}")),
                }
            });
        }
        for_a_moment(&mut conn, |conn| {
            let cut = "DELETE FROM audit_log; INSERT INTO audit_cuts (sequence, hash, at) SELECT 1, id_number_digest, 4000000000000000 FROM members WHERE id = 1";
            conn.batch_execute(cut).expect("the log is unlocked");
            assert_eq!(broken(conn), BTreeSet::new(), "entries that were cut after their time count as missing");
        });
        assert!(missed.is_empty(), "{}", missed.join("\n"));
        assert_eq!(broken(&mut conn), BTreeSet::new(), "all is undone");
        let never_broken: Vec<_> = findings(&mut conn).into_iter()
            .map(|finding| (finding.number, finding.holds))
            .filter(|told| told.0 != "I-34" && !found.contains(told))
            .collect();
        assert_eq!(never_broken, [], "no test breaks these invariants");
    }

    fn i34_damage_that_the_engine_reports_is_found(db: TestDb) {
        match db.engine() {
            // A row that refers to nothing, stored while foreign keys are not checked.
            Engine::Sqlite => db.execute("PRAGMA foreign_keys = OFF; INSERT INTO memberships (member_id, branch_id, since) VALUES (77, 77, 0)"),
            Engine::Postgres => db.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'members_branch'::regclass"),
        }
        let broken = broken(&mut db.conn());
        assert!(broken.iter().any(|(number, _)| *number == "I-34"), "{broken:?}");
    }

    fn the_command_says_a_line_for_each_and_fails_when_one_is_broken(db: TestDb) {
        let world = country(db);
        let address = world.db.address();
        let verify = || run(zhuanjie(["verify", "--database", &address]));
        let (status, lines) = verify();
        assert!(status.success(), "{lines:?}");
        let told = lines.iter().filter(|line| line.starts_with("ok ")).count();
        assert_eq!(told, verify::checked().len());
        world.db.execute("UPDATE members SET branch_path = '1/' WHERE id = 1");
        let (status, lines) = verify();
        assert!(!status.success());
        assert!(lines.iter().any(|line| line.starts_with("BROKEN I-13")), "{lines:?}");
        assert!(lines.iter().any(|line| line.trim() == "member 1"), "{lines:?}");
    }

    fn it_sees_one_state_and_can_not_write(db: TestDb) {
        let world = country(db);
        let (db, other) = (world.db.db(), world.db.db());
        let survey = db.survey(move |conn| {
            assert_eq!(broken(conn), BTreeSet::new());
            other.bulk_connection()?.batch_execute("DELETE FROM transfer_events")?;
            assert_eq!(broken(conn), BTreeSet::new(), "the snapshot does not change");
            assert!(conn.batch_execute("DELETE FROM inbox_entries").is_err());
            Ok::<_, DbError>(())
        });
        block_on(survey).expect("the survey ends");
        assert_ne!(broken(&mut world.db.conn()), BTreeSet::new());
    }
}
