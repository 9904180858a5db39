//! The cohort of a season (L1): rows come with the switch and go with marks and changed months, never with a move.

use crate::db::Conn;
use crate::db::schema::{cohort_members, members};
use crate::domain::ids::{MemberId, OrganizationId};
use crate::domain::member::Standing;
use crate::domain::organization::Path;
use crate::domain::time::Season;
use diesel::prelude::*;

/// Counts the members a branch has now, but for those with a mark or out of good standing. A member who came from another
/// branch of the season stays counted there.
pub fn join_branch(conn: &mut Conn, season: Season, branch: OrganizationId, path: &Path) -> QueryResult<()> {
    let counted: Vec<MemberId> = members::table
        .filter(members::branch_id.eq(branch))
        .filter(members::mark.is_null())
        .filter(
            members::standing
                .eq(Standing::Good)
                .or(members::standing.eq(Standing::PartyMember)),
        )
        .order(members::id)
        .select(members::id)
        .load(conn)?;
    for member in counted {
        join(conn, season, member, branch, path)?;
    }
    Ok(())
}

/// Counts a member with the branch he belongs to, unless he is counted in the season already.
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

/// Takes out a member who counted with this branch (M5).
pub fn leave(conn: &mut Conn, season: Season, member: MemberId, branch: OrganizationId) -> QueryResult<()> {
    let row = cohort_members::table
        .find((season, member))
        .filter(cohort_members::branch_id.eq(branch));
    diesel::delete(row).execute(conn)?;
    Ok(())
}

/// Takes out everybody who counted with this branch (G9).
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
