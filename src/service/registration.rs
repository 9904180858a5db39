//! Registering members (P1, P2), and changing what is recorded about them (P3).

use super::organizations::{acting, object};
use super::{Context, Error, Expected, Result, audit, members, people, policies, sees};
use crate::db::{Conn, Unique};
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::name::is_same_name;
use crate::domain::core::time::{Month, season_of, shanghai_date};
use crate::domain::member::cohort::l1_in_cohort;
use crate::domain::member::particulars::{GivenParticulars, p1_ethnic_group, p1_political_status, p2_phone};
use crate::domain::member::registration::{
    MemberField, NumberHolder, Registered, RegistrationFacts, RegistrationWarning, p1_may_register, p1_register,
    p3_may_change,
};
use crate::domain::organization::facts::OrganizationPurpose;
use crate::domain::transfer::proposal_rules::OpenCase;
pub use crate::repository::member_changes::MemberChange;
use crate::repository::member_changes::{self, ChangedBy};
use crate::repository::members::{self as rows, Member, NewMember, NewValues};
use crate::repository::organizations::{self, Organization};
use crate::repository::reseal::{self, Fields};
use crate::repository::{accounts, cohort, inbound, transfers};
use crate::security::vault::{SealPurpose, SealedRow, Vault};
use crate::service::look_up::LookedUpPerson;

/// A person to register at a branch.
#[derive(Clone)]
pub struct Registration {
    pub branch: OrganizationId,
    pub name: String,
    pub id_number: IdNumber,
    pub particulars: StatedParticulars,
}

/// What a caller says about a person, besides name and ID number.
#[derive(Clone)]
pub struct StatedParticulars {
    pub joined_month: Month,
    pub development_number: Option<String>,
    pub phone: Option<String>,
    pub ethnic_group: Option<String>,
    pub political_status: Option<String>,
    pub education: Option<String>,
}

impl StatedParticulars {
    /// As the rules take it.
    pub fn given(&self) -> GivenParticulars<'_> {
        GivenParticulars {
            joined_month: self.joined_month,
            development_number: self.development_number.as_deref(),
            phone: self.phone.as_deref(),
            ethnic_group: self.ethnic_group.as_deref(),
            political_status: self.political_status.as_deref(),
            education: self.education.as_deref(),
        }
    }
}

impl Registration {
    /// The person as the subject of a look-up. A refusal can reveal where they are a member, so registering is charged
    /// as a look-up (T4).
    pub fn wanted(&self, vault: &Vault) -> LookedUpPerson {
        LookedUpPerson {
            name: self.name.clone(),
            id_number: vault.digest(SealPurpose::IdNumber, self.id_number.reveal()),
        }
    }
}

/// The answer of a preview: what to know about the registration, or every rule that blocks it.
#[derive(Debug, Clone)]
pub struct RegistrationPreview {
    pub outcome: std::result::Result<Vec<RegistrationWarning>, Vec<Refusal>>,
}

/// Checks that the caller may register members at a branch. It is called before a look-up is charged, so that nobody
/// spends the budget of a person whom they may not register.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree (O6), and those of [`p1_may_register`].
pub fn check_registrar(conn: &mut Conn, actor: &Actor, branch: OrganizationId) -> Result<()> {
    let branch = organizations::find(conn, branch)?.ok_or(Code::OrganizationNotFound)?;
    sees(actor, Action::RegisterMember, object(&branch))?;
    Ok(p1_may_register(
        actor,
        &branch.facts(),
        acting(conn, &branch)?.as_slice(),
    )?)
}

/// P1: registers a person as a member of a branch. Returns the member with the warnings.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree (O6), and everything that is wrong with the request at once.
pub fn register(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    registration: &Registration,
) -> Result<(MemberId, Vec<RegistrationWarning>)> {
    let (branch, registered) = decide(conn, context, vault, registration)?;
    let member = store(conn, context, vault, &branch, registration, &registered)?;
    audit::record_in_turn(conn, context, Some(branch.id), AuditAction::MemberRegistered, member)?;
    Ok((member, registered.warnings))
}

/// Returns what registering would answer, and stores nothing.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree (O6).
pub fn preview(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    registration: &Registration,
) -> Result<RegistrationPreview> {
    let outcome = match decide(conn, context, vault, registration) {
        Ok((_, registered)) => Ok(registered.warnings),
        Err(Error::Refused(refusals)) if !hides(&refusals) => Err(refusals),
        Err(fault) => return Err(fault),
    };
    Ok(RegistrationPreview { outcome })
}

/// Whether the caller may not know of the branch.
fn hides(refusals: &[Refusal]) -> bool {
    refusals
        .iter()
        .any(|refusal| refusal.code == Code::OrganizationNotFound)
}

/// Loads what a registration depends on, and decides it. The branch stays locked, since the yearly switch counts its
/// members under the same lock (L1).
fn decide(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    registration: &Registration,
) -> Result<(Organization, Registered)> {
    let actor = &context.actor;
    let branch = organizations::find_locked(conn, registration.branch)?.ok_or(Code::OrganizationNotFound)?;
    sees(actor, Action::RegisterMember, object(&branch))?;
    let digest = vault.digest(SealPurpose::IdNumber, registration.id_number.reveal());
    accounts::lock_number(conn, &digest)?;
    let number = registration.particulars.development_number.as_deref();
    let acts = acting(conn, &branch)?;
    let facts = RegistrationFacts {
        actor,
        branch: &branch.facts(),
        holders: acts.as_slice(),
        holder: holder(conn, &digest, &registration.name)?,
        open_case: open_case(conn, &digest)?,
        is_development_number_taken: match number {
            Some(number) => rows::is_development_number_taken(conn, number.trim())?,
            None => false,
        },
        members: rows::count(conn, branch.id)?,
        policy: &policies::of_season(conn, season_of(context.now))?,
        today: shanghai_date(context.now),
    };
    let registered = p1_register(&facts, &registration.id_number, &registration.particulars.given())?;
    Ok((branch, registered))
}

/// Whom an ID number belongs to. An account without a member counts too: its owner is known under its name.
fn holder(conn: &mut Conn, digest: &[u8], name: &str) -> Result<NumberHolder> {
    if let Some(member) = rows::by_id_number_locked(conn, digest)? {
        let branch = match member.branch_id {
            Some(branch) => organizations::find(conn, branch)?,
            None => None,
        };
        // A member in a special-unit holding is never found (S-30).
        let is_secret = branch
            .as_ref()
            .is_some_and(|branch| branch.purpose == OrganizationPurpose::SpecialUnit);
        return Ok(if is_secret || !is_same_name(&member.name, name) {
            NumberHolder::SomebodyElse
        } else {
            NumberHolder::SamePerson {
                branch: branch.map(|branch| branch.id),
                standing: member.standing,
            }
        });
    }
    Ok(match accounts::by_id_number(conn, digest)? {
        Some((account, _)) if !is_same_name(&account.name, name) && !accounts::is_unclaimed(conn, account.id)? => {
            NumberHolder::SomebodyElse
        }
        _ => NumberHolder::Nobody,
    })
}

/// The open case from another province about somebody who is no member yet (X2).
fn open_case(conn: &mut Conn, digest: &[u8]) -> Result<Option<OpenCase>> {
    let open = match inbound::open_of(conn, digest)? {
        Some(case) => transfers::find(conn, case)?,
        None => None,
    };
    Ok(open.as_ref().map(OpenCase::from))
}

fn store(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    branch: &Organization,
    registration: &Registration,
    registered: &Registered,
) -> Result<MemberId> {
    let number = registration.id_number.reveal();
    let phone = registered.particulars.phone.as_deref();
    let phone_digest = phone.map(|phone| vault.digest(SealPurpose::Phone, phone));
    let new = NewMember {
        name: &registration.name,
        id_number_digest: &vault.digest(SealPurpose::IdNumber, number),
        phone_digest: phone_digest.as_deref(),
        particulars: &registered.particulars,
        certification: registered.certification,
        branch: branch.id,
        path: &branch.path,
        at: context.now,
    };
    let member = rows::register(conn, &new).map_err(|e| match Unique::violated(&e) {
        Some(Unique::MemberIdNumber) => Refusal::new(Code::MemberNumberTaken).at("/id_number").into(),
        Some(Unique::DevelopmentNumber) => Refusal::new(Code::MemberDevelopmentNumberTaken)
            .at("/development_number")
            .into(),
        _ => Error::from(e),
    })?;
    let row = SealedRow::Member(member);
    let fields = Fields {
        key: member.0,
        id_number: Some(vault.seal(SealPurpose::IdNumber, row, number)),
        phone: phone.map(|phone| vault.seal(SealPurpose::Phone, row, phone)),
    };
    reseal::store_member(conn, &fields)?;
    if let Some(season) = branch.graduated_season
        && l1_in_cohort(&branch.facts(), None, season).is_ok()
    {
        cohort::join(conn, season, member, branch.id, &branch.path)?;
    }
    people::join_new_member(conn, context, member)?;
    Ok(member)
}

/// New values of a member's record. A field that is absent stays. An empty text empties the field.
#[derive(Clone, Default)]
pub struct RecordChange {
    pub phone: Option<String>,
    pub education: Option<String>,
    pub political_status: Option<String>,
    pub ethnic_group: Option<String>,
}

/// P3: changes what is recorded about a member. Each change is kept with the old value.
///
/// # Errors
/// `member.not_found`, `member.change_not_allowed`, `request.stale`, `member.phone`, `member.political_status`,
/// `member.ethnic_group`.
pub fn change(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    id: MemberId,
    expected: Expected,
    change: &RecordChange,
) -> Result<()> {
    members::visible(conn, &context.actor, Action::ChangeMember, id)?;
    let member = rows::find_locked(conn, id)?.ok_or(Code::MemberNotFound)?;
    check_change(conn, &context.actor, &member, change)?;
    expected.check_version(member.version)?;
    let row = SealedRow::Member(id);
    let old_phone = member
        .phone_sealed
        .as_ref()
        .map(|sealed| vault.open(SealPurpose::Phone, row, sealed))
        .transpose()?;
    let phone = change
        .phone
        .as_deref()
        .map(|text| emptied(text, p2_phone))
        .transpose()?;
    let education = change.education.as_deref().map(blank_is_none);
    let status = change.political_status.as_deref();
    let status = status.map(|text| emptied(text, p1_political_status)).transpose()?;
    let group = change.ethnic_group.as_deref();
    let group = group.map(|text| emptied(text, p1_ethnic_group)).transpose()?;

    let by = ChangedBy {
        at: context.now,
        account: context.actor.account,
        organization: context.actor.office().map(|office| office.organization),
    };
    let phone = phone.filter(|phone| *phone != old_phone);
    if phone.is_some() {
        let key = member_changes::append(conn, id, &by, MemberField::Phone, None)?;
        if let Some(old) = &old_phone {
            let sealed = vault.seal(SealPurpose::Phone, SealedRow::MemberChange(key), old);
            let fields = Fields {
                key,
                id_number: None,
                phone: Some(sealed),
            };
            reseal::store_member_change(conn, &fields)?;
        }
    }
    let education = education.filter(|new| *new != member.education.as_deref());
    let status = status.filter(|new| *new != member.political_status.as_deref());
    let group = group.filter(|new| *new != member.ethnic_group.as_deref());
    let plain = [
        (MemberField::Education, education, &member.education),
        (MemberField::PoliticalStatus, status, &member.political_status),
        (MemberField::EthnicGroup, group, &member.ethnic_group),
    ];
    for (field, _, old) in plain.iter().filter(|(_, new, _)| new.is_some()) {
        member_changes::append(conn, id, &by, *field, old.as_deref())?;
    }
    if phone.is_none() && plain.iter().all(|(_, new, _)| new.is_none()) {
        return Ok(());
    }
    let new = NewValues {
        phone: phone.map(|phone| {
            phone.map(|phone| {
                let sealed = vault.seal(SealPurpose::Phone, row, &phone);
                (sealed, vault.digest(SealPurpose::Phone, &phone))
            })
        }),
        education,
        political_status: status,
        ethnic_group: group,
    };
    if !rows::change(conn, id, member.version, &new)? {
        return Err(Code::RequestStale.into());
    }
    audit::record_in_turn(conn, context, member.branch_id, AuditAction::MemberChanged, id)
}

/// Checks that the caller may change each field they name.
fn check_change(conn: &mut Conn, actor: &Actor, member: &Member, change: &RecordChange) -> Result<()> {
    let holders = members::acting_for(conn, member)?;
    let named = [
        (change.phone.is_some(), MemberField::Phone),
        (change.education.is_some(), MemberField::Education),
        (change.political_status.is_some(), MemberField::PoliticalStatus),
        (change.ethnic_group.is_some(), MemberField::EthnicGroup),
    ];
    let object = members::object(member, holders.as_slice());
    for (_, field) in named.into_iter().filter(|(is_named, _)| *is_named) {
        p3_may_change(actor, object, field).map_err(|refusal| refusal.at(format!("/{field}")))?;
    }
    Ok(())
}

fn blank_is_none(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// A field's new value: none for a blank text, or what the rule reads.
fn emptied<T>(
    text: &str,
    read: impl Fn(&str) -> std::result::Result<T, Refusal>,
) -> std::result::Result<Option<T>, Refusal> {
    blank_is_none(text).map(read).transpose()
}

/// A page of the history of a member's record, earliest first.
///
/// # Errors
/// `member.not_found` for callers other than the member and those within whose reach they are or were.
pub fn history(conn: &mut Conn, actor: &Actor, member: MemberId, after: i64, limit: i64) -> Result<Vec<MemberChange>> {
    let range = members::history_range(conn, actor, member)?;
    Ok(member_changes::history(conn, member, range.as_ref(), after, limit)?)
}
