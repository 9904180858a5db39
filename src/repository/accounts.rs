//! Accounts, their offices and their one-time codes.

use crate::db::columns::Micros;
use crate::db::in_padded;
use crate::db::schema::{accounts, appointments, organizations, reset_code_requests, reset_codes};
use crate::db::sql::locks::{Locked, lock_name};
use crate::db::{Backend, Conn};
use crate::domain::account::AccountStatus;
use crate::domain::authority::actor::{AccountKind, Office};
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::domain::office::OfficeRole;
use crate::domain::organization::facts::{OrganizationKind, Path};
use diesel::prelude::*;

/// An account as stored, without its secrets.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = accounts, check_for_backend(Backend))]
pub struct Account {
    pub id: AccountId,
    pub kind: AccountKind,
    pub member_id: Option<MemberId>,
    pub name: String,
    pub must_change_password: bool,
    pub status: AccountStatus,
    pub created_at: Micros,
}

/// An office in force, with its organization's name.
#[derive(Debug, Clone)]
pub struct HeldOffice {
    pub office: Office,
    pub role: OfficeRole,
    pub organization_name: String,
    pub since: Micros,
}

/// One account.
pub fn find(conn: &mut Conn, id: AccountId) -> QueryResult<Option<Account>> {
    accounts::table
        .find(id)
        .select(Account::as_select())
        .first(conn)
        .optional()
}

/// Locks an account's row until the transaction ends. Whatever reads an account's state and acts on it comes here first.
pub fn lock(conn: &mut Conn, id: AccountId) -> QueryResult<()> {
    let row = accounts::table.find(id).select(accounts::id);
    Locked(row).get_result::<AccountId>(conn).optional().map(drop)
}

/// Locks an ID number, given by its digest, until the transaction ends. Accounts for one number are made one by one.
pub fn lock_number(conn: &mut Conn, digest: &[u8]) -> QueryResult<()> {
    let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    lock_name(conn, &name)
}

/// The names of several people.
pub fn names(conn: &mut Conn, ids: &[AccountId]) -> QueryResult<Vec<(AccountId, String)>> {
    accounts::table
        .filter(in_padded(accounts::id, ids.iter().map(|id| id.0)))
        .select((accounts::id, accounts::name))
        .load(conn)
}

/// The account of a member.
pub fn of_member(conn: &mut Conn, member: MemberId) -> QueryResult<Option<AccountId>> {
    accounts::table
        .filter(accounts::member_id.eq(member))
        .select(accounts::id)
        .first(conn)
        .optional()
}

/// Whether a member's account is blocked.
pub fn is_blocked(conn: &mut Conn, member: MemberId) -> QueryResult<bool> {
    let blocked: Option<AccountId> = accounts::table
        .filter(accounts::member_id.eq(member))
        .filter(accounts::status.eq(AccountStatus::Blocked))
        .select(accounts::id)
        .first(conn)
        .optional()?;
    Ok(blocked.is_some())
}

/// The account with this ID number, and its password hash.
pub fn by_id_number(conn: &mut Conn, digest: &[u8]) -> QueryResult<Option<(Account, Option<String>)>> {
    accounts::table
        .filter(accounts::id_number_digest.eq(digest))
        .select((Account::as_select(), accounts::password_hash))
        .first(conn)
        .optional()
}

/// The password hash of an account and its sealed ID number. An integrator's account has neither.
pub fn secrets(conn: &mut Conn, id: AccountId) -> QueryResult<(Option<String>, Option<Vec<u8>>)> {
    accounts::table
        .find(id)
        .select((accounts::password_hash, accounts::id_number_sealed))
        .first(conn)
}

/// The member whose account it is.
pub fn member(conn: &mut Conn, id: AccountId) -> QueryResult<Option<MemberId>> {
    accounts::table.find(id).select(accounts::member_id).first(conn)
}

/// An account to be created. It has no password: its owner sets one with a one-time code (O5). It has no sealed number
/// either: that of a member is in the member's row, and another is sealed for the account when this has a key.
pub struct NewAccount<'a> {
    pub member: Option<MemberId>,
    pub name: &'a str,
    pub id_number_digest: &'a [u8],
}

/// Stores a new account for a person.
pub fn create(conn: &mut Conn, new: &NewAccount<'_>, now: Timestamp) -> QueryResult<AccountId> {
    diesel::insert_into(accounts::table)
        .values((
            accounts::kind.eq(AccountKind::Person),
            accounts::member_id.eq(new.member),
            accounts::name.eq(new.name),
            accounts::id_number_digest.eq(new.id_number_digest),
            accounts::must_change_password.eq(false),
            accounts::status.eq(AccountStatus::Active),
            accounts::created_at.eq(Micros::from(now)),
        ))
        .returning(accounts::id)
        .get_result(conn)
}

/// Joins an account to the member its owner has become. The member's name is the registered one.
pub fn set_member(conn: &mut Conn, id: AccountId, member: MemberId, name: &str) -> QueryResult<()> {
    diesel::update(accounts::table.find(id))
        .set((accounts::member_id.eq(member), accounts::name.eq(name)))
        .execute(conn)?;
    Ok(())
}

/// The row of an account that is nobody's yet: it has no member, no password and no office.
macro_rules! unclaimed {
    ($id:expr) => {{
        let in_force = appointments::table
            .filter(appointments::account_id.eq($id))
            .filter(appointments::ended_at.is_null());
        accounts::table
            .find($id)
            .filter(accounts::member_id.is_null())
            .filter(accounts::password_hash.is_null())
            .filter(diesel::dsl::not(diesel::dsl::exists(in_force)))
    }};
}

/// Whether an account is nobody's yet.
pub fn is_unclaimed(conn: &mut Conn, id: AccountId) -> QueryResult<bool> {
    let row = unclaimed!(id).select(accounts::id);
    diesel::select(diesel::dsl::exists(row)).get_result(conn)
}

/// Renames an account that is nobody's yet. Returns whether it is one.
pub fn rename_unclaimed(conn: &mut Conn, id: AccountId, name: &str) -> QueryResult<bool> {
    Ok(diesel::update(unclaimed!(id))
        .set(accounts::name.eq(name))
        .execute(conn)?
        == 1)
}

/// Stores the hash of a new password.
pub fn set_password(conn: &mut Conn, id: AccountId, hash: &str) -> QueryResult<()> {
    diesel::update(accounts::table.find(id))
        .set((
            accounts::password_hash.eq(hash),
            accounts::must_change_password.eq(false),
        ))
        .execute(conn)?;
    Ok(())
}

/// Removes an account's password.
pub fn clear_password(conn: &mut Conn, id: AccountId) -> QueryResult<()> {
    diesel::update(accounts::table.find(id))
        .set((
            accounts::password_hash.eq(None::<String>),
            accounts::must_change_password.eq(false),
        ))
        .execute(conn)?;
    Ok(())
}

/// Changes an account's status from `from` to `to`. Returns false if the status was not `from`. Of several concurrent
/// calls, one gets true.
pub fn set_status_from(conn: &mut Conn, id: AccountId, from: AccountStatus, to: AccountStatus) -> QueryResult<bool> {
    let row = accounts::table.find(id).filter(accounts::status.eq(from));
    let changed = diesel::update(row).set(accounts::status.eq(to)).execute(conn)?;
    Ok(changed == 1)
}

/// Stores the digest of a one-time code. It voids the account's earlier codes (O5).
pub fn add_code(
    conn: &mut Conn,
    account: AccountId,
    digest: &[u8],
    by: (Option<AccountId>, Option<OrganizationId>),
    now: Timestamp,
) -> QueryResult<()> {
    diesel::insert_into(reset_codes::table)
        .values((
            reset_codes::account_id.eq(account),
            reset_codes::code_digest.eq(digest),
            reset_codes::issued_at.eq(Micros::from(now)),
            reset_codes::issued_by.eq(by.0),
            reset_codes::organization_id.eq(by.1),
        ))
        .execute(conn)?;
    Ok(())
}

/// The newest one-time code of an account.
#[derive(Queryable, Selectable)]
#[diesel(table_name = reset_codes, check_for_backend(Backend))]
pub struct ResetCode {
    pub id: i64,
    pub code_digest: Vec<u8>,
    pub issued_at: Micros,
    pub used_at: Option<Micros>,
}

/// The newest one-time code of an account, locked until the transaction ends.
pub fn newest_code(conn: &mut Conn, account: AccountId) -> QueryResult<Option<ResetCode>> {
    let newest = reset_codes::table
        .filter(reset_codes::account_id.eq(account))
        .order(reset_codes::id.desc())
        .limit(1)
        .select(ResetCode::as_select());
    Locked(newest).get_result(conn).optional()
}

/// Marks a code as used.
pub fn use_code(conn: &mut Conn, id: i64, now: Timestamp) -> QueryResult<()> {
    diesel::update(reset_codes::table.find(id))
        .set(reset_codes::used_at.eq(Micros::from(now)))
        .execute(conn)?;
    Ok(())
}

/// Voids an account's unused one-time codes. That they were issued stays on record.
pub fn void_codes(conn: &mut Conn, account: AccountId) -> QueryResult<()> {
    let unused = reset_codes::table
        .filter(reset_codes::account_id.eq(account))
        .filter(reset_codes::used_at.is_null());
    // No digest is empty.
    diesel::update(unused)
        .set(reset_codes::code_digest.eq(Vec::new()))
        .execute(conn)?;
    end_code_request(conn, account)
}

/// Who requested a one-time code for an account that two administrators must agree to, and when.
pub fn code_request(conn: &mut Conn, account: AccountId) -> QueryResult<Option<(AccountId, Micros)>> {
    reset_code_requests::table
        .find(account)
        .select((
            reset_code_requests::requester_account_id,
            reset_code_requests::requested_at,
        ))
        .first(conn)
        .optional()
}

/// Stores such a request. There must be none for the account, and its row must be locked ([`lock`]).
pub fn begin_code_request(
    conn: &mut Conn,
    account: AccountId,
    by: AccountId,
    at: OrganizationId,
    now: Timestamp,
) -> QueryResult<()> {
    diesel::insert_into(reset_code_requests::table)
        .values((
            reset_code_requests::account_id.eq(account),
            reset_code_requests::requester_account_id.eq(by),
            reset_code_requests::organization_id.eq(at),
            reset_code_requests::requested_at.eq(Micros::from(now)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Deletes the request for an account, if there is one.
pub fn end_code_request(conn: &mut Conn, account: AccountId) -> QueryResult<()> {
    diesel::delete(reset_code_requests::table.find(account)).execute(conn)?;
    Ok(())
}

/// A notice that a one-time code was issued: for which organization, when, and whether it was used.
#[derive(Debug, Clone, Queryable)]
pub struct CodeNotice {
    pub issued_at: Micros,
    pub used_at: Option<Micros>,
    pub organization_id: Option<OrganizationId>,
    pub organization_name: Option<String>,
}

/// The codes issued for an account since an instant, latest first (O5).
pub fn codes_since(conn: &mut Conn, account: AccountId, since: Timestamp) -> QueryResult<Vec<CodeNotice>> {
    reset_codes::table
        .left_join(organizations::table.on(reset_codes::organization_id.eq(organizations::id.nullable())))
        .filter(reset_codes::account_id.eq(account))
        .filter(reset_codes::issued_at.ge(Micros::from(since)))
        .order(reset_codes::id.desc())
        .limit(MOST_NOTICES)
        .select((
            reset_codes::issued_at,
            reset_codes::used_at,
            reset_codes::organization_id,
            organizations::name.nullable(),
        ))
        .load(conn)
}

/// The largest number of notices that a query returns. Nobody reads more.
const MOST_NOTICES: i64 = 20;

type OfficeColumns = (
    AppointmentId,
    OfficeRole,
    OrganizationId,
    Path,
    OrganizationKind,
    String,
    Micros,
);

fn held((appointment, role, organization, path, kind, organization_name, since): OfficeColumns) -> HeldOffice {
    HeldOffice {
        office: Office {
            appointment,
            organization,
            path,
            kind,
        },
        role,
        organization_name,
        since,
    }
}

/// The offices that an account holds, earliest first.
pub fn offices(conn: &mut Conn, account: AccountId) -> QueryResult<Vec<HeldOffice>> {
    let rows: Vec<OfficeColumns> = appointments::table
        .inner_join(organizations::table)
        .filter(appointments::account_id.eq(account))
        .filter(appointments::ended_at.is_null())
        .order(appointments::id)
        .select((
            appointments::id,
            appointments::role,
            organizations::id,
            organizations::path,
            organizations::kind,
            organizations::name,
            appointments::started_at,
        ))
        .load(conn)?;
    Ok(rows.into_iter().map(held).collect())
}

/// One of an account's offices, if it is in force.
pub fn office(conn: &mut Conn, account: AccountId, appointment: AppointmentId) -> QueryResult<Option<HeldOffice>> {
    let row: Option<OfficeColumns> = appointments::table
        .inner_join(organizations::table)
        .filter(appointments::id.eq(appointment))
        .filter(appointments::account_id.eq(account))
        .filter(appointments::ended_at.is_null())
        .select((
            appointments::id,
            appointments::role,
            organizations::id,
            organizations::path,
            organizations::kind,
            organizations::name,
            appointments::started_at,
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(held))
}
