//! The parts of a running service, and what joins them. There are no globals.

use crate::clock::Clock;
use crate::config::proxies::Proxies;
use crate::config::{Config, Keys, Wechat};
use crate::db::{Db, DbError};
use crate::domain::retention::RetentionPeriods;
use crate::files::{FileRecord, Files, Folder};
use crate::repository::certifications::StoredForm;
use crate::repository::identity;
use crate::security::passwords::Passwords;
use crate::security::tokens::Tokens;
use crate::security::vault::Vault;
use crate::service::accounts::presence::{A_SECOND, ActorCache};
use crate::service::transfers::{self, ProposalQueue};
use anyhow::Result;

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
    /// When the database can't be reached or migrated, or the folder of files belongs to another one.
    pub async fn start(config: &Config, keys: Keys, clock: Clock) -> Result<Self> {
        let db = Db::open(&config.database, &config.settings)?;
        for version in db.migrate().await? {
            log::info!(version = version.as_str(); "migrated");
        }
        let files = Files::new(folder_of(&db, config).await?, keys.vault.clone());
        files.folder().check().await?;
        if let Err(error) = files.folder().sweep().await {
            log::warn!("the folder of files can't be swept: {error}");
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

/// The folder of a database's files, whether or not it is there.
///
/// # Errors
/// When the database can't be read, or its schema is older.
pub async fn folder_of(db: &Db, config: &Config) -> Result<Folder> {
    let id = db
        .read::<_, DbError, _>(|conn| Ok(identity::database_id(conn)?))
        .await?;
    Ok(Folder::new(&config.files, &id))
}

impl From<&StoredForm> for FileRecord {
    fn from(form: &StoredForm) -> Self {
        Self {
            name: form.file.clone(),
            owner: form.member_id.0,
            // No file is of this length if the number is negative.
            bytes: u64::try_from(form.bytes).unwrap_or_default(),
            sha256: form.sha256.clone(),
        }
    }
}
