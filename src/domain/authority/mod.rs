//! Who may see and do what (O6). One function, [`decide`], decides it from one table, [`actions`].
//!
//! Everything a caller can do is an [`Action`] on some kind of [`Object`]. The caller's [`Capacity`] says whether they
//! may request the action at all. A handler's signature names the action, and the capacity is checked before the
//! handler runs. The caller's [`Relation`]s to the object decide the rest, once the object is loaded inside the
//! transaction. An object the caller may not see gives exactly the same answer as one that does not exist.
//!
//! The workflows add their own rules: whether a case is still open, whose turn it is, whether somebody would decide
//! their own case (T11). They can refuse what the table allows, but never allow what it refuses. If it is the turn of
//! the caller's organization, the relation is [`Relation::Holder`]. That includes the superior who acts in place of a
//! vacant organization (A10), whether it decides something or starts it.

pub mod actor;
pub mod scope;

use super::authority::actor::{Actor, Role};
use super::authority::scope::{Grant, Reach, Scope};
use super::catalogue::code::Code;
use super::core::ids::{MemberId, OrganizationId};
use super::core::vocabulary::vocabulary;
use super::organization::facts::Path;
use std::collections::BTreeSet;

vocabulary! {
    /// The capacity in which somebody calls.
    Capacity {
        Nobody = "nobody", "未登录者", "not signed in";
        Member = "member", "团员本人", "a member acting for themselves";
        Administrator = "administrator", "管理员", "an administrator in office";
        Auditor = "auditor", "审计员", "an auditor in office, who reads the audit log and nothing else";
        Integrator = "integrator", "对接系统", "another system with its credential";
        Service = "service", "系统", "the service itself";
    }

    /// How a caller stands to an object. Several relations can hold at once.
    Relation {
        Myself = "self", "本人", "it is about the caller";
        Own = "own_organization", "本组织", "it belongs to the organization the caller administers";
        DirectSuperior = "direct_superior", "直属上级", "the caller administers the direct superior";
        HigherSuperior = "higher_superior", "更高上级", "the caller administers an organization further up";
        Holder = "holder", "当前办理方", "it is the turn of the caller's organization";
        Starter = "starter", "发起方", "the caller's side started it";
        SourceSide = "source_side", "转出方", "the member leaves the caller's subtree or province";
        TargetSide = "target_side", "转入方", "the member enters the caller's subtree or province";
        Below = "below", "下级", "the caller's organization is below it";
        Sibling = "sibling", "同级", "both have the same direct superior";
        SameProvince = "same_province", "同省其他组织", "elsewhere in the same province or system";
        OtherProvince = "other_province", "其他省份", "in another province or system";
        Stranger = "nobody", "无关者", "none of these";
    }

    /// What an action is about.
    ObjectKind {
        Oneself = "oneself", "本人事务", "the caller's own affairs";
        Nation = "nation", "全国设置", "settings for the whole country";
        Directory = "directory", "组织名录", "an organization as everybody sees it in the directory";
        Holding = "holding", "特殊单位专属库", "a special-unit holding";
        Organization = "organization", "组织内部事务", "an organization's internal affairs";
        Member = "member", "团员", "a member";
        Person = "person", "姓名和身份证号确定的人", "a person named by full name and ID number";
        Certification = "certification", "团员身份认证", "an identity certification";
        Appointment = "appointment", "管理员任职", "an appointment";
        AppointmentRequest = "appointment_request", "任免申请", "a request to appoint or dismiss";
        MonthChange = "month_change", "毕业时间修改申请", "a request to change a graduation month";
        Transfer = "transfer", "组织关系转接", "a transfer";
    }
}

impl Capacity {
    /// The capacity of an actor.
    pub fn of(actor: &Actor) -> Self {
        match actor.role {
            Role::Member => Self::Member,
            Role::Administrator(_) => Self::Administrator,
            Role::Auditor(_) => Self::Auditor,
            Role::Integrator { .. } => Self::Integrator,
            Role::System => Self::Service,
        }
    }
}

const ANYBODY: &[Capacity] = &[
    Capacity::Member,
    Capacity::Administrator,
    Capacity::Auditor,
    Capacity::Integrator,
];
const PERSONS: &[Capacity] = &[Capacity::Member, Capacity::Administrator, Capacity::Auditor];
const SIGNED_IN: &[Capacity] = &[Capacity::Member, Capacity::Administrator, Capacity::Integrator];
const MEMBERS: &[Capacity] = &[Capacity::Member];
const ADMINISTRATORS: &[Capacity] = &[Capacity::Administrator];
const INTEGRATORS: &[Capacity] = &[Capacity::Integrator];
const AUDITORS: &[Capacity] = &[Capacity::Auditor];
const PEOPLE: &[Capacity] = &[Capacity::Member, Capacity::Administrator];
const OFFICIALS: &[Capacity] = &[Capacity::Administrator, Capacity::Integrator];

/// The table of actions. Each entry names the kind of object, the capacities in which a caller may request the action,
/// and the relations to the object in which they may perform it. The code after the capacities is the refusal for every
/// other capacity. The code after the relations is the refusal for a caller who can see the object but may not act.
macro_rules! actions {
    ($then:ident) => { $then! {
        ReadSelf = "read_self", "查看本人信息", "read one's own account",
            Oneself, ANYBODY or RequestUnauthenticated, [Myself] or RequestNotFound;
        ManageSelf = "manage_self", "管理本人登录", "end one's own sessions, change one's own password, unbind one's WeChat",
            Oneself, PERSONS or RequestPersonsOnly, [Myself] or RequestNotFound;
        ReadInbox = "read_inbox", "查看本组织操作中心", "read one's own organization's inbox",
            Oneself, ADMINISTRATORS or ActorNotAdministrator, [Myself] or RequestNotFound;

        ReadDisclosures = "read_disclosures", "查看谁查询过本人信息", "read who looked one up or saw one's data in full",
            Oneself, MEMBERS or RequestMembersOnly, [Myself] or RequestNotFound;
        ReadAudit = "read_audit", "查阅审计日志", "read the audit log of one's own subtree",
            Oneself, AUDITORS or ActorNotAuditor, [Myself] or RequestNotFound;

        ReadPolicy = "read_policy", "查看年度策略", "read a season's policy",
            Nation, SIGNED_IN or RequestUnauthenticated, [Own Below] or PolicyNotAllowed;
        ChangePolicy = "change_policy", "修改年度策略", "change a season's policy",
            Nation, ADMINISTRATORS or ActorNotAdministrator, [Own] or PolicyNotAllowed;
        ManageIntegrators = "manage_integrators", "管理对接系统凭据", "issue, list and revoke other systems' credentials",
            Nation, ADMINISTRATORS or ActorNotAdministrator, [Own] or IntegratorNotAllowed;
        ReadJobs = "read_jobs", "查看自动任务", "read the runs of the jobs",
            Nation, ADMINISTRATORS or ActorNotAdministrator, [Own] or JobNotAllowed;

        ReadOrganization = "read_organization", "查看组织", "read or find an organization in the directory",
            Directory, SIGNED_IN or RequestUnauthenticated,
            [Own DirectSuperior HigherSuperior Below Sibling SameProvince OtherProvince Stranger] or OrganizationNotFound;
        ReadHolding = "read_holding", "查看特殊单位专属库", "read a special-unit holding",
            Holding, SIGNED_IN or RequestUnauthenticated, [DirectSuperior] or OrganizationNotFound;
        ProposeAsTarget = "propose_as_target", "转入方发起转接", "start a transfer into an organization, naming the member exactly",
            Directory, ADMINISTRATORS or ActorNotAdministrator,
            [Own DirectSuperior HigherSuperior] or TransferTargetOutOfScope;

        ListOrganizations = "list_organizations", "查看所辖组织列表", "list the organizations of a subtree",
            Organization, OFFICIALS or ActorNotAdministrator, [Own DirectSuperior HigherSuperior] or OrganizationNotFound;
        CreateOrganization = "create_organization", "创建下级组织", "create an organization directly below",
            Organization, ADMINISTRATORS or ActorNotAdministrator, [Own Holder] or OrganizationNotDirectSuperior;
        RenameOrganization = "rename_organization", "组织更名", "rename an organization",
            Organization, ADMINISTRATORS or ActorNotAdministrator, [DirectSuperior Holder] or OrganizationNotDirectSuperior;
        CloseOrganization = "close_organization", "关闭组织", "close an organization",
            Organization, ADMINISTRATORS or ActorNotAdministrator, [DirectSuperior Holder] or OrganizationNotDirectSuperior;
        ChangeContact = "change_contact", "修改联系人", "change an organization's contact",
            Organization, ADMINISTRATORS or ActorNotAdministrator, [Own DirectSuperior Holder] or OrganizationContactNotAllowed;
        ListMembers = "list_members", "查看团员列表", "list the members of a branch or a subtree",
            Organization, OFFICIALS or ActorNotAdministrator, [Own DirectSuperior HigherSuperior] or OrganizationNotFound;
        RegisterMember = "register_member", "登记团员", "register a member at a branch",
            Organization, ADMINISTRATORS or ActorNotAdministrator,
            [Own DirectSuperior Holder] or MemberRegistrationNotAllowed;
        ListTransfersBelow = "list_transfers_below", "查看所辖组织转接列表", "list the transfers of a subtree",
            Organization, OFFICIALS or ActorNotAdministrator, [Own DirectSuperior HigherSuperior] or OrganizationNotFound;
        ListAppointments = "list_appointments", "查看管理员列表", "list the administrators of an organization",
            Organization, ADMINISTRATORS or ActorNotAdministrator, [Own DirectSuperior HigherSuperior] or OrganizationNotFound;
        Appoint = "appoint", "任命管理员", "appoint an administrator, or request it from the direct superior",
            Organization, ADMINISTRATORS or ActorNotAdministrator, [Holder Own] or AppointmentNotAllowed;
        MarkGraduation = "mark_graduation", "标记毕业时间", "set a branch's graduation month",
            Organization, ADMINISTRATORS or ActorNotAdministrator,
            [DirectSuperior HigherSuperior] or GraduationNotAllowedForBranchAdmin;
        ReadGraduationHistory = "read_graduation_history", "查看毕业时间历史", "read the history of a branch's graduation month",
            Organization, OFFICIALS or ActorNotAdministrator, [Own DirectSuperior HigherSuperior] or OrganizationNotFound;
        ProposeMonthChange = "propose_month_change", "申请修改毕业时间", "request another month for a graduate branch",
            Organization, ADMINISTRATORS or ActorNotAdministrator, [DirectSuperior Holder] or GraduationNotDirectSuperior;

        ListMonthChanges = "list_month_changes", "查看毕业时间修改申请列表", "list the month changes one's own organization requested or decides",
            Oneself, ADMINISTRATORS or ActorNotAdministrator, [Myself] or RequestNotFound;
        ReadMonthChange = "read_month_change", "查看毕业时间修改申请", "read a request for a month change",
            MonthChange, ADMINISTRATORS or ActorNotAdministrator,
            [Own DirectSuperior HigherSuperior Holder] or GraduationChangeNotFound;
        DecideMonthChange = "decide_month_change", "审批毕业时间修改申请", "approve or refuse a month change",
            MonthChange, ADMINISTRATORS or ActorNotAdministrator, [Holder] or GraduationNotApprover;

        EndAppointment = "end_appointment", "免去管理员", "end an appointment, or request it from the direct superior",
            Appointment, ADMINISTRATORS or ActorNotAdministrator, [Holder Own] or AppointmentNotAllowed;
        IssueOfficeCode = "issue_office_code", "为管理员发放重置码", "issue a one-time code to an administrator",
            Appointment, ADMINISTRATORS or ActorNotAdministrator,
            [DirectSuperior HigherSuperior Holder] or AccountResetNotAllowed;
        BlockOfficer = "block_officer", "停用或恢复管理员账号", "block or unblock an administrator's account",
            Appointment, ADMINISTRATORS or ActorNotAdministrator,
            [DirectSuperior HigherSuperior Holder] or AccountBlockNotAllowed;
        ReadAppointmentRequest = "read_appointment_request", "查看任免申请", "read a request to appoint or dismiss",
            AppointmentRequest, ADMINISTRATORS or ActorNotAdministrator,
            [Own DirectSuperior HigherSuperior Holder] or AppointmentRequestNotFound;
        DecideAppointmentRequest = "decide_appointment_request", "审批任免申请", "approve or refuse a request to appoint or dismiss",
            AppointmentRequest, ADMINISTRATORS or ActorNotAdministrator, [Holder] or AppointmentNotApprover;

        AnswerAppointment = "answer_appointment", "答复本人任职", "consent to one's own appointment, or decline it",
            AppointmentRequest, PERSONS or RequestPersonsOnly, [Myself] or AppointmentRequestNotFound;

        ReadMember = "read_member", "查看团员", "read a member's page, marks and certification",
            Member, SIGNED_IN or RequestUnauthenticated, [Myself Own DirectSuperior HigherSuperior] or MemberNotFound;
        ChangeMember = "change_member", "修改团员信息", "change what is recorded about a member",
            Member, PEOPLE or ActorNotAdministrator, [Myself Own DirectSuperior Holder] or MemberChangeNotAllowed;
        MarkMember = "mark_member", "标记团员身份", "mark a member or undo a mark",
            Member, ADMINISTRATORS or ActorNotAdministrator, [Own DirectSuperior HigherSuperior] or MarkOutOfScope;
        IssueMemberCode = "issue_member_code", "为团员发放重置码", "issue a one-time code to a member",
            Member, ADMINISTRATORS or ActorNotAdministrator, [Own DirectSuperior Holder] or AccountResetNotAllowed;
        BlockMember = "block_member", "停用或恢复团员账号", "block or unblock a member's account",
            Member, ADMINISTRATORS or ActorNotAdministrator, [Own DirectSuperior Holder] or AccountBlockNotAllowed;
        RevealMember = "reveal_member", "查看团员完整的身份证号和手机号码", "see a member's ID number and telephone in full",
            Member, ADMINISTRATORS or ActorNotAdministrator, [Own DirectSuperior Holder] or MemberRevealNotAllowed;
        UploadForm = "upload_form", "上传《入团志愿书》", "upload a member's application form",
            Member, ADMINISTRATORS or ActorNotAdministrator, [Holder] or CertificationNotUploader;
        ProposeAsSource = "propose_as_source", "转出方发起转接", "start a transfer of a member of one's own subtree",
            Member, ADMINISTRATORS or ActorNotAdministrator, [Own DirectSuperior HigherSuperior] or TransferOutOfScope;
        ReadForm = "read_form", "查看《入团志愿书》", "read a member's application form",
            Certification, SIGNED_IN or RequestUnauthenticated,
            [Myself Own DirectSuperior HigherSuperior] or CertificationNotFound;
        DecideCertification = "decide_certification", "审核团员身份认证", "approve or refuse a certification",
            Certification, ADMINISTRATORS or ActorNotAdministrator, [Holder] or CertificationNotApprover;
        LookUpMember = "look_up_member", "按姓名和身份证号查询", "look up a member by exact name and ID number",
            Person, ADMINISTRATORS or ActorNotAdministrator, [Stranger] or MemberNoMatch;

        ProposeForOneself = "propose_for_oneself", "本人发起转接", "start one's own transfer",
            Oneself, MEMBERS or RequestMembersOnly, [Myself] or TransferOutOfScope;
        ProposeTransfer = "propose_transfer", "发起转接", "start or preview a transfer, for oneself or from either side",
            Oneself, PEOPLE or ActorNotAdministrator, [Myself] or TransferOutOfScope;
        ProposeInbound = "propose_inbound", "外省市系统发起转入", "start a transfer from another province's system",
            Person, INTEGRATORS or TransferInboundNotAllowed, [Stranger] or TransferInboundNotAllowed;
        ListTransfers = "list_transfers", "查看转接列表", "list one's own transfers, one's subtree's or one's province's",
            Oneself, SIGNED_IN or RequestUnauthenticated, [Myself] or RequestNotFound;
        ReadTransfer = "read_transfer", "查看转接", "read a transfer and its history",
            Transfer, SIGNED_IN or RequestUnauthenticated, [Myself SourceSide TargetSide Holder] or TransferNotFound;
        DecideTransfer = "decide_transfer", "审批转接", "approve or refuse a transfer",
            Transfer, ADMINISTRATORS or ActorNotAdministrator, [Holder] or ApprovalNotYourTurn;
        AssignTransfer = "assign_transfer", "分配团支部", "assign an accepted member to a branch",
            Transfer, ADMINISTRATORS or ActorNotAdministrator, [Holder] or ApprovalNotYourTurn;
        WithdrawTransfer = "withdraw_transfer", "撤销转接", "withdraw a transfer",
            Transfer, SIGNED_IN or RequestUnauthenticated, [Myself Starter] or TransferNotYoursToCancel;
        AnswerExternal = "answer_external", "答复转往外省市的转接", "record the other province's answer",
            Transfer, OFFICIALS or ActorNotAdministrator, [Holder] or TransferExternalNotYours;
    } };
}
pub(crate) use actions;

macro_rules! declare {
    ($($variant:ident = $name:literal, $zh:literal, $en:literal,
        $kind:ident, $who:ident or $of_capacity:ident, [$($relation:ident)*] or $on_object:ident;)*) => {
        vocabulary! {
            /// An action that a caller can request. A handler's signature names one of them.
            Action { $($variant = $name, $zh, $en;)* }
        }

        impl Action {
            /// What kind of object the action is about.
            pub fn kind(self) -> ObjectKind {
                match self { $(Self::$variant => ObjectKind::$kind),* }
            }

            /// The capacities in which a caller may request it.
            pub fn capacities(self) -> &'static [Capacity] {
                match self { $(Self::$variant => $who),* }
            }

            /// The relations to the object in which a caller may perform it.
            pub fn relations(self) -> &'static [Relation] {
                match self { $(Self::$variant => &[$(Relation::$relation),*]),* }
            }

            /// The refusal for a caller in any other capacity.
            fn refusal_of_capacity(self) -> Code {
                match self { $(Self::$variant => Code::$of_capacity),* }
            }

            /// The refusal for a caller who can see the object but may not do this to it.
            fn refusal_on_object(self) -> Code {
                match self { $(Self::$variant => Code::$on_object),* }
            }
        }
    };
}
actions!(declare);

impl ObjectKind {
    /// The relations from which an object of this kind can be seen. From all others it does not exist.
    pub fn seen_from(self) -> &'static [Relation] {
        use Relation::*;
        match self {
            Self::Oneself => &[Myself],
            Self::Nation => &[Own, Below],
            Self::Directory => Relation::ALL,
            Self::Holding => &[DirectSuperior],
            Self::Organization | Self::Appointment | Self::MonthChange => {
                &[Own, DirectSuperior, HigherSuperior, Holder]
            }
            Self::Member | Self::Certification | Self::AppointmentRequest => {
                &[Myself, Own, DirectSuperior, HigherSuperior, Holder]
            }
            Self::Person => &[Stranger],
            Self::Transfer => &[Myself, SourceSide, TargetSide, Holder, Starter],
        }
    }

    /// The code for an object that does not exist, and so also for one that the caller may not see.
    pub fn missing(self) -> Code {
        match self {
            Self::Oneself | Self::Nation => Code::RequestNotFound,
            Self::Directory | Self::Holding | Self::Organization => Code::OrganizationNotFound,
            Self::Member => Code::MemberNotFound,
            Self::Person => Code::MemberNoMatch,
            Self::Certification => Code::CertificationNotFound,
            Self::Appointment => Code::AppointmentNotFound,
            Self::AppointmentRequest => Code::AppointmentRequestNotFound,
            Self::MonthChange => Code::GraduationChangeNotFound,
            Self::Transfer => Code::TransferNotFound,
        }
    }
}

/// What the table decides. If a caller has several relations to an object, the greatest decision counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessDecision {
    /// The object does not exist for the caller. The code is the one for a missing object.
    Unseen(Code),
    /// The caller may see the object, but not do this to it.
    MayNot(Code),
    /// The caller may do it.
    May,
}

impl AccessDecision {
    /// Whether the caller may do it.
    ///
    /// # Errors
    /// The refusal, if they may not.
    pub fn into_result(self) -> Result<(), Code> {
        match self {
            Self::May => Ok(()),
            Self::MayNot(code) | Self::Unseen(code) => Err(code),
        }
    }

    /// Whether the caller may at least know that the object exists.
    ///
    /// # Errors
    /// The code for an object that does not exist.
    pub fn seen(self) -> Result<(), Code> {
        match self {
            Self::Unseen(code) => Err(code),
            _ => Ok(()),
        }
    }
}

/// What the decision needs to know about an object.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// The caller's own affairs.
    Oneself,
    /// Settings for the whole country, which belong to its root.
    Nation,
    /// A person identified by exact name and ID number, anywhere in the country.
    Anyone,
    /// Something that belongs to an organization.
    At {
        /// The organization's path.
        path: &'a Path,
        /// The member it is about.
        about: Option<MemberId>,
        /// The organizations whose turn it is.
        holders: &'a [OrganizationId],
        /// Whether the organization is a special-unit holding. Only administrators of its direct superior can see one
        /// (S-30).
        secret: bool,
    },
    /// Somebody who is in no branch any more. Nobody but them has anything to do with them.
    Departed(MemberId),
    /// A transfer.
    Between(&'a Sides<'a>),
}

impl<'a> Object<'a> {
    /// An organization, or what belongs to it.
    pub fn organization(path: &'a Path) -> Self {
        Self::turn(path, &[])
    }

    /// Something that belongs to an organization and waits for one of the holders.
    pub fn turn(path: &'a Path, holders: &'a [OrganizationId]) -> Self {
        Self::At {
            path,
            about: None,
            holders,
            secret: false,
        }
    }

    /// A member of a branch.
    pub fn member(path: &'a Path, member: MemberId) -> Self {
        Self::form(path, member, &[])
    }

    /// A member's application form, or its upload.
    pub fn form(path: &'a Path, member: MemberId, holders: &'a [OrganizationId]) -> Self {
        Self::At {
            path,
            about: Some(member),
            holders,
            secret: false,
        }
    }

    /// Sets whether the organization is a special-unit holding (S-30).
    pub fn in_holding(self, secret: bool) -> Self {
        match self {
            Self::At {
                path, about, holders, ..
            } => Self::At {
                path,
                about,
                holders,
                secret,
            },
            other => other,
        }
    }
}

/// Both sides of a transfer.
#[derive(Debug, Clone)]
pub struct Sides<'a> {
    /// The member it is about.
    pub member: Option<MemberId>,
    /// Whether it leads to a special unit. Only the member, the branch and the approving province can then see it, and
    /// none of their superiors (S-30).
    pub secret: bool,
    /// The side the member leaves.
    pub source: SideScope,
    /// The side the member wants to join.
    pub target: SideScope,
    /// The organizations whose turn it is.
    pub holders: &'a [OrganizationId],
}

/// One side of a transfer.
#[derive(Debug, Clone, Default)]
pub struct SideScope {
    /// The organization itself.
    pub organization: Option<OrganizationId>,
    /// The organization's path.
    pub path: Option<Path>,
    /// The province with a system of its own, if this side is one (X1, X2).
    pub province: Option<u8>,
}

impl SideScope {
    fn is_of(&self, actor: &Actor, secret: bool) -> bool {
        if let Some(province) = actor.speaks_for() {
            return self.province == Some(province);
        }
        if secret {
            return self
                .organization
                .is_some_and(|organization| actor.administers(organization));
        }
        self.path.as_ref().is_some_and(|path| actor.reaches(path))
    }
}

/// Whether a caller in this capacity may request an action at all.
///
/// # Errors
/// The refusal, if they may not.
pub fn check_capacity(capacity: Capacity, action: Action) -> Result<(), Code> {
    match capacity {
        Capacity::Nobody => Err(Code::RequestUnauthenticated),
        _ if action.capacities().contains(&capacity) => Ok(()),
        Capacity::Auditor => Err(Code::ActorAuditsOnly),
        _ => Err(action.refusal_of_capacity()),
    }
}

/// Whether an actor may request an action at all. Another system also needs the action's scope.
///
/// # Errors
/// The refusal of [`check_capacity`], or `integrator.scope_missing`.
pub fn enter(actor: &Actor, action: Action) -> Result<(), Code> {
    check_capacity(Capacity::of(actor), action)?;
    match &actor.role {
        Role::Integrator { grant, .. } => granted(grant, action),
        _ => Ok(()),
    }
}

/// Whether a credential may be used for an action. An action without a scope is for people only. The exceptions are
/// reading the credential's own account and a season's policy.
fn granted(grant: &Grant, action: Action) -> Result<(), Code> {
    match (action, action.scope()) {
        (Action::ReadSelf | Action::ReadPolicy, _) => Ok(()),
        (_, Some(scope)) => grant.check_scope(scope),
        (_, None) => Err(Code::ActorNotAdministrator),
    }
}

impl Action {
    /// The scope another system's credential needs for the action. `None` if no credential may be used for it. A system
    /// reads, and it proposes and answers for its own province. Only people decide and appoint.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Self::ReadOrganization | Self::ListOrganizations | Self::ReadGraduationHistory => {
                Some(Scope::OrganizationsRead)
            }
            Self::ListMembers | Self::ReadMember => Some(Scope::MembersRead),
            Self::ReadTransfer | Self::ListTransfers | Self::ListTransfersBelow => Some(Scope::TransfersRead),
            Self::AnswerExternal => Some(Scope::TransfersAnswer),
            Self::ProposeInbound | Self::WithdrawTransfer => Some(Scope::InboundPropose),
            _ => None,
        }
    }
}

/// The authority matrix: capacity × action × relation.
pub fn verdict(capacity: Capacity, action: Action, relation: Relation) -> AccessDecision {
    if let Err(code) = check_capacity(capacity, action) {
        AccessDecision::MayNot(code)
    } else if action.relations().contains(&relation) {
        AccessDecision::May
    } else if action.kind().seen_from().contains(&relation) {
        AccessDecision::MayNot(action.refusal_on_object())
    } else {
        AccessDecision::Unseen(action.kind().missing())
    }
}

/// Every code with which the table can refuse this action.
pub fn refusals(action: Action) -> BTreeSet<Code> {
    let of_capacity = Capacity::ALL
        .iter()
        .filter_map(|capacity| check_capacity(*capacity, action).err());
    let without_scopes = Grant {
        path: Path::root(OrganizationId::NONE),
        reach: Reach::Own,
        scopes: Vec::new(),
    };
    let for_integrators = action.capacities().contains(&Capacity::Integrator);
    let to_integrators = for_integrators
        .then(|| granted(&without_scopes, action).err())
        .flatten();
    let relations: &[Relation] = match action.kind() {
        ObjectKind::Oneself => &[Relation::Myself],
        ObjectKind::Nation => &[Relation::Own, Relation::Below],
        ObjectKind::Person => &[Relation::Stranger],
        _ => Relation::ALL,
    };
    let on_object = action.capacities().iter().flat_map(|capacity| {
        relations
            .iter()
            .filter_map(|relation| verdict(*capacity, action, *relation).into_result().err())
    });
    of_capacity.chain(to_integrators).chain(on_object).collect()
}

/// Whether this actor may do this to this object.
pub fn decide(actor: &Actor, action: Action, object: Object<'_>) -> AccessDecision {
    let capacity = Capacity::of(actor);
    if let Role::Integrator { grant, .. } = &actor.role
        && granted(grant, action).is_err()
    {
        // [`enter`] has already reported the missing scope. This answer must not tell whether the object exists.
        return AccessDecision::Unseen(action.kind().missing());
    }
    let verdicts = relations(actor, object).into_iter();
    let best = verdicts.map(|relation| verdict(capacity, action, relation)).max();
    best.unwrap_or_else(|| verdict(capacity, action, Relation::Stranger))
}

/// Like [`decide`], for an object that the actor is already known to see. Administrators of a holder may act on it.
/// Nobody else may.
pub fn at_turn(actor: &Actor, action: Action, holders: &[OrganizationId]) -> AccessDecision {
    if holds(actor, holders) {
        verdict(Capacity::of(actor), action, Relation::Holder)
    } else {
        AccessDecision::MayNot(action.refusal_on_object())
    }
}

/// All relations of an actor to an object, except [`Relation::Starter`], which the workflow adds (T10).
pub fn relations(actor: &Actor, object: Object<'_>) -> Vec<Relation> {
    match object {
        Object::Oneself => vec![Relation::Myself],
        Object::Anyone => vec![Relation::Stranger],
        Object::Nation if actor.office().is_some_and(|office| office.path.depth() == 1) => vec![Relation::Own],
        Object::Nation => vec![Relation::Below],
        Object::At {
            path,
            about,
            holders,
            secret,
        } => {
            let is_self = about.is_some() && actor.member == about;
            let all = [
                is_self.then_some(Relation::Myself),
                holds(actor, holders).then_some(Relation::Holder),
                Some(if secret {
                    place_of_secret(actor, path)
                } else {
                    place(actor, path)
                }),
            ];
            all.into_iter().flatten().collect()
        }
        Object::Departed(member) => {
            let is_self = actor.member == Some(member);
            is_self.then_some(Relation::Myself).into_iter().collect()
        }
        Object::Between(sides) => {
            let is_self = sides.member.is_some() && actor.acting_member() == sides.member;
            let all = [
                (is_self, Relation::Myself),
                (holds(actor, sides.holders), Relation::Holder),
                (sides.source.is_of(actor, sides.secret), Relation::SourceSide),
                (sides.target.is_of(actor, sides.secret), Relation::TargetSide),
            ];
            all.into_iter()
                .filter(|(is, _)| *is)
                .map(|(_, relation)| relation)
                .collect()
        }
    }
}

fn holds(actor: &Actor, holders: &[OrganizationId]) -> bool {
    holders.iter().any(|holder| actor.administers(*holder))
}

/// The relation of the actor's organization to a path.
fn place(actor: &Actor, path: &Path) -> Relation {
    let from = match &actor.role {
        Role::Administrator(office) => &office.path,
        Role::Integrator { grant, .. } if path.is_below(&grant.path) && !grant.reaches(path) => {
            return Relation::Stranger;
        }
        Role::Integrator { grant, .. } => &grant.path,
        _ => return Relation::Stranger,
    };
    if from == path {
        Relation::Own
    } else if path.is_below(from) && path.depth() == from.depth() + 1 {
        Relation::DirectSuperior
    } else if path.is_below(from) {
        Relation::HigherSuperior
    } else if from.is_below(path) {
        Relation::Below
    } else if from.superiors().next() == path.superiors().next() {
        Relation::Sibling
    } else if from.ids().nth(1) == path.ids().nth(1) {
        Relation::SameProvince
    } else {
        Relation::OtherProvince
    }
}

/// Like [`place`], for a special-unit holding. It is hidden from everybody except administrators of its direct superior
/// (S-30).
fn place_of_secret(actor: &Actor, path: &Path) -> Relation {
    match (place(actor, path), actor.office()) {
        (Relation::DirectSuperior, Some(_)) => Relation::DirectSuperior,
        _ => Relation::Stranger,
    }
}

#[cfg(test)]
mod tests;
