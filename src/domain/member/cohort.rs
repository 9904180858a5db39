//! The cohort of a season: the members whose hand-over linkage (学社衔接) measures (§1.2; rules L1, M5, G9).

use super::mark::Mark;
use crate::domain::core::time::Season;
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::OrganizationFacts;

vocabulary! {
    /// Why a member does not count in a season's linkage.
    NotInCohort {
        BranchNotTurned = "branch_not_turned", "所在支部不是毕业生团组织", "the branch is not a graduate branch";
        OtherSeason = "other_season", "所在支部属于其他年度", "the branch turned in another season";
        Delayed = "delayed", "延迟毕业团员", "delayed graduate";
        Teacher = "teacher", "教师", "teacher";
    }
}

/// L1: whether a member counts in a season's cohort, and if not, why.
///
/// `branch` is the branch the member belonged to at the switch, in its state of today. Marks and changed months
/// therefore count at once (M5, G9). A member who moves away stays in the cohort.
///
/// # Errors
/// The reason why the member does not count.
pub fn l1_in_cohort(branch: &OrganizationFacts, mark: Option<&Mark>, season: Season) -> Result<(), NotInCohort> {
    match (branch.graduated_season, mark) {
        (None, _) => Err(NotInCohort::BranchNotTurned),
        (Some(turned), _) if turned != season => Err(NotInCohort::OtherSeason),
        (Some(_), Some(Mark::Delayed { .. })) => Err(NotInCohort::Delayed),
        (Some(_), Some(Mark::Teacher)) => Err(NotInCohort::Teacher),
        (Some(_), None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::core::text::Remark;
    use crate::domain::testing;

    #[test]
    fn l1_m5_the_cohort_is_the_graduates_of_the_seasons_branches() {
        let delayed = Mark::Delayed {
            month: "2027-07".parse().unwrap(),
            reason: Remark::new("休学").unwrap(),
        };
        for (turned, mark, expected) in [
            (Some(2026), None, Ok(())),
            (Some(2026), Some(delayed.clone()), Err(NotInCohort::Delayed)),
            (Some(2026), Some(Mark::Teacher), Err(NotInCohort::Teacher)),
            (Some(2025), None, Err(NotInCohort::OtherSeason)),
            (None, None, Err(NotInCohort::BranchNotTurned)),
            (None, Some(delayed), Err(NotInCohort::BranchNotTurned)),
        ] {
            let mut branch = testing::class();
            branch.graduated_season = turned;
            assert_eq!(
                l1_in_cohort(&branch, mark.as_ref(), 2026),
                expected,
                "{turned:?} {mark:?}"
            );
        }
    }
}
