//! Reading cases: one, lists, and their history (A7).

use super::case::{LoadedCase, load_case, visible};
use crate::db::Conn;
use crate::domain::authority::Action;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::organization::facts::PlaceInTree;
use crate::domain::transfer::allowed::{TransferAction, allowed_actions};
use crate::domain::transfer::case::Case;
use crate::domain::transfer::decide::DecisionContext;
use crate::domain::transfer::events::Event;
use crate::domain::transfer::state::Phase;
use crate::repository::transfers::{self, Transfer, TransferSelection};
use crate::repository::{accounts, organizations};
use crate::service::organizations::{chain_of, permitted};
use crate::service::{Context, Error, Result};
use std::collections::HashSet;

/// A case as the caller sees it.
#[derive(Debug, Clone)]
pub struct CaseView {
    pub transfer: Transfer,
    /// The holders of the case, with their names.
    pub waiting_for: Vec<(OrganizationId, String)>,
    /// What the caller may do, and why not.
    pub actions: Vec<(TransferAction, std::result::Result<(), Refusal>)>,
}

/// One case.
///
/// # Errors
/// `transfer.not_found` for callers who may not see it.
pub fn get(conn: &mut Conn, context: &Context, id: TransferId) -> Result<CaseView> {
    let found = transfers::find(conn, id)?;
    let transfer = visible(conn, &context.actor, Action::ReadTransfer, id, found)?;
    view(conn, context, transfer)
}

/// A case that was just stored, for the actor who stored it.
pub(super) fn view(conn: &mut Conn, context: &Context, transfer: Transfer) -> Result<CaseView> {
    let loaded = load_case(conn, &transfer)?;
    render(conn, context, transfer, &loaded)
}

/// Renders a case from data that is already loaded. Loading it again would take a fifth of the time of a decision.
pub(super) fn render(conn: &mut Conn, context: &Context, transfer: Transfer, loaded: &LoadedCase) -> Result<CaseView> {
    let names = organizations::names(conn, &loaded.holders)?;
    let starter = starter(conn, &context.actor, &loaded.case)?;
    Ok(shown(context, transfer, loaded, starter, &names))
}

/// The organization that acts for the one that proposed a case (A10). `None` if the member proposed it.
pub(super) fn starter(conn: &mut Conn, actor: &Actor, case: &Case) -> Result<Option<OrganizationId>> {
    let (Some(proposed_for), Some(office)) = (case.proposed_for, actor.office()) else {
        return Ok(case.proposed_for);
    };
    // Those who propose are asked most often, and they act for themselves.
    if office.organization == proposed_for {
        return Ok(Some(proposed_for));
    }
    let found = organizations::find(conn, proposed_for)?.ok_or(Error::Corrupt("a case's proposer is missing"))?;
    Ok(chain_of(conn, &found.path)?.first_able(proposed_for, &[]))
}

/// Renders several cases.
pub(super) fn render_batch(conn: &mut Conn, stored: Vec<(&Context, (Transfer, LoadedCase))>) -> Result<Vec<CaseView>> {
    let holders: HashSet<_> = stored
        .iter()
        .flat_map(|(_, (_, loaded))| &loaded.holders)
        .copied()
        .collect();
    let names = organizations::names(conn, &holders.into_iter().collect::<Vec<_>>())?;
    let view = |(context, (transfer, loaded)): (&Context, (Transfer, LoadedCase))| {
        let starter = loaded.case.proposed_for;
        shown(context, transfer, &loaded, starter, &names)
    };
    Ok(stored.into_iter().map(view).collect())
}

fn shown(
    context: &Context,
    transfer: Transfer,
    loaded: &LoadedCase,
    starter: Option<OrganizationId>,
    names: &[(OrganizationId, String)],
) -> CaseView {
    let decision_context = DecisionContext {
        now: context.now,
        actor: &context.actor,
        holders: &loaded.holders,
        starter,
        policy: &loaded.policy,
    };
    let holders = loaded.holders.iter();
    CaseView {
        transfer,
        waiting_for: holders.filter_map(|id| Some((*id, name(names, *id)?))).collect(),
        actions: allowed_actions(&loaded.case, &decision_context),
    }
}

/// The direction in which the cases of a list cross the border of the caller's subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Cases that leave it (转出).
    Out,
    /// Cases that enter it (转入).
    In,
}

/// The cases that a list shows.
#[derive(Debug, Clone)]
pub struct TransferListing {
    /// The cases of one member. For a caller who acts as a member, their own.
    pub member: Option<MemberId>,
    /// The direction, for administrators and integrators.
    pub direction: Direction,
    /// The subtree. Defaults to the caller's own.
    pub under: Option<OrganizationId>,
    /// Only those in this state.
    pub state: Option<Phase>,
    /// Where the last case of the previous page was: see [`place_in_list`].
    pub after: Option<PlaceInTree>,
    /// The maximum number of cases.
    pub limit: i64,
}

/// A page of cases.
///
/// # Errors
/// `member.not_found`, or `organization.not_found` outside the caller's scope (O6).
pub fn list(conn: &mut Conn, context: &Context, filter: &TransferListing) -> Result<Vec<Transfer>> {
    let place = place(conn, context, filter)?;
    let after = filter.after.as_ref();
    Ok(transfers::page(conn, &place, filter.state, after, filter.limit)?)
}

/// Where a case is in a list: under the path of the side that the list is about. Lists that are not of a subtree are in the
/// order of the keys.
pub fn place_in_list(transfer: &Transfer, direction: Direction) -> Option<PlaceInTree> {
    let of_target = (direction == Direction::In)
        .then(|| transfer.target_path.parse().ok())
        .flatten();
    Some(PlaceInTree {
        path: of_target.or_else(|| transfer.source_path.parse().ok())?,
        key: transfer.id.0,
    })
}

fn place(conn: &mut Conn, context: &Context, filter: &TransferListing) -> Result<TransferSelection> {
    let actor = &context.actor;
    if let Some(province) = actor.speaks_for() {
        return Ok(match filter.direction {
            Direction::Out => TransferSelection::FromProvince(province),
            Direction::In => TransferSelection::ToProvince(province),
        });
    }
    let Some((path, organization)) = actor.subtree()? else {
        let own_member = actor.acting_member().ok_or(Code::RequestMembersOnly)?;
        return match filter.member {
            None => Ok(TransferSelection::Member(own_member)),
            Some(member) if member == own_member => Ok(TransferSelection::Member(own_member)),
            Some(_) => Err(Code::MemberNotFound.into()),
        };
    };
    let root = match filter.under {
        None => path.clone(),
        Some(under) => permitted(conn, actor, Action::ListTransfersBelow, under)?.path,
    };
    Ok(match filter.direction {
        // Administrators of the branch see their own special-unit cases, but integrators don't (S-30).
        Direction::Out if actor.office().is_none() => TransferSelection::Out(root, OrganizationId::NONE),
        Direction::Out => TransferSelection::Out(root, organization),
        Direction::In => TransferSelection::In(root),
    })
}

/// One step of a case's history with the acting organization's name.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    pub event: Event,
    pub person_name: Option<String>,
    pub organization_name: Option<String>,
}

/// Everything that happened to a case (A7).
///
/// # Errors
/// `transfer.not_found` for callers who may not see it.
pub fn history(conn: &mut Conn, context: &Context, id: TransferId) -> Result<Vec<HistoryEntry>> {
    let found = transfers::find(conn, id)?;
    visible(conn, &context.actor, Action::ReadTransfer, id, found)?;
    let events: Option<Vec<Event>> = transfers::events(conn, id)?.into_iter().collect();
    let events = events.ok_or(Error::Corrupt("an event's facts are invalid"))?;
    let organizations: Vec<OrganizationId> = events.iter().filter_map(|event| event.acting_for).collect();
    let organizations = organizations::names(conn, &organizations)?;
    let people: Vec<AccountId> = events.iter().filter_map(|event| event.by).collect();
    let people = accounts::names(conn, &people)?;
    let entry = |event: Event| HistoryEntry {
        person_name: event.by.and_then(|id| name(&people, id)),
        organization_name: event.acting_for.and_then(|id| name(&organizations, id)),
        event,
    };
    Ok(events.into_iter().map(entry).collect())
}

fn name<Id: PartialEq>(names: &[(Id, String)], id: Id) -> Option<String> {
    let found = names.iter().find(|(found, _)| *found == id);
    found.map(|(_, name)| name.clone())
}
