//! Which of the organizations found comes first.

use super::TermKind;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{Level, OrganizationKind, Stage, Status};

/// How well an organization answers a reading; the smaller the better, field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Which reading it answers, the most literal first.
    pub reading: usize,
    /// A closed one comes after those in business.
    closed: bool,
    /// How well the text fits.
    fit: u8,
    /// How many people may mean it.
    prominence: u8,
    /// How much longer the text found is than the one typed.
    excess: usize,
    /// The rest by age.
    id: OrganizationId,
}

/// What the ranking needs to know of an organization.
#[derive(Debug, Clone, Copy)]
pub struct RankFacts {
    /// Which one.
    pub id: OrganizationId,
    /// Its category.
    pub kind: OrganizationKind,
    /// Its level.
    pub level: Level,
    /// Its school stage.
    pub stage: Option<Stage>,
    /// Whether it is in business.
    pub status: Status,
}

/// How well a text of the index fits a typed one that it begins with: whole texts before longer ones, and within both the
/// stronger kinds first.
pub fn fit(kind: TermKind, text: &str, typed: &str) -> u8 {
    let whole = text.len() == typed.len();
    match (kind, whole) {
        (TermKind::Name | TermKind::Abbreviation | TermKind::Code, true) => 0,
        (TermKind::Shortened | TermKind::Former, true) => 1,
        (TermKind::Pinyin, true) => 2,
        (TermKind::Initials | TermKind::Part, true) => 3,
        (TermKind::Name | TermKind::Code, false) => 4,
        (TermKind::Abbreviation | TermKind::Former | TermKind::Part, false) => 5,
        (TermKind::Pinyin | TermKind::Shortened, false) => 6,
        (TermKind::Initials, false) => 7,
    }
}

impl Rank {
    /// The rank of an organization in a reading, by the worst fit of the parts it answers itself.
    pub fn new(reading: usize, organization: &RankFacts, fit: u8, excess: usize) -> Self {
        Self {
            reading,
            closed: organization.status == Status::Closed,
            fit,
            prominence: prominence(organization),
            excess,
            id: organization.id,
        }
    }
}

fn prominence(organization: &RankFacts) -> u8 {
    match (organization.kind, organization.level) {
        (OrganizationKind::LeadingOrgan, Level::Nation | Level::Province) => 0,
        (OrganizationKind::LeadingOrgan, Level::City) => 1,
        (OrganizationKind::LeadingOrgan, _) => 3,
        (OrganizationKind::Branch, _) => 7,
        (OrganizationKind::GeneralBranch, _) => 6,
        _ => match organization.stage {
            Some(Stage::RegularUniversity) => 2,
            Some(_) => 4,
            None => 5,
        },
    }
}
