//! What appointment requests, certifications and month changes have in common: each waits for a decision.

use crate::db::Conn;
use crate::db::columns::Micros;
use crate::domain::core::decision::Decision;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::organization::facts::Path;
use diesel::QueryResult;

/// A row that waits for a decision.
pub trait PendingRow: Sized {
    /// The kind of its inbox entries.
    const KIND: &'static str;
    type Id: Copy;

    /// The rows that wait in a subtree in which appointments have changed.
    fn affected(conn: &mut Conn, affected: &Affected<'_>) -> QueryResult<Vec<Self::Id>>;

    /// One row, locked until the transaction ends.
    fn find_locked(conn: &mut Conn, id: Self::Id) -> QueryResult<Option<Self>>;

    /// Whether it still waits.
    fn is_open(&self) -> bool;
}

/// A subtree in which appointments have changed, so that what waits there may have other holders now (A10).
pub struct Affected<'a> {
    pub path: &'a Path,
    /// Rows in the inbox of one of these organizations are affected.
    pub before: Vec<OrganizationId>,
    /// Whether rows in no inbox are affected too.
    pub orphans: bool,
}

/// A decision as stored. `None` if its columns are incomplete.
pub(super) fn decision(
    account: Option<AccountId>,
    organization: Option<OrganizationId>,
    at: Option<Micros>,
) -> Option<Decision> {
    Some(Decision {
        by: account?,
        acting_for: organization?,
        at: at?.into(),
    })
}

/// The ids of the waiting rows that are [`Affected`].
macro_rules! waiting_in {
    ($conn:expr, $affected:expr, $rows:expr, $id:expr, $waits:expr, $path:expr, $kind:expr) => {{
        use $crate::db::schema::inbox_entries;
        let (from, until) = $crate::repository::subtree($affected.path);
        let its_entry = inbox_entries::subject_id.eq($id).and(inbox_entries::kind.eq($kind));
        let query = $rows
            .left_join(inbox_entries::table.on(its_entry))
            .filter($waits)
            .filter($path.ge(from))
            .filter($path.lt(until))
            .order($id)
            .select($id)
            .distinct()
            .into_boxed();
        let before: Vec<i64> = $affected.before.iter().map(|id| id.0).collect();
        let is_before = inbox_entries::organization_id.nullable().eq_any(before);
        match $affected.orphans {
            true => query
                .filter(is_before.or(inbox_entries::id.nullable().is_null()))
                .load($conn),
            false => query.filter(is_before).load($conn),
        }
    }};
}

/// Stores a decision if the row still has the version that was decided on. Returns whether it had.
macro_rules! close {
    ($conn:expr, $table:ident, $found:expr, $state:expr, $decision:expr, $reason:expr) => {{
        use $table::dsl;
        let (found, decision) = ($found, $decision);
        let changed = diesel::update($table::table.find(found.id).filter(dsl::version.eq(found.version)))
            .set((
                dsl::state.eq($state),
                dsl::decider_account_id.eq(decision.by),
                dsl::decider_organization_id.eq(decision.acting_for),
                dsl::decided_at.eq(Micros::from(decision.at)),
                dsl::decision_reason.eq($reason.map(Remark::as_str)),
                dsl::version.eq(found.version + 1),
            ))
            .execute($conn)?;
        Ok(changed == 1)
    }};
}

pub(super) use {close, waiting_in};
