//! Appointments (管理员任职) and requests to begin or end them.

use super::pending::{Affected, PendingRow, close, waiting_in};
use super::subtree;
use crate::db::columns::Micros;
use crate::db::schema::{accounts, appointment_requests, appointments, organizations, transfers};
use crate::db::sql::locks::{self, AdvisoryLock, Locked};
use crate::db::{Backend, Conn};
use crate::domain::account::AccountStatus;
use crate::domain::core::ids::{AccountId, AppointmentId, AppointmentRequestId, OrganizationId, TransferId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::Timestamp;
use crate::domain::office::{AppointmentRequest, DecidedRequest, OfficeRole, RequestKind, RequestState};
use crate::domain::organization::facts::Path;
use diesel::prelude::*;

/// Takes the shared lock on appointments until the transaction ends. So an entry still belongs in the inbox it was put
/// in when the transaction commits. Call it before any row is locked.
pub fn lock_offices_shared(conn: &mut Conn) -> QueryResult<()> {
    locks::lock_shared(conn, AdvisoryLock::Offices)
}

/// Takes the exclusive lock on appointments. Waits for every transaction that called [`lock_offices_shared`]. Call it
/// before any row is locked.
pub fn lock_offices(conn: &mut Conn) -> QueryResult<()> {
    locks::lock_exclusive(conn, AdvisoryLock::Offices)
}

/// An appointment as stored, with the person's name.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = appointments, check_for_backend(Backend))]
pub struct Appointment {
    pub id: AppointmentId,
    pub account_id: AccountId,
    pub organization_id: OrganizationId,
    pub started_at: Micros,
    pub ended_at: Option<Micros>,
    pub appointed_by: Option<AccountId>,
    pub role: OfficeRole,
    #[diesel(select_expression = accounts::name)]
    pub account_name: String,
    #[diesel(select_expression = accounts::status)]
    pub account_status: AccountStatus,
}

/// Prints the key only, to keep personal data out of the logs.
impl std::fmt::Debug for Appointment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Appointment({:?})", self.id)
    }
}

/// One appointment.
pub fn find(conn: &mut Conn, id: AppointmentId) -> QueryResult<Option<Appointment>> {
    appointments::table
        .inner_join(accounts::table.on(accounts::id.eq(appointments::account_id)))
        .filter(appointments::id.eq(id))
        .select(Appointment::as_select())
        .first(conn)
        .optional()
}

/// A page of an organization's appointments in force after `after`, earliest first.
pub fn page(
    conn: &mut Conn,
    organization: OrganizationId,
    after: AppointmentId,
    limit: i64,
) -> QueryResult<Vec<Appointment>> {
    appointments::table
        .inner_join(accounts::table.on(accounts::id.eq(appointments::account_id)))
        .filter(appointments::organization_id.eq(organization))
        .filter(appointments::ended_at.is_null())
        .filter(appointments::id.gt(after))
        .order(appointments::id)
        .limit(limit)
        .select(Appointment::as_select())
        .load(conn)
}

/// Whether the member whom a case is about holds an office.
pub fn has_office(conn: &mut Conn, case: TransferId) -> QueryResult<bool> {
    let held = transfers::table
        .inner_join(accounts::table.on(accounts::member_id.eq(transfers::member_id)))
        .inner_join(appointments::table.on(appointments::account_id.eq(accounts::id)))
        .filter(transfers::id.eq(case))
        .filter(appointments::ended_at.is_null())
        .select(appointments::id);
    diesel::select(diesel::dsl::exists(held)).get_result(conn)
}

/// The administrator of an organization who has been in office longest and is not blocked, with the organization's name.
pub fn first_administrator(conn: &mut Conn, organization: OrganizationId) -> QueryResult<Option<(String, String)>> {
    appointments::table
        .inner_join(accounts::table.on(accounts::id.eq(appointments::account_id)))
        .inner_join(organizations::table.on(organizations::id.eq(appointments::organization_id)))
        .filter(appointments::organization_id.eq(organization))
        .filter(appointments::ended_at.is_null())
        .filter(appointments::role.eq(OfficeRole::Administrator))
        .filter(accounts::status.eq(AccountStatus::Active))
        .order(appointments::id)
        .select((accounts::name, organizations::name))
        .first(conn)
        .optional()
}

/// An office in force with its organization and its holder's name.
pub struct Administering {
    pub appointment: AppointmentId,
    pub role: OfficeRole,
    pub since: Micros,
    pub account: AccountId,
    pub holder_name: String,
    pub organization: OrganizationId,
    pub organization_name: String,
}

/// A page of the offices in force after `after`, earliest first: all, or those at an organization and below it.
pub fn administering(
    conn: &mut Conn,
    within: Option<&Path>,
    after: AppointmentId,
    limit: i64,
) -> QueryResult<Vec<Administering>> {
    let mut query = appointments::table
        .inner_join(accounts::table.on(accounts::id.eq(appointments::account_id)))
        .inner_join(organizations::table.on(organizations::id.eq(appointments::organization_id)))
        .filter(appointments::ended_at.is_null())
        .filter(appointments::id.gt(after))
        .into_boxed();
    if let Some(root) = within {
        let (from, until) = subtree(root);
        query = query.filter(organizations::path.ge(from).and(organizations::path.lt(until)));
    }
    let rows = query
        .order(appointments::id)
        .limit(limit)
        .select((
            appointments::id,
            appointments::role,
            appointments::started_at,
            accounts::id,
            accounts::name,
            organizations::id,
            organizations::name,
        ))
        .load::<(_, _, _, _, _, _, _)>(conn)?;
    let office = |(appointment, role, since, account, holder_name, organization, organization_name)| Administering {
        appointment,
        role,
        since,
        account,
        holder_name,
        organization,
        organization_name,
    };
    Ok(rows.into_iter().map(office).collect())
}

/// The appointment that an account holds at an organization now.
pub fn held(conn: &mut Conn, organization: OrganizationId, account: AccountId) -> QueryResult<Option<AppointmentId>> {
    appointments::table
        .filter(appointments::organization_id.eq(organization))
        .filter(appointments::account_id.eq(account))
        .filter(appointments::ended_at.is_null())
        .select(appointments::id)
        .first(conn)
        .optional()
}

/// Begins an appointment.
pub fn begin(
    conn: &mut Conn,
    organization: OrganizationId,
    account: AccountId,
    role: OfficeRole,
    by: Option<AccountId>,
    now: Timestamp,
) -> QueryResult<AppointmentId> {
    diesel::insert_into(appointments::table)
        .values((
            appointments::account_id.eq(account),
            appointments::organization_id.eq(organization),
            appointments::started_at.eq(Micros::from(now)),
            appointments::appointed_by.eq(by),
            appointments::role.eq(role),
        ))
        .returning(appointments::id)
        .get_result(conn)
}

/// Ends an appointment.
pub fn end(conn: &mut Conn, id: AppointmentId, now: Timestamp) -> QueryResult<()> {
    diesel::update(appointments::table.find(id))
        .set(appointments::ended_at.eq(Micros::from(now)))
        .execute(conn)?;
    Ok(())
}

/// Ends every appointment at an organization that is being closed.
pub fn end_all(conn: &mut Conn, organization: OrganizationId, now: Timestamp) -> QueryResult<()> {
    let in_force = appointments::table
        .filter(appointments::organization_id.eq(organization))
        .filter(appointments::ended_at.is_null());
    diesel::update(in_force)
        .set(appointments::ended_at.eq(Micros::from(now)))
        .execute(conn)?;
    Ok(())
}

/// A request as stored, with the names of its person and its organization.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = appointment_requests, check_for_backend(Backend))]
pub struct StoredRequest {
    pub id: AppointmentRequestId,
    pub organization_id: OrganizationId,
    pub kind: RequestKind,
    pub account_id: Option<AccountId>,
    pub proposer_account_id: AccountId,
    pub proposed_at: Micros,
    pub state: RequestState,
    pub decider_account_id: Option<AccountId>,
    pub decider_organization_id: Option<OrganizationId>,
    pub decided_at: Option<Micros>,
    pub decision_reason: Option<String>,
    pub version: i32,
    pub role: OfficeRole,
    pub answered_at: Option<Micros>,
    pub person_name: Option<String>,
    #[diesel(select_expression = accounts::name.nullable())]
    pub account_name: Option<String>,
    #[diesel(select_expression = organizations::name)]
    pub organization_name: String,
}

/// Prints the key only, to keep personal data out of the logs.
impl std::fmt::Debug for StoredRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredRequest({:?})", self.id)
    }
}

impl StoredRequest {
    /// The name of the person it is about.
    pub fn name(&self) -> &str {
        let name = self.account_name.as_deref().or(self.person_name.as_deref());
        name.unwrap_or_default()
    }

    /// The facts that the rules need.
    pub fn request(&self) -> AppointmentRequest {
        AppointmentRequest {
            kind: self.kind,
            role: self.role,
            about: self.account_id,
            proposed_by: self.proposer_account_id,
            state: self.state,
        }
    }
}

impl PendingRow for StoredRequest {
    const KIND: &'static str = "appointment";
    type Id = AppointmentRequestId;

    fn affected(conn: &mut Conn, affected: &Affected<'_>) -> QueryResult<Vec<AppointmentRequestId>> {
        use appointment_requests::dsl;
        let rows =
            dsl::appointment_requests.inner_join(organizations::table.on(organizations::id.eq(dsl::organization_id)));
        let waits = dsl::state.eq(RequestState::Open);
        waiting_in!(conn, affected, rows, dsl::id, waits, organizations::path, Self::KIND)
    }

    fn find_locked(conn: &mut Conn, id: AppointmentRequestId) -> QueryResult<Option<Self>> {
        // Locks the request only, not the rows joined to it.
        let row = appointment_requests::table.find(id).select(appointment_requests::id);
        let locked: Option<AppointmentRequestId> = Locked(row).get_result(conn).optional()?;
        locked.map_or(Ok(None), |id| request(conn, id))
    }

    fn is_open(&self) -> bool {
        self.state == RequestState::Open
    }
}

/// A person without an account whom a request is about. The ID number is sealed.
pub struct RequestedPerson<'a> {
    pub name: &'a str,
    pub id_number_digest: &'a [u8],
}

/// Stores a new request. Violates a unique index if one about this person is open.
pub fn open_request(
    conn: &mut Conn,
    organization: OrganizationId,
    request: &AppointmentRequest,
    person: Option<&RequestedPerson<'_>>,
    now: Timestamp,
) -> QueryResult<AppointmentRequestId> {
    use appointment_requests::dsl;
    diesel::insert_into(dsl::appointment_requests)
        .values((
            dsl::organization_id.eq(organization),
            dsl::kind.eq(request.kind),
            dsl::role.eq(request.role),
            dsl::account_id.eq(request.about),
            dsl::proposer_account_id.eq(request.proposed_by),
            dsl::proposed_at.eq(Micros::from(now)),
            dsl::state.eq(request.state),
            dsl::person_name.eq(person.map(|person| person.name)),
            dsl::id_number_digest.eq(person.map(|person| person.id_number_digest)),
        ))
        .returning(dsl::id)
        .get_result(conn)
}

/// The sealed ID number of the person whom an open request names; none if they have an account.
pub fn requested_number(conn: &mut Conn, id: AppointmentRequestId) -> QueryResult<Option<Vec<u8>>> {
    use appointment_requests::dsl;
    dsl::appointment_requests
        .find(id)
        .select(dsl::id_number_sealed)
        .first(conn)
}

/// Stores the account of the person whom a request named without one.
pub fn set_requested_account(conn: &mut Conn, id: AppointmentRequestId, account: AccountId) -> QueryResult<()> {
    use appointment_requests::dsl;
    diesel::update(dsl::appointment_requests.find(id))
        .set(dsl::account_id.eq(account))
        .execute(conn)?;
    forget_number(conn, id)
}

/// Removes the ID number that a request holds: the person has an account, or nothing came of it.
pub fn forget_number(conn: &mut Conn, id: AppointmentRequestId) -> QueryResult<()> {
    use appointment_requests::dsl;
    diesel::update(dsl::appointment_requests.find(id))
        .set((
            dsl::id_number_sealed.eq(None::<Vec<u8>>),
            dsl::id_number_digest.eq(None::<Vec<u8>>),
        ))
        .execute(conn)?;
    Ok(())
}

/// One request.
pub fn request(conn: &mut Conn, id: AppointmentRequestId) -> QueryResult<Option<StoredRequest>> {
    appointment_requests::table
        .left_join(accounts::table.on(accounts::id.nullable().eq(appointment_requests::account_id)))
        .inner_join(organizations::table.on(organizations::id.eq(appointment_requests::organization_id)))
        .filter(appointment_requests::id.eq(id))
        .select(StoredRequest::as_select())
        .first(conn)
        .optional()
}

/// Stores a decision if the request still has the version that was decided on. Returns whether it had.
pub fn close_request(conn: &mut Conn, found: &StoredRequest, decided: &DecidedRequest) -> QueryResult<bool> {
    let reason = decided.reason.as_ref();
    close!(
        conn,
        appointment_requests,
        found,
        decided.state,
        &decided.decision,
        reason
    )
}

/// The open requests at an organization, for one account or for all.
pub fn open_requests(
    conn: &mut Conn,
    organization: OrganizationId,
    account: Option<AccountId>,
) -> QueryResult<Vec<AppointmentRequestId>> {
    use appointment_requests::dsl;
    let mut query = dsl::appointment_requests
        .filter(dsl::organization_id.eq(organization))
        .filter(dsl::state.eq_any([RequestState::Open, RequestState::AwaitingConsent]))
        .order(dsl::id)
        .select(dsl::id)
        .into_boxed();
    if let Some(account) = account {
        // A request may still name the person by their number.
        let number = accounts::table.find(account).select(accounts::id_number_digest);
        let is_theirs = dsl::account_id
            .eq(account)
            .or(dsl::id_number_digest.eq(number.single_value()));
        query = query.filter(is_theirs.assume_not_null());
    }
    query.load(conn)
}

/// The requests that wait for a person's consent, earliest first. One organization makes at most one.
pub fn offers(conn: &mut Conn, account: AccountId) -> QueryResult<Vec<StoredRequest>> {
    appointment_requests::table
        .left_join(accounts::table.on(accounts::id.nullable().eq(appointment_requests::account_id)))
        .inner_join(organizations::table.on(organizations::id.eq(appointment_requests::organization_id)))
        .filter(appointment_requests::account_id.eq(account))
        .filter(appointment_requests::state.eq(RequestState::AwaitingConsent))
        .order(appointment_requests::id)
        .limit(MOST_OFFERS)
        .select(StoredRequest::as_select())
        .load(conn)
}

/// More than this nobody reads.
const MOST_OFFERS: i64 = 20;

/// The request with this id, if it is about this person.
pub fn about(
    conn: &mut Conn,
    id: AppointmentRequestId,
    account: AccountId,
) -> QueryResult<Option<AppointmentRequestId>> {
    appointment_requests::table
        .find(id)
        .filter(appointment_requests::account_id.eq(account))
        .select(appointment_requests::id)
        .first(conn)
        .optional()
}

/// Stores the person's answer if the request still has the version that they answered.
pub fn answer_request(
    conn: &mut Conn,
    found: &StoredRequest,
    state: RequestState,
    now: Timestamp,
) -> QueryResult<bool> {
    use appointment_requests::dsl;
    let row = dsl::appointment_requests
        .find(found.id)
        .filter(dsl::version.eq(found.version));
    let changed = diesel::update(row)
        .set((
            dsl::state.eq(state),
            dsl::answered_at.eq(Micros::from(now)),
            dsl::version.eq(found.version + 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Closes an open request that something other than a decision has settled.
pub fn lapse(conn: &mut Conn, id: AppointmentRequestId, now: Timestamp) -> QueryResult<()> {
    use appointment_requests::dsl;
    diesel::update(dsl::appointment_requests.find(id))
        .set((
            dsl::state.eq(RequestState::Lapsed),
            dsl::decided_at.eq(Micros::from(now)),
            dsl::version.eq(dsl::version + 1),
        ))
        .execute(conn)?;
    forget_number(conn, id)
}
