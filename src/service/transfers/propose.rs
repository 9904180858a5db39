//! Proposing transfers (§1.4), and previews. Both load the same input and check the same rules.
//!
//! A caller waits until the transaction is durable. Callers who wait at the same time share one transaction
//! ([`Batcher`]).

use super::case::LoadedCase;
use super::insert::{NewCase, insert_batch};
use super::load::{ProposalInput, ProposalRequest, load_batch};
use super::proposal::ProposedTransfer;
use super::view::{CaseView, render_batch};
use crate::db::Db;
use crate::db::{Batcher, Conn, Outcomes, Unique};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::language::Language;
use crate::domain::transfer::proposal_rules::OpenCase;
use crate::domain::transfer::propose::{self, Proposal, ProposalFacts, ProposalTerms, Target};
use crate::domain::transfer::reason::DetailField;
use crate::repository::transfers::Transfer;
use crate::repository::{appointments, organizations};
use crate::security::vault::Vault;
use crate::service::idempotency::{self, Claim, ClaimState, KeptAnswer};
use crate::service::{Context, Error, Result};

/// The answer of a preview.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The route the case would take, or every rule that blocks it.
    pub outcome: std::result::Result<Proposal, Vec<Refusal>>,
    /// The names of the organizations on the route.
    pub names: Vec<(OrganizationId, String)>,
    /// The fields that the reason requires (T5).
    pub fields: Vec<DetailField>,
}

/// A proposal with everything that its answer depends on.
pub struct ProposeTransfer {
    pub context: Context,
    pub vault: Vault,
    pub claim: Claim,
    pub transfer: ProposedTransfer,
    /// The language of the answer.
    pub language: Language,
    /// Renders the answer for the new case.
    pub render: fn(CaseView, Language) -> Result<KeptAnswer>,
}

impl ProposeTransfer {
    fn request(&self) -> ProposalRequest<'_> {
        ProposalRequest {
            context: &self.context,
            vault: &self.vault,
            transfer: &self.transfer,
        }
    }
}

/// The queue of proposals. Proposals that wait at the same time are decided in one transaction.
pub type ProposalQueue = Batcher<ProposeTransfer, KeptAnswer, Error>;

/// The queue of proposals for a database.
pub fn proposal_queue(db: Db) -> ProposalQueue {
    Batcher::new(db, propose_batch)
}

/// Proposes transfers, each once for its idempotency key. A command that depends on the result of another one in the
/// batch gets no outcome yet and is put off.
///
/// # Errors
/// When the database fails. Each command's own outcome holds every refusal, the first rule's first.
fn propose_batch(conn: &mut Conn, commands: &[&ProposeTransfer]) -> Result<Outcomes<KeptAnswer, Error>> {
    let claims: Vec<_> = commands
        .iter()
        .map(|command| (&command.context, &command.claim))
        .collect();
    let mut outcomes: Outcomes<KeptAnswer, Error> = Vec::with_capacity(commands.len());
    let mut new = Vec::new();
    for (place, state) in idempotency::claim_states(conn, &claims)?.into_iter().enumerate() {
        match state {
            ClaimState::Answered(answer) => outcomes.push(Some(answer)),
            ClaimState::SameKeyEarlier => outcomes.push(None),
            ClaimState::New => {
                outcomes.push(None);
                new.push(place);
            }
        }
    }
    let new_commands: Vec<_> = new.iter().map(|&place| commands[place]).collect();
    for (place, outcome) in new.into_iter().zip(propose_new(conn, &new_commands)?) {
        outcomes[place] = outcome;
    }
    Ok(outcomes)
}

/// Proposes the transfers whose keys are new.
fn propose_new(conn: &mut Conn, commands: &[&ProposeTransfer]) -> Result<Outcomes<KeptAnswer, Error>> {
    if commands.is_empty() {
        return Ok(Vec::new());
    }
    appointments::lock_offices_shared(conn)?;
    let requests: Vec<_> = commands.iter().map(|command| command.request()).collect();
    let mut outcomes: Outcomes<KeptAnswer, Error> = Vec::with_capacity(commands.len());
    let mut accepted = Vec::new();
    for (command, input) in commands.iter().zip(load_batch(conn, &requests)?) {
        let decided = input.map(|input| {
            let input = input?;
            Ok((decide(&command.context, &command.transfer, &input)?, input))
        });
        outcomes.push(match decided {
            Some(Ok((proposal, input))) => {
                accepted.push((outcomes.len(), *command, proposal, input));
                None
            }
            Some(Err(refused)) => Some(Err(refused)),
            None => None,
        });
    }
    if accepted.is_empty() {
        return Ok(outcomes);
    }
    let stored = store(conn, &accepted)?;
    let views = render_batch(conn, stored)?;
    let mut answers = Vec::with_capacity(accepted.len());
    for ((_, command, ..), view) in accepted.iter().zip(views) {
        let answer = (command.render)(view, command.language)?;
        answers.push((&command.context, &command.claim, answer));
    }
    idempotency::keep_many(conn, &answers)?;
    for ((place, ..), (.., answer)) in accepted.iter().zip(answers) {
        outcomes[*place] = Some(Ok(answer));
    }
    Ok(outcomes)
}

/// An accepted proposal: its index in the batch, the command, the decision and its input.
type Accepted<'a> = (usize, &'a ProposeTransfer, Proposal, ProposalInput);

fn store<'a>(conn: &mut Conn, accepted: &[Accepted<'a>]) -> Result<Vec<(&'a Context, (Transfer, LoadedCase))>> {
    let new_cases = accepted.iter().map(|(_, command, proposal, input)| {
        let target = input.target.as_ref();
        let chains = target.map(|(.., chain)| chain).into_iter().chain([&input.source]);
        NewCase {
            context: &command.context,
            proposal: proposal.clone(),
            policy: &input.policy,
            member_name: &input.member.name,
            source_path: &input.branch.path,
            source_name: &input.branch.name,
            details: &command.transfer.details,
            explanation: command.transfer.explanation.as_ref(),
            target: target.map(|(organization, ..)| organization),
            chains: chains.collect(),
        }
    });
    let stored = insert_batch(conn, new_cases.collect()).map_err(|error| match error.violated() {
        // The members are locked, so nobody else can propose for them now. If it happens anyway, the index refuses it.
        Some(Unique::OpenTransfer) => Code::TransferAlreadyOpen.into(),
        _ => error,
    })?;
    let contexts = accepted.iter().map(|(_, command, ..)| &command.context);
    Ok(contexts.zip(stored).collect())
}

/// Returns what proposing would answer, and stores nothing.
///
/// # Errors
/// When the caller may not know of the member at all.
pub fn preview(conn: &mut Conn, context: &Context, vault: &Vault, transfer: &ProposedTransfer) -> Result<Preview> {
    let request = ProposalRequest {
        context,
        vault,
        transfer,
    };
    let alone = load_batch(conn, &[request])?.pop().flatten();
    let input = alone.ok_or(Error::Corrupt("a single proposal was put off to another batch"))?;
    let outcome = match input.and_then(|input| decide(context, transfer, &input)) {
        Ok(proposal) => Ok(proposal),
        Err(Error::Refused(refusals)) if !hides(&refusals) => Err(refusals),
        Err(fault) => return Err(fault),
    };
    let fields = transfer.reason.demanded(transfer.details.external.is_some());
    Preview::of(conn, outcome, fields)
}

impl Preview {
    /// A preview with the names of the organizations on the route.
    pub(super) fn of(
        conn: &mut Conn,
        outcome: std::result::Result<Proposal, Vec<Refusal>>,
        fields: Vec<DetailField>,
    ) -> Result<Self> {
        let steps = outcome.iter().flat_map(|proposal| &proposal.route);
        let on_the_route: Vec<_> = steps
            .flat_map(|step| step.holders.iter().copied().chain([step.organization]))
            .collect();
        let names = organizations::names(conn, &on_the_route)?;
        Ok(Self { outcome, names, fields })
    }
}

/// Whether a preview must answer as the proposal would, because the caller may not know of the person.
fn hides(refusals: &[Refusal]) -> bool {
    let codes = [
        Code::MemberNotFound,
        Code::MemberNoMatch,
        Code::RequestMembersOnly,
        Code::ActorNotAdministrator,
    ];
    refusals.iter().any(|refusal| codes.contains(&refusal.code))
}

fn decide(context: &Context, transfer: &ProposedTransfer, input: &ProposalInput) -> Result<Proposal> {
    let target = input.target.as_ref().map(|(_, facts, chain)| Target { facts, chain });
    let request = ProposalTerms {
        side: transfer.subject.side(),
        reason: transfer.reason,
        details: &transfer.details,
        target,
        external_organ: input.external_organ.as_ref(),
        explanation: transfer.explanation.as_ref(),
    };
    let facts = ProposalFacts {
        now: context.now,
        policy: &input.policy,
        actor: &context.actor,
        member: &input.facts,
        open_case: input.open_case,
        source: &input.source,
        request: &request,
    };
    propose::propose(&facts).map_err(Error::from)
}

impl From<&Transfer> for OpenCase {
    fn from(transfer: &Transfer) -> Self {
        Self {
            id: transfer.id,
            started_by: transfer.started_by,
            proposed_at: transfer.proposed_at.into(),
        }
    }
}
