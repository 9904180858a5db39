//! Differences between the engines' SQL, and the macros that run a statement on either.

use crate::db::connection::Backend;
use diesel::pg::Pg;
use diesel::sqlite::Sqlite;

/// A diesel backend that knows which engine it writes for.
pub trait Dialect: diesel::backend::Backend {
    /// Whether that is PostgreSQL. Otherwise it is SQLite.
    fn is_postgres(&self) -> bool;
}

impl Dialect for Sqlite {
    fn is_postgres(&self) -> bool {
        false
    }
}

impl Dialect for Pg {
    fn is_postgres(&self) -> bool {
        true
    }
}

impl Dialect for Backend {
    fn is_postgres(&self) -> bool {
        matches!(self, Backend::Postgres(_))
    }
}

/// The SQL to write before and after a JSON array, so that it becomes rows with a text `value`.
pub fn json_rows(is_postgres: bool) -> (&'static str, &'static str) {
    match is_postgres {
        false => ("json_each(", ")"),
        true => ("json_array_elements_text(CAST(", " AS JSON)) AS each (value)"),
    }
}

/// Compiles a statement once for each engine. It is for statements that diesel can't express for both at once, such as
/// inserts of many rows, and for the most frequent queries. [`Conn`](crate::db::Conn) builds the text of a statement
/// three times at each execution, although the statement is prepared. The engines' own connections don't build it at
/// all.
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

/// Inserts rows. PostgreSQL gets all of them in one [`BulkInsert`](crate::db::BulkInsert), which costs one round trip.
/// SQLite has no round trips and gets them one by one, with a statement that stays prepared.
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
