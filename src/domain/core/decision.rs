//! The approval or refusal of a superior and its record, shared by month changes (§2.4) and identity certifications
//! (§2.8).

use super::ids::{AccountId, OrganizationId};
use super::text::Remark;
use super::time::Timestamp;

/// The decision of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The approval.
    Approve,
    /// The refusal. It must have a reason (G8, A5).
    Refuse(Option<Remark>),
}

/// Who decided, for which organization, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The account that decided.
    pub by: AccountId,
    /// The organization it acted for.
    pub acting_for: OrganizationId,
    /// When it decided.
    pub at: Timestamp,
}
