//! What the two engines say differently, in one file.

use super::connection::{Backend, Conn};
use diesel::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// A `SELECT` that locks the rows it returns until the transaction ends.
///
/// PostgreSQL gets `FOR UPDATE`; SQLite needs nothing, since its one writer has the whole database to itself.
#[derive(Debug, Clone, Copy, QueryId)]
pub struct Locked<Q>(pub Q);

impl<Q: Query> Query for Locked<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> diesel::RunQueryDsl<Conn> for Locked<Q> {}

impl<Q: QueryFragment<Backend>> QueryFragment<Backend> for Locked<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        if matches!(out.backend(), Backend::Postgres(_)) {
            out.push_sql(" FOR UPDATE");
        }
        Ok(())
    }
}

/// Compiles a statement once for each engine: for what diesel can't say for both at once, such as inserts of many rows.
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
