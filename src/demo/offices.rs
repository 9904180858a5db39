//! Who administers what, who has an account, and which accounts to try the demo with.

use super::filling::{Unit, UnitShape};
use super::frame::{self, Frame, NATION};
use super::layout::{Filled, Layout, founded};
use super::records::{AccountRecord, AppointmentRecord, DemoRole, DemoSignIn, GeneratedIdNumber};
use crate::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::organization::facts::{OrganizationKind, OrganizationPurpose};

/// In the places of the demo one organization in so many has no administrator (A10).
const ONE_VACANT_IN: usize = 7;

/// Somebody with an account, at the organization administered or, for a plain member, in the member's branch.
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

/// The appointments among them; each account holds one at most.
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

/// All accounts of the country: the leading organs of the demo, the root of every unit, and in the demo's own places
/// the organizations below it.
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
    // T11: with a second administrator, the first need not decide about what concerns himself.
    offices.push(layout.staff(layout.frame.school(frame::UNIVERSITY_CODE), 1));
    offices
}

/// The nation, the provinces and systems, and the places through which the demo's cases go up.
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
            // Of villages and employers' divisions, the first alone is administered.
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

    /// The branch whose members may sign in themselves: the first that graduates of the university, and the one of
    /// the high school whose members are under sixteen.
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

    /// The members of a branch who may start a transfer, as holders of its office.
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

/// The people to try the demo as.
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
            try_zh: "看全国的组织树与全部转接", try_en: "see the whole tree and every transfer" }, Some(NATION), true),
        (DemoRole { role: "province", zh: "湖北省管理员", en: "administrator of Hubei province",
            try_zh: "看全省;代管理员缺位的下级审批", try_en: "see the province; decide for subordinates that have no administrator" }, Some(frame.division("42")), true),
        (DemoRole { role: "external_province", zh: "广东省管理员(另有系统)", en: "administrator of Guangdong, which has a system of its own",
            try_zh: "转往京粤闽须经该省自己的系统", try_en: "transfers to Beijing, Guangdong and Fujian go through those provinces' own systems" }, Some(frame.division("44")), true),
        (DemoRole { role: "railway", zh: "全国铁道团委管理员", en: "administrator of the national railways' committee",
            try_zh: "接收转入铁道系统的团员", try_en: "receive members in the railway system" }, frame.system_committees.first().copied(), true),
        (DemoRole { role: "city", zh: "武汉市管理员", en: "administrator of Wuhan city",
            try_zh: "看本市的街道与乡镇", try_en: "see the city's streets and townships" }, Some(frame.division(frame::TOWNSHIP_CITY)), true),
        (DemoRole { role: "university", zh: "学校团委管理员", en: "administrator of the university",
            try_zh: "审批转出,标记各学院的毕业时间", try_en: "approve transfers out; mark graduation months of all colleges" }, Some(university), true),
        (DemoRole { role: "college", zh: "学院团委管理员", en: "administrator of a college",
            try_zh: "批量标记各班团支部的毕业时间", try_en: "mark the graduation month of many branches in one call" }, college, true),
        (DemoRole { role: "class", zh: "毕业班团支部管理员", en: "administrator of a graduating class, a member of it",
            try_zh: "标记延迟毕业与留校任教的团员,替团员发起转出", try_en: "mark delayed graduates and teachers; file a transfer for a member" }, class, true),
        (DemoRole { role: "graduate", zh: "毕业班团员", en: "member of the graduating class",
            try_zh: "以团员身份(不选 office)发起转往街道的申请", try_en: "as a member, without office: file a transfer to a street" }, class, false),
        (DemoRole { role: "township", zh: "街道团委管理员", en: "administrator of a street committee",
            try_zh: "在操作中心审批转入,分配到社区团支部", try_en: "approve what comes in and assign it to a community's branch" }, township_root, true),
        (DemoRole { role: "community", zh: "社区团支部管理员", en: "administrator of a community's branch",
            try_zh: "看本支部团员,从接收方发起转入", try_en: "see the branch's members; file a transfer from the receiving side" }, community, true),
        (DemoRole { role: "employer", zh: "企业团委管理员", en: "administrator of an employer's committee",
            try_zh: "接收就业的毕业生", try_en: "receive graduates who found work" }, Some(frame.employer), true),
        (DemoRole { role: "second_university", zh: "另一所高校团委管理员", en: "administrator of a second university",
            try_zh: "接收升学的毕业生", try_en: "receive graduates who go on studying" }, Some(second), true),
        (DemoRole { role: "high_school", zh: "高中团委管理员", en: "administrator of a senior high school",
            try_zh: "转出升学的学生", try_en: "transfer out those who leave school" }, Some(high_school), true),
        (DemoRole { role: "county", zh: "县级团委管理员", en: "administrator of the county above the high school",
            try_zh: "先审批未满16周岁团员转往非学校领域", try_en: "approve first when a member under 16 leaves the school sector" }, Some(frame.division(frame::HIGH_SCHOOL_COUNTY)), true),
        (DemoRole { role: "under_sixteen", zh: "未满16周岁的团员", en: "member under 16",
            try_zh: "以团员身份发起转往街道:多一道领导机关审批", try_en: "as a member: file a transfer to a street and see the further approval" }, under_sixteen, false),
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
