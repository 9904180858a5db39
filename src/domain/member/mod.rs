//! What the rules need to know about a member: their standing (T12) and their League identity certification (§2.8; T3,
//! O7).

pub mod certification;
pub mod cohort;
pub mod mark;
pub mod particulars;
pub mod pdf;
pub mod registration;

use super::catalogue::code::Code;
use super::catalogue::refusal::Refusal;
use super::core::time::Month;
use super::core::vocabulary::vocabulary;
use super::policy::Policy;
use chrono::NaiveDate;

vocabulary! {
    /// A member's standing (团籍状态).
    Standing {
        Good = "good", "正常", "in good standing";
        PartyMember = "party_member", "党员保留团籍", "Party member who keeps League membership";
        LeftAtAge = "left_at_age", "超龄离团", "left at the age limit";
        Left = "left", "退团", "left";
        Expelled = "expelled", "开除团籍", "expelled";
        MovedOut = "moved_out", "已转出全国系统", "moved out of the national system";
    }

    /// The real-name check (实名认证) shown under the name. It informs and blocks nothing (T3).
    RealName {
        Unchecked = "unchecked", "未认证", "not checked";
        Passed = "passed", "已认证", "passed";
        Failed = "failed", "未通过", "failed";
    }

    /// The state of a member's League identity certification (团员身份认证, §2.8).
    Certification {
        NotRequired = "not_required", "无需认证", "not required";
        NotUploaded = "not_uploaded", "未上传", "not uploaded";
        Waiting = "waiting", "待审核", "waiting";
        Certified = "certified", "已认证", "certified";
        Refused = "refused", "未通过", "refused";
    }
}

impl Standing {
    /// Whether a member of this standing can start a transfer (T12).
    pub fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::PartyMember)
    }
}

/// The first year in which the higher joining age holds.
const JOINING_AGE_SINCE: i32 = 2017;

/// Whether somebody was old enough when they joined. Only the month of joining is known, so a person who reached the
/// age in the course of that month passes.
///
/// # Errors
/// `member.joined_too_young`.
pub fn check_joining_age(born: NaiveDate, joined_on: Month, policy: &Policy) -> Result<(), Refusal> {
    let age = if joined_on.year() >= JOINING_AGE_SINCE {
        policy.joining_age
    } else {
        policy.joining_age_before_2017
    };
    let of_age = Month::new(chrono::Datelike::year(&born) + age, chrono::Datelike::month(&born));
    if of_age.is_some_and(|of_age| of_age <= joined_on) {
        return Ok(());
    }
    Err(Refusal::new(Code::MemberJoinedTooYoung).with("age", age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_joins_at_13_from_2017_on_and_at_12_before() {
        let policy = Policy::default_for(2026);
        for (born, joined_on, fits) in [
            ("2010-05-31", "2023-05", true),
            ("2010-05-31", "2023-04", false),
            ("2004-05-31", "2016-05", true),
            ("2004-05-31", "2016-04", false),
            ("2004-12-31", "2017-01", false),
        ] {
            let result = check_joining_age(born.parse().unwrap(), joined_on.parse().unwrap(), &policy);
            assert_eq!(result.is_ok(), fits, "{born} {joined_on}");
        }
    }

    #[test]
    fn t12_only_two_standings_are_good() {
        let good: Vec<_> = Standing::ALL.iter().filter(|standing| standing.is_good()).collect();
        assert_eq!(good, [&Standing::Good, &Standing::PartyMember]);
    }
}
