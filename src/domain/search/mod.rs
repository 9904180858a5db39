//! Finding a target (§2.6; O4): under which texts an organization is found, what a person meant by what he typed, and
//! which of the found ones comes first. Pure; the index itself is a plain table of both engines.
//!
//! The index holds, for each organization, the few texts a person begins with: every look-up is "begins with", so a
//! name needs an entry only where a word of it may begin, not one for each of its pieces. An entry stands in the
//! *scopes* within which the organization is looked for ([`scopes`]): a reading of one scope is one index range, however
//! many other organizations there are.

pub mod abbreviation;
pub mod name;
pub mod pinyin;
pub mod query;
pub mod rank;

#[cfg(test)]
mod tests;

use super::core::ids::OrganizationId;
use super::core::vocabulary::vocabulary;
use super::organization::facts::{OrganizationKind, Path};
use name::Name;

vocabulary! {
    /// What a text of the index is to its organization, the strongest first.
    TermKind {
        Name = "name", "名称", "a name, whole";
        Abbreviation = "abbreviation", "惯用简称", "a usual abbreviation";
        Code = "code", "机构编号", "the school code";
        Shortened = "shortened", "推导简称", "an abbreviation made by rule";
        Former = "former", "原名", "a former name";
        Part = "part", "名称的一部分", "the rest of a name from a word on";
        Pinyin = "pinyin", "拼音", "pinyin";
        Initials = "initials", "拼音首字母", "initials of the pinyin";
    }
}

/// A text an organization is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// Folded as [`name::fold`] does.
    pub text: String,
    /// What it is to the organization.
    pub kind: TermKind,
}

/// What an organization is called.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its full name.
    pub name: &'a str,
    /// Its short name.
    pub short_name: &'a str,
    /// Full names it had before.
    pub former_names: &'a [String],
    /// Its school code.
    pub school_code: Option<&'a str>,
    /// Its category: branches are four million, and nobody looks for a class by its pinyin.
    pub kind: OrganizationKind,
}

/// The texts an organization is found by, each once, under the strongest of its kinds.
pub fn terms(named: &Named<'_>) -> Vec<Term> {
    let mut terms = Terms(Vec::with_capacity(16));
    let name = Name::of(named.name, named.short_name);
    terms.add(TermKind::Name, name.whole.clone());
    terms.add(TermKind::Name, name.own.clone());
    terms.add(TermKind::Name, name::core(&name::fold(named.short_name)).to_owned());
    terms.0.extend(name.stem.clone().map(|text| Term {
        text,
        kind: TermKind::Name,
    }));
    for part in name.parts() {
        terms.add(TermKind::Part, part.to_owned());
    }
    if matches!(named.kind, OrganizationKind::Branch | OrganizationKind::GeneralBranch) {
        return terms.settle();
    }
    terms.spell(&name.own);
    for spelling in name.parts().flat_map(pinyin::spellings) {
        terms.add(TermKind::Pinyin, spelling.full);
    }
    if let Some(stem) = &name.stem {
        terms.spell(stem);
    }
    if let Some(code) = named.school_code {
        terms.add_school(&name, code);
    }
    for &abbreviation in abbreviation::usual(&name.whole) {
        terms.add(TermKind::Abbreviation, abbreviation.to_owned());
        terms.spell(abbreviation);
    }
    for former in named.former_names {
        let former = Name::of(former, former);
        terms.spell(&former.whole);
        terms.add(TermKind::Former, former.whole);
        terms.add(TermKind::Former, former.own);
    }
    terms.settle()
}

/// The organizations within which one is looked for: its superiors' own lists.
///
/// Committees and leading organs stand in the nation's and in their province's (a system committee counts as one, T7).
/// What a school, a township or an employer is made of stands in that unit's list; its branches only there, since
/// nobody looks for a class among four million without saying of which school.
pub fn scopes(
    path: &Path,
    kind: OrganizationKind,
    province: Option<OrganizationId>,
    leading_organ: Option<OrganizationId>,
) -> Vec<OrganizationId> {
    let unit = unit(path, kind, leading_organ).filter(|&unit| Some(unit) != path.ids().next_back());
    let mut scopes = Vec::with_capacity(3);
    if unit.is_none() || !matches!(kind, OrganizationKind::Branch | OrganizationKind::GeneralBranch) {
        scopes.extend(path.ids().next());
        scopes.extend(province);
    }
    scopes.extend(unit);
    scopes
}

/// The list in which to look for what stands at or below an organization.
pub fn scope_below(
    path: &Path,
    kind: OrganizationKind,
    province: Option<OrganizationId>,
    leading_organ: Option<OrganizationId>,
) -> Option<OrganizationId> {
    unit(path, kind, leading_organ)
        .or(province)
        .or_else(|| path.ids().next())
}

/// The unit an organization belongs to, itself included: the topmost one below its leading organ. A leading organ
/// belongs to none.
fn unit(path: &Path, kind: OrganizationKind, leading_organ: Option<OrganizationId>) -> Option<OrganizationId> {
    if kind == OrganizationKind::LeadingOrgan {
        return None;
    }
    path.ids().skip_while(|&id| Some(id) != leading_organ).nth(1)
}

/// Terms in the making.
struct Terms(Vec<Term>);

/// A text of one letter finds half the country.
const SHORTEST: usize = 2;

impl Terms {
    fn add(&mut self, kind: TermKind, text: String) {
        if text.chars().nth(SHORTEST - 1).is_some() {
            self.0.push(Term { text, kind });
        }
    }

    /// The pinyin of a text in every reading, whole and by initials.
    fn spell(&mut self, text: &str) {
        for spelling in pinyin::spellings(text) {
            self.add(TermKind::Pinyin, spelling.full);
            self.add(TermKind::Initials, spelling.initials);
        }
    }

    /// Schools are looked for by code, by the five digits of it everybody knows, and by abbreviations.
    fn add_school(&mut self, name: &Name, code: &str) {
        self.add(TermKind::Code, code.to_owned());
        self.add(
            TermKind::Code,
            code.get(code.len().saturating_sub(5)..).unwrap_or_default().to_owned(),
        );
        for shortened in abbreviation::by_rule(&name.whole) {
            self.spell(&shortened);
            self.add(TermKind::Shortened, shortened);
        }
    }

    fn settle(mut self) -> Vec<Term> {
        self.0.sort_unstable();
        self.0.dedup_by(|later, earlier| later.text == earlier.text);
        self.0
    }
}
