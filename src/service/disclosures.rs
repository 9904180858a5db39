//! Reading a member's ID number or telephone number in full: for a stated purpose, within a budget, with an audit entry
//! and a disclosure that the member can read (S-05). The member's list also shows look-ups by name and number (T4).

use super::look_up::{HourlyBudget, is_left};
use super::members::with_access;
use super::{Context, Error, Result, audit};
use crate::db::Conn;
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::MemberId;
use crate::domain::core::text::Remark;
use crate::domain::disclosure::{DisclosedField, DisclosureKind};
use crate::domain::office::OfficeRole;
use crate::domain::organization::facts::Path;
use crate::repository::accounts;
pub use crate::repository::look_ups::Disclosure;
use crate::repository::look_ups::{self, Note};
use crate::repository::members::{self, Member};
use crate::security::vault::{SealPurpose, SealedRow, Vault};

/// The number of members that one person may see in full in an hour.
const PER_ACCOUNT: i64 = 60;
/// The number that all administrators of one organization together may see in full in an hour.
const PER_ORGANIZATION: i64 = 200;

/// A request to read a member's sealed fields.
#[derive(Debug, Clone)]
pub struct RevealRequest {
    pub member: MemberId,
    pub fields: Vec<DisclosedField>,
    pub purpose: Remark,
}

/// The fields in full. There is no `Debug`, so that they never get into a log.
pub struct Revealed {
    pub id_number: Option<String>,
    pub phone: Option<String>,
}

/// The outcome of a [`RevealRequest`]. An exhausted budget is a result and not an error, because the refusal has to be
/// stored.
pub enum RevealOutcome {
    Revealed(Box<Revealed>),
    /// A budget is used up.
    Exhausted,
}

/// Opens a member's sealed fields.
///
/// # Errors
/// `member.not_found` outside the caller's subtree. `member.reveal_not_allowed` inside it for callers further up than
/// the member's branch and its direct superior.
pub fn reveal(conn: &mut Conn, context: &Context, vault: &Vault, request: &RevealRequest) -> Result<RevealOutcome> {
    let found = members::find(conn, request.member)?;
    let (member, verdict) = with_access(conn, &context.actor, Action::RevealMember, found)?;
    verdict.into_result()?;
    if audits(conn, &member, &context.actor)? {
        return Err(Code::MemberRevealNotAllowed.into());
    }
    let account = context
        .actor
        .account
        .ok_or(Error::Corrupt("an office has no account"))?;
    let organization = context.actor.acting_for().ok_or(Code::ActorNotAdministrator)?;
    let budgets = [
        HourlyBudget::new(format!("reveal/account/{}", account.0), PER_ACCOUNT),
        HourlyBudget::new(format!("reveal/organization/{}", organization.0), PER_ORGANIZATION),
    ];
    if !is_left(conn, context.now, &budgets)? {
        audit::record(conn, context, AuditAction::RevealLimited, member.id)?;
        return Ok(RevealOutcome::Exhausted);
    }
    let wanted = |field: DisclosedField| request.fields.contains(&field);
    let row = SealedRow::Member(member.id);
    let id_number = wanted(DisclosedField::IdNumber)
        .then(|| vault.open(SealPurpose::IdNumber, row, &member.id_number_sealed))
        .transpose()?;
    let sealed_phone = member.phone_sealed.as_ref().filter(|_| wanted(DisclosedField::Phone));
    let phone = sealed_phone
        .map(|sealed| vault.open(SealPurpose::Phone, row, sealed))
        .transpose()?;
    let fields: Vec<&str> = request.fields.iter().map(|field| field.as_str()).collect();
    let note = Note {
        at: context.now,
        account,
        organization,
        member: Some(member.id),
        kind: DisclosureKind::Revealed,
        fields: Some(fields.join(",")),
        purpose: Some(request.purpose.as_str().to_owned()),
    };
    look_ups::note(conn, &note)?;
    audit::record(conn, context, AuditAction::MemberRevealed, member.id)?;
    Ok(RevealOutcome::Revealed(Box::new(Revealed { id_number, phone })))
}

/// Whether a member audits the caller's organization: they hold an auditor's office there or above it. Nobody learns the
/// number with which their auditor signs in.
fn audits(conn: &mut Conn, member: &Member, actor: &Actor) -> Result<bool> {
    let Some(account) = accounts::of_member(conn, member.id)? else {
        return Ok(false);
    };
    let audited = |path: &Path| {
        actor
            .office()
            .is_some_and(|office| office.path == *path || office.path.is_below(path))
    };
    let offices = accounts::offices(conn, account)?;
    Ok(offices
        .iter()
        .any(|held| held.role == OfficeRole::Auditor && audited(&held.office.path)))
}

/// A page of the caller's disclosures, newest first: who looked them up or saw their data in full.
///
/// # Errors
/// `request.members_only` for callers who are not members.
pub fn mine(conn: &mut Conn, context: &Context, before: Option<i64>, limit: i64) -> Result<Vec<Disclosure>> {
    let member = context.actor.acting_member().ok_or(Code::RequestMembersOnly)?;
    Ok(look_ups::about(conn, member, before, limit)?)
}
