//! The demo country in the database of either engine, and the command that serves it.

use crate::support::http::Client;
use crate::support::process::{self, Process, zhuanjie};
use crate::support::{Engine, TestDb, both_engines};
use diesel::prelude::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use zhuanjie::config::Keys;
use zhuanjie::db::schema::{accounts, members, organization_names, organizations};
use zhuanjie::demo::holding::{Holding, inspect};
use zhuanjie::demo::load::load;
use zhuanjie::demo::{Country, PASSWORD, Signature};
use zhuanjie::domain::core::time::Timestamp;
use zhuanjie::domain::organization::facts::Graduation;
use zhuanjie::repository::audit::{self, NewAuditRow};
use zhuanjie::security::vault::{SealPurpose, SealedRow};

const MEMBERS: u64 = 1_000;

fn now() -> Timestamp {
    "2026-06-20T01:00:00Z".parse().expect("an instant")
}

/// Enough members for a fifth college at the university. Its branches are already marked.
const MARKED_MEMBERS: u64 = 6_500;

/// Stores a country and returns it with the number of rows it reported.
fn loaded(db: &TestDb, members: u64) -> (Country, u64) {
    let country = Country::new(7, members, now());
    let reported = AtomicU64::new(0);
    let count = |rows| {
        reported.fetch_add(rows, Ordering::Relaxed);
    };
    load(&mut db.conn(), &country, &Keys::demo().vault, "no hash", &count).expect("an empty database takes it");
    (country, reported.into_inner())
}

fn hold(db: &TestDb) -> Holding {
    inspect(&mut db.conn()).expect("the database answers")
}

both_engines! {
    /// One load for many checks, because loading takes long.
    fn the_country_is_stored_whole(db: TestDb) {
        let (country, reported) = loaded(&db, MARKED_MEMBERS);
        assert_eq!(reported, country.row_count());
        the_tables_are_full(&db, &country);
        every_path_is_the_superiors_and_the_own_id(&db);
        every_number_opens_and_is_found(&db, &country);
        later_rows_get_ids_of_their_own(&db);
        indexes_and_statistics_are_there(&db);
    }

    fn a_country_is_recognised_and_not_loaded_twice(db: TestDb) {
        assert_eq!(hold(&db), Holding::Nothing);
        loaded(&db, MEMBERS);
        let signature = Signature { seed: 7, members: MEMBERS, at: now() };
        assert_eq!(hold(&db), Holding::Demo(signature));
        assert_eq!(Country::of(signature).sign_ins().len(), 16);
        let again = load(&mut db.conn(), &Country::of(signature), &Keys::demo().vault, "no hash", &|_| ());
        assert!(again.is_err());
        assert_eq!(db.count("members"), MEMBERS as i64);
        assert_eq!(hold(&db), Holding::Demo(signature));
    }

    fn what_is_no_demo_is_told_apart(db: TestDb) {
        db.execute(
            "INSERT INTO audit_log (at, capacity, action, request_id) VALUES (0, 'service', 'job.run', 'r')",
        );
        assert_eq!(hold(&db), Holding::Other);
        // Only one of our tables is missing.
        db.unlock_audit_log();
        db.execute("DELETE FROM audit_log");
        assert_eq!(hold(&db), Holding::Nothing);
        db.execute("ALTER TABLE audit_log RENAME TO somebody_elses");
        assert_eq!(hold(&db), Holding::Other);
    }

    fn a_load_that_fails_leaves_nothing(db: TestDb) {
        // The last but one of the tables to be loaded can not be written.
        db.execute("DROP TABLE month_changes; ALTER TABLE appointments RENAME TO elsewhere");
        let country = Country::new(7, MEMBERS, now());
        assert!(load(&mut db.conn(), &country, &Keys::demo().vault, "no hash", &|_| ()).is_err());
        assert_eq!(db.count("organizations") + db.count("members") + db.count("audit_log"), 0);
    }

    fn the_command_builds_serves_and_finds_its_country_again(db: TestDb) {
        let address = db.address();
        for start in ["2026-06-20", "2026-10-11"] {
            let (server, base) = Process::serve(zhuanjie([
                "demo", "--members", "1000", "--listen", "127.0.0.1:0", "--database", &address, "--at", start,
            ]));
            let client = Client::new(&base);
            let country = Country::new(1, MEMBERS, start_of("2026-06-20"));
            for sign_in in country.sign_ins() {
                let office = sign_in.office.map(|office| office.to_string());
                let me = signed_in(&client, sign_in.id_number.as_str(), office.as_deref());
                assert_eq!(me["name"], sign_in.name);
                assert_eq!(me["acting_office"].as_str(), office.as_deref());
            }
            let (status, lines) = server.terminate();
            assert!(status.success());
            let said = |text: &str| lines.iter().any(|line| line.contains(text));
            assert!(said(&format!("{base}/v1")), "the address is printed");
            assert!(said(&format!("{start} 00:0")), "the demo's time is printed");
            assert!(country.sign_ins().iter().all(|s| said(s.id_number.as_str())), "the accounts to sign in with are printed");
        }
        assert_eq!(db.count("members"), MEMBERS as i64);
        assert_eq!(db.number("SELECT count(*) AS value FROM audit_log WHERE action = 'demo.loaded'"), 1);
    }

    fn the_command_leaves_alone_what_is_no_demo(db: TestDb) {
        db.execute("INSERT INTO audit_log (at, capacity, action, request_id) VALUES (0, 'service', 'job.run', 'r')");
        let address = db.address();
        let (status, lines) = process::run(zhuanjie(["demo", "--listen", "127.0.0.1:0", "--database", &address]));
        assert!(!status.success());
        assert!(lines.iter().any(|line| line.contains("holds something other than the demo")), "{lines:?}");
        assert_eq!(db.count("audit_log"), 1);
        assert_eq!(db.count("organizations"), 0);
    }
}

fn start_of(date: &str) -> Timestamp {
    zhuanjie::domain::core::time::shanghai_midnight(date.parse().expect("a date"))
}

/// Signs in as the demo's text says and returns what the service says about the caller.
fn signed_in(client: &Client, id_number: &str, office: Option<&str>) -> Value {
    let mut credentials = json!({"id_number": id_number, "password": PASSWORD});
    if let Some(office) = office {
        credentials["office"] = office.into();
    }
    let answer = client.post("/v1/auth/sign-in", &credentials).expect(200).json();
    assert_eq!(answer["must_change_password"], false);
    let token = answer["access_token"].as_str().expect("a token");
    client.with_token(token).get("/v1/me").expect(200).json()
}

fn the_tables_are_full(db: &TestDb, country: &Country) {
    assert_eq!(db.count("organizations"), country.organization_count() as i64);
    assert_eq!(db.count("organizations WHERE township"), 41_352);
    // The schools of the Ministry's list, and the invented senior high school.
    assert_eq!(db.count("organizations WHERE school_code IS NOT NULL"), 2_631 + 1);
    assert_eq!(
        db.count("organizations WHERE status = 'active' AND version = 1"),
        country.organization_count() as i64
    );
    let marked = |wanted: fn(Graduation) -> bool| {
        let marks = country
            .organizations()
            .filter_map(|organization| organization.graduation);
        marks.filter(|mark| wanted(*mark)).count() as i64
    };
    let months = marked(|mark| mark.month().is_some());
    let undetermined = marked(|mark| mark.month().is_none());
    assert!(months > 0 && undetermined > 0);
    assert_eq!(db.count("organizations WHERE graduation_month IS NOT NULL"), months);
    assert_eq!(
        db.count("organizations WHERE graduation_undetermined IS NOT NULL"),
        undetermined
    );
    assert_eq!(db.count("organization_names"), country.former_names().count() as i64);
    assert_eq!(db.count("members"), country.member_count() as i64);
    assert_eq!(
        db.count("members JOIN memberships ON member_id = members.id AND memberships.branch_id = members.branch_id AND until IS NULL"),
        country.member_count() as i64
    );
    assert_eq!(
        db.count(
            "members JOIN organizations ON organizations.id = branch_id AND path = branch_path AND kind = 'branch'"
        ),
        country.member_count() as i64
    );
    assert_eq!(
        db.count("accounts WHERE password_hash = 'no hash' AND status = 'active'"),
        country.accounts().count() as i64
    );
    assert_eq!(
        db.count("appointments WHERE ended_at IS NULL"),
        country.appointments().count() as i64
    );
    assert_eq!(db.texts("SELECT action AS value FROM audit_log"), ["demo.loaded"]);
}

fn every_path_is_the_superiors_and_the_own_id(db: &TestDb) {
    let rows: Vec<(i64, Option<i64>, String)> = organizations::table
        .select((organizations::id, organizations::parent_id, organizations::path))
        .order(organizations::id)
        .load(&mut db.conn())
        .expect("organizations");
    let paths: HashMap<i64, &str> = rows.iter().map(|(id, _, path)| (*id, path.as_str())).collect();
    for (id, parent, path) in &rows {
        let above = parent.map_or("", |parent| paths[&parent]);
        assert_eq!(path, &format!("{above}{id}/"));
    }
}

fn every_number_opens_and_is_found(db: &TestDb, country: &Country) {
    type Row = (i64, String, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);
    let vault = Keys::demo().vault;
    let rows: Vec<Row> = members::table
        .order(members::id)
        .select((
            members::id,
            members::name,
            members::id_number_sealed,
            members::id_number_digest,
            members::phone_sealed,
            members::phone_digest,
        ))
        .load(&mut db.conn())
        .expect("members");
    for ((id, name, sealed, digest, phone_sealed, phone_digest), member) in rows.into_iter().zip(country.members()) {
        assert_eq!((id, name), (member.id.0, member.name));
        let (number, row) = (member.id_number.as_str(), SealedRow::Member(member.id));
        assert_eq!(vault.open(SealPurpose::IdNumber, row, &sealed).as_deref(), Ok(number));
        assert_eq!(digest, vault.digest(SealPurpose::IdNumber, number));
        let phone = phone_sealed.map(|sealed| vault.open(SealPurpose::Phone, row, &sealed).expect("a telephone"));
        assert_eq!(phone.as_deref(), member.phone.as_ref().map(|phone| phone.as_str()));
        assert_eq!(
            phone_digest,
            phone.map(|phone| vault.digest(SealPurpose::Phone, &phone))
        );
    }
    let rows: Vec<(i64, Option<Vec<u8>>)> = accounts::table
        .order(accounts::id)
        .select((accounts::id, accounts::id_number_digest))
        .load(&mut db.conn())
        .expect("accounts");
    for ((id, digest), account) in rows.into_iter().zip(country.accounts()) {
        assert_eq!(id, account.id.0);
        assert_eq!(
            digest,
            Some(vault.digest(SealPurpose::IdNumber, account.id_number.as_str()))
        );
    }
}

fn later_rows_get_ids_of_their_own(db: &TestDb) {
    let before = db.count("organization_names");
    let conn = &mut db.conn();
    diesel::insert_into(organization_names::table)
        .values((
            organization_names::organization_id.eq(1),
            organization_names::kind.eq("former"),
            organization_names::name.eq("x"),
            organization_names::recorded_at.eq(0),
        ))
        .execute(conn)
        .expect("an id of its own");
    assert_eq!(db.count("organization_names"), before + 1);
    let row = NewAuditRow::of_service(now(), "x", "x");
    audit::append_many(conn, &[row]).expect("an id of its own");
    // The values of the sealed columns do not matter. Only the ids are checked.
    let new = |table: &str, columns: &str, values: &str| {
        db.execute(&format!("INSERT INTO {table} ({columns}) VALUES ({values})"));
        let next = db.number(&format!("SELECT max(id) AS value FROM {table}"));
        assert_eq!(next, db.count(table), "{table}: the ids have a gap");
    };
    new(
        "organizations",
        "path, kind, level, system, sector, township, purpose, name, short_name, status, created_at",
        "'x', 'x', 'x', 'x', 'x', false, 'x', 'x', 'x', 'x', 0",
    );
    let blob = match db.engine() {
        Engine::Sqlite => "CAST('' AS BLOB)",
        Engine::Postgres => "CAST('' AS BYTEA)",
    };
    new(
        "members",
        "branch_path, name, id_number_sealed, id_number_digest, joined_month, standing, real_name_check, certification, created_at",
        &format!("'x', 'x', {blob}, {blob}, 202001, 'x', 'x', 'x', 0"),
    );
    new(
        "appointments",
        "account_id, organization_id, started_at, ended_at",
        "1, 1, 0, 1",
    );
    db.execute("UPDATE memberships SET until = 1 WHERE member_id = 1");
    new("memberships", "member_id, branch_id, since", "1, 1, 1");
}

fn indexes_and_statistics_are_there(db: &TestDb) {
    let empty = TestDb::new(db.engine()).expect("a second database");
    let (indexes, statistics) = match db.engine() {
        Engine::Sqlite => (
            "SELECT sql AS value FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name",
            "SELECT count(*) AS value FROM sqlite_stat1 WHERE tbl IN ('members', 'organizations')",
        ),
        Engine::Postgres => (
            "SELECT indexdef AS value FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname",
            "SELECT count(*) AS value FROM pg_stats WHERE tablename IN ('members', 'organizations')",
        ),
    };
    assert_eq!(db.texts(indexes), empty.texts(indexes));
    assert!(db.number(statistics) > 2);
}

/// A directory for this test alone. It is removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zhuanjie-demo-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    fn demo(&self) -> std::process::Command {
        let mut command = zhuanjie(["demo", "--members", "200", "--listen", "127.0.0.1:0"]);
        command.current_dir(&self.0);
        command
    }

    fn file(&self) -> PathBuf {
        self.0.join("zhuanjie-demo.sqlite")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_demos_own_file_is_made_anew_but_not_while_it_is_served() {
    let directory = Directory::new("own");
    let (first, _) = Process::serve(directory.demo());
    let (status, lines) = process::run(directory.demo());
    assert!(!status.success());
    assert!(lines.iter().any(|line| line.contains("in use")), "{lines:?}");
    first.kill();
    // The files that a killed demo leaves behind are replaced, its log included.
    let (second, base) = Process::serve(directory.demo());
    Client::new(&base).get("/readyz").expect(200);
    assert!(second.terminate().0.success());
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let directory = Directory::new("other");
    for text in ["", "SQLite format 3\0 or so", "my notes"] {
        std::fs::write(directory.file(), text).expect("a file");
        let (status, lines) = process::run(directory.demo());
        assert!(!status.success());
        assert!(
            lines.iter().any(|line| line.contains("not a demo's database")),
            "{lines:?}"
        );
        assert_eq!(
            std::fs::read_to_string(directory.file()).expect("the file is left"),
            text
        );
    }
}
