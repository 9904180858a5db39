//! The language of a problem: the texts that people read contain no words of the other language.

use serde_json::Value;
use std::collections::HashSet;
use std::sync::LazyLock;
use zhuanjie::domain::transfer::reason::Reason;

/// Names of fields, parameters and values of the interface. They occur in texts of both languages.
static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let document = include_str!("../../../openapi/openapi.json");
    let mut names = HashSet::new();
    collect(&serde_json::from_str(document).expect("JSON"), &mut names);
    // The details of a transfer are described by the reasons' own schemas, not in the document.
    for reason in Reason::ALL {
        collect(&reason.json_schema(reason.may_be_external()), &mut names);
    }
    names
});

/// Terms that are used unchanged in Chinese: formats, units, header fields.
const TERMS: &[&str] = &[
    "PDF",
    "MB",
    "JSON",
    "UTF-8",
    "HTTP",
    "RFC",
    "GB/T",
    "YYYY-MM",
    "MM-DD",
    "application/json",
    "application/pdf",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "true",
    "false",
    "POST",
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
    "/docs",
];

fn collect(value: &Value, names: &mut HashSet<String>) {
    match value {
        Value::Object(map) => {
            let properties = map.get("properties").and_then(Value::as_object);
            names.extend(properties.into_iter().flatten().map(|(name, _)| name.clone()));
            if map.contains_key("in") {
                names.extend(map.get("name").and_then(Value::as_str).map(str::to_owned));
            }
            let values = map.get("enum").and_then(Value::as_array).into_iter().flatten();
            names.extend(values.filter_map(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| collect(value, names));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

/// The texts of a problem that people read.
fn texts(problem: &Value) -> Vec<&str> {
    let list = |name: &str| problem[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut all = vec![&problem["title"], &problem["detail"]];
    all.extend(list("next_actions").iter().map(|action| &action["text"]));
    all.extend(list("errors").iter().map(|error| &error["detail"]));
    all.extend(list("errors").iter().map(|error| &error["next_action"]["text"]));
    all.into_iter().map(|text| text.as_str().expect("a text")).collect()
}

/// The text without the pointers in quotation marks, because a client may have written their last part.
fn without_pointers(text: &str) -> String {
    let (first, rest) = text.split_once("“/").unwrap_or((text, ""));
    format!("{first} {}", rest.split_once('”').map_or("", |(_, rest)| rest))
}

/// The English words in a text.
fn english(text: &str) -> Vec<String> {
    let is_word = |word: &&str| word.bytes().filter(u8::is_ascii_alphabetic).count() > 1;
    let is_known = |word: &str| {
        TERMS.contains(&word)
            || NAMES.contains(word)
            || word.starts_with("/v1/")
            || word.parse::<chrono::DateTime<chrono::Utc>>().is_ok()
            || word.len() == 4 && word.ends_with('_')
            || word.len() == 17 && word.as_bytes()[3] == b'_'
    };
    without_pointers(text)
        .split(|c: char| !c.is_ascii_alphanumeric() && !"_-/.:".contains(c))
        .filter(is_word)
        .filter(|word| !is_known(word))
        .map(str::to_owned)
        .collect()
}

fn is_han(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

/// # Panics
/// If a text of the problem is not Chinese, or contains English.
#[track_caller]
pub fn is_chinese(problem: &Value, what: &str) {
    for text in texts(problem) {
        let english = english(text);
        assert!(english.is_empty(), "{what}: {english:?} in {text}");
        assert!(text.contains(is_han), "{what}: {text}");
    }
}

/// # Panics
/// If a text of the problem contains Chinese.
#[track_caller]
pub fn is_english(problem: &Value, what: &str) {
    for text in texts(problem) {
        assert!(!text.contains(is_han), "{what}: {text}");
    }
}

mod tests {
    use super::*;

    #[test]
    fn english_words_are_found_and_names_are_not() {
        for text in [
            "须为下列之一：delayed、teacher",
            "须为以 org_ 开头的编号",
            "须为月份，格式为 YYYY-MM",
            "“/surprise/x”不是可用的字段；可用的字段：month",
            "已有业务正在办理：trf_0123456789abc",
            "例如 2026-06-20T01:00:00Z",
            "请登录（POST /v1/auth/sign-in）",
        ] {
            assert_eq!(english(text), Vec::<String>::new(), "{text}");
        }
        assert_eq!(english("须为 expected a month"), ["expected"]);
        assert_eq!(english("“/month” must be a month"), ["must", "be"]);
    }
}
