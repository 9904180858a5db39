//! Graduation months of branches: marking (G1 to G5), the yearly switch (G6) and requests to change a graduate branch's
//! month (G7 to G9).

use super::batch::{self, BatchOptions, ItemOutcome, ReadItem};
use super::jobs::{self, Batch};
use super::organizations::{acting_superior, chain_of, lock_visible, permitted};
use super::pending::{self, Pending, Waiting};
use super::{Context, Error, Expected, Result, audit, may, policies};
use crate::db::{Conn, Unique};
use crate::domain::audit::AuditAction;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::core::decision::Verdict;
use crate::domain::core::ids::{MemberId, MonthChangeId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, Timestamp, season_of};
use crate::domain::graduation::{self, GraduationEvent, MonthChange, MonthChangeRequest, MonthChangeState};
use crate::domain::member::mark::{Mark, m7_no_longer_later};
use crate::domain::organization::facts::{Graduation, Undetermined};
use crate::domain::organization::turn::{Duty, Turn};
use crate::domain::policy::Policy;
use crate::repository::graduation::{self as store, NewEntry};
pub use crate::repository::graduation::{GraduationRecord, StoredChange};
use crate::repository::organizations::{self, Organization};
use crate::repository::pending::PendingRow;
use crate::repository::{appointments, cohort, inbox, members};

/// A branch to be marked.
#[derive(Debug, Clone)]
pub struct GraduationItem {
    pub branch: OrganizationId,
    pub month: Option<Month>,
    pub undetermined: Option<Undetermined>,
}

/// The result of marking a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Whether the mark is new for the branch.
    pub changed: bool,
    /// M7: the delayed graduates whose month is no longer later than the branch's.
    pub stale_delayed: Vec<MemberId>,
}

/// G3: marks many branches.
///
/// # Errors
/// Those of [`batch::run`].
pub fn mark(
    conn: &mut Conn,
    context: &Context,
    options: BatchOptions,
    items: &[ReadItem<GraduationItem>],
) -> Result<Vec<ItemOutcome<Marked>>> {
    batch::run(
        conn,
        options,
        items,
        |item| item.branch,
        |conn, item| mark_one(conn, context, item),
    )
}

fn mark_one(conn: &mut Conn, context: &Context, item: &GraduationItem) -> Result<Marked> {
    let branch = lock_visible(conn, &context.actor, Action::MarkGraduation, item.branch)?;
    let new = graduation::g4_month_or_reason(item.month, item.undetermined)?;
    let change = graduation::set(&context.actor, &branch.facts(), new)?;
    let changed = change.old != Some(change.new);
    if changed {
        store_mark(conn, &branch, Some(change.new), None)?;
        let entry = entry(context, branch.id, GraduationEvent::Marked);
        let (old, new) = (change.old, Some(change.new));
        store::append(conn, &NewEntry { old, new, ..entry })?;
        audit::record(conn, context, AuditAction::GraduationMarked, branch.id)?;
    }
    let stale_delayed = stale_delayed(conn, branch.id, new)?;
    Ok(Marked { changed, stale_delayed })
}

fn store_mark(conn: &mut Conn, branch: &Organization, new: Option<Graduation>, season: Option<i32>) -> Result<()> {
    let is_stored = organizations::set_graduation(conn, branch.id, branch.version, new, season)?;
    if is_stored {
        Ok(())
    } else {
        Err(Code::RequestStale.into())
    }
}

/// A history record by the actor. The caller fills in the rest.
fn entry(context: &Context, branch: OrganizationId, event: GraduationEvent) -> NewEntry<'static> {
    NewEntry {
        branch,
        at: context.now,
        event,
        account: context.actor.account,
        organization: context.actor.office().map(|office| office.organization),
        old: None,
        new: None,
        month_change: None,
        reason: None,
    }
}

fn stale_delayed(conn: &mut Conn, branch: OrganizationId, new: Graduation) -> Result<Vec<MemberId>> {
    let delayed = members::delayed(conn, branch)?;
    let months = delayed.iter().filter_map(|member| match member.mark()? {
        Mark::Delayed { month, .. } => Some((member.id, month)),
        Mark::Teacher => None,
    });
    Ok(m7_no_longer_later(new, months))
}

/// A page of the history of a branch's graduation month, earliest first.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree (O6).
pub fn history(
    conn: &mut Conn,
    actor: &Actor,
    branch: OrganizationId,
    after: i64,
    limit: i64,
) -> Result<Vec<GraduationRecord>> {
    let branch = permitted(conn, actor, Action::ReadGraduationHistory, branch)?;
    Ok(store::history(conn, branch.id, after, limit)?)
}

/// G6: makes the next due branches, by id, after `after`, graduate branches.
///
/// # Errors
/// When the database fails.
pub fn switch(
    conn: &mut Conn,
    context: &Context,
    after: Option<OrganizationId>,
    limit: i64,
) -> Result<Batch<Option<OrganizationId>>> {
    let policy = policy_of_last_switch(conn, context.now)?;
    let up_to = Month::new(policy.season, 12).ok_or(Error::Corrupt("a season is out of range"))?;
    let due = organizations::due_for_switch(conn, up_to, after, limit)?;
    let ids: Vec<OrganizationId> = due.iter().map(|branch| branch.id).collect();
    let tally = jobs::together(
        conn,
        &ids,
        |conn, ids| switch_many(conn, context, &policy, ids),
        |conn, id| Ok(switch_many(conn, context, &policy, &[id])? == 1),
    )?;
    Ok(Batch::of(ids.len(), limit, tally, ids.last().copied()))
}

/// The policy of the season of the latest switch. Before this year's switch that is last year's.
fn policy_of_last_switch(conn: &mut Conn, now: Timestamp) -> Result<Policy> {
    let policy = policies::of_season(conn, season_of(now))?;
    if now >= policy.switch_at() {
        return Ok(policy);
    }
    policies::of_season(conn, policy.season - 1)
}

/// Locks the branches, and makes those of them that are still due graduate branches.
fn switch_many(conn: &mut Conn, context: &Context, policy: &Policy, branches: &[OrganizationId]) -> Result<usize> {
    let found = organizations::find_many_locked(conn, branches)?;
    let due = |branch: &Organization| {
        graduation::g6_turns(&branch.facts(), policy, context.now)?;
        Some((branch.id, branch.graduation()?.month()?))
    };
    let switching: Vec<(OrganizationId, Month)> = found.iter().filter_map(due).collect();
    if switching.is_empty() {
        return Ok(0);
    }
    let ids: Vec<OrganizationId> = switching.iter().map(|(id, _)| *id).collect();
    let switched = organizations::switch_many(conn, &ids, policy.season)?;
    cohort::join_branches(conn, policy.season, &ids)?;
    store::append_switched(conn, &switching, context.now)?;
    audit::record_same_for(conn, context, AuditAction::BranchTurned, &ids)?;
    Ok(switched)
}

/// A proposal for a new month of a graduate branch.
#[derive(Debug, Clone)]
pub struct ProposedMonthChange {
    pub branch: OrganizationId,
    pub month: Month,
    pub reason: Option<Remark>,
}

/// G7: proposes another month for a graduate branch, and puts the request in the inboxes of its holders.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree, and those of [`graduation::propose`].
pub fn propose(conn: &mut Conn, context: &Context, proposal: &ProposedMonthChange) -> Result<StoredChange> {
    appointments::lock_offices_shared(conn)?;
    let branch = lock_visible(conn, &context.actor, Action::ProposeMonthChange, proposal.branch)?;
    let open = store::open_of_branch(conn, branch.id)?;
    let reason = proposal.reason.clone();
    let proposed = graduation::propose(
        &context.actor,
        &branch.facts(),
        acting_superior(conn, &branch)?,
        open,
        proposal.month,
        reason,
        context.now,
    )?;
    let request = proposed.request();
    let id = match store::open_change(conn, request, &branch.path, &branch.name) {
        Err(e) if Unique::violated(&e) == Some(Unique::OpenMonthChange) => {
            return Err(Code::GraduationChangeRequestOpen.into());
        }
        stored => stored?,
    };
    let stored = found(conn, id)?;
    pending::hand_to_holders(conn, &stored)?;
    let entry = entry(context, branch.id, GraduationEvent::ChangeProposed);
    remember(conn, id, entry, request, Some(&request.reason))?;
    audit::record(conn, context, AuditAction::MonthChangeProposed, id)?;
    Ok(stored)
}

impl Pending for StoredChange {
    fn waiting(&self, conn: &mut Conn) -> Result<Waiting> {
        let branch =
            organizations::find(conn, self.branch_id)?.ok_or(Error::Corrupt("a month change's branch is missing"))?;
        Ok(Waiting {
            subject: self.id.0,
            since: self.proposed_at.into(),
            member_name: None,
            holders: holders(conn, &branch, whole(self)?.request())?,
        })
    }
}

/// A request as the rules see it.
fn whole(stored: &StoredChange) -> Result<MonthChange> {
    stored
        .month_change()
        .ok_or(Error::Corrupt("a month change's columns do not fit together"))
}

/// The organizations whose turn it is: the leading organ, or the next one up if nobody there may decide (A10, T11).
fn holders(conn: &mut Conn, branch: &Organization, request: &MonthChangeRequest) -> Result<Vec<OrganizationId>> {
    let chain = chain_of(conn, &branch.path)?;
    let turn = Turn {
        duty: Duty::LeadingOrgan,
        organization: request.leading_organ,
        escalated: false,
    };
    Ok(turn.holders(&chain, &[request.proposed_by]).organizations)
}

/// Appends an event of a request to its branch's history.
fn remember(
    conn: &mut Conn,
    id: MonthChangeId,
    entry: NewEntry<'_>,
    request: &MonthChangeRequest,
    reason: Option<&Remark>,
) -> Result<()> {
    let entry = NewEntry {
        old: Some(Graduation::Month(request.old)),
        new: Some(Graduation::Month(request.new)),
        month_change: Some(id),
        reason,
        ..entry
    };
    Ok(store::append(conn, &entry)?)
}

fn found(conn: &mut Conn, id: MonthChangeId) -> Result<StoredChange> {
    Ok(store::change(conn, id)?.ok_or(Code::GraduationChangeNotFound)?)
}

/// One request, for administrators at or above its branch.
///
/// # Errors
/// `graduation.change_not_found`.
pub fn month_change(conn: &mut Conn, actor: &Actor, id: MonthChangeId) -> Result<StoredChange> {
    let change = found(conn, id)?;
    may(
        actor,
        Action::ReadMonthChange,
        Object::organization(&change.branch_path),
    )?;
    Ok(change)
}

/// G8: a page of the requests that concern the caller's organization, newest first.
///
/// # Errors
/// `actor.not_administrator`.
pub fn month_changes(
    conn: &mut Conn,
    actor: &Actor,
    state: Option<MonthChangeState>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<StoredChange>> {
    may(actor, Action::ListMonthChanges, Object::Oneself)?;
    let (_, organization) = actor.in_office()?;
    let before = before.unwrap_or(i64::MAX);
    Ok(store::changes(conn, organization, state, before, limit)?)
}

/// A decided request, and the delayed graduates whose month is no longer later than the new one (M7).
#[derive(Debug, Clone)]
pub struct DecidedMonthChange {
    pub change: StoredChange,
    pub stale_delayed: Vec<MemberId>,
}

/// G7, G8: the leading organ decides. G9: a month of a later year makes the branch an ordinary one again.
///
/// # Errors
/// `graduation.change_not_found`, `request.stale` and those of [`MonthChange::decide`].
pub fn decide(
    conn: &mut Conn,
    context: &Context,
    id: MonthChangeId,
    expected: Expected,
    verdict: &Verdict,
) -> Result<DecidedMonthChange> {
    let branch_id = month_change(conn, &context.actor, id)?.branch_id;
    // Every use case locks the branch before the request, so that two of them can't deadlock.
    let branch =
        organizations::find_locked(conn, branch_id)?.ok_or(Error::Corrupt("a month change's branch is missing"))?;
    let stored = StoredChange::find_locked(conn, id)?.ok_or(Code::GraduationChangeNotFound)?;
    let open = whole(&stored)?;
    let holders = holders(conn, &branch, open.request())?;
    let decided = open.decide(&context.actor, &holders, verdict.clone(), context.now)?;
    expected.check_version(stored.version)?;
    let stale_delayed = store_decision(conn, context, &branch, &stored, &decided)?;
    let change = found(conn, id)?;
    Ok(DecidedMonthChange { change, stale_delayed })
}

/// Stores a decision and everything that follows from it.
fn store_decision(
    conn: &mut Conn,
    context: &Context,
    branch: &Organization,
    stored: &StoredChange,
    decided: &MonthChange,
) -> Result<Vec<MemberId>> {
    let (decision, event, action, reason) = match decided {
        MonthChange::Open(_) => return Err(Error::Corrupt("a decision left the request open")),
        MonthChange::Approved(_, decision) => (
            decision,
            GraduationEvent::ChangeApproved,
            AuditAction::MonthChangeApproved,
            None,
        ),
        MonthChange::Refused(_, decision, reason) => (
            decision,
            GraduationEvent::ChangeRefused,
            AuditAction::MonthChangeRefused,
            Some(reason),
        ),
    };
    if !store::close_change(conn, stored, decided.state(), decision, reason)? {
        return Err(Code::RequestStale.into());
    }
    inbox::close(conn, StoredChange::KIND, stored.id.0)?;
    let request = decided.request();
    let entry = entry(context, branch.id, event);
    remember(conn, stored.id, entry, request, reason)?;
    audit::record_in_turn(conn, context, Some(request.leading_organ), action, stored.id)?;
    match event {
        GraduationEvent::ChangeApproved => approve(conn, branch, request.new),
        _ => Ok(Vec::new()),
    }
}

fn approve(conn: &mut Conn, branch: &Organization, new: Month) -> Result<Vec<MemberId>> {
    let turned = branch
        .graduated_season
        .ok_or(Error::Corrupt("a month change is about a branch that has not turned"))?;
    let season = graduation::g9_season_after(turned, new);
    let new = Graduation::Month(new);
    store_mark(conn, branch, Some(new), season)?;
    if season.is_none() {
        cohort::leave_branch(conn, turned, branch.id)?;
    }
    stale_delayed(conn, branch.id, new)
}
