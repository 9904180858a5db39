//! Policy: what may change from year to year, as data. The season of a case or a switch decides which policy applies.

use super::authority::actor::Actor;
use super::authority::{self, Action, Object};
use super::catalogue::code::Code;
use super::catalogue::refusal::Refusal;
use super::core::time::{Season, Timestamp, shanghai_midnight};
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A day of the year that exists in every year, written `MM-DD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDay {
    month: u32,
    day: u32,
}

/// The text is not a day that every year has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a day that every year has as MM-DD")]
pub struct ParseMonthDayError;

/// A year without a 29 February, so it has only the days that every year has.
const COMMON_YEAR: i32 = 2023;

impl MonthDay {
    /// A day that every year has. `None` for 29 February and for days that no year has.
    pub fn new(month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(COMMON_YEAR, month, day).map(|_| Self { month, day })
    }

    /// The day in a year.
    pub fn in_year(self, year: i32) -> NaiveDate {
        // Only years beyond chrono's 262,000 have no such day.
        NaiveDate::from_ymd_opt(year, self.month, self.day).unwrap_or(NaiveDate::MAX)
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl fmt::Debug for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MonthDay {
    type Err = ParseMonthDayError;
    fn from_str(text: &str) -> Result<Self, ParseMonthDayError> {
        let date = (text.len() == 5).then(|| format!("{COMMON_YEAR}-{text}").parse::<NaiveDate>());
        match date {
            Some(Ok(date)) => Ok(Self {
                month: date.month(),
                day: date.day(),
            }),
            _ => Err(ParseMonthDayError),
        }
    }
}

impl Serialize for MonthDay {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(d)?
            .parse()
            .map_err(|ParseMonthDayError| InputError::Day.into_serde())
    }
}

/// The policy of one season. It holds every number of the rules that the manual leaves open, and the manual's own
/// numbers that depend on a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The calendar year (Asia/Shanghai) the policy holds for.
    #[schema(value_type = i32)]
    pub season: Season,
    /// G6: the day on which marked branches begin to turn into graduate branches.
    #[schema(value_type = String, pattern = "^[0-9]{2}-[0-9]{2}$")]
    pub switch_on: MonthDay,
    /// A6: the first day on which the expiry clock runs. The manual says "after 30 September".
    #[schema(value_type = String, pattern = "^[0-9]{2}-[0-9]{2}$")]
    pub expiry_from: MonthDay,
    /// A6: a case expires after more than this many days in an organization's approval.
    pub expiry_days: u16,
    /// A6: a case that waits for assignment also appears in the direct superior's inbox after more than this many days.
    pub escalation_days: u16,
    /// T5: whether the target side may propose transfers for reasons other than further study.
    pub target_side_other_reasons: bool,
    /// T10: whether a member may withdraw a transfer that others proposed for them.
    pub member_may_withdraw: bool,
    /// T3: members who joined in this year or later need a certified League identity.
    pub certification_since: i32,
    /// T9: a member below this age who leaves the school sector needs an explanation and the leading organ's approval.
    pub explanation_under_age: i32,
    /// O3: a branch with fewer members gets a warning.
    pub branch_members_min: u16,
    /// O3: a branch with more members gets a warning.
    pub branch_members_max: u16,
    /// The minimum joining age for members who joined in 2017 or later.
    pub joining_age: i32,
    /// The minimum joining age for members who joined before 2017.
    pub joining_age_before_2017: i32,
    /// The age at which a member without a post leaves the League.
    pub leaving_age: i32,
}

impl Policy {
    /// The policy that holds for a season until somebody changes it.
    pub fn default_for(season: Season) -> Self {
        Self {
            season,
            switch_on: MonthDay { month: 6, day: 1 },
            expiry_from: MonthDay { month: 10, day: 1 },
            expiry_days: 10,
            escalation_days: 10,
            target_side_other_reasons: true,
            member_may_withdraw: true,
            certification_since: 2020,
            explanation_under_age: 16,
            branch_members_min: 3,
            branch_members_max: 50,
            joining_age: 13,
            joining_age_before_2017: 12,
            leaving_age: 28,
        }
    }

    /// G6: the instant from which the season's branches turn.
    pub fn switch_at(&self) -> Timestamp {
        shanghai_midnight(self.switch_on.in_year(self.season))
    }

    /// A6: the instant before which no expiry clock runs.
    pub fn expiry_start(&self) -> Timestamp {
        shanghai_midnight(self.expiry_from.in_year(self.season))
    }

    /// Whether the actor may change a policy. Only an administrator of the nation's organization may.
    ///
    /// # Errors
    /// `actor.not_administrator`, `policy.not_allowed`.
    pub fn may_change(actor: &Actor) -> Result<(), Refusal> {
        Ok(authority::decide(actor, Action::ChangePolicy, Object::Nation).into_result()?)
    }

    /// Checks the policy. Every refusal points at its field.
    ///
    /// # Errors
    /// `policy.out_of_range`, `policy.dates_out_of_order`.
    pub fn validate(&self) -> Result<(), Vec<Refusal>> {
        let (least, most) = (self.branch_members_min.into(), self.branch_members_max.into());
        #[rustfmt::skip]
        let ranges: [(&str, &str, &str, i32, i32, i32); 10] = [
            ("season", "年度", "season", self.season, 2000, 2199),
            ("expiry_days", "超时终止天数", "days until expiry", self.expiry_days.into(), 1, 90),
            ("escalation_days", "分配催办天数", "days until escalation", self.escalation_days.into(), 1, 90),
            ("certification_since", "团员身份认证起始年份", "first year with certification", self.certification_since, 1922, 2199),
            ("explanation_under_age", "须填写情况说明的年龄上限", "age below which an explanation is required", self.explanation_under_age, 0, 28),
            ("branch_members_min", "团支部人数下限", "least members of a branch", least, 1, most),
            ("branch_members_max", "团支部人数上限", "most members of a branch", most, least, 1000),
            ("joining_age", "入团年龄", "least age at joining", self.joining_age, 0, 28),
            ("joining_age_before_2017", "2017 年以前的入团年龄", "least age at joining before 2017", self.joining_age_before_2017, 0, 28),
            ("leaving_age", "离团年龄", "age at leaving", self.leaving_age, 14, 60),
        ];
        let out_of_range = ranges
            .into_iter()
            .filter(|(.., value, min, max)| value < min || value > max)
            .map(|(field, zh, en, _, min, max)| {
                Refusal::new(Code::PolicyOutOfRange)
                    .with_term("field", Text { zh, en })
                    .with("min", min)
                    .with("max", max)
                    .at(format!("/{field}"))
            });
        let out_of_order =
            (self.switch_on >= self.expiry_from).then(|| Refusal::new(Code::PolicyDatesOutOfOrder).at("/expiry_from"));
        let refusals: Vec<Refusal> = out_of_range.chain(out_of_order).collect();
        if refusals.is_empty() { Ok(()) } else { Err(refusals) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn g6_a6_the_default_dates_begin_at_midnight_in_shanghai() {
        let policy = Policy::default_for(2026);
        assert_eq!(policy.switch_at(), "2026-05-31T16:00:00Z".parse::<Timestamp>().unwrap());
        assert_eq!(
            policy.expiry_start(),
            "2026-09-30T16:00:00Z".parse::<Timestamp>().unwrap()
        );
        assert_eq!(policy.validate(), Ok(()));
    }

    #[test]
    fn every_bad_value_is_named_at_once() {
        let mut policy = Policy::default_for(2026);
        policy.expiry_days = 0;
        policy.branch_members_min = 51;
        policy.switch_on = policy.expiry_from;
        let pointers: Vec<_> = policy
            .validate()
            .unwrap_err()
            .into_iter()
            .filter_map(|r| r.pointer)
            .collect();
        assert_eq!(
            pointers,
            [
                "/expiry_days",
                "/branch_members_min",
                "/branch_members_max",
                "/expiry_from"
            ]
        );
    }

    #[test]
    fn only_days_of_every_year_are_accepted() {
        for text in ["02-29", "2-28", "00-01", "13-01", "06-31", "0601", "06/01", "+6-01", ""] {
            assert_eq!(text.parse::<MonthDay>(), Err(ParseMonthDayError), "{text}");
        }
        assert_eq!("02-28".parse(), Ok(MonthDay { month: 2, day: 28 }));
    }

    #[test]
    fn only_the_nations_administrator_changes_a_policy() {
        use crate::domain::testing::{administrator, nation, province};
        assert_eq!(Policy::may_change(&administrator(&nation())), Ok(()));
        for (actor, expected) in [
            (administrator(&province()), Code::PolicyNotAllowed),
            (Actor::system(), Code::ActorNotAdministrator),
        ] {
            assert_eq!(Policy::may_change(&actor).unwrap_err().code, expected);
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        let mut json = serde_json::to_value(Policy::default_for(2026)).unwrap();
        assert_eq!(
            serde_json::from_value::<Policy>(json.clone()).unwrap(),
            Policy::default_for(2026)
        );
        json["expire_days"] = 3.into();
        assert!(serde_json::from_value::<Policy>(json).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_day_panic(text in ".{0,8}") {
            let _ = text.parse::<MonthDay>();
        }
    }
}
