//! Signing in, from the attempt to the session.

use super::account::{NOTICE, credentials};
use super::acting::{acting, as_member};
use super::attempts::{AttemptKind, AttemptOrigin, Guard};
use crate::db::Conn;
use crate::domain::account::AccountStatus;
use crate::domain::audit::AuditAction;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, AppointmentId};
use crate::domain::core::time::Timestamp;
use crate::repository::accounts::{self as rows, Account, CodeNotice, HeldOffice};
use crate::repository::blocks::{self, Block};
use crate::repository::sessions::{self, NewSession};
use crate::repository::wechat;
use crate::security::refresh::Refresh;
use crate::security::tokens::Bearer;
use crate::security::vault::Vault;
use crate::service::{Result, audit};
use chrono::TimeDelta;

/// An attempt to sign in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The digest of the ID number given.
    pub id_number: Vec<u8>,
    /// The origin of the request.
    pub origin: AttemptOrigin,
    /// The instant of the attempt.
    pub now: Timestamp,
    /// The id of the request.
    pub request_id: String,
}

/// Whether an attempt may be made. If so, it is already counted as failed.
pub enum SignInAdmission {
    /// The password is to be checked against that of the account, if the account exists.
    Try(Try),
    /// There were too many failures for this number from this address. Nothing was checked.
    Wait(TimeDelta),
}

/// An attempt that may be made.
pub struct Try {
    /// The account with the hash of its password, if there is one.
    pub found: Option<(Account, Option<String>)>,
    /// The wait that others have caused. Only the right password of an account that is known at this address passes it.
    /// Every other attempt is answered with the wait, so the answer does not tell who is known here (S-09).
    pub wait: Option<TimeDelta>,
    /// Whether the account has signed in from this address before.
    pub is_known: bool,
}

fn guard(vault: &Vault, attempt: &Attempt) -> Guard {
    Guard::new(vault, AttemptKind::SignIn, Some(&attempt.id_number), attempt.origin)
}

/// Whether an account has signed in from the address of an attempt before.
fn is_known(conn: &mut Conn, vault: &Vault, attempt: &Attempt, account: Option<AccountId>) -> Result<bool> {
    // An unknown account has no known addresses. They are looked up anyway, so that it costs the same.
    let account = account.unwrap_or(AccountId::NONE);
    Ok(sessions::is_known_address(
        conn,
        account,
        &attempt.origin.digest(vault),
    )?)
}

/// Begins an attempt to sign in with a password.
///
/// # Errors
/// When the database fails.
pub fn begin_attempt(conn: &mut Conn, vault: &Vault, attempt: &Attempt) -> Result<SignInAdmission> {
    let found = credentials(conn, &attempt.id_number)?;
    let account = found.as_ref().map(|(account, _)| account.id);
    let is_known = is_known(conn, vault, attempt, account)?;
    let guard = guard(vault, attempt);
    let waits = guard.waits(conn, attempt.now)?;
    if let Some(wait) = waits.pair {
        return Ok(SignInAdmission::Wait(
            waits.others.map_or(wait, |others| wait.max(others)),
        ));
    }
    let guard = if waits.others.is_some() {
        guard.but_others()
    } else {
        guard
    };
    guard.count(conn, attempt.now)?;
    Ok(SignInAdmission::Try(Try {
        found,
        wait: waits.others,
        is_known,
    }))
}

/// A person who has proved their identity.
#[derive(Debug, Clone)]
pub struct Proven {
    /// Their account.
    pub account: AccountId,
    /// The hash that their password matched.
    pub hash: Option<String>,
    /// Whether they passed a wait that others had caused.
    pub has_passed_wait: bool,
    /// The office that they want to act from.
    pub office: Option<AppointmentId>,
    /// The WeChat identity to bind to the account.
    pub openid: Option<Vec<u8>>,
}

/// A new session.
pub struct SignedIn {
    pub bearer: Bearer,
    pub refresh: Refresh,
    pub must_change_password: bool,
    pub offices: Vec<HeldOffice>,
    pub notices: Vec<CodeNotice>,
    pub blocks: Vec<Block>,
}

/// The outcome for a [`Proven`] person. A refusal is a result and not an error, because the successful attempt has to
/// be stored.
pub enum SignInOutcome {
    /// The session has begun.
    Opened(Box<SignedIn>),
    /// The identity is proved, but what the person wants is refused.
    Refused(Code),
}

/// Ends a successful attempt with a session.
///
/// # Errors
/// When the database fails.
pub fn enter(conn: &mut Conn, vault: &Vault, attempt: &Attempt, proven: &Proven) -> Result<SignInOutcome> {
    rows::lock(conn, proven.account)?;
    let account = rows::find(conn, proven.account)?.filter(|account| account.status == AccountStatus::Active);
    let (hash, _) = rows::secrets(conn, proven.account)?;
    // The account may have been blocked, or its password changed, while the old password was being checked. Until this
    // transaction ends, neither can happen any more.
    let Some(account) = account.filter(|_| hash == proven.hash) else {
        return Ok(SignInOutcome::Refused(Code::RequestSignInFailed));
    };
    let is_known = is_known(conn, vault, attempt, Some(account.id))?;
    let guard = guard(vault, attempt);
    let guard = if proven.has_passed_wait {
        guard.but_others()
    } else {
        guard
    };
    guard.forget_at(conn, is_known)?;
    if let Some(openid) = &proven.openid
        && !bind(conn, &account, openid, attempt)?
    {
        return Ok(SignInOutcome::Refused(Code::WechatBoundAlready));
    }
    open(conn, vault, &account, proven.office, attempt)
}

fn bind(conn: &mut Conn, account: &Account, openid: &[u8], attempt: &Attempt) -> Result<bool> {
    if wechat::account(conn, openid)? == Some(account.id) {
        return Ok(true);
    }
    let bound = wechat::bind(conn, account.id, openid, attempt.now)?;
    if bound {
        let context = as_member(account, attempt.now, &attempt.request_id);
        audit::record(conn, &context, AuditAction::WechatBound, account.id)?;
    }
    Ok(bound)
}

/// Begins a session for an account whose owner has proved their identity.
///
/// # Errors
/// When the database fails.
pub(super) fn open(
    conn: &mut Conn,
    vault: &Vault,
    account: &Account,
    office: Option<AppointmentId>,
    attempt: &Attempt,
) -> Result<SignInOutcome> {
    let offices = rows::offices(conn, account.id)?;
    let held = offices.iter().find(|held| Some(held.office.appointment) == office);
    if office.is_some() && held.is_none() {
        return Ok(SignInOutcome::Refused(Code::RequestNoSuchOffice));
    }
    let refresh = Refresh::first();
    let new = NewSession {
        account: account.id,
        office,
        address_digest: &attempt.origin.digest(vault),
        refresh: &refresh.digests(vault),
    };
    let session = sessions::begin(conn, &new, attempt.now)?;
    let context = acting(account, held.cloned(), attempt.now, &attempt.request_id);
    audit::record(conn, &context, AuditAction::AccountSignedIn, session)?;
    Ok(SignInOutcome::Opened(Box::new(SignedIn {
        bearer: Bearer {
            account: account.id,
            session: Some(session),
            office,
        },
        refresh,
        must_change_password: account.must_change_password,
        offices,
        notices: rows::codes_since(conn, account.id, attempt.now - NOTICE)?,
        blocks: blocks::ended_since(conn, account.id, attempt.now - NOTICE)?,
    })))
}
