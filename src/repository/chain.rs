//! An organization and its superiors, each with its administrators: the facts that the holders of a turn are derived
//! from (A10, T11).

use crate::db::Conn;
use crate::db::in_padded;
use crate::db::schema::{accounts, appointments, organizations};
use crate::domain::account::AccountStatus;
use crate::domain::core::ids::{AccountId, AppointmentId, OrganizationId};
use crate::domain::office::OfficeRole;
use crate::domain::organization::chain::{Chain, Link};
use crate::domain::organization::facts::{Level, OrganizationKind, Path};
use crate::on_each;
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// The chain from the organization at a path up to the root. Each link has the administrators who are appointed and may
/// sign in. `None` if the path names an organization that does not exist.
pub fn of(conn: &mut Conn, path: &Path) -> QueryResult<Option<Chain>> {
    Ok(Chains::above(conn, [path])?.of(path))
}

/// The organizations on several paths, loaded with one query, since paths share their upper part.
pub struct Chains(HashMap<OrganizationId, Link>);

/// An organization with one of its administrators, if it has one.
type HolderRow = (
    (OrganizationId, OrganizationKind, Level),
    Option<AppointmentId>,
    Option<AccountId>,
);

impl Chains {
    /// Loads every organization on these paths.
    pub fn above<'a>(conn: &mut Conn, paths: impl IntoIterator<Item = &'a Path>) -> QueryResult<Self> {
        let ids: BTreeSet<i64> = paths.into_iter().flat_map(Path::ids).map(|id| id.0).collect();
        // The same ids filter the appointments too, or PostgreSQL may read all of them.
        let in_office = appointments::organization_id
            .eq(organizations::id)
            .and(in_padded(appointments::organization_id, ids.iter().copied()))
            .and(appointments::ended_at.is_null())
            .and(appointments::role.eq(OfficeRole::Administrator));
        let may_sign_in = accounts::id
            .eq(appointments::account_id)
            .and(accounts::status.eq(AccountStatus::Active));
        let mut found: Vec<HolderRow> = on_each!(conn, |c| organizations::table
            .left_join(appointments::table.on(in_office))
            .left_join(accounts::table.on(may_sign_in))
            .filter(in_padded(organizations::id, ids))
            .select((
                (organizations::id, organizations::kind, organizations::level),
                appointments::id.nullable(),
                accounts::id.nullable(),
            ))
            .load(c))?;
        found.sort_unstable_by_key(|&(_, appointment, _)| appointment);
        let mut links = HashMap::with_capacity(found.len());
        for ((organization, kind, level), _, account) in found {
            let link = links.entry(organization).or_insert_with(|| Link {
                organization,
                kind,
                level,
                administrators: Vec::new(),
            });
            link.administrators.extend(account);
        }
        Ok(Self(links))
    }

    /// The chain of one of these paths.
    pub fn of(&self, path: &Path) -> Option<Chain> {
        let mut links = path.ids().rev().map(|id| self.0.get(&id).cloned());
        let first = links.next()??;
        Some(Chain::new(first, links.collect::<Option<_>>()?))
    }
}
