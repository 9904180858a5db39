//! The way a case takes (§1.5, §2.2, §2.5; A1 to A4, T9, X1, X2). Proposal, preview and every approval read it from here.

use super::reason::Side;
use super::state::{ApprovalSide, CaseOutcome, CaseState};
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::OrganizationFacts;

/// Where a member comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A branch of the national tree.
    Branch {
        /// Which one.
        branch: OrganizationId,
        /// The member.
        member: MemberId,
    },
    /// A province with a system of its own (X2).
    Province {
        /// Its two digits.
        province: u8,
        /// The member, if the same person was known here before.
        member: Option<MemberId>,
    },
}

impl Origin {
    /// The branch the member leaves; `None` if he comes from another province.
    pub fn branch(&self) -> Option<OrganizationId> {
        match self {
            Self::Branch { branch, .. } => Some(*branch),
            Self::Province { .. } => None,
        }
    }

    /// The province the member comes from; `None` if he leaves a branch.
    pub fn province(&self) -> Option<u8> {
        match self {
            Self::Branch { .. } => None,
            Self::Province { province, .. } => Some(*province),
        }
    }

    /// The member; `None` while somebody from another province is not known here.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Branch { member, .. } => Some(*member),
            Self::Province { member, .. } => *member,
        }
    }
}

vocabulary! {
    /// A destination without its facts: what the database calls it.
    DestinationKind {
        Organization = "organization", "团组织", "organization of the national system";
        Province = "province", "北京、广东、福建", "province with a system of its own";
        Holding = "holding", "特殊单位专属库", "special-unit holding";
    }
}

/// Where a member wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An organization of the national tree.
    Organization(OrganizationFacts),
    /// A province with a system of its own (X1).
    Province {
        /// Its two digits.
        province: u8,
        /// Its leading organ in the national directory, which may enter the other system's answer.
        organ: OrganizationId,
    },
    /// The special-unit holding under this province-level leading organ (A4).
    Holding(OrganizationId),
}

impl Destination {
    /// The destination without its facts.
    pub fn kind(&self) -> DestinationKind {
        match self {
            Self::Organization(_) => DestinationKind::Organization,
            Self::Province { .. } => DestinationKind::Province,
            Self::Holding(_) => DestinationKind::Holding,
        }
    }

    /// The organization chosen, or the leading organ that stands for the province or the holding.
    pub fn organization(&self) -> OrganizationId {
        match self {
            Self::Organization(target) => target.id,
            Self::Province { organ, .. } | Self::Holding(organ) => *organ,
        }
    }

    /// Where completing a case brings the member when no branch has to be named any more.
    pub fn outcome(&self) -> CaseOutcome {
        match self {
            Self::Organization(target) => CaseOutcome::Branch(target.id),
            Self::Province { province, .. } => CaseOutcome::MovedOut(*province),
            Self::Holding(organ) => CaseOutcome::Holding(*organ),
        }
    }
}

/// The states a case passes through after a leading organ's approval (T9), if one was needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrdinarySteps {
    /// The ordinary approval, the province's or the other system's answer.
    pub approval: CaseState,
    /// The assignment, where the target is no branch (A2).
    pub assignment: Option<CaseState>,
}

/// The ordinary way of a case. Each state is dated `since`, as if the case were already there.
pub fn ordinary_way(started_by: Side, origin: &Origin, destination: &Destination, since: Timestamp) -> OrdinarySteps {
    let target = match destination {
        Destination::Holding(organ) => {
            return OrdinarySteps::direct(CaseState::AwaitingProvince { organ: *organ, since });
        }
        Destination::Province { province, organ } => {
            return OrdinarySteps::direct(CaseState::ExternalPending {
                province: *province,
                organ: *organ,
                since,
            });
        }
        Destination::Organization(target) => target,
    };
    let (side, at) = match (started_by, origin) {
        // §2.5: the target side said yes by starting, so the member's side is asked.
        (Side::Target, Origin::Branch { branch, .. }) => (ApprovalSide::Source, *branch),
        _ => (ApprovalSide::Target, target.id),
    };
    let assignment = CaseState::AwaitingAssignment {
        at: target.id,
        since,
        escalated: None,
    };
    OrdinarySteps {
        approval: CaseState::AwaitingApproval { side, at, since },
        assignment: (!target.is_branch()).then_some(assignment),
    }
}

impl OrdinarySteps {
    fn direct(approval: CaseState) -> Self {
        Self {
            approval,
            assignment: None,
        }
    }
}
