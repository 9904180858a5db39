//! Blocking an account (停用账号) of a member whose password was stolen or of an office holder under suspicion, and
//! unblocking it. A blocked account is signed out everywhere within a second (S-08). Its password, WeChat binding and
//! one-time codes from before the block are void.

use super::resets::{self, IssuedCode};
use super::seats::{self, HeldSeat};
use crate::db::Conn;
use crate::domain::account::AccountStatus;
use crate::domain::account::session::SessionEnding;
use crate::domain::account::{may_block, may_unblock};
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::authority::{Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId};
use crate::domain::core::text::Remark;
pub use crate::repository::blocks::Block;
use crate::repository::{accounts, appointments as offices, blocks, organizations, sessions, wechat};
use crate::security::vault::Vault;
use crate::service::organizations::{acting, appointing_superior};
use crate::service::{Context, Error, Result, appointments, audit, members, people};

/// The account to block or unblock.
#[derive(Debug, Clone, Copy)]
pub enum BlockTarget {
    /// The account of a member.
    Member(MemberId),
    /// The account of an office holder.
    Officer(AppointmentId),
}

impl From<BlockTarget> for AuditSubject {
    fn from(whose: BlockTarget) -> Self {
        match whose {
            BlockTarget::Member(member) => member.into(),
            BlockTarget::Officer(office) => office.into(),
        }
    }
}

/// Blocks an account. Every session ends, and the account's secrets are void.
///
/// # Errors
/// `member.not_found`, `appointment.not_found`, `appointment.ended`, those of [`may_block`],
/// `account.block_reason_required`, `account.blocked_already`.
pub fn block(conn: &mut Conn, context: &Context, whose: BlockTarget, reason: Option<&Remark>) -> Result<Block> {
    offices::lock_offices(conn)?;
    let account = admitted(conn, context, whose)?;
    block_account(conn, context, account, reason, whose.into())
}

/// Unblocks an account. It has no password then: its owner sets one with a one-time code (O5), and is told of the block
/// when they sign in.
///
/// # Errors
/// Those of [`block`], `account.not_blocked`, `account.unblock_not_allowed`.
pub fn unblock(conn: &mut Conn, context: &Context, whose: BlockTarget) -> Result<Block> {
    offices::lock_offices(conn)?;
    let account = admitted(conn, context, whose)?;
    unblock_account(conn, context, account, whose.into())
}

/// Blocks the account with an ID number, given by its digest. For the operators, who may block any account.
///
/// # Errors
/// Those of [`block`], and `member.no_match` if no account has the number.
pub fn block_number(conn: &mut Conn, context: &Context, id_number: &[u8], reason: &Remark) -> Result<Block> {
    offices::lock_offices(conn)?;
    let account = of_number(conn, id_number)?;
    block_account(conn, context, account, Some(reason), account.into())
}

/// Unblocks the account with an ID number, for the operators. It also issues the owner's one-time code, since there may
/// be nobody else who can.
///
/// # Errors
/// `member.no_match`, `account.not_blocked`.
pub fn unblock_number(conn: &mut Conn, context: &Context, vault: &Vault, id_number: &[u8]) -> Result<IssuedCode> {
    offices::lock_offices(conn)?;
    let account = of_number(conn, id_number)?;
    unblock_account(conn, context, account, account.into())?;
    resets::issue(conn, context, vault, account, account.into())
}

pub(super) fn of_number(conn: &mut Conn, id_number: &[u8]) -> Result<AccountId> {
    let found = accounts::by_id_number(conn, id_number)?;
    let (account, _) = found.ok_or(Code::MemberNoMatch)?;
    accounts::lock(conn, account.id)?;
    Ok(account.id)
}

/// The account, if the caller may block and unblock it.
fn admitted(conn: &mut Conn, context: &Context, whose: BlockTarget) -> Result<AccountId> {
    let account = match whose {
        BlockTarget::Member(member) => of_member(conn, context, member)?,
        BlockTarget::Officer(office) => of_officer(conn, context, office)?,
    };
    still_acts(conn, context)?;
    Ok(account)
}

fn of_member(conn: &mut Conn, context: &Context, member: MemberId) -> Result<AccountId> {
    let member = members::visible(conn, &context.actor, Action::BlockMember, member)?;
    let branch = match member.branch_id {
        Some(branch) => organizations::find(conn, branch)?,
        None => None,
    };
    let branch = branch.ok_or(Code::AccountBlockNotAllowed)?;
    let acts = acting(conn, &branch)?;
    let object = Object::turn(&branch.path, acts.as_slice());
    // Checked before an account is created for the member, and again with the account's offices.
    may_block(&context.actor, Action::BlockMember, object, AccountId::NONE, &[])?;
    let account = people::of_member(conn, context, &member)?;
    may(conn, context, Action::BlockMember, object, account)?;
    Ok(account)
}

fn of_officer(conn: &mut Conn, context: &Context, office: AppointmentId) -> Result<AccountId> {
    let (appointment, organization) = appointments::known(conn, &context.actor, Action::BlockOfficer, office)?;
    let appoints = appointing_superior(conn, &organization, &[])?;
    let object = Object::turn(&organization.path, appoints.as_slice());
    if appointment.ended_at.is_some() {
        return Err(Code::AppointmentEnded.into());
    }
    may(conn, context, Action::BlockOfficer, object, appointment.account_id)?;
    Ok(appointment.account_id)
}

fn may(conn: &mut Conn, context: &Context, action: Action, object: Object<'_>, account: AccountId) -> Result<()> {
    let held = seats::locked(conn, account)?;
    let seats: Vec<_> = held.iter().map(HeldSeat::seat).collect();
    Ok(may_block(&context.actor, action, object, account, &seats)?)
}

/// If two callers block each other at once, the second has been blocked by now.
fn still_acts(conn: &mut Conn, context: &Context) -> Result<()> {
    let actor = context.actor.account.ok_or(Code::RequestUnauthenticated)?;
    let active = accounts::find(conn, actor)?.is_some_and(|account| account.status == AccountStatus::Active);
    if active {
        Ok(())
    } else {
        Err(Code::RequestUnauthenticated.into())
    }
}

fn block_account(
    conn: &mut Conn,
    context: &Context,
    account: AccountId,
    reason: Option<&Remark>,
    subject: AuditSubject,
) -> Result<Block> {
    let reason = reason.ok_or_else(|| Refusal::new(Code::AccountBlockReasonRequired).at("/reason"))?;
    if !accounts::set_status_from(conn, account, AccountStatus::Active, AccountStatus::Blocked)? {
        return Err(Code::AccountBlockedAlready.into());
    }
    accounts::clear_password(conn, account)?;
    wechat::unbind(conn, account)?;
    sessions::end_all(conn, account, None, SessionEnding::Blocked, context.now)?;
    let by = (context.actor.account, context.actor.acting_for());
    blocks::begin(conn, account, by, reason, context.now)?;
    after_change(conn, context, account, AuditAction::AccountBlocked, subject)
}

fn unblock_account(conn: &mut Conn, context: &Context, account: AccountId, subject: AuditSubject) -> Result<Block> {
    let latest = blocks::latest(conn, account)?.filter(|block| block.unblocked_at.is_none());
    let path = latest.as_ref().and_then(|block| block.organization_path.as_ref());
    if latest.is_some() {
        may_unblock(&context.actor, path)?;
    }
    if !accounts::set_status_from(conn, account, AccountStatus::Blocked, AccountStatus::Active)? {
        return Err(Code::AccountNotBlocked.into());
    }
    // Ends sessions that began while the block was being written.
    sessions::end_all(conn, account, None, SessionEnding::Blocked, context.now)?;
    if let Some(block) = latest {
        blocks::end(conn, block.id, context.actor.account, context.now)?;
    }
    after_change(conn, context, account, AuditAction::AccountUnblocked, subject)
}

/// What follows from a block or its end: new holders where the account has offices (A10), and the audit entry.
fn after_change(
    conn: &mut Conn,
    context: &Context,
    account: AccountId,
    action: AuditAction,
    subject: AuditSubject,
) -> Result<Block> {
    appointments::reroute_offices_of(conn, account, context.now)?;
    audit::record(conn, context, action, subject)?;
    blocks::latest(conn, account)?.ok_or(Error::Corrupt("a block that was just stored is missing"))
}
