//! A stored case, with everything a decision needs to know about it.

use super::reason::{Reason, Side};
use super::route::{Destination, Origin};
use super::state::{CaseState, Phase};
use crate::domain::authority::actor::Actor;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::time::Season;

/// A transfer case (组织关系转接).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: TransferId,
    /// The calendar year of its proposal. That season's policy applies until the case is closed.
    pub season: Season,
    /// The number of its last event. Each transition adds exactly one (I-09), and an update only succeeds on the
    /// version it was decided on (A9).
    pub version: i64,
    /// Its state.
    pub state: CaseState,
    /// Why the member moves.
    pub reason: Reason,
    /// Which side started it.
    pub started_by: Side,
    /// Who proposed it.
    pub proposed_by: Option<AccountId>,
    /// The organization it was proposed for. `None` if the member proposed it.
    pub proposed_for: Option<OrganizationId>,
    /// The member's account, if they have one.
    pub member_account: Option<AccountId>,
    /// Where the member comes from.
    pub origin: Origin,
    /// Where the member wants to go, with the present facts.
    pub destination: Destination,
}

impl Case {
    /// The member. `None` while a person from another province is not known here (X2).
    pub fn member(&self) -> Option<MemberId> {
        self.origin.member()
    }

    /// T11: the accounts that may not decide this case in its present state. See [`excluded`].
    pub fn excluded(&self) -> Vec<AccountId> {
        excluded(&self.state, self.member_account, self.proposed_by)
    }

    /// T11: whether this actor may not decide this case, whatever their office.
    pub fn excludes(&self, actor: &Actor) -> bool {
        actor.account.is_some_and(|account| self.excluded().contains(&account)) || self.is_about(actor)
    }

    /// Whether the case is about this actor.
    pub fn is_about(&self, actor: &Actor) -> bool {
        self.member().is_some() && actor.member == self.member()
    }
}

/// T11, I-04: the accounts that may not decide a case: the member's and the proposer's.
///
/// An assignment excludes only the member. The transfer is approved by then, so choosing a branch decides nothing, and
/// the administrator who proposed the transfer for the target side (A3) often assigns the branch too.
pub fn excluded(state: &CaseState, member: Option<AccountId>, proposer: Option<AccountId>) -> Vec<AccountId> {
    let proposer = proposer.filter(|_| state.phase() != Phase::AwaitingAssignment);
    member.into_iter().chain(proposer).collect()
}
