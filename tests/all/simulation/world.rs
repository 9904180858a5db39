//! Stands for the database: the rows, the unique index of open cases, updates guarded by version, and the keys of
//! answered requests. It decides nothing.

use super::country::{self, HOMES, NATION, OTHER_SYSTEMS};
use super::oracle::Course;
use super::rng::SimRng;
use chrono::{NaiveDate, TimeDelta};
use std::collections::BTreeSet;
use zhuanjie::domain::authority::actor::{Actor, Office, Role};
use zhuanjie::domain::authority::scope::Grant;
use zhuanjie::domain::catalogue::code::Code;
use zhuanjie::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId, TransferId};
use zhuanjie::domain::core::time::{Month, Season, Timestamp};
use zhuanjie::domain::graduation::MonthChange;
use zhuanjie::domain::member::mark::Mark;
use zhuanjie::domain::member::{Certification, Standing};
use zhuanjie::domain::organization::chain::{Chain, Link};
use zhuanjie::domain::organization::facts::{
    Graduation, OrganizationFacts, OrganizationKind, OrganizationPurpose, Sector,
};
use zhuanjie::domain::policy::Policy;
use zhuanjie::domain::transfer::case::Case;
use zhuanjie::domain::transfer::decide::{Move, Transition};
use zhuanjie::domain::transfer::events::Event;
use zhuanjie::domain::transfer::propose::Proposal;
use zhuanjie::domain::transfer::route::Destination;
use zhuanjie::domain::transfer::state::CaseOutcome;

/// Stands for a name and an ID number.
pub type Person = u32;

/// A dated row: where a member was.
#[derive(Debug, Clone)]
pub struct Stay {
    /// `None` outside the national tree.
    pub branch: Option<OrganizationId>,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    /// The case that brought the member there.
    pub by: Option<TransferId>,
}

#[derive(Debug, Clone)]
pub struct Member {
    pub id: MemberId,
    pub person: Person,
    pub account: Option<AccountId>,
    pub birth: NaiveDate,
    pub joined: Month,
    pub standing: Standing,
    pub certification: Certification,
    pub branch: Option<OrganizationId>,
    pub mark: Option<Mark>,
    /// M7: whether the member's delayed month was reported as no longer later.
    pub reported: bool,
    pub stays: Vec<Stay>,
}

#[derive(Debug, Clone)]
pub struct Appointment {
    pub account: AccountId,
    pub organization: OrganizationId,
    pub since: Timestamp,
    pub until: Option<Timestamp>,
}

/// A case with everything that is stored about it, and the course that the oracle expects.
#[derive(Debug, Clone)]
pub struct Stored {
    pub case: Case,
    pub person: Person,
    pub events: Vec<Event>,
    /// The rows of the inbox (操作中心): the organizations that hold the turn.
    pub inbox: Vec<OrganizationId>,
    pub course: Course,
}

#[derive(Debug, Clone)]
pub struct StoredChange {
    pub version: i64,
    pub change: MonthChange,
}

/// Who a client acts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Member(MemberId),
    /// The appointment's number.
    Office(usize),
    Integrator(u8),
}

#[derive(Debug, Clone)]
pub struct World {
    pub now: Timestamp,
    pub organizations: Vec<OrganizationFacts>,
    pub members: Vec<Member>,
    pub appointments: Vec<Appointment>,
    pub cases: Vec<Stored>,
    pub changes: Vec<StoredChange>,
    /// Keys, each with the request and the answer.
    pub answers: Vec<(u64, super::service::Request, Receipt)>,
    policies: Vec<Policy>,
    /// Everything that happened: the names of events, outcomes and refusals.
    pub seen: BTreeSet<&'static str>,
    /// How many writes there were.
    pub writes: u64,
    log: Option<Vec<String>>,
}

/// The answer to a successful request: the case and its version.
pub type Receipt = (usize, i64);

const FIRST_SEASON: Season = 2025;

impl World {
    /// The world that a seed begins with. It records its steps if `logged`.
    pub fn new(rng: &mut SimRng, logged: bool) -> Self {
        let begin = NaiveDate::from_ymd_opt(2026, 1, 1)
            .expect("a good date")
            .and_hms_opt(0, 0, 0)
            .expect("a good time");
        let now = begin.and_utc() + TimeDelta::minutes(rng.between(0, 500_000));
        let mut world = World {
            now,
            organizations: country::country(),
            members: vec![],
            appointments: vec![],
            cases: vec![],
            changes: vec![],
            answers: vec![],
            policies: policies(rng),
            seen: BTreeSet::new(),
            writes: 0,
            log: logged.then(Vec::new),
        };
        world.settle_members(rng);
        world.settle_offices(rng);
        world.mark_branches(rng);
        world
    }

    fn settle_members(&mut self, rng: &mut SimRng) {
        for number in 0..10 {
            let years = rng.one(&[13, 14, 15, 15, 16, 19, 23]);
            let birth = self.now.date_naive() - TimeDelta::days(years * 365 + 4 + rng.between(0, 370));
            let member = Member {
                id: MemberId(number + 1),
                person: number as Person + 1,
                account: rng.percent(85).then_some(AccountId(1001 + number)),
                birth,
                joined: Month::new(rng.one(&[2016, 2019, 2020, 2023]), 5).expect("a good month"),
                standing: if rng.percent(90) {
                    Standing::Good
                } else {
                    rng.one(Standing::ALL)
                },
                certification: if rng.percent(85) {
                    Certification::Certified
                } else {
                    Certification::Waiting
                },
                branch: Some(rng.one(&HOMES)),
                mark: None,
                reported: false,
                stays: vec![],
            };
            self.members.push(member);
        }
        let now = self.now;
        for member in &mut self.members {
            if member.standing == Standing::MovedOut {
                member.branch = None;
            }
            member.stays.push(Stay {
                branch: member.branch,
                from: now,
                until: None,
                by: None,
            });
        }
    }

    fn settle_offices(&mut self, rng: &mut SimRng) {
        let organizations: Vec<_> = self.organizations.iter().map(|organization| organization.id).collect();
        for organization in organizations {
            let account = match rng.below(100) {
                0..20 => continue,
                // A cadre who is also a member (T11), or a person with two offices.
                20..35 => AccountId(1001 + rng.between(0, 9)),
                35..45 => AccountId(100 + rng.between(1, 42)),
                _ => AccountId(100 + organization.0),
            };
            self.appoint(account, organization);
            if rng.percent(25) {
                self.appoint(AccountId(200 + organization.0), organization);
            }
        }
    }

    fn mark_branches(&mut self, rng: &mut SimRng) {
        for organization in &mut self.organizations {
            if organization.kind == OrganizationKind::Branch && organization.sector == Sector::School && rng.percent(60)
            {
                let month = Month::new(rng.one(&[2026, 2026, 2027]), rng.one(&[5, 6, 7])).expect("a good month");
                organization.graduation = Some(Graduation::Month(month));
            }
        }
    }

    /// Records a step if the log is wanted.
    pub fn log(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(log) = &mut self.log {
            log.push(format!("{} {}", now.format("%F %T"), line()));
        }
    }

    pub fn take_log(&mut self) -> Vec<String> {
        self.log.take().unwrap_or_default()
    }

    pub fn organization(&self, id: OrganizationId) -> &OrganizationFacts {
        &self.organizations[id.0 as usize - 1]
    }

    pub fn organization_mut(&mut self, id: OrganizationId) -> &mut OrganizationFacts {
        self.writes += 1;
        &mut self.organizations[id.0 as usize - 1]
    }

    pub fn member(&self, id: MemberId) -> &Member {
        &self.members[id.0 as usize - 1]
    }

    pub fn member_mut(&mut self, id: MemberId) -> &mut Member {
        self.writes += 1;
        &mut self.members[id.0 as usize - 1]
    }

    /// The policy of a season.
    pub fn policy(&self, season: Season) -> &Policy {
        &self.policies[(season - FIRST_SEASON) as usize]
    }

    /// The active administrators of an organization.
    pub fn administrators(&self, organization: OrganizationId) -> Vec<AccountId> {
        let active = self
            .appointments
            .iter()
            .filter(|office| office.organization == organization && office.until.is_none());
        active.map(|office| office.account).collect()
    }

    fn link(&self, id: OrganizationId) -> Link {
        let facts = self.organization(id);
        Link {
            organization: id,
            kind: facts.kind,
            level: facts.level,
            administrators: self.administrators(id),
        }
    }

    /// An organization with its superiors and their administrators.
    pub fn chain(&self, id: OrganizationId) -> Chain {
        Chain::new(
            self.link(id),
            self.organization(id)
                .path
                .superiors()
                .map(|above| self.link(above))
                .collect(),
        )
    }

    /// The actor behind a client, as the service would see it. `None` if the office has ended.
    pub fn actor(&self, who: Who) -> Option<Actor> {
        Some(match who {
            Who::Member(id) => Actor::member(self.member(id).account?, id),
            Who::Office(number) => {
                let office = &self.appointments[number];
                if office.until.is_some() {
                    return None;
                }
                let organization = self.organization(office.organization);
                let office_in_force = Office {
                    appointment: AppointmentId(number as i64 + 1),
                    organization: organization.id,
                    path: organization.path.clone(),
                    kind: organization.kind,
                };
                let member = self
                    .members
                    .iter()
                    .find(|member| member.account == Some(office.account));
                Actor::administrator(office.account, member.map(|member| member.id), office_in_force)
            }
            Who::Integrator(province) => {
                let (organization, _) = *OTHER_SYSTEMS.iter().find(|(_, code)| *code == province)?;
                Actor {
                    account: Some(AccountId(3000 + i64::from(province))),
                    member: None,
                    role: Role::Integrator {
                        organization,
                        province: Some(province),
                        grant: Grant::everything(organization),
                    },
                }
            }
        })
    }

    /// The organization that a client acts from.
    pub fn seat(&self, who: Who) -> Option<OrganizationId> {
        match who {
            Who::Office(number) => Some(self.appointments[number].organization),
            _ => None,
        }
    }

    /// A case with its destination in the current state.
    pub fn load(&self, number: usize) -> Case {
        let mut case = self.cases[number].case.clone();
        if let Destination::Organization(target) = &mut case.destination {
            *target = self.organization(target.id).clone();
        }
        case
    }

    pub fn open_cases(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.cases.len()).filter(|number| self.cases[*number].case.state.is_open())
    }

    /// The unique index: a person's open case.
    pub fn open_case_of(&self, person: Person) -> Option<usize> {
        self.open_cases().find(|number| self.cases[*number].person == person)
    }

    pub fn holding_of(&self, organ: OrganizationId) -> Option<OrganizationId> {
        let holding = |facts: &&OrganizationFacts| {
            facts.parent == Some(organ) && facts.purpose == OrganizationPurpose::SpecialUnit
        };
        self.organizations.iter().find(holding).map(|facts| facts.id)
    }

    /// Inserts a case, unless the person has an open one: the unique index of T2.
    pub fn insert(&mut self, proposal: Proposal, person: Person, course: Course) -> Result<Receipt, Code> {
        if self.open_case_of(person).is_some() {
            return Err(Code::TransferAlreadyOpen);
        }
        let number = self.cases.len();
        let event = proposal.event.clone();
        let case = proposal.into_case(TransferId(number as i64 + 1));
        let version = case.version;
        self.cases.push(Stored {
            case,
            person,
            events: vec![event],
            inbox: vec![],
            course,
        });
        self.writes += 1;
        self.resolve(number);
        Ok((number, version))
    }

    /// Updates a case `where version = …`; the event, the inbox and the member's move go with it (I-11).
    pub fn update(&mut self, number: usize, transition: Transition) -> Result<Receipt, Code> {
        let Transition { case, event, movement } = transition;
        if self.cases[number].case.version != event.number - 1 {
            return Err(Code::TransferConflict);
        }
        let (id, version, at) = (case.id, case.version, event.at);
        self.seen.insert(event.kind.name().as_str());
        if let Some(movement) = &movement {
            self.seen.insert(match (movement.to, movement.from, movement.member) {
                (CaseOutcome::Holding(_), ..) => "to a holding",
                (CaseOutcome::MovedOut(_), ..) => "moved out",
                (CaseOutcome::Branch(_), Some(_), _) => "moved",
                (CaseOutcome::Branch(_), None, Some(_)) => "revived",
                (CaseOutcome::Branch(_), None, None) => "created",
            });
        }
        let stored = &mut self.cases[number];
        stored.case = case;
        stored.events.push(event);
        self.writes += 1;
        if let Some(movement) = movement {
            self.move_member(number, movement, id, at);
        }
        self.resolve(number);
        Ok((number, version))
    }

    fn move_member(&mut self, number: usize, movement: Move, by: TransferId, at: Timestamp) {
        let (branch, standing) = match movement.to {
            CaseOutcome::Branch(branch) => (Some(branch), Standing::Good),
            CaseOutcome::Holding(organ) => (self.holding_of(organ), Standing::Good),
            CaseOutcome::MovedOut(_) => (None, Standing::MovedOut),
        };
        let stay = Stay {
            branch,
            from: at,
            until: None,
            by: Some(by),
        };
        let Some(id) = movement.member else {
            self.create_member(self.cases[number].person, stay);
            return;
        };
        let member = self.member_mut(id);
        assert_eq!(
            member.branch, movement.from,
            "I-11: the member leaves their current branch"
        );
        if member.standing != Standing::PartyMember || branch.is_none() {
            member.standing = standing;
        }
        member.branch = branch;
        // A mark belongs to the membership in which it was set.
        member.mark = None;
        member.reported = false;
        member.stays.last_mut().expect("a member has been somewhere").until = Some(at);
        member.stays.push(stay);
    }

    fn create_member(&mut self, person: Person, stay: Stay) {
        self.members.push(Member {
            id: MemberId(self.members.len() as i64 + 1),
            person,
            account: None,
            birth: NaiveDate::from_ymd_opt(2005, 1, 1).expect("a good date"),
            joined: Month::new(2019, 5).expect("a good month"),
            standing: Standing::Good,
            certification: Certification::Certified,
            branch: stay.branch,
            mark: None,
            reported: false,
            stays: vec![stay],
        });
    }

    pub fn appoint(&mut self, account: AccountId, organization: OrganizationId) {
        let taken = self.administrators(organization).contains(&account);
        if taken {
            return;
        }
        self.appointments.push(Appointment {
            account,
            organization,
            since: self.now,
            until: None,
        });
        self.writes += 1;
        self.resolve_all(organization);
    }

    pub fn remove(&mut self, office: usize) {
        self.appointments[office].until = Some(self.now);
        self.writes += 1;
        self.resolve_all(self.appointments[office].organization);
    }

    /// Resolves the turn of a case into the rows of the inbox.
    fn resolve(&mut self, number: usize) {
        let case = &self.cases[number].case;
        let holders = case
            .state
            .turn()
            .map(|turn| turn.holders(&self.chain(turn.organization), &case.excluded()));
        self.cases[number].inbox = holders.map_or_else(Vec::new, |holders| holders.organizations);
    }

    /// Resolves every turn that an appointment at this organization may concern: at the organization or below it.
    fn resolve_all(&mut self, organization: OrganizationId) {
        let concerned = |number: &usize| {
            let turn = self.cases[*number].case.state.turn();
            turn.is_some_and(|turn| self.organization(turn.organization).path.contains(organization))
        };
        let concerned: Vec<usize> = self.open_cases().filter(concerned).collect();
        concerned.into_iter().for_each(|number| self.resolve(number));
    }

    /// A random client. Often one of these organizations' administrators.
    pub fn somebody(&self, rng: &mut SimRng, likely: &[OrganizationId]) -> Who {
        if rng.percent(75) {
            let offices: Vec<usize> = (0..self.appointments.len())
                .filter(|number| {
                    let office = &self.appointments[*number];
                    office.until.is_none() && likely.contains(&office.organization)
                })
                .collect();
            if let Some(office) = rng.pick(&offices) {
                return Who::Office(*office);
            }
        }
        match rng.below(10) {
            0..6 if !self.appointments.is_empty() => Who::Office(rng.below(self.appointments.len())),
            0..9 => Who::Member(MemberId(rng.between(1, self.members.len() as i64))),
            _ => Who::Integrator(rng.one(&[11, 44, 35])),
        }
    }

    /// An organization and its superiors, as guesses.
    pub fn up_from(&self, organization: Option<OrganizationId>) -> Vec<OrganizationId> {
        organization.map_or_else(|| vec![NATION], |id| self.organization(id).path.ids().collect())
    }
}

/// The policies of the seasons. The values that are ours to choose differ from year to year.
fn policies(rng: &mut SimRng) -> Vec<Policy> {
    (FIRST_SEASON..FIRST_SEASON + 40)
        .map(|season| Policy {
            expiry_days: rng.one(&[10, 10, 10, 3]),
            escalation_days: rng.one(&[10, 10, 5]),
            member_may_withdraw: rng.percent(80),
            target_side_other_reasons: rng.percent(80),
            ..Policy::default_for(season)
        })
        .collect()
}
