//! `zhuanjie bootstrap`: the root organization and its first administrators.

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
use anyhow::{Context, Result, bail};
use chrono::SecondsFormat;

/// Creates the root organization and its first offices. The ID numbers come from standard input, one on each line in the
/// order of the names, so that no shell history keeps them.
///
/// # Errors
/// When standard input does not hold an ID number of each administrator, the database already holds organizations, or the
/// database fails.
pub async fn run(database: &DatabaseArgs, organization: String, short_name: String, names: Vec<String>) -> Result<()> {
    let clock = Clock::system();
    let keys = Keys::from_environment()?;
    let mut lines = std::io::stdin().lines();
    let mut administrators: Vec<(String, IdNumber)> = Vec::with_capacity(names.len());
    for name in names {
        let line = lines.next().transpose()?.unwrap_or_default();
        let number = IdNumber::parse(&line, shanghai_date(clock.now()))
            .context("standard input: the ID number of each administrator, one on each line")?;
        if administrators
            .iter()
            .any(|(_, other)| other.reveal() == number.reveal())
        {
            bail!("standard input: two administrators have the same ID number");
        }
        administrators.push((name, number));
    }
    let founding = Founding {
        organization,
        short_name,
        administrators,
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
    let codes = issued.context("the database holds organizations already")?;
    for issued in &codes {
        let until = issued.valid_until.to_rfc3339_opts(SecondsFormat::Secs, true);
        say(&format!("one-time code: {}\nvalid until:   {until}\n", issued.code))?;
    }
    say("set a password with it: POST /v1/auth/reset {\"id_number\", \"code\", \"new_password\"}\n")
}
