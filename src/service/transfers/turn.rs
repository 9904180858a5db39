//! The turn of a case, and its inbox entries (A8, A10).

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

/// The chain of an organization.
fn chain_at(conn: &mut Conn, organization: OrganizationId) -> Result<Chain> {
    let found = organizations::find(conn, organization)?.ok_or(Error::Corrupt("a case's organization is missing"))?;
    chain_of(conn, &found.path)
}

/// Adds an inbox entry for each holder of a case (A8), and removes those of the organizations among `before` that are
/// holders no more. Returns the holders.
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

/// The holders of a case (A10, T11). `known` are chains that this transaction has already loaded.
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

/// The inbox entry of a case. `None` if the case waits for nobody.
pub(super) fn inbox_entry<'a>(case: &Case, policy: &Policy, member_name: &'a str) -> Option<InboxEntry<'a>> {
    Some(InboxEntry {
        kind: case.state.turn()?.duty.as_str(),
        subject: case.id.0,
        member_name: Some(member_name),
        since: case.state.since(),
        due: expiry::deadline(&case.state, policy),
    })
}

/// Deletes the inbox entries that a case had in a state.
pub(super) fn close_inbox_entries(conn: &mut Conn, case: &Case, state: &CaseState) -> Result<()> {
    if let Some(turn) = state.turn() {
        inbox::close(conn, turn.duty.as_str(), case.id.0)?;
    }
    Ok(())
}
