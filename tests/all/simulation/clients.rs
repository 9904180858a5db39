//! The random requests of clients about transfers: mostly sensible, sometimes not.

use super::country::HOMES;
use super::oracle;
use super::rng::SimRng;
use super::service::{
    self, Answer, Choice, Decision, Flaw, Inbound, Prepared, ProposalDraft, Request, check_allowed_actions,
};
use super::world::{Who, World};
use std::collections::BTreeSet;
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::core::ids::{MemberId, OrganizationId};
use zhuanjie::domain::organization::facts::{OrganizationKind, OrganizationPurpose, Sector};
use zhuanjie::domain::organization::turn::Duty;
use zhuanjie::domain::transfer::reason::{Reason, Side};

/// A request with its key and its answer, as a client remembers it.
pub type Sent = (u64, Request, Answer);

/// A client sends a request. The server may die before it writes, or the answer may get lost. Then the client sends the
/// request again, at once or later (by [`again`]).
pub fn send(world: &mut World, rng: &mut SimRng, sent: &mut Vec<Sent>, request: Request) {
    let key = sent.len() as u64;
    if rng.percent(5) {
        drop(service::prepare(world, &request));
    }
    let answer = service::serve(world, Some(key), &request);
    if rng.percent(15) {
        again(world, (key, request.clone(), answer.clone()));
    }
    sent.push((key, request, answer));
}

/// Sends a request again under its key: one effect, and the same answer (I-16, I-20).
pub fn again(world: &mut World, (key, request, answer): Sent) {
    let before = world.writes;
    let second = service::serve(world, Some(key), &request);
    if answer.is_ok() {
        assert_eq!(second, answer, "I-16: the same key and request get the same answer");
        assert_eq!(world.writes, before, "I-20: a repetition has no second effect");
    }
}

/// A random request.
pub fn request(world: &World, rng: &mut SimRng) -> Request {
    let open: Vec<usize> = world.open_cases().collect();
    let busy = open.len().min(6) * 10;
    match rng.below(100) {
        0..4 => Request::Inbound(inbound(world, rng)),
        roll if roll < 96 - busy => Request::Propose(draft(world, rng)),
        _ => match decision(world, rng) {
            Some(decision) => Request::Decide(decision),
            None => Request::Propose(draft(world, rng)),
        },
    }
}

fn draft(world: &World, rng: &mut SimRng) -> ProposalDraft {
    let member = MemberId(rng.between(1, world.members.len() as i64));
    let home = world.member(member).branch;
    let reason = rng.one(Reason::ALL);
    let external = rng.percent(12);
    let target = match reason {
        Reason::SpecialUnit => rng.percent(10).then(|| any(world, rng)),
        _ if external => rng.percent(5).then(|| any(world, rng)),
        _ => rng.percent(97).then(|| target(world, rng, reason, home)),
    };
    let side = rng.one(&[Side::Member, Side::Member, Side::Source, Side::Source, Side::Target]);
    let who = match side {
        Side::Member if rng.percent(90) => Who::Member(member),
        Side::Target => world.somebody(rng, &world.up_from(target)),
        _ => world.somebody(rng, &world.up_from(home)),
    };
    ProposalDraft {
        who,
        member,
        side,
        reason,
        target,
        province: external.then(|| rng.one(&[11, 44, 35])),
        flaw: rng.one(&[
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Missing,
            Flaw::Extra,
        ]),
        explained: rng.percent(70),
    }
}

fn inbound(world: &World, rng: &mut SimRng) -> Inbound {
    let reason = rng.one(Reason::ALL);
    Inbound {
        who: if rng.percent(90) {
            Who::Integrator(rng.one(&[11, 44, 35]))
        } else {
            world.somebody(rng, &[])
        },
        person: if rng.percent(50) {
            500 + rng.below(3) as u32
        } else {
            rng.between(1, 10) as u32
        },
        reason,
        target: rng.percent(95).then(|| target(world, rng, reason, None)),
    }
}

fn any(world: &World, rng: &mut SimRng) -> OrganizationId {
    OrganizationId(rng.between(1, world.organizations.len() as i64))
}

/// A target that the reason often allows.
fn target(world: &World, rng: &mut SimRng, reason: Reason, home: Option<OrganizationId>) -> OrganizationId {
    if rng.percent(25) {
        return any(world, rng);
    }
    let own = home.and_then(|home| world.organization(home).school);
    let fits: Vec<OrganizationId> = world
        .organizations
        .iter()
        .filter(|place| match reason {
            Reason::FurtherStudy => place.sector == Sector::School && place.purpose == OrganizationPurpose::Ordinary,
            Reason::Abroad => place.purpose == OrganizationPurpose::Abroad && (own.is_none() || place.school == own),
            Reason::EmployedWithLeague => place.sector == Sector::Enterprise,
            _ => matches!(place.sector, Sector::TownshipVillage | Sector::StreetCommunity),
        })
        .map(|place| place.id)
        .collect();
    rng.pick(&fits).copied().unwrap_or(HOMES[0])
}

/// A decision on a case. Mostly it is the step that is due, by a client who may take it.
fn decision(world: &World, rng: &mut SimRng) -> Option<Decision> {
    let open: Vec<usize> = world.open_cases().collect();
    let case = match rng.pick(&open) {
        Some(open) if rng.percent(95) => *open,
        _ if world.cases.is_empty() => return None,
        _ => rng.below(world.cases.len()),
    };
    let stored = &world.cases[case];
    let version = stored.case.version - i64::from(rng.percent(4));
    let mut likely = oracle::holders(world, &stored.course);
    if rng.percent(15) {
        likely.extend(stored.course.step().map(|(_, place)| place));
        likely.extend(stored.course.proposed_for);
    }
    let duty = stored.course.step().map(|(duty, _)| duty);
    let mut who = world.somebody(rng, &likely);
    if duty == Some(Duty::ExternalAnswer) && rng.percent(40) {
        who = Who::Integrator(stored.course.to_province.unwrap_or(11));
    }
    let choice = choice(world, rng, case, duty);
    if choice == Choice::Withdraw && rng.percent(60) {
        who = match (stored.course.proposed_for, stored.course.member) {
            (Some(seat), _) if rng.percent(60) => {
                let chain = world.chain(seat);
                world.somebody(rng, &[chain.first_able(seat, &[]).unwrap_or(seat)])
            }
            (_, Some(member)) => Who::Member(member),
            _ => who,
        };
    }
    Some(Decision {
        who,
        case,
        version,
        choice,
    })
}

fn choice(world: &World, rng: &mut SimRng, case: usize, duty: Option<Duty>) -> Choice {
    let branch = branch_for(world, rng, case);
    let reason = rng.percent(85);
    let all = [
        Choice::Approve,
        Choice::Refuse { reason },
        Choice::Assign(branch),
        Choice::Withdraw,
        Choice::AcceptExternal,
        Choice::RefuseExternal { reason },
    ];
    match (rng.below(100), duty) {
        (0..15, _) | (_, None) => rng.one(&all),
        (15..22, _) => Choice::Withdraw,
        (22..32, Some(Duty::ExternalAnswer)) => Choice::RefuseExternal { reason },
        (22..32, _) => Choice::Refuse { reason },
        (_, Some(Duty::Assignment)) => Choice::Assign(branch),
        (_, Some(Duty::ExternalAnswer)) => Choice::AcceptExternal,
        _ => Choice::Approve,
    }
}

/// A branch to assign to, mostly one below the target.
fn branch_for(world: &World, rng: &mut SimRng, case: usize) -> OrganizationId {
    let target = world.cases[case].course.target.filter(|_| rng.percent(75));
    let below: Vec<OrganizationId> = world
        .organizations
        .iter()
        .filter(|place| {
            place.kind == OrganizationKind::Branch && target.is_some_and(|target| place.path.contains(target))
        })
        .map(|place| place.id)
        .collect();
    rng.pick(&below).copied().unwrap_or_else(|| any(world, rng))
}

/// Two clients decide on the same version of a case, which both read before either wrote. At most one wins (I-08, A9).
pub fn race(world: &mut World, rng: &mut SimRng) {
    let Some(first) = decision(world, rng) else { return };
    let Some(second) = decision(world, rng).map(|other| Decision {
        case: first.case,
        version: first.version,
        ..other
    }) else {
        return;
    };
    run(world, [Request::Decide(first), Request::Decide(second)]);
}

/// Two clients propose for the same member at once.
pub fn race_of_proposals(world: &mut World, rng: &mut SimRng) {
    let first = draft(world, rng);
    let second = ProposalDraft {
        member: first.member,
        ..draft(world, rng)
    };
    run(world, [Request::Propose(first), Request::Propose(second)]);
}

fn run(world: &mut World, requests: [Request; 2]) {
    let prepared: Vec<Prepared> = requests
        .iter()
        .filter_map(|request| service::prepare(world, request).ok())
        .collect();
    let both = prepared.len() == 2;
    let mut winners = 0;
    for prepared in prepared {
        let before = world.writes;
        let answer = service::commit(world, prepared);
        if let Err(codes) = &answer {
            let lost = codes
                .iter()
                .all(|code| matches!(code, Code::TransferConflict | Code::TransferAlreadyOpen));
            assert!(lost, "A9: the loser gets a conflict");
            assert_eq!(world.writes, before, "I-32: the loser changes nothing");
        }
        winners += usize::from(answer.is_ok());
    }
    assert!(!both || winners == 1, "I-08: exactly one winner, not {winners}");
    world.log(|| format!("race of {requests:?}: {winners} won"));
}

/// Decides many cases in one request, perhaps one of them twice. Each item gets a result, and each case at most one
/// effect (I-15).
pub fn batch(world: &mut World, rng: &mut SimRng) {
    let items: Vec<Decision> = (0..rng.between(2, 5)).filter_map(|_| decision(world, rng)).collect();
    let results: Vec<Answer> = items
        .iter()
        .map(|item| service::serve(world, None, &Request::Decide(*item)))
        .collect();
    let done: Vec<usize> = results.iter().flatten().map(|(case, _)| *case).collect();
    let cases: BTreeSet<usize> = done.iter().copied().collect();
    assert_eq!(done.len(), cases.len(), "I-15: each item has one result");
}

/// Checks the allowed actions of a client on a case.
pub fn look(world: &World, rng: &mut SimRng) {
    if world.cases.is_empty() {
        return;
    }
    if let Some(Decision { who, case, .. }) = decision(world, rng) {
        let branch = branch_for(world, rng, case);
        check_allowed_actions(world, case, who, branch);
    }
}
