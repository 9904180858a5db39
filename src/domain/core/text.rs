//! Text that a person wrote freely.

use super::line::has_visible;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A reason or an explanation in a person's own words, trimmed and not empty.
///
/// People write names and telephone numbers into such fields, so `Debug` shows only the length.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Remark(String);

/// The text is empty or blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is blank")]
pub struct Blank;

impl Remark {
    /// The text without surrounding blanks. `None` if it has nothing visible (P7).
    pub fn new(text: &str) -> Option<Self> {
        has_visible(text).then(|| Self(text.trim().to_owned()))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Remark {
    type Error = Blank;
    fn try_from(text: String) -> Result<Self, Blank> {
        Self::new(&text).ok_or(Blank)
    }
}

impl From<Remark> for String {
    fn from(remark: Remark) -> String {
        remark.0
    }
}

impl fmt::Debug for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remark({} characters)", self.0.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p7_a_blank_text_is_no_remark() {
        // U+3000 is the blank of Chinese input methods.
        for text in ["", "  ", "\u{3000}", "\n\t", "\u{200b}", "\u{3164}\u{feff}"] {
            assert!(Remark::new(text).is_none());
        }
        assert_eq!(Remark::new(" 信息错误 ").unwrap().as_str(), "信息错误");
    }

    #[test]
    fn debug_output_keeps_the_text_to_itself() {
        assert_eq!(
            format!("{:?}", Remark::new("张三 13800000000").unwrap()),
            "Remark(14 characters)"
        );
    }
}
