//! What the two engines say differently, in one file.

use crate::db::connection::{Backend, Conn};
use diesel::connection::SimpleConnection;
use diesel::expression::functions::declare_sql_function;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sqlite::Sqlite;
use diesel::{Connection, PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query, sql_types};

/// A backend of diesel's that knows which engine it speaks to.
pub trait Engine: diesel::backend::Backend {
    /// Whether it is PostgreSQL; else it is SQLite.
    fn is_postgres(&self) -> bool;
}

impl Engine for Sqlite {
    fn is_postgres(&self) -> bool {
        false
    }
}

impl Engine for Pg {
    fn is_postgres(&self) -> bool {
        true
    }
}

impl Engine for Backend {
    fn is_postgres(&self) -> bool {
        matches!(self, Backend::Postgres(_))
    }
}

/// What stands before and behind a JSON list to make rows of it, each with its `value`.
pub fn unfolded(is_postgres: bool) -> (&'static str, &'static str) {
    match is_postgres {
        false => ("json_each(", ")"),
        true => ("json_array_elements_text(CAST(", " AS JSON)) AS each (value)"),
    }
}

/// A `SELECT` that locks the rows it returns until the transaction ends.
///
/// PostgreSQL gets `FOR UPDATE`; SQLite needs nothing, since its one writer has the whole database to itself.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct Locked<Q>(pub Q);

impl<Q: Query> Query for Locked<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> diesel::RunQueryDsl<C> for Locked<Q> {}

impl<DB: Engine, Q: QueryFragment<DB>> QueryFragment<DB> for Locked<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        if out.backend().is_postgres() {
            out.push_sql(" FOR UPDATE");
        }
        Ok(())
    }
}

/// Compiles a statement once for each engine: for what diesel can't say for both at once, such as inserts of many rows, and
/// for what is asked most often. The connection that is either of both puts a statement's text together three times at
/// each execution, though it has been prepared; the engines' own don't at all.
///
/// `on_each!(conn, |c| diesel::insert_into(t).values(&rows).execute(c))`
#[macro_export]
macro_rules! on_each {
    ($conn:expr, |$c:ident| $body:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($c) => $body,
            $crate::db::Conn::Postgres($c) => $body,
        }
    };
}

/// Inserts rows. PostgreSQL gets all of them as one [`Set`](crate::db::BulkInsert), which is one way there and back; SQLite, to
/// which there is no way, one by one by a statement that stays prepared.
#[macro_export]
macro_rules! insert_each {
    ($conn:expr, $table:expr, $rows:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite(c) => $rows.iter().try_for_each(|row| {
                let one = diesel::insert_into($table).values(row);
                one.execute(c).map(drop)
            }),
            _ if $rows.is_empty() => Ok(()),
            $crate::db::Conn::Postgres(c) => {
                let all = diesel::insert_into($table).values($crate::db::BulkInsert($rows));
                all.execute(c).map(drop)
            }
        }
    };
}

/// What transactions agree on by a lock that is no row's.
#[derive(Debug, Clone, Copy)]
pub enum Agreement {
    /// Who holds which office.
    Offices = 1,
}

/// Keeps an agreement as it is until the transaction ends; any number of transactions may do so at once. SQLite needs
/// nothing, since its one writer is alone.
///
/// # Errors
/// When the database does not answer, or somebody else changes it for longer than a lock may be waited for.
pub fn keep(conn: &mut Conn, agreement: Agreement) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => {
            let lock = diesel::select(pg_advisory_xact_lock_shared(agreement as i64));
            lock.execute(conn).map(drop)
        }
    }
}

/// Waits until nobody keeps an agreement, and has it alone until the transaction ends.
///
/// # Errors
/// As [`keep`].
pub fn change(conn: &mut Conn, agreement: Agreement) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => {
            let lock = diesel::select(pg_advisory_xact_lock(agreement as i64));
            lock.execute(conn).map(drop)
        }
    }
}

/// Lets one transaction at a time go on under a name, until it ends: twins of a request wait here for each other.
///
/// SQLite needs nothing, since its one writer has the whole database to itself.
///
/// # Errors
/// When the wait takes too long, or the database does not answer.
pub fn take_turns(conn: &mut Conn, name: &str) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => diesel::select(pg_advisory_xact_lock(hashtextextended(name, 0)))
            .execute(conn)
            .map(drop),
    }
}

#[declare_sql_function]
extern "SQL" {
    /// PostgreSQL's hash of a text.
    fn hashtextextended(text: sql_types::Text, seed: sql_types::BigInt) -> sql_types::BigInt;
    /// Waits for a lock that is held until the transaction ends. What it returns is nothing, and never read.
    fn pg_advisory_xact_lock(key: sql_types::BigInt) -> sql_types::Text;
    /// The same for a lock that others may have too.
    fn pg_advisory_xact_lock_shared(key: sql_types::BigInt) -> sql_types::Text;
}

/// The same under several names, which everybody takes in the same order.
///
/// # Errors
/// As [`take_turns`].
pub fn take_all_turns(conn: &mut Conn, mut names: Vec<String>) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => {
            names.sort_unstable();
            Turns(names).execute(conn).map(drop)
        }
    }
}

/// The locks of [`take_turns`] under several names, in their order.
#[derive(QueryId)]
struct Turns(Vec<String>);

impl diesel::RunQueryDsl<PgConnection> for Turns {}

impl QueryFragment<Pg> for Turns {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(");
        out.push_bind_param::<sql_types::Array<sql_types::Text>, _>(&self.0)?;
        out.push_sql("::text[]) name");
        Ok(())
    }
}

/// Whether there is somebody to answer.
///
/// # Errors
/// When there isn't.
pub fn ping(conn: &mut Conn) -> QueryResult<()> {
    conn.batch_execute("SELECT 1")
}

/// Gives a transaction all the time it needs: the limits that keep a request short do not hold in it.
///
/// # Errors
/// When the database does not answer.
pub fn take_time(conn: &mut Conn) -> QueryResult<()> {
    match conn {
        // The embedded engine has no such limits.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => conn.batch_execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
             SET LOCAL idle_in_transaction_session_timeout = 0",
        ),
    }
}

/// Makes the ids to come follow those that rows of these tables were given by hand.
///
/// # Errors
/// When a table has no column `id` that counts by itself.
pub fn follow_given_ids(conn: &mut Conn, tables: &[&str]) -> QueryResult<()> {
    match conn {
        // `AUTOINCREMENT` remembers the greatest id ever stored, whoever chose it.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => tables.iter().try_for_each(|table| {
            conn.batch_execute(&format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING max(id) IS NOT NULL"
            ))
        }),
    }
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = sql_types::Text)]
    value: String,
}

/// The answer to a question for texts named `value`.
///
/// # Errors
/// When the database does not answer, or does not understand.
pub fn texts(conn: &mut Conn, question: &str) -> QueryResult<Vec<String>> {
    let rows: Vec<Text> = sql_query(question).load(conn)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// The names of the tables there are, the engine's own left out.
///
/// # Errors
/// When the database does not answer.
pub fn tables(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let question = match conn {
        Conn::Sqlite(_) => {
            "SELECT name AS value FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        }
        Conn::Postgres(_) => {
            "SELECT tablename::text AS value FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
    };
    texts(conn, question)
}

/// Takes the indexes off a table that no constraint needs, and returns the statements that put them back: sorting all
/// keys once is faster than finding the place of each.
///
/// # Errors
/// When the database does not answer.
pub fn take_off_indexes(conn: &mut Conn, table: &str) -> QueryResult<Vec<String>> {
    let (names, statements) = match conn {
        Conn::Sqlite(_) => {
            let from = format!("FROM sqlite_schema WHERE type = 'index' AND tbl_name = '{table}' AND sql IS NOT NULL");
            (
                format!("SELECT name AS value {from} ORDER BY name"),
                format!("SELECT sql AS value {from} ORDER BY name"),
            )
        }
        Conn::Postgres(_) => {
            let from = format!(
                "FROM pg_indexes WHERE schemaname = current_schema() AND tablename = '{table}' \
                 AND indexname NOT IN (SELECT conname FROM pg_constraint)"
            );
            (
                format!("SELECT indexname::text AS value {from} ORDER BY indexname"),
                format!("SELECT indexdef AS value {from} ORDER BY indexname"),
            )
        }
    };
    let put_back = texts(conn, &statements)?;
    for index in texts(conn, &names)? {
        conn.batch_execute(&format!("DROP INDEX {index}"))?;
    }
    Ok(put_back)
}

/// Lets the engine count what is in its tables, so that it chooses its ways by what is there.
///
/// # Errors
/// When the database does not answer.
pub fn take_stock(conn: &mut Conn) -> QueryResult<()> {
    // SQLite reads whole indexes unless told how much of them is enough; PostgreSQL takes samples by itself.
    match conn {
        Conn::Sqlite(conn) => conn.batch_execute("PRAGMA analysis_limit = 1000; ANALYZE; PRAGMA analysis_limit = 0"),
        Conn::Postgres(conn) => conn.batch_execute("ANALYZE"),
    }
}

/// A survey of the whole database, which sees one state of it for as long as it takes and changes nothing. The connection
/// is good for nothing else afterwards.
///
/// # Errors
/// What the survey returns.
pub fn survey<T, E: From<diesel::result::Error>>(
    conn: &mut Conn,
    survey: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    if let Conn::Sqlite(conn) = conn {
        // What is sorted may be larger than the memory there is.
        conn.batch_execute("PRAGMA query_only = ON; PRAGMA temp_store = FILE")?;
    }
    conn.transaction(|conn| {
        if let Conn::Postgres(conn) = conn {
            conn.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        }
        take_time(conn)?;
        survey(conn)
    })
}

/// What the engine finds wrong with its own structures. SQLite reads every page and every index; PostgreSQL is asked for
/// indexes and constraints that do not hold, and has a program of its own for the pages (`pg_amcheck`).
///
/// # Errors
/// When the database does not answer.
pub fn unsound(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let question = match conn {
        Conn::Sqlite(_) => {
            "SELECT integrity_check AS value FROM pragma_integrity_check WHERE integrity_check <> 'ok' UNION ALL \
             SELECT 'a row of ' || \"table\" || ' refers to nothing in ' || parent FROM pragma_foreign_key_check"
        }
        Conn::Postgres(_) => {
            "SELECT 'index ' || indexrelid::regclass AS value FROM pg_index WHERE NOT (indisvalid AND indisready) \
             UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE NOT convalidated"
        }
    };
    texts(conn, question)
}

/// Copies the embedded database as it is at this instant into an empty file; writers go on meanwhile.
///
/// # Errors
/// When the database does not answer, there is no room, or the engine has no such copy (PostgreSQL).
pub fn copy_into(conn: &mut Conn, path: &str) -> QueryResult<()> {
    let copied = sql_query("VACUUM INTO $1").bind::<sql_types::Text, _>(path);
    match conn {
        Conn::Sqlite(conn) => copied.execute(conn).map(drop),
        Conn::Postgres(_) => Err(diesel::result::Error::NotFound),
    }
}
