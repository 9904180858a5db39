//! Who acts (O6): a member for themselves, an administrator or auditor from one office, another system, or the service.

use super::scope::{Grant, Reach};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::{OrganizationKind, Path};

vocabulary! {
    /// Whose account it is: a person's or another system's.
    AccountKind {
        Person = "person", "个人", "person";
        Integrator = "integrator", "对接系统", "integrator";
    }
}

/// An office in force: a person's appointment (管理员任职) at one organization.
///
/// A person with several offices acts from one of them at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// The appointment.
    pub appointment: AppointmentId,
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// The organization's path. The office covers this organization and everything below it.
    pub path: Path,
    /// The organization's category.
    pub kind: OrganizationKind,
}

/// In what role somebody acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A member, for themselves only.
    Member,
    /// An administrator (管理员), in their office's subtree.
    Administrator(Office),
    /// An auditor (审计员), who reads the audit log of their office's subtree and nothing else. An auditor never counts
    /// as an administrator: [`Actor::office`] is empty, and nothing is within their reach.
    Auditor(Office),
    /// Another system (对接系统), with a credential bound to an organization (X1, X2).
    Integrator {
        /// The organization the credential belongs to.
        organization: OrganizationId,
        /// The two-digit code of the province whose leading organ it is, if that province has a system of its own
        /// (§1.4.5).
        province: Option<u8>,
        /// What the credential may be used for, and how far it reaches.
        grant: Grant,
    },
    /// The service itself: the yearly switch, the expiry, the escalation, and the operators' commands.
    System,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account that signed in; `None` only for [`Role::System`].
    pub account: Option<AccountId>,
    /// The member this person is, if any. T11 holds in every role.
    pub member: Option<MemberId>,
    /// The role in which they act.
    pub role: Role,
}

impl Actor {
    /// A member acting for themselves.
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

    /// An auditor acting from an office.
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

    /// The office an administrator acts from. `None` for everybody else.
    pub fn office(&self) -> Option<&Office> {
        match &self.role {
            Role::Administrator(office) => Some(office),
            _ => None,
        }
    }

    /// The office whose subtree's audit log an auditor reads. `None` for everybody else.
    pub fn audits(&self) -> Option<&Office> {
        match &self.role {
            Role::Auditor(office) => Some(office),
            _ => None,
        }
    }

    /// The appointment the actor acts from, as an administrator or an auditor.
    pub fn appointment(&self) -> Option<AppointmentId> {
        self.office().or(self.audits()).map(|office| office.appointment)
    }

    /// The actor's account and the organization they act for.
    ///
    /// # Errors
    /// `actor.not_administrator` for everybody but administrators.
    pub fn in_office(&self) -> Result<(AccountId, OrganizationId), Code> {
        let office = self.office().ok_or(Code::ActorNotAdministrator)?;
        let account = self.account.ok_or(Code::ActorNotAdministrator)?;
        Ok((account, office.organization))
    }

    /// The province for whose own system the actor speaks (X1, X2).
    pub fn speaks_for(&self) -> Option<u8> {
        match self.role {
            Role::Integrator { province, .. } => province,
            _ => None,
        }
    }

    /// The organization the actor acts for. `None` for members, auditors and the service itself.
    pub fn acting_for(&self) -> Option<OrganizationId> {
        match &self.role {
            Role::Administrator(office) => Some(office.organization),
            Role::Integrator { organization, .. } => Some(*organization),
            Role::Member | Role::Auditor(_) | Role::System => None,
        }
    }

    /// The member, if the actor acts for themselves as a member.
    pub fn acting_member(&self) -> Option<MemberId> {
        match self.role {
            Role::Member => self.member,
            _ => None,
        }
    }

    /// Whether the actor is an administrator of exactly this organization.
    pub fn administers(&self, organization: OrganizationId) -> bool {
        self.office().is_some_and(|office| office.organization == organization)
    }

    /// Whether the path is in the actor's subtree, including the actor's own organization (O6). For another system,
    /// whether it is in the credential's reach.
    pub fn reaches(&self, path: &Path) -> bool {
        match &self.role {
            Role::Administrator(office) => path.is_within(&office.path),
            Role::Integrator { grant, .. } => grant.reaches(path),
            Role::Member | Role::Auditor(_) | Role::System => false,
        }
    }

    /// The root of the subtree whose lists the actor reads, and the organization they act for.
    ///
    /// # Errors
    /// `integrator.scope_missing` for another system that does not reach below its organization, since lists cover the
    /// subtree.
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
