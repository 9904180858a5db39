//! The plan that fills an organization of the frame with branches and members. It depends only on the number of
//! members, so any unit can be generated again without the others.

use super::people::Cohort;
use super::records::OrganizationRecord;
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::{Month, Season};
use crate::domain::organization::facts::{
    Graduation, OrganizationKind, OrganizationPurpose, Sector, Stage, Undetermined,
};

/// The size of a class when there are enough members.
const CLASS: u64 = 25;

/// The colleges of a university, each with the word that names its classes.
#[rustfmt::skip]
const COLLEGES: [(&str, &str); 20] = [
    ("机械科学与工程学院", "机械"), ("计算机科学与技术学院", "计科"), ("电气与电子工程学院", "电气"), ("光学与电子信息学院", "光电"),
    ("材料科学与工程学院", "材料"), ("能源与动力工程学院", "能动"), ("土木与水利工程学院", "土木"), ("人工智能与自动化学院", "自动化"),
    ("电子信息与通信学院", "电信"), ("生命科学与技术学院", "生技"), ("建筑与城市规划学院", "建规"), ("软件学院", "软件"),
    ("管理学院", "管理"), ("经济学院", "经济"), ("法学院", "法学"), ("外国语学院", "英语"),
    ("新闻与信息传播学院", "新闻"), ("数学与统计学院", "数学"), ("物理学院", "物理"), ("化学与化工学院", "化学"),
];
/// The departments of a vocational college, each with the word that names its classes.
#[rustfmt::skip]
const DEPARTMENTS: [(&str, &str); 10] = [
    ("机电工程学院", "机电"), ("信息工程学院", "软件"), ("经济管理学院", "会计"), ("护理学院", "护理"), ("学前教育学院", "学前"),
    ("汽车工程学院", "汽修"), ("建筑工程学院", "造价"), ("旅游学院", "旅游"), ("艺术设计学院", "艺设"), ("现代农业学院", "农技"),
];
const COMMUNITIES: [&str; 20] = [
    "团结", "和平", "新华", "东风", "胜利", "红旗", "光明", "幸福", "前进", "向阳", "建设", "友谊", "长江", "滨湖",
    "桃园", "柳林", "石桥", "双河", "青山", "龙泉",
];
const DIVISIONS_OF_WORK: [&str; 6] = ["机关", "研发中心", "生产一部", "生产二部", "运营服务", "市场营销"];

/// The kind of organization that a unit is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UnitShape {
    /// A university or vocational college. The stage decides the length of its courses.
    College {
        stage: Stage,
    },
    HighSchool,
    /// A township or street, with or without a branch for floating members.
    Township {
        urban: bool,
        floating: bool,
    },
    Employer,
}

impl UnitShape {
    /// The shape of a committee of the frame.
    pub fn of(organization: &OrganizationRecord) -> Self {
        match organization.stage {
            Some(Stage::SeniorHigh) => Self::HighSchool,
            Some(stage) => Self::College { stage },
            None if organization.township => Self::Township {
                urban: organization.sector == Sector::StreetCommunity,
                floating: organization.id.0 % 3 == 0,
            },
            None => Self::Employer,
        }
    }
}

/// An organization of the frame that gets branches and members, with the ids of those.
#[derive(Clone, Copy)]
pub struct Unit {
    pub root: OrganizationId,
    pub shape: UnitShape,
    /// Whether it is one of the demo's own places, where the demo's accounts act.
    pub of_demo: bool,
    pub members: u64,
    pub first_organization: i64,
    pub first_member: MemberId,
}

/// An organization in the plan of a unit.
pub struct PlannedOrganization {
    /// The index of its parent in the plan. `None` stands below the unit's root.
    pub parent: Option<usize>,
    pub kind: OrganizationKind,
    pub purpose: OrganizationPurpose,
    pub graduation: Option<Graduation>,
    pub name: String,
    pub short_name: String,
    pub cohort: Cohort,
    pub members: u64,
}

/// Plans the organizations of a unit, superiors first. The members of all plans add up to the unit's members.
pub fn plan(unit: &Unit, root: &OrganizationRecord, season: Season) -> Vec<PlannedOrganization> {
    let mut sketch = Sketch {
        season,
        members: unit.members,
        plans: Vec::new(),
    };
    match unit.shape {
        UnitShape::College { stage } => sketch.college(root.short_name.trim_end_matches("团委"), stage),
        UnitShape::HighSchool => sketch.high_school(),
        UnitShape::Township { urban, floating } => sketch.township(urban, floating),
        UnitShape::Employer => sketch.employer(),
    }
    sketch.share_out();
    sketch.plans
}

/// An unfinished plan. Until members are distributed, `members` of each plan is a weight.
struct Sketch {
    season: Season,
    members: u64,
    plans: Vec<PlannedOrganization>,
}

impl Sketch {
    fn college(&mut self, school: &str, stage: Stage) {
        let (years, names): (_, &[_]) = match stage {
            Stage::RegularUniversity => (4, &COLLEGES),
            _ => (3, &DEPARTMENTS),
        };
        let colleges = (self.members / 1000).clamp(1, names.len() as u64);
        let classes = (self.members / (colleges * years as u64 * CLASS)).max(1);
        self.kept_by_school();
        for (index, &(name, word)) in names.iter().enumerate().take(colleges as usize) {
            let full = format!("共青团{school}{name}委员会");
            let college = self.add(None, OrganizationKind::Committee, full, format!("{name}团委"));
            // Every fifth college has marked its branches already.
            let marked = index % 5 == 4;
            self.staff_branch(college, format!("{name}教职工团支部"), Undetermined::Teacher, marked);
            self.staff_branch(
                college,
                format!("{name}机关与学生混合团支部"),
                Undetermined::Mixed,
                marked,
            );
            for entered in self.season - years..self.season {
                let name = format!("{name}{entered}级团总支");
                let general = self.add(Some(college), OrganizationKind::GeneralBranch, name.clone(), name);
                for class in 1..=classes {
                    let name = format!("{word}{:02}{class:02}班团支部", entered % 100);
                    self.class(
                        general,
                        name,
                        CLASS - 3 + class * 7 % 6,
                        (entered, entered + years),
                        marked,
                    );
                }
            }
        }
    }

    /// The branches that a school has directly below itself (O2).
    fn kept_by_school(&mut self) {
        for (name, purpose, weight) in [
            ("流动团员团支部", OrganizationPurpose::Floating, CLASS / 2),
            ("出国(境)学习研究团员团支部", OrganizationPurpose::Abroad, CLASS / 5),
        ] {
            let cohort = self.cohort(22, 24, "大学本科毕业");
            self.branch(None, name.to_owned(), cohort, weight).purpose = purpose;
        }
    }

    fn staff_branch(&mut self, college: usize, name: String, reason: Undetermined, marked: bool) {
        let cohort = self.cohort(23, 27, "硕士研究生毕业");
        let branch = self.branch(Some(college), name, cohort, CLASS / 2);
        branch.graduation = marked.then_some(Graduation::Undetermined(reason));
    }

    fn class(&mut self, general: usize, name: String, weight: u64, (entered, graduates): (i32, Season), marked: bool) {
        let education = if graduates - entered == 4 {
            "大学本科在读"
        } else {
            "大学专科在读"
        };
        let cohort = pupils(entered, graduates, 18, education);
        let marked = marked && graduates == self.season;
        let branch = self.branch(Some(general), name, cohort, weight);
        branch.graduation = Month::new(graduates, 6).filter(|_| marked).map(Graduation::Month);
    }

    fn high_school(&mut self) {
        // Younger than their classmates: none of them turns sixteen this year (T9).
        let gifted = pupils(self.season - 1, self.season + 2, 14, "普通高中在读");
        self.branch(None, "少年创新班团支部".to_owned(), gifted, CLASS);
        for entered in self.season - 3..self.season {
            let cohort = pupils(entered, entered + 3, 15, "普通高中在读");
            self.branch(None, format!("{entered}级1班团支部"), cohort, CLASS);
        }
        let teachers = self.cohort(23, 27, "大学本科毕业");
        self.branch(None, "教职工团支部".to_owned(), teachers, CLASS / 2);
    }

    fn township(&mut self, urban: bool, floating: bool) {
        let suffix = if urban { "社区" } else { "村" };
        let cohort = self.cohort(16, 27, "高中");
        for n in 0..(self.members / CLASS).max(2) as usize {
            let round = n / COMMUNITIES.len();
            let round = if round == 0 {
                String::new()
            } else {
                format!("第{}", round + 1)
            };
            let name = format!("{}{round}{suffix}团支部", COMMUNITIES[n % COMMUNITIES.len()]);
            self.branch(None, name, cohort, CLASS);
        }
        if floating {
            self.branch(None, "流动团员团支部".to_owned(), cohort, CLASS / 2)
                .purpose = OrganizationPurpose::Floating;
        }
    }

    fn employer(&mut self) {
        let cohort = self.cohort(20, 27, "大学本科毕业");
        for name in DIVISIONS_OF_WORK {
            self.branch(None, format!("{name}团支部"), cohort, CLASS);
        }
    }

    /// People of these ages this year, without a class.
    fn cohort(&self, youngest: i32, oldest: i32, education: &'static str) -> Cohort {
        Cohort {
            born: (self.season - oldest, self.season - youngest),
            entered: None,
            graduates: None,
            education,
        }
    }

    fn branch(&mut self, parent: Option<usize>, name: String, cohort: Cohort, weight: u64) -> &mut PlannedOrganization {
        let index = self.add(parent, OrganizationKind::Branch, name.clone(), name);
        let plan = &mut self.plans[index];
        (plan.cohort, plan.members) = (cohort, weight);
        plan
    }

    fn add(&mut self, parent: Option<usize>, kind: OrganizationKind, name: String, short_name: String) -> usize {
        let cohort = self.cohort(20, 27, "");
        let purpose = OrganizationPurpose::Ordinary;
        self.plans.push(PlannedOrganization {
            parent,
            kind,
            purpose,
            graduation: None,
            name,
            short_name,
            cohort,
            members: 0,
        });
        self.plans.len() - 1
    }

    /// Turns the weights into numbers of members.
    fn share_out(&mut self) {
        let weights: Vec<u64> = self.plans.iter().map(|plan| plan.members).collect();
        for (plan, members) in self.plans.iter_mut().zip(apportion(self.members, &weights)) {
            plan.members = members;
        }
    }
}

/// Pupils who entered a school at this age, counted in calendar years.
fn pupils(entered: i32, graduates: Season, age: i32, education: &'static str) -> Cohort {
    let born = (entered - age, entered - age);
    Cohort {
        born,
        entered: Some(entered),
        graduates: Some(graduates),
        education,
    }
}

/// Distributes a total by weights, without a remainder: each share is the difference of two rounded running sums.
pub fn apportion(total: u64, weights: &[u64]) -> impl Iterator<Item = u64> {
    let all = weights.iter().sum::<u64>().max(1);
    let (mut sum, mut given) = (0, 0);
    weights.iter().map(move |weight| {
        sum += weight;
        let upto = (u128::from(total) * u128::from(sum)).div_ceil(u128::from(all)) as u64;
        let share = upto - given;
        given = upto;
        share
    })
}
