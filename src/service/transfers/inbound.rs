//! Inbound cases from Beijing, Guangdong and Fujian (X2). The province's system proposes them with the person's data,
//! and the target decides them like any other case. Completing one makes the person a member, or a member again.
//!
//! Where the rules are silent, we decided as follows:
//! - The other system answers for what it says about the person. A person who had to be certified there counts as
//!   certified here (T3).
//! - A transfer renames nobody. A person with a known ID number must have the same name.
//! - A member who comes back keeps what was recorded here, except telephone number, political status, education and
//!   ethnic group, which are updated.

use super::insert::{NewCase, insert_batch};
use super::load::target;
use super::propose::Preview;
use super::view::{CaseView, view};
use crate::db::{Conn, Unique};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId, TransferId};
use crate::domain::core::name::is_same_name;
use crate::domain::core::text::Remark;
use crate::domain::core::time::{season_of, shanghai_date};
use crate::domain::member::Standing;
use crate::domain::member::certification::t3_of_inbound;
use crate::domain::member::particulars::Particulars;
use crate::domain::organization::chain::Chain;
use crate::domain::organization::facts::{OrganizationFacts, Path};
use crate::domain::policy::Policy;
use crate::domain::transfer::proposal_rules::{OpenCase, t2_already_open};
use crate::domain::transfer::propose::{self, FormerMember, InboundFacts, Proposal, ProposalTerms, Target};
use crate::domain::transfer::reason::{Details, Reason, Side};
use crate::repository::inbound::{self, SealedPerson};
use crate::repository::members::{self, Member};
use crate::repository::reseal::{self, Fields};
use crate::repository::transfers::{self, Transfer};
use crate::repository::{accounts, appointments, organizations};
use crate::security::vault::{SealPurpose, SealedRow, Vault};
use crate::service::look_up::LookedUpPerson;
use crate::service::registration::StatedParticulars;
use crate::service::{Context, Error, Result, people, policies};

/// A person from an external province, as its system describes them.
#[derive(Clone)]
pub struct InboundPerson {
    pub name: String,
    pub id_number: IdNumber,
    pub particulars: StatedParticulars,
}

impl InboundPerson {
    /// The person with fields sealed for a case, as the tables store them.
    fn seal(&self, vault: &Vault, case: TransferId, particulars: &Particulars) -> SealedPerson {
        let row = SealedRow::InboundCase(case);
        let number = self.id_number.reveal();
        let phone = particulars.phone.as_deref();
        SealedPerson {
            id_number_sealed: vault.seal(SealPurpose::IdNumber, row, number),
            id_number_digest: vault.digest(SealPurpose::IdNumber, number),
            phone_sealed: phone.map(|phone| vault.seal(SealPurpose::Phone, row, phone)),
            phone_digest: phone.map(|phone| vault.digest(SealPurpose::Phone, phone)),
            ethnic_group: particulars.ethnic_group.map(str::to_owned),
            political_status: particulars.political_status.map(str::to_owned),
            education: particulars.education.clone(),
            joined_month: particulars.joined_month,
            development_number: particulars.development_number.clone(),
        }
    }

    /// The person as the subject of a look-up. Proposing reveals whether they are a member here, so it is charged as a
    /// look-up (T4).
    pub fn wanted(&self, vault: &Vault) -> LookedUpPerson {
        LookedUpPerson {
            name: self.name.clone(),
            id_number: vault.digest(SealPurpose::IdNumber, self.id_number.reveal()),
        }
    }
}

/// A transfer that an external province's system proposes.
#[derive(Clone)]
pub struct ProposedInbound {
    pub person: InboundPerson,
    pub reason: Reason,
    pub details: Details,
    pub target: Option<OrganizationId>,
    /// Why somebody under 16 leaves the school sector (T9).
    pub explanation: Option<Remark>,
}

/// Everything that was loaded for the decision about a proposal.
struct InboundInput {
    /// The digest of the person's ID number.
    id_number: Vec<u8>,
    known: Option<FormerMember>,
    /// The person's account, whether or not they are a member here.
    account: Option<AccountId>,
    open_case: Option<OpenCase>,
    target: Option<(OrganizationFacts, Chain)>,
    policy: Policy,
    /// What is recorded about the person, or every fault of it (P2).
    particulars: std::result::Result<Particulars, Vec<Refusal>>,
    /// Refusals because of what is already stored.
    clashes: Vec<Refusal>,
}

/// Proposes a case from an external province.
///
/// # Errors
/// Every rule that blocks it, the first one first.
pub fn propose_inbound(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    proposed: &ProposedInbound,
) -> Result<CaseView> {
    appointments::lock_offices_shared(conn)?;
    let input = load(conn, vault, context, proposed)?;
    let (proposal, particulars) = decide(context, proposed, &input)?;
    let organ = context
        .actor
        .acting_for()
        .ok_or(Error::Corrupt("an integrator has no organization"))?;
    let organ = organizations::find(conn, organ)?.ok_or(Error::Corrupt("an integrator's organization is missing"))?;
    let new_case = NewCase {
        context,
        proposal,
        policy: &input.policy,
        member_name: &proposed.person.name,
        source_path: &organ.path,
        source_name: &organ.name,
        details: &proposed.details,
        explanation: proposed.explanation.as_ref(),
        target: None,
        chains: Vec::new(),
    };
    let stored: Result<Transfer> = conn.savepoint(|conn| {
        let stored = insert_batch(conn, vec![new_case])?.pop();
        let (stored, _) = stored.ok_or(Error::Corrupt("a case was not stored"))?;
        inbound::insert(conn, stored.id, &proposed.person.seal(vault, stored.id, &particulars))?;
        Ok(stored)
    });
    let stored = match stored {
        // T2: a person who is not a member has no row to lock, so a second proposal gets this far. It finds the first
        // one's case now.
        Err(fault) if fault.violated() == Some(Unique::InboundPerson) => {
            let first = open_case(conn, &input.id_number, None)?;
            t2_already_open(first.as_ref())?;
            return Err(Code::ServiceBusy.into());
        }
        stored => stored?,
    };
    view(conn, context, stored)
}

/// Returns what proposing would answer, and stores nothing.
///
/// # Errors
/// When the database fails.
pub fn preview_inbound(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    proposed: &ProposedInbound,
) -> Result<Preview> {
    let decided = load(conn, vault, context, proposed).and_then(|input| decide(context, proposed, &input));
    let outcome = match decided {
        Ok((proposal, _)) => Ok(proposal),
        Err(Error::Refused(refusals)) => Err(refusals),
        Err(fault) => return Err(fault),
    };
    Preview::of(conn, outcome, proposed.reason.demanded(false))
}

fn load(conn: &mut Conn, vault: &Vault, context: &Context, proposed: &ProposedInbound) -> Result<InboundInput> {
    let id_number = vault.digest(SealPurpose::IdNumber, proposed.person.id_number.reveal());
    let member = members::by_id_number_locked(conn, &id_number)?;
    let known = member.as_ref().map(|member| FormerMember {
        id: member.id,
        standing: member.standing,
    });
    let target = match proposed.target {
        Some(id) => Some(target(conn, id)?),
        None => None,
    };
    let account = accounts::by_id_number(conn, &id_number)?;
    let policy = policies::of_season(conn, season_of(context.now))?;
    Ok(InboundInput {
        account: account.map(|(account, _)| account.id),
        open_case: open_case(conn, &id_number, known)?,
        clashes: clashes(conn, &proposed.person, member.as_ref())?,
        particulars: Particulars::check(
            &proposed.person.particulars.given(),
            proposed.person.id_number.birth_date(),
            shanghai_date(context.now),
            &policy,
        ),
        policy,
        id_number,
        known,
        target,
    })
}

/// T2: the open case of a person, whether or not they are a member here.
fn open_case(conn: &mut Conn, id_number: &[u8], known: Option<FormerMember>) -> Result<Option<OpenCase>> {
    let open = match (known, inbound::open_of(conn, id_number)?) {
        (_, Some(inbound)) => transfers::find(conn, inbound)?,
        (Some(known), None) => transfers::open_of(conn, known.id)?,
        (None, None) => None,
    };
    Ok(open.as_ref().map(OpenCase::from))
}

/// Checks that a member who comes back has the same name, and that a newcomer's development number is free.
fn clashes(conn: &mut Conn, person: &InboundPerson, member: Option<&Member>) -> Result<Vec<Refusal>> {
    let refusal = match (member, &person.particulars.development_number) {
        // For a current member the caller learns only that they are a member.
        (Some(member), _) if member.standing == Standing::MovedOut && !is_same_name(&member.name, &person.name) => {
            Some(Refusal::new(Code::MemberNoMatch).at("/person/name"))
        }
        (None, Some(number)) if members::is_development_number_taken(conn, number)? => {
            Some(Refusal::new(Code::MemberDevelopmentNumberTaken).at("/person/development_number"))
        }
        _ => None,
    };
    Ok(refusal.into_iter().collect())
}

fn decide(context: &Context, proposed: &ProposedInbound, input: &InboundInput) -> Result<(Proposal, Particulars)> {
    let request = ProposalTerms {
        side: Side::Source,
        reason: proposed.reason,
        details: &proposed.details,
        target: input.target.as_ref().map(|(facts, chain)| Target { facts, chain }),
        external_organ: None,
        explanation: proposed.explanation.as_ref(),
    };
    let facts = InboundFacts {
        now: context.now,
        policy: &input.policy,
        actor: &context.actor,
        birth_date: proposed.person.id_number.birth_date(),
        known: input.known,
        account: input.account,
        open_case: input.open_case,
        request: &request,
    };
    let proposal = propose::propose_inbound(&facts);
    match (proposal, &input.particulars) {
        (Ok(proposal), Ok(particulars)) if input.clashes.is_empty() => Ok((proposal, particulars.clone())),
        (proposal, particulars) => {
            let of_person = particulars.as_ref().err().into_iter().flatten().cloned().map(of_person);
            let mut refusals = proposal.err().unwrap_or_default();
            refusals.extend(input.clashes.clone().into_iter().chain(of_person));
            Err(refusals.into())
        }
    }
}

/// A refusal that points into the person's part of the body.
fn of_person(refusal: Refusal) -> Refusal {
    let inside = refusal.pointer.clone().unwrap_or_default();
    refusal.at(format!("/person{inside}"))
}

/// Makes the person of a completed case a member of a branch.
///
/// # Errors
/// `transfer.inbound_member_exists` or `member.development_number_taken`, if one of the numbers was taken while the
/// case waited.
pub(super) fn create_member(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    transfer: &Transfer,
    branch: (OrganizationId, &Path),
) -> Result<()> {
    let person = person(conn, transfer)?;
    let policy = policies::of_season(conn, transfer.season)?;
    let certification = t3_of_inbound(person.joined_month, &policy);
    let created = members::create_inbound(
        conn,
        &transfer.member_name,
        &person,
        certification,
        branch,
        transfer.id,
        context.now,
    );
    let member = created.map_err(|e| match Unique::violated(&e) {
        Some(Unique::MemberIdNumber) => Code::TransferInboundMemberExists.into(),
        Some(Unique::DevelopmentNumber) => Code::MemberDevelopmentNumberTaken.into(),
        _ => Error::from(e),
    })?;
    // The row has its key only now, and its fields are still sealed for the case.
    let fields = Fields {
        key: member.0,
        id_number: Some(handed_over(
            vault,
            SealPurpose::IdNumber,
            transfer,
            member,
            &person.id_number_sealed,
        )?),
        phone: phone_of(vault, transfer, member, &person)?,
    };
    reseal::store_member(conn, &fields)?;
    transfers::set_member(conn, transfer.id, member)?;
    people::join_new_member(conn, context, member)
}

/// Updates a member who comes back with what the other system says.
pub(super) fn refresh(conn: &mut Conn, vault: &Vault, transfer: &Transfer, member: MemberId) -> Result<()> {
    let person = person(conn, transfer)?;
    let phone_sealed = phone_of(vault, transfer, member, &person)?;
    Ok(members::refresh(
        conn,
        member,
        &SealedPerson { phone_sealed, ..person },
    )?)
}

fn phone_of(vault: &Vault, transfer: &Transfer, member: MemberId, person: &SealedPerson) -> Result<Option<Vec<u8>>> {
    let phone = person.phone_sealed.as_deref();
    phone
        .map(|sealed| handed_over(vault, SealPurpose::Phone, transfer, member, sealed))
        .transpose()
}

/// A field of a case's person, sealed for the member's row.
fn handed_over(
    vault: &Vault,
    purpose: SealPurpose,
    transfer: &Transfer,
    member: MemberId,
    sealed: &[u8],
) -> Result<Vec<u8>> {
    let (from, to) = (SealedRow::InboundCase(transfer.id), SealedRow::Member(member));
    Ok(vault.hand_over(purpose, from, to, sealed)?)
}

/// Notes that a person's case has ended, so that another one may be proposed for them.
pub(super) fn close(conn: &mut Conn, transfer: TransferId) -> Result<()> {
    Ok(inbound::close(conn, transfer)?)
}

fn person(conn: &mut Conn, transfer: &Transfer) -> Result<SealedPerson> {
    inbound::find(conn, transfer.id)?.ok_or(Error::Corrupt("an inbound case's person is missing"))
}
