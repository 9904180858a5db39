//! The database that the load kit reads and prepares.

use anyhow::{Context, Result};
use std::time::Duration;
use zhuanjie::cli::DatabaseArgs;
use zhuanjie::db::{DatabaseSettings, Db, Limits};

/// A database with one connection and without time limits: a query over millions of rows takes seconds.
///
/// # Errors
/// When no database is named, or it can't be opened.
pub fn open(database: &DatabaseArgs) -> Result<Db> {
    let url = database.given()?.context("DATABASE_URL is not set")?;
    let settings = DatabaseSettings {
        pool_size: 1,
        limits: Limits {
            statement: Duration::ZERO,
            lock: Duration::ZERO,
            idle: Duration::ZERO,
            ..Limits::default()
        },
        ..DatabaseSettings::default()
    };
    Ok(Db::open(&url, &settings)?)
}
