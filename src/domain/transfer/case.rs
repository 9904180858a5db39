//! A stored case: everything a decision needs to know about it.

use super::reason::{Reason, Side};
use super::route::{Destination, Origin};
use super::state::{CaseState, Phase};
use crate::domain::authority::actor::Actor;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::time::Season;

/// A transfer case (组织关系转接).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Which one.
    pub id: TransferId,
    /// The calendar year of its proposal; that season's policy decides for all its life.
    pub season: Season,
    /// The number of its last event: each transition adds exactly one (I-09), and an update is guarded by it (A9).
    pub version: i64,
    /// Where it stands.
    pub state: CaseState,
    /// Why the member moves.
    pub reason: Reason,
    /// Which side started it.
    pub started_by: Side,
    /// Who proposed it.
    pub proposed_by: Option<AccountId>,
    /// The organization he proposed it for; `None` if the member proposed it himself.
    pub proposed_for: Option<OrganizationId>,
    /// The member's account, if he has one.
    pub member_account: Option<AccountId>,
    /// Where the member comes from.
    pub origin: Origin,
    /// Where the member wants to go, with the facts of today.
    pub destination: Destination,
}

impl Case {
    /// The member; `None` while somebody from another province is not known here yet (X2).
    pub fn member(&self) -> Option<MemberId> {
        self.origin.member()
    }

    /// T11: the accounts that do not decide this case as it stands: [`excluded`].
    pub fn excluded(&self) -> Vec<AccountId> {
        excluded(&self.state, self.member_account, self.proposed_by)
    }

    /// T11: whether this person never decides this case, whatever his office.
    pub fn excludes(&self, actor: &Actor) -> bool {
        actor.account.is_some_and(|account| self.excluded().contains(&account)) || self.is_about(actor)
    }

    /// Whether the case is about this person.
    pub fn is_about(&self, actor: &Actor) -> bool {
        self.member().is_some() && actor.member == self.member()
    }
}

/// T11, I-04: the accounts that do not decide a case: the member's and the proposer's.
///
/// Naming a branch decides nothing, the transfer has been approved by then; and whoever fetched the member (A3) is often
/// the one who assigns her. So there only the member is excluded.
pub fn excluded(state: &CaseState, member: Option<AccountId>, proposer: Option<AccountId>) -> Vec<AccountId> {
    let proposer = proposer.filter(|_| state.phase() != Phase::AwaitingAssignment);
    member.into_iter().chain(proposer).collect()
}
