//! Cases left alone (A6): ended by the system, or brought before the direct superior.
//!
//! Both jobs take what is longest overdue first. A case that is settled drops out of that list, so the next batch begins
//! at its front again and skips only those that could not be settled: however long the job slept, all of them come.

use super::decide::store;
use super::{load, take_back};
use crate::db::Conn;
use crate::domain::ids::TransferId;
use crate::domain::policy::Policy;
use crate::domain::time::Timestamp;
use crate::domain::transfer::case::Case;
use crate::domain::transfer::decide::{self as rules, Transition};
use crate::domain::transfer::expiry;
use crate::repository::{appointments, transfers};
use crate::service::jobs::{self, Batch};
use crate::service::{Context, Result};

type Rule = fn(Case, &Policy, Timestamp) -> Option<Transition>;

/// Ends the next cases that waited too long for an approval; `skip` is how many at the front could not be ended.
///
/// # Errors
/// When the database fails.
pub fn expire(conn: &mut Conn, context: &Context, skip: i64, limit: i64) -> Result<Batch> {
    let overdue = transfers::overdue(conn, context.now, false, skip, limit)?;
    settle(conn, context, &overdue, skip, limit, rules::expire, "transfer.expired")
}

/// Brings the next stale assignments before the direct superior; `skip` as in [`expire`].
///
/// # Errors
/// When the database fails.
pub fn escalate(conn: &mut Conn, context: &Context, skip: i64, limit: i64) -> Result<Batch> {
    let stale = transfers::overdue(conn, context.now, true, skip, limit)?;
    settle(
        conn,
        context,
        &stale,
        skip,
        limit,
        rules::escalate,
        "transfer.escalated",
    )
}

fn settle(
    conn: &mut Conn,
    context: &Context,
    found: &[TransferId],
    skip: i64,
    limit: i64,
    rule: Rule,
    action: &str,
) -> Result<Batch> {
    let tally = jobs::each(conn, found.iter().copied(), |conn, id| {
        settle_one(conn, context, id, rule, action)
    })?;
    let found = i64::try_from(found.len()).unwrap_or(limit);
    Ok(Batch {
        processed: tally.processed,
        failed: tally.failed,
        next: (found == limit).then_some(skip + tally.failed),
    })
}

/// One case; whether it was settled. One that somebody decided meanwhile is left alone, and one whose policy has changed
/// gets the deadline it has by now, so that it leaves the list as well.
fn settle_one(conn: &mut Conn, context: &Context, id: TransferId, rule: Rule, action: &str) -> Result<bool> {
    appointments::keep(conn)?;
    let Some(transfer) = transfers::find_locked(conn, id)? else {
        return Ok(false);
    };
    let loaded = load(conn, &transfer)?;
    let before = loaded.case.state.clone();
    match rule(loaded.case, &loaded.policy, context.now) {
        Some(transition) => {
            take_back(conn, &transition.case, &before)?;
            store(conn, context, &transfer, transition, None, &loaded.policy, action)?;
            Ok(true)
        }
        None => {
            transfers::set_deadline(conn, id, expiry::deadline(&before, &loaded.policy))?;
            Ok(false)
        }
    }
}
