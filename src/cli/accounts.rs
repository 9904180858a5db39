//! `zhuanjie accounts`: blocks an account above which no administrator stands, unblocks it, and ends sessions.

use super::options::DatabaseArgs;
use super::output::say;
use crate::clock::Clock;
use crate::config::Keys;
use crate::db::Db;
use crate::domain::authority::actor::Actor;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::text::Remark;
use crate::domain::core::time::shanghai_date;
use crate::security::vault::SealPurpose;
use crate::service::Context as Asking;
use crate::service::accounts::{blocks, operators};
use crate::service::jobs::wording;
use anyhow::{Context, Result, anyhow};
use chrono::SecondsFormat;
use clap::Subcommand;

/// The subcommands of `accounts`. They read the ID number from standard input, so that no shell history keeps it.
#[derive(Subcommand)]
pub enum Accounts {
    /// Block the account with the ID number on standard input. All its sessions end and its password becomes void.
    Block {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The reason. The owner can read it at the next sign-in.
        #[arg(long)]
        reason: String,
    },
    /// End every session of the account with the ID number on standard input. The password stays as it is.
    EndSessions {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Unblock the account with the ID number on standard input, and print a one-time code for a new password. It does
    /// not matter who blocked the account.
    Unblock {
        #[command(flatten)]
        database: DatabaseArgs,
    },
}

/// Runs the command.
///
/// # Errors
/// When standard input holds no ID number or one without an account, when the account is already blocked or not
/// blocked, or when the database fails.
pub async fn run(command: Accounts) -> Result<()> {
    let clock = Clock::system();
    let keys = Keys::from_environment()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let number = IdNumber::parse(&line, shanghai_date(clock.now())).context("standard input: an ID number")?;
    let number = keys.vault.digest(SealPurpose::IdNumber, number.reveal());
    let context = Asking {
        actor: Actor::system(),
        now: clock.now(),
        request_id: "accounts".into(),
    };
    match command {
        Accounts::Block { database, reason } => {
            let reason = Remark::new(&reason).context("--reason: the text is blank")?;
            let db = open(&database)?;
            let blocked = db
                .write(move |conn| blocks::block_number(conn, &context, &number, &reason))
                .await;
            db.close().await;
            blocked.map_err(|fault| anyhow!("{}", wording(&fault)))?;
            say("blocked: every session of the account has ended, and its password is void\n")
        }
        Accounts::EndSessions { database } => {
            let db = open(&database)?;
            let ended = db
                .write(move |conn| operators::end_sessions(conn, &context, &number))
                .await;
            db.close().await;
            let ended = ended.map_err(|fault| anyhow!("{}", wording(&fault)))?;
            say(&format!("{ended} sessions ended\n"))
        }
        Accounts::Unblock { database } => {
            let db = open(&database)?;
            let issued = db
                .write(move |conn| blocks::unblock_number(conn, &context, &keys.vault, &number))
                .await;
            db.close().await;
            let issued = issued.map_err(|fault| anyhow!("{}", wording(&fault)))?;
            say(&format!(
                "unblocked\none-time code: {}\nvalid until:   {}\n",
                issued.code,
                issued.valid_until.to_rfc3339_opts(SecondsFormat::Secs, true),
            ))
        }
    }
}

fn open(database: &DatabaseArgs) -> Result<Db> {
    let config = database.config()?;
    Ok(Db::open(&config.database, &config.settings)?)
}
