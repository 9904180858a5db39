//! The other real input beside the divisions: the Ministry of Education's list of schools.

use crate::domain::core::division::Division;
use crate::domain::organization::facts::Stage;
use std::collections::HashMap;

/// `code,name,department,city,level,remarks`, as published.
const SCHOOLS: &str = include_str!("data/schools.csv");

/// The length of a county's code. Those of provinces and cities are shorter.
const COUNTY_DIGITS: usize = 6;

/// A school of the Ministry's list.
pub struct School {
    pub code: &'static str,
    pub name: String,
    pub stage: Stage,
    /// The code of the division where it stands.
    pub division_code: &'static str,
}

impl School {
    /// The province of its superior: the third and fourth digits of its code. The city would be wrong for a school
    /// outside the province that runs it (河北工业大学 in 天津).
    pub fn province_code(&self) -> &'static str {
        &self.code[2..4]
    }
}

/// Every school, in the order of the list. No field of the list is quoted.
pub fn schools() -> Vec<School> {
    let mut codes: HashMap<&str, Vec<&'static str>> = HashMap::new();
    for division in Division::all().iter().filter(|d| d.code.len() <= COUNTY_DIGITS) {
        codes.entry(division.name).or_default().push(division.code);
    }
    let school = |line: &'static str| {
        let mut fields = line.split(',');
        let (code, name, _department) = (fields.next()?, fields.next()?, fields.next()?);
        let (city, level) = (fields.next()?, fields.next()?);
        let stage = if level == "本科" {
            Stage::RegularUniversity
        } else {
            Stage::HigherVocational
        };
        let division_code = locate(&codes, city, code.get(2..4)?);
        Some(School {
            code,
            name: unbroken(name),
            stage,
            division_code,
        })
    };
    SCHOOLS.lines().skip(1).filter_map(school).collect()
}

/// The codes of the counties, the first six digits of ID numbers.
pub fn counties() -> Vec<&'static str> {
    Division::all()
        .iter()
        .map(|d| d.code)
        .filter(|code| code.len() == COUNTY_DIGITS)
        .collect()
}

/// A name of the school list, which breaks long names with a literal `\n`.
fn unbroken(name: &str) -> String {
    name.replace("\\n", "")
}

/// The division code of a city as the school list writes it. The list abbreviates some cities (凉山州) and has cities
/// that no longer exist (莱芜市). Schools there get the code of their province.
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
