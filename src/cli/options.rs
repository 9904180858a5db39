//! Options that several commands take.

use crate::config::{Config, DatabaseSettingsArgs};
use crate::db::{DatabaseSettings, DatabaseUrl};
use crate::domain::retention::RetentionPeriods;
use anyhow::{Context, Result};
use clap::Args;

/// Which database.
#[derive(Args)]
pub struct DatabaseArgs {
    /// sqlite://path or postgres://…
    #[arg(long = "database", env = "DATABASE_URL", hide_env_values = true)]
    url: Option<String>,
    #[command(flatten)]
    settings: DatabaseSettingsArgs,
}

impl DatabaseArgs {
    /// The database with its settings; it must be named.
    ///
    /// # Errors
    /// When it is not, or the name is not a database's.
    pub fn config(&self) -> Result<Config> {
        let url = self
            .given()?
            .context("DATABASE_URL is not set: sqlite://path or postgres://user@host/name")?;
        let settings = self.settings();
        Ok(Config {
            settings,
            ..Config::new(url)
        })
    }

    /// How it is used.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings::from(&self.settings)
    }

    /// The database that was named, if one was.
    ///
    /// # Errors
    /// When the name is not a database's.
    pub fn given(&self) -> Result<Option<DatabaseUrl>> {
        Ok(self.url.as_deref().map(str::parse).transpose()?)
    }
}

/// How long records are kept.
#[derive(Args, Clone, Copy)]
pub struct RetentionArgs {
    /// Days the audit log, and who looked for or saw whom, is kept: at least 180.
    #[arg(long, env = "ZHUANJIE_AUDIT_DAYS", default_value_t = 1095)]
    audit_days: u16,
    /// Days the person of a case from another province is kept after the case has ended: at least 30.
    #[arg(long, env = "ZHUANJIE_INBOUND_DAYS", default_value_t = 90)]
    inbound_days: u16,
}

impl RetentionArgs {
    /// The same as a setting.
    ///
    /// # Errors
    /// When a number is below its least.
    pub fn retention(self) -> Result<RetentionPeriods> {
        Ok(RetentionPeriods::new(self.audit_days, self.inbound_days)?)
    }
}
