//! `zhuanjie offices` and `zhuanjie integrators`: who administers what, and the end of a credential.

use super::options::DatabaseArgs;
use super::output::say;
use crate::clock::Clock;
use crate::db::Db;
use crate::domain::authority::actor::Actor;
use crate::domain::core::ids::{AccountId, AppointmentId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::service::accounts::operators;
use crate::service::jobs::wording;
use crate::service::{Context, Error, integrators};
use anyhow::{Result, anyhow};
use chrono::SecondsFormat;
use clap::Subcommand;

/// The subcommands of `offices`.
#[derive(Subcommand)]
pub enum OfficesCommand {
    /// Print who administers or audits what: a line for each office in force, with tabs between organization, name,
    /// role, holder's account, holder's name, beginning and appointment.
    List {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Only this organization and what is below it.
        #[arg(long)]
        organization: Option<OrganizationId>,
    },
}

/// The subcommands of `integrators`.
#[derive(Subcommand)]
pub enum IntegratorsCommand {
    /// Revoke the credential of another system. Its tokens end at once.
    Revoke {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The credential's client id.
        client_id: AccountId,
    },
}

/// Prints the offices in force.
///
/// # Errors
/// When there is no such organization, or the database fails.
pub async fn list(command: OfficesCommand) -> Result<()> {
    let OfficesCommand::List { database, organization } = command;
    let config = database.config()?;
    let db = Db::open(&config.database, &config.settings)?;
    let within = match organization {
        Some(id) => {
            let path = db.read(move |conn| operators::path_of(conn, id)).await.map_err(fault)?;
            Some(path.ok_or_else(|| anyhow!("there is no organization {id}"))?)
        }
        None => None,
    };
    let mut after = Some(AppointmentId::NONE);
    while let Some(from) = after {
        let within = within.clone();
        let page = db
            .read(move |conn| operators::administering(conn, within.as_ref(), from))
            .await;
        let page = page.map_err(fault)?;
        after = page.last().map(|office| office.appointment);
        for office in &page {
            say(&format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                office.organization,
                office.organization_name,
                office.role,
                office.account,
                office.holder_name,
                Timestamp::from(office.since).to_rfc3339_opts(SecondsFormat::Secs, true),
                office.appointment,
            ))?;
        }
    }
    db.close().await;
    Ok(())
}

/// Revokes a credential.
///
/// # Errors
/// When there is no such credential, or the database fails.
pub async fn revoke(command: IntegratorsCommand) -> Result<()> {
    let IntegratorsCommand::Revoke { database, client_id } = command;
    let context = Context {
        actor: Actor::system(),
        now: Clock::system().now(),
        request_id: "integrators".into(),
    };
    let config = database.config()?;
    let db = Db::open(&config.database, &config.settings)?;
    let revoked = db
        .write(move |conn| integrators::revoke_by_operators(conn, &context, client_id))
        .await;
    db.close().await;
    revoked.map_err(fault)?;
    say("revoked: the credential and all its tokens have ended\n")
}

fn fault(fault: Error) -> anyhow::Error {
    anyhow!("{}", wording(&fault))
}
