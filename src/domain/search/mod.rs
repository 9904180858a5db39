//! Finding a target (§2.6; O4): the texts by which an organization is found, the readings of a query, and the order of
//! the results. The functions are pure. The index itself is a plain table in both engines.
//!
//! For each organization the index holds the few texts that a person may begin with. Every search is a prefix search,
//! so a name needs one entry for each place where a word may begin, not one for each substring. An entry is stored
//! under the *scopes* in which the organization can be searched for ([`scopes`]). A reading in one scope is therefore
//! one index range, however many other organizations there are.

pub mod abbreviation;
pub mod name;
pub mod near;
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
    /// What an indexed text is to its organization, the strongest kind first.
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

/// A text by which an organization is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// The text, folded by [`name::fold`].
    pub text: String,
    /// What it is to the organization.
    pub kind: TermKind,
}

/// The names of an organization.
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
    /// Its category. There are four million branches, and nobody searches for a class by its pinyin.
    pub kind: OrganizationKind,
}

/// The texts by which an organization is found, each once, under the strongest of its kinds.
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
    if is_branch(named.kind) {
        for former in named.former_names {
            terms.add_former(former);
        }
        return terms.into_unique();
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
        let whole = terms.add_former(former);
        terms.spell(&whole);
    }
    terms.into_unique()
}

/// The organizations in whose lists this one can be searched for.
///
/// Committees and leading organs are in the nation's list and in their province's. A system committee counts as a
/// province (T7). Organizations within a school, a township or an employer are also in that unit's list. Branches and
/// general branches are only there, and by their names in [`province_of_branch`].
pub fn scopes(
    path: &Path,
    kind: OrganizationKind,
    province: Option<OrganizationId>,
    leading_organ: Option<OrganizationId>,
) -> Vec<OrganizationId> {
    let unit = unit(path, kind, leading_organ).filter(|&unit| Some(unit) != path.ids().next_back());
    let mut scopes = Vec::with_capacity(3);
    if unit.is_none() || !is_branch(kind) {
        scopes.extend(path.ids().next());
        scopes.extend(province);
    }
    scopes.extend(unit);
    scopes
}

/// The province in which a branch or general branch is found by its names too. Its entries there are apart from those of
/// committees ([`branch_name`]), since thousands of classes would hide them.
pub fn province_of_branch(kind: OrganizationKind, province: Option<OrganizationId>) -> Option<OrganizationId> {
    province.filter(|_| is_branch(kind))
}

/// The text under which a branch's name is found in its province. Nobody can type its first character, which
/// [`name::fold`] drops.
pub fn branch_name(text: &str) -> String {
    format!("{BRANCH}{text}")
}

/// The text of [`branch_name`] as it was given, or any other text as it is.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(BRANCH).unwrap_or(text)
}

const BRANCH: char = '=';

fn is_branch(kind: OrganizationKind) -> bool {
    matches!(kind, OrganizationKind::Branch | OrganizationKind::GeneralBranch)
}

/// The list in which to search for organizations at or below this one.
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

/// The unit an organization belongs to: the topmost organization below its leading organ, which may be itself. A
/// leading organ belongs to none.
fn unit(path: &Path, kind: OrganizationKind, leading_organ: Option<OrganizationId>) -> Option<OrganizationId> {
    if kind == OrganizationKind::LeadingOrgan {
        return None;
    }
    path.ids().skip_while(|&id| Some(id) != leading_organ).nth(1)
}

/// A list of terms under construction.
struct Terms(Vec<Term>);

/// The shortest text worth an entry, in characters. A single character would find half the country.
const SHORTEST: usize = 2;

impl Terms {
    fn add(&mut self, kind: TermKind, text: String) {
        if text.chars().nth(SHORTEST - 1).is_some() {
            self.0.push(Term { text, kind });
        }
    }

    /// Adds a former name, whole and without the places before it. Returns it whole.
    fn add_former(&mut self, former: &str) -> String {
        let Name { whole, own, .. } = Name::of(former, former);
        self.add(TermKind::Former, whole.clone());
        self.add(TermKind::Former, own);
        whole
    }

    /// Adds the pinyin of a text in every reading, whole and by initials.
    fn spell(&mut self, text: &str) {
        for spelling in pinyin::spellings(text) {
            self.add(TermKind::Pinyin, spelling.full);
            self.add(TermKind::Initials, spelling.initials);
        }
    }

    /// Adds what people search a school by: its code, the last five digits of the code, which are well known, and
    /// abbreviations.
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

    fn into_unique(mut self) -> Vec<Term> {
        self.0.sort_unstable();
        self.0.dedup_by(|later, earlier| later.text == earlier.text);
        self.0
    }
}
