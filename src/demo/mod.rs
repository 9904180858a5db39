//! The demo country: real divisions and schools, invented people. A pure generator of rows that gives the same rows
//! for the same seed, size and time, and makes 1,000 or 10,000,000 members with the same code.
//!
//! The frame is held in memory (some 48,000 organizations). All else comes out of units, one after the other: a unit's
//! branches and members are drawn when their turn comes and never kept.
//!
//! [`load`] stores a country, [`holding`] finds it again, and [`run`] is the command around them.

mod command;
mod file;
mod filling;
mod frame;
pub mod holding;
mod input;
pub mod load;
mod offices;
mod people;
mod records;
#[cfg(test)]
mod tests;
mod welcome;

pub use command::{Options, PASSWORD, progress_bar, run};
pub use people::check_character;
pub use records::{
    AccountRecord, AppointmentRecord, Ascii, DevelopmentNumber, FormerNameRecord, IdNumber, MemberRecord,
    OrganizationRecord, Part, Phone, SignIn,
};

use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::{Season, Timestamp, season_of};
use chrono::{DateTime, Utc};
use filling::{Shape, Unit};
use frame::Frame;
use holding::Signature;
use offices::Office;
use people::{Cohort, Population};
use std::collections::HashSet;

/// How many members the demo has unless told otherwise.
pub const DEFAULT_MEMBERS: u64 = 25_000;
/// Members of the university that is filled out whole, when there are enough.
const UNIVERSITY: u64 = 20_000;
/// Members of the other places of the demo together, when there are enough.
const OTHER_PLACES: u64 = 5_000;
/// Members a further school or township is filled with, unless so many are asked for that these do not suffice.
const SCHOOL: u64 = 4_000;
const TOWNSHIP: u64 = 40;

/// A country of a given size, seen at a given time.
pub struct Country {
    frame: Frame,
    units: Vec<Unit>,
    offices: Vec<Office>,
    population: Population,
    season: Season,
    members: u64,
    signature: Signature,
}

/// An organization of a unit with the people in it.
struct Filled {
    organization: OrganizationRecord,
    cohort: Cohort,
    first_member: MemberId,
    members: u64,
}

impl Country {
    /// Plans the country. `now` decides which classes graduate this season and how old people are; more members than
    /// there are ID numbers for (83 million) are not made.
    pub fn new(seed: u64, members: u64, now: Timestamp) -> Self {
        let signature = Signature { seed, members, at: now };
        let mut frame = Frame::new(founded());
        let counties = input::counties();
        let members = members.min(Population::capacity(counties.len()));
        let population = Population::new(counties, seed, members, now);
        frame.staff(&population);
        let season = season_of(now);
        let units = number(&frame, share(&frame, members), season);
        let mut country = Self {
            frame,
            units,
            offices: Vec::new(),
            population,
            season,
            members,
            signature,
        };
        country.offices = offices::offices(&country);
        country
    }

    /// What it was made from.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// How many organizations and members there are.
    pub fn row_count(&self) -> u64 {
        self.organization_count() + self.member_count()
    }

    /// How many members there are.
    pub fn member_count(&self) -> u64 {
        self.members
    }

    /// How many organizations there are.
    pub fn organization_count(&self) -> u64 {
        self.units.last().map_or(self.frame.organizations.len(), |unit| {
            unit.first_organization as usize - 1 + self.plan(unit).len()
        }) as u64
    }

    /// All organizations, superiors first, ids from 1 without gaps.
    pub fn organizations(&self) -> impl Iterator<Item = OrganizationRecord> + '_ {
        let filled = self
            .units
            .iter()
            .flat_map(|unit| self.fill(unit))
            .map(|filled| filled.organization);
        self.frame.organizations.iter().cloned().chain(filled)
    }

    /// The names some organizations had before (O4).
    pub fn former_names(&self) -> impl Iterator<Item = FormerNameRecord> + '_ {
        self.frame
            .former_names
            .iter()
            .zip(1..)
            .map(|((organization, name), id)| FormerNameRecord {
                id,
                organization: *organization,
                name: name.clone(),
                recorded_at: founded(),
            })
    }

    /// All members, branch by branch, ids from 1 without gaps.
    pub fn members(&self) -> impl Iterator<Item = MemberRecord> + '_ {
        self.units
            .iter()
            .flat_map(|unit| self.fill(unit))
            .flat_map(|filled| self.members_of(&filled))
    }

    /// The accounts of administrators and of some members, ids from 1 without gaps. Their members exist.
    pub fn accounts(&self) -> impl Iterator<Item = AccountRecord> + '_ {
        self.offices.iter().zip(1..).map(|(office, id)| office.account(id))
    }

    /// The offices of administrators. Some organizations have none (A10).
    pub fn appointments(&self) -> impl Iterator<Item = AppointmentRecord> + '_ {
        offices::appointments(&self.offices)
    }

    /// Whom to try the demo as. A small country may lack the members among them.
    pub fn sign_ins(&self) -> Vec<SignIn> {
        offices::sign_ins(self)
    }

    fn plan(&self, unit: &Unit) -> Vec<filling::Plan> {
        filling::plan(unit, self.frame.get(unit.root), self.season)
    }

    /// Draws a unit's organizations.
    fn fill(&self, unit: &Unit) -> Vec<Filled> {
        let root = self.frame.get(unit.root);
        let mut all: Vec<Filled> = Vec::new();
        let mut first_member = unit.first_member;
        for (plan, id) in self.plan(unit).into_iter().zip(unit.first_organization..) {
            let parent = plan.parent.map_or(root, |index| &all[index].organization);
            let mut organization = parent.below(id, plan.kind, plan.name, plan.short_name);
            organization.purpose = plan.purpose;
            organization.graduation = plan.graduation;
            let mut filled = Filled {
                organization,
                cohort: plan.cohort,
                first_member,
                members: plan.members,
            };
            self.give_secretary(&mut filled);
            first_member.0 += plan.members as i64;
            all.push(filled);
        }
        all
    }

    /// A branch's secretary is its first member.
    fn give_secretary(&self, filled: &mut Filled) {
        let (name, phone) = match self.members_of(filled).next() {
            Some(member) => (member.name, member.phone),
            None => {
                let person = self.population.staff(filled.organization.id.0, 0);
                (person.name, Some(person.phone))
            }
        };
        filled.organization.contact_name = Some(name);
        filled.organization.contact_phone = phone;
    }

    fn members_of(&self, filled: &Filled) -> impl Iterator<Item = MemberRecord> + use<'_> {
        self.population
            .members(&filled.organization, filled.cohort, filled.first_member, filled.members)
    }

    /// The unit an organization of the frame is filled out by.
    fn unit(&self, root: OrganizationId) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.root == root)
    }
}

/// When the organizations of the demo were founded, as far as the records go.
fn founded() -> Timestamp {
    // 1 January 2017, 00:00 in Asia/Shanghai: the year the nationwide system was built.
    DateTime::<Utc>::from_timestamp(1_483_200_000, 0).unwrap_or_default()
}

/// Decides who gets how many members: the demo's places first, then further schools and townships in their order.
/// The flag says which places are the demo's.
fn share(frame: &Frame, members: u64) -> Vec<(OrganizationId, u64, bool)> {
    let others = (members / 5).min(OTHER_PLACES);
    let university = (members - others).min(UNIVERSITY);
    let surplus = members - others - university;

    let places = demo_places(frame);
    let weights: Vec<u64> = places.iter().map(|&(_, weight)| weight).collect();
    let mut shares = vec![(frame.school(frame::UNIVERSITY_CODE), university, true)];
    let at_places = places.iter().zip(filling::apportion(others, &weights));
    shares.extend(at_places.map(|(&(id, _), members)| (id, members, true)));

    let taken: HashSet<_> = shares.iter().map(|&(id, ..)| id).collect();
    let free = |wanted: fn(&OrganizationRecord) -> bool| -> Vec<OrganizationId> {
        frame
            .national()
            .filter(|o| wanted(o) && !taken.contains(&o.id))
            .map(|o| o.id)
            .collect()
    };
    let townships = surplus * 15 / 100;
    shares.append(&mut spread(
        &free(|o| o.school_code.is_some()),
        surplus - townships,
        SCHOOL,
    ));
    shares.append(&mut spread(&free(|o| o.township), townships, TOWNSHIP));
    shares
}

/// The places of the demo beside its university, with weights.
fn demo_places(frame: &Frame) -> Vec<(OrganizationId, u64)> {
    let city = frame.get(frame.division(frame::TOWNSHIP_CITY)).path.clone();
    let townships = frame
        .organizations
        .iter()
        .filter(|o| o.township && o.path.is_below(&city))
        .map(|o| (o.id, 20));
    [
        (frame.school(frame::HIGH_SCHOOL_CODE), 200),
        (frame.school(frame::SECOND_UNIVERSITY_CODE), 300),
        (frame.employer, 120),
    ]
    .into_iter()
    .chain(frame.system_members.iter().map(|&id| (id, 30)))
    .chain(townships)
    .collect()
}

/// Fills one organization after the other, each with `size` or, when that does not suffice, with more.
fn spread(organizations: &[OrganizationId], members: u64, size: u64) -> Vec<(OrganizationId, u64, bool)> {
    let size = size.max(members.div_ceil(organizations.len().max(1) as u64));
    let shares = organizations
        .iter()
        .zip(0..)
        .map(|(&id, nth)| (id, members.saturating_sub(nth * size).min(size), false));
    shares.take_while(|&(_, members, _)| members > 0).collect()
}

/// Gives the units' organizations and members their ids.
fn number(frame: &Frame, shares: Vec<(OrganizationId, u64, bool)>, season: Season) -> Vec<Unit> {
    let (mut first_organization, mut first_member) = (frame.organizations.len() as i64 + 1, MemberId(1));
    let mut units = Vec::with_capacity(shares.len());
    for (root, members, of_demo) in shares {
        let root_record = frame.get(root);
        let unit = Unit {
            root,
            shape: Shape::of(root_record),
            of_demo,
            members,
            first_organization,
            first_member,
        };
        first_organization += filling::plan(&unit, root_record, season).len() as i64;
        first_member.0 += members as i64;
        units.push(unit);
    }
    units
}
