//! When the appointments at an organization change, the cases that wait there move to the organizations that can decide
//! them now (A10, I-31).

use super::case::load_case;
use super::turn::move_inbox_entries;
use crate::db::Conn;
use crate::domain::core::time::Timestamp;
use crate::domain::organization::chain::Chain;
use crate::repository::organizations::Organization;
use crate::repository::transfers;
use crate::service::Result;

/// Resolves the holders again for every open case that the appointments at an organization affect. `chain` is the
/// organization's own.
///
/// # Errors
/// When the database fails.
pub fn reroute(conn: &mut Conn, organization: &Organization, chain: &Chain, now: Timestamp) -> Result<()> {
    let above: Vec<_> = organization.path.superiors().collect();
    let found =
        transfers::affected_by_appointments(conn, organization.id, &organization.path, &above, chain.may_orphan())?;
    for id in found {
        // A case that was closed meanwhile has no inbox entries any more.
        let Some(transfer) = transfers::find_locked(conn, id)?.filter(|transfer| transfer.closed_at.is_none()) else {
            continue;
        };
        let loaded = load_case(conn, &transfer)?;
        let holders = move_inbox_entries(
            conn,
            &loaded.case,
            &loaded.policy,
            &transfer.member_name,
            &loaded.holders,
        )?;
        if holders.is_empty() != transfer.orphaned_at.is_some() {
            transfers::set_orphaned(conn, id, holders.is_empty().then_some(now))?;
        }
    }
    Ok(())
}
