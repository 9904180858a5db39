//! The route of a case (§1.5, §2.2, §2.5; A1 to A4, T9, X1, X2). The proposal, the preview and every approval use it.

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
        /// The branch.
        branch: OrganizationId,
        /// The member.
        member: MemberId,
    },
    /// A province with a system of its own (X2).
    Province {
        /// The two-digit code of the province.
        province: u8,
        /// The member, if the person was known here before.
        member: Option<MemberId>,
    },
}

impl Origin {
    /// The branch the member leaves. `None` if they come from another province.
    pub fn branch(&self) -> Option<OrganizationId> {
        match self {
            Self::Branch { branch, .. } => Some(*branch),
            Self::Province { .. } => None,
        }
    }

    /// The province the member comes from. `None` if they leave a branch.
    pub fn province(&self) -> Option<u8> {
        match self {
            Self::Branch { .. } => None,
            Self::Province { province, .. } => Some(*province),
        }
    }

    /// The member. `None` while a person from another province is not known here.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Branch { member, .. } => Some(*member),
            Self::Province { member, .. } => *member,
        }
    }
}

vocabulary! {
    /// The kind of a destination, as the database stores it.
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
        /// The two-digit code of the province.
        province: u8,
        /// The province's leading organ in the national directory, which may enter the other system's answer.
        organ: OrganizationId,
    },
    /// The special-unit holding under this province-level leading organ (A4).
    Holding(OrganizationId),
}

impl Destination {
    /// The kind of this destination.
    pub fn kind(&self) -> DestinationKind {
        match self {
            Self::Organization(_) => DestinationKind::Organization,
            Self::Province { .. } => DestinationKind::Province,
            Self::Holding(_) => DestinationKind::Holding,
        }
    }

    /// The chosen organization, or the leading organ that represents the province or the holding.
    pub fn organization(&self) -> OrganizationId {
        match self {
            Self::Organization(target) => target.id,
            Self::Province { organ, .. } | Self::Holding(organ) => *organ,
        }
    }

    /// Where the completed case moves the member if no branch has to be assigned.
    pub fn outcome(&self) -> CaseOutcome {
        match self {
            Self::Organization(target) => CaseOutcome::Branch(target.id),
            Self::Province { province, .. } => CaseOutcome::MovedOut(*province),
            Self::Holding(organ) => CaseOutcome::Holding(*organ),
        }
    }
}

/// The ordinary approval and, if needed, the assignment. If T9 demands a leading organ's approval, that comes before
/// these steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrdinarySteps {
    /// The approval of an organization or a province, or the other system's answer.
    pub approval: CaseState,
    /// The assignment, if the target is not a branch (A2).
    pub assignment: Option<CaseState>,
}

/// The ordinary steps of a case. `since` is written into every state, although only the first one begins then.
pub fn ordinary_steps(started_by: Side, origin: &Origin, destination: &Destination, since: Timestamp) -> OrdinarySteps {
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
        // §2.5: the target side agreed by starting the transfer, so the member's side approves.
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
