//! Accounts, and the offices of persons.

use crate::db::schema::{accounts, appointments, organizations};
use crate::db::types::Micros;
use crate::db::{Backend, Conn};
use crate::domain::actor::{AccountKind, Office};
use crate::domain::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::organization::{Kind, Path};
use diesel::prelude::*;

/// An account as stored, without what it signs in with.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = accounts, check_for_backend(Backend))]
pub struct Account {
    pub id: AccountId,
    pub kind: AccountKind,
    pub member_id: Option<MemberId>,
    pub name: String,
    pub must_change_password: bool,
    pub status: String,
    pub created_at: Micros,
}

/// An office in force with its organization's name.
#[derive(Debug, Clone)]
pub struct HeldOffice {
    pub office: Office,
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

/// The names of some people.
pub fn names(conn: &mut Conn, ids: &[AccountId]) -> QueryResult<Vec<(AccountId, String)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    accounts::table
        .filter(accounts::id.eq_any(ids))
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

/// The account with this ID number and the hash of its password.
pub fn by_id_number(conn: &mut Conn, digest: &[u8]) -> QueryResult<Option<(Account, Option<String>)>> {
    accounts::table
        .filter(accounts::id_number_digest.eq(digest))
        .select((Account::as_select(), accounts::password_hash))
        .first(conn)
        .optional()
}

type OfficeColumns = (AppointmentId, OrganizationId, Path, Kind, String, Micros);

fn held((appointment, organization, path, kind, organization_name, since): OfficeColumns) -> HeldOffice {
    HeldOffice {
        office: Office {
            appointment,
            organization,
            path,
            kind,
        },
        organization_name,
        since,
    }
}

/// The offices an account holds, earliest first.
pub fn offices(conn: &mut Conn, account: AccountId) -> QueryResult<Vec<HeldOffice>> {
    let rows: Vec<OfficeColumns> = appointments::table
        .inner_join(organizations::table)
        .filter(appointments::account_id.eq(account))
        .filter(appointments::ended_at.is_null())
        .order(appointments::id)
        .select((
            appointments::id,
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
