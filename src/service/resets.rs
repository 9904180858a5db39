//! One-time codes to set a new password with (§2.5, O5).

use super::{Context, Error, Result, appointments, audit, members, people};
use crate::db::Conn;
use crate::domain::account::{CODE_VALID, o5_is_valid, o5_may_issue};
use crate::domain::authority::Action;
use crate::domain::codes::Code;
use crate::domain::ids::{AccountId, AppointmentId, MemberId};
use crate::domain::time::Timestamp;
use crate::repository::{accounts, organizations};
use crate::security::code;
use crate::security::vault::{Purpose, Vault};

/// A code, for the one who hands it on. It is stored nowhere.
#[derive(Clone)]
pub struct Issued {
    pub code: String,
    pub valid_until: Timestamp,
}

/// O5: issues a code for a member; a member without an account gets one.
///
/// # Errors
/// `member.not_found`, `account.reset_not_allowed`.
pub fn for_member(conn: &mut Conn, context: &Context, vault: &Vault, member: MemberId) -> Result<Issued> {
    let member = members::visible(conn, &context.actor, Action::IssueMemberCode, member)?;
    let branch = match member.branch_id {
        Some(branch) => organizations::find(conn, branch)?,
        None => None,
    };
    let branch = branch.ok_or(Code::AccountResetNotAllowed)?;
    o5_may_issue(&context.actor, Action::IssueMemberCode, &branch.facts())?;
    let account = people::of_member(conn, context, &member)?;
    issue(conn, context, vault, account, &member.id.to_string())
}

/// O5 for those who are no members: issues a code for whoever holds an office, from there or its direct superior.
///
/// # Errors
/// `appointment.not_found`, `appointment.ended`, `account.reset_not_allowed`.
pub fn for_office(conn: &mut Conn, context: &Context, vault: &Vault, office: AppointmentId) -> Result<Issued> {
    let (appointment, organization) = appointments::known(conn, &context.actor, Action::IssueOfficeCode, office)?;
    if appointment.ended_at.is_some() {
        return Err(Code::AppointmentEnded.into());
    }
    o5_may_issue(&context.actor, Action::IssueOfficeCode, &organization.facts())?;
    issue(conn, context, vault, appointment.account_id, &office.to_string())
}

/// Issues a code for an account, whoever may have it done.
pub(super) fn issue(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    account: AccountId,
    subject: &str,
) -> Result<Issued> {
    let code = code::generate();
    let digest = vault.digest(Purpose::ResetCode, &code::normal(&code));
    accounts::add_code(conn, account, &digest, context.actor.account, context.now)?;
    audit::record(conn, context, "account.issue_reset_code", Some(subject))?;
    Ok(Issued {
        code,
        valid_until: context.now + CODE_VALID,
    })
}

/// What somebody sets a new password with.
pub struct Reset {
    /// The digest of the ID number.
    pub id_number: Vec<u8>,
    /// The digest of the code.
    pub code: Vec<u8>,
    /// The hash of the new password.
    pub password_hash: String,
}

/// O5: sets a new password. One answer for every wrong combination.
///
/// # Errors
/// `account.reset_code_invalid`.
pub fn reset(conn: &mut Conn, reset: &Reset, now: Timestamp, request_id: &str) -> Result<()> {
    let found = accounts::by_id_number(conn, &reset.id_number)?;
    let (account, _) = found.ok_or(Code::AccountResetCodeInvalid)?;
    let newest = accounts::newest_code(conn, account.id)?.ok_or(Code::AccountResetCodeInvalid)?;
    let valid = o5_is_valid(newest.issued_at.into(), newest.used_at.is_some(), now);
    // Digests of 80 random bits under our own key: there is nothing to learn from how long the comparison takes.
    if !valid || newest.code_digest != reset.code || account.status != super::accounts::ACTIVE {
        return Err(Error::from(Code::AccountResetCodeInvalid));
    }
    accounts::use_code(conn, newest.id, now)?;
    accounts::set_password(conn, account.id, &reset.password_hash)?;
    let himself = Context {
        actor: crate::domain::actor::Actor {
            account: Some(account.id),
            member: account.member_id,
            role: crate::domain::actor::Role::Member,
        },
        now,
        request_id: request_id.to_owned(),
    };
    audit::record(conn, &himself, "account.reset_password", Some(&account.id.to_string()))
}
