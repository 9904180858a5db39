//! Names of people and organizations: what they may contain, and when two of them are the same (P7). They are stored as
//! they were written.

use super::line::{is_blank, is_plain, is_shown, is_variation};
use unicode_normalization::UnicodeNormalization;

/// The middle dot in the names of many ethnic groups (间隔号), as the standard writes it.
const MIDDLE_DOT: char = '\u{b7}';

/// Whether a text can be the name of a person: one plain line of at most `max` characters, without what belongs to markup.
pub fn is_person_name(text: &str, max: usize) -> bool {
    is_plain(text, max) && !text.contains(['<', '>', '&', '"', '=', ';'])
}

/// Whether two names are the same: after NFC, folding of width, and without blanks and invisible characters. All
/// characters that are used as a middle dot are one.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one == other || name_key(one) == name_key(other)
}

/// A name in the form in which names are compared: see [`is_same_name`]. Nobody is shown this form.
pub fn name_key(name: &str) -> String {
    let folded = name.nfc().flat_map(without_radicals).map(folded);
    let kept = folded.filter(|&c| is_shown(c) && !is_blank(c) && !is_variation(c));
    // Folding can make a letter and a mark neighbours that compose.
    kept.nfc().collect()
}

/// Radicals look like ideographs (⼭ and 山), and some programs write them in their place. Unicode calls each compatible to
/// its ideograph. All other characters stay, since NFKC would change too much.
fn without_radicals(c: char) -> impl Iterator<Item = char> {
    let radical = ('\u{2e80}'..='\u{2fdf}').contains(&c);
    let (folded, itself) = if radical { (Some(c), None) } else { (None, Some(c)) };
    folded.into_iter().nfkc().chain(itself)
}

/// A character of another width as the ordinary one, and each look-alike of the middle dot as the middle dot.
fn folded(c: char) -> char {
    match c {
        '.' | '\u{2022}' | '\u{2027}' | '\u{2219}' | '\u{22c5}' | '\u{25cf}' | '\u{30fb}' | '\u{ff0e}' | '\u{ff65}' => {
            MIDDLE_DOT
        }
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn p7_a_name_is_recognized_however_it_is_typed() {
        for (one, other) in [
            ("阿依古丽·买买提", "阿依古丽•买买提"),
            ("阿依古丽·买买提", "阿依古丽・买买提"),
            ("阿依古丽·买买提", "阿依古丽．买买提"),
            ("阿依古丽·买买提", "阿依古丽‧买买提"),
            ("阿依古丽·买买提", "阿依古丽●买买提"),
            ("阿依古丽·买买提", "阿依古丽.买买提"),
            ("阿依古丽·买买提", "阿依古丽･买买提"),
            ("阿依古丽·买买提", " 阿依古丽 · 买买提\u{3000}"),
            ("张三", "张\u{3000}三"),
            ("张三", "\u{feff}张三\t"),
            ("Café", "Cafe\u{301}"),
            ("ＡＢ", "AB"),
            ("山川", "⼭川"),
            ("葛木", "葛\u{e0100}木"),
            ("共青团某大学（北区）委员会", "共青团某大学(北区)委员会"),
        ] {
            assert!(is_same_name(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("张三", "张四"),
            ("阿依古丽·买买提", "阿依古丽买买提"),
            ("a", "A"),
            ("于", "於"),
        ] {
            assert!(!is_same_name(one, other), "{one} {other}");
        }
    }

    #[test]
    fn p7_markup_is_no_name() {
        for text in ["张三", "阿依古丽·买买提", "O’Brien", "Anna-Maria Müller"] {
            assert!(is_person_name(text, 100), "{text}");
        }
        for text in ["<b>张三</b>", "张&#19977;", "张三\"", "\u{200b}", "张\u{202e}三"] {
            assert!(!is_person_name(text, 100), "{text}");
        }
    }

    proptest! {
        #[test]
        fn p7_blanks_and_dots_never_tell_names_apart(
            parts in prop::collection::vec("[一-龥]{1,3}", 1..4),
            dots in prop::collection::vec("[ \\u{3000}\\t\\u{a0}]{0,2}[·•・．‧●.･∙][ \\u{3000}\\u{feff}]{0,2}", 4),
        ) {
            let plain = parts.join("·");
            let typed = parts.iter().zip(&dots).map(|(part, dot)| format!("{part}{dot}")).collect::<String>();
            let typed = typed.strip_suffix(dots[parts.len() - 1].as_str()).unwrap_or(&typed);
            prop_assert!(is_same_name(&plain, typed), "{} {}", plain, typed);
        }

        #[test]
        fn p7_the_compared_form_is_its_own(name in "\\PC{0,20}") {
            prop_assert_eq!(name_key(&name_key(&name)), name_key(&name));
        }
    }
}
