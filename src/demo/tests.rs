use super::country::{Country, DEFAULT_MEMBERS};
use super::frame;
use super::people::{Cohort, Population, check_character};
use super::records::*;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::{Timestamp, shanghai_date, whole_years};
use crate::domain::member::{Certification, Standing};
use crate::domain::organization::facts::{Graduation, Level, OrganizationKind, OrganizationPurpose, System};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

/// An instant before the yearly switch of the season.
fn now() -> Timestamp {
    "2026-05-20T02:00:00Z".parse().unwrap()
}

static DEMO: LazyLock<Country> = LazyLock::new(|| Country::new(7, DEFAULT_MEMBERS, now()));
static ORGANIZATIONS: LazyLock<Vec<OrganizationRecord>> = LazyLock::new(|| DEMO.organizations().collect());
static MEMBERS: LazyLock<Vec<MemberRecord>> = LazyLock::new(|| DEMO.members().collect());

fn organization(id: OrganizationId) -> &'static OrganizationRecord {
    &ORGANIZATIONS[id.0 as usize - 1]
}

fn count(wanted: impl Fn(&OrganizationRecord) -> bool) -> usize {
    ORGANIZATIONS.iter().filter(|o| wanted(o)).count()
}

#[test]
fn the_country_has_the_organs_townships_and_schools_of_the_lists() {
    let organ = |o: &OrganizationRecord, level| o.kind == OrganizationKind::LeadingOrgan && o.level == level;
    assert_eq!(count(|o| organ(o, Level::Nation)), 1);
    assert_eq!(count(|o| organ(o, Level::Province) && o.system == System::Place), 31);
    assert_eq!(count(|o| organ(o, Level::Province) && o.system != System::Place), 5);
    assert_eq!(count(|o| o.township), 41_352);
    assert_eq!(count(|o| o.purpose == OrganizationPurpose::SpecialUnit), 36);
    let codes: Vec<_> = ORGANIZATIONS.iter().filter_map(|o| o.school_code).collect();
    assert_eq!(
        codes.iter().filter(|code| **code != frame::HIGH_SCHOOL_CODE).count(),
        2_631
    );
    assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 2_632);
    assert!(
        codes
            .iter()
            .all(|code| code.len() == 10 && code.bytes().all(|b| b.is_ascii_digit()))
    );
}

#[test]
fn schools_stand_below_the_province_in_their_code() {
    for (code, province, division) in [
        ("4142010487", "42", "420100"),
        ("4113010080", "13", "120000"),
        ("4122010184", "22", "222400"),
        ("4137012330", "37", "370000"),
        ("4154010695", "54", "610400"),
        ("4244050853", "44", "440800"),
    ] {
        let school = DEMO.layout.frame.get(DEMO.layout.frame.school(code));
        assert_eq!(school.parent, Some(DEMO.layout.frame.division(province)), "{code}");
        assert_eq!(school.division_code, Some(division), "{code}");
    }
}

#[test]
fn places_are_called_as_they_call_themselves() {
    for (code, name, short) in [
        ("42", "共青团湖北省委员会", "团湖北省委"),
        ("45", "共青团广西壮族自治区委员会", "团广西区委"),
        ("4201", "共青团武汉市委员会", "团武汉市委"),
        ("420111", "共青团武汉市洪山区委员会", "团洪山区委"),
        ("420222", "共青团阳新县委员会", "团阳新县委"),
        ("110101", "共青团北京市东城区委员会", "团东城区委"),
        ("429021", "共青团神农架林区委员会", "团神农架林区委"),
        ("441900", "共青团东莞市委员会", "团东莞市委"),
        ("420111080", "共青团洪山区关东街道委员会", "洪山区关东街道团委"),
    ] {
        let organ = DEMO.layout.frame.get(DEMO.layout.frame.division(code));
        assert_eq!(
            (organ.name.as_str(), organ.short_name.as_str()),
            (name, short),
            "{code}"
        );
    }
    let school = DEMO.layout.frame.get(DEMO.layout.frame.school(frame::UNIVERSITY_CODE));
    assert_eq!(
        (school.name.as_str(), school.short_name.as_str()),
        ("共青团华中科技大学委员会", "华中科技大学团委")
    );
}

#[test]
fn every_path_is_the_superiors_path_and_the_own_id() {
    for (record, id) in ORGANIZATIONS.iter().zip(1..) {
        assert_eq!(record.id.0, id);
        match record.parent {
            None => assert_eq!(record.path.as_str(), "1/"),
            Some(parent) => {
                assert!(parent < record.id, "superiors come first");
                assert_eq!(record.path.as_str(), format!("{}{id}/", organization(parent).path));
            }
        }
    }
    assert_eq!(DEMO.organization_count(), ORGANIZATIONS.len() as u64);
}

#[test]
fn o1_every_organization_stands_below_one_that_may_have_it() {
    use OrganizationKind::*;
    for child in ORGANIZATIONS.iter().skip(1) {
        let parent = organization(child.parent.unwrap());
        let allowed = match (parent.kind, child.kind) {
            (LeadingOrgan, LeadingOrgan) => parent.level.next() == Some(child.level),
            (LeadingOrgan, _) => true,
            (WorkCommittee | Committee, Committee | GeneralBranch | Branch) | (GeneralBranch, Branch) => true,
            _ => false,
        };
        assert!(allowed, "{} below {}", child.name, parent.name);
        assert_eq!(child.kind == LeadingOrgan, child.level != Level::Grassroots);
    }
}

#[test]
fn nearest_organs_are_the_nearest_on_the_path() {
    for record in ORGANIZATIONS.iter() {
        let nearest =
            |wanted: fn(&OrganizationRecord) -> bool| record.path.ids().rev().find(|&id| wanted(organization(id)));
        let above = record
            .path
            .superiors()
            .find(|&id| organization(id).kind == OrganizationKind::LeadingOrgan);
        assert_eq!(record.leading_organ, above, "{}", record.name);
        assert_eq!(
            record.province,
            nearest(|o| o.level == Level::Province),
            "{}",
            record.name
        );
        assert_eq!(record.school, nearest(|o| o.school_code.is_some()), "{}", record.name);
        assert_eq!(
            record.stage.is_some(),
            record.sector == crate::domain::organization::facts::Sector::School
        );
    }
}

#[test]
fn sibling_names_are_unique() {
    let mut seen = HashSet::new();
    for record in ORGANIZATIONS.iter() {
        assert!(seen.insert((record.parent, &record.name)), "{}", record.name);
        assert!(!record.name.is_empty() && !record.short_name.is_empty());
        assert!(!record.name.contains(['\\', ',', ' ']), "{}", record.name);
    }
}

#[test]
fn o2_the_university_keeps_a_floating_and_an_abroad_branch_directly_below_itself() {
    let university = DEMO.layout.frame.school(frame::UNIVERSITY_CODE);
    for (purpose, word) in [
        (OrganizationPurpose::Floating, "流动团员"),
        (OrganizationPurpose::Abroad, "出国(境)学习研究团员"),
    ] {
        assert_eq!(
            count(|o| o.parent == Some(university) && o.purpose == purpose && o.name.contains(word)),
            1
        );
    }
    assert!(count(|o| o.purpose == OrganizationPurpose::Floating && organization(o.parent.unwrap()).township) > 20);
}

#[test]
fn the_university_is_filled_out_whole() {
    let university = &DEMO
        .layout
        .frame
        .get(DEMO.layout.frame.school(frame::UNIVERSITY_CODE))
        .path;
    let inside = |o: &&OrganizationRecord| o.path.is_below(university);
    let kinds = |kind| ORGANIZATIONS.iter().filter(inside).filter(|o| o.kind == kind).count();
    assert_eq!(
        (
            kinds(OrganizationKind::Committee),
            kinds(OrganizationKind::GeneralBranch),
            kinds(OrganizationKind::Branch)
        ),
        (20, 80, 842)
    );
    assert_eq!(
        MEMBERS.iter().filter(|m| m.branch_path.is_below(university)).count(),
        20_000
    );
    let marked = |wanted: fn(&Graduation) -> bool| {
        ORGANIZATIONS
            .iter()
            .filter(inside)
            .filter(|o| o.graduation.as_ref().is_some_and(wanted))
            .count()
    };
    assert_eq!(
        marked(|g| g.month().is_some_and(|month| *month.as_number() == 202_606)),
        40
    );
    assert_eq!(marked(|g| g.month().is_none()), 8);
}

#[test]
fn members_belong_to_branches_of_a_size() {
    let mut sizes: HashMap<OrganizationId, usize> = HashMap::new();
    for member in MEMBERS.iter() {
        assert_eq!(*member.branch_path, organization(member.branch).path);
        *sizes.entry(member.branch).or_default() += 1;
    }
    for (&id, &size) in &sizes {
        assert_eq!(organization(id).kind, OrganizationKind::Branch);
        assert_ne!(organization(id).purpose, OrganizationPurpose::SpecialUnit);
        assert!((3..=50).contains(&size), "{} has {size}", organization(id).name);
    }
}

#[test]
fn nobody_belongs_to_the_systems_of_beijing_guangdong_and_fujian() {
    let external: Vec<_> = ["11", "35", "44"]
        .map(|code| DEMO.layout.frame.get(DEMO.layout.frame.division(code)).path.clone())
        .into();
    let big = Country::new(7, 300_000, now());
    assert!(
        big.members()
            .step_by(17)
            .all(|m| !external.iter().any(|path| m.branch_path.is_within(path)))
    );
}

#[test]
fn the_number_of_members_is_exact() {
    for members in [0, 1, 5, 100, 1_000, 25_000, 200_000] {
        let country = Country::new(7, members, now());
        let mut ids = 1..;
        let counted = country.members().filter(|m| ids.next() == Some(m.id.0)).count() as u64;
        assert_eq!((counted, country.member_count()), (members, members));
        assert!(country.accounts().count() > 40);
        let sign_ins = country.sign_ins().len();
        assert!(sign_ins == 16 || members < 1_000, "{sign_ins} of {members}");
    }
}

#[test]
fn ten_million_members_are_planned_without_a_gap() {
    let country = Country::new(7, 10_000_000, now());
    let (first, last) = (&country.layout.units[0], country.layout.units.last().unwrap());
    assert_eq!(first.first_member, MemberId(1));
    assert_eq!(last.first_member.0 as u64 - 1 + last.members, 10_000_000);
    assert!((300_000..700_000).contains(&country.organization_count()));
    let filled = country.layout.fill(last);
    assert_eq!(filled.iter().map(|f| f.members).sum::<u64>(), last.members);
    assert_eq!(
        filled.last().unwrap().organization.id.0 as u64,
        country.organization_count()
    );
}

#[test]
fn check_characters_are_right() {
    // The example of GB 11643, and a number that ends in X.
    for number in ["11010519491231002X", "440524188001010014"] {
        assert_eq!(check_character(&number.as_bytes()[..17]), number.as_bytes()[17]);
    }
    for member in MEMBERS.iter() {
        let bytes = &member.id_number.0;
        assert_eq!(check_character(&bytes[..17]), bytes[17]);
        assert!(member.id_number.as_str()[6..14] == member.born.format("%Y%m%d").to_string());
    }
}

#[test]
fn numbers_of_people_are_unique() {
    // There are more people than pairs of county and order code, so the days of the month have to distinguish them.
    let small = Population::new(vec!["420111", "420222"], 7, 50_000, now());
    let cohort = Cohort {
        born: (2004, 2004),
        entered: None,
        graduates: None,
        education: "",
    };
    let branch = &ORGANIZATIONS[0];
    let members: Vec<_> = small.members(branch, cohort, MemberId(1), 50_000).collect();
    assert_eq!(
        members.iter().map(|m| m.id_number).collect::<HashSet<_>>().len(),
        50_000
    );

    let mut numbers: HashSet<_> = MEMBERS.iter().map(|m| m.id_number).collect();
    assert_eq!(numbers.len(), MEMBERS.len());
    for account in DEMO.accounts().filter(|account| account.member.is_none()) {
        assert!(numbers.insert(account.id_number));
    }
    let phones: Vec<_> = MEMBERS.iter().filter_map(|m| m.phone).collect();
    assert_eq!(phones.iter().collect::<HashSet<_>>().len(), phones.len());
    let developed: Vec<_> = MEMBERS.iter().filter_map(|m| m.development_number).collect();
    assert_eq!(developed.iter().collect::<HashSet<_>>().len(), developed.len());
}

#[test]
fn members_joined_at_an_age_and_in_a_year_that_agree() {
    let today = shanghai_date(now());
    for member in MEMBERS.iter() {
        let joined = chrono::NaiveDate::from_ymd_opt(member.joined.year(), member.joined.month(), 28).unwrap();
        assert!(
            whole_years(member.born, joined) >= 14
                && member.joined <= crate::domain::core::time::Month::of(today).unwrap()
        );
        assert!(whole_years(member.born, today) <= 28);
        assert!(member.since <= now());
        let number = member.development_number;
        assert_eq!(number.is_some(), member.joined.year() >= 2017);
        assert!(number.is_none_or(|n| n.as_str()[..4] == member.joined.year().to_string()));
        assert_eq!(
            member.certification == Certification::NotRequired,
            member.joined.year() < 2020
        );
    }
    let share = |wanted: fn(&MemberRecord) -> bool| MEMBERS.iter().filter(|m| wanted(m)).count() * 100 / MEMBERS.len();
    assert!(share(MemberRecord::is_eligible) >= 90);
    assert!(share(|m| m.standing == Standing::Good) < 100);
    for &state in Certification::ALL {
        assert!(MEMBERS.iter().any(|m| m.certification == state), "{state}");
    }
}

#[test]
fn every_sign_in_is_somebody_with_the_office_or_branch_it_says() {
    let sign_ins = DEMO.sign_ins();
    assert_eq!(sign_ins.len(), 16);
    let accounts: Vec<_> = DEMO.accounts().collect();
    for sign_in in &sign_ins {
        let account = &accounts[sign_in.account.0 as usize - 1];
        assert!(
            account.id == sign_in.account && account.id_number == sign_in.id_number,
            "{}",
            sign_in.part.role
        );
        let post = DEMO
            .appointments()
            .find(|a| a.account == account.id)
            .map(|a| a.organization);
        let branch = account.member.map(|id| MEMBERS[id.0 as usize - 1].branch);
        assert_eq!(post.or(branch), Some(sign_in.organization), "{}", sign_in.part.role);
        assert_eq!(organization(sign_in.organization).name, sign_in.organization_name);
        assert_eq!(
            post.is_none(),
            ["graduate", "under_sixteen"].contains(&sign_in.part.role),
            "{}",
            sign_in.part.role
        );
    }
    let young = sign_ins.iter().find(|s| s.part.role == "under_sixteen").unwrap();
    let young = &MEMBERS[accounts[young.account.0 as usize - 1].member.unwrap().0 as usize - 1];
    assert!(whole_years(young.born, shanghai_date(now())) < 16);
}

#[test]
fn accounts_and_appointments_are_numbered_and_belong_together() {
    let accounts: Vec<_> = DEMO.accounts().collect();
    assert!(accounts.iter().zip(1..).all(|(account, id)| account.id.0 == id));
    let members: Vec<_> = accounts.iter().filter_map(|a| a.member).collect();
    assert_eq!(members.iter().collect::<HashSet<_>>().len(), members.len());
    for account in &accounts {
        let member = account.member.map(|id| &MEMBERS[id.0 as usize - 1]);
        assert!(member.is_none_or(|m| m.id_number == account.id_number && m.name == account.name && m.is_eligible()));
    }
    let offices: HashMap<_, usize> = DEMO.appointments().fold(HashMap::new(), |mut counts, appointment| {
        assert!(organization(appointment.organization).id == appointment.organization);
        *counts.entry(appointment.organization).or_default() += 1;
        counts
    });
    assert_eq!(offices[&DEMO.layout.frame.school(frame::UNIVERSITY_CODE)], 2);
}

#[test]
fn a10_some_colleges_and_townships_of_the_demo_are_vacant_and_some_are_not() {
    let held: HashSet<_> = DEMO.appointments().map(|a| a.organization).collect();
    let university = DEMO.layout.frame.school(frame::UNIVERSITY_CODE);
    let city = DEMO
        .layout
        .frame
        .get(DEMO.layout.frame.division(frame::TOWNSHIP_CITY))
        .path
        .clone();
    let college = |o: &OrganizationRecord| o.parent == Some(university) && o.kind == OrganizationKind::Committee;
    let township = |o: &OrganizationRecord| o.township && o.path.is_below(&city);
    for wanted in [&college as &dyn Fn(&OrganizationRecord) -> bool, &township] {
        let all = count(wanted);
        let vacant = count(|o| wanted(o) && !held.contains(&o.id));
        assert!(vacant > 0 && vacant < all / 2, "{vacant} of {all}");
    }
}

#[test]
fn the_same_seed_gives_the_same_country_and_another_seed_another() {
    let digest = |seed| {
        let country = Country::new(seed, 1_000, now());
        let mut hasher = DefaultHasher::new();
        for o in country.organizations() {
            (
                o.id,
                o.parent,
                &o.name,
                &o.contact_name,
                &o.contact_phone,
                o.path.as_str(),
            )
                .hash(&mut hasher);
        }
        for m in country.members() {
            (
                m.id,
                m.branch,
                &m.name,
                m.id_number,
                m.phone,
                m.joined,
                m.standing,
                m.certification,
            )
                .hash(&mut hasher);
        }
        for a in country.accounts() {
            (a.id, a.member, &a.name, a.id_number).hash(&mut hasher);
        }
        hasher.finish()
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}
