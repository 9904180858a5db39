//! The parts of a running service. There are no globals.

use crate::clock::Clock;
use crate::config::proxies::Proxies;
use crate::config::{Config, Keys, Wechat};
use crate::db::{Db, DbError};
use crate::domain::retention::RetentionPeriods;
use crate::files::Files;
use crate::security::passwords::Passwords;
use crate::security::tokens::Tokens;
use crate::security::vault::Vault;
use crate::service::accounts::presence::{A_SECOND, ActorCache};
use crate::service::transfers::{self, ProposalQueue};

/// The parts of a running service. Cloning shares them.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub vault: Vault,
    pub tokens: Tokens,
    pub passwords: Passwords,
    pub files: Files,
    pub actor_cache: ActorCache,
    pub proxies: Proxies,
    pub wechat: Option<Wechat>,
    pub retention: RetentionPeriods,
    pub proposals: ProposalQueue,
}

impl App {
    /// Opens the database, migrates its schema and creates the parts.
    ///
    /// # Errors
    /// When the database can't be reached or migrated.
    pub async fn start(config: &Config, keys: Keys, clock: Clock) -> Result<Self, DbError> {
        let db = Db::open(&config.database, &config.settings)?;
        for version in db.migrate().await? {
            log::info!(version = version.as_str(); "migrated");
        }
        let files = Files::new(&config.files, keys.vault.clone());
        if let Err(error) = files.folder().sweep().await {
            log::warn!("the directory of files can't be swept: {error}");
        }
        Ok(Self {
            proposals: transfers::proposal_queue(db.clone()),
            db,
            files,
            retention: config.retention,
            clock,
            vault: keys.vault,
            tokens: keys.tokens,
            passwords: Passwords::new(config.sign_in_lanes),
            actor_cache: ActorCache::new(A_SECOND),
            proxies: config.proxies.clone(),
            wechat: config.wechat.clone(),
        })
    }
}
