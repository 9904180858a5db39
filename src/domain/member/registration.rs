//! Registering a member at a branch (P1), and the changes that need no decision (P3).

use super::certification::t3_certification;
use super::particulars::{GivenParticulars, Particulars};
use super::{Certification, Standing};
use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object, Relation};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::catalogue::rule::Rule;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::{OrganizationFacts, Stage};
use crate::domain::policy::Policy;
use crate::domain::transfer::proposal_rules::{OpenCase, t2_already_open};
use chrono::NaiveDate;

/// Whom an ID number belongs to already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberHolder {
    /// Nobody is known by it.
    Nobody,
    /// A member of the same name. `branch` is their branch, if the caller may learn it (T4, S-30).
    SamePerson {
        /// Where the member is.
        branch: Option<OrganizationId>,
        /// The member's standing.
        standing: Standing,
    },
    /// Somebody of another name, or somebody of whom the caller may learn nothing.
    SomebodyElse,
}

/// Everything that a registration depends on.
#[derive(Debug)]
pub struct RegistrationFacts<'a> {
    /// Who registers.
    pub actor: &'a Actor,
    /// The branch.
    pub branch: &'a OrganizationFacts,
    /// The organizations that act for the branch (A10).
    pub holders: &'a [OrganizationId],
    /// Whom the ID number belongs to.
    pub holder: NumberHolder,
    /// The person's open case from another province (X2).
    pub open_case: Option<OpenCase>,
    /// Whether another member has the development number.
    pub is_development_number_taken: bool,
    /// The number of the branch's members.
    pub members: i64,
    /// The policy of the season.
    pub policy: &'a Policy,
    /// Today.
    pub today: NaiveDate,
}

/// A registration that the rules allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// What is recorded.
    pub particulars: Particulars,
    /// The state of the identity certification (T3).
    pub certification: Certification,
    /// What to know about it. It blocks nothing.
    pub warnings: Vec<RegistrationWarning>,
}

vocabulary! {
    /// What is unusual about a registration. It blocks nothing.
    RegistrationWarning {
        PhoneMissing = "phone_missing", "毕业团员须填写手机号码，否则将来无法联系。",
            "A graduating member needs a telephone number. Without one nobody can reach them later.";
        BranchTooLarge = "branch_too_large", "该支部人数超过上限，宜调整。",
            "The branch has more members than a branch should have.";
    }
}

impl RegistrationWarning {
    /// The rule behind it.
    pub fn rule(self) -> Rule {
        match self {
            Self::PhoneMissing => Rule::P2,
            Self::BranchTooLarge => Rule::O3,
        }
    }
}

/// P1: registers a person as a member of a branch. It reports everything that is wrong at once.
///
/// # Errors
/// Those of [`p1_may_register`]; `member.already_registered`, `member.number_taken`, `transfer.already_open`,
/// `member.development_number_taken`, and those of [`Particulars::check`].
pub fn p1_register(
    facts: &RegistrationFacts<'_>,
    id_number: &IdNumber,
    given: &GivenParticulars<'_>,
) -> Result<Registered, Vec<Refusal>> {
    p1_may_register(facts.actor, facts.branch, facts.holders).map_err(|refusal| vec![refusal])?;
    let checked = Particulars::check(given, id_number.birth_date(), facts.today, facts.policy);
    let is_taken = facts
        .is_development_number_taken
        .then(|| Refusal::new(Code::MemberDevelopmentNumberTaken).at("/development_number"));
    let mut refusals: Vec<Refusal> = p1_free(facts.holder).err().into_iter().collect();
    refusals.extend(t2_already_open(facts.open_case.as_ref()).err());
    refusals.extend(is_taken);
    match checked {
        Ok(particulars) if refusals.is_empty() => Ok(Registered {
            certification: t3_certification(particulars.joined_month, None, facts.policy),
            warnings: warnings(facts, &particulars),
            particulars,
        }),
        Ok(_) => Err(refusals),
        Err(more) => Err(refusals.into_iter().chain(more).collect()),
    }
}

/// P1: the branch, its direct superior, or the organization that acts for them (A10) registers members. Only a branch
/// has members.
///
/// # Errors
/// `actor.not_administrator`; `organization.not_found` outside the actor's subtree (O6);
/// `member.registration_not_allowed`, `member.only_in_branch`, `organization.closed`.
pub fn p1_may_register(actor: &Actor, branch: &OrganizationFacts, holders: &[OrganizationId]) -> Result<(), Refusal> {
    let object = Object::turn(&branch.path, holders);
    authority::decide(actor, Action::RegisterMember, object)
        .into_result()
        .map_err(|code| Refusal::new(code).ask(branch.id))?;
    if !branch.is_branch() {
        return Err(Code::MemberOnlyInBranch.into());
    }
    if branch.is_active() {
        Ok(())
    } else {
        Err(Code::OrganizationClosed.into())
    }
}

/// P1: an ID number is unique in the nation. Somebody who gives the full name and the number learns where the member is,
/// as by a look-up (T4). A number under another name gets one and the same refusal.
fn p1_free(holder: NumberHolder) -> Result<(), Refusal> {
    match holder {
        NumberHolder::Nobody => Ok(()),
        NumberHolder::SamePerson { branch, standing } => {
            let refusal = Refusal::new(Code::MemberAlreadyRegistered)
                .with_term("standing", standing.text())
                .at("/id_number");
            Err(branch.map_or(refusal.clone(), |branch| refusal.ask(branch)))
        }
        NumberHolder::SomebodyElse => Err(Refusal::new(Code::MemberNumberTaken).at("/id_number")),
    }
}

fn warnings(facts: &RegistrationFacts<'_>, particulars: &Particulars) -> Vec<RegistrationWarning> {
    use RegistrationWarning::*;
    // Pupils of junior and senior high schools often have no telephone of their own.
    let is_pupil = matches!(facts.branch.stage, Some(Stage::JuniorHigh | Stage::SeniorHigh));
    let is_graduating = facts.branch.graduation.is_some() && !is_pupil;
    let all = [
        (is_graduating && particulars.phone.is_none(), PhoneMissing),
        (facts.members >= facts.policy.branch_members_max.into(), BranchTooLarge),
    ];
    all.into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, warning)| warning)
        .collect()
}

vocabulary! {
    /// Something recorded about a member that can change, as the history of their record names it.
    MemberField {
        Phone = "phone", "手机号码", "telephone number";
        Education = "education", "学历", "education";
        PoliticalStatus = "political_status", "政治面貌", "political status";
        EthnicGroup = "ethnic_group", "民族", "ethnic group";
    }
}

/// P3: who may change a field: the branch, its direct superior or whoever acts for them (A10), and the member
/// themselves their telephone number.
///
/// # Errors
/// `member.not_found` for callers who may not know of the member (O6); `member.change_not_allowed`.
pub fn p3_may_change(actor: &Actor, member: Object<'_>, field: MemberField) -> Result<(), Refusal> {
    authority::decide(actor, Action::ChangeMember, member).into_result()?;
    let keeps_the_record =
        |relation: &Relation| matches!(relation, Relation::Own | Relation::DirectSuperior | Relation::Holder);
    let is_in_charge = authority::relations(actor, member).iter().any(keeps_the_record);
    if field == MemberField::Phone || is_in_charge {
        Ok(())
    } else {
        Err(Code::MemberChangeNotAllowed.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{administrator, class, class_of, college, university};

    fn month(text: &str) -> crate::domain::core::time::Month {
        text.parse().unwrap()
    }

    fn register(
        branch: &OrganizationFacts,
        change: impl FnOnce(&mut RegistrationFacts<'_>),
    ) -> Result<Registered, Vec<Code>> {
        let actor = administrator(&class());
        let policy = Policy::default_for(2026);
        let mut facts = RegistrationFacts {
            actor: &actor,
            branch,
            holders: &[],
            holder: NumberHolder::Nobody,
            open_case: None,
            is_development_number_taken: false,
            members: 20,
            policy: &policy,
            today: "2026-06-15".parse().unwrap(),
        };
        change(&mut facts);
        let number = IdNumber::compose(420106, "2004-05-06".parse().unwrap(), 12).unwrap();
        let given = GivenParticulars {
            joined_month: month("2019-05"),
            development_number: Some("201912345678"),
            phone: None,
            ethnic_group: Some("汉"),
            political_status: None,
            education: None,
        };
        p1_register(&facts, &number, &given).map_err(|refusals| refusals.iter().map(|refusal| refusal.code).collect())
    }

    #[test]
    fn p1_a_registration_reports_everything_at_once() {
        let registered = register(&class_of("2026-06"), |_| ()).unwrap();
        assert_eq!(registered.particulars.ethnic_group, Some("汉族"));
        assert_eq!(registered.certification, Certification::NotRequired);
        let refused = register(&class_of("2026-06"), |facts| {
            facts.holder = NumberHolder::SomebodyElse;
            facts.is_development_number_taken = true;
            facts.today = "2018-05-01".parse().unwrap();
        });
        let codes = refused.unwrap_err();
        assert_eq!(
            codes,
            [
                Code::MemberNumberTaken,
                Code::MemberDevelopmentNumberTaken,
                Code::MemberJoinedInFuture
            ]
        );
    }

    #[test]
    fn p1_the_branch_its_direct_superior_and_who_acts_for_them_register() {
        let branch = class();
        for (organization, holders, refused) in [
            (class(), vec![], None),
            (college(), vec![], None),
            (university(), vec![], Some(Code::MemberRegistrationNotAllowed)),
            (university(), vec![university().id], None),
        ] {
            let result = p1_may_register(&administrator(&organization), &branch, &holders);
            assert_eq!(result.err().map(|refusal| refusal.code), refused);
        }
        let refused = p1_may_register(&administrator(&college()), &college(), &[]).unwrap_err();
        assert_eq!(refused.code, Code::MemberOnlyInBranch);
    }

    #[test]
    fn p2_a_graduating_member_without_a_telephone_number_gets_a_warning() {
        assert_eq!(
            register(&class_of("2026-06"), |_| ()).unwrap().warnings,
            [RegistrationWarning::PhoneMissing]
        );
        let mut branch = class_of("2026-06");
        branch.stage = Some(Stage::SeniorHigh);
        assert_eq!(
            register(&branch, |_| ()).map(|registered| registered.warnings),
            Ok(vec![])
        );
        let large = register(&class(), |facts| facts.members = 50);
        assert_eq!(large.unwrap().warnings, [RegistrationWarning::BranchTooLarge]);
    }
}
