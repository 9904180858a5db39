//! Migrations, compiled into the binary: one folder for each engine, with equal versions in both.

use super::connection::{Access, Conn};
use super::pooling::refuse_shared_sessions;
use super::sql::maintenance::query_texts;
use super::{DatabaseUrl, DbError, Limits};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The key of the lock that servers take before they migrate, so that only one of them does.
const ADVISORY_LOCK: &str = "7381250";

/// The version of an applied migration.
pub type Migration = String;

/// Applies the missing migrations, and returns them.
pub(super) fn up(url: &DatabaseUrl, limits: &Limits) -> Result<Vec<Migration>, DbError> {
    refuse_shared_sessions(url)?;
    let mut conn = Conn::open(url, Access::ReadWrite, limits)?;
    // The role that serves need not own the tables. It may not even ask diesel what is missing.
    if is_current(&mut conn)? {
        return Ok(Vec::new());
    }
    match &mut conn {
        Conn::Sqlite(conn) => run(conn, SQLITE),
        Conn::Postgres(conn) => {
            // A migration may take longer than a request may. The lock is released when the session ends.
            conn.batch_execute(&format!(
                "SET statement_timeout = 0; SET lock_timeout = 0; \
                 SET idle_in_transaction_session_timeout = 0; SELECT pg_advisory_lock({ADVISORY_LOCK})"
            ))?;
            run(conn, POSTGRES)
        }
    }
}

/// Whether a PostgreSQL database has every migration. SQLite has no roles, so diesel is asked there.
fn is_current(conn: &mut Conn) -> Result<bool, DbError> {
    if let Conn::Sqlite(_) = conn {
        return Ok(false);
    }
    if query_texts(
        conn,
        "SELECT 'there' AS value WHERE to_regclass('__diesel_schema_migrations') IS NOT NULL",
    )?
    .is_empty()
    {
        return Ok(false);
    }
    let applied = query_texts(conn, "SELECT version::text AS value FROM __diesel_schema_migrations")?;
    let known = MigrationSource::<Pg>::migrations(&POSTGRES).map_err(|e| DbError::Migration(e.to_string()))?;
    Ok(known
        .iter()
        .all(|migration| applied.contains(&migration.name().version().to_string())))
}

fn run<DB, C>(conn: &mut C, source: impl MigrationSource<DB>) -> Result<Vec<Migration>, DbError>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB>,
{
    let applied = conn
        .run_pending_migrations(source)
        .map_err(|e| DbError::Migration(with_way_out(&e.to_string())))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// The reason, and what to do if the role may not change the schema.
fn with_way_out(why: &str) -> String {
    if why.contains("permission denied") || why.contains("must be owner") {
        return format!("{why}; this role may not change the schema: run `zhuanjie migrate` as the role that owns it");
    }
    why.to_owned()
}
