//! Appointment requests, certifications and month changes while they wait: each is before those who may decide it now
//! (A10).

use super::Result;
use crate::db::Conn;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::Timestamp;
use crate::repository::inbox::{self, InboxEntry};
use crate::repository::pending::{Affected, PendingRow};

/// What waits for a decision.
pub(super) trait Pending: PendingRow {
    /// How it stands in an inbox, and in whose.
    fn waiting(&self, conn: &mut Conn) -> Result<Waiting>;
}

/// How something that waits stands in an inbox, and in whose.
pub(super) struct Waiting {
    /// Its key.
    pub subject: i64,
    /// Since when it waits.
    pub since: Timestamp,
    /// Whom it is about, if the inbox shows that.
    pub member_name: Option<String>,
    /// The organizations that may decide it now.
    pub holders: Vec<OrganizationId>,
}

/// Puts something that waits before exactly those who may decide it now.
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

/// A10: puts what waits in a subtree in which offices have changed before those who may decide it now.
///
/// # Errors
/// When the database fails.
pub(super) fn reroute<P: Pending>(conn: &mut Conn, affected: &Affected<'_>) -> Result<()> {
    for id in P::affected(conn, affected)? {
        // Decided meanwhile, it waits for nobody.
        if let Some(pending) = P::find_locked(conn, id)?.filter(P::is_open) {
            hand_to_holders(conn, &pending)?;
        }
    }
    Ok(())
}
