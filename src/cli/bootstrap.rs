//! `zhuanjie bootstrap`: the root organization and its first administrator.

use super::options::DatabaseArgs;
use super::output::say;
use crate::clock::Clock;
use crate::config::Keys;
use crate::db::Db;
use crate::domain::authority::actor::Actor;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::time::shanghai_date;
use crate::service;
use crate::service::accounts::bootstrap::{self, Founding};
use crate::service::jobs::wording;
use anyhow::{Context, Result};
use chrono::SecondsFormat;

/// Creates the root organization and its first office. The ID number comes from standard input, so that no shell
/// history keeps it.
///
/// # Errors
/// When standard input holds no ID number, the database already holds organizations, or the database fails.
pub async fn run(
    database: &DatabaseArgs,
    organization: String,
    short_name: String,
    administrator: String,
) -> Result<()> {
    let clock = Clock::system();
    let keys = Keys::from_environment()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let id_number = IdNumber::parse(&line, shanghai_date(clock.now())).context("standard input: an ID number")?;
    let founding = Founding {
        organization,
        short_name,
        administrator,
        id_number,
    };
    let config = database.config()?;
    let db = Db::open(&config.database, &config.settings)?;
    db.migrate().await?;
    let context = service::Context {
        actor: Actor::system(),
        now: clock.now(),
        request_id: "bootstrap".into(),
    };
    let issued = db
        .write(move |conn| bootstrap::found(conn, &context, &keys.vault, &founding))
        .await
        .map_err(|fault| anyhow::anyhow!("{}", wording(&fault)))?;
    db.close().await;
    let issued = issued.context("the database holds organizations already")?;
    say(&format!(
        "one-time code: {}\nvalid until:   {}\nset a password with it: POST /v1/auth/reset {{\"id_number\", \"code\", \"new_password\"}}\n",
        issued.code,
        issued.valid_until.to_rfc3339_opts(SecondsFormat::Secs, true),
    ))
}
