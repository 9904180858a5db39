//! Integrators (对接系统). Each has a credential for one organization, and acts as an account of its own (X1, X2).

use super::accounts::attempts::{AttemptKind, AttemptOrigin, Guard};
use super::{Context, Error, Result, audit, may};
use crate::db::Conn;
use crate::db::columns::Micros;
use crate::domain::audit::AuditAction;
use crate::domain::authority::actor::{Actor, Role};
use crate::domain::authority::scope::{self, Grant, Reach, Scope};
use crate::domain::authority::{Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, IntegratorSecretId, OrganizationId};
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::{Level, OrganizationKind};
use crate::repository::integrators::{self, Integrator, NewIntegrator, NewSecret};
pub use crate::repository::integrators::{Named, Secret};
use crate::repository::organizations::{self, Organization};
use crate::security::tokens::Bearer;
use crate::security::vault::{SealPurpose, Vault};
use crate::security::{is_same, secret};
use chrono::TimeDelta;

/// The number of a credential's secrets that may be in force at once: the current one and its successor.
const SECRETS: usize = 2;
/// The shortest time between two records of a secret's use, so that not every sign-in is a write.
const NOTED_EVERY: TimeDelta = TimeDelta::minutes(1);
/// The default scopes of an external province's system (X1, X2). Other integrators get [`ORDINARY`].
const PROVINCIAL: &[Scope] = &[
    Scope::OrganizationsRead,
    Scope::TransfersRead,
    Scope::TransfersAnswer,
    Scope::InboundPropose,
];
const ORDINARY: &[Scope] = &[Scope::OrganizationsRead];

/// A request for a new credential.
#[derive(Debug, Clone)]
pub struct IntegratorRequest {
    /// The name of the other system.
    pub name: String,
    /// The organization it acts for.
    pub organization: OrganizationId,
    /// Its scopes. The default depends on the organization.
    pub scopes: Option<Vec<Scope>>,
    /// How far its scopes go.
    pub reach: Reach,
    /// When it expires, if it does.
    pub expires_at: Option<Timestamp>,
}

/// A credential with its names and secrets.
#[derive(Debug, Clone)]
pub struct IntegratorWithSecrets {
    pub named: Named,
    pub secrets: Vec<Secret>,
}

/// A credential with a new secret. The secret is shown only once.
pub struct IssuedSecret {
    /// The credential.
    pub integrator: IntegratorWithSecrets,
    /// The secret's id.
    pub id: IntegratorSecretId,
    /// The secret.
    pub secret: String,
}

/// What an integrator signs in with.
pub struct Credential {
    /// Its account. `None` if the text sent was not an account id.
    pub client: Option<AccountId>,
    /// The secret.
    pub secret: String,
}

/// Issues a credential. It acts for a province if its organization is the leading organ of Beijing, Guangdong or
/// Fujian.
///
/// # Errors
/// `integrator.not_allowed` for callers other than the nation's own administrators, `organization.not_found`,
/// `organization.closed`, and `request.invalid` for a province's scope on another organization.
pub fn issue(conn: &mut Conn, context: &Context, vault: &Vault, wanted: &IntegratorRequest) -> Result<IssuedSecret> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    let organization = organizations::find(conn, wanted.organization)?;
    let organization = organization.ok_or_else(|| Refusal::new(Code::OrganizationNotFound).at("/organization"))?;
    if !organization.facts().is_active() {
        return Err(Refusal::new(Code::OrganizationClosed).at("/organization").into());
    }
    let province = province_of(&organization);
    let usual = if province.is_some() { PROVINCIAL } else { ORDINARY };
    let scopes = scope::ordered(wanted.scopes.as_deref().unwrap_or(usual));
    if province.is_none() && scopes.iter().any(|scope| scope.is_provincial()) {
        let problem = InputError::Said(Text {
            zh: "含有只能授予北京、广东、福建对接系统的权限范围",
            en: "contains a scope that only the systems of Beijing, Guangdong and Fujian can have",
        });
        return Err(Refusal::invalid(problem).at("/scopes").into());
    }
    let new = NewIntegrator {
        name: &wanted.name,
        organization: organization.id,
        province,
        scopes: &scope::text(&scopes),
        reach: wanted.reach,
        expires_at: wanted.expires_at,
    };
    let account = integrators::insert(conn, &new, context.now)?;
    audit::record(conn, context, AuditAction::IntegratorIssued, account)?;
    add(conn, context, vault, account, None)
}

fn add(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    account: AccountId,
    expires_at: Option<Timestamp>,
) -> Result<IssuedSecret> {
    let secret = secret();
    let new = NewSecret {
        account,
        digest: &vault.digest(SealPurpose::IntegratorSecret, &secret),
        expires_at,
    };
    let id = integrators::insert_secret(conn, &new, context.now)?;
    let integrator = shown(conn, account)?.ok_or(Error::Corrupt("a credential that was just stored is missing"))?;
    Ok(IssuedSecret { integrator, id, secret })
}

/// Adds a second secret to a credential, so that its system can change over without a pause.
///
/// # Errors
/// `integrator.not_allowed`, `integrator.not_found`, `integrator.revoked`, `integrator.secrets_full`.
pub fn add_secret(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    account: AccountId,
    expires_at: Option<Timestamp>,
) -> Result<IssuedSecret> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    let integrator = integrators::lock(conn, account)?.ok_or(Code::IntegratorNotFound)?;
    if !is_in_force(&integrator, context.now) {
        return Err(Code::IntegratorRevoked.into());
    }
    if usable(conn, account, context.now)?.len() >= SECRETS {
        return Err(Code::IntegratorSecretsFull.into());
    }
    audit::record(conn, context, AuditAction::IntegratorSecretAdded, account)?;
    add(conn, context, vault, account, expires_at)
}

/// Retires a secret at once. One that was retired earlier stays unchanged. Tokens issued for it expire within minutes.
/// Revoking the credential ends everything at once.
///
/// # Errors
/// `integrator.not_allowed`, `integrator.not_found`, `integrator.secret_not_found`, and `integrator.last_secret` for
/// the only secret in force.
pub fn retire_secret(
    conn: &mut Conn,
    context: &Context,
    account: AccountId,
    secret: IntegratorSecretId,
) -> Result<IntegratorWithSecrets> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    integrators::lock(conn, account)?.ok_or(Code::IntegratorNotFound)?;
    let known = integrators::secrets(conn, &[account])?;
    if !known.iter().any(|one| one.id == secret) {
        return Err(Code::IntegratorSecretNotFound.into());
    }
    let usable = usable(conn, account, context.now)?;
    if usable.iter().all(|one| one.id == secret) && !usable.is_empty() {
        return Err(Code::IntegratorLastSecret.into());
    }
    integrators::retire(conn, secret, context.now)?;
    audit::record(conn, context, AuditAction::IntegratorSecretRetired, account)?;
    shown(conn, account)?.ok_or(Error::Corrupt("a credential that was just read is missing"))
}

/// The secrets of a credential that are accepted now.
fn usable(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<Vec<Secret>> {
    let mut secrets = integrators::secrets(conn, &[account])?;
    secrets.retain(|secret| is_usable(secret, now));
    Ok(secrets)
}

fn is_usable(secret: &Secret, now: Timestamp) -> bool {
    secret.retired_at.is_none() && !has_passed(secret.expires_at, now)
}

fn shown(conn: &mut Conn, account: AccountId) -> Result<Option<IntegratorWithSecrets>> {
    let Some(named) = integrators::named(conn, account)? else {
        return Ok(None);
    };
    let secrets = integrators::secrets(conn, &[account])?;
    Ok(Some(IntegratorWithSecrets { named, secrets }))
}

/// The external province that an organization is the leading organ of, if it is one.
fn province_of(organization: &Organization) -> Option<u8> {
    let facts = organization.facts();
    let is_its_organ =
        facts.kind == OrganizationKind::LeadingOrgan && facts.level == Level::Province && facts.is_external();
    facts.province.filter(|_| is_its_organ)
}

/// A page of credentials, latest first.
///
/// # Errors
/// `integrator.not_allowed`.
pub fn list(
    conn: &mut Conn,
    context: &Context,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<IntegratorWithSecrets>> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    let found = integrators::page(conn, after, limit)?;
    let accounts: Vec<AccountId> = found.iter().map(|named| named.integrator.account_id).collect();
    let secrets = integrators::secrets(conn, &accounts)?;
    let with_secrets = |named: Named| {
        let own = |secret: &&Secret| secret.account_id == named.integrator.account_id;
        let secrets = secrets.iter().filter(own).cloned().collect();
        IntegratorWithSecrets { named, secrets }
    };
    Ok(found.into_iter().map(with_secrets).collect())
}

/// Ends a credential and all its tokens at once. One that ended earlier stays unchanged.
///
/// # Errors
/// `integrator.not_allowed`, `integrator.not_found`.
pub fn revoke(conn: &mut Conn, context: &Context, account: AccountId) -> Result<IntegratorWithSecrets> {
    may(&context.actor, Action::ManageIntegrators, Object::Nation)?;
    end(conn, context, account)
}

/// Revokes a credential for the operators, who may revoke any.
///
/// # Errors
/// `integrator.not_found`.
pub fn revoke_by_operators(conn: &mut Conn, context: &Context, account: AccountId) -> Result<IntegratorWithSecrets> {
    end(conn, context, account)
}

/// Revokes the credentials that are bound to an organization that is being closed.
///
/// # Errors
/// When the database fails.
pub(super) fn end_all_of(conn: &mut Conn, context: &Context, organization: OrganizationId) -> Result<()> {
    for account in integrators::valid_of(conn, organization)? {
        end(conn, context, account)?;
    }
    Ok(())
}

fn end(conn: &mut Conn, context: &Context, account: AccountId) -> Result<IntegratorWithSecrets> {
    integrators::revoke(conn, account, context.now)?;
    let revoked = shown(conn, account)?.ok_or(Code::IntegratorNotFound)?;
    audit::record(conn, context, AuditAction::IntegratorRevoked, account)?;
    Ok(revoked)
}

/// The outcome of signing in. A failure is a result and not an error, because it has to be counted.
pub enum TokenOutcome {
    /// The system gets a token with these scopes.
    Admitted(Bearer, Vec<Scope>),
    /// The credential is right, but it has only these scopes, and not all that were asked for.
    ScopeMissing(Vec<Scope>),
    /// The credential is unknown, revoked or expired, or the secret is wrong.
    Failed,
    /// There were too many failures.
    Wait(TimeDelta),
}

/// Checks a credential, and records its use. `asked` are scopes with blanks between them. The token has all scopes of the
/// credential (RFC 6749, 3.3).
///
/// # Errors
/// When the database fails.
pub fn sign_in(
    conn: &mut Conn,
    vault: &Vault,
    credential: &Credential,
    asked: &str,
    origin: AttemptOrigin,
    now: Timestamp,
    request_id: &str,
) -> Result<TokenOutcome> {
    let client = credential.client.unwrap_or(AccountId::NONE);
    // Not per credential alone, so that others can't make a province's system wait.
    let guard = Guard::new(vault, AttemptKind::Token, Some(&client.0.to_be_bytes()), origin).but_account();
    if let Some(wait) = guard.wait(conn, now)? {
        return Ok(TokenOutcome::Wait(wait));
    }
    let given = vault.digest(SealPurpose::IntegratorSecret, &credential.secret);
    let found = integrators::find(conn, client)?.filter(|integrator| is_in_force(integrator, now));
    // Every digest is compared. The empty digest, which matches nothing, is compared too, so that an unknown credential
    // also costs a comparison.
    let mut fitting = None;
    for (secret, digest) in integrators::digests(conn, client)? {
        if is_same(&given, &digest) && is_usable(&secret, now) {
            fitting = Some(secret);
        }
    }
    let _ = is_same(&given, &[]);
    let Some((integrator, secret)) = found.zip(fitting) else {
        guard.count(conn, now)?;
        return Ok(TokenOutcome::Failed);
    };
    let actor = actor(conn, integrator.account_id, now)?;
    let scopes = match &actor.role {
        Role::Integrator { grant, .. } => grant.scopes.clone(),
        _ => Vec::new(),
    };
    let has = |name: &str| scopes.iter().any(|scope| scope.as_str() == name);
    if !asked.split_whitespace().all(has) {
        return Ok(TokenOutcome::ScopeMissing(scopes));
    }
    let was_noted = secret
        .last_used_at
        .is_some_and(|at| now - Timestamp::from(at) < NOTED_EVERY);
    if !was_noted {
        integrators::used(conn, secret.id, now)?;
    }
    let context = Context {
        actor,
        now,
        request_id: request_id.to_owned(),
    };
    audit::record(conn, &context, AuditAction::IntegratorSignedIn, secret.id)?;
    let bearer = Bearer {
        account: integrator.account_id,
        session: None,
        office: None,
    };
    Ok(TokenOutcome::Admitted(bearer, scopes))
}

/// An integrator as it may act now.
///
/// # Errors
/// `request.unauthenticated` when its credential was revoked or has expired.
pub fn actor(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<Actor> {
    let found = integrators::with_path(conn, account)?.filter(|(integrator, _)| is_in_force(integrator, now));
    let (integrator, path) = found.ok_or(Code::RequestUnauthenticated)?;
    let province = integrator.province.map(u8::try_from).transpose();
    Ok(Actor {
        account: Some(account),
        member: None,
        role: Role::Integrator {
            organization: integrator.organization_id,
            province: province.map_err(|_| Error::Corrupt("a credential's province is out of range"))?,
            grant: Grant {
                path,
                reach: integrator.reach,
                scopes: scope::parse(&integrator.scopes).ok_or(Error::Corrupt("a credential's scopes are invalid"))?,
            },
        },
    })
}

/// A credential ends at the instant it expires.
fn is_in_force(integrator: &Integrator, now: Timestamp) -> bool {
    integrator.revoked_at.is_none() && !has_passed(integrator.expires_at, now)
}

fn has_passed(end: Option<Micros>, now: Timestamp) -> bool {
    end.is_some_and(|at| Timestamp::from(at) <= now)
}
