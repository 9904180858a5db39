//! Many decisions in one request, each with its own result.

use crate::api::openapi::refuses::refuses;
use crate::api::request::caller::{Caller, can};
use crate::api::request::extract::{Json, Key, items};
use crate::api::request::language;
use crate::api::response::problem::{Blocking, Problem};
use crate::api::response::reply::{self, write_once};
use crate::api::wire::batch::{BatchAnswer, ItemStatus, blocking};
use crate::api::wire::remark;
use crate::app::App;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::ids::{OrganizationId, TransferId};
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::{Language, Text};
use crate::domain::transfer::state::Phase;
use crate::service::Expected;
use crate::service::batch::{self, BatchMode, BatchOptions, ItemOutcome, ReadItem};
use crate::service::transfers::{self, Transfer, TransferDecision};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The decision on one case of a batch.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BatchAction {
    /// Yes (同意).
    Approve,
    /// No, with a reason (不同意).
    Refuse,
    /// Assign the accepted member to a branch (分配).
    Assign,
    /// Take the case back (撤销).
    Withdraw,
}

/// One decision of a batch.
#[derive(Deserialize, ToSchema)]
#[schema(as = TransferDecision)]
#[serde(deny_unknown_fields)]
struct DecisionItem {
    /// The id of the case.
    transfer: TransferId,
    /// The decision.
    #[schema(inline)]
    action: BatchAction,
    /// The version you saw. If absent, the current version is taken.
    version: Option<i64>,
    /// The reason. Only for `refuse`.
    reason: Option<String>,
    /// The branch. Only for `assign`.
    branch: Option<OrganizationId>,
}

/// A batch of decisions.
#[derive(Deserialize, ToSchema)]
#[schema(as = DecideTransfersRequest)]
#[serde(deny_unknown_fields)]
pub struct DecisionBatch {
    /// What the refusal of one item means for the others.
    mode: BatchMode,
    /// Set it to learn the results without storing anything.
    #[serde(default)]
    dry_run: bool,
    /// The decisions, 1 to 200, each on another case.
    #[serde(deserialize_with = "items")]
    #[schema(min_items = 1, max_items = 200, value_type = Vec<DecisionItem>)]
    items: Vec<ReadItem<DecisionItem>>,
}

/// The result of one decision.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferDecisionResult)]
pub struct DecisionResult {
    /// The id of the case. Absent if the item could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer: Option<TransferId>,
    /// What happened to the decision.
    status: ItemStatus,
    /// The state of the case now.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Phase>,
    /// The version of the case now.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// The rules that stand in the way.
    errors: Vec<Blocking>,
}

impl DecisionResult {
    fn new(transfer: Option<TransferId>, outcome: ItemOutcome<Transfer>, language: Language) -> Self {
        match outcome {
            Ok(after) => Self {
                transfer,
                status: ItemStatus::Done,
                state: Some(after.state),
                version: Some(after.version),
                errors: Vec::new(),
            },
            Err(refusals) => Self {
                transfer,
                status: ItemStatus::Refused,
                state: None,
                version: None,
                errors: blocking(&refusals, language),
            },
        }
    }
}

struct Item {
    transfer: TransferId,
    expected: Expected,
    decision: TransferDecision,
}

impl DecisionItem {
    fn item(self) -> ReadItem<Item> {
        let misplaced = |pointer: &str, problem| Err(vec![Refusal::invalid(problem).at(pointer)]);
        let only = |zh, en| InputError::Said(Text { zh, en });
        let reason = remark(self.reason.as_deref(), "/reason").map_err(|refusal| vec![refusal])?;
        let decision = match (self.action, self.reason, self.branch) {
            (BatchAction::Approve, None, None) => TransferDecision::Approve,
            (BatchAction::Withdraw, None, None) => TransferDecision::Withdraw,
            // The rule itself rejects a refusal without a reason (A5).
            (BatchAction::Refuse, _, None) => TransferDecision::Refuse { reason },
            (BatchAction::Assign, None, Some(branch)) => TransferDecision::Assign { branch },
            (BatchAction::Assign, None, None) => return misplaced("/branch", InputError::Missing),
            (_, Some(_), _) => return misplaced("/reason", only("只能用于不同意（refuse）", "is only for refuse")),
            (_, None, Some(_)) => return misplaced("/branch", only("只能用于分配（assign）", "is only for assign")),
        };
        let expected = self.version.map_or(Expected::Any, Expected::Version);
        Ok(Item {
            transfer: self.transfer,
            expected,
            decision,
        })
    }
}

refuses!(DecideTransfersRefusals:
    TransferClosed,
    BatchItemTwice,
    ApprovalNotAwaited,
    AssignmentNotAwaited,
    TransferExternalPending,
    TransferSelfApproval,
    TransferNotYoursToCancel,
    ApprovalReasonRequired,
    AssignmentBranchOutOfScope,
    AssignmentNotABranch,
    TransferTargetClosed,
    TransferTargetGraduateBranch,
    TransferTargetSame,
    OrganizationNotFound,
    TransferInboundMemberExists,
    MemberDevelopmentNumberTaken,
    TransferOrphaned,
    TransferConflict,
    RequestStale,
);

/// Decide several transfers
///
/// Approves, refuses, assigns or withdraws up to 200 cases. Each gets its own result.
#[utoipa::path(tag = "transfers", operation_id = "decide_transfers", security(("bearer" = [])),
    params(Key),
    request_body = DecisionBatch, responses(
    (status = 200, description = "A result for each case", body = BatchAnswer<DecisionResult>),
    DecideTransfersRefusals,
))]
#[post("/transfers/decisions")]
pub async fn decide_transfers(
    app: web::Data<App>,
    request: HttpRequest,
    caller: Caller<can::DecideTransfer>,
    key: Key,
    body: Json<DecisionBatch>,
) -> Result<HttpResponse, Problem> {
    let claim = key.claim(&request, &body);
    let DecisionBatch { mode, dry_run, items } = body.into_inner();
    let options = BatchOptions { mode, dry_run };
    let items: Vec<ReadItem<Item>> = items
        .into_iter()
        .map(|item| item.and_then(DecisionItem::item))
        .collect();
    let (language, vault) = (language::of(&request), app.vault.clone());
    write_once(&app, caller.context, claim, move |conn, context| {
        let outcomes = batch::run(
            conn,
            options,
            &items,
            |item| item.transfer,
            |conn, item| {
                let (id, expected) = (item.transfer, item.expected);
                Ok(transfers::decide(conn, context, &vault, id, expected, &item.decision)?.transfer)
            },
        )?;
        let result =
            |item: Option<&Item>, outcome| DecisionResult::new(item.map(|item| item.transfer), outcome, language);
        reply::answer(StatusCode::OK, &BatchAnswer::new(options, &items, outcomes, result))
    })
    .await
}
