//! Signing in, and who somebody is.

use super::{Error, Result, integrators};
use crate::db::Conn;
use crate::domain::actor::{AccountKind, Actor, Role};
use crate::domain::codes::Code;
use crate::domain::ids::{AppointmentId, MemberId};
use crate::domain::office::OfficeRole;
use crate::domain::time::Timestamp;
pub use crate::repository::accounts::HeldOffice;
use crate::repository::accounts::{self, Account};
use crate::repository::members::{self, Member};
use crate::repository::organizations::{self, Organization};
use crate::security::tokens::Bearer;

/// The stored word for an account that may sign in.
pub(super) const ACTIVE: &str = "active";

/// What a sign-in is checked against: the account, if there is one, and its password's hash.
///
/// # Errors
/// When the database fails.
pub fn credentials(conn: &mut Conn, id_number_digest: &[u8]) -> Result<Option<(Account, Option<String>)>> {
    let found = accounts::by_id_number(conn, id_number_digest)?;
    Ok(found.filter(|(account, _)| account.status == ACTIVE))
}

/// The offices an account holds now.
///
/// # Errors
/// When the database fails.
pub fn offices(conn: &mut Conn, account: &Account) -> Result<Vec<HeldOffice>> {
    Ok(accounts::offices(conn, account.id)?)
}

/// Checks that an account may act as it wants to: from an office it holds, or as the member it belongs to.
///
/// # Errors
/// `request.no_such_office` for an office it does not hold, or without one when it belongs to no member.
pub fn bearer(conn: &mut Conn, account: &Account, office: Option<AppointmentId>) -> Result<Bearer> {
    let may = match office {
        Some(office) => accounts::office(conn, account.id, office)?.is_some(),
        None => true,
    };
    if may {
        Ok(Bearer {
            account: account.id,
            office,
        })
    } else {
        Err(Code::RequestNoSuchOffice.into())
    }
}

/// Who the bearer of a token is now: account, office and credential are read again at each request, so that what was
/// taken away is gone.
///
/// # Errors
/// `request.unauthenticated` when the account is blocked, the office has ended, or the credential has.
pub fn actor(conn: &mut Conn, bearer: Bearer, now: Timestamp) -> Result<Actor> {
    let account = accounts::find(conn, bearer.account)?.filter(|account| account.status == ACTIVE);
    let account = account.ok_or(Code::RequestUnauthenticated)?;
    match (account.kind, bearer.office) {
        (AccountKind::Integrator, _) => integrators::actor(conn, account.id, now),
        (AccountKind::Person, Some(office)) => {
            let held = accounts::office(conn, account.id, office)?.ok_or(Code::RequestUnauthenticated)?;
            Ok(match held.role {
                OfficeRole::Administrator => Actor::administrator(account.id, account.member_id, held.office),
                OfficeRole::Auditor => Actor::auditor(account.id, account.member_id, held.office),
            })
        }
        (AccountKind::Person, None) => Ok(Actor {
            account: Some(account.id),
            member: account.member_id,
            role: Role::Member,
        }),
    }
}

/// Who somebody is, for himself.
#[derive(Debug, Clone)]
pub struct Myself {
    pub account: Account,
    pub member: Option<(Member, Option<Organization>)>,
    pub offices: Vec<HeldOffice>,
    pub acting: Option<AppointmentId>,
}

/// Everything the service knows of the caller as a person and officer.
///
/// # Errors
/// When the database fails.
pub fn myself(conn: &mut Conn, actor: &Actor) -> Result<Myself> {
    let id = actor.account.ok_or(Error::Corrupt("an actor without an account"))?;
    let account = accounts::find(conn, id)?.ok_or(Code::RequestUnauthenticated)?;
    let member = match account.member_id {
        Some(id) => Some(with_branch(conn, id)?),
        None => None,
    };
    let offices = accounts::offices(conn, id)?;
    Ok(Myself {
        account,
        member,
        offices,
        acting: actor.appointment(),
    })
}

fn with_branch(conn: &mut Conn, id: MemberId) -> Result<(Member, Option<Organization>)> {
    let member = members::find(conn, id)?.ok_or(Error::Corrupt("an account of no member"))?;
    let branch = match member.branch_id {
        Some(branch) => organizations::find(conn, branch)?,
        None => None,
    };
    Ok((member, branch))
}
