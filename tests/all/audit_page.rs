//! `docs/audit-actions.md`: every action of the audit log, written from the vocabulary, with an operation, a job or a
//! command that records it.
//!
//! `ZHUANJIE_BLESS=1 cargo test --test all page` writes it.

use crate::rule_pages::{hold, root};
use std::collections::BTreeSet;
use std::fmt::Write;
use zhuanjie::domain::audit::{AuditAction, AuditOutcome, AuditSubject, SubjectKind};
use zhuanjie::domain::authority::Capacity;
use zhuanjie::domain::core::language::Language::{Chinese, English};

/// What each operation that is not a `GET` records, as `every_write_is_audited` sees it.
#[rustfmt::skip]
pub const BY_OPERATION: &[(&str, &[AuditAction])] = &[
    ("propose_transfer", &[AuditAction::TransferProposed]),
    ("propose_inbound_transfer", &[AuditAction::TransferProposed, AuditAction::MemberLookedUp]),
    ("preview_inbound_transfer", &[AuditAction::MemberLookedUp]),
    ("approve_transfer", &[AuditAction::TransferApproved]),
    ("refuse_transfer", &[AuditAction::TransferRefused]),
    ("decide_transfers", &[AuditAction::TransferApproved]),
    ("assign_transfer", &[AuditAction::TransferAssigned]),
    ("withdraw_transfer", &[AuditAction::TransferWithdrawn]),
    ("accept_external_transfer", &[AuditAction::ExternalTransferAccepted]),
    ("refuse_external_transfer", &[AuditAction::ExternalTransferRefused]),
    ("create_organization", &[AuditAction::OrganizationCreated]),
    ("rename_organization", &[AuditAction::OrganizationRenamed]),
    ("change_contact", &[AuditAction::ContactChanged]),
    ("close_organization", &[AuditAction::OrganizationClosed]),
    ("mark_graduation", &[AuditAction::GraduationMarked]),
    ("propose_month_change", &[AuditAction::MonthChangeProposed]),
    ("approve_month_change", &[AuditAction::MonthChangeApproved]),
    ("refuse_month_change", &[AuditAction::MonthChangeRefused]),
    ("register_member", &[AuditAction::MemberRegistered, AuditAction::MemberLookedUp]),
    ("preview_registration", &[AuditAction::MemberLookedUp]),
    ("change_member", &[AuditAction::MemberChanged]),
    ("mark_members", &[AuditAction::MarkSet]),
    ("undo_marks", &[AuditAction::MarkUndone]),
    ("look_up_member", &[AuditAction::MemberLookedUp]),
    ("reveal_member", &[AuditAction::MemberRevealed]),
    ("upload_form", &[AuditAction::CertificationUploaded]),
    ("approve_certification", &[AuditAction::CertificationApproved]),
    ("refuse_certification", &[AuditAction::CertificationRefused]),
    ("appoint", &[AuditAction::AppointmentMade, AuditAction::AppointmentRequestSubmitted, AuditAction::AppointmentRequestOffered, AuditAction::MemberLookedUp]),
    ("end_appointment", &[AuditAction::AppointmentEnded]),
    ("approve_appointment_request", &[AuditAction::AppointmentRequestApproved, AuditAction::AppointmentMade]),
    ("refuse_appointment_request", &[AuditAction::AppointmentRequestRefused]),
    ("consent_to_appointment", &[AuditAction::AppointmentRequestConsented, AuditAction::AppointmentMade]),
    ("decline_appointment", &[AuditAction::AppointmentRequestDeclined]),
    ("sign_in", &[AuditAction::AccountSignedIn]),
    ("wechat_login", &[AuditAction::AccountSignedIn]),
    ("sign_out", &[AuditAction::AccountSignedOut, AuditAction::AccountSignedOutEverywhere]),
    ("refresh", &[AuditAction::SessionRefreshed]),
    ("change_password", &[AuditAction::PasswordChanged]),
    ("reset_password", &[AuditAction::PasswordReset]),
    ("issue_member_code", &[AuditAction::ResetCodeIssued]),
    ("issue_member_codes", &[AuditAction::ResetCodeIssued]),
    ("issue_office_code", &[AuditAction::ResetCodeIssued]),
    ("wechat_bind", &[AuditAction::WechatBound, AuditAction::AccountSignedIn]),
    ("wechat_unbind", &[AuditAction::WechatUnbound]),
    ("block_member", &[AuditAction::AccountBlocked]),
    ("block_officer", &[AuditAction::AccountBlocked]),
    ("unblock_member", &[AuditAction::AccountUnblocked]),
    ("unblock_officer", &[AuditAction::AccountUnblocked]),
    ("issue_integrator", &[AuditAction::IntegratorIssued]),
    ("revoke_integrator", &[AuditAction::IntegratorRevoked]),
    ("add_integrator_secret", &[AuditAction::IntegratorSecretAdded]),
    ("retire_integrator_secret", &[AuditAction::IntegratorSecretRetired]),
    ("get_token", &[AuditAction::IntegratorSignedIn]),
    ("change_policy", &[AuditAction::PolicyChanged]),
];

/// Actions that other tests show: what records them, and the file of the test that names the action.
#[rustfmt::skip]
const ELSEWHERE: &[(AuditAction, &str, &str)] = &[
    (AuditAction::TransferExpired, "job `expiry`", "tests/all/verify.rs"),
    (AuditAction::TransferEscalated, "job `escalation`", "tests/all/verify.rs"),
    (AuditAction::BranchTurned, "job `yearly-switch`", "tests/all/audit.rs"),
    (AuditAction::AccountJoined, "`approve_transfer`, `assign_transfer`, `decide_transfers`", "tests/all/accounts/newcomers.rs"),
    (AuditAction::ResetCodeRequested, "`issue_member_code`, `issue_office_code`", "tests/all/accounts/takeover.rs"),
    (AuditAction::LookUpLimited, "`look_up_member`", "tests/all/privacy/kept.rs"),
    (AuditAction::RevealLimited, "`reveal_member`", "tests/all/privacy/disclosures.rs"),
    (AuditAction::CertificationRead, "`download_form`", "tests/all/certification.rs"),
    (AuditAction::RefreshTokenReused, "`refresh`", "tests/all/accounts/refresh.rs"),
    (AuditAction::AccountSignedOutEverywhere, "`zhuanjie accounts end-sessions`", "tests/all/operators.rs"),
    (AuditAction::IntegratorRevoked, "`zhuanjie integrators revoke`", "tests/all/operators.rs"),
    (AuditAction::ExpiredDataDeleted, "job `retention`", "tests/all/privacy/kept.rs"),
    (AuditAction::InboundPersonDeleted, "job `retention`", "tests/all/privacy/kept.rs"),
    (AuditAction::UnusedFilesBinned, "job `retention`", "tests/all/privacy/kept.rs"),
    (AuditAction::UnusedFilesDeleted, "job `retention`", "tests/all/privacy/kept.rs"),
    (AuditAction::PersonalDataResealed, "`zhuanjie reseal`", "tests/all/privacy/resealed.rs"),
    (AuditAction::ServiceBootstrapped, "`zhuanjie bootstrap`", "tests/all/season.rs"),
    (AuditAction::DemoLoaded, "`zhuanjie demo`", "tests/all/demo.rs"),
];

/// What records an action.
fn recorders(action: AuditAction) -> Vec<String> {
    let operations = BY_OPERATION.iter().filter(|(_, actions)| actions.contains(&action));
    let elsewhere = ELSEWHERE.iter().filter(|(shown, ..)| *shown == action);
    operations
        .map(|(operation, _)| format!("`{operation}`"))
        .chain(elsewhere.map(|(_, recorder, _)| (*recorder).to_owned()))
        .collect()
}

fn subjects(action: AuditAction) -> String {
    let mut kinds: Vec<&str> = action.subjects().iter().map(|kind| kind.as_str()).collect();
    if action.takes(&AuditSubject::Nothing) {
        kinds.push("–");
    }
    kinds.join(", ")
}

/// A table of a vocabulary.
macro_rules! words {
    ($page:expr, $heading:literal, $vocabulary:ty) => {
        let _ = write!($page, "\n## {}\n\n| name | 中文 | English |\n|---|---|---|\n", $heading);
        for word in <$vocabulary>::ALL {
            let (zh, en) = (word.label(Chinese), word.label(English));
            let _ = writeln!($page, "| `{word}` | {zh} | {en} |");
        }
    };
}

fn page() -> String {
    let mut page = String::from(
        "# Audit actions\n\n\
         Written from `src/domain/audit.rs`; `ZHUANJIE_BLESS=1 cargo test --test all page` writes it anew.\n\n\
         Each entry of the audit log that has the outcome `done` names one of these actions. Auditors read and filter them at\n\
         `GET /v1/audit`. Clients must expect new actions. An entry with the outcome `denied` has no action: it names the\n\
         operation that was refused and the [error code](errors.md). \"Recorded by\" names operations, jobs and commands that\n\
         record the action; a batch operation records the same actions as the operation on one thing.\n\n\
         | action | 中文 | English | recorded by | subject |\n|---|---|---|---|---|\n",
    );
    for action in AuditAction::ALL {
        let (zh, en) = (action.label(Chinese), action.label(English));
        let (recorders, subjects) = (recorders(*action).join(", "), subjects(*action));
        let _ = writeln!(page, "| `{action}` | {zh} | {en} | {recorders} | {subjects} |");
    }
    words!(page, "Subjects", SubjectKind);
    words!(page, "Outcomes", AuditOutcome);
    words!(page, "Capacities", Capacity);
    page
}

#[test]
fn the_page_of_the_audit_actions_is_true() {
    hold("docs/audit-actions.md", &page());
}

#[test]
fn each_action_is_recorded_by_at_least_one_test() {
    let recorded: BTreeSet<AuditAction> = BY_OPERATION
        .iter()
        .flat_map(|(_, actions)| actions.iter().copied())
        .chain(ELSEWHERE.iter().map(|(action, ..)| *action))
        .collect();
    let missing: Vec<_> = AuditAction::ALL
        .iter()
        .filter(|action| !recorded.contains(action))
        .collect();
    assert!(missing.is_empty(), "no test records {missing:?}");
    for (action, _, file) in ELSEWHERE {
        let test = std::fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let names = |quote: char| test.contains(&format!("{quote}{action}{quote}"));
        assert!(names('\'') || names('"'), "{file} does not name {action}");
    }
}
