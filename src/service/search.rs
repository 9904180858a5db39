//! Finding a target (§2.6; O4): by whatever part of its name a person types, in a province, a system or below an
//! organization; and for each hit whether it can be chosen.

use super::Result;
use crate::db::Conn;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::OrganizationId;
use crate::domain::organization::facts::{Health, Path, System};
use crate::domain::search::query::{QueryPart, Reading, readings};
use crate::domain::search::rank::{Rank, fit};
use crate::domain::search::{TermKind, name, scope_below};
use crate::domain::transfer::proposal_rules;
use crate::domain::transfer::reason::Reason;
use crate::repository::organizations::Organization;
use crate::repository::search::{self, FoundOrganization, Posting, ProvinceLevel};
use crate::repository::{self, members};
use crate::service::organizations;
use std::collections::HashMap;

/// How many superiors named in a query are looked into, for each part of it.
const CONTAINERS: usize = 4;

/// Where a search looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Within {
    /// Everywhere: committees and leading organs of all provinces and systems.
    Nation,
    /// In a province, by the two digits of its code.
    Province(u8),
    /// In a system committee's system, wherever its organizations stand (T7).
    System(System),
    /// Below an organization, its branches included if it is not a leading organ itself.
    Organization(OrganizationId),
}

/// A search.
#[derive(Debug, Clone)]
pub struct Search {
    /// What was typed.
    pub query: String,
    /// Where to look.
    pub within: Within,
    /// Why the member moves, if it is known already.
    pub reason: Option<Reason>,
    /// How many hits at most.
    pub limit: usize,
}

/// An organization found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The organization.
    pub organization: Organization,
    /// The names of its superiors, the nation's own left out, from the province down.
    pub superiors: Vec<String>,
    /// Why it can't be chosen; empty if it can.
    pub because: Vec<Refusal>,
    /// What should be known before choosing it.
    pub warnings: Vec<Health>,
}

/// Searches.
///
/// # Errors
/// `division.unknown` for a province that is none, `organization.not_found` for an organization that the caller can't
/// know of.
pub fn search(conn: &mut Conn, actor: &Actor, search: &Search) -> Result<Vec<Hit>> {
    let Some(list) = list(conn, actor, &search.within)? else {
        return Ok(Vec::new());
    };
    let mut ranks: HashMap<OrganizationId, Rank> = HashMap::new();
    for (nth, reading) in readings(&search.query).iter().enumerate() {
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
    let mut found: Vec<(Rank, OrganizationId)> = ranks.into_iter().map(|(id, rank)| (rank, id)).collect();
    found.sort_unstable();
    found.truncate(search.limit);
    let ids: Vec<OrganizationId> = found.into_iter().map(|(_, id)| id).collect();
    hits(conn, actor, &ids, search.reason)
}

/// A list of the index, or the part of it below an organization.
struct IndexList {
    scope: OrganizationId,
    below: Option<Path>,
}

impl IndexList {
    /// Where to look for what stands below an organization.
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
        })
    }

    fn look_up(&self, conn: &mut Conn, part: &QueryPart) -> Result<Vec<Posting>> {
        let mut postings = search::postings(conn, self.scope, &part.text)?;
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
            }));
        }
    };
    Ok(scope.map(|scope| IndexList { scope, below: None }))
}

/// The organizations that answer a reading: every part of it holds for them or for one of their superiors, and at least one
/// for themselves.
fn read(
    conn: &mut Conn,
    list: &IndexList,
    nth: usize,
    Reading(parts): &Reading,
    limit: usize,
) -> Result<Vec<(OrganizationId, Rank)>> {
    let mut answers = Matches::new(nth, parts);
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| part.is_key) {
        let postings = list.look_up(conn, part)?;
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
                let mut postings = inside.look_up(conn, part)?;
                postings.retain(|posting| list.below.as_ref().is_none_or(|root| posting.found.path.is_below(root)));
                answers.add(other, postings);
            }
        }
    }
    Ok(answers.ranks())
}

/// How well an organization answers a part by a text of its own, and how much longer that is than the part.
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

/// What was found for the parts of a reading.
struct Matches<'a> {
    nth: usize,
    parts: &'a [QueryPart],
    found: HashMap<OrganizationId, Match>,
    /// For each part, the organizations it may name as superiors.
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

    /// The superiors named by a part, with the part.
    fn containers(&self) -> Vec<(usize, FoundOrganization)> {
        let mut all = Vec::new();
        for (at, named) in self.named.iter().enumerate() {
            let mut named: Vec<_> = named.iter().collect();
            named.sort_by_key(|(fit, found)| Rank::new(self.nth, &found.standing(), fit.class, fit.excess));
            all.extend(named.into_iter().take(CONTAINERS).map(|(_, found)| (at, found.clone())));
        }
        all
    }

    fn ranks(&self) -> Vec<(OrganizationId, Rank)> {
        self.found.values().filter_map(|answer| self.rank(answer)).collect()
    }

    /// The rank of one that answers every part.
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
        Some((found.id, Rank::new(self.nth, &found.standing(), class, excess)))
    }
}

/// The hits in full, in the order given.
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

/// Where the caller, or whom he would file for, comes from.
#[derive(Default)]
struct Home {
    branch: Option<OrganizationId>,
    school: Option<OrganizationId>,
}

/// A member's own branch and school; of an administrator, the school he works in, from which he would move somebody.
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
