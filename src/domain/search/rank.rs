//! The order of the organizations found.

use super::TermKind;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{Level, OrganizationKind, Stage, Status};

/// How well an organization matches a reading. Ranks compare field by field, and the smaller one comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// The number of the reading it matches, the most literal first.
    pub reading: usize,
    /// Closed organizations come after active ones.
    closed: bool,
    /// How well the text fits.
    fit: u8,
    /// How well known the organization is likely to be: smaller for provinces, cities and universities.
    prominence: u8,
    /// How much longer the found text is than the typed one, in bytes.
    excess: usize,
    /// The older organization comes first among equals.
    id: OrganizationId,
}

/// What the ranking needs to know about an organization.
#[derive(Debug, Clone, Copy)]
pub struct RankFacts {
    /// Its id.
    pub id: OrganizationId,
    /// Its category.
    pub kind: OrganizationKind,
    /// Its level.
    pub level: Level,
    /// Its school stage.
    pub stage: Option<Stage>,
    /// Whether it is closed.
    pub status: Status,
}

/// How well an indexed text fits a typed prefix of it. Whole texts come before longer ones, and within both the
/// stronger kinds come first.
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

/// How well a name fits that sounds like the typed one, and one that differs by a character. See [`super::near`].
pub const SOUNDS_ALIKE: u8 = 8;
/// See [`SOUNDS_ALIKE`].
pub const LOOKS_ALIKE: u8 = 9;

impl Rank {
    /// The rank of an organization in a reading, by the worst fit among the parts it matches itself.
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
