//! Queries with a mistake: one character too many, missing or wrong, or others that sound alike. What they find comes
//! behind what the query finds as it is.

use super::name::{core, squeeze};
use super::pinyin;
use super::query::{simplified, words};

/// The fewest characters of a query that may hold a mistake. Too many names differ from a shorter one by one character.
const FEWEST: usize = 3;
/// The most characters, so that a long query costs no more than others.
const MOST: usize = 20;

/// A query that may hold a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    text: String,
}

impl Near {
    /// The query as one name, if it is written in characters and neither too short nor too long.
    pub fn of(query: &str) -> Option<Self> {
        let joined = words(&simplified(query)).concat();
        let text = squeeze(core(&joined));
        let is_fit = (FEWEST..=MOST).contains(&text.chars().count()) && !text.is_ascii();
        is_fit.then_some(Self { text })
    }

    /// What the text sounds like, as the index spells it.
    pub fn sounds(&self) -> Vec<String> {
        pinyin::spellings(&self.text)
            .into_iter()
            .map(|spelling| spelling.full)
            .collect()
    }

    /// What comes before each possible mistake, the longest first.
    pub fn beginnings(&self) -> impl Iterator<Item = &str> {
        self.text
            .char_indices()
            .skip(1)
            .map(|(at, _)| &self.text[..at])
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
    }

    /// What comes after each possible mistake, the longest first. A single character is nothing to search for.
    pub fn ends(&self) -> impl Iterator<Item = &str> {
        let ends = self.text.char_indices().skip(1).map(|(at, _)| &self.text[at..]);
        ends.filter(|end| end.chars().nth(1).is_some())
    }

    /// Whether a name begins with the text, but for one character.
    pub fn begins(&self, name: &str) -> bool {
        let length = self.text.chars().count();
        let begin = |chars: usize| name.char_indices().nth(chars).map_or(name, |(at, _)| &name[..at]);
        [length - 1, length, length + 1]
            .into_iter()
            .any(|chars| strsim::levenshtein(&self.text, begin(chars)) <= 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_one_character_may_be_missing_wrong_or_too_many() {
        let near = |query: &str, name: &str| Near::of(query).is_some_and(|near| near.begins(name));
        for query in [
            "华中科技大学",
            "华中科大学",
            "华中科枝大学",
            "华中科技技大学",
            "中科技大学",
            "华中科技大",
        ] {
            assert!(near(query, "华中科技大学"), "{query}");
            assert!(near(query, "华中科技大学机械学院"), "{query}");
        }
        for query in ["华中大学", "华中农业大学", "科技大学", "华东科学大学"] {
            assert!(!near(query, "华中科技大学"), "{query}");
        }
    }

    #[test]
    fn o4_short_and_spelled_queries_hold_no_mistake() {
        for query in ["清华", "qinghua", "", "  ", &"学".repeat(21)] {
            assert_eq!(Near::of(query), None, "{query}");
        }
    }

    #[test]
    fn o4_a_mistake_lies_behind_a_beginning_or_before_an_end() {
        let near = Near::of("清化大学").expect("it is long enough");
        assert_eq!(near.beginnings().collect::<Vec<_>>(), ["清化大", "清化", "清"]);
        assert_eq!(near.ends().collect::<Vec<_>>(), ["化大学", "大学"]);
        assert!(near.sounds().contains(&"qinghuadaxue".to_owned()));
    }
}
