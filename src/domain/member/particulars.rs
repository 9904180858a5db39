//! What is recorded about a member besides name and ID number (P1, P2), and the checks of it.

use super::check_joining_age;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::time::Month;
use crate::domain::policy::Policy;
use chrono::NaiveDate;

/// What a person, a file or another system says about a member.
#[derive(Debug, Clone, Copy)]
pub struct GivenParticulars<'a> {
    /// The month of joining.
    pub joined_month: Month,
    /// The development number (发展团员编号).
    pub development_number: Option<&'a str>,
    /// The telephone number.
    pub phone: Option<&'a str>,
    /// The ethnic group, by code or name (GB/T 3304).
    pub ethnic_group: Option<&'a str>,
    /// The political status, by code or short name (GB/T 4762).
    pub political_status: Option<&'a str>,
    /// The education (学历).
    pub education: Option<&'a str>,
}

/// What is recorded about a member, checked and in one form.
#[derive(Clone, PartialEq, Eq)]
pub struct Particulars {
    /// The month of joining.
    pub joined_month: Month,
    /// The development number.
    pub development_number: Option<String>,
    /// The telephone number, in ASCII digits.
    pub phone: Option<String>,
    /// The full name of the ethnic group.
    pub ethnic_group: Option<&'static str>,
    /// The short name of the political status.
    pub political_status: Option<&'static str>,
    /// The education.
    pub education: Option<String>,
}

/// Prints no field: all of them are personal data.
impl std::fmt::Debug for Particulars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Particulars(redacted)")
    }
}

impl Particulars {
    /// P1, P2: checks everything at once. `born` is from the ID number. Each refusal points at its field.
    ///
    /// # Errors
    /// Those of the functions below.
    pub fn check(
        given: &GivenParticulars<'_>,
        born: NaiveDate,
        today: NaiveDate,
        policy: &Policy,
    ) -> Result<Self, Vec<Refusal>> {
        let GivenParticulars { joined_month, .. } = *given;
        let mut refusals = Vec::new();
        let mut note = |refused: Option<Refusal>, field: &str| {
            refusals.extend(refused.map(|refusal| refusal.at(field)));
        };
        let joined = p2_joined_month(joined_month, born, today, policy);
        note(joined.err(), "/joined_month");
        let number = given.development_number.map(str::trim);
        note(p2_development_number(number, joined_month).err(), "/development_number");
        let phone = given.phone.map(p2_phone).transpose();
        note(phone.clone().err(), "/phone");
        let ethnic_group = given.ethnic_group.map(p1_ethnic_group).transpose();
        note(ethnic_group.clone().err(), "/ethnic_group");
        let political_status = given.political_status.map(p1_political_status).transpose();
        note(political_status.clone().err(), "/political_status");
        match (phone, ethnic_group, political_status) {
            (Ok(phone), Ok(ethnic_group), Ok(political_status)) if refusals.is_empty() => Ok(Self {
                joined_month,
                development_number: number.map(str::to_owned),
                phone,
                ethnic_group,
                political_status,
                education: given.education.map(str::to_owned),
            }),
            _ => Err(refusals),
        }
    }
}

/// The digits of a mobile telephone number.
const PHONE_DIGITS: usize = 11;
/// The digits of a development number.
const DEVELOPMENT_DIGITS: usize = 12;
/// The first joining year in which everybody has a development number.
const DEVELOPMENT_NUMBER_SINCE: i32 = 2017;
/// The first joining year with which every development number begins.
const DEVELOPMENT_YEAR_SINCE: i32 = 2019;

/// P2: a telephone number, in ASCII digits. It has 11 digits and begins with 1. Which numbers are in use is not
/// checked, since new ranges are opened all the time.
///
/// # Errors
/// `member.phone`.
pub fn p2_phone(text: &str) -> Result<String, Refusal> {
    let digits: String = text.trim().chars().map(half_width_digit).collect();
    let fits =
        digits.len() == PHONE_DIGITS && digits.starts_with('1') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits {
        Ok(digits)
    } else {
        Err(Code::MemberPhone.into())
    }
}

fn half_width_digit(character: char) -> char {
    match character {
        '０'..='９' => char::from_u32(u32::from(character) - u32::from('０') + u32::from('0')).unwrap_or(character),
        other => other,
    }
}

/// P2: the month in which somebody joined is not in the future, and they were old enough.
///
/// # Errors
/// `member.joined_in_future`, `member.joined_too_young`.
pub fn p2_joined_month(joined: Month, born: NaiveDate, today: NaiveDate, policy: &Policy) -> Result<(), Refusal> {
    if Month::of(today).is_some_and(|now| joined > now) {
        return Err(Code::MemberJoinedInFuture.into());
    }
    check_joining_age(born, joined, policy)
}

/// P2: a development number (发展团员编号) fits the joining year. It has 12 digits. From 2017 everybody has one, and from
/// 2019 it begins with the year.
///
/// # Errors
/// `member.development_number`, `member.development_number_required`, `member.development_number_year`.
pub fn p2_development_number(number: Option<&str>, joined: Month) -> Result<(), Refusal> {
    let Some(number) = number else {
        return if joined.year() < DEVELOPMENT_NUMBER_SINCE {
            Ok(())
        } else {
            Err(Code::MemberDevelopmentNumberRequired.into())
        };
    };
    if number.len() != DEVELOPMENT_DIGITS || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Code::MemberDevelopmentNumber.into());
    }
    if joined.year() >= DEVELOPMENT_YEAR_SINCE && !number.starts_with(&joined.year().to_string()) {
        return Err(Refusal::new(Code::MemberDevelopmentNumberYear).with("year", joined.year()));
    }
    Ok(())
}

/// The ethnic groups (民族) by their codes (GB/T 3304).
const ETHNIC_GROUPS: [(&str, &str); 58] = [
    ("01", "汉族"),
    ("02", "蒙古族"),
    ("03", "回族"),
    ("04", "藏族"),
    ("05", "维吾尔族"),
    ("06", "苗族"),
    ("07", "彝族"),
    ("08", "壮族"),
    ("09", "布依族"),
    ("10", "朝鲜族"),
    ("11", "满族"),
    ("12", "侗族"),
    ("13", "瑶族"),
    ("14", "白族"),
    ("15", "土家族"),
    ("16", "哈尼族"),
    ("17", "哈萨克族"),
    ("18", "傣族"),
    ("19", "黎族"),
    ("20", "傈僳族"),
    ("21", "佤族"),
    ("22", "畲族"),
    ("23", "高山族"),
    ("24", "拉祜族"),
    ("25", "水族"),
    ("26", "东乡族"),
    ("27", "纳西族"),
    ("28", "景颇族"),
    ("29", "柯尔克孜族"),
    ("30", "土族"),
    ("31", "达斡尔族"),
    ("32", "仫佬族"),
    ("33", "羌族"),
    ("34", "布朗族"),
    ("35", "撒拉族"),
    ("36", "毛南族"),
    ("37", "仡佬族"),
    ("38", "锡伯族"),
    ("39", "阿昌族"),
    ("40", "普米族"),
    ("41", "塔吉克族"),
    ("42", "怒族"),
    ("43", "乌孜别克族"),
    ("44", "俄罗斯族"),
    ("45", "鄂温克族"),
    ("46", "德昂族"),
    ("47", "保安族"),
    ("48", "裕固族"),
    ("49", "京族"),
    ("50", "塔塔尔族"),
    ("51", "独龙族"),
    ("52", "鄂伦春族"),
    ("53", "赫哲族"),
    ("54", "门巴族"),
    ("55", "珞巴族"),
    ("56", "基诺族"),
    ("97", "其他"),
    ("98", "外国血统中国籍人士"),
];

/// The political statuses (政治面貌) by their codes (GB/T 4762), with their short names.
const POLITICAL_STATUSES: [(&str, &str); 13] = [
    ("01", "中共党员"),
    ("02", "中共预备党员"),
    ("03", "共青团员"),
    ("04", "民革党员"),
    ("05", "民盟盟员"),
    ("06", "民建会员"),
    ("07", "民进会员"),
    ("08", "农工党党员"),
    ("09", "致公党党员"),
    ("10", "九三学社社员"),
    ("11", "台盟盟员"),
    ("12", "无党派人士"),
    ("13", "群众"),
];

/// P1: an ethnic group by its code or name (GB/T 3304), as its full name. 汉 and 汉族 are the same.
///
/// # Errors
/// `member.ethnic_group`.
pub fn p1_ethnic_group(text: &str) -> Result<&'static str, Refusal> {
    by_code_or_name(&ETHNIC_GROUPS, text, Some('族')).ok_or_else(|| Code::MemberEthnicGroup.into())
}

/// P1: a political status by its code or short name (GB/T 4762), as its short name.
///
/// # Errors
/// `member.political_status`.
pub fn p1_political_status(text: &str) -> Result<&'static str, Refusal> {
    by_code_or_name(&POLITICAL_STATUSES, text, None).ok_or_else(|| Code::MemberPoliticalStatus.into())
}

fn by_code_or_name(table: &[(&str, &'static str)], text: &str, ending: Option<char>) -> Option<&'static str> {
    let text = text.trim();
    let is_it = |(code, name): &&(&str, &'static str)| {
        *code == text || *name == text || ending.is_some_and(|ending| name.strip_suffix(ending) == Some(text))
    };
    table.iter().find(is_it).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn p2_a_telephone_number_has_eleven_digits_from_1() {
        for (text, read) in [
            ("13812345678", Some("13812345678")),
            (" 19912345678 ", Some("19912345678")),
            ("１６６１２３４５６７８", Some("16612345678")),
            ("1381234567", None),
            ("138123456789", None),
            ("23812345678", None),
            ("138-1234-5678", None),
            ("", None),
        ] {
            assert_eq!(p2_phone(text).ok().as_deref(), read, "{text}");
        }
    }

    #[test]
    fn p2_nobody_joins_in_the_future() {
        let (born, policy) = ("2005-06-15".parse().unwrap(), Policy::default_for(2026));
        let joined = |text: &str| p2_joined_month(month(text), born, "2026-06-15".parse().unwrap(), &policy);
        assert_eq!(joined("2026-06"), Ok(()));
        assert_eq!(joined("2026-07").unwrap_err().code, Code::MemberJoinedInFuture);
        assert_eq!(joined("2018-05").unwrap_err().code, Code::MemberJoinedTooYoung);
        assert_eq!(joined("2018-06"), Ok(()));
    }

    #[test]
    fn p2_a_development_number_fits_the_year() {
        use Code::*;
        for (number, joined, refused) in [
            (None, "2016-12", None),
            (None, "2017-01", Some(MemberDevelopmentNumberRequired)),
            (Some("201612345678"), "2016-12", None),
            (Some("20161234567"), "2016-12", Some(MemberDevelopmentNumber)),
            (Some("20161234567X"), "2016-12", Some(MemberDevelopmentNumber)),
            (Some("201712345678"), "2018-05", None),
            (Some("201812345678"), "2019-05", Some(MemberDevelopmentNumberYear)),
            (Some("201912345678"), "2019-05", None),
        ] {
            let result = p2_development_number(number, month(joined));
            assert_eq!(result.err().map(|refusal| refusal.code), refused, "{number:?} {joined}");
        }
    }

    #[test]
    fn p1_an_ethnic_group_is_given_by_code_or_name() {
        for (text, read) in [
            ("01", Some("汉族")),
            ("汉", Some("汉族")),
            (" 维吾尔族 ", Some("维吾尔族")),
            ("98", Some("外国血统中国籍人士")),
            ("1", None),
            ("57", None),
            ("族", None),
            ("", None),
        ] {
            assert_eq!(p1_ethnic_group(text).ok(), read, "{text}");
        }
    }

    #[test]
    fn p1_a_political_status_is_given_by_code_or_name() {
        for (text, read) in [
            ("03", Some("共青团员")),
            ("中共预备党员", Some("中共预备党员")),
            ("团员", None),
            ("3", None),
        ] {
            assert_eq!(p1_political_status(text).ok(), read, "{text}");
        }
    }
}
