//! Who acts (O6): a member for himself, an administrator from one office, another province's system, or a job.

use super::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use super::organization::{Kind, Path};

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
    pub kind: Kind,
}

/// In what capacity somebody acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A member, for himself only.
    Member,
    /// An administrator (管理员), in his office's subtree.
    Administrator(Office),
    /// Another system's credential, bound to the organization of its province (X1, X2).
    Integrator {
        /// The leading organ of the province the credential belongs to.
        organization: OrganizationId,
        /// That province's two digits.
        province: u8,
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

    /// The member he acts for, if he acts for himself.
    pub fn himself(&self) -> Option<MemberId> {
        match self.role {
            Role::Member => self.member,
            _ => None,
        }
    }

    /// Whether he is an administrator of exactly this organization.
    pub fn administers(&self, organization: OrganizationId) -> bool {
        self.office().is_some_and(|office| office.organization == organization)
    }

    /// Whether the place lies in his subtree, his own organization included (O6).
    pub fn reaches(&self, path: &Path) -> bool {
        self.office().is_some_and(|office| path.is_within(&office.path))
    }
}
