//! The history of graduation months of branches (G5), and requests to change them (G7, G8).

use super::pending::{Affected, PendingRow, close, decision, waiting_in};
use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::in_padded;
use crate::db::schema::{accounts, graduation_history, inbox_entries, month_changes};
use crate::db::sql::locks::Locked;
use crate::domain::core::decision::Decision;
use crate::domain::core::ids::{AccountId, MonthChangeId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, Timestamp};
use crate::domain::graduation::{GraduationEvent, MonthChange, MonthChangeRequest, MonthChangeState};
use crate::domain::organization::facts::{Graduation, Path, Undetermined};
use crate::on_each;
use diesel::prelude::*;

/// A record of a branch's history.
#[derive(Debug, Clone)]
pub struct GraduationRecord {
    pub id: i64,
    pub at: Timestamp,
    pub event: GraduationEvent,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
    pub automatic: bool,
    pub old: Option<Graduation>,
    pub new: Option<Graduation>,
    pub month_change: Option<MonthChangeId>,
    pub reason: Option<String>,
}

/// A record to be stored.
pub struct NewEntry<'a> {
    pub branch: OrganizationId,
    pub at: Timestamp,
    pub event: GraduationEvent,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
    pub old: Option<Graduation>,
    pub new: Option<Graduation>,
    pub month_change: Option<MonthChangeId>,
    pub reason: Option<&'a Remark>,
}

/// Appends a record. A record without an account is for the service's own action.
pub fn append(conn: &mut Conn, entry: &NewEntry<'_>) -> QueryResult<()> {
    use graduation_history::dsl;
    let (old_month, old_undetermined) = columns(entry.old);
    let (new_month, new_undetermined) = columns(entry.new);
    diesel::insert_into(dsl::graduation_history)
        .values((
            dsl::branch_id.eq(entry.branch),
            dsl::at.eq(Micros::from(entry.at)),
            dsl::event.eq(entry.event),
            dsl::account_id.eq(entry.account),
            dsl::organization_id.eq(entry.organization),
            dsl::automatic.eq(entry.account.is_none()),
            dsl::old_month.eq(old_month),
            dsl::old_undetermined.eq(old_undetermined),
            dsl::new_month.eq(new_month),
            dsl::new_undetermined.eq(new_undetermined),
            dsl::month_change_id.eq(entry.month_change),
            dsl::reason.eq(entry.reason.map(Remark::as_str)),
        ))
        .execute(conn)?;
    Ok(())
}

/// A record as columns of both engines.
#[derive(Insertable)]
#[diesel(table_name = graduation_history, treat_none_as_default_value = false)]
struct SwitchedRow {
    branch_id: i64,
    at: i64,
    event: &'static str,
    automatic: bool,
    old_month: Option<i32>,
    new_month: Option<i32>,
}

/// Appends a record to the history of several branches, each with its month: the yearly switch made it a graduate
/// branch (G6).
pub fn append_switched(conn: &mut Conn, branches: &[(OrganizationId, Month)], at: Timestamp) -> QueryResult<()> {
    let row = |(branch, month): &(OrganizationId, Month)| SwitchedRow {
        branch_id: branch.0,
        at: at.timestamp_micros(),
        event: GraduationEvent::Turned.as_str(),
        automatic: true,
        old_month: Some(*month.as_number()),
        new_month: Some(*month.as_number()),
    };
    let rows: Vec<_> = branches.iter().map(row).collect();
    on_each!(conn, |c| diesel::insert_into(graduation_history::table)
        .values(&rows)
        .execute(c))?;
    Ok(())
}

fn columns(graduation: Option<Graduation>) -> (Option<Month>, Option<Undetermined>) {
    match graduation {
        Some(Graduation::Month(month)) => (Some(month), None),
        Some(Graduation::Undetermined(reason)) => (None, Some(reason)),
        None => (None, None),
    }
}

fn graduation(month: Option<Month>, undetermined: Option<Undetermined>) -> Option<Graduation> {
    month
        .map(Graduation::Month)
        .or(undetermined.map(Graduation::Undetermined))
}

#[derive(Queryable)]
struct EntryRow {
    id: i64,
    at: Micros,
    event: GraduationEvent,
    account: Option<AccountId>,
    organization: Option<OrganizationId>,
    automatic: bool,
    old: (Option<Month>, Option<Undetermined>),
    new: (Option<Month>, Option<Undetermined>),
    month_change: Option<MonthChangeId>,
    reason: Option<String>,
}

impl From<EntryRow> for GraduationRecord {
    fn from(row: EntryRow) -> Self {
        Self {
            id: row.id,
            at: row.at.into(),
            event: row.event,
            account: row.account,
            organization: row.organization,
            automatic: row.automatic,
            old: graduation(row.old.0, row.old.1),
            new: graduation(row.new.0, row.new.1),
            month_change: row.month_change,
            reason: row.reason,
        }
    }
}

/// A page of a branch's history after `after`, earliest first.
pub fn history(conn: &mut Conn, branch: OrganizationId, after: i64, limit: i64) -> QueryResult<Vec<GraduationRecord>> {
    use graduation_history::dsl;
    let rows: Vec<EntryRow> = dsl::graduation_history
        .filter(dsl::branch_id.eq(branch))
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select((
            dsl::id,
            dsl::at,
            dsl::event,
            dsl::account_id,
            dsl::organization_id,
            dsl::automatic,
            (dsl::old_month, dsl::old_undetermined),
            (dsl::new_month, dsl::new_undetermined),
            dsl::month_change_id,
            dsl::reason,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(GraduationRecord::from).collect())
}

/// A request as stored, with the fields that its lists show.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = month_changes, check_for_backend(crate::db::Backend))]
pub struct StoredChange {
    pub id: MonthChangeId,
    pub branch_id: OrganizationId,
    pub branch_path: Path,
    pub branch_name: String,
    pub organ_id: OrganizationId,
    pub old_month: Month,
    pub new_month: Month,
    pub reason: String,
    pub proposer_account_id: AccountId,
    pub proposer_organization_id: OrganizationId,
    pub proposed_at: Micros,
    pub state: MonthChangeState,
    pub decider_account_id: Option<AccountId>,
    pub decider_organization_id: Option<OrganizationId>,
    pub decided_at: Option<Micros>,
    pub decision_reason: Option<String>,
    pub version: i32,
    #[diesel(select_expression = accounts::name)]
    pub proposer_name: String,
}

/// Prints the key only: reasons and names are personal data.
impl std::fmt::Debug for StoredChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredChange({:?})", self.id)
    }
}

impl StoredChange {
    /// The request as the rules see it. `None` if the row is incomplete.
    pub fn month_change(&self) -> Option<MonthChange> {
        let request = MonthChangeRequest {
            branch: self.branch_id,
            old: self.old_month,
            new: self.new_month,
            reason: Remark::new(&self.reason)?,
            proposed_by: self.proposer_account_id,
            proposed_for: self.proposer_organization_id,
            proposed_at: self.proposed_at.into(),
            leading_organ: self.organ_id,
        };
        Some(match self.state {
            MonthChangeState::Open => MonthChange::Open(request),
            MonthChangeState::Approved => MonthChange::Approved(request, self.decision()?),
            MonthChangeState::Refused => {
                let reason = Remark::new(self.decision_reason.as_deref()?)?;
                MonthChange::Refused(request, self.decision()?, reason)
            }
        })
    }

    fn decision(&self) -> Option<Decision> {
        decision(self.decider_account_id, self.decider_organization_id, self.decided_at)
    }
}

impl PendingRow for StoredChange {
    const KIND: &'static str = "month_change";
    type Id = MonthChangeId;

    fn affected(conn: &mut Conn, affected: &Affected<'_>) -> QueryResult<Vec<MonthChangeId>> {
        use month_changes::dsl;
        let rows = dsl::month_changes;
        let waits = dsl::state.eq(MonthChangeState::Open);
        waiting_in!(conn, affected, rows, dsl::id, waits, dsl::branch_path, Self::KIND)
    }

    fn find_locked(conn: &mut Conn, id: MonthChangeId) -> QueryResult<Option<Self>> {
        // Locks the request only, not the rows joined to it.
        let row = month_changes::table.find(id).select(month_changes::id);
        let locked: Option<MonthChangeId> = Locked(row).get_result(conn).optional()?;
        locked.map_or(Ok(None), |id| change(conn, id))
    }

    fn is_open(&self) -> bool {
        self.state == MonthChangeState::Open
    }
}

/// Stores a new request. Violates a unique index if the branch has an open one.
pub fn open_change(
    conn: &mut Conn,
    request: &MonthChangeRequest,
    branch_path: &Path,
    branch_name: &str,
) -> QueryResult<MonthChangeId> {
    use month_changes::dsl;
    diesel::insert_into(dsl::month_changes)
        .values((
            dsl::branch_id.eq(request.branch),
            dsl::branch_path.eq(branch_path),
            dsl::branch_name.eq(branch_name),
            dsl::organ_id.eq(request.leading_organ),
            dsl::old_month.eq(request.old),
            dsl::new_month.eq(request.new),
            dsl::reason.eq(request.reason.as_str()),
            dsl::proposer_account_id.eq(request.proposed_by),
            dsl::proposer_organization_id.eq(request.proposed_for),
            dsl::proposed_at.eq(Micros::from(request.proposed_at)),
            dsl::state.eq(MonthChangeState::Open),
        ))
        .returning(dsl::id)
        .get_result(conn)
}

/// Stores a decision if the request still has the version that was decided on. Returns whether it had.
pub fn close_change(
    conn: &mut Conn,
    found: &StoredChange,
    state: MonthChangeState,
    decision: &Decision,
    reason: Option<&Remark>,
) -> QueryResult<bool> {
    close!(conn, month_changes, found, state, decision, reason)
}

/// The branch's open request (G7).
pub fn open_of_branch(conn: &mut Conn, branch: OrganizationId) -> QueryResult<Option<MonthChangeId>> {
    use month_changes::dsl;
    dsl::month_changes
        .filter(dsl::branch_id.eq(branch))
        .filter(dsl::state.eq(MonthChangeState::Open))
        .select(dsl::id)
        .first(conn)
        .optional()
}

/// The open requests of several branches.
pub fn open_of_branches(conn: &mut Conn, branches: &[OrganizationId]) -> QueryResult<Vec<StoredChange>> {
    month_changes::table
        .inner_join(accounts::table.on(accounts::id.eq(month_changes::proposer_account_id)))
        .filter(in_padded(month_changes::branch_id, branches.iter().map(|id| id.0)))
        .filter(month_changes::state.eq(MonthChangeState::Open))
        .select(StoredChange::as_select())
        .load(conn)
}

/// One request.
pub fn change(conn: &mut Conn, id: MonthChangeId) -> QueryResult<Option<StoredChange>> {
    month_changes::table
        .inner_join(accounts::table.on(accounts::id.eq(month_changes::proposer_account_id)))
        .filter(month_changes::id.eq(id))
        .select(StoredChange::as_select())
        .first(conn)
        .optional()
}

/// A page of the requests that concern an organization: as the leading organ, as the organization the turn passed to,
/// or as the one that proposed. Newest first, before `before`.
pub fn changes(
    conn: &mut Conn,
    organization: OrganizationId,
    state: Option<MonthChangeState>,
    before: i64,
    limit: i64,
) -> QueryResult<Vec<StoredChange>> {
    // Values in a subselect must be bindable on both engines, and only plain numbers are.
    let passed_on = inbox_entries::table
        .filter(inbox_entries::organization_id.eq(organization.0))
        .filter(inbox_entries::kind.eq(StoredChange::KIND))
        .select(inbox_entries::subject_id);
    let mut query = month_changes::table
        .inner_join(accounts::table.on(accounts::id.eq(month_changes::proposer_account_id)))
        .filter(
            month_changes::organ_id
                .eq(organization)
                .or(month_changes::proposer_organization_id.eq(organization))
                .or(month_changes::id.eq_any(passed_on)),
        )
        .filter(month_changes::id.lt(before))
        .order(month_changes::id.desc())
        .limit(limit)
        .select(StoredChange::as_select())
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(month_changes::state.eq(state));
    }
    query.load(conn)
}
