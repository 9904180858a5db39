//! Organizations: their vocabulary, their place in the tree, and what may be done with them (§2.1, §2.6; rules O1 to O3).

pub mod actions;

use super::actor::Actor;
use super::authority::{self, Action, Object};
use super::codes::Code;
use super::division::Division;
use super::graduation::Graduation;
use super::ids::OrganizationId;
use super::policy::Policy;
use super::refusal::Refusal;
use super::time::Season;
use super::vocabulary::vocabulary;
use std::fmt;
use std::str::FromStr;

vocabulary! {
    /// The category (组织类别) an organization is created with.
    ///
    /// A graduate branch (毕业生团组织) is no kind of its own but a branch that has turned: [`OrganizationFacts::graduated_season`].
    Kind {
        LeadingOrgan = "leading_organ", "团的领导机关", "leading organ";
        Committee = "committee", "团委", "committee";
        WorkCommittee = "work_committee", "团工委", "work committee";
        GeneralBranch = "general_branch", "团总支", "general branch";
        Branch = "branch", "团支部", "branch";
    }

    /// The level (层级); the first four are leading organs only.
    Level {
        Nation = "nation", "全国", "nation";
        Province = "province", "省级", "province";
        City = "city", "市级", "city";
        County = "county", "县级", "county";
        Grassroots = "grassroots", "基层", "grassroots";
    }

    /// The organizational system (组织体系): by place, or one of the five system committees (系统团委, §1.4.5).
    System {
        Place = "place", "地方团组织", "by place";
        Railway = "railway", "全国铁道", "national railways";
        CivilAviation = "civil_aviation", "全国民航", "national civil aviation";
        Finance = "finance", "中央金融", "central finance";
        CentralEnterprises = "central_enterprises", "中央企业", "central enterprises";
        CentralGovernment = "central_government", "中央和国家机关", "central Party and state organs";
    }

    /// The sector (所属领域).
    Sector {
        School = "school", "学校", "school";
        Enterprise = "enterprise", "企业", "enterprise";
        Institution = "institution", "机关事业单位", "public institution or government";
        TownshipVillage = "township_village", "乡镇、村", "township or village";
        StreetCommunity = "street_community", "街道、社区", "street or community";
        SocialOrganization = "social_organization", "社会组织及其他", "social organization or other";
    }

    /// The school stage (学段) of the school sector.
    Stage {
        RegularUniversity = "regular_university", "普通高校", "regular university";
        HigherVocational = "higher_vocational", "高等职业院校", "higher vocational college";
        SecondaryVocational = "secondary_vocational", "中等职业院校", "secondary vocational school";
        SeniorHigh = "senior_high", "普通高中", "senior high school";
        JuniorHigh = "junior_high", "初中", "junior high school";
    }

    /// What a branch is for.
    Purpose {
        Ordinary = "ordinary", "一般", "ordinary";
        Floating = "floating", "流动团员团支部", "branch for members who left school without a post";
        Abroad = "abroad", "出国(境)学习研究团员团支部", "branch for members who study abroad";
        SpecialUnit = "special_unit", "特殊单位专属库", "special-unit holding";
    }

    /// What is worth an administrator's attention about an organization; a warning never bars anything (O3, G1).
    Health {
        NoAdministrator = "no_administrator", "没有管理员", "no administrator";
        NoMembers = "no_members", "没有团员", "no members";
        TooFewMembers = "too_few_members", "团员人数过少", "too few members";
        TooManyMembers = "too_many_members", "团员人数过多", "too many members";
        Unmarked = "unmarked", "未标记毕业时间", "no graduation month";
    }

    /// Whether an organization exists for new business.
    Status {
        Active = "active", "正常", "active";
        Closed = "closed", "已关闭", "closed";
    }
}

impl Level {
    /// The level directly below; grassroots has none.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Nation => Some(Self::Province),
            Self::Province => Some(Self::City),
            Self::City => Some(Self::County),
            Self::County => Some(Self::Grassroots),
            Self::Grassroots => None,
        }
    }
}

/// The text is not a path such as `1/5/77/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a path of organization ids")]
pub struct ParsePathError;

/// An organization's place in the tree: the ids from the root to itself, joined and closed by slashes (`1/5/77/`).
///
/// The closing slash makes "lies below" a plain prefix test, in memory and in the database's index alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(String);

impl Path {
    /// The path of a root.
    pub fn root(id: OrganizationId) -> Self {
        Self(format!("{}/", id.0))
    }

    /// The path of a child of this organization.
    pub fn child(&self, id: OrganizationId) -> Self {
        Self(format!("{}{}/", self.0, id.0))
    }

    /// The text that is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids from the root to the organization itself.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = OrganizationId> + '_ {
        // Parsed once at the border: each part is a number.
        self.0
            .trim_end_matches('/')
            .split('/')
            .filter_map(|part| part.parse().ok().map(OrganizationId))
    }

    /// The ids above the organization, from its direct superior up to the root.
    pub fn superiors(&self) -> impl Iterator<Item = OrganizationId> + '_ {
        self.ids().rev().skip(1)
    }

    /// How many organizations stand on the way, itself included; a root has depth 1.
    pub fn depth(&self) -> usize {
        self.ids().count()
    }

    /// Whether the place is that organization or lies below it.
    pub fn is_within(&self, root: &Path) -> bool {
        self.0.starts_with(&root.0)
    }

    /// Whether the place lies strictly below that organization.
    pub fn is_below(&self, root: &Path) -> bool {
        self.0.len() > root.0.len() && self.is_within(root)
    }

    /// Whether the organization with this id is this one or stands above it.
    pub fn contains(&self, id: OrganizationId) -> bool {
        self.ids().any(|on_the_way| on_the_way == id)
    }
}

impl FromStr for Path {
    type Err = ParsePathError;
    fn from_str(text: &str) -> Result<Self, ParsePathError> {
        let well_formed = |part: &str| part.parse::<i64>().is_ok_and(|id| id > 0 && id.to_string() == part);
        let body = text.strip_suffix('/').ok_or(ParsePathError)?;
        body.split('/')
            .all(well_formed)
            .then(|| Self(text.to_owned()))
            .ok_or(ParsePathError)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The provinces whose League organizations run a system of their own (§1.4.5): Beijing, Fujian, Guangdong.
pub const EXTERNAL_PROVINCES: [u8; 3] = [11, 35, 44];

/// What the rules need to know about an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationFacts {
    /// Which one.
    pub id: OrganizationId,
    /// Its direct superior (直属上级); `None` for the root.
    pub parent: Option<OrganizationId>,
    /// Its place in the tree.
    pub path: Path,
    /// Its category.
    pub kind: Kind,
    /// Its level.
    pub level: Level,
    /// Its organizational system.
    pub system: System,
    /// Its sector.
    pub sector: Sector,
    /// Its school stage; `None` outside the school sector.
    pub stage: Option<Stage>,
    /// Whether it is a township or street committee itself.
    pub is_township: bool,
    /// Whether it carries a school code (学校机构编号): it is the school committee itself (学校团委本级).
    pub has_school_code: bool,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether it takes part in new business.
    pub status: Status,
    /// Its graduation mark (branches of the school sector only); `None` is unmarked.
    pub graduation: Option<Graduation>,
    /// The season in which it turned into a graduate branch (毕业生团组织); `None` while it is an ordinary one.
    pub graduated_season: Option<Season>,
    /// The school it belongs to: the nearest organization with a school code, itself included.
    pub school: Option<OrganizationId>,
    /// The nearest leading organ strictly above it; `None` for the root.
    pub leading_organ: Option<OrganizationId>,
    /// The province it stands in: the first two digits of its division code; `None` for the nation's own.
    pub province: Option<u8>,
}

impl OrganizationFacts {
    /// Whether it is a branch, graduate branches included: the only kind that holds members.
    pub fn is_branch(&self) -> bool {
        self.kind == Kind::Branch
    }

    /// Whether it has turned into a graduate branch (毕业生团组织).
    pub fn is_graduate_branch(&self) -> bool {
        self.graduated_season.is_some()
    }

    /// Whether it takes part in new business.
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    /// Whether it belongs to the system of Beijing, Guangdong or Fujian (§1.4.5).
    ///
    /// The five system committees are one system wherever they stand (T7), also in Beijing.
    pub fn is_external(&self) -> bool {
        self.system == System::Place
            && self
                .province
                .is_some_and(|province| EXTERNAL_PROVINCES.contains(&province))
    }
}

/// The deepest tree that is allowed.
const DEPTH_MAX: usize = 10;
/// A name's length in characters.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 2..=100;

impl Kind {
    /// O1: whether an organization of this kind may have one of the other kind directly below it.
    pub fn may_hold(self, below: Kind) -> bool {
        use Kind::*;
        match self {
            LeadingOrgan => true,
            WorkCommittee | Committee => matches!(below, Committee | GeneralBranch | Branch),
            GeneralBranch => below == Branch,
            Branch => false,
        }
    }
}

impl Level {
    /// O1: whether a leading organ of this level may have one of the other level directly below it: the next one, or
    /// (our decision) a county under a province, since municipalities and some counties know no city in between.
    fn may_hold(self, below: Level) -> bool {
        below != Level::Grassroots && (self.next() == Some(below) || (self, below) == (Level::Province, Level::County))
    }
}

/// O1: what may stand under what.
///
/// # Errors
/// `organization.closed`, `organization.kind_not_allowed_here`, `organization.level_not_allowed_here`,
/// `organization.too_deep`.
pub fn o1_may_stand_under(kind: Kind, level: Level, superior: &OrganizationFacts) -> Result<(), Refusal> {
    if !superior.is_active() {
        return Err(Refusal::new(Code::OrganizationClosed).at("/parent"));
    }
    if !superior.kind.may_hold(kind) {
        return Err(Refusal::new(Code::OrganizationKindNotAllowedHere).at("/kind"));
    }
    let level_fits = match kind {
        Kind::LeadingOrgan => superior.level.may_hold(level),
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

/// O2 (§2.1): who may create a branch for a purpose, where, and under what name.
///
/// A floating (流动团员团支部) or abroad branch (出国(境)学习研究团员团支部) is created directly under the organization with
/// the school code; a floating one also under a township or street committee (our decision). The direct superior's
/// administrator creates it, as O3 says of every organization.
///
/// # Errors
/// `organization.purpose_not_allowed`, `organization.floating_needs_school`, `organization.floating_name`.
pub fn o2_purpose(purpose: Purpose, kind: Kind, name: &str, superior: &OrganizationFacts) -> Result<(), Refusal> {
    let place_fits = match purpose {
        Purpose::Ordinary => return Ok(()),
        Purpose::SpecialUnit => return Err(Refusal::new(Code::OrganizationPurposeNotAllowed).at("/purpose")),
        Purpose::Floating => superior.has_school_code || superior.is_township,
        Purpose::Abroad => superior.has_school_code,
    };
    if kind != Kind::Branch {
        return Err(Refusal::new(Code::OrganizationPurposeNotAllowed).at("/purpose"));
    }
    if !place_fits {
        let refusal = Refusal::new(Code::OrganizationFloatingNeedsSchool).at("/parent");
        return Err(superior.school.map_or(refusal.clone(), |school| refusal.ask(school)));
    }
    o2_name(purpose, name)
}

/// O2: the name of a branch kept for a purpose says so.
///
/// # Errors
/// `organization.floating_name`.
pub fn o2_name(purpose: Purpose, name: &str) -> Result<(), Refusal> {
    let keyword = match purpose {
        Purpose::Floating => "流动团员",
        Purpose::Abroad => "出国(境)学习研究团员",
        Purpose::Ordinary | Purpose::SpecialUnit => return Ok(()),
    };
    // Both kinds of brackets are in use; the words count.
    if !name.replace('（', "(").replace('）', ")").contains(keyword) {
        return Err(Refusal::new(Code::OrganizationFloatingName)
            .with("keyword", keyword)
            .at("/name"));
    }
    Ok(())
}

/// O3: the direct superior's administrator creates, renames and closes. `organization` is the one below which to create
/// ([`Action::CreateOrganization`]), or the one to rename or close.
///
/// # Errors
/// `actor.not_administrator`, `organization.not_direct_superior`; `organization.not_found` outside the actor's subtree (O6).
pub fn o3_direct_superior(actor: &Actor, action: Action, organization: &OrganizationFacts) -> Result<(), Refusal> {
    let superior = match action {
        Action::CreateOrganization => Some(organization.id),
        _ => organization.parent,
    };
    let verdict = authority::decide(actor, action, Object::organization(&organization.path));
    verdict.settle().map_err(|code| match superior {
        Some(superior) => Refusal::new(code).ask(superior),
        None => code.into(),
    })
}

/// O3: whether somebody may create anything at all below an organization; [`o1_may_stand_under`] says what.
///
/// # Errors
/// Those of [`o3_direct_superior`], `organization.closed`, `organization.kind_not_allowed_here`, `organization.too_deep`.
pub fn o3_may_create_below(actor: &Actor, superior: &OrganizationFacts) -> Result<(), Refusal> {
    o3_direct_superior(actor, Action::CreateOrganization, superior)?;
    if !superior.is_active() {
        return Err(Refusal::new(Code::OrganizationClosed).at("/parent"));
    }
    if !superior.kind.may_hold(Kind::Branch) {
        return Err(Refusal::new(Code::OrganizationKindNotAllowedHere).at("/kind"));
    }
    o1_depth(superior)
}

/// O3: the direct superior's administrator renames what is not closed.
///
/// # Errors
/// Those of [`o3_direct_superior`], `organization.closed`.
pub fn o3_rename(actor: &Actor, organization: &OrganizationFacts) -> Result<(), Refusal> {
    o3_direct_superior(actor, Action::RenameOrganization, organization)?;
    if organization.is_active() {
        Ok(())
    } else {
        Err(Code::OrganizationClosed.into())
    }
}

/// O3: the contact others are shown (书记) is changed by the organization's own administrators or its direct superior's.
///
/// # Errors
/// `actor.not_administrator`, `organization.contact_not_allowed`, `organization.closed`.
pub fn o3_contact(actor: &Actor, organization: &OrganizationFacts) -> Result<(), Refusal> {
    let verdict = authority::decide(actor, Action::ChangeContact, Object::organization(&organization.path));
    verdict
        .settle()
        .map_err(|code| Refusal::new(code).ask(organization.id))?;
    if organization.is_active() {
        Ok(())
    } else {
        Err(Code::OrganizationClosed.into())
    }
}

/// O3: a name says something and is no novel.
///
/// # Errors
/// `organization.name_required`.
pub fn o3_name(name: &str) -> Result<(), Refusal> {
    if NAME_LENGTH.contains(&name.trim().chars().count()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let (min, max) = NAME_LENGTH.into_inner();
    Err(Refusal::new(Code::OrganizationNameRequired)
        .with("min", min)
        .with("max", max)
        .at("/name"))
}

/// Schools have a stage, nobody else has.
///
/// # Errors
/// `organization.stage_required`.
pub fn check_stage(sector: Sector, stage: Option<Stage>) -> Result<(), Refusal> {
    if (sector == Sector::School) == stage.is_some() {
        return Ok(());
    }
    Err(Refusal::new(Code::OrganizationStageRequired).at("/stage"))
}

/// The classes of schools that the Ministry's codes begin with.
const SCHOOL_CLASSES: [&str; 13] = [
    "21", "31", "32", "34", "35", "36", "37", "41", "42", "51", "91", "92", "93",
];

vocabulary! {
    /// What looks odd about a school code without making it wrong: the real list has such codes.
    SchoolCodeWarning {
        UnknownClass = "unknown_class", "学校类别未知", "unknown class of school";
        UnknownProvince = "unknown_province", "省份代码未知", "unknown province";
    }
}

/// A school code (学校机构编号) is ten digits: two of class, two of province, six of serial.
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

/// What still hangs on an organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Members in it.
    pub members: u64,
    /// Open transfers out of it or into it.
    pub open_cases: u64,
    /// Active organizations directly below it.
    pub children: u64,
}

/// O3: closes an organization that nothing hangs on any more.
///
/// # Errors
/// Those of [`o3_direct_superior`], `organization.closed`, `organization.not_empty`.
pub fn o3_close(actor: &Actor, organization: &OrganizationFacts, contents: Contents) -> Result<Status, Refusal> {
    o3_direct_superior(actor, Action::CloseOrganization, organization)?;
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
/// Branches kept for a purpose take as many members as come, so their size is no warning (our decision).
pub fn health(organization: &OrganizationFacts, administrators: u64, members: u64, policy: &Policy) -> Vec<Health> {
    let sized = organization.is_branch() && organization.purpose == Purpose::Ordinary;
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
        (Health::Unmarked, super::graduation::g1_is_unmarked(organization)),
    ];
    all.into_iter()
        .filter(|(_, holds)| *holds && organization.is_active())
        .map(|(warning, _)| warning)
        .collect()
}

#[cfg(test)]
mod tests;
