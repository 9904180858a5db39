//! What the rules need to know about an organization: its vocabularies, its path and its graduation mark.

use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::{Month, Season};
use crate::domain::core::vocabulary::vocabulary;
use std::fmt;
use std::str::FromStr;

vocabulary! {
    /// The category (组织类别) an organization is created with.
    ///
    /// A graduate branch (毕业生团组织) is not a category. It is a branch that has turned:
    /// [`OrganizationFacts::graduated_season`].
    OrganizationKind {
        LeadingOrgan = "leading_organ", "团的领导机关", "leading organ";
        Committee = "committee", "团委", "committee";
        WorkCommittee = "work_committee", "团工委", "work committee";
        GeneralBranch = "general_branch", "团总支", "general branch";
        Branch = "branch", "团支部", "branch";
    }

    /// The level (层级). Only leading organs have the first four.
    Level {
        Nation = "nation", "全国", "nation";
        Province = "province", "省级", "province";
        City = "city", "市级", "city";
        County = "county", "县级", "county";
        Grassroots = "grassroots", "基层", "grassroots";
    }

    /// The organizational system (组织体系): local, or one of the five system committees (系统团委, §1.4.5).
    System {
        Place = "place", "地方团组织", "local League organizations";
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
    OrganizationPurpose {
        Ordinary = "ordinary", "一般", "ordinary";
        Floating = "floating", "流动团员团支部", "branch for members who left school without a job";
        Abroad = "abroad", "出国（境）学习研究团员团支部", "branch for members who study abroad";
        SpecialUnit = "special_unit", "特殊单位专属库", "special-unit holding";
    }

    /// A warning about an organization for its administrators. A warning blocks nothing (O3, G1).
    Health {
        NoAdministrator = "no_administrator", "没有管理员", "no administrator";
        NoMembers = "no_members", "没有团员", "no members";
        TooFewMembers = "too_few_members", "团员人数过少", "too few members";
        TooManyMembers = "too_many_members", "团员人数过多", "too many members";
        Unmarked = "unmarked", "未标记毕业时间", "no graduation month";
    }

    /// Whether an organization takes part in new business.
    Status {
        Active = "active", "正常", "active";
        Closed = "closed", "已关闭", "closed";
    }
}

impl Level {
    /// The level directly below. Grassroots has none.
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

/// An organization's place in the tree: the ids from the root to itself, each followed by a slash (`1/5/77/`).
///
/// The final slash makes "lies below" a plain prefix test, both in memory and in a database index.
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

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The ids from the root to the organization itself.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = OrganizationId> + '_ {
        // Every part is a number, since the path was checked when it was parsed.
        self.0
            .trim_end_matches('/')
            .split('/')
            .filter_map(|part| part.parse().ok().map(OrganizationId))
    }

    /// The ids above the organization, from its direct superior up to the root.
    pub fn superiors(&self) -> impl Iterator<Item = OrganizationId> + '_ {
        self.ids().rev().skip(1)
    }

    /// The number of organizations from the root to this one. A root has depth 1.
    pub fn depth(&self) -> usize {
        self.ids().count()
    }

    /// Whether this path is that of `root` or lies below it.
    pub fn is_within(&self, root: &Path) -> bool {
        self.0.starts_with(&root.0)
    }

    /// Whether this path lies strictly below `root`.
    pub fn is_below(&self, root: &Path) -> bool {
        self.0.len() > root.0.len() && self.is_within(root)
    }

    /// Whether the organization with this id is this one or one of its superiors.
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

/// A place in a list that is in the order of the tree: the path under which a row was shown, and its key. A page continues
/// from there, wherever the row is by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceInTree {
    /// The path.
    pub path: Path,
    /// The row's key.
    pub key: i64,
}

/// The provinces whose League organizations run a system of their own (§1.4.5): Beijing, Fujian, Guangdong.
pub const EXTERNAL_PROVINCES: [u8; 3] = [11, 35, 44];

/// What the rules need to know about an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationFacts {
    /// Its id.
    pub id: OrganizationId,
    /// Its direct superior (直属上级). `None` for the root.
    pub parent: Option<OrganizationId>,
    /// Its path.
    pub path: Path,
    /// Its category.
    pub kind: OrganizationKind,
    /// Its level.
    pub level: Level,
    /// Its organizational system.
    pub system: System,
    /// Its sector.
    pub sector: Sector,
    /// Its school stage. `None` outside the school sector.
    pub stage: Option<Stage>,
    /// Whether it is the committee of a township or a street.
    pub is_township: bool,
    /// Whether it has a school code (学校机构编号). The codeless may be schools too: see [`Self::is_school`].
    pub has_school_code: bool,
    /// Its purpose.
    pub purpose: OrganizationPurpose,
    /// Whether it takes part in new business.
    pub status: Status,
    /// Its graduation mark. Only branches of the school sector have one. `None` is unmarked.
    pub graduation: Option<Graduation>,
    /// The season in which it turned into a graduate branch (毕业生团组织). `None` while it is an ordinary one.
    pub graduated_season: Option<Season>,
    /// The school it belongs to, which may be itself: the nearest organization with a school code, or without one the
    /// topmost organization of the school sector.
    pub school: Option<OrganizationId>,
    /// The nearest leading organ strictly above it. `None` for the root.
    pub leading_organ: Option<OrganizationId>,
    /// The province it is in: the first two digits of its division code. `None` for the nation's own organizations.
    pub province: Option<u8>,
}

impl OrganizationFacts {
    /// Whether it is a branch, which may be a graduate branch. Only branches hold members.
    pub fn is_branch(&self) -> bool {
        self.kind == OrganizationKind::Branch
    }

    /// Whether it is a school itself (学校团委本级), and not a part of one. A school may lack a school code.
    pub fn is_school(&self) -> bool {
        self.school == Some(self.id)
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
    /// The five system committees are one system wherever they are (T7), even in Beijing.
    pub fn is_external(&self) -> bool {
        self.system == System::Place
            && self
                .province
                .is_some_and(|province| EXTERNAL_PROVINCES.contains(&province))
    }
}

vocabulary! {
    /// Why no graduation month can be set (§1.1.3).
    Undetermined {
        Teacher = "teacher_branch", "教师支部", "teacher branch";
        Mixed = "mixed_branch", "混合支部", "mixed branch";
    }
}

/// The mark of a school branch: a month or the reason why there is none, never both (G4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Graduation {
    /// Its members graduate in this month.
    Month(Month),
    /// No month can be set.
    Undetermined(Undetermined),
}

impl Graduation {
    /// The month, if there is one.
    pub fn month(self) -> Option<Month> {
        match self {
            Self::Month(month) => Some(month),
            Self::Undetermined(_) => None,
        }
    }
}
