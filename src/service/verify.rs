//! `zhuanjie verify`: checks that everything stored keeps the invariants.
//!
//! There are three kinds of checks: one query for each of [`invariants::ALL`], a replay of each case's history, and the
//! engine's check of its own structures.

use super::Result;
use crate::db::Conn;
use crate::domain::core::ids::TransferId;
use crate::domain::core::time::Season;
use crate::domain::policy::Policy;
use crate::domain::transfer::events::{Event, EventKind, apply};
use crate::domain::transfer::expiry;
use crate::domain::transfer::route::DestinationKind;
use crate::domain::transfer::state::{CaseState, Phase};
use crate::repository::invariants::{self, History};
use std::collections::HashMap;

/// The number of cases that are in memory at once.
const PAGE: i64 = 1000;

/// How an invariant is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By a query that finds the rows that break it.
    Query,
    /// By replaying each case's history.
    Replay,
    /// By the engine itself.
    Engine,
}

/// An invariant that [`run`] checks.
#[derive(Debug, Clone, Copy)]
pub struct StoredInvariant {
    /// Its number, such as `I-02`.
    pub number: &'static str,
    /// What holds, as a sentence.
    pub holds: &'static str,
    /// How it is checked.
    pub method: Method,
}

/// The result of checking one invariant.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The number of the invariant.
    pub number: &'static str,
    /// What holds, as a sentence.
    pub holds: &'static str,
    /// The keys of the rows that break it, at most [`invariants::NAMED`]. Empty if it holds.
    pub broken: Vec<String>,
}

/// The invariants that the replay checks, in the order of [`Fault`].
const BY_HISTORY: [(&str, &str); 4] = [
    (
        "I-05",
        "A completed case to a special unit waited for the province's approval.",
    ),
    (
        "I-06",
        "A case took only transitions of the state machine, and none after a final state (I-07).",
    ),
    ("I-10", "Replaying a case's events gives its stored row."),
    (
        "I-22",
        "A case that the service ended or escalated had waited long enough, by a policy of its season.",
    ),
];

/// The invariant that the engine checks.
const BY_ENGINE: (&str, &str) = ("I-34", "The engine finds its own structures sound.");

/// A fault that the replay finds. Its number is the index in [`BY_HISTORY`].
#[derive(Debug, Clone, Copy)]
enum Fault {
    SpecialUnit,
    Transition,
    Row,
    Early,
}

/// Every invariant that [`run`] checks, in order.
pub fn checked() -> Vec<StoredInvariant> {
    let by_query = invariants::ALL
        .iter()
        .map(|invariant| (invariant.number, invariant.holds, Method::Query));
    let by_replay = BY_HISTORY
        .iter()
        .map(|(number, holds)| (*number, *holds, Method::Replay));
    by_query
        .chain(by_replay)
        .chain([(BY_ENGINE.0, BY_ENGINE.1, Method::Engine)])
        .map(|(number, holds, method)| StoredInvariant { number, holds, method })
        .collect()
}

/// Checks everything and calls `tell` with each finding as soon as it is known. It must run in a transaction that sees
/// one state of the database ([`crate::db::Db::survey`]).
///
/// # Errors
/// When the database fails. A broken invariant is a finding, not an error.
pub fn run(conn: &mut Conn, mut tell: impl FnMut(Finding)) -> Result<()> {
    for invariant in invariants::ALL {
        tell(Finding {
            number: invariant.number,
            holds: invariant.holds,
            broken: invariant.broken(conn)?,
        });
    }
    let broken = replay_all(conn)?;
    for ((number, holds), broken) in BY_HISTORY.into_iter().zip(broken) {
        tell(Finding { number, holds, broken });
    }
    let (number, holds) = BY_ENGINE;
    let broken = invariants::unsound(conn)?;
    tell(Finding { number, holds, broken });
    Ok(())
}

type Policies = HashMap<Season, Vec<Policy>>;

/// Replays the history of every case, a page of cases at a time.
fn replay_all(conn: &mut Conn) -> Result<[Vec<String>; BY_HISTORY.len()]> {
    let mut policies = Policies::new();
    for body in invariants::policies(conn)? {
        // A policy that can't be read was never in force, because every use of it fails.
        if let Ok(policy) = serde_json::from_str::<Policy>(&body) {
            policies.entry(policy.season).or_default().push(policy);
        }
    }
    let mut broken = <[Vec<String>; BY_HISTORY.len()]>::default();
    let mut after = TransferId::NONE;
    loop {
        let page = invariants::histories(conn, after, PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(broken);
        };
        after = last.id;
        for history in &page {
            if let Some(fault) = replay(history, &policies) {
                let named = &mut broken[fault as usize];
                if named.len() < invariants::NAMED {
                    named.push(format!("case {}", history.0.id.0));
                }
            }
        }
    }
}

/// The first fault of a history.
fn replay((case, events): &History, policies: &Policies) -> Option<Fault> {
    let mut state: Option<CaseState> = None;
    let mut phases = Vec::new();
    for event in events {
        let Some(event) = event else {
            return Some(Fault::Transition);
        };
        if let Some(before) = &state
            && is_early(before, event, case.season, policies)
        {
            return Some(Fault::Early);
        }
        let Some(next) = apply(state, event) else {
            return Some(Fault::Transition);
        };
        phases.push(next.phase());
        state = Some(next);
    }
    let is_completed = phases.last() == Some(&Phase::Completed);
    if state != case.state() {
        return Some(Fault::Row);
    }
    let to_special_unit = case.target_kind == DestinationKind::Holding;
    (is_completed && to_special_unit && !phases.contains(&Phase::AwaitingProvince)).then_some(Fault::SpecialUnit)
}

/// Whether the service ended or escalated a case too early by the default policy and by every stored policy of its
/// season. Which of them was in force is not stored, since it depends on the instant that the job ran for.
fn is_early(before: &CaseState, event: &Event, season: Season, policies: &Policies) -> bool {
    let is_due = match event.kind {
        EventKind::Expired => expiry::is_overdue,
        EventKind::Escalated => expiry::is_stale,
        _ => return false,
    };
    let default = Policy::default_for(season);
    let mut had = policies.get(&season).into_iter().flatten().chain([&default]);
    !had.any(|policy| is_due(before, policy, event.at))
}
