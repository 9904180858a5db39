//! Time in the rules: instants in UTC, dates and months in Asia/Shanghai. Nothing here reads a clock.

use super::input_error::InputError;
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use std::fmt;
use std::str::FromStr;

/// An instant.
pub type Timestamp = DateTime<Utc>;

/// China has had a single time zone without daylight saving since 1991, so a fixed offset is exact for every date this
/// service decides about.
fn shanghai() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| unreachable!("eight hours are a valid offset"))
}

/// The calendar date in Asia/Shanghai at an instant.
pub fn shanghai_date(at: Timestamp) -> NaiveDate {
    at.with_timezone(&shanghai()).date_naive()
}

/// The instant at which a calendar date begins in Asia/Shanghai.
pub fn shanghai_midnight(date: NaiveDate) -> Timestamp {
    let local = date.and_time(NaiveTime::MIN);
    (Utc.from_utc_datetime(&local)) - TimeDelta::hours(8)
}

/// The age in whole years (周岁) on a day. The birthday itself counts. Somebody born on 29 February has their birthday
/// on 1 March in other years.
pub fn whole_years(born: NaiveDate, on: NaiveDate) -> i32 {
    let had_birthday = (on.month(), on.day()) >= (born.month(), born.day());
    on.year() - born.year() - i32::from(!had_birthday)
}

/// A season (graduation year): a calendar year in Asia/Shanghai.
pub type Season = i32;

/// The season an instant belongs to.
pub fn season_of(at: Timestamp) -> Season {
    shanghai_date(at).year()
}

/// A calendar month, written `YYYY-MM`. It is stored as the number `yyyymm`, which sorts in the order of the months.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

/// The text is not a month between 1900-01 and 2199-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a month as YYYY-MM between 1900-01 and 2199-12")]
pub struct ParseMonthError;

impl Month {
    /// A month, if the year is in 1900..=2199 and the month in 1..=12.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        ((1900..2200).contains(&year) && (1..=12).contains(&month)).then_some(Self(year * 100 + month as i32))
    }

    /// The month of a date. `None` outside 1900..=2199.
    pub fn of(date: NaiveDate) -> Option<Self> {
        Self::new(date.year(), date.month())
    }

    /// The calendar year.
    pub fn year(self) -> i32 {
        self.0 / 100
    }

    /// The month of the year, 1 to 12.
    pub fn month(self) -> u32 {
        (self.0 % 100) as u32
    }

    /// The stored number, such as 202607 for 2026-07.
    pub fn as_number(&self) -> &i32 {
        &self.0
    }

    /// The inverse of [`Month::as_number`].
    pub fn from_number(number: i32) -> Option<Self> {
        Self::new(number.div_euclid(100), number.rem_euclid(100) as u32)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.month())
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Month {
    type Err = ParseMonthError;
    fn from_str(text: &str) -> Result<Self, ParseMonthError> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| -> Option<u32> {
            bytes
                .get(range)?
                .iter()
                .try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
        };
        if bytes.len() != 7 || bytes[4] != b'-' {
            return Err(ParseMonthError);
        }
        let (year, month) = (
            digits(0..4).ok_or(ParseMonthError)?,
            digits(5..7).ok_or(ParseMonthError)?,
        );
        Self::new(year as i32, month).ok_or(ParseMonthError)
    }
}

impl serde::Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Month {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(d)?
            .parse()
            .map_err(|ParseMonthError| InputError::Month.into_serde())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_is_whole_on_the_birthday() {
        for (born, on, years) in [
            ("2010-09-01", "2026-08-31", 15),
            ("2010-09-01", "2026-09-01", 16),
            ("2008-02-29", "2024-02-28", 15),
            ("2008-02-29", "2024-02-29", 16),
            ("2008-02-29", "2025-02-28", 16),
            ("2008-02-29", "2025-03-01", 17),
        ] {
            assert_eq!(whole_years(date(born), date(on)), years, "{born} on {on}");
        }
    }

    #[test]
    fn the_season_turns_at_midnight_in_shanghai() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(season_of(at("2026-12-31T15:59:59Z")), 2026);
        assert_eq!(season_of(at("2026-12-31T16:00:00Z")), 2027);
        assert_eq!(shanghai_midnight(date("2026-10-01")), at("2026-09-30T16:00:00Z"));
    }

    #[test]
    fn impossible_months_are_refused() {
        for text in [
            "",
            "2026",
            "2026-7",
            "2026-00",
            "2026-13",
            "1899-12",
            "2200-01",
            "2026/07",
            "２０２６-07",
            "+026-07",
            "2026-07-01",
        ] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_month_survives_text_and_number(year in 1900..2200i32, month in 1..=12u32) {
            let m = Month::new(year, month).unwrap();
            prop_assert_eq!(m.to_string().parse(), Ok(m));
            prop_assert_eq!(Month::from_number(*m.as_number()), Some(m));
        }
    }
}
