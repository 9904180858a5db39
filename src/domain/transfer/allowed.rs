//! The actions an actor may take on a case now, and why not for the others. The guards of [`super::decide`] answer.

use super::case::Case;
use super::decide::{self, DecisionContext};
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::vocabulary::vocabulary;

vocabulary! {
    /// An action on a case that a person can take.
    TransferAction {
        Approve = "approve", "同意", "approve";
        Refuse = "refuse", "不同意", "refuse";
        Assign = "assign", "分配团支部", "assign to a branch";
        Withdraw = "withdraw", "撤销申请", "withdraw";
        AcceptExternal = "accept_external", "录入外省市系统同意", "record the other system's acceptance";
        RefuseExternal = "refuse_external", "录入外省市系统不同意", "record the other system's refusal";
    }
}

impl TransferAction {
    /// Whether the actor may take the action now, given valid input (a reason, a branch).
    ///
    /// # Errors
    /// The refusal that taking it would give.
    pub fn check(self, case: &Case, context: &DecisionContext<'_>) -> Result<(), Refusal> {
        match self {
            TransferAction::Approve => decide::may_approve(case, context),
            TransferAction::Refuse => decide::may_refuse(case, context),
            TransferAction::Assign => decide::may_assign(case, context),
            TransferAction::Withdraw => decide::may_withdraw(case, context),
            TransferAction::AcceptExternal | TransferAction::RefuseExternal => {
                decide::may_answer_external(case, context)
            }
        }
    }
}

/// Every action with its answer for this actor.
pub fn allowed_actions(case: &Case, context: &DecisionContext<'_>) -> Vec<(TransferAction, Result<(), Refusal>)> {
    TransferAction::ALL
        .iter()
        .map(|action| (*action, action.check(case, context)))
        .collect()
}
