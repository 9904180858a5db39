//! A small country for the tests of transfers. Each organization has one administrator, whose account id is the
//! organization's id plus 1000.

use super::case::Case;
use super::decide::{self, DecisionContext, Move, Transition};
use super::events::Event;
use super::proposal_rules::{MemberFacts, OpenCase};
use super::propose::{
    FormerMember, InboundFacts, Proposal, ProposalFacts, ProposalTerms, Target, propose, propose_inbound,
};
use super::reason::{Address, DestinationStage, Details, External, Reason, Side};
use super::state::Phase;
use crate::domain::authority::actor::{Actor, Office, Role};
use crate::domain::authority::scope::Grant;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId, TransferId};
use crate::domain::core::text::Remark;
use crate::domain::core::time::Timestamp;
use crate::domain::member::{Certification, Standing};
use crate::domain::organization::chain::{Chain, Link};
use crate::domain::organization::facts::{
    Level, OrganizationFacts, OrganizationKind, OrganizationPurpose, Path, Sector, Status, System,
};
use crate::domain::policy::Policy;

pub const NATION: OrganizationId = OrganizationId(1);
pub const PROVINCE: OrganizationId = OrganizationId(2);
pub const COUNTY: OrganizationId = OrganizationId(3);
pub const TOWNSHIP: OrganizationId = OrganizationId(30);
pub const VILLAGE: OrganizationId = OrganizationId(31);
pub const OTHER_VILLAGE: OrganizationId = OrganizationId(32);
pub const VILLAGE_GENERAL: OrganizationId = OrganizationId(33);
pub const UNIVERSITY: OrganizationId = OrganizationId(4);
pub const COLLEGE: OrganizationId = OrganizationId(40);
/// The member's branch.
pub const CLASS: OrganizationId = OrganizationId(41);
pub const GRADUATE_CLASS: OrganizationId = OrganizationId(43);
pub const FLOATING: OrganizationId = OrganizationId(44);
pub const ABROAD: OrganizationId = OrganizationId(45);
pub const HOLDING: OrganizationId = OrganizationId(49);
pub const OTHER_PROVINCE: OrganizationId = OrganizationId(5);
pub const OTHER_UNIVERSITY: OrganizationId = OrganizationId(50);
pub const OTHER_CLASS: OrganizationId = OrganizationId(51);
pub const FACTORY: OrganizationId = OrganizationId(52);
pub const FACTORY_BRANCH: OrganizationId = OrganizationId(53);
pub const CLOSED_BRANCH: OrganizationId = OrganizationId(54);
pub const BEIJING: OrganizationId = OrganizationId(6);
pub const BEIJING_UNIVERSITY: OrganizationId = OrganizationId(60);
/// The two-digit code of Beijing.
pub const BEIJING_CODE: u8 = 11;

pub const MEMBER: MemberId = MemberId(7);
pub const MEMBER_ACCOUNT: AccountId = AccountId(7);
pub const INTEGRATOR_ACCOUNT: AccountId = AccountId(8);

/// Every organization of the test country, both allowed and refused targets.
pub const ALL: [OrganizationId; 22] = [
    NATION,
    PROVINCE,
    COUNTY,
    TOWNSHIP,
    VILLAGE,
    OTHER_VILLAGE,
    VILLAGE_GENERAL,
    UNIVERSITY,
    COLLEGE,
    CLASS,
    GRADUATE_CLASS,
    FLOATING,
    ABROAD,
    HOLDING,
    OTHER_PROVINCE,
    OTHER_UNIVERSITY,
    OTHER_CLASS,
    FACTORY,
    FACTORY_BRANCH,
    CLOSED_BRANCH,
    BEIJING,
    BEIJING_UNIVERSITY,
];

/// Parses an instant in the form of RFC 3339.
pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a test writes a good instant")
}

fn parent(id: OrganizationId) -> Option<OrganizationId> {
    Some(match id {
        NATION => return None,
        PROVINCE | OTHER_PROVINCE | BEIJING => NATION,
        COUNTY | UNIVERSITY | HOLDING => PROVINCE,
        TOWNSHIP => COUNTY,
        VILLAGE | OTHER_VILLAGE | VILLAGE_GENERAL => TOWNSHIP,
        COLLEGE | FLOATING | ABROAD => UNIVERSITY,
        CLASS | GRADUATE_CLASS => COLLEGE,
        OTHER_UNIVERSITY | FACTORY => OTHER_PROVINCE,
        OTHER_CLASS => OTHER_UNIVERSITY,
        FACTORY_BRANCH | CLOSED_BRANCH => FACTORY,
        BEIJING_UNIVERSITY => BEIJING,
        other => panic!("{other:?} is not in the test country"),
    })
}

fn path(id: OrganizationId) -> Path {
    parent(id).map_or_else(|| Path::root(id), |parent| path(parent).child(id))
}

/// The facts about one of the organizations above.
pub fn organization(id: OrganizationId) -> OrganizationFacts {
    let (kind, level) = match id {
        NATION => (OrganizationKind::LeadingOrgan, Level::Nation),
        PROVINCE | OTHER_PROVINCE | BEIJING => (OrganizationKind::LeadingOrgan, Level::Province),
        COUNTY => (OrganizationKind::LeadingOrgan, Level::County),
        TOWNSHIP | UNIVERSITY | COLLEGE | OTHER_UNIVERSITY | FACTORY | BEIJING_UNIVERSITY => {
            (OrganizationKind::Committee, Level::Grassroots)
        }
        VILLAGE_GENERAL => (OrganizationKind::GeneralBranch, Level::Grassroots),
        _ => (OrganizationKind::Branch, Level::Grassroots),
    };
    let sector = match id {
        TOWNSHIP | VILLAGE | OTHER_VILLAGE | VILLAGE_GENERAL => Sector::TownshipVillage,
        FACTORY | FACTORY_BRANCH | CLOSED_BRANCH => Sector::Enterprise,
        NATION | PROVINCE | OTHER_PROVINCE | COUNTY | BEIJING | HOLDING => Sector::Institution,
        _ => Sector::School,
    };
    let purpose = match id {
        FLOATING => OrganizationPurpose::Floating,
        ABROAD => OrganizationPurpose::Abroad,
        HOLDING => OrganizationPurpose::SpecialUnit,
        _ => OrganizationPurpose::Ordinary,
    };
    let path = path(id);
    let school = path
        .ids()
        .rev()
        .find(|id| [UNIVERSITY, OTHER_UNIVERSITY, BEIJING_UNIVERSITY].contains(id));
    let leading_organ = path
        .superiors()
        .find(|id| [NATION, PROVINCE, OTHER_PROVINCE, BEIJING, COUNTY].contains(id));
    let province = match path.ids().nth(1) {
        Some(BEIJING) => Some(BEIJING_CODE),
        Some(OTHER_PROVINCE) => Some(32),
        Some(_) => Some(42),
        None => None,
    };
    OrganizationFacts {
        id,
        parent: parent(id),
        path,
        kind,
        level,
        system: System::Place,
        sector,
        stage: None,
        is_township: id == TOWNSHIP,
        has_school_code: school == Some(id),
        purpose,
        status: if id == CLOSED_BRANCH {
            Status::Closed
        } else {
            Status::Active
        },
        graduation: None,
        graduated_season: (id == GRADUATE_CLASS).then_some(2026),
        school,
        leading_organ,
        province,
    }
}

/// The account of an organization's only administrator.
pub fn account_of(id: OrganizationId) -> AccountId {
    AccountId(id.0 + 1000)
}

/// An organization with its superiors. Each has its one administrator, except the vacant ones.
pub fn chain_with_vacant(id: OrganizationId, vacant: &[OrganizationId]) -> Chain {
    let link = |id| {
        let OrganizationFacts { kind, level, .. } = organization(id);
        let administrators = if vacant.contains(&id) {
            vec![]
        } else {
            vec![account_of(id)]
        };
        Link {
            organization: id,
            kind,
            level,
            administrators,
        }
    };
    Chain::new(link(id), organization(id).path.superiors().map(link).collect())
}

/// The only administrator of an organization.
pub fn administrator(id: OrganizationId) -> Actor {
    let OrganizationFacts { path, kind, .. } = organization(id);
    let office = Office {
        appointment: AppointmentId(id.0),
        organization: id,
        path,
        kind,
    };
    Actor::administrator(account_of(id), None, office)
}

/// The member, acting for themselves.
pub fn member() -> Actor {
    Actor::member(MEMBER_ACCOUNT, MEMBER)
}

/// A member the cases are not about.
pub fn stranger() -> Actor {
    Actor::member(AccountId(9), MemberId(9))
}

/// Beijing's system.
pub fn integrator() -> Actor {
    Actor {
        account: Some(INTEGRATOR_ACCOUNT),
        member: None,
        role: Role::Integrator {
            organization: BEIJING,
            province: Some(BEIJING_CODE),
            grant: Grant::everything(BEIJING),
        },
    }
}

/// An allowed proposal under construction. A test changes the part it is about.
#[derive(Debug, Clone)]
pub struct ProposalDraft {
    pub now: Timestamp,
    pub policy: Policy,
    pub actor: Actor,
    pub member: MemberFacts,
    pub open_case: Option<OpenCase>,
    pub side: Side,
    pub reason: Reason,
    pub details: Details,
    pub target: Option<OrganizationId>,
    pub explanation: Option<&'static str>,
    /// Organizations without an administrator.
    pub vacant: Vec<OrganizationId>,
}

impl ProposalDraft {
    /// An adult, certified member of the class proposes their own transfer on 1 July 2026.
    pub fn new(reason: Reason, target: Option<OrganizationId>) -> Self {
        ProposalDraft {
            now: at("2026-07-01T04:00:00Z"),
            policy: Policy::default_for(2026),
            actor: member(),
            member: MemberFacts {
                id: MEMBER,
                account: Some(MEMBER_ACCOUNT),
                birth_date: "2004-05-06".parse().expect("a good date"),
                joined_on: "2021-05".parse().expect("a good month"),
                standing: Standing::Good,
                certification: Certification::Certified,
                branch: organization(CLASS),
            },
            open_case: None,
            side: Side::Member,
            reason,
            details: details(reason),
            target,
            explanation: None,
            vacant: vec![],
        }
    }

    /// A member without a post moves to the village, the simplest transfer.
    pub fn to_village() -> Self {
        Self::new(Reason::Unsettled, Some(VILLAGE))
    }

    /// A transfer to the other university, which its administrator may also start.
    pub fn to_other_university() -> Self {
        Self::new(Reason::FurtherStudy, Some(OTHER_UNIVERSITY))
    }

    /// A transfer to a special unit.
    pub fn to_special_unit() -> Self {
        Self::new(Reason::SpecialUnit, None)
    }

    /// A transfer to Beijing.
    pub fn to_beijing() -> Self {
        let mut draft = Self::new(Reason::FurtherStudy, None);
        draft.details.external = Some(External {
            province: Some(BEIJING_CODE),
            name: Some("北京某大学".into()),
            organization: Some("共青团北京某大学委员会".into()),
            address: Some(address("110108")),
        });
        draft
    }

    /// Sets the side and the administrator that start the transfer.
    pub fn started_by(self, side: Side, organization: OrganizationId) -> Self {
        ProposalDraft {
            side,
            actor: administrator(organization),
            ..self
        }
    }

    /// Sets the member's birth date.
    pub fn born(mut self, birth_date: &str) -> Self {
        self.member.birth_date = birth_date.parse().expect("a test writes a good date");
        self
    }

    fn with_request<T>(&self, ask: impl FnOnce(&ProposalTerms<'_>) -> T) -> T {
        let facts = self.target.map(organization);
        let target_chain = self.target.map(|target| chain_with_vacant(target, &self.vacant));
        let beijing = chain_with_vacant(BEIJING, &self.vacant);
        let explanation = self.explanation.and_then(Remark::new);
        let province = self.details.external.as_ref().and_then(|external| external.province);
        ask(&ProposalTerms {
            side: self.side,
            reason: self.reason,
            details: &self.details,
            target: facts
                .as_ref()
                .zip(target_chain.as_ref())
                .map(|(facts, chain)| Target { facts, chain }),
            external_organ: (province == Some(BEIJING_CODE)).then_some(&beijing),
            explanation: explanation.as_ref(),
        })
    }

    /// Decides the proposal.
    pub fn propose(&self) -> Result<Proposal, Vec<Refusal>> {
        let source = chain_with_vacant(self.member.branch.id, &self.vacant);
        self.with_request(|request| {
            propose(&ProposalFacts {
                now: self.now,
                policy: &self.policy,
                actor: &self.actor,
                member: &self.member,
                open_case: self.open_case,
                source: &source,
                request,
            })
        })
    }

    /// Decides the proposal as one from Beijing (X2).
    pub fn propose_inbound(&self, known: Option<FormerMember>) -> Result<Proposal, Vec<Refusal>> {
        self.with_request(|request| {
            propose_inbound(&InboundFacts {
                birth_date: self.member.birth_date,
                now: self.now,
                policy: &self.policy,
                actor: &self.actor,
                known,
                account: None,
                open_case: self.open_case,
                request,
            })
        })
    }

    /// The codes of everything that blocks the proposal.
    pub fn codes(&self) -> Vec<Code> {
        codes(self.propose())
    }

    /// The case that the proposal makes.
    pub fn play(&self) -> Play {
        Play::new(self.propose().expect("the test's draft is allowed"), &self.vacant)
    }
}

/// The codes of the refusals, or none.
pub fn codes(result: Result<Proposal, Vec<Refusal>>) -> Vec<Code> {
    result.err().into_iter().flatten().map(|refusal| refusal.code).collect()
}

/// A case with its history, on which actors act.
#[derive(Debug, Clone)]
pub struct Play {
    pub case: Case,
    pub events: Vec<Event>,
    pub movement: Option<Move>,
    pub policy: Policy,
    pub now: Timestamp,
    pub vacant: Vec<OrganizationId>,
}

impl Play {
    pub fn new(proposal: Proposal, vacant: &[OrganizationId]) -> Self {
        let (event, policy) = (proposal.event.clone(), Policy::default_for(proposal.season));
        let now = event.at;
        let case = proposal.into_case(TransferId(1));
        Play {
            case,
            events: vec![event],
            movement: None,
            policy,
            now,
            vacant: vacant.to_vec(),
        }
    }

    /// The organizations whose turn it is.
    pub fn holders(&self) -> Vec<OrganizationId> {
        self.case.state.turn().map_or_else(Vec::new, |turn| {
            let chain = chain_with_vacant(turn.organization, &self.vacant);
            turn.holders(&chain, &self.case.excluded()).organizations
        })
    }

    /// Calls a function with the case and an actor's decision context.
    pub fn ask<T>(&self, actor: &Actor, question: impl FnOnce(&Case, &DecisionContext<'_>) -> T) -> T {
        let holders = self.holders();
        question(
            &self.case,
            &DecisionContext {
                now: self.now,
                actor,
                holders: &holders,
                starter: self.case.proposed_for,
                policy: &self.policy,
            },
        )
    }

    fn act(
        &mut self,
        actor: &Actor,
        action: impl FnOnce(Case, &DecisionContext<'_>) -> Result<Transition, Refusal>,
    ) -> Result<(), Code> {
        let transition = self
            .ask(actor, |case, context| action(case.clone(), context))
            .map_err(|refusal| refusal.code)?;
        self.take(transition);
        Ok(())
    }

    fn take(&mut self, transition: Transition) {
        self.case = transition.case;
        self.events.push(transition.event);
        self.movement = transition.movement;
    }

    pub fn approve(&mut self, actor: &Actor) -> Result<(), Code> {
        self.act(actor, decide::approve)
    }

    pub fn refuse(&mut self, actor: &Actor, reason: &str) -> Result<(), Code> {
        self.act(actor, |case, context| {
            decide::refuse(case, context, Remark::new(reason))
        })
    }

    pub fn assign(&mut self, actor: &Actor, branch: OrganizationId) -> Result<(), Code> {
        self.act(actor, |case, context| {
            decide::assign(case, context, &organization(branch))
        })
    }

    pub fn withdraw(&mut self, actor: &Actor) -> Result<(), Code> {
        self.act(actor, decide::withdraw)
    }

    pub fn accept_external(&mut self, actor: &Actor) -> Result<(), Code> {
        self.act(actor, decide::accept_external)
    }

    pub fn refuse_external(&mut self, actor: &Actor, reason: &str) -> Result<(), Code> {
        self.act(actor, |case, context| {
            decide::refuse_external(case, context, Remark::new(reason))
        })
    }

    /// Runs the expiry job on the case. Returns whether the case was ended.
    pub fn expire(&mut self) -> bool {
        let transition = decide::expire(self.case.clone(), &self.policy, self.now);
        transition.map(|transition| self.take(transition)).is_some()
    }

    /// Runs the escalation job on the case. Returns whether it was escalated.
    pub fn escalate(&mut self) -> bool {
        let transition = decide::escalate(self.case.clone(), &self.policy, self.now);
        transition.map(|transition| self.take(transition)).is_some()
    }

    pub fn phase(&self) -> Phase {
        self.case.state.phase()
    }
}

fn address(division_code: &str) -> Address {
    Address {
        division_code: division_code.into(),
        text: "某路1号".into(),
    }
}

/// Valid details for a reason.
pub fn details(reason: Reason) -> Details {
    let (name, address) = (Some("某单位".to_owned()), Some(address("130102")));
    match reason {
        Reason::FurtherStudy => Details {
            destination_stage: Some(DestinationStage::RegularUniversity),
            school_name: name,
            school_address: address,
            ..Details::default()
        },
        Reason::EmployedWithLeague | Reason::EmployedWithoutLeague => Details {
            employer_name: name,
            employer_address: address,
            ..Details::default()
        },
        Reason::Unsettled => Details {
            home_address: address,
            ..Details::default()
        },
        Reason::Abroad | Reason::SpecialUnit => Details::default(),
    }
}
