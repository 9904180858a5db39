//! The citizen identification number (公民身份号码, GB 11643-1999): six digits for a division, the birth date, a
//! three-digit serial whose last digit is odd for men, and a check character by ISO 7064 MOD 11-2.

use super::vocabulary::vocabulary;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use chrono::{Datelike, NaiveDate};
use std::fmt;

const LENGTH: usize = 18;
/// 2^(17-i) mod 11 for the i-th digit.
const WEIGHTS: [u32; LENGTH - 1] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// The check characters, indexed by the weighted sum mod 11.
const CHECK: &[u8; 11] = b"10X98765432";
/// The earliest year of birth in a valid number. It also catches typing errors in the date.
const FIRST_YEAR: i32 = 1900;

vocabulary! {
    /// The sex encoded in the number's 17th digit.
    Sex {
        Male = "male", "男", "male";
        Female = "female", "女", "female";
    }
}

/// Why a text is not a valid citizen number. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdNumberError {
    /// It is not 17 digits followed by a digit or X.
    #[error("a citizen number has 17 digits and a check character")]
    Malformed,
    /// The check character does not match the digits.
    #[error("the check character is wrong")]
    CheckDigit,
    /// The day does not exist, or it lies in the future.
    #[error("the birth date does not exist or lies in the future")]
    BirthDate,
}

impl From<IdNumberError> for Refusal {
    fn from(error: IdNumberError) -> Self {
        Refusal::new(match error {
            IdNumberError::Malformed => Code::MemberIdNumberMalformed,
            IdNumberError::CheckDigit => Code::MemberIdNumberCheckDigit,
            IdNumberError::BirthDate => Code::MemberIdNumberBirthDate,
        })
    }
}

/// A valid citizen number.
///
/// It has no `Display`, and its `Debug` is redacted. It can only get into a text through [`IdNumber::reveal`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdNumber {
    text: String,
    born: NaiveDate,
}

impl IdNumber {
    /// Reads a number as people write it: surrounding blanks, full-width digits and a lower-case x are accepted.
    ///
    /// # Errors
    /// [`IdNumberError`] if the form, the check character or the birth date is wrong. The birth date must be a real day
    /// from 1900 to `today`.
    pub fn parse(text: &str, today: NaiveDate) -> Result<Self, IdNumberError> {
        let digits = normalize(text).ok_or(IdNumberError::Malformed)?;
        if check_character(&digits) != Some(digits[LENGTH - 1]) {
            return Err(IdNumberError::CheckDigit);
        }
        let born = birth_date(&digits)
            .filter(|&born| born <= today)
            .ok_or(IdNumberError::BirthDate)?;
        Ok(Self {
            text: digits.iter().map(|&byte| char::from(byte)).collect(),
            born,
        })
    }

    /// Makes the number of an invented person from a division's six digits, a birth date and a serial below 1000.
    pub fn compose(division: u32, born: NaiveDate, serial: u16) -> Option<Self> {
        let possible = (100_000..1_000_000).contains(&division) && serial < 1000;
        let mut text = possible.then(|| format!("{division}{}{serial:03}", born.format("%Y%m%d")))?;
        text.push(char::from(check_character(text.as_bytes())?));
        Self::parse(&text, NaiveDate::MAX).ok()
    }

    /// The birth date.
    pub fn birth_date(&self) -> NaiveDate {
        self.born
    }

    /// The sex.
    pub fn sex(&self) -> Sex {
        // The 17th character is an ASCII digit, and '0' is even.
        if self.text.as_bytes()[LENGTH - 2] % 2 == 1 {
            Sex::Male
        } else {
            Sex::Female
        }
    }

    /// The whole number. Use it only for encryption, for the blind index and for audited disclosure (S-05).
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The number with only its first three and last two characters shown. That is enough to tell two ID cards apart at
    /// a counter, but shows neither the birth date nor the county.
    pub fn masked(&self) -> String {
        format!(
            "{}{}{}",
            &self.text[..3],
            "*".repeat(LENGTH - 5),
            &self.text[LENGTH - 2..]
        )
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdNumber(redacted)")
    }
}

/// Whether a text has a run of digits long enough to be an ID number or a telephone number, in ASCII or full-width
/// digits. Such a text is not accepted where personal data is not allowed.
pub fn could_hold_one(text: &str) -> bool {
    let mut run = 0;
    text.chars().any(|character| {
        run = if half_width(character).is_ascii_digit() {
            run + 1
        } else {
            0
        };
        run >= SHORTEST_NUMBER
    })
}

/// The length of a mobile telephone number, the shortest number to look for.
const SHORTEST_NUMBER: usize = 11;

/// The ASCII form of a full-width character.
fn half_width(character: char) -> char {
    match character {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(character) - 0xFEE0).unwrap_or(character),
        other => other,
    }
}

/// Normalizes a text to 17 ASCII digits and a digit or `X`, if it can be read so.
fn normalize(text: &str) -> Option<[u8; LENGTH]> {
    let mut out = [0; LENGTH];
    let mut length = 0;
    for character in text.trim().chars() {
        let half_width = half_width(character);
        let place = out.get_mut(length)?;
        *place = match half_width {
            '0'..='9' => half_width as u8,
            'x' | 'X' if length == LENGTH - 1 => b'X',
            _ => return None,
        };
        length += 1;
    }
    (length == LENGTH && out[0] != b'0').then_some(out)
}

/// The check character by ISO 7064 MOD 11-2 over the first 17 digits.
fn check_character(digits: &[u8]) -> Option<u8> {
    let digits = digits.get(..LENGTH - 1)?;
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(&digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum();
    Some(CHECK[sum as usize % 11])
}

fn birth_date(digits: &[u8; LENGTH]) -> Option<NaiveDate> {
    let number = |range: std::ops::Range<usize>| {
        digits[range]
            .iter()
            .fold(0, |n, &digit| n * 10 + u32::from(digit - b'0'))
    };
    NaiveDate::from_ymd_opt(number(6..10) as i32, number(10..12), number(12..14))
        .filter(|born| born.year() >= FIRST_YEAR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn today() -> NaiveDate {
        "2026-06-15".parse().unwrap()
    }

    fn parse(text: &str) -> Result<IdNumber, IdNumberError> {
        IdNumber::parse(text, today())
    }

    #[test]
    fn the_standards_own_example_is_read() {
        // GB 11643-1999, annex: 11010519491231002X.
        let number = parse("11010519491231002X").unwrap();
        assert_eq!(number.birth_date(), "1949-12-31".parse().unwrap());
        assert_eq!(number.sex(), Sex::Female);
        assert_eq!(parse("440524188001010014").unwrap_err(), IdNumberError::BirthDate);
    }

    #[test]
    fn it_is_read_as_people_write_it() {
        let number = parse("11010519491231002X").unwrap();
        for text in [
            " 11010519491231002x\n",
            "１１０１０５１９４９１２３１００２Ｘ",
            "\u{3000}1101051949123100２ｘ",
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&number));
        }
    }

    #[test]
    fn what_is_no_number_is_told_apart() {
        use IdNumberError::*;
        for (text, error) in [
            ("", Malformed),
            ("1101051949123100", Malformed),
            ("11010519491231002X0", Malformed),
            ("X1010519491231002X", Malformed),
            ("1101051949123100 2X", Malformed),
            ("01010519491231002X", Malformed),
            ("110105194912310021", CheckDigit),
            ("11010519491231020X", CheckDigit),
        ] {
            assert_eq!(parse(text).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn a_birth_date_is_a_real_day_up_to_today() {
        let born = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (day, fits) in [
            ("2026-06-15", true),
            ("2026-06-16", false),
            ("1900-01-01", true),
            ("2024-02-29", true),
        ] {
            let text = IdNumber::compose(420106, born(day), 12).unwrap();
            assert_eq!(parse(text.reveal()).is_ok(), fits, "{day}");
        }
        // 30 February, with a correct check character.
        let digits = b"42010620010230001";
        let text = String::from_utf8([&digits[..], &[check_character(digits).unwrap()]].concat()).unwrap();
        assert_eq!(parse(&text).unwrap_err(), IdNumberError::BirthDate);
    }

    #[test]
    fn a_text_that_could_hold_a_number_is_told() {
        for (text, holds) in [
            ("核对入团志愿书", false),
            ("case 1234567890 of 2026", false),
            ("电话13812345678", true),
            ("１１０１０５１９４９１２３１００２Ｘ", true),
        ] {
            assert_eq!(could_hold_one(text), holds, "{text}");
        }
    }

    #[test]
    fn it_shows_itself_to_nobody() {
        let number = parse("11010519491231002X").unwrap();
        assert_eq!(format!("{number:?}"), "IdNumber(redacted)");
        assert_eq!(number.masked(), "110*************2X");
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,24}") {
            let _ = parse(&text);
        }

        #[test]
        fn no_digits_make_parsing_panic(text in "[0-9０-９]{17}[0-9xXｘＸ]") {
            let _ = parse(&text);
        }

        #[test]
        fn one_mistyped_digit_or_two_swapped_neighbours_are_noticed(
            division in 110_000..660_000u32, days in 0..40_000i64, serial in 0..1000u16, at in 0..17usize, digit in 0..10u8,
        ) {
            let born = NaiveDate::from_ymd_opt(1910, 1, 1).unwrap() + chrono::TimeDelta::days(days);
            let number = IdNumber::compose(division, born, serial).unwrap();
            prop_assert_eq!(number.birth_date(), born);
            let right = number.reveal().as_bytes();

            let mut mistyped = right.to_vec();
            mistyped[at] = b'0' + digit;
            let mut swapped = right.to_vec();
            swapped.swap(at, at + 1);
            for wrong in [mistyped, swapped] {
                if wrong != right {
                    prop_assert!(parse(std::str::from_utf8(&wrong).unwrap()).is_err());
                }
            }
        }
    }
}
