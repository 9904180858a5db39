//! Locks on rows and on names, held until the transaction ends. SQLite needs none of them, because it has one writer.

use super::dialect::Dialect;
use crate::db::connection::Conn;
use diesel::expression::functions::declare_sql_function;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::{PgConnection, QueryResult, RunQueryDsl, sql_types};

/// A `SELECT` that locks the rows it returns until the transaction ends.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct Locked<Q>(pub Q);

impl<Q: Query> Query for Locked<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> diesel::RunQueryDsl<C> for Locked<Q> {}

impl<DB: Dialect, Q: QueryFragment<DB>> QueryFragment<DB> for Locked<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        if out.backend().is_postgres() {
            out.push_sql(" FOR UPDATE");
        }
        Ok(())
    }
}

/// Advisory locks, for facts that are not in one row.
#[derive(Debug, Clone, Copy)]
pub enum AdvisoryLock {
    /// The appointments: which account has which office.
    Offices = 1,
}

/// Takes a lock that several transactions may hold at once.
///
/// # Errors
/// When the database does not answer, or a transaction with [`lock_exclusive`] holds the lock for longer than
/// `lock_timeout`.
pub fn lock_shared(conn: &mut Conn, lock: AdvisoryLock) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => diesel::select(pg_advisory_xact_lock_shared(lock as i64))
            .execute(conn)
            .map(drop),
    }
}

/// Takes a lock that no other transaction may hold at the same time.
///
/// # Errors
/// As [`lock_shared`].
pub fn lock_exclusive(conn: &mut Conn, lock: AdvisoryLock) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => diesel::select(pg_advisory_xact_lock(lock as i64))
            .execute(conn)
            .map(drop),
    }
}

/// Locks a name, so that no other transaction may hold the lock at the same time. Concurrent requests with the same
/// idempotency key wait here for each other.
///
/// # Errors
/// When the wait exceeds `lock_timeout`, or the database does not answer.
pub fn lock_name(conn: &mut Conn, name: &str) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => diesel::select(pg_advisory_xact_lock(hashtextextended(name, 0)))
            .execute(conn)
            .map(drop),
    }
}

/// Locks several names. All transactions do this in the same order, so that no two of them can deadlock.
///
/// # Errors
/// As [`lock_name`].
pub fn lock_names(conn: &mut Conn, mut names: Vec<String>) -> QueryResult<()> {
    match conn {
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => {
            names.sort_unstable();
            NameLocks(names).execute(conn).map(drop)
        }
    }
}

#[declare_sql_function]
extern "SQL" {
    /// PostgreSQL's hash of a text.
    fn hashtextextended(text: sql_types::Text, seed: sql_types::BigInt) -> sql_types::BigInt;
    /// Takes an exclusive lock until the transaction ends. The result is void, and never read.
    fn pg_advisory_xact_lock(key: sql_types::BigInt) -> sql_types::Text;
    /// Takes a shared lock until the transaction ends. The result is void, and never read.
    fn pg_advisory_xact_lock_shared(key: sql_types::BigInt) -> sql_types::Text;
}

/// The locks of [`lock_names`], in the order of the names.
#[derive(QueryId)]
struct NameLocks(Vec<String>);

impl diesel::RunQueryDsl<PgConnection> for NameLocks {}

impl QueryFragment<Pg> for NameLocks {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(");
        out.push_bind_param::<sql_types::Array<sql_types::Text>, _>(&self.0)?;
        out.push_sql("::text[]) name");
        Ok(())
    }
}
