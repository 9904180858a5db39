//! Organizations: who may see them, and lists of them.

use super::{Error, Result};
use crate::db::Conn;
use crate::domain::actor::Actor;
use crate::domain::codes::Code;
use crate::domain::ids::OrganizationId;
use crate::domain::organization::{Path, Purpose};
use crate::repository::organizations::{self, Place};
pub use crate::repository::organizations::{Filter, Organization};

/// Whether the database holds any organization at all.
///
/// # Errors
/// When the database fails.
pub fn any(conn: &mut Conn) -> Result<bool> {
    Ok(organizations::any(conn)?)
}

/// An organization as a page of its own: with its superiors' names and what people should know of it.
#[derive(Debug, Clone)]
pub struct Detail {
    pub organization: Organization,
    pub former_names: Vec<String>,
    pub administrators: usize,
}

/// One organization. Organizations are a public directory to everybody who is signed in; the special-unit holdings are
/// not (S-30).
///
/// # Errors
/// `organization.not_found`.
pub fn get(conn: &mut Conn, actor: &Actor, id: OrganizationId) -> Result<Detail> {
    let organization = organizations::find(conn, id)?.filter(|found| is_visible(actor, found));
    let organization = organization.ok_or(Code::OrganizationNotFound)?;
    let former_names = organizations::former_names(conn, id)?;
    let administrators = organizations::administrators(conn, id)?.len();
    Ok(Detail {
        organization,
        former_names,
        administrators,
    })
}

/// Whether somebody may know of an organization: a holding shows itself to its province's leading organ alone.
pub fn is_visible(actor: &Actor, organization: &Organization) -> bool {
    organization.purpose != Purpose::SpecialUnit
        || organization
            .parent_id
            .is_some_and(|province| actor.administers(province))
}

/// Which organizations a list shows.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The organization it starts from; the caller's own when absent.
    pub under: Option<OrganizationId>,
    /// The whole subtree, not only the direct subordinates.
    pub subtree: bool,
    /// What it is narrowed to.
    pub filter: Filter,
    /// The last one of the page before.
    pub after: Option<OrganizationId>,
    /// How many at most.
    pub limit: i64,
}

/// A page of the caller's own subtree.
///
/// # Errors
/// `organization.not_found` outside of it (O6).
pub fn list(conn: &mut Conn, actor: &Actor, listing: &Listing) -> Result<Vec<Organization>> {
    let office = actor.office().ok_or(Code::ActorNotAdministrator)?;
    let root = organizations::find(conn, listing.under.unwrap_or(office.organization))?
        .filter(|root| actor.reaches(&root.path))
        .ok_or(Code::OrganizationNotFound)?;
    let place = if listing.subtree {
        Place::Subtree(root.path)
    } else {
        Place::Below(root.id)
    };
    let after = match listing.after {
        Some(after) => Some(organizations::find(conn, after)?.ok_or(Code::OrganizationNotFound)?),
        None => None,
    };
    Ok(organizations::page(
        conn,
        &place,
        &listing.filter,
        after.as_ref(),
        listing.limit,
    )?)
}

/// An organization of the caller's subtree, for a use case that acts on it.
///
/// # Errors
/// `organization.not_found` outside of it (O6).
pub fn in_scope(conn: &mut Conn, actor: &Actor, id: OrganizationId) -> Result<Organization> {
    let found = organizations::find_locked(conn, id)?;
    Ok(found
        .filter(|found| actor.reaches(&found.path))
        .ok_or(Code::OrganizationNotFound)?)
}

/// The office's path of an administrator.
///
/// # Errors
/// `actor.not_administrator` for anybody else.
pub fn scope(actor: &Actor) -> Result<&Path> {
    actor
        .office()
        .map(|office| &office.path)
        .ok_or(Error::from(Code::ActorNotAdministrator))
}
