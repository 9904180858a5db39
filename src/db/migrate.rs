//! Migrations, compiled into the binary: one folder for each engine, with equal versions in both.

use super::connection::{Access, Conn};
use super::pooling::refuse_shared_sessions;
use super::{DatabaseUrl, DbError, Limits};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
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
    match &mut Conn::open(url, Access::ReadWrite, limits)? {
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

fn run<DB, C>(conn: &mut C, source: impl MigrationSource<DB>) -> Result<Vec<Migration>, DbError>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB>,
{
    let applied = conn
        .run_pending_migrations(source)
        .map_err(|e| DbError::Migration(e.to_string()))?;
    Ok(applied.iter().map(ToString::to_string).collect())
}
