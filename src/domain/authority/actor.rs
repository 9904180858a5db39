//! Who acts (O6): a member for himself, an administrator from one office, another province's system, or a job.

use super::scope::{Grant, Reach};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::{OrganizationKind, Path};

vocabulary! {
    /// Whose account it is.
    AccountKind {
        Person = "person", "个人", "person";
        Integrator = "integrator", "对接系统", "integrator";
    }
}

/// An office in force: an administrator's appointment (管理员任职) at one organization.
///
/// A person with several offices acts from one of them at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// The appointment.
    pub appointment: AppointmentId,
    /// The organization he administers.
    pub organization: OrganizationId,
    /// Where it stands; his scope is this path and everything below it.
    pub path: Path,
    /// Its category.
    pub kind: OrganizationKind,
}

/// In what capacity somebody acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A member, for himself only.
    Member,
    /// An administrator (管理员), in his office's subtree.
    Administrator(Office),
    /// An auditor (审计员): reads the audit log of his office's subtree, and nothing else. He counts nowhere as an
    /// administrator: [`Actor::office`] is empty and nothing is within his reach.
    Auditor(Office),
    /// Another system (对接系统), by a credential bound to an organization (X1, X2).
    Integrator {
        /// The organization the credential belongs to.
        organization: OrganizationId,
        /// The two digits of the province whose leading organ it is, if that province has a system of its own (§1.4.5).
        province: Option<u8>,
        /// What it may do, and how far (its scopes).
        grant: Grant,
    },
    /// The service itself: the yearly switch, the expiry, the escalation.
    System,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account that signed in; `None` only for [`Role::System`].
    pub account: Option<AccountId>,
    /// The member this person is, if he is one: T11 holds in every role.
    pub member: Option<MemberId>,
    /// In what capacity.
    pub role: Role,
}

impl Actor {
    /// A member acting for himself.
    pub fn member(account: AccountId, member: MemberId) -> Self {
        Self {
            account: Some(account),
            member: Some(member),
            role: Role::Member,
        }
    }

    /// An administrator acting from an office.
    pub fn administrator(account: AccountId, member: Option<MemberId>, office: Office) -> Self {
        Self {
            account: Some(account),
            member,
            role: Role::Administrator(office),
        }
    }

    /// An auditor, acting from an office.
    pub fn auditor(account: AccountId, member: Option<MemberId>, office: Office) -> Self {
        Self {
            account: Some(account),
            member,
            role: Role::Auditor(office),
        }
    }

    /// The service itself.
    pub fn system() -> Self {
        Self {
            account: None,
            member: None,
            role: Role::System,
        }
    }

    /// The office he acts from; `None` for everybody but administrators.
    pub fn office(&self) -> Option<&Office> {
        match &self.role {
            Role::Administrator(office) => Some(office),
            _ => None,
        }
    }

    /// The office whose subtree's audit log he reads; `None` for everybody but auditors.
    pub fn audits(&self) -> Option<&Office> {
        match &self.role {
            Role::Auditor(office) => Some(office),
            _ => None,
        }
    }

    /// The appointment he acts from, whatever it is for.
    pub fn appointment(&self) -> Option<AppointmentId> {
        self.office().or(self.audits()).map(|office| office.appointment)
    }

    /// His account and the organization he acts for.
    ///
    /// # Errors
    /// `actor.not_administrator` for everybody but administrators.
    pub fn in_office(&self) -> Result<(AccountId, OrganizationId), Code> {
        let office = self.office().ok_or(Code::ActorNotAdministrator)?;
        let account = self.account.ok_or(Code::ActorNotAdministrator)?;
        Ok((account, office.organization))
    }

    /// The province for whose own system he speaks (X1, X2).
    pub fn speaks_for(&self) -> Option<u8> {
        match self.role {
            Role::Integrator { province, .. } => province,
            _ => None,
        }
    }

    /// The organization he acts for; `None` for members and the service itself.
    pub fn acting_for(&self) -> Option<OrganizationId> {
        match &self.role {
            Role::Administrator(office) => Some(office.organization),
            Role::Integrator { organization, .. } => Some(*organization),
            Role::Member | Role::Auditor(_) | Role::System => None,
        }
    }

    /// The member he acts for, if he acts for himself.
    pub fn acting_member(&self) -> Option<MemberId> {
        match self.role {
            Role::Member => self.member,
            _ => None,
        }
    }

    /// Whether he is an administrator of exactly this organization.
    pub fn administers(&self, organization: OrganizationId) -> bool {
        self.office().is_some_and(|office| office.organization == organization)
    }

    /// Whether the place lies in his subtree, his own organization included (O6); for another system, in its reach.
    pub fn reaches(&self, path: &Path) -> bool {
        match &self.role {
            Role::Administrator(office) => path.is_within(&office.path),
            Role::Integrator { grant, .. } => grant.reaches(path),
            Role::Member | Role::Auditor(_) | Role::System => false,
        }
    }

    /// Where the subtree begins whose lists he reads, and whose organization he acts for.
    ///
    /// # Errors
    /// `integrator.scope_missing` for another system that does not reach below its organization: lists do.
    pub fn subtree(&self) -> Result<Option<(&Path, OrganizationId)>, Code> {
        match &self.role {
            Role::Administrator(office) => Ok(Some((&office.path, office.organization))),
            Role::Integrator { grant, .. } if grant.reach == Reach::Own => Err(Code::IntegratorScopeMissing),
            Role::Integrator {
                grant, organization, ..
            } => Ok(Some((&grant.path, *organization))),
            Role::Member | Role::Auditor(_) | Role::System => Ok(None),
        }
    }
}
