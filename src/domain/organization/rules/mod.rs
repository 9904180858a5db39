//! The rules about organizations (§2.1, §2.6; rules O1 to O3), and the warnings about them.

use crate::domain::authority::actor::Actor;
use crate::domain::authority::{self, Action, Object};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::division::Division;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::line::{has_visible, is_shown};
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::graduation::g1_is_unmarked;
use crate::domain::organization::facts::{
    Health, Level, OrganizationFacts, OrganizationKind, OrganizationPurpose, Sector, Stage, Status,
};
use crate::domain::policy::Policy;

/// The greatest depth of the tree.
const DEPTH_MAX: usize = 10;
/// The length of a name in characters.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 2..=100;

/// What the name of a special-unit holding ends with (A4). The service makes the holdings, and no other organization has
/// such a name.
pub const HOLDING_NAME: &str = "特殊单位专属库";

impl OrganizationKind {
    /// O1: whether an organization of this kind may have one of kind `below` directly below it.
    pub fn may_hold(self, below: OrganizationKind) -> bool {
        use OrganizationKind::*;
        match self {
            LeadingOrgan => true,
            WorkCommittee | Committee => matches!(below, Committee | GeneralBranch | Branch),
            GeneralBranch => below == Branch,
            Branch => false,
        }
    }
}

impl Level {
    /// O1: whether a leading organ of this level may have one of level `below` directly below it. It must be the next
    /// level, or (our decision) a county under a province, since municipalities and some counties have no city in
    /// between.
    fn may_hold(self, below: Level) -> bool {
        below != Level::Grassroots && (self.next() == Some(below) || (self, below) == (Level::Province, Level::County))
    }
}

/// O1: whether an organization of this kind and level may be created below the superior.
///
/// # Errors
/// `organization.closed`, `organization.kind_not_allowed_here`, `organization.level_not_allowed_here`,
/// `organization.too_deep`.
pub fn o1_may_stand_under(kind: OrganizationKind, level: Level, superior: &OrganizationFacts) -> Result<(), Refusal> {
    if !superior.is_active() {
        return Err(Refusal::new(Code::OrganizationClosed).at("/parent"));
    }
    if !superior.kind.may_hold(kind) {
        return Err(Refusal::new(Code::OrganizationKindNotAllowedHere).at("/kind"));
    }
    let level_fits = match kind {
        OrganizationKind::LeadingOrgan => superior.level.may_hold(level),
        _ => level == Level::Grassroots,
    };
    if !level_fits {
        return Err(Refusal::new(Code::OrganizationLevelNotAllowedHere).at("/level"));
    }
    o1_depth(superior)
}

fn o1_depth(superior: &OrganizationFacts) -> Result<(), Refusal> {
    if superior.path.depth() < DEPTH_MAX {
        return Ok(());
    }
    Err(Refusal::new(Code::OrganizationTooDeep)
        .with("limit", DEPTH_MAX)
        .at("/parent"))
}

/// O2 (§2.1): where a branch for a purpose may be created, and under what name.
///
/// A floating (流动团员团支部) or abroad branch (出国(境)学习研究团员团支部) is created directly under the organization
/// with the school code. A floating branch may also be under a township or street committee (our decision). As for
/// every organization, an administrator of the direct superior creates it (O3).
///
/// # Errors
/// `organization.purpose_not_allowed`, `organization.floating_needs_school`, `organization.floating_name`.
pub fn o2_purpose(
    purpose: OrganizationPurpose,
    kind: OrganizationKind,
    name: &str,
    superior: &OrganizationFacts,
) -> Result<(), Refusal> {
    let place_fits = match purpose {
        OrganizationPurpose::Ordinary => return o2_name(purpose, name),
        OrganizationPurpose::SpecialUnit => {
            return Err(Refusal::new(Code::OrganizationPurposeNotAllowed).at("/purpose"));
        }
        OrganizationPurpose::Floating => superior.has_school_code || superior.is_township,
        OrganizationPurpose::Abroad => superior.has_school_code,
    };
    if kind != OrganizationKind::Branch {
        return Err(Refusal::new(Code::OrganizationPurposeNotAllowed).at("/purpose"));
    }
    if !place_fits {
        let refusal = Refusal::new(Code::OrganizationFloatingNeedsSchool).at("/parent");
        return Err(superior.school.map_or(refusal.clone(), |school| refusal.ask(school)));
    }
    o2_name(purpose, name)
}

/// O2: the name of a floating or abroad branch must state its purpose. No name is that of a special-unit holding.
///
/// # Errors
/// `organization.floating_name`, `organization.purpose_not_allowed`.
pub fn o2_name(purpose: OrganizationPurpose, name: &str) -> Result<(), Refusal> {
    if name.contains(HOLDING_NAME) {
        return Err(Refusal::new(Code::OrganizationPurposeNotAllowed).at("/name"));
    }
    let keyword = match purpose {
        OrganizationPurpose::Floating => "流动团员",
        OrganizationPurpose::Abroad => "出国(境)学习研究团员",
        OrganizationPurpose::Ordinary | OrganizationPurpose::SpecialUnit => return Ok(()),
    };
    // Both kinds of brackets are in use. Only the words matter.
    if !name.replace('（', "(").replace('）', ")").contains(keyword) {
        return Err(Refusal::new(Code::OrganizationFloatingName)
            .with("keyword", keyword)
            .at("/name"));
    }
    Ok(())
}

/// O3: an administrator of the direct superior creates, renames and closes. `organization` is the one below which to
/// create ([`Action::CreateOrganization`]), or the one to rename or close. `acting` is the organization that acts as
/// the direct superior: the next one up if that is vacant (A10).
///
/// # Errors
/// `actor.not_administrator`, `organization.not_direct_superior`. Outside the actor's subtree, `organization.not_found`
/// (O6).
pub fn o3_direct_superior(
    actor: &Actor,
    action: Action,
    organization: &OrganizationFacts,
    acting: Option<OrganizationId>,
) -> Result<(), Refusal> {
    let superior = match action {
        Action::CreateOrganization => Some(organization.id),
        _ => organization.parent,
    };
    let verdict = authority::decide(actor, action, Object::turn(&organization.path, acting.as_slice()));
    verdict.into_result().map_err(|code| match superior {
        Some(superior) => Refusal::new(code).ask(superior),
        None => code.into(),
    })
}

/// O3: whether an actor may create anything at all below an organization. [`o1_may_stand_under`] says what.
///
/// # Errors
/// Those of [`o3_direct_superior`], `organization.closed`, `organization.kind_not_allowed_here`,
/// `organization.too_deep`.
pub fn o3_may_create_below(
    actor: &Actor,
    superior: &OrganizationFacts,
    acting: Option<OrganizationId>,
) -> Result<(), Refusal> {
    o3_direct_superior(actor, Action::CreateOrganization, superior, acting)?;
    if !superior.is_active() {
        return Err(Refusal::new(Code::OrganizationClosed).at("/parent"));
    }
    if !superior.kind.may_hold(OrganizationKind::Branch) {
        return Err(Refusal::new(Code::OrganizationKindNotAllowedHere).at("/kind"));
    }
    o1_depth(superior)
}

/// O3: an administrator of the direct superior renames an organization that is not closed.
///
/// # Errors
/// Those of [`o3_direct_superior`], `organization.closed`.
pub fn o3_rename(
    actor: &Actor,
    organization: &OrganizationFacts,
    acting: Option<OrganizationId>,
) -> Result<(), Refusal> {
    o3_direct_superior(actor, Action::RenameOrganization, organization, acting)?;
    if organization.is_active() {
        Ok(())
    } else {
        Err(Code::OrganizationClosed.into())
    }
}

/// O3: the organization's own administrators, those of its direct superior, or those of the organization that acts for
/// both (A10) change the contact (书记) that others are shown.
///
/// # Errors
/// `actor.not_administrator`, `organization.contact_not_allowed`, `organization.closed`.
pub fn o3_contact(
    actor: &Actor,
    organization: &OrganizationFacts,
    acting: Option<OrganizationId>,
) -> Result<(), Refusal> {
    let object = Object::turn(&organization.path, acting.as_slice());
    let verdict = authority::decide(actor, Action::ChangeContact, object);
    verdict
        .into_result()
        .map_err(|code| Refusal::new(code).ask(organization.id))?;
    if organization.is_active() {
        Ok(())
    } else {
        Err(Code::OrganizationClosed.into())
    }
}

/// O3, P7: a name has 2 to 100 characters, all of which are shown.
///
/// # Errors
/// `organization.name_required`, `request.text`.
pub fn o3_name(name: &str) -> Result<(), Refusal> {
    if !name.chars().all(|c| c.is_control() || is_shown(c)) {
        return Err(Refusal::new(Code::RequestText).at("/name"));
    }
    if NAME_LENGTH.contains(&name.trim().chars().count()) && !name.chars().any(char::is_control) && has_visible(name) {
        return Ok(());
    }
    let (min, max) = NAME_LENGTH.into_inner();
    Err(Refusal::new(Code::OrganizationNameRequired)
        .with("min", min)
        .with("max", max)
        .at("/name"))
}

/// A school-sector organization must have a stage, and no other may have one.
///
/// # Errors
/// `organization.stage_required`.
pub fn check_stage(sector: Sector, stage: Option<Stage>) -> Result<(), Refusal> {
    if (sector == Sector::School) == stage.is_some() {
        return Ok(());
    }
    Err(Refusal::new(Code::OrganizationStageRequired).at("/stage"))
}

/// The school classes with which the Ministry's codes begin.
const SCHOOL_CLASSES: [&str; 13] = [
    "21", "31", "32", "34", "35", "36", "37", "41", "42", "51", "91", "92", "93",
];

vocabulary! {
    /// What is odd about a school code that is accepted nevertheless, since the real list has such codes.
    SchoolCodeWarning {
        UnknownClass = "unknown_class", "学校类别未知", "unknown class of school";
        UnknownProvince = "unknown_province", "省份代码未知", "unknown province";
    }
}

/// Checks a school code (学校机构编号). It has ten digits: two for the class, two for the province and six for the
/// serial number.
///
/// # Errors
/// `organization.school_code_invalid`.
pub fn check_school_code(code: &str) -> Result<Vec<SchoolCodeWarning>, Refusal> {
    if code.len() != 10 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::new(Code::OrganizationSchoolCodeInvalid).at("/school_code"));
    }
    let all = [
        (SchoolCodeWarning::UnknownClass, !SCHOOL_CLASSES.contains(&&code[..2])),
        (
            SchoolCodeWarning::UnknownProvince,
            Division::find(&code[2..4]).is_none(),
        ),
    ];
    Ok(all
        .into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(warning, _)| warning)
        .collect())
}

/// What an organization still contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its members.
    pub members: u64,
    /// Open transfers out of it or into it.
    pub open_cases: u64,
    /// Active organizations directly below it.
    pub children: u64,
}

/// O3: closes an organization without members, open transfers and active organizations below it.
///
/// # Errors
/// Those of [`o3_direct_superior`], `organization.closed`, `organization.not_empty`.
pub fn o3_close(
    actor: &Actor,
    organization: &OrganizationFacts,
    acting: Option<OrganizationId>,
    contents: Contents,
) -> Result<Status, Refusal> {
    o3_direct_superior(actor, Action::CloseOrganization, organization, acting)?;
    if !organization.is_active() {
        return Err(Code::OrganizationClosed.into());
    }
    if contents != Contents::default() {
        return Err(Refusal::new(Code::OrganizationNotEmpty)
            .with("members", contents.members)
            .with("open_cases", contents.open_cases)
            .with("children", contents.children));
    }
    Ok(Status::Closed)
}

/// O3, G1: the warnings about an organization. `members` counts those of a branch, or of the whole subtree.
///
/// A floating, abroad or special-unit branch takes any number of members, so its size gives no warning (our decision).
pub fn health(organization: &OrganizationFacts, administrators: u64, members: u64, policy: &Policy) -> Vec<Health> {
    let sized = organization.is_branch() && organization.purpose == OrganizationPurpose::Ordinary;
    let all = [
        (Health::NoAdministrator, administrators == 0),
        (Health::NoMembers, members == 0),
        (
            Health::TooFewMembers,
            sized && members > 0 && members < policy.branch_members_min.into(),
        ),
        (
            Health::TooManyMembers,
            sized && members > policy.branch_members_max.into(),
        ),
        (Health::Unmarked, g1_is_unmarked(organization)),
    ];
    all.into_iter()
        .filter(|(_, holds)| *holds && organization.is_active())
        .map(|(warning, _)| warning)
        .collect()
}

#[cfg(test)]
mod tests;
