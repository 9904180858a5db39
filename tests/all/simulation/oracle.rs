//! The rules a second time, written from the manual's text as plainly as possible and by different means: parent
//! pointers instead of paths, calendar years instead of the policies' helpers, lists instead of states. Nothing here
//! calls the code that it judges.

use super::country::OTHER_SYSTEMS;
use super::service::{Choice, Flaw, Inbound, ProposalDraft};
use super::world::{Stored, Who, World};
use chrono::{Datelike, NaiveDate, TimeDelta};
use std::collections::BTreeSet;
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::core::ids::{AccountId, MemberId, OrganizationId};
use zhuanjie::domain::core::time::Timestamp;
use zhuanjie::domain::member::{Certification, Standing};
use zhuanjie::domain::organization::facts::{Graduation, Level, OrganizationKind, OrganizationPurpose, Sector, Status};
use zhuanjie::domain::organization::turn::Duty;
use zhuanjie::domain::transfer::reason::{Reason, Side};
use zhuanjie::domain::transfer::state::Phase;

/// How a case should go: its steps, and the step it is at.
#[derive(Debug, Clone)]
pub struct Course {
    pub plan: Vec<(Duty, OrganizationId)>,
    pub at: usize,
    pub reached: Timestamp,
    pub proposed: Timestamp,
    pub side: Side,
    pub proposer: Option<AccountId>,
    pub proposed_for: Option<OrganizationId>,
    pub member: Option<MemberId>,
    pub account: Option<AccountId>,
    pub origin: Option<OrganizationId>,
    pub target: Option<OrganizationId>,
    /// The province it goes to (X1).
    pub to_province: Option<u8>,
    /// The province it comes from (X2).
    pub from_province: Option<u8>,
    pub young: bool,
    pub special: bool,
    pub escalated: bool,
    pub end: Option<Phase>,
}

impl Course {
    /// The step to take now. `None` once the case has ended.
    pub fn step(&self) -> Option<(Duty, OrganizationId)> {
        if self.end.is_some() {
            None
        } else {
            self.plan.get(self.at).copied()
        }
    }

    /// Follows a successful step.
    pub fn go_on(&mut self, choice: Choice, now: Timestamp) {
        self.reached = now;
        match choice {
            Choice::Approve | Choice::AcceptExternal | Choice::Assign(_) => {
                self.at += 1;
                if self.at == self.plan.len() {
                    self.end = Some(Phase::Completed);
                }
            }
            Choice::Refuse { .. } | Choice::RefuseExternal { .. } => self.end = Some(Phase::Refused),
            Choice::Withdraw => self.end = Some(Phase::Withdrawn),
        }
    }
}

/// An organization's superiors, the direct one first.
pub fn superiors(world: &World, organization: OrganizationId) -> Vec<OrganizationId> {
    let mut above = vec![];
    let mut next = world.organization(organization).parent;
    while let Some(superior) = next {
        above.push(superior);
        next = world.organization(superior).parent;
    }
    above
}

/// Whether a place is an organization or lies in its subtree.
pub fn inside(world: &World, place: OrganizationId, root: OrganizationId) -> bool {
    place == root || superiors(world, place).contains(&root)
}

/// The calendar date in China, which is eight hours ahead all year.
fn date_in_china(at: Timestamp) -> NaiveDate {
    (at + TimeDelta::hours(8)).date_naive()
}

/// §2.2: whether the sixteenth birthday is after the day of application.
pub fn under_16(birth: NaiveDate, now: Timestamp) -> bool {
    let today = date_in_china(now);
    (today.year() - 16, today.month(), today.day()) < (birth.year(), birth.month(), birth.day())
}

/// §1.5: the last instant at which a waiting case is not overdue: a number of times 24 hours after it came, or after 1
/// October 00:00 in China of the year it was proposed in (30 September 16:00 UTC) if that is later.
pub fn last_instant(world: &World, course: &Course) -> Option<Timestamp> {
    let (duty, _) = course.step()?;
    let waits_for_an_organization = [Duty::ApprovalIn, Duty::ApprovalOut, Duty::ExternalAnswer].contains(&duty);
    let year = date_in_china(course.proposed).year();
    let october = NaiveDate::from_ymd_opt(year, 9, 30)?.and_hms_opt(16, 0, 0)?.and_utc();
    let begin = if course.reached < october {
        october
    } else {
        course.reached
    };
    let seconds = i64::from(world.policy(year).expiry_days) * 86_400;
    waits_for_an_organization.then(|| begin + TimeDelta::seconds(seconds))
}

/// §1.5: the last instant before an assignment also comes before the direct superior, once.
pub fn last_instant_alone(world: &World, course: &Course) -> Option<Timestamp> {
    let year = date_in_china(course.proposed).year();
    let seconds = i64::from(world.policy(year).escalation_days) * 86_400;
    let waits = matches!(course.step(), Some((Duty::Assignment, _))) && !course.escalated;
    waits.then(|| course.reached + TimeDelta::seconds(seconds))
}

/// §1.5: whether an assignment has waited long enough to come before the direct superior.
pub fn is_stale(world: &World, course: &Course) -> bool {
    last_instant_alone(world, course).is_some_and(|last| world.now > last)
}

/// §1.1.5: the year of the latest 1 June, 00:00 in China.
pub fn last_switch_year(now: Timestamp) -> i32 {
    let today = date_in_china(now);
    if today.month() >= 6 {
        today.year()
    } else {
        today.year() - 1
    }
}

fn barred(course: &Course) -> Vec<AccountId> {
    let assigning = matches!(course.step(), Some((Duty::Assignment, _)));
    let proposer = if assigning { None } else { course.proposer };
    [course.account, proposer].into_iter().flatten().collect()
}

/// The organizations whose administrators may act: the organization itself, and for a branch or a stale assignment also
/// its direct superior. If nobody there may act, it is the nearest superior with somebody who may.
pub fn seats(
    world: &World,
    step: (Duty, OrganizationId),
    escalated: bool,
    barred: &[AccountId],
) -> Vec<OrganizationId> {
    let somebody = |organization: &OrganizationId| {
        let offices = world.appointments.iter().filter(|office| office.until.is_none());
        let mut there = offices.filter(|office| office.organization == *organization);
        there.any(|office| !barred.contains(&office.account))
    };
    let (_, organization) = step;
    let above = superiors(world, organization);
    let together = world.organization(organization).kind == OrganizationKind::Branch || escalated;
    let mut entitled = vec![organization];
    entitled.extend(above.iter().take(usize::from(together)));
    let entitled: Vec<_> = entitled.into_iter().filter(somebody).collect();
    if !entitled.is_empty() {
        return entitled;
    }
    above
        .into_iter()
        .skip(usize::from(together))
        .find(somebody)
        .into_iter()
        .collect()
}

/// The organizations that may act on a case now.
pub fn holders(world: &World, course: &Course) -> Vec<OrganizationId> {
    match course.step() {
        Some(step) => seats(world, step, course.escalated, &barred(course)),
        None => vec![],
    }
}

/// The refusal of a step, if there is one.
pub fn refusal(world: &World, stored: &Stored, who: Who, choice: Choice) -> Option<Code> {
    let course = &stored.course;
    let Some((duty, _)) = course.step() else {
        return Some(Code::TransferClosed);
    };
    match choice {
        Choice::Approve if duty == Duty::Assignment => Some(Code::ApprovalNotAwaited),
        Choice::Approve | Choice::Refuse { .. } if duty == Duty::ExternalAnswer => Some(Code::TransferExternalPending),
        Choice::Approve => {
            not_their_turn(world, course, who, Code::ApprovalNotYourTurn).or_else(|| target_is_gone(world, course))
        }
        Choice::Refuse { reason } => not_their_turn(world, course, who, Code::ApprovalNotYourTurn)
            .or_else(|| proposed_it(world, course, who).then_some(Code::TransferSelfApproval))
            .or((!reason).then_some(Code::ApprovalReasonRequired)),
        Choice::AcceptExternal | Choice::RefuseExternal { .. } if duty != Duty::ExternalAnswer => {
            Some(Code::TransferNotExternal)
        }
        Choice::AcceptExternal => not_the_other_system(world, course, who),
        Choice::RefuseExternal { reason } => {
            not_the_other_system(world, course, who).or((!reason).then_some(Code::ApprovalReasonRequired))
        }
        Choice::Withdraw => may_not_withdraw(world, course, who),
        Choice::Assign(_) if duty != Duty::Assignment => Some(Code::AssignmentNotAwaited),
        Choice::Assign(branch) => {
            not_their_turn(world, course, who, Code::ApprovalNotYourTurn).or_else(|| bad_branch(world, course, branch))
        }
    }
}

fn not_their_turn(world: &World, course: &Course, who: Who, otherwise: Code) -> Option<Code> {
    let Who::Office(office) = who else {
        return Some(if holders(world, course).is_empty() {
            Code::TransferOrphaned
        } else {
            otherwise
        });
    };
    let office = &world.appointments[office];
    let holders = holders(world, course);
    let is_holder = holders.contains(&office.organization);
    let has_the_step = course.step().is_some_and(|(_, place)| place == office.organization);
    if barred(course).contains(&office.account) && (is_holder || has_the_step) {
        Some(Code::TransferSelfApproval)
    } else if is_holder {
        None
    } else if holders.is_empty() {
        Some(Code::TransferOrphaned)
    } else {
        Some(otherwise)
    }
}

/// Whether this administrator proposed the case.
fn proposed_it(world: &World, course: &Course, who: Who) -> bool {
    matches!(who, Who::Office(office) if Some(world.appointments[office].account) == course.proposer)
}

fn not_the_other_system(world: &World, course: &Course, who: Who) -> Option<Code> {
    match who {
        Who::Integrator(province) if Some(province) == course.to_province => None,
        _ => not_their_turn(world, course, who, Code::TransferExternalNotYours),
    }
}

fn may_not_withdraw(world: &World, course: &Course, who: Who) -> Option<Code> {
    let allowed = match who {
        Who::Member(id) => {
            let year = date_in_china(course.proposed).year();
            course.member == Some(id) && (course.side == Side::Member || world.policy(year).member_may_withdraw)
        }
        Who::Office(office) => acts_for(world, course.proposed_for) == Some(world.appointments[office].organization),
        Who::Integrator(province) => course.from_province == Some(province),
    };
    (!allowed).then_some(Code::TransferNotYoursToCancel)
}

/// §1.5: who acts for an organization that proposed: itself, or its nearest superior with an administrator.
fn acts_for(world: &World, proposer: Option<OrganizationId>) -> Option<OrganizationId> {
    let proposer = proposer?;
    let offices = || world.appointments.iter().filter(|office| office.until.is_none());
    let mut upwards = std::iter::once(proposer).chain(superiors(world, proposer));
    upwards.find(|organization| offices().any(|office| office.organization == *organization))
}

fn target_is_gone(world: &World, course: &Course) -> Option<Code> {
    let target = world.organization(course.target?);
    if target.status == Status::Closed {
        Some(Code::TransferTargetClosed)
    } else {
        target.graduated_season.map(|_| Code::TransferTargetGraduateBranch)
    }
}

fn bad_branch(world: &World, course: &Course, id: OrganizationId) -> Option<Code> {
    let branch = world.organization(id);
    let below = course
        .target
        .is_some_and(|target| superiors(world, id).contains(&target));
    if !below || branch.purpose == OrganizationPurpose::SpecialUnit {
        Some(Code::AssignmentBranchOutOfScope)
    } else if branch.kind != OrganizationKind::Branch {
        Some(Code::AssignmentNotABranch)
    } else if branch.status == Status::Closed {
        Some(Code::TransferTargetClosed)
    } else if branch.graduated_season.is_some() {
        Some(Code::TransferTargetGraduateBranch)
    } else {
        (course.origin == Some(id)).then_some(Code::TransferTargetSame)
    }
}

/// §1.4.6: whether a reason allows a target.
fn reason_allows(world: &World, reason: Reason, target: OrganizationId, branch: Option<OrganizationId>) -> bool {
    let school_of = |place: OrganizationId| {
        let mut line = vec![place];
        line.extend(superiors(world, place));
        line.into_iter().find(|id| world.organization(*id).has_school_code)
    };
    let own_school = branch
        .and_then(school_of)
        .is_some_and(|school| inside(world, target, school));
    let target = world.organization(target);
    let community = [Sector::TownshipVillage, Sector::StreetCommunity].contains(&target.sector);
    match (reason, target.purpose) {
        (Reason::FurtherStudy, OrganizationPurpose::Ordinary) => target.sector == Sector::School,
        (Reason::EmployedWithLeague, OrganizationPurpose::Ordinary) => target.graduated_season.is_none(),
        (Reason::EmployedWithoutLeague, OrganizationPurpose::Ordinary) => {
            community || target.kind == OrganizationKind::WorkCommittee && target.sector != Sector::School
        }
        (Reason::Unsettled, OrganizationPurpose::Ordinary) => community,
        (Reason::Abroad, OrganizationPurpose::Abroad) => own_school,
        (Reason::Unsettled, OrganizationPurpose::Floating) => community || own_school,
        _ => false,
    }
}

/// §1.4.5, §1.4.6, §2.6: what blocks a target.
fn target_refusals(
    world: &World,
    reason: Reason,
    id: OrganizationId,
    branch: Option<OrganizationId>,
) -> BTreeSet<Code> {
    let target = world.organization(id);
    let other_system = OTHER_SYSTEMS.iter().any(|(organ, _)| inside(world, id, *organ));
    let reason_code = match reason {
        Reason::SpecialUnit => Some(Code::TransferSpecialUnitHasNoTarget),
        _ if reason_allows(world, reason, id, branch) => None,
        _ => Some(Code::TransferTargetNotAllowedForReason),
    };
    let found = [
        other_system.then_some(Code::TransferTargetOtherSystem),
        target.graduated_season.map(|_| Code::TransferTargetGraduateBranch),
        (target.status == Status::Closed).then_some(Code::TransferTargetClosed),
        (branch == Some(id)).then_some(Code::TransferTargetSame),
        (target.kind == OrganizationKind::LeadingOrgan).then_some(Code::TransferTargetLeadingOrgan),
        reason_code,
    ];
    found.into_iter().flatten().collect()
}

/// §1.4.6: the error in the details, by the flaw that the client put into them.
fn detail_refusals(reason: Reason, province: Option<u8>, flaw: Flaw) -> Option<Code> {
    let stays = matches!(reason, Reason::Abroad | Reason::SpecialUnit);
    match flaw {
        _ if province.is_some() && stays => Some(Code::TransferReasonNotExternal),
        Flaw::Missing if !stays => Some(Code::TransferFieldRequired),
        Flaw::Extra => Some(Code::TransferFieldNotAllowed),
        _ => None,
    }
}

/// Everything that blocks a proposal.
pub fn proposal_refusals(world: &World, draft: &ProposalDraft) -> BTreeSet<Code> {
    let member = world.member(draft.member);
    let Some(branch) = member.branch else {
        return BTreeSet::from([Code::TransferMemberNotActive]);
    };
    let reaches = |place: OrganizationId| world.seat(draft.who).is_some_and(|seat| inside(world, place, seat));
    let may = match draft.side {
        Side::Member => draft.who == Who::Member(draft.member),
        Side::Source => reaches(branch),
        Side::Target => matches!(draft.who, Who::Office(_)),
    };
    if !may {
        return BTreeSet::from([Code::TransferOutOfScope]);
    }
    let year = date_in_china(world.now).year();
    let good = [Standing::Good, Standing::PartyMember].contains(&member.standing);
    let held = world.organization(branch).purpose == OrganizationPurpose::SpecialUnit;
    let certified = member.certification == Certification::Certified || member.joined.year() < 2020;
    let side_open = draft.side != Side::Target
        || draft.reason == Reason::FurtherStudy
        || (draft.reason != Reason::SpecialUnit && world.policy(year).target_side_other_reasons);
    let (leaves_school, nowhere) = match (draft.target, draft.province) {
        (Some(_), Some(_)) => (None, Some(Code::TransferTargetAndExternal)),
        (Some(target), None) => (Some(world.organization(target).sector != Sector::School), None),
        (None, None) if draft.reason == Reason::SpecialUnit => (Some(true), None),
        (None, Some(_)) if draft.side != Side::Target => (Some(draft.reason != Reason::FurtherStudy), None),
        (None, _) => (None, Some(Code::TransferTargetRequired)),
    };
    let young = leaves_school == Some(true) && under_16(member.birth, world.now);
    let target_out = draft.side == Side::Target && draft.target.is_some_and(|target| !reaches(target));
    let found = [
        (!good || held).then_some(Code::TransferMemberNotActive),
        world.open_case_of(member.person).map(|_| Code::TransferAlreadyOpen),
        (!certified).then_some(Code::TransferIdentityNotCertified),
        (!side_open).then_some(Code::TransferReasonNotAllowedFromTarget),
        detail_refusals(draft.reason, draft.province, draft.flaw),
        nowhere,
        target_out.then_some(Code::TransferTargetOutOfScope),
        (young && !draft.explained).then_some(Code::TransferExplanationRequired),
    ];
    let mut all: BTreeSet<Code> = found.into_iter().flatten().collect();
    if let Some(target) = draft.target {
        all.extend(target_refusals(world, draft.reason, target, Some(branch)));
    }
    all
}

/// The route that an allowed proposal should take.
pub fn proposal_course(world: &World, draft: &ProposalDraft) -> Option<Course> {
    let member = world.member(draft.member);
    let branch = member.branch?;
    let above = superiors(world, branch);
    let organ = |level: Option<Level>| {
        let fits = |id: &&OrganizationId| {
            let facts = world.organization(**id);
            facts.kind == OrganizationKind::LeadingOrgan && level.is_none_or(|level| facts.level == level)
        };
        above.iter().find(fits).copied()
    };
    let special = draft.reason == Reason::SpecialUnit;
    let leaves_school = match draft.target {
        Some(target) => world.organization(target).sector != Sector::School,
        None => draft.reason != Reason::FurtherStudy,
    };
    let young = leaves_school && under_16(member.birth, world.now);
    let mut plan = vec![];
    if young {
        plan.push((Duty::LeadingOrgan, organ(None)?));
    }
    match (draft.target, draft.province) {
        _ if special => plan.push((Duty::Province, organ(Some(Level::Province))?)),
        (None, Some(province)) => {
            plan.push((
                Duty::ExternalAnswer,
                OTHER_SYSTEMS.iter().find(|(_, code)| *code == province)?.0,
            ));
        }
        (target, _) => {
            let target = target?;
            plan.push(match draft.side {
                Side::Target => (Duty::ApprovalOut, branch),
                _ => (Duty::ApprovalIn, target),
            });
            if world.organization(target).kind != OrganizationKind::Branch {
                plan.push((Duty::Assignment, target));
            }
        }
    }
    let actor = match draft.who {
        Who::Member(id) => world.member(id).account,
        Who::Office(office) => Some(world.appointments[office].account),
        Who::Integrator(_) => None,
    };
    Some(Course {
        plan,
        at: 0,
        reached: world.now,
        proposed: world.now,
        side: draft.side,
        proposer: actor,
        proposed_for: world.seat(draft.who),
        member: Some(member.id),
        account: member.account,
        origin: Some(branch),
        target: draft.target,
        to_province: draft.province,
        from_province: None,
        young,
        special,
        escalated: false,
        end: None,
    })
}

/// X2: everything that blocks a case from another province.
pub fn inbound_refusals(world: &World, inbound: &Inbound) -> BTreeSet<Code> {
    let known = world
        .members
        .iter()
        .find(|member| member.person == inbound.person)
        .map(|member| member.standing);
    let found = [
        (!matches!(inbound.who, Who::Integrator(_))).then_some(Code::TransferInboundNotAllowed),
        match known {
            None | Some(Standing::MovedOut) => None,
            Some(Standing::Good | Standing::PartyMember) => Some(Code::TransferInboundMemberExists),
            Some(_) => Some(Code::TransferMemberNotActive),
        },
        world.open_case_of(inbound.person).map(|_| Code::TransferAlreadyOpen),
        inbound.target.is_none().then_some(Code::TransferTargetRequired),
    ];
    let mut all: BTreeSet<Code> = found.into_iter().flatten().collect();
    if let Some(target) = inbound.target {
        all.extend(target_refusals(world, inbound.reason, target, None));
    }
    all
}

/// X2: the route that it should take.
pub fn inbound_course(world: &World, inbound: &Inbound) -> Option<Course> {
    let Who::Integrator(province) = inbound.who else {
        return None;
    };
    let target = inbound.target?;
    let known = world.members.iter().find(|member| member.person == inbound.person);
    let mut plan = vec![(Duty::ApprovalIn, target)];
    if world.organization(target).kind != OrganizationKind::Branch {
        plan.push((Duty::Assignment, target));
    }
    Some(Course {
        plan,
        at: 0,
        reached: world.now,
        proposed: world.now,
        side: Side::Source,
        proposer: Some(AccountId(3000 + i64::from(province))),
        proposed_for: Some(OTHER_SYSTEMS.iter().find(|(_, code)| *code == province)?.0),
        member: known.map(|member| member.id),
        account: known.and_then(|member| member.account),
        origin: None,
        target: Some(target),
        to_province: None,
        from_province: Some(province),
        young: false,
        special: false,
        escalated: false,
        end: None,
    })
}

/// The month in a mark on a branch.
pub fn month_number(graduation: Option<Graduation>) -> Option<i32> {
    match graduation {
        Some(Graduation::Month(month)) => Some(*month.as_number()),
        _ => None,
    }
}
