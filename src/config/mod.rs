//! Typed configuration from the command line and the environment. An error names the variable that is missing or
//! malformed, and says how to set it.

pub mod proxies;

use crate::config::proxies::Proxies;
use crate::db::{DatabaseSettings, DatabaseUrl, Limits};
use crate::domain::retention::RetentionPeriods;
use crate::security::token_keys::{KeyRotationStep, TokenKeys};
use crate::security::tokens::{AUDIENCE, ISSUER, Terms, Tokens};
use crate::security::vault::Vault;
use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The configuration of the service, except its keys.
#[derive(Debug, Clone)]
pub struct Config {
    /// The database.
    pub database: DatabaseUrl,
    /// How the database is used.
    pub settings: DatabaseSettings,
    /// How many passwords are checked at once.
    pub sign_in_lanes: usize,
    /// The directory of uploaded files. All servers of one database share it.
    pub files: PathBuf,
    /// The proxies whose `X-Forwarded-For` is believed (S-23).
    pub proxies: Proxies,
    /// The mini-program, if there is one.
    pub wechat: Option<Wechat>,
    /// How long records are kept.
    pub retention: RetentionPeriods,
}

/// Our mini-program (微信小程序) as WeChat knows it.
#[derive(Clone)]
pub struct Wechat {
    /// The base address of WeChat's interface, without a slash at its end.
    pub url: String,
    /// The program's id (AppID).
    pub app_id: String,
    /// Its secret (AppSecret).
    pub secret: String,
    /// How long an answer may take.
    pub patience: Duration,
}

impl std::fmt::Debug for Wechat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wechat({} at {})", self.app_id, self.url)
    }
}

const TRUSTED_PROXIES: &str = "ZHUANJIE_TRUSTED_PROXIES";
const WECHAT_URL: &str = "ZHUANJIE_WECHAT_URL";
const WECHAT_APP_ID: &str = "ZHUANJIE_WECHAT_APP_ID";
const WECHAT_SECRET: &str = "ZHUANJIE_WECHAT_SECRET";
/// WeChat's own address.
const WECHAT: &str = "https://api.weixin.qq.com";
const WECHAT_PATIENCE: Duration = Duration::from_secs(5);

impl Config {
    /// Adds the settings that come from the environment only: trusted proxies and the mini-program.
    ///
    /// # Errors
    /// The error names the variable that is malformed, or the two that must be set together.
    pub fn read_environment(&mut self) -> Result<()> {
        self.read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<()> {
        if let Some(list) = variable(TRUSTED_PROXIES) {
            self.proxies = list.parse().context(TRUSTED_PROXIES)?;
        }
        self.wechat = match (variable(WECHAT_APP_ID), variable(WECHAT_SECRET)) {
            (None, None) => None,
            (Some(app_id), Some(secret)) => {
                let url = variable(WECHAT_URL).unwrap_or_else(|| WECHAT.into());
                Some(Wechat {
                    url: url.trim_end_matches('/').to_owned(),
                    app_id,
                    secret,
                    patience: WECHAT_PATIENCE,
                })
            }
            _ => anyhow::bail!("{WECHAT_APP_ID} and {WECHAT_SECRET} go together"),
        };
        Ok(())
    }
}

impl Config {
    /// The configuration for a database, with defaults for the rest. Files are kept next to an embedded database. With
    /// PostgreSQL they are kept in the working directory.
    pub fn new(database: DatabaseUrl) -> Self {
        let files = match &database {
            DatabaseUrl::Sqlite(path) => path.with_extension("files"),
            DatabaseUrl::Postgres(_) => "zhuanjie.files".into(),
        };
        Self {
            files,
            database,
            settings: DatabaseSettings::default(),
            sign_in_lanes: 2,
            proxies: Proxies::default(),
            wechat: None,
            retention: RetentionPeriods::default(),
        }
    }
}

/// How the database is used, from the command line or the environment.
#[derive(Debug, Clone, Args)]
pub struct DatabaseSettingsArgs {
    /// A standby of the same PostgreSQL that reads may go to
    #[arg(long, env = "DATABASE_REPLICA_URL", hide_env_values = true)]
    replica: Option<DatabaseUrl>,
    /// Connections of this process for reads and, on PostgreSQL, as many again for writes
    #[arg(long, env = "ZHUANJIE_DB_POOL", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    db_pool: u32,
    /// Seconds that a start waits for the database
    #[arg(long, env = "ZHUANJIE_DB_START", default_value = "30", value_parser = seconds)]
    db_start: Duration,
    /// Seconds that a request waits for a connection
    #[arg(long, env = "ZHUANJIE_DB_WAIT", default_value = "5", value_parser = seconds)]
    db_wait: Duration,
    /// Seconds that a request waits for the database's answer
    #[arg(long, env = "ZHUANJIE_DB_ANSWER", default_value = "10", value_parser = seconds)]
    db_answer: Duration,
    /// Seconds that one statement may take on PostgreSQL; 0 is no limit
    #[arg(long, env = "ZHUANJIE_DB_STATEMENT", default_value = "5", value_parser = seconds)]
    db_statement: Duration,
    /// Seconds that a statement waits for one lock on PostgreSQL; 0 is no limit
    #[arg(long, env = "ZHUANJIE_DB_LOCK", default_value = "2", value_parser = seconds)]
    db_lock: Duration,
    /// Seconds that a transaction may be idle on PostgreSQL; 0 is no limit
    #[arg(long, env = "ZHUANJIE_DB_IDLE", default_value = "10", value_parser = seconds)]
    db_idle: Duration,
    /// Seconds between two checks of a running statement whether its client is still connected, on PostgreSQL; 0 is
    /// never
    #[arg(long, env = "ZHUANJIE_DB_GONE", default_value = "1", value_parser = seconds)]
    db_gone: Duration,
}

/// None of these can sensibly be longer than a day.
const LONGEST_SECONDS: f64 = 86_400.0;

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| (0.0..=LONGEST_SECONDS).contains(number));
    number
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "a number of seconds, such as 5 or 0.5".into())
}

impl From<&DatabaseSettingsArgs> for DatabaseSettings {
    fn from(options: &DatabaseSettingsArgs) -> Self {
        Self {
            pool_size: options.db_pool,
            wait: options.db_wait,
            answer: options.db_answer,
            start: options.db_start,
            limits: Limits {
                statement: options.db_statement,
                lock: options.db_lock,
                idle: options.db_idle,
                gone: options.db_gone,
            },
            standby: options.replica.clone(),
            ..Self::default()
        }
    }
}

/// The secret keys.
#[derive(Clone)]
pub struct Keys {
    /// Signs access tokens.
    pub tokens: Tokens,
    /// Seals personal data.
    pub vault: Vault,
}

/// How long an access token of the service is valid.
pub const TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// In the demo a token is valid for a working day, so that a page of commands can be pasted at any time.
const DEMO_TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(12);

const TOKEN_KEY: &str = "ZHUANJIE_TOKEN_KEY";
const TOKEN_ISSUER: &str = "ZHUANJIE_TOKEN_ISSUER";
const TOKEN_AUDIENCE: &str = "ZHUANJIE_TOKEN_AUDIENCE";
const DATA_KEYS: &str = "ZHUANJIE_DATA_KEYS";
const INDEX_KEY: &str = "ZHUANJIE_INDEX_KEY";

impl Keys {
    /// The keys from the environment.
    ///
    /// # Errors
    /// The error names the variable that is missing or malformed, and says how to make one.
    pub fn from_environment() -> Result<Self> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// The keys from the environment, for serving. The demo's keys are refused, since anybody can make them.
    ///
    /// # Errors
    /// As [`Keys::from_environment`]; the error names the variable that holds a key of the demo.
    pub fn for_service() -> Result<Self> {
        refuse_the_demos(|name| std::env::var(name).ok())?;
        Self::from_environment()
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let needed = |name: &str| {
            variable(name).with_context(|| format!("{name} is not set; `zhuanjie keys` prints a fresh set of keys"))
        };
        let token_keys = TokenKeys::parse(&needed(TOKEN_KEY)?).context(TOKEN_KEY)?;
        let terms = Terms {
            issuer: variable(TOKEN_ISSUER).unwrap_or_else(|| ISSUER.into()),
            audience: variable(TOKEN_AUDIENCE).unwrap_or_else(|| AUDIENCE.into()),
            lifetime: TOKEN_LIFETIME,
        };
        let tokens = Tokens::new(&token_keys, terms).context(TOKEN_KEY)?;
        let mut sealing = BTreeMap::new();
        for entry in needed(DATA_KEYS)?.split(',') {
            let (id, key) = entry
                .split_once(':')
                .with_context(|| format!("{DATA_KEYS}: expected id:key,id:key"))?;
            let id = id
                .trim()
                .parse()
                .with_context(|| format!("{DATA_KEYS}: a key's id is a number from 0 to 255"))?;
            ensure!(
                sealing.insert(id, key_bytes(DATA_KEYS, key)?).is_none(),
                "{DATA_KEYS}: two keys with id {id}"
            );
        }
        let index = key_bytes(INDEX_KEY, &needed(INDEX_KEY)?)?;
        let vault = Vault::new(&sealing, &index).with_context(|| format!("{DATA_KEYS}: no key"))?;
        Ok(Self { tokens, vault })
    }

    /// The keys of a demo. The sealing keys are always the same, so that the database of a demo can be opened again.
    /// The signing key is new each time.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    pub fn demo() -> Self {
        let [seal, index] = DEMO_KEYS.map(demo_key);
        let sealing = BTreeMap::from([(0, seal)]);
        let vault = Vault::new(&sealing, &index).unwrap_or_else(|| unreachable!("there is a key"));
        Self {
            tokens: Tokens::ephemeral(DEMO_TOKEN_LIFETIME),
            vault,
        }
    }

    /// The token keys of the environment after a step of their rotation, as a line for an environment file.
    ///
    /// # Errors
    /// When they are not set or malformed.
    pub fn rotate(step: KeyRotationStep) -> Result<String> {
        let text = std::env::var(TOKEN_KEY).with_context(|| format!("{TOKEN_KEY} is not set"))?;
        let keys = TokenKeys::parse(&text).context(TOKEN_KEY)?.rotated(step);
        Ok(format!("{TOKEN_KEY}='{}'\n", keys.reveal()))
    }

    /// A fresh set of keys, as lines for an environment file.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    pub fn generate() -> String {
        let fresh = || STANDARD.encode(crate::security::random::<32>());
        let tokens = TokenKeys::generate().reveal();
        format!(
            "{TOKEN_KEY}='{tokens}'\n{DATA_KEYS}='1:{}'\n{INDEX_KEY}='{}'\n",
            fresh(),
            fresh()
        )
    }
}

/// The texts that the demo's sealing key and index key are derived from.
const DEMO_KEYS: [&str; 2] = ["demo: invented people only", "demo: index"];

fn demo_key(label: &str) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, label.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

fn refuse_the_demos(variable: impl Fn(&str) -> Option<String>) -> Result<()> {
    for name in [DATA_KEYS, INDEX_KEY] {
        let text = variable(name).unwrap_or_default();
        let is_there = |label: &str| text.contains(&STANDARD.encode(demo_key(label)));
        ensure!(
            !DEMO_KEYS.iter().any(|label| is_there(label)),
            "{name}: a key of the demo, which anybody can make; `zhuanjie keys` prints a fresh set"
        );
    }
    Ok(())
}

fn key_bytes(name: &str, text: &str) -> Result<[u8; 32]> {
    let bytes = STANDARD
        .decode(text.trim())
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.with_context(|| format!("{name}: a key is 32 bytes in base 64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_can_be_read_and_each_missing_one_is_named() {
        let lines = Keys::generate();
        let all: BTreeMap<String, String> = lines
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').replace("\\n", "\n")))
            .collect();
        assert!(Keys::read(|name| all.get(name).cloned()).is_ok());
        for missing in [TOKEN_KEY, DATA_KEYS, INDEX_KEY] {
            let error = Keys::read(|name| all.get(name).filter(|_| name != missing).cloned())
                .err()
                .unwrap();
            assert!(error.to_string().contains(missing));
        }
    }

    #[test]
    fn api8_the_demos_keys_are_no_keys_of_a_service() {
        let [seal, index] = DEMO_KEYS.map(|label| STANDARD.encode(demo_key(label)));
        let own = STANDARD.encode([7; 32]);
        let refused = |data: &str, index: &str| {
            refuse_the_demos(|name| match name {
                DATA_KEYS => Some(format!("1:{own},0:{data}")),
                _ => Some(index.to_owned()),
            })
        };
        assert!(refused(&own, &own).is_ok());
        for (data, index, name) in [(&seal, &own, DATA_KEYS), (&own, &index, INDEX_KEY)] {
            assert!(refused(data, index).unwrap_err().to_string().contains(name));
        }
    }

    #[test]
    fn the_mini_program_is_named_whole_or_not_at_all() {
        let read = |set: &[(&str, &str)]| {
            let mut config = Config::new("sqlite://x".parse().unwrap());
            let find = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            config.read(find).map(|()| config)
        };
        assert!(read(&[]).unwrap().wechat.is_none());
        let (id, secret) = ((WECHAT_APP_ID, "wx1"), (WECHAT_SECRET, "geheim"));
        let wechat = read(&[id, secret]).unwrap().wechat.unwrap();
        assert_eq!(wechat.url, WECHAT);
        assert!(!format!("{wechat:?}").contains("geheim"));
        for half in [id, secret] {
            assert!(read(&[half]).unwrap_err().to_string().contains(WECHAT_SECRET));
        }
        assert!(format!("{:#}", read(&[(TRUSTED_PROXIES, "x")]).unwrap_err()).contains(TRUSTED_PROXIES));
    }

    #[test]
    fn a_bad_key_is_named_but_not_shown() {
        for data in ["geheim", "1:geheim", "300:geheim", "1:AAAA"] {
            let error = Keys::read(|name| match name {
                TOKEN_KEY => Some(TokenKeys::generate().reveal()),
                _ => Some(data.to_owned()),
            })
            .err()
            .unwrap();
            assert!(format!("{error:#}").contains(DATA_KEYS));
            assert!(!format!("{error:#}").contains("geheim"));
        }
    }
}
