//! Whether everything stored is as it must be: the invariants that are questions ([`invariants::ALL`]), each case's
//! history played again, and the engine's own structures.

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

/// How many cases are in memory at once.
const PAGE: i64 = 1000;

/// What one invariant was found to be.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Its number, such as `I-02`.
    pub number: &'static str,
    /// What holds.
    pub holds: &'static str,
    /// The rows of which it does not, by their keys, up to [`invariants::NAMED`]; empty if all is well.
    pub broken: Vec<String>,
}

/// What a case's history is held against, one after the other.
const BY_HISTORY: [(&str, &str); 4] = [
    ("I-05", "a completed case to a special unit was before the province"),
    (
        "I-06",
        "a case took only ways of the state machine, and none behind its end (I-07)",
    ),
    ("I-10", "the events of a case lead to its row"),
    (
        "I-22",
        "what was ended or escalated by itself had waited too long, by a policy of its season",
    ),
];

/// The number of what [`BY_HISTORY`] says.
#[derive(Debug, Clone, Copy)]
enum Fault {
    SpecialUnit,
    Edge,
    Row,
    Early,
}

/// How many findings [`run`] has to tell.
pub fn count() -> usize {
    invariants::ALL.len() + BY_HISTORY.len() + 1
}

/// Checks everything; `tell` gets each finding as soon as it is there. To be called in a transaction that sees one state
/// (`db::dialect::survey`).
///
/// # Errors
/// When the database fails, which is no finding.
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
    tell(Finding {
        number: "I-34",
        holds: "the engine finds its own structures sound",
        broken: invariants::unsound(conn)?,
    });
    Ok(())
}

type Policies = HashMap<Season, Vec<Policy>>;

/// Plays every case's history again, page by page.
fn replay_all(conn: &mut Conn) -> Result<[Vec<String>; BY_HISTORY.len()]> {
    let mut policies = Policies::new();
    for body in invariants::policies(conn)? {
        // A policy that can't be read is in force nowhere; whoever needs it fails.
        if let Ok(policy) = serde_json::from_str::<Policy>(&body) {
            policies.entry(policy.season).or_default().push(policy);
        }
    }
    let mut broken = <[Vec<String>; BY_HISTORY.len()]>::default();
    let mut after = TransferId(0);
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

/// The first thing that is wrong with a history.
fn replay((case, events): &History, policies: &Policies) -> Option<Fault> {
    let mut state: Option<CaseState> = None;
    let mut phases = Vec::new();
    for event in events {
        let Some(event) = event else { return Some(Fault::Edge) };
        if let Some(before) = &state
            && is_early(before, event, case.season, policies)
        {
            return Some(Fault::Early);
        }
        let Some(next) = apply(state, event) else {
            return Some(Fault::Edge);
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

/// Whether the system ended or escalated a case before its time: by the default policy and by each that its season had,
/// since which was in force then depends on the instant the job was run for.
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
