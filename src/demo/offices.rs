//! The administrators, the accounts, and the accounts for trying the demo.

use super::filling::{Unit, UnitShape};
use super::frame::{self, Frame, NATION};
use super::layout::{Filled, Layout, founded};
use super::records::{AccountRecord, AppointmentRecord, DemoRole, DemoSignIn, GeneratedIdNumber};
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::organization::facts::{OrganizationKind, OrganizationPurpose};

/// In the demo's places, one in this many organizations has no administrator (A10).
const ONE_VACANT_IN: usize = 7;

/// A person with an account, at the organization they administer, or in their branch if they are a plain member.
pub struct OfficeHolder {
    organization: OrganizationId,
    administrator: bool,
    member: Option<MemberId>,
    name: String,
    id_number: GeneratedIdNumber,
}

impl OfficeHolder {
    pub fn account(&self, id: i64) -> AccountRecord {
        let name = self.name.clone();
        AccountRecord {
            id: AccountId(id),
            member: self.member,
            name,
            id_number: self.id_number,
            created_at: founded(),
        }
    }
}

/// The appointments of the administrators. Each account holds at most one.
pub fn appointments(offices: &[OfficeHolder]) -> impl Iterator<Item = AppointmentRecord> + '_ {
    let administrators = offices.iter().zip(1..).filter(|(office, _)| office.administrator);
    administrators
        .zip(1..)
        .map(|((office, account), id)| AppointmentRecord {
            id: AppointmentId(id),
            account: AccountId(account),
            organization: office.organization,
            started_at: founded(),
        })
}

/// All accounts of the country: the leading organs that the demo needs, the root of every unit, and in the demo's own
/// places also the organizations below the root.
pub fn offices(layout: &Layout) -> Vec<OfficeHolder> {
    let mut offices: Vec<OfficeHolder> = leading_organs(&layout.frame)
        .map(|organ| layout.staff(organ, 0))
        .collect();
    for (index, unit) in layout.units.iter().enumerate() {
        let township = matches!(unit.shape, UnitShape::Township { .. });
        let vacant = township && unit.of_demo && index % ONE_VACANT_IN == 0;
        if !vacant {
            offices.push(layout.staff(unit.root, 0));
        }
        if unit.of_demo {
            layout.offices_below(unit, &mut offices);
        }
    }
    // T11: the second administrator decides what concerns the first.
    offices.push(layout.staff(layout.frame.school(frame::UNIVERSITY_CODE), 1));
    offices
}

/// The nation, the provinces and systems, and the places that handle the demo's cases.
fn leading_organs(frame: &Frame) -> impl Iterator<Item = OrganizationId> + '_ {
    let places = [
        frame::TOWNSHIP_CITY,
        frame::HIGH_SCHOOL_COUNTY,
        &frame::HIGH_SCHOOL_COUNTY[..4],
    ];
    let places: Vec<_> = places.map(|code| frame.division(code)).to_vec();
    let city = places[0];
    frame
        .organizations
        .iter()
        .filter(|o| o.kind == OrganizationKind::LeadingOrgan)
        .map(|o| (o.id, o.parent))
        .filter_map(move |(id, parent)| {
            let high = id == NATION || parent == Some(NATION);
            (high || places.contains(&id) || parent == Some(city)).then_some(id)
        })
}

impl Layout {
    fn staff(&self, organization: OrganizationId, nth: u64) -> OfficeHolder {
        let person = self.population.staff(organization.0, nth);
        OfficeHolder {
            organization,
            administrator: true,
            member: None,
            name: person.name,
            id_number: person.id_number,
        }
    }

    fn offices_below(&self, unit: &Unit, offices: &mut Vec<OfficeHolder>) {
        let filled = self.fill(unit);
        let posts = filled
            .iter()
            .filter(|f| f.organization.kind != OrganizationKind::GeneralBranch)
            .enumerate();
        for (index, post) in posts.filter(|(index, _)| index % ONE_VACANT_IN != ONE_VACANT_IN - 1) {
            // Of the villages of a township and the divisions of an employer, only the first has an administrator.
            if index > 0 && matches!(unit.shape, UnitShape::Township { .. } | UnitShape::Employer) {
                break;
            }
            let organization = &post.organization;
            let led_by_member = unit.shape != UnitShape::HighSchool
                && organization.kind == OrganizationKind::Branch
                && organization.purpose == OrganizationPurpose::Ordinary;
            let member = if led_by_member {
                self.member_offices(post).next()
            } else {
                None
            };
            offices.push(member.unwrap_or_else(|| self.staff(organization.id, 0)));
        }
        if let Some(branch) = self.branch_with_accounts(unit, &filled) {
            offices.extend(self.member_offices(branch).skip(1).map(|office| OfficeHolder {
                administrator: false,
                ..office
            }));
        }
    }

    /// The branch whose members have accounts: at the university the first that graduates, at the high school the one
    /// whose members are under sixteen.
    fn branch_with_accounts<'a>(&self, unit: &Unit, filled: &'a [Filled]) -> Option<&'a Filled> {
        let university = unit.root == self.frame.school(frame::UNIVERSITY_CODE);
        match unit.shape {
            UnitShape::College { .. } if university => filled
                .iter()
                .find(|f| f.cohort.graduates == Some(self.season) && f.organization.kind == OrganizationKind::Branch),
            UnitShape::HighSchool => filled.first(),
            _ => None,
        }
    }

    /// The members of a branch who can start a transfer, as administrators of the branch.
    fn member_offices(&self, branch: &Filled) -> impl Iterator<Item = OfficeHolder> + use<'_> {
        self.members_of(branch)
            .filter(|member| member.is_eligible())
            .map(|member| OfficeHolder {
                organization: member.branch,
                administrator: true,
                member: Some(member.id),
                name: member.name,
                id_number: member.id_number,
            })
    }
}

/// The people for trying the demo.
pub fn sign_ins(layout: &Layout, offices: &[OfficeHolder]) -> Vec<DemoSignIn> {
    let frame = &layout.frame;
    let university = frame.school(frame::UNIVERSITY_CODE);
    let second = frame.school(frame::SECOND_UNIVERSITY_CODE);
    let high_school = frame.school(frame::HIGH_SCHOOL_CODE);
    let is_led = |id| {
        offices
            .iter()
            .any(|office| office.administrator && office.organization == id)
    };
    let township = layout.units.iter().find(|unit| {
        let root = frame.get(unit.root);
        root.township && root.parent == Some(frame.division(frame::EMPLOYER_COUNTY)) && is_led(unit.root)
    });
    let college = layout.first_below(university, |f| f.organization.kind == OrganizationKind::Committee);
    let class = layout.first_below(university, |f| f.cohort.graduates == Some(layout.season));
    let under_sixteen = layout.first_below(high_school, |f| f.cohort.graduates.is_some());
    let township_root = township.map(|unit| unit.root);
    let community = township_root.and_then(|root| layout.first_below(root, |_| true));

    #[rustfmt::skip]
    let parts: [(DemoRole, Option<OrganizationId>, bool); 16] = [
        (DemoRole { role: "nation", zh: "全国管理员", en: "administrator of the nation",
            try_zh: "查看全国的组织树和全部转接", try_en: "view the whole tree and all transfers" }, Some(NATION), true),
        (DemoRole { role: "province", zh: "湖北省管理员", en: "administrator of Hubei province",
            try_zh: "查看全省；下级没有管理员时代为审批", try_en: "view the province; decide for subordinates that have no administrator" }, Some(frame.division("42")), true),
        (DemoRole { role: "external_province", zh: "广东省管理员（另有系统）", en: "administrator of Guangdong, which has a system of its own",
            try_zh: "转往北京、广东、福建，须经该省市自己的系统办理", try_en: "transfers to Beijing, Guangdong and Fujian go through the systems of those provinces" }, Some(frame.division("44")), true),
        (DemoRole { role: "railway", zh: "全国铁道团委管理员", en: "administrator of the national railways' committee",
            try_zh: "接收转入铁道系统的团员", try_en: "receive members who enter the railway system" }, frame.system_committees.first().copied(), true),
        (DemoRole { role: "city", zh: "武汉市管理员", en: "administrator of Wuhan city",
            try_zh: "查看本市的街道和乡镇", try_en: "view the city's streets and townships" }, Some(frame.division(frame::TOWNSHIP_CITY)), true),
        (DemoRole { role: "university", zh: "学校团委管理员", en: "administrator of the university",
            try_zh: "审批转出，标记各学院的毕业时间", try_en: "approve transfers out; mark the graduation months of all colleges" }, Some(university), true),
        (DemoRole { role: "college", zh: "学院团委管理员", en: "administrator of a college",
            try_zh: "批量标记各班团支部的毕业时间", try_en: "mark the graduation months of many branches in one request" }, college, true),
        (DemoRole { role: "class", zh: "毕业班团支部管理员", en: "administrator of a graduating class, and a member of it",
            try_zh: "标记延迟毕业和留校任教的团员，代团员发起转出", try_en: "mark delayed graduates and teachers; propose a transfer for a member" }, class, true),
        (DemoRole { role: "graduate", zh: "毕业班团员", en: "member of the graduating class",
            try_zh: "以团员身份（不指定 office）发起转往街道的申请", try_en: "as a member, without an office: propose a transfer to a street" }, class, false),
        (DemoRole { role: "township", zh: "街道团委管理员", en: "administrator of a street committee",
            try_zh: "在操作中心审批转入，再分配到社区团支部", try_en: "approve incoming transfers and assign the members to a community's branch" }, township_root, true),
        (DemoRole { role: "community", zh: "社区团支部管理员", en: "administrator of a community's branch",
            try_zh: "查看本支部团员，从转入方发起转接", try_en: "view the branch's members; propose a transfer from the target side" }, community, true),
        (DemoRole { role: "employer", zh: "企业团委管理员", en: "administrator of an employer's committee",
            try_zh: "接收就业的毕业生", try_en: "receive graduates who found work" }, Some(frame.employer), true),
        (DemoRole { role: "second_university", zh: "另一所高校团委管理员", en: "administrator of a second university",
            try_zh: "接收升学的毕业生", try_en: "receive graduates who continue their studies" }, Some(second), true),
        (DemoRole { role: "high_school", zh: "高中团委管理员", en: "administrator of a senior high school",
            try_zh: "转出升学的学生", try_en: "transfer students who leave school" }, Some(high_school), true),
        (DemoRole { role: "county", zh: "县级团委管理员", en: "administrator of the county above the high school",
            try_zh: "先行审批未满 16 周岁团员转往非学校领域的申请", try_en: "approve first when a member under 16 leaves the school sector" }, Some(frame.division(frame::HIGH_SCHOOL_COUNTY)), true),
        (DemoRole { role: "under_sixteen", zh: "未满16周岁的团员", en: "member under 16",
            try_zh: "以团员身份发起转往街道的申请，须多经一道领导机关审批", try_en: "as a member: propose a transfer to a street, which needs one more approval" }, under_sixteen, false),
    ];
    parts
        .into_iter()
        .filter_map(|(part, at, office)| sign_in(layout, offices, part, at?, office))
        .collect()
}

fn sign_in(
    layout: &Layout,
    offices: &[OfficeHolder],
    part: DemoRole,
    organization: OrganizationId,
    administrator: bool,
) -> Option<DemoSignIn> {
    let wanted = |office: &OfficeHolder| office.organization == organization && office.administrator == administrator;
    let (index, office) = offices.iter().enumerate().find(|(_, office)| wanted(office))?;
    let before = offices[..index].iter().filter(|office| office.administrator).count();
    Some(DemoSignIn {
        part,
        account: AccountId(index as i64 + 1),
        office: administrator.then_some(AppointmentId(before as i64 + 1)),
        name: office.name.clone(),
        id_number: office.id_number,
        organization,
        organization_name: layout.name_of(organization),
    })
}
