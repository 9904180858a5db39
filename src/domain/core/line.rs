//! Text as people write it: which characters it may have, and when it holds anything at all (P7).

/// The characters a line must not contain, as a character class of a JSON Schema pattern: control characters, and
/// invisible characters that reverse or hide the text next to them. With those, one name could be disguised as another.
pub const NOT_SHOWN: &str = "\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff";

/// Whether a text is a single line that is not blank, has only characters that are shown ([`is_shown`]) and at most `max`
/// of them.
pub fn is_plain(text: &str, max: usize) -> bool {
    has_visible(text) && text.chars().count() <= max && text.chars().all(is_shown)
}

/// Whether a text of several lines has only characters that are shown, line breaks and tabs.
pub fn is_prose(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\n' | '\r' | '\t') || is_shown(c))
}

/// Whether a text has at least one character that leaves ink.
pub fn has_visible(text: &str) -> bool {
    text.chars().any(|c| is_shown(c) && !is_blank(c) && !is_variation(c))
}

/// Whether a character may be in a text: no control character, nothing invisible that is not a blank, nothing for private
/// use. Ideographic variation selectors may: names use them.
pub fn is_shown(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}') && !is_ignorable(c) && !is_private(c)
}

/// Whether a character is a blank of any width.
pub fn is_blank(c: char) -> bool {
    // The braille pattern without dots is no white space, but shows nothing.
    c.is_whitespace() || c == '\u{2800}'
}

/// Whether a character selects a variant of the ideograph before it (UTS 37).
pub fn is_variation(c: char) -> bool {
    matches!(c, '\u{e0100}'..='\u{e01ef}')
}

/// The characters that a reader does not see (Unicode's Default_Ignorable_Code_Point), except ideographic variation
/// selectors.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        && !is_variation(c)
}

/// Characters of the private use areas, and the one that stands for what was lost.
fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fffd}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn p7_what_shows_nothing_is_no_name() {
        for text in ["武汉大学", "O’Brien", "阿依古丽·买买提", "𠮷野", "a b", "葛\u{e0100}木"] {
            assert!(is_plain(text, 10), "{text}");
        }
        for text in [
            "",
            " ",
            "a\nb",
            "a\u{0}",
            "\u{feff}\u{202e}",
            "张\u{202e}三",
            "张\u{200b}三",
            "张\u{e0041}三",
            "张\u{e863}三",
            "张\u{fffd}三",
            "\u{3164}",
            "\u{2800}\u{3000}",
            "12345678901",
        ] {
            assert!(!is_plain(text, 10), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn p7_a_text_of_invisible_characters_only_is_blank(
            text in "[ \\t\\u{a0}\\u{2000}-\\u{200f}\\u{2028}-\\u{202f}\\u{2060}-\\u{206f}\\u{3000}\\u{3164}\\u{feff}\\u{e0020}-\\u{e007f}]{0,12}",
        ) {
            prop_assert!(!has_visible(&text), "{:?}", text);
        }

        #[test]
        fn p7_one_invisible_character_makes_a_name_unfit(
            before in "[一-龥]{1,4}", hidden in "[\\u{200b}-\\u{200f}\\u{202a}-\\u{202e}\\u{2060}-\\u{2069}\\u{e0001}-\\u{e007f}\\u{e000}-\\u{f8ff}]",
        ) {
            let text = format!("{before}{hidden}{before}");
            prop_assert!(!is_plain(&text, 100));
            prop_assert!(!is_prose(&text));
        }
    }
}
