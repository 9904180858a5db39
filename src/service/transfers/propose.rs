//! Filing transfers (§1.4), and the preview of one: the same loading and the same rules.
//!
//! Whoever files waits for the transaction to be durable; those who wait together share one ([`Batcher`]).

use super::Loaded;
use super::insert::{Lodging, insert_batch};
use super::load::{Asked, ProposalInput, gather_all};
use super::view::{CaseView, finish_all};
use crate::db::Db;
use crate::db::{Batcher, Conn, Outcomes, Unique};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::language::Language;
use crate::domain::core::text::Remark;
use crate::domain::transfer::filing::OpenCase;
use crate::domain::transfer::propose::{self, FilingFacts, Proposal, Request, Target};
use crate::domain::transfer::reason::{Details, Field, Reason, Side};
use crate::repository::transfers::Transfer;
use crate::repository::{appointments, organizations};
use crate::security::vault::Vault;
use crate::service::idempotency::{self, Answer, Claim, Standing};
use crate::service::look_up::Wanted;
use crate::service::{Context, Error, Result};

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
    pub(super) fn side(&self) -> Side {
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

/// A filing with all that its answer depends on.
pub struct ProposeTransfer {
    pub context: Context,
    pub vault: Vault,
    pub claim: Claim,
    pub filing: Filing,
    /// The language of the answer.
    pub language: Language,
    /// Makes the answer of the new case.
    pub render: fn(CaseView, Language) -> Result<Answer>,
}

impl ProposeTransfer {
    fn asked(&self) -> Asked<'_> {
        Asked {
            context: &self.context,
            vault: &self.vault,
            filing: &self.filing,
        }
    }
}

/// Filings that wait for the database, those that wait together to be decided together.
pub type Filings = Batcher<ProposeTransfer, Answer, Error>;

/// The queue of filings before the database.
pub fn filings(db: Db) -> Filings {
    Batcher::new(db, propose_batch)
}

/// Files transfers, each once for its key. One that has to see what
/// another of them does is put off.
///
/// # Errors
/// When the database fails. Of one filing, every rule that blocks it, the first one first.
pub fn propose_batch(conn: &mut Conn, orders: &[&ProposeTransfer]) -> Result<Outcomes<Answer, Error>> {
    let claims: Vec<_> = orders.iter().map(|order| (&order.context, &order.claim)).collect();
    let mut fates: Outcomes<Answer, Error> = Vec::with_capacity(orders.len());
    let mut new = Vec::new();
    for (place, standing) in idempotency::standings(conn, &claims)?.into_iter().enumerate() {
        match standing {
            Standing::Answered(answer) => fates.push(Some(answer)),
            Standing::Twin => fates.push(None),
            Standing::New => {
                fates.push(None);
                new.push(place);
            }
        }
    }
    let asked: Vec<_> = new.iter().map(|&place| orders[place]).collect();
    for (place, fate) in new.into_iter().zip(file_new(conn, &asked)?) {
        fates[place] = fate;
    }
    Ok(fates)
}

/// The same of those whose keys are new.
fn file_new(conn: &mut Conn, orders: &[&ProposeTransfer]) -> Result<Outcomes<Answer, Error>> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    appointments::keep(conn)?;
    let asked: Vec<_> = orders.iter().map(|order| order.asked()).collect();
    let mut fates: Outcomes<Answer, Error> = Vec::with_capacity(orders.len());
    let mut accepted = Vec::new();
    for (order, material) in orders.iter().zip(gather_all(conn, &asked)?) {
        let decided = material.map(|material| {
            let material = material?;
            Ok((decide(&order.context, &order.filing, &material)?, material))
        });
        fates.push(match decided {
            Some(Ok((proposal, material))) => {
                accepted.push((fates.len(), *order, proposal, material));
                None
            }
            Some(Err(refused)) => Some(Err(refused)),
            None => None,
        });
    }
    if accepted.is_empty() {
        return Ok(fates);
    }
    let stored = store(conn, &accepted)?;
    let views = finish_all(conn, stored)?;
    let mut answers = Vec::with_capacity(accepted.len());
    for ((_, order, ..), view) in accepted.iter().zip(views) {
        let answer = (order.render)(view, order.language)?;
        answers.push((&order.context, &order.claim, answer));
    }
    idempotency::keep_all(conn, &answers)?;
    for ((place, ..), (.., answer)) in accepted.iter().zip(answers) {
        fates[*place] = Some(Ok(answer));
    }
    Ok(fates)
}

/// A filing that is accepted: its place in the group, and what was decided on what.
type Accepted<'a> = (usize, &'a ProposeTransfer, Proposal, ProposalInput);

fn store<'a>(conn: &mut Conn, accepted: &[Accepted<'a>]) -> Result<Vec<(&'a Context, (Transfer, Loaded))>> {
    let lodgings = accepted.iter().map(|(_, order, proposal, material)| {
        let target = material.target.as_ref();
        let chains = target.map(|(.., chain)| chain).into_iter().chain([&material.source]);
        Lodging {
            context: &order.context,
            proposal: proposal.clone(),
            policy: &material.policy,
            member_name: &material.member.name,
            source_path: &material.branch.path,
            source_name: &material.branch.name,
            details: &order.filing.details,
            explanation: order.filing.explanation.as_ref(),
            target: target.map(|(organization, ..)| organization),
            chains: chains.collect(),
        }
    });
    let lodged = insert_batch(conn, lodgings.collect()).map_err(|error| match error.violated() {
        // The members are locked, so nobody files beside us; should somebody all the same, the index says no.
        Some(Unique::OpenTransfer) => Code::TransferAlreadyOpen.into(),
        _ => error,
    })?;
    let contexts = accepted.iter().map(|(_, order, ..)| &order.context);
    Ok(contexts.zip(lodged).collect())
}

/// Answers what filing would answer, and stores nothing.
///
/// # Errors
/// When the caller may not know the member at all.
pub fn preview(conn: &mut Conn, context: &Context, vault: &Vault, filing: &Filing) -> Result<Preview> {
    let asked = Asked { context, vault, filing };
    let alone = gather_all(conn, &[asked])?.pop().flatten();
    let material = alone.ok_or(Error::Corrupt("a filing put off for itself"))?;
    let outcome = match material.and_then(|material| decide(context, filing, &material)) {
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

fn decide(context: &Context, filing: &Filing, material: &ProposalInput) -> Result<Proposal> {
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

impl From<&Transfer> for OpenCase {
    fn from(transfer: &Transfer) -> Self {
        Self {
            id: transfer.id,
            started_by: transfer.started_by,
            filed_at: transfer.filed_at.into(),
        }
    }
}
