//! One-time codes for setting a new password (§2.5, O5).

use super::acting::as_member;
use super::attempts::{AttemptKind, AttemptOrigin, Guard};
use super::seats::{self, HeldSeat};
use crate::db::Conn;
use crate::domain::account::AccountStatus;
use crate::domain::account::session::SessionEnding;
use crate::domain::account::{CODE_REQUEST_VALID, CODE_VALID, CodeIssue, o5_is_valid, o5_may_be_second, o5_may_issue};
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::authority::{Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId};
use crate::domain::core::time::Timestamp;
use crate::repository::{accounts, appointments as offices, blocks, organizations, sessions, wechat};
use crate::security::code;
use crate::security::vault::{SealPurpose, Vault};
use crate::service::organizations::{acting, appointing_superior};
use crate::service::{Context, Error, Result, appointments, audit, batch, members, people};
use chrono::TimeDelta;

/// A code, for the caller who hands it on. Only its digest is stored.
#[derive(Clone)]
pub struct IssuedCode {
    pub code: String,
    pub valid_until: Timestamp,
}

/// What a request for a code comes to.
#[derive(Clone)]
pub enum CodeOutcome {
    /// The code.
    Issued(IssuedCode),
    /// A second administrator has to issue it, until this instant at the latest.
    Requested(Timestamp),
}

/// O5: issues a code for a member. A member without an account gets one.
///
/// # Errors
/// `member.not_found`; those of [`o5_may_issue`].
pub fn for_member(conn: &mut Conn, context: &Context, vault: &Vault, member: MemberId) -> Result<CodeOutcome> {
    offices::lock_offices_shared(conn)?;
    let member = members::visible(conn, &context.actor, Action::IssueMemberCode, member)?;
    let branch = match member.branch_id {
        Some(branch) => organizations::find(conn, branch)?,
        None => None,
    };
    let branch = branch.ok_or(Code::AccountResetNotAllowed)?;
    let acts = acting(conn, &branch)?;
    let object = Object::turn(&branch.path, acts.as_slice());
    // Asked before an account is made for them, and again with their offices.
    let may = o5_may_issue(&context.actor, Action::IssueMemberCode, object, AccountId::NONE, &[]);
    may.map_err(|code| Refusal::new(code).ask(branch.id))?;
    let account = people::of_member(conn, context, &member)?;
    let issue = may_issue(conn, context, Action::IssueMemberCode, object, account)?;
    issue_as(conn, context, vault, account, member.id.into(), issue)
}

/// O5: issues codes for several members. Each gets a code or a refusal of their own (§2.5).
///
/// # Errors
/// Those of [`batch::run`].
pub fn for_members(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    members: &[batch::ReadItem<MemberId>],
) -> Result<Vec<batch::ItemOutcome<IssuedCode>>> {
    offices::lock_offices_shared(conn)?;
    let options = batch::BatchOptions {
        mode: batch::BatchMode::PerItem,
        dry_run: false,
    };
    let each = |conn: &mut Conn, member: &MemberId| match for_member(conn, context, vault, *member)? {
        CodeOutcome::Issued(code) => Ok(code),
        CodeOutcome::Requested(_) => Err(Code::AccountSecondAdministratorRequired.into()),
    };
    batch::run(conn, options, members, |member| *member, each)
}

/// O5 for the holder of an office, who need not be a member: issues a code from an organization above.
///
/// # Errors
/// `appointment.not_found`, `appointment.ended`; those of [`o5_may_issue`].
pub fn for_office(conn: &mut Conn, context: &Context, vault: &Vault, office: AppointmentId) -> Result<CodeOutcome> {
    offices::lock_offices_shared(conn)?;
    let (appointment, organization) = appointments::known(conn, &context.actor, Action::IssueOfficeCode, office)?;
    if appointment.ended_at.is_some() {
        return Err(Code::AppointmentEnded.into());
    }
    let account = appointment.account_id;
    let appoints = appointing_superior(conn, &organization, &[])?;
    let object = Object::turn(&organization.path, appoints.as_slice());
    let issue = may_issue(conn, context, Action::IssueOfficeCode, object, account)?;
    issue_as(conn, context, vault, account, office.into(), issue)
}

fn may_issue(
    conn: &mut Conn,
    context: &Context,
    action: Action,
    object: Object<'_>,
    account: AccountId,
) -> Result<CodeIssue> {
    let held = seats::locked(conn, account)?;
    let seats: Vec<_> = held.iter().map(HeldSeat::seat).collect();
    Ok(o5_may_issue(&context.actor, action, object, account, &seats)?)
}

/// Issues a code, or notes that a first administrator requested one that a second has to issue.
fn issue_as(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    account: AccountId,
    subject: AuditSubject,
    how: CodeIssue,
) -> Result<CodeOutcome> {
    if how == CodeIssue::BySecond {
        let requester = context.actor.account.ok_or(Code::RequestUnauthenticated)?;
        let organization = context.actor.acting_for().ok_or(Code::ActorNotAdministrator)?;
        let first = accounts::code_request(conn, account)?;
        let stands = first.filter(|first| o5_may_be_second(requester, first.0, first.1.into(), context.now));
        accounts::end_code_request(conn, account)?;
        if stands.is_none() {
            accounts::begin_code_request(conn, account, requester, organization, context.now)?;
            audit::record(conn, context, AuditAction::ResetCodeRequested, subject)?;
            return Ok(CodeOutcome::Requested(context.now + CODE_REQUEST_VALID));
        }
    }
    issue(conn, context, vault, account, subject).map(CodeOutcome::Issued)
}

/// Issues a code for an account. The caller has checked the permission.
pub(super) fn issue(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    account: AccountId,
    subject: AuditSubject,
) -> Result<IssuedCode> {
    let code = code::generate();
    let digest = vault.digest(SealPurpose::ResetCode, &code::normal(&code));
    let by = (context.actor.account, context.actor.acting_for());
    accounts::add_code(conn, account, &digest, by, context.now)?;
    audit::record(conn, context, AuditAction::ResetCodeIssued, subject)?;
    Ok(IssuedCode {
        code,
        valid_until: context.now + CODE_VALID,
    })
}

/// A request to set a new password.
pub struct Reset {
    /// The digest of the ID number.
    pub id_number: Vec<u8>,
    /// The digest of the code.
    pub code: Vec<u8>,
    /// The hash of the new password.
    pub password_hash: String,
    /// The origin of the request.
    pub origin: AttemptOrigin,
}

/// How long to wait before a code may be tried. If it may be tried now, the attempt is already counted as failed.
/// Failures from other addresses don't count: a code can't be guessed, and its owner may need it.
///
/// # Errors
/// When the database fails.
pub fn begin_attempt(
    conn: &mut Conn,
    vault: &Vault,
    id_number: &[u8],
    origin: AttemptOrigin,
    now: Timestamp,
) -> Result<Option<TimeDelta>> {
    let guard = Guard::new(vault, AttemptKind::Reset, Some(id_number), origin).but_account();
    let wait = guard.wait(conn, now)?;
    if wait.is_none() {
        guard.count(conn, now)?;
    }
    Ok(wait)
}

/// O5: sets a new password. Every wrong combination gets the same answer.
///
/// # Errors
/// `account.reset_code_invalid`.
pub fn reset(conn: &mut Conn, vault: &Vault, reset: &Reset, now: Timestamp, request_id: &str) -> Result<()> {
    let found = accounts::by_id_number(conn, &reset.id_number)?;
    let (found, _) = found.ok_or(Code::AccountResetCodeInvalid)?;
    accounts::lock(conn, found.id)?;
    let account = accounts::find(conn, found.id)?.ok_or(Code::AccountResetCodeInvalid)?;
    let newest = accounts::newest_code(conn, account.id)?.ok_or(Code::AccountResetCodeInvalid)?;
    let valid = o5_is_valid(newest.issued_at.into(), newest.used_at.is_some(), now);
    // Digests of 80 random bits under our own key, so the duration of the comparison reveals nothing.
    if !valid || newest.code_digest != reset.code || account.status != AccountStatus::Active {
        return Err(Error::from(Code::AccountResetCodeInvalid));
    }
    // A code that was issued before a block is void.
    let block = blocks::latest(conn, account.id)?;
    if block.is_some_and(|block| Timestamp::from(newest.issued_at) < block.blocked_at.into()) {
        return Err(Error::from(Code::AccountResetCodeInvalid));
    }
    // A code does not open an office that its issuer may not have been above.
    let issued = Timestamp::from(newest.issued_at);
    let offices = accounts::offices(conn, account.id)?;
    if offices.iter().any(|office| issued < office.since.into()) {
        return Err(Error::from(Code::AccountResetCodeInvalid));
    }
    accounts::use_code(conn, newest.id, now)?;
    accounts::set_password(conn, account.id, &reset.password_hash)?;
    sessions::end_all(conn, account.id, None, SessionEnding::PasswordChanged, now)?;
    // Somebody else who knew the old password may have bound an identity of their own.
    wechat::unbind(conn, account.id)?;
    // Clears the failures against this account, the owner's or anybody else's.
    for way in [AttemptKind::SignIn, AttemptKind::Reset] {
        Guard::new(vault, way, Some(&reset.id_number), reset.origin).forget(conn)?;
    }
    let context = as_member(&account, now, request_id);
    audit::record(conn, &context, AuditAction::PasswordReset, account.id)
}
