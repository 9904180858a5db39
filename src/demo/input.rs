//! The real input: administrative divisions (GB/T 2260, statistics bureau) and the Ministry of Education's schools.

use crate::domain::organization::Stage;
use std::collections::HashMap;

const DIVISIONS: &str = include_str!("../domain/data/divisions.csv");
const SCHOOLS: &str = include_str!("data/schools.csv");

/// A level of the division list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum DivisionLevel {
    Province,
    City,
    County,
    Township,
}

/// An administrative division.
pub struct Division {
    pub code: &'static str,
    pub level: DivisionLevel,
    pub name: &'static str,
    /// Empty for a province.
    pub parent_code: &'static str,
}

/// A school of the Ministry's list.
pub struct School {
    pub code: &'static str,
    pub name: String,
    pub stage: Stage,
    /// The code of the division it stands in.
    pub division_code: &'static str,
}

impl School {
    /// The province of its superior: the third and fourth digit of its code. The city would be wrong for a school
    /// that stands in another province than the one that keeps it (河北工业大学 in 天津).
    pub fn province_code(&self) -> &'static str {
        &self.code[2..4]
    }
}

/// The lines after the heading, cut into fields. Neither file quotes anything.
fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    text.lines().skip(1).map(|line| {
        let mut fields = line.split(',');
        std::array::from_fn(|_| fields.next().unwrap_or_default())
    })
}

/// Every division, superiors first.
pub fn divisions() -> Vec<Division> {
    rows(DIVISIONS)
        .map(|[code, level, name, parent_code]| Division {
            code,
            level: match level {
                "province" => DivisionLevel::Province,
                "city" => DivisionLevel::City,
                "county" => DivisionLevel::County,
                _ => DivisionLevel::Township,
            },
            name,
            parent_code,
        })
        .collect()
}

/// Every school, in the list's order.
pub fn schools(divisions: &[Division]) -> Vec<School> {
    let mut codes = HashMap::new();
    for division in divisions.iter().filter(|d| d.level != DivisionLevel::Township) {
        codes.entry(division.name).or_insert_with(Vec::new).push(division.code);
    }
    rows(SCHOOLS)
        .map(|[code, name, _department, city, level, _remarks]| School {
            code,
            name: unbroken(name),
            stage: if level == "本科" {
                Stage::RegularUniversity
            } else {
                Stage::HigherVocational
            },
            division_code: locate(&codes, city, &code[2..4]),
        })
        .collect()
}

/// A name of the school list, which breaks long ones with a literal `\n`.
fn unbroken(name: &str) -> String {
    name.replace("\\n", "")
}

/// The code of a city as the school list writes it. The list shortens some (凉山州) and knows cities that are gone (莱芜市): those schools stand in their province.
fn locate(codes: &HashMap<&'static str, Vec<&'static str>>, city: &str, province: &'static str) -> &'static str {
    let Some(found) = codes.get(unbroken(city).as_str()) else {
        return province;
    };
    found
        .iter()
        .find(|code| code.starts_with(province))
        .or(found.first())
        .unwrap_or(&province)
}

/// The codes of the counties, the first six digits of ID numbers.
pub fn counties(divisions: &[Division]) -> Vec<&'static str> {
    divisions
        .iter()
        .filter(|d| d.level == DivisionLevel::County)
        .map(|d| d.code)
        .collect()
}
