//! A yes or no of a superior, and the record of it: shared by month changes (§2.4) and identity certifications (§2.8).

use super::ids::{AccountId, OrganizationId};
use super::text::Remark;
use super::time::Timestamp;

/// What the deciding organization says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No; without a reason it is refused itself (G8, A5).
    Refuse(Option<Remark>),
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Who.
    pub by: AccountId,
    /// For which organization.
    pub acting_for: OrganizationId,
    /// When.
    pub at: Timestamp,
}
