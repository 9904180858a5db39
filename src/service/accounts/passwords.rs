//! Changing one's password.

use super::attempts::{AttemptKind, AttemptOrigin, Guard};
use crate::db::Conn;
use crate::domain::account::session::SessionEnding;
use crate::domain::audit::AuditAction;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, SessionId};
use crate::repository::{accounts, sessions};
use crate::security::vault::{SealPurpose, Vault};
use crate::service::{Context, Error, Result, audit};
use chrono::TimeDelta;

/// The caller's own ID number, which his password must not be.
///
/// # Errors
/// When the database fails, or what it holds does not open.
pub fn id_number(conn: &mut Conn, vault: &Vault, account: AccountId) -> Result<String> {
    let (_, sealed) = accounts::secrets(conn, account)?;
    let sealed = sealed.ok_or(Error::Corrupt("a person without an ID number"))?;
    Ok(vault.open(SealPurpose::IdNumber, &sealed)?)
}

/// Whether the present password may be tried; if so, its hash. The attempt is counted as failed already: a stolen
/// session must not be a place to guess at.
pub enum PasswordAdmission {
    /// It is to be checked against this.
    Try(Option<String>),
    /// Too many failed.
    Wait(TimeDelta),
}

fn guard(vault: &Vault, account: AccountId, origin: AttemptOrigin) -> Guard {
    Guard::new(vault, AttemptKind::Password, Some(&account.0.to_be_bytes()), origin)
}

/// Begins a change.
///
/// # Errors
/// When the database fails.
pub fn admit(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    account: AccountId,
    origin: AttemptOrigin,
) -> Result<PasswordAdmission> {
    let guard = guard(vault, account, origin);
    if let Some(wait) = guard.wait(conn, context.now)? {
        return Ok(PasswordAdmission::Wait(wait));
    }
    guard.count(conn, context.now)?;
    Ok(PasswordAdmission::Try(accounts::secrets(conn, account)?.0))
}

/// A change by somebody who gave his present password.
pub struct PasswordReplacement {
    pub account: AccountId,
    /// His session, which alone goes on.
    pub session: SessionId,
    /// The hash his present password fitted.
    pub old: Option<String>,
    /// The new one's hash.
    pub new: String,
    pub origin: AttemptOrigin,
}

/// Stores a new password; all other sessions of the account end.
///
/// # Errors
/// `account.password_wrong` when it was changed meanwhile.
pub fn change(conn: &mut Conn, context: &Context, vault: &Vault, change: &PasswordReplacement) -> Result<()> {
    if accounts::secrets(conn, change.account)?.0 != change.old {
        return Err(Code::AccountPasswordWrong.into());
    }
    guard(vault, change.account, change.origin).forget(conn, context.now)?;
    accounts::set_password(conn, change.account, &change.new)?;
    let stays = Some(change.session);
    sessions::end_all(conn, change.account, stays, SessionEnding::PasswordChanged, context.now)?;
    audit::record(conn, context, AuditAction::PasswordChanged, change.account)
}
