use super::*;
use std::collections::BTreeSet;

const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .collect()
}

fn named(name: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.name() == name)
}

#[test]
fn names_are_unique_and_well_formed() {
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        let name = code.name();
        assert!(seen.insert(name), "{name} occurs twice");
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.'),
            "{name}"
        );
        assert!(
            name.split('.').all(|part| !part.is_empty()) && name.split('.').count() <= 2,
            "{name}"
        );
    }
}

#[test]
fn every_code_speaks_both_languages() {
    for code in Code::ALL {
        for language in LANGUAGES {
            assert!(!code.detail(language).trim().is_empty(), "{code}");
            assert!(!code.next_action(language).trim().is_empty(), "{code}");
            assert!(
                placeholders(code.next_action(language)).is_empty(),
                "{code}: a way out is a fixed text"
            );
        }
        let [zh, en] = LANGUAGES.map(|language| placeholders(code.detail(language)));
        assert_eq!(zh, en, "{code}");
    }
}

/// The Latin words that Chinese texts may hold: file formats, units, header fields and addresses of the interface.
const LATIN: &[&str] = &[
    "PDF",
    "MB",
    "Idempotency-Key",
    "If-Match",
    "ETag",
    "Allow",
    "Authorization",
    "Content-Type",
    "RateLimit",
    "Retry-After",
    "request_id",
    "wx.login",
    "POST",
];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"_-./".contains(c))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| word.bytes().filter(u8::is_ascii_alphabetic).count() > 1)
}

#[test]
fn no_english_is_left_in_a_chinese_text() {
    let mut texts: Vec<&str> = Vec::new();
    for code in Code::ALL {
        texts.extend([code.detail(Language::Chinese), code.next_action(Language::Chinese)]);
        texts.push(code.kind().title(Language::Chinese));
    }
    texts.extend(Rule::ALL.iter().map(|rule| rule.statement(Language::Chinese)));
    for text in texts {
        let fixed: String = text.split('{').map(|part| part.rsplit('}').next().unwrap()).collect();
        let left: Vec<&str> = words(&fixed)
            .filter(|word| !LATIN.contains(word) && !word.starts_with('/'))
            .collect();
        assert!(left.is_empty(), "{left:?} in {text}");
        let half_width: Vec<char> = fixed.chars().filter(|c| ",;:()?!".contains(*c)).collect();
        assert!(half_width.is_empty(), "{half_width:?} in {text}");
    }
}

#[test]
fn english_texts_say_neither_he_nor_she() {
    for code in Code::ALL {
        let (detail, way_out) = (code.detail(Language::English), code.next_action(Language::English));
        for word in words(detail).chain(words(way_out)) {
            let word = word.to_lowercase();
            let unwanted = ["he", "his", "him", "himself", "she", "her", "whoever"];
            assert!(!unwanted.contains(&word.as_str()), "{code}: {word}");
        }
    }
}

#[test]
fn no_placeholder_invites_personal_data() {
    for code in Code::ALL {
        for name in placeholders(code.detail(Language::English)) {
            let personal = ["name", "id_number", "phone", "address", "email", "member"];
            assert!(!personal.contains(&name), "{code}: {name}");
        }
    }
}

/// The refusals that the page of rules lists for each rule.
#[test]
fn every_promised_refusal_exists_and_cites_its_rule() {
    use Rule::*;
    for (rules, name) in [
        (&[G2][..], "graduation.not_allowed_for_branch_admin"),
        (&[G2], "graduation.not_school_branch"),
        (&[G4], "graduation.month_or_reason"),
        (&[G7], "graduation.needs_change_request"),
        (&[G7], "graduation.change_request_open"),
        (&[G7], "graduation.not_direct_superior"),
        (&[G8, A5], "approval.reason_required"),
        (&[M2], "mark.out_of_scope"),
        (&[M2], "mark.superior_only"),
        (&[M3], "mark.month_not_later"),
        (&[M3], "mark.reason_required"),
        (&[M6], "mark.not_marked"),
        (&[T1], "transfer.out_of_scope"),
        (&[T2], "transfer.already_open"),
        (&[T3], "transfer.identity_not_certified"),
        (&[T4], "member.no_match"),
        (&[T4], "rate_limited"),
        (&[T5], "transfer.field_required"),
        (&[T6], "transfer.external_details_required"),
        (&[T8], "transfer.target_graduate_branch"),
        (&[T8], "transfer.target_closed"),
        (&[T8], "transfer.target_same"),
        (&[T8], "transfer.target_leading_organ"),
        (&[T9], "transfer.explanation_required"),
        (&[T10], "transfer.not_yours_to_cancel"),
        (&[T10], "transfer.closed"),
        (&[T11], "transfer.self_approval"),
        (&[T12], "transfer.member_not_active"),
        (&[A1], "approval.not_your_turn"),
        (&[A2], "assignment.branch_out_of_scope"),
        (&[A2], "assignment.not_a_branch"),
        (&[A9], "transfer.conflict"),
        (&[O1], "organization.kind_not_allowed_here"),
        (&[O2], "organization.floating_needs_school"),
        (&[O2], "organization.floating_name"),
        (&[O3], "organization.not_empty"),
        (&[O5], "account.reset_code_invalid"),
    ] {
        let code = named(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert!(code.rule().is_some_and(|rule| rules.contains(&rule)), "{name}");
    }
}
