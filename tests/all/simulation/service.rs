//! The service between the clients and the world: it reads, lets the domain decide, and writes. Every answer is
//! compared with the oracle.

use super::country::OTHER_SYSTEMS;
use super::oracle::{self, Course};
use super::world::{Person, Receipt, Who, World};
use std::collections::BTreeSet;
use zhuanjie::domain::authority::actor::Actor;
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::catalogue::refusal::Refusal;
use zhuanjie::domain::core::ids::{MemberId, OrganizationId};
use zhuanjie::domain::core::text::Remark;
use zhuanjie::domain::core::time::season_of;
use zhuanjie::domain::transfer::allowed::TransferAction;
use zhuanjie::domain::transfer::case::Case;
use zhuanjie::domain::transfer::decide::{self, DecisionContext, Transition};
use zhuanjie::domain::transfer::proposal_rules::{MemberFacts, OpenCase};
use zhuanjie::domain::transfer::propose::{
    FormerMember, InboundFacts, Proposal, ProposalFacts, ProposalTerms, Target, propose, propose_inbound,
};
use zhuanjie::domain::transfer::reason::{Address, DestinationStage, Details, External, Reason, Side};

/// What is wrong with the details of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    Nothing,
    /// A field that the reason demands is missing.
    Missing,
    /// A field that the reason does not ask for.
    Extra,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalDraft {
    pub who: Who,
    pub member: MemberId,
    pub side: Side,
    pub reason: Reason,
    pub target: Option<OrganizationId>,
    /// The province of a target that is written out (T6).
    pub province: Option<u8>,
    pub flaw: Flaw,
    pub explained: bool,
}

/// A proposal from another province (X2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    pub who: Who,
    pub person: Person,
    pub reason: Reason,
    pub target: Option<OrganizationId>,
}

/// What a client does with a case. `reason` says whether a reason is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Approve,
    Refuse { reason: bool },
    Assign(OrganizationId),
    Withdraw,
    AcceptExternal,
    RefuseExternal { reason: bool },
}

/// A case as a client saw it, and what the client does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub who: Who,
    pub case: usize,
    pub version: i64,
    pub choice: Choice,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    Propose(ProposalDraft),
    Inbound(Inbound),
    Decide(Decision),
}

/// A decision of the domain that is not written yet. Two of them may race.
pub enum Prepared {
    New {
        proposal: Box<Proposal>,
        person: Person,
        course: Box<Course>,
    },
    Step {
        number: usize,
        transition: Box<Transition>,
        choice: Choice,
    },
}

pub type Answer = Result<Receipt, BTreeSet<Code>>;

fn one(code: Code) -> BTreeSet<Code> {
    BTreeSet::from([code])
}

/// Serves a request once for each key (I-16): the same key and request get the same answer. Refusals are not kept.
pub fn serve(world: &mut World, key: Option<u64>, request: &Request) -> Answer {
    if let Some((_, asked, receipt)) = world.answers.iter().find(|(known, ..)| Some(*known) == key) {
        return if asked == request {
            Ok(*receipt)
        } else {
            Err(one(Code::RequestKeyReused))
        };
    }
    let before = world.writes;
    let answer = prepare(world, request).and_then(|prepared| commit(world, prepared));
    match (&answer, key) {
        (Ok(receipt), Some(key)) => world.answers.push((key, request.clone(), *receipt)),
        (Err(codes), _) => {
            assert_eq!(world.writes, before, "I-32: a refused request changes nothing");
            world.seen.extend(codes.iter().map(|code| code.name()));
        }
        _ => {}
    }
    world.log(|| format!("{request:?} -> {answer:?}"));
    answer
}

/// Reads and decides.
pub fn prepare(world: &World, request: &Request) -> Result<Prepared, BTreeSet<Code>> {
    match request {
        Request::Propose(draft) => prepare_proposal(world, draft),
        Request::Inbound(inbound) => prepare_inbound(world, inbound),
        Request::Decide(decision) => prepare_decision(world, decision),
    }
}

/// Writes, unless another client was faster.
pub fn commit(world: &mut World, prepared: Prepared) -> Answer {
    match prepared {
        Prepared::New {
            proposal,
            person,
            course,
        } => world.insert(*proposal, person, *course).map_err(one),
        Prepared::Step {
            number,
            transition,
            choice,
        } => {
            let receipt = world.update(number, *transition).map_err(one)?;
            let now = world.now;
            world.cases[number].course.go_on(choice, now);
            Ok(receipt)
        }
    }
}

fn codes<T>(result: &Result<T, Vec<Refusal>>) -> BTreeSet<Code> {
    result
        .as_ref()
        .err()
        .into_iter()
        .flatten()
        .map(|refusal| refusal.code)
        .collect()
}

fn address(province: u8) -> Address {
    let division_code = match province {
        11 => "110108",
        35 => "350203",
        44 => "440305",
        _ => "420106",
    };
    Address {
        division_code: division_code.into(),
        text: "1号".into(),
    }
}

/// The details that a proposer gives for a reason, with the flaw.
fn details(reason: Reason, province: Option<u8>, flaw: Flaw) -> Details {
    let name = || Some("单位".to_owned());
    let mut details = Details::default();
    match reason {
        Reason::FurtherStudy => {
            details.destination_stage = Some(DestinationStage::RegularUniversity);
            details.school_name = name();
            details.school_address = (flaw != Flaw::Missing).then(|| address(42));
        }
        Reason::EmployedWithLeague | Reason::EmployedWithoutLeague => {
            details.employer_name = (flaw != Flaw::Missing).then_some(name()).flatten();
            details.employer_address = Some(address(42));
        }
        Reason::Unsettled => details.home_address = (flaw != Flaw::Missing).then(|| address(42)),
        Reason::Abroad | Reason::SpecialUnit => {}
    }
    if flaw == Flaw::Extra {
        match reason {
            Reason::FurtherStudy => details.home_address = Some(address(42)),
            _ => details.destination_stage = Some(DestinationStage::Other),
        }
    }
    details.external = province.map(|province| External {
        province: Some(province),
        name: name(),
        organization: name(),
        address: Some(address(province)),
    });
    details
}

fn open_case(world: &World, person: Person) -> Option<OpenCase> {
    let number = world.open_case_of(person)?;
    let stored = &world.cases[number];
    Some(OpenCase {
        id: stored.case.id,
        started_by: stored.case.started_by,
        proposed_at: stored.events[0].at,
    })
}

fn prepare_proposal(world: &World, draft: &ProposalDraft) -> Result<Prepared, BTreeSet<Code>> {
    let actor = world.actor(draft.who).ok_or_else(|| one(Code::ActorNotAdministrator))?;
    let member = world.member(draft.member);
    let expected = oracle::proposal_refusals(world, draft);
    let Some(branch) = member.branch else {
        return Err(expected);
    };
    let facts = MemberFacts {
        id: member.id,
        account: member.account,
        birth_date: member.birth,
        joined_on: member.joined,
        standing: member.standing,
        certification: member.certification,
        branch: world.organization(branch).clone(),
    };
    let details = details(draft.reason, draft.province, draft.flaw);
    let chain = draft.target.map(|target| world.chain(target));
    let organ = draft
        .province
        .and_then(|province| OTHER_SYSTEMS.iter().find(|(_, code)| *code == province));
    let organ = organ.map(|(organ, _)| world.chain(*organ));
    let explanation = Remark::new(if draft.explained { "情况说明" } else { "" });
    let request = ProposalTerms {
        side: draft.side,
        reason: draft.reason,
        details: &details,
        target: draft.target.zip(chain.as_ref()).map(|(id, chain)| Target {
            facts: world.organization(id),
            chain,
        }),
        external_organ: organ.as_ref(),
        explanation: explanation.as_ref(),
    };
    let source = world.chain(branch);
    let asked = ProposalFacts {
        now: world.now,
        policy: world.policy(season_of(world.now)),
        actor: &actor,
        member: &facts,
        open_case: open_case(world, member.person),
        source: &source,
        request: &request,
    };
    let preview = propose(&asked);
    assert_eq!(codes(&preview), expected, "T1 to T12: what blocks the draft {draft:?}");
    let proposed = propose(&asked);
    assert_eq!(preview, proposed, "the preview and the proposal answer alike");
    let proposal = proposed.map_err(|_| expected)?;
    let course = oracle::proposal_course(world, draft).expect("an allowed draft has a route");
    check_route(world, &proposal, &course);
    Ok(Prepared::New {
        proposal: Box::new(proposal),
        person: member.person,
        course: Box::new(course),
    })
}

fn prepare_inbound(world: &World, inbound: &Inbound) -> Result<Prepared, BTreeSet<Code>> {
    let actor = world
        .actor(inbound.who)
        .ok_or_else(|| one(Code::ActorNotAdministrator))?;
    let expected = oracle::inbound_refusals(world, inbound);
    let details = details(inbound.reason, None, Flaw::Nothing);
    let chain = inbound.target.map(|target| world.chain(target));
    let explanation = Remark::new("情况说明");
    let request = ProposalTerms {
        side: Side::Source,
        reason: inbound.reason,
        details: &details,
        target: inbound.target.zip(chain.as_ref()).map(|(id, chain)| Target {
            facts: world.organization(id),
            chain,
        }),
        external_organ: None,
        explanation: explanation.as_ref(),
    };
    let known = world.members.iter().find(|member| member.person == inbound.person);
    let result = propose_inbound(&InboundFacts {
        birth_date: "2004-05-06".parse().expect("a day"),
        now: world.now,
        policy: world.policy(season_of(world.now)),
        actor: &actor,
        known: known.map(|member| FormerMember {
            id: member.id,
            standing: member.standing,
        }),
        account: known.and_then(|member| member.account),
        open_case: open_case(world, inbound.person),
        request: &request,
    });
    assert_eq!(codes(&result), expected, "X2: what blocks {inbound:?}");
    let proposal = result.map_err(|_| expected)?;
    let course = oracle::inbound_course(world, inbound).expect("an allowed draft has a route");
    check_route(world, &proposal, &course);
    Ok(Prepared::New {
        proposal: Box::new(proposal),
        person: inbound.person,
        course: Box::new(course),
    })
}

/// Checks that the preview shows the route of the oracle, the holders of each step, and when the first step is due.
fn check_route(world: &World, proposal: &Proposal, course: &Course) {
    let shown: Vec<_> = proposal
        .route
        .iter()
        .map(|step| (step.duty, step.organization))
        .collect();
    assert_eq!(shown, course.plan, "the route of the preview");
    for (at, step) in proposal.route.iter().enumerate() {
        let there = Course { at, ..course.clone() };
        assert_eq!(
            step.holders,
            oracle::holders(world, &there),
            "A10, T11: who holds step {at} of the preview"
        );
        let vacant = world.administrators(step.organization).is_empty();
        assert_eq!(step.vacant, vacant, "A10: the preview says who is vacant");
        if at == 0 {
            let due = oracle::last_instant(world, &there);
            assert_eq!(step.due, due, "A6: when the first step is due");
        }
    }
}

fn prepare_decision(world: &World, decision: &Decision) -> Result<Prepared, BTreeSet<Code>> {
    let Decision {
        who,
        case: number,
        version,
        choice,
    } = *decision;
    let actor = world.actor(who).ok_or_else(|| one(Code::ActorNotAdministrator))?;
    if world.cases[number].case.version != version {
        return Err(one(Code::TransferConflict));
    }
    let result = ask(world, number, &actor, |case, context| act(world, case, context, choice));
    let expected = oracle::refusal(world, &world.cases[number], who, choice);
    assert_eq!(
        result.as_ref().err().map(|refusal| refusal.code),
        expected,
        "who may do what: {decision:?}"
    );
    match result {
        Ok(transition) => Ok(Prepared::Step {
            number,
            transition: Box::new(transition),
            choice,
        }),
        Err(refusal) => Err(one(refusal.code)),
    }
}

fn ask<T>(world: &World, number: usize, actor: &Actor, question: impl FnOnce(Case, &DecisionContext<'_>) -> T) -> T {
    let case = world.load(number);
    let context = DecisionContext {
        now: world.now,
        actor,
        holders: &world.cases[number].inbox,
        starter: case
            .proposed_for
            .and_then(|proposer| world.chain(proposer).first_able(proposer, &[])),
        policy: world.policy(case.season),
    };
    question(case, &context)
}

fn act(world: &World, case: Case, context: &DecisionContext<'_>, choice: Choice) -> Result<Transition, Refusal> {
    let words = |given: bool| Remark::new(if given { "信息有误" } else { "\u{3000}" });
    match choice {
        Choice::Approve => decide::approve(case, context),
        Choice::Refuse { reason } => decide::refuse(case, context, words(reason)),
        Choice::Assign(branch) => decide::assign(case, context, world.organization(branch)),
        Choice::Withdraw => decide::withdraw(case, context),
        Choice::AcceptExternal => decide::accept_external(case, context),
        Choice::RefuseExternal { reason } => decide::refuse_external(case, context, words(reason)),
    }
}

/// `allowed_actions` shows an action as enabled if and only if taking it is not refused with that code. The oracle must
/// agree.
pub fn check_allowed_actions(world: &World, number: usize, who: Who, branch: OrganizationId) {
    let Some(actor) = world.actor(who) else { return };
    for action in TransferAction::ALL {
        let choice = match action {
            TransferAction::Approve => Choice::Approve,
            TransferAction::Refuse => Choice::Refuse { reason: true },
            TransferAction::Assign => Choice::Assign(branch),
            TransferAction::Withdraw => Choice::Withdraw,
            TransferAction::AcceptExternal => Choice::AcceptExternal,
            TransferAction::RefuseExternal => Choice::RefuseExternal { reason: true },
        };
        let shown = ask(world, number, &actor, |case, context| action.check(&case, context))
            .err()
            .map(|refusal| refusal.code);
        let answered = ask(world, number, &actor, |case, context| act(world, case, context, choice));
        let answered = answered.err().map(|refusal| refusal.code);
        let expected = oracle::refusal(world, &world.cases[number], who, choice);
        assert_eq!(answered, expected, "who may {action} case {number}: {who:?}");
        match shown {
            Some(code) => assert_eq!(
                answered,
                Some(code),
                "{action} is disabled with the code that it answers"
            ),
            None => assert!(
                answered.is_none() || *action == TransferAction::Assign,
                "{action} is enabled and refused"
            ),
        }
    }
}
