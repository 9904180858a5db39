//! `zhuanjie audit`: checks the audit log's chain of hashes.

use super::options::DatabaseArgs;
use super::output::say;
use crate::clock::Clock;
use crate::db::Db;
use crate::domain::core::time::Timestamp;
use crate::service::audit::{Anchor, Check};
use crate::service::jobs::wording;
use anyhow::{Result, ensure};
use chrono::SecondsFormat;
use clap::Subcommand;
use std::str::FromStr;

/// How many rows are read at a time.
const PAGE: i64 = 1_000;

/// The subcommands of `audit`.
#[derive(Subcommand)]
pub enum Audit {
    /// Check that no sealed row was changed, removed or moved, and print the end of the chain as an anchor. Keep that
    /// line outside the database, and give it as --anchor the next time.
    Verify {
        #[command(flatten)]
        database: DatabaseArgs,
        /// An anchor that an earlier check printed, as `place@instant:hash`. Can be given several times. Without an
        /// anchor the check can't see that the end of the chain was removed, or that the whole chain was replaced.
        #[arg(long)]
        anchor: Vec<Anchor>,
    },
}

/// Runs the command.
///
/// # Errors
/// When a sealed row was changed, removed or moved, or the database fails.
pub async fn run(command: Audit) -> Result<()> {
    let Audit::Verify { database, anchor } = command;
    let config = database.config()?;
    let db = Db::open(&config.database, &config.settings)?;
    let check = verify(&db, anchor).await?;
    db.close().await;
    if let Some((cut, oldest)) = &check.cut {
        say(&format!(
            "cut: the rows up to place {} were removed at {}; {}\n",
            cut.sequence,
            instant(cut.at.into()),
            oldest.map_or_else(
                || "no row is left".to_owned(),
                |at| format!("the oldest row left is of {}", instant(at))
            )
        ))?;
    }
    for flaw in &check.flaws {
        say(&format!("{flaw}\n"))?;
    }
    say(&format!(
        "{} sealed rows checked, {} not sealed yet\nanchor: {}\n",
        check.rows, check.unsealed, check.head
    ))?;
    ensure!(check.flaws.is_empty(), "the audit log is not what was sealed");
    Ok(())
}

async fn verify(db: &Db, anchors: Vec<Anchor>) -> Result<Check> {
    let mut check = Check::new(anchors, Clock::system().now());
    loop {
        let read = db.read(move |conn| {
            let goes_on = check.go_on(conn, PAGE)?;
            Ok((check, goes_on))
        });
        let (checked, goes_on) = read
            .await
            .map_err(|fault: crate::service::Error| anyhow::anyhow!(wording(&fault)))?;
        if !goes_on {
            return Ok(checked);
        }
        check = checked;
    }
}

/// The text is not an anchor.
#[derive(Debug, thiserror::Error)]
#[error("expected place@instant:hash, as `audit verify` prints it")]
pub struct NoAnchor;

impl FromStr for Anchor {
    type Err = NoAnchor;

    fn from_str(text: &str) -> Result<Self, NoAnchor> {
        let (sequence, rest) = text.trim().split_once('@').ok_or(NoAnchor)?;
        let (at, hash) = rest.rsplit_once(':').ok_or(NoAnchor)?;
        let byte = |at: usize| u8::from_str_radix(hash.get(at..at + 2)?, 16).ok();
        let hash: Option<Vec<u8>> = (0..hash.len()).step_by(2).map(byte).collect();
        Ok(Self {
            sequence: sequence.parse().map_err(|_| NoAnchor)?,
            at: at.parse().map_err(|_| NoAnchor)?,
            hash: hash.ok_or(NoAnchor)?,
        })
    }
}

impl std::fmt::Display for Anchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:", self.sequence, instant(self.at))?;
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// An instant as it is stored, to the microsecond.
fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
