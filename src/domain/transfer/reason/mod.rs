//! Reasons for a transfer (§1.4.6; T5): what each requires, and which targets it allows.
//!
//! The JSON Schema that a form is drawn from and the check of a proposal both use the same two tables (`fields`,
//! `target_rule`), so they cannot differ.

use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::division::Division;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::language::Language;
use crate::domain::core::line::{NOT_SHOWN, is_plain};
use crate::domain::core::vocabulary::vocabulary;
use crate::domain::organization::facts::{
    EXTERNAL_PROVINCES, OrganizationFacts, OrganizationKind, OrganizationPurpose, Sector,
};
use crate::domain::policy::Policy;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;

vocabulary! {
    /// Why a member moves (转接原因).
    Reason {
        FurtherStudy = "further_study", "升学", "further study";
        EmployedWithLeague = "employed_with_league", "已落实工作单位（有团组织）", "employed; the employer has a League organization";
        EmployedWithoutLeague = "employed_without_league", "已落实工作单位（无团组织）", "employed; the employer has no League organization";
        Abroad = "abroad", "出国（境）学习生活", "study or life abroad";
        Unsettled = "unsettled", "未升学或未落实就业去向", "no further study or job settled yet";
        SpecialUnit = "special_unit", "转往特殊单位团组织", "transfer to a special unit";
    }

    /// Which side started a transfer (发起方).
    Side {
        Member = "member", "团员本人", "the member";
        Source = "source", "转出方", "the source side";
        Target = "target", "转入方", "the target side";
    }

    /// The targets that a reason allows.
    TargetRule {
        School = "school", "学校领域的团组织", "an organization of the school sector";
        Any = "any", "工作单位的团组织（不含毕业生团组织）", "an organization of the employer, except a graduate branch";
        Community = "community", "工作单位所在地的乡镇、街道、村、社区团组织，或开发区团工委",
            "an organization of the township, street, village or community where the workplace is, or a development zone's work committee";
        OwnAbroad = "own_abroad_branch", "原学校的出国（境）学习研究团员团支部", "the abroad branch of the member's own school";
        CommunityOrOwnFloating = "community_or_own_floating_branch", "户籍地或居住地的乡镇、街道、村、社区团组织，或原学校的流动团员团支部",
            "an organization of the township, street, village or community of household or residence, or the floating branch of the member's own school";
        None = "none", "无需选择转入组织", "no target to choose";
    }

    /// The kind of school that further study leads to (毕业去向).
    DestinationStage {
        SeniorHigh = "senior_high", "普通高中", "senior high school";
        SecondaryVocational = "secondary_vocational", "中等职业院校", "secondary vocational school";
        RegularUniversity = "regular_university", "普通高校", "regular university";
        HigherVocational = "higher_vocational", "高等职业院校", "higher vocational college";
        Other = "other", "其他", "other";
    }

    /// A field that a proposal may have to fill in. The name is its place below `/details`.
    DetailField {
        DestinationStage = "destination_stage", "毕业去向", "kind of school";
        SchoolName = "school_name", "转入学校名称", "name of the school";
        SchoolAddress = "school_address", "转入学校所在地详细地址", "detailed address of the school";
        EmployerName = "employer_name", "工作单位名称", "name of the employer";
        EmployerAddress = "employer_address", "工作单位所在地详细地址", "detailed address of the employer";
        HomeAddress = "home_address", "户籍地或居住地详细地址", "detailed address of registered household or residence";
        ExternalProvince = "external/province", "转入省市", "province of the destination";
        ExternalName = "external/name", "转入单位名称", "name of the receiving unit";
        ExternalOrganization = "external/organization", "转入团组织全称", "full name of the receiving League organization";
        ExternalAddress = "external/address", "转入单位详细地址", "detailed address of the receiving unit";
    }
}

/// T6: the fields that are written out instead of a target in Beijing, Guangdong or Fujian: name, address,
/// organization.
const EXTERNAL_FIELDS: &[DetailField] = &[
    DetailField::ExternalProvince,
    DetailField::ExternalName,
    DetailField::ExternalOrganization,
    DetailField::ExternalAddress,
];

/// The longest name, in characters.
const NAME_MAX: usize = 100;
/// The longest free part of an address, in characters.
const ADDRESS_TEXT_MAX: usize = 200;

impl Reason {
    /// The fields that the manual requires for this reason (§1.4.6).
    pub fn fields(self) -> &'static [DetailField] {
        match self {
            Self::FurtherStudy => &[
                DetailField::DestinationStage,
                DetailField::SchoolName,
                DetailField::SchoolAddress,
            ],
            Self::EmployedWithLeague | Self::EmployedWithoutLeague => {
                &[DetailField::EmployerName, DetailField::EmployerAddress]
            }
            Self::Unsettled => &[DetailField::HomeAddress],
            Self::Abroad | Self::SpecialUnit => &[],
        }
    }

    /// The targets that this reason allows (§1.4.6).
    pub fn target_rule(self) -> TargetRule {
        match self {
            Self::FurtherStudy => TargetRule::School,
            Self::EmployedWithLeague => TargetRule::Any,
            Self::EmployedWithoutLeague => TargetRule::Community,
            Self::Abroad => TargetRule::OwnAbroad,
            Self::Unsettled => TargetRule::CommunityOrOwnFloating,
            Self::SpecialUnit => TargetRule::None,
        }
    }

    /// T6: whether the destination can be in Beijing, Guangdong or Fujian. A member who goes abroad stays with their
    /// own school, and a special unit has no target at all.
    pub fn may_be_external(self) -> bool {
        !matches!(self.target_rule(), TargetRule::OwnAbroad | TargetRule::None)
    }

    /// Whether the reason allows this target. `own_school` is the school the member belongs to now.
    ///
    /// A floating or abroad branch takes only the members it is for, so it is not a target for other reasons. For
    /// members without a post, a township's floating branch is as good a target as the township itself.
    pub fn allows_target(self, target: &OrganizationFacts, own_school: Option<OrganizationId>) -> bool {
        let ordinary = target.purpose == OrganizationPurpose::Ordinary;
        let community = matches!(target.sector, Sector::TownshipVillage | Sector::StreetCommunity);
        let own = |purpose| target.purpose == purpose && own_school.is_some() && target.school == own_school;
        match self.target_rule() {
            TargetRule::School => ordinary && target.sector == Sector::School,
            TargetRule::Any => ordinary && !target.is_graduate_branch(),
            // Development zones have a work committee in place of a township's or street's committee (our decision).
            TargetRule::Community => {
                let zone = target.kind == OrganizationKind::WorkCommittee && target.sector != Sector::School;
                ordinary && (community || zone)
            }
            TargetRule::OwnAbroad => own(OrganizationPurpose::Abroad),
            TargetRule::CommunityOrOwnFloating => {
                community
                    && matches!(
                        target.purpose,
                        OrganizationPurpose::Ordinary | OrganizationPurpose::Floating
                    )
                    || own(OrganizationPurpose::Floating)
            }
            TargetRule::None => false,
        }
    }

    /// T5: whether the target is one this reason allows.
    ///
    /// # Errors
    /// `transfer.special_unit_has_no_target`, `transfer.target_not_allowed_for_reason`.
    pub fn check_target(self, target: &OrganizationFacts, own_school: Option<OrganizationId>) -> Result<(), Refusal> {
        match self.target_rule() {
            TargetRule::None => Err(Code::TransferSpecialUnitHasNoTarget.into()),
            _ if self.allows_target(target, own_school) => Ok(()),
            rule => Err(Refusal::new(Code::TransferTargetNotAllowedForReason).with_term("allowed", rule.text())),
        }
    }

    /// T5: whether this side may start a transfer for this reason. The manual lets the target side start it for further
    /// study. For other reasons the season's policy decides (our decision). A special unit never allows it, since it
    /// has no target side.
    ///
    /// # Errors
    /// `transfer.reason_not_allowed_from_target`.
    pub fn check_side(self, side: Side, policy: &Policy) -> Result<(), Refusal> {
        let allowed = match (side, self) {
            (Side::Member | Side::Source, _) | (Side::Target, Self::FurtherStudy) => true,
            (Side::Target, Self::SpecialUnit) => false,
            (Side::Target, _) => policy.target_side_other_reasons,
        };
        if allowed {
            Ok(())
        } else {
            Err(Refusal::new(Code::TransferReasonNotAllowedFromTarget).at("/reason"))
        }
    }

    /// T5, T6: the refusals for every field of the details that is missing, wrong or not allowed. `external` says
    /// whether the destination is in Beijing, Guangdong or Fujian.
    pub fn check_details(self, details: &Details, external: bool) -> Vec<Refusal> {
        if external && !self.may_be_external() {
            return vec![Refusal::new(Code::TransferReasonNotExternal).at("/reason")];
        }
        let demanded = self.demanded(external);
        let check = |&field: &DetailField| match (demanded.contains(&field), details.given(field)) {
            (true, given) => field.check(given),
            (false, DetailValue::Nothing) => None,
            (false, _) => Some(field.refuse(Code::TransferFieldNotAllowed)),
        };
        let misplaced = (external && !details.external_address_fits()).then(|| {
            DetailField::ExternalAddress
                .refuse(Code::TransferFieldInvalid)
                .at("/details/external/address/division_code")
        });
        DetailField::ALL.iter().filter_map(check).chain(misplaced).collect()
    }

    /// Every field that must be filled in. `external` is as in [`Self::check_details`].
    pub fn demanded(self, external: bool) -> Vec<DetailField> {
        let written_out = if external { EXTERNAL_FIELDS } else { &[] };
        self.fields().iter().chain(written_out).copied().collect()
    }

    /// The JSON Schema (2020-12) of the `details` object. `title` is in zh-CN, and `x-title` has both languages.
    pub fn json_schema(self, external: bool) -> Value {
        let (outer, written_out): (Vec<DetailField>, Vec<DetailField>) = self
            .demanded(external)
            .into_iter()
            .partition(|field| !EXTERNAL_FIELDS.contains(field));
        let mut schema = object_schema(&outer);
        if !written_out.is_empty() {
            let mut inner = object_schema(&written_out);
            add_titles(
                &mut inner,
                "转入组织信息（北京、广东、福建）",
                "destination in Beijing, Guangdong or Fujian",
            );
            schema["properties"]["external"] = inner;
            schema["required"] = outer.iter().map(|field| field.key()).chain(["external"]).collect();
        }
        add_titles(
            &mut schema,
            self.label(Language::Chinese),
            self.label(Language::English),
        );
        schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
        schema
    }
}

/// What kind of content a field has.
enum DetailShape {
    Stage,
    Name,
    Address,
    Province,
}

/// The value that a proposal gives for a field.
enum DetailValue<'a> {
    Nothing,
    /// Its type has checked it already.
    Settled,
    Name(&'a str),
    Address(&'a Address),
    Province(u8),
}

impl DetailField {
    /// Its JSON pointer in the request.
    pub fn pointer(self) -> String {
        format!("/details/{self}")
    }

    /// Its key in its own object.
    fn key(self) -> &'static str {
        let name = self.as_str();
        name.rsplit_once('/').map_or(name, |(_, key)| key)
    }

    fn shape(self) -> DetailShape {
        match self {
            Self::DestinationStage => DetailShape::Stage,
            Self::SchoolName | Self::EmployerName | Self::ExternalName | Self::ExternalOrganization => {
                DetailShape::Name
            }
            Self::SchoolAddress | Self::EmployerAddress | Self::HomeAddress | Self::ExternalAddress => {
                DetailShape::Address
            }
            Self::ExternalProvince => DetailShape::Province,
        }
    }

    fn schema(self) -> Value {
        let mut schema = match self.shape() {
            DetailShape::Stage => json!({"type": "string", "enum": DestinationStage::ALL}),
            DetailShape::Name => text_schema(NAME_MAX),
            DetailShape::Address => json!({
                "type": "object",
                "required": ["division_code", "text"],
                "additionalProperties": false,
                "properties": {
                    "division_code": {
                        "type": "string",
                        "pattern": "^([0-9]{6}|[0-9]{9})$",
                        "title": "行政区划代码",
                        "x-title": {"zh-CN": "行政区划代码", "en": "division code (GB/T 2260) of a county or a smaller division"},
                    },
                    "text": text_schema(ADDRESS_TEXT_MAX),
                },
            }),
            DetailShape::Province => json!({"type": "integer", "enum": EXTERNAL_PROVINCES}),
        };
        add_titles(
            &mut schema,
            self.label(Language::Chinese),
            self.label(Language::English),
        );
        schema
    }

    fn check(self, given: DetailValue<'_>) -> Option<Refusal> {
        match given {
            DetailValue::Settled => None,
            DetailValue::Nothing => Some(self.refuse(self.missing())),
            DetailValue::Name(text) if text.trim().is_empty() => Some(self.refuse(self.missing())),
            DetailValue::Name(text) => (!is_plain(text, NAME_MAX)).then(|| self.refuse(Code::TransferFieldInvalid)),
            DetailValue::Address(address) => self.check_address(address),
            DetailValue::Province(province) => {
                (!EXTERNAL_PROVINCES.contains(&province)).then(|| self.refuse(Code::TransferExternalProvinceUnknown))
            }
        }
    }

    fn check_address(self, address: &Address) -> Option<Refusal> {
        let at = |code, key: &str| Some(self.refuse(code).at(format!("{}/{key}", self.pointer())));
        match Division::find(&address.division_code) {
            None => at(Code::DivisionUnknown, "division_code"),
            Some(division) if !division.is_county_or_smaller() => at(Code::TransferAddressNotDetailed, "division_code"),
            Some(_) if address.text.trim().is_empty() => at(self.missing(), "text"),
            Some(_) if !is_plain(&address.text, ADDRESS_TEXT_MAX) => at(Code::TransferFieldInvalid, "text"),
            Some(_) => None,
        }
    }

    fn missing(self) -> Code {
        if EXTERNAL_FIELDS.contains(&self) {
            Code::TransferExternalDetailsRequired
        } else {
            Code::TransferFieldRequired
        }
    }

    fn refuse(self, code: Code) -> Refusal {
        let refusal = Refusal::new(code).at(self.pointer());
        if code.detail(Language::English).contains("{field}") {
            refusal.with_term("field", self.text())
        } else {
            refusal
        }
    }
}

/// The schema for what [`is_plain`] checks.
fn text_schema(max: usize) -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": max,
        "pattern": format!("^(?=.*\\S)[^{NOT_SHOWN}]*$"),
    })
}

fn object_schema(fields: &[DetailField]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.key().to_owned(), field.schema()))
        .collect();
    let required: Vec<&str> = fields.iter().map(|field| field.key()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn add_titles(schema: &mut Value, zh: &str, en: &str) {
    schema["title"] = json!(zh);
    schema["x-title"] = json!({"zh-CN": zh, "en": en});
}

/// An address: a division code plus free text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The code of a county or a smaller division, from the national list.
    pub division_code: String,
    /// The rest: street, house number.
    pub text: String,
}

impl fmt::Debug for Address {
    /// An address is personal data, so only the province's digits are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}…)", self.division_code.get(..2).unwrap_or_default())
    }
}

/// A destination in Beijing, Guangdong or Fujian, written out in full (§1.4.5; T6).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct External {
    /// The two-digit code: 11 Beijing, 35 Fujian, 44 Guangdong.
    pub province: Option<u8>,
    /// The name of the receiving unit.
    pub name: Option<String>,
    /// The full name of the receiving League organization.
    pub organization: Option<String>,
    /// The address of the receiving unit.
    pub address: Option<Address>,
}

/// The `details` object of a proposal. The reason decides which fields it must have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Details {
    /// The kind of school.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_stage: Option<DestinationStage>,
    /// The name of the school.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school_name: Option<String>,
    /// The address of the school.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school_address: Option<Address>,
    /// The name of the employer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employer_name: Option<String>,
    /// The address of the employer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub employer_address: Option<Address>,
    /// The address of the registered household or residence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_address: Option<Address>,
    /// The destination, if it is in Beijing, Guangdong or Fujian.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

impl Details {
    fn given(&self, field: DetailField) -> DetailValue<'_> {
        fn name(text: &Option<String>) -> Option<DetailValue<'_>> {
            text.as_deref().map(DetailValue::Name)
        }
        fn address(address: &Option<Address>) -> Option<DetailValue<'_>> {
            address.as_ref().map(DetailValue::Address)
        }
        let external = self.external.as_ref();
        let given = match field {
            DetailField::DestinationStage => self.destination_stage.map(|_| DetailValue::Settled),
            DetailField::SchoolName => name(&self.school_name),
            DetailField::SchoolAddress => address(&self.school_address),
            DetailField::EmployerName => name(&self.employer_name),
            DetailField::EmployerAddress => address(&self.employer_address),
            DetailField::HomeAddress => address(&self.home_address),
            DetailField::ExternalProvince => external
                .and_then(|external| external.province)
                .map(DetailValue::Province),
            DetailField::ExternalName => external.and_then(|external| name(&external.name)),
            DetailField::ExternalOrganization => external.and_then(|external| name(&external.organization)),
            DetailField::ExternalAddress => external.and_then(|external| address(&external.address)),
        };
        given.unwrap_or(DetailValue::Nothing)
    }

    /// Whether the written-out address is in the named province. True if either is missing or unknown.
    fn external_address_fits(&self) -> bool {
        let Some(External {
            province: Some(province),
            address: Some(address),
            ..
        }) = &self.external
        else {
            return true;
        };
        Division::find(&address.division_code).is_none_or(|division| division.province() == *province)
    }
}

#[cfg(test)]
mod tests;
