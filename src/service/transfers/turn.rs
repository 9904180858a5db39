//! Whose turn a case is, and the inbox entries that say so (A8, A10).

use crate::db::Conn;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::chain::Chain;
use crate::domain::policy::Policy;
use crate::domain::transfer::case::Case;
use crate::domain::transfer::expiry;
use crate::domain::transfer::state::CaseState;
use crate::repository::inbox::{self, InboxEntry};
use crate::repository::organizations;
use crate::service::organizations::chain_of;
use crate::service::{Error, Result};

/// An organization and its superiors with those who can act for them.
fn chain_at(conn: &mut Conn, organization: OrganizationId) -> Result<Chain> {
    let found = organizations::find(conn, organization)?.ok_or(Error::Corrupt("an organization of a case"))?;
    chain_of(conn, &found.path)
}

/// Gives an inbox entry to each organization that may act on a case (A8), and takes it from those among `before` that may
/// not. Gives back who may act.
pub(super) fn move_inbox_entries(
    conn: &mut Conn,
    case: &Case,
    policy: &Policy,
    member_name: &str,
    before: &[OrganizationId],
) -> Result<Vec<OrganizationId>> {
    let holders = holders(conn, case, &[])?;
    if let Some(entry) = inbox_entry(case, policy, member_name) {
        inbox::replace_holders(conn, &entry, before, &holders)?;
    }
    Ok(holders)
}

/// The organizations that may act on a case (A10, T11). `known` are chains that were loaded in this transaction already.
pub(super) fn holders(conn: &mut Conn, case: &Case, known: &[&Chain]) -> Result<Vec<OrganizationId>> {
    let Some(turn) = case.state.turn() else {
        return Ok(Vec::new());
    };
    let is_its = |chain: &&&Chain| chain.first().organization == turn.organization;
    let excluded = case.excluded();
    let holders = match known.iter().find(is_its) {
        Some(chain) => turn.holders(chain, &excluded),
        None => turn.holders(&chain_at(conn, turn.organization)?, &excluded),
    };
    Ok(holders.organizations)
}

/// A case as an inbox shows it; `None` if it waits for nobody.
pub(super) fn inbox_entry<'a>(case: &Case, policy: &Policy, member_name: &'a str) -> Option<InboxEntry<'a>> {
    Some(InboxEntry {
        kind: case.state.turn()?.duty.as_str(),
        subject: case.id.0,
        member_name: Some(member_name),
        since: case.state.since(),
        due: expiry::deadline(&case.state, policy),
    })
}

/// Deletes the inbox entries of those whose turn a case was in a state.
pub(super) fn close_inbox_entries(conn: &mut Conn, case: &Case, state: &CaseState) -> Result<()> {
    if let Some(turn) = state.turn() {
        inbox::close(conn, turn.duty.as_str(), case.id.0)?;
    }
    Ok(())
}
