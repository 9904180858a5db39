//! Stored cases as the rules see them, and who may know of them (A7).

use crate::db::Conn;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object, Sides};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{OrganizationId, TransferId};
use crate::domain::organization::turn::Duty;
use crate::domain::policy::Policy;
use crate::domain::transfer::case::Case;
use crate::domain::transfer::reason::Reason;
use crate::domain::transfer::route::{Destination, DestinationKind, Origin};
use crate::repository::transfers::Transfer;
use crate::repository::{accounts, inbound, inbox, organizations};
use crate::service::{Error, Result, policies, sees};

/// A case with everything that a decision about it needs.
pub(super) struct LoadedCase {
    pub case: Case,
    /// The organizations that may act on it now.
    pub holders: Vec<OrganizationId>,
    /// The policy of its season.
    pub policy: Policy,
}

/// Loads everything that a decision about a case needs.
pub(super) fn load_case(conn: &mut Conn, transfer: &Transfer) -> Result<LoadedCase> {
    let state = transfer.state().ok_or(Error::Corrupt("a case's state is invalid"))?;
    let holders = match state.turn() {
        Some(turn) => inbox::holders(conn, turn.duty.as_str(), transfer.id.0)?,
        None => Vec::new(),
    };
    let member_account = match transfer.member_id {
        Some(member) => accounts::of_member(conn, member)?,
        // The person of an inbound case may hold an office here, and does not decide their own case (I-04).
        None => match inbound::find(conn, transfer.id)? {
            Some(person) => accounts::by_id_number(conn, &person.id_number_digest)?.map(|(account, _)| account.id),
            None => None,
        },
    };
    let case = Case {
        id: transfer.id,
        season: transfer.season,
        version: transfer.version,
        state,
        reason: transfer.reason,
        started_by: transfer.started_by,
        proposed_by: transfer.proposer_account_id,
        proposed_for: transfer.proposer_organization_id,
        member_account,
        origin: origin(transfer)?,
        destination: destination(conn, transfer)?,
    };
    let policy = policies::of_season(conn, transfer.season)?;
    Ok(LoadedCase { case, holders, policy })
}

fn origin(transfer: &Transfer) -> Result<Origin> {
    match (transfer.source_branch_id, transfer.member_id, transfer.source_province) {
        (Some(branch), Some(member), None) => Ok(Origin::Branch { branch, member }),
        (None, member, Some(province)) => Ok(Origin::Province {
            province: two_digits(province)?,
            member,
        }),
        _ => Err(Error::Corrupt("a case's origin is invalid")),
    }
}

fn destination(conn: &mut Conn, transfer: &Transfer) -> Result<Destination> {
    match (transfer.target_kind, transfer.target_province) {
        (DestinationKind::Organization, None) => {
            let target =
                organizations::find(conn, transfer.target_id)?.ok_or(Error::Corrupt("a case's target is missing"))?;
            Ok(Destination::Organization(target.facts()))
        }
        (DestinationKind::Province, Some(province)) => Ok(Destination::Province {
            province: two_digits(province)?,
            organ: transfer.target_id,
        }),
        (DestinationKind::Holding, None) => Ok(Destination::Holding(transfer.target_id)),
        _ => Err(Error::Corrupt("a case's destination is invalid")),
    }
}

fn two_digits(province: i32) -> Result<u8> {
    province
        .try_into()
        .map_err(|_| Error::Corrupt("a province's code is out of range"))
}

/// A case, if the caller may know of it (A7). These are the member, both sides and their superiors, the holders, and
/// the system of the external province it comes from or goes to (X1, X2).
///
/// # Errors
/// `transfer.not_found`. A missing case costs the same statements as a hidden one.
pub(super) fn visible(
    conn: &mut Conn,
    actor: &Actor,
    action: Action,
    id: TransferId,
    found: Option<Transfer>,
) -> Result<Transfer> {
    let turn = found.as_ref().and_then(|transfer| transfer.state()?.turn());
    let duty = turn.map_or(Duty::ApprovalIn, |turn| turn.duty);
    let holders = inbox::holders(conn, duty.as_str(), id.0)?;
    let transfer = found.ok_or(Code::TransferNotFound)?;
    sees(actor, action, Object::Between(&sides(&transfer, &holders)?))?;
    Ok(transfer)
}

/// The sides of a case for authorization.
fn sides<'a>(transfer: &Transfer, holders: &'a [OrganizationId]) -> Result<Sides<'a>> {
    let province = |province: Option<i32>| province.map(two_digits).transpose();
    Ok(Sides {
        member: transfer.member_id,
        secret: transfer.reason == Reason::SpecialUnit,
        source: authority::SideScope {
            organization: transfer.source_branch_id,
            path: transfer.source_path.parse().ok(),
            province: province(transfer.source_province)?,
        },
        target: authority::SideScope {
            organization: Some(transfer.target_id),
            // A case into a holding stores no path (S-30).
            path: transfer.target_path.parse().ok(),
            province: province(transfer.target_province)?,
        },
        holders,
    })
}
