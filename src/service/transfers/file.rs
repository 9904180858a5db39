//! Filing a transfer (§1.4), and the preview of it: the same loading and the same rules.

use super::view::{CaseView, finish};
use super::{Loaded, hand_over};
use crate::db::{Conn, Unique};
use crate::domain::actor::Actor;
use crate::domain::authority::{self, Action, Capacity, Object};
use crate::domain::codes::Code;
use crate::domain::id_number::IdNumber;
use crate::domain::ids::{MemberId, OrganizationId};
use crate::domain::organization::{OrganizationFacts, Path, Purpose};
use crate::domain::policy::Policy;
use crate::domain::reason::{Details, Field, Reason, Side};
use crate::domain::refusal::Refusal;
use crate::domain::time::{season_of, shanghai_date};
use crate::domain::transfer::case::Case;
use crate::domain::transfer::expiry;
use crate::domain::transfer::filing::{MemberFacts, OpenCase};
use crate::domain::transfer::propose::{self, FilingFacts, Proposal, Request, Target};
use crate::domain::transfer::remark::Remark;
use crate::domain::transfer::route::Destination;
use crate::domain::transfer::turn::Chain;
use crate::repository::members::{self, Member};
use crate::repository::organizations::{self, Organization};
use crate::repository::transfers::{self, NewTransfer, Transfer};
use crate::repository::{appointments, chain};
use crate::security::vault::{Purpose as Sealed, Vault};
use crate::service::look_up::Wanted;
use crate::service::may;
use crate::service::members::decided;
use crate::service::{Context, Error, Result, audit, policies};

/// Whom a filing is about; it says which side starts (T1).
#[derive(Debug, Clone)]
pub enum Subject {
    /// The caller himself.
    Myself,
    /// A member of the caller's subtree: the source side starts.
    Ours(MemberId),
    /// Somebody named by full name and ID number: the target side starts (§1.4.3).
    Named(Wanted),
}

impl Subject {
    fn side(&self) -> Side {
        match self {
            Self::Myself => Side::Member,
            Self::Ours(_) => Side::Source,
            Self::Named(_) => Side::Target,
        }
    }
}

/// What is filed.
#[derive(Debug, Clone)]
pub struct Filing {
    pub subject: Subject,
    pub reason: Reason,
    pub details: Details,
    pub target: Option<OrganizationId>,
    pub explanation: Option<Remark>,
}

/// What a preview answers.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The way the case would take, or every rule in its way.
    pub outcome: std::result::Result<Proposal, Vec<Refusal>>,
    /// The names of the organizations on the way.
    pub names: Vec<(OrganizationId, String)>,
    /// What the reason has filled in (T5).
    pub fields: Vec<Field>,
}

/// Everything that was loaded for a decision about a filing.
struct Material {
    member: Member,
    facts: MemberFacts,
    branch: Organization,
    open_case: Option<OpenCase>,
    source: Chain,
    target: Option<(Organization, OrganizationFacts, Chain)>,
    external_organ: Option<Chain>,
    policy: Policy,
}

/// Files a transfer.
///
/// # Errors
/// Every rule that blocks it, the first one first.
pub fn file(conn: &mut Conn, context: &Context, vault: &Vault, filing: &Filing) -> Result<CaseView> {
    appointments::keep(conn)?;
    let material = gather(conn, context, vault, filing)?;
    let proposal = decide(context, filing, &material)?;
    let target = material.target.as_ref();
    let chains: Vec<&Chain> = target
        .map(|(.., chain)| chain)
        .into_iter()
        .chain([&material.source])
        .collect();
    let papers = Papers {
        member_name: &material.member.name,
        source_path: &material.branch.path,
        source_name: &material.branch.name,
        details: &filing.details,
        explanation: filing.explanation.as_ref(),
        target: target.map(|(organization, ..)| organization),
        chains: &chains,
    };
    let (case, stored, holders) =
        lodge(conn, context, proposal, &material.policy, &papers).map_err(|error| match error.violated() {
            // The member's row is locked above, so nobody files beside us; should somebody all the same, the index says no.
            Some(Unique::OpenTransfer) => Code::TransferAlreadyOpen.into(),
            _ => error,
        })?;
    let policy = material.policy;
    finish(conn, context, stored, &Loaded { case, holders, policy })
}

/// What a case keeps beside what was decided.
pub(super) struct Papers<'a> {
    pub member_name: &'a str,
    /// The branch the member leaves, or the leading organ of his province.
    pub source_path: &'a Path,
    pub source_name: &'a str,
    pub details: &'a Details,
    pub explanation: Option<&'a Remark>,
    /// The target, if it was named and loaded.
    pub target: Option<&'a Organization>,
    /// The chains that were loaded for the decision: the turn is at one of them as a rule.
    pub chains: &'a [&'a Chain],
}

/// Stores a filed case: the row, its first event, its inbox rows and the audit row. Gives back the case, the row, and the
/// organizations it is before.
pub(super) fn lodge(
    conn: &mut Conn,
    context: &Context,
    proposal: Proposal,
    policy: &Policy,
    papers: &Papers<'_>,
) -> Result<(Case, Transfer, Vec<OrganizationId>)> {
    let (target_path, target_name, target_province) = target_columns(conn, &proposal.destination, papers.target)?;
    let details = serde_json::to_string(papers.details).map_err(|_| Error::Corrupt("details that are not JSON"))?;
    let event = proposal.event.clone();
    let new = NewTransfer {
        season: proposal.season,
        reason: proposal.reason,
        details: &details,
        explanation: papers.explanation.map(Remark::as_str),
        started_by: proposal.started_by,
        filer: event.by,
        filer_organization: event.acting_for,
        member: proposal.origin.member(),
        member_name: papers.member_name,
        source_branch: proposal.origin.branch(),
        source_path: papers.source_path.as_str(),
        source_name: papers.source_name,
        source_province: proposal.origin.province(),
        target_kind: proposal.destination.kind(),
        target: proposal.destination.organization(),
        target_path: &target_path,
        target_name: &target_name,
        target_province,
        state: &proposal.state,
        deadline: expiry::deadline(&proposal.state, policy),
        filed_at: context.now,
        version: event.number,
    };
    let stored = transfers::insert(conn, &new)?;
    let id = stored.id;
    let facts = serde_json::to_string(&event.kind).map_err(|_| Error::Corrupt("an event that is not JSON"))?;
    transfers::append_event(conn, id, &event, &facts)?;
    let case = proposal.into_case(id);
    let holders = hand_over(conn, &case, policy, papers.member_name, &[], papers.chains)?;
    audit::record(conn, context, "transfer.filed", Some(&id.to_string()))?;
    Ok((case, stored, holders))
}

/// Answers what filing would answer, and stores nothing.
///
/// # Errors
/// When the caller may not know the member at all.
pub fn preview(conn: &mut Conn, context: &Context, vault: &Vault, filing: &Filing) -> Result<Preview> {
    let outcome = match gather(conn, context, vault, filing).and_then(|material| decide(context, filing, &material)) {
        Ok(proposal) => Ok(proposal),
        Err(Error::Refused(refusals)) if !hides(&refusals) => Err(refusals),
        Err(fault) => return Err(fault),
    };
    let fields = filing.reason.demanded(filing.details.external.is_some());
    Preview::of(conn, outcome, fields)
}

impl Preview {
    /// A preview with the names of everybody on the way.
    pub(super) fn of(
        conn: &mut Conn,
        outcome: std::result::Result<Proposal, Vec<Refusal>>,
        fields: Vec<Field>,
    ) -> Result<Self> {
        let steps = outcome.iter().flat_map(|proposal| &proposal.route);
        let on_the_way: Vec<_> = steps
            .flat_map(|step| step.holders.iter().copied().chain([step.organization]))
            .collect();
        let names = organizations::names(conn, &on_the_way)?;
        Ok(Self { outcome, names, fields })
    }
}

/// A person the caller may not know of is no matter for a preview: it answers what the filing answers.
fn hides(refusals: &[Refusal]) -> bool {
    let codes = [
        Code::MemberNotFound,
        Code::MemberNoMatch,
        Code::RequestMembersOnly,
        Code::ActorNotAdministrator,
    ];
    refusals.iter().any(|refusal| codes.contains(&refusal.code))
}

fn decide(context: &Context, filing: &Filing, material: &Material) -> Result<Proposal> {
    let target = material
        .target
        .as_ref()
        .map(|(_, facts, chain)| Target { facts, chain });
    let request = Request {
        side: filing.subject.side(),
        reason: filing.reason,
        details: &filing.details,
        target,
        external_organ: material.external_organ.as_ref(),
        explanation: filing.explanation.as_ref(),
    };
    let facts = FilingFacts {
        now: context.now,
        policy: &material.policy,
        actor: &context.actor,
        member: &material.facts,
        open_case: material.open_case,
        source: &material.source,
        request: &request,
    };
    propose::propose(&facts).map_err(Error::from)
}

fn gather(conn: &mut Conn, context: &Context, vault: &Vault, filing: &Filing) -> Result<Material> {
    let member = subject(conn, &context.actor, &filing.subject)?;
    // Moved out of the national tree: nothing here can be asked about him (T12).
    let branch_id = member.branch_id.ok_or(Code::TransferMemberNotActive)?;
    let branch = organizations::find(conn, branch_id)?.ok_or(Error::Corrupt("a member's branch"))?;
    let number = vault.open(Sealed::IdNumber, &member.id_number_sealed)?;
    let number = IdNumber::parse(&number, shanghai_date(context.now)).map_err(|_| Error::Corrupt("an ID number"))?;
    let (account, open_case) = members::account_and_open_case(conn, member.id)?;
    let facts = MemberFacts {
        id: member.id,
        account,
        birth_date: number.birth_date(),
        joined_on: member.joined_month,
        standing: member.standing,
        certification: member.certification,
        branch: branch.facts(),
    };
    let (source, target) = match filing.target.or_else(|| own(&context.actor, filing)) {
        Some(id) => {
            let target = named(conn, id)?;
            let [source, superiors] = chain::of_each(conn, [&branch.path, &target.path])?;
            let facts = target.facts();
            (source, Some((target, facts, superiors.ok_or(SUPERIORS)?)))
        }
        None => (chain::of(conn, &branch.path)?, None),
    };
    let province = filing.details.external.as_ref().and_then(|external| external.province);
    let external_organ = match province {
        Some(province) => external_organ(conn, province)?,
        None => None,
    };
    let policy = policies::of_season(conn, season_of(context.now))?;
    Ok(Material {
        member,
        facts,
        branch,
        open_case,
        source: source.ok_or(SUPERIORS)?,
        target,
        external_organ,
        policy,
    })
}

impl From<&Transfer> for OpenCase {
    fn from(transfer: &Transfer) -> Self {
        Self {
            id: transfer.id,
            started_by: transfer.started_by,
            filed_at: transfer.filed_at.into(),
        }
    }
}

/// The member a filing is about, locked: at most one filing of a member is decided at a time.
fn subject(conn: &mut Conn, actor: &Actor, subject: &Subject) -> Result<Member> {
    match subject {
        Subject::Myself => {
            may(actor, Action::FileForOneself, Object::Oneself)?;
            let id = actor.himself().ok_or(Code::RequestMembersOnly)?;
            Ok(members::find_locked(conn, id)?.ok_or(Error::Corrupt("an account of no member"))?)
        }
        Subject::Ours(id) => {
            authority::admit(Capacity::of(actor), Action::FileAsSource)?;
            let found = members::find_locked(conn, *id)?.filter(|member| member.branch_id.is_some());
            let (member, verdict) = decided(conn, actor, Action::FileAsSource, found)?;
            verdict.settle()?;
            Ok(member)
        }
        Subject::Named(Wanted { name, id_number }) => {
            may(actor, Action::LookUpMember, Object::Anyone)?;
            let found = members::by_id_number_locked(conn, id_number)?
                .filter(|member| member.name == *name && member.branch_id.is_some());
            // Who is in a special-unit holding is found by nobody else's look-up (S-30).
            let is_hidden = organizations::is_holding(conn, found.as_ref().and_then(|member| member.branch_id))?;
            Ok(found.filter(|_| !is_hidden).ok_or(Code::MemberNoMatch)?)
        }
    }
}

/// A target side that names no target means itself (§1.4.6: 转入组织发起申请时无需填写).
fn own(actor: &Actor, filing: &Filing) -> Option<OrganizationId> {
    let names_none = filing.reason == Reason::SpecialUnit || filing.details.external.is_some();
    match filing.subject.side() {
        Side::Target if !names_none => actor.office().map(|office| office.organization),
        _ => None,
    }
}

/// Whose superiors are not there is no organization.
const SUPERIORS: Error = Error::Corrupt("an organization's superiors");

/// The organization that was named as the target.
fn named(conn: &mut Conn, id: OrganizationId) -> Result<Organization> {
    let found = organizations::find(conn, id)?.filter(|found| found.purpose != Purpose::SpecialUnit);
    Ok(found.ok_or_else(|| Refusal::new(Code::OrganizationNotFound).at("/target"))?)
}

pub(super) fn target(conn: &mut Conn, id: OrganizationId) -> Result<(OrganizationFacts, Chain)> {
    let found = named(conn, id)?;
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

/// What a case keeps of where it leads; `known` is an organization that was loaded already. A holding keeps no path, so that
/// no list by path finds it (S-30).
fn target_columns(
    conn: &mut Conn,
    destination: &Destination,
    known: Option<&Organization>,
) -> Result<(String, String, Option<u8>)> {
    let province = match destination {
        Destination::Holding(_) => return Ok((String::new(), String::new(), None)),
        Destination::Province { province, .. } => Some(*province),
        Destination::Organization(_) => None,
    };
    let id = destination.organization();
    let (path, name) = match known.filter(|known| known.id == id) {
        Some(known) => (known.path.as_str().to_owned(), known.name.clone()),
        None => {
            let found = organizations::find(conn, id)?.ok_or(Error::Corrupt("a case's target"))?;
            (found.path.as_str().to_owned(), found.name)
        }
    };
    Ok((path, name, province))
}
