//! The small country of the simulation: a complete province, a second one with a university and a factory, a system
//! committee located in Beijing, and the three provinces with systems of their own.

use zhuanjie::domain::core::ids::OrganizationId;
use zhuanjie::domain::organization::facts::{
    Level, OrganizationFacts, OrganizationKind, OrganizationPurpose, Path, Sector, Stage, Status, System,
};

pub const NATION: OrganizationId = OrganizationId(1);
pub const RAILWAY: OrganizationId = OrganizationId(4);
/// The leading organs of the three provinces, each with the two digits of its province.
pub const OTHER_SYSTEMS: [(OrganizationId, u8); 3] = [
    (OrganizationId(5), 11),
    (OrganizationId(6), 44),
    (OrganizationId(7), 35),
];
/// The branches in which members begin.
pub const HOMES: [OrganizationId; 10] = [
    OrganizationId(12),
    OrganizationId(14),
    OrganizationId(17),
    OrganizationId(18),
    OrganizationId(22),
    OrganizationId(23),
    OrganizationId(24),
    OrganizationId(26),
    OrganizationId(32),
    OrganizationId(35),
];

/// The shape of an organization, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Organ(Level),
    School(Stage),
    SchoolOfOneBranch,
    College,
    Class,
    Floating,
    Abroad,
    Township,
    Village,
    VillageGeneral,
    VillageFloating,
    Street,
    Community,
    Employer,
    WorkCommittee,
    Workers,
    Holding,
}

use Shape::*;

/// Id, parent and shape. Ids are the row numbers, and superiors come before their subordinates.
const TREE: [(i64, i64, Shape); 43] = [
    (1, 0, Organ(Level::Nation)),
    (2, 1, Organ(Level::Province)),
    (3, 1, Organ(Level::Province)),
    (4, 1, Organ(Level::Province)),
    (5, 1, Organ(Level::Province)),
    (6, 1, Organ(Level::Province)),
    (7, 1, Organ(Level::Province)),
    (8, 2, Organ(Level::City)),
    (9, 8, Organ(Level::County)),
    (10, 9, Township),
    (11, 10, Village),
    (12, 10, Village),
    (13, 10, VillageGeneral),
    (14, 13, Village),
    (15, 10, VillageFloating),
    (16, 9, School(Stage::JuniorHigh)),
    (17, 16, Class),
    (18, 9, SchoolOfOneBranch),
    (19, 2, Holding),
    (20, 2, School(Stage::RegularUniversity)),
    (21, 20, College),
    (22, 21, Class),
    (23, 21, Class),
    (24, 21, Class),
    (25, 20, College),
    (26, 25, Class),
    (27, 20, Floating),
    (28, 20, Abroad),
    (29, 9, Street),
    (30, 29, Community),
    (31, 3, School(Stage::HigherVocational)),
    (32, 31, Class),
    (33, 31, Floating),
    (34, 3, Employer),
    (35, 34, Workers),
    (36, 3, WorkCommittee),
    (37, 36, Workers),
    (38, 3, Holding),
    (39, 4, Employer),
    (40, 39, Workers),
    (41, 5, School(Stage::RegularUniversity)),
    (42, 41, Class),
    (43, 4, Holding),
];

/// Every organization of the country. The one with id `n` is at `n - 1`.
pub fn country() -> Vec<OrganizationFacts> {
    let mut all: Vec<OrganizationFacts> = Vec::with_capacity(TREE.len());
    for (id, parent, shape) in TREE {
        assert_eq!(id as usize, all.len() + 1, "ids are row numbers");
        let facts = below(
            OrganizationId(id),
            all.get((parent - 1).max(0) as usize).filter(|_| parent > 0),
            shape,
        );
        all.push(facts);
    }
    all
}

/// An organization below its superior.
pub fn below(id: OrganizationId, parent: Option<&OrganizationFacts>, shape: Shape) -> OrganizationFacts {
    let (kind, sector) = match shape {
        Organ(_) => (OrganizationKind::LeadingOrgan, Sector::Institution),
        School(_) | College => (OrganizationKind::Committee, Sector::School),
        SchoolOfOneBranch | Class | Floating | Abroad => (OrganizationKind::Branch, Sector::School),
        Township => (OrganizationKind::Committee, Sector::TownshipVillage),
        Village | VillageFloating => (OrganizationKind::Branch, Sector::TownshipVillage),
        VillageGeneral => (OrganizationKind::GeneralBranch, Sector::TownshipVillage),
        Street => (OrganizationKind::Committee, Sector::StreetCommunity),
        Community => (OrganizationKind::Branch, Sector::StreetCommunity),
        Employer => (OrganizationKind::Committee, Sector::Enterprise),
        WorkCommittee => (OrganizationKind::WorkCommittee, Sector::SocialOrganization),
        Workers => (OrganizationKind::Branch, Sector::Enterprise),
        Holding => (OrganizationKind::Branch, Sector::Institution),
    };
    let has_school_code = matches!(shape, School(_) | SchoolOfOneBranch);
    let stage = match shape {
        School(stage) => Some(stage),
        _ if sector == Sector::School => Some(parent.and_then(|p| p.stage).unwrap_or(Stage::SecondaryVocational)),
        _ => None,
    };
    OrganizationFacts {
        id,
        parent: parent.map(|parent| parent.id),
        path: parent.map_or_else(|| Path::root(id), |parent| parent.path.child(id)),
        kind,
        level: if let Organ(level) = shape {
            level
        } else {
            Level::Grassroots
        },
        system: match parent {
            _ if id == RAILWAY => System::Railway,
            Some(parent) => parent.system,
            None => System::Place,
        },
        sector,
        stage,
        is_township: matches!(shape, Township | Street),
        has_school_code,
        purpose: match shape {
            Floating | VillageFloating => OrganizationPurpose::Floating,
            Abroad => OrganizationPurpose::Abroad,
            Holding => OrganizationPurpose::SpecialUnit,
            _ => OrganizationPurpose::Ordinary,
        },
        status: Status::Active,
        graduation: None,
        graduated_season: None,
        school: if has_school_code {
            Some(id)
        } else {
            parent.and_then(|parent| parent.school)
        },
        leading_organ: parent.and_then(|p| {
            if p.kind == OrganizationKind::LeadingOrgan {
                Some(p.id)
            } else {
                p.leading_organ
            }
        }),
        province: match id.0 {
            2 => Some(42),
            3 => Some(32),
            // The committee of the railways is located in Beijing but belongs to no province's system (T7).
            4 | 5 => Some(11),
            6 => Some(44),
            7 => Some(35),
            _ => parent.and_then(|parent| parent.province),
        },
    }
}
