//! `column IN (…)` that is prepared once.
//!
//! diesel's own `eq_any` has as many places as there are values, so SQLite compiles the statement anew each time, which
//! takes longer than running it. This one has always a whole number of [`PLACES`], the rest of them filled by repeating.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType};

/// How many places there are, or a multiple of it: more than the tree is deep.
const PLACES: usize = 16;

/// Whether a key's column has one of these values.
#[derive(Debug, Clone)]
pub struct Among<C> {
    column: C,
    keys: Vec<i64>,
}

/// Whether a key's column has one of these values; never, of none.
pub fn in_padded<C>(column: C, keys: impl IntoIterator<Item = i64>) -> Among<C> {
    let mut keys: Vec<i64> = keys.into_iter().collect();
    // No row has the key 0.
    let filling = keys.last().copied().unwrap_or(0);
    keys.resize(keys.len().max(1).next_multiple_of(PLACES), filling);
    Among { column, keys }
}

impl<C: Expression> Expression for Among<C> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for Among<C> where Self: Expression {}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for Among<C> where Self: AppearsOnTable<QS> {}

impl<C> ValidGrouping<()> for Among<C> {
    type IsAggregate = is_aggregate::No;
}

impl<C> QueryId for Among<C> {
    type QueryId = ();
    // How many places it has is seen in its text only.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C, DB> QueryFragment<DB> for Among<C>
where
    DB: Backend + HasSqlType<BigInt>,
    C: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (");
        for (place, key) in self.keys.iter().enumerate() {
            if place > 0 {
                out.push_sql(", ");
            }
            out.push_bind_param::<BigInt, _>(key)?;
        }
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::schema::organizations;
    use diesel::debug_query;
    use diesel::prelude::*;
    use diesel::sqlite::Sqlite;

    fn text(keys: &[i64]) -> String {
        let question = organizations::table
            .filter(in_padded(organizations::id, keys.iter().copied()))
            .select(organizations::id);
        debug_query::<Sqlite, _>(&question).to_string()
    }

    fn statement(keys: &[i64]) -> String {
        text(keys).split(" -- binds").next().unwrap_or_default().to_owned()
    }

    #[test]
    fn any_few_keys_make_one_statement() {
        let sixteen: Vec<i64> = (1..=16).collect();
        assert_eq!(statement(&[]), statement(&[1]));
        assert_eq!(statement(&[1]), statement(&sixteen));
        assert_ne!(statement(&sixteen), statement(&(1..=17).collect::<Vec<_>>()));
        assert!(text(&[7, 9]).contains("[7, 9, 9"), "{}", text(&[7, 9]));
        assert!(text(&[]).contains("[0, 0"), "of none, of nothing");
    }
}
