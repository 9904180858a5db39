//! One line of text as people write it: names, addresses.

/// What a line must not hold, as a JSON Schema pattern's character class: control characters, and those that show nothing
/// but turn or hide what stands beside them, with which one name can be dressed up as another.
pub const NOT_SHOWN: &str = "\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff";

/// Whether a text is one line that is not blank: nothing of [`NOT_SHOWN`], at most so many characters.
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
