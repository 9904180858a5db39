//! Credentials of integrators (X1, X2), each with the account it acts as and its secrets.

use crate::db::columns::Micros;
use crate::db::schema::{accounts, integrator_secrets, integrators, organizations};
use crate::db::{Backend, Conn};
use crate::domain::account::AccountStatus;
use crate::domain::authority::actor::AccountKind;
use crate::domain::authority::scope::Reach;
use crate::domain::core::ids::{AccountId, IntegratorSecretId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::Path;
use diesel::prelude::*;

/// A credential as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = integrators, check_for_backend(Backend))]
pub struct Integrator {
    pub account_id: AccountId,
    pub organization_id: OrganizationId,
    pub province: Option<i32>,
    pub created_at: Micros,
    pub expires_at: Option<Micros>,
    pub revoked_at: Option<Micros>,
    /// Separated by spaces.
    pub scopes: String,
    pub reach: Reach,
}

/// A secret of a credential as stored, without its digest.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = integrator_secrets, check_for_backend(Backend))]
pub struct Secret {
    pub id: IntegratorSecretId,
    pub account_id: AccountId,
    pub created_at: Micros,
    pub expires_at: Option<Micros>,
    pub retired_at: Option<Micros>,
    pub last_used_at: Option<Micros>,
}

/// A credential with its name and the name of its organization.
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
    pub scopes: &'a str,
    pub reach: Reach,
    pub expires_at: Option<Timestamp>,
}

/// A secret to be stored.
pub struct NewSecret<'a> {
    pub account: AccountId,
    pub digest: &'a [u8],
    pub expires_at: Option<Timestamp>,
}

/// Stores a new credential and its account.
pub fn insert(conn: &mut Conn, new: &NewIntegrator<'_>, now: Timestamp) -> QueryResult<AccountId> {
    let account: AccountId = diesel::insert_into(accounts::table)
        .values((
            accounts::kind.eq(AccountKind::Integrator),
            accounts::name.eq(new.name),
            accounts::must_change_password.eq(false),
            accounts::status.eq(AccountStatus::Active),
            accounts::created_at.eq(Micros::from(now)),
        ))
        .returning(accounts::id)
        .get_result(conn)?;
    diesel::insert_into(integrators::table)
        .values((
            integrators::account_id.eq(account),
            integrators::organization_id.eq(new.organization),
            integrators::province.eq(new.province.map(i32::from)),
            integrators::created_at.eq(Micros::from(now)),
            integrators::expires_at.eq(new.expires_at.map(Micros::from)),
            integrators::scopes.eq(new.scopes),
            integrators::reach.eq(new.reach),
        ))
        .execute(conn)?;
    Ok(account)
}

/// Stores a secret's digest.
pub fn insert_secret(conn: &mut Conn, new: &NewSecret<'_>, now: Timestamp) -> QueryResult<IntegratorSecretId> {
    diesel::insert_into(integrator_secrets::table)
        .values((
            integrator_secrets::account_id.eq(new.account),
            integrator_secrets::secret_digest.eq(new.digest),
            integrator_secrets::created_at.eq(Micros::from(now)),
            integrator_secrets::expires_at.eq(new.expires_at.map(Micros::from)),
        ))
        .returning(integrator_secrets::id)
        .get_result(conn)
}

/// One credential.
pub fn find(conn: &mut Conn, account: AccountId) -> QueryResult<Option<Integrator>> {
    integrators::table
        .find(account)
        .select(Integrator::as_select())
        .first(conn)
        .optional()
}

/// One credential, with the path of its organization.
pub fn with_path(conn: &mut Conn, account: AccountId) -> QueryResult<Option<(Integrator, Path)>> {
    integrators::table
        .inner_join(organizations::table)
        .filter(integrators::account_id.eq(account))
        .select((Integrator::as_select(), organizations::path))
        .first(conn)
        .optional()
}

/// One credential, locked so that one transaction at a time counts and changes its secrets.
pub fn lock(conn: &mut Conn, account: AccountId) -> QueryResult<Option<Integrator>> {
    // An update that changes nothing locks the row on both engines.
    let row = integrators::table.find(account);
    diesel::update(row)
        .set(integrators::created_at.eq(integrators::created_at))
        .execute(conn)?;
    find(conn, account)
}

/// The secrets of some credentials, earliest first.
pub fn secrets(conn: &mut Conn, accounts: &[AccountId]) -> QueryResult<Vec<Secret>> {
    integrator_secrets::table
        .filter(integrator_secrets::account_id.eq_any(accounts.iter().map(|account| account.0)))
        .order(integrator_secrets::id)
        .select(Secret::as_select())
        .load(conn)
}

/// The secrets of a credential with their digests, except retired ones.
pub fn digests(conn: &mut Conn, account: AccountId) -> QueryResult<Vec<(Secret, Vec<u8>)>> {
    integrator_secrets::table
        .filter(integrator_secrets::account_id.eq(account))
        .filter(integrator_secrets::retired_at.is_null())
        .order(integrator_secrets::id)
        .select((Secret::as_select(), integrator_secrets::secret_digest))
        .load(conn)
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

/// A page of credentials, latest first.
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

/// Ends a credential now. One that ended earlier stays unchanged.
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

/// The credentials of an organization that were not revoked.
pub fn valid_of(conn: &mut Conn, organization: OrganizationId) -> QueryResult<Vec<AccountId>> {
    integrators::table
        .filter(integrators::organization_id.eq(organization))
        .filter(integrators::revoked_at.is_null())
        .order(integrators::account_id)
        .select(integrators::account_id)
        .load(conn)
}

/// Retires a secret now. One that was retired earlier stays unchanged.
pub fn retire(conn: &mut Conn, secret: IntegratorSecretId, now: Timestamp) -> QueryResult<()> {
    diesel::update(
        integrator_secrets::table
            .find(secret)
            .filter(integrator_secrets::retired_at.is_null()),
    )
    .set(integrator_secrets::retired_at.eq(Micros::from(now)))
    .execute(conn)?;
    Ok(())
}

/// Records that a secret was used now.
pub fn used(conn: &mut Conn, secret: IntegratorSecretId, now: Timestamp) -> QueryResult<()> {
    diesel::update(integrator_secrets::table.find(secret))
        .set(integrator_secrets::last_used_at.eq(Micros::from(now)))
        .execute(conn)?;
    Ok(())
}
