//! The history of a case (A7): one event for each transition, numbered from 1 without gaps (I-09).

use super::state::{CaseOutcome, CaseState};
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::Timestamp;
use crate::domain::core::vocabulary::vocabulary;
use serde::{Deserialize, Serialize};

/// One step of a case's history: who, when, what, why, and whether it was automatic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The number of the event, which is also the case's version after it. The proposal has number 1.
    pub number: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The account that acted. `None` if the service did.
    pub by: Option<AccountId>,
    /// The organization it acted for. `None` for a member or the service.
    pub acting_for: Option<OrganizationId>,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// Whether the service did it automatically (自动).
    pub fn is_automatic(&self) -> bool {
        self.by.is_none()
    }
}

/// What happened, with its facts. It is stored as JSON beside the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// The transfer was proposed (发起).
    Proposed {
        /// The first state of the case.
        first: CaseState,
    },
    /// An approval (同意), or another province's acceptance.
    Approved {
        /// The state after the approval.
        next: CaseState,
    },
    /// The receiving organization assigned the member to a branch (分配).
    Assigned {
        /// The branch.
        branch: OrganizationId,
    },
    /// A refusal (不同意), which may be another province's.
    Refused {
        /// The reason for the refusal.
        reason: Remark,
    },
    /// The transfer was taken back (撤销).
    Withdrawn,
    /// The service ended the transfer (自动终止).
    Expired,
    /// A late assignment was shown to the direct superior.
    Escalated,
}

vocabulary! {
    /// The name of an event.
    EventName {
        Proposed = "proposed", "发起", "proposed";
        Approved = "approved", "同意", "approved";
        Assigned = "assigned", "分配", "assigned to a branch";
        Refused = "refused", "不同意", "refused";
        Withdrawn = "withdrawn", "撤销", "withdrawn";
        Expired = "expired", "自动终止", "ended by the service";
        Escalated = "escalated", "提醒直属上级", "brought before the direct superior";
    }
}

impl EventKind {
    /// The name on the wire and in the database.
    pub fn name(&self) -> EventName {
        match self {
            Self::Proposed { .. } => EventName::Proposed,
            Self::Approved { .. } => EventName::Approved,
            Self::Assigned { .. } => EventName::Assigned,
            Self::Refused { .. } => EventName::Refused,
            Self::Withdrawn => EventName::Withdrawn,
            Self::Expired => EventName::Expired,
            Self::Escalated => EventName::Escalated,
        }
    }
}

/// The events do not form the history of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {number} cannot follow what happened before it")]
pub struct ReplayError {
    /// The number that the invalid event should have.
    pub number: i64,
}

/// I-10: the state that a case's events lead to. It fails if they do not start with a proposal, have a gap, or make a
/// transition that the state machine does not have.
pub fn replay(events: &[Event]) -> Result<CaseState, ReplayError> {
    let mut state: Option<CaseState> = None;
    for (number, event) in (1..).zip(events) {
        let next = if event.number == number {
            apply(state, event)
        } else {
            None
        };
        state = Some(next.ok_or(ReplayError { number })?);
    }
    state.ok_or(ReplayError { number: 1 })
}

/// The state after one more event. `None` if the state machine has no such edge. Decisions compute their new state with
/// this function too, so a row and its history cannot differ.
pub fn apply(state: Option<CaseState>, event: &Event) -> Option<CaseState> {
    let at = event.at;
    let Some(state) = state else {
        return match &event.kind {
            EventKind::Proposed { first } if first.is_open() => Some(first.clone()),
            _ => None,
        };
    };
    let next = match (&event.kind, &state) {
        (EventKind::Proposed { .. }, _) => return None,
        (EventKind::Approved { .. }, CaseState::AwaitingAssignment { .. }) => return None,
        (EventKind::Approved { next }, _) => next.clone(),
        (EventKind::Assigned { branch }, CaseState::AwaitingAssignment { .. }) => CaseState::Completed {
            at,
            outcome: CaseOutcome::Branch(*branch),
        },
        (EventKind::Assigned { .. }, _) => return None,
        (
            EventKind::Escalated,
            CaseState::AwaitingAssignment {
                at: organization,
                since,
                escalated: None,
            },
        ) => CaseState::AwaitingAssignment {
            at: *organization,
            since: *since,
            escalated: Some(at),
        },
        (EventKind::Escalated, _) => return None,
        (EventKind::Refused { reason }, _) => CaseState::Refused {
            at,
            reason: reason.clone(),
        },
        (EventKind::Withdrawn, _) => CaseState::Withdrawn { at },
        (EventKind::Expired, _) => CaseState::Expired { at },
    };
    state.phase().next().contains(&next.phase()).then_some(next)
}
