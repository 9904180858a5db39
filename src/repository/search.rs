//! The search index over organizations (O4). The nation, each province and each unit, such as a school or an employer,
//! has its own list of terms, whose key is `scope_id` ([`search::scopes`]). A query reads one range of one list, and
//! never more than [`MOST`] rows.

use super::organizations::Organization;
use crate::db::in_padded;
use crate::db::schema::{organization_terms, organizations};
use crate::db::{Backend, Conn};
use crate::domain::core::division::Division;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{Level, OrganizationKind, OrganizationPurpose, Path, Stage, Status, System};
use crate::domain::search::rank::RankFacts;
use crate::domain::search::{self, Named, Term, TermKind};
use crate::on_each;
use diesel::prelude::*;

/// The largest number of terms that a query reads. Exact terms come before longer ones, so only longer terms are cut
/// off. A longer query finds them.
pub const MOST: i64 = 200;

/// An organization found, with the term it was found by.
#[derive(Debug, Clone)]
pub struct Posting {
    /// The term of the index that begins with the text of the query.
    pub term: String,
    /// The kind of the term.
    pub kind: TermKind,
    /// The organization.
    pub found: FoundOrganization,
}

/// What the ranking and the matching need of an organization.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = organizations, check_for_backend(Backend))]
pub struct FoundOrganization {
    pub id: OrganizationId,
    pub path: Path,
    pub kind: OrganizationKind,
    pub level: Level,
    pub stage: Option<Stage>,
    pub province_id: Option<OrganizationId>,
    pub leading_organ_id: Option<OrganizationId>,
    pub division_code: Option<String>,
    pub name: String,
    pub status: Status,
}

impl FoundOrganization {
    /// Whether it is below a superior, or is located in the area of this leading organ. A university is directly below
    /// its province, but people search for it by its city.
    pub fn belongs_to(&self, superior: &FoundOrganization) -> bool {
        let stands_there = || match (&self.division_code, &superior.division_code) {
            // Codes of six digits are padded with zeros: 420100 is all of 4201.
            (Some(own), Some(place)) => {
                superior.kind == OrganizationKind::LeadingOrgan && own.starts_with(place.trim_end_matches("00"))
            }
            _ => false,
        };
        self.path.is_below(&superior.path) || self.id != superior.id && stands_there()
    }

    /// The facts that the ranking needs.
    pub fn rank_facts(&self) -> RankFacts {
        RankFacts {
            id: self.id,
            kind: self.kind,
            level: self.level,
            stage: self.stage,
            status: self.status,
        }
    }
}

/// A row of the index.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = organization_terms)]
pub struct SearchEntry {
    scope_id: i64,
    term: String,
    organization_id: i64,
    kind: &'static str,
}

impl SearchEntry {
    /// The rows of an organization: each of its terms in each of its lists.
    pub fn all(
        organization: OrganizationId,
        scopes: &[OrganizationId],
        province_of_branch: Option<OrganizationId>,
        terms: Vec<Term>,
    ) -> impl Iterator<Item = Self> {
        let entry = move |scope: OrganizationId, text: String, kind: TermKind| Self {
            scope_id: scope.0,
            term: text,
            organization_id: organization.0,
            kind: kind.as_str(),
        };
        terms.into_iter().flat_map(move |Term { text, kind }| {
            let is_name = matches!(kind, TermKind::Name | TermKind::Former);
            let of_branch = province_of_branch.filter(|_| is_name);
            let of_branch = of_branch.map(|province| entry(province, search::branch_name(&text), kind));
            let ordinary = scopes.iter().map(move |scope| entry(*scope, text.clone(), kind));
            ordinary.chain(of_branch)
        })
    }
}

/// Replaces the index rows of an organization. It runs in the transaction that creates, renames or closes the
/// organization. A special-unit holding gets no rows (S-30).
pub fn index(conn: &mut Conn, organization: &Organization, former_names: &[String]) -> QueryResult<()> {
    diesel::delete(organization_terms::table.filter(organization_terms::organization_id.eq(organization.id)))
        .execute(conn)?;
    if organization.purpose == OrganizationPurpose::SpecialUnit {
        return Ok(());
    }
    let terms = search::terms(&Named {
        name: &organization.name,
        short_name: &organization.short_name,
        former_names,
        school_code: organization.school_code.as_deref(),
        kind: organization.kind,
    });
    let scopes = search::scopes(
        &organization.path,
        organization.kind,
        organization.province_id,
        organization.leading_organ_id,
    );
    let province = search::province_of_branch(organization.kind, organization.province_id);
    let entries: Vec<SearchEntry> = SearchEntry::all(organization.id, &scopes, province, terms).collect();
    store(conn, &entries)
}

/// Stores rows of the index, many in one statement.
pub fn store(conn: &mut Conn, entries: &[SearchEntry]) -> QueryResult<()> {
    // A row has four values. SQLite takes 32,766 values in a statement.
    const AT_ONCE: usize = 8_000;
    for entries in entries.chunks(AT_ONCE) {
        on_each!(conn, |c| diesel::insert_into(organization_terms::table)
            .values(entries)
            .execute(c))?;
    }
    Ok(())
}

/// The organizations in the list of `scope` with a term that begins with `text`. Exact terms come first.
pub fn postings(conn: &mut Conn, scope: OrganizationId, text: &str) -> QueryResult<Vec<Posting>> {
    // The end of the range of terms with this prefix: no term contains the last character of Unicode.
    let until = format!("{text}{}", char::MAX);
    let rows: Vec<(String, TermKind, FoundOrganization)> = organization_terms::table
        .inner_join(organizations::table)
        .filter(organization_terms::scope_id.eq(scope))
        .filter(organization_terms::term.ge(text))
        .filter(organization_terms::term.lt(until))
        .order((organization_terms::term, organization_terms::organization_id))
        .limit(MOST)
        .select((
            organization_terms::term,
            organization_terms::kind,
            FoundOrganization::as_select(),
        ))
        .load(conn)?;
    let posting = |(term, kind, found)| Posting { term, kind, found };
    Ok(rows.into_iter().map(posting).collect())
}

/// The root of the tree. Its list holds every organization except the branches and general branches of a unit.
pub fn root(conn: &mut Conn) -> QueryResult<Option<OrganizationId>> {
    organizations::table
        .filter(organizations::parent_id.is_null())
        .filter(organizations::closed_at.is_null())
        .order(organizations::id)
        .select(organizations::id)
        .first(conn)
        .optional()
}

/// The leading organ of a province, or of a system committee (系统团委): one of the root's few direct subordinates.
pub fn province_level(
    conn: &mut Conn,
    root: OrganizationId,
    wanted: ProvinceLevel,
) -> QueryResult<Option<OrganizationId>> {
    let below: Vec<(OrganizationId, System, Option<String>)> = organizations::table
        .filter(organizations::parent_id.eq(root))
        .filter(organizations::closed_at.is_null())
        .filter(organizations::level.eq(Level::Province))
        .select((organizations::id, organizations::system, organizations::division_code))
        .load(conn)?;
    let is_wanted = |system: System, division: Option<&str>| match wanted {
        ProvinceLevel::System(wanted) => system == wanted,
        ProvinceLevel::Province(wanted) => {
            system == System::Place && division.and_then(Division::province_of) == Some(wanted)
        }
    };
    let found = below
        .into_iter()
        .find(|(_, system, division)| is_wanted(*system, division.as_deref()));
    Ok(found.map(|(id, ..)| id))
}

/// One of the root's direct subordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvinceLevel {
    /// A province, by the two digits of its code.
    Province(u8),
    /// A system committee.
    System(System),
}

/// Several organizations by id, in no order.
pub fn organizations(conn: &mut Conn, ids: &[OrganizationId]) -> QueryResult<Vec<Organization>> {
    organizations::table
        .filter(in_padded(organizations::id, ids.iter().map(|id| id.0)))
        .select(Organization::as_select())
        .load(conn)
}
