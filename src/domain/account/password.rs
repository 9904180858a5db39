//! What can be a password (O5).

use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;

/// The length of a prepared password in bytes: long enough to be hard to guess, and bounded so that hashing stays cheap.
const LENGTH: RangeInclusive<usize> = 8..=256;

/// The thousand most common passwords of that length, in lower case: the first ones of the list of zxcvbn
/// (<https://github.com/dropbox/zxcvbn>, MIT), which counts published leaks.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("data/common_passwords.txt").lines().collect());

/// A password as it is hashed and compared, so that every keyboard enters the same one: other spaces are U+0020, and
/// composed and decomposed characters are the same (RFC 8265 §4.2, OpaqueString).
pub fn prepared(password: &str) -> String {
    password
        .chars()
        .map(|c| if is_other_space(c) { ' ' } else { c })
        .nfc()
        .collect()
}

/// A space (general category Zs) that is not U+0020.
fn is_other_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// O5: whether a text can be a password.
///
/// # Errors
/// `account.password_length`, `account.password_common`.
pub fn o5_password(password: &str) -> Result<(), Refusal> {
    let password = prepared(password);
    if !LENGTH.contains(&password.len()) {
        let (min, max) = LENGTH.into_inner();
        return Err(Refusal::new(Code::AccountPasswordLength)
            .with("min", min)
            .with("max", max)
            .at("/new_password"));
    }
    if password.trim().is_empty() || COMMON.contains(folded(&password).as_str()) {
        return Err(Refusal::new(Code::AccountPasswordCommon).at("/new_password"));
    }
    Ok(())
}

/// O5: whether a text can be the password of the person with this ID number. Many people know the number, so a password
/// must not contain it, and must not be made of a part of it, in any width and any order.
///
/// # Errors
/// Those of [`o5_password`], `account.password_is_number`.
pub fn o5_password_of(password: &str, id_number: &str) -> Result<(), Refusal> {
    o5_password(password)?;
    let number = id_number.to_ascii_lowercase();
    let backwards: String = number.chars().rev().collect();
    let password: String = folded(password).chars().filter(char::is_ascii_alphanumeric).collect();
    if password.contains(&number) || password.contains(&backwards) || is_part(password.as_bytes(), number.as_bytes()) {
        return Err(Refusal::new(Code::AccountPasswordIsNumber).at("/new_password"));
    }
    Ok(())
}

/// Whether a text has the characters of some part of a number, in any order.
fn is_part(text: &[u8], number: &[u8]) -> bool {
    let sorted = |part: &[u8]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part
    };
    let wanted = sorted(text);
    !text.is_empty() && text.len() <= number.len() && number.windows(text.len()).any(|part| sorted(part) == wanted)
}

/// A text without the differences of width and case, for comparisons only.
fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o5_a_password_is_prepared_as_rfc_8265_has_it() {
        assert_eq!(prepared("caf\u{65}\u{301}\u{3000}x"), "caf\u{e9} x");
        // Width and case are part of a password.
        assert_eq!(prepared("Ａ１ ß"), "Ａ１ ß");
    }

    #[test]
    fn o5_a_password_is_no_part_of_the_id_number() {
        let number = "11010519491231002X";
        for password in [
            number,
            "11010519491231002x",
            "19491231",
            "1231002x",
            "11010519491231002X!",
            "１９４９１２３１",
            "13219491",
            "1949-12-31",
            "X20013219491501011",
        ] {
            let refused = o5_password_of(password, number).unwrap_err();
            assert_eq!(refused.code, Code::AccountPasswordIsNumber, "{password}");
        }
        for password in ["19491232", "1949-12-31 Beijing", "correct horse"] {
            assert_eq!(o5_password_of(password, number), Ok(()), "{password}");
        }
    }

    #[test]
    fn o5_a_password_is_neither_common_nor_blank() {
        for password in [
            "password",
            "Password1",
            "PASSWORD",
            "ｐａｓｓｗｏｒｄ",
            "1qaz2wsx",
            "        ",
            "\u{3000}\u{3000}\u{3000}",
        ] {
            let refused = o5_password(password).unwrap_err();
            assert_eq!(refused.code, Code::AccountPasswordCommon, "{password}");
        }
    }

    #[test]
    fn o5_the_list_of_common_passwords_is_whole() {
        assert_eq!(COMMON.len(), 1_000);
        assert!(
            COMMON
                .iter()
                .all(|password| folded(password) == **password && LENGTH.contains(&password.len()))
        );
    }

    #[test]
    fn o5_a_password_is_neither_short_nor_endless() {
        for (length, fits) in [(7, false), (8, true), (256, true), (257, false)] {
            assert_eq!(o5_password(&"x".repeat(length)).is_ok(), fits, "{length}");
        }
    }
}
