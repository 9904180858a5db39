//! What must hold after every step: the invariants that concern the pure domain, each named by its number.

use super::oracle;
use super::world::{Member, Stored, World};
use std::collections::BTreeSet;
use zhuanjie::domain::core::ids::{AccountId, OrganizationId};
use zhuanjie::domain::core::time::{Timestamp, season_of};
use zhuanjie::domain::member::Standing;
use zhuanjie::domain::member::cohort::{NotInCohort, l1_in_cohort};
use zhuanjie::domain::member::mark::{Identity, Mark, m1_identity};
use zhuanjie::domain::organization::facts::{OrganizationKind, OrganizationPurpose, Sector, Status};
use zhuanjie::domain::organization::turn::Duty;
use zhuanjie::domain::transfer::events::{EventKind, replay};
use zhuanjie::domain::transfer::expiry;
use zhuanjie::domain::transfer::route::Destination;
use zhuanjie::domain::transfer::state::{CaseOutcome, CaseState, Phase};

/// State that a step may change only together with something else.
pub struct Before {
    branches: Vec<Option<OrganizationId>>,
    states: Vec<CaseState>,
    persons: Vec<(u32, Option<AccountId>)>,
}

impl Before {
    pub fn of(world: &World) -> Self {
        Before {
            branches: world.members.iter().map(|member| member.branch).collect(),
            states: world.cases.iter().map(|stored| stored.case.state.clone()).collect(),
            persons: world
                .members
                .iter()
                .map(|member| (member.person, member.account))
                .collect(),
        }
    }
}

/// Checks all invariants.
pub fn check(world: &World, before: &Before) {
    for member in &world.members {
        i01_one_branch(member);
        i14_marks(world, member);
    }
    for (number, stored) in world.cases.iter().enumerate() {
        let old = before.states.get(number);
        let changed = old != Some(&stored.case.state);
        if let Some(old) = old.filter(|_| changed) {
            i06_edges(old, &stored.case.state);
            assert!(old.is_open(), "I-07: a final state absorbs: case {number}");
        }
        if changed {
            i09_events(stored);
        }
        as_the_oracle_says(world, stored);
        if changed && stored.case.state.phase() == Phase::Completed {
            i03_i05_approved(world, stored);
            i12_where_to(world, stored);
        }
    }
    i02_one_open_case(world);
    i11_moves(world, before);
    i13_tree(world);
    i33_identity(world, before);
}

fn i01_one_branch(member: &Member) {
    let stays = &member.stays;
    let gapless = stays
        .windows(2)
        .all(|pair| pair[0].until == Some(pair[1].from) && pair[0].from <= pair[1].from);
    assert!(gapless, "I-01: memberships neither overlap nor leave gaps");
    let last = stays.last().expect("a member has been somewhere");
    assert!(
        last.until.is_none() && last.branch == member.branch,
        "I-01: the member is in the branch of the last membership"
    );
    let outside = member.standing == Standing::MovedOut;
    assert_eq!(
        member.branch.is_none(),
        outside,
        "I-01: without a branch only outside the tree"
    );
}

fn i02_one_open_case(world: &World) {
    let open: Vec<u32> = world.open_cases().map(|number| world.cases[number].person).collect();
    let persons: BTreeSet<u32> = open.iter().copied().collect();
    assert_eq!(open.len(), persons.len(), "I-02: one open case for each member");
}

/// The edges as the manual gives them, independent of the state machine's own table.
fn i06_edges(old: &CaseState, new: &CaseState) {
    use Phase::*;
    let may_end = match old.phase() {
        AwaitingAssignment => matches!(new.phase(), AwaitingAssignment | Completed | Refused | Withdrawn),
        AwaitingLeadingOrgan => !matches!(
            new.phase(),
            Completed | AwaitingAssignment | Expired | AwaitingLeadingOrgan
        ),
        AwaitingProvince => matches!(new.phase(), Completed | Refused | Withdrawn),
        AwaitingApproval => matches!(
            new.phase(),
            AwaitingAssignment | Completed | Refused | Withdrawn | Expired
        ),
        ExternalPending => matches!(new.phase(), Completed | Refused | Withdrawn | Expired),
        Completed | Refused | Withdrawn | Expired => false,
    };
    assert!(may_end, "I-06: no way from {:?} to {:?}", old.phase(), new.phase());
}

fn i09_events(stored: &Stored) {
    let numbers = stored.events.iter().map(|event| event.number);
    assert!(
        numbers.eq(1..=stored.case.version),
        "I-09: one event for each transition, without gaps"
    );
    assert_eq!(
        replay(&stored.events).as_ref(),
        Ok(&stored.case.state),
        "I-10: a replay of the events gives the row"
    );
    let expired = stored
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Expired)
        .count();
    assert!(expired <= 1, "I-22: a case expires at most once");
}

/// I-08, I-22, I-31, A8: the case is in the oracle's state, and in exactly the inboxes of the holders.
fn as_the_oracle_says(world: &World, stored: &Stored) {
    let (state, course) = (&stored.case.state, &stored.course);
    match course.step() {
        Some((duty, organization)) => {
            let turn = state.turn().expect("the case is open for the oracle");
            assert_eq!(
                (turn.duty, turn.organization, turn.escalated),
                (duty, organization, course.escalated),
                "whose turn"
            );
            assert_eq!(state.since(), course.reached, "since when it waits");
            assert_eq!(
                stored.inbox,
                oracle::holders(world, course),
                "A8, I-31: the inboxes of {:?}",
                stored.case.id
            );
            let policy = world.policy(stored.case.season);
            let last = oracle::last_instant(world, course);
            assert_eq!(expiry::due_at(state, policy), last, "A6: the due instant");
            let deadline = last.or(oracle::last_instant_alone(world, course));
            assert_eq!(
                expiry::deadline(state, policy),
                deadline,
                "A6, A8: what the inbox sorts by"
            );
        }
        None => {
            assert_eq!(Some(state.phase()), course.end, "how it ended");
            assert!(stored.inbox.is_empty(), "A8: a closed case waits for nobody");
        }
    }
}

/// I-03, I-04, I-05: every step was approved by a person who had the office at that time and whom the case does not
/// concern.
fn i03_i05_approved(world: &World, stored: &Stored) {
    let course = &stored.course;
    let deciding: Vec<_> = stored
        .events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Approved { .. } | EventKind::Assigned { .. }))
        .collect();
    assert_eq!(deciding.len(), course.plan.len(), "I-03: one decision for each step");
    for (event, (duty, _)) in deciding.iter().zip(&course.plan) {
        let by = event.by.expect("I-03: the service approves nobody");
        let acting_for = event.acting_for.expect("I-03: an approver acts for an organization");
        let had = had_office(world, by, acting_for, event.at);
        let other_system = *duty == Duty::ExternalAnswer && by.0 >= 3000;
        assert!(had || other_system, "I-03: the approver had that office then");
        assert_ne!(Some(by), course.account, "I-04: nobody decides their own case");
        assert!(
            *duty == Duty::Assignment || Some(by) != course.proposer,
            "I-04: nobody decides a case they proposed"
        );
    }
    let duties: Vec<Duty> = course.plan.iter().map(|(duty, _)| *duty).collect();
    assert!(
        !course.young || duties[0] == Duty::LeadingOrgan,
        "I-05: under 16, the leading organ came first"
    );
    assert!(
        !course.special || duties.contains(&Duty::Province),
        "I-05: a special unit has the province's approval"
    );
}

fn had_office(world: &World, account: AccountId, organization: OrganizationId, at: Timestamp) -> bool {
    world.appointments.iter().any(|office| {
        office.account == account
            && office.organization == organization
            && office.since <= at
            && office.until.is_none_or(|until| until >= at)
    })
}

fn i12_where_to(world: &World, stored: &Stored) {
    let CaseState::Completed { outcome, .. } = stored.case.state else {
        return;
    };
    match (outcome, &stored.case.destination) {
        (CaseOutcome::Branch(branch), Destination::Organization(target)) => {
            assert!(
                oracle::inside(world, branch, target.id),
                "I-12: the branch is in the receiving organization"
            );
            let facts = world.organization(branch);
            assert_eq!(
                (facts.kind, facts.status),
                (OrganizationKind::Branch, Status::Active),
                "I-12: an active branch holds members"
            );
            assert_eq!(facts.graduated_season, None, "T8: a graduate branch takes nobody");
            assert_ne!(
                Some(branch),
                stored.case.origin.branch(),
                "T8: the member moves to another branch"
            );
        }
        (CaseOutcome::Holding(organ), Destination::Holding(chosen)) => assert_eq!(organ, *chosen, "A4"),
        (CaseOutcome::MovedOut(there), Destination::Province { province, .. }) => assert_eq!(there, *province, "X1"),
        (outcome, _) => panic!("I-12: {outcome:?} is not where the case leads"),
    }
}

/// I-11: a branch changed if and only if a case completed in this step.
fn i11_moves(world: &World, before: &Before) {
    for (number, member) in world.members.iter().enumerate() {
        let moved = before.branches.get(number).is_none_or(|old| *old != member.branch);
        let completed = world.cases.iter().enumerate().any(|(case, stored)| {
            stored.person == member.person
                && stored.case.state.phase() == Phase::Completed
                && before.states.get(case).is_none_or(CaseState::is_open)
        });
        assert_eq!(
            moved, completed,
            "I-11: a branch changes if and only if a case completes"
        );
        let by = member.stays.last().and_then(|stay| stay.by);
        assert!(!moved || by.is_some(), "I-11: the membership names its case");
    }
}

fn i13_tree(world: &World) {
    for organization in &world.organizations {
        let expected = match organization.parent {
            None => format!("{}/", organization.id.0),
            Some(parent) => format!("{}{}/", world.organization(parent).path, organization.id.0),
        };
        assert_eq!(
            organization.path.as_str(),
            expected,
            "I-13: a path is the superior's path and the organization's id"
        );
    }
}

fn i14_marks(world: &World, member: &Member) {
    let Some(branch) = member.branch else { return };
    let facts = world.organization(branch);
    if let (Some(Mark::Delayed { month, .. }), Some(of_branch)) = (&member.mark, oracle::month_number(facts.graduation))
    {
        let later = *month.as_number() > of_branch;
        assert!(
            later || member.reported,
            "I-14: a delayed month is later, or was reported (M7)"
        );
    }
    let season = season_of(world.now);
    let graduating = facts.graduated_season.is_some()
        || oracle::month_number(facts.graduation).is_some_and(|month| month / 100 == season);
    let identity = graduating.then_some(match member.mark {
        None => Identity::Graduate,
        Some(Mark::Delayed { .. }) => Identity::Delayed,
        Some(Mark::Teacher) => Identity::Teacher,
    });
    assert_eq!(
        m1_identity(facts, member.mark.as_ref(), season),
        identity,
        "M1: the identity shown"
    );
    let counts = match (facts.graduated_season, &member.mark) {
        (None, _) => Err(NotInCohort::BranchNotTurned),
        (Some(turned), _) if turned != season => Err(NotInCohort::OtherSeason),
        (_, Some(Mark::Delayed { .. })) => Err(NotInCohort::Delayed),
        (_, Some(Mark::Teacher)) => Err(NotInCohort::Teacher),
        (_, None) => Ok(()),
    };
    assert_eq!(
        l1_in_cohort(facts, member.mark.as_ref(), season),
        counts,
        "L1, M5: the cohort"
    );
}

fn i33_identity(world: &World, before: &Before) {
    let now = world.members.iter().map(|member| (member.person, member.account));
    assert!(
        now.take(before.persons.len()).eq(before.persons.iter().copied()),
        "I-33: a member's person and account do not change"
    );
}

/// I-22, after the job `expiry`: every case that the rule ends has ended, and no other.
pub fn i22_expired(world: &World) {
    for number in world.open_cases() {
        let course = &world.cases[number].course;
        let alive = oracle::last_instant(world, course).is_none_or(|last| world.now <= last);
        assert!(
            alive && !oracle::is_stale(world, course),
            "I-22: nothing overdue is left of case {number}"
        );
    }
}

/// G6, after the yearly switch: exactly the marked school branches of the years so far have turned.
pub fn g6_turned(world: &World) {
    let year = oracle::last_switch_year(world.now);
    for organization in &world.organizations {
        let school_branch = organization.kind == OrganizationKind::Branch
            && organization.sector == Sector::School
            && organization.purpose == OrganizationPurpose::Ordinary;
        let marked = oracle::month_number(organization.graduation).is_some_and(|month| month / 100 <= year);
        let turns = school_branch && marked && organization.status == Status::Active;
        let turned = organization.graduated_season.is_some();
        assert!(
            turned || !turns,
            "G6: organization {} must have turned",
            organization.id.0
        );
        assert!(!turned || school_branch, "G6: only branches of schools turn");
    }
}
