//! The history of members' marks (M1 to M7).

use super::members::{PathRange, written_within};
use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::schema::mark_history::dsl;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId};
use crate::domain::core::time::{Month, Timestamp};
use crate::domain::member::mark::{Identity, Mark};
use diesel::prelude::*;

/// A record of a member's history. It has no `Debug`, because reasons are personal data.
#[derive(Clone, Queryable)]
pub struct MarkRecord {
    pub id: i64,
    pub at: Micros,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
    pub old_mark: Option<Identity>,
    pub old_month: Option<Month>,
    pub new_mark: Option<Identity>,
    pub new_month: Option<Month>,
    pub reason: Option<String>,
}

/// Who changed a mark, and when.
pub struct By {
    pub at: Timestamp,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
}

fn columns(mark: Option<&Mark>) -> (Option<Identity>, Option<Month>, Option<&str>) {
    match mark {
        Some(Mark::Delayed { month, reason }) => (Some(Identity::Delayed), Some(*month), Some(reason.as_str())),
        Some(Mark::Teacher) => (Some(Identity::Teacher), None, None),
        None => (None, None, None),
    }
}

/// Appends a record. The reason is that of the new mark.
pub fn append(conn: &mut Conn, member: MemberId, by: &By, old: Option<&Mark>, new: Option<&Mark>) -> QueryResult<()> {
    let (old_mark, old_month, _) = columns(old);
    let (new_mark, new_month, reason) = columns(new);
    diesel::insert_into(dsl::mark_history)
        .values((
            dsl::member_id.eq(member),
            dsl::at.eq(Micros::from(by.at)),
            dsl::account_id.eq(by.account),
            dsl::organization_id.eq(by.organization),
            dsl::old_mark.eq(old_mark),
            dsl::old_month.eq(old_month),
            dsl::new_mark.eq(new_mark),
            dsl::new_month.eq(new_month),
            dsl::reason.eq(reason),
        ))
        .execute(conn)?;
    Ok(())
}

/// A page of a member's history after `after`, earliest first: all of it, or what was written within a part of the tree.
pub fn history(
    conn: &mut Conn,
    member: MemberId,
    within: Option<&PathRange>,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<MarkRecord>> {
    let mut query = dsl::mark_history
        .filter(dsl::member_id.eq(member))
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select((
            dsl::id,
            dsl::at,
            dsl::account_id,
            dsl::organization_id,
            dsl::old_mark,
            dsl::old_month,
            dsl::new_mark,
            dsl::new_month,
            dsl::reason,
        ))
        .into_boxed();
    if let Some(range) = within {
        query = query.filter(written_within!(dsl::member_id, dsl::at, range));
    }
    query.load(conn)
}
