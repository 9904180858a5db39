//! Policy by season: what holds, and who changed it.

use super::{Context, Expected, Result, audit};
use crate::db::{Conn, Unique};
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::catalogue::code::Code;
use crate::domain::core::time::Season;
use crate::domain::policy::Policy;
pub use crate::repository::policies::StoredPolicy;
use crate::repository::{policies, transfers};

/// The version a season's default has: none was ever stored.
const DEFAULT_VERSION: i32 = 0;

/// A season's policy with the version it has.
#[derive(Debug, Clone)]
pub struct Versioned {
    pub policy: Policy,
    pub version: i32,
}

/// The policy that decides for a season: the newest stored, or the default.
///
/// # Errors
/// When the database fails.
pub fn of_season(conn: &mut Conn, season: Season) -> Result<Policy> {
    Ok(get(conn, season)?.policy)
}

/// The same with its version.
///
/// # Errors
/// When the database fails.
pub fn get(conn: &mut Conn, season: Season) -> Result<Versioned> {
    Ok(match policies::current(conn, season)? {
        Some(StoredPolicy { policy, version, .. }) => Versioned { policy, version },
        None => Versioned {
            policy: Policy::default_for(season),
            version: DEFAULT_VERSION,
        },
    })
}

/// Every version a season's policy had, newest first; the default is not among them.
///
/// # Errors
/// When the database fails.
pub fn history(conn: &mut Conn, season: Season) -> Result<Vec<StoredPolicy>> {
    Ok(policies::history(conn, season)?)
}

/// Changes a season's policy. Decisions from now on use it, the deadlines of its open cases included (A6); what was
/// decided stands.
///
/// # Errors
/// `policy.not_allowed` for anybody but the nation's own administrators; `request.stale`;
/// `policy.out_of_range`, `policy.dates_out_of_order`.
pub fn change(conn: &mut Conn, context: &Context, policy: &Policy, expected: Expected) -> Result<Versioned> {
    Policy::may_change(&context.actor)?;
    let found = get(conn, policy.season)?;
    expected.admit(found.version)?;
    policy.validate()?;
    let version = found.version + 1;
    match policies::add(conn, version, policy, context.actor.account, context.now) {
        Ok(()) => {}
        Err(e) if Unique::violated(&e) == Some(Unique::PolicyVersion) => return Err(Code::RequestStale.into()),
        Err(e) => return Err(e.into()),
    }
    transfers::reset_deadlines(conn, policy)?;
    audit::record(
        conn,
        context,
        AuditAction::PolicyChanged,
        AuditSubject::Season(policy.season),
    )?;
    Ok(Versioned {
        policy: policy.clone(),
        version,
    })
}
