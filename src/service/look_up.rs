//! Looking for a person by full name and ID number (T4, §1.4.3, §2.5): where the member is and whom to ask there.
//!
//! An ID number has little entropy, so a look-up is an oracle: each one, found or not, is noted, audited and taken out of
//! three budgets, the asking person's, the asking organization's and that of the person looked for. A proposal from the
//! target side names a person in the same way and pays the same, and so does one from another province (X2).

use super::{Context, Error, Result, audit, may};
use crate::db::Conn;
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::authority::actor::Role;
use crate::domain::authority::{Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::domain::disclosure::DisclosureKind;
use crate::domain::organization::facts::OrganizationPurpose;
use crate::repository::look_ups::{self, Note};
pub use crate::repository::organizations::Organization;
use crate::repository::{members, organizations};

/// The span of all budgets, in seconds.
const SPAN: i64 = 3600;
/// How often one person may look in that span.
const PER_ACCOUNT: i64 = 120;
/// How often all administrators of one organization may.
const PER_ORGANIZATION: i64 = 600;
/// How often one person may be looked for.
const PER_TARGET: i64 = 20;
/// How often another system may: it files whole provinces' graduates (X2), and nobody types there.
const PER_INTEGRATOR: i64 = 20_000;

/// Who is looked for: nobody is named in the clear beyond this.
#[derive(Debug, Clone)]
pub struct LookedUpPerson {
    /// The full name.
    pub name: String,
    /// The digest of the ID number.
    pub id_number: Vec<u8>,
}

/// What a look-up came to. It is a result and no error: the attempt itself has to be stored.
#[derive(Debug, Clone)]
pub enum LookUpOutcome {
    /// The branch of the member.
    Branch(Box<Organization>),
    /// Nobody, a name that does not fit, or somebody who belongs to no branch: all the same to the caller.
    Nobody,
    /// A budget is used up.
    Exhausted,
}

/// Looks for a person.
///
/// # Errors
/// `actor.not_administrator` for members.
pub fn look_up(conn: &mut Conn, context: &Context, wanted: &LookedUpPerson) -> Result<LookUpOutcome> {
    // Another system files out of its province, and pays for that as for a look-up (X2).
    let action = match context.actor.role {
        Role::Integrator { .. } => Action::ProposeInbound,
        _ => Action::LookUpMember,
    };
    may(&context.actor, action, Object::Anyone)?;
    let organization = context.actor.acting_for().ok_or(Code::ActorNotAdministrator)?;
    let account = context
        .actor
        .account
        .ok_or(Error::Corrupt("an office without an account"))?;
    if !is_within_budget(conn, context, account, organization, wanted)? {
        audit::record(conn, context, AuditAction::LookUpLimited, AuditSubject::Nothing)?;
        return Ok(LookUpOutcome::Exhausted);
    }
    let found = members::by_id_number(conn, &wanted.id_number)?.filter(|member| member.name == wanted.name);
    let branch_id = found.as_ref().and_then(|member| member.branch_id);
    // Where nobody was found the same is read and thrown away: a miss is as much work as a hit.
    let read = organizations::find(conn, branch_id.unwrap_or(organization))?;
    // A special-unit holding is found by nothing (S-30).
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
    Ok(branch.map_or(LookUpOutcome::Nobody, |branch| LookUpOutcome::Branch(Box::new(branch))))
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

/// How often something may be done in an hour.
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

/// Takes one out of each budget; `false` as soon as one of them is used up.
pub(super) fn is_left(conn: &mut Conn, now: Timestamp, budgets: &[HourlyBudget]) -> Result<bool> {
    let span = now.timestamp().div_euclid(SPAN);
    for HourlyBudget { name, most } in budgets {
        if !look_ups::spend(conn, name, span, *most)? {
            return Ok(false);
        }
    }
    Ok(true)
}
