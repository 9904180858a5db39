//! The readings of a query, the most literal first.

use super::name::{core, fold, fold_char, is_ending, loose_places, squeeze, stem};

/// The longest query, in characters.
pub const LONGEST: usize = 64;
/// The most parts a query is split into. More of them narrow nothing further.
const MOST_PARTS: usize = 6;

/// One way to read a query. Every part must match the organization or one of its superiors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading(pub Vec<QueryPart>);

/// A part of a reading, in the spelling of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryPart {
    /// The text.
    pub text: String,
    /// Whether the index is searched for it. An ending such as 街道 only has to occur in the name.
    pub is_key: bool,
}

impl QueryPart {
    fn new(text: &str) -> Self {
        Self {
            is_key: !is_ending(text) && text.chars().nth(1).is_some(),
            text: text.to_owned(),
        }
    }
}

/// The readings of a query: as one name, by its words, by the places it begins with, without endings (办事处, 镇), and
/// as typed. Then the same in simplified characters, in which the names are written. Empty if the query has neither
/// letter nor digit.
pub fn readings(query: &str) -> Vec<Reading> {
    let mut all = Vec::new();
    add_readings(query, &mut all);
    add_readings(&simplified(query), &mut all);
    all
}

/// A text with its traditional characters in their simplified form.
pub(super) fn simplified(text: &str) -> String {
    hanconv::t2s(text)
}

fn add_readings(query: &str, all: &mut Vec<Reading>) {
    let words = words(query);
    let squeezed: Vec<String> = words.iter().map(|word| squeeze(core(word))).collect();
    let by_places: Vec<String> = words.iter().flat_map(|word| by_places(core(word))).collect();
    let stems: Vec<String> = by_places.iter().map(|part| stem(part).to_owned()).collect();
    let joined = words.concat();
    let one_name = vec![squeeze(core(&joined))];
    for parts in [one_name, squeezed, by_places, stems, vec![joined]] {
        let reading = Reading(parts.iter().map(|part| QueryPart::new(part)).collect());
        let can_find = reading.0.iter().any(|part| part.is_key);
        if can_find && !all.contains(&reading) {
            all.push(reading);
        }
    }
}

/// The folded words of a query. It is split at blanks and punctuation, but not at brackets, which occur within names.
pub(super) fn words(query: &str) -> Vec<String> {
    let is_cut = |c: char| fold_char(c).is_none() && !matches!(c, '(' | ')' | '（' | '）' | '\'' | '’');
    let words = query.split(is_cut).map(fold);
    words.filter(|word| !word.is_empty()).take(MOST_PARTS).collect()
}

/// The places a word begins with and the rest, each as one part.
fn by_places(word: &str) -> Vec<String> {
    let (places, rest) = loose_places(word);
    let places = places.into_iter().map(str::to_owned);
    places.chain([rest.to_owned()]).collect()
}
