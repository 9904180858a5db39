//! Password changes by the owner of an account.

use super::attempts::{AttemptKind, AttemptOrigin, Guard};
use crate::db::Conn;
use crate::domain::account::session::SessionEnding;
use crate::domain::audit::AuditAction;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, SessionId};
use crate::repository::{accounts, members, sessions};
use crate::security::vault::{SealPurpose, SealedRow, Vault};
use crate::service::{Context, Error, Result, audit};
use chrono::TimeDelta;

/// The caller's own ID number. It must not be their password.
///
/// # Errors
/// When the database fails, or the stored number can't be unsealed.
pub fn id_number(conn: &mut Conn, vault: &Vault, account: AccountId) -> Result<String> {
    if let (_, Some(sealed)) = accounts::secrets(conn, account)? {
        return Ok(vault.open(SealPurpose::IdNumber, SealedRow::Account(account), &sealed)?);
    }
    // The number of a member is in the member's row.
    let member = accounts::member(conn, account)?.ok_or(Error::Corrupt("an account has no ID number"))?;
    let (sealed, _) = members::id_number(conn, member)?;
    Ok(vault.open(SealPurpose::IdNumber, SealedRow::Member(member), &sealed)?)
}

/// Whether the current password may be tried. The attempt is already counted as failed, so that a stolen session can't
/// be used to guess the password.
pub enum PasswordAdmission {
    /// The attempt is allowed. The password is checked against this hash.
    Try(Option<String>),
    /// There were too many failures.
    Wait(TimeDelta),
}

fn guard(vault: &Vault, account: AccountId, origin: AttemptOrigin) -> Guard {
    Guard::new(vault, AttemptKind::Password, Some(&account.0.to_be_bytes()), origin)
}

/// Begins a password change.
///
/// # Errors
/// When the database fails.
pub fn begin_attempt(
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

/// A password change by a caller who gave their current password.
pub struct PasswordReplacement {
    pub account: AccountId,
    /// The caller's session, the only one that stays.
    pub session: SessionId,
    /// The hash that the current password matched.
    pub old: Option<String>,
    /// The hash of the new password.
    pub new: String,
    pub origin: AttemptOrigin,
}

/// Stores a new password and ends all other sessions of the account.
///
/// # Errors
/// `account.password_wrong` if the password was changed meanwhile.
pub fn change(conn: &mut Conn, context: &Context, vault: &Vault, change: &PasswordReplacement) -> Result<()> {
    accounts::lock(conn, change.account)?;
    if accounts::secrets(conn, change.account)?.0 != change.old {
        return Err(Code::AccountPasswordWrong.into());
    }
    guard(vault, change.account, change.origin).forget(conn)?;
    accounts::set_password(conn, change.account, &change.new)?;
    let stays = Some(change.session);
    sessions::end_all(conn, change.account, stays, SessionEnding::PasswordChanged, context.now)?;
    audit::record(conn, context, AuditAction::PasswordChanged, change.account)
}
