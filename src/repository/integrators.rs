//! Other systems' credentials (X1, X2), each with the account it acts as.

use crate::db::schema::{accounts, integrators, organizations};
use crate::db::types::Micros;
use crate::db::{Backend, Conn};
use crate::domain::actor::AccountKind;
use crate::domain::ids::{AccountId, OrganizationId};
use crate::domain::time::Timestamp;
use diesel::prelude::*;

/// A credential as stored, without its secret's digest.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = integrators, check_for_backend(Backend))]
pub struct Integrator {
    pub account_id: AccountId,
    pub organization_id: OrganizationId,
    pub province: Option<i32>,
    pub created_at: Micros,
    pub expires_at: Option<Micros>,
    pub revoked_at: Option<Micros>,
    pub last_used_at: Option<Micros>,
}

/// A credential with the names that belong to it.
#[derive(Debug, Clone)]
pub struct Named {
    pub integrator: Integrator,
    pub name: String,
    pub organization_name: String,
}

/// A credential to be stored for the first time.
pub struct NewIntegrator<'a> {
    pub name: &'a str,
    pub organization: OrganizationId,
    pub province: Option<u8>,
    pub secret_digest: &'a [u8],
    pub expires_at: Option<Timestamp>,
}

/// Stores a new credential and its account.
pub fn insert(conn: &mut Conn, new: &NewIntegrator<'_>, now: Timestamp) -> QueryResult<AccountId> {
    let account: AccountId = diesel::insert_into(accounts::table)
        .values((
            accounts::kind.eq(AccountKind::Integrator),
            accounts::name.eq(new.name),
            accounts::must_change_password.eq(false),
            accounts::status.eq("active"),
            accounts::created_at.eq(Micros::from(now)),
        ))
        .returning(accounts::id)
        .get_result(conn)?;
    diesel::insert_into(integrators::table)
        .values((
            integrators::account_id.eq(account),
            integrators::organization_id.eq(new.organization),
            integrators::province.eq(new.province.map(i32::from)),
            integrators::secret_digest.eq(new.secret_digest),
            integrators::created_at.eq(Micros::from(now)),
            integrators::expires_at.eq(new.expires_at.map(Micros::from)),
        ))
        .execute(conn)?;
    Ok(account)
}

/// One credential.
pub fn find(conn: &mut Conn, account: AccountId) -> QueryResult<Option<Integrator>> {
    integrators::table
        .find(account)
        .select(Integrator::as_select())
        .first(conn)
        .optional()
}

/// One credential and its secret's digest.
pub fn with_secret(conn: &mut Conn, account: AccountId) -> QueryResult<Option<(Integrator, Vec<u8>)>> {
    integrators::table
        .find(account)
        .select((Integrator::as_select(), integrators::secret_digest))
        .first(conn)
        .optional()
}

/// One credential with its names.
pub fn named(conn: &mut Conn, account: AccountId) -> QueryResult<Option<Named>> {
    let row: Option<(Integrator, String, String)> = integrators::table
        .inner_join(accounts::table)
        .inner_join(organizations::table)
        .filter(integrators::account_id.eq(account))
        .select((Integrator::as_select(), accounts::name, organizations::name))
        .first(conn)
        .optional()?;
    Ok(row.map(Named::from))
}

/// A page of credentials, the latest first.
pub fn page(conn: &mut Conn, after: Option<AccountId>, limit: i64) -> QueryResult<Vec<Named>> {
    let mut query = integrators::table
        .inner_join(accounts::table)
        .inner_join(organizations::table)
        .order(integrators::account_id.desc())
        .limit(limit)
        .select((Integrator::as_select(), accounts::name, organizations::name))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(integrators::account_id.lt(after));
    }
    let rows: Vec<(Integrator, String, String)> = query.load(conn)?;
    Ok(rows.into_iter().map(Named::from).collect())
}

impl From<(Integrator, String, String)> for Named {
    fn from((integrator, name, organization_name): (Integrator, String, String)) -> Self {
        Self {
            integrator,
            name,
            organization_name,
        }
    }
}

/// Ends a credential now, unless it was ended before.
pub fn revoke(conn: &mut Conn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    diesel::update(
        integrators::table
            .find(account)
            .filter(integrators::revoked_at.is_null()),
    )
    .set(integrators::revoked_at.eq(Micros::from(now)))
    .execute(conn)?;
    Ok(())
}

/// Notes that a credential was used now.
pub fn used(conn: &mut Conn, account: AccountId, now: Timestamp) -> QueryResult<()> {
    diesel::update(integrators::table.find(account))
        .set(integrators::last_used_at.eq(Micros::from(now)))
        .execute(conn)?;
    Ok(())
}
