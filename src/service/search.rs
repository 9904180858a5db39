//! Searching for a target (§2.6, O4) by any part of its name, in a province, in a system or below an organization. Each
//! hit says whether it can be chosen.

use super::Result;
use crate::db::Conn;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{Health, Path, System};
use crate::domain::search::name::Name;
use crate::domain::search::near::Near;
use crate::domain::search::query::{QueryPart, Reading, readings};
use crate::domain::search::rank::{LOOKS_ALIKE, Rank, SOUNDS_ALIKE, fit};
use crate::domain::search::{TermKind, branch_name, name, scope_below, without_mark};
use crate::domain::transfer::proposal_rules;
use crate::domain::transfer::reason::Reason;
use crate::repository::organizations::Organization;
use crate::repository::search::{self, FoundOrganization, Posting, ProvinceLevel};
use crate::repository::{self, members};
use crate::service::organizations;
use std::collections::HashMap;

/// The number of superiors that are searched for each part of a query that names them.
const CONTAINERS: usize = 4;

/// A search that finds fewer organizations than this also finds those whose names differ by a mistake.
const FEW: usize = 3;

/// Where to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    /// Everywhere: committees and leading organs of all provinces and systems.
    Nation,
    /// A province, by the two digits of its code.
    Province(u8),
    /// The system of a system committee, wherever its organizations are located (T7).
    System(System),
    /// The organizations below an organization. Its branches are included if it is not a leading organ.
    Organization(OrganizationId),
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search {
    /// The text typed.
    pub query: String,
    /// Where to search.
    pub within: Within,
    /// Why the member moves, if known.
    pub reason: Option<Reason>,
    /// The maximum number of hits.
    pub limit: usize,
}

/// An organization found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The organization.
    pub organization: Organization,
    /// The names of its superiors from the province down, without the nation.
    pub superiors: Vec<String>,
    /// Why it can't be chosen. Empty if it can.
    pub because: Vec<Refusal>,
    /// What the caller should know before choosing it.
    pub warnings: Vec<Health>,
}

/// Searches for organizations.
///
/// # Errors
/// `division.unknown` for an unknown province, and `organization.not_found` for an organization that the caller may not
/// know of.
pub fn search(conn: &mut Conn, actor: &Actor, search: &Search) -> Result<Vec<Hit>> {
    let Some(list) = list(conn, actor, &search.within)? else {
        return Ok(Vec::new());
    };
    let mut ranks: HashMap<OrganizationId, Rank> = HashMap::new();
    let readings = readings(&search.query);
    for (nth, reading) in readings.iter().enumerate() {
        for (id, rank) in read(conn, &list, nth, reading, search.limit)? {
            ranks
                .entry(id)
                .and_modify(|known| *known = rank.min(*known))
                .or_insert(rank);
        }
        if ranks.len() >= search.limit {
            break;
        }
    }
    if ranks.len() < FEW
        && let Some(near) = Near::of(&search.query)
    {
        for (id, rank) in read_nearly(conn, &list, readings.len(), &near)? {
            ranks.entry(id).or_insert(rank);
        }
    }
    let mut found: Vec<(Rank, OrganizationId)> = ranks.into_iter().map(|(id, rank)| (rank, id)).collect();
    found.sort_unstable();
    found.truncate(search.limit);
    let ids: Vec<OrganizationId> = found.into_iter().map(|(_, id)| id).collect();
    hits(conn, actor, &ids, search.reason)
}

/// A list of the search index, or the part of it below an organization.
struct IndexList {
    scope: OrganizationId,
    below: Option<Path>,
    /// Whether branches are found by their names apart from the others: see [`branch_name`].
    has_branch_names: bool,
}

impl IndexList {
    /// The list in which the organizations below `organization` are found.
    fn below(organization: &FoundOrganization) -> Option<Self> {
        let scope = scope_below(
            &organization.path,
            organization.kind,
            organization.province_id,
            organization.leading_organ_id,
        )?;
        Some(Self {
            scope,
            below: Some(organization.path.clone()),
            has_branch_names: false,
        })
    }

    fn look_up(&self, conn: &mut Conn, text: &str) -> Result<Vec<Posting>> {
        let mut postings = search::postings(conn, self.scope, text)?;
        if self.has_branch_names {
            let mut branches = search::postings(conn, self.scope, &branch_name(text))?;
            branches
                .iter_mut()
                .for_each(|posting| posting.term = without_mark(&posting.term).to_owned());
            postings.append(&mut branches);
        }
        if let Some(root) = &self.below {
            postings.retain(|posting| posting.found.path.is_below(root));
        }
        Ok(postings)
    }
}

fn list(conn: &mut Conn, actor: &Actor, within: &Within) -> Result<Option<IndexList>> {
    let Some(root) = search::root(conn)? else {
        return Ok(None);
    };
    let scope = match within {
        Within::Nation => Some(root),
        Within::Province(code) => {
            let found = search::province_level(conn, root, ProvinceLevel::Province(*code))?;
            Some(found.ok_or_else(|| Refusal::new(Code::DivisionUnknown))?)
        }
        Within::System(System::Place) => Some(root),
        Within::System(system) => search::province_level(conn, root, ProvinceLevel::System(*system))?,
        Within::Organization(id) => {
            let organization = organizations::visible(conn, actor, *id)?;
            let scope = scope_below(
                &organization.path,
                organization.kind,
                organization.province_id,
                organization.leading_organ_id,
            );
            return Ok(scope.map(|scope| IndexList {
                scope,
                below: Some(organization.path),
                has_branch_names: false,
            }));
        }
    };
    let has_branch_names = scope != Some(root);
    Ok(scope.map(|scope| IndexList {
        scope,
        below: None,
        has_branch_names,
    }))
}

/// The organizations whose names differ from the query by a mistake, with ranks behind all others.
fn read_nearly(conn: &mut Conn, list: &IndexList, nth: usize, near: &Near) -> Result<Vec<(OrganizationId, Rank)>> {
    let mut found = Vec::new();
    let mut add = |posting: Posting, class: u8| {
        let excess = posting.found.name.len();
        found.push((
            posting.found.id,
            Rank::new(nth, &posting.found.rank_facts(), class, excess),
        ));
    };
    for sound in near.sounds() {
        let postings = list.look_up(conn, &sound)?.into_iter();
        let same = postings.filter(|posting| posting.term == sound && posting.kind == TermKind::Pinyin);
        same.for_each(|posting| add(posting, SOUNDS_ALIKE));
    }
    // The longer what is right, the fewer names begin with it. What differs by one character is found by the first of
    // these texts that it shares.
    let is_near = |posting: &Posting| {
        let name = Name::of(&posting.found.name, &posting.found.name);
        [&posting.term, &name.whole, &name.own]
            .into_iter()
            .any(|text| near.begins(text))
    };
    for text in near.beginnings().chain(near.ends()) {
        let postings = list.look_up(conn, text)?;
        let nearby: Vec<Posting> = postings.into_iter().filter(is_near).collect();
        let is_enough = !nearby.is_empty();
        nearby.into_iter().for_each(|posting| add(posting, LOOKS_ALIKE));
        if is_enough {
            break;
        }
    }
    Ok(found)
}

/// The organizations that match a reading: each part matches the organization or one of its superiors, and at least one
/// part matches the organization itself.
fn read(
    conn: &mut Conn,
    list: &IndexList,
    nth: usize,
    Reading(parts): &Reading,
    limit: usize,
) -> Result<Vec<(OrganizationId, Rank)>> {
    let mut answers = Matches::new(nth, parts);
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| part.is_key) {
        let postings = list.look_up(conn, &part.text)?;
        answers.add(at, postings);
    }
    if parts.len() > 1 && answers.ranks().len() < limit {
        for (at, container) in answers.containers() {
            let Some(inside) = IndexList::below(&container).filter(|inside| inside.scope != list.scope) else {
                continue;
            };
            for (other, part) in parts
                .iter()
                .enumerate()
                .filter(|&(other, part)| other != at && part.is_key)
            {
                let mut postings = inside.look_up(conn, &part.text)?;
                postings.retain(|posting| list.below.as_ref().is_none_or(|root| posting.found.path.is_below(root)));
                answers.add(other, postings);
            }
        }
    }
    Ok(answers.ranks())
}

/// How well a term of an organization matches a part, and how much longer the term is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    class: u8,
    excess: usize,
}

/// An organization found, with its best fit for each part.
struct Match {
    found: FoundOrganization,
    fits: Vec<Option<Fit>>,
}

/// The matches for the parts of a reading.
struct Matches<'a> {
    nth: usize,
    parts: &'a [QueryPart],
    found: HashMap<OrganizationId, Match>,
    /// For each part, the organizations that it may name as superiors.
    named: Vec<Vec<(Fit, FoundOrganization)>>,
}

impl<'a> Matches<'a> {
    fn new(nth: usize, parts: &'a [QueryPart]) -> Self {
        Self {
            nth,
            parts,
            found: HashMap::new(),
            named: vec![Vec::new(); parts.len()],
        }
    }

    fn add(&mut self, at: usize, postings: Vec<Posting>) {
        let typed = &self.parts[at].text;
        for posting in postings {
            let fit = Fit {
                class: fit(posting.kind, &posting.term, typed),
                excess: posting.term.len() - typed.len(),
            };
            if posting.term == *typed && posting.kind != TermKind::Part {
                self.named[at].push((fit, posting.found.clone()));
            }
            let answer = self.found.entry(posting.found.id).or_insert_with(|| Match {
                found: posting.found,
                fits: vec![None; self.parts.len()],
            });
            let known = &mut answer.fits[at];
            *known = Some(known.map_or(fit, |known| known.min(fit)));
        }
    }

    /// The superiors that the parts name, each with the index of its part.
    fn containers(&self) -> Vec<(usize, FoundOrganization)> {
        let mut all = Vec::new();
        for (at, named) in self.named.iter().enumerate() {
            let mut named: Vec<_> = named.iter().collect();
            named.sort_by_key(|(fit, found)| Rank::new(self.nth, &found.rank_facts(), fit.class, fit.excess));
            all.extend(named.into_iter().take(CONTAINERS).map(|(_, found)| (at, found.clone())));
        }
        all
    }

    fn ranks(&self) -> Vec<(OrganizationId, Rank)> {
        self.found.values().filter_map(|answer| self.rank(answer)).collect()
    }

    /// The rank of an organization, if it matches every part.
    fn rank(&self, Match { found, fits }: &Match) -> Option<(OrganizationId, Rank)> {
        let folded = name::fold(&found.name);
        let holds = |at: usize, part: &QueryPart| {
            let by_superior = || self.named[at].iter().any(|(_, superior)| found.belongs_to(superior));
            fits[at].is_some() || folded.contains(&part.text) || by_superior()
        };
        if !self.parts.iter().enumerate().all(|(at, part)| holds(at, part)) {
            return None;
        }
        let own = fits.iter().flatten();
        let class = own.clone().map(|fit| fit.class).max()?;
        let excess = own.map(|fit| fit.excess).sum();
        Some((found.id, Rank::new(self.nth, &found.rank_facts(), class, excess)))
    }
}

/// The hits for `ids`, in their order.
fn hits(conn: &mut Conn, actor: &Actor, ids: &[OrganizationId], reason: Option<Reason>) -> Result<Vec<Hit>> {
    let mut organizations = search::organizations(conn, ids)?;
    organizations.sort_by_key(|organization| ids.iter().position(|id| *id == organization.id));
    let mut superiors: Vec<OrganizationId> = organizations.iter().flat_map(|o| o.path.superiors()).collect();
    superiors.sort_unstable();
    superiors.dedup();
    let names: HashMap<OrganizationId, String> = repository::organizations::names(conn, &superiors)?
        .into_iter()
        .collect();
    let home = home(conn, actor)?;
    let visible = organizations
        .into_iter()
        .filter(|found| organizations::is_visible(actor, found));
    visible
        .map(|organization| {
            let facts = organization.facts();
            let above = organization.path.ids().skip(1).filter(|id| *id != organization.id);
            let is_empty = !members::any_within(conn, &organization.path)?;
            Ok(Hit {
                superiors: above.filter_map(|id| names.get(&id).cloned()).collect(),
                because: proposal_rules::t8_target(&facts, reason, home.branch, home.school),
                warnings: is_empty.then_some(Health::NoMembers).into_iter().collect(),
                organization,
            })
        })
        .collect()
}

/// Where the member who moves comes from: the caller, or a member of the caller's organization.
#[derive(Default)]
struct Home {
    branch: Option<OrganizationId>,
    school: Option<OrganizationId>,
}

/// A member's own branch and school. For an administrator, the school they work in, since members would move from
/// there.
fn home(conn: &mut Conn, actor: &Actor) -> Result<Home> {
    let member = actor.acting_member();
    let branch = match member {
        Some(member) => members::find(conn, member)?.and_then(|member| member.branch_id),
        None => None,
    };
    let Some(from) = branch.or(actor.office().map(|office| office.organization)) else {
        return Ok(Home::default());
    };
    let school = search::organizations(conn, &[from])?
        .first()
        .and_then(|organization| organization.school_id);
    Ok(Home { branch, school })
}
