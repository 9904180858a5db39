//! The states of a transfer. Each state carries its own facts and no others, so a case that waits for an assignment
//! cannot also carry a reason for refusal.

use crate::domain::core::ids::OrganizationId;
use crate::domain::core::text::Remark;
use crate::domain::core::time::Timestamp;
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::turn::{Duty, Turn};
use serde::{Deserialize, Serialize};

vocabulary! {
    /// Which side gives the ordinary approval (§1.5, §2.5).
    ApprovalSide {
        Source = "source", "转出方", "source side";
        Target = "target", "转入方", "target side";
    }

    /// The name of a state, without its facts. Lists filter by it, and the database stores it. Open states come first,
    /// in the order in which a case may pass through them.
    Phase {
        AwaitingLeadingOrgan = "awaiting_leading_organ", "待团的领导机关审批", "awaiting a leading organ's approval";
        AwaitingApproval = "awaiting_approval", "待审批", "awaiting approval";
        AwaitingProvince = "awaiting_province", "待省级团委审批", "awaiting the province-level leading organ's approval";
        ExternalPending = "external_pending", "待外省市系统答复", "awaiting the other province's answer";
        AwaitingAssignment = "awaiting_assignment", "待分配团支部", "awaiting assignment to a branch";
        Completed = "completed", "已完成", "completed";
        Refused = "refused", "已退回", "refused";
        Withdrawn = "withdrawn", "已撤销", "withdrawn";
        Expired = "expired", "超时终止", "expired";
    }
}

/// Where a completed transfer moved the member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// Into a branch of the national tree.
    Branch(OrganizationId),
    /// Into the special-unit holding (特殊单位专属库) under this province-level leading organ (A4).
    Holding(OrganizationId),
    /// Out of the national tree, to a province with a system of its own (X1).
    MovedOut(u8),
}

/// The state of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CaseState {
    /// The member is under 16 and leaves the school sector, so a leading organ approves first (T9, §2.2).
    AwaitingLeadingOrgan {
        /// The nearest leading organ above the member's branch.
        organ: OrganizationId,
        /// When the case entered this state.
        since: Timestamp,
    },
    /// The ordinary approval (A1 to A3, §1.5).
    AwaitingApproval {
        /// Which side approves.
        side: ApprovalSide,
        /// The organization that approves.
        at: OrganizationId,
        /// When the case entered this state.
        since: Timestamp,
    },
    /// The province-level leading organ's approval for a special unit (A4, §1.4.6).
    AwaitingProvince {
        /// The province-level leading organ above the member.
        organ: OrganizationId,
        /// When the case entered this state.
        since: Timestamp,
    },
    /// Another province's own system has to answer (X1, §1.4.5).
    ExternalPending {
        /// The two-digit code of that province.
        province: u8,
        /// That province's leading organ in the national directory.
        organ: OrganizationId,
        /// When the case entered this state.
        since: Timestamp,
    },
    /// The transfer is approved, and the receiving organization still has to choose a branch (A2, §1.5).
    AwaitingAssignment {
        /// The receiving organization.
        at: OrganizationId,
        /// When the case entered this state.
        since: Timestamp,
        /// When it was also shown to the direct superior (A6).
        escalated: Option<Timestamp>,
    },
    /// The member has moved.
    Completed {
        /// When the transfer was completed.
        at: Timestamp,
        /// Where the member moved.
        outcome: CaseOutcome,
    },
    /// An approver refused it (A5).
    Refused {
        /// When it was refused.
        at: Timestamp,
        /// The reason for the refusal.
        reason: Remark,
    },
    /// The side that started it, or the member, took it back (T10).
    Withdrawn {
        /// When it was withdrawn.
        at: Timestamp,
    },
    /// The service ended it because it waited too long (A6).
    Expired {
        /// When it expired.
        at: Timestamp,
    },
}

impl Phase {
    /// Whether the case is open. A member has at most one open case (T2).
    pub fn is_open(self) -> bool {
        !self.next().is_empty()
    }

    /// The edges of the state machine (I-06): the phases that may follow this one. No phase follows a final one (I-07).
    pub fn next(self) -> &'static [Phase] {
        use Phase::*;
        match self {
            AwaitingLeadingOrgan => &[AwaitingApproval, AwaitingProvince, ExternalPending, Refused, Withdrawn],
            AwaitingApproval => &[AwaitingAssignment, Completed, Refused, Withdrawn, Expired],
            AwaitingProvince => &[Completed, Refused, Withdrawn],
            ExternalPending => &[Completed, Refused, Withdrawn, Expired],
            // It stays in its phase when it is escalated. It is never ended for lateness (A6).
            AwaitingAssignment => &[AwaitingAssignment, Completed, Refused, Withdrawn],
            Completed | Refused | Withdrawn | Expired => &[],
        }
    }
}

impl CaseState {
    /// The state without its facts.
    pub fn phase(&self) -> Phase {
        match self {
            CaseState::AwaitingLeadingOrgan { .. } => Phase::AwaitingLeadingOrgan,
            CaseState::AwaitingApproval { .. } => Phase::AwaitingApproval,
            CaseState::AwaitingProvince { .. } => Phase::AwaitingProvince,
            CaseState::ExternalPending { .. } => Phase::ExternalPending,
            CaseState::AwaitingAssignment { .. } => Phase::AwaitingAssignment,
            CaseState::Completed { .. } => Phase::Completed,
            CaseState::Refused { .. } => Phase::Refused,
            CaseState::Withdrawn { .. } => Phase::Withdrawn,
            CaseState::Expired { .. } => Phase::Expired,
        }
    }

    /// What has to be done now, and by which organization. `None` once the case is closed.
    pub fn turn(&self) -> Option<Turn> {
        let turn = |duty, organization| {
            Some(Turn {
                duty,
                organization,
                escalated: false,
            })
        };
        match *self {
            CaseState::AwaitingLeadingOrgan { organ, .. } => turn(Duty::LeadingOrgan, organ),
            CaseState::AwaitingApproval {
                side: ApprovalSide::Source,
                at,
                ..
            } => turn(Duty::ApprovalOut, at),
            CaseState::AwaitingApproval {
                side: ApprovalSide::Target,
                at,
                ..
            } => turn(Duty::ApprovalIn, at),
            CaseState::AwaitingProvince { organ, .. } => turn(Duty::Province, organ),
            CaseState::ExternalPending { organ, .. } => turn(Duty::ExternalAnswer, organ),
            CaseState::AwaitingAssignment { at, escalated, .. } => Some(Turn {
                duty: Duty::Assignment,
                organization: at,
                escalated: escalated.is_some(),
            }),
            _ => None,
        }
    }

    /// Whether the case is open.
    pub fn is_open(&self) -> bool {
        self.phase().is_open()
    }

    /// When the case entered this state. An escalation does not restart the wait for an assignment.
    pub fn since(&self) -> Timestamp {
        match self {
            CaseState::AwaitingLeadingOrgan { since, .. }
            | CaseState::AwaitingApproval { since, .. }
            | CaseState::AwaitingProvince { since, .. }
            | CaseState::ExternalPending { since, .. }
            | CaseState::AwaitingAssignment { since, .. } => *since,
            CaseState::Completed { at, .. }
            | CaseState::Refused { at, .. }
            | CaseState::Withdrawn { at }
            | CaseState::Expired { at } => *at,
        }
    }
}

/// A state as the columns of a row. Facts that the state does not have are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateParts {
    /// The state's phase.
    pub phase: Phase,
    /// When the case entered this state.
    pub since: Timestamp,
    /// For an open case, the organization it waits at. For a completed case, the organization to which it moved the
    /// member.
    pub organization: Option<OrganizationId>,
    /// Which side approves. Set only while the case waits for an ordinary approval.
    pub side: Option<ApprovalSide>,
    /// The province with a system of its own.
    pub province: Option<u8>,
    /// Whether a completed case moved the member to the holding: [`CaseOutcome::Holding`].
    pub holding: bool,
    /// When a late assignment was escalated.
    pub escalated: Option<Timestamp>,
    /// The reason for a refusal.
    pub reason: Option<Remark>,
}

/// The columns contradict each other, so they do not form a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored case in state {phase} lacks a fact of that state")]
pub struct ColumnsError {
    phase: Phase,
}

impl From<CaseState> for StateParts {
    fn from(state: CaseState) -> Self {
        let blank = StateParts {
            phase: state.phase(),
            since: state.since(),
            organization: None,
            side: None,
            province: None,
            holding: false,
            escalated: None,
            reason: None,
        };
        match state {
            CaseState::AwaitingLeadingOrgan { organ, .. } | CaseState::AwaitingProvince { organ, .. } => StateParts {
                organization: Some(organ),
                ..blank
            },
            CaseState::AwaitingApproval { side, at, .. } => StateParts {
                organization: Some(at),
                side: Some(side),
                ..blank
            },
            CaseState::ExternalPending { province, organ, .. } => StateParts {
                organization: Some(organ),
                province: Some(province),
                ..blank
            },
            CaseState::AwaitingAssignment { at, escalated, .. } => StateParts {
                organization: Some(at),
                escalated,
                ..blank
            },
            CaseState::Completed { outcome, .. } => match outcome {
                CaseOutcome::Branch(branch) => StateParts {
                    organization: Some(branch),
                    ..blank
                },
                CaseOutcome::Holding(organ) => StateParts {
                    organization: Some(organ),
                    holding: true,
                    ..blank
                },
                CaseOutcome::MovedOut(province) => StateParts {
                    province: Some(province),
                    ..blank
                },
            },
            CaseState::Refused { reason, .. } => StateParts {
                reason: Some(reason),
                ..blank
            },
            CaseState::Withdrawn { .. } | CaseState::Expired { .. } => blank,
        }
    }
}

impl TryFrom<StateParts> for CaseState {
    type Error = ColumnsError;

    fn try_from(columns: StateParts) -> Result<CaseState, ColumnsError> {
        let phase = columns.phase;
        state_of(columns).ok_or(ColumnsError { phase })
    }
}

fn state_of(columns: StateParts) -> Option<CaseState> {
    let StateParts {
        phase,
        since,
        organization,
        side,
        province,
        holding,
        escalated,
        reason,
    } = columns;
    Some(match phase {
        Phase::AwaitingLeadingOrgan => CaseState::AwaitingLeadingOrgan {
            organ: organization?,
            since,
        },
        Phase::AwaitingApproval => CaseState::AwaitingApproval {
            side: side?,
            at: organization?,
            since,
        },
        Phase::AwaitingProvince => CaseState::AwaitingProvince {
            organ: organization?,
            since,
        },
        Phase::ExternalPending => CaseState::ExternalPending {
            province: province?,
            organ: organization?,
            since,
        },
        Phase::AwaitingAssignment => CaseState::AwaitingAssignment {
            at: organization?,
            since,
            escalated,
        },
        Phase::Completed => {
            let outcome = match (organization, province) {
                (Some(organ), None) if holding => CaseOutcome::Holding(organ),
                (Some(branch), None) => CaseOutcome::Branch(branch),
                (None, Some(province)) => CaseOutcome::MovedOut(province),
                _ => return None,
            };
            CaseState::Completed { at: since, outcome }
        }
        Phase::Refused => CaseState::Refused {
            at: since,
            reason: reason?,
        },
        Phase::Withdrawn => CaseState::Withdrawn { at: since },
        Phase::Expired => CaseState::Expired { at: since },
    })
}
