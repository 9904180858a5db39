//! The table of refusal codes. It is the only place that gives a code its kind, rule, texts and way out.

use super::refusal_kind::RefusalKind;
use super::rule::Rule;
use crate::domain::core::language::{Language, Text};

macro_rules! codes {
    ($($variant:ident = $name:literal, $kind:ident, $rule:expr,
        $zh:literal, $en:literal, $zh_next:literal, $en_next:literal;)*) => {
        /// A refusal code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $en] $variant),* }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The code as clients see it, such as `transfer.already_open`.
            pub fn name(self) -> &'static str { match self { $(Code::$variant => $name),* } }

            /// What kind of refusal it is.
            pub fn kind(self) -> RefusalKind { match self { $(Code::$variant => RefusalKind::$kind),* } }

            /// The rule it enforces. `None` for plain input checks.
            pub fn rule(self) -> Option<Rule> { match self { $(Code::$variant => $rule),* } }

            /// What is wrong, with `{placeholders}`.
            pub fn detail(self, language: Language) -> &'static str {
                match self { $(Code::$variant => Text { zh: $zh, en: $en }.in_language(language)),* }
            }

            /// What to do now, and who can help.
            pub fn next_action(self, language: Language) -> &'static str {
                match self { $(Code::$variant => Text { zh: $zh_next, en: $en_next }.in_language(language)),* }
            }
        }
    };
}

codes! {
    // ---- graduation months (§1.1, §2.3, §2.4) ----
    GraduationNotAllowedForBranchAdmin = "graduation.not_allowed_for_branch_admin", Forbidden, Some(Rule::G2),
        "团支部管理员不能标记或修改本支部的毕业时间。",
        "You can't set or change the graduation month of your own branch.",
        "请联系直属上级团组织的管理员标记。",
        "Ask an administrator of the direct superior to set it.";
    GraduationNotSchoolBranch = "graduation.not_school_branch", Conflict, Some(Rule::G2),
        "只有学校领域的团支部可以标记毕业时间。",
        "Only branches of the school sector have a graduation month.",
        "请选择学校领域的团支部；如所属领域登记有误，请联系直属上级团组织的管理员更正。",
        "Choose a branch of the school sector. If its sector is wrong, ask an administrator of its direct superior to correct it.";
    GraduationMonthOrReason = "graduation.month_or_reason", Invalid, Some(Rule::G4),
        "毕业时间与无法确定的理由，必须选择其一，且只能选择其一。",
        "Give either a graduation month or the reason why it can't be fixed, not both.",
        "请选择预计毕业时间；无法确定的，请选择教师支部或混合支部。",
        "Give the expected graduation month. If it can't be fixed, choose teacher branch or mixed branch as the reason.";
    GraduationNeedsChangeRequest = "graduation.needs_change_request", Conflict, Some(Rule::G7),
        "该支部已变更为毕业生团组织，毕业时间不能直接修改。",
        "The branch is a graduate branch now, so its graduation month can't be changed directly.",
        "请由直属上级团组织的管理员说明原因、提交毕业时间修改申请，由上级团的领导机关审批。",
        "Ask an administrator of the direct superior to request the change with a reason. The leading organ above the branch then decides.";
    GraduationSetDirectly = "graduation.set_directly", Conflict, Some(Rule::G5),
        "该支部尚未变更为毕业生团组织，毕业时间可以直接修改，无需申请。",
        "The branch is not a graduate branch yet, so its graduation month is changed directly, without a request.",
        "请直接重新标记毕业时间。",
        "Set the graduation month directly.";
    GraduationChangeRequestOpen = "graduation.change_request_open", Conflict, Some(Rule::G7),
        "该支部已有一份待审批的毕业时间修改申请。",
        "A request to change this branch's graduation month is already open.",
        "请等待上级团的领导机关审批，可在该支部查看审批进度。",
        "Wait for the leading organ to decide. The branch shows the progress of the request.";
    GraduationNotDirectSuperior = "graduation.not_direct_superior", Forbidden, Some(Rule::G7),
        "只有该支部直属上级团组织的管理员可以提交毕业时间修改申请。",
        "Only administrators of the branch's direct superior can request another graduation month.",
        "请联系该支部直属上级团组织的管理员提交申请。",
        "Ask an administrator of the branch's direct superior to make the request.";
    GraduationChangeReasonRequired = "graduation.change_reason_required", Invalid, Some(Rule::G7),
        "修改毕业生团组织的毕业时间，须说明修改原因。",
        "You must give a reason to change a graduate branch's month.",
        "请填写修改原因后重新提交。",
        "Add the reason and submit again.";
    GraduationMonthUnchanged = "graduation.month_unchanged", Invalid, Some(Rule::G7),
        "申请的毕业时间与现有的毕业时间相同。",
        "The requested month is the one the branch already has.",
        "请选择正确的毕业时间；无需修改的，不必提交申请。",
        "Choose the right month. If nothing needs to change, no request is needed.";
    GraduationNotApprover = "graduation.not_approver", Forbidden, Some(Rule::G7),
        "毕业时间修改申请由该支部上级团的领导机关审批，您不能审批。",
        "You can't decide this request. The nearest leading organ above the branch decides.",
        "请联系该支部上级团的领导机关管理员审批。",
        "Ask an administrator of the nearest leading organ above the branch.";
    GraduationSelfApproval = "graduation.self_approval", Forbidden, Some(Rule::G7),
        "不能审批本人提交的毕业时间修改申请。",
        "You can't decide a change you proposed.",
        "请由该领导机关的其他管理员审批；没有其他管理员的，由其上级审批。",
        "Ask another administrator of the leading organ to decide. If there is none, its superior decides.";
    GraduationNoOpenRequest = "graduation.no_open_request", Conflict, Some(Rule::G8),
        "该支部没有待审批的毕业时间修改申请，或者申请已经审批。",
        "There is no open request to change this branch's month, or it has already been decided.",
        "请刷新列表，查看申请的最新状态。",
        "Reload the list to see the current state of the request.";
    GraduationNoLeadingOrgan = "graduation.no_leading_organ", Conflict, Some(Rule::G7),
        "该支部没有上级团的领导机关，申请无法审批。",
        "There is no leading organ above the branch that could decide the request.",
        "请联系直属上级团组织的管理员，核对该支部的组织隶属关系。",
        "Ask an administrator of the direct superior to check where the branch belongs.";
    GraduationChangeNotFound = "graduation.change_not_found", NotFound, Some(Rule::O6),
        "没有找到这份毕业时间修改申请。",
        "This request to change a graduation month was not found.",
        "请核对申请编号，或在毕业时间修改申请列表中查找。",
        "Check the id, or find the request in the list of requests.";

    // ---- marks on members (§1.2, §1.3) ----
    MarkOutOfScope = "mark.out_of_scope", Forbidden, Some(Rule::M2),
        "只有学校领域团组织的管理员可以标记其所辖团员的身份。",
        "Only administrators of school-sector organizations can mark members, and only members of their own subtree.",
        "请联系团员所在学校的团组织管理员标记。",
        "Ask an administrator of the member's school to mark them.";
    MarkSuperiorOnly = "mark.superior_only", Forbidden, Some(Rule::M2),
        "学校只有一个团支部的，由其直属上级团组织的管理员标记。",
        "This school has a single branch, so an administrator of its direct superior sets the marks.",
        "请联系直属上级团组织的管理员标记。",
        "Ask an administrator of the direct superior to set the mark.";
    MarkNotGraduating = "mark.not_graduating", Conflict, Some(Rule::M1),
        "该团员所在支部不是本年度毕业的支部，无需标记身份。",
        "The member's branch does not graduate this year, so there is nothing to mark.",
        "请先核对并标记该团支部的毕业时间，再标记团员。",
        "Check the branch's graduation month and set it first. Then mark the member.";
    MarkMonthRequired = "mark.month_required", Invalid, Some(Rule::M3),
        "标记为延迟毕业团员，须选择预计毕业时间。",
        "A delayed graduate needs an expected graduation month.",
        "请选择晚于本团支部毕业时间的预计毕业时间。",
        "Give a month later than the branch's graduation month.";
    MarkMonthNotLater = "mark.month_not_later", Invalid, Some(Rule::M3),
        "预计毕业时间必须晚于本团支部的毕业时间（{branch_month}）。",
        "The expected month must be later than the branch's graduation month, {branch_month}.",
        "请选择更晚的月份；团支部毕业时间有误的，请先修改团支部毕业时间。",
        "Choose a later month. If the branch's own month is wrong, correct that first.";
    MarkReasonRequired = "mark.reason_required", Invalid, Some(Rule::M3),
        "标记为延迟毕业团员，须填写延迟毕业原因。",
        "A delayed graduate needs a reason for the delay.",
        "请填写延迟毕业原因后重新提交。",
        "Add the reason and submit again.";
    MarkNotMarked = "mark.not_marked", Conflict, Some(Rule::M6),
        "该团员没有可以撤销的标记，当前身份为毕业生。",
        "The member has no mark to undo. They are a graduate.",
        "无需撤销；请刷新团员列表，查看最新身份。",
        "There is nothing to undo. Reload the list of members to see their current identity.";

    // ---- starting a transfer (§1.4, §2.2, §2.7, §2.8) ----
    TransferNotFound = "transfer.not_found", NotFound, Some(Rule::O6),
        "没有找到这项组织关系转接。",
        "This transfer was not found.",
        "请核对转接编号；团员可在“我的组织关系转接历史”中查看。",
        "Check the id. Members find their own transfers in their transfer history.";
    TransferOutOfScope = "transfer.out_of_scope", Forbidden, Some(Rule::T1),
        "只有团员本人、转出方管理员或转入方管理员可以发起这项转接。",
        "Only the member, an administrator on the source side, or one on the target side can start this transfer.",
        "请由团员本人登录后在个人中心发起，或联系其所在团组织的管理员发起。",
        "Ask the member to start it, or ask an administrator of the member's organization.";
    TransferTargetOutOfScope = "transfer.target_out_of_scope", Forbidden, Some(Rule::T1),
        "由转入方发起时，转入组织须在您所辖范围内。",
        "When you start a transfer from the target side, the target must be in your own subtree.",
        "请选择您所辖的团组织，或请转入组织的管理员发起。",
        "Choose an organization of your own subtree, or ask an administrator of the target to start it.";
    TransferAlreadyOpen = "transfer.already_open", Conflict, Some(Rule::T2),
        "已有业务正在办理，不能重复发起：{transfer}，由{side}于 {proposed_on} 发起。",
        "A transfer of this member is already open: {transfer}, started by {side} on {proposed_on}.",
        "转接无误的，请等待接收方审批；如有错误，请先撤销该申请，再重新发起。",
        "If it is right, wait for the receiving side to decide. If it is wrong, withdraw it and start again.";
    TransferIdentityNotCertified = "transfer.identity_not_certified", Conflict, Some(Rule::T3),
        "该团员为 {since} 年以后发展的团员，尚未完成团员身份认证，不能转接组织关系。",
        "The member joined in {since} or later and has no certified League identity yet, so they can't transfer.",
        "请联系所在团支部的管理员上传《入团志愿书》，经上级团委审核通过后再发起。姓名下显示的“已认证”只表示身份证信息已认证，不是团员身份认证。",
        "Ask an administrator of the branch to upload the application form. Start the transfer once the committee above has approved it. The “verified” sign under the name is the real-name check, not this certification.";
    TransferFieldRequired = "transfer.field_required", Invalid, Some(Rule::T5),
        "该转接原因必须填写“{field}”。",
        "This reason requires the field “{field}”.",
        "请按转接原因补齐必填内容后重新提交。",
        "Fill in everything this reason requires and submit again.";
    TransferFieldInvalid = "transfer.field_invalid", Invalid, Some(Rule::T5),
        "“{field}”的内容不符合要求。",
        "The value of “{field}” is not allowed.",
        "请按该转接原因的填写说明更正后重新提交。",
        "Correct it as the form for this reason describes, and submit again.";
    TransferFieldNotAllowed = "transfer.field_not_allowed", Invalid, Some(Rule::T5),
        "该转接原因不需要填写“{field}”。",
        "This reason does not take the field “{field}”.",
        "请删除该项后重新提交，或重新选择转接原因。",
        "Remove it and submit again, or choose another reason.";
    TransferAddressNotDetailed = "transfer.address_not_detailed", Invalid, Some(Rule::T5),
        "地址的行政区划至少须选择到县级。",
        "The address must name a county or a smaller division.",
        "请选择到县（市、区）或乡镇、街道，并填写详细地址。",
        "Choose a county, township or street, and write out the rest of the address.";
    DivisionUnknown = "division.unknown", Invalid, Some(Rule::T5),
        "没有这个行政区划代码。",
        "There is no administrative division with this code.",
        "请从行政区划列表中选择。",
        "Choose one from the list of divisions.";
    TransferTargetRequired = "transfer.target_required", Invalid, Some(Rule::T5),
        "请选择转入组织。",
        "This transfer needs a target organization.",
        "请查找并选择转入组织；找不到的，请核对组织名称、省份或所属系统。",
        "Search for the target and choose it. If you can't find it, check its name, province and system.";
    TransferSpecialUnitHasNoTarget = "transfer.special_unit_has_no_target", Invalid, Some(Rule::T5),
        "转往特殊单位团组织，无需选择转入组织。",
        "A transfer to a special unit has no target to choose.",
        "请不选择转入组织，直接提交，由省级团委管理员审批。",
        "Submit it without a target. The province-level leading organ decides.";
    TransferTargetNotAllowedForReason = "transfer.target_not_allowed_for_reason", Invalid, Some(Rule::T5),
        "所选转接原因不能转入该组织；可以转入：{allowed}。",
        "This reason does not lead to this target. It leads to: {allowed}.",
        "请重新选择转入组织，或重新选择转接原因。",
        "Choose another target or another reason.";
    TransferReasonNotAllowedFromTarget = "transfer.reason_not_allowed_from_target", Invalid, Some(Rule::T5),
        "该转接原因不能由转入方发起。",
        "The target side can't start a transfer for this reason.",
        "请由团员本人发起，或联系其所在团组织的管理员发起。",
        "Ask the member or an administrator of the member's organization to start it.";
    TransferExternalDetailsRequired = "transfer.external_details_required", Invalid, Some(Rule::T6),
        "转往北京、广东、福建的，须详细填写“{field}”。",
        "A transfer to Beijing, Guangdong or Fujian requires “{field}” in full.",
        "请详细填写对方单位的名称、地址和团组织等信息后重新提交。",
        "Write out the receiving unit's name, address and League organization in full, and submit again.";
    TransferExternalProvinceUnknown = "transfer.external_province_unknown", Invalid, Some(Rule::T6),
        "只有北京（11）、福建（35）、广东（44）另有系统。",
        "Only Beijing (11), Fujian (35) and Guangdong (44) have systems of their own.",
        "转往其他省份或系统团委的，请直接选择转入组织。",
        "For any other province or a system committee, choose the target organization itself.";
    TransferReasonNotExternal = "transfer.reason_not_external", Invalid, Some(Rule::T6),
        "该转接原因不适用于转往北京、广东、福建。",
        "A transfer for this reason can't go to Beijing, Guangdong or Fujian.",
        "出国（境）学习生活的，请转入原学校的“出国（境）学习研究团员团支部”；转往特殊单位的，无需选择转入组织。",
        "For study or life abroad, choose the abroad branch of the member's own school. For a special unit, choose no target.";
    TransferTargetAndExternal = "transfer.target_and_external", Invalid, Some(Rule::T6),
        "转往北京、广东、福建的，不选择转入组织。",
        "A transfer to Beijing, Guangdong or Fujian has no target organization.",
        "请二选一：选择转入组织，或者详细填写对方组织信息。",
        "Give either a target organization or the written-out destination, not both.";
    TransferTargetOtherSystem = "transfer.target_other_system", Invalid, Some(Rule::T6),
        "该组织属于北京、广东或福建的系统，不能直接选择。",
        "This organization belongs to the system of Beijing, Guangdong or Fujian, so you can't choose it.",
        "请选择转入组织属于北京、广东、福建，并详细填写对方组织信息。",
        "Say that the target is in Beijing, Guangdong or Fujian, and write out the destination in full.";
    TransferTargetGraduateBranch = "transfer.target_graduate_branch", Invalid, Some(Rule::T8),
        "毕业生团组织不能作为转入组织。",
        "A graduate branch can't be the target.",
        "请选择转入单位的其他团支部或其上级团组织。",
        "Choose another branch of the receiving unit, or the committee above it.";
    TransferTargetClosed = "transfer.target_closed", Invalid, Some(Rule::T8),
        "该组织已关闭，不能作为转入组织。",
        "This organization is closed, so it can't be the target.",
        "请选择其上级团组织，或承接其工作的团组织。",
        "Choose its superior, or the organization that took over its members.";
    TransferTargetSame = "transfer.target_same", Invalid, Some(Rule::T8),
        "团员的组织关系已在该支部，无需转接。",
        "The member already belongs to this branch.",
        "请核对转入组织；如需转入其他组织，请重新选择。",
        "Check the target, and choose another one if the member is to move.";
    TransferTargetLeadingOrgan = "transfer.target_leading_organ", Invalid, Some(Rule::T8),
        "团的领导机关本级不能作为转入组织。",
        "A leading organ itself can't be the target.",
        "请选择其所辖的团委、团工委、团总支或团支部。",
        "Choose a committee, work committee, general branch or branch below it.";
    TransferExplanationRequired = "transfer.explanation_required", Invalid, Some(Rule::T9),
        "团员未满 {age} 周岁且转入组织为非学校领域，必须填写情况说明。",
        "The member is under {age} and the target is outside the school sector, so an explanation is required.",
        "请填写情况说明；提交后先由上级团的领导机关审批。",
        "Add the explanation. The leading organ above the member's organization decides first.";
    TransferNotYoursToCancel = "transfer.not_yours_to_cancel", Forbidden, Some(Rule::T10),
        "只有申请方或团员本人可以撤销这项申请。",
        "You can't withdraw this transfer. Only the side that started it or the member can.",
        "请联系申请方撤销；轮到您审批的，可以选择“不同意”并写明原因。",
        "Ask the side that started it to withdraw it. If it is your turn to decide, you can refuse it with a reason.";
    TransferClosed = "transfer.closed", Conflict, Some(Rule::T10),
        "这项转接已经结束（当前状态：{state}），不能再办理。",
        "This transfer has ended. Its state is: {state}.",
        "仍需转接的，请重新发起。",
        "Start a new transfer if it is still needed.";
    TransferSelfApproval = "transfer.self_approval", Forbidden, Some(Rule::T11),
        "不能审批本人的或者本人发起的转接。",
        "You can't decide a transfer that is about you or that you started.",
        "请由本组织的其他管理员审批；没有其他管理员的，由直属上级审批。",
        "Ask another administrator of your organization to decide. If there is none, the direct superior decides.";
    TransferMemberNotActive = "transfer.member_not_active", Conflict, Some(Rule::T12),
        "该团员的团籍状态不是“正常”，不能转接组织关系。",
        "The member is not in good standing, so they can't transfer.",
        "请联系其所在团支部的管理员核对团籍状态。",
        "Ask an administrator of the member's branch to check their standing.";
    TransferConflict = "transfer.conflict", Conflict, Some(Rule::A9),
        "这项转接已由他人办理（当前状态：{state}）。",
        "Somebody else acted on this transfer first. Its state is now: {state}.",
        "请刷新后按最新状态办理。",
        "Reload it and continue from its current state.";
    TransferOrphaned = "transfer.orphaned", Conflict, Some(Rule::A10),
        "从应审批的组织直到最上级，都没有可以审批的管理员。",
        "Nobody can decide: neither the organization whose turn it is nor any of its superiors has an administrator who may.",
        "请联系上级团组织任命管理员；该申请已列入无人办理清单。",
        "Ask the superior to appoint an administrator. The transfer is on the list of transfers that nobody can decide.";
    TransferNotExternal = "transfer.not_external", Conflict, Some(Rule::X1),
        "这项转接不在等待北京、广东或福建的系统答复。",
        "This transfer is not waiting for an answer from Beijing, Guangdong or Fujian.",
        "请刷新后按最新状态办理。",
        "Reload it and continue from its current state.";
    TransferExternalNotYours = "transfer.external_not_yours", Forbidden, Some(Rule::X1),
        "只有所转往省市的对接系统或其省级团委可以答复。",
        "Only the system of the province that the transfer goes to, or that province's leading organ, can answer.",
        "请使用该省市的对接凭据，或联系其省级团委管理员。",
        "Use that province's credential, or ask an administrator of its leading organ.";
    TransferExternalPending = "transfer.external_pending", Conflict, Some(Rule::X1),
        "这项转接正在等待北京、广东或福建的系统答复。",
        "This transfer is waiting for an answer from Beijing, Guangdong or Fujian.",
        "请等待对方系统答复，或联系该省市的省级团委管理员。",
        "Wait for the other system's answer, or ask an administrator of that province's leading organ.";
    TransferInboundNotAllowed = "transfer.inbound_not_allowed", Forbidden, Some(Rule::X2),
        "只有北京、广东、福建的对接系统可以提交由其转入的申请。",
        "Only the systems of Beijing, Guangdong and Fujian can propose transfers from there.",
        "请使用该省市的对接凭据。",
        "Use that province's credential.";
    TransferInboundMemberExists = "transfer.inbound_member_exists", Conflict, Some(Rule::X2),
        "该人员的组织关系已在全国系统内，不能再由其他系统转入。",
        "This person already belongs to an organization of the national system, so no other system can transfer them in.",
        "请由其现在所在的团组织或转入组织发起转接。",
        "Ask their current organization or the target organization to start an ordinary transfer.";

    // ---- approval and assignment (§1.5) ----
    ApprovalReasonRequired = "approval.reason_required", Invalid, Some(Rule::A5),
        "不同意的，必须写明原因。",
        "You must give a reason when you refuse.",
        "请写明原因（如信息错误、未按要求报到、人员不符合要求）后重新提交。",
        "Add the reason, such as wrong information, not reported as required, or requirements not met, and submit again.";
    ApprovalNotYourTurn = "approval.not_your_turn", Forbidden, Some(Rule::A1),
        "现在不由您所在的组织办理。",
        "It is not your organization's turn.",
        "请联系当前办理的组织；转接详情中显示现在由哪个组织办理。",
        "Ask the organization whose turn it is. The transfer shows which one that is.";
    ApprovalNotAwaited = "approval.not_awaited", Conflict, Some(Rule::A2),
        "这项转接已经审批同意，正在等待分配。",
        "This transfer is already approved and waits for assignment.",
        "请将团员分配到某个团支部；误批的，可以写明原因退回。",
        "Assign the member to a branch. If it was approved by mistake, send it back with a reason.";
    AssignmentNotAwaited = "assignment.not_awaited", Conflict, Some(Rule::A2),
        "这项转接尚未到分配环节。",
        "This transfer is not waiting for assignment.",
        "请先完成审批，再分配团支部。",
        "Approve it first, then assign the member to a branch.";
    AssignmentBranchOutOfScope = "assignment.branch_out_of_scope", Invalid, Some(Rule::A2),
        "所选团支部不在转入组织之下。",
        "The branch is not below the receiving organization.",
        "请从转入组织所辖的团支部中选择。",
        "Choose a branch below the receiving organization.";
    AssignmentNotABranch = "assignment.not_a_branch", Invalid, Some(Rule::A2),
        "只能分配到可以接收团员的团支部（毕业生团组织和已关闭的支部除外）。",
        "You can only assign members to a branch that takes members. Graduate branches and closed branches do not.",
        "请选择其他团支部；没有团支部的，请先创建。",
        "Choose another branch. If there is none, create one first.";

    // ---- organizations (§2.1, §2.6) ----
    OrganizationNotFound = "organization.not_found", NotFound, Some(Rule::O6),
        "没有找到该组织。",
        "This organization was not found.",
        "请核对组织编号，或按名称查找。",
        "Check the id, or search for the organization by name.";
    OrganizationKindNotAllowedHere = "organization.kind_not_allowed_here", Invalid, Some(Rule::O1),
        "该上级组织下不能设立这种类别的组织。",
        "This kind of organization can't be created under this superior.",
        "请重新选择组织类别或上级组织。",
        "Choose another kind or another superior.";
    OrganizationLevelNotAllowedHere = "organization.level_not_allowed_here", Invalid, Some(Rule::O1),
        "该上级组织下不能设立这一层级的组织。",
        "An organization of this level can't be created under this superior.",
        "团的领导机关之下只能设立下一级团的领导机关，其他组织的层级均为基层；请重新选择层级或上级组织。",
        "Choose another level or another superior. A leading organ takes leading organs of the next level; every other organization is grassroots.";
    OrganizationTooDeep = "organization.too_deep", Invalid, Some(Rule::O1),
        "组织层级不能超过 {limit} 级。",
        "Organizations can't be nested more than {limit} levels deep.",
        "请选择更高一级的上级组织。",
        "Choose a superior further up.";
    OrganizationPurposeNotAllowed = "organization.purpose_not_allowed", Invalid, Some(Rule::O2),
        "该用途不适用于这个组织。",
        "This purpose does not fit this organization.",
        "流动团员和出国（境）学习研究团员的组织须为团支部；特殊单位专属库由系统设立，无需创建。",
        "Make it a branch: only branches can be floating or abroad branches. The special-unit holding is set up by the system and can't be created.";
    OrganizationFloatingNeedsSchool = "organization.floating_needs_school", Invalid, Some(Rule::O2),
        "该团支部必须由学校团委本级（有学校机构编号）直接创建。",
        "Only the school committee itself, the organization with the school code, can create such a branch.",
        "请联系学校团委本级的管理员创建。",
        "Ask an administrator of the school committee itself to create it.";
    OrganizationFloatingName = "organization.floating_name", Invalid, Some(Rule::O2),
        "组织名称中须包含关键词“{keyword}”。",
        "The name must contain “{keyword}”.",
        "请修改组织名称后重新提交。",
        "Correct the name and submit again.";
    OrganizationNotDirectSuperior = "organization.not_direct_superior", Forbidden, Some(Rule::O3),
        "组织的创建、更名和关闭由其直属上级团组织的管理员办理。",
        "Only administrators of the direct superior can create, rename or close an organization.",
        "请联系直属上级团组织的管理员办理。",
        "Ask an administrator of the direct superior.";
    OrganizationNotEmpty = "organization.not_empty", Conflict, Some(Rule::O3),
        "该组织尚有团员 {members} 名、正在办理的转接 {open_cases} 项、下级组织 {children} 个，不能关闭。",
        "The organization can't be closed. It still has members ({members}), open transfers ({open_cases}) or organizations below it ({children}).",
        "请先转出团员、办结转接、关闭下级组织。",
        "First move the members out, finish the transfers and close the organizations below it.";
    OrganizationClosed = "organization.closed", Conflict, Some(Rule::O3),
        "该组织已关闭。",
        "This organization is closed.",
        "请选择其上级团组织或其他组织。",
        "Choose its superior or another organization.";
    OrganizationNameRequired = "organization.name_required", Invalid, Some(Rule::O3),
        "组织名称须为 {min} 至 {max} 个字。",
        "The name must have {min} to {max} characters.",
        "请填写组织全称后重新提交。",
        "Give the full name and submit again.";
    OrganizationNameTaken = "organization.name_taken", Conflict, Some(Rule::O3),
        "同一上级下已有同名组织。",
        "Another organization under the same superior already has this name.",
        "请使用可以区分的组织名称。",
        "Choose a different name.";
    OrganizationContactNotAllowed = "organization.contact_not_allowed", Forbidden, Some(Rule::O3),
        "联系人由该组织或其直属上级团组织的管理员修改。",
        "Only the organization's own administrators and those of its direct superior can change its contact.",
        "请联系该组织或其直属上级团组织的管理员修改。",
        "Ask an administrator of the organization or of its direct superior.";
    OrganizationStageRequired = "organization.stage_required", Invalid, None,
        "学校领域的组织须选择学段，其他领域的组织不填学段。",
        "An organization of the school sector needs a school stage. Organizations of other sectors have none.",
        "请核对所属领域和学段后重新提交。",
        "Check the sector and the stage, and submit again.";
    OrganizationSchoolCodeInvalid = "organization.school_code_invalid", Invalid, None,
        "学校机构编号须为十位数字。",
        "A school code has ten digits.",
        "请填写教育部发布的学校（机构）标识码。",
        "Give the code that the Ministry of Education has published for the school.";
    OrganizationSchoolCodeTaken = "organization.school_code_taken", Conflict, None,
        "该学校机构编号已被其他组织使用。",
        "Another organization already has this school code.",
        "请核对编号；学校已在系统内的，请直接使用该组织。",
        "Check the code. If the school is already in the system, use that organization.";

    // ---- people and accounts (§1.4.3, §2.5) ----
    MemberNotFound = "member.not_found", NotFound, Some(Rule::O6),
        "没有找到该团员。",
        "This member was not found.",
        "请核对团员编号；团员不在您所辖范围内的，请在“办理转入”中按姓名和身份证号查询。",
        "Check the id. If the member is outside your subtree, look them up by full name and ID number.";
    MemberNoMatch = "member.no_match", NotFound, Some(Rule::T4),
        "未查询到姓名与身份证号一致的团员。",
        "No member matches this name and ID number.",
        "请向团员本人核对姓名和身份证号，两项须与登记信息完全一致。",
        "Check the full name and the ID number with the member. Both must be exactly as registered.";
    MemberIdNumberMalformed = "member.id_number_malformed", Invalid, None,
        "身份证号须为 18 位：17 位数字和 1 位校验码（数字或 X）。",
        "An ID number has 18 characters: 17 digits and a check character, which is a digit or X.",
        "请对照身份证核对。",
        "Compare it with the identity card.";
    MemberIdNumberCheckDigit = "member.id_number_check_digit", Invalid, None,
        "身份证号校验码不正确，可能有数字录入错误。",
        "The check character of the ID number is wrong. A digit was probably mistyped.",
        "请对照身份证逐位核对。",
        "Compare it with the identity card, digit by digit.";
    MemberIdNumberBirthDate = "member.id_number_birth_date", Invalid, None,
        "身份证号中的出生日期不存在，或者晚于今天。",
        "The birth date in the ID number does not exist or is in the future.",
        "请对照身份证核对第 7 至 14 位。",
        "Compare digits 7 to 14 with the identity card.";
    MemberAlreadyRegistered = "member.already_registered", Conflict, Some(Rule::P1),
        "该人员已登记为团员（团籍状态：{standing}）。",
        "This person is already registered as a member. Their standing: {standing}.",
        "组织关系在其他团组织的，请由转入方发起转接；已离团或已转出全国系统的，请联系其原所在团组织。",
        "If they belong to another organization, start a transfer from the target side. If they have left the League or moved out of the national system, ask the organization they last belonged to.";
    MemberNumberTaken = "member.number_taken", Conflict, Some(Rule::P1),
        "该身份证号不能登记：已以其他姓名登记，或者不允许查询。",
        "This ID number can't be registered. It is registered under another name, or you may not look it up.",
        "请对照身份证核对姓名和身份证号；确认无误的，请联系直属上级团组织的管理员。",
        "Compare name and ID number with the identity card. If both are right, ask an administrator of the direct superior.";
    MemberRegistrationNotAllowed = "member.registration_not_allowed", Forbidden, Some(Rule::P1),
        "只有该团支部及其直属上级团组织的管理员可以登记团员。",
        "Only administrators of the branch or its direct superior can register members there.",
        "请联系该团支部或其直属上级团组织的管理员。",
        "Ask an administrator of the branch or of its direct superior.";
    MemberOnlyInBranch = "member.only_in_branch", Conflict, Some(Rule::P1),
        "团员只能登记在团支部。",
        "Only a branch has members.",
        "请选择该组织下的团支部；没有的，请先创建。",
        "Choose a branch below this organization. If there is none, create one first.";
    MemberChangeNotAllowed = "member.change_not_allowed", Forbidden, Some(Rule::P3),
        "只有团员所在支部及其直属上级团组织的管理员可以修改；团员本人只能修改手机号码。",
        "Only administrators of the member's branch or its direct superior can change this. Members themselves can change their telephone number only.",
        "请联系该团员所在团支部或其直属上级团组织的管理员。",
        "Ask an administrator of the member's branch or its direct superior.";
    MemberPhone = "member.phone", Invalid, Some(Rule::P2),
        "手机号码须为 11 位数字，以 1 开头。",
        "A telephone number has 11 digits and begins with 1.",
        "请核对手机号码，不含空格、短横线和国家代码。",
        "Check the number. Leave out blanks, hyphens and the country code.";
    MemberEthnicGroup = "member.ethnic_group", Invalid, Some(Rule::P1),
        "没有这个民族。",
        "There is no such ethnic group.",
        "请填写民族名称，例如“汉族”，或国家标准的两位代码，例如 01。",
        "Give its Chinese name, such as 汉族, or its code of two digits (GB/T 3304), such as 01.";
    MemberPoliticalStatus = "member.political_status", Invalid, Some(Rule::P1),
        "没有这种政治面貌。",
        "There is no such political status.",
        "请填写简称，例如“共青团员”，或国家标准的两位代码，例如 03。",
        "Give its Chinese short name, such as 共青团员, or its code of two digits (GB/T 4762), such as 03.";
    MemberDevelopmentNumberTaken = "member.development_number_taken", Conflict, Some(Rule::P2),
        "该发展团员编号已属于另一名团员。",
        "Another member already has this development number.",
        "请对照《入团志愿书》核对发展团员编号。",
        "Compare the number with the application form.";
    MemberDevelopmentNumber = "member.development_number", Invalid, Some(Rule::P2),
        "发展团员编号须为 12 位数字。",
        "A development number has 12 digits.",
        "请对照《入团志愿书》核对发展团员编号。",
        "Compare the number with the application form.";
    MemberDevelopmentNumberRequired = "member.development_number_required", Invalid, Some(Rule::P2),
        "2017 年及以后入团的，须填写发展团员编号。",
        "Everybody who joined in 2017 or later has a development number.",
        "请对照《入团志愿书》填写发展团员编号；入团时间有误的，请更正。",
        "Take the number from the application form. If the month of joining is wrong, correct it.";
    MemberDevelopmentNumberYear = "member.development_number_year", Invalid, Some(Rule::P2),
        "发展团员编号的前四位须为入团年份 {year}。",
        "The development number must begin with the joining year {year}.",
        "请对照《入团志愿书》核对发展团员编号和入团时间。",
        "Compare the number and the month of joining with the application form.";
    MemberJoinedInFuture = "member.joined_in_future", Invalid, Some(Rule::P2),
        "入团时间不能晚于本月。",
        "Nobody joins later than this month.",
        "请对照《入团志愿书》核对入团时间。",
        "Compare the month of joining with the application form.";
    MemberJoinedTooYoung = "member.joined_too_young", Invalid, Some(Rule::P2),
        "入团时须年满 {age} 周岁。",
        "A member must have been at least {age} years old when they joined.",
        "请对照《入团志愿书》核对入团时间。",
        "Compare the month of joining with the application form.";
    RateLimited = "rate_limited", Limited, Some(Rule::T4),
        "操作过于频繁。",
        "You made too many requests in too short a time.",
        "请按 Retry-After 响应头给出的秒数等待后再试。",
        "Wait for the number of seconds in the Retry-After header, then try again.";
    ActorNotAdministrator = "actor.not_administrator", Forbidden, Some(Rule::O6),
        "此操作须由团组织管理员办理。",
        "Only administrators of an organization can do this.",
        "请以管理员身份登录后办理，或联系所在团组织的管理员。",
        "Sign in to your office as an administrator, or ask an administrator of your organization.";
    AccountPasswordChangeRequired = "account.password_change_required", Forbidden, None,
        "请先修改初始密码。",
        "You must change the initial password first.",
        "请设置新密码（POST /v1/auth/password）。",
        "Set a new password (POST /v1/auth/password).";
    AccountPasswordWrong = "account.password_wrong", Invalid, None,
        "当前密码不正确。",
        "The current password is wrong.",
        "请检查后重试；忘记密码的，请联系所在团支部或其直属上级团组织的管理员获取重置码。",
        "Check it and try again. If you lost it, ask an administrator of your branch or its direct superior for a one-time code.";
    AccountPasswordReused = "account.password_reused", Invalid, None,
        "新密码不能与当前密码相同。",
        "The new password is the same as the current one.",
        "请设置另一个密码。",
        "Choose another password.";
    AccountPasswordIsNumber = "account.password_is_number", Invalid, None,
        "密码不能包含身份证号，也不能由其中的一部分组成。",
        "A password can't contain your ID number or be made of a part of it, in any order.",
        "请设置他人不知道的密码。",
        "Choose a password that nobody else knows.";
    AccountPasswordCommon = "account.password_common", Invalid, None,
        "该密码过于常见或者只有空格，容易被猜中。",
        "This password is too easy to guess: it is one of the most common ones, or only spaces.",
        "请换一个他人想不到的密码，例如由几个不相关的词组成。",
        "Choose another one, such as several unrelated words.";
    WechatNotConfigured = "wechat.not_configured", NotFound, None,
        "本服务未开通微信登录。",
        "Signing in with WeChat is not set up here.",
        "请使用身份证号和密码登录。",
        "Sign in with your ID number and password.";
    WechatCodeInvalid = "wechat.code_invalid", Invalid, None,
        "微信登录凭证无效、已过期或已使用。",
        "The WeChat code is not valid: it is unknown, has expired or was already used.",
        "请重新打开微信登录，由小程序调用 wx.login 获取新的凭证。",
        "Open the WeChat sign-in again, so that the mini program gets a new code with wx.login.";
    WechatBlocked = "wechat.blocked", Forbidden, None,
        "微信判定该用户为高风险用户，不允许登录。",
        "WeChat classifies this user as high-risk and does not let them sign in.",
        "请使用身份证号和密码登录。",
        "Sign in with your ID number and password.";
    WechatUnavailable = "wechat.unavailable", Unavailable, None,
        "微信暂时没有响应。",
        "WeChat is not responding at the moment.",
        "请稍后重试，或使用身份证号和密码登录。",
        "Try again later, or sign in with your ID number and password.";
    WechatNotBound = "wechat.not_bound", Forbidden, None,
        "该微信尚未绑定账号。",
        "This WeChat identity is not bound to an account.",
        "请用身份证号和密码绑定账号（POST /v1/auth/wechat/bind）。",
        "Bind it with your ID number and password (POST /v1/auth/wechat/bind).";
    WechatBoundAlready = "wechat.bound_already", Conflict, None,
        "该微信已绑定其他账号，或者该账号已绑定其他微信。",
        "This WeChat identity is already bound to another account, or this account to another WeChat identity.",
        "请先登录已绑定的账号，解除绑定后再试。",
        "Sign in to the account that is bound, unbind it, and try again.";
    ActorAuditsOnly = "actor.audits_only", Forbidden, Some(Rule::O6),
        "审计员只能查阅审计日志。",
        "As an auditor, you can only read the audit log.",
        "请以团员本人身份或其他职务登录后办理。",
        "Sign in as yourself or in another office to do this.";
    ActorNotAuditor = "actor.not_auditor", Forbidden, Some(Rule::O6),
        "审计日志只供审计员查阅。",
        "Only auditors can read the audit log.",
        "请联系本组织或上级组织的审计员。",
        "Ask an auditor of your organization or of one above it.";
    MemberRevealNotAllowed = "member.reveal_not_allowed", Forbidden, Some(Rule::O6),
        "只有团员所在支部及其直属上级团组织的管理员可以查看完整的身份证号和手机号码；审计本组织的审计员除外。",
        "Only administrators of the member's branch or its direct superior can see the full ID number and telephone number, and never those of an auditor of their own organization.",
        "请联系该团员所在团支部或其直属上级团组织的管理员。",
        "Ask an administrator of the member's branch or its direct superior.";
    AccountResetCodeInvalid = "account.reset_code_invalid", Invalid, Some(Rule::O5),
        "重置码或身份证号不正确，或者重置码已使用、已过期。",
        "The one-time code or the ID number is wrong, or the code was already used or has expired.",
        "请联系所在团支部或其直属上级团组织的管理员重新发放；重置码两天内有效。",
        "Ask an administrator of your branch or its direct superior for a new code. It is valid for two days.";
    AccountResetNotAllowed = "account.reset_not_allowed", Forbidden, Some(Rule::O5),
        "不能为此账号发放重置码。团员的重置码由所在支部或其直属上级团组织的管理员发放；担任职务的，发放人须为其全部职务的上级。",
        "You can't issue a one-time code for this account. A member's code is issued by their branch or its direct superior. If the person holds offices, the issuer must stand above each of them.",
        "组织关系不在应在组织的，请先办理转入；担任职务的，请联系其全部职务的上级管理员，由其在任职记录上发放。",
        "If the member is registered elsewhere, transfer them first. If the person holds an office, ask an administrator of an organization above all of their offices to issue the code at the appointment.";
    AccountResetOneself = "account.reset_oneself", Forbidden, Some(Rule::O5),
        "不能为自己的账号发放重置码。",
        "You can't issue a one-time code for your own account.",
        "记得密码的，请直接修改密码；忘记密码的，请联系上级管理员。",
        "If you know your password, change it. If you lost it, ask an administrator above you.";
    AccountSecondAdministratorRequired = "account.second_administrator_required", Conflict, Some(Rule::O5),
        "此人担任支部以上组织的职务，发放重置码须由两名管理员办理，不能批量发放。",
        "This person holds an office above a branch. Two administrators are needed to issue a one-time code, so it can't be done in a batch.",
        "请单独为其申请重置码，再由另一名管理员发放。",
        "Request the code for this person alone, and let a second administrator issue it.";
    AccountPasswordLength = "account.password_length", Invalid, Some(Rule::O5),
        "密码须为 {min} 至 {max} 个字节。",
        "A password must have {min} to {max} bytes.",
        "请设置长度合适的密码。",
        "Choose a password of that length.";
    AccountBlockNotAllowed = "account.block_not_allowed", Forbidden, None,
        "团员账号由所在支部或其直属上级的管理员停用；管理员账号由能够任免其职务的组织或更高上级停用，担任多个职务的，须为各职务的上级。",
        "You can't block this account. A member's account is blocked by their branch or its direct superior. An administrator's account is blocked by an organization that stands above each of their offices.",
        "请联系该团员所在团支部的管理员，或者能够任免其全部职务的上级管理员。",
        "Ask an administrator of the member's branch, or of an organization above all of their offices.";
    AccountBlockOneself = "account.block_oneself", Forbidden, None,
        "不能停用或恢复自己的账号。",
        "You can't block or unblock your own account.",
        "需要停用本人账号的，请联系其他管理员；只需退出登录的，请退出全部会话（POST /v1/auth/sign-out）。",
        "Ask another administrator. If you only want to end your sessions, sign out everywhere (POST /v1/auth/sign-out).";
    AccountBlockReasonRequired = "account.block_reason_required", Invalid, None,
        "停用账号须写明原因，账号恢复后会告知本人。",
        "You must give a reason to block an account. Its owner is told the reason once the account is unblocked.",
        "请填写原因（如账号被盗、接受调查）后重新提交。",
        "Add the reason, such as a stolen account or an investigation, and submit again.";
    AccountBlockedAlready = "account.blocked_already", Conflict, None,
        "该账号已经停用。",
        "This account is already blocked.",
        "无需重复停用；请刷新后查看最新状态。",
        "There is nothing to do. Reload it to see its current state.";
    AccountNotBlocked = "account.not_blocked", Conflict, None,
        "该账号没有停用。",
        "This account is not blocked.",
        "无需恢复；请刷新后查看最新状态。",
        "There is nothing to undo. Reload it to see its current state.";
    AccountUnblockNotAllowed = "account.unblock_not_allowed", Forbidden, None,
        "该账号由上级组织或运维人员停用，您不能恢复。",
        "You can't unblock this account. A superior organization or the operators of the service blocked it.",
        "请联系停用该账号的组织的管理员，或联系运维人员。",
        "Ask an administrator of the organization that blocked it, or ask the operators.";

    // ---- offices ----
    AppointmentNotFound = "appointment.not_found", NotFound, Some(Rule::O6),
        "没有找到该管理员任职。",
        "This appointment was not found.",
        "请核对任职编号，或在该组织的管理员列表中查找。",
        "Check the id, or find it in the organization's list of administrators.";
    AppointmentNotAllowed = "appointment.not_allowed", Forbidden, None,
        "管理员由该组织的直属上级任免；该组织的管理员可以提出申请，由直属上级审批。",
        "You can't appoint or dismiss here. The direct superior does; the organization's own administrators can request it.",
        "请联系该组织直属上级团组织的管理员。",
        "Ask an administrator of the direct superior.";
    AppointmentHeldAlready = "appointment.held_already", Conflict, None,
        "此人已是该组织的管理员。",
        "This person is already an administrator of the organization.",
        "无需重复任命。",
        "There is nothing to do.";
    AppointmentEnded = "appointment.ended", Conflict, None,
        "该任职已经结束。",
        "This appointment has ended.",
        "请刷新后查看最新状态；如需继续任职，请重新任命。",
        "Reload it to see its current state. Appoint the person again if they are to continue.";
    AppointmentLastOfNation = "appointment.last_of_nation", Conflict, Some(Rule::A10),
        "这是全国级组织的最后一名管理员，没有上级可以接办。",
        "This is the last administrator of the national organization. There is no superior to take over.",
        "请先任命另一名全国级管理员。",
        "Appoint another administrator of the national organization first.";
    AppointmentRequestNotFound = "appointment.request_not_found", NotFound, Some(Rule::O6),
        "没有找到该任免申请。",
        "This request to appoint or dismiss was not found.",
        "请核对申请编号，或在操作中心查看。",
        "Check the id, or look in the inbox.";
    AppointmentRequestOpen = "appointment.request_open", Conflict, None,
        "对此人已有一份待审批或待本人同意的任免申请。",
        "A request about this person is already open.",
        "请等待直属上级审批或本人答复；直属上级可以退回该申请。",
        "Wait for the direct superior to decide, or for the person to consent. The direct superior can refuse the request.";
    AppointmentRequestNotOpen = "appointment.request_not_open", Conflict, None,
        "该任免申请已经审批、答复或已失效，或者还未轮到此步。",
        "This request is already decided or answered, has lapsed, or is not at this step.",
        "请刷新后查看最新状态。",
        "Reload it to see its current state.";
    AppointmentNotApprover = "appointment.not_approver", Forbidden, None,
        "任免申请由该组织的直属上级审批，您不能审批。",
        "You can't decide this request. The organization's direct superior decides.",
        "请联系直属上级团组织的管理员审批。",
        "Ask an administrator of the direct superior.";
    AppointmentSelfApproval = "appointment.self_approval", Forbidden, None,
        "不能审批本人提交的或者关于本人的任免申请。",
        "You can't decide a request that you made or that is about you.",
        "请由直属上级的其他管理员审批；没有其他管理员的，由其上级审批。",
        "Ask another administrator of the direct superior to decide. If there is none, the organization above it decides.";

    // ---- identity certification (§2.8) ----
    CertificationNotFound = "certification.not_found", NotFound, Some(Rule::O6),
        "没有找到该团员身份认证。",
        "This identity certification was not found.",
        "请核对编号，或在团员信息中查看。",
        "Check the id, or look at the member's page.";
    CertificationNotRequired = "certification.not_required", Conflict, Some(Rule::T3),
        "该团员为 {since} 年以前发展的团员，无需团员身份认证。",
        "The member joined before {since}, so no certification is needed.",
        "无需上传，可以直接办理转接。",
        "You don't need to upload anything. The member can transfer right away.";
    CertificationAlreadyCertified = "certification.already_certified", Conflict, Some(Rule::O7),
        "该团员已完成团员身份认证。",
        "The member's League identity is already certified.",
        "无需重新上传，可以直接办理转接。",
        "You don't need to upload anything. The member can transfer right away.";
    CertificationWaiting = "certification.waiting", Conflict, Some(Rule::O7),
        "该团员的《入团志愿书》正在等待审核。",
        "The member's application form is already waiting for a decision.",
        "请等待上级团委审核；审核不通过的，可以重新上传。",
        "Wait for the committee above to decide. If it refuses, you can upload another form.";
    CertificationNotUploader = "certification.not_uploader", Forbidden, Some(Rule::O7),
        "《入团志愿书》由团员所在团支部的管理员上传。",
        "Only administrators of the member's branch can upload the application form.",
        "请联系团员所在团支部的管理员上传。",
        "Ask an administrator of the member's branch to upload it.";
    CertificationNotApprover = "certification.not_approver", Forbidden, Some(Rule::O7),
        "团员身份认证由团员所在支部的上级团委审核，您不能审核。",
        "You can't decide this certification. The committee above the member's branch decides.",
        "请联系上级团委的管理员审核。",
        "Ask an administrator of the committee above the branch.";
    CertificationNotWaiting = "certification.not_waiting", Conflict, Some(Rule::O7),
        "该团员身份认证不在等待审核。",
        "This certification is not waiting for a decision.",
        "请刷新后查看最新状态。",
        "Reload it to see its current state.";
    CertificationSelfApproval = "certification.self_approval", Forbidden, Some(Rule::O7),
        "不能审核本人的或者本人上传的团员身份认证。",
        "You can't decide a certification that is about you or that you uploaded.",
        "请由上级团委的其他管理员审核。",
        "Ask another administrator of the committee to decide.";
    CertificationNotAPdf = "certification.not_a_pdf", Invalid, Some(Rule::O7),
        "上传的文件不是 PDF。",
        "The file is not a PDF.",
        "请将《入团志愿书》扫描为一个 PDF 文件后上传。",
        "Scan the application form into one PDF file and upload that.";
    CertificationPdfLocked = "certification.pdf_locked", Invalid, Some(Rule::O7),
        "上传的 PDF 设有密码。",
        "The PDF is protected by a password.",
        "请取消密码（另存为不加密的 PDF）后重新上传。",
        "Remove the password by saving an unprotected copy, and upload that.";
    CertificationPdfEmpty = "certification.pdf_empty", Invalid, Some(Rule::O7),
        "上传的 PDF 没有页面。",
        "The PDF has no page.",
        "请重新扫描《入团志愿书》，打开确认内容完整后上传。",
        "Scan the application form again, open the file to check it, and upload it.";
    CertificationFormMissing = "certification.form_missing", Invalid, Some(Rule::O7),
        "表单中须有且仅有一个文件。",
        "The form data must hold exactly one file.",
        "请选择一个 PDF 文件后重新上传。",
        "Choose one PDF file and upload it again.";
    CertificationFileMissing = "certification.file_missing", NotFound, Some(Rule::O7),
        "该《入团志愿书》的文件丢失。",
        "The file of this application form is missing.",
        "请系统运维人员从备份恢复文件；仍在等待审核的，也可以由上级团委不予通过后重新上传。",
        "Ask those who operate the service to restore the file. If the form still waits for a decision, the committee \
         above can refuse it, and the branch uploads another.";
    CertificationFileAltered = "certification.file_altered", Conflict, Some(Rule::O7),
        "该《入团志愿书》的文件与上传时不一致，已停止下载。",
        "The file of this application form is not the one that was uploaded, so it is not shown.",
        "请系统运维人员查明原因并从备份恢复文件；仍在等待审核的，也可以由上级团委不予通过后重新上传。",
        "Ask those who operate the service to find out why and to restore the file. If the form still waits for a \
         decision, the committee above can refuse it, and the branch uploads another.";
    CertificationTooLarge = "certification.too_large", TooLarge, Some(Rule::O7),
        "文件超过 {limit_mb} MB。",
        "The file is larger than {limit_mb} MB.",
        "请降低扫描分辨率后重新上传。",
        "Scan it at a lower resolution and upload it again.";

    // ---- policy and batches ----
    PolicyNotAllowed = "policy.not_allowed", Forbidden, None,
        "只有全国级组织的管理员可以修改年度策略。",
        "Only administrators of the national organization can change a policy.",
        "请联系全国级组织的管理员。",
        "Ask an administrator of the national organization.";
    PolicyNotFound = "policy.not_found", NotFound, None,
        "没有这个年度的策略。",
        "There is no policy for this season.",
        "请核对年度。",
        "Check the year.";
    PolicyOutOfRange = "policy.out_of_range", Invalid, None,
        "“{field}”须在 {min} 至 {max} 之间。",
        "“{field}” must be between {min} and {max}.",
        "请更正后重新提交。",
        "Correct it and submit again.";
    PolicyDatesOutOfOrder = "policy.dates_out_of_order", Invalid, None,
        "切换日须早于超时终止的起算日。",
        "The switch date must be before the first day of the expiry clock.",
        "请更正日期后重新提交。",
        "Correct the dates and submit again.";
    IntegratorNotAllowed = "integrator.not_allowed", Forbidden, None,
        "只有全国级组织的管理员可以管理对接系统的凭据。",
        "Only administrators of the national organization can manage the credentials of other systems.",
        "请联系全国级组织的管理员。",
        "Ask an administrator of the national organization.";
    IntegratorNotFound = "integrator.not_found", NotFound, None,
        "没有找到该对接系统。",
        "This integrator was not found.",
        "请核对编号，或在对接系统列表中查看。",
        "Check the id, or find it in the list of integrators.";
    IntegratorSecretNotFound = "integrator.secret_not_found", NotFound, None,
        "没有找到该密钥。",
        "This secret was not found.",
        "请在对接系统列表中查看其密钥。",
        "Look at the integrator's secrets in the list of integrators.";
    IntegratorSecretsFull = "integrator.secrets_full", Conflict, None,
        "该对接系统已有两个有效密钥。",
        "The integrator already has two valid secrets.",
        "请先停用不再使用的密钥，再新增密钥。",
        "Retire the secret that is no longer used, then add another.";
    IntegratorLastSecret = "integrator.last_secret", Conflict, None,
        "这是该对接系统唯一的有效密钥。",
        "This is the integrator's only valid secret.",
        "请先新增密钥，再停用此密钥；不再对接的，请撤销其凭据。",
        "Add another secret first, then retire this one. To disconnect the integrator, revoke its credential.";
    IntegratorRevoked = "integrator.revoked", Conflict, None,
        "该对接系统的凭据已撤销。",
        "The integrator's credential has been revoked.",
        "如需继续对接，请全国级组织的管理员重新签发凭据。",
        "Ask an administrator of the national organization to issue a new credential.";
    IntegratorScopeMissing = "integrator.scope_missing", Forbidden, None,
        "该凭据没有此操作所需的权限范围。",
        "The credential lacks the scope that this operation needs.",
        "请全国级组织的管理员签发带有该权限范围的凭据。",
        "Ask an administrator of the national organization for a credential with this scope.";
    JobNotAllowed = "job.not_allowed", Forbidden, None,
        "只有全国级组织的管理员可以查看自动任务的运行情况。",
        "Only administrators of the national organization can see the runs of the jobs.",
        "请联系全国级组织的管理员。",
        "Ask an administrator of the national organization.";
    BatchItemTwice = "batch.item_twice", Invalid, None,
        "同一对象在本批中出现了两次。",
        "The same item occurs twice in the batch.",
        "请去除重复后重新提交。",
        "Remove the duplicate and submit again.";

    // ---- requests, about which the manual has no rule ----
    RequestMalformed = "request.malformed", Malformed, None,
        "请求无法解析：{problem}。",
        "The request can't be read: {problem}.",
        "请对照接口文档（/docs）更正后重新发送。",
        "Correct the request as the API documentation (/docs) describes, and send it again.";
    RequestText = "request.text", Invalid, Some(Rule::P7),
        "文字中含有不可见的字符、控制字符、私用字符，或者姓名中含有标记符号。",
        "The text has invisible, control or private-use characters, or the name has characters of markup.",
        "请删除这些字符后重新输入；从其他文件复制的，请重新手工录入。",
        "Remove these characters. If the text was copied from a file, type it again.";
    RequestInvalid = "request.invalid", Invalid, None,
        "请求内容不符合要求：{problem}。",
        "The request is not valid: {problem}.",
        "请更正所指的字段后重新提交。",
        "Correct the field and send the request again.";
    RequestNotFound = "request.not_found", NotFound, None,
        "没有这个地址。",
        "There is nothing at this address.",
        "请对照接口文档（/docs）核对地址。",
        "Compare the address with the API documentation (/docs).";
    RequestMethodNotAllowed = "request.method_not_allowed", MethodNotAllowed, None,
        "该地址不支持这种请求方法。",
        "This address does not support this method.",
        "请改用 Allow 响应头列出的请求方法。",
        "Use one of the methods in the Allow header.";
    RequestTooLarge = "request.too_large", TooLarge, None,
        "请求体超过 {limit} 字节的上限。",
        "The body is larger than the limit of {limit} bytes.",
        "请分批提交。",
        "Send it in several smaller requests.";
    RequestAddressTooLong = "request.address_too_long", AddressTooLong, None,
        "请求地址超过 {limit} 字节的上限。",
        "The address is longer than the limit of {limit} bytes.",
        "请缩短查询参数后重新发送。",
        "Shorten the query and send the request again.";
    RequestHeadTooLarge = "request.head_too_large", HeadTooLarge, None,
        "请求头超过 {fields} 个字段或 {limit} 字节的上限。",
        "The request has more than {fields} header fields, or more than {limit} bytes of them.",
        "请去掉不需要的请求头后重新发送。",
        "Remove the header fields that are not needed, and send the request again.";
    RequestTimeout = "request.timeout", Timeout, None,
        "请求体传输过慢，已停止接收。",
        "The body arrived too slowly, so the service stopped waiting.",
        "请检查网络后，用同一个 Idempotency-Key 重新发送。",
        "Check the network and send the request again with the same Idempotency-Key.";
    RequestTooMany = "request.too_many", Limited, None,
        "请求过于频繁，已超出限额。",
        "You have used up your request budget.",
        "请按 Retry-After 响应头等待后重试；剩余限额见 RateLimit 响应头。",
        "Try again after the time in the Retry-After header. The RateLimit header shows what is left.";
    RequestMediaType = "request.media_type", UnsupportedMedia, None,
        "请求体的类型必须是 {expected}。",
        "The body must be {expected}.",
        "请更正 Content-Type 请求头后重新发送。",
        "Set the Content-Type header to this type and send the request again.";
    RequestUnauthenticated = "request.unauthenticated", Unauthenticated, None,
        "尚未登录，或者登录已失效。",
        "You are not signed in, or your access token is no longer valid.",
        "请登录（POST /v1/auth/sign-in），并在 Authorization 请求头中携带访问令牌。",
        "Sign in (POST /v1/auth/sign-in) and send the access token in the Authorization header.";
    RequestSignInFailed = "request.sign_in_failed", Unauthenticated, None,
        "身份证号或密码不正确。",
        "The ID number or the password is wrong.",
        "请检查后重试；忘记密码的，请联系所在团支部或其直属上级团组织的管理员获取重置码。",
        "Check both and try again. If you lost the password, ask an administrator of your branch or its direct superior for a one-time code.";
    RequestRefreshFailed = "request.refresh_failed", Unauthenticated, None,
        "登录状态无法延续：刷新令牌无效，或者早已使用过。",
        "Your session can't be continued. The refresh token is not valid, or was used a while ago.",
        "请重新登录；不是您本人重复使用的，请在登录后修改密码。",
        "Sign in again. If you did not use the token twice yourself, change your password.";
    RequestTooManyAttempts = "request.too_many_attempts", Limited, None,
        "失败次数过多，请稍后再试。",
        "Too many attempts have failed.",
        "请按 Retry-After 响应头等待后再试；忘记密码的，请联系所在团支部或其直属上级团组织的管理员获取重置码。",
        "Wait for the time in the Retry-After header. If you lost the password, ask an administrator of your branch or its direct superior for a one-time code.";
    RequestNoSuchOffice = "request.no_such_office", Forbidden, None,
        "您没有担任所选的管理员职务。",
        "You do not hold this office.",
        "请不指定职务重新登录，再从返回的职务列表中选择。",
        "Sign in without an office, then choose one from the list of your offices.";
    RequestMembersOnly = "request.members_only", Forbidden, None,
        "此操作只能由团员本人办理。",
        "Only members can do this, and only for themselves.",
        "请以团员本人身份登录（不指定职务）后办理。",
        "Sign in as a member, without an office.";
    RequestPersonsOnly = "request.persons_only", Forbidden, None,
        "此操作只能由个人账号办理；对接系统没有会话和密码。",
        "Only a person can do this. Another system has no sessions and no password.",
        "请使用个人账号登录；对接系统的凭据由全国级组织的管理员管理。",
        "Sign in as a person. An administrator of the national organization manages the credentials of other systems.";
    RequestKeyRequired = "request.idempotency_key_required", Malformed, None,
        "该请求须携带 Idempotency-Key 请求头（1 至 64 个可打印字符）。",
        "This request needs an Idempotency-Key header of 1 to 64 printable characters.",
        "请为每次操作生成一个唯一的键，重试时使用同一个键。",
        "Generate a unique key for each operation, and use the same key when you retry it.";
    RequestKeyReused = "request.idempotency_key_reused", Invalid, None,
        "该 Idempotency-Key 已用于另一个不同的请求。",
        "This Idempotency-Key was already used for another request.",
        "请为新的操作使用新的键。",
        "Use a new key for a new operation.";
    RequestPreconditionRequired = "request.precondition_required", PreconditionRequired, None,
        "该请求须携带 If-Match 请求头。",
        "This request needs an If-Match header.",
        "请先读取该对象，再将响应头 ETag 的值放入 If-Match。",
        "Read the object first, then send its ETag in the If-Match header.";
    RequestStale = "request.stale", Stale, Some(Rule::A9),
        "该对象在您读取之后已被他人修改。",
        "Somebody else has changed this since you read it.",
        "请重新读取，核对后再办理。",
        "Read it again, then decide.";
    ServiceBusy = "service.busy", Unavailable, None,
        "服务繁忙，未执行任何操作。",
        "The service is busy. Nothing was done.",
        "请按 Retry-After 响应头等待后重试。",
        "Try again after the time in the Retry-After header.";
    ServiceOutcomeUnknown = "service.outcome_unknown", Unavailable, None,
        "数据库未能确认本次提交，结果未知。",
        "The database did not confirm the change, so its outcome is unknown.",
        "请用同一个 Idempotency-Key 重试，操作至多生效一次。",
        "Retry with the same Idempotency-Key. The change takes effect at most once.";
    ServiceFault = "service.fault", Fault, None,
        "服务内部错误。",
        "Something went wrong inside the service.",
        "请稍后重试；仍然出现的，请将请求编号（request_id）告知运维人员。",
        "Try again later. If it happens again, give the operators the request_id.";
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
