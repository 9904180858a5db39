//! Options that several commands take.

use crate::config::{Config, DatabaseSettingsArgs};
use crate::db::{DatabaseSettings, DatabaseUrl};
use crate::domain::retention::RetentionPeriods;
use anyhow::{Context, Result};
use clap::Args;
use std::path::PathBuf;

/// The database to use.
#[derive(Args)]
pub struct DatabaseArgs {
    /// sqlite://path or postgres://…
    #[arg(long = "database", env = "DATABASE_URL", hide_env_values = true)]
    url: Option<String>,
    #[command(flatten)]
    settings: DatabaseSettingsArgs,
}

impl DatabaseArgs {
    /// The database with its settings. It has to be named.
    ///
    /// # Errors
    /// When no database is named, or the name is not a database's.
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

    /// The settings of the database.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings::from(&self.settings)
    }

    /// The database that was named, if any.
    ///
    /// # Errors
    /// When the name is not a database's.
    pub fn given(&self) -> Result<Option<DatabaseUrl>> {
        Ok(self.url.as_deref().map(str::parse).transpose()?)
    }
}

/// Where the uploaded files are.
#[derive(Args, Clone)]
pub struct FilesArgs {
    /// The folder of uploaded files. By default it is next to an embedded database.
    #[arg(long = "files", env = "ZHUANJIE_FILES")]
    folder: Option<PathBuf>,
}

impl FilesArgs {
    /// The configuration with the folder that was named, if one was.
    pub fn apply(self, config: Config) -> Config {
        Config {
            files: self.folder.unwrap_or(config.files),
            ..config
        }
    }
}

/// How long the service keeps records.
#[derive(Args, Clone, Copy)]
pub struct RetentionArgs {
    /// How many days to keep the audit log and the list of look-ups and disclosures. At least 180.
    #[arg(long, env = "ZHUANJIE_AUDIT_DAYS", default_value_t = 1095)]
    audit_days: u16,
    /// How many days to keep the person of an inbound case after the case has ended. At least 30.
    #[arg(long, env = "ZHUANJIE_INBOUND_DAYS", default_value_t = 90)]
    inbound_days: u16,
}

impl RetentionArgs {
    /// The retention periods.
    ///
    /// # Errors
    /// When a number is below its minimum.
    pub fn retention(self) -> Result<RetentionPeriods> {
        Ok(RetentionPeriods::new(self.audit_days, self.inbound_days)?)
    }
}
