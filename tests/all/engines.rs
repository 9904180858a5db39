//! Where PostgreSQL and SQLite behave differently, we make them behave alike.
//!
//! | | PostgreSQL | SQLite | here |
//! |---|---|---|---|
//! | `LIKE` and case | sensitive | ASCII is not | no statement uses `LIKE`; terms are case-folded before they are stored |
//! | order of text | the database's collation | bytes | ordered columns have `COLLATE "C"`, or are numbers |
//! | NULL in an order | last | first | no list is ordered by a column that may be null |
//! | `''` and NULL | two things | two things | two things |
//! | a boolean | a type | 0 and 1 | a boolean |
//! | integer overflow | an error | a floating-point number | an error |
//! | a NUL in a text | an error | stored | refused before it reaches the database |
//! | the kind of an error | SQLSTATE | an extended code | one kind |

use crate::support::world::World;
use crate::support::{Engine, Fault, TestDb, block_on, both_engines, rows::least};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_query;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use zhuanjie::db::schema::{job_leases, organization_terms, organizations};
use zhuanjie::db::{Conn, DbError, FaultKind};

const SUMMER: &str = "2026-06-15T00:00:00Z";

fn store(conn: &mut Conn, name: &str, holder: &str, until: i64) -> Result<(), Fault> {
    let row = (
        job_leases::name.eq(name),
        job_leases::holder.eq(holder),
        job_leases::until.eq(until),
    );
    diesel::insert_into(job_leases::table).values(row).execute(conn)?;
    Ok(())
}

/// Texts that a careless comparison takes as equal.
const ALIKE: [&str; 9] = ["a", "A", "a ", "ａ", "á", "a\u{301}", "", " ", "%"];
/// In the order of their bytes, which differs from that of a dictionary.
const BY_BYTES: [&str; 8] = ["10", "9", "Z", "a", "b", "中", "团", "𠮷"];

both_engines! {
    async fn only_identical_texts_are_equal(db: TestDb) {
        let handle = db.db();
        for text in ALIKE {
            handle.write(move |conn| store(conn, text, text, 0)).await.expect("each is different");
        }
        for text in ALIKE {
            let found = handle.read(move |conn| {
                let same = job_leases::table.filter(job_leases::holder.eq(text)).select(job_leases::name);
                Ok::<Vec<String>, Fault>(same.load(conn)?)
            });
            assert_eq!(found.await.expect("a read"), [text]);
        }
    }

    async fn texts_are_returned_unchanged(db: TestDb) {
        let handle = db.db();
        for text in ["", " x ", "𠮷野家", "é\u{301}", "\u{feff}", "a\nb\tc", "''\\\"", "\u{10ffff}"] {
            let found = handle.write(move |conn| {
                diesel::delete(job_leases::table).execute(conn)?;
                store(conn, "x", text, 0)?;
                Ok::<String, Fault>(job_leases::table.select(job_leases::holder).first(conn)?)
            });
            assert_eq!(found.await.expect("a write"), text);
        }
    }

    async fn lists_and_ranges_are_ordered_by_bytes(db: TestDb) {
        db.execute(&least(db.engine(), "organizations", &[]));
        for text in BY_BYTES.iter().rev() {
            db.execute(&least(db.engine(), "organization_terms", &[("term", &format!("'{text}'"))]));
        }
        let terms = organization_terms::table.select(organization_terms::term).order(organization_terms::term);
        let found: Vec<String> = terms.load(&mut db.conn()).expect("the terms");
        assert_eq!(found, BY_BYTES);
        let from = organization_terms::term.ge("a").and(organization_terms::term.lt("中"));
        let found: Vec<String> = terms.filter(from).load(&mut db.conn()).expect("the terms");
        assert_eq!(found, ["a", "b"]);
    }

    async fn null_is_not_the_empty_text_and_equals_no_null(db: TestDb) {
        for (n, contact) in ["NULL", "NULL", "''"].iter().enumerate() {
            let name = format!("'{n}'");
            db.execute(&least(db.engine(), "organizations", &[("path", &name), ("name", &name), ("contact_name", contact)]));
        }
        // Three NULLs in a unique column are not duplicates.
        assert_eq!(db.count("organizations WHERE school_code IS NULL"), 3);
        let of = |filter: &str| db.count(&format!("organizations WHERE {filter}"));
        assert_eq!((of("contact_name IS NULL"), of("contact_name = ''"), of("contact_name <> 'x'")), (2, 1, 1));
        let contacts: Vec<Option<String>> =
            organizations::table.select(organizations::contact_name).order(organizations::id).load(&mut db.conn()).expect("three");
        assert_eq!(contacts, [None, None, Some(String::new())]);
    }

    async fn booleans_are_booleans(db: TestDb) {
        for (name, township) in [("'a'", "TRUE"), ("'b'", "FALSE")] {
            db.execute(&least(db.engine(), "organizations", &[("path", name), ("name", name), ("township", township)]));
        }
        let conn = &mut db.conn();
        let of = |township: bool| organizations::table.filter(organizations::township.eq(township)).select(organizations::name);
        assert_eq!(of(true).load::<String>(conn).expect("one"), ["a"]);
        assert_eq!(of(false).load::<String>(conn).expect("one"), ["b"]);
        let sorted = organizations::table.select(organizations::township).order(organizations::township.desc());
        assert_eq!(sorted.load::<bool>(conn).expect("two"), [true, false]);
    }

    async fn integer_overflow_is_an_error_and_stores_nothing(db: TestDb) {
        let handle = db.db();
        for (name, edge) in [("great", i64::MAX), ("small", i64::MIN)] {
            handle.write(move |conn| store(conn, name, "x", edge)).await.expect("the edge itself fits");
        }
        for (name, step) in [("great", 1_i64), ("small", -1)] {
            let fault = handle.write(move |conn| {
                diesel::update(job_leases::table.find(name)).set(job_leases::until.eq(job_leases::until + step)).execute(conn)?;
                Ok::<_, Fault>(())
            });
            let fault = fault.await.expect_err("it does not fit");
            assert!(matches!(&fault, Fault::Db(DbError::Query(e)) if FaultKind::of(e) == FaultKind::Statement), "{fault:?}");
        }
        let edges: Vec<i64> = job_leases::table.select(job_leases::until).order(job_leases::name).load(&mut db.conn()).expect("two");
        assert_eq!(edges, [i64::MAX, i64::MIN]);
    }

    async fn violations_have_the_same_kind(db: TestDb) {
        let conn = &mut db.conn();
        let engine = db.engine();
        let mut kind = |statement: &str| match sql_query(statement).execute(conn) {
            Err(Error::DatabaseError(kind, _)) => kind,
            other => panic!("{statement}: {other:?}"),
        };
        sql_query("INSERT INTO job_leases (name, holder, until) VALUES ('x', 'x', 1)").execute(&mut db.conn()).expect("a row");
        let again = kind("INSERT INTO job_leases (name, holder, until) VALUES ('x', 'x', 1)");
        assert!(matches!(again, DatabaseErrorKind::UniqueViolation), "{again:?}");
        let nothing = kind("INSERT INTO job_leases (name, holder, until) VALUES ('y', NULL, 1)");
        assert!(matches!(nothing, DatabaseErrorKind::NotNullViolation), "{nothing:?}");
        let nobody = kind(&least(engine, "look_ups", &[("account_id", "404"), ("organization_id", "404"), ("member_id", "NULL")]));
        assert!(matches!(nobody, DatabaseErrorKind::ForeignKeyViolation), "{nobody:?}");
    }
}

/// Requests with values that the engines treat differently.
fn hostile(world: &World) -> Vec<(&'static str, String, Value)> {
    let mut requests = vec![];
    for text in ["%", "_", "\\", "'", "%00", "\u{feff}", "A", "a", "%25%5F"] {
        requests.push(("GET", format!("/v1/targets?q={}", escaped(text)), Value::Null));
    }
    for number in ["9223372036854775807", "9223372036854775808", "-1", "0", "1e3", ""] {
        requests.push(("GET", format!("/v1/organizations?limit={number}"), Value::Null));
        requests.push(("GET", format!("/v1/policies/{number}"), Value::Null));
    }
    for text in ["", "\0", "x\0", "x\0y", "\u{10ffff}", " ", "%"] {
        let address = json!({"division_code": "420106001", "text": text});
        let body =
            json!({"reason": "unsettled", "target": world.org("township"), "details": {"home_address": address}});
        requests.push(("POST", "/v1/transfers/preview".into(), body));
        let body = json!({"name": text, "id_number": world.id_number("class_1/2")});
        requests.push(("POST", "/v1/members/look-up".into(), body));
    }
    requests
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || byte == b'%' {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// The answers to them: the status, the code of a refusal, and the number of items.
fn answers(engine: Engine) -> Option<Vec<String>> {
    let world = World::new(TestDb::new(engine)?, SUMMER);
    let told = |(method, path, body): (&str, String, Value)| {
        let client = if path.ends_with("preview") {
            world.person("class_1/1")
        } else {
            world.admin("township")
        };
        let request = client.request(method, &path);
        let answer = if body.is_null() {
            request.send()
        } else {
            request.json(&body).send()
        };
        assert!(answer.status < 500, "{method} {path} {body}: {}", answer.text);
        let found = answer.json();
        let items = found["items"].as_array().map(Vec::len);
        format!("{method} {path} {body}: {} {} {items:?}", answer.status, found["code"])
    };
    let keyless = |line: String| {
        line.replace(&world.org("township"), "township")
            .replace(&world.id_number("class_1/2"), "number")
    };
    Some(hostile(&world).into_iter().map(told).map(keyless).collect())
}

#[test]
fn the_answers_do_not_depend_on_the_engine() {
    let sqlite = answers(Engine::Sqlite).expect("SQLite is built in");
    let Some(postgres) = answers(Engine::Postgres) else {
        return;
    };
    assert_eq!(sqlite, postgres);
    assert!(
        sqlite.iter().any(|line| line.contains(" 200 ")) && sqlite.iter().any(|line| line.contains(" 422 ")),
        "{sqlite:#?}"
    );
}

/// Words that the engines treat differently. `src/repository` must not use them.
const NEVER: &[&str] = &[
    ".like(",
    ".not_like(",
    ".ilike(",
    ".similar_to(",
    "nulls_last",
    "nulls_first",
    "LOWER(",
    "lower(",
    "UPPER(",
];

#[test]
fn no_query_uses_what_the_engines_treat_differently() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/repository");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the queries").flatten() {
        // The queries of `zhuanjie verify` are written for each engine and tested on both.
        if entry.path().file_name() == Some(Path::new("invariants.rs").as_os_str()) {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let found: Vec<&&str> = NEVER.iter().filter(|word| text.contains(**word)).collect();
        assert!(found.is_empty(), "{}: {found:?}", entry.path().display());
        seen += 1;
    }
    assert!(seen > 10);
}

#[test]
fn a_text_with_a_nul_never_reaches_a_table() {
    // No statement can hide this difference, so the API refuses such texts. Otherwise this would happen.
    let sqlite = TestDb::new(Engine::Sqlite).expect("SQLite is built in");
    let stored = block_on(sqlite.db().write(|conn| store(conn, "x", "a\0b", 0)));
    assert!(stored.is_ok(), "SQLite stores it");
    let Some(postgres) = TestDb::new(Engine::Postgres) else {
        return;
    };
    let refused = block_on(postgres.db().write(|conn| store(conn, "x", "a\0b", 0)));
    assert!(refused.is_err(), "PostgreSQL does not store it");
}
