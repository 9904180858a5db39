//! What a decision about filings rests on, asked for all filings of a group at once.
//!
//! Whom a filing names in vain costs the same statements as whom its filer may not see, so neither is told by its time.

use super::propose::{Filing, Subject};
use crate::db::{Conn, Outcomes};
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Capacity, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::{Season, season_of, shanghai_date};
use crate::domain::organization::chain::Chain;
use crate::domain::organization::facts::{OrganizationFacts, Purpose};
use crate::domain::policy::Policy;
use crate::domain::transfer::filing::{MemberFacts, OpenCase};
use crate::domain::transfer::reason::{Reason, Side};
use crate::repository::chain::{self, Chains};
use crate::repository::members::{self, Member};
use crate::repository::organizations::{self, Organization};
use crate::security::vault::{Purpose as Sealed, Vault};
use crate::service::look_up::Wanted;
use crate::service::{Context, Error, Result, may, policies};
use std::collections::{HashMap, HashSet};

/// A filing, and what it is asked with.
pub(super) struct Asked<'a> {
    pub context: &'a Context,
    pub vault: &'a Vault,
    pub filing: &'a Filing,
}

/// Everything that was loaded for a decision about a filing.
pub(super) struct ProposalInput {
    pub member: Member,
    pub facts: MemberFacts,
    pub branch: Organization,
    pub open_case: Option<OpenCase>,
    pub source: Chain,
    pub target: Option<(Organization, OrganizationFacts, Chain)>,
    pub external_organ: Option<Chain>,
    pub policy: Policy,
}

/// The member, his branch and the target: what a filing may be refused for before its rules are asked.
struct Parties {
    member: Member,
    branch: Organization,
    number: IdNumber,
    target: Option<Organization>,
}

type Organizations = HashMap<OrganizationId, Organization>;

/// Loads what the decisions about some filings rest on, and locks their members: at most one filing of a member is decided
/// at a time, and a second one of this group is put off.
///
/// # Errors
/// When the database fails; what is in the way of one filing is its own.
pub(super) fn gather_all(conn: &mut Conn, asked: &[Asked<'_>]) -> Result<Outcomes<ProposalInput, Error>> {
    let parties = parties(conn, asked)?;
    let settled: Vec<&Parties> = parties.iter().flatten().flatten().collect();
    let ids: Vec<MemberId> = settled.iter().map(|parties| parties.member.id).collect();
    if ids.is_empty() {
        return Ok(parties.into_iter().map(|fate| Some(Err(fate?.err()?))).collect());
    }
    let ties = members::ties(conn, &ids)?;
    let targets = settled.iter().filter_map(|parties| parties.target.as_ref());
    let ends = settled.iter().map(|parties| &parties.branch).chain(targets);
    let chains = Chains::above(conn, ends.map(|end| &end.path))?;
    let policies = seasons(conn, asked)?;
    let mut materials = Vec::with_capacity(asked.len());
    for (fate, Asked { context, filing, .. }) in parties.into_iter().zip(asked) {
        let material = match fate {
            Some(Ok(parties)) => {
                let province = filing.details.external.as_ref().and_then(|external| external.province);
                let external_organ = match province {
                    Some(province) => external_organ(conn, province)?,
                    None => None,
                };
                let policy = &policies[&season_of(context.now)];
                let ties = ties.get(&parties.member.id).copied().unwrap_or_default();
                Some(parties.with(ties, &chains, external_organ, policy.clone()))
            }
            Some(Err(refused)) => Some(Err(refused)),
            None => None,
        };
        materials.push(material);
    }
    Ok(materials)
}

impl Parties {
    fn with(
        self,
        ties: members::Ties,
        chains: &Chains,
        external_organ: Option<Chain>,
        policy: Policy,
    ) -> Result<ProposalInput> {
        let Self {
            member,
            branch,
            number,
            target,
        } = self;
        let target = match target {
            Some(target) => {
                let superiors = chains.of(&target.path).ok_or(SUPERIORS)?;
                let facts = target.facts();
                Some((target, facts, superiors))
            }
            None => None,
        };
        Ok(ProposalInput {
            facts: MemberFacts {
                id: member.id,
                account: ties.account,
                birth_date: number.birth_date(),
                joined_on: member.joined_month,
                standing: member.standing,
                certification: member.certification,
                branch: branch.facts(),
            },
            open_case: ties.open_case,
            source: chains.of(&branch.path).ok_or(SUPERIORS)?,
            member,
            branch,
            target,
            external_organ,
            policy,
        })
    }
}

/// The policies of the seasons the filings are of: one, but at the turn of a year.
fn seasons(conn: &mut Conn, asked: &[Asked<'_>]) -> Result<HashMap<Season, Policy>> {
    let seasons: HashSet<Season> = asked.iter().map(|asked| season_of(asked.context.now)).collect();
    let of = |season| Ok((season, policies::of_season(conn, season)?));
    seasons.into_iter().map(of).collect()
}

fn parties(conn: &mut Conn, asked: &[Asked<'_>]) -> Result<Outcomes<Parties, Error>> {
    let mut taken = HashSet::new();
    let mut subjects: Outcomes<Option<MemberId>, Error> = Vec::with_capacity(asked.len());
    for Asked { context, filing, .. } in asked {
        let named = its_own(subject(conn, &context.actor, &filing.subject))?;
        let is_twin = matches!(named, Ok(Some(id)) if !taken.insert(id));
        subjects.push((!is_twin).then_some(named));
    }
    let ids: Vec<MemberId> = taken.into_iter().collect();
    let found = members::find_all_locked(conn, &ids)?;
    let mut members: HashMap<MemberId, Member> = found.into_iter().map(|member| (member.id, member)).collect();
    let branches = members.values().filter_map(|member| member.branch_id);
    let targets = asked.iter().filter_map(Asked::target);
    let ends: HashSet<OrganizationId> = branches.chain(targets).collect();
    let found = organizations::find_all(conn, &ends.into_iter().collect::<Vec<_>>())?;
    let known: Organizations = found.into_iter().map(|found| (found.id, found)).collect();
    let mut parties = Vec::with_capacity(asked.len());
    for (subject, asked) in subjects.into_iter().zip(asked) {
        let settle = |named: Result<Option<MemberId>>| {
            let member = named?.and_then(|id| members.remove(&id));
            asked.settled(member, &known)
        };
        parties.push(subject.map(settle));
    }
    Ok(parties)
}

/// What is in the way of one filing is its own; a fault of the database is everybody's whose transaction it was.
fn its_own<T>(result: Result<T>) -> Result<Result<T>> {
    match result {
        Err(fault @ Error::Database(_)) => Err(fault),
        own => Ok(own),
    }
}

/// Whom a filing is about, if there is such a member.
fn subject(conn: &mut Conn, actor: &Actor, subject: &Subject) -> Result<Option<MemberId>> {
    match subject {
        Subject::Myself => {
            may(actor, Action::FileForOneself, Object::Oneself)?;
            Ok(Some(actor.himself().ok_or(Code::RequestMembersOnly)?))
        }
        Subject::Ours(id) => {
            authority::admit(Capacity::of(actor), Action::FileAsSource)?;
            Ok(Some(*id))
        }
        Subject::Named(Wanted { id_number, .. }) => {
            may(actor, Action::LookUpMember, Object::Anyone)?;
            Ok(members::id_by_id_number(conn, id_number)?)
        }
    }
}

impl Asked<'_> {
    fn settled(&self, member: Option<Member>, known: &Organizations) -> Result<Parties> {
        let Self { context, vault, filing } = self;
        let branch = member.as_ref().and_then(|member| known.get(&member.branch_id?));
        let member = admitted(&context.actor, &filing.subject, member, branch)?;
        // Moved out of the national tree: nothing here can be asked about him (T12).
        member.branch_id.ok_or(Code::TransferMemberNotActive)?;
        let number = vault.open(Sealed::IdNumber, &member.id_number_sealed)?;
        let number =
            IdNumber::parse(&number, shanghai_date(context.now)).map_err(|_| Error::Corrupt("an ID number"))?;
        let target = match self.target() {
            Some(id) => Some(choosable(known.get(&id))?.clone()),
            None => None,
        };
        Ok(Parties {
            branch: branch.cloned().ok_or(Error::Corrupt("a member's branch"))?,
            member,
            number,
            target,
        })
    }

    /// The target that is named. A target side that names none means itself (§1.4.6: 转入组织发起申请时无需填写).
    fn target(&self) -> Option<OrganizationId> {
        let filing = self.filing;
        let has_none = filing.reason == Reason::SpecialUnit || filing.details.external.is_some();
        let own = || match filing.subject.side() {
            Side::Target if !has_none => self.context.actor.office().map(|office| office.organization),
            _ => None,
        };
        filing.target.or_else(own)
    }
}

/// The member, if this filer may file for him. Who is in a special-unit holding shows himself to others as little as it
/// does (S-30).
fn admitted(actor: &Actor, subject: &Subject, member: Option<Member>, branch: Option<&Organization>) -> Result<Member> {
    let in_holding = branch.is_some_and(|branch| branch.purpose == Purpose::SpecialUnit);
    match subject {
        Subject::Myself => member.ok_or(Error::Corrupt("an account of no member")),
        Subject::Ours(_) => {
            let member = member.filter(|member| member.branch_id.is_some());
            let member = member.ok_or(Code::MemberNotFound)?;
            let object = Object::member(&member.branch_path, member.id).in_holding(in_holding);
            may(actor, Action::FileAsSource, object)?;
            Ok(member)
        }
        Subject::Named(Wanted { name, .. }) => {
            let is_meant = |member: &Member| member.name == *name && member.branch_id.is_some() && !in_holding;
            Ok(member.filter(is_meant).ok_or(Code::MemberNoMatch)?)
        }
    }
}

/// An organization's superiors that are not there: then neither is it.
const SUPERIORS: Error = Error::Corrupt("an organization's superiors");

/// A target that may be named at all: a special-unit holding is nobody's to choose (S-30).
fn choosable(found: Option<&Organization>) -> Result<&Organization> {
    let found = found.filter(|found| found.purpose != Purpose::SpecialUnit);
    Ok(found.ok_or_else(|| Refusal::new(Code::OrganizationNotFound).at("/target"))?)
}

/// The organization that was named as the target, with its superiors.
pub(super) fn target(conn: &mut Conn, id: OrganizationId) -> Result<(OrganizationFacts, Chain)> {
    let found = organizations::find(conn, id)?;
    let found = choosable(found.as_ref())?;
    let chain = chain::of(conn, &found.path)?.ok_or(SUPERIORS)?;
    Ok((found.facts(), chain))
}

fn external_organ(conn: &mut Conn, province: u8) -> Result<Option<Chain>> {
    let Some(organ) = organizations::province_organ(conn, province)? else {
        return Ok(None);
    };
    let is_external = organ.facts().is_external();
    Ok(if is_external {
        chain::of(conn, &organ.path)?
    } else {
        None
    })
}
