//! A proposal as the caller sends it.

use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::transfer::reason::{Details, Reason, Side};
use crate::service::look_up::LookedUpPerson;

/// The person a proposal is about. It determines which side starts (T1).
#[derive(Debug, Clone)]
pub enum ProposalSubject {
    /// The caller.
    Myself,
    /// A member of the caller's subtree: the source side starts.
    Ours(MemberId),
    /// A person named by full name and ID number: the target side starts (§1.4.3).
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

/// A proposed transfer.
#[derive(Debug, Clone)]
pub struct ProposedTransfer {
    pub subject: ProposalSubject,
    pub reason: Reason,
    pub details: Details,
    pub target: Option<OrganizationId>,
    pub explanation: Option<Remark>,
}
