//! Organizations.

use super::subtree;
use crate::db::dialect::Locked;
use crate::db::schema::organizations::{self, dsl};
use crate::db::schema::{appointments, organization_names};
use crate::db::types::Micros;
use crate::db::{Backend, Conn};
use crate::domain::graduation::{Graduation, Undetermined};
use crate::domain::ids::{AccountId, OrganizationId};
use crate::domain::organization::{Kind, Level, OrganizationFacts, Path, Purpose, Sector, Stage, Status, System};
use crate::domain::time::{Month, Season};
use diesel::prelude::*;

/// An organization as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = organizations, check_for_backend(Backend))]
pub struct Organization {
    pub id: OrganizationId,
    pub parent_id: Option<OrganizationId>,
    pub path: Path,
    pub kind: Kind,
    pub level: Level,
    pub system: System,
    pub sector: Sector,
    pub stage: Option<Stage>,
    pub township: bool,
    pub school_code: Option<String>,
    pub purpose: Purpose,
    pub division_code: Option<String>,
    pub province_id: Option<OrganizationId>,
    pub leading_organ_id: Option<OrganizationId>,
    pub school_id: Option<OrganizationId>,
    pub name: String,
    pub short_name: String,
    pub contact_name: Option<String>,
    pub contact_phone: Option<String>,
    pub status: Status,
    pub graduation_month: Option<Month>,
    pub graduation_undetermined: Option<Undetermined>,
    pub graduated_season: Option<Season>,
    pub version: i32,
    pub created_at: Micros,
    pub closed_at: Option<Micros>,
}

impl Organization {
    /// Its graduation mark; `None` is unmarked.
    pub fn graduation(&self) -> Option<Graduation> {
        let month = self.graduation_month.map(Graduation::Month);
        month.or(self.graduation_undetermined.map(Graduation::Undetermined))
    }

    /// What the rules need of it.
    pub fn facts(&self) -> OrganizationFacts {
        OrganizationFacts {
            id: self.id,
            parent: self.parent_id,
            path: self.path.clone(),
            kind: self.kind,
            level: self.level,
            system: self.system,
            sector: self.sector,
            stage: self.stage,
            is_township: self.township,
            has_school_code: self.school_code.is_some(),
            purpose: self.purpose,
            status: self.status,
            graduation: self.graduation(),
            graduated_season: self.graduated_season,
            school: self.school_id,
            leading_organ: self.leading_organ_id,
            province: self
                .division_code
                .as_deref()
                .and_then(|code| code.get(..2)?.parse().ok()),
        }
    }
}

/// One organization.
pub fn find(conn: &mut Conn, id: OrganizationId) -> QueryResult<Option<Organization>> {
    dsl::organizations
        .find(id)
        .select(Organization::as_select())
        .first(conn)
        .optional()
}

/// One organization, locked until the transaction ends.
pub fn find_locked(conn: &mut Conn, id: OrganizationId) -> QueryResult<Option<Organization>> {
    Locked(dsl::organizations.find(id).select(Organization::as_select()))
        .get_result(conn)
        .optional()
}

/// The active administrators of an organization, earliest appointment first.
pub fn administrators(conn: &mut Conn, id: OrganizationId) -> QueryResult<Vec<AccountId>> {
    appointments::table
        .filter(appointments::organization_id.eq(id))
        .filter(appointments::ended_at.is_null())
        .order(appointments::id)
        .select(appointments::account_id)
        .load(conn)
}

/// The province-level leading organ of a province (GB/T 2260, two digits, with or without the zeros behind them).
pub fn province_organ(conn: &mut Conn, province: u8) -> QueryResult<Option<Organization>> {
    dsl::organizations
        .filter(
            dsl::division_code
                .eq(province.to_string())
                .or(dsl::division_code.eq(format!("{province}0000"))),
        )
        .filter(dsl::level.eq(Level::Province))
        .filter(dsl::kind.eq(Kind::LeadingOrgan))
        .filter(dsl::system.eq(System::Place))
        .select(Organization::as_select())
        .first(conn)
        .optional()
}

/// The special-unit holding under a province-level leading organ.
pub fn holding(conn: &mut Conn, organ: OrganizationId) -> QueryResult<Option<Organization>> {
    dsl::organizations
        .filter(dsl::parent_id.eq(organ))
        .filter(dsl::purpose.eq(Purpose::SpecialUnit))
        .select(Organization::as_select())
        .first(conn)
        .optional()
}

/// The names of some organizations.
pub fn names(conn: &mut Conn, ids: &[OrganizationId]) -> QueryResult<Vec<(OrganizationId, String)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    dsl::organizations
        .filter(dsl::id.eq_any(ids))
        .select((dsl::id, dsl::name))
        .load(conn)
}

/// Which direct subordinates or which subtree a list shows.
#[derive(Debug, Clone)]
pub enum Place {
    /// The direct subordinates (直属下级) of an organization.
    Below(OrganizationId),
    /// An organization and everything below it.
    Subtree(Path),
}

/// What a list of organizations is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub kind: Option<Kind>,
    pub sector: Option<Sector>,
    /// School branches with (`true`) or without (`false`) a graduation mark (G1).
    pub graduation_marked: Option<bool>,
}

/// A page of organizations: by id among direct subordinates, by path in a subtree; after the given one.
pub fn page(
    conn: &mut Conn,
    place: &Place,
    filter: &Filter,
    after: Option<&Organization>,
    limit: i64,
) -> QueryResult<Vec<Organization>> {
    // Special-unit holdings are in nobody's list (S-30).
    let mut query = dsl::organizations
        .select(Organization::as_select())
        .filter(dsl::purpose.ne(Purpose::SpecialUnit))
        .limit(limit)
        .into_boxed();
    match place {
        Place::Below(parent) => {
            query = query.filter(dsl::parent_id.eq(parent)).order(dsl::id);
            if let Some(after) = after {
                query = query.filter(dsl::id.gt(after.id));
            }
        }
        Place::Subtree(root) => {
            let (from, until) = subtree(root);
            query = query
                .filter(dsl::path.ge(from))
                .filter(dsl::path.lt(until))
                .order(dsl::path);
            if let Some(after) = after {
                query = query.filter(dsl::path.gt(after.path.as_str().to_owned()));
            }
        }
    }
    if let Some(kind) = filter.kind {
        query = query.filter(dsl::kind.eq(kind));
    }
    if let Some(sector) = filter.sector {
        query = query.filter(dsl::sector.eq(sector));
    }
    match filter.graduation_marked {
        Some(true) => {
            query = query.filter(
                dsl::graduation_month
                    .is_not_null()
                    .or(dsl::graduation_undetermined.is_not_null()),
            );
        }
        Some(false) => {
            query = query
                .filter(dsl::kind.eq(Kind::Branch))
                .filter(dsl::sector.eq(Sector::School))
                .filter(dsl::graduation_month.is_null())
                .filter(dsl::graduation_undetermined.is_null());
        }
        None => {}
    }
    query.load(conn)
}

/// Names an organization was known by, newest first.
pub fn former_names(conn: &mut Conn, id: OrganizationId) -> QueryResult<Vec<String>> {
    organization_names::table
        .filter(organization_names::organization_id.eq(id))
        .order(organization_names::id.desc())
        .select(organization_names::name)
        .load(conn)
}

/// Stores a branch's graduation mark if it still has the version that was decided on.
pub fn set_graduation(
    conn: &mut Conn,
    branch: OrganizationId,
    version: i32,
    graduation: Option<Graduation>,
    graduated_season: Option<Season>,
) -> QueryResult<bool> {
    let (month, undetermined) = match graduation {
        Some(Graduation::Month(month)) => (Some(month), None),
        Some(Graduation::Undetermined(reason)) => (None, Some(reason)),
        None => (None, None),
    };
    let changed = diesel::update(dsl::organizations.find(branch).filter(dsl::version.eq(version)))
        .set((
            dsl::graduation_month.eq(month),
            dsl::graduation_undetermined.eq(undetermined),
            dsl::graduated_season.eq(graduated_season),
            dsl::version.eq(version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Branches marked with a month up to the given one that have not turned yet, lowest id first, behind `after`.
pub fn turning(conn: &mut Conn, up_to: Month, after: OrganizationId, limit: i64) -> QueryResult<Vec<Organization>> {
    dsl::organizations
        .filter(dsl::graduated_season.is_null())
        .filter(dsl::graduation_month.le(up_to))
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select(Organization::as_select())
        .load(conn)
}

/// Whether any organization exists: an empty database has none.
pub fn any(conn: &mut Conn) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(dsl::organizations.select(dsl::id))).get_result(conn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_holds_its_root_and_what_is_below_and_nothing_beside() {
        let (from, until) = subtree(&"1/5/".parse().unwrap());
        let inside = |path: &str| from.as_str() <= path && path < until.as_str();
        for path in ["1/5/", "1/5/7/", "1/5/99/1/"] {
            assert!(inside(path), "{path}");
        }
        for path in ["1/", "1/4/", "1/50/", "1/51/5/", "1/6/", "15/"] {
            assert!(!inside(path), "{path}");
        }
    }
}
