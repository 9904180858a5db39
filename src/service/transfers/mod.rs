//! Transfers of organization relations (组织关系转接): filing, preview, decisions, history.

mod decide;
mod inbound;
mod insert;
mod load;
mod overdue;
mod propose;
mod reroute;
mod view;

pub use decide::{Decision, decide};
pub use inbound::{InboundFiling, Newcomer, file_inbound, preview_inbound};
pub use overdue::{escalate, expire};
pub use propose::{Filing, Filings, Preview, ProposeTransfer, Subject, filings, preview, propose_batch};
pub use reroute::reroute;
pub use view::{CaseView, HistoryEntry, Listing, Side, get, history, list};

use super::{Error, Result, sees};
use crate::db::Conn;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object, Sides};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{OrganizationId, TransferId};
use crate::domain::organization::chain::Chain;
use crate::domain::organization::turn::Duty;
use crate::domain::policy::Policy;
use crate::domain::transfer::case::Case;
use crate::domain::transfer::expiry;
use crate::domain::transfer::reason::Reason;
use crate::domain::transfer::route::{Destination, DestinationKind, Origin};
use crate::domain::transfer::state::State;
use crate::repository::inbox::{self, InboxEntry};
pub use crate::repository::transfers::Transfer;
use crate::repository::{accounts, chain, organizations};

/// A case with all that a decision about it needs.
struct Loaded {
    case: Case,
    holders: Vec<OrganizationId>,
    policy: Policy,
}

fn load(conn: &mut Conn, transfer: &Transfer) -> Result<Loaded> {
    let state = transfer.state().ok_or(Error::Corrupt("a case's state"))?;
    let holders = match state.turn() {
        Some(turn) => inbox::holders(conn, turn.duty.as_str(), transfer.id.0)?,
        None => Vec::new(),
    };
    let member_account = match transfer.member_id {
        Some(member) => accounts::of_member(conn, member)?,
        None => None,
    };
    let case = Case {
        id: transfer.id,
        season: transfer.season,
        version: transfer.version,
        state,
        reason: transfer.reason,
        started_by: transfer.started_by,
        filed_by: transfer.filer_account_id,
        filed_for: transfer.filer_organization_id,
        member_account,
        origin: origin(transfer)?,
        destination: destination(conn, transfer)?,
    };
    let policy = super::policies::of_season(conn, transfer.season)?;
    Ok(Loaded { case, holders, policy })
}

fn origin(transfer: &Transfer) -> Result<Origin> {
    match (transfer.source_branch_id, transfer.member_id, transfer.source_province) {
        (Some(branch), Some(member), None) => Ok(Origin::Branch { branch, member }),
        (None, member, Some(province)) => Ok(Origin::Province {
            province: two_digits(province)?,
            member,
        }),
        _ => Err(Error::Corrupt("a case's origin")),
    }
}

fn destination(conn: &mut Conn, transfer: &Transfer) -> Result<Destination> {
    match (transfer.target_kind, transfer.target_province) {
        (DestinationKind::Organization, None) => {
            let target = organizations::find(conn, transfer.target_id)?.ok_or(Error::Corrupt("a case's target"))?;
            Ok(Destination::Organization(target.facts()))
        }
        (DestinationKind::Province, Some(province)) => Ok(Destination::Province {
            province: two_digits(province)?,
            organ: transfer.target_id,
        }),
        (DestinationKind::Holding, None) => Ok(Destination::Holding(transfer.target_id)),
        _ => Err(Error::Corrupt("a case's destination")),
    }
}

fn two_digits(province: i32) -> Result<u8> {
    province.try_into().map_err(|_| Error::Corrupt("a province's digits"))
}

/// A case with its holders, if the caller may know of it (A7): the member, both sides and their superiors, whoever holds its
/// turn, and the system of the province it comes from or goes to (X1, X2).
///
/// # Errors
/// `transfer.not_found`; what does not exist costs the same statements as what may not be seen.
fn seen(conn: &mut Conn, actor: &Actor, action: Action, id: TransferId, found: Option<Transfer>) -> Result<Transfer> {
    let turn = found.as_ref().and_then(|transfer| transfer.state()?.turn());
    let duty = turn.map_or(Duty::ApprovalIn, |turn| turn.duty);
    let holders = inbox::holders(conn, duty.as_str(), id.0)?;
    let transfer = found.ok_or(Code::TransferNotFound)?;
    sees(actor, action, Object::Between(&sides(&transfer, &holders)?))?;
    Ok(transfer)
}

/// A case as far as authority goes.
fn sides<'a>(transfer: &Transfer, holders: &'a [OrganizationId]) -> Result<Sides<'a>> {
    let province = |province: Option<i32>| province.map(two_digits).transpose();
    Ok(Sides {
        member: transfer.member_id,
        secret: transfer.reason == Reason::SpecialUnit,
        source: authority::Side {
            organization: transfer.source_branch_id,
            path: transfer.source_path.parse().ok(),
            province: province(transfer.source_province)?,
        },
        target: authority::Side {
            organization: Some(transfer.target_id),
            // A holding keeps no path (S-30).
            path: transfer.target_path.parse().ok(),
            province: province(transfer.target_province)?,
        },
        holders,
    })
}

/// An organization's chain of superiors with their administrators.
fn chain_of(conn: &mut Conn, organization: OrganizationId) -> Result<Chain> {
    let found = organizations::find(conn, organization)?.ok_or(Error::Corrupt("an organization of a case"))?;
    chain::of(conn, &found.path)?.ok_or(Error::Corrupt("an organization's superiors"))
}

/// Puts a case before whoever's turn it is: one inbox row for each organization that may act (A8). It is `before` these
/// by now.
fn hand_over(
    conn: &mut Conn,
    case: &Case,
    policy: &Policy,
    member_name: &str,
    before: &[OrganizationId],
) -> Result<Vec<OrganizationId>> {
    let holders = holders(conn, case, &[])?;
    if let Some(thing) = InboxEntry::of(case, policy, member_name) {
        inbox::pass_on(conn, &thing, before, &holders)?;
    }
    Ok(holders)
}

/// The organizations that may act on a case (A10, T11). `known` are chains that were loaded in this transaction already.
fn holders(conn: &mut Conn, case: &Case, known: &[&Chain]) -> Result<Vec<OrganizationId>> {
    let Some(turn) = case.state.turn() else {
        return Ok(Vec::new());
    };
    let is_its = |chain: &&&Chain| chain.first().organization == turn.organization;
    let excluded = case.excluded();
    let holders = match known.iter().find(is_its) {
        Some(chain) => turn.holders(chain, &excluded),
        None => turn.holders(&chain_of(conn, turn.organization)?, &excluded),
    };
    Ok(holders.organizations)
}

impl<'a> InboxEntry<'a> {
    /// A case as an inbox shows it; `None` if it waits for nobody.
    fn of(case: &Case, policy: &Policy, member_name: &'a str) -> Option<Self> {
        Some(Self {
            kind: case.state.turn()?.duty.as_str(),
            subject: case.id.0,
            member_name: Some(member_name),
            since: case.state.since(),
            due: expiry::deadline(&case.state, policy),
        })
    }
}

/// Takes a case away from whoever had the turn.
fn take_back(conn: &mut Conn, case: &Case, state: &State) -> Result<()> {
    if let Some(turn) = state.turn() {
        inbox::close(conn, turn.duty.as_str(), case.id.0)?;
    }
    Ok(())
}
