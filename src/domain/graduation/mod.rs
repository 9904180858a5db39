//! Graduation months of branches (§1.1, §2.3, §2.4; rules G1 to G9).
//!
//! Before the yearly switch an administrator sets a month directly (§1.1.4, [`set`]). The switch turns the branch into
//! a graduate branch (毕业生团组织, §1.1.5, [`g6_turns`]). Another month then needs a request ([`propose`],
//! [`MonthChange::decide`]).

use super::authority::actor::Actor;
use super::authority::{self, Action, Object};
use super::catalogue::code::Code;
use super::catalogue::refusal::Refusal;
use super::core::decision::{Decision, Verdict};
use super::core::ids::{AccountId, MonthChangeId, OrganizationId};
use super::core::text::Remark;
use super::core::time::{Month, Season, Timestamp};
use super::core::vocabulary::vocabulary;
use super::organization::facts::{Graduation, Undetermined};
use super::organization::facts::{OrganizationFacts, OrganizationPurpose, Sector};
use super::policy::Policy;

/// The change of a branch's mark: the new value for the branch and the old one for its history (G5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkChange {
    /// What the branch was marked with.
    pub old: Option<Graduation>,
    /// What it is marked with now.
    pub new: Graduation,
}

/// G1 (§1.1): whether the branch must carry a mark and does not. It blocks no transfer, but lists and previews warn.
pub fn g1_is_unmarked(branch: &OrganizationFacts) -> bool {
    is_school_branch(branch) && branch.graduation.is_none()
}

/// G2 (§1.1): any administrator above the branch may mark it, but not the branch's own. Only branches of the school
/// sector are marked.
///
/// # Errors
/// `actor.not_administrator`; `organization.not_found` outside the actor's subtree (O6);
/// `graduation.not_allowed_for_branch_admin`, `graduation.not_school_branch`, `organization.closed`.
pub fn g2_may_mark(actor: &Actor, branch: &OrganizationFacts) -> Result<(), Refusal> {
    let verdict = authority::decide(actor, Action::MarkGraduation, Object::organization(&branch.path));
    verdict.into_result().map_err(|code| ask_superior(code, branch))?;
    if !is_school_branch(branch) {
        return Err(Code::GraduationNotSchoolBranch.into());
    }
    if !branch.is_active() {
        return Err(Code::OrganizationClosed.into());
    }
    Ok(())
}

/// G4 (§1.1.3): a month or a reason, exactly one of them.
///
/// # Errors
/// `graduation.month_or_reason`.
pub fn g4_month_or_reason(month: Option<Month>, reason: Option<Undetermined>) -> Result<Graduation, Refusal> {
    match (month, reason) {
        (Some(month), None) => Ok(Graduation::Month(month)),
        (None, Some(reason)) => Ok(Graduation::Undetermined(reason)),
        _ => Err(Code::GraduationMonthOrReason.into()),
    }
}

/// G5 (§1.1.4): marks a branch. A mark can be replaced as long as the branch has not turned into a graduate branch.
///
/// For many branches (G3) this is called once for each, so every branch has its own result.
///
/// # Errors
/// Those of [`g2_may_mark`]; `graduation.needs_change_request` after the switch (G7).
pub fn set(actor: &Actor, branch: &OrganizationFacts, new: Graduation) -> Result<MarkChange, Refusal> {
    may_set(actor, branch)?;
    Ok(MarkChange {
        old: branch.graduation,
        new,
    })
}

/// G2, G5: whether an actor may mark a branch directly now.
///
/// # Errors
/// Those of [`set`].
pub fn may_set(actor: &Actor, branch: &OrganizationFacts) -> Result<(), Refusal> {
    g2_may_mark(actor, branch)?;
    if branch.is_graduate_branch() {
        return Err(ask_superior(Code::GraduationNeedsChangeRequest, branch));
    }
    Ok(())
}

/// G6 (§1.1.5): the season for which the branch turns into a graduate branch now. `None` if it does not turn.
///
/// `policy` is that of the season whose switch came last. A late run, even one in the next year, therefore finds the
/// same branches. A branch that has turned never turns again, so a second run or a second server changes nothing more.
pub fn g6_turns(branch: &OrganizationFacts, policy: &Policy, now: Timestamp) -> Option<Season> {
    let month = branch.graduation.and_then(Graduation::month)?;
    let due = now >= policy.switch_at() && month.year() <= policy.season;
    (due && is_school_branch(branch) && branch.is_active() && !branch.is_graduate_branch()).then_some(policy.season)
}

/// A request to change a graduate branch's month (毕业时间修改申请, §2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthChangeRequest {
    /// The branch.
    pub branch: OrganizationId,
    /// The month it has.
    pub old: Month,
    /// The month it should have.
    pub new: Month,
    /// Why it should change.
    pub reason: Remark,
    /// Who proposed it. They never decide it (I-04).
    pub proposed_by: AccountId,
    /// The direct superior for which it was proposed.
    pub proposed_for: OrganizationId,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// The leading organ that decides (§2.3, 上级团的领导机关).
    pub leading_organ: OrganizationId,
}

/// A month change and its state (§2.3: 审批进度).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MonthChange {
    /// It waits for the leading organ.
    Open(MonthChangeRequest),
    /// The month is changed.
    Approved(MonthChangeRequest, Decision),
    /// The month stays, for this reason.
    Refused(MonthChangeRequest, Decision, Remark),
}

vocabulary! {
    /// The state of a month change.
    MonthChangeState {
        Open = "open", "待审批", "waiting for the leading organ's decision";
        Approved = "approved", "已同意", "approved";
        Refused = "refused", "不同意", "refused";
    }
}

vocabulary! {
    /// An event in the history of a branch's graduation month.
    GraduationEvent {
        Marked = "marked", "标记毕业时间", "marked";
        Turned = "turned", "变更为毕业生团组织", "turned into a graduate branch";
        ChangeProposed = "change_proposed", "申请修改毕业时间", "change requested";
        ChangeApproved = "change_approved", "同意修改毕业时间", "change approved";
        ChangeRefused = "change_refused", "不同意修改毕业时间", "change refused";
    }
}

/// G7 (§2.3): an administrator of the direct superior proposes another month for a graduate branch, with a reason. The
/// nearest leading organ above decides. `acting` is the organization that acts as the direct superior (A10). `open` is
/// the branch's open request. A branch can have only one.
///
/// # Errors
/// `actor.not_administrator`, `graduation.not_direct_superior`, `graduation.set_directly`,
/// `graduation.change_request_open`, `graduation.change_reason_required`, `graduation.month_unchanged`,
/// `graduation.no_leading_organ`.
pub fn propose(
    actor: &Actor,
    branch: &OrganizationFacts,
    acting: Option<OrganizationId>,
    open: Option<MonthChangeId>,
    new: Month,
    reason: Option<Remark>,
    now: Timestamp,
) -> Result<MonthChange, Refusal> {
    let MonthChangeProposer {
        account: proposed_by,
        office,
        month: old,
        leading_organ,
    } = may_propose(actor, branch, acting, open)?;
    let reason = reason.ok_or_else(|| Refusal::new(Code::GraduationChangeReasonRequired).at("/reason"))?;
    if new == old {
        return Err(Refusal::new(Code::GraduationMonthUnchanged).at("/month"));
    }
    Ok(MonthChange::Open(MonthChangeRequest {
        branch: branch.id,
        old,
        new,
        reason,
        proposed_by,
        proposed_for: office,
        proposed_at: now,
        leading_organ,
    }))
}

/// An actor who may propose another month for a branch, with the facts the proposal needs.
#[derive(Debug, Clone, Copy)]
pub struct MonthChangeProposer {
    account: AccountId,
    office: OrganizationId,
    month: Month,
    leading_organ: OrganizationId,
}

/// G7: whether an actor may propose another month for a branch now.
///
/// # Errors
/// Those of [`propose`] that do not depend on the month or the reason.
pub fn may_propose(
    actor: &Actor,
    branch: &OrganizationFacts,
    acting: Option<OrganizationId>,
    open: Option<MonthChangeId>,
) -> Result<MonthChangeProposer, Refusal> {
    let object = Object::turn(&branch.path, acting.as_slice());
    let verdict = authority::decide(actor, Action::ProposeMonthChange, object);
    verdict.into_result().map_err(|code| ask_superior(code, branch))?;
    let (account, office) = actor.in_office()?;
    let month = branch
        .graduation
        .and_then(Graduation::month)
        .filter(|_| branch.is_graduate_branch());
    let month = month.ok_or(Code::GraduationSetDirectly)?;
    if open.is_some() {
        return Err(Code::GraduationChangeRequestOpen.into());
    }
    let leading_organ = branch.leading_organ.ok_or(Code::GraduationNoLeadingOrgan)?;
    Ok(MonthChangeProposer {
        account,
        office,
        month,
        leading_organ,
    })
}

impl MonthChange {
    /// The state of the month change.
    pub fn state(&self) -> MonthChangeState {
        match self {
            Self::Open(_) => MonthChangeState::Open,
            Self::Approved(..) => MonthChangeState::Approved,
            Self::Refused(..) => MonthChangeState::Refused,
        }
    }

    /// The request itself.
    pub fn request(&self) -> &MonthChangeRequest {
        match self {
            Self::Open(request) | Self::Approved(request, _) | Self::Refused(request, ..) => request,
        }
    }

    /// G7, G8 (§2.4): the leading organ approves or refuses. `holders` are the organizations whose turn it is: the
    /// request's leading organ, or one further up if nobody there may decide (A10, T11).
    ///
    /// # Errors
    /// `graduation.no_open_request` once it is decided, `graduation.not_approver`, `graduation.self_approval`,
    /// `approval.reason_required`.
    pub fn decide(
        self,
        actor: &Actor,
        holders: &[OrganizationId],
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let Self::Open(request) = self else {
            return Err(Code::GraduationNoOpenRequest.into());
        };
        let (by, acting_for) = actor.in_office()?;
        authority::at_turn(actor, Action::DecideMonthChange, holders)
            .into_result()
            .map_err(|code| Refusal::new(code).ask(request.leading_organ))?;
        if by == request.proposed_by {
            return Err(Code::GraduationSelfApproval.into());
        }
        let decision = Decision {
            by,
            acting_for,
            at: now,
        };
        match verdict {
            Verdict::Approve => Ok(Self::Approved(request, decision)),
            Verdict::Refuse(Some(reason)) => Ok(Self::Refused(request, decision, reason)),
            Verdict::Refuse(None) => Err(Refusal::new(Code::ApprovalReasonRequired).at("/reason")),
        }
    }
}

/// G9: the season the branch belongs to after its month was changed. With a month of a later year it is an ordinary
/// branch again (`None`), and its members leave the season's cohort.
pub fn g9_season_after(graduated_season: Season, new: Month) -> Option<Season> {
    (new.year() <= graduated_season).then_some(graduated_season)
}

/// A refusal that names the direct superior as the one who can help.
fn ask_superior(code: Code, branch: &OrganizationFacts) -> Refusal {
    let refusal = Refusal::new(code);
    match branch.parent {
        Some(superior) => refusal.ask(superior),
        None => refusal,
    }
}

/// Whether a branch has a graduation month. Floating and abroad branches never have one (O2): their members have
/// graduated.
fn is_school_branch(branch: &OrganizationFacts) -> bool {
    branch.is_branch() && branch.sector == Sector::School && branch.purpose == OrganizationPurpose::Ordinary
}

#[cfg(test)]
mod tests;
