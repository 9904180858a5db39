//! Statements about the whole database: tables and indexes, statistics, integrity, and a copy.

use crate::db::connection::Conn;
use diesel::connection::SimpleConnection;
use diesel::{QueryResult, QueryableByName, RunQueryDsl, sql_query, sql_types};

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = sql_types::Text)]
    value: String,
}

/// The rows of a query that returns texts named `value`.
///
/// # Errors
/// When the query is wrong, or the database does not answer.
pub fn query_texts(conn: &mut Conn, query: &str) -> QueryResult<Vec<String>> {
    let rows: Vec<TextRow> = sql_query(query).load(conn)?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

/// The names of our tables.
///
/// # Errors
/// When the database does not answer.
pub fn table_names(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let query = match conn {
        Conn::Sqlite(_) => {
            "SELECT name AS value FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        }
        Conn::Postgres(_) => {
            "SELECT tablename::text AS value FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
        }
    };
    query_texts(conn, query)
}

/// Drops the indexes of a table that no constraint needs, and returns the statements that create them again. To build
/// an index once is faster than to insert each key.
///
/// # Errors
/// When the database does not answer.
pub fn drop_indexes(conn: &mut Conn, table: &str) -> QueryResult<Vec<String>> {
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
    let create = query_texts(conn, &statements)?;
    for index in query_texts(conn, &names)? {
        conn.batch_execute(&format!("DROP INDEX {index}"))?;
    }
    Ok(create)
}

/// Collects the statistics by which the engine plans its queries.
///
/// # Errors
/// When the database does not answer.
pub fn analyze(conn: &mut Conn) -> QueryResult<()> {
    // Without a limit SQLite reads whole indexes. PostgreSQL takes samples.
    match conn {
        Conn::Sqlite(conn) => conn.batch_execute("PRAGMA analysis_limit = 1000; ANALYZE; PRAGMA analysis_limit = 0"),
        Conn::Postgres(conn) => conn.batch_execute("ANALYZE"),
    }
}

/// What the engine finds wrong with its own structures. SQLite reads every page and every index. PostgreSQL names
/// invalid indexes and constraints. Another program (`pg_amcheck`) checks its pages.
///
/// # Errors
/// When the database does not answer.
pub fn integrity_errors(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let query = match conn {
        Conn::Sqlite(_) => {
            "SELECT integrity_check AS value FROM pragma_integrity_check WHERE integrity_check <> 'ok' UNION ALL \
             SELECT 'a row of ' || \"table\" || ' refers to nothing in ' || parent FROM pragma_foreign_key_check"
        }
        Conn::Postgres(_) => {
            "SELECT 'index ' || indexrelid::regclass AS value FROM pg_index WHERE NOT (indisvalid AND indisready) \
             UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE NOT convalidated"
        }
    };
    query_texts(conn, query)
}

/// Copies an SQLite database as it is at this instant into an empty file. Writes go on meanwhile.
///
/// # Errors
/// When there is no room, the database does not answer, or it is PostgreSQL, which has no such copy.
pub(crate) fn vacuum_into(conn: &mut Conn, path: &str) -> QueryResult<()> {
    let copied = sql_query("VACUUM INTO $1").bind::<sql_types::Text, _>(path);
    match conn {
        Conn::Sqlite(conn) => copied.execute(conn).map(drop),
        Conn::Postgres(_) => Err(diesel::result::Error::NotFound),
    }
}

/// Makes PostgreSQL's sequences continue after ids that were given explicitly.
///
/// # Errors
/// When a table's `id` has no sequence.
pub fn advance_sequences(conn: &mut Conn, tables: &[&str]) -> QueryResult<()> {
    match conn {
        // `AUTOINCREMENT` remembers the greatest id that was ever stored.
        Conn::Sqlite(_) => Ok(()),
        Conn::Postgres(conn) => tables.iter().try_for_each(|table| {
            conn.batch_execute(&format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING max(id) IS NOT NULL"
            ))
        }),
    }
}
