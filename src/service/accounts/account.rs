//! The account, the office and the session behind a token.

use super::acting::person;
use super::sessions;
use crate::db::Conn;
use crate::domain::account::AccountStatus;
use crate::domain::authority::actor::{AccountKind, Actor};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AppointmentId, MemberId, SessionId};
use crate::domain::core::time::Timestamp;
use crate::repository::accounts::{self, Account};
pub use crate::repository::accounts::{CodeNotice, HeldOffice};
use crate::repository::appointments::{self, StoredRequest};
use crate::repository::blocks::{self, Block};
use crate::repository::members::{self, Member};
use crate::repository::organizations::{self, Organization};
use crate::security::tokens::Bearer;
use crate::service::{Context, Error, Result, integrators};
use chrono::TimeDelta;

/// How long the owner of an account is told that a one-time code was issued for it (O5) or that it was blocked. The
/// owner can't dismiss the notice, since a thief who used the code could do so first.
pub const NOTICE: TimeDelta = TimeDelta::days(30);

/// The account that a sign-in is checked against and its password hash, if there is an active account.
///
/// # Errors
/// When the database fails.
pub fn credentials(conn: &mut Conn, id_number_digest: &[u8]) -> Result<Option<(Account, Option<String>)>> {
    let found = accounts::by_id_number(conn, id_number_digest)?;
    Ok(found.filter(|(account, _)| account.status == AccountStatus::Active))
}

/// The current state of a token's bearer.
#[derive(Debug, Clone)]
pub struct Present {
    /// The actor.
    pub actor: Actor,
    /// The person's session. Integrators have none.
    pub session: Option<SessionId>,
    /// Whether the person still has a password that somebody else gave them. They may then only change it.
    pub must_change_password: bool,
}

/// The current state of a token's bearer. Account, session, office and credential are read again, so that a change
/// takes effect at once.
///
/// # Errors
/// `request.unauthenticated` when the account is blocked, or the session, the office or the credential has ended.
pub fn present(conn: &mut Conn, bearer: Bearer, now: Timestamp) -> Result<Present> {
    let account = accounts::find(conn, bearer.account)?.filter(|account| account.status == AccountStatus::Active);
    let account = account.ok_or(Code::RequestUnauthenticated)?;
    let is_in_force = match (account.kind, bearer.session) {
        (AccountKind::Person, Some(session)) => sessions::is_in_force(conn, bearer, session, now)?,
        (AccountKind::Integrator, None) => true,
        _ => false,
    };
    if !is_in_force {
        return Err(Code::RequestUnauthenticated.into());
    }
    Ok(Present {
        actor: actor(conn, &account, bearer, now)?,
        session: bearer.session,
        must_change_password: account.must_change_password,
    })
}

fn actor(conn: &mut Conn, account: &Account, bearer: Bearer, now: Timestamp) -> Result<Actor> {
    match (account.kind, bearer.office) {
        (AccountKind::Integrator, _) => integrators::actor(conn, account.id, now),
        (AccountKind::Person, Some(office)) => {
            let held = accounts::office(conn, account.id, office)?.ok_or(Code::RequestUnauthenticated)?;
            Ok(person(account, Some(held)))
        }
        (AccountKind::Person, None) => Ok(person(account, None)),
    }
}

/// An account as its owner sees it.
#[derive(Debug, Clone)]
pub struct Myself {
    pub account: Account,
    pub member: Option<(Member, Option<Organization>)>,
    pub offices: Vec<HeldOffice>,
    pub acting: Option<AppointmentId>,
    pub notices: Vec<CodeNotice>,
    pub blocks: Vec<Block>,
    pub offers: Vec<StoredRequest>,
}

/// Everything that the service knows about the caller as a person and office holder.
///
/// # Errors
/// When the database fails.
pub fn myself(conn: &mut Conn, context: &Context) -> Result<Myself> {
    let actor = &context.actor;
    let id = actor.account.ok_or(Error::Corrupt("an actor has no account"))?;
    let account = accounts::find(conn, id)?.ok_or(Code::RequestUnauthenticated)?;
    let member = match account.member_id {
        Some(id) => Some(with_branch(conn, id)?),
        None => None,
    };
    let offices = accounts::offices(conn, id)?;
    let notices = accounts::codes_since(conn, id, context.now - NOTICE)?;
    let blocks = blocks::ended_since(conn, id, context.now - NOTICE)?;
    let offers = appointments::offers(conn, id)?;
    Ok(Myself {
        account,
        member,
        offices,
        notices,
        blocks,
        offers,
        acting: actor.appointment(),
    })
}

fn with_branch(conn: &mut Conn, id: MemberId) -> Result<(Member, Option<Organization>)> {
    let member = members::find(conn, id)?.ok_or(Error::Corrupt("an account's member is missing"))?;
    let branch = match member.branch_id {
        Some(branch) => organizations::find(conn, branch)?,
        None => None,
    };
    Ok((member, branch))
}
