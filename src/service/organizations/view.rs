//! Reading organizations: one, and lists.

use super::access::{object, permitted, visible};
use super::superior::{acting, acting_superior, appointing_superior};
use crate::db::Conn;
use crate::domain::authority::Action;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::season_of;
use crate::domain::organization::actions::{OrganizationAction, Surroundings, allowed_actions};
use crate::domain::organization::facts::{Health, PlaceInTree};
use crate::domain::organization::rules::{self, Contents};
use crate::repository::graduation::{self, StoredChange};
use crate::repository::organizations::{self, Organization, OrganizationFilter, OrganizationSelection};
use crate::repository::{members, transfers};
use crate::service::{Context, Result, may, policies};
use std::collections::HashMap;

/// An organization with its warnings and what the caller may do with it.
#[derive(Debug, Clone)]
pub struct OrganizationProfile {
    pub organization: Organization,
    pub former_names: Vec<String>,
    pub administrators: usize,
    pub health: Vec<Health>,
    pub actions: Vec<(OrganizationAction, Option<Refusal>)>,
    /// The open request for another graduation month (G7).
    pub open_change: Option<StoredChange>,
}

/// One organization. Organizations are a public directory for every signed-in caller, except the special-unit holdings
/// (S-30).
///
/// # Errors
/// `organization.not_found`.
pub fn get(conn: &mut Conn, context: &Context, id: OrganizationId) -> Result<OrganizationProfile> {
    let actor = &context.actor;
    let organization = visible(conn, actor, id)?;
    let former_names = organizations::former_names(conn, id)?;
    let administrators = organizations::administrators(conn, id)?.len();
    let health = health(conn, context, &organization, administrators)?;
    let surroundings = Surroundings {
        contents: contents(conn, &organization)?,
        superior: appointing_superior(conn, &organization, &[])?,
        acting: acting(conn, &organization)?,
        acting_superior: acting_superior(conn, &organization)?,
        open_change: graduation::open_of_branch(conn, id)?,
    };
    let inside = object(&organization);
    let open_change = match surroundings.open_change {
        // The directory is public to callers, but requests are visible in their subtree only (O6).
        Some(change) if may(actor, Action::ReadMonthChange, inside).is_ok() => graduation::change(conn, change)?,
        _ => None,
    };
    let actions = allowed_actions(actor, &organization.facts(), &surroundings);
    Ok(OrganizationProfile {
        organization,
        former_names,
        administrators,
        health,
        actions,
        open_change,
    })
}

/// The warnings about an organization (O3, G1). For an organization other than a branch, only whether it has any
/// members matters.
fn health(
    conn: &mut Conn,
    context: &Context,
    organization: &Organization,
    administrators: usize,
) -> Result<Vec<Health>> {
    let facts = organization.facts();
    let members = if facts.is_branch() {
        members::count(conn, organization.id)?
    } else {
        i64::from(members::any_within(conn, &organization.path)?)
    };
    let policy = policies::of_season(conn, season_of(context.now))?;
    let (administrators, members) = (administrators as u64, u64::try_from(members).unwrap_or(0));
    Ok(rules::health(&facts, administrators, members, &policy))
}

/// What an organization still holds (O3). A request for another graduation month counts as an open case.
pub(super) fn contents(conn: &mut Conn, found: &Organization) -> Result<Contents> {
    let requests = graduation::open_of_branch(conn, found.id)?.map_or(0, |_| 1);
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(Contents {
        members: count(members::count(conn, found.id)?),
        open_cases: count(transfers::open_at(conn, found.id, &found.path)? + requests),
        children: count(organizations::active_children(conn, found.id)?),
    })
}

/// The organizations that a list shows.
#[derive(Debug, Clone)]
pub struct OrganizationListing {
    /// The organization it starts from. Defaults to the caller's own.
    pub under: Option<OrganizationId>,
    /// Whether the list shows the whole subtree, and not only the direct subordinates.
    pub subtree: bool,
    /// The filters of the list.
    pub filter: OrganizationFilter,
    /// Where the last organization of the previous page was.
    pub after: Option<PlaceInTree>,
    /// The maximum number of organizations.
    pub limit: i64,
}

/// A page of the caller's own subtree, each organization with its open request for another graduation month (§2.3).
///
/// # Errors
/// `organization.not_found` outside the subtree (O6).
pub fn list(
    conn: &mut Conn,
    actor: &Actor,
    listing: &OrganizationListing,
) -> Result<Vec<(Organization, Option<StoredChange>)>> {
    let (_, own) = actor.subtree()?.ok_or(Code::ActorNotAdministrator)?;
    let under = listing.under.unwrap_or(own);
    let root = permitted(conn, actor, Action::ListOrganizations, under)?;
    let place = if listing.subtree {
        OrganizationSelection::Subtree(root.path)
    } else {
        OrganizationSelection::Below(root.id)
    };
    let found = organizations::page(conn, &place, &listing.filter, listing.after.as_ref(), listing.limit)?;
    let branches: Vec<OrganizationId> = found.iter().map(|organization| organization.id).collect();
    let mut open: HashMap<OrganizationId, StoredChange> = graduation::open_of_branches(conn, &branches)?
        .into_iter()
        .map(|change| (change.branch_id, change))
        .collect();
    let with_change = |organization: Organization| {
        let change = open.remove(&organization.id);
        (organization, change)
    };
    Ok(found.into_iter().map(with_change).collect())
}
