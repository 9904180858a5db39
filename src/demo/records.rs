//! The rows of the demo country, one type for each table. Columns without a field here keep their defaults.
//!
//! None of these types has `Debug`, because they carry names and numbers, even if invented.

use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::core::time::{Month, Timestamp};
use crate::domain::member::{Certification, RealName, Standing};
use crate::domain::organization::facts::{
    Graduation, Level, OrganizationKind, OrganizationPurpose, Path, Sector, Stage, System,
};
use chrono::NaiveDate;
use std::sync::Arc;

/// A text of exactly `N` ASCII characters, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ascii<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Ascii<N> {
    /// The text.
    pub fn as_str(&self) -> &str {
        // It only ever holds digits and `X`.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A citizen's ID number of eighteen characters (GB 11643).
pub type GeneratedIdNumber = Ascii<18>;
/// A mobile number of eleven digits.
pub type Phone = Ascii<11>;
/// A development number (发展团员编号): the year of joining and eight digits.
pub type DevelopmentNumber = Ascii<12>;

/// A row of `organizations`. All are active, and none is a graduate branch.
#[derive(Clone)]
pub struct OrganizationRecord {
    /// Its id.
    pub id: OrganizationId,
    /// Its direct superior; `None` for the nation's own.
    pub parent: Option<OrganizationId>,
    /// Its place in the tree.
    pub path: Path,
    /// Its category.
    pub kind: OrganizationKind,
    /// Its level.
    pub level: Level,
    /// Its organizational system.
    pub system: System,
    /// Its sector.
    pub sector: Sector,
    /// Its school stage, in the school sector.
    pub stage: Option<Stage>,
    /// Whether it is itself a township or street committee.
    pub township: bool,
    /// Its school code (学校机构编号).
    pub school_code: Option<&'static str>,
    /// Its purpose.
    pub purpose: OrganizationPurpose,
    /// The code of its division.
    pub division_code: Option<&'static str>,
    /// The nearest province-level leading organ at or above it; a system committee counts as one.
    pub province: Option<OrganizationId>,
    /// The nearest leading organ strictly above it; `None` for the nation's own.
    pub leading_organ: Option<OrganizationId>,
    /// The nearest organization with a school code at or above it.
    pub school: Option<OrganizationId>,
    /// Its full name.
    pub name: String,
    /// Its short name.
    pub short_name: String,
    /// Its secretary.
    pub contact_name: Option<String>,
    /// The secretary's telephone.
    pub contact_phone: Option<Phone>,
    /// Its graduation mark; `None` is unmarked (G1).
    pub graduation: Option<Graduation>,
    /// When it was founded.
    pub created_at: Timestamp,
}

impl OrganizationRecord {
    /// An ordinary grassroots organization below this one. It inherits system, sector, stage, division, province and
    /// school, and the leading organ above unless this one is such an organ itself.
    pub(super) fn below(&self, id: i64, kind: OrganizationKind, name: String, short_name: String) -> Self {
        let id = OrganizationId(id);
        Self {
            id,
            parent: Some(self.id),
            path: self.path.child(id),
            kind,
            level: Level::Grassroots,
            township: false,
            school_code: None,
            purpose: OrganizationPurpose::Ordinary,
            leading_organ: if self.kind == OrganizationKind::LeadingOrgan {
                Some(self.id)
            } else {
                self.leading_organ
            },
            name,
            short_name,
            contact_name: None,
            contact_phone: None,
            graduation: None,
            ..self.clone_place()
        }
    }

    /// A copy with empty texts, for [`Self::below`] to fill in.
    fn clone_place(&self) -> Self {
        Self {
            path: self.path.clone(),
            name: String::new(),
            short_name: String::new(),
            contact_name: None,
            contact_phone: None,
            ..*self
        }
    }
}

/// A row of `organization_names` of the kind for former names (原名).
#[derive(Clone)]
pub struct FormerNameRecord {
    /// The row's id.
    pub id: i64,
    /// The organization that had the name.
    pub organization: OrganizationId,
    /// The full former name.
    pub name: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// A row of `members`, and the row of `memberships` with the same id, which tells how long the member has been in the
/// branch.
#[derive(Clone)]
pub struct MemberRecord {
    /// The member's id.
    pub id: MemberId,
    /// The member's branch.
    pub branch: OrganizationId,
    /// The branch's place in the tree, shared by all its members.
    pub branch_path: Arc<Path>,
    /// The full name.
    pub name: String,
    /// The ID number, with a correct check digit.
    pub id_number: GeneratedIdNumber,
    /// The birth date in the ID number.
    pub born: NaiveDate,
    /// The telephone number. No two people share one.
    pub phone: Option<Phone>,
    /// The ethnic group (民族, GB/T 3304).
    pub ethnic_group: &'static str,
    /// The political status (政治面貌, GB/T 4762).
    pub political_status: &'static str,
    /// The education (学历).
    pub education: &'static str,
    /// The month of joining the League.
    pub joined: Month,
    /// The development number of those who joined from 2017 on.
    pub development_number: Option<DevelopmentNumber>,
    /// The standing.
    pub standing: Standing,
    /// The real-name check.
    pub real_name_check: RealName,
    /// The identity certification.
    pub certification: Certification,
    /// When the member entered the branch.
    pub since: Timestamp,
}

/// A row of `accounts`. Each is active and gets the password of the loader.
#[derive(Clone)]
pub struct AccountRecord {
    /// The account's id.
    pub id: AccountId,
    /// The member it belongs to. An administrator need not be a member.
    pub member: Option<MemberId>,
    /// The full name.
    pub name: String,
    /// The ID number to sign in with.
    pub id_number: GeneratedIdNumber,
    /// When the account was created.
    pub created_at: Timestamp,
}

/// A row of `appointments`. All are in force.
#[derive(Clone, Copy)]
pub struct AppointmentRecord {
    /// The appointment's id.
    pub id: AppointmentId,
    /// The account that holds the office.
    pub account: AccountId,
    /// The organization that the person administers.
    pub organization: OrganizationId,
    /// When the appointment began.
    pub started_at: Timestamp,
}

/// A role that a person plays in the demo.
#[derive(Clone, Copy)]
pub struct DemoRole {
    /// The stable name of the role, for scripts.
    pub role: &'static str,
    /// The role in Chinese.
    pub zh: &'static str,
    /// The role in English.
    pub en: &'static str,
    /// What to try as this person, in Chinese.
    pub try_zh: &'static str,
    /// What to try as this person, in English.
    pub try_en: &'static str,
}

/// A person for trying the demo.
#[derive(Clone)]
pub struct DemoSignIn {
    /// The role of this person.
    pub part: DemoRole,
    /// The account.
    pub account: AccountId,
    /// The office to choose; `None` for a plain member.
    pub office: Option<AppointmentId>,
    /// The full name.
    pub name: String,
    /// The ID number to sign in with.
    pub id_number: GeneratedIdNumber,
    /// The organization administered, or the member's branch.
    pub organization: OrganizationId,
    /// That organization's full name.
    pub organization_name: String,
}
