//! Cases left alone (A6): ended by the system, or brought before the direct superior.

use super::decide::store;
use super::{load, take_back};
use crate::db::Conn;
use crate::db::types::Micros;
use crate::domain::ids::TransferId;
use crate::domain::transfer::decide as rules;
use crate::repository::transfers;
use crate::service::{Context, Result};

/// The next cases whose deadline has passed, longest overdue first. However long the job slept, all of them come.
///
/// # Errors
/// When the database fails.
pub fn overdue(
    conn: &mut Conn,
    context: &Context,
    after: Option<(Micros, TransferId)>,
    limit: i64,
) -> Result<Vec<(Micros, TransferId)>> {
    Ok(transfers::overdue(conn, context.now, after, limit)?)
}

/// Ends or escalates one case if the rule says so now; whether it did. A case that somebody decided meanwhile is left
/// alone.
///
/// # Errors
/// When the case's row can't be read or stored.
pub fn end_overdue(conn: &mut Conn, context: &Context, id: TransferId) -> Result<bool> {
    let Some(transfer) = transfers::find_locked(conn, id)? else {
        return Ok(false);
    };
    let loaded = load(conn, &transfer)?;
    let before = loaded.case.state.clone();
    let (transition, action) = match rules::expire(loaded.case.clone(), &loaded.policy, context.now) {
        Some(transition) => (Some(transition), "transfer.expired"),
        None => (
            rules::escalate(loaded.case, &loaded.policy, context.now),
            "transfer.escalated",
        ),
    };
    let Some(transition) = transition else { return Ok(false) };
    take_back(conn, &transition.case, &before)?;
    store(conn, context, &transfer, transition, action)?;
    Ok(true)
}
