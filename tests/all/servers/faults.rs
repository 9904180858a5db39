//! Each kind of database fault, caused on purpose. Each is recognized, and none becomes an internal error.

use crate::support::database::texts;
use crate::support::world::{World, fresh_key};
use crate::support::{Engine, Fault, TestDb, block_on, both_engines};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use serde_json::json;
use std::time::Duration;
use zhuanjie::db::schema::job_leases;
use zhuanjie::db::sql::locks::Locked;
use zhuanjie::db::{Conn, DatabaseSettings, Db, DbError, FaultKind, Limits};

fn insert(conn: &mut Conn, name: &str) -> Result<(), Fault> {
    let row = (
        job_leases::name.eq(name),
        job_leases::holder.eq("test"),
        job_leases::until.eq(0),
    );
    diesel::insert_into(job_leases::table).values(row).execute(conn)?;
    Ok(())
}

/// Runs a statement and drops its result.
fn run(statement: &'static str) -> impl Fn(&mut Conn) -> Result<(), Fault> {
    move |conn| Ok(conn.batch_execute(statement)?)
}

fn kind(fault: &Fault) -> FaultKind {
    match fault {
        Fault::Db(DbError::Query(error)) => FaultKind::of(error),
        other => panic!("{other:?}"),
    }
}

fn is_transient(fault: &Fault) -> bool {
    matches!(fault, Fault::Db(error) if error.is_transient())
}

/// Short time limits.
fn short_limits() -> DatabaseSettings {
    let short = Duration::from_millis(100);
    let limits = Limits {
        statement: short * 5,
        lock: short,
        idle: short,
        ..Limits::default()
    };
    DatabaseSettings {
        pool_size: 2,
        limits,
        ..DatabaseSettings::default()
    }
}

fn postgres() -> Option<(TestDb, Db)> {
    let db = TestDb::with_settings(Engine::Postgres, &short_limits())?;
    let handle = db.db();
    Some((db, handle))
}

#[test]
fn a_lock_that_is_held_too_long() {
    let Some((db, handle)) = postgres() else { return };
    block_on(handle.write(|conn| insert(conn, "x"))).expect("a write");
    let mut other = db.conn();
    other
        .batch_execute("SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT * FROM job_leases FOR UPDATE")
        .expect("the table is locked");
    let fault = block_on(handle.write(|conn| {
        let held: String = Locked(job_leases::table.select(job_leases::name)).get_result(conn)?;
        Ok::<_, Fault>(held)
    }));
    let fault = fault.expect_err("the lock is held");
    assert_eq!(kind(&fault), FaultKind::TooSlow);
    assert!(is_transient(&fault));
}

#[test]
fn a_statement_that_takes_too_long() {
    let Some((_db, handle)) = postgres() else { return };
    for fault in [
        block_on(handle.write(run("SELECT pg_sleep(30)"))).expect_err("it is cut off"),
        block_on(handle.read(run("SELECT pg_sleep(30)"))).expect_err("it is cut off"),
    ] {
        assert_eq!(kind(&fault), FaultKind::TooSlow, "{fault:?}");
    }
}

#[test]
fn an_idle_transaction_is_ended_and_rolled_back() {
    let Some((db, handle)) = postgres() else { return };
    let fault = block_on(handle.write(|conn| {
        insert(conn, "x")?;
        std::thread::sleep(Duration::from_millis(400));
        insert(conn, "y")
    }));
    assert_eq!(
        kind(&fault.expect_err("the server ended the connection")),
        FaultKind::Lost
    );
    assert_eq!(db.count("job_leases"), 0);
    block_on(handle.write(|conn| insert(conn, "z"))).expect("over a new connection");
}

#[test]
fn a_lost_connection_stores_nothing_and_is_not_used_again() {
    let Some((db, handle)) = postgres() else { return };
    for _ in 0..3 {
        let fault = block_on(handle.write(|conn| {
            insert(conn, "x")?;
            run("SELECT pg_terminate_backend(pg_backend_pid())")(conn)
        }));
        let fault = fault.expect_err("the server ended the connection");
        assert_eq!(kind(&fault), FaultKind::Lost, "{fault:?}");
        assert!(is_transient(&fault));
    }
    assert_eq!(db.count("job_leases"), 0);
    block_on(handle.write(|conn| insert(conn, "x"))).expect("over a new connection");
}

#[test]
fn a_connection_to_a_demoted_server_is_dropped() {
    let Some((_db, handle)) = postgres() else { return };
    let backend = |conn: &mut Conn| Ok::<_, Fault>(texts(conn, "SELECT pg_backend_pid()::text AS value").concat());
    let (sender, left) = std::sync::mpsc::channel();
    let fault = block_on(handle.write(move |conn| {
        sender.send(backend(conn)?).ok();
        conn.batch_execute("SET TRANSACTION READ ONLY")?;
        insert(conn, "x")
    }));
    let fault = fault.expect_err("the transaction is read-only");
    assert!(matches!(fault, Fault::Db(DbError::Unavailable(_))), "{fault:?}");
    let left = left.recv().expect("the use case ran");
    for _ in 0..2 * DatabaseSettings::default().pool_size {
        let now = block_on(handle.write(backend)).expect("a write");
        assert_ne!(now, left, "the connection is still used");
    }
}

#[test]
fn a_server_without_room_for_another_connection() {
    let Some((db, _)) = postgres() else { return };
    let role = db.address().replace("user=postgres", "user=few");
    db.execute("DROP ROLE IF EXISTS few; CREATE ROLE few LOGIN CONNECTION LIMIT 0");
    let settings = DatabaseSettings {
        start: Duration::ZERO,
        ..DatabaseSettings::default()
    };
    let fault = Db::open(&role.parse().expect("an address"), &settings)
        .err()
        .expect("the connection is refused");
    db.execute("DROP ROLE few");
    assert!(
        fault.is_transient() && fault.to_string().contains("too many connections"),
        "{fault}"
    );
}

#[test]
fn a_use_case_that_ignores_a_failed_statement_is_never_acknowledged() {
    let Some((db, handle)) = postgres() else { return };
    let fault = block_on(handle.write(|conn| {
        insert(conn, "x")?;
        let _ = insert(conn, "x");
        Ok::<_, Fault>(())
    }));
    assert!(matches!(fault, Err(Fault::Db(DbError::Query(_)))), "{fault:?}");
    assert_eq!(db.count("job_leases"), 0);
}

/// A trigger that ends the session at the commit of an insert into `table`, so the commit is never answered.
fn dies_at_the_commit_of(table: &str) -> String {
    format!(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER die AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION die()"
    )
}

#[test]
fn i20_a_commit_without_an_answer_is_an_unknown_outcome_and_not_tried_again() {
    let Some((db, handle)) = postgres() else { return };
    db.execute(&dies_at_the_commit_of("job_leases"));
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = runs.clone();
    let fault = block_on(handle.write(move |conn| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        insert(conn, "x")
    }));
    assert!(matches!(fault, Err(Fault::Db(DbError::OutcomeUnknown(_)))), "{fault:?}");
    assert_eq!(runs.load(std::sync::atomic::Ordering::SeqCst), 1);
    db.execute("DROP TRIGGER die ON job_leases");
    block_on(handle.write(|conn| insert(conn, "x"))).expect("over a new connection");
}

#[test]
fn i20_an_unknown_outcome_has_its_own_code_and_the_idempotency_key_resolves_it() {
    let Some(db) = TestDb::new(Engine::Postgres) else {
        return;
    };
    let world = World::new(db, "2026-06-15T00:00:00Z");
    world.db.execute(&dies_at_the_commit_of("transfers"));
    let body = json!({
        "member": {"id": world.mem("class_1/1")}, "reason": "unsettled", "target": world.org("township"),
        "details": {"home_address": {"division_code": "420106001", "text": "somewhere 1"}},
    });
    let (class, key) = (world.admin("class_1"), fresh_key());
    let unknown = class
        .write_with(&key, "/v1/transfers", &body)
        .refused(503, "service.outcome_unknown");
    assert!(unknown.header("retry-after").is_some());
    let problem = unknown.json();
    assert!(
        problem["next_actions"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("Idempotency-Key")),
        "{problem}"
    );
    world.db.execute("DROP TRIGGER die ON transfers");
    let first = class.write_with(&key, "/v1/transfers", &body).expect(201);
    assert_eq!(
        class.write_with(&key, "/v1/transfers", &body).expect(201).text,
        first.text
    );
    assert_eq!((world.db.count("transfers"), world.db.count("transfer_events")), (1, 1));
}

#[test]
fn a_request_that_waits_too_long_for_the_database_gets_503_and_does_nothing() {
    let Some(db) = TestDb::with_settings(Engine::Postgres, &short_limits()) else {
        return;
    };
    let world = World::new(db, "2026-06-15T00:00:00Z");
    let mut other = world.db.conn();
    other
        .batch_execute("SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE audit_log")
        .expect("the table is locked");
    let before = world.db.count("transfers");
    let body = json!({
        "member": {"id": world.mem("class_1/1")}, "reason": "unsettled", "target": world.org("township"),
        "details": {"home_address": {"division_code": "420106001", "text": "somewhere 1"}},
    });
    let busy = world
        .admin("class_1")
        .write("/v1/transfers", &body)
        .refused(503, "service.busy");
    assert!(busy.header("retry-after").is_some());
    other.batch_execute("ROLLBACK").expect("the lock is released");
    assert_eq!(world.db.count("transfers"), before);
    world.admin("class_1").write("/v1/transfers", &body).expect(201);
}

/// Statements that are wrong on both engines.
const WRONG: &[&str] = &[
    "SELECT nonsense",
    "INSERT INTO job_leases (name) VALUES (NULL)",
    "not sql at all",
];

both_engines! {
    async fn a_wrong_statement_is_no_transient_fault(db: TestDb) {
        for statement in WRONG {
            let fault = db.db().write(run(statement)).await.expect_err("the statement is wrong");
            assert_eq!(kind(&fault), FaultKind::Statement, "{statement}");
            assert!(!is_transient(&fault));
        }
    }

    async fn a_write_in_a_read(db: TestDb) {
        let fault = db.db().read(|conn| insert(conn, "x")).await.expect_err("a read can not write");
        assert_eq!(kind(&fault), FaultKind::ReadOnly);
    }
}

#[test]
fn a_file_that_another_process_writes_is_a_conflict() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is built in");
    let (mut one, mut other) = (db.conn(), db.conn());
    one.batch_execute("BEGIN IMMEDIATE").expect("the lock is free");
    other.batch_execute("PRAGMA busy_timeout = 0").expect("a setting");
    let error = sql_query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .expect_err("the lock is taken");
    assert_eq!(FaultKind::of(&error), FaultKind::Conflict);
    assert!(DbError::is_retryable(&error));
}

#[test]
fn a_file_that_can_not_grow_is_exhausted() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is built in");
    let mut conn = db.conn();
    conn.batch_execute("PRAGMA max_page_count = 1").expect("a setting");
    let row = format!(
        "INSERT INTO job_leases (name, holder, until) VALUES ('{}', 'x', 0)",
        "x".repeat(1_000_000)
    );
    let error = sql_query(row).execute(&mut conn).expect_err("the file can not grow");
    assert_eq!(FaultKind::of(&error), FaultKind::Exhausted, "{error:?}");
}
