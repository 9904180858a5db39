//! Overdue cases (A6): the service ends them, or puts them in the direct superior's inbox.
//!
//! Both jobs take the longest overdue cases first. A settled case is no longer in that list, so the next batch starts
//! at the front again and skips only the cases that could not be settled. This reaches every case, even if the job has
//! not run for a long time.

use super::case::load_case;
use super::decide::{advance, conclude};
use super::turn::close_inbox_entries;
use crate::db::Conn;
use crate::domain::audit::AuditAction;
use crate::domain::core::ids::TransferId;
use crate::domain::core::time::{Season, Timestamp};
use crate::domain::policy::Policy;
use crate::domain::transfer::case::Case;
use crate::domain::transfer::decide::{self as rules, Transition};
use crate::domain::transfer::expiry;
use crate::domain::transfer::state::CaseState;
use crate::repository::{appointments, inbound, inbox, transfers};
use crate::service::jobs::{self, Batch};
use crate::service::{Context, Error, Result, audit, policies};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

type OverdueRule = fn(Case, &Policy, Timestamp) -> Option<Transition>;

/// The number of cases at the front of the list that could not be settled. The next batch skips them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skip(i64);

/// Ends the next cases that waited too long for an approval.
///
/// # Errors
/// When the database fails.
pub fn expire(conn: &mut Conn, context: &Context, skip: Skip, limit: i64) -> Result<Batch<Skip>> {
    let overdue = transfers::overdue(conn, context.now, false, skip.0, limit)?;
    let tally = jobs::together(
        conn,
        &overdue,
        |conn, ids| expire_many(conn, context, ids),
        |conn, id| settle_one(conn, context, id, rules::expire, AuditAction::TransferExpired),
    )?;
    Ok(Batch::of(overdue.len(), limit, tally, Skip(skip.0 + tally.failed)))
}

/// Puts the next late assignments into the direct superior's inbox too.
///
/// # Errors
/// When the database fails.
pub fn escalate(conn: &mut Conn, context: &Context, skip: Skip, limit: i64) -> Result<Batch<Skip>> {
    let stale = transfers::overdue(conn, context.now, true, skip.0, limit)?;
    let tally = jobs::each(conn, stale.iter().copied(), |conn, id| {
        settle_one(conn, context, id, rules::escalate, AuditAction::TransferEscalated)
    })?;
    Ok(Batch::of(stale.len(), limit, tally, Skip(skip.0 + tally.failed)))
}

/// Ends the overdue cases among `ids`, each as [`settle_one`] would. The others get their current deadline.
fn expire_many(conn: &mut Conn, context: &Context, ids: &[TransferId]) -> Result<usize> {
    appointments::lock_offices_shared(conn)?;
    let mut known: HashMap<Season, Policy> = HashMap::new();
    let (mut ended, mut inbound, mut event) = (Vec::new(), Vec::new(), None);
    for case in transfers::waiting_locked(conn, ids)? {
        let state = case.state.ok_or(Error::Corrupt("a case's state is invalid"))?;
        let policy = match known.entry(case.season) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(policies::of_season(conn, case.season)?),
        };
        match rules::expiry_event(&state, case.version, policy, context.now) {
            Some(expired) => {
                ended.push(case.id);
                inbound.extend(case.is_inbound.then_some(case.id));
                event = Some(expired);
            }
            None => transfers::set_deadline(conn, case.id, expiry::deadline(&state, policy))?,
        }
    }
    let Some(event) = event else {
        return Ok(0);
    };
    let stored = transfers::end_many(conn, &ended, &CaseState::Expired { at: context.now })?;
    if stored != ended.len() {
        return Err(Error::Corrupt("cases that were locked are missing"));
    }
    let facts = serde_json::to_string(&event.kind).map_err(|_| Error::Corrupt("an event can't be written as JSON"))?;
    transfers::append_event_to_many(conn, &ended, &event, &facts)?;
    inbox::close_transfers(conn, &ended)?;
    inbound::close_many(conn, &inbound)?;
    audit::record_same_for(conn, context, AuditAction::TransferExpired, &ended)?;
    Ok(stored)
}

/// Settles one case and returns whether it did. A case that was decided meanwhile is left unchanged. A case whose
/// policy has changed gets its current deadline, so that it leaves the list.
fn settle_one(
    conn: &mut Conn,
    context: &Context,
    id: TransferId,
    rule: OverdueRule,
    action: AuditAction,
) -> Result<bool> {
    appointments::lock_offices_shared(conn)?;
    let Some(transfer) = transfers::find_locked(conn, id)? else {
        return Ok(false);
    };
    let loaded = load_case(conn, &transfer)?;
    let before = loaded.case.state.clone();
    match rule(loaded.case, &loaded.policy, context.now) {
        Some(transition) => {
            close_inbox_entries(conn, &transition.case, &before)?;
            // Neither the end nor the escalation of a case moves the member.
            let Transition { case, event, .. } = transition;
            advance(conn, &transfer, &case, &event, &loaded.policy)?;
            conclude(conn, context, &transfer, &case, None, &loaded.policy, action)?;
            Ok(true)
        }
        None => {
            transfers::set_deadline(conn, id, expiry::deadline(&before, &loaded.policy))?;
            Ok(false)
        }
    }
}
