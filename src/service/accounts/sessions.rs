//! Sessions after the sign-in: refreshing tokens and signing out.

use super::acting::acting;
use super::attempts::{AttemptKind, AttemptOrigin, Guard};
use crate::db::Conn;
use crate::domain::account::AccountStatus;
use crate::domain::account::session::{REFRESH_GRACE, SessionEnding};
use crate::domain::audit::AuditAction;
use crate::domain::core::ids::{AccountId, SessionId};
use crate::domain::core::time::Timestamp;
pub use crate::repository::sessions::Session;
use crate::repository::{accounts, sessions};
use crate::security::refresh::Refresh;
use crate::security::tokens::Bearer;
use crate::security::vault::Vault;
use crate::service::{Context, Result, audit};
use chrono::TimeDelta;

/// The largest number of open sessions that a list shows. Nobody reads more.
const MOST: i64 = 100;

/// The outcome of a refresh.
pub enum RefreshOutcome {
    /// The next refresh token replaces the one that was used.
    Next(Bearer, Refresh),
    /// The token is invalid, or its session has ended. A token that was used before has ended its session now.
    Refused,
    /// There were too many failures from this origin.
    Wait(TimeDelta),
}

/// Replaces a refresh token with the next one. If a token comes a second time, either the thief or the owner has used
/// it already, and we can't tell which, so the session ends for both (RFC 9700 §4.14.2). The token that was just replaced
/// is the exception ([`REFRESH_GRACE`]): an answer was lost, or two tabs refreshed at once.
///
/// # Errors
/// When the database fails.
pub fn refresh(
    conn: &mut Conn,
    vault: &Vault,
    shown: Option<&Refresh>,
    origin: AttemptOrigin,
    now: Timestamp,
    request_id: &str,
) -> Result<RefreshOutcome> {
    let known = match shown {
        Some(shown) => sessions::of_family(conn, &shown.digests(vault).family)?.map(|session| (session, shown)),
        None => None,
    };
    let Some((session, shown)) = known else {
        // Only a miss waits and counts: nobody with a right token waits for what others try at their address.
        let guard = Guard::new(vault, AttemptKind::Refresh, None, origin);
        if let Some(wait) = guard.wait(conn, now)? {
            return Ok(RefreshOutcome::Wait(wait));
        }
        guard.count(conn, now)?;
        return Ok(RefreshOutcome::Refused);
    };
    rotate(conn, vault, &session, shown, origin, now, request_id)
}

fn rotate(
    conn: &mut Conn,
    vault: &Vault,
    session: &Session,
    shown: &Refresh,
    origin: AttemptOrigin,
    now: Timestamp,
    request_id: &str,
) -> Result<RefreshOutcome> {
    let account = accounts::find(conn, session.account_id)?.filter(|account| account.status == AccountStatus::Active);
    let Some(account) = account.filter(|_| session.is_in_force(now)) else {
        return Ok(RefreshOutcome::Refused);
    };
    let held = match session.appointment_id {
        Some(office) => accounts::office(conn, account.id, office)?,
        None => None,
    };
    if session.appointment_id.is_some() && held.is_none() {
        return Ok(RefreshOutcome::Refused);
    }
    let context = acting(&account, held, now, request_id);
    let next = shown.next(vault);
    let (old, new) = (shown.digests(vault).token, next.digests(vault).token);
    let address = origin.digest(vault);
    if sessions::rotate_refresh_token(conn, session.id, &old, &new, &address, now)?
        || sessions::take_grace(conn, session.id, &old, &address, now - REFRESH_GRACE)?
    {
        audit::record(conn, &context, AuditAction::SessionRefreshed, session.id)?;
        let bearer = Bearer {
            account: account.id,
            session: Some(session.id),
            office: session.appointment_id,
        };
        return Ok(RefreshOutcome::Next(bearer, next));
    }
    if sessions::end(conn, session.id, SessionEnding::Reused, now)? == 1 {
        audit::record(conn, &context, AuditAction::RefreshTokenReused, session.id)?;
    }
    Ok(RefreshOutcome::Refused)
}

/// Whether a session belongs to a bearer and is in force.
///
/// # Errors
/// When the database fails.
pub(super) fn is_in_force(conn: &mut Conn, bearer: Bearer, id: SessionId, now: Timestamp) -> Result<bool> {
    Ok(sessions::find(conn, id)?.is_some_and(|session| {
        session.is_in_force(now) && session.account_id == bearer.account && session.appointment_id == bearer.office
    }))
}

/// The caller's open sessions, latest first, each with the organization it acts for.
///
/// # Errors
/// When the database fails.
pub fn list(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<Vec<(Session, Option<String>)>> {
    let mut open = sessions::of_account(conn, account, MOST)?;
    open.retain(|(session, _)| session.is_in_force(now));
    Ok(open)
}

/// Ends one session, or all sessions of the account.
///
/// # Errors
/// When the database fails.
pub fn sign_out(
    conn: &mut Conn,
    context: &Context,
    account: AccountId,
    session: SessionId,
    everywhere: bool,
) -> Result<()> {
    if everywhere {
        sessions::end_all(conn, account, None, SessionEnding::SignedOut, context.now)?;
    } else {
        sessions::end(conn, session, SessionEnding::SignedOut, context.now)?;
    }
    let action = if everywhere {
        AuditAction::AccountSignedOutEverywhere
    } else {
        AuditAction::AccountSignedOut
    };
    audit::record(conn, context, action, session)
}
