//! The policies of seasons and their changes.

use super::{Context, Expected, Result, audit};
use crate::db::{Conn, Unique};
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::catalogue::code::Code;
use crate::domain::core::time::Season;
use crate::domain::policy::Policy;
pub use crate::repository::policies::StoredPolicy;
use crate::repository::{policies, transfers};

/// The version of a season's default policy, which is not stored.
const DEFAULT_VERSION: i32 = 0;

/// A season's policy with its version.
#[derive(Debug, Clone)]
pub struct Versioned {
    pub policy: Policy,
    pub version: i32,
}

/// The policy of a season: the newest stored version, or the default.
///
/// # Errors
/// When the database fails.
pub fn of_season(conn: &mut Conn, season: Season) -> Result<Policy> {
    Ok(get(conn, season)?.policy)
}

/// The policy of a season with its version.
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

/// Every stored version of a season's policy, newest first. The default is not stored.
///
/// # Errors
/// When the database fails.
pub fn history(conn: &mut Conn, season: Season) -> Result<Vec<StoredPolicy>> {
    Ok(policies::history(conn, season)?)
}

/// Changes a season's policy. It holds for decisions from now on and for the deadlines of the season's open cases (A6).
/// Earlier decisions stand.
///
/// # Errors
/// `policy.not_allowed` for callers other than the nation's own administrators, `request.stale`, `policy.out_of_range`,
/// `policy.dates_out_of_order`.
pub fn change(conn: &mut Conn, context: &Context, policy: &Policy, expected: Expected) -> Result<Versioned> {
    Policy::may_change(&context.actor)?;
    let found = get(conn, policy.season)?;
    expected.check_version(found.version)?;
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
