//! The rules for starting a transfer (§1.4, §2.2, §2.7, §2.8; T1 to T12). Each rule is a function with its own refusal.
//! [`super::propose`] calls all of them.

use super::reason::{Reason, Side};
use super::route::Destination;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, AccessDecision, Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Month, Timestamp, shanghai_date, whole_years};
use crate::domain::member::certification::t3_under;
use crate::domain::member::{Certification, Standing};
use crate::domain::organization::facts::{OrganizationFacts, OrganizationKind, OrganizationPurpose, Sector};
use crate::domain::policy::Policy;
use chrono::NaiveDate;

/// What the rules need to know about a member who is to be transferred.
#[derive(Debug, Clone)]
pub struct MemberFacts {
    /// The member's id.
    pub id: MemberId,
    /// Their account, if they have one.
    pub account: Option<AccountId>,
    /// Their birth date, from the ID number.
    pub birth_date: NaiveDate,
    /// The month in which they joined the League.
    pub joined_on: Month,
    /// Their standing.
    pub standing: Standing,
    /// Their League identity certification.
    pub certification: Certification,
    /// Their branch.
    pub branch: OrganizationFacts,
}

/// A transfer of the member that is open already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenCase {
    /// Its id.
    pub id: TransferId,
    /// Which side started it.
    pub started_by: Side,
    /// When it was proposed.
    pub proposed_at: Timestamp,
}

/// T1 (§1.4.1 to 1.4.3): a member starts their own transfer, an administrator on the source side one for a member in
/// their subtree, and an administrator on the target side one for a member they identify exactly (T4).
///
/// # Errors
/// `transfer.out_of_scope`.
pub fn t1_out_of_scope(side: Side, actor: &Actor, member: &MemberFacts) -> Result<(), Refusal> {
    let verdict = match side {
        Side::Member if actor.acting_member() != Some(member.id) => return Err(Code::TransferOutOfScope.into()),
        Side::Member => authority::decide(actor, Action::ProposeForOneself, Object::Oneself),
        Side::Source => {
            let object = Object::member(&member.branch.path, member.id);
            authority::decide(actor, Action::ProposeAsSource, object)
        }
        Side::Target => authority::decide(actor, Action::LookUpMember, Object::Anyone),
    };
    refuse_if(verdict != AccessDecision::May, Code::TransferOutOfScope)
}

/// T1 (§1.4.3): an administrator who starts from the target side chooses a target in their own subtree.
///
/// # Errors
/// `transfer.target_out_of_scope`.
pub fn t1_target_out_of_scope(side: Side, actor: &Actor, target: &OrganizationFacts) -> Result<(), Refusal> {
    if side != Side::Target {
        return Ok(());
    }
    Ok(authority::decide(actor, Action::ProposeAsTarget, Object::organization(&target.path)).into_result()?)
}

/// T2 (§2.7): a member has at most one open transfer in the whole system, regardless of who started it.
///
/// # Errors
/// `transfer.already_open`, with the case, the side that started it and the day.
pub fn t2_already_open(open: Option<&OpenCase>) -> Result<(), Refusal> {
    match open {
        None => Ok(()),
        Some(case) => Err(Refusal::new(Code::TransferAlreadyOpen)
            .with("transfer", case.id)
            .with_term("side", case.started_by.text())
            .with("proposed_on", shanghai_date(case.proposed_at))),
    }
}

/// T3 (§2.8): a member who joined in 2020 or later needs a certified League identity. The real-name check is a separate
/// thing that blocks nothing, so this rule does not look at it.
///
/// # Errors
/// `transfer.identity_not_certified`, with the branch as the helper, since it uploads the form.
pub fn t3_identity_not_certified(member: &MemberFacts, policy: &Policy) -> Result<(), Refusal> {
    match t3_under(policy, member.certification, member.joined_on) {
        Certification::Certified | Certification::NotRequired => return Ok(()),
        _ => {}
    }
    Err(Refusal::new(Code::TransferIdentityNotCertified)
        .with("since", policy.certification_since)
        .ask(member.branch.id))
}

/// T7, T6 (§1.4.5): an organization of Beijing, Guangdong or Fujian cannot be chosen. Organizations under a system
/// committee (系统团委) can, wherever they are.
///
/// # Errors
/// `transfer.target_other_system`.
pub fn t6_target_other_system(target: &OrganizationFacts) -> Result<(), Refusal> {
    refuse_if(target.is_external(), Code::TransferTargetOtherSystem)
}

/// T8 (§2.6): a graduate branch (毕业生团组织) is never a target.
///
/// # Errors
/// `transfer.target_graduate_branch`.
pub fn t8_target_graduate_branch(target: &OrganizationFacts) -> Result<(), Refusal> {
    refuse_if(target.is_graduate_branch(), Code::TransferTargetGraduateBranch)
}

/// T8: a closed organization is never a target.
///
/// # Errors
/// `transfer.target_closed`.
pub fn t8_target_closed(target: &OrganizationFacts) -> Result<(), Refusal> {
    refuse_if(!target.is_active(), Code::TransferTargetClosed)
}

/// T8: the member's own branch is not a target. An organization above it is, since a member may change classes within a
/// college.
///
/// # Errors
/// `transfer.target_same`.
pub fn t8_target_same(branch: Option<OrganizationId>, target: &OrganizationFacts) -> Result<(), Refusal> {
    refuse_if(branch == Some(target.id), Code::TransferTargetSame)
}

/// T8: a leading organ itself is never a target (our decision). It holds no members and has no branch of its own to
/// assign.
///
/// # Errors
/// `transfer.target_leading_organ`.
pub fn t8_target_leading_organ(target: &OrganizationFacts) -> Result<(), Refusal> {
    refuse_if(
        target.kind == OrganizationKind::LeadingOrgan,
        Code::TransferTargetLeadingOrgan,
    )
}

/// T6, T8 and the reason's own targets (T5): everything that speaks against an organization as a target, for a proposal
/// and for a search (O4). `branch` is the member's branch and `school` their school, if known. Without a reason, the
/// reason's own rules are not checked.
pub fn t8_target(
    target: &OrganizationFacts,
    reason: Option<Reason>,
    branch: Option<OrganizationId>,
    school: Option<OrganizationId>,
) -> Vec<Refusal> {
    let checks = [
        t6_target_other_system(target),
        t8_target_graduate_branch(target),
        t8_target_closed(target),
        t8_target_same(branch, target),
        t8_target_leading_organ(target),
        reason.map_or(Ok(()), |reason| reason.check_target(target, school)),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

/// A4: whether it is a special-unit holding (特殊单位专属库). Nobody may choose it or even learn of it.
pub fn is_holding(organization: &OrganizationFacts) -> bool {
    organization.purpose == OrganizationPurpose::SpecialUnit
}

/// T9 (§2.2): whether a leading organ has to approve first. It does if the member is under 16 and leaves the school
/// sector. The age counts in whole years on the day of application in Asia/Shanghai.
///
/// For other destinations than an organization of the national tree, we decided: a special unit is outside the school
/// sector. A destination in one of the three provinces is inside it if the reason is further study.
pub fn t9_needs_leading_organ(
    birth_date: NaiveDate,
    reason: Reason,
    destination: &Destination,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    let leaves_school = match destination {
        Destination::Organization(target) => target.sector != Sector::School,
        Destination::Province { .. } => reason != Reason::FurtherStudy,
        Destination::Holding(_) => true,
    };
    leaves_school && whole_years(birth_date, shanghai_date(now)) < policy.explanation_under_age
}

/// T9 (§2.2): a member under 16 who leaves the school sector needs an explanation (情况说明).
///
/// # Errors
/// `transfer.explanation_required`.
pub fn t9_explanation(needed: bool, explanation: Option<&Remark>, policy: &Policy) -> Result<(), Refusal> {
    if !needed || explanation.is_some() {
        return Ok(());
    }
    Err(Refusal::new(Code::TransferExplanationRequired)
        .with("age", policy.explanation_under_age)
        .at("/explanation"))
}

/// T12: only members in good standing can start a transfer: those who have not left, were not expelled and are not in
/// the special-unit holding.
///
/// # Errors
/// `transfer.member_not_active`.
pub fn t12_member_not_active(member: &MemberFacts) -> Result<(), Refusal> {
    let held = is_holding(&member.branch);
    if member.standing.is_good() && !held {
        return Ok(());
    }
    let refusal = Refusal::new(Code::TransferMemberNotActive);
    // The refusal must not give away even the holding's id (S-30).
    Err(if held { refusal } else { refusal.ask(member.branch.id) })
}

fn refuse_if(bad: bool, code: Code) -> Result<(), Refusal> {
    if bad { Err(code.into()) } else { Ok(()) }
}
