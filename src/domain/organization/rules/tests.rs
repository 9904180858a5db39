use super::*;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{Path, System};
use crate::domain::testing::*;
use proptest::prelude::*;

fn code<T>(result: Result<T, Refusal>) -> Option<Code> {
    result.err().map(|refusal| refusal.code)
}

#[test]
fn o1_each_kind_allows_certain_kinds_below_it() {
    use OrganizationKind::*;
    let table: [(OrganizationKind, &[OrganizationKind]); 5] = [
        (
            LeadingOrgan,
            &[LeadingOrgan, Committee, WorkCommittee, GeneralBranch, Branch],
        ),
        (WorkCommittee, &[Committee, GeneralBranch, Branch]),
        (Committee, &[Committee, GeneralBranch, Branch]),
        (GeneralBranch, &[Branch]),
        (Branch, &[]),
    ];
    for (above, allowed) in table {
        let found: Vec<OrganizationKind> = OrganizationKind::ALL
            .iter()
            .copied()
            .filter(|&below| above.may_hold(below))
            .collect();
        assert_eq!(found, allowed, "{above}");
    }
}

#[test]
fn o1_each_level_of_leading_organ_allows_certain_levels_below_it() {
    use Level::*;
    for (above, below, fits) in [
        (Nation, Province, true),
        (Nation, City, false),
        (Province, City, true),
        (Province, County, true),
        (City, County, true),
        (County, County, false),
        (County, Grassroots, false),
        (Province, Nation, false),
    ] {
        let superior = OrganizationFacts {
            level: above,
            ..province()
        };
        assert_eq!(
            o1_may_stand_under(OrganizationKind::LeadingOrgan, below, &superior).is_ok(),
            fits,
            "{above} over {below}"
        );
    }
    assert_eq!(
        code(o1_may_stand_under(OrganizationKind::Branch, County, &college())),
        Some(Code::OrganizationLevelNotAllowedHere)
    );
}

#[test]
fn o1_the_tree_is_at_most_ten_deep_and_does_not_grow_below_closed_organizations() {
    let at_depth = |ids: &str| OrganizationFacts {
        path: ids.parse().unwrap(),
        ..college()
    };
    let under =
        |superior: &OrganizationFacts| o1_may_stand_under(OrganizationKind::Branch, Level::Grassroots, superior);
    assert_eq!(under(&at_depth("1/2/3/4/5/6/7/8/9/")), Ok(()));
    assert_eq!(
        code(under(&at_depth("1/2/3/4/5/6/7/8/9/10/"))),
        Some(Code::OrganizationTooDeep)
    );
    let closed = OrganizationFacts {
        status: Status::Closed,
        ..college()
    };
    assert_eq!(code(under(&closed)), Some(Code::OrganizationClosed));
}

#[test]
fn o2_floating_and_abroad_branches_are_directly_below_the_school_committee() {
    let township = OrganizationFacts {
        is_township: true,
        ..college()
    };
    let needs_school = Some(Code::OrganizationFloatingNeedsSchool);
    for (purpose, name, superior, expected) in [
        (OrganizationPurpose::Floating, "流动团员团支部", university(), None),
        (
            OrganizationPurpose::Floating,
            "毕业生团支部",
            university(),
            Some(Code::OrganizationFloatingName),
        ),
        (OrganizationPurpose::Floating, "流动团员团支部", college(), needs_school),
        (OrganizationPurpose::Floating, "流动团员团支部", township.clone(), None),
        (
            OrganizationPurpose::Abroad,
            "出国(境)学习研究团员团支部",
            university(),
            None,
        ),
        (
            OrganizationPurpose::Abroad,
            "出国（境）学习研究团员团支部",
            university(),
            None,
        ),
        (
            OrganizationPurpose::Abroad,
            "出国团支部",
            university(),
            Some(Code::OrganizationFloatingName),
        ),
        (
            OrganizationPurpose::Abroad,
            "出国(境)学习研究团员团支部",
            township,
            needs_school,
        ),
        (
            OrganizationPurpose::SpecialUnit,
            "特殊单位",
            university(),
            Some(Code::OrganizationPurposeNotAllowed),
        ),
        (OrganizationPurpose::Ordinary, "一班", college(), None),
    ] {
        assert_eq!(
            code(o2_purpose(purpose, OrganizationKind::Branch, name, &superior)),
            expected,
            "{purpose} {name}"
        );
    }
    let committee = o2_purpose(
        OrganizationPurpose::Floating,
        OrganizationKind::Committee,
        "流动团员团委",
        &university(),
    );
    assert_eq!(code(committee), Some(Code::OrganizationPurposeNotAllowed));
}

#[test]
fn o3_only_the_direct_superior_closes_and_only_an_empty_organization() {
    let empty = Contents::default();
    let close = |actor: &OrganizationFacts, contents| o3_close(&administrator(actor), &class(), None, contents);
    assert_eq!(close(&college(), empty), Ok(Status::Closed));
    for office in [class(), university(), nation()] {
        assert_eq!(code(close(&office, empty)), Some(Code::OrganizationNotDirectSuperior));
    }
    for contents in [
        Contents { members: 1, ..empty },
        Contents { open_cases: 1, ..empty },
        Contents { children: 1, ..empty },
    ] {
        assert_eq!(
            code(close(&college(), contents)),
            Some(Code::OrganizationNotEmpty),
            "{contents:?}"
        );
    }
    // The college is vacant, so the university acts for it (A10).
    assert_eq!(
        o3_close(&administrator(&university()), &class(), Some(university().id), empty),
        Ok(Status::Closed)
    );
    let closed = OrganizationFacts {
        status: Status::Closed,
        ..class()
    };
    assert_eq!(
        code(o3_close(&administrator(&college()), &closed, None, empty)),
        Some(Code::OrganizationClosed)
    );
    assert_eq!(
        code(o3_direct_superior(
            &administrator(&nation()),
            Action::CloseOrganization,
            &nation(),
            None
        )),
        Some(Code::OrganizationNotDirectSuperior)
    );
}

#[test]
fn o3_a_name_has_two_to_a_hundred_characters() {
    for (name, fits) in [("班", false), ("一班", true), ("  班 ", false), ("一\n班", false)] {
        assert_eq!(o3_name(name).is_ok(), fits, "{name}");
    }
    assert!(o3_name(&"团".repeat(100)).is_ok());
    assert!(o3_name(&"团".repeat(101)).is_err());
}

#[test]
fn schools_have_a_stage_and_nobody_else_has() {
    let stage = Some(Stage::JuniorHigh);
    for (sector, stage, fits) in [
        (Sector::School, stage, true),
        (Sector::School, None, false),
        (Sector::Enterprise, None, true),
        (Sector::Enterprise, stage, false),
    ] {
        assert_eq!(check_stage(sector, stage).is_ok(), fits, "{sector}");
    }
}

#[test]
fn a_school_code_is_ten_digits_and_odd_ones_only_warn() {
    use SchoolCodeWarning::*;
    for (code, warnings) in [
        ("4111010001", &[][..]),
        ("9911010001", &[UnknownClass]),
        ("4199010001", &[UnknownProvince]),
        ("0000000000", &[UnknownClass, UnknownProvince]),
    ] {
        assert_eq!(check_school_code(code).unwrap(), warnings, "{code}");
    }
    for text in [
        "",
        "411101000",
        "41110100011",
        "41110l0001",
        "４１１１０１０００１",
        "学校机构编号十",
    ] {
        assert_eq!(
            code(check_school_code(text)),
            Some(Code::OrganizationSchoolCodeInvalid),
            "{text}"
        );
    }
}

#[test]
fn o3_g1_size_and_missing_marks_are_warnings() {
    use Health::*;
    let policy = Policy::default_for(2026);
    let marked = class_of("2027-07");
    let floating = OrganizationFacts {
        purpose: OrganizationPurpose::Floating,
        ..marked.clone()
    };
    for (organization, administrators, members, expected) in [
        (&marked, 1, 3, &[][..]),
        (&marked, 1, 50, &[]),
        (&marked, 1, 2, &[TooFewMembers]),
        (&marked, 1, 51, &[TooManyMembers]),
        (&marked, 0, 0, &[NoAdministrator, NoMembers]),
        (&class(), 1, 10, &[Unmarked]),
        (&floating, 1, 500, &[]),
        (&college(), 1, 5000, &[]),
    ] {
        assert_eq!(
            health(organization, administrators, members, &policy),
            expected,
            "{members}"
        );
    }
}

#[test]
fn t6_t7_three_provinces_are_external_but_system_committees_never_are() {
    for (province, external) in [(11, true), (35, true), (44, true), (42, false), (12, false)] {
        let facts = OrganizationFacts {
            province: Some(province),
            ..college()
        };
        assert_eq!(facts.is_external(), external, "{province}");
        assert!(
            !OrganizationFacts {
                system: System::Railway,
                ..facts
            }
            .is_external()
        );
    }
}

#[test]
fn a_path_knows_what_lies_below() {
    let path = |text: &str| text.parse::<Path>().unwrap();
    // 1/5/ is not an ancestor of 1/55/, although the digits begin alike.
    for (below, root, within, strictly) in [
        ("1/5/", "1/5/", true, false),
        ("1/5/7/", "1/5/", true, true),
        ("1/55/", "1/5/", false, false),
        ("1/", "1/5/", false, false),
    ] {
        assert_eq!(path(below).is_within(&path(root)), within, "{below} in {root}");
        assert_eq!(path(below).is_below(&path(root)), strictly, "{below} below {root}");
    }
    let superiors: Vec<i64> = path("1/5/77/").superiors().map(|id| id.0).collect();
    assert_eq!(superiors, [5, 1]);
    for text in ["", "/", "1", "1//", "/1/", "1/x/", "0/", "-1/", "01/", "+1/"] {
        assert!(text.parse::<Path>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_path_survives_text_and_growth(ids in prop::collection::vec(1..i64::MAX, 1..10)) {
        let mut path = Path::root(OrganizationId(ids[0]));
        for &id in &ids[1..] {
            let child = path.child(OrganizationId(id));
            prop_assert!(child.is_below(&path));
            path = child;
        }
        prop_assert_eq!(path.as_str().parse(), Ok(path.clone()));
        prop_assert_eq!(path.ids().map(|id| id.0).collect::<Vec<_>>(), ids.clone());
        prop_assert_eq!(path.depth(), ids.len());
    }
}
