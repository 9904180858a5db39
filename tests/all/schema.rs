//! One schema, written three times: for each engine and for diesel. All three must agree.

use crate::support::{Engine, TestDb, both_engines, rows::declared};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use zhuanjie::db::Conn;

/// What both engines say about a schema, in one wording.
///
/// The facts are lines of text, so a difference is easy to read, and one query for each kind is enough.
type Facts = BTreeSet<String>;

/// Columns: table, name, class of type, nullability, default. SQLite has one integer type for numbers and booleans. The
/// columns of a key are never null, although `pragma_table_info` does not say so.
const SQLITE_COLUMNS: &str = "
    SELECT t.name || '.' || c.name || ' ' || c.type
        || CASE WHEN c.\"notnull\" OR c.pk THEN '' ELSE ' null' END
        || coalesce(' default ' || c.dflt_value, '') AS value
    FROM pragma_table_list t, pragma_table_info(t.name) c
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'";
const POSTGRES_COLUMNS: &str = "
    SELECT c.relname || '.' || a.attname || ' '
        || CASE format_type(a.atttypid, NULL)
            WHEN 'bigint' THEN 'INTEGER' WHEN 'integer' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER'
            WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB' ELSE format_type(a.atttypid, a.atttypmod) END
        || CASE WHEN a.attnotnull THEN '' ELSE ' null' END
        || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS value
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE '\\_\\_%'";

/// Keys and foreign keys, with what happens on delete and update.
const SQLITE_KEYS: &str = "
    SELECT t.name || ' primary key ' || group_concat(c.name, ', ' ORDER BY c.pk) AS value
    FROM pragma_table_list t, pragma_table_info(t.name) c
    WHERE t.schema = 'main' AND c.pk > 0 AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\' GROUP BY t.name
    UNION ALL
    SELECT t.name || ' ' || group_concat(f.\"from\", ', ' ORDER BY f.seq) || ' -> ' || f.\"table\" || ' '
        || group_concat(f.\"to\", ', ' ORDER BY f.seq) || ' ' || lower(f.on_delete) || ' ' || lower(f.on_update)
    FROM pragma_table_list t, pragma_foreign_key_list(t.name) f
    WHERE t.schema = 'main' GROUP BY t.name, f.id";
const POSTGRES_KEYS: &str = "
    SELECT conrelid::regclass || CASE contype WHEN 'p' THEN ' primary key ' ELSE ' ' END
        || (SELECT string_agg(attname, ', ' ORDER BY n) FROM unnest(conkey) WITH ORDINALITY u (k, n)
            JOIN pg_attribute ON attrelid = conrelid AND attnum = k)
        || CASE contype WHEN 'p' THEN '' ELSE ' -> ' || confrelid::regclass || ' '
            || (SELECT string_agg(attname, ', ' ORDER BY n) FROM unnest(confkey) WITH ORDINALITY u (k, n)
                JOIN pg_attribute ON attrelid = confrelid AND attnum = k)
            || ' ' || CASE confdeltype WHEN 'a' THEN 'no action' ELSE confdeltype::text END
            || ' ' || CASE confupdtype WHEN 'a' THEN 'no action' ELSE confupdtype::text END END AS value
    FROM pg_constraint
    WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '\\_\\_%'";

/// Indexes by name, columns and condition. The index of a UNIQUE column has no name of its own.
const SQLITE_INDEXES: &str = "
    SELECT CASE WHEN i.\"unique\" THEN 'unique ' ELSE '' END || CASE i.origin WHEN 'c' THEN i.name ELSE '-' END || ' on '
        || t.name || ' ' || (SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(i.name))
        || coalesce(' where ' || (SELECT substr(sql, instr(sql, ' WHERE ') + 7) FROM sqlite_schema s
            WHERE s.name = i.name AND instr(sql, ' WHERE ')), '') AS value
    FROM pragma_table_list t, pragma_index_list(t.name) i
    WHERE t.schema = 'main' AND i.origin <> 'pk'";
const POSTGRES_INDEXES: &str = "
    SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END
        || CASE WHEN k.contype = 'u' THEN '-' ELSE i.indexrelid::regclass::text END || ' on '
        || i.indrelid::regclass || ' '
        || (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' ORDER BY n)
            FROM generate_series(1, i.indnkeyatts) n)
        || coalesce(' where ' || pg_get_expr(i.indpred, i.indrelid), '') AS value
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u')
    WHERE c.relnamespace = 'public'::regnamespace AND NOT i.indisprimary";

/// One fact in the wording of both engines, because PostgreSQL adds parentheses and casts. A condition whose meaning
/// depends on parentheses can not be compared this way. There is none.
fn plain(fact: &str) -> String {
    let fact = fact.replace("::text", "").replace(['(', ')'], "");
    fact.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn facts(db: &TestDb, sqlite: &str, postgres: &str) -> Facts {
    let question = match db.engine() {
        Engine::Sqlite => sqlite,
        Engine::Postgres => postgres,
    };
    db.texts(question).iter().map(|fact| plain(fact)).collect()
}

/// The conditions of the CHECK constraints, as far as they can be compared. SQLite keeps them only in the text of the
/// table.
fn checks(db: &TestDb) -> Facts {
    let question = match db.engine() {
        Engine::Sqlite => "SELECT sql AS value FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%CHECK%'",
        Engine::Postgres => {
            "SELECT pg_get_constraintdef(oid) AS value FROM pg_constraint
             WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        }
    };
    let demands = |text: String| -> Vec<String> {
        text.split("CHECK ")
            .skip(1)
            .map(|check| plain(balanced(check)))
            .collect()
    };
    db.texts(question).into_iter().flat_map(demands).collect()
}

/// The text up to the parenthesis that closes the first one.
fn balanced(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    &text[..end.map_or(text.len(), |end| end + 1)]
}

/// Asserts that both engines report the same facts, and at least one. Prints the facts that only one of them reports.
fn assert_same(what: &str, tell: impl Fn(&TestDb) -> Facts) {
    let sqlite = tell(&TestDb::new(Engine::Sqlite).expect("SQLite is built in"));
    assert!(!sqlite.is_empty(), "no {what} found");
    let Some(postgres) = TestDb::new(Engine::Postgres) else {
        return;
    };
    let postgres = tell(&postgres);
    let only = |one: &Facts, other: &Facts| one.difference(other).cloned().collect::<Vec<_>>();
    assert_eq!(
        (only(&sqlite, &postgres), only(&postgres, &sqlite)),
        (vec![], vec![]),
        "{what} only in SQLite, only in PostgreSQL"
    );
}

#[test]
fn both_engines_have_the_same_columns() {
    assert_same("columns", |db| facts(db, SQLITE_COLUMNS, POSTGRES_COLUMNS));
}

#[test]
fn both_engines_have_the_same_keys() {
    assert_same("keys", |db| facts(db, SQLITE_KEYS, POSTGRES_KEYS));
}

#[test]
fn both_engines_have_the_same_indexes() {
    assert_same("indexes", |db| facts(db, SQLITE_INDEXES, POSTGRES_INDEXES));
}

#[test]
fn both_engines_check_the_same() {
    assert_same("checks", checks);
}

/// The comparison itself must notice a difference of each kind.
mod a_difference_is_seen {
    use super::*;

    fn differs(change: &str, tell: impl Fn(&TestDb) -> Facts) {
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let Some(db) = TestDb::new(engine) else { continue };
            let before = tell(&db);
            db.execute(change);
            assert_ne!(before, tell(&db), "{engine:?}: {change}");
        }
    }

    #[test]
    fn in_columns() {
        let tell = |db: &TestDb| facts(db, SQLITE_COLUMNS, POSTGRES_COLUMNS);
        differs("ALTER TABLE inbox_entries ADD COLUMN extra TEXT", tell);
        differs("ALTER TABLE inbox_entries RENAME COLUMN since TO began", tell);
        differs(
            "ALTER TABLE inbox_entries ADD COLUMN extra INTEGER NOT NULL DEFAULT 1",
            tell,
        );
    }

    #[test]
    fn in_keys() {
        let change = "CREATE TABLE more (id INTEGER NOT NULL PRIMARY KEY, job INTEGER REFERENCES job_leases (name))";
        let change = change.replace("job INTEGER", "job TEXT");
        differs(&change, |db| facts(db, SQLITE_KEYS, POSTGRES_KEYS));
    }

    #[test]
    fn in_indexes() {
        let tell = |db: &TestDb| facts(db, SQLITE_INDEXES, POSTGRES_INDEXES);
        let again = |rest: &str| format!("DROP INDEX transfers_one_open; CREATE {rest}");
        differs("DROP INDEX inbox_entries_organization", tell);
        differs(
            &again("INDEX transfers_one_open ON transfers (member_id) WHERE closed_at IS NULL"),
            tell,
        );
        differs(&again("UNIQUE INDEX transfers_one_open ON transfers (member_id)"), tell);
        differs(
            &again("UNIQUE INDEX transfers_one_open ON transfers (member_id) WHERE closed_at IS NOT NULL"),
            tell,
        );
        differs(
            &again("UNIQUE INDEX transfers_one_open ON transfers (id) WHERE closed_at IS NULL"),
            tell,
        );
    }

    #[test]
    fn in_checks() {
        differs("CREATE TABLE more (id INTEGER CHECK (id > 0))", checks);
    }
}

both_engines! {
    fn diesel_knows_the_live_columns(db: TestDb) {
        // Each engine's types as diesel would declare them. An integer of SQLite may be any of three.
        let question = match db.engine() {
            Engine::Sqlite => SQLITE_COLUMNS.to_owned(),
            Engine::Postgres => POSTGRES_COLUMNS
                .replace("'bigint' THEN 'INTEGER'", "'bigint' THEN 'BigInt'")
                .replace("'integer' THEN 'INTEGER'", "'integer' THEN 'Integer'")
                .replace("'boolean' THEN 'INTEGER'", "'boolean' THEN 'Bool'"),
        };
        let live: BTreeMap<String, String> = db
            .texts(&question)
            .iter()
            .map(|fact| {
                let mut words = fact.split(' ');
                let name = words.next().unwrap_or_default().to_owned();
                let class = match words.next().unwrap_or_default() {
                    "TEXT" => "Text",
                    "BLOB" => "Binary",
                    other => other,
                };
                let is_nullable = words.next() == Some("null");
                (name, if is_nullable { format!("Nullable<{class}>") } else { class.to_owned() })
            })
            .collect();
        let mut declared = declared();
        assert!(declared.len() > 100, "only {} columns were read", declared.len());
        if db.engine() == Engine::Sqlite {
            for class in declared.values_mut() {
                for integer in ["BigInt", "Integer", "Bool"] {
                    *class = class.replace(integer, "INTEGER");
                }
            }
        }
        assert_eq!(live, declared);
    }
}

#[test]
fn every_table_of_sqlite_is_strict() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is built in");
    let loose = db.texts(
        "SELECT name AS value FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
    );
    assert_eq!(loose, [""; 0]);
}

#[test]
fn every_path_of_postgres_compares_by_bytes() {
    // A prefix search over an index works only in byte order.
    let Some(db) = TestDb::new(Engine::Postgres) else {
        return;
    };
    let other = db.texts(
        "SELECT attrelid::regclass || '.' || attname AS value FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND attname ~ '(^|_)path$'
         AND attcollation <> '\"C\"'::regcollation",
    );
    assert_eq!(other, [""; 0]);
}

fn versions(engine: &str) -> Vec<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(engine);
    let mut found: Vec<String> = fs::read_dir(folder)
        .expect("the migrations")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    found
}

#[test]
fn both_engines_have_the_same_versions() {
    assert_eq!(versions("sqlite"), versions("postgres"));
    assert!(!versions("sqlite").is_empty());
}

/// What diesel calls the version of a migration: the name of its folder up to the first `_`, without `-`.
fn version(folder: &str) -> String {
    folder.split('_').next().unwrap_or_default().replace('-', "")
}

#[test]
fn each_migration_has_a_date_and_a_number_that_is_greater_than_every_earlier_one() {
    // Of two migrations with the same version, diesel runs only one and reports nothing.
    for folder in versions("sqlite") {
        let version = version(&folder);
        let is_whole = version.len() == 14 && version.bytes().all(|byte| byte.is_ascii_digit());
        assert!(is_whole, "{folder}: name it <date>-<six digits>_<what>");
    }
    let numbers: Vec<String> = versions("sqlite")
        .iter()
        .map(|folder| version(folder)[8..].to_owned())
        .collect();
    let in_order = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    assert!(
        in_order,
        "a number is used twice, or is less than an earlier one: {numbers:?}"
    );
}

/// Reverts all of the project's migrations, or runs them again.
fn migrate(db: &TestDb, engine: &str, is_up: bool) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(engine);
    let source = FileBasedMigrations::from_path(folder).expect("the migrations");
    let done = match (&mut db.conn(), is_up) {
        (Conn::Sqlite(conn), true) => conn.run_pending_migrations(source).map(|run| run.len()),
        (Conn::Sqlite(conn), false) => conn.revert_all_migrations(source).map(|run| run.len()),
        (Conn::Postgres(conn), true) => conn.run_pending_migrations(source).map(|run| run.len()),
        (Conn::Postgres(conn), false) => conn.revert_all_migrations(source).map(|run| run.len()),
    };
    assert_eq!(done.expect("the migrations run"), versions(engine).len());
}

both_engines! {
    fn up_down_up_leaves_the_same_dump(db: TestDb) {
        let (folder, own_tables) = match db.engine() {
            Engine::Sqlite => ("sqlite", "SELECT name AS value FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'"),
            Engine::Postgres => ("postgres", "SELECT relname AS value FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_\\_%'"),
        };
        let before = db.dump();
        assert!(before.contains("transfers_one_open"));
        migrate(&db, folder, false);
        assert_eq!(db.texts(own_tables), [""; 0], "tables were left behind");
        migrate(&db, folder, true);
        assert_eq!(db.dump(), before);
    }
    fn migrating_again_does_nothing(db: TestDb) {
        let applied = crate::support::block_on(db.db().migrate()).expect("nothing to do");
        assert_eq!(applied, [""; 0]);
    }
}
