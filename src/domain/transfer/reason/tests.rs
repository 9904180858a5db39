use super::*;
use crate::domain::organization::facts::{Level, OrganizationKind, Path, Stage, Status, System};
use proptest::prelude::*;

const SCHOOL: OrganizationId = OrganizationId(7);

fn organization(sector: Sector, purpose: OrganizationPurpose, school: Option<OrganizationId>) -> OrganizationFacts {
    OrganizationFacts {
        id: OrganizationId(9),
        parent: Some(OrganizationId(7)),
        path: "1/7/9/".parse().unwrap_or_else(|_| Path::root(OrganizationId(9))),
        kind: OrganizationKind::Branch,
        level: Level::Grassroots,
        system: System::Place,
        sector,
        stage: (sector == Sector::School).then_some(Stage::RegularUniversity),
        is_township: false,
        has_school_code: false,
        purpose,
        status: Status::Active,
        graduation: None,
        graduated_season: None,
        school,
        leading_organ: Some(OrganizationId(1)),
        province: Some(42),
    }
}

fn address() -> Address {
    Address {
        division_code: "130102".into(),
        text: "中山东路 1 号".into(),
    }
}

/// Details with every field that a reason requires.
fn complete(reason: Reason, external: bool) -> Details {
    let has = |field| reason.fields().contains(&field);
    Details {
        destination_stage: has(DetailField::DestinationStage).then_some(DestinationStage::RegularUniversity),
        school_name: has(DetailField::SchoolName).then(|| "某大学".into()),
        school_address: has(DetailField::SchoolAddress).then(address),
        employer_name: has(DetailField::EmployerName).then(|| "某公司".into()),
        employer_address: has(DetailField::EmployerAddress).then(address),
        home_address: has(DetailField::HomeAddress).then(address),
        external: external.then(|| External {
            province: Some(11),
            name: Some("某单位".into()),
            organization: Some("共青团某单位委员会".into()),
            address: Some(Address {
                division_code: "110101".into(),
                text: "东长安街 1 号".into(),
            }),
        }),
    }
}

fn codes(refusals: &[Refusal]) -> Vec<Code> {
    refusals.iter().map(|refusal| refusal.code).collect()
}

/// Validates against the part of JSON Schema that our schemas use, except patterns.
fn accepts(schema: &Value, value: &Value) -> bool {
    let allowed = schema
        .get("enum")
        .and_then(Value::as_array)
        .is_none_or(|values| values.contains(value));
    let fits = match schema["type"].as_str().unwrap() {
        "string" => value.as_str().is_some_and(|text| {
            let length = text.chars().count() as u64;
            schema["minLength"].as_u64().is_none_or(|min| length >= min)
                && schema["maxLength"].as_u64().is_none_or(|max| length <= max)
        }),
        "integer" => value.is_u64(),
        _ => {
            let object = value.as_object().unwrap();
            let properties = schema["properties"].as_object().unwrap();
            schema["required"]
                .as_array()
                .unwrap()
                .iter()
                .all(|key| object.contains_key(key.as_str().unwrap()))
                && object
                    .iter()
                    .all(|(key, value)| properties.get(key).is_some_and(|schema| accepts(schema, value)))
        }
    };
    allowed && fits
}

/// The paths to every leaf and object of a value.
fn paths(value: &Value, at: String) -> Vec<String> {
    let inner = value
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(key, value)| paths(value, format!("{at}/{key}")));
    std::iter::once(at.clone())
        .filter(|at| !at.is_empty())
        .chain(inner)
        .collect()
}

fn without(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    let (parent, key) = path.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    value
}

fn cases() -> impl Iterator<Item = (Reason, bool)> {
    Reason::ALL
        .iter()
        .flat_map(|&reason| [(reason, false), (reason, true)])
        .filter(|(r, external)| !external || r.may_be_external())
}

#[test]
fn t5_complete_details_pass_the_check_and_the_schema() {
    for (reason, external) in cases() {
        let details = complete(reason, external);
        assert_eq!(reason.check_details(&details, external), [], "{reason}");
        assert!(
            accepts(&reason.json_schema(external), &serde_json::to_value(&details).unwrap()),
            "{reason}"
        );
    }
}

#[test]
fn t5_t6_the_check_and_the_schema_both_refuse_a_missing_field() {
    for (reason, external) in cases() {
        let whole = serde_json::to_value(complete(reason, external)).unwrap();
        for path in paths(&whole, String::new()) {
            let less = without(&whole, &path);
            assert!(
                !accepts(&reason.json_schema(external), &less),
                "{reason} without {path}"
            );
            // An address with only one of its fields is refused by serde already.
            if let Ok(details) = serde_json::from_value::<Details>(less) {
                let refusals = reason.check_details(&details, external);
                let code = if path.starts_with("/external") {
                    Code::TransferExternalDetailsRequired
                } else {
                    Code::TransferFieldRequired
                };
                assert!(
                    !refusals.is_empty() && codes(&refusals).iter().all(|&c| c == code),
                    "{reason} without {path}"
                );
            }
        }
    }
}

#[test]
fn t5_a_field_of_another_reason_is_refused() {
    let mut details = complete(Reason::Unsettled, false);
    details.employer_name = Some("某公司".into());
    let refusals = Reason::Unsettled.check_details(&details, false);
    assert_eq!(codes(&refusals), [Code::TransferFieldNotAllowed]);
    assert_eq!(refusals[0].pointer.as_deref(), Some("/details/employer_name"));
    assert!(refusals[0].detail(Language::Chinese).contains("工作单位名称"));
    assert!(refusals[0].detail(Language::English).contains("name of the employer"));
}

#[test]
fn t5_an_address_is_a_known_county_and_a_line_of_text() {
    for (division_code, text, expected) in [
        ("130102", "x", None),
        ("130102001", "x", None),
        (
            "1301",
            "x",
            Some((Code::TransferAddressNotDetailed, "/details/home_address/division_code")),
        ),
        (
            "999999",
            "x",
            Some((Code::DivisionUnknown, "/details/home_address/division_code")),
        ),
        (
            "130102",
            " ",
            Some((Code::TransferFieldRequired, "/details/home_address/text")),
        ),
        (
            "130102",
            "a\nb",
            Some((Code::TransferFieldInvalid, "/details/home_address/text")),
        ),
        ("130102", &"路".repeat(200), None),
        (
            "130102",
            &"路".repeat(201),
            Some((Code::TransferFieldInvalid, "/details/home_address/text")),
        ),
    ] {
        let address = Address {
            division_code: division_code.into(),
            text: text.into(),
        };
        let details = Details {
            home_address: Some(address),
            ..Details::default()
        };
        let refusals = Reason::Unsettled.check_details(&details, false);
        let found = refusals
            .first()
            .map(|refusal| (refusal.code, refusal.pointer.as_deref().unwrap()));
        assert_eq!(found, expected, "{division_code}");
    }
}

#[test]
fn t6_only_three_provinces_and_addresses_within_them() {
    let reason = Reason::FurtherStudy;
    let mut details = complete(reason, true);
    details.external.as_mut().unwrap().province = Some(44);
    assert_eq!(
        codes(&reason.check_details(&details, true)),
        [Code::TransferFieldInvalid]
    );
    details.external.as_mut().unwrap().province = Some(42);
    assert!(codes(&reason.check_details(&details, true)).contains(&Code::TransferExternalProvinceUnknown));
    for reason in [Reason::Abroad, Reason::SpecialUnit] {
        assert_eq!(
            codes(&reason.check_details(&complete(reason, true), true)),
            [Code::TransferReasonNotExternal]
        );
    }
}

#[test]
fn t5_each_reason_allows_the_targets_of_the_manual() {
    use OrganizationPurpose::*;
    use Reason::{EmployedWithLeague, EmployedWithoutLeague, FurtherStudy, Unsettled};
    let other = Some(OrganizationId(8));
    for (sector, purpose, school, allowed) in [
        (Sector::School, Ordinary, other, &[FurtherStudy, EmployedWithLeague][..]),
        (Sector::Enterprise, Ordinary, None, &[EmployedWithLeague]),
        (
            Sector::TownshipVillage,
            Ordinary,
            None,
            &[EmployedWithLeague, EmployedWithoutLeague, Unsettled],
        ),
        (
            Sector::StreetCommunity,
            Ordinary,
            None,
            &[EmployedWithLeague, EmployedWithoutLeague, Unsettled],
        ),
        (Sector::TownshipVillage, Floating, None, &[Unsettled]),
        (Sector::School, Floating, Some(SCHOOL), &[Unsettled]),
        (Sector::School, Floating, other, &[]),
        (Sector::School, Abroad, Some(SCHOOL), &[Reason::Abroad]),
        (Sector::School, Abroad, other, &[]),
        (Sector::School, SpecialUnit, Some(SCHOOL), &[]),
    ] {
        let target = organization(sector, purpose, school);
        let found: Vec<Reason> = Reason::ALL
            .iter()
            .copied()
            .filter(|reason| reason.check_target(&target, Some(SCHOOL)).is_ok())
            .collect();
        assert_eq!(found, allowed, "{sector} {purpose}");
    }
}

#[test]
fn t5_a_member_without_a_school_has_no_own_branches() {
    for purpose in [OrganizationPurpose::Floating, OrganizationPurpose::Abroad] {
        let target = organization(Sector::School, purpose, None);
        assert!(Reason::ALL.iter().all(|reason| !reason.allows_target(&target, None)));
    }
}

#[test]
fn t5_the_target_side_starts_for_other_reasons_only_if_the_policy_says_so() {
    let mut policy = Policy::default_for(2026);
    for on in [true, false] {
        policy.target_side_other_reasons = on;
        assert!(Reason::FurtherStudy.check_side(Side::Target, &policy).is_ok());
        assert!(Reason::SpecialUnit.check_side(Side::Target, &policy).is_err());
        assert_eq!(Reason::Unsettled.check_side(Side::Target, &policy).is_ok(), on);
        assert!(Reason::Unsettled.check_side(Side::Source, &policy).is_ok());
    }
}

#[test]
fn an_address_stays_out_of_debug_output() {
    let text = format!("{:?}", complete(Reason::Unsettled, false));
    assert!(!text.contains("中山"), "{text}");
}

proptest! {
    #[test]
    fn no_details_make_the_check_panic(name in ".{0,120}", code in ".{0,12}", external: bool) {
        let address = Address { division_code: code, text: name.clone() };
        let details = Details { school_name: Some(name), school_address: Some(address), ..Details::default() };
        for reason in Reason::ALL {
            let _ = reason.check_details(&details, external);
        }
    }
}
