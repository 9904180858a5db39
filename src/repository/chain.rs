//! An organization and its superiors with those who can act for them: what whose turn it is rests on (A10, T11).

use crate::db::schema::{accounts, appointments, organizations};
use crate::db::{Conn, among};
use crate::domain::ids::{AccountId, OrganizationId};
use crate::domain::office::OfficeRole;
use crate::domain::organization::{Kind, Level, Path};
use crate::domain::transfer::turn::{Chain, Link};
use diesel::prelude::*;

/// The chain from the organization at a path up to the root, each with the administrators that are appointed and may
/// sign in; `None` if the path names an organization that does not exist.
pub fn of(conn: &mut Conn, path: &Path) -> QueryResult<Option<Chain>> {
    let ids: Vec<i64> = path.ids().map(|id| id.0).collect();
    let found: Vec<(OrganizationId, Kind, Level)> = organizations::table
        .filter(among(organizations::id, ids.iter().copied()))
        .select((organizations::id, organizations::kind, organizations::level))
        .load(conn)?;
    let offices: Vec<(OrganizationId, AccountId)> = appointments::table
        .inner_join(accounts::table.on(accounts::id.eq(appointments::account_id)))
        .filter(among(appointments::organization_id, ids.iter().copied()))
        .filter(appointments::ended_at.is_null())
        .filter(appointments::role.eq(OfficeRole::Administrator))
        .filter(accounts::status.eq("active"))
        .order(appointments::id)
        .select((appointments::organization_id, appointments::account_id))
        .load(conn)?;
    let link = |id: OrganizationId| {
        let &(organization, kind, level) = found.iter().find(|(found, ..)| *found == id)?;
        let administrators = offices
            .iter()
            .filter(|(at, _)| *at == id)
            .map(|&(_, account)| account)
            .collect();
        Some(Link {
            organization,
            kind,
            level,
            administrators,
        })
    };
    let links: Option<Vec<Link>> = path.ids().rev().map(link).collect();
    Ok(links.and_then(|links| {
        let mut links = links.into_iter();
        Some(Chain::new(links.next()?, links.collect()))
    }))
}
