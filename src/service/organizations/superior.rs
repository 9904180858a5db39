//! Who appoints at an organization.

use crate::db::Conn;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::repository::chain;
use crate::repository::organizations::Organization;
use crate::service::{Error, Result};

/// The organization that appoints at another: its direct superior, or further up where nobody there can (A10); the root
/// appoints at itself.
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
    let chain = chain::of(conn, &organization.path)?.ok_or(Error::Corrupt("an organization's superiors"))?;
    Ok(chain.first_able(parent, excluded))
}
