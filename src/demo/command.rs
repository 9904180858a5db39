//! The command `demo`: builds a demo country unless the database already holds one, prints accounts to sign in with,
//! and serves it.

use super::country::{Country, DEFAULT_MEMBERS, PASSWORD};
use super::holding::{self, Holding};
use super::signature::Signature;
use super::{file, load, welcome};
use crate::api;
use crate::app::App;
use crate::cli::{DatabaseArgs, Serving, bind, say, serve_app};
use crate::clock::Clock;
use crate::config::{Config, Keys};
use crate::db::{DatabaseUrl, Db, DbError};
use crate::domain::core::time::{Timestamp, shanghai_midnight};
use crate::jobs::ScheduleSettings;
use crate::security::passwords;
use anyhow::{Context, Result, bail};
use chrono::{DateTime, NaiveDate};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

/// The demo's own database, in the current directory.
const FILE: &str = "zhuanjie-demo.sqlite";
/// A day of the graduation season, when classes are marked and members leave.
const DEFAULT_AT: &str = "2026-06-20T09:00:00+08:00";

/// The options of the demo.
#[derive(clap::Args)]
pub struct DemoOptions {
    /// The number of members.
    #[arg(long, default_value_t = DEFAULT_MEMBERS)]
    members: u64,
    /// The seed. Another seed gives other people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The demo's time at the start: an instant (RFC 3339), a date (YYYY-MM-DD, at midnight in Asia/Shanghai) or `now`.
    #[arg(long, default_value = DEFAULT_AT)]
    at: At,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Seal personal data with the keys of the environment, so that `serve` can serve the database later.
    #[arg(long)]
    own_keys: bool,
    /// The database to use, empty or with a demo in it. By default the file zhuanjie-demo.sqlite, created anew at each
    /// start.
    #[command(flatten)]
    database: DatabaseArgs,
}

/// The demo's time at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Now,
    Instant(Timestamp),
}

impl FromStr for At {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "now" {
            return Ok(Self::Now);
        }
        let date = text.parse::<NaiveDate>().map(shanghai_midnight);
        let instant = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
        date.or(instant)
            .map(Self::Instant)
            .map_err(|_| "expected an instant such as 2026-06-20T09:00:00+08:00, a date such as 2026-06-20, or now")
    }
}

impl At {
    fn instant(self) -> Timestamp {
        match self {
            Self::Now => Clock::system().now(),
            Self::Instant(at) => at,
        }
    }

    /// A clock that begins at this time, or at the last recorded instant if that is later.
    fn clock(self, last: Option<Timestamp>) -> Clock {
        match self {
            Self::Now => Clock::system(),
            Self::Instant(at) => Clock::starting_at(last.map_or(at, |last| last.max(at))),
        }
    }
}

/// Builds the demo country and serves it.
///
/// # Errors
/// When the database or the address is not available, or the database holds something other than a demo.
pub async fn run(options: DemoOptions) -> Result<()> {
    // Bind first: a second demo that was started by mistake must not destroy the file of the first.
    let listener = bind(options.listen)?;
    let url = match options.database.given()? {
        Some(url) => url,
        None => {
            file::renew(Path::new(FILE))?;
            DatabaseUrl::Sqlite(FILE.into())
        }
    };
    let config = Config {
        settings: options.database.settings(),
        ..Config::new(url)
    };
    let found = look(&config).await?;
    if found == Holding::Other {
        bail!(
            "{} holds something other than the demo: name an empty database",
            config.database
        );
    }
    let keys = if options.own_keys {
        Keys::for_service()?
    } else {
        Keys::demo()
    };
    let mut app = App::start(&config, keys, Clock::system()).await?;
    let signature = match found {
        Holding::Demo(signature) => signature,
        _ => build(&app, &options).await?,
    };
    let last = app
        .db
        .read::<_, DbError, _>(|conn| Ok(holding::last_instant(conn)?))
        .await?;
    app.clock = options.at.clock(last);
    let (now, url) = (app.clock.now(), app.db.url().clone());
    let serving = Serving {
        listener,
        administration: None,
        // Nobody asks a demo whether it is ready.
        settings: api::ServerSettings {
            drain: 0,
            ..api::ServerSettings::default()
        },
        schedule: Some(ScheduleSettings {
            is_confirmed: true,
            ..ScheduleSettings::default()
        }),
    };
    serve_app(app, serving, move |address| {
        say(&welcome::text(&Country::of(signature), address, &url, now))
    })
    .await
}

async fn look(config: &Config) -> Result<Holding> {
    let db = Db::open(&config.database, &config.settings)?;
    let found = db.read::<_, DbError, _>(|conn| Ok(holding::inspect(conn)?)).await?;
    db.close().await;
    Ok(found)
}

async fn build(app: &App, options: &DemoOptions) -> Result<Signature> {
    let signature = Signature {
        seed: options.seed,
        members: options.members,
        at: options.at.instant(),
    };
    let (db, vault) = (app.db.clone(), app.vault.clone());
    let loaded = tokio::task::spawn_blocking(move || -> Result<()> {
        let country = Country::of(signature);
        log::info!(
            "building a country of {} organizations and {} members",
            country.organization_count(),
            country.member_count()
        );
        let bar = progress_bar(country.row_count())?;
        let mut conn = db.bulk_connection()?;
        load::load(&mut conn, &country, &vault, &passwords::hash(PASSWORD), &|rows| {
            bar.inc(rows)
        })?;
        bar.finish_and_clear();
        log::info!("the country is built");
        Ok(())
    });
    loaded.await.context("building the country failed")??;
    Ok(signature)
}

/// A progress bar on a terminal. Elsewhere it is hidden, and only the log reports.
///
/// # Errors
/// When the style of the bar is malformed, which it is not.
pub fn progress_bar(rows: u64) -> Result<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} {eta}")?;
    Ok(ProgressBar::new(rows).with_style(style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_it_is_can_be_said_as_an_instant_a_date_or_now() {
        let at = |text: &str| text.parse::<At>().ok();
        let instant = |text: &str| Some(At::Instant(text.parse().unwrap()));
        assert_eq!(at("now"), Some(At::Now));
        assert_eq!(at(DEFAULT_AT), instant("2026-06-20T01:00:00Z"));
        assert_eq!(at("2026-10-01"), instant("2026-09-30T16:00:00Z"));
        for text in ["", "Now", "2026-13-01", "2026-06-20T09:00", "tomorrow"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_demos_clock_never_goes_behind_what_is_on_record() {
        let at = DEFAULT_AT.parse::<Timestamp>().unwrap();
        let earlier = at - chrono::TimeDelta::days(1);
        assert!(At::Instant(earlier).clock(Some(at)).now() >= at);
        assert!(At::Instant(at).clock(Some(earlier)).now() >= at);
        assert!(At::Instant(earlier).clock(None).now() < at);
    }
}
