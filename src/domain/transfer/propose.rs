//! Proposing a transfer (§1.4): the check of every rule, and the route of the case. The preview and the proposal use
//! the same function, so they cannot differ.

use super::case::{self, Case};
use super::events::{Event, EventKind};
use super::expiry;
use super::proposal_rules::{self, MemberFacts, OpenCase};
use super::reason::{DetailField, Details, External, Reason, Side};
use super::route::{Destination, OrdinarySteps, Origin, ordinary_steps};
use super::state::CaseState;
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::catalogue::rule::Rule;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::{Season, Timestamp, season_of};
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::graduation;
use crate::domain::member::Standing;
use crate::domain::organization::chain::Chain;
use crate::domain::organization::facts::OrganizationFacts;
use crate::domain::organization::turn::Duty;
use crate::domain::policy::Policy;
use chrono::NaiveDate;

/// The facts needed to decide a proposal.
#[derive(Debug, Clone, Copy)]
pub struct ProposalFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// The policy of this season.
    pub policy: &'a Policy,
    /// Who proposes.
    pub actor: &'a Actor,
    /// The member to be transferred. A member without a branch has moved out and is not in good standing (T12), so the
    /// caller must refuse them before.
    pub member: &'a MemberFacts,
    /// The member's open transfer, if there is one.
    pub open_case: Option<OpenCase>,
    /// The member's branch with its superiors.
    pub source: &'a Chain,
    /// What is proposed.
    pub request: &'a ProposalTerms<'a>,
}

/// The facts needed to decide a proposal from another province (X2).
#[derive(Debug, Clone, Copy)]
pub struct InboundFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// The policy of this season.
    pub policy: &'a Policy,
    /// Who proposes.
    pub actor: &'a Actor,
    /// The birth date in the person's ID number.
    pub birth_date: NaiveDate,
    /// The member with the same ID number, if one is known here.
    pub known: Option<FormerMember>,
    /// The person's account, if they have one, whether or not they are a member here.
    pub account: Option<AccountId>,
    /// The person's open transfer, if there is one.
    pub open_case: Option<OpenCase>,
    /// What is proposed.
    pub request: &'a ProposalTerms<'a>,
}

/// A person who was a member here before they moved to another province.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerMember {
    /// The member's id.
    pub id: MemberId,
    /// Their standing.
    pub standing: Standing,
}

/// A chosen organization in its present state.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What the rules know about it.
    pub facts: &'a OrganizationFacts,
    /// The organization and its superiors.
    pub chain: &'a Chain,
}

/// The terms of a proposal.
#[derive(Debug, Clone, Copy)]
pub struct ProposalTerms<'a> {
    /// Which side starts the transfer.
    pub side: Side,
    /// Why the member moves.
    pub reason: Reason,
    /// The details that the reason requires (T5).
    pub details: &'a Details,
    /// The chosen organization.
    pub target: Option<Target<'a>>,
    /// The leading organ of the province that the details name (T6), in the national directory, with its superiors.
    /// `None` if the details name no province or it has no such organ.
    pub external_organ: Option<&'a Chain>,
    /// Why a member under 16 leaves the school sector (情况说明, T9).
    pub explanation: Option<&'a Remark>,
}

impl<'a> ProposalTerms<'a> {
    /// The target's chain, or the chain of the other province's leading organ.
    fn chain(&self) -> Option<&'a Chain> {
        self.target.map(|target| target.chain).or(self.external_organ)
    }
}

/// A proposal that is allowed: the first state of the case, its route, and what the proposer should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The calendar year of the proposal in Asia/Shanghai.
    pub season: Season,
    /// Why the member moves.
    pub reason: Reason,
    /// Which side starts the transfer.
    pub started_by: Side,
    /// The member's account, if they have one.
    pub member_account: Option<AccountId>,
    /// Where the member comes from.
    pub origin: Origin,
    /// Where the member wants to go.
    pub destination: Destination,
    /// The first state of the case.
    pub state: CaseState,
    /// The event of the proposal, which has number 1.
    pub event: Event,
    /// Every step up to completion.
    pub route: Vec<RouteStep>,
    /// Notices that block nothing.
    pub warnings: Vec<Warning>,
}

/// One step of the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteStep {
    /// What has to be done.
    pub duty: Duty,
    /// Whose turn it is.
    pub organization: OrganizationId,
    /// Whether that organization has no active administrator (A10).
    pub vacant: bool,
    /// The organizations that can act. For a branch, its direct superior can act too (A1). Empty if nobody can.
    pub holders: Vec<OrganizationId>,
    /// Whether the turn passes to a superior because none of the organizations it belongs to can decide (A10, T11).
    pub passes_to_superior: bool,
    /// The instant after which the case expires (A6) or the assignment is escalated. Known only for the first step,
    /// since each clock starts when the case reaches its step.
    pub due: Option<Timestamp>,
}

vocabulary! {
    /// A notice that does not block a proposal but that the proposer should know.
    Warning {
        BranchUnmarked = "branch_unmarked", "团员所在团支部尚未标记毕业时间。", "The member's branch has no graduation month yet.";
        LeadingOrganFirst = "leading_organ_first", "团员未满规定年龄且转往非学校领域，须先由上级团的领导机关审批。", "The member is below the age limit and leaves the school sector, so the leading organ above must approve first.";
        TurnPasses = "turn_passes", "途中有团组织没有可审批的管理员，由其上级代为办理。", "An organization on the route has no administrator who can decide, so its superior decides.";
        NobodyCanAct = "nobody_can_act", "途中有一步直到最上级都没有可审批的管理员。", "For one step on the route, no organization up to the top has an administrator who can decide.";
    }
}

impl Warning {
    /// The rule behind the warning.
    pub fn rule(self) -> Rule {
        match self {
            Warning::BranchUnmarked => Rule::G1,
            Warning::LeadingOrganFirst => Rule::T9,
            Warning::TurnPasses | Warning::NobodyCanAct => Rule::A10,
        }
    }
}

impl Proposal {
    /// The case as stored under its new id.
    pub fn into_case(self, id: TransferId) -> Case {
        Case {
            id,
            season: self.season,
            version: self.event.number,
            state: self.state,
            reason: self.reason,
            started_by: self.started_by,
            proposed_by: self.event.by,
            proposed_for: self.event.acting_for,
            member_account: self.member_account,
            origin: self.origin,
            destination: self.destination,
        }
    }
}

/// Decides a proposal: the first state and the whole route, or every rule that blocks it, in a fixed order. The answer
/// to a refused proposal is the first refusal, with the others listed. A caller who may not start the transfer at all
/// (T1) gets only that refusal, and learns nothing about the member.
///
/// # Errors
/// At least one refusal: those of the rules in [`super::proposal_rules`], those of the destination (T6:
/// `transfer.target_required`, `transfer.target_and_external`), and those of the reason's own requirements ([`Reason`],
/// T5).
pub fn propose(facts: &ProposalFacts<'_>) -> Result<Proposal, Vec<Refusal>> {
    let ProposalFacts {
        now,
        policy,
        actor,
        member,
        source,
        request,
        ..
    } = *facts;
    let target = request.target.map(|target| target.facts);
    let mut blocking = Refusals::default();
    proposal_rules::t1_out_of_scope(request.side, actor, member).map_err(|refusal| vec![refusal])?;
    blocking.check(proposal_rules::t12_member_not_active(member));
    blocking.check(proposal_rules::t2_already_open(facts.open_case.as_ref()));
    blocking.check(proposal_rules::t3_identity_not_certified(member, policy));
    blocking.check(request.reason.check_side(request.side, policy));
    blocking.extend(
        request
            .reason
            .check_details(request.details, request.details.external.is_some()),
    );
    let destination = blocking.check(destination(request, source));
    if let Some(target) = target {
        blocking.check(proposal_rules::t1_target_out_of_scope(request.side, actor, target).map_err(at_target));
        blocking.extend(t8_target(target, request, Some(&member.branch)));
    }
    let young = destination.as_ref().is_some_and(|destination| {
        proposal_rules::t9_needs_leading_organ(member.birth_date, request.reason, destination, policy, now)
    });
    blocking.check(proposal_rules::t9_explanation(young, request.explanation, policy));
    let destination = blocking.into_result(destination)?;

    let draft = Draft {
        now,
        policy,
        actor,
        request,
        started_by: request.side,
        member_account: member.account,
        origin: Origin::Branch {
            branch: member.branch.id,
            member: member.id,
        },
        first_organ: young.then(|| source.leading_organ().organization),
        source: Some(source),
    };
    let unmarked = graduation::g1_is_unmarked(&member.branch);
    Ok(draft.into_proposal(destination, unmarked))
}

/// X2: decides a proposal from one of the three provinces. The other system is responsible for the person's certification
/// and standing there, since T3 applies to members of the national tree. Somebody under 16 who leaves the school sector
/// needs the explanation of T9 as everybody does, but no leading organ here is above their branch. The province is the
/// source side, whichever side the request names.
///
/// # Errors
/// At least one refusal: `transfer.inbound_not_allowed`, `transfer.inbound_member_exists`, and those of T2, T5, T8, T9,
/// T12.
pub fn propose_inbound(facts: &InboundFacts<'_>) -> Result<Proposal, Vec<Refusal>> {
    let InboundFacts {
        now,
        policy,
        actor,
        known,
        account,
        request,
        ..
    } = *facts;
    let mut blocking = Refusals::default();
    let province = blocking.check(x2_integrator(actor));
    blocking.check(x2_known(known.as_ref()));
    blocking.check(proposal_rules::t2_already_open(facts.open_case.as_ref()));
    blocking.extend(request.reason.check_details(request.details, false));
    let destination = blocking.check(x2_destination(request));
    if let Some(target) = request.target {
        blocking.extend(t8_target(target.facts, request, None));
    }
    let young = destination.as_ref().is_some_and(|destination| {
        proposal_rules::t9_needs_leading_organ(facts.birth_date, request.reason, destination, policy, now)
    });
    blocking.check(proposal_rules::t9_explanation(young, request.explanation, policy));
    let (province, destination) = blocking.into_result(province.zip(destination))?;

    let draft = Draft {
        now,
        policy,
        actor,
        request,
        started_by: Side::Source,
        member_account: account,
        origin: Origin::Province {
            province,
            member: known.map(|known| known.id),
        },
        first_organ: None,
        source: None,
    };
    Ok(draft.into_proposal(destination, false))
}

/// T5, T6 (§1.4.5, §1.4.6): the destination of the proposal: a chosen organization, one of the three provinces, or for
/// a special unit the holding under the province-level leading organ above the member. Other rules decide whether it is
/// allowed.
fn destination(request: &ProposalTerms<'_>, source: &Chain) -> Result<Destination, Refusal> {
    match (request.target, &request.details.external) {
        (Some(_), Some(_)) => Err(at_target(Code::TransferTargetAndExternal.into())),
        (Some(target), None) => Ok(Destination::Organization(target.facts.clone())),
        (None, None) if request.reason == Reason::SpecialUnit => {
            Ok(Destination::Holding(source.province().organization))
        }
        // The side that starts here is the target itself, so it must be an organization of the national tree.
        (None, Some(external)) if request.side != Side::Target => t6_external(external, request.external_organ),
        (None, _) => Err(at_target(Code::TransferTargetRequired.into())),
    }
}

/// T6 (§1.4.5): the province of a written-out destination.
fn t6_external(external: &External, organ: Option<&Chain>) -> Result<Destination, Refusal> {
    let found = match (external.province, organ) {
        (Some(province), Some(organ)) => Ok(Destination::Province {
            province,
            organ: organ.first().organization,
        }),
        (Some(_), None) => Err(Refusal::new(Code::TransferExternalProvinceUnknown)),
        (None, _) => Err(Refusal::new(Code::TransferExternalDetailsRequired)
            .with_term("field", DetailField::ExternalProvince.text())),
    };
    found.map_err(|refusal| refusal.at(DetailField::ExternalProvince.pointer()))
}

/// X2: only another province's own system proposes a case from there.
fn x2_integrator(actor: &Actor) -> Result<u8, Refusal> {
    authority::decide(actor, Action::ProposeInbound, Object::Anyone).into_result()?;
    actor.speaks_for().ok_or(Code::TransferInboundNotAllowed.into())
}

/// X2: a person known here is revived if they had moved out. A member in good standing is here already. One who left or
/// was expelled does not come back by a transfer (T12).
fn x2_known(known: Option<&FormerMember>) -> Result<(), Refusal> {
    match known {
        Some(known) if known.standing.is_good() => Err(Code::TransferInboundMemberExists.into()),
        Some(known) if known.standing != Standing::MovedOut => Err(Code::TransferMemberNotActive.into()),
        _ => Ok(()),
    }
}

/// X2: the target of an inbound case is an organization of the national tree.
fn x2_destination(request: &ProposalTerms<'_>) -> Result<Destination, Refusal> {
    match request.target {
        Some(target) => Ok(Destination::Organization(target.facts.clone())),
        None => Err(at_target(Code::TransferTargetRequired.into())),
    }
}

/// Everything that speaks against the target, with a pointer to its field.
fn t8_target(
    target: &OrganizationFacts,
    request: &ProposalTerms<'_>,
    branch: Option<&OrganizationFacts>,
) -> Vec<Refusal> {
    let school = branch.and_then(|branch| branch.school);
    let blocking = proposal_rules::t8_target(target, Some(request.reason), branch.map(|branch| branch.id), school);
    blocking.into_iter().map(at_target).collect()
}

fn at_target(refusal: Refusal) -> Refusal {
    refusal.at("/target")
}

/// The refusals of a proposal, in the order of the checks.
#[derive(Default)]
struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Records a refusal. Otherwise returns the value.
    fn check<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.note(refusal)).ok()
    }

    fn extend(&mut self, refusals: Vec<Refusal>) {
        refusals.into_iter().for_each(|refusal| self.note(refusal));
    }

    /// Records a refusal once, even if two rules find the same fault.
    fn note(&mut self, refusal: Refusal) {
        let said = self
            .0
            .iter()
            .any(|other| (other.code, &other.pointer) == (refusal.code, &refusal.pointer));
        if !said {
            self.0.push(refusal);
        }
    }

    /// The value, if nothing blocks. If the value is missing, its refusal is recorded already.
    fn into_result<T>(self, found: Option<T>) -> Result<T, Vec<Refusal>> {
        found.filter(|_| self.0.is_empty()).ok_or(self.0)
    }
}

/// An allowed proposal whose route still has to be computed.
struct Draft<'a> {
    now: Timestamp,
    policy: &'a Policy,
    actor: &'a Actor,
    request: &'a ProposalTerms<'a>,
    started_by: Side,
    member_account: Option<AccountId>,
    origin: Origin,
    first_organ: Option<OrganizationId>,
    source: Option<&'a Chain>,
}

impl Draft<'_> {
    fn into_proposal(self, destination: Destination, branch_unmarked: bool) -> Proposal {
        let OrdinarySteps { approval, assignment } =
            ordinary_steps(self.started_by, &self.origin, &destination, self.now);
        let organ = self
            .first_organ
            .map(|organ| CaseState::AwaitingLeadingOrgan { organ, since: self.now });
        let first = organ.clone().unwrap_or_else(|| approval.clone());
        let states = [organ, Some(approval), assignment];
        let mut route: Vec<RouteStep> = states.iter().flatten().filter_map(|state| self.step(state)).collect();
        for later in route.iter_mut().skip(1) {
            later.due = None;
        }
        let event = Event {
            number: 1,
            at: self.now,
            by: self.actor.account,
            acting_for: self.actor.acting_for(),
            kind: EventKind::Proposed { first: first.clone() },
        };
        Proposal {
            season: season_of(self.now),
            reason: self.request.reason,
            started_by: self.started_by,
            member_account: self.member_account,
            origin: self.origin,
            warnings: warnings(branch_unmarked, self.first_organ.is_some(), &route),
            destination,
            state: first,
            event,
            route,
        }
    }

    /// The step of a state: who could act in it at present.
    fn step(&self, state: &CaseState) -> Option<RouteStep> {
        let turn = state.turn()?;
        let chains = [self.source, self.request.chain()];
        let chain = chains
            .into_iter()
            .flatten()
            .find(|chain| chain.link(turn.organization).is_some())?;
        let holders = turn.holders(chain, &case::excluded(state, self.member_account, self.actor.account));
        Some(RouteStep {
            duty: turn.duty,
            organization: turn.organization,
            vacant: chain
                .link(turn.organization)
                .is_some_and(|link| link.administrators.is_empty()),
            passes_to_superior: holders.passed,
            holders: holders.organizations,
            due: expiry::deadline(state, self.policy),
        })
    }
}

fn warnings(branch_unmarked: bool, organ_first: bool, route: &[RouteStep]) -> Vec<Warning> {
    let orphaned = |step: &RouteStep| step.holders.is_empty();
    let all = [
        (Warning::BranchUnmarked, branch_unmarked),
        (Warning::LeadingOrganFirst, organ_first),
        (
            Warning::TurnPasses,
            route.iter().any(|step| step.passes_to_superior && !orphaned(step)),
        ),
        (Warning::NobodyCanAct, route.iter().any(orphaned)),
    ];
    all.into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(warning, _)| warning)
        .collect()
}
