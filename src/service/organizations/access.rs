//! Who may see an organization, and who may act on it.

use crate::db::Conn;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{OrganizationPurpose, Sector};
use crate::repository::organizations::{self, Organization};
use crate::service::{Error, Result, may, sees};

/// The organization that a refusal names as the one that can help. A special-unit holding is never named (S-30).
///
/// # Errors
/// When the database fails.
pub fn helper(conn: &mut Conn, id: OrganizationId) -> Result<Option<Organization>> {
    Ok(organizations::find(conn, id)?.filter(|found| found.purpose != OrganizationPurpose::SpecialUnit))
}

/// An organization, if the caller may know of it.
///
/// # Errors
/// `organization.not_found`.
pub fn visible(conn: &mut Conn, actor: &Actor, id: OrganizationId) -> Result<Organization> {
    let found = organizations::find(conn, id)?.filter(|found| is_visible(actor, found));
    Ok(found.ok_or(Code::OrganizationNotFound)?)
}

/// Whether an actor may know of an organization. Only its province's leading organ may know of a holding.
pub fn is_visible(actor: &Actor, organization: &Organization) -> bool {
    let action = match organization.purpose {
        OrganizationPurpose::SpecialUnit => Action::ReadHolding,
        _ => Action::ReadOrganization,
    };
    may(actor, action, object(organization)).is_ok()
}

/// The organization as an object of authorization.
pub(in crate::service) fn object(organization: &Organization) -> Object<'_> {
    Object::organization(&organization.path).in_holding(organization.purpose == OrganizationPurpose::SpecialUnit)
}

/// Locks an organization that the caller may see. Whether they may do the action is left to a rule of the domain.
///
/// # Errors
/// `organization.not_found` outside the subtree (O6).
pub fn lock_visible(conn: &mut Conn, actor: &Actor, action: Action, id: OrganizationId) -> Result<Organization> {
    let found = organizations::find_locked(conn, id)?.ok_or(Code::OrganizationNotFound)?;
    sees(actor, action, object(&found))?;
    Ok(found)
}

/// An organization, if the caller may do the action to it. For reading its internal data.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree (O6).
pub fn permitted(conn: &mut Conn, actor: &Actor, action: Action, id: OrganizationId) -> Result<Organization> {
    let found = organizations::find(conn, id)?.ok_or(Code::OrganizationNotFound)?;
    may(actor, action, object(&found))?;
    Ok(found)
}

/// The sector of the organization that an actor acts for.
///
/// # Errors
/// `actor.not_administrator`.
pub fn acting_sector(conn: &mut Conn, actor: &Actor) -> Result<Sector> {
    let office = actor.office().ok_or(Code::ActorNotAdministrator)?;
    let organization = organizations::find(conn, office.organization)?;
    Ok(organization
        .ok_or(Error::Corrupt("an appointment's organization is missing"))?
        .sector)
}
