//! The audit log (审计日志): which actions leave an entry, what an entry is about, and which refusals are recorded.

use super::core::ids::{
    AccountId, AppointmentId, AppointmentRequestId, CertificationId, IntegratorSecretId, MemberId, MonthChangeId,
    OrganizationId, SessionId, TransferId,
};
use super::core::time::Season;
use super::core::vocabulary::vocabulary;
use std::fmt;

vocabulary! {
    /// What became of an attempt.
    AuditOutcome {
        Done = "done", "已执行", "done";
        Denied = "denied", "被拒绝", "denied: the caller has no authority, or can't see the object";
    }

    /// What was done: the name of an audit entry, as `noun.past_participle`.
    ///
    /// Clients must expect new values.
    AuditAction {
        TransferProposed = "transfer.proposed", "发起转接", "a transfer was proposed";
        TransferApproved = "transfer.approved", "同意转接", "a transfer was approved";
        TransferRefused = "transfer.refused", "退回转接", "a transfer was refused";
        TransferAssigned = "transfer.assigned", "分配支部", "an approved transfer was assigned to a branch";
        TransferWithdrawn = "transfer.withdrawn", "撤销转接", "a transfer was withdrawn";
        TransferExpired = "transfer.expired", "转接超时终止", "a transfer expired";
        TransferEscalated = "transfer.escalated", "转接提请上级", "a late assignment was shown to the direct superior";
        ExternalTransferAccepted = "external_transfer.accepted", "外省系统接收转接",
            "the system of another province accepted a transfer";
        ExternalTransferRefused = "external_transfer.refused", "外省系统退回转接",
            "the system of another province refused a transfer";

        OrganizationCreated = "organization.created", "新建组织", "an organization was created";
        OrganizationRenamed = "organization.renamed", "修改组织名称", "an organization was renamed";
        OrganizationClosed = "organization.closed", "关闭组织", "an organization was closed";
        ContactChanged = "contact.changed", "修改联系人", "an organization's contact was changed";

        GraduationMarked = "graduation.marked", "标记毕业时间", "a branch's graduation month was marked";
        BranchTurned = "branch.turned", "转为毕业生团组织", "a branch turned into a graduate branch";
        MonthChangeProposed = "month_change.proposed", "申请修改毕业时间",
            "another month was proposed for a graduate branch";
        MonthChangeApproved = "month_change.approved", "同意修改毕业时间", "a month change was approved";
        MonthChangeRefused = "month_change.refused", "退回毕业时间修改申请", "a month change was refused";
        MarkSet = "mark.set", "标记成员身份", "a member was marked as a delayed graduate or a teacher";
        MarkUndone = "mark.undone", "取消成员身份标记", "a member's mark was removed";

        MemberRegistered = "member.registered", "登记团员", "a member was registered";
        MemberChanged = "member.changed", "修改团员信息", "what is recorded about a member was changed";
        MemberLookedUp = "member.looked_up", "精确查找团员", "somebody was looked up by name and ID number";
        LookUpLimited = "look_up.limited", "精确查找次数用尽", "a look-up was refused because the budget was used up";
        MemberRevealed = "member.revealed", "查看完整信息", "a member's ID number or telephone number was shown in full";
        RevealLimited = "reveal.limited", "查看完整信息次数用尽",
            "showing data in full was refused because the budget was used up";
        CertificationUploaded = "certification.uploaded", "上传入团志愿书", "an application form was uploaded";
        CertificationRead = "certification.read", "查看入团志愿书", "an application form was read";
        CertificationApproved = "certification.approved", "通过团员身份认证", "a certification was approved";
        CertificationRefused = "certification.refused", "退回团员身份认证", "a certification was refused";

        AppointmentMade = "appointment.made", "任命管理员", "somebody was appointed to an office";
        AppointmentEnded = "appointment.ended", "免去任职", "an office ended";
        AppointmentRequestSubmitted = "appointment_request.submitted", "提交任免申请",
            "the direct superior was asked to appoint or dismiss";
        AppointmentRequestApproved = "appointment_request.approved", "同意任免申请", "an appointment request was approved";
        AppointmentRequestRefused = "appointment_request.refused", "退回任免申请", "an appointment request was refused";
        AppointmentRequestOffered = "appointment_request.offered", "征求本人任职意见", "somebody was asked for their consent to an appointment";
        AppointmentRequestConsented = "appointment_request.consented", "本人同意任职", "somebody consented to their appointment";
        AppointmentRequestDeclined = "appointment_request.declined", "本人不同意任职", "somebody declined their appointment";

        AccountSignedIn = "account.signed_in", "登录", "somebody signed in";
        AccountSignedOut = "account.signed_out", "退出登录", "somebody signed out";
        AccountSignedOutEverywhere = "account.signed_out_everywhere", "退出全部登录",
            "somebody ended all their sessions";
        SessionRefreshed = "session.refreshed", "刷新会话", "a session got new tokens";
        RefreshTokenReused = "refresh_token.reused", "刷新令牌被重复使用",
            "a used refresh token came back after its grace, and its session was ended";
        PasswordChanged = "password.changed", "修改密码", "somebody changed their password";
        PasswordReset = "password.reset", "用重置码重设密码", "a password was set with a one-time code";
        ResetCodeRequested = "reset_code.requested", "申请重置码",
            "a first administrator requested a one-time code, which a second must issue";
        ResetCodeIssued = "reset_code.issued", "发放重置码", "a one-time code was issued";
        WechatBound = "wechat.bound", "绑定微信", "a WeChat identity was bound to an account";
        WechatUnbound = "wechat.unbound", "解绑微信", "a WeChat identity was unbound from an account";
        AccountJoined = "account.joined", "账号并入团员", "an account was joined to the member its owner became";
        AccountBlocked = "account.blocked", "停用账号", "an account was blocked";
        AccountUnblocked = "account.unblocked", "恢复账号", "an account was unblocked";

        IntegratorIssued = "integrator.issued", "发放对接凭证", "a credential was issued to another system";
        IntegratorRevoked = "integrator.revoked", "吊销对接凭证", "a credential was revoked";
        IntegratorSecretAdded = "integrator_secret.added", "增加对接密钥", "a credential got a second secret";
        IntegratorSecretRetired = "integrator_secret.retired", "停用对接密钥", "a secret of a credential was retired";
        IntegratorSignedIn = "integrator.signed_in", "对接系统登录", "another system signed in";

        PolicyChanged = "policy.changed", "修改年度策略", "a season's policy was changed";
        ExpiredDataDeleted = "expired_data.deleted", "清除到期数据", "data was deleted because its retention had ended";
        InboundPersonDeleted = "inbound_person.deleted", "清除外省来人信息",
            "the personal data of a closed inbound case was deleted";
        UnusedFilesBinned = "unused_files.binned", "无用文件移入回收区",
            "files that nothing refers to were put into the bin";
        UnusedFilesDeleted = "unused_files.deleted", "清除无用文件", "files that nothing refers to were deleted";
        PersonalDataResealed = "personal_data.resealed", "重新加密个人信息",
            "personal data was encrypted again under the newest key";
        ServiceBootstrapped = "service.bootstrapped", "初始化系统",
            "the root organization and its first administrator were created";
        DemoLoaded = "demo.loaded", "载入演示数据", "a demo country was loaded";
    }

    /// What kind of thing an audit entry is about.
    ///
    /// Clients must expect new values.
    SubjectKind {
        Transfer = "transfer", "组织关系转接", "a transfer";
        Organization = "organization", "团组织", "an organization";
        Member = "member", "团员", "a member";
        MonthChange = "month_change", "毕业时间修改申请", "a month change";
        Certification = "certification", "团员身份认证", "a certification";
        Appointment = "appointment", "管理员任职", "an appointment";
        AppointmentRequest = "appointment_request", "任免申请", "an appointment request";
        Account = "account", "账号", "an account";
        Session = "session", "会话", "a session";
        IntegratorSecret = "integrator_secret", "对接密钥", "a secret of a credential";
        Season = "season", "年度", "a season";
        Demo = "demo", "演示数据", "a demo country";
    }
}

impl AuditAction {
    /// The kinds of subject that its entries have. Empty if they have none.
    pub fn subjects(self) -> &'static [SubjectKind] {
        use SubjectKind as Kind;
        match self {
            Self::TransferProposed
            | Self::TransferApproved
            | Self::TransferRefused
            | Self::TransferAssigned
            | Self::TransferWithdrawn
            | Self::TransferExpired
            | Self::TransferEscalated
            | Self::ExternalTransferAccepted
            | Self::ExternalTransferRefused
            | Self::InboundPersonDeleted => &[Kind::Transfer],
            Self::OrganizationCreated
            | Self::OrganizationRenamed
            | Self::OrganizationClosed
            | Self::ContactChanged
            | Self::GraduationMarked
            | Self::BranchTurned
            | Self::ServiceBootstrapped => &[Kind::Organization],
            Self::MonthChangeProposed | Self::MonthChangeApproved | Self::MonthChangeRefused => &[Kind::MonthChange],
            Self::MemberRegistered
            | Self::MemberChanged
            | Self::MarkSet
            | Self::MarkUndone
            | Self::MemberLookedUp
            | Self::MemberRevealed
            | Self::RevealLimited => &[Kind::Member],
            Self::CertificationUploaded
            | Self::CertificationRead
            | Self::CertificationApproved
            | Self::CertificationRefused => &[Kind::Certification],
            Self::AppointmentMade | Self::AppointmentEnded => &[Kind::Appointment],
            Self::AppointmentRequestSubmitted
            | Self::AppointmentRequestApproved
            | Self::AppointmentRequestRefused
            | Self::AppointmentRequestOffered
            | Self::AppointmentRequestConsented
            | Self::AppointmentRequestDeclined => &[Kind::AppointmentRequest],
            Self::AccountSignedIn | Self::AccountSignedOut | Self::SessionRefreshed | Self::RefreshTokenReused => {
                &[Kind::Session]
            }
            // The operators end the sessions of an account without one of their own.
            Self::AccountSignedOutEverywhere => &[Kind::Session, Kind::Account],
            Self::AccountJoined
            | Self::PasswordChanged
            | Self::PasswordReset
            | Self::WechatBound
            | Self::WechatUnbound
            | Self::IntegratorIssued
            | Self::IntegratorRevoked
            | Self::IntegratorSecretAdded
            | Self::IntegratorSecretRetired => &[Kind::Account],
            Self::ResetCodeRequested | Self::ResetCodeIssued | Self::AccountBlocked | Self::AccountUnblocked => {
                &[Kind::Member, Kind::Appointment, Kind::Account]
            }
            Self::IntegratorSignedIn => &[Kind::IntegratorSecret],
            Self::PolicyChanged => &[Kind::Season],
            Self::DemoLoaded => &[Kind::Demo],
            Self::LookUpLimited
            | Self::ExpiredDataDeleted
            | Self::UnusedFilesBinned
            | Self::UnusedFilesDeleted
            | Self::PersonalDataResealed => &[],
        }
    }

    /// Whether an entry of this action may be about this subject.
    pub fn takes(self, subject: &AuditSubject) -> bool {
        match subject.kind() {
            Some(kind) => self.subjects().contains(&kind),
            // A look-up that found nobody is recorded too.
            None => self.subjects().is_empty() || self == Self::MemberLookedUp,
        }
    }
}

/// Declares [`AuditSubject`] and how each id becomes one.
macro_rules! subjects {
    ($($kind:ident($id:ident)),+ $(,)?) => {
        /// What an audit entry is about. It is never a name or an ID number.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AuditSubject {
            $(#[doc = concat!("See [`SubjectKind::", stringify!($kind), "`].")] $kind($id),)+
            /// The season whose policy was changed.
            Season(Season),
            /// The parameters of the demo country.
            Demo {
                /// The seed of its random numbers.
                seed: u64,
                /// How many members were requested.
                members: u64,
            },
            /// Nothing that has an id.
            Nothing,
        }

        $(impl From<$id> for AuditSubject {
            fn from(id: $id) -> Self { Self::$kind(id) }
        })+

        impl AuditSubject {
            /// The kind of the subject. `None` for [`AuditSubject::Nothing`].
            pub fn kind(&self) -> Option<SubjectKind> {
                Some(match self {
                    $(Self::$kind(_) => SubjectKind::$kind,)+
                    Self::Season(_) => SubjectKind::Season,
                    Self::Demo { .. } => SubjectKind::Demo,
                    Self::Nothing => return None,
                })
            }

            /// The text that is stored and shown. `None` for [`AuditSubject::Nothing`].
            pub fn text(&self) -> Option<String> {
                self.kind().map(|_| self.to_string())
            }

            /// Reads a stored text. A text it can't read becomes [`AuditSubject::Nothing`].
            pub fn read(text: &str) -> Self {
                $(if let Ok(id) = text.parse::<$id>() { return Self::$kind(id); })+
                if let Ok(season) = text.parse() { return Self::Season(season); }
                Self::read_demo(text).unwrap_or(Self::Nothing)
            }
        }

        impl fmt::Display for AuditSubject {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$kind(id) => id.fmt(f),)+
                    Self::Season(season) => season.fmt(f),
                    Self::Demo { seed, members } => write!(f, "seed={seed} members={members}"),
                    Self::Nothing => Ok(()),
                }
            }
        }
    };
}

subjects!(
    Transfer(TransferId),
    Organization(OrganizationId),
    Member(MemberId),
    MonthChange(MonthChangeId),
    Certification(CertificationId),
    Appointment(AppointmentId),
    AppointmentRequest(AppointmentRequestId),
    Account(AccountId),
    Session(SessionId),
    IntegratorSecret(IntegratorSecretId),
);

impl AuditSubject {
    fn read_demo(text: &str) -> Option<Self> {
        let (seed, members) = text.strip_prefix("seed=")?.split_once(" members=")?;
        Some(Self::Demo {
            seed: seed.parse().ok()?,
            members: members.parse().ok()?,
        })
    }
}

/// How many refusals of one actor within an hour leave an entry each (I-28).
pub const DENIALS_EACH: i64 = 100;

/// Whether the `times`th refusal of one actor within an hour leaves an entry. After the first [`DENIALS_EACH`] only
/// each doubling does, and its entry carries the count so far. Endless refusals therefore can't fill the disk.
pub fn leaves_a_row(times: i64) -> bool {
    times <= DENIALS_EACH || times.count_ones() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i28_each_of_the_first_hundred_refusals_and_then_each_doubling_is_recorded() {
        let written: Vec<i64> = (1..=1_000).filter(|&times| leaves_a_row(times)).collect();
        assert_eq!(written.len(), 103);
        assert_eq!(written[100..], [128, 256, 512]);
    }

    /// `noun.past_participle`, with at most a particle or an adverb after it: `account.signed_out_everywhere`.
    fn is_in_the_grammar(name: &str) -> bool {
        const IRREGULAR: [&str; 8] = [
            "set",
            "reset",
            "undone",
            "read",
            "made",
            "bound",
            "unbound",
            "withdrawn",
        ];
        const BEHIND: [&str; 5] = ["", "in", "out", "up", "out_everywhere"];
        let Some((noun, verb)) = name.split_once('.') else {
            return false;
        };
        let (participle, behind) = verb.split_once('_').unwrap_or((verb, ""));
        let is_noun = !noun.is_empty() && noun.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_noun && (participle.ends_with("ed") || IRREGULAR.contains(&participle)) && BEHIND.contains(&behind)
    }

    #[test]
    fn every_action_is_a_noun_and_a_past_participle() {
        for action in AuditAction::ALL {
            assert!(is_in_the_grammar(action.as_str()), "{action}");
        }
        for wrong in [
            "bootstrap",
            "mark.undo",
            "transfer.person_forgotten",
            "account.sign_in",
            ".set",
        ] {
            assert!(!is_in_the_grammar(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_subject_is_read_back_as_it_was_written() {
        let subjects = [
            TransferId(1).into(),
            OrganizationId(2).into(),
            MemberId(3).into(),
            MonthChangeId(4).into(),
            CertificationId(5).into(),
            AppointmentId(6).into(),
            AppointmentRequestId(7).into(),
            AccountId(8).into(),
            SessionId(9).into(),
            IntegratorSecretId(10).into(),
            AuditSubject::Season(2026),
            AuditSubject::Demo { seed: 7, members: 8 },
        ];
        let kinds: Vec<SubjectKind> = subjects.iter().filter_map(AuditSubject::kind).collect();
        assert_eq!(kinds, SubjectKind::ALL);
        for subject in subjects {
            assert_eq!(AuditSubject::read(&subject.to_string()), subject);
        }
        assert_eq!(AuditSubject::read("张三"), AuditSubject::Nothing);
        assert_eq!(AuditSubject::Nothing.text(), None);
    }

    #[test]
    fn an_action_takes_only_its_own_kinds_of_subject() {
        assert!(AuditAction::TransferProposed.takes(&TransferId(1).into()));
        assert!(!AuditAction::TransferProposed.takes(&MemberId(1).into()));
        assert!(!AuditAction::TransferProposed.takes(&AuditSubject::Nothing));
        assert!(AuditAction::MemberLookedUp.takes(&AuditSubject::Nothing));
        assert!(AuditAction::LookUpLimited.takes(&AuditSubject::Nothing));
    }
}
