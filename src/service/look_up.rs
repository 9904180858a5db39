//! Look-ups: finding a person by exact full name and ID number (T4, §1.4.3, §2.5), with their branch and its contact.
//!
//! ID numbers can be guessed, so every look-up, found or not, is stored, audited and charged to three budgets: the
//! caller's, the caller's organization's, and that of the person looked for. Proposals from the target side (T4) and
//! from an external province (X2) name a person in the same way, so they are charged too.

use super::organizations::acting;
use super::{Context, Error, Result, audit, may};
use crate::db::Conn;
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::authority::actor::Role;
use crate::domain::authority::{Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::name::is_same_name;
use crate::domain::core::time::Timestamp;
use crate::domain::disclosure::DisclosureKind;
use crate::domain::organization::facts::OrganizationPurpose;
use crate::repository::look_ups::{self, Note};
pub use crate::repository::organizations::Organization;
use crate::repository::{appointments, members, organizations};

/// The span of every budget, in seconds.
const SPAN: i64 = 3600;
/// The number of look-ups by one person in that span.
const PER_ACCOUNT: i64 = 120;
/// The number of look-ups by all administrators of one organization together.
const PER_ORGANIZATION: i64 = 600;
/// The number of look-ups for one person.
const PER_TARGET: i64 = 20;
/// The number of look-ups by an integrator. It proposes the transfers of a whole province's graduates (X2), and does
/// not type them by hand.
const PER_INTEGRATOR: i64 = 20_000;

/// The person looked for. The ID number is kept only as a digest.
#[derive(Debug, Clone)]
pub struct LookedUpPerson {
    /// The full name.
    pub name: String,
    /// The digest of the ID number.
    pub id_number: Vec<u8>,
}

/// The outcome of a look-up. A miss is a result and not an error, because the attempt has to be stored.
#[derive(Debug, Clone)]
pub enum LookUpOutcome {
    /// The branch of the member, and whom to contact there.
    Found(Box<FoundMember>),
    /// No such person, a name that does not fit, or a person who is in no branch. The caller can't tell which.
    Nobody,
    /// A budget is used up.
    Exhausted,
}

/// Where a look-up found somebody.
#[derive(Debug, Clone)]
pub struct FoundMember {
    /// The branch.
    pub branch: Organization,
    /// An administrator of the branch, or of the organization that acts for it (A10). They are contacted where the branch
    /// names no contact (§2.5).
    pub administrator: Option<ActingAdministrator>,
}

/// An administrator who acts for an organization.
#[derive(Debug, Clone)]
pub struct ActingAdministrator {
    /// Their name.
    pub name: String,
    /// The organization they administer.
    pub organization: OrganizationId,
    /// Its name.
    pub organization_name: String,
}

/// Looks for a person.
///
/// # Errors
/// `actor.not_administrator` for members.
pub fn look_up(conn: &mut Conn, context: &Context, wanted: &LookedUpPerson) -> Result<LookUpOutcome> {
    // An integrator proposes inbound cases, which are charged as look-ups (X2).
    let action = match context.actor.role {
        Role::Integrator { .. } => Action::ProposeInbound,
        _ => Action::LookUpMember,
    };
    may(&context.actor, action, Object::Anyone)?;
    let organization = context.actor.acting_for().ok_or(Code::ActorNotAdministrator)?;
    let account = context
        .actor
        .account
        .ok_or(Error::Corrupt("an office has no account"))?;
    if !is_within_budget(conn, context, account, organization, wanted)? {
        audit::record(conn, context, AuditAction::LookUpLimited, AuditSubject::Nothing)?;
        return Ok(LookUpOutcome::Exhausted);
    }
    let found =
        members::by_id_number(conn, &wanted.id_number)?.filter(|member| is_same_name(&member.name, &wanted.name));
    let branch_id = found.as_ref().and_then(|member| member.branch_id);
    // A miss reads an organization too and discards it, so that it costs the same as a hit.
    let read = organizations::find(conn, branch_id.unwrap_or(organization))?;
    let administrator = match &read {
        Some(organization) => acting_administrator(conn, organization)?,
        None => None,
    };
    // Special-unit holdings are never found (S-30).
    let branch = read.filter(|read| branch_id.is_some() && read.purpose != OrganizationPurpose::SpecialUnit);
    let note = Note {
        at: context.now,
        account,
        organization,
        member: found.as_ref().map(|member| member.id),
        kind: DisclosureKind::LookedUp,
        fields: None,
        purpose: None,
    };
    look_ups::note(conn, &note)?;
    let subject = found.map_or(AuditSubject::Nothing, |member| member.id.into());
    audit::record(conn, context, AuditAction::MemberLookedUp, subject)?;
    let found = |branch| LookUpOutcome::Found(Box::new(FoundMember { branch, administrator }));
    Ok(branch.map_or(LookUpOutcome::Nobody, found))
}

/// The first administrator who acts for an organization (A10).
fn acting_administrator(conn: &mut Conn, organization: &Organization) -> Result<Option<ActingAdministrator>> {
    let acts = acting(conn, organization)?.unwrap_or(organization.id);
    let first = appointments::first_administrator(conn, acts)?;
    Ok(first.map(|(name, organization_name)| ActingAdministrator {
        name,
        organization: acts,
        organization_name,
    }))
}

fn is_within_budget(
    conn: &mut Conn,
    context: &Context,
    account: AccountId,
    organization: OrganizationId,
    wanted: &LookedUpPerson,
) -> Result<bool> {
    let target: String = wanted.id_number.iter().map(|byte| format!("{byte:02x}")).collect();
    let (per_account, per_organization) = match context.actor.role {
        Role::Integrator { .. } => (PER_INTEGRATOR, PER_INTEGRATOR),
        _ => (PER_ACCOUNT, PER_ORGANIZATION),
    };
    let budgets = [
        HourlyBudget::new(format!("look_up/account/{}", account.0), per_account),
        HourlyBudget::new(format!("look_up/organization/{}", organization.0), per_organization),
        HourlyBudget::new(format!("look_up/target/{target}"), PER_TARGET),
    ];
    is_left(conn, context.now, &budgets)
}

/// A limit on how often something may be done in an hour.
pub(super) struct HourlyBudget {
    name: String,
    most: i64,
}

impl HourlyBudget {
    /// A budget by its name.
    pub(super) fn new(name: String, most: i64) -> Self {
        Self { name, most }
    }
}

/// Takes one from each budget. `false` if one of them is used up.
pub(super) fn is_left(conn: &mut Conn, now: Timestamp, budgets: &[HourlyBudget]) -> Result<bool> {
    let span = now.timestamp().div_euclid(SPAN);
    for HourlyBudget { name, most } in budgets {
        if !look_ups::spend(conn, name, span, *most)? {
            return Ok(false);
        }
    }
    Ok(true)
}
