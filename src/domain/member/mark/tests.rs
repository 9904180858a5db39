use super::*;
use crate::domain::core::ids::{AccountId, MemberId};
use crate::domain::testing::*;

const SEASON: Season = 2026;

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn delayed(text: &str) -> Mark {
    Mark::Delayed {
        month: month(text),
        reason: Remark::new("休学").unwrap(),
    }
}

fn turned() -> OrganizationFacts {
    OrganizationFacts {
        graduated_season: Some(SEASON),
        ..class_of("2026-07")
    }
}

fn codes<T>(result: Result<T, Vec<Refusal>>) -> Vec<Code> {
    result
        .err()
        .unwrap_or_default()
        .iter()
        .map(|refusal| refusal.code)
        .collect()
}

#[test]
fn m1_members_of_graduating_branches_show_one_identity() {
    for branch in [turned(), class_of("2026-12")] {
        assert_eq!(m1_identity(&branch, None, SEASON), Some(Identity::Graduate));
        assert_eq!(
            m1_identity(&branch, Some(&delayed("2027-07")), SEASON),
            Some(Identity::Delayed)
        );
        assert_eq!(
            m1_identity(&branch, Some(&Mark::Teacher), SEASON),
            Some(Identity::Teacher)
        );
    }
    for branch in [class(), class_of("2027-01"), class_of("2025-12")] {
        assert_eq!(m1_identity(&branch, None, SEASON), None);
    }
}

#[test]
fn m2_school_administrators_including_the_branchs_own_mark_members() {
    for office in [class(), college(), university()] {
        assert_eq!(
            m2_may_mark(&administrator(&office), office.sector, &class(), None),
            Ok(()),
            "{:?}",
            office.path
        );
    }
    let elsewhere = OrganizationFacts {
        path: "1/2/3/9/".parse().unwrap(),
        ..college()
    };
    for (actor, sector, expected) in [
        (administrator(&province()), Sector::Institution, Code::MarkOutOfScope),
        (administrator(&elsewhere), Sector::School, Code::MemberNotFound),
        (
            Actor::member(AccountId(1), MemberId(1)),
            Sector::School,
            Code::ActorNotAdministrator,
        ),
    ] {
        assert_eq!(m2_may_mark(&actor, sector, &class(), None).unwrap_err().code, expected);
    }
}

#[test]
fn m2_where_the_school_is_one_branch_its_direct_superior_marks() {
    // It has no school code: what makes it a school is that it belongs to no other.
    let school = OrganizationFacts {
        school: Some(class().id),
        parent: Some(province().id),
        path: "1/2/5/".parse().unwrap(),
        ..class()
    };
    assert_eq!(
        m2_may_mark(&administrator(&province()), Sector::Institution, &school, None),
        Ok(())
    );
    // The province is vacant, so the nation acts for it (A10).
    assert_eq!(
        m2_may_mark(
            &administrator(&nation()),
            Sector::Institution,
            &school,
            Some(nation().id)
        ),
        Ok(())
    );
    for office in [&school, &nation()] {
        let refusal = m2_may_mark(&administrator(office), Sector::School, &school, None).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.helper),
            (Code::MarkSuperiorOnly, Some(province().id))
        );
    }
}

#[test]
fn m3_a_delayed_month_is_strictly_later_than_the_branchs() {
    let delay = |text: &str| m3_delayed(&turned(), SEASON, Some(month(text)), Remark::new("休学"));
    for text in ["2026-06", "2026-07", "2025-12"] {
        let refusals = delay(text).unwrap_err();
        assert_eq!(refusals[0].code, Code::MarkMonthNotLater, "{text}");
        assert_eq!(refusals[0].params["branch_month"], "2026-07");
    }
    for text in ["2026-08", "2027-01"] {
        assert_eq!(delay(text), Ok(delayed(text)));
    }
}

#[test]
fn m3_everything_missing_is_reported_at_once() {
    let both = [Code::MarkMonthRequired, Code::MarkReasonRequired];
    assert_eq!(codes(m3_delayed(&turned(), SEASON, None, None)), both);
    let late = Some(month("2027-07"));
    assert_eq!(
        codes(m3_delayed(&turned(), SEASON, late, None)),
        [Code::MarkReasonRequired]
    );
    assert_eq!(
        codes(m3_delayed(&class(), SEASON, late, Remark::new("休学"))),
        [Code::MarkNotGraduating]
    );
}

#[test]
fn m3_a_teacher_needs_nothing_but_a_graduating_branch() {
    assert_eq!(m3_teacher(&turned(), SEASON), Ok(Mark::Teacher));
    assert_eq!(
        m3_teacher(&class_of("2027-07"), SEASON).unwrap_err().code,
        Code::MarkNotGraduating
    );
}

#[test]
fn m4_each_member_of_many_has_their_own_result() {
    let months = ["2026-07", "2026-08", "2027-07"].map(|text| Some(month(text)));
    let fits = months.map(|month| m3_delayed(&turned(), SEASON, month, Remark::new("休学")).is_ok());
    assert_eq!(fits, [false, true, true]);
}

#[test]
fn m6_undoing_restores_the_graduate_identity_and_the_branchs_month() {
    let mark = delayed("2027-07");
    assert_eq!(graduation_month(&turned(), Some(&mark)), Some(month("2027-07")));
    assert_eq!(m6_undo(Some(mark.clone())), Ok(mark));
    assert_eq!(m1_identity(&turned(), None, SEASON), Some(Identity::Graduate));
    assert_eq!(graduation_month(&turned(), None), Some(month("2026-07")));
    assert_eq!(m6_undo(None).unwrap_err().code, Code::MarkNotMarked);
}

#[test]
fn m7_delayed_months_that_are_no_longer_later_are_reported() {
    let marks = [("2026-12"), ("2027-07"), ("2027-08")].map(|text| (text, month(text)));
    let report = |new| m7_no_longer_later(new, marks);
    assert_eq!(report(Graduation::Month(month("2027-07"))), ["2026-12", "2027-07"]);
    assert!(report(Graduation::Month(month("2026-11"))).is_empty());
}
