//! Transfer cases and their events.

use super::subtree;
use crate::db::columns::Micros;
use crate::db::in_json_list;
use crate::db::schema::transfers::{self, dsl};
use crate::db::schema::{inbox_entries, organizations, transfer_events};
use crate::db::sql::locks::Locked;
use crate::db::{Backend, BulkInsert, Conn};
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Season, Timestamp};
use crate::domain::organization::facts::{Path, PlaceInTree};
use crate::domain::organization::turn::Duty;
use crate::domain::policy::Policy;
use crate::domain::transfer::events::{Event, EventKind};
use crate::domain::transfer::reason::{Reason, Side};
use crate::domain::transfer::route::DestinationKind;
use crate::domain::transfer::state::{ApprovalSide, CaseState, Phase, StateParts};
use crate::{insert_each, on_each, row};
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{BigInt, Nullable, Text};
use std::collections::HashMap;

/// A case as stored.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = transfers, check_for_backend(Backend))]
pub struct Transfer {
    pub id: TransferId,
    pub season: Season,
    pub reason: Reason,
    pub details: String,
    pub explanation: Option<String>,
    pub started_by: Side,
    pub proposer_account_id: Option<AccountId>,
    pub proposer_organization_id: Option<OrganizationId>,
    pub member_id: Option<MemberId>,
    pub member_name: String,
    pub source_branch_id: Option<OrganizationId>,
    pub source_path: String,
    pub source_name: String,
    pub source_province: Option<i32>,
    pub target_kind: DestinationKind,
    pub target_id: OrganizationId,
    pub target_path: String,
    pub target_name: String,
    pub target_province: Option<i32>,
    pub state: Phase,
    pub since: Micros,
    pub organization_id: Option<OrganizationId>,
    pub side: Option<ApprovalSide>,
    pub province: Option<i32>,
    pub holding: bool,
    pub escalated_at: Option<Micros>,
    pub closing_reason: Option<String>,
    pub deadline: Option<Micros>,
    pub proposed_at: Micros,
    pub closed_at: Option<Micros>,
    pub version: i64,
    /// Since when the case is orphaned (I-31). Null if an organization may act on it, or if it has ended.
    pub orphaned_at: Option<Micros>,
}

/// Prints the key only, to keep personal data out of the logs.
impl std::fmt::Debug for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transfer({:?}, {})", self.id, self.state)
    }
}

impl Transfer {
    /// The state, assembled from its columns. `None` if they contradict each other.
    pub fn state(&self) -> Option<CaseState> {
        let columns = StateColumns {
            state: self.state,
            since: self.since,
            organization_id: self.organization_id,
            side: self.side,
            province: self.province,
            holding: self.holding,
            escalated_at: self.escalated_at,
            closing_reason: self.closing_reason.clone(),
            deadline: self.deadline,
            closed_at: self.closed_at,
            orphaned_at: self.orphaned_at,
        };
        columns.read()
    }
}

row! {
    /// A case to be stored for the first time.
    pub struct NewTransfer<'a> in transfers {
        pub season: Season,
        pub reason: Reason,
        pub details: &'a str,
        pub explanation: Option<&'a str>,
        pub started_by: Side,
        pub proposer_account_id: Option<AccountId>,
        pub proposer_organization_id: Option<OrganizationId>,
        pub member_id: Option<MemberId>,
        pub member_name: &'a str,
        pub source_branch_id: Option<OrganizationId>,
        pub source_path: &'a str,
        pub source_name: &'a str,
        pub source_province: Option<i32>,
        pub target_kind: DestinationKind,
        pub target_id: OrganizationId,
        pub target_path: &'a str,
        pub target_name: &'a str,
        pub target_province: Option<i32>,
        pub state: Phase,
        pub since: Micros,
        pub organization_id: Option<OrganizationId>,
        pub side: Option<ApprovalSide>,
        pub province: Option<i32>,
        pub holding: bool,
        pub deadline: Option<Micros>,
        pub proposed_at: Micros,
        pub version: i64,
    }
}

/// Stores new cases of different members. Returns them as stored, in their order. Violates `transfers_one_open` if a
/// member has an open case (T2).
pub fn insert_many(conn: &mut Conn, new: &[NewTransfer<'_>]) -> QueryResult<Vec<Transfer>> {
    match conn {
        Conn::Sqlite(conn) => {
            let one = |row| {
                let row = diesel::insert_into(transfers::table).values(row);
                row.returning(transfers::all_columns).get_result(conn)
            };
            new.iter().map(one).collect()
        }
        Conn::Postgres(conn) => {
            let all = diesel::insert_into(transfers::table).values(BulkInsert(new));
            let stored: Vec<Transfer> = all.returning(transfers::all_columns).get_results(conn)?;
            // PostgreSQL doesn't promise to return the rows in their order.
            let mut stored: HashMap<_, _> = stored.into_iter().map(|case| (case.member_id, case)).collect();
            let in_order = new.iter().map(|row| stored.remove(&row.member_id));
            in_order.collect::<Option<_>>().ok_or(Error::NotFound)
        }
    }
}

/// The columns of a state. The case's holders are in its inbox entries instead.
#[derive(Queryable, Selectable, AsChangeset)]
#[diesel(table_name = transfers, check_for_backend(Backend), treat_none_as_null = true)]
struct StateColumns {
    state: Phase,
    since: Micros,
    organization_id: Option<OrganizationId>,
    side: Option<ApprovalSide>,
    province: Option<i32>,
    holding: bool,
    escalated_at: Option<Micros>,
    closing_reason: Option<String>,
    deadline: Option<Micros>,
    closed_at: Option<Micros>,
    orphaned_at: Option<Micros>,
}

impl StateColumns {
    fn new(state: &CaseState, deadline: Option<Timestamp>) -> Self {
        let columns = StateParts::from(state.clone());
        Self {
            state: columns.phase,
            since: columns.since.into(),
            organization_id: columns.organization,
            side: columns.side,
            province: columns.province.map(i32::from),
            holding: columns.holding,
            escalated_at: columns.escalated.map(Micros::from),
            closing_reason: columns.reason.map(|reason| reason.as_str().to_owned()),
            deadline: deadline.map(Micros::from),
            closed_at: (!state.is_open()).then(|| columns.since.into()),
            orphaned_at: None,
        }
    }

    /// The state. `None` if the columns contradict each other.
    fn read(self) -> Option<CaseState> {
        let columns = StateParts {
            phase: self.state,
            since: self.since.into(),
            organization: self.organization_id,
            side: self.side,
            province: self.province.and_then(|province| province.try_into().ok()),
            holding: self.holding,
            escalated: self.escalated_at.map(Timestamp::from),
            reason: self.closing_reason.as_deref().and_then(Remark::new),
        };
        columns.try_into().ok()
    }
}

/// Stores a case's new state if it still has the version that was decided on (A9).
pub fn update(
    conn: &mut Conn,
    id: TransferId,
    version: i64,
    state: &CaseState,
    deadline: Option<Timestamp>,
) -> QueryResult<bool> {
    let changed = diesel::update(dsl::transfers.find(id).filter(dsl::version.eq(version - 1)))
        .set((StateColumns::new(state, deadline), dsl::version.eq(version)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Stores that a case is orphaned since an instant, or that it has a holder again (I-31).
pub fn set_orphaned(conn: &mut Conn, id: TransferId, since: Option<Timestamp>) -> QueryResult<()> {
    diesel::update(dsl::transfers.find(id))
        .set(dsl::orphaned_at.eq(since.map(Micros::from)))
        .execute(conn)?;
    Ok(())
}

/// Stores the member an inbound case is about, once the person is a member here (X2).
pub fn set_member(conn: &mut Conn, id: TransferId, member: MemberId) -> QueryResult<()> {
    diesel::update(dsl::transfers.find(id))
        .set(dsl::member_id.eq(member))
        .execute(conn)?;
    Ok(())
}

/// One case.
pub fn find(conn: &mut Conn, id: TransferId) -> QueryResult<Option<Transfer>> {
    dsl::transfers
        .find(id)
        .select(Transfer::as_select())
        .first(conn)
        .optional()
}

/// One case, locked until the transaction ends.
pub fn find_locked(conn: &mut Conn, id: TransferId) -> QueryResult<Option<Transfer>> {
    Locked(dsl::transfers.find(id).select(Transfer::as_select()))
        .get_result(conn)
        .optional()
}

/// The part of a case that its expiry needs.
pub struct WaitingCase {
    pub id: TransferId,
    pub season: Season,
    pub version: i64,
    /// Whether it is an inbound case (X2).
    pub is_inbound: bool,
    /// `None` if its columns contradict each other.
    pub state: Option<CaseState>,
}

/// Cases that wait, locked until the transaction ends, by id.
pub fn waiting_locked(conn: &mut Conn, ids: &[TransferId]) -> QueryResult<Vec<WaitingCase>> {
    type Row = (TransferId, Season, i64, Option<i32>, StateColumns);
    let found = dsl::transfers
        .filter(in_json_list(dsl::id, keys(ids)))
        .order(dsl::id)
        .select((
            dsl::id,
            dsl::season,
            dsl::version,
            dsl::source_province,
            StateColumns::as_select(),
        ));
    let rows: Vec<Row> = Locked(found).load(conn)?;
    let waiting = |(id, season, version, source_province, columns): Row| WaitingCase {
        id,
        season,
        version,
        is_inbound: source_province.is_some(),
        state: columns.read(),
    };
    Ok(rows.into_iter().map(waiting).collect())
}

fn keys(ids: &[TransferId]) -> impl Iterator<Item = i64> {
    ids.iter().map(|id| id.0)
}

/// Ends locked cases. All get this final state, and the version of each goes up by one. Returns how many rows were
/// changed.
pub fn end_many(conn: &mut Conn, ids: &[TransferId], state: &CaseState) -> QueryResult<usize> {
    diesel::update(dsl::transfers.filter(in_json_list(dsl::id, keys(ids))))
        .set((StateColumns::new(state, None), dsl::version.eq(dsl::version + 1)))
        .execute(conn)
}

/// The open case of a member.
pub fn open_of(conn: &mut Conn, member: MemberId) -> QueryResult<Option<Transfer>> {
    dsl::transfers
        .filter(dsl::member_id.eq(member))
        .filter(dsl::closed_at.is_null())
        .select(Transfer::as_select())
        .first(conn)
        .optional()
}

/// Open cases whose holders may change with the appointments at an organization (A10).
///
/// First, the cases in the inbox of the organization or of a direct subordinate, because a branch shares its turn with
/// its superior. Second, the cases of its subtree that passed up to the organization or to one of `above`, because
/// nobody below could decide them. With `orphans`, also the orphaned cases of its subtree.
pub fn affected_by_appointments(
    conn: &mut Conn,
    organization: OrganizationId,
    path: &Path,
    above: &[OrganizationId],
    orphans: bool,
) -> QueryResult<Vec<TransferId>> {
    let (from, until) = subtree(path);
    let turn_at = organizations::table.on(dsl::organization_id.eq(organizations::id.nullable()));
    let duties: Vec<&str> = Duty::ALL.iter().map(|duty| duty.as_str()).collect();
    let holder = organizations::table.on(organizations::id.eq(inbox_entries::organization_id));
    let held: Vec<i64> = inbox_entries::table
        .inner_join(holder)
        .filter(
            organizations::id
                .eq(organization)
                .or(organizations::parent_id.eq(organization)),
        )
        .filter(inbox_entries::kind.eq_any(duties.clone()))
        .select(inbox_entries::subject_id)
        .load(conn)?;
    let mut found: Vec<TransferId> = held.into_iter().map(TransferId).collect();
    let before: Vec<i64> = above.iter().map(|id| id.0).chain([organization.0]).collect();
    let passed: Vec<TransferId> = inbox_entries::table
        .inner_join(transfers::table.on(dsl::id.eq(inbox_entries::subject_id)))
        .inner_join(turn_at)
        .filter(inbox_entries::organization_id.eq_any(before))
        .filter(inbox_entries::kind.eq_any(duties))
        .filter(dsl::closed_at.is_null())
        .filter(organizations::path.ge(from.clone()))
        .filter(organizations::path.lt(until.clone()))
        .select(dsl::id)
        .load(conn)?;
    found.extend(passed);
    if orphans {
        let nobodys: Vec<TransferId> = transfers::table
            .inner_join(turn_at)
            .filter(dsl::orphaned_at.is_not_null())
            .filter(organizations::path.ge(from))
            .filter(organizations::path.lt(until))
            .select(dsl::id)
            .load(conn)?;
        found.extend(nobodys);
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The number of open cases that leave an organization, lead to it or wait for it (O3).
pub fn open_at(conn: &mut Conn, organization: OrganizationId, path: &Path) -> QueryResult<i64> {
    let open = || dsl::transfers.filter(dsl::closed_at.is_null());
    let mut found: Vec<TransferId> = open()
        .filter(dsl::source_path.eq(path.as_str()))
        .select(dsl::id)
        .load(conn)?;
    let entering: Vec<TransferId> = open()
        .filter(dsl::target_path.eq(path.as_str()))
        .select(dsl::id)
        .load(conn)?;
    let duties: Vec<&str> = Duty::ALL.iter().map(|duty| duty.as_str()).collect();
    let waiting: Vec<i64> = inbox_entries::table
        .filter(inbox_entries::organization_id.eq(organization))
        .filter(inbox_entries::kind.eq_any(duties))
        .select(inbox_entries::subject_id)
        .load(conn)?;
    found.extend(entering);
    found.extend(waiting.into_iter().map(TransferId));
    found.sort();
    found.dedup();
    Ok(i64::try_from(found.len()).unwrap_or(i64::MAX))
}

/// The cases that a list shows.
#[derive(Debug, Clone)]
pub enum TransferSelection {
    /// All cases of one member.
    Member(MemberId),
    /// Cases that leave a subtree, as an administrator of this organization sees them.
    Out(Path, OrganizationId),
    /// Cases that enter a subtree.
    In(Path),
    /// Cases from an external province (X2).
    FromProvince(u8),
    /// Cases to an external province (X1).
    ToProvince(u8),
}

/// A page of cases: newest first for a member or a province, by branch and id for a subtree.
///
/// Special-unit cases appear only in the member's own list and in that of the branch's own administrators (S-30).
pub fn page(
    conn: &mut Conn,
    place: &TransferSelection,
    state: Option<Phase>,
    after: Option<&PlaceInTree>,
    limit: i64,
) -> QueryResult<Vec<Transfer>> {
    let mut query = dsl::transfers.select(Transfer::as_select()).limit(limit).into_boxed();
    match place {
        TransferSelection::Member(member) => {
            query = query.filter(dsl::member_id.eq(member)).order(dsl::id.desc());
            if let Some(after) = after {
                query = query.filter(dsl::id.lt(after.key));
            }
        }
        TransferSelection::Out(root, reader) => {
            let (from, until) = subtree(root);
            query = query
                .filter(dsl::source_path.ge(from))
                .filter(dsl::source_path.lt(until))
                .filter(dsl::reason.ne(Reason::SpecialUnit).or(dsl::source_branch_id.eq(reader)))
                .order((dsl::source_path, dsl::id));
            if let Some(after) = after {
                query = query
                    .filter(dsl::source_path.ge(after.path.clone()))
                    .filter(dsl::source_path.gt(after.path.clone()).or(dsl::id.gt(after.key)));
            }
        }
        TransferSelection::In(root) => {
            let (from, until) = subtree(root);
            query = query
                .filter(dsl::target_path.ge(from))
                .filter(dsl::target_path.lt(until))
                .filter(dsl::reason.ne(Reason::SpecialUnit))
                .order((dsl::target_path, dsl::id));
            if let Some(after) = after {
                query = query
                    .filter(dsl::target_path.ge(after.path.clone()))
                    .filter(dsl::target_path.gt(after.path.clone()).or(dsl::id.gt(after.key)));
            }
        }
        TransferSelection::FromProvince(province) => {
            query = query
                .filter(dsl::source_province.eq(i32::from(*province)))
                .order(dsl::id.desc());
            if let Some(after) = after {
                query = query.filter(dsl::id.lt(after.key));
            }
        }
        TransferSelection::ToProvince(province) => {
            query = query
                .filter(dsl::target_province.eq(i32::from(*province)))
                .order(dsl::id.desc());
            if let Some(after) = after {
                query = query.filter(dsl::id.lt(after.key));
            }
        }
    }
    if let Some(state) = state {
        query = query.filter(dsl::state.eq(state));
    }
    query.load(conn)
}

/// Open cases whose deadline has passed, longest overdue first, without the first `skip`. `assignments` is true for
/// cases that wait for an assignment, and false for cases that wait for an approval.
pub fn overdue(
    conn: &mut Conn,
    now: Timestamp,
    assignments: bool,
    skip: i64,
    limit: i64,
) -> QueryResult<Vec<TransferId>> {
    let query = dsl::transfers
        .filter(dsl::closed_at.is_null())
        .filter(dsl::deadline.lt(Micros::from(now)))
        .order((dsl::deadline, dsl::id))
        .limit(limit)
        .offset(skip)
        .select(dsl::id)
        .into_boxed();
    match assignments {
        true => query.filter(dsl::state.eq(Phase::AwaitingAssignment)).load(conn),
        false => query.filter(dsl::state.ne(Phase::AwaitingAssignment)).load(conn),
    }
}

/// Updates the deadlines of a season's open cases and of their inbox entries, after its policy has changed. The rule
/// itself is [`crate::domain::transfer::expiry`]. This function repeats it in SQL for many rows at once, so keep both
/// equal.
pub fn reset_deadlines(conn: &mut Conn, policy: &Policy) -> QueryResult<()> {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000;
    let start = Micros::from(policy.expiry_start());
    let allowed = i64::from(policy.expiry_days) * DAY;
    // There may be hundreds of thousands of cases.
    conn.lift_limits()?;
    let open = dsl::season
        .eq(policy.season)
        .and(dsl::closed_at.is_null())
        .and(dsl::deadline.is_not_null());
    let in_approval = dsl::state
        .eq(Phase::AwaitingApproval)
        .or(dsl::state.eq(Phase::ExternalPending));
    diesel::update(
        dsl::transfers
            .filter(open)
            .filter(in_approval)
            .filter(dsl::since.gt(start)),
    )
    .set(dsl::deadline.eq((dsl::since + allowed).nullable()))
    .execute(conn)?;
    let due = Micros::from(policy.expiry_start() + TimeDelta::days(i64::from(policy.expiry_days)));
    diesel::update(
        dsl::transfers
            .filter(open)
            .filter(in_approval)
            .filter(dsl::since.le(start)),
    )
    .set(dsl::deadline.eq(due))
    .execute(conn)?;
    let unescalated = dsl::state
        .eq(Phase::AwaitingAssignment)
        .and(dsl::escalated_at.is_null());
    diesel::update(dsl::transfers.filter(open).filter(unescalated))
        .set(dsl::deadline.eq((dsl::since + i64::from(policy.escalation_days) * DAY).nullable()))
        .execute(conn)?;
    super::inbox::follow_deadlines(conn, policy.season)
}

/// Stores a case's deadline.
pub fn set_deadline(conn: &mut Conn, id: TransferId, deadline: Option<Timestamp>) -> QueryResult<()> {
    diesel::update(dsl::transfers.find(id))
        .set(dsl::deadline.eq(deadline.map(Micros::from)))
        .execute(conn)?;
    Ok(())
}

/// Appends an event.
pub fn append_event(conn: &mut Conn, id: TransferId, event: &Event, facts: &str) -> QueryResult<()> {
    append_many(conn, &[(id, event, facts)])
}

/// Appends events, each with its facts as JSON text.
pub fn append_many(conn: &mut Conn, events: &[(TransferId, &Event, &str)]) -> QueryResult<()> {
    let rows: Vec<EventRow<'_>> = events
        .iter()
        .map(|(id, event, facts)| EventRow::new(*id, event, facts))
        .collect();
    insert_each!(conn, transfer_events::table, &rows)
}

row! {
    /// An event as columns.
    struct EventRow<'a> in transfer_events {
        transfer_id: TransferId,
        number: i64,
        at: Micros,
        account_id: Option<AccountId>,
        organization_id: Option<OrganizationId>,
        event: &'a str,
        facts: &'a str,
    }
}

impl<'a> EventRow<'a> {
    fn new(id: TransferId, event: &'a Event, facts: &'a str) -> Self {
        Self {
            transfer_id: id,
            number: event.number,
            at: event.at.into(),
            account_id: event.by,
            organization_id: event.acting_for,
            event: event.kind.name().as_str(),
            facts,
        }
    }
}

/// Appends the same event to several cases. The number of the event is the version of the case, so call this after the
/// update.
pub fn append_event_to_many(conn: &mut Conn, ids: &[TransferId], event: &Event, facts: &str) -> QueryResult<()> {
    let events = dsl::transfers
        .filter(in_json_list(dsl::id, keys(ids)))
        .order(dsl::id)
        .select((
            dsl::id,
            dsl::version,
            event.at.timestamp_micros().into_sql::<BigInt>(),
            event.by.map(|id| id.0).into_sql::<Nullable<BigInt>>(),
            event.acting_for.map(|id| id.0).into_sql::<Nullable<BigInt>>(),
            event.kind.name().as_str().into_sql::<Text>(),
            facts.into_sql::<Text>(),
        ));
    let columns = (
        transfer_events::transfer_id,
        transfer_events::number,
        transfer_events::at,
        transfer_events::account_id,
        transfer_events::organization_id,
        transfer_events::event,
        transfer_events::facts,
    );
    on_each!(conn, |c| events
        .insert_into(transfer_events::table)
        .into_columns(columns)
        .execute(c))?;
    Ok(())
}

/// The events of a case, in order. `None` stands for an event whose facts can't be read.
pub fn events(conn: &mut Conn, id: TransferId) -> QueryResult<Vec<Option<Event>>> {
    type Row = (i64, Micros, Option<AccountId>, Option<OrganizationId>, String);
    use transfer_events::dsl;
    let rows: Vec<Row> = dsl::transfer_events
        .filter(dsl::transfer_id.eq(id))
        .order(dsl::number)
        .select((dsl::number, dsl::at, dsl::account_id, dsl::organization_id, dsl::facts))
        .load(conn)?;
    let event = |(number, at, by, acting_for, facts): Row| {
        let kind: EventKind = serde_json::from_str(&facts).ok()?;
        Some(Event {
            number,
            at: at.into(),
            by,
            acting_for,
            kind,
        })
    };
    Ok(rows.into_iter().map(event).collect())
}
