//! Loads the data that the decisions about proposals need. Each query loads it for all proposals of a batch.
//!
//! The same SQL statements run for a missing person and for a hidden one, so that the duration does not tell which it
//! is.

use super::proposal::{ProposalSubject, ProposedTransfer};
use crate::db::{Conn, Outcomes};
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Capacity, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::name::is_same_name;
use crate::domain::core::time::{Season, season_of, shanghai_date};
use crate::domain::organization::chain::Chain;
use crate::domain::organization::facts::{OrganizationFacts, OrganizationPurpose};
use crate::domain::policy::Policy;
use crate::domain::transfer::proposal_rules::{MemberFacts, OpenCase};
use crate::domain::transfer::reason::{Reason, Side};
use crate::repository::chain::{self, Chains};
use crate::repository::members::{self as rows, Member};
use crate::repository::organizations::{self, Organization};
use crate::security::vault::{SealPurpose, SealedRow, Vault};
use crate::service::look_up::LookedUpPerson;
use crate::service::members;
use crate::service::{Context, Error, Result, may, policies};
use std::collections::{HashMap, HashSet};

/// A proposal, with its actor and the vault that opens ID numbers.
pub(super) struct ProposalRequest<'a> {
    pub context: &'a Context,
    pub vault: &'a Vault,
    pub transfer: &'a ProposedTransfer,
}

/// Everything that was loaded for the decision about a proposal.
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

/// The member, their branch and the target. A proposal may be refused because of these before its rules are checked.
struct MemberAndTarget {
    member: Member,
    branch: Organization,
    number: IdNumber,
    target: Option<Organization>,
}

type Organizations = HashMap<OrganizationId, Organization>;

/// Loads what the decisions about some proposals need, and locks their members, so that proposals for one member are
/// decided one at a time. If two proposals of a batch are for one member, the second waits for the next batch.
///
/// # Errors
/// When the database fails. If one proposal is refused, only its own outcome is an error.
pub(super) fn load_batch(conn: &mut Conn, requests: &[ProposalRequest<'_>]) -> Result<Outcomes<ProposalInput, Error>> {
    let loaded = load_members_and_targets(conn, requests)?;
    let found: Vec<&MemberAndTarget> = loaded.iter().flatten().flatten().collect();
    let ids: Vec<MemberId> = found.iter().map(|found| found.member.id).collect();
    if ids.is_empty() {
        return Ok(loaded.into_iter().map(|outcome| Some(Err(outcome?.err()?))).collect());
    }
    let accounts_and_cases = rows::accounts_and_open_cases(conn, &ids)?;
    let targets = found.iter().filter_map(|found| found.target.as_ref());
    let branches_and_targets = found.iter().map(|found| &found.branch).chain(targets);
    let chains = Chains::above(conn, branches_and_targets.map(|organization| &organization.path))?;
    let policies = seasons(conn, requests)?;
    let mut inputs = Vec::with_capacity(requests.len());
    for (outcome, ProposalRequest { context, transfer, .. }) in loaded.into_iter().zip(requests) {
        let input = match outcome {
            Some(Ok(loaded)) => {
                let province = transfer
                    .details
                    .external
                    .as_ref()
                    .and_then(|external| external.province);
                let external_organ = match province {
                    Some(province) => external_organ(conn, province)?,
                    None => None,
                };
                let policy = &policies[&season_of(context.now)];
                let account_and_case = accounts_and_cases.get(&loaded.member.id).copied().unwrap_or_default();
                Some(loaded.into_input(account_and_case, &chains, external_organ, policy.clone()))
            }
            Some(Err(refused)) => Some(Err(refused)),
            None => None,
        };
        inputs.push(input);
    }
    Ok(inputs)
}

impl MemberAndTarget {
    fn into_input(
        self,
        account_and_case: rows::AccountAndCase,
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
                account: account_and_case.account,
                birth_date: number.birth_date(),
                joined_on: member.joined_month,
                standing: member.standing,
                certification: member.certification,
                branch: branch.facts(),
            },
            open_case: account_and_case.open_case,
            source: chains.of(&branch.path).ok_or(SUPERIORS)?,
            member,
            branch,
            target,
            external_organ,
            policy,
        })
    }
}

/// The policies of the proposals' seasons. There is more than one only at the turn of a year.
fn seasons(conn: &mut Conn, requests: &[ProposalRequest<'_>]) -> Result<HashMap<Season, Policy>> {
    let seasons: HashSet<Season> = requests.iter().map(|request| season_of(request.context.now)).collect();
    let of = |season| Ok((season, policies::of_season(conn, season)?));
    seasons.into_iter().map(of).collect()
}

fn load_members_and_targets(
    conn: &mut Conn,
    requests: &[ProposalRequest<'_>],
) -> Result<Outcomes<MemberAndTarget, Error>> {
    let mut taken = HashSet::new();
    let mut subjects: Outcomes<Option<MemberId>, Error> = Vec::with_capacity(requests.len());
    for ProposalRequest { context, transfer, .. } in requests {
        let named = keep_refusal(subject(conn, &context.actor, &transfer.subject))?;
        let is_second_for_member = matches!(named, Ok(Some(id)) if !taken.insert(id));
        subjects.push((!is_second_for_member).then_some(named));
    }
    let ids: Vec<MemberId> = taken.into_iter().collect();
    let found = rows::find_many_locked(conn, &ids)?;
    let mut members: HashMap<MemberId, Member> = found.into_iter().map(|member| (member.id, member)).collect();
    let branches = members.values().filter_map(|member| member.branch_id);
    let targets = requests.iter().filter_map(ProposalRequest::target);
    let branches_and_targets: HashSet<OrganizationId> = branches.chain(targets).collect();
    let found = organizations::find_many(conn, &branches_and_targets.into_iter().collect::<Vec<_>>())?;
    let known: Organizations = found.into_iter().map(|found| (found.id, found)).collect();
    let mut loaded = Vec::with_capacity(requests.len());
    for (subject, request) in subjects.into_iter().zip(requests) {
        let check = |named: Result<Option<MemberId>>| {
            let member = named?.and_then(|id| members.remove(&id));
            request.check_member(member, &known)
        };
        loaded.push(subject.map(check));
    }
    Ok(loaded)
}

/// Keeps a refusal as the outcome of its proposal. A database failure fails the whole transaction.
fn keep_refusal<T>(result: Result<T>) -> Result<Result<T>> {
    match result {
        Err(fault @ Error::Database(_)) => Err(fault),
        own => Ok(own),
    }
}

/// The member a proposal is about, if there is one.
fn subject(conn: &mut Conn, actor: &Actor, subject: &ProposalSubject) -> Result<Option<MemberId>> {
    match subject {
        ProposalSubject::Myself => {
            may(actor, Action::ProposeForOneself, Object::Oneself)?;
            Ok(Some(actor.acting_member().ok_or(Code::RequestMembersOnly)?))
        }
        ProposalSubject::Ours(id) => {
            authority::check_capacity(Capacity::of(actor), Action::ProposeAsSource)?;
            Ok(Some(*id))
        }
        ProposalSubject::Named(LookedUpPerson { id_number, .. }) => {
            may(actor, Action::LookUpMember, Object::Anyone)?;
            Ok(rows::id_by_id_number(conn, id_number)?)
        }
    }
}

impl ProposalRequest<'_> {
    fn check_member(&self, member: Option<Member>, known: &Organizations) -> Result<MemberAndTarget> {
        let Self {
            context,
            vault,
            transfer,
        } = self;
        let branch = member.as_ref().and_then(|member| known.get(&member.branch_id?));
        let member = admitted(&context.actor, &transfer.subject, member, branch)?;
        // Members who moved out of the national tree have no branch, so the rules can't be checked (T12).
        member.branch_id.ok_or(Code::TransferMemberNotActive)?;
        let row = SealedRow::Member(member.id);
        let number = vault.open(SealPurpose::IdNumber, row, &member.id_number_sealed)?;
        let number = IdNumber::parse(&number, shanghai_date(context.now))
            .map_err(|_| Error::Corrupt("a stored ID number is invalid"))?;
        let target = match self.target() {
            Some(id) => Some(choosable(known.get(&id))?.clone()),
            None => None,
        };
        Ok(MemberAndTarget {
            branch: branch.cloned().ok_or(Error::Corrupt("a member's branch is missing"))?,
            member,
            number,
            target,
        })
    }

    /// The target that is named. If the target side names none, it means itself (§1.4.6: 转入组织发起申请时无需填写).
    fn target(&self) -> Option<OrganizationId> {
        let transfer = self.transfer;
        let has_none = transfer.reason == Reason::SpecialUnit || transfer.details.external.is_some();
        let own = || match transfer.subject.side() {
            Side::Target if !has_none => self.context.actor.office().map(|office| office.organization),
            _ => None,
        };
        transfer.target.or_else(own)
    }
}

/// The member, if the caller may propose a transfer for them. A member of a special-unit holding is as hidden as the
/// holding (S-30).
fn admitted(
    actor: &Actor,
    subject: &ProposalSubject,
    member: Option<Member>,
    branch: Option<&Organization>,
) -> Result<Member> {
    let in_holding = branch.is_some_and(|branch| branch.purpose == OrganizationPurpose::SpecialUnit);
    match subject {
        ProposalSubject::Myself => member.ok_or(Error::Corrupt("an account's member is missing")),
        ProposalSubject::Ours(_) => {
            let member = member.ok_or(Code::MemberNotFound)?;
            let object = members::object(&member, &[]).in_holding(in_holding);
            may(actor, Action::ProposeAsSource, object)?;
            Ok(member)
        }
        ProposalSubject::Named(LookedUpPerson { name, .. }) => {
            let is_meant =
                |member: &Member| is_same_name(&member.name, name) && member.branch_id.is_some() && !in_holding;
            Ok(member.filter(is_meant).ok_or(Code::MemberNoMatch)?)
        }
    }
}

/// The superiors of an organization are missing, so the stored tree is broken.
const SUPERIORS: Error = Error::Corrupt("an organization's superiors are missing");

/// A target that may be named. Nobody may name a special-unit holding (S-30).
fn choosable(found: Option<&Organization>) -> Result<&Organization> {
    let found = found.filter(|found| found.purpose != OrganizationPurpose::SpecialUnit);
    Ok(found.ok_or_else(|| Refusal::new(Code::OrganizationNotFound).at("/target"))?)
}

/// The organization named as the target, with its chain.
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
