//! Who administers what, who has an account, and whom to try the demo as.

use super::filling::{Shape, Unit};
use super::frame::{self, Frame, NATION};
use super::records::{AccountRecord, AppointmentRecord, IdNumber, SignIn};
use super::{Country, Filled, founded};
use crate::domain::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use crate::domain::organization::{Kind, Purpose};

/// In the places of the demo one organization in so many has no administrator (A10).
const ONE_VACANT_IN: usize = 7;

/// Somebody with an account, at the organization administered or, for a plain member, in the member's branch.
pub struct Office {
    organization: OrganizationId,
    administrator: bool,
    member: Option<MemberId>,
    name: String,
    id_number: IdNumber,
}

impl Office {
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
pub fn appointments(offices: &[Office]) -> impl Iterator<Item = AppointmentRecord> + '_ {
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
pub fn offices(country: &Country) -> Vec<Office> {
    let mut offices: Vec<Office> = leading_organs(&country.frame)
        .map(|organ| country.staff(organ, 0))
        .collect();
    for (index, unit) in country.units.iter().enumerate() {
        let township = matches!(unit.shape, Shape::Township { .. });
        let vacant = township && unit.of_demo && index % ONE_VACANT_IN == 0;
        if !vacant {
            offices.push(country.staff(unit.root, 0));
        }
        if unit.of_demo {
            country.offices_below(unit, &mut offices);
        }
    }
    // T11: with a second administrator, the first need not decide about what concerns himself.
    offices.push(country.staff(country.frame.school(frame::UNIVERSITY_CODE), 1));
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
        .filter(|o| o.kind == Kind::LeadingOrgan)
        .map(|o| (o.id, o.parent))
        .filter_map(move |(id, parent)| {
            let high = id == NATION || parent == Some(NATION);
            (high || places.contains(&id) || parent == Some(city)).then_some(id)
        })
}

impl Country {
    fn staff(&self, organization: OrganizationId, nth: u64) -> Office {
        let person = self.population.staff(organization.0, nth);
        Office {
            organization,
            administrator: true,
            member: None,
            name: person.name,
            id_number: person.id_number,
        }
    }

    fn offices_below(&self, unit: &Unit, offices: &mut Vec<Office>) {
        let filled = self.fill(unit);
        let posts = filled
            .iter()
            .filter(|f| f.organization.kind != Kind::GeneralBranch)
            .enumerate();
        for (index, post) in posts.filter(|(index, _)| index % ONE_VACANT_IN != ONE_VACANT_IN - 1) {
            // Of villages and employers' divisions, the first alone is administered.
            if index > 0 && matches!(unit.shape, Shape::Township { .. } | Shape::Employer) {
                break;
            }
            let organization = &post.organization;
            let led_by_member = unit.shape != Shape::HighSchool
                && organization.kind == Kind::Branch
                && organization.purpose == Purpose::Ordinary;
            let member = if led_by_member {
                self.member_offices(post).next()
            } else {
                None
            };
            offices.push(member.unwrap_or_else(|| self.staff(organization.id, 0)));
        }
        if let Some(branch) = self.branch_with_accounts(unit, &filled) {
            offices.extend(self.member_offices(branch).skip(1).map(|office| Office {
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
            Shape::College { .. } if university => filled
                .iter()
                .find(|f| f.cohort.graduates == Some(self.season) && f.organization.kind == Kind::Branch),
            Shape::HighSchool => filled.first(),
            _ => None,
        }
    }

    /// The members of a branch who may start a transfer, as holders of its office.
    fn member_offices(&self, branch: &Filled) -> impl Iterator<Item = Office> + use<'_> {
        self.members_of(branch)
            .filter(|member| member.is_eligible())
            .map(|member| Office {
                organization: member.branch,
                administrator: true,
                member: Some(member.id),
                name: member.name,
                id_number: member.id_number,
            })
    }
}

/// The people to try the demo as.
pub fn sign_ins(country: &Country) -> Vec<SignIn> {
    let frame = &country.frame;
    let university = frame.school(frame::UNIVERSITY_CODE);
    let second = frame.school(frame::SECOND_UNIVERSITY_CODE);
    let high_school = frame.school(frame::HIGH_SCHOOL_CODE);
    let township = country.units.iter().find(|unit| {
        let root = frame.get(unit.root);
        root.township && root.parent == Some(frame.division(frame::EMPLOYER_COUNTY)) && country.holds_office(unit.root)
    });
    let college = country.first_below(university, |f| f.organization.kind == Kind::Committee);
    let class = country.first_below(university, |f| f.cohort.graduates == Some(country.season));
    let under_sixteen = country.first_below(high_school, |f| f.cohort.graduates.is_some());
    let township_root = township.map(|unit| unit.root);
    let community = township_root.and_then(|root| country.first_below(root, |_| true));

    #[rustfmt::skip]
    let parts: [(&str, &str, &str, Option<OrganizationId>, bool); 16] = [
        ("nation", "全国管理员", "administrator of the nation", Some(NATION), true),
        ("province", "湖北省管理员", "administrator of Hubei province", Some(frame.division("42")), true),
        ("external_province", "广东省管理员(另有系统)", "administrator of Guangdong, which has a system of its own", Some(frame.division("44")), true),
        ("railway", "全国铁道团委管理员", "administrator of the national railways' committee", frame.system_committees.first().copied(), true),
        ("city", "武汉市管理员", "administrator of Wuhan city", Some(frame.division(frame::TOWNSHIP_CITY)), true),
        ("university", "学校团委管理员", "administrator of the university", Some(university), true),
        ("college", "学院团委管理员", "administrator of a college", college, true),
        ("class", "毕业班团支部管理员", "administrator of a graduating class, a member of it", class, true),
        ("graduate", "毕业班团员", "member of the graduating class", class, false),
        ("township", "街道团委管理员", "administrator of a street committee", township_root, true),
        ("community", "社区团支部管理员", "administrator of a community's branch", community, true),
        ("employer", "企业团委管理员", "administrator of an employer's committee", Some(frame.employer), true),
        ("second_university", "另一所高校团委管理员", "administrator of a second university", Some(second), true),
        ("high_school", "高中团委管理员", "administrator of a senior high school", Some(high_school), true),
        ("county", "县级团委管理员", "administrator of the county above the high school", Some(frame.division(frame::HIGH_SCHOOL_COUNTY)), true),
        ("under_sixteen", "未满16周岁的团员", "member under 16", under_sixteen, false),
    ];
    parts
        .into_iter()
        .filter_map(|(role, zh, en, at, office)| country.sign_in((role, zh, en), at?, office))
        .collect()
}

impl Country {
    fn holds_office(&self, organization: OrganizationId) -> bool {
        self.offices
            .iter()
            .any(|office| office.administrator && office.organization == organization)
    }

    /// The first organization with members or below a committee that a unit is filled with.
    fn first_below(&self, root: OrganizationId, wanted: impl Fn(&Filled) -> bool) -> Option<OrganizationId> {
        let filled = self.fill(self.unit(root)?);
        filled.iter().find(|f| wanted(f)).map(|f| f.organization.id)
    }

    fn sign_in(
        &self,
        (role, zh, en): (&'static str, &'static str, &'static str),
        organization: OrganizationId,
        administrator: bool,
    ) -> Option<SignIn> {
        let wanted = |office: &Office| office.organization == organization && office.administrator == administrator;
        let (index, office) = self.offices.iter().enumerate().find(|(_, office)| wanted(office))?;
        Some(SignIn {
            role,
            zh,
            en,
            account: AccountId(index as i64 + 1),
            name: office.name.clone(),
            id_number: office.id_number,
            organization,
            organization_name: self.name_of(organization),
        })
    }

    /// The name of an organization, of the frame or of a unit.
    fn name_of(&self, id: OrganizationId) -> String {
        if let Some(organization) = self.frame.organizations.get(id.0 as usize - 1) {
            return organization.name.clone();
        }
        let unit = self.units.partition_point(|unit| unit.first_organization <= id.0);
        let filled = self
            .units
            .get(unit.wrapping_sub(1))
            .map(|unit| self.fill(unit))
            .unwrap_or_default();
        filled
            .into_iter()
            .find(|f| f.organization.id == id)
            .map(|f| f.organization.name)
            .unwrap_or_default()
    }
}
