//! An organization and its superiors with those who can act for them: what whose turn it is rests on (A10, T11).

use crate::db::schema::{accounts, appointments, organizations};
use crate::db::{Conn, among};
use crate::domain::ids::{AccountId, AppointmentId, OrganizationId};
use crate::domain::office::OfficeRole;
use crate::domain::organization::{Kind, Level, Path};
use crate::domain::transfer::turn::{Chain, Link};
use diesel::prelude::*;
use std::collections::BTreeSet;

/// The chain from the organization at a path up to the root, each with the administrators that are appointed and may
/// sign in; `None` if the path names an organization that does not exist.
pub fn of(conn: &mut Conn, path: &Path) -> QueryResult<Option<Chain>> {
    let [chain] = of_each(conn, [path])?;
    Ok(chain)
}

/// The chains of several paths, asked for at once: they have the upper part in common.
pub fn of_each<const N: usize>(conn: &mut Conn, paths: [&Path; N]) -> QueryResult<[Option<Chain>; N]> {
    let ids: BTreeSet<i64> = paths.iter().flat_map(|path| path.ids()).map(|id| id.0).collect();
    let in_office = appointments::organization_id
        .eq(organizations::id)
        .and(appointments::ended_at.is_null())
        .and(appointments::role.eq(OfficeRole::Administrator));
    let may_sign_in = accounts::id
        .eq(appointments::account_id)
        .and(accounts::status.eq("active"));
    let mut found: Vec<Row> = organizations::table
        .left_join(appointments::table.on(in_office))
        .left_join(accounts::table.on(may_sign_in))
        .filter(among(organizations::id, ids))
        .select((
            (organizations::id, organizations::kind, organizations::level),
            appointments::id.nullable(),
            accounts::id.nullable(),
        ))
        .load(conn)?;
    found.sort_by_key(|&(_, appointment, _)| appointment);
    Ok(paths.map(|path| chain(path, &found)))
}

/// An organization with one of its administrators, if it has one.
type Row = ((OrganizationId, Kind, Level), Option<AppointmentId>, Option<AccountId>);

fn chain(path: &Path, found: &[Row]) -> Option<Chain> {
    let mut links = path.ids().rev().map(|id| link(id, found));
    let first = links.next()??;
    Some(Chain::new(first, links.collect::<Option<_>>()?))
}

fn link(id: OrganizationId, found: &[Row]) -> Option<Link> {
    let mut rows = found.iter().filter(|((at, ..), ..)| *at == id).peekable();
    let &&((organization, kind, level), ..) = rows.peek()?;
    Some(Link {
        organization,
        kind,
        level,
        administrators: rows.filter_map(|&(.., account)| account).collect(),
    })
}
