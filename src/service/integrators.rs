//! Other systems (对接系统): each has a credential bound to an organization, and acts as an account of its own (X1, X2).

use super::{Context, Error, Result, audit, may};
use crate::db::Conn;
use crate::domain::actor::{Actor, Role};
use crate::domain::authority::{Action, Object};
use crate::domain::codes::Code;
use crate::domain::ids::{AccountId, OrganizationId};
use crate::domain::organization::{Kind, Level};
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
pub use crate::repository::integrators::Named;
use crate::repository::integrators::{self, Integrator, NewIntegrator};
use crate::repository::organizations::{self, Organization};
use crate::security::tokens::Bearer;
use crate::security::vault::{Purpose, Vault};
use crate::security::{is_same, secret};

/// What a new credential is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What the other system is called.
    pub name: String,
    /// The organization it acts for.
    pub organization: OrganizationId,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A new credential with its secret, which nobody sees a second time.
pub struct Issued {
    /// The credential.
    pub integrator: Named,
    /// The secret.
    pub secret: String,
}

/// What another system signs in with.
pub struct Credential {
    /// Its account; a text that is none names nobody.
    pub client: Option<AccountId>,
    /// The secret.
    pub secret: String,
}

/// Issues a credential. It speaks for a province if its organization is the leading organ of Beijing, Guangdong or Fujian.
///
/// # Errors
/// `integrator.not_allowed` for anybody but the nation's own administrators; `organization.not_found`,
/// `organization.closed`.
pub fn issue(conn: &mut Conn, context: &Context, vault: &Vault, wanted: &Wanted) -> Result<Issued> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    let organization = organizations::find(conn, wanted.organization)?;
    let organization = organization.ok_or_else(|| Refusal::new(Code::OrganizationNotFound).at("/organization"))?;
    if !organization.facts().is_active() {
        return Err(Refusal::new(Code::OrganizationClosed).at("/organization").into());
    }
    let secret = secret();
    let new = NewIntegrator {
        name: &wanted.name,
        organization: organization.id,
        province: province_of(&organization),
        secret_digest: &vault.digest(Purpose::IntegratorSecret, &secret),
        expires_at: wanted.expires_at,
    };
    let account = integrators::insert(conn, &new, context.now)?;
    audit::record(conn, context, "integrator.issued", Some(&account.to_string()))?;
    let integrator = integrators::named(conn, account)?.ok_or(Error::Corrupt("a credential just stored"))?;
    Ok(Issued { integrator, secret })
}

/// The province an organization's system stands for: that whose leading organ it is, if it has a system of its own.
fn province_of(organization: &Organization) -> Option<u8> {
    let facts = organization.facts();
    let is_its_organ = facts.kind == Kind::LeadingOrgan && facts.level == Level::Province && facts.is_external();
    facts.province.filter(|_| is_its_organ)
}

/// A page of credentials, the latest first.
///
/// # Errors
/// `integrator.not_allowed`.
pub fn list(conn: &mut Conn, context: &Context, after: Option<AccountId>, limit: i64) -> Result<Vec<Named>> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    Ok(integrators::page(conn, after, limit)?)
}

/// Ends a credential, and every token it got, at once. One that was ended before stays so.
///
/// # Errors
/// `integrator.not_allowed`, `integrator.not_found`.
pub fn revoke(conn: &mut Conn, context: &Context, account: AccountId) -> Result<Named> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    integrators::revoke(conn, account, context.now)?;
    let revoked = integrators::named(conn, account)?.ok_or(Code::IntegratorNotFound)?;
    audit::record(conn, context, "integrator.revoked", Some(&account.to_string()))?;
    Ok(revoked)
}

/// Checks a credential.
///
/// # Errors
/// `request.sign_in_failed`, whatever is wrong with it: unknown, another secret, revoked, expired.
pub fn sign_in(conn: &mut Conn, vault: &Vault, credential: &Credential, now: Timestamp) -> Result<Bearer> {
    let client = credential.client.unwrap_or(AccountId(0));
    let given = vault.digest(Purpose::IntegratorSecret, &credential.secret);
    // Nobody's secret is the empty digest, and it is compared all the same.
    let (found, digest) = integrators::with_secret(conn, client)?.unzip();
    let fits = is_same(&given, &digest.unwrap_or_default());
    let found = found.filter(|integrator| fits && is_in_force(integrator, now));
    let integrator = found.ok_or(Code::RequestSignInFailed)?;
    Ok(Bearer {
        account: integrator.account_id,
        office: None,
    })
}

/// Notes that a credential was used to sign in.
///
/// # Errors
/// When the database fails.
pub fn note_use(conn: &mut Conn, bearer: Bearer, now: Timestamp) -> Result<()> {
    Ok(integrators::used(conn, bearer.account, now)?)
}

/// Another system as it may act now.
///
/// # Errors
/// `request.unauthenticated` when its credential was revoked or has expired.
pub fn actor(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<Actor> {
    let found = integrators::find(conn, account)?.filter(|integrator| is_in_force(integrator, now));
    let integrator = found.ok_or(Code::RequestUnauthenticated)?;
    let province = integrator.province.map(u8::try_from).transpose();
    Ok(Actor {
        account: Some(account),
        member: None,
        role: Role::Integrator {
            organization: integrator.organization_id,
            province: province.map_err(|_| Error::Corrupt("a credential's province"))?,
        },
    })
}

/// A credential ends at the very instant it expires.
fn is_in_force(integrator: &Integrator, now: Timestamp) -> bool {
    let has_expired = integrator.expires_at.is_some_and(|at| Timestamp::from(at) <= now);
    integrator.revoked_at.is_none() && !has_expired
}
