//! Inserts many rows with a statement that is the same for any number of rows.
//!
//! diesel's own `INSERT … VALUES` has rows × columns parameters. For each number of rows PostgreSQL has to parse and
//! plan it again, which took a fifth of the time of a proposal. Here each column is one array, so the statement stays
//! prepared.

use diesel::expression::Expression;
use diesel::insertable::{CanInsertInSingleQuery, Insertable};
use diesel::pg::{Pg, PgTypeMetadata};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Array, HasSqlType};
use diesel::{Column, QueryResult};
use std::fmt;
use std::marker::PhantomData;

/// A row that can be inserted in bulk. [`row!`](crate::row) declares one.
pub trait Row: Sized {
    /// The columns.
    type Columns: 'static;

    /// The names of the columns.
    const NAMES: &'static [&'static str];

    /// Writes the columns of the rows, one after the other.
    ///
    /// # Errors
    /// When a value can't be written.
    fn columns<'b>(rows: &'b BulkInsert<'_, Self>, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

/// A row that has a value for a column.
pub trait HasColumn<C: Expression> {
    /// The value.
    fn value(&self) -> impl ToSql<C::SqlType, Pg>;
}

/// Rows to be inserted by one statement.
pub struct BulkInsert<'a, R>(pub &'a [R]);

/// Rows hold personal data, so `Debug` shows only how many there are.
impl<R> fmt::Debug for BulkInsert<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BulkInsert of {}", self.0.len())
    }
}

/// The SQL type of all values of one column.
pub struct Values<C>(PhantomData<C>);

impl<C: Expression<SqlType: 'static>> HasSqlType<Values<C>> for Pg
where
    Pg: HasSqlType<Array<C::SqlType>>,
{
    fn metadata(lookup: &mut Self::MetadataLookup) -> PgTypeMetadata {
        <Pg as HasSqlType<Array<C::SqlType>>>::metadata(lookup)
    }
}

impl<C, R> ToSql<Values<C>, Pg> for BulkInsert<'_, R>
where
    C: Expression<SqlType: 'static>,
    R: HasColumn<C>,
    Pg: HasSqlType<C::SqlType>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let values: Vec<_> = self.0.iter().map(HasColumn::<C>::value).collect();
        ToSql::<Array<C::SqlType>, Pg>::to_sql(values.as_slice(), &mut out.reborrow())
    }
}

impl<R: Row> BulkInsert<'_, R> {
    /// Writes one column.
    ///
    /// # Errors
    /// When a value can't be written.
    pub fn column<'b, C>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>
    where
        C: Column,
        Pg: HasSqlType<Values<C>>,
        Self: ToSql<Values<C>, Pg>,
    {
        let is_first = R::NAMES.first() == Some(&C::NAME);
        out.push_sql(if is_first { " SELECT unnest(" } else { ", unnest(" });
        out.push_bind_param::<Values<C>, Self>(self)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<R: Row> QueryFragment<Pg> for BulkInsert<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (place, name) in R::NAMES.iter().enumerate() {
            out.push_sql(if place == 0 { "(" } else { ", " });
            out.push_identifier(name)?;
        }
        out.push_sql(")");
        R::columns(self, out)
    }
}

impl<R: Row> QueryId for BulkInsert<'_, R> {
    // The statement depends on the columns and not on the number of rows.
    type QueryId = BulkInsert<'static, R::Columns>;
}

impl<T, R> Insertable<T> for BulkInsert<'_, R> {
    type Values = Self;

    fn values(self) -> Self {
        self
    }
}

impl<R> CanInsertInSingleQuery<Pg> for BulkInsert<'_, R> {
    fn rows_to_insert(&self) -> Option<usize> {
        None
    }
}

/// Declares a row of a table, to be inserted alone or in a [`BulkInsert`]. Its fields are columns.
///
/// `row! { struct NewThing<'a> in things { name: &'a str, size: i64 } }`
#[macro_export]
macro_rules! row {
    (
        $(#[$about:meta])*
        $public:vis struct $row:ident<$life:lifetime> in $table:ident {
            $($(#[$meaning:meta])* $open:vis $column:ident: $type:ty),+ $(,)?
        }
    ) => {
        $(#[$about])*
        #[derive(diesel::Insertable)]
        #[diesel(table_name = $table, treat_none_as_default_value = false)]
        $public struct $row<$life> {
            $($(#[$meaning])* $open $column: $type),+
        }

        impl $crate::db::Row for $row<'_> {
            type Columns = ($($table::$column,)+);

            const NAMES: &'static [&'static str] = &[$(<$table::$column as diesel::Column>::NAME),+];

            fn columns<'b>(
                rows: &'b $crate::db::BulkInsert<'_, Self>,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $(rows.column::<$table::$column>(&mut out)?;)+
                Ok(())
            }
        }

        $(impl<$life> $crate::db::HasColumn<$table::$column> for $row<$life> {
            fn value(
                &self,
            ) -> impl diesel::serialize::ToSql<<$table::$column as diesel::Expression>::SqlType, diesel::pg::Pg> {
                &self.$column
            }
        })+
    };
}
