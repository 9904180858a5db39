//! One line of text as people write it, such as a name or an address.

/// The characters a line must not contain, as a character class of a JSON Schema pattern: control characters, and
/// invisible characters that reverse or hide the text next to them. With those, one name could be disguised as another.
pub const NOT_SHOWN: &str = "\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff";

/// Whether a text is a single line that is not blank, has no character of [`NOT_SHOWN`] and at most `max` characters.
pub fn is_plain(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(is_not_shown)
}

fn is_not_shown(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_no_name() {
        for text in ["武汉大学", "O’Brien", "阿依古丽·买买提", "𠮷野", "a b"] {
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
            "12345678901",
        ] {
            assert!(!is_plain(text, 10), "{text:?}");
        }
    }
}
