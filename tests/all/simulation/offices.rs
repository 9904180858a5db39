//! Everything that clients do not do with transfers: appointments, months, marks, new and closed branches, the clock,
//! and the jobs.

use super::country::{self, Shape};
use super::invariants;
use super::oracle::{self, month_number};
use super::rng::SimRng;
use super::service::{self, Choice, Decision, Request};
use super::world::{StoredChange, Who, World};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::core::decision::Verdict;
use zhuanjie::domain::core::ids::{AccountId, MemberId, MonthChangeId, OrganizationId};
use zhuanjie::domain::core::text::Remark;
use zhuanjie::domain::core::time::{Month, Timestamp, season_of};
use zhuanjie::domain::graduation::{self, MonthChangeState};
use zhuanjie::domain::member::Certification;
use zhuanjie::domain::member::mark::{self, Mark};
use zhuanjie::domain::organization::facts::{
    Graduation, Level, OrganizationKind, OrganizationPurpose, Sector, Status, Undetermined,
};
use zhuanjie::domain::organization::rules::{Contents, o1_may_stand_under, o3_close};
use zhuanjie::domain::organization::turn::{Duty, Turn};
use zhuanjie::domain::transfer::decide;
use zhuanjie::domain::transfer::state::Phase;

/// Appoints or removes an administrator.
pub fn appointment(world: &mut World, rng: &mut SimRng) {
    let waiting: Vec<OrganizationId> = world.cases.iter().flat_map(|stored| stored.inbox.clone()).collect();
    let organization = match rng.pick(&waiting) {
        Some(waiting) if rng.percent(60) => *waiting,
        _ => any(world, rng),
    };
    let active: Vec<usize> = (0..world.appointments.len())
        .filter(|number| {
            let office = &world.appointments[*number];
            office.until.is_none() && office.organization == organization
        })
        .collect();
    match rng.pick(&active) {
        Some(office) if rng.percent(60) => {
            world.remove(*office);
            world.log(|| format!("office {office} at {organization:?} ends"));
        }
        _ => {
            let account = match rng.below(3) {
                0 => AccountId(1001 + rng.between(0, 9)),
                1 => AccountId(100 + rng.between(1, 42)),
                _ => AccountId(400 + rng.between(0, 9)),
            };
            world.appoint(account, organization);
            world.log(|| format!("{account:?} is appointed at {organization:?}"));
        }
    }
}

fn any(world: &World, rng: &mut SimRng) -> OrganizationId {
    OrganizationId(rng.between(1, world.organizations.len() as i64))
}

fn a_branch(world: &World, rng: &mut SimRng) -> OrganizationId {
    let school = rng.percent(85);
    let fits: Vec<OrganizationId> = world
        .organizations
        .iter()
        .filter(|place| place.kind == OrganizationKind::Branch && (!school || place.sector == Sector::School))
        .map(|place| place.id)
        .collect();
    rng.one(&fits)
}

/// A month near the current one.
fn a_month(world: &World, rng: &mut SimRng) -> Month {
    let year = world.now.year() + rng.between(-1, 2) as i32;
    Month::new(year, rng.between(1, 12) as u32).expect("a good month")
}

/// G2, G5, M7: a client marks a branch with a month, or with the reason why there is none.
pub fn set_month(world: &mut World, rng: &mut SimRng) {
    let branch = a_branch(world, rng);
    let who = world.somebody(rng, &world.up_from(Some(branch)));
    let Some(actor) = world.actor(who) else { return };
    let new = if rng.percent(85) {
        Graduation::Month(a_month(world, rng))
    } else {
        Graduation::Undetermined(rng.one(Undetermined::ALL))
    };
    let facts = world.organization(branch).clone();
    let above = world
        .seat(who)
        .is_some_and(|seat| oracle::superiors(world, branch).contains(&seat));
    let allowed = above
        && (facts.kind, facts.sector, facts.status) == (OrganizationKind::Branch, Sector::School, Status::Active)
        && facts.purpose == OrganizationPurpose::Ordinary
        && facts.graduated_season.is_none();
    let result = graduation::set(&actor, &facts, new);
    assert_eq!(
        result.is_ok(),
        allowed,
        "G2, G5, G7: {who:?} marks {branch:?}: {result:?}"
    );
    world.log(|| format!("{who:?} marks {branch:?} with {new:?}: {allowed}"));
    if let Ok(change) = result {
        assert_eq!(
            (change.old, change.new),
            (facts.graduation, new),
            "G5: the old month stays in the history"
        );
        give_month(world, branch, new);
    }
}

/// Writes a branch's month and reports delayed marks that are no longer later (M7).
fn give_month(world: &mut World, branch: OrganizationId, new: Graduation) {
    world.organization_mut(branch).graduation = Some(new);
    let delayed: Vec<(MemberId, Month)> = world
        .members
        .iter()
        .filter(|member| member.branch == Some(branch))
        .filter_map(|member| match member.mark {
            Some(Mark::Delayed { month, .. }) => Some((member.id, month)),
            _ => None,
        })
        .collect();
    for member in mark::m7_no_longer_later(new, delayed) {
        world.member_mut(member).reported = true;
    }
}

/// M2, M3, M6: a client marks a member or undoes the mark.
pub fn mark(world: &mut World, rng: &mut SimRng) {
    let id = MemberId(rng.between(1, world.members.len() as i64));
    let Some(branch) = world.member(id).branch else { return };
    let who = world.somebody(rng, &world.up_from(Some(branch)));
    let Some(actor) = world.actor(who) else { return };
    let facts = world.organization(branch).clone();
    let seat = world.seat(who);
    let sector = seat.map_or(Sector::Institution, |seat| world.organization(seat).sector);
    let over = seat.is_some_and(|seat| oracle::inside(world, branch, seat));
    let may = over
        && if facts.school == Some(facts.id) {
            facts.parent == seat
        } else {
            sector == Sector::School
        };
    let result = mark::m2_may_mark(&actor, sector, &facts, None);
    assert_eq!(
        result.is_ok(),
        may,
        "M2: {who:?} marks a member of {branch:?}: {result:?}"
    );
    if !may {
        return;
    }
    let season = season_of(world.now);
    let of_branch = month_number(facts.graduation);
    let graduating = of_branch.is_some_and(|month| facts.graduated_season.is_some() || month / 100 == season);
    let new = match rng.below(3) {
        0 => {
            let marked = world.member(id).mark.clone();
            assert_eq!(
                mark::m6_undo(marked.clone()).ok(),
                marked,
                "M6: undoing removes the mark"
            );
            None
        }
        1 => {
            let teacher = mark::m3_teacher(&facts, season);
            assert_eq!(teacher.is_ok(), graduating, "M1, M3: teachers of graduating branches");
            teacher.ok()
        }
        _ => {
            let month = a_month(world, rng);
            let delayed = mark::m3_delayed(&facts, season, Some(month), Remark::new("休学"));
            let later = of_branch.is_some_and(|of_branch| *month.as_number() > of_branch);
            assert_eq!(
                delayed.is_ok(),
                graduating && later,
                "M3: delayed to {month} in {branch:?}"
            );
            delayed.ok()
        }
    };
    world.log(|| format!("{who:?} marks {id:?}: {new:?}"));
    let member = world.member_mut(id);
    member.mark = new;
    member.reported = false;
}

/// G7: another month is proposed for a graduate branch.
pub fn propose_month(world: &mut World, rng: &mut SimRng) {
    let turned: Vec<OrganizationId> = world
        .organizations
        .iter()
        .filter(|place| place.graduated_season.is_some())
        .map(|place| place.id)
        .collect();
    let branch = match rng.pick(&turned) {
        Some(turned) if rng.percent(90) => *turned,
        _ => a_branch(world, rng),
    };
    let facts = world.organization(branch).clone();
    let who = world.somebody(rng, &facts.parent.into_iter().collect::<Vec<_>>());
    let Some(actor) = world.actor(who) else { return };
    let open = world
        .changes
        .iter()
        .position(|stored| stored.change.state() == MonthChangeState::Open && stored.change.request().branch == branch);
    let new = a_month(world, rng);
    let reason = Remark::new(if rng.percent(90) { "填写有误" } else { " " });
    let old = month_number(facts.graduation).filter(|_| facts.graduated_season.is_some());
    let allowed = world.seat(who).is_some()
        && world.seat(who) == facts.parent
        && old.is_some_and(|old| old != *new.as_number())
        && open.is_none()
        && reason.is_some();
    let open = open.map(|number| MonthChangeId(number as i64 + 1));
    let result = graduation::propose(&actor, &facts, None, open, new, reason, world.now);
    assert_eq!(
        result.is_ok(),
        allowed,
        "G7: {who:?} proposes {new} for {branch:?}: {result:?}"
    );
    world.log(|| format!("{who:?} proposes {new} for {branch:?}: {allowed}"));
    if let Ok(change) = result {
        let organ = oracle::superiors(world, branch)
            .into_iter()
            .find(|above| world.organization(*above).kind == OrganizationKind::LeadingOrgan);
        assert_eq!(
            Some(change.request().leading_organ),
            organ,
            "G7: the nearest leading organ decides"
        );
        world.changes.push(StoredChange { version: 1, change });
        world.writes += 1;
    }
}

/// G7 to G9: the leading organ decides on a month change.
pub fn decide_month(world: &mut World, rng: &mut SimRng) {
    if world.changes.is_empty() {
        return;
    }
    let number = rng.below(world.changes.len());
    let stored = world.changes[number].clone();
    let request = stored.change.request().clone();
    let step = (Duty::LeadingOrgan, request.leading_organ);
    let expected = oracle::seats(world, step, false, &[request.proposed_by]);
    let turn = Turn {
        duty: step.0,
        organization: step.1,
        escalated: false,
    };
    let holders = turn
        .holders(&world.chain(request.leading_organ), &[request.proposed_by])
        .organizations;
    assert_eq!(holders, expected, "G7, A10: who decides on a month");
    let who = world.somebody(rng, &holders);
    let Some(actor) = world.actor(who) else { return };
    let verdict = match rng.below(10) {
        0..6 => Verdict::Approve,
        6..9 => Verdict::Refuse(Remark::new("不予同意")),
        _ => Verdict::Refuse(None),
    };
    let allowed = stored.change.state() == MonthChangeState::Open
        && world.seat(who).is_some_and(|seat| expected.contains(&seat))
        && actor.account != Some(request.proposed_by)
        && verdict != Verdict::Refuse(None);
    let result = stored.change.decide(&actor, &holders, verdict, world.now);
    assert_eq!(
        result.is_ok(),
        allowed,
        "G7, G8: {who:?} decides on month change {number}: {result:?}"
    );
    world.log(|| format!("{who:?} decides on month change {number}: {allowed}"));
    let Ok(change) = result else { return };
    if change.state() == MonthChangeState::Approved {
        let turned = world.organization(request.branch).graduated_season;
        let turned = turned.expect("G7: an open request's branch stays turned");
        let after = graduation::g9_season_after(turned, request.new);
        let stays = month_number(Some(Graduation::Month(request.new))).is_some_and(|month| month / 100 <= turned);
        assert_eq!(
            after,
            stays.then_some(turned),
            "G9: a month of a later year gives the branch back"
        );
        world.organization_mut(request.branch).graduated_season = after;
        give_month(world, request.branch, Graduation::Month(request.new));
    }
    world.changes[number] = StoredChange {
        version: stored.version + 1,
        change,
    };
    world.writes += 1;
}

/// O1: creates a new branch.
pub fn create(world: &mut World, rng: &mut SimRng) {
    if world.organizations.len() >= 48 {
        return;
    }
    let parent = world.organization(any(world, rng)).clone();
    let kind = rng.one(OrganizationKind::ALL);
    let may_hold = match parent.kind {
        OrganizationKind::LeadingOrgan => kind != OrganizationKind::LeadingOrgan,
        OrganizationKind::Committee | OrganizationKind::WorkCommittee => {
            !matches!(kind, OrganizationKind::LeadingOrgan | OrganizationKind::WorkCommittee)
        }
        OrganizationKind::GeneralBranch => kind == OrganizationKind::Branch,
        OrganizationKind::Branch => false,
    };
    let allowed = may_hold && parent.status == Status::Active;
    let result = o1_may_stand_under(kind, Level::Grassroots, &parent);
    assert_eq!(result.is_ok(), allowed, "O1: {kind} under {:?}", parent.kind);
    if allowed && kind == OrganizationKind::Branch {
        let shape = match parent.sector {
            Sector::School => Shape::Class,
            Sector::TownshipVillage => Shape::Village,
            _ => Shape::Workers,
        };
        let id = OrganizationId(world.organizations.len() as i64 + 1);
        world.organizations.push(country::below(id, Some(&parent), shape));
        world.writes += 1;
        world.log(|| format!("{id:?} is created under {:?}", parent.id));
    }
}

/// O3: the direct superior closes an empty organization.
pub fn close(world: &mut World, rng: &mut SimRng) {
    let branch = any(world, rng);
    let facts = world.organization(branch).clone();
    if facts.purpose == OrganizationPurpose::SpecialUnit {
        return;
    }
    let who = world.somebody(rng, &facts.parent.into_iter().collect::<Vec<_>>());
    let Some(actor) = world.actor(who) else { return };
    let members = world
        .members
        .iter()
        .filter(|member| member.branch == Some(branch))
        .count() as u64;
    let concerns = |number: &usize| {
        let course = &world.cases[*number].course;
        course.origin == Some(branch) || course.target == Some(branch)
    };
    let open_cases = world.open_cases().filter(concerns).count() as u64;
    let below = world
        .organizations
        .iter()
        .filter(|place| place.parent == Some(branch) && place.status == Status::Active);
    let children = below.count() as u64;
    let empty = members + open_cases + children == 0;
    let allowed =
        empty && world.seat(who).is_some() && world.seat(who) == facts.parent && facts.status == Status::Active;
    let result = o3_close(
        &actor,
        &facts,
        None,
        Contents {
            members,
            open_cases,
            children,
        },
    );
    assert_eq!(result.is_ok(), allowed, "O3: {who:?} closes {branch:?}: {result:?}");
    if allowed {
        world.organization_mut(branch).status = Status::Closed;
        world.log(|| format!("{who:?} closes {branch:?}"));
    }
}

/// O7: a member's certification is approved or refused.
pub fn certify(world: &mut World, rng: &mut SimRng) {
    let id = MemberId(rng.between(1, world.members.len() as i64));
    world.member_mut(id).certification = if rng.percent(80) {
        Certification::Certified
    } else {
        Certification::Refused
    };
}

/// The clock moves on: by hours, by days, to the edges of the rules, or by more than a year.
pub fn tick(world: &mut World, rng: &mut SimRng) {
    let year = (world.now + TimeDelta::hours(8)).year();
    let around = TimeDelta::seconds(rng.between(-1, 1));
    let to = match rng.below(100) {
        0..30 => world.now + TimeDelta::minutes(rng.between(1, 24 * 60)),
        30..55 => world.now + TimeDelta::days(rng.between(1, 12)),
        55..60 => world.now + TimeDelta::days(rng.between(13, 400)),
        60..68 => china(year, 10, 1) + around,
        68..74 => china(year, 6, 1) + around,
        74..78 => china(year + 1, 1, 1) + around,
        _ => next_edge(world, rng),
    };
    let last = china(2055, 1, 1);
    if to > world.now && to < last {
        world.now = to;
        world.log(|| "the clock".to_owned());
    }
}

fn china(year: i32, month: u32, day: u32) -> Timestamp {
    let date = NaiveDate::from_ymd_opt(year, month, day).and_then(|date| date.and_hms_opt(0, 0, 0));
    DateTime::from_naive_utc_and_offset(date.expect("a good date") - TimeDelta::hours(8), chrono::Utc)
}

/// Near the instant at which some case is due, or a member has a birthday.
fn next_edge(world: &World, rng: &mut SimRng) -> Timestamp {
    let due: Vec<Timestamp> = world
        .open_cases()
        .filter_map(|number| {
            let course = &world.cases[number].course;
            oracle::last_instant(world, course).or(oracle::last_instant_alone(world, course))
        })
        .collect();
    match rng.pick(&due) {
        Some(due) => *due + TimeDelta::seconds(rng.between(-1, 1)),
        None => {
            let year = (world.now + TimeDelta::hours(8)).year();
            let birth = world.members[rng.below(world.members.len())].birth;
            china(year, birth.month(), birth.day().min(28)) + TimeDelta::days(rng.between(-1, 1)) + TimeDelta::hours(12)
        }
    }
}

/// The jobs, at any hour, sometimes twice. The second run finds nothing to do.
pub fn jobs(world: &mut World, rng: &mut SimRng) {
    expiry(world);
    switch(world);
    if rng.percent(30) {
        let before = world.writes;
        expiry(world);
        switch(world);
        assert_eq!(world.writes, before, "G6, I-22: a second run changes nothing");
    }
}

/// A6, X3: ends overdue cases and escalates stale assignments, and leaves all other cases alone.
fn expiry(world: &mut World) {
    let open: Vec<usize> = world.open_cases().collect();
    for number in open {
        let case = world.load(number);
        let course = world.cases[number].course.clone();
        let policy = world.policy(case.season);
        let dead = oracle::last_instant(world, &course).is_some_and(|last| world.now > last);
        let stale = oracle::is_stale(world, &course);
        let expired = decide::expire(case.clone(), policy, world.now);
        let escalated = decide::escalate(case, policy, world.now);
        assert_eq!(
            expired.is_some(),
            dead,
            "I-22: case {number} is ended if and only if it is overdue"
        );
        assert_eq!(
            escalated.is_some(),
            stale,
            "A6: case {number} is escalated if and only if it is stale"
        );
        let Some(transition) = expired.or(escalated) else {
            continue;
        };
        assert!(
            transition.event.is_automatic(),
            "A7: the history shows that the service acted"
        );
        world.cases[number].course.escalated = stale;
        if dead {
            world.cases[number].course.end = Some(Phase::Expired);
        }
        let before = world.writes;
        assert!(
            world.update(number, transition.clone()).is_ok(),
            "a job without a rival succeeds"
        );
        // The same job on another server comes later.
        assert_eq!(
            world.update(number, transition),
            Err(Code::TransferConflict),
            "A9: only one of two servers ends a case"
        );
        assert_eq!(world.writes, before + 1, "I-22: once");
        world.log(|| format!("the expiry touches case {number}"));
    }
    invariants::i22_expired(world);
}

/// G6: the yearly switch, however late.
fn switch(world: &mut World) {
    let year = oracle::last_switch_year(world.now);
    let policy = world.policy(year).clone();
    for number in 0..world.organizations.len() {
        let turns = graduation::g6_turns(&world.organizations[number], &policy, world.now);
        let before_its_year =
            month_number(world.organizations[number].graduation).is_none_or(|month| month / 100 > year);
        assert!(
            turns.is_none() || !before_its_year,
            "G6: no branch turns before its year"
        );
        if let Some(season) = turns {
            assert_eq!(season, year, "G6: the season whose switch came last");
            world.organizations[number].graduated_season = Some(season);
            world.writes += 1;
            world.log(|| format!("organization {} turns into a graduate branch", number + 1));
        }
    }
    invariants::g6_turned(world);
}

/// An approval that was decided before the expiry and is written after it fails (A9).
pub fn race_with_the_expiry(world: &mut World, rng: &mut SimRng) {
    let open: Vec<usize> = world.open_cases().collect();
    let Some(&case) = rng.pick(&open) else { return };
    let stored = &world.cases[case];
    let version = stored.case.version;
    let who: Who = world.somebody(rng, &stored.inbox.clone());
    let decision = Decision {
        who,
        case,
        version,
        choice: Choice::Approve,
    };
    let Ok(prepared) = service::prepare(world, &Request::Decide(decision)) else {
        return;
    };
    expiry(world);
    let ended = world.cases[case].case.version != version;
    let answer = service::commit(world, prepared);
    assert_eq!(answer.is_err(), ended, "A9: approve and expire race on the version");
}
