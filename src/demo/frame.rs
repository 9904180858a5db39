//! The frame of the country: the organizations that exist for every number of members. Their ids are always the same.

use super::input::{self, School};
use super::people::Population;
use super::records::OrganizationRecord;
use crate::domain::core::division::Division;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::{
    EXTERNAL_PROVINCES, Level, OrganizationKind, OrganizationPurpose, Path, Sector, Stage, System,
};
use std::collections::HashMap;

/// The number of digits in the division code of each level.
const PROVINCE: usize = 2;
const CITY: usize = 4;
const COUNTY: usize = 6;
const TOWNSHIP: usize = 9;

/// 武汉市. Its townships receive members.
pub const TOWNSHIP_CITY: &str = "4201";
/// 洪山区, the place of the demo's employer.
pub const EMPLOYER_COUNTY: &str = "420111";
/// 阳新县 in 黄石市, the place of the demo's senior high school.
pub const HIGH_SCHOOL_COUNTY: &str = "420222";
/// The school code of the senior high school. It is invented, with the class of such schools (34).
pub const HIGH_SCHOOL_CODE: &str = "3442000001";
/// 华中科技大学, which has all its colleges and classes.
pub const UNIVERSITY_CODE: &str = "4142010487";
/// 武汉大学, where graduates can go on studying.
pub const SECOND_UNIVERSITY_CODE: &str = "4142010486";

/// A system committee (系统团委, §1.4.5) and some of the organizations in it, each with its division.
struct SystemCommittee {
    system: System,
    name: &'static str,
    sector: Sector,
    members: [(&'static str, &'static str); 3],
}

#[rustfmt::skip]
const SYSTEMS: [SystemCommittee; 5] = [
    SystemCommittee { system: System::Railway, name: "全国铁道团委", sector: Sector::Enterprise,
        members: [("中国铁路太原局集团有限公司", "1401"), ("中国铁路武汉局集团有限公司", "4201"), ("中国铁路广州局集团有限公司", "4401")] },
    SystemCommittee { system: System::CivilAviation, name: "全国民航团委", sector: Sector::Enterprise,
        members: [("中国民用航空中南地区管理局", "4401"), ("中国南方航空集团有限公司", "4401"), ("中国东方航空集团有限公司", "31")] },
    SystemCommittee { system: System::Finance, name: "中央金融团委", sector: Sector::Enterprise,
        members: [("中国工商银行股份有限公司", "11"), ("中国建设银行股份有限公司", "11"), ("中国人民保险集团股份有限公司", "11")] },
    SystemCommittee { system: System::CentralEnterprises, name: "中央企业团委", sector: Sector::Enterprise,
        members: [("国家电网有限公司", "11"), ("中国石油天然气集团有限公司", "11"), ("东风汽车集团有限公司", "4201")] },
    SystemCommittee { system: System::CentralGovernment, name: "中央和国家机关团委", sector: Sector::Institution,
        members: [("教育部直属机关", "11"), ("国家统计局直属机关", "11"), ("生态环境部直属机关", "11")] },
];

/// Former names of some organizations (O4): the part between 共青团 and 委员会 now, and the part before.
const FORMER_NAMES: &[(&str, &str)] = &[
    ("华中科技大学", "华中理工大学"),
    ("东南大学", "南京工学院"),
    ("中国铁路太原局集团有限公司", "太原铁路局"),
    ("中国铁路武汉局集团有限公司", "武汉铁路局"),
];

/// The organizations of the frame, superiors first, and the ids of those that the generator needs.
pub struct Frame {
    pub organizations: Vec<OrganizationRecord>,
    /// Leading organs and township committees by division code.
    by_division: HashMap<&'static str, OrganizationId>,
    by_school_code: HashMap<&'static str, OrganizationId>,
    pub system_committees: Vec<OrganizationId>,
    pub system_members: Vec<OrganizationId>,
    pub employer: OrganizationId,
    /// The former names and their organizations.
    pub former_names: Vec<(OrganizationId, String)>,
}

impl Frame {
    pub fn new(founded: Timestamp) -> Self {
        let mut frame = Self {
            organizations: vec![nation(founded)],
            by_division: HashMap::new(),
            by_school_code: HashMap::new(),
            system_committees: Vec::new(),
            system_members: Vec::new(),
            employer: NATION,
            former_names: Vec::new(),
        };
        frame.add_divisions(PROVINCE);
        frame.add_systems();
        frame.add_holdings();
        frame.add_divisions(CITY);
        frame.add_divisions(COUNTY);
        frame.add_divisions(TOWNSHIP);
        frame.add_schools(&input::schools());
        frame.add_demo_places();
        frame.recall_former_names();
        frame
    }

    /// Gives every organization a secretary, who is the contact that others see.
    pub fn staff(&mut self, population: &Population) {
        for organization in self
            .organizations
            .iter_mut()
            .filter(|o| o.purpose == OrganizationPurpose::Ordinary)
        {
            let secretary = population.staff(organization.id.0, 0);
            organization.contact_name = Some(secretary.name);
            organization.contact_phone = Some(secretary.phone);
        }
    }

    /// An organization of the frame. Ids run from 1 without gaps.
    pub fn get(&self, id: OrganizationId) -> &OrganizationRecord {
        &self.organizations[id.0 as usize - 1]
    }

    /// The leading organ or township committee of a division.
    pub fn division(&self, code: &str) -> OrganizationId {
        self.by_division[code]
    }

    /// The school with this code.
    pub fn school(&self, code: &str) -> OrganizationId {
        self.by_school_code[code]
    }

    /// The organizations by place outside Beijing, Guangdong and Fujian. Members of those provinces are in other
    /// systems (§1.4.5).
    pub fn national(&self) -> impl Iterator<Item = &OrganizationRecord> {
        let external = |code: &str| {
            EXTERNAL_PROVINCES
                .iter()
                .any(|p| code.get(..2) == Some(&*p.to_string()))
        };
        self.organizations
            .iter()
            .filter(move |o| o.system == System::Place && !o.division_code.is_some_and(external))
    }

    /// Adds an organization below another. The caller sets what is not inherited.
    fn add(
        &mut self,
        parent: OrganizationId,
        kind: OrganizationKind,
        name: String,
        short: String,
        differ: impl FnOnce(&mut OrganizationRecord),
    ) -> OrganizationId {
        let id = self.organizations.len() as i64 + 1;
        let mut organization = self.get(parent).below(id, kind, name, short);
        differ(&mut organization);
        self.organizations.push(organization);
        OrganizationId(id)
    }

    fn add_leading_organ(
        &mut self,
        parent: OrganizationId,
        name: String,
        short: String,
        differ: impl FnOnce(&mut OrganizationRecord),
    ) -> OrganizationId {
        let level = self.get(parent).level.next().unwrap_or(Level::County);
        self.add(parent, OrganizationKind::LeadingOrgan, name, short, |organ| {
            organ.level = level;
            if level == Level::Province {
                organ.province = Some(organ.id);
            }
            differ(organ);
        })
    }

    /// Adds the divisions of one level. A division that is only a heading of the list (市辖区, 县, 省直辖县级行政区划)
    /// has no organ, and neither has the county with the name of its city (东莞市). Divisions inside them stand below
    /// the next higher one.
    fn add_divisions(&mut self, digits: usize) {
        for division in Division::all().iter().filter(|d| d.code.len() == digits) {
            let above = division.parent();
            let parent = above.map_or(NATION, |above| self.by_division[above.code]);
            let adds_nothing = above.is_some_and(|above| above.full_name() == division.full_name());
            let own = match digits {
                TOWNSHIP => self.add_township(division, parent),
                _ if adds_nothing => parent,
                _ => self.add_authority(division, parent),
            };
            self.by_division.insert(division.code, own);
        }
    }

    fn add_township(&mut self, division: &'static Division, parent: OrganizationId) -> OrganizationId {
        let place = format!(
            "{}{}",
            division.parent().map_or("", |county| county.name),
            division.name
        );
        let urban = division.name.contains("街道");
        self.add(
            parent,
            OrganizationKind::Committee,
            formal(&place),
            format!("{place}团委"),
            |committee| {
                committee.township = true;
                committee.division_code = Some(division.six_digits());
                committee.sector = if urban {
                    Sector::StreetCommunity
                } else {
                    Sector::TownshipVillage
                };
            },
        )
    }

    fn add_authority(&mut self, division: &'static Division, parent: OrganizationId) -> OrganizationId {
        let district = division.code.len() == COUNTY && division.name.ends_with('区');
        let place = if district {
            district_name(division)
        } else {
            division.name.to_owned()
        };
        let short = short_province(division.name);
        self.add_leading_organ(parent, formal(&place), format!("团{short}委"), |organ| {
            organ.division_code = Some(division.six_digits());
        })
    }

    fn add_systems(&mut self) {
        for SystemCommittee {
            system,
            name,
            sector,
            members,
        } in SYSTEMS
        {
            let organ = self.add_leading_organ(NATION, name.to_owned(), name.to_owned(), |organ| organ.system = system);
            self.system_committees.push(organ);
            for (member, division) in members {
                let member = self.add(
                    organ,
                    OrganizationKind::Committee,
                    formal(member),
                    format!("{member}团委"),
                    |committee| {
                        committee.sector = sector;
                        committee.division_code = Division::find(division).map(Division::six_digits);
                    },
                );
                self.system_members.push(member);
            }
        }
    }

    /// The special-unit holding (特殊单位专属库) of every province-level organ (A4).
    fn add_holdings(&mut self) {
        let organs: Vec<_> = self
            .organizations
            .iter()
            .filter(|o| o.level == Level::Province)
            .map(|o| o.id)
            .collect();
        for organ in organs {
            let name = format!("{}特殊单位专属库", self.get(organ).short_name);
            self.add(organ, OrganizationKind::Branch, name.clone(), name, |holding| {
                holding.purpose = OrganizationPurpose::SpecialUnit
            });
        }
    }

    fn add_schools(&mut self, schools: &[School]) {
        for school in schools {
            let province = self.division(school.province_code());
            self.add_school(province, school.code, &school.name, school.stage, school.division_code);
        }
    }

    fn add_school(
        &mut self,
        parent: OrganizationId,
        code: &'static str,
        name: &str,
        stage: Stage,
        division: &'static str,
    ) -> OrganizationId {
        let id = self.add(
            parent,
            OrganizationKind::Committee,
            formal(name),
            format!("{name}团委"),
            |committee| {
                committee.sector = Sector::School;
                committee.stage = Some(stage);
                committee.school_code = Some(code);
                committee.school = Some(committee.id);
                committee.division_code = Division::find(division).map(Division::six_digits);
            },
        );
        self.by_school_code.insert(code, id);
        id
    }

    fn add_demo_places(&mut self) {
        let county = self.division(EMPLOYER_COUNTY);
        let employer = "武汉光谷晨星精密制造有限公司";
        self.employer = self.add(
            county,
            OrganizationKind::Committee,
            formal(employer),
            format!("{employer}团委"),
            |committee| {
                committee.sector = Sector::Enterprise;
            },
        );
        let county = self.division(HIGH_SCHOOL_COUNTY);
        self.add_school(
            county,
            HIGH_SCHOOL_CODE,
            "阳新县富川高级中学",
            Stage::SeniorHigh,
            HIGH_SCHOOL_COUNTY,
        );
    }

    fn recall_former_names(&mut self) {
        for &(present, former) in FORMER_NAMES {
            let present = formal(present);
            let owner = self.organizations.iter().find(|o| o.name == present).map(|o| o.id);
            self.former_names.extend(owner.map(|id| (id, formal(former))));
        }
    }
}

/// The root of the tree.
pub const NATION: OrganizationId = OrganizationId(1);

fn nation(founded: Timestamp) -> OrganizationRecord {
    OrganizationRecord {
        id: NATION,
        parent: None,
        path: Path::root(NATION),
        kind: OrganizationKind::LeadingOrgan,
        level: Level::Nation,
        system: System::Place,
        sector: Sector::Institution,
        stage: None,
        township: false,
        school_code: None,
        purpose: OrganizationPurpose::Ordinary,
        division_code: None,
        province: None,
        leading_organ: None,
        school: None,
        name: "中国共产主义青年团中央委员会".to_owned(),
        short_name: "团中央".to_owned(),
        contact_name: None,
        contact_phone: None,
        graduation: None,
        created_at: founded,
    }
}

/// The full name of the League committee of a place, school or employer.
pub fn formal(of: &str) -> String {
    format!("共青团{of}委员会")
}

/// The name of a district begins with its city (武汉市洪山区), unless it does already. A county or a county-level city
/// has its own name only.
fn district_name(district: &Division) -> String {
    let city = district.parent().map_or("", |city| city.name);
    let province = Division::find(&district.code[..PROVINCE]).map_or("", |province| province.name);
    let full = district.full_name();
    match full.strip_prefix(province) {
        _ if district.name.starts_with(city.trim_end_matches('市')) => district.name.to_owned(),
        Some(within) if !province.ends_with('市') => within.to_owned(),
        _ => full,
    }
}

/// The short name of an autonomous region is its first word: 团广西区委.
fn short_province(name: &'static str) -> &'static str {
    match name {
        "内蒙古自治区" => "内蒙古区",
        "广西壮族自治区" => "广西区",
        "西藏自治区" => "西藏区",
        "宁夏回族自治区" => "宁夏区",
        "新疆维吾尔自治区" => "新疆区",
        name => name,
    }
}
