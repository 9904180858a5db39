//! Where a transfer stands. Each state carries the facts that belong to it and no others, so a case that waits
//! for an assignment cannot also carry a reason of refusal.

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

    /// A state without its facts: what lists filter by and what the database calls it. The open ones come first, in the
    /// order a case may pass them.
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

/// Where a completed transfer brought the member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
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
pub enum State {
    /// The member is under 16 and leaves the school sector: a leading organ has its say first (T9, §2.2).
    AwaitingLeadingOrgan {
        /// The nearest leading organ above the member's branch.
        organ: OrganizationId,
        /// When the case got here.
        since: Timestamp,
    },
    /// The ordinary approval (A1 to A3, §1.5).
    AwaitingApproval {
        /// Which side approves.
        side: ApprovalSide,
        /// The organization that approves.
        at: OrganizationId,
        /// When the case got here.
        since: Timestamp,
    },
    /// The province-level leading organ's approval for a special unit (A4, §1.4.6).
    AwaitingProvince {
        /// The province-level leading organ above the member.
        organ: OrganizationId,
        /// When the case got here.
        since: Timestamp,
    },
    /// Another province's own system has to answer (X1, §1.4.5).
    ExternalPending {
        /// The two digits of that province.
        province: u8,
        /// That province's leading organ in the national directory.
        organ: OrganizationId,
        /// When the case got here.
        since: Timestamp,
    },
    /// Accepted; the receiving organization still has to name a branch (A2, §1.5).
    AwaitingAssignment {
        /// The receiving organization.
        at: OrganizationId,
        /// When the case got here.
        since: Timestamp,
        /// When it was brought before the direct superior too (A6).
        escalated: Option<Timestamp>,
    },
    /// The member has moved.
    Completed {
        /// When.
        at: Timestamp,
        /// Where to.
        outcome: Outcome,
    },
    /// Somebody whose turn it was said no (A5).
    Refused {
        /// When.
        at: Timestamp,
        /// Why.
        reason: Remark,
    },
    /// Taken back by whoever started it, or by the member (T10).
    Withdrawn {
        /// When.
        at: Timestamp,
    },
    /// Ended by the system after waiting too long (A6).
    Expired {
        /// When.
        at: Timestamp,
    },
}

impl Phase {
    /// Whether the case still runs. At most one case of a member is open (T2).
    pub fn is_open(self) -> bool {
        !self.next().is_empty()
    }

    /// The edges of the machine (I-06): which phases may follow this one. None follows a final one (I-07).
    pub fn next(self) -> &'static [Phase] {
        use Phase::*;
        match self {
            AwaitingLeadingOrgan => &[AwaitingApproval, AwaitingProvince, ExternalPending, Refused, Withdrawn],
            AwaitingApproval => &[AwaitingAssignment, Completed, Refused, Withdrawn, Expired],
            AwaitingProvince => &[Completed, Refused, Withdrawn],
            ExternalPending => &[Completed, Refused, Withdrawn, Expired],
            // To itself when it is escalated.
            AwaitingAssignment => &[AwaitingAssignment, Completed],
            Completed | Refused | Withdrawn | Expired => &[],
        }
    }
}

impl State {
    /// The state without its facts.
    pub fn phase(&self) -> Phase {
        match self {
            State::AwaitingLeadingOrgan { .. } => Phase::AwaitingLeadingOrgan,
            State::AwaitingApproval { .. } => Phase::AwaitingApproval,
            State::AwaitingProvince { .. } => Phase::AwaitingProvince,
            State::ExternalPending { .. } => Phase::ExternalPending,
            State::AwaitingAssignment { .. } => Phase::AwaitingAssignment,
            State::Completed { .. } => Phase::Completed,
            State::Refused { .. } => Phase::Refused,
            State::Withdrawn { .. } => Phase::Withdrawn,
            State::Expired { .. } => Phase::Expired,
        }
    }

    /// What has to be done now, and where; `None` once the case is closed.
    pub fn turn(&self) -> Option<Turn> {
        let turn = |duty, organization| {
            Some(Turn {
                duty,
                organization,
                escalated: false,
            })
        };
        match *self {
            State::AwaitingLeadingOrgan { organ, .. } => turn(Duty::LeadingOrgan, organ),
            State::AwaitingApproval {
                side: ApprovalSide::Source,
                at,
                ..
            } => turn(Duty::ApprovalOut, at),
            State::AwaitingApproval {
                side: ApprovalSide::Target,
                at,
                ..
            } => turn(Duty::ApprovalIn, at),
            State::AwaitingProvince { organ, .. } => turn(Duty::Province, organ),
            State::ExternalPending { organ, .. } => turn(Duty::ExternalAnswer, organ),
            State::AwaitingAssignment { at, escalated, .. } => Some(Turn {
                duty: Duty::Assignment,
                organization: at,
                escalated: escalated.is_some(),
            }),
            _ => None,
        }
    }

    /// Whether the case still runs.
    pub fn is_open(&self) -> bool {
        self.phase().is_open()
    }

    /// When the case got into this state. An escalation does not restart the wait for an assignment.
    pub fn since(&self) -> Timestamp {
        match self {
            State::AwaitingLeadingOrgan { since, .. }
            | State::AwaitingApproval { since, .. }
            | State::AwaitingProvince { since, .. }
            | State::ExternalPending { since, .. }
            | State::AwaitingAssignment { since, .. } => *since,
            State::Completed { at, .. }
            | State::Refused { at, .. }
            | State::Withdrawn { at }
            | State::Expired { at } => *at,
        }
    }
}

/// A state spread over the columns of a row. What a state does not have is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// Which state.
    pub phase: Phase,
    /// When the case got there.
    pub since: Timestamp,
    /// The organization it waits at, or where a completed case brought the member.
    pub organization: Option<OrganizationId>,
    /// Which side approves; only while an ordinary approval is awaited.
    pub side: Option<ApprovalSide>,
    /// The province with a system of its own.
    pub province: Option<u8>,
    /// Whether a completed case brought the member into the holding: [`Outcome::Holding`].
    pub holding: bool,
    /// When a stale assignment was escalated.
    pub escalated: Option<Timestamp>,
    /// Why it was refused.
    pub reason: Option<Remark>,
}

/// The columns contradict each other: no state looks like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored case in state {phase} lacks a fact of that state")]
pub struct ColumnsError {
    phase: Phase,
}

impl From<State> for Columns {
    fn from(state: State) -> Self {
        let blank = Columns {
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
            State::AwaitingLeadingOrgan { organ, .. } | State::AwaitingProvince { organ, .. } => Columns {
                organization: Some(organ),
                ..blank
            },
            State::AwaitingApproval { side, at, .. } => Columns {
                organization: Some(at),
                side: Some(side),
                ..blank
            },
            State::ExternalPending { province, organ, .. } => Columns {
                organization: Some(organ),
                province: Some(province),
                ..blank
            },
            State::AwaitingAssignment { at, escalated, .. } => Columns {
                organization: Some(at),
                escalated,
                ..blank
            },
            State::Completed { outcome, .. } => match outcome {
                Outcome::Branch(branch) => Columns {
                    organization: Some(branch),
                    ..blank
                },
                Outcome::Holding(organ) => Columns {
                    organization: Some(organ),
                    holding: true,
                    ..blank
                },
                Outcome::MovedOut(province) => Columns {
                    province: Some(province),
                    ..blank
                },
            },
            State::Refused { reason, .. } => Columns {
                reason: Some(reason),
                ..blank
            },
            State::Withdrawn { .. } | State::Expired { .. } => blank,
        }
    }
}

impl TryFrom<Columns> for State {
    type Error = ColumnsError;

    fn try_from(columns: Columns) -> Result<State, ColumnsError> {
        let phase = columns.phase;
        state_of(columns).ok_or(ColumnsError { phase })
    }
}

fn state_of(columns: Columns) -> Option<State> {
    let Columns {
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
        Phase::AwaitingLeadingOrgan => State::AwaitingLeadingOrgan {
            organ: organization?,
            since,
        },
        Phase::AwaitingApproval => State::AwaitingApproval {
            side: side?,
            at: organization?,
            since,
        },
        Phase::AwaitingProvince => State::AwaitingProvince {
            organ: organization?,
            since,
        },
        Phase::ExternalPending => State::ExternalPending {
            province: province?,
            organ: organization?,
            since,
        },
        Phase::AwaitingAssignment => State::AwaitingAssignment {
            at: organization?,
            since,
            escalated,
        },
        Phase::Completed => {
            let outcome = match (organization, province) {
                (Some(organ), None) if holding => Outcome::Holding(organ),
                (Some(branch), None) => Outcome::Branch(branch),
                (None, Some(province)) => Outcome::MovedOut(province),
                _ => return None,
            };
            State::Completed { at: since, outcome }
        }
        Phase::Refused => State::Refused {
            at: since,
            reason: reason?,
        },
        Phase::Withdrawn => State::Withdrawn { at: since },
        Phase::Expired => State::Expired { at: since },
    })
}
