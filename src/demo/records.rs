//! The rows of the demo country, one type a table; columns not named here keep their defaults.
//!
//! None of these types has `Debug`: they carry names and numbers, invented though they are.

use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::core::time::{Month, Timestamp};
use crate::domain::member::{Certification, RealName, Standing};
use crate::domain::organization::facts::{
    Graduation, Level, OrganizationKind, OrganizationPurpose, Path, Sector, Stage, System,
};
use chrono::NaiveDate;
use std::sync::Arc;

/// Text of exactly `N` ASCII characters, without an allocation a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ascii<const N: usize>(pub(super) [u8; N]);

impl<const N: usize> Ascii<N> {
    /// The text.
    pub fn as_str(&self) -> &str {
        // Only digits and `X` are ever written into it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A citizen's ID number of eighteen characters (GB 11643).
pub type GeneratedIdNumber = Ascii<18>;
/// A mobile number of eleven digits.
pub type Phone = Ascii<11>;
/// A development number (发展团员编号): the year joined and eight digits.
pub type DevelopmentNumber = Ascii<12>;

/// A row of `organizations`. Every one is active, and none has turned into a graduate branch.
#[derive(Clone)]
pub struct OrganizationRecord {
    /// Which one.
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
    /// Whether it is a township or street committee itself.
    pub township: bool,
    /// Its school code (学校机构编号).
    pub school_code: Option<&'static str>,
    /// What it is for.
    pub purpose: OrganizationPurpose,
    /// Where it stands: the division's code.
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
    /// An ordinary grassroots organization below this one. It shares what lies in the place: system, sector, stage,
    /// division, province and school, and the leading organ above unless this one is such an organ itself.
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

/// A row of `organization_names`, of the kind for former names (原名).
#[derive(Clone)]
pub struct FormerNameRecord {
    /// The row's id.
    pub id: i64,
    /// Whose name.
    pub organization: OrganizationId,
    /// The full name it had.
    pub name: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// A row of `members`, and with `id` as its own id the row of `memberships` that says where the member has been since.
#[derive(Clone)]
pub struct MemberRecord {
    /// Which one.
    pub id: MemberId,
    /// The member's branch.
    pub branch: OrganizationId,
    /// The branch's place in the tree, shared by all its members.
    pub branch_path: Arc<Path>,
    /// The full name.
    pub name: String,
    /// The ID number, with a right check digit.
    pub id_number: GeneratedIdNumber,
    /// The birth date in the ID number.
    pub born: NaiveDate,
    /// The telephone; no two persons share one.
    pub phone: Option<Phone>,
    /// The ethnic group (民族, GB/T 3304).
    pub ethnic_group: &'static str,
    /// The political status (政治面貌, GB/T 4762).
    pub political_status: &'static str,
    /// The education (学历).
    pub education: &'static str,
    /// The month of joining.
    pub joined: Month,
    /// The development number of those who joined from 2017 on.
    pub development_number: Option<DevelopmentNumber>,
    /// The standing.
    pub standing: Standing,
    /// The real-name check.
    pub real_name_check: RealName,
    /// The identity certification.
    pub certification: Certification,
    /// Since when the member has belonged to the branch.
    pub since: Timestamp,
}

/// A row of `accounts`: active, with the password the loader gives all of them.
#[derive(Clone)]
pub struct AccountRecord {
    /// Which one.
    pub id: AccountId,
    /// The member it belongs to; administrators need not be members.
    pub member: Option<MemberId>,
    /// The full name.
    pub name: String,
    /// The ID number to sign in with.
    pub id_number: GeneratedIdNumber,
    /// When it was opened.
    pub created_at: Timestamp,
}

/// A row of `appointments`, running on.
#[derive(Clone, Copy)]
pub struct AppointmentRecord {
    /// Which one.
    pub id: AppointmentId,
    /// Whose.
    pub account: AccountId,
    /// The organization whose administrator the person is.
    pub organization: OrganizationId,
    /// Since when.
    pub started_at: Timestamp,
}

/// A part somebody plays in the demo.
#[derive(Clone, Copy)]
pub struct DemoRole {
    /// A stable name for scripts.
    pub role: &'static str,
    /// What the person is, in Chinese.
    pub zh: &'static str,
    /// What the person is, in English.
    pub en: &'static str,
    /// What to try as this person, in Chinese.
    pub try_zh: &'static str,
    /// What to try as this person, in English.
    pub try_en: &'static str,
}

/// A person to try the demo as.
#[derive(Clone)]
pub struct DemoSignIn {
    /// Which part this person plays.
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
