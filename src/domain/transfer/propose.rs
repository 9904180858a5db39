//! Proposing a transfer (§1.4): every rule asked at once, and the way the case will take. The preview and the proposal are this
//! one function, so what a client is shown and what is then decided cannot differ.

use super::case::{self, Case};
use super::events::{Event, EventKind};
use super::expiry;
use super::proposal_rules::{self, MemberFacts, OpenCase};
use super::reason::{DetailField, Details, External, Reason, Side};
use super::route::{Destination, OrdinarySteps, Origin, ordinary_way};
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

/// Everything the decision about a proposal needs.
#[derive(Debug, Clone, Copy)]
pub struct ProposalFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// The policy of this season.
    pub policy: &'a Policy,
    /// Who files.
    pub actor: &'a Actor,
    /// For whom. A member without a branch has moved out and is not in good standing (T12): refuse before asking here.
    pub member: &'a MemberFacts,
    /// A transfer of his that is open already.
    pub open_case: Option<OpenCase>,
    /// His branch with its superiors.
    pub source: &'a Chain,
    /// What is asked for.
    pub request: &'a ProposalTerms<'a>,
}

/// Another province files a transfer into the national tree (X2).
#[derive(Debug, Clone, Copy)]
pub struct InboundFacts<'a> {
    /// Now.
    pub now: Timestamp,
    /// The policy of this season.
    pub policy: &'a Policy,
    /// Who files.
    pub actor: &'a Actor,
    /// The member with the same ID number, if one is known here.
    pub known: Option<FormerMember>,
    /// A transfer of the same person that is open already.
    pub open_case: Option<OpenCase>,
    /// What is asked for.
    pub request: &'a ProposalTerms<'a>,
}

/// Somebody who was a member here before he moved to another province.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerMember {
    /// Which one.
    pub id: MemberId,
    /// His account, if he has one.
    pub account: Option<AccountId>,
    /// His standing.
    pub standing: Standing,
}

/// An organization somebody chose, as it is today.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What the rules know about it.
    pub facts: &'a OrganizationFacts,
    /// It and its superiors.
    pub chain: &'a Chain,
}

/// What a proposer asks for.
#[derive(Debug, Clone, Copy)]
pub struct ProposalTerms<'a> {
    /// Which side starts.
    pub side: Side,
    /// Why the member moves.
    pub reason: Reason,
    /// What the reason demands (T5).
    pub details: &'a Details,
    /// The organization chosen.
    pub target: Option<Target<'a>>,
    /// The leading organ of the province written out in the details (T6), in the national directory, with its superiors;
    /// `None` if nothing is written out or there is no such organ.
    pub external_organ: Option<&'a Chain>,
    /// Why a member under 16 leaves the school sector (情况说明, T9).
    pub explanation: Option<&'a Remark>,
}

impl<'a> ProposalTerms<'a> {
    /// The target's chain, or that of the other province's leading organ.
    fn chain(&self) -> Option<&'a Chain> {
        self.target.map(|target| target.chain).or(self.external_organ)
    }
}

/// The first state of a case, the way it will take, and what the proposer should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The calendar year of the proposal in Asia/Shanghai.
    pub season: Season,
    /// Why the member moves.
    pub reason: Reason,
    /// Which side starts.
    pub started_by: Side,
    /// The member's account, if he has one.
    pub member_account: Option<AccountId>,
    /// Where the member comes from.
    pub origin: Origin,
    /// Where the member wants to go.
    pub destination: Destination,
    /// Where it waits first.
    pub state: CaseState,
    /// The proposal itself: event number 1.
    pub event: Event,
    /// Every step up to completion.
    pub route: Vec<RouteStep>,
    /// What does not block but should be known.
    pub warnings: Vec<Warning>,
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteStep {
    /// What is to be done.
    pub duty: Duty,
    /// Whose turn it is.
    pub organization: OrganizationId,
    /// Whether that organization has no active administrator (A10).
    pub vacant: bool,
    /// The organizations that can act: with a branch its direct superior too (A1). Empty if nobody can.
    pub holders: Vec<OrganizationId>,
    /// Whether the turn passes to a superior, because nobody it belongs to can decide (A10, T11).
    pub passes_to_superior: bool,
    /// After which instant the case is ended (A6) or the assignment escalated; known for the first step only, since the
    /// clock starts when a step is reached.
    pub due: Option<Timestamp>,
}

vocabulary! {
    /// What does not block a proposal but should be known before.
    Warning {
        BranchUnmarked = "branch_unmarked", "团员所在团支部尚未标记毕业时间。", "The member's branch has no graduation month yet.";
        LeadingOrganFirst = "leading_organ_first", "团员未满规定年龄且转往非学校领域，须先由上级团的领导机关审批。", "The member is below the age limit and leaves the school sector, so the leading organ above must approve first.";
        TurnPasses = "turn_passes", "途中有团组织没有可审批的管理员，由其上级代为办理。", "An organization on the route has no administrator who can decide, so its superior decides.";
        NobodyCanAct = "nobody_can_act", "途中有一步直到最上级都没有可审批的管理员。", "For one step on the route, no organization up to the top has an administrator who can decide.";
    }
}

impl Warning {
    /// The rule behind it.
    pub fn rule(self) -> Rule {
        match self {
            Warning::BranchUnmarked => Rule::G1,
            Warning::LeadingOrganFirst => Rule::T9,
            Warning::TurnPasses | Warning::NobodyCanAct => Rule::A10,
        }
    }
}

impl Proposal {
    /// The case as it is stored under its new id.
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

/// Decides a proposal: the first state and the whole route, or every rule that blocks it, in a fixed order. A proposal answers
/// with the first and lists the rest. Who may not start it at all (T1) learns that alone, and nothing of the member.
///
/// # Errors
/// At least one refusal: those of the rules in [`super::proposal_rules`], those of where the request leads (T6:
/// `transfer.target_required`, `transfer.target_and_external`), and the reason's own demands ([`Reason`], T5).
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
    let destination = blocking.settle(destination)?;

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

/// X2: decides a proposal from one of the three provinces. The other system answers for the person's age, certification and
/// standing there; T3 and T9 are about members of the national tree. The province is the source side, whatever side the
/// request names.
///
/// # Errors
/// At least one refusal: `transfer.inbound_not_allowed`, `transfer.inbound_member_exists`, and those of T2, T5, T8, T12.
pub fn propose_inbound(facts: &InboundFacts<'_>) -> Result<Proposal, Vec<Refusal>> {
    let InboundFacts {
        now,
        policy,
        actor,
        known,
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
    let (province, destination) = blocking.settle(province.zip(destination))?;

    let draft = Draft {
        now,
        policy,
        actor,
        request,
        started_by: Side::Source,
        member_account: known.and_then(|known| known.account),
        origin: Origin::Province {
            province,
            member: known.map(|known| known.id),
        },
        first_organ: None,
        source: None,
    };
    Ok(draft.into_proposal(destination, false))
}

/// T5, T6 (§1.4.5, §1.4.6): where the request leads: a chosen organization, one of the three provinces, or for a special
/// unit the holding under the province-level leading organ above the member. Whether it may lead there, the other rules say.
fn destination(request: &ProposalTerms<'_>, source: &Chain) -> Result<Destination, Refusal> {
    match (request.target, &request.details.external) {
        (Some(_), Some(_)) => Err(at_target(Code::TransferTargetAndExternal.into())),
        (Some(target), None) => Ok(Destination::Organization(target.facts.clone())),
        (None, None) if request.reason == Reason::SpecialUnit => {
            Ok(Destination::Holding(source.province().organization))
        }
        // Who starts from the target side is the target: an organization of ours.
        (None, Some(external)) if request.side != Side::Target => t6_external(external, request.external_organ),
        (None, _) => Err(at_target(Code::TransferTargetRequired.into())),
    }
}

/// T6 (§1.4.5): the province of a destination that is written out.
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

/// X2: only another province's system files a case from there.
fn x2_integrator(actor: &Actor) -> Result<u8, Refusal> {
    authority::decide(actor, Action::ProposeInbound, Object::Anyone).settle()?;
    actor.speaks_for().ok_or(Code::TransferInboundNotAllowed.into())
}

/// X2: somebody known here is revived if he had moved out; a member in good standing is here already, and one who left or
/// was expelled does not come back by a transfer (T12).
fn x2_known(known: Option<&FormerMember>) -> Result<(), Refusal> {
    match known {
        Some(known) if known.standing.is_good() => Err(Code::TransferInboundMemberExists.into()),
        Some(known) if known.standing != Standing::MovedOut => Err(Code::TransferMemberNotActive.into()),
        _ => Ok(()),
    }
}

/// X2: a case from outside goes to an organization of the national tree.
fn x2_destination(request: &ProposalTerms<'_>) -> Result<Destination, Refusal> {
    match request.target {
        Some(target) => Ok(Destination::Organization(target.facts.clone())),
        None => Err(at_target(Code::TransferTargetRequired.into())),
    }
}

/// What is against the target, at its place in the request.
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

/// The rules that block a proposal, in the order they were asked.
#[derive(Default)]
struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Notes a refusal; gives what was found otherwise.
    fn check<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.note(refusal)).ok()
    }

    fn extend(&mut self, refusals: Vec<Refusal>) {
        refusals.into_iter().for_each(|refusal| self.note(refusal));
    }

    /// Two rules may find the same fault; it is said once.
    fn note(&mut self, refusal: Refusal) {
        let said = self
            .0
            .iter()
            .any(|other| (other.code, &other.pointer) == (refusal.code, &refusal.pointer));
        if !said {
            self.0.push(refusal);
        }
    }

    /// What was found, if nothing blocks. Whatever is missing has left its refusal.
    fn settle<T>(self, found: Option<T>) -> Result<T, Vec<Refusal>> {
        found.filter(|_| self.0.is_empty()).ok_or(self.0)
    }
}

/// An allowed proposal that still has to be laid out.
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
            ordinary_way(self.started_by, &self.origin, &destination, self.now);
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

    /// Who can act in a state, as the case would find it today.
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
