//! Appointment requests, certifications and month changes that wait for a decision. Each is in the inboxes of its
//! holders (A10).

use super::Result;
use crate::db::Conn;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::Timestamp;
use crate::repository::inbox::{self, InboxEntry};
use crate::repository::pending::{Affected, PendingRow};

/// A row that waits for a decision.
pub(super) trait Pending: PendingRow {
    /// Its inbox entry and its holders.
    fn waiting(&self, conn: &mut Conn) -> Result<Waiting>;
}

/// The inbox entry of a waiting row, and its holders.
pub(super) struct Waiting {
    /// The key of the row.
    pub subject: i64,
    /// Since when it waits.
    pub since: Timestamp,
    /// The name of the member it is about, if the inbox shows one.
    pub member_name: Option<String>,
    /// The organizations that may decide it now.
    pub holders: Vec<OrganizationId>,
}

/// Puts a waiting row in the inboxes of its current holders, and in no others.
///
/// # Errors
/// When the database fails.
pub(super) fn hand_to_holders<P: Pending>(conn: &mut Conn, pending: &P) -> Result<()> {
    let waiting = pending.waiting(conn)?;
    let entry = InboxEntry {
        kind: P::KIND,
        subject: waiting.subject,
        member_name: waiting.member_name.as_deref(),
        since: waiting.since,
        due: None,
    };
    Ok(inbox::place(conn, &entry, &waiting.holders)?)
}

/// A10: updates the holders of what waits in a subtree in which appointments have changed.
///
/// # Errors
/// When the database fails.
pub(super) fn reroute<P: Pending>(conn: &mut Conn, affected: &Affected<'_>) -> Result<()> {
    for id in P::affected(conn, affected)? {
        // A row that was decided meanwhile has no holders.
        if let Some(pending) = P::find_locked(conn, id)?.filter(P::is_open) {
            hand_to_holders(conn, &pending)?;
        }
    }
    Ok(())
}
