//! The cohort of a season (L1). Rows are added at the yearly switch and removed by marks and changed months, never by a
//! transfer.

use crate::db::Conn;
use crate::db::schema::{cohort_members, members};
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::Season;
use crate::domain::member::Standing;
use crate::domain::organization::facts::Path;
use crate::on_each;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::Integer;

/// Adds the members that the branches have now, except those with a mark and those who are not in good standing. A
/// member who came from another branch of the season stays counted there.
pub fn join_branches(conn: &mut Conn, season: Season, branches: &[OrganizationId]) -> QueryResult<()> {
    let counted = diesel::alias!(cohort_members as counted);
    let is_counted = counted
        .filter(counted.field(cohort_members::season).eq(season))
        .filter(counted.field(cohort_members::member_id).eq(members::id));
    let joining = members::table
        .filter(members::branch_id.eq_any(branches.iter().map(|id| id.0)))
        .filter(members::mark.is_null())
        .filter(
            members::standing
                .eq(Standing::Good.as_str())
                .or(members::standing.eq(Standing::PartyMember.as_str())),
        )
        .filter(not(exists(is_counted)))
        .select((
            season.into_sql::<Integer>(),
            members::id,
            members::branch_id.assume_not_null(),
            members::branch_path,
        ));
    on_each!(conn, |c| joining
        .insert_into(cohort_members::table)
        .into_columns((
            cohort_members::season,
            cohort_members::member_id,
            cohort_members::branch_id,
            cohort_members::branch_path,
        ))
        .execute(c))?;
    Ok(())
}

/// Adds a member to the cohort with their branch, unless they are in the season's cohort already.
pub fn join(conn: &mut Conn, season: Season, member: MemberId, branch: OrganizationId, path: &Path) -> QueryResult<()> {
    if branch_of(conn, season, member)?.is_some() {
        return Ok(());
    }
    diesel::insert_into(cohort_members::table)
        .values((
            cohort_members::season.eq(season),
            cohort_members::member_id.eq(member),
            cohort_members::branch_id.eq(branch),
            cohort_members::branch_path.eq(path),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes a member who counted with this branch (M5).
pub fn leave(conn: &mut Conn, season: Season, member: MemberId, branch: OrganizationId) -> QueryResult<()> {
    let row = cohort_members::table
        .find((season, member))
        .filter(cohort_members::branch_id.eq(branch));
    diesel::delete(row).execute(conn)?;
    Ok(())
}

/// Removes every member who counted with this branch (G9).
pub fn leave_branch(conn: &mut Conn, season: Season, branch: OrganizationId) -> QueryResult<()> {
    let rows = cohort_members::table
        .filter(cohort_members::branch_id.eq(branch))
        .filter(cohort_members::season.eq(season));
    diesel::delete(rows).execute(conn)?;
    Ok(())
}

/// The branch a member counts with in a season.
pub fn branch_of(conn: &mut Conn, season: Season, member: MemberId) -> QueryResult<Option<OrganizationId>> {
    cohort_members::table
        .find((season, member))
        .select(cohort_members::branch_id)
        .first(conn)
        .optional()
}
