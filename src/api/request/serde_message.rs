//! Turns the error messages of serde into [`InputError`]s. serde and its formats have no error codes, so this module
//! recognizes their messages by how they begin. No other module does. The tests use the real messages of the libraries.

use crate::domain::core::input_error::{InputError, JsonType};

/// Reads a message of serde, `serde_json` or `serde_urlencoded`. Nothing that the client wrote gets into the result.
pub fn classify(message: &str) -> InputError {
    // Search from the end. The text before is the client's and may say anything, even these words.
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    if let Some(error) = InputError::from_serde(message) {
        return error;
    }
    let expected = message.rsplit_once(", expected ").map(|(_, expected)| expected);
    let begins = |words: &str| message.starts_with(words);
    match expected {
        _ if begins("missing field `") => InputError::Missing,
        _ if begins("duplicate field `") => InputError::Duplicate,
        _ if begins("unknown field `") && message.ends_with(", there are no fields") => InputError::Unknown(Vec::new()),
        Some(names) if begins("unknown field `") => InputError::Unknown(quoted(names)),
        Some(names) if begins("unknown variant `") => InputError::OneOf(quoted(names)),
        Some(kind) if begins("invalid type: ") || begins("invalid value: ") => expected_type(kind),
        _ => parse_error(message),
    }
}

/// The names in backticks in a list that serde wrote. They are our own names, and come after the client's text.
fn quoted(list: &str) -> Vec<String> {
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The error for a value that differs from what serde expected.
fn expected_type(kind: &str) -> InputError {
    match kind {
        "a boolean" => InputError::Type(JsonType::Boolean),
        "u8" => InputError::Between(0, u8::MAX.into()),
        "u16" => InputError::Between(0, u16::MAX.into()),
        "u32" => InputError::Between(0, u32::MAX.into()),
        "i32" => InputError::Between(i32::MIN.into(), i32::MAX.into()),
        "i64" | "u64" | "usize" => InputError::Type(JsonType::Integer),
        "f32" | "f64" => InputError::Type(JsonType::Number),
        "a sequence" => InputError::Type(JsonType::List),
        "a map" => InputError::Type(JsonType::Object),
        _ if kind.starts_with("struct ") => InputError::Type(JsonType::Object),
        _ if kind.contains("string") => InputError::Type(JsonType::String),
        _ => InputError::NotAcceptable,
    }
}

/// The error for a text that the standard library could not read as a number or a boolean.
fn parse_error(message: &str) -> InputError {
    match message {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            InputError::Type(JsonType::Integer)
        }
        "number too large to fit in target type" | "number too small to fit in target type" => InputError::OutOfRange,
        "provided string was not `true` or `false`" => InputError::Type(JsonType::Boolean),
        _ => InputError::NotAcceptable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::core::time::Month;
    use crate::domain::organization::facts::OrganizationKind;
    use actix_web::web::Query;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read by the deserializer")]
    struct Thing {
        number: i64,
        small: Option<u8>,
        year: Option<i32>,
        flag: Option<bool>,
        text: Option<String>,
        list: Option<Vec<u16>>,
        inner: Option<Inner>,
        choice: Option<Choice>,
        kind: Option<OrganizationKind>,
        month: Option<Month>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {}

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        One,
        OtherOne,
    }

    fn body(text: &str) -> InputError {
        classify(&serde_json::from_str::<Thing>(text).unwrap_err().to_string())
    }

    fn query(text: &str) -> InputError {
        let message = Query::<Thing>::from_query(text).unwrap_err().to_string();
        classify(message.strip_prefix("Query deserialize error: ").unwrap())
    }

    #[test]
    fn every_message_about_a_body_is_understood() {
        use InputError::*;
        let kinds: Vec<&str> = OrganizationKind::ALL.iter().map(|kind| kind.as_str()).collect();
        for (text, wanted) in [
            ("{}", Missing),
            (r#"{"number":1,"number":1}"#, Duplicate),
            (r#"{"inner":{"x":1}}"#, Unknown(vec![])),
            (r#"{"inner":{"x, expected `y`":1}}"#, Unknown(vec![])),
            (r#"{"inner":1}"#, Type(JsonType::Object)),
            (r#"{"choice":"none"}"#, InputError::one_of(&["one", "other_one"])),
            (
                r#"{"choice":"x`, expected `y"}"#,
                InputError::one_of(&["one", "other_one"]),
            ),
            (r#"{"kind":"none"}"#, InputError::one_of(&kinds)),
            (r#"{"kind":1}"#, Type(JsonType::String)),
            (r#"{"month":"2026-13"}"#, Month),
            (r#"{"month":[]}"#, Type(JsonType::String)),
            (r#"{"number":"1"}"#, Type(JsonType::Integer)),
            (r#"{"number":1.5}"#, Type(JsonType::Integer)),
            (r#"{"number":99999999999999999999}"#, Type(JsonType::Integer)),
            (r#"{"small":256}"#, Between(0, 255)),
            (r#"{"list":[-1]}"#, Between(0, 65535)),
            (r#"{"year":9999999999}"#, Between(i32::MIN.into(), i32::MAX.into())),
            (r#"{"list":{}}"#, Type(JsonType::List)),
            (r#"{"flag":"true"}"#, Type(JsonType::Boolean)),
            (r#"{"text":true}"#, Type(JsonType::String)),
            ("[1, 2, 3]", NotAcceptable),
            ("1", Type(JsonType::Object)),
        ] {
            assert_eq!(body(text), wanted, "{text}");
        }
        let fields = [
            "number", "small", "year", "flag", "text", "list", "inner", "choice", "kind", "month",
        ];
        assert_eq!(body(r#"{"x":1}"#), Unknown(fields.map(str::to_owned).to_vec()));
    }

    #[test]
    fn every_message_about_a_query_is_understood() {
        use InputError::*;
        for (text, wanted) in [
            ("", Missing),
            ("number=1&number=2", Duplicate),
            ("number=", Type(JsonType::Integer)),
            ("number=x", Type(JsonType::Integer)),
            ("number=99999999999999999999", OutOfRange),
            ("small=256", OutOfRange),
            ("small=-99999999999999999999", Type(JsonType::Integer)),
            ("year=-9999999999", OutOfRange),
            ("flag=1", Type(JsonType::Boolean)),
            ("month=2026", Month),
            ("choice=none", InputError::one_of(&["one", "other_one"])),
        ] {
            assert_eq!(query(text), wanted, "{text}");
        }
        assert!(matches!(query("x=1"), Unknown(fields) if fields.len() == 10));
    }

    #[test]
    fn no_words_of_the_client_pass_for_ours() {
        for text in [
            r#"{"input error: \"month\"":1}"#,
            r#"{"kind":"input error: \"month\""}"#,
            r#"{"text":{"input error: \"month\"":1}}"#,
        ] {
            assert_ne!(body(text), InputError::Month, "{text}");
        }
    }
}
