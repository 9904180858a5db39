//! Marks on members of graduating branches (M1 to M6).

use super::batch::{self, BatchOptions, ItemOutcome, ReadItem};
use super::members::with_access;
use super::organizations::{acting_sector, acting_superior};
use super::{Context, Error, Result, audit};
use crate::db::Conn;
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::MemberId;
use crate::domain::core::input_error::InputError;
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, season_of};
use crate::domain::member::cohort::l1_in_cohort;
use crate::domain::member::mark::{self, Identity, Mark};
use crate::repository::cohort;
pub use crate::repository::marks::MarkRecord;
use crate::repository::marks::{self, By};
use crate::repository::members::{self, Member};
use crate::repository::organizations::{self, Organization};

/// A member to be marked.
#[derive(Debug, Clone)]
pub struct MarkItem {
    pub member: MemberId,
    pub identity: Identity,
    pub month: Option<Month>,
    pub reason: Option<Remark>,
}

/// M4: marks many members. An item returns whether it changed anything.
///
/// # Errors
/// Those of [`batch::run`].
pub fn mark(
    conn: &mut Conn,
    context: &Context,
    options: BatchOptions,
    items: &[ReadItem<MarkItem>],
) -> Result<Vec<ItemOutcome<bool>>> {
    batch::run(
        conn,
        options,
        items,
        |item| item.member,
        |conn, item| mark_one(conn, context, item),
    )
}

/// M6: removes the marks of many members.
///
/// # Errors
/// Those of [`batch::run`].
pub fn undo(
    conn: &mut Conn,
    context: &Context,
    options: BatchOptions,
    items: &[ReadItem<MemberId>],
) -> Result<Vec<ItemOutcome<bool>>> {
    batch::run(
        conn,
        options,
        items,
        |member| *member,
        |conn, member| undo_one(conn, context, *member),
    )
}

fn mark_one(conn: &mut Conn, context: &Context, item: &MarkItem) -> Result<bool> {
    let (branch, member) = load(conn, context, item.member)?;
    let new = wanted(item, &branch, context)?;
    let old = member.mark();
    let changed = old.as_ref() != Some(&new);
    if changed {
        change(conn, context, &branch, &member, Some(&new))?;
    }
    Ok(changed)
}

fn undo_one(conn: &mut Conn, context: &Context, member: MemberId) -> Result<bool> {
    let (branch, member) = load(conn, context, member)?;
    mark::m6_undo(member.mark())?;
    change(conn, context, &branch, &member, None)?;
    Ok(true)
}

/// The mark that an item sets.
fn wanted(item: &MarkItem, branch: &Organization, context: &Context) -> Result<Mark> {
    let (facts, season) = (branch.facts(), season_of(context.now));
    match item.identity {
        Identity::Delayed => Ok(mark::m3_delayed(&facts, season, item.month, item.reason.clone())?),
        Identity::Teacher => Ok(mark::m3_teacher(&facts, season)?),
        Identity::Graduate => {
            let marks = [Identity::Delayed, Identity::Teacher].map(Identity::as_str);
            Err(Refusal::invalid(InputError::one_of(&marks)).at("/identity").into())
        }
    }
}

/// Loads a member with their branch, both locked, if the actor may mark them.
fn load(conn: &mut Conn, context: &Context, id: MemberId) -> Result<(Organization, Member)> {
    let actor = &context.actor;
    let found = members::find(conn, id)?;
    let seen = check_may_mark(conn, actor, found)?;
    let branch = seen.branch_id.ok_or(Code::MemberNotFound)?;
    // Locks the branch before the member, because the yearly switch counts the branch's members under the same lock
    // (L1).
    let branch = organizations::find_locked(conn, branch)?.ok_or(Error::Corrupt("a member's branch is missing"))?;
    let found = members::find_locked(conn, id)?;
    let member = check_may_mark(conn, actor, found)?;
    if member.branch_id != Some(branch.id) {
        return Err(Code::ServiceBusy.into());
    }
    let acts = acting_superior(conn, &branch)?;
    mark::m2_may_mark(actor, acting_sector(conn, actor)?, &branch.facts(), acts)?;
    Ok((branch, member))
}

/// The member, if the actor may mark them where they are.
fn check_may_mark(conn: &mut Conn, actor: &Actor, found: Option<Member>) -> Result<Member> {
    let (member, verdict) = with_access(conn, actor, Action::MarkMember, found)?;
    verdict.into_result()?;
    Ok(member)
}

/// Stores a mark with its history and updates the cohort (M5, L1).
fn change(
    conn: &mut Conn,
    context: &Context,
    branch: &Organization,
    member: &Member,
    new: Option<&Mark>,
) -> Result<()> {
    if !members::set_mark(conn, member.id, member.version, new)? {
        return Err(Code::RequestStale.into());
    }
    if let Some(season) = branch.graduated_season {
        match l1_in_cohort(&branch.facts(), new, season) {
            Ok(()) if member.standing.is_good() => cohort::join(conn, season, member.id, branch.id, &branch.path)?,
            _ => cohort::leave(conn, season, member.id, branch.id)?,
        }
    }
    let actor = &context.actor;
    let by = By {
        at: context.now,
        account: actor.account,
        organization: actor.office().map(|office| office.organization),
    };
    marks::append(conn, member.id, &by, member.mark().as_ref(), new)?;
    let action = match new {
        Some(_) => AuditAction::MarkSet,
        None => AuditAction::MarkUndone,
    };
    audit::record(conn, context, action, member.id)
}

/// A page of the history of a member's marks, earliest first.
///
/// # Errors
/// `member.not_found` for callers other than the member and those within whose reach they are or were.
pub fn history(conn: &mut Conn, actor: &Actor, member: MemberId, after: i64, limit: i64) -> Result<Vec<MarkRecord>> {
    let range = super::members::history_range(conn, actor, member)?;
    Ok(marks::history(conn, member, range.as_ref(), after, limit)?)
}
