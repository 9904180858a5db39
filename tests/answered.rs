//! Every refusal that the document lists for an operation was answered there by some test.
//!
//! The tests of `all` record the answers they get (`tests/all/support/answers.rs`). `cargo test` runs all of them and
//! then this comparison. A run of only some tests records nothing. In that case this compares the last complete run for
//! the same document, or reports that there is none.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;

const DOCUMENT: &str = include_str!("../openapi/openapi.json");

/// Codes that extractors, the edge and the service answer at many operations alike. Each must be answered at one at
/// least.
const COMMON: &[&str] = &[
    "account.password_change_required",
    "actor.audits_only",
    "actor.not_administrator",
    "integrator.scope_missing",
    "request.idempotency_key_required",
    "request.idempotency_key_reused",
    "request.invalid",
    "request.malformed",
    "request.media_type",
    "request.precondition_required",
    "request.stale",
    "request.text",
    "request.timeout",
    "request.too_large",
    "request.too_many",
    "request.unauthenticated",
    "service.busy",
    "service.fault",
    "service.outcome_unknown",
];

/// Codes that no test gets, and why. The list may only shrink.
const UNANSWERED: &[(&str, &str)] = &[
    (
        "transfer.conflict",
        "the row is locked while it is decided; the guard is for what is unforeseen",
    ),
    (
        "accept_external_transfer transfer.orphaned",
        "a province always has its system or its leading organ",
    ),
    (
        "refuse_external_transfer transfer.orphaned",
        "a province always has its system or its leading organ",
    ),
    ("assign_transfer transfer.orphaned", ORPHANED),
    ("decide_transfers transfer.orphaned", ORPHANED),
    ("refuse_transfer transfer.orphaned", ORPHANED),
    ("accept_external_transfer transfer.self_approval", EXTERNAL),
    ("refuse_external_transfer transfer.self_approval", EXTERNAL),
    ("decide_transfers transfer.closed", BATCH),
    ("decide_transfers transfer.self_approval", BATCH),
    ("decide_transfers transfer.not_yours_to_cancel", BATCH),
    ("decide_transfers transfer.target_closed", BATCH),
    ("decide_transfers transfer.target_graduate_branch", BATCH),
    ("decide_transfers transfer.target_same", BATCH),
    ("decide_transfers transfer.inbound_member_exists", BATCH),
    ("decide_transfers assignment.not_awaited", BATCH),
    ("decide_transfers assignment.branch_out_of_scope", BATCH),
    ("decide_transfers assignment.not_a_branch", BATCH),
    ("decide_transfers organization.not_found", BATCH),
    ("decide_transfers member.development_number_taken", BATCH),
    ("approve_transfer transfer.inbound_member_exists", ADMITTED),
    ("assign_transfer transfer.inbound_member_exists", ADMITTED),
    ("assign_transfer member.development_number_taken", ADMITTED),
    (
        "approve_transfer transfer.target_closed",
        "an organization with open cases is not closed; the guard is for what is unforeseen",
    ),
    (
        "create_organization organization.too_deep",
        "the kinds allow no tree of that depth",
    ),
    ("issue_member_codes account.reset_not_allowed", ITEMS),
    ("issue_member_codes member.not_found", ITEMS),
    (
        "propose_month_change graduation.no_leading_organ",
        "every branch has the nation above it",
    ),
    (
        "propose_transfer transfer.out_of_scope",
        "an administrator who sees a member and may not move them is that member",
    ),
    ("propose_inbound_transfer transfer.field_invalid", PROPOSED),
    ("propose_inbound_transfer transfer.target_graduate_branch", PROPOSED),
];

const ORPHANED: &str = "approve_transfer shows it, with no administrator up to the root";
const EXTERNAL: &str = "approve_transfer shows the rule; an external answer calls the same function";
const BATCH: &str = "the operation on one transfer shows it; a batch calls the same function";
const ADMITTED: &str = "two approvals of one person at once; the members' unique columns decide";
const ITEMS: &str = "answered in the results of the items";
const PROPOSED: &str = "propose_transfer shows it; both call the same function";

/// An operation and a code: one line of the record.
type Pair = (String, String);

fn listed() -> BTreeSet<Pair> {
    let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
    let mut listed = BTreeSet::new();
    for item in document["paths"].as_object().expect("paths").values() {
        for operation in item.as_object().expect("operations").values() {
            let id = operation["operationId"].as_str().expect("an id");
            for response in operation["responses"].as_object().expect("responses").values() {
                let examples = &response["content"]["application/problem+json"]["examples"];
                let codes = examples.as_object().into_iter().flat_map(|codes| codes.keys());
                listed.extend(codes.map(|code| (id.to_owned(), code.clone())));
            }
        }
    }
    assert!(listed.len() > 500, "too few codes were found");
    listed
}

/// The record of the last complete run, or `None` if there is none for this document.
fn answered() -> Option<BTreeSet<Pair>> {
    let record = fs::read_to_string(Path::new(env!("CARGO_TARGET_TMPDIR")).join("answered")).ok()?;
    let mut document = DefaultHasher::new();
    DOCUMENT.hash(&mut document);
    let (head, lines) = record.split_once('\n')?;
    if head != format!("{:x}", document.finish()) {
        return None;
    }
    let pair = |line: &str| line.split_once(' ').map(|(id, code)| (id.to_owned(), code.to_owned()));
    lines.lines().map(pair).collect()
}

#[test]
fn every_listed_refusal_is_answered_by_some_test() {
    let Some(answered) = answered() else {
        let text = "\n*** the listed refusals were NOT compared: no complete run of the tests for this document; \
                    run `cargo test` ***\n\n";
        let _ = std::io::stderr().write_all(text.as_bytes());
        return;
    };
    let listed = listed();
    let is_excused = |code: &str| UNANSWERED.iter().any(|(excused, _)| *excused == code);
    let is_missing = |(id, code): &&Pair| {
        let of_operation = answered.contains(&(id.clone(), code.clone()));
        let anywhere = || answered.iter().any(|(_, answered)| answered == code);
        let held = of_operation || (COMMON.contains(&code.as_str()) && anywhere());
        !held && !is_excused(code) && !is_excused(&format!("{id} {code}"))
    };
    let missing: Vec<String> = listed
        .iter()
        .filter(is_missing)
        .map(|(id, code)| format!("{id} {code}"))
        .collect();
    assert!(
        missing.is_empty(),
        "listed, but no test gets it: write one, or take the code off the operation's refuses! (if the last run of \
         the tests was stopped, run `cargo test` again)\n{}",
        missing.join("\n")
    );
    for (excused, _) in UNANSWERED {
        let is_needless = |(id, code): &Pair| code == excused || format!("{id} {code}") == *excused;
        assert!(
            !answered.iter().any(is_needless),
            "{excused} is answered now: take it off the list"
        );
    }
}

#[test]
fn what_is_excused_or_common_is_listed() {
    let listed = listed();
    let is_listed = |text: &str| {
        listed
            .iter()
            .any(|(id, code)| code == text || format!("{id} {code}") == text)
    };
    for text in COMMON.iter().chain(UNANSWERED.iter().map(|(text, _)| text)) {
        assert!(is_listed(text), "{text} is listed at no operation");
    }
}
