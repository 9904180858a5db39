//! What clients do with transfers, at random: mostly sensible, sometimes not.

use super::country::HOMES;
use super::dice::Dice;
use super::oracle;
use super::service::{self, Answer, Decision, Deed, Filing, Flaw, Inbound, Prepared, Request, check_allowed_actions};
use super::world::{Who, World};
use std::collections::BTreeSet;
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::core::ids::{MemberId, OrganizationId};
use zhuanjie::domain::organization::facts::{Kind, Purpose, Sector};
use zhuanjie::domain::organization::turn::Duty;
use zhuanjie::domain::transfer::reason::{Reason, Side};

/// A request with its key, as a client remembers it.
pub type Sent = (u64, Request, Answer);

/// One client sends one request. The server may die before it writes, or its answer may get lost: then he sends the same
/// again, at once or (by [`again`]) later.
pub fn send(world: &mut World, dice: &mut Dice, sent: &mut Vec<Sent>, request: Request) {
    let key = sent.len() as u64;
    if dice.percent(5) {
        drop(service::prepare(world, &request));
    }
    let answer = service::serve(world, Some(key), &request);
    if dice.percent(15) {
        again(world, (key, request.clone(), answer.clone()));
    }
    sent.push((key, request, answer));
}

/// Sends a request again under its key: one effect, the same answer (I-16, I-20).
pub fn again(world: &mut World, (key, request, answer): Sent) {
    let before = world.writes;
    let second = service::serve(world, Some(key), &request);
    if answer.is_ok() {
        assert_eq!(second, answer, "I-16: the same key and request get the same answer");
        assert_eq!(world.writes, before, "I-20: and one effect");
    }
}

/// A request at random.
pub fn request(world: &World, dice: &mut Dice) -> Request {
    let open: Vec<usize> = world.open_cases().collect();
    let busy = open.len().min(6) * 10;
    match dice.below(100) {
        0..4 => Request::Inbound(inbound(world, dice)),
        roll if roll < 96 - busy => Request::File(filing(world, dice)),
        _ => match decision(world, dice) {
            Some(decision) => Request::Decide(decision),
            None => Request::File(filing(world, dice)),
        },
    }
}

fn filing(world: &World, dice: &mut Dice) -> Filing {
    let member = MemberId(dice.between(1, world.members.len() as i64));
    let home = world.member(member).branch;
    let reason = dice.one(Reason::ALL);
    let external = dice.percent(12);
    let target = match reason {
        Reason::SpecialUnit => dice.percent(10).then(|| any(world, dice)),
        _ if external => dice.percent(5).then(|| any(world, dice)),
        _ => dice.percent(97).then(|| target(world, dice, reason, home)),
    };
    let side = dice.one(&[Side::Member, Side::Member, Side::Source, Side::Source, Side::Target]);
    let who = match side {
        Side::Member if dice.percent(90) => Who::Member(member),
        Side::Target => world.somebody(dice, &world.up_from(target)),
        _ => world.somebody(dice, &world.up_from(home)),
    };
    Filing {
        who,
        member,
        side,
        reason,
        target,
        province: external.then(|| dice.one(&[11, 44, 35])),
        flaw: dice.one(&[
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Nothing,
            Flaw::Missing,
            Flaw::Extra,
        ]),
        explained: dice.percent(70),
    }
}

fn inbound(world: &World, dice: &mut Dice) -> Inbound {
    let reason = dice.one(Reason::ALL);
    Inbound {
        who: if dice.percent(90) {
            Who::Integrator(dice.one(&[11, 44, 35]))
        } else {
            world.somebody(dice, &[])
        },
        person: if dice.percent(50) {
            500 + dice.below(3) as u32
        } else {
            dice.between(1, 10) as u32
        },
        reason,
        target: dice.percent(95).then(|| target(world, dice, reason, None)),
    }
}

fn any(world: &World, dice: &mut Dice) -> OrganizationId {
    OrganizationId(dice.between(1, world.organizations.len() as i64))
}

/// A target that is often one the reason allows.
fn target(world: &World, dice: &mut Dice, reason: Reason, home: Option<OrganizationId>) -> OrganizationId {
    if dice.percent(25) {
        return any(world, dice);
    }
    let own = home.and_then(|home| world.organization(home).school);
    let fits: Vec<OrganizationId> = world
        .organizations
        .iter()
        .filter(|place| match reason {
            Reason::FurtherStudy => place.sector == Sector::School && place.purpose == Purpose::Ordinary,
            Reason::Abroad => place.purpose == Purpose::Abroad && (own.is_none() || place.school == own),
            Reason::EmployedWithLeague => place.sector == Sector::Enterprise,
            _ => matches!(place.sector, Sector::TownshipVillage | Sector::StreetCommunity),
        })
        .map(|place| place.id)
        .collect();
    dice.pick(&fits).copied().unwrap_or(HOMES[0])
}

/// Somebody does something with a case, mostly what is due by whom it is due.
fn decision(world: &World, dice: &mut Dice) -> Option<Decision> {
    let open: Vec<usize> = world.open_cases().collect();
    let case = match dice.pick(&open) {
        Some(open) if dice.percent(95) => *open,
        _ if world.cases.is_empty() => return None,
        _ => dice.below(world.cases.len()),
    };
    let stored = &world.cases[case];
    let version = stored.case.version - i64::from(dice.percent(4));
    let mut likely = oracle::holders(world, &stored.course);
    if dice.percent(15) {
        likely.extend(stored.course.step().map(|(_, place)| place));
        likely.extend(stored.course.filed_for);
    }
    let duty = stored.course.step().map(|(duty, _)| duty);
    let mut who = world.somebody(dice, &likely);
    if duty == Some(Duty::ExternalAnswer) && dice.percent(40) {
        who = Who::Integrator(stored.course.to_province.unwrap_or(11));
    }
    let deed = deed(world, dice, case, duty);
    if deed == Deed::Withdraw && dice.percent(60) {
        who = match (stored.course.filed_for, stored.course.member) {
            (Some(seat), _) if dice.percent(60) => world.somebody(dice, &[seat]),
            (_, Some(member)) => Who::Member(member),
            _ => who,
        };
    }
    Some(Decision {
        who,
        case,
        version,
        deed,
    })
}

fn deed(world: &World, dice: &mut Dice, case: usize, duty: Option<Duty>) -> Deed {
    let branch = branch_for(world, dice, case);
    let reason = dice.percent(85);
    let all = [
        Deed::Approve,
        Deed::Refuse { reason },
        Deed::Assign(branch),
        Deed::Withdraw,
        Deed::AcceptExternal,
        Deed::RefuseExternal { reason },
    ];
    match (dice.below(100), duty) {
        (0..15, _) | (_, None) => dice.one(&all),
        (15..22, _) => Deed::Withdraw,
        (22..32, Some(Duty::ExternalAnswer)) => Deed::RefuseExternal { reason },
        (22..32, _) => Deed::Refuse { reason },
        (_, Some(Duty::Assignment)) => Deed::Assign(branch),
        (_, Some(Duty::ExternalAnswer)) => Deed::AcceptExternal,
        _ => Deed::Approve,
    }
}

/// A branch to assign to, mostly one below the target.
fn branch_for(world: &World, dice: &mut Dice, case: usize) -> OrganizationId {
    let target = world.cases[case].course.target.filter(|_| dice.percent(75));
    let below: Vec<OrganizationId> = world
        .organizations
        .iter()
        .filter(|place| place.kind == Kind::Branch && target.is_some_and(|target| place.path.contains(target)))
        .map(|place| place.id)
        .collect();
    dice.pick(&below).copied().unwrap_or_else(|| any(world, dice))
}

/// Two clients decide on what they both read before either wrote: at most one wins (I-08, A9).
pub fn race(world: &mut World, dice: &mut Dice) {
    let Some(first) = decision(world, dice) else { return };
    let Some(second) = decision(world, dice).map(|other| Decision {
        case: first.case,
        version: first.version,
        ..other
    }) else {
        return;
    };
    run(world, [Request::Decide(first), Request::Decide(second)]);
}

/// Two clients file for the same member at once.
pub fn race_of_filings(world: &mut World, dice: &mut Dice) {
    let first = filing(world, dice);
    let second = Filing {
        member: first.member,
        ..filing(world, dice)
    };
    run(world, [Request::File(first), Request::File(second)]);
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

/// Decides many cases at once, one perhaps twice: a result for each item, at most one effect for each case (I-15).
pub fn batch(world: &mut World, dice: &mut Dice) {
    let items: Vec<Decision> = (0..dice.between(2, 5)).filter_map(|_| decision(world, dice)).collect();
    let results: Vec<Answer> = items
        .iter()
        .map(|item| service::serve(world, None, &Request::Decide(*item)))
        .collect();
    let done: Vec<usize> = results.iter().flatten().map(|(case, _)| *case).collect();
    let cases: BTreeSet<usize> = done.iter().copied().collect();
    assert_eq!(done.len(), cases.len(), "I-15: no item twice");
}

/// Asks what somebody may do with a case.
pub fn look(world: &World, dice: &mut Dice) {
    if world.cases.is_empty() {
        return;
    }
    if let Some(Decision { who, case, .. }) = decision(world, dice) {
        let branch = branch_for(world, dice, case);
        check_allowed_actions(world, case, who, branch);
    }
}
