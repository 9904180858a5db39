//! The table of refusal codes: the one place where a code has its kind, its rule, its texts and its way out.

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

            /// What kind of "no" it is.
            pub fn kind(self) -> RefusalKind { match self { $(Code::$variant => RefusalKind::$kind),* } }

            /// The rule it enforces; `None` for plain input checks.
            pub fn rule(self) -> Option<Rule> { match self { $(Code::$variant => $rule),* } }

            /// What is wrong, with `{placeholders}`.
            pub fn detail(self, language: Language) -> &'static str {
                match self { $(Code::$variant => Text { zh: $zh, en: $en }.in_language(language)),* }
            }

            /// What to do now.
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
        "A branch's own administrator may not set or change its graduation month.",
        "请联系直属上级团组织管理员标记。",
        "Ask an administrator of the direct superior to set it.";
    GraduationNotSchoolBranch = "graduation.not_school_branch", Conflict, Some(Rule::G2),
        "只有学校领域的团支部可以标记毕业时间。",
        "Only branches of the school sector carry a graduation month.",
        "请选择学校领域的团支部;如所属领域有误,请由直属上级更正。",
        "Choose a branch of the school sector; if the sector is recorded wrongly, ask the direct superior to correct it.";
    GraduationMonthOrReason = "graduation.month_or_reason", Invalid, Some(Rule::G4),
        "毕业时间与无法确定的理由必须且只能选择其一。",
        "Give a graduation month or the reason why there is none: exactly one of them.",
        "请选择预计毕业时间;无法确定的,选择教师支部或混合支部。",
        "Give the expected month; where none can be fixed, give teacher_branch or mixed_branch as the reason.";
    GraduationNeedsChangeRequest = "graduation.needs_change_request", Conflict, Some(Rule::G7),
        "该支部已变更为毕业生团组织,毕业时间不能直接修改。",
        "The branch has turned into a graduate branch; its month can no longer be set directly.",
        "请由直属上级管理员说明原因、提交毕业时间修改申请,由上级团的领导机关审批。",
        "Let an administrator of its direct superior propose another month with a reason; the leading organ above decides.";
    GraduationSetDirectly = "graduation.set_directly", Conflict, Some(Rule::G5),
        "该支部尚未变更为毕业生团组织,毕业时间可以直接修改,无需申请。",
        "The branch has not turned into a graduate branch yet; its month is set directly, without a request.",
        "请直接重新标记毕业时间。",
        "Set the graduation month directly.";
    GraduationChangeRequestOpen = "graduation.change_request_open", Conflict, Some(Rule::G7),
        "该支部已有一份待审批的毕业时间修改申请。",
        "A request to change this branch's graduation month is open already.",
        "请等待上级团的领导机关审批,可在该支部查看审批进度。",
        "Wait for the leading organ's decision; the branch shows the state of the request.";
    GraduationNotDirectSuperior = "graduation.not_direct_superior", Forbidden, Some(Rule::G7),
        "只有该支部直属上级的管理员可以提交毕业时间修改申请。",
        "Only an administrator of the branch's direct superior may propose another month.",
        "请联系该支部的直属上级管理员提交。",
        "Ask an administrator of the branch's direct superior to propose it.";
    GraduationChangeReasonRequired = "graduation.change_reason_required", Invalid, Some(Rule::G7),
        "修改毕业生团组织的毕业时间须说明原因。",
        "Changing a graduate branch's month needs a reason.",
        "请填写修改原因后重新提交。",
        "Give the reason and submit again.";
    GraduationMonthUnchanged = "graduation.month_unchanged", Invalid, Some(Rule::G7),
        "申请的毕业时间与现有的毕业时间相同。",
        "The proposed month is the one the branch has already.",
        "请选择正确的毕业时间;如无需修改,则不必提交。",
        "Choose the right month; if nothing is to change, no request is needed.";
    GraduationNotApprover = "graduation.not_approver", Forbidden, Some(Rule::G7),
        "毕业时间修改申请由该支部上级团的领导机关审批。",
        "A month change is decided by the nearest leading organ above the branch.",
        "请联系该支部上级团的领导机关管理员审批。",
        "Ask an administrator of the nearest leading organ above the branch.";
    GraduationSelfApproval = "graduation.self_approval", Forbidden, Some(Rule::G7),
        "不能审批本人提交的毕业时间修改申请。",
        "Nobody decides a month change he proposed himself.",
        "请由该领导机关的其他管理员审批;没有其他管理员的,由其上级审批。",
        "Another administrator of the leading organ decides; where there is none, the one above it does.";
    GraduationNoOpenRequest = "graduation.no_open_request", Conflict, Some(Rule::G8),
        "该支部没有待审批的毕业时间修改申请,或申请已经审批。",
        "There is no open request to change this branch's month, or it has been decided.",
        "请刷新列表,查看申请的最新状态。",
        "Reload the list to see the request's present state.";
    GraduationNoLeadingOrgan = "graduation.no_leading_organ", Conflict, Some(Rule::G7),
        "该支部没有上级团的领导机关,申请无处审批。",
        "There is no leading organ above the branch to decide the request.",
        "请联系上级团组织核对该支部的组织架构。",
        "Ask the superior to check where the branch stands in the tree.";
    GraduationChangeNotFound = "graduation.change_not_found", NotFound, Some(Rule::O6),
        "没有找到这份毕业时间修改申请。",
        "There is no such request to change a graduation month.",
        "请核对编号,或在申请列表中查看。",
        "Check the id, or look it up in the list of requests.";

    // ---- marks on members (§1.2, §1.3) ----
    MarkOutOfScope = "mark.out_of_scope", Forbidden, Some(Rule::M2),
        "只有学校领域团组织的管理员可以标记其所辖的团员。",
        "Only an administrator of a school-sector organization whose subtree holds the member may mark him.",
        "请联系团员所在学校的团组织管理员。",
        "Ask an administrator of the member's school.";
    MarkSuperiorOnly = "mark.superior_only", Forbidden, Some(Rule::M2),
        "学校只有一个团支部时,由其直属上级的管理员标记。",
        "Where the school is one branch alone, its direct superior's administrator sets the marks.",
        "请联系直属上级团组织管理员标记。",
        "Ask an administrator of the direct superior.";
    MarkNotGraduating = "mark.not_graduating", Conflict, Some(Rule::M1),
        "该团员所在支部不是本年度毕业支部,无需标记。",
        "The member's branch does not graduate this year, so there is nothing to mark.",
        "请先核对并标记团支部的毕业时间。",
        "Check the branch's graduation month and set it first.";
    MarkMonthRequired = "mark.month_required", Invalid, Some(Rule::M3),
        "标记为延迟毕业团员须选择预计毕业时间。",
        "A delayed graduate needs the month in which he is expected to graduate.",
        "请选择晚于本团支部毕业时间的预计毕业时间。",
        "Give a month later than the branch's.";
    MarkMonthNotLater = "mark.month_not_later", Invalid, Some(Rule::M3),
        "预计毕业时间必须晚于本团支部的毕业时间({branch_month})。",
        "The month must be strictly later than the branch's, {branch_month}.",
        "请选择更晚的月份;如团支部毕业时间有误,请先修改团支部毕业时间。",
        "Choose a later month; if the branch's own month is wrong, correct that first.";
    MarkReasonRequired = "mark.reason_required", Invalid, Some(Rule::M3),
        "标记为延迟毕业团员须填写延迟毕业原因。",
        "A delayed graduate needs a reason.",
        "请填写延迟毕业原因后重新提交。",
        "Give the reason and submit again.";
    MarkNotMarked = "mark.not_marked", Conflict, Some(Rule::M6),
        "该团员没有可撤销的标记,其身份为毕业生。",
        "The member carries no mark to undo: he is a graduate.",
        "无需撤销;请刷新列表查看最新身份。",
        "Nothing needs undoing; reload the list to see the present identity.";

    // ---- starting a transfer (§1.4, §2.2, §2.7, §2.8) ----
    TransferNotFound = "transfer.not_found", NotFound, Some(Rule::O6),
        "没有找到这项组织关系转接。",
        "There is no such transfer.",
        "请核对编号;团员可在“我的组织关系转接历史”查看。",
        "Check the id; a member finds his own in his transfer history.";
    TransferOutOfScope = "transfer.out_of_scope", Forbidden, Some(Rule::T1),
        "只有团员本人、转出方管理员或转入方管理员可以发起这项转接。",
        "Only the member himself, an administrator on the source side or one on the target side may start this transfer.",
        "请由团员本人登录个人中心发起,或联系其所在团组织管理员。",
        "Let the member start it himself, or ask an administrator of his organization.";
    TransferTargetOutOfScope = "transfer.target_out_of_scope", Forbidden, Some(Rule::T1),
        "转入方发起时,转入组织须在您所辖范围内。",
        "Starting from the target side, the target must lie in your own subtree.",
        "请选择您所辖的组织,或由转入组织的管理员发起。",
        "Choose an organization of your own subtree, or let the target's administrator start it.";
    TransferAlreadyOpen = "transfer.already_open", Conflict, Some(Rule::T2),
        "已有业务正在办理,不能重复发起:{transfer},由{side}于 {filed_on} 发起。",
        "A transfer is open already: {transfer}, started by {side} on {filed_on}.",
        "如转接无误,等待接收方审批即可;如有错误,请先撤销该申请再重新发起。",
        "If it is right, wait for the receiving side; if it is wrong, withdraw it and start again.";
    TransferIdentityNotCertified = "transfer.identity_not_certified", Conflict, Some(Rule::T3),
        "该团员为 {since} 年以后发展的团员,尚未完成团员身份认证,不能转接组织关系。",
        "A member developed in {since} or later needs a certified League identity before a transfer.",
        "请联系所在团支部上传《入团志愿书》,经上级团委审核通过后再发起。姓名下的实名“已认证”不是团员身份认证。",
        "Let the branch upload the application form and its superior approve it, then start again. The real-name check under the name is another thing.";
    TransferFieldRequired = "transfer.field_required", Invalid, Some(Rule::T5),
        "该转接原因必须填写“{field}”。",
        "This reason demands the field {field}.",
        "请按转接原因补齐必填内容后重新提交。",
        "Fill in what the reason demands and submit again.";
    TransferFieldInvalid = "transfer.field_invalid", Invalid, Some(Rule::T5),
        "“{field}”的内容不符合要求。",
        "The field {field} does not have an allowed value.",
        "请按该转接原因的填写说明更正。",
        "Correct it after the schema the catalogue of reasons gives.";
    TransferFieldNotAllowed = "transfer.field_not_allowed", Invalid, Some(Rule::T5),
        "该转接原因不需要填写“{field}”。",
        "This reason does not take the field {field}.",
        "请删除该项后重新提交,或重新选择转接原因。",
        "Leave it out, or choose another reason.";
    TransferAddressNotDetailed = "transfer.address_not_detailed", Invalid, Some(Rule::T5),
        "地址的行政区划须至少选择到县级。",
        "The address's division must be a county or something smaller.",
        "请选择到县(市、区)或乡镇街道,并填写详细地址。",
        "Choose a county, township or street and write out the rest of the address.";
    DivisionUnknown = "division.unknown", Invalid, Some(Rule::T5),
        "没有这个行政区划代码。",
        "There is no administrative division with this code.",
        "请从行政区划列表中选择。",
        "Choose one from the list of divisions.";
    TransferTargetRequired = "transfer.target_required", Invalid, Some(Rule::T5),
        "请选择转入组织。",
        "This transfer needs a target organization.",
        "请查找并选择转入组织;找不到时核对名称、省份或所属系统。",
        "Search for the target; if it is not found check its name, its province and its system.";
    TransferSpecialUnitHasNoTarget = "transfer.special_unit_has_no_target", Invalid, Some(Rule::T5),
        "转往特殊单位团组织无需选择转入组织。",
        "A transfer to a special unit has no target to choose.",
        "请不要选择转入组织直接提交,由省级团委审批。",
        "Submit it without a target; the province-level leading organ decides.";
    TransferTargetNotAllowedForReason = "transfer.target_not_allowed_for_reason", Invalid, Some(Rule::T5),
        "所选转接原因不能转入该组织;可以转入:{allowed}。",
        "This reason does not allow this target; allowed are: {allowed}.",
        "请重新选择转入组织或转接原因。",
        "Choose another target or another reason.";
    TransferReasonNotAllowedFromTarget = "transfer.reason_not_allowed_from_target", Invalid, Some(Rule::T5),
        "该转接原因不能由转入方发起。",
        "A transfer for this reason cannot be started from the target side.",
        "请由团员本人或其所在团组织发起。",
        "Let the member or his organization start it.";
    TransferExternalDetailsRequired = "transfer.external_details_required", Invalid, Some(Rule::T6),
        "转往北京、广东、福建须详细填写“{field}”。",
        "A transfer to Beijing, Guangdong or Fujian needs {field} written out.",
        "请详细填写对方组织的名称、地址、所属组织等信息。",
        "Write out the other organization's name, address and superior in full.";
    TransferExternalProvinceUnknown = "transfer.external_province_unknown", Invalid, Some(Rule::T6),
        "只有北京(11)、福建(35)、广东(44)另有系统。",
        "Only Beijing (11), Fujian (35) and Guangdong (44) have systems of their own.",
        "转往其他省份或系统团委的,请直接选择转入组织。",
        "For any other province or a system committee choose the target organization itself.";
    TransferReasonNotExternal = "transfer.reason_not_external", Invalid, Some(Rule::T6),
        "该转接原因不适用于转往北京、广东、福建。",
        "This reason does not lead to Beijing, Guangdong or Fujian.",
        "出国(境)学习的转入原学校;转往特殊单位的无需选择转入组织。",
        "Going abroad stays with the member's own school; a special unit has no target to choose.";
    TransferTargetAndExternal = "transfer.target_and_external", Invalid, Some(Rule::T6),
        "转往北京、广东、福建时不选择转入组织。",
        "A transfer to Beijing, Guangdong or Fujian names no target organization.",
        "请二选一:选择转入组织,或详细填写对方组织信息。",
        "Give either the target or the written-out destination.";
    TransferTargetOtherSystem = "transfer.target_other_system", Invalid, Some(Rule::T6),
        "该组织属于北京、广东或福建的系统,不能直接选择。",
        "This organization belongs to the system of Beijing, Guangdong or Fujian and cannot be chosen.",
        "请选择“转入组织属于北京/广东/福建”,并详细填写对方组织信息。",
        "Say that the target belongs to Beijing, Guangdong or Fujian and write the destination out.";
    TransferTargetGraduateBranch = "transfer.target_graduate_branch", Invalid, Some(Rule::T8),
        "毕业生团组织不能作为转入组织。",
        "A graduate branch is no target.",
        "请选择转入单位的其他团支部或其上级团组织。",
        "Choose another branch or the committee above it.";
    TransferTargetClosed = "transfer.target_closed", Invalid, Some(Rule::T8),
        "该组织已关闭,不能作为转入组织。",
        "This organization is closed.",
        "请选择其上级或承接其工作的组织。",
        "Choose its superior or the organization that took over its members.";
    TransferTargetSame = "transfer.target_same", Invalid, Some(Rule::T8),
        "团员已在该支部,无需转接。",
        "The member belongs to this branch already.",
        "请核对转入组织。",
        "Check the target.";
    TransferTargetLeadingOrgan = "transfer.target_leading_organ", Invalid, Some(Rule::T8),
        "团的领导机关本级不能作为转入组织。",
        "A leading organ itself is no target.",
        "请选择其下的团委、团工委、团总支或团支部。",
        "Choose a committee, work committee, general branch or branch below it.";
    TransferExplanationRequired = "transfer.explanation_required", Invalid, Some(Rule::T9),
        "团员未满 {age} 周岁且转入组织为非学校领域,须填写情况说明。",
        "The member is under {age} and the target lies outside the school sector: an explanation is required.",
        "请填写情况说明;提交后先由上级团的领导机关审批。",
        "Give the explanation; the leading organ above decides first.";
    TransferNotYoursToCancel = "transfer.not_yours_to_cancel", Forbidden, Some(Rule::T10),
        "只有发起方或团员本人可以撤销这项申请。",
        "Only the side that started it or the member himself may withdraw it.",
        "请联系发起方撤销;审批方可以选择“不同意”并写明原因。",
        "Ask the side that started it; an approver can refuse it with a reason.";
    TransferClosed = "transfer.closed", Conflict, Some(Rule::T10),
        "这项转接已经结束(当前状态:{state}),不能再办理。",
        "This transfer has ended; its state is {state}.",
        "如仍需转接,请重新发起。",
        "Start a new one if it is still needed.";
    TransferAlreadyApproved = "transfer.already_approved", Conflict, Some(Rule::T10),
        "这项转接已经审批同意,正在等待分配,不能再撤销。",
        "The transfer has been approved and waits for assignment; it can no longer be withdrawn.",
        "请等待分配到团支部;如需变更,之后重新发起转接。",
        "Wait for the assignment; if something is to change, start a new transfer afterwards.";
    TransferSelfApproval = "transfer.self_approval", Forbidden, Some(Rule::T11),
        "不能审批本人的或本人发起的转接。",
        "Nobody decides a transfer that is about him or that he filed.",
        "请由本组织其他管理员审批;没有其他管理员的,由直属上级审批。",
        "Another administrator of the organization decides; where there is none, the direct superior does.";
    TransferMemberNotActive = "transfer.member_not_active", Conflict, Some(Rule::T12),
        "该团员不是团籍正常的团员,不能转接组织关系。",
        "The member is not in good standing, so no transfer can be started.",
        "请联系其所在团支部核对团籍状态。",
        "Ask his branch to check his standing.";
    TransferConflict = "transfer.conflict", Conflict, Some(Rule::A9),
        "这项转接已被他人办理(当前状态:{state})。",
        "Somebody else acted on this transfer first; its state is {state} now.",
        "请刷新后按最新状态办理。",
        "Load it again and go on from its present state.";
    TransferOrphaned = "transfer.orphaned", Conflict, Some(Rule::A10),
        "从应审批的组织直到最上级,都没有可以审批的管理员。",
        "Neither the organization whose turn it is nor any superior of it has an administrator who may decide.",
        "请联系上级团组织任命管理员;申请已列入无人办理清单。",
        "Ask the superior to appoint an administrator; the case is listed as one nobody can act on.";
    TransferNotExternal = "transfer.not_external", Conflict, Some(Rule::X1),
        "这项转接不在等待北京、广东或福建的系统答复。",
        "This transfer does not wait for the system of Beijing, Guangdong or Fujian.",
        "请刷新后按最新状态办理。",
        "Load it again and go on from its present state.";
    TransferExternalNotYours = "transfer.external_not_yours", Forbidden, Some(Rule::X1),
        "只有转往省市的对接系统或其省级团委可以答复。",
        "Only the integrator of the province it goes to, or that province's leading organ, may answer.",
        "请使用该省市的对接凭据,或联系其省级团委。",
        "Use that province's credential, or ask its leading organ.";
    TransferExternalPending = "transfer.external_pending", Conflict, Some(Rule::X1),
        "这项转接正在等待北京、广东或福建的系统答复。",
        "This transfer waits for the system of Beijing, Guangdong or Fujian.",
        "请等待对方系统答复,或联系该省市的省级团委。",
        "Wait for the other system's answer, or ask that province's leading organ.";
    TransferInboundNotAllowed = "transfer.inbound_not_allowed", Forbidden, Some(Rule::X2),
        "只有北京、广东、福建的对接系统可以提交由其转入的申请。",
        "Only an integrator of Beijing, Guangdong or Fujian files transfers from there.",
        "请使用该省市的对接凭据。",
        "Use that province's credential.";
    TransferInboundMemberExists = "transfer.inbound_member_exists", Conflict, Some(Rule::X2),
        "该人员的组织关系已在全国系统内,不能再由其他系统转入。",
        "This person's organization relation is in the national system already.",
        "请由其现在的团组织或转入组织发起转接。",
        "Let his present organization or the target start an ordinary transfer.";

    // ---- approval and assignment (§1.5) ----
    ApprovalReasonRequired = "approval.reason_required", Invalid, Some(Rule::A5),
        "不同意须写明原因。",
        "A refusal needs a reason.",
        "请写明原因(如信息错误、未按要求报到、人员不符合要求)后重新提交。",
        "Give the reason, such as wrong data, not reported, or conditions not met, and submit again.";
    ApprovalNotYourTurn = "approval.not_your_turn", Forbidden, Some(Rule::A1),
        "现在不由您所在的组织办理。",
        "It is not your organization's turn.",
        "请联系当前办理的组织;转接详情中显示由哪个组织办理。",
        "Ask the organization whose turn it is; the case shows which one.";
    ApprovalNotAwaited = "approval.not_awaited", Conflict, Some(Rule::A2),
        "这项转接已审批同意,正在等待分配。",
        "This transfer has been approved and waits for assignment.",
        "请将团员分配到某个团支部。",
        "Assign the member to a branch.";
    AssignmentNotAwaited = "assignment.not_awaited", Conflict, Some(Rule::A2),
        "这项转接尚不在等待分配。",
        "This transfer does not wait for assignment.",
        "请先完成审批。",
        "Approve it first.";
    AssignmentBranchOutOfScope = "assignment.branch_out_of_scope", Invalid, Some(Rule::A2),
        "所选团支部不在转入组织之下。",
        "The branch does not lie below the receiving organization.",
        "请从转入组织下属的团支部中选择。",
        "Choose a branch below the receiving organization.";
    AssignmentNotABranch = "assignment.not_a_branch", Invalid, Some(Rule::A2),
        "只能分配到可接收团员的团支部(不含毕业生团组织和已关闭的支部)。",
        "Members are assigned to a branch that takes members: no graduate branch, no closed one.",
        "请选择其他团支部;没有团支部的,请先创建。",
        "Choose another branch; where there is none, create one first.";

    // ---- organizations (§2.1, §2.6) ----
    OrganizationNotFound = "organization.not_found", NotFound, Some(Rule::O6),
        "没有找到该组织。",
        "There is no such organization.",
        "请核对编号,或按名称查找。",
        "Check the id, or search by name.";
    OrganizationKindNotAllowedHere = "organization.kind_not_allowed_here", Invalid, Some(Rule::O1),
        "该上级组织下不能设立这种类别的组织。",
        "This kind of organization cannot stand under that superior.",
        "请重新选择组织类别或上级组织。",
        "Choose another kind or another superior.";
    OrganizationLevelNotAllowedHere = "organization.level_not_allowed_here", Invalid, Some(Rule::O1),
        "该层级的组织不能设立在该上级组织下。",
        "An organization of this level cannot stand under that superior.",
        "团的领导机关下只设下一级的领导机关;其他组织的层级为基层。",
        "Under a leading organ stand leading organs of the next level; everything else is grassroots.";
    OrganizationTooDeep = "organization.too_deep", Invalid, Some(Rule::O1),
        "组织层级不能超过 {limit} 级。",
        "The tree is at most {limit} organizations deep.",
        "请选择更高一级的上级组织。",
        "Choose a superior further up.";
    OrganizationPurposeNotAllowed = "organization.purpose_not_allowed", Invalid, Some(Rule::O2),
        "该用途不适用于此组织。",
        "This purpose does not fit this organization.",
        "流动团员、出国(境)学习研究团员的组织须为团支部;特殊单位专属库由系统设立。",
        "Floating and abroad organizations are branches; the special-unit holding is set up by the system.";
    OrganizationFloatingNeedsSchool = "organization.floating_needs_school", Invalid, Some(Rule::O2),
        "该支部必须由学校团委本级(有学校机构编号)直接创建。",
        "Such a branch is created directly under the organization that carries the school code.",
        "请联系学校团委本级管理员创建。",
        "Ask the administrator of the school committee itself to create it.";
    OrganizationFloatingName = "organization.floating_name", Invalid, Some(Rule::O2),
        "组织名称须包含关键词“{keyword}”。",
        "The name must contain the words {keyword}.",
        "请修改组织名称后重新提交。",
        "Correct the name and submit again.";
    OrganizationNotDirectSuperior = "organization.not_direct_superior", Forbidden, Some(Rule::O3),
        "组织的创建、更名和关闭由其直属上级的管理员办理。",
        "The direct superior's administrator creates, renames and closes an organization.",
        "请联系直属上级团组织管理员。",
        "Ask an administrator of the direct superior.";
    OrganizationNotEmpty = "organization.not_empty", Conflict, Some(Rule::O3),
        "该组织尚有团员 {members} 名、正在办理的转接 {open_cases} 项、下级组织 {children} 个,不能关闭。",
        "It still has {members} members, {open_cases} open transfers and {children} organizations below it.",
        "请先转出团员、办结转接、关闭下级组织。",
        "Move the members, finish the transfers and close the organizations below it first.";
    OrganizationClosed = "organization.closed", Conflict, Some(Rule::O3),
        "该组织已关闭。",
        "This organization is closed.",
        "请选择其上级或其他组织。",
        "Choose its superior or another organization.";
    OrganizationNameRequired = "organization.name_required", Invalid, Some(Rule::O3),
        "组织名称须为 {min} 至 {max} 个字。",
        "A name has {min} to {max} characters.",
        "请填写组织全称。",
        "Give the full name.";
    OrganizationNameTaken = "organization.name_taken", Conflict, Some(Rule::O3),
        "同一上级下已有同名组织。",
        "Another organization under the same superior has this name.",
        "请使用可以区分的名称。",
        "Choose a name that tells them apart.";
    OrganizationContactNotAllowed = "organization.contact_not_allowed", Forbidden, Some(Rule::O3),
        "联系人由该组织或其直属上级的管理员修改。",
        "An organization's contact is changed by its own administrators or its direct superior's.",
        "请联系该组织或其直属上级的管理员。",
        "Ask an administrator of the organization or of its direct superior.";
    OrganizationStageRequired = "organization.stage_required", Invalid, None,
        "学校领域的组织须选择学段,其他领域不填。",
        "Organizations of the school sector need a school stage; others take none.",
        "请核对所属领域和学段。",
        "Check sector and stage.";
    OrganizationSchoolCodeInvalid = "organization.school_code_invalid", Invalid, None,
        "学校机构编号须为十位数字。",
        "A school code has ten digits.",
        "请填写教育部发布的学校(机构)标识码。",
        "Give the code the Ministry of Education published.";
    OrganizationSchoolCodeTaken = "organization.school_code_taken", Conflict, None,
        "该学校机构编号已被使用。",
        "Another organization carries this school code.",
        "请核对编号;学校已在系统内的,请直接使用。",
        "Check the code; if the school is there already, use it.";

    // ---- people and accounts (§1.4.3, §2.5) ----
    MemberNotFound = "member.not_found", NotFound, Some(Rule::O6),
        "没有找到该团员。",
        "There is no such member.",
        "请核对编号;不在您所辖范围内的团员,请使用“办理转入”查询。",
        "Check the id; for a member outside your subtree use the look-up by name and ID number.";
    MemberNoMatch = "member.no_match", NotFound, Some(Rule::T4),
        "未查询到姓名与身份证号一致的团员。",
        "No match.",
        "请向团员本人核对姓名和身份证号,须与登记的完全一致。",
        "Check full name and ID number with the person; both must be exactly as registered.";
    MemberIdNumberMalformed = "member.id_number_malformed", Invalid, None,
        "身份证号须为 18 位:17 位数字和一位校验码(数字或 X)。",
        "A citizen number has 18 places: 17 digits and a check character, a digit or X.",
        "请对照身份证核对。",
        "Compare it with the identity card.";
    MemberIdNumberCheckDigit = "member.id_number_check_digit", Invalid, None,
        "身份证号校验码不正确,可能有数字录入错误。",
        "The citizen number's check character is wrong: a digit was probably mistyped.",
        "请对照身份证逐位核对。",
        "Compare it digit by digit with the identity card.";
    MemberIdNumberBirthDate = "member.id_number_birth_date", Invalid, None,
        "身份证号中的出生日期不存在或晚于今天。",
        "The birth date in the citizen number does not exist or lies in the future.",
        "请对照身份证核对第 7 至 14 位。",
        "Compare places 7 to 14 with the identity card.";
    MemberIdNumberTaken = "member.id_number_taken", Conflict, None,
        "该身份证号已有团员档案。",
        "A member with this citizen number exists already.",
        "请通过“办理转入”发起转接。",
        "Start a transfer from the target side instead.";
    MemberDevelopmentNumberTaken = "member.development_number_taken", Conflict, None,
        "该发展团员编号已属于另一名团员。",
        "Another member carries this development number.",
        "请对照《入团志愿书》核对发展团员编号。",
        "Compare it with the application form.";
    MemberJoinedTooYoung = "member.joined_too_young", Invalid, None,
        "入团时须年满 {age} 周岁。",
        "A member must have been at least {age} when joining.",
        "请对照《入团志愿书》核对入团时间。",
        "Compare the month of joining with the application form.";
    RateLimited = "rate_limited", Limited, Some(Rule::T4),
        "操作过于频繁。",
        "Too many requests in too short a time.",
        "请按提示的时间稍后再试。",
        "Wait as long as the answer says and try again.";
    ActorNotAdministrator = "actor.not_administrator", Forbidden, Some(Rule::O6),
        "此操作须由团组织管理员办理。",
        "This is for administrators of an organization.",
        "请联系所在团组织管理员。",
        "Ask an administrator of your organization.";
    AccountPasswordChangeRequired = "account.password_change_required", Forbidden, None,
        "请先更改初始密码。",
        "The initial password must be changed first.",
        "请通过 POST /v1/auth/password 设置新密码。",
        "Set a new password with POST /v1/auth/password.";
    AccountPasswordWrong = "account.password_wrong", Invalid, None,
        "当前密码不正确。",
        "The present password is not right.",
        "请检查后重试;忘记密码的,请联系所在团支部或其直属上级管理员获取重置码。",
        "Check it and try again; if it is lost, ask an administrator of your branch or its direct superior for a reset code.";
    AccountPasswordReused = "account.password_reused", Invalid, None,
        "新密码不能与当前密码相同。",
        "The new password is the present one.",
        "请选择另一个密码。",
        "Choose another password.";
    AccountPasswordIsNumber = "account.password_is_number", Invalid, None,
        "密码不能是身份证号或其中的一部分。",
        "A password can't be the ID number or a part of it.",
        "请选择他人不知道的密码。",
        "Choose a password that nobody else knows.";
    WechatNotConfigured = "wechat.not_configured", NotFound, None,
        "本服务未开通微信登录。",
        "Signing in by WeChat is not set up here.",
        "请使用身份证号和密码登录。",
        "Sign in with the ID number and the password.";
    WechatCodeInvalid = "wechat.code_invalid", Invalid, None,
        "微信登录凭证无效、已过期或已使用。",
        "WeChat does not know this code, or it was used or has expired.",
        "请重新调用 wx.login 获取新的凭证。",
        "Get a new code with wx.login.";
    WechatBlocked = "wechat.blocked", Forbidden, None,
        "微信判定该用户为高风险用户,不允许登录。",
        "WeChat holds this user for a risk and does not let him sign in.",
        "请使用身份证号和密码登录。",
        "Sign in with the ID number and the password.";
    WechatUnavailable = "wechat.unavailable", Unavailable, None,
        "微信暂时没有回应。",
        "WeChat does not answer at present.",
        "请稍后重试,或使用身份证号和密码登录。",
        "Try again later, or sign in with the ID number and the password.";
    WechatNotBound = "wechat.not_bound", Forbidden, None,
        "该微信尚未绑定账号。",
        "This WeChat identity is bound to no account.",
        "请通过 POST /v1/auth/wechat/bind 用身份证号和密码绑定。",
        "Bind it with POST /v1/auth/wechat/bind, the ID number and the password.";
    WechatBoundAlready = "wechat.bound_already", Conflict, None,
        "该微信或该账号已绑定另一方。",
        "This WeChat identity or this account is bound to another one.",
        "请先在原账号中解除绑定。",
        "Sign in to the account it is bound to and unbind it first.";
    ActorAuditsOnly = "actor.audits_only", Forbidden, Some(Rule::O6),
        "审计员只能查阅审计日志。",
        "An auditor reads the audit log and nothing else.",
        "请以本人或者其他任职身份登录后办理。",
        "Sign in for yourself or in another office.";
    ActorNotAuditor = "actor.not_auditor", Forbidden, Some(Rule::O6),
        "审计日志只供审计员查阅。",
        "The audit log is for auditors.",
        "请联系本组织或者上级组织的审计员。",
        "Ask an auditor of your organization or of one above.";
    MemberRevealNotAllowed = "member.reveal_not_allowed", Forbidden, Some(Rule::O6),
        "只有团员所在支部及其直属上级的管理员可以查看完整的身份号码和手机号码。",
        "Only an administrator of the member's branch or its direct superior sees the ID number and telephone in full.",
        "请联系该团员所在团支部或其直属上级的管理员。",
        "Ask an administrator of the member's branch or its direct superior.";
    AccountResetCodeInvalid = "account.reset_code_invalid", Invalid, Some(Rule::O5),
        "重置码或身份证号不正确,或重置码已使用、已过期。",
        "The code or the ID number is wrong, or the code was used or has expired.",
        "请联系所在团支部或其直属上级的管理员重新发放,两天内有效。",
        "Ask an administrator of your branch or its direct superior for a new one; it is valid for two days.";
    AccountResetNotAllowed = "account.reset_not_allowed", Forbidden, Some(Rule::O5),
        "只有团员所在支部或其直属上级的管理员可以发放重置码。",
        "Only an administrator of the member's branch or its direct superior issues the code.",
        "组织关系在他处的,请先办理转入,进入应在组织后再重置。",
        "If he is registered elsewhere, transfer him to where he belongs first and reset it then.";
    AccountPasswordLength = "account.password_length", Invalid, Some(Rule::O5),
        "密码须为 {min} 至 {max} 个字节。",
        "A password has {min} to {max} bytes.",
        "请换一个长度合适的密码。",
        "Choose another one.";
    AccountBlockNotAllowed = "account.block_not_allowed", Forbidden, None,
        "团员账号由所在支部或其直属上级的管理员停用;管理员账号由任免其职务的组织或者更高上级停用,担任多个职务的,须为各职务的上级。",
        "Administrators of the branch or its direct superior block a member's account; that of somebody with an office is blocked by whoever appoints him or stands above, at each of his offices.",
        "请联系该团员所在支部,或者能够任免其全部职务的上级管理员。",
        "Ask an administrator of the member's branch, or of an organization above all his offices.";
    AccountBlockOneself = "account.block_oneself", Forbidden, None,
        "不能停用或恢复自己的账号。",
        "Nobody blocks or unblocks his own account.",
        "需要停用本人账号的,请联系其他管理员;仅需退出登录的,请通过 POST /v1/auth/sign-out 退出全部会话。",
        "Ask another administrator; to end your sessions only, use POST /v1/auth/sign-out.";
    AccountBlockReasonRequired = "account.block_reason_required", Invalid, None,
        "停用账号须写明原因,恢复后会告知本人。",
        "Blocking an account needs a reason, which its owner is told once it is unblocked.",
        "请填写原因(如账号被盗、接受调查)后重新提交。",
        "Give the reason, such as a stolen account or an inquiry, and submit again.";
    AccountBlockedAlready = "account.blocked_already", Conflict, None,
        "该账号已经停用。",
        "This account is blocked already.",
        "无需重复停用。",
        "Nothing need be done.";
    AccountNotBlocked = "account.not_blocked", Conflict, None,
        "该账号没有停用。",
        "This account is not blocked.",
        "请刷新后查看最新状态。",
        "Load it again to see its present state.";
    AccountUnblockNotAllowed = "account.unblock_not_allowed", Forbidden, None,
        "该账号由上级组织或运维人员停用,下级不能恢复。",
        "A superior, or the operators of the service, blocked this account; nobody below them unblocks it.",
        "请联系停用该账号的组织的管理员或运维人员。",
        "Ask an administrator of the organization that blocked it, or the operators.";

    // ---- offices ----
    AppointmentNotFound = "appointment.not_found", NotFound, Some(Rule::O6),
        "没有找到该管理员任职。",
        "There is no such appointment.",
        "请核对编号。",
        "Check the id.";
    AppointmentNotAllowed = "appointment.not_allowed", Forbidden, None,
        "管理员由该组织的直属上级任免;该组织的管理员可以提出申请,由直属上级审批。",
        "The direct superior appoints and dismisses; the organization's own administrators may ask it to.",
        "请联系该组织的直属上级管理员。",
        "Ask an administrator of the direct superior.";
    AppointmentHeldAlready = "appointment.held_already", Conflict, None,
        "此人已是该组织的管理员。",
        "This person is an administrator of the organization already.",
        "无需重复任命。",
        "Nothing need be done.";
    AppointmentEnded = "appointment.ended", Conflict, None,
        "该任职已经结束。",
        "This appointment has ended.",
        "请刷新后查看最新状态。",
        "Load it again to see its present state.";
    AppointmentLastOfNation = "appointment.last_of_nation", Conflict, Some(Rule::A10),
        "这是全国级的最后一名管理员,没有上级可以接办。",
        "This is the nation's last administrator; nobody stands above who could take over.",
        "请先任命另一名全国级管理员。",
        "Appoint another one first.";
    AppointmentRequestNotFound = "appointment.request_not_found", NotFound, Some(Rule::O6),
        "没有找到该任免申请。",
        "There is no such request to appoint or dismiss.",
        "请核对编号。",
        "Check the id.";
    AppointmentRequestOpen = "appointment.request_open", Conflict, None,
        "对此人已有一份待审批的任免申请。",
        "A request about this person is open already.",
        "请等待直属上级审批。",
        "Wait for the direct superior's decision.";
    AppointmentRequestNotOpen = "appointment.request_not_open", Conflict, None,
        "该任免申请已经审批或失效。",
        "This request has been decided or has lapsed.",
        "请刷新后查看最新状态。",
        "Load it again to see its present state.";
    AppointmentNotApprover = "appointment.not_approver", Forbidden, None,
        "任免申请由该组织的直属上级审批。",
        "The organization's direct superior decides.",
        "请联系直属上级管理员审批。",
        "Ask an administrator of the direct superior.";
    AppointmentSelfApproval = "appointment.self_approval", Forbidden, None,
        "不能审批本人提交的或关于本人的任免申请。",
        "Nobody decides a request he made or that is about himself.",
        "请由直属上级的其他管理员审批;没有其他管理员的,由其上级审批。",
        "Another administrator of the direct superior decides; where there is none, the one above it does.";

    // ---- identity certification (§2.8) ----
    CertificationNotFound = "certification.not_found", NotFound, Some(Rule::O6),
        "没有找到该团员身份认证。",
        "There is no such identity certification.",
        "请核对编号。",
        "Check the id.";
    CertificationNotRequired = "certification.not_required", Conflict, Some(Rule::T3),
        "该团员为 {since} 年以前发展的团员,无需团员身份认证。",
        "Members developed before {since} need no certification.",
        "无需上传,可以直接办理转接。",
        "Nothing needs uploading; a transfer can be started at once.";
    CertificationAlreadyCertified = "certification.already_certified", Conflict, Some(Rule::O7),
        "该团员已完成团员身份认证。",
        "The member's League identity is certified already.",
        "无需重新上传。",
        "Nothing needs uploading.";
    CertificationWaiting = "certification.waiting", Conflict, Some(Rule::O7),
        "该团员的《入团志愿书》正在等待审核。",
        "The member's application form waits for a decision already.",
        "请等待上级团委审核;不通过的可以重新上传。",
        "Wait for the committee's decision; if it is refused, it can be replaced.";
    CertificationNotUploader = "certification.not_uploader", Forbidden, Some(Rule::O7),
        "《入团志愿书》由团员所在团支部的管理员上传。",
        "The application form is uploaded by an administrator of the member's branch.",
        "请联系团员所在团支部管理员。",
        "Ask an administrator of the member's branch.";
    CertificationNotApprover = "certification.not_approver", Forbidden, Some(Rule::O7),
        "团员身份认证由团员所在支部的上级团委审核。",
        "A certification is decided by the committee above the member's branch.",
        "请联系上级团委管理员审核。",
        "Ask an administrator of the committee above.";
    CertificationNotWaiting = "certification.not_waiting", Conflict, Some(Rule::O7),
        "该团员身份认证不在等待审核。",
        "This certification does not wait for a decision.",
        "请刷新后查看最新状态。",
        "Load it again to see its present state.";
    CertificationSelfApproval = "certification.self_approval", Forbidden, Some(Rule::O7),
        "不能审核本人的或本人上传的团员身份认证。",
        "Nobody decides his own certification or one he uploaded.",
        "请由上级团委的其他管理员审核。",
        "Let another administrator of the committee decide.";
    CertificationNotAPdf = "certification.not_a_pdf", Invalid, Some(Rule::O7),
        "上传的文件不是 PDF。",
        "The file is not a PDF.",
        "请将《入团志愿书》扫描为一个 PDF 文件后上传。",
        "Scan the application form into one PDF file and upload that.";
    CertificationTooLarge = "certification.too_large", TooLarge, Some(Rule::O7),
        "文件超过 {limit_mb} MB。",
        "The file is larger than {limit_mb} MB.",
        "请降低扫描分辨率后重新上传。",
        "Scan it at a lower resolution and upload it again.";

    // ---- policy and batches ----
    PolicyNotAllowed = "policy.not_allowed", Forbidden, None,
        "只有全国级管理员可以修改策略。",
        "Only the national administrator may change a policy.",
        "请联系全国级管理员。",
        "Ask the national administrator.";
    PolicyNotFound = "policy.not_found", NotFound, None,
        "没有这个年度的策略。",
        "There is no policy for this season.",
        "请核对年度。",
        "Check the season.";
    PolicyOutOfRange = "policy.out_of_range", Invalid, None,
        "“{field}”须在 {min} 至 {max} 之间。",
        "{field} must lie between {min} and {max}.",
        "请更正后重新提交。",
        "Correct it and submit again.";
    PolicyDatesOutOfOrder = "policy.dates_out_of_order", Invalid, None,
        "切换日须早于自动终止的起算日。",
        "The switch date must lie before the day the expiry starts.",
        "请更正日期后重新提交。",
        "Correct the dates and submit again.";
    IntegratorNotAllowed = "integrator.not_allowed", Forbidden, None,
        "只有全国级管理员可以管理对接系统的凭据。",
        "Only an administrator of the nation's own organization manages the credentials of other systems.",
        "请联系全国级管理员。",
        "Ask an administrator of the nation's own organization.";
    IntegratorNotFound = "integrator.not_found", NotFound, None,
        "没有找到该对接系统。",
        "There is no such integrator.",
        "请核对编号,或在对接系统列表中查看。",
        "Check the id, or look it up in the list of integrators.";
    IntegratorSecretNotFound = "integrator.secret_not_found", NotFound, None,
        "没有找到该密钥。",
        "There is no such secret.",
        "请在对接系统列表中查看其密钥。",
        "Look it up among the integrator's secrets.";
    IntegratorSecretsFull = "integrator.secrets_full", Conflict, None,
        "该对接系统已有两个有效密钥。",
        "The integrator has two secrets in force already.",
        "请先停用不再使用的密钥。",
        "Retire the one that is no longer used first.";
    IntegratorLastSecret = "integrator.last_secret", Conflict, None,
        "这是该对接系统唯一的有效密钥。",
        "It is the integrator's only secret in force.",
        "请先新增密钥;如需停用对接系统,请撤销其凭据。",
        "Add another one first; to end the integrator, revoke its credential.";
    IntegratorRevoked = "integrator.revoked", Conflict, None,
        "该对接系统的凭据已撤销。",
        "The integrator's credential was revoked.",
        "请重新签发凭据。",
        "Issue another credential.";
    IntegratorScopeMissing = "integrator.scope_missing", Forbidden, None,
        "该凭据没有此操作所需的权限范围。",
        "The credential lacks the scope that this operation needs.",
        "请由全国级管理员签发带有该权限范围的凭据。",
        "Ask an administrator of the nation's own organization for a credential with this scope.";
    JobNotAllowed = "job.not_allowed", Forbidden, None,
        "只有全国级管理员可以查看自动任务的运行情况。",
        "Only an administrator of the nation's own organization sees the runs of the jobs.",
        "请联系全国级管理员。",
        "Ask an administrator of the nation's own organization.";
    BatchItemTwice = "batch.item_twice", Invalid, None,
        "同一对象在本批中出现了两次。",
        "The same thing occurs twice in the batch.",
        "请去除重复后重新提交。",
        "Leave out the second one and submit again.";

    // ---- requests: what no rule of the manual is about ----
    RequestMalformed = "request.malformed", Malformed, None,
        "请求无法解析:{problem}。",
        "The request can't be read: {problem}.",
        "请对照接口文档(/docs)更正请求后重发。",
        "Correct the request by the interface's document (/docs) and send it again.";
    RequestInvalid = "request.invalid", Invalid, None,
        "请求内容不符合要求:{problem}。",
        "The request's content is not acceptable: {problem}.",
        "请更正所指字段后重发。",
        "Correct the field named and send the request again.";
    RequestNotFound = "request.not_found", NotFound, None,
        "没有这个地址。",
        "There is nothing at this address.",
        "请对照接口文档(/docs)检查地址。",
        "Compare the address with the interface's document (/docs).";
    RequestMethodNotAllowed = "request.method_not_allowed", MethodNotAllowed, None,
        "该地址不支持这种请求方法。",
        "This address does not take this method.",
        "可用的方法见 Allow 响应头。",
        "The Allow header names the methods it takes.";
    RequestTooLarge = "request.too_large", TooLarge, None,
        "请求体超过 {limit} 字节的上限。",
        "The request's body is larger than the limit of {limit} bytes.",
        "请分批提交。",
        "Send it in smaller parts.";
    RequestAddressTooLong = "request.address_too_long", AddressTooLong, None,
        "请求地址超过 {limit} 字节的上限。",
        "The request's address is longer than the limit of {limit} bytes.",
        "请缩短查询参数。",
        "Shorten the query.";
    RequestHeadTooLarge = "request.head_too_large", HeadTooLarge, None,
        "请求头超过 {fields} 个字段或 {limit} 字节的上限。",
        "The request's head is larger than the limit of {fields} fields or {limit} bytes.",
        "请去掉不需要的请求头。",
        "Leave out the header fields that are not needed.";
    RequestTimeout = "request.timeout", Timeout, None,
        "请求体传输过慢,已停止接收。",
        "The request's body came too slowly and is no longer waited for.",
        "请检查网络后用同一个 Idempotency-Key 重发。",
        "Check the network and send it again with the same Idempotency-Key.";
    RequestTooMany = "request.too_many", Limited, None,
        "请求过多,已超出限额。",
        "Too many requests: the budget is spent.",
        "请按 Retry-After 稍后重试;剩余限额见 RateLimit 响应头。",
        "Try again after the time in Retry-After; the RateLimit header says what is left.";
    RequestMediaType = "request.media_type", UnsupportedMedia, None,
        "请求体必须是 {expected}。",
        "The request's body must be {expected}.",
        "请设置相应的 Content-Type 请求头。",
        "Set the Content-Type header accordingly.";
    RequestUnauthenticated = "request.unauthenticated", Unauthenticated, None,
        "需要登录:没有有效的访问令牌。",
        "Sign-in required: there is no valid access token.",
        "请通过 POST /v1/auth/sign-in 登录,并在 Authorization 请求头中携带令牌。",
        "Sign in with POST /v1/auth/sign-in and send the token in the Authorization header.";
    RequestSignInFailed = "request.sign_in_failed", Unauthenticated, None,
        "身份证号或密码不正确。",
        "The ID number or the password is not right.",
        "请检查后重试;忘记密码的,请联系所在团支部或其直属上级管理员获取重置码。",
        "Check both and try again; if the password is lost, ask an administrator of your branch or its direct superior for a reset code.";
    RequestRefreshFailed = "request.refresh_failed", Unauthenticated, None,
        "刷新令牌无效或已使用过。",
        "The refresh token is not valid, or was used before.",
        "请重新登录。若您没有重复使用过它,请更改密码。",
        "Sign in again. If you did not use it twice yourself, change the password.";
    RequestTooManyAttempts = "request.too_many_attempts", Limited, None,
        "失败次数过多,请稍后再试。",
        "Too many failed attempts; wait before the next one.",
        "请按 Retry-After 等待;忘记密码的,请联系所在团支部或其直属上级管理员获取重置码。",
        "Wait as long as Retry-After says; if the password is lost, ask an administrator of your branch or its direct superior for a reset code.";
    RequestNoSuchOffice = "request.no_such_office", Forbidden, None,
        "您没有担任所选的管理员职务。",
        "You do not hold the office chosen.",
        "不指定职务登录后,从 offices 列表中选择。",
        "Sign in without an office and choose one from the list of offices.";
    RequestMembersOnly = "request.members_only", Forbidden, None,
        "只有团员本人可以这样做。",
        "Only a member acting for himself can do this.",
        "请以团员身份登录(不指定职务)。",
        "Sign in as a member, without an office.";
    RequestPersonsOnly = "request.persons_only", Forbidden, None,
        "对接系统没有会话和密码。",
        "Another system has no session and no password.",
        "请用个人账号登录;对接系统的凭据由全国级管理员管理。",
        "Sign in as a person; a system's credential is managed by an administrator of the nation's own organization.";
    RequestKeyRequired = "request.idempotency_key_required", Malformed, None,
        "该请求需要 Idempotency-Key 请求头(1 至 64 个可打印字符)。",
        "This request needs an Idempotency-Key header of 1 to 64 printable characters.",
        "请为每次操作生成一个唯一的键;重试时使用同一个键。",
        "Make a unique key for each operation, and use the same one when you retry it.";
    RequestKeyReused = "request.idempotency_key_reused", Invalid, None,
        "该 Idempotency-Key 已用于另一个不同的请求。",
        "This Idempotency-Key was used for another request.",
        "请为新的操作使用新的键。",
        "Use a new key for a new operation.";
    RequestPreconditionRequired = "request.precondition_required", PreconditionRequired, None,
        "该请求需要 If-Match 请求头。",
        "This request needs an If-Match header.",
        "请先读取该对象,将其 ETag 放入 If-Match。",
        "Read the object first and send its ETag as If-Match.";
    RequestStale = "request.stale", Stale, Some(Rule::A9),
        "您读取之后该对象已被他人更改。",
        "The object was changed by somebody else since you read it.",
        "请重新读取后再决定。",
        "Read it again, then decide.";
    ServiceBusy = "service.busy", Unavailable, None,
        "服务繁忙,未执行任何操作。",
        "The service is busy; nothing was done.",
        "请按 Retry-After 稍后重试。",
        "Try again after the time in Retry-After.";
    ServiceOutcomeUnknown = "service.outcome_unknown", Unavailable, None,
        "数据库未能确认本次提交,结果未知。",
        "The database did not confirm the commit; the outcome is unknown.",
        "请用同一个 Idempotency-Key 重试:操作至多生效一次。",
        "Try again with the same Idempotency-Key: the effect happens at most once.";
    ServiceFault = "service.fault", Fault, None,
        "服务内部错误。",
        "The service failed.",
        "请稍后重试;若仍出现,请将 request_id 告知运维人员。",
        "Try again later; if it stays, tell the operators the request_id.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
