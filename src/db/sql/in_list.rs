//! `column IN (…)` in a statement that stays the same for different numbers of keys.
//!
//! diesel's own `eq_any` binds each key, so SQLite compiles the statement again for each number of keys. That takes
//! longer than running it.

use super::dialect::{Dialect, json_rows};
use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Text};

/// The number of bound keys is filled up to a multiple of this. It is greater than the depth of the organization tree.
const PADDING: usize = 16;

/// `column IN (keys)`.
#[derive(Debug, Clone)]
pub struct InList<C, K> {
    column: C,
    keys: K,
}

/// Keys as bound values, padded by repetition to a multiple of [`PADDING`].
#[derive(Debug, Clone)]
pub struct Padded(Vec<i64>);

/// Keys as one bound JSON array.
#[derive(Debug, Clone)]
pub struct JsonList(String);

/// Whether a column contains one of a few keys. False if there are no keys.
pub fn in_padded<C>(column: C, keys: impl IntoIterator<Item = i64>) -> InList<C, Padded> {
    let mut keys: Vec<i64> = keys.into_iter().collect();
    // No row has the key 0.
    let filling = keys.last().copied().unwrap_or(0);
    keys.resize(keys.len().max(1).next_multiple_of(PADDING), filling);
    InList {
        column,
        keys: Padded(keys),
    }
}

/// Whether a column contains one of any number of keys. False if there are no keys.
pub fn in_json_list<C>(column: C, keys: impl IntoIterator<Item = i64>) -> InList<C, JsonList> {
    let keys: Vec<String> = keys.into_iter().map(|key| key.to_string()).collect();
    InList {
        column,
        keys: JsonList(format!("[{}]", keys.join(","))),
    }
}

impl<C: Expression, K> Expression for InList<C, K> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, K, QS> AppearsOnTable<QS> for InList<C, K> where Self: Expression {}

impl<C: SelectableExpression<QS>, K, QS> SelectableExpression<QS> for InList<C, K> where Self: AppearsOnTable<QS> {}

impl<C, K> ValidGrouping<()> for InList<C, K> {
    type IsAggregate = is_aggregate::No;
}

impl<C, K> QueryId for InList<C, K> {
    type QueryId = ();
    // The text depends on the number of keys, or on the engine.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, K, DB> QueryFragment<DB> for InList<C, K>
where
    DB: Backend,
    C: QueryFragment<DB>,
    K: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (");
        self.keys.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for Padded
where
    DB: Backend + HasSqlType<BigInt>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for (place, key) in self.0.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            out.push_bind_param::<BigInt, _>(key)?;
        }
        Ok(())
    }
}

impl<DB> QueryFragment<DB> for JsonList
where
    DB: Dialect + HasSqlType<Text>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (before, after) = json_rows(out.backend().is_postgres());
        out.push_sql("SELECT CAST(value AS BIGINT) FROM ");
        out.push_sql(before);
        out.push_bind_param::<Text, _>(&self.0)?;
        out.push_sql(after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::schema::organizations;
    use diesel::debug_query;
    use diesel::pg::Pg;
    use diesel::prelude::*;
    use diesel::sqlite::Sqlite;

    fn text(keys: &[i64]) -> String {
        let query = organizations::table
            .filter(in_padded(organizations::id, keys.iter().copied()))
            .select(organizations::id);
        debug_query::<Sqlite, _>(&query).to_string()
    }

    fn statement(keys: &[i64]) -> String {
        text(keys).split(" -- binds").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn up_to_sixteen_keys_make_one_statement() {
        let sixteen: Vec<i64> = (1..=16).collect();
        assert_eq!(statement(&[]), statement(&[1]));
        assert_eq!(statement(&[1]), statement(&sixteen));
        assert_ne!(statement(&sixteen), statement(&(1..=17).collect::<Vec<_>>()));
        assert!(text(&[7, 9]).contains("[7, 9, 9"), "{}", text(&[7, 9]));
        assert!(text(&[]).contains("[0, 0"), "no keys find no row");
    }

    #[test]
    fn a_json_list_is_one_bound_value_on_each_engine() {
        let query = organizations::table
            .filter(in_json_list(organizations::id, [7, 9]))
            .select(organizations::id);
        let (sqlite, postgres) = (
            debug_query::<Sqlite, _>(&query).to_string(),
            debug_query::<Pg, _>(&query).to_string(),
        );
        assert!(
            sqlite.contains("IN (SELECT CAST(value AS BIGINT) FROM json_each("),
            "{sqlite}"
        );
        assert!(
            postgres.contains("FROM json_array_elements_text(CAST($1 AS JSON))"),
            "{postgres}"
        );
        for text in [sqlite, postgres] {
            assert!(text.contains("binds: [\"[7,9]\"]"), "{text}");
        }
    }
}
