//! A small country for tests: nation 1 ⊃ province 2 ⊃ university 3 (with a school code) ⊃ college 4 ⊃ class 5.

use super::authority::actor::{Actor, Office};
use super::core::ids::{AccountId, AppointmentId, OrganizationId};
use super::organization::facts::Graduation;
use super::organization::facts::*;

fn facts(path: &str, kind: OrganizationKind, level: Level, sector: Sector) -> OrganizationFacts {
    let path: Path = path.parse().unwrap();
    let id = path.ids().last().unwrap();
    let parent = path.superiors().next();
    let leading_organ = path.superiors().find(|above| above.0 <= 2);
    OrganizationFacts {
        id,
        parent,
        kind,
        level,
        system: System::Place,
        sector,
        stage: (sector == Sector::School).then_some(Stage::RegularUniversity),
        is_township: false,
        has_school_code: false,
        purpose: OrganizationPurpose::Ordinary,
        status: Status::Active,
        graduation: None,
        graduated_season: None,
        school: (sector == Sector::School).then_some(OrganizationId(3)),
        leading_organ,
        province: (path.depth() > 1).then_some(42),
        path,
    }
}

/// The root.
pub fn nation() -> OrganizationFacts {
    facts("1/", OrganizationKind::LeadingOrgan, Level::Nation, Sector::Institution)
}

/// A province-level leading organ.
pub fn province() -> OrganizationFacts {
    facts(
        "1/2/",
        OrganizationKind::LeadingOrgan,
        Level::Province,
        Sector::Institution,
    )
}

/// The school committee itself.
pub fn university() -> OrganizationFacts {
    OrganizationFacts {
        has_school_code: true,
        ..facts("1/2/3/", OrganizationKind::Committee, Level::Grassroots, Sector::School)
    }
}

/// A committee of the university.
pub fn college() -> OrganizationFacts {
    facts(
        "1/2/3/4/",
        OrganizationKind::Committee,
        Level::Grassroots,
        Sector::School,
    )
}

/// A branch of the college, unmarked.
pub fn class() -> OrganizationFacts {
    facts(
        "1/2/3/4/5/",
        OrganizationKind::Branch,
        Level::Grassroots,
        Sector::School,
    )
}

/// The class marked with a month.
pub fn class_of(month: &str) -> OrganizationFacts {
    OrganizationFacts {
        graduation: Some(Graduation::Month(month.parse().unwrap())),
        ..class()
    }
}

/// An administrator of an organization. Their account id is the organization's id plus 100.
pub fn administrator(organization: &OrganizationFacts) -> Actor {
    let office = Office {
        appointment: AppointmentId(organization.id.0),
        organization: organization.id,
        path: organization.path.clone(),
        kind: organization.kind,
    };
    Actor::administrator(AccountId(organization.id.0 + 100), None, office)
}
