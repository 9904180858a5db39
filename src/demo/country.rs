//! The country as rows, in the order of storing.

use super::layout::{Layout, founded};
use super::offices::{self, OfficeHolder};
use super::records::{
    AccountRecord, AppointmentRecord, DemoSignIn, FormerNameRecord, MemberRecord, OrganizationRecord,
};
use super::signature::Signature;
use crate::domain::core::time::Timestamp;

/// The default number of members.
pub const DEFAULT_MEMBERS: u64 = 25_000;
/// The password of every demo account.
pub const PASSWORD: &str = "zhuanjie-demo";

/// A country of a given size at a given time.
pub struct Country {
    pub(super) layout: Layout,
    offices: Vec<OfficeHolder>,
    signature: Signature,
}

impl Country {
    /// Plans the country. `now` decides which classes graduate this season and how old people are. The number of
    /// members is limited by the number of ID numbers (83 million).
    pub fn new(seed: u64, members: u64, now: Timestamp) -> Self {
        let layout = Layout::new(seed, members, now);
        Self {
            offices: offices::offices(&layout),
            layout,
            signature: Signature { seed, members, at: now },
        }
    }

    /// The country with this signature.
    pub fn of(signature: Signature) -> Self {
        Self::new(signature.seed, signature.members, signature.at)
    }

    /// The signature: the parameters it was made from.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// The number of organizations and members.
    pub fn row_count(&self) -> u64 {
        self.organization_count() + self.member_count()
    }

    /// The number of members.
    pub fn member_count(&self) -> u64 {
        self.layout.members
    }

    /// The number of organizations.
    pub fn organization_count(&self) -> u64 {
        self.layout
            .units
            .last()
            .map_or(self.layout.frame.organizations.len(), |unit| {
                unit.first_organization as usize - 1 + self.layout.plan(unit).len()
            }) as u64
    }

    /// All organizations, superiors first, with ids from 1 without gaps.
    pub fn organizations(&self) -> impl Iterator<Item = OrganizationRecord> + '_ {
        let filled = self
            .layout
            .units
            .iter()
            .flat_map(|unit| self.layout.fill(unit))
            .map(|filled| filled.organization);
        self.layout.frame.organizations.iter().cloned().chain(filled)
    }

    /// The former names of some organizations (O4).
    pub fn former_names(&self) -> impl Iterator<Item = FormerNameRecord> + '_ {
        self.layout
            .frame
            .former_names
            .iter()
            .zip(1..)
            .map(|((organization, name), id)| FormerNameRecord {
                id,
                organization: *organization,
                name: name.clone(),
                recorded_at: founded(),
            })
    }

    /// All members, branch by branch, with ids from 1 without gaps.
    pub fn members(&self) -> impl Iterator<Item = MemberRecord> + '_ {
        self.layout
            .units
            .iter()
            .flat_map(|unit| self.layout.fill(unit))
            .flat_map(|filled| self.layout.members_of(&filled))
    }

    /// The accounts of administrators and of some members, with ids from 1 without gaps. Their members exist.
    pub fn accounts(&self) -> impl Iterator<Item = AccountRecord> + '_ {
        self.offices.iter().zip(1..).map(|(office, id)| office.account(id))
    }

    /// The appointments of administrators. Some organizations have none (A10).
    pub fn appointments(&self) -> impl Iterator<Item = AppointmentRecord> + '_ {
        offices::appointments(&self.offices)
    }

    /// The accounts for trying the demo. A small country may lack some of them.
    pub fn sign_ins(&self) -> Vec<DemoSignIn> {
        offices::sign_ins(&self.layout, &self.offices)
    }
}
