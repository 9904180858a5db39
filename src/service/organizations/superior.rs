//! The superiors of an organization, and the one that appoints there.

use crate::db::Conn;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::organization::chain::Chain;
use crate::domain::organization::facts::Path;
use crate::repository::chain;
use crate::repository::organizations::Organization;
use crate::service::{Error, Result};

/// The chain of the organization at a path.
///
/// # Errors
/// When the database fails.
pub fn chain_of(conn: &mut Conn, path: &Path) -> Result<Chain> {
    chain::of(conn, path)?.ok_or(Error::Corrupt("an organization's superiors are missing"))
}

/// The organization that appoints at another one: its direct superior, or the next one up that has somebody who can
/// (A10). The root appoints at itself.
///
/// # Errors
/// When the database fails.
pub fn appointing_superior(
    conn: &mut Conn,
    organization: &Organization,
    excluded: &[AccountId],
) -> Result<Option<OrganizationId>> {
    let Some(parent) = organization.parent_id else {
        return Ok(Some(organization.id));
    };
    Ok(chain_of(conn, &organization.path)?.first_able(parent, excluded))
}

/// A10: the organization that acts for one now: itself, or the nearest superior with an administrator.
///
/// # Errors
/// When the database fails.
pub fn acting(conn: &mut Conn, organization: &Organization) -> Result<Option<OrganizationId>> {
    Ok(chain_of(conn, &organization.path)?.first_able(organization.id, &[]))
}

/// A10: the organization that acts as the direct superior of one now. `None` for the root.
///
/// # Errors
/// When the database fails.
pub fn acting_superior(conn: &mut Conn, organization: &Organization) -> Result<Option<OrganizationId>> {
    let Some(parent) = organization.parent_id else {
        return Ok(None);
    };
    Ok(chain_of(conn, &organization.path)?.first_able(parent, &[]))
}
