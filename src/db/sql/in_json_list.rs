//! Any number of keys as one bound value: the statement is as long for a thousand of them as for one.

use super::dialect::{Engine, unfolded};
use diesel::QueryResult;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, Text};

/// Whether a key's column has one of these values.
#[derive(Debug, Clone)]
pub struct Listed<C> {
    column: C,
    keys: String,
}

/// Whether a key's column has one of these values, however many there are.
pub fn in_json_list<C>(column: C, keys: impl IntoIterator<Item = i64>) -> Listed<C> {
    let keys: Vec<String> = keys.into_iter().map(|key| key.to_string()).collect();
    let keys = format!("[{}]", keys.join(","));
    Listed { column, keys }
}

impl<C: Expression> Expression for Listed<C> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for Listed<C> where Self: Expression {}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for Listed<C> where Self: AppearsOnTable<QS> {}

impl<C> ValidGrouping<()> for Listed<C> {
    type IsAggregate = is_aggregate::No;
}

impl<C> QueryId for Listed<C> {
    type QueryId = ();
    // It is said differently to each engine.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, DB> QueryFragment<DB> for Listed<C>
where
    DB: Engine + HasSqlType<Text>,
    C: QueryFragment<DB>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (before, behind) = unfolded(out.backend().is_postgres());
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT CAST(value AS BIGINT) FROM ");
        out.push_sql(before);
        out.push_bind_param::<Text, _>(&self.keys)?;
        out.push_sql(behind);
        out.push_sql(")");
        Ok(())
    }
}
