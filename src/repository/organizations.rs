//! Organizations and their former names.

use super::subtree;
use crate::db::columns::Micros;
use crate::db::in_padded;
use crate::db::schema::organizations::{self, dsl};
use crate::db::schema::{accounts, appointments, month_changes, organization_names, transfers};
use crate::db::sql::locks::Locked;
use crate::db::{Backend, Conn};
use crate::domain::account::AccountStatus;
use crate::domain::core::division::Division;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::name::name_key;
use crate::domain::core::time::{Month, Season, Timestamp};
use crate::domain::graduation::MonthChangeState;
use crate::domain::office::OfficeRole;
use crate::domain::organization::facts::{
    Graduation, Level, OrganizationFacts, OrganizationKind, OrganizationPurpose, Path, PlaceInTree, Sector, Stage,
    Status, System, Undetermined,
};
use crate::on_each;
use diesel::prelude::*;

/// The stored kind of a former name.
const FORMER: &str = "former";

/// An organization as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = organizations, check_for_backend(Backend))]
pub struct Organization {
    pub id: OrganizationId,
    pub parent_id: Option<OrganizationId>,
    pub path: Path,
    pub kind: OrganizationKind,
    pub level: Level,
    pub system: System,
    pub sector: Sector,
    pub stage: Option<Stage>,
    pub township: bool,
    pub school_code: Option<String>,
    pub purpose: OrganizationPurpose,
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
    /// Where it is in a list in the order of the tree.
    pub fn place(&self) -> PlaceInTree {
        PlaceInTree {
            path: self.path.clone(),
            key: self.id.0,
        }
    }

    /// Its graduation mark. `None` if it is unmarked.
    pub fn graduation(&self) -> Option<Graduation> {
        let month = self.graduation_month.map(Graduation::Month);
        month.or(self.graduation_undetermined.map(Graduation::Undetermined))
    }

    /// The facts that the rules need.
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
            province: self.division_code.as_deref().and_then(Division::province_of),
        }
    }
}

/// One organization.
pub fn find(conn: &mut Conn, id: OrganizationId) -> QueryResult<Option<Organization>> {
    on_each!(conn, |c| dsl::organizations
        .find(id)
        .select(Organization::as_select())
        .get_result(c))
    .optional()
}

/// Several organizations. Ids that don't exist are left out.
pub fn find_many(conn: &mut Conn, ids: &[OrganizationId]) -> QueryResult<Vec<Organization>> {
    on_each!(conn, |c| dsl::organizations
        .filter(in_padded(dsl::id, ids.iter().map(|id| id.0)))
        .select(Organization::as_select())
        .load(c))
}

/// One organization, locked until the transaction ends.
pub fn find_locked(conn: &mut Conn, id: OrganizationId) -> QueryResult<Option<Organization>> {
    Locked(dsl::organizations.find(id).select(Organization::as_select()))
        .get_result(conn)
        .optional()
}

/// The administrators of an organization that may sign in, earliest appointment first.
pub fn administrators(conn: &mut Conn, id: OrganizationId) -> QueryResult<Vec<AccountId>> {
    appointments::table
        .inner_join(accounts::table.on(accounts::id.eq(appointments::account_id)))
        .filter(accounts::status.eq(AccountStatus::Active))
        .filter(appointments::organization_id.eq(id))
        .filter(appointments::ended_at.is_null())
        .filter(appointments::role.eq(OfficeRole::Administrator))
        .order(appointments::id)
        .select(appointments::account_id)
        .load(conn)
}

/// The province-level leading organ of a province (GB/T 2260, two digits).
pub fn province_organ(conn: &mut Conn, province: u8) -> QueryResult<Option<Organization>> {
    dsl::organizations
        .filter(dsl::division_code.eq(format!("{province}0000")))
        .filter(dsl::level.eq(Level::Province))
        .filter(dsl::kind.eq(OrganizationKind::LeadingOrgan))
        .filter(dsl::system.eq(System::Place))
        .select(Organization::as_select())
        .first(conn)
        .optional()
}

/// The special-unit holding under a province-level leading organ.
pub fn holding(conn: &mut Conn, organ: OrganizationId) -> QueryResult<Option<Organization>> {
    dsl::organizations
        .filter(dsl::parent_id.eq(organ))
        .filter(dsl::purpose.eq(OrganizationPurpose::SpecialUnit))
        .select(Organization::as_select())
        .first(conn)
        .optional()
}

/// Whether a branch is a special-unit holding. `None` costs the same query and gives false.
pub fn is_holding(conn: &mut Conn, branch: Option<OrganizationId>) -> QueryResult<bool> {
    let purpose: Option<OrganizationPurpose> = dsl::organizations
        .find(branch.unwrap_or(OrganizationId::NONE))
        .select(dsl::purpose)
        .first(conn)
        .optional()?;
    Ok(purpose == Some(OrganizationPurpose::SpecialUnit))
}

/// The names of some organizations.
pub fn names(conn: &mut Conn, ids: &[OrganizationId]) -> QueryResult<Vec<(OrganizationId, String)>> {
    on_each!(conn, |c| dsl::organizations
        .filter(in_padded(dsl::id, ids.iter().map(|id| id.0)))
        .select((dsl::id, dsl::name))
        .load(c))
}

/// Whether a list shows direct subordinates or a subtree.
#[derive(Debug, Clone)]
pub enum OrganizationSelection {
    /// The direct subordinates (直属下级) of an organization.
    Below(OrganizationId),
    /// An organization and everything below it.
    Subtree(Path),
}

/// The filters of a list of organizations.
#[derive(Debug, Clone, Default)]
pub struct OrganizationFilter {
    pub kind: Option<OrganizationKind>,
    pub sector: Option<Sector>,
    /// School branches with (`true`) or without (`false`) a graduation mark (G1).
    pub graduation_marked: Option<bool>,
}

/// A page of organizations after the given one: direct subordinates by id, a subtree by path.
pub fn page(
    conn: &mut Conn,
    place: &OrganizationSelection,
    filter: &OrganizationFilter,
    after: Option<&PlaceInTree>,
    limit: i64,
) -> QueryResult<Vec<Organization>> {
    // Special-unit holdings are in no list (S-30).
    let mut query = dsl::organizations
        .select(Organization::as_select())
        .filter(dsl::purpose.ne(OrganizationPurpose::SpecialUnit))
        .limit(limit)
        .into_boxed();
    match place {
        OrganizationSelection::Below(parent) => {
            query = query.filter(dsl::parent_id.eq(parent)).order(dsl::id);
            if let Some(after) = after {
                query = query.filter(dsl::id.gt(after.key));
            }
        }
        OrganizationSelection::Subtree(root) => {
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
                .filter(dsl::kind.eq(OrganizationKind::Branch))
                .filter(dsl::sector.eq(Sector::School))
                .filter(dsl::purpose.eq(OrganizationPurpose::Ordinary))
                .filter(dsl::closed_at.is_null())
                .filter(dsl::graduation_month.is_null())
                .filter(dsl::graduation_undetermined.is_null());
        }
        None => {}
    }
    query.load(conn)
}

/// The former names of an organization, newest first.
pub fn former_names(conn: &mut Conn, id: OrganizationId) -> QueryResult<Vec<String>> {
    organization_names::table
        .filter(organization_names::organization_id.eq(id))
        .filter(organization_names::kind.eq(FORMER))
        .order(organization_names::id.desc())
        .select(organization_names::name)
        .load(conn)
}

/// An organization to be stored.
#[derive(Insertable)]
#[diesel(table_name = organizations, treat_none_as_default_value = false)]
pub struct NewOrganization<'a> {
    pub kind: OrganizationKind,
    pub level: Level,
    pub system: System,
    pub sector: Sector,
    pub stage: Option<Stage>,
    pub township: bool,
    pub school_code: Option<&'a str>,
    pub purpose: OrganizationPurpose,
    pub division_code: Option<&'a str>,
    pub name: &'a str,
    pub short_name: &'a str,
    pub contact_name: Option<&'a str>,
    pub contact_phone: Option<&'a str>,
}

/// Stores the root of the tree, which has no superior.
pub fn create_root(conn: &mut Conn, name: &str, short_name: &str, now: Timestamp) -> QueryResult<OrganizationId> {
    let root = NewOrganization {
        kind: OrganizationKind::LeadingOrgan,
        level: Level::Nation,
        system: System::Place,
        sector: Sector::SocialOrganization,
        stage: None,
        township: false,
        school_code: None,
        purpose: OrganizationPurpose::Ordinary,
        division_code: None,
        name,
        short_name,
        contact_name: None,
        contact_phone: None,
    };
    let id = insert(conn, None, &root, now)?;
    diesel::update(dsl::organizations.find(id))
        .set(dsl::path.eq(Path::root(id)))
        .execute(conn)?;
    Ok(id)
}

/// Inserts a row. Its path contains the new id, so the caller sets the path afterwards.
fn insert(
    conn: &mut Conn,
    superior: Option<&Organization>,
    new: &NewOrganization<'_>,
    now: Timestamp,
) -> QueryResult<OrganizationId> {
    diesel::insert_into(dsl::organizations)
        .values((
            new,
            dsl::parent_id.eq(superior.map(|superior| superior.id)),
            dsl::path.eq(superior.map_or("/", |superior| superior.path.as_str())),
            dsl::status.eq(Status::Active),
            dsl::created_at.eq(Micros::from(now)),
            dsl::name_key.eq(name_key(new.name)),
        ))
        .returning(dsl::id)
        .get_result(conn)
}

/// Stores a new organization below its superior. Violates a unique index if a sibling has its name or any organization
/// has its school code.
pub fn create(
    conn: &mut Conn,
    superior: &Organization,
    new: &NewOrganization<'_>,
    now: Timestamp,
) -> QueryResult<OrganizationId> {
    let id = insert(conn, Some(superior), new, now)?;
    let is_province = new.kind == OrganizationKind::LeadingOrgan && new.level == Level::Province;
    let organ = match superior.kind {
        OrganizationKind::LeadingOrgan => Some(superior.id),
        _ => superior.leading_organ_id,
    };
    // A school without a school code is the topmost organization of the school sector (§1.2).
    let is_school = new.school_code.is_some() || superior.school_id.is_none() && new.sector == Sector::School;
    let school = if is_school { Some(id) } else { superior.school_id };
    diesel::update(dsl::organizations.find(id))
        .set((
            dsl::path.eq(superior.path.child(id)),
            dsl::province_id.eq(if is_province { Some(id) } else { superior.province_id }),
            dsl::leading_organ_id.eq(organ),
            dsl::school_id.eq(school),
        ))
        .execute(conn)?;
    Ok(id)
}

/// Stores new names if the organization still has the version that was decided on. Violates a unique index if a sibling
/// has the name.
pub fn rename(conn: &mut Conn, found: &Organization, name: &str, short_name: &str) -> QueryResult<bool> {
    let changed = diesel::update(dsl::organizations.find(found.id).filter(dsl::version.eq(found.version)))
        .set((
            dsl::name.eq(name),
            dsl::name_key.eq(name_key(name)),
            dsl::short_name.eq(short_name),
            dsl::version.eq(found.version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Stores the new name of an organization in the open cases and requests that show it. Closed ones keep the name of their
/// time.
pub fn rename_in_open_cases(conn: &mut Conn, found: &Organization, name: &str) -> QueryResult<()> {
    let open = transfers::table.filter(transfers::closed_at.is_null());
    diesel::update(open.filter(transfers::source_path.eq(&found.path)))
        .set(transfers::source_name.eq(name))
        .execute(conn)?;
    diesel::update(open.filter(transfers::target_path.eq(&found.path)))
        .set(transfers::target_name.eq(name))
        .execute(conn)?;
    let of_it = month_changes::branch_id
        .eq(found.id)
        .and(month_changes::state.eq(MonthChangeState::Open));
    diesel::update(month_changes::table.filter(of_it))
        .set(month_changes::branch_name.eq(name))
        .execute(conn)?;
    Ok(())
}

/// Stores a former name of an organization (O3).
pub fn keep_name(conn: &mut Conn, id: OrganizationId, name: &str, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(organization_names::table)
        .values((
            organization_names::organization_id.eq(id),
            organization_names::kind.eq(FORMER),
            organization_names::name.eq(name),
            organization_names::recorded_at.eq(Micros::from(now)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Stores a new contact if the organization still has the version that was decided on.
pub fn set_contact(conn: &mut Conn, found: &Organization, name: &str, phone: Option<&str>) -> QueryResult<bool> {
    let changed = diesel::update(dsl::organizations.find(found.id).filter(dsl::version.eq(found.version)))
        .set((
            dsl::contact_name.eq(name),
            dsl::contact_phone.eq(phone),
            dsl::version.eq(found.version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Removes the contact of an organization if it is this person, who administers it no more.
pub fn remove_contact(conn: &mut Conn, id: OrganizationId, name: &str) -> QueryResult<()> {
    let (nobody, no_phone): (Option<&str>, Option<&str>) = (None, None);
    diesel::update(dsl::organizations.find(id).filter(dsl::contact_name.eq(name)))
        .set((
            dsl::contact_name.eq(nobody),
            dsl::contact_phone.eq(no_phone),
            dsl::version.eq(dsl::version + 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Stores that an organization is closed if it still has the version that was decided on.
pub fn close(conn: &mut Conn, found: &Organization, now: Timestamp) -> QueryResult<bool> {
    let changed = diesel::update(dsl::organizations.find(found.id).filter(dsl::version.eq(found.version)))
        .set((
            dsl::status.eq(Status::Closed),
            dsl::closed_at.eq(Micros::from(now)),
            dsl::version.eq(found.version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The number of direct subordinates that are not closed.
pub fn active_children(conn: &mut Conn, id: OrganizationId) -> QueryResult<i64> {
    dsl::organizations
        .filter(dsl::parent_id.eq(id))
        .filter(dsl::closed_at.is_null())
        .count()
        .get_result(conn)
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

/// Branches after `after`, by id, that are marked with a month up to the given one and are not graduate branches yet.
pub fn due_for_switch(
    conn: &mut Conn,
    up_to: Month,
    after: Option<OrganizationId>,
    limit: i64,
) -> QueryResult<Vec<Organization>> {
    let after = after.map_or(0, |after| after.0);
    dsl::organizations
        .filter(dsl::graduated_season.is_null())
        .filter(dsl::graduation_month.le(up_to))
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select(Organization::as_select())
        .load(conn)
}

/// Several organizations, locked until the transaction ends, by id.
pub fn find_many_locked(conn: &mut Conn, ids: &[OrganizationId]) -> QueryResult<Vec<Organization>> {
    let found = dsl::organizations
        .filter(dsl::id.eq_any(ids.iter().map(|id| id.0)))
        .order(dsl::id)
        .select(Organization::as_select());
    Locked(found).load(conn)
}

/// Makes locked branches graduate branches (G6). Returns how many rows were changed.
pub fn switch_many(conn: &mut Conn, ids: &[OrganizationId], season: Season) -> QueryResult<usize> {
    diesel::update(dsl::organizations.filter(dsl::id.eq_any(ids.iter().map(|id| id.0))))
        .set((dsl::graduated_season.eq(season), dsl::version.eq(dsl::version + 1)))
        .execute(conn)
}

/// Whether any organization exists. Only a new database has none.
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
