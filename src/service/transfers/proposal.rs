//! What somebody proposes.

use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::transfer::reason::{Details, Reason, Side};
use crate::service::look_up::LookedUpPerson;

/// Whom a proposal is about; it says which side starts (T1).
#[derive(Debug, Clone)]
pub enum ProposalSubject {
    /// The caller himself.
    Myself,
    /// A member of the caller's subtree: the source side starts.
    Ours(MemberId),
    /// Somebody named by full name and ID number: the target side starts (§1.4.3).
    Named(LookedUpPerson),
}

impl ProposalSubject {
    pub(super) fn side(&self) -> Side {
        match self {
            Self::Myself => Side::Member,
            Self::Ours(_) => Side::Source,
            Self::Named(_) => Side::Target,
        }
    }
}

/// A transfer as somebody proposes it.
#[derive(Debug, Clone)]
pub struct ProposedTransfer {
    pub subject: ProposalSubject,
    pub reason: Reason,
    pub details: Details,
    pub target: Option<OrganizationId>,
    pub explanation: Option<Remark>,
}
