//! The history of members' records (P3): what was changed, with the old value. The new value is that of the next change,
//! or of the member.

use super::members::{PathRange, written_within};
use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::schema::member_changes::dsl;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::domain::member::registration::MemberField;
use diesel::prelude::*;

/// A change of a member's record. It has no `Debug`, because old values are personal data.
#[derive(Clone, Queryable)]
pub struct MemberChange {
    pub id: i64,
    pub at: Micros,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
    pub field: MemberField,
    pub old_value: Option<String>,
    /// The old telephone number, sealed for this row.
    pub old_sealed: Option<Vec<u8>>,
}

/// Who changed a record, and when.
pub struct ChangedBy {
    pub at: Timestamp,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
}

/// Appends a change with its old value in the clear. Returns the row's key, for which a sealed value is stored.
pub fn append(
    conn: &mut Conn,
    member: MemberId,
    by: &ChangedBy,
    field: MemberField,
    old_value: Option<&str>,
) -> QueryResult<i64> {
    diesel::insert_into(dsl::member_changes)
        .values((
            dsl::member_id.eq(member),
            dsl::at.eq(Micros::from(by.at)),
            dsl::account_id.eq(by.account),
            dsl::organization_id.eq(by.organization),
            dsl::field.eq(field),
            dsl::old_value.eq(old_value),
        ))
        .returning(dsl::id)
        .get_result(conn)
}

/// A page of the changes of a member's record after `after`, earliest first: all of it, or what was written within a part
/// of the tree.
pub fn history(
    conn: &mut Conn,
    member: MemberId,
    within: Option<&PathRange>,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<MemberChange>> {
    let mut query = dsl::member_changes
        .filter(dsl::member_id.eq(member))
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select((
            dsl::id,
            dsl::at,
            dsl::account_id,
            dsl::organization_id,
            dsl::field,
            dsl::old_value,
            dsl::old_sealed,
        ))
        .into_boxed();
    if let Some(range) = within {
        query = query.filter(written_within!(dsl::member_id, dsl::at, range));
    }
    query.load(conn)
}
