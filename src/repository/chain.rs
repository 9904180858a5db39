//! An organization and its superiors with those who can act for them: what whose turn it is rests on (A10, T11).

use crate::db::Conn;
use crate::db::schema::{accounts, appointments, organizations};
use crate::domain::ids::{AccountId, OrganizationId};
use crate::domain::organization::{Kind, Level, Path};
use crate::domain::transfer::turn::{Chain, Link};
use diesel::prelude::*;

/// The chain from the organization at a path up to the root; `None` where the path leads nowhere.
pub fn of(conn: &mut Conn, path: &Path) -> QueryResult<Option<Chain>> {
    let on_the_way: Vec<OrganizationId> = path.ids().rev().collect();
    let mut links: Vec<Link> = Vec::with_capacity(on_the_way.len());
    for organization in on_the_way {
        links.extend(link(conn, organization)?);
    }
    let mut links = links.into_iter();
    Ok(links.next().map(|first| Chain::new(first, links.collect())))
}

fn link(conn: &mut Conn, organization: OrganizationId) -> QueryResult<Option<Link>> {
    let found: Option<(Kind, Level)> = organizations::table
        .find(organization)
        .select((organizations::kind, organizations::level))
        .first(conn)
        .optional()?;
    let Some((kind, level)) = found else { return Ok(None) };
    Ok(Some(Link {
        organization,
        kind,
        level,
        administrators: administrators(conn, organization)?,
    }))
}

/// Who is appointed and may sign in.
fn administrators(conn: &mut Conn, organization: OrganizationId) -> QueryResult<Vec<AccountId>> {
    appointments::table
        .inner_join(accounts::table.on(accounts::id.eq(appointments::account_id)))
        .filter(appointments::organization_id.eq(organization))
        .filter(appointments::ended_at.is_null())
        .filter(accounts::status.eq("active"))
        .order(appointments::id)
        .select(appointments::account_id)
        .load(conn)
}
