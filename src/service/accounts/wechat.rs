//! Signing in with WeChat. A WeChat identity is bound to an account with the account's password.

use super::attempts::{AttemptKind, Guard};
use super::sign_in::{self, Attempt, Proven, SignInOutcome};
use crate::db::Conn;
use crate::domain::account::AccountStatus;
use crate::domain::audit::AuditAction;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, AppointmentId};
use crate::repository::accounts::{self, Account};
use crate::repository::wechat;
use crate::security::vault::Vault;
use crate::service::{Context, Result, audit};
use chrono::TimeDelta;

/// How long to wait before another code from this origin may be tried. If it may be tried now, the attempt is already
/// counted as failed.
///
/// # Errors
/// When the database fails.
pub fn wait(conn: &mut Conn, vault: &Vault, attempt: &Attempt) -> Result<Option<TimeDelta>> {
    let guard = Guard::new(vault, AttemptKind::Wechat, None, attempt.origin);
    let wait = guard.wait(conn, attempt.now)?;
    if wait.is_none() {
        guard.count(conn, attempt.now)?;
    }
    Ok(wait)
}

/// Begins a session for the account that a WeChat identity is bound to.
///
/// # Errors
/// When the database fails.
pub fn log_in(
    conn: &mut Conn,
    vault: &Vault,
    openid: &[u8],
    office: Option<AppointmentId>,
    attempt: &Attempt,
) -> Result<SignInOutcome> {
    Guard::new(vault, AttemptKind::Wechat, None, attempt.origin).forget(conn)?;
    let account = match wechat::account(conn, openid)? {
        Some(account) => bound(conn, account, openid)?,
        None => None,
    };
    match account {
        Some(account) => sign_in::open(conn, vault, &account, office, attempt),
        None => Ok(SignInOutcome::Refused(Code::WechatNotBound)),
    }
}

/// An active account, if the identity is still bound to it now that it is locked.
fn bound(conn: &mut Conn, account: AccountId, openid: &[u8]) -> Result<Option<Account>> {
    accounts::lock(conn, account)?;
    if wechat::account(conn, openid)? != Some(account) {
        return Ok(None);
    }
    Ok(accounts::find(conn, account)?.filter(|account| account.status == AccountStatus::Active))
}

/// Binds an identity to an account whose owner gave its password, and begins a session.
///
/// # Errors
/// When the database fails.
pub fn bind(conn: &mut Conn, vault: &Vault, attempt: &Attempt, proven: &Proven) -> Result<SignInOutcome> {
    Guard::new(vault, AttemptKind::Wechat, None, attempt.origin).forget(conn)?;
    sign_in::enter(conn, vault, attempt, proven)
}

/// Ends the binding of the caller's account, if there is one.
///
/// # Errors
/// When the database fails.
pub fn unbind(conn: &mut Conn, context: &Context, account: AccountId) -> Result<()> {
    accounts::lock(conn, account)?;
    if wechat::unbind(conn, account)? == 1 {
        audit::record(conn, context, AuditAction::WechatUnbound, account)?;
    }
    Ok(())
}
