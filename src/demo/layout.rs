//! The organizations of the country and the number of members of each: the frame, and the units that fill it.

use super::filling::{self, Unit, UnitShape};
use super::frame::{self, Frame};
use super::input;
use super::people::{Cohort, Population};
use super::records::{MemberRecord, OrganizationRecord};
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::{Season, Timestamp, season_of};
use chrono::{DateTime, Utc};
use std::collections::HashSet;

/// The members of the demo's university, when there are enough.
const UNIVERSITY: u64 = 20_000;
/// The members of the demo's other places together, when there are enough.
const OTHER_PLACES: u64 = 5_000;
/// The members of each further school or township. More if the requested total needs it.
const SCHOOL: u64 = 4_000;
const TOWNSHIP: u64 = 40;

/// The organizations and members of a country, without offices.
pub struct Layout {
    pub frame: Frame,
    pub units: Vec<Unit>,
    pub population: Population,
    pub season: Season,
    pub members: u64,
}

/// An organization of a unit with its members.
pub struct Filled {
    pub organization: OrganizationRecord,
    pub cohort: Cohort,
    pub first_member: MemberId,
    pub members: u64,
}

impl Layout {
    /// Plans the country. See [`super::Country::new`] for `members`.
    pub fn new(seed: u64, members: u64, now: Timestamp) -> Self {
        let mut frame = Frame::new(founded());
        let counties = input::counties();
        let members = members.min(Population::capacity(counties.len()));
        let population = Population::new(counties, seed, members, now);
        frame.staff(&population);
        let season = season_of(now);
        let units = number(&frame, share(&frame, members), season);
        Self {
            frame,
            units,
            population,
            season,
            members,
        }
    }

    pub fn plan(&self, unit: &Unit) -> Vec<filling::PlannedOrganization> {
        filling::plan(unit, self.frame.get(unit.root), self.season)
    }

    /// Generates the organizations of a unit.
    pub fn fill(&self, unit: &Unit) -> Vec<Filled> {
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

    /// The secretary of a branch is its first member.
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

    pub fn members_of(&self, filled: &Filled) -> impl Iterator<Item = MemberRecord> + use<'_> {
        self.population
            .members(&filled.organization, filled.cohort, filled.first_member, filled.members)
    }

    /// The unit that fills an organization of the frame.
    pub fn unit(&self, root: OrganizationId) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.root == root)
    }

    /// The first organization of a unit that `wanted` accepts.
    pub fn first_below(&self, root: OrganizationId, wanted: impl Fn(&Filled) -> bool) -> Option<OrganizationId> {
        let filled = self.fill(self.unit(root)?);
        filled.iter().find(|f| wanted(f)).map(|f| f.organization.id)
    }

    /// The name of an organization of the frame or of a unit.
    pub fn name_of(&self, id: OrganizationId) -> String {
        if let Some(organization) = self.frame.organizations.get(id.0 as usize - 1) {
            return organization.name.clone();
        }
        let unit = self.units.partition_point(|unit| unit.first_organization <= id.0);
        let filled = self
            .units
            .get(unit.wrapping_sub(1))
            .map(|unit| self.fill(unit))
            .unwrap_or_default();
        filled
            .into_iter()
            .find(|f| f.organization.id == id)
            .map(|f| f.organization.name)
            .unwrap_or_default()
    }
}

/// When the organizations of the demo were founded, according to their records.
pub fn founded() -> Timestamp {
    // 1 January 2017, 00:00 in Asia/Shanghai: the nationwide system was built in that year.
    DateTime::<Utc>::from_timestamp(1_483_200_000, 0).unwrap_or_default()
}

/// Distributes the members: first to the demo's places, then to further schools and townships in their order. The flag
/// marks the demo's places.
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

/// The demo's places beside its university, with weights.
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

/// Fills the organizations in order, each with `size` members, or with more if `size` does not suffice.
fn spread(organizations: &[OrganizationId], members: u64, size: u64) -> Vec<(OrganizationId, u64, bool)> {
    let size = size.max(members.div_ceil(organizations.len().max(1) as u64));
    let shares = organizations
        .iter()
        .zip(0..)
        .map(|(&id, nth)| (id, members.saturating_sub(nth * size).min(size), false));
    shares.take_while(|&(_, members, _)| members > 0).collect()
}

/// Gives ids to the organizations and members of the units.
fn number(frame: &Frame, shares: Vec<(OrganizationId, u64, bool)>, season: Season) -> Vec<Unit> {
    let (mut first_organization, mut first_member) = (frame.organizations.len() as i64 + 1, MemberId(1));
    let mut units = Vec::with_capacity(shares.len());
    for (root, members, of_demo) in shares {
        let root_record = frame.get(root);
        let unit = Unit {
            root,
            shape: UnitShape::of(root_record),
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
