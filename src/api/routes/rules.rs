//! The catalogue of rules, refusals and transfer reasons, from the tables that decide.

use crate::api::openapi::refuses::refuses;
use crate::api::response::problem::{Problem, status};
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::rule::Rule;
use crate::domain::core::language::{Language, Text};
use crate::domain::transfer::reason::{Reason, TargetRule};
use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// Adds the endpoints.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_rules)
        .service(list_errors)
        .service(get_error)
        .service(list_reasons);
}

/// The catalogue changes only with the program.
const FRESH: (header::HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=3600");

/// One text in both languages.
#[derive(Serialize, ToSchema)]
#[schema(as = BilingualText)]
pub struct Texts {
    /// Chinese.
    #[serde(rename = "zh-CN")]
    pub zh: &'static str,
    /// English.
    pub en: &'static str,
}

impl From<Text> for Texts {
    fn from(text: Text) -> Self {
        Self {
            zh: text.zh,
            en: text.en,
        }
    }
}

impl Texts {
    fn of(text: impl Fn(Language) -> &'static str) -> Self {
        Self {
            zh: text(Language::Chinese),
            en: text(Language::English),
        }
    }
}

/// A rule.
#[derive(Serialize, ToSchema)]
#[schema(as = Rule)]
struct RuleView {
    /// The rule's number.
    #[schema(example = "G2")]
    number: Rule,
    /// The section of the manual it comes from. Absent where the manual is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1.1")]
    section: Option<&'static str>,
    /// Whether the whole rule is this service's own decision.
    decision: bool,
    /// The text of the rule.
    text: Texts,
    /// The codes of the refusals that cite it.
    codes: Vec<Code>,
}

impl From<&Rule> for RuleView {
    fn from(rule: &Rule) -> Self {
        let cites = |code: &&Code| code.rule() == Some(*rule);
        Self {
            number: *rule,
            section: rule.section(),
            decision: rule.is_decision(),
            text: Texts::of(|language| rule.statement(language)),
            codes: Code::ALL.iter().filter(cites).copied().collect(),
        }
    }
}

/// List the rules
///
/// Lists every rule that the service applies, with its section of the manual, in both languages.
#[utoipa::path(tag = "service", operation_id = "list_rules", security(()), responses(
    (status = 200, description = "Every rule", body = [RuleView])))]
#[get("/rules")]
async fn list_rules() -> HttpResponse {
    let rules: Vec<RuleView> = Rule::ALL.iter().map(RuleView::from).collect();
    HttpResponse::Ok().insert_header(FRESH).json(rules)
}

/// A refusal.
#[derive(Serialize, ToSchema)]
#[schema(as = ErrorDescription)]
struct ErrorView {
    /// The machine-readable code.
    #[schema(example = "transfer.already_open")]
    code: Code,
    /// The HTTP status it comes with.
    status: u16,
    /// The rule that refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    /// The section of the manual that the rule comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'static str>,
    /// What is wrong, with `{placeholders}`.
    detail: Texts,
    /// The way out: what the caller can do now.
    next_action: Texts,
}

impl From<&Code> for ErrorView {
    fn from(code: &Code) -> Self {
        Self {
            code: *code,
            status: status(code.kind()).as_u16(),
            rule: code.rule(),
            section: code.rule().and_then(Rule::section),
            detail: Texts::of(|language| code.detail(language)),
            next_action: Texts::of(|language| code.next_action(language)),
        }
    }
}

/// List the refusals
///
/// Lists every code that an answer can have, with its rule and its way out, in both languages.
#[utoipa::path(tag = "service", operation_id = "list_errors", security(()), responses(
    (status = 200, description = "Every code", body = [ErrorView])))]
#[get("/errors")]
async fn list_errors() -> HttpResponse {
    let errors: Vec<ErrorView> = Code::ALL.iter().map(ErrorView::from).collect();
    HttpResponse::Ok().insert_header(FRESH).json(errors)
}

refuses!(GetErrorRefusals: RequestNotFound);

/// Get a refusal
///
/// The `type` of a problem document is the address of this operation.
#[utoipa::path(tag = "service", operation_id = "get_error", security(()),
    params(("code" = String, Path, description = "The code of the refusal", example = "transfer.already_open")),
    responses(
    (status = 200, description = "The refusal with its rule and its way out", body = ErrorView),
    GetErrorRefusals,
))]
#[get("/errors/{code}")]
async fn get_error(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let code = Code::ALL.iter().find(|code| code.name() == name.as_str());
    let view = ErrorView::from(code.ok_or(Code::RequestNotFound)?);
    Ok(HttpResponse::Ok().insert_header(FRESH).json(view))
}

/// A reason for a transfer (转接原因).
#[derive(Serialize, ToSchema)]
#[schema(as = TransferReasonDescription)]
struct ReasonView {
    /// The reason.
    reason: Reason,
    /// The reason's name for people.
    label: Texts,
    /// The possible targets.
    target: TargetRule,
    /// The possible targets in words.
    target_label: Texts,
    /// JSON Schema (2020-12) of `details`.
    #[schema(value_type = Object)]
    details_schema: serde_json::Value,
    /// JSON Schema of `details` if the destination is in Beijing, Guangdong or Fujian (T6). Absent for reasons that do
    /// not lead there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    external_details_schema: Option<serde_json::Value>,
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        let target = reason.target_rule();
        Self {
            reason: *reason,
            label: reason.text().into(),
            target,
            target_label: target.text().into(),
            details_schema: reason.json_schema(false),
            external_details_schema: reason.may_be_external().then(|| reason.json_schema(true)),
        }
    }
}

/// List the reasons for a transfer
///
/// Each reason comes with its fields (§1.4.6) as a JSON Schema, with titles in both languages. You can draw the form
/// from it.
#[utoipa::path(tag = "transfers", operation_id = "list_transfer_reasons", security(()), responses(
    (status = 200, description = "Every reason with its form", body = [ReasonView])))]
#[get("/transfer-reasons")]
async fn list_reasons() -> HttpResponse {
    let reasons: Vec<ReasonView> = Reason::ALL.iter().map(ReasonView::from).collect();
    HttpResponse::Ok().insert_header(FRESH).json(reasons)
}
