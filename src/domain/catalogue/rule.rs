//! The rules by their numbers. One table gives the number, the section of the manual and the statement in both
//! languages.
//!
//! The manual is 《“智慧团建”系统 毕业学生团员组织关系转接操作说明》 (28 July 2023), and `section` is its own
//! numbering. Where the manual is silent, we decided. Such sentences begin with 【本系统决定】 / "Our decision:".

use crate::domain::core::language::{Language, Text};
use std::fmt;
use std::str::FromStr;

/// The text is not a rule number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the number of a rule")]
pub struct ParseRuleError;

macro_rules! rules {
    ($($variant:ident, $section:expr, $zh:literal, $en:literal;)*) => {
        /// A rule of the catalogue: G graduation months, M marks on members, T starting a transfer, A approval, X the
        /// three provinces with systems of their own, O organizations and accounts, P members, L linkage.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule { $(#[doc = $en] $variant),* }

        impl Rule {
            /// Every rule, in the catalogue's order.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant),*];

            /// The number, such as `G2`.
            pub fn number(self) -> &'static str { match self { $(Rule::$variant => stringify!($variant)),* } }

            /// The manual's section, such as `1.1`. `None` where the manual is silent.
            pub fn section(self) -> Option<&'static str> { match self { $(Rule::$variant => $section),* } }

            /// What the rule says.
            pub fn statement(self, language: Language) -> &'static str {
                match self { $(Rule::$variant => Text { zh: $zh, en: $en }.in_language(language)),* }
            }
        }
    };
}

impl Rule {
    /// Whether the whole rule is our decision, because the manual is silent.
    pub fn is_decision(self) -> bool {
        self.section().is_none()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.number())
    }
}

impl FromStr for Rule {
    type Err = ParseRuleError;
    fn from_str(text: &str) -> Result<Self, ParseRuleError> {
        Self::ALL
            .iter()
            .copied()
            .find(|rule| rule.number() == text)
            .ok_or(ParseRuleError)
    }
}

impl serde::Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.number())
    }
}

rules! {
    G1, Some("1.1"),
        "学校领域的每个团支部必须标记毕业时间（年月）；无法确定的，须选择理由：教师支部或混合支部。新建支部显示为未标记，列表可按此筛选。【本系统决定】未标记不妨碍转接，预览和列表予以提醒。",
        "Every branch in the school sector must have a graduation month. If the month can't be fixed, the branch must have a reason instead: teacher branch or mixed branch. New branches show as unmarked, and lists can be filtered by that. Our decision: an unmarked branch blocks no transfer; the preview and the lists warn about it.";
    G2, Some("1.1"),
        "团支部的任一上级团组织管理员都可以在其所辖范围内标记和修改毕业时间；团支部管理员不可以。非学校领域的团支部不能标记。",
        "An administrator of any organization above the branch can set and change its graduation month. The branch's own administrators can't. Branches outside the school sector can't be marked.";
    G3, Some("1.1.2"),
        "可以一次勾选多个团支部进行标记，每个支部各有结果；由发起者选择“全部成功才生效”或“逐个处理”。",
        "Many branches can be marked at once, each with its own result. The caller chooses all-or-nothing or item by item.";
    G4, Some("1.1.3"),
        "毕业时间与无法确定的理由，必须选择其一，且只能选择其一。",
        "A mark is either a graduation month or a reason why the month can't be fixed, never both.";
    G5, Some("1.1.4"),
        "在变更为毕业生团组织之前，毕业时间可以直接重新标记；原值保留在历史中。",
        "Until a branch turns into a graduate branch, its month can be set again directly. The old value stays in the history.";
    G6, Some("1.1.5"),
        "每年在规定的切换日，毕业时间在本年或更早的已标记团支部自动变更为“毕业生团组织”；重复、迟到或在多台服务器上执行，结果不变。【本系统决定】切换日默认为 6 月 1 日（北京时间）；切换日之后才创建或标记的，在次日运行时变更。",
        "On the yearly switch date, every marked branch whose month is in this year or earlier turns into a graduate branch automatically. Running the switch twice, late or on several servers gives the same result. Our decision: the switch date is 1 June (Asia/Shanghai) by default; a branch created or marked later turns at the next daily run.";
    G7, Some("2.3"),
        "变更为毕业生团组织之后，毕业时间的修改由其直属上级的管理员说明原因、提出申请，由上级团的领导机关审批；支部处显示审批进度。每个支部同时只能有一份待审批的申请。",
        "After the switch, only an administrator of the direct superior can propose another month, and must give a reason. The nearest leading organ above the branch approves or refuses. The branch shows the progress of the request. A branch has at most one open request.";
    G8, Some("2.4"),
        "团的领导机关在列表中看到下级提交的申请：原毕业时间、新毕业时间、修改原因和提交人；不同意须写明原因。",
        "The leading organ sees its requests in a list, with the old month, the new month, the reason and the proposer. A refusal needs a reason.";
    G9, None,
        "【本系统决定】批准的毕业时间在以后年度的，该支部恢复为团支部，直至其毕业当年切换；其团员不再计入本季学社衔接。",
        "Our decision: if the approved month is in a later year, the branch becomes an ordinary branch again until the switch of that year, and its members leave this season's cohort.";

    M1, Some("1.2"),
        "毕业支部（已变更为毕业生团组织，或毕业时间在本年）的每名团员显示一种身份：毕业生、延迟毕业团员或教师。",
        "A graduating branch is one that has turned already or whose month is in this year. Each of its members shows one identity: graduate, delayed graduate or teacher.";
    M2, Some("1.2"),
        "学校领域各级团组织（含团支部）的管理员都可以标记和撤销其所辖团员；学校只有一个团支部的，由其直属上级的管理员标记。",
        "Administrators of school-sector organizations at every level, branches included, can mark and unmark the members of their subtree. If the school is a single branch, an administrator of its direct superior does it.";
    M3, Some("1.2.3"),
        "标记延迟毕业须选择预计毕业时间并填写原因，预计毕业时间必须晚于本团支部的毕业时间（按月比较）；标记教师无须填写。",
        "Marking a delayed graduate needs a reason and an expected month later than the branch's, compared by month. Marking a teacher needs nothing more.";
    M4, Some("1.2"),
        "支持单独标记和批量标记，每名团员各有结果。",
        "Members are marked one by one or in a batch, each with their own result.";
    M5, Some("1.2"),
        "延迟毕业团员和教师可以正常转接组织关系，但不纳入学社衔接。",
        "Delayed graduates and teachers transfer like everybody else, but they do not count in the school-to-society linkage.";
    M6, Some("1.3"),
        "撤销标记后恢复为毕业生，毕业时间恢复为团支部的毕业时间；可单独或批量撤销，延迟毕业团员另有列表。",
        "Undoing a mark makes the member a graduate again, with the branch's month. Marks are undone one by one or in a batch. Delayed graduates have a list of their own.";
    M7, None,
        "【本系统决定】团支部毕业时间修改后，不再晚于它的延迟毕业时间在结果中列出；标记保留，由管理员处理，不自动取消。",
        "Our decision: when the branch's month changes, the result lists every delayed graduate whose month is no longer later. Their marks stay until an administrator settles them; nothing is removed silently.";

    T1, Some("1.4.1–1.4.3"),
        "组织关系转接可由团员本人、转出方管理员（对所辖团员）或转入方管理员（填写团员姓名和身份证号）发起。",
        "A transfer is started by the member, by an administrator on the source side for a member of their subtree, or by an administrator on the target side, who gives the member's full name and ID number.";
    T2, Some("2.7"),
        "全团系统内每名团员同时只能有一项正在办理的转接，无论由谁发起；提示中说明是哪一项、由哪一方、何时发起。",
        "A member has at most one open transfer in the whole system, no matter who started it. The refusal says which one it is, which side started it and when.";
    T3, Some("2.8"),
        "2020 年以后发展的团员须完成团员身份认证（上传《入团志愿书》并经上级审核通过）才能转接；姓名下显示的“已认证”只表示身份证信息已认证，不影响转接。",
        "A member who joined in 2020 or later needs a certified League identity: the application form is uploaded and the superior approves it. The real-name check under the name is something else and blocks nothing.";
    T4, Some("1.4.3, 2.5"),
        "转入方查询只对完全一致的姓名和身份证号作答：所在组织和管理员联系方式；其他一律答“未查询到”。每次查询都留痕并限次。",
        "The target side's look-up answers only an exact full name and ID number, with the member's organization and its administrators' contact. Everything else gets one answer, \"no match\". Every look-up is audited and limited.";
    T5, Some("1.4.6"),
        "每种转接原因各有必填内容和可选的转入组织。【本系统决定】转入方能否以升学以外的原因发起由策略决定，默认可以。",
        "Each reason has its own required details and its own allowed targets. Our decision: the policy decides whether the target side can start for reasons other than further study; by default it can.";
    T6, Some("1.4.5"),
        "首先选择转入组织是否属于北京、广东、福建；三省市另有系统，须详细填写名称、地址、组织等信息，不选择转入组织，等待对方系统办理。",
        "The first question is whether the target is in Beijing, Guangdong or Fujian, which have systems of their own. If so, name, address and organization are written out in full, no target is chosen, and the transfer waits for the other system.";
    T7, Some("1.4.5"),
        "转入系统团委的，按所在组织体系选择，不按所在地省份选择。",
        "A target under one of the five system committees is found in that system, not in the province where it is located.";
    T8, Some("2.6"),
        "毕业生团组织不能作为转入组织。【本系统决定】已关闭的组织、团员本人所在支部和团的领导机关本级也不能。",
        "A graduate branch can't be the target. Our decision: a closed organization, the member's own branch and a leading organ itself can't either.";
    T9, Some("2.2"),
        "团员未满 16 周岁且转入组织为非学校领域的，发起时必须填写情况说明，先由团员所在组织的上级团的领导机关审批。【本系统决定】按身份证号的出生日期计算至申请当日的周岁。",
        "If a member under 16 moves to a target outside the school sector, an explanation is required. The nearest leading organ above the member's branch must approve before the ordinary approver does. Our decision: age counts in whole years on the day of application, by the birth date in the ID number.";
    T10, Some("1.4.4, 2.7"),
        "审批完成前，申请方可以撤销申请，历史保留。【本系统决定】团员本人也可以撤销他人为其发起的申请（策略开关，默认开启）；分配到团支部时审批才完成，此前均可撤销。",
        "The side that started a transfer can withdraw it until approval is complete. The history stays. Our decision: the member can withdraw it too, no matter who started it (a policy switch, on by default). Approval is complete when the member is assigned to a branch.";
    T11, None,
        "【本系统决定】管理员也可以为本人发起转接，但任何人不得审批本人的或本人发起的申请；该组织没有其他管理员的，由直属上级审批。",
        "Our decision: administrators can start their own transfer, but nobody decides a transfer that is about them or that they started. If that organization has no other administrator, the direct superior decides.";
    T12, None,
        "【本系统决定】只有团籍正常的团员（未退团、未被开除、未转往特殊单位）可以发起转接。",
        "Our decision: only members in good standing can transfer, that is, those who have not left, were not expelled and are not in the special-unit holding.";

    A1, Some("1.5"),
        "团员本人或转出方发起的，由转入方审批；转入组织为团支部的，由该支部或其直属上级的管理员审批。",
        "If the member or the source side started the transfer, the target approves it. If the target is a branch, an administrator of that branch or of its direct superior approves.";
    A2, Some("1.5"),
        "转入组织为团委、团工委、团总支的，该组织管理员审批同意后，须将团员分配到其下的某个团支部（不含毕业生团组织），转接才完成。【本系统决定】分配之前，误批的或未报到的，可以写明原因退回。",
        "If the target is a committee, work committee or general branch, its administrator approves and must then assign the member to a branch below it, which can't be a graduate branch. Only then is the transfer complete and the member moves. Our decision: until then the same side can send it back with a reason, such as an approval by mistake or a member who did not report.";
    A3, Some("2.5"),
        "转入方发起的，由团员所在支部或其直属上级审批。【本系统决定】转入组织为团支部的，审批同意即完成；否则还须分配。",
        "If the target side started the transfer, the member's branch or its direct superior approves it. Our decision: if the target is a branch, the approval completes the transfer; if not, assignment follows.";
    A4, Some("1.4.6"),
        "转往特殊单位团组织的，无需选择转入组织，由团员所属的省级团委审批，团员转入特殊单位专属库。",
        "A transfer to a special unit has no target. The province-level leading organ above the member approves it, and the member moves to the special-unit holding.";
    A5, Some("1.5"),
        "不同意须写明原因；申请随即结束并退回申请方。",
        "A refusal needs a reason. It ends the transfer and returns it to the side that started it.";
    A6, Some("1.5"),
        "9 月 30 日之后，申请在团组织审批环节超过 10 天未审批的，由系统自动终止并退回。【本系统决定】从到达该环节之日或 10 月 1 日（取较晚者）起算，满 10 天之后才终止；由团的领导机关或省级团委审批时不计时；待分配的不终止，10 天后提醒直属上级。",
        "After 30 September, the system ends and returns every transfer that has waited more than 10 days for an organization's approval. Our decision: the clock starts when the transfer reaches that approval or on 1 October, whichever is later, and a transfer ends only after 10 full days. It does not run while a leading organ or the province decides. Transfers that wait for assignment are never ended, but shown to the direct superior after 10 days.";
    A7, Some("1.5"),
        "审批历史永久保留，团员本人、双方及其上级都可以查看：每一步由谁、何时、做了什么、为什么、是否系统自动。",
        "The history is kept for ever. The member, both sides and their superiors can see every step: who, when, what, why, and whether it was automatic.";
    A8, Some("1.5"),
        "操作中心列出等待本组织办理的事项：转出审批、转入审批、分配、毕业时间修改、团员身份认证，附数量、等待时长和到期时间；列出的都能办理，能办理的都列出。",
        "An organization's inbox lists what waits for it: approvals out and in, assignments, month changes and identity certifications, with counts, age and due date. Everybody who sees an entry can act on it, and nothing that they can act on is missing.";
    A9, None,
        "【本系统决定】同意、不同意、撤销、自动终止同时发生时只有一个生效，其余得到冲突提示和已生效的状态。",
        "Our decision: if approval, refusal, withdrawal and expiry happen at the same time, at most one takes effect. The others get a conflict with the state that took effect.";
    A10, None,
        "【本系统决定】没有管理员的团组织不会使申请停滞：由其直属上级审批，直属上级也没有管理员的，由更高的上级审批，预览时事先说明；须由其发起或办理的其他事项同样由上级代办。",
        "Our decision: an organization without an active administrator does not stop a transfer. Its turn passes to the direct superior, or further up if that has none either, and the preview says so beforehand. The same holds for what such an organization would start or do itself.";

    X1, Some("1.4.5"),
        "由全国系统转往北京、广东、福建的，申请附详细填写的去向等待对方系统答复：由该省市的对接系统或省级团委录入同意或不同意（写明原因）；同意后团员转出全国系统，历史保留。",
        "A transfer from the national system to Beijing, Guangdong or Fujian waits with the written-out destination for the other system. The answer is acceptance, or refusal with a reason. That province's integrator gives it, or that province's leading organ enters it. Acceptance moves the member out of the national system; the history stays.";
    X2, None,
        "【本系统决定】由北京、广东、福建转入的，由该省市的对接系统提交人员信息和转入组织；转入组织审批（并分配）后新建团员，身份证号已有档案的则恢复。",
        "Our decision: for a transfer from Beijing, Guangdong or Fujian, that province's integrator sends the person's data and the target. The target approves and assigns. Completion creates the member, or revives the one with the same ID number.";
    X3, Some("1.5"),
        "超过 10 天自动终止的规定对两个方向都适用。",
        "The 10-day rule holds in both directions.";

    O1, None,
        "【本系统决定】团的领导机关下可设下一级团的领导机关、团委、团工委、团总支、团支部；团工委和团委下可设团委、团总支、团支部；团总支下只设团支部；团支部下不设组织。",
        "Our decision: a leading organ can have below it leading organs of the next level, committees, work committees, general branches and branches. Work committees and committees can have committees, general branches and branches. A general branch can only have branches. A branch has nothing below it.";
    O2, Some("2.1"),
        "学校的“流动团员团支部”须由学校团委本级（有学校机构编号）创建，名称须包含“流动团员”。【本系统决定】“出国（境）学习研究团员团支部”同理；乡镇街道级团组织没有学校机构编号也可以建流动团员团支部；流动和出国（境）支部不标记毕业时间。",
        "A school's floating branch is created by the school committee itself, the organization with the school code, and its name contains 流动团员. Our decision: the same holds for the abroad branch, with 出国(境)学习研究团员 in its name. Organizations of townships and streets can have floating branches without a school code. Floating and abroad branches are never marked for graduation.";
    O3, None,
        "【本系统决定】团组织由直属上级创建、更名和关闭；关闭前不得有团员、正在办理的转接和下级组织。团支部人数（3 至 50 人）只作提醒。",
        "Our decision: the direct superior creates, renames and closes an organization. It can only be closed without members, open transfers and organizations below it. The size of a branch (3 to 50 members) is a warning and blocks nothing.";
    O4, Some("2.6"),
        "可在所选省份或系统内按名称、曾用名、简称、编号或拼音查找转入组织；不能选择的，说明原因（毕业生团组织、已关闭、属其他系统、尚不能接收团员）。",
        "A target is found by name, former name, short name, code or pinyin in a chosen province or system. If a hit can't be chosen, it says why: graduate branch, closed, other system, or takes no members yet.";
    O5, Some("2.5"),
        "团员忘记密码的，可由其团支部或直属上级的管理员发放重置码，两天内有效，只能使用一次，凭身份证号设置新密码。【本系统决定】担任职务的，发放人须为其全部职务的上级；其中有支部以上职务的，由两名管理员办理。",
        "A member who has lost their password gets a one-time code from an administrator of their branch or its direct superior. It is valid for two days and works once. With the code and their ID number they set a new password. Our decision: if the person holds offices, the issuer stands above each of them, and if one of them is above a branch, two administrators issue the code.";
    O6, None,
        "【本系统决定】管理员只能在所辖范围内查看和办理；范围之外的人员视为不存在，范围之内无权办理的予以拒绝。",
        "Our decision: administrators see and act in their own subtree only. People outside it do not exist for them. Inside it, what they may not do is refused.";
    O7, Some("2.8"),
        "团员身份认证由团支部上传《入团志愿书》（一个 PDF，不超过 20 MB），由上级团委审核；不通过须写明原因，之后可以重新上传。",
        "For an identity certification, the branch uploads the application form (one PDF, at most 20 MB). The committee above approves, or refuses with a reason; after a refusal the form can be replaced.";

    P1, None,
        "【本系统决定】团员由其团支部或直属上级的管理员在团支部登记，也可以批量导入：姓名、身份证号、入团时间、发展团员编号、手机号码、民族、政治面貌、学历。身份证号全国唯一；姓名和身份证号都一致的，按查询规则告知其所在组织；姓名不一致的，一律作同样答复。",
        "Our decision: a member is registered at a branch, by an administrator of the branch or of its direct superior, or by an import: name, ID number, month of joining, development number, telephone number, ethnic group, political status, education. The ID number is unique in the nation. Who gives the full name and the number learns where the member is, as by a look-up. A number under another name gets one and the same answer.";
    P2, None,
        "【本系统决定】入团时须年满 13 周岁，2017 年以前入团的须年满 12 周岁，不得晚于本月。发展团员编号为 12 位数字，不得重复，2017 年起入团的必填，2019 年起前四位为入团年份。手机号码为以 1 开头的 11 位数字；毕业团员（初中、普通高中除外）没有手机号码的予以提醒。",
        "Our decision: a member was at least 13 when they joined, or 12 before 2017, and nobody joins in the future. A development number has 12 digits and is unique. From joining year 2017 it is required, and from 2019 it begins with the year. A telephone number has 11 digits from 1. A graduating member without one gets a warning, except in junior and senior high schools.";
    P3, None,
        "【本系统决定】手机号码、学历、政治面貌、民族由团支部或直属上级修改，手机号码也可由团员本人修改；保留历史。",
        "Our decision: telephone number, education, political status and ethnic group are changed by the branch or its direct superior, the telephone number by the member too. The history is kept.";
    P6, None,
        "【本系统决定】管理员以团员身份所在的范围内任职的，组织关系转出该范围时任职自动结束，告知直属上级；组织关系在其他组织的教师、干部，其任职不受影响。",
        "Our decision: an office ends when its holder's membership moves out of the subtree in which they hold it, if they were a member within it. The direct superior is told. Teachers and cadres whose membership is elsewhere keep their offices.";
    P7, None,
        "【本系统决定】人们阅读的文字按文字检查：不得含有控制字符、双向控制符、零宽字符和私用字符；必填的文字至少含有一个可见字符。姓名和名称按原样保存，比较时不区分全角半角、空格、间隔号的各种写法和组合字符的写法。",
        "Our decision: text that people read is checked as text. It has no control, bidirectional or zero-width characters and none for private use, and a required text has at least one visible character. Names are stored as written. They are compared without regard to width, blanks, the variants of the middle dot, and composed or decomposed characters.";

    L1, Some("1.2"),
        "某季学社衔接的对象是切换时毕业生团组织的团员，扣除延迟毕业团员和教师，并随标记和毕业时间的变动更新；转出不影响其计入。",
        "The cohort of a season is the members of graduate branches at the switch, without delayed graduates and teachers. It is kept up to date as marks and months change. A member who moves away still counts.";
    L2, None,
        "【本系统决定】每个组织每季统计：应转、未发起、办理中（按环节和时长）、被退回、自动终止、已完成及原因分布；完成率=已完成/应转；就业单位率=转入工作单位/（应转−升学）；转入本校流动或出国支部的单独统计。",
        "Our decision: for every organization and season the service counts cohort, not started, in progress by step and age, returned, expired, completed, and completed by reason. Completion rate = completed / cohort. Employer rate = completed to employers' organizations / (cohort − further study). Transfers to the school's own floating or abroad branch are counted separately.";
    L3, None,
        "【本系统决定】任一组织所辖范围的统计都能立即得到，与范围大小无关，并始终等于重新逐人清点的结果。",
        "Our decision: the numbers of a subtree take one index seek, however large it is, and always equal a full recount.";
    L4, None,
        "【本系统决定】提供直属下级排名、未发起团员名单、被退回申请及原因、审批最慢的组织。",
        "Our decision: the service offers a ranking of direct subordinates, the list of members who have not started, the returned transfers with their reasons, and the organizations that approve most slowly.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_whole() {
        let counted = [("G", 9), ("M", 7), ("T", 12), ("A", 10), ("X", 3), ("O", 7), ("P", 3)];
        let expected: Vec<String> = counted
            .iter()
            .flat_map(|(letter, count)| (1..=*count).map(move |n| format!("{letter}{n}")))
            .chain(["P6", "P7", "L1", "L2", "L3", "L4"].map(str::to_owned))
            .collect();
        let numbers: Vec<&str> = Rule::ALL.iter().map(|rule| rule.number()).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn the_index_of_the_domain_leads_to_every_rule() {
        let index: Vec<&str> = include_str!("../mod.rs")
            .lines()
            .filter(|line| line.starts_with("//!"))
            .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()))
            .collect();
        for rule in Rule::ALL {
            assert!(index.contains(&rule.number()), "{rule} is missing in domain/mod.rs");
        }
    }

    #[test]
    fn the_index_of_the_domain_has_each_rule_in_its_table() {
        let (manual, ours) = include_str!("../mod.rs")
            .split_once("Where the manual is silent")
            .expect("two tables");
        let rows = |table: &'static str| table.lines().filter_map(|line| line.strip_prefix("//! | "));
        let rules = |cell: &str| -> Vec<Rule> { cell.split(", ").filter_map(|number| number.parse().ok()).collect() };
        for row in rows(manual) {
            let cells: Vec<&str> = row.split(" | ").collect();
            for rule in rules(cells[2]) {
                let section = rule.section().expect("the manual has the rule").replace('–', " to ");
                // A row of § 1.2.4 may name a rule of § 1.2.
                let fits = section.split(", ").any(|part| part == cells[0]) || cells[0].starts_with(&section);
                assert!(fits, "{rule} is a rule of §{section}, not of §{}", cells[0]);
            }
        }
        for rule in rows(ours).flat_map(|row| rules(row.split(" | ").next().unwrap_or_default())) {
            assert!(rule.is_decision(), "{rule} is a rule of the manual");
        }
    }

    #[test]
    fn a_number_finds_its_rule_and_nothing_else_does() {
        for &rule in Rule::ALL {
            assert_eq!(rule.number().parse(), Ok(rule));
        }
        for text in ["", "G", "G0", "G10", "g1", "T1 ", "Z1"] {
            assert_eq!(text.parse::<Rule>(), Err(ParseRuleError), "{text}");
        }
    }

    #[test]
    fn what_the_manual_does_not_say_is_marked_as_ours_in_both_languages() {
        for &rule in Rule::ALL {
            let (zh, en) = (rule.statement(Language::Chinese), rule.statement(Language::English));
            assert_eq!(zh.contains("【本系统决定】"), en.contains("Our decision:"), "{rule}");
            assert_eq!(rule.is_decision(), zh.starts_with("【本系统决定】"), "{rule}");
            assert_eq!(rule.is_decision(), en.starts_with("Our decision:"), "{rule}");
        }
    }
}
