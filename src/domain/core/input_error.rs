//! What is wrong with a piece of input, in both languages. A message says what was expected and never repeats the
//! input.

use super::language::{Language, Text};
use serde::{Deserialize, Serialize};

/// What is wrong with a value of a body or a query, or with the request as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputError {
    /// It must be one of these values.
    OneOf(Vec<String>),
    /// It must be an id of the kind with this prefix.
    Id(String),
    /// It must be a month.
    Month,
    /// It must be a day that every year has.
    Day,
    /// It must be an instant.
    Instant,
    /// It must be of this JSON type.
    Type(JsonType),
    /// It must be a whole number within these bounds.
    Between(i64, i64),
    /// The number is too large or too small.
    OutOfRange,
    /// It must be one line of text with at most this many characters.
    Line(usize),
    /// A text must have at least one character and at most this many.
    Length(usize),
    /// A text must have at most this many characters.
    AtMost(usize),
    /// A list must have at least one item and at most this many.
    Items(usize),
    /// The field is required.
    Missing,
    /// The field does not exist. These are the known fields.
    Unknown(Vec<String>),
    /// The field was given twice.
    Duplicate,
    /// The value is not accepted, and the cause is not known.
    NotAcceptable,
    /// A text in the request contains the character U+0000.
    Nul,
    /// The body is not JSON.
    NotJson,
    /// Something follows the JSON value.
    TrailingContent,
    /// Arrays and objects are nested deeper than this.
    TooDeep(usize),
    /// The body ended before it was complete.
    EndedEarly,
    /// The query is not UTF-8.
    QueryNotUtf8,
    /// The HTTP server could not read the request.
    NotHttp,
    /// What one operation expects: a predicate if a field is named, otherwise a sentence.
    #[serde(skip)]
    Said(Text),
}

/// The types of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonType {
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    List,
    /// An object.
    Object,
}

impl JsonType {
    fn text(self) -> Text {
        let (zh, en) = match self {
            Self::Boolean => ("布尔值（true 或 false）", "a boolean (true or false)"),
            Self::Integer => ("整数", "a whole number"),
            Self::Number => ("数字", "a number"),
            Self::String => ("字符串", "a string"),
            Self::List => ("列表", "a list"),
            Self::Object => ("对象", "an object"),
        };
        Text { zh, en }
    }
}

/// The beginning of a message from [`InputError::into_serde`]. Where serde quotes a request, its message begins with
/// words of its own, so no client can forge a message that begins like this.
const MARK: &str = "input error: ";

impl InputError {
    /// It must be one of these values.
    pub fn one_of(values: &[&str]) -> Self {
        Self::OneOf(values.iter().map(|&value| value.to_owned()).collect())
    }

    /// Turns it into the error of a `Deserialize` implementation. [`Self::from_serde`] reads it back from the message.
    pub fn into_serde<E: serde::de::Error>(self) -> E {
        // Plain data always serializes.
        let text = serde_json::to_string(&self).unwrap_or_default();
        E::custom(format_args!("{MARK}{text}"))
    }

    /// Reads back the error that [`Self::into_serde`] put into a message, if any.
    pub fn from_serde(message: &str) -> Option<Self> {
        serde_json::from_str(message.strip_prefix(MARK)?).ok()
    }

    /// A sentence about the field at a JSON pointer, without a full stop. The empty pointer is the whole body.
    pub fn sentence(&self, pointer: Option<&str>, language: Language) -> String {
        let (zh, en) = self.predicate();
        match (language, pointer) {
            (Language::Chinese, None) => zh,
            (Language::Chinese, Some("")) => format!("请求体{zh}"),
            (Language::Chinese, Some(pointer)) => format!("“{pointer}”{zh}"),
            (Language::English, None) => en,
            (Language::English, Some("")) => format!("the body {en}"),
            (Language::English, Some(pointer)) => format!("“{pointer}” {en}"),
        }
    }

    /// The part of the sentence after the field's name, in Chinese and in English.
    fn predicate(&self) -> (String, String) {
        let fixed = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
        match self {
            Self::OneOf(values) if values.len() == 1 => {
                let only = values.concat();
                (format!("只能为 {only}"), format!("must be {only}"))
            }
            Self::OneOf(values) => (
                format!("须为下列之一：{}", values.join("、")),
                format!("must be one of: {}", values.join(", ")),
            ),
            Self::Id(prefix) => (
                format!("须为以 {prefix}_ 开头的编号"),
                format!("must be an id that begins with {prefix}_"),
            ),
            Self::Month => fixed(
                "须为月份，格式为 YYYY-MM，自 1900-01 至 2199-12",
                "must be a month, written YYYY-MM, from 1900-01 to 2199-12",
            ),
            Self::Day => fixed(
                "须为每年都有的日期，格式为 MM-DD",
                "must be a day that every year has, written MM-DD",
            ),
            Self::Instant => fixed(
                "须为带时区的时间（RFC 3339），例如 2026-06-20T01:00:00Z",
                "must be a time with its zone (RFC 3339), such as 2026-06-20T01:00:00Z",
            ),
            Self::Type(kind) => {
                let Text { zh, en } = kind.text();
                (format!("须为{zh}"), format!("must be {en}"))
            }
            Self::Between(min, max) => (
                format!("须为 {min} 至 {max} 之间的整数"),
                format!("must be a whole number from {min} to {max}"),
            ),
            Self::OutOfRange => fixed("的数值超出范围", "is a number out of range"),
            Self::Line(max) => (
                format!("须为一行文字，1 至 {max} 个字，不含控制字符"),
                format!("must be one line of 1 to {max} characters, without control characters"),
            ),
            Self::Length(max) => (
                format!("须为 1 至 {max} 个字"),
                format!("must have 1 to {max} characters"),
            ),
            Self::AtMost(max) => (
                format!("不能超过 {max} 个字"),
                format!("must have at most {max} characters"),
            ),
            Self::Items(max) => (format!("须有 1 至 {max} 项"), format!("must have 1 to {max} items")),
            Self::Missing => fixed("为必填项", "is required"),
            Self::Unknown(fields) if fields.is_empty() => fixed(
                "不是可用的字段；此处没有可填的字段",
                "is not a known field; there are no fields here",
            ),
            Self::Unknown(fields) => (
                format!("不是可用的字段；可用的字段：{}", fields.join("、")),
                format!("is not a known field; the fields are: {}", fields.join(", ")),
            ),
            Self::Duplicate => fixed("重复出现", "is given twice"),
            Self::NotAcceptable => fixed("不是可接受的值", "is not an acceptable value"),
            Self::Nul => fixed(
                "文字中不能含有空字符（U+0000）",
                "no text may contain the character U+0000",
            ),
            Self::NotJson => fixed("请求体不是 JSON", "the body is not JSON"),
            Self::TrailingContent => fixed("JSON 之后还有多余的内容", "something follows the JSON value"),
            Self::TooDeep(limit) => (
                format!("请求体的嵌套超过 {limit} 层"),
                format!("the body is nested deeper than {limit} levels"),
            ),
            Self::EndedEarly => fixed("请求体不完整", "the body ended early"),
            Self::QueryNotUtf8 => fixed("查询参数不是 UTF-8", "the query is not UTF-8"),
            Self::NotHttp => fixed("不符合 HTTP 规范", "it breaks the rules of HTTP"),
            Self::Said(Text { zh, en }) => fixed(zh, en),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serde_message_carries_the_error_there_and_back() {
        for error in [
            InputError::one_of(&["teacher", "delayed"]),
            InputError::Id("org".to_owned()),
            InputError::Month,
            InputError::Type(JsonType::List),
            InputError::Between(1, 200),
            InputError::Unknown(Vec::new()),
        ] {
            let message = error.clone().into_serde::<serde_json::Error>().to_string();
            assert_eq!(InputError::from_serde(&message), Some(error), "{message}");
        }
        for message in [
            "",
            "input error: ",
            "input error: {\"said\":1}",
            "unknown field `input error: \"month\"`",
        ] {
            assert_eq!(InputError::from_serde(message), None, "{message}");
        }
    }

    #[test]
    fn chinese_has_no_english_but_names_and_formats() {
        const NAMES: [&str; 10] = ["YYYY", "MM", "DD", "RFC", "JSON", "UTF", "HTTP", "true", "false", "org"];
        for error in [
            InputError::one_of(&["org"]),
            InputError::one_of(&["org", "org"]),
            InputError::Id("org".to_owned()),
            InputError::Month,
            InputError::Day,
            InputError::Instant,
            InputError::Type(JsonType::Boolean),
            InputError::Type(JsonType::Integer),
            InputError::Type(JsonType::Number),
            InputError::Type(JsonType::String),
            InputError::Type(JsonType::List),
            InputError::Type(JsonType::Object),
            InputError::Between(1, 2),
            InputError::OutOfRange,
            InputError::Line(1),
            InputError::Length(1),
            InputError::AtMost(1),
            InputError::Items(1),
            InputError::Missing,
            InputError::Unknown(vec!["org".to_owned()]),
            InputError::Unknown(Vec::new()),
            InputError::Duplicate,
            InputError::NotAcceptable,
            InputError::Nul,
            InputError::NotJson,
            InputError::TrailingContent,
            InputError::TooDeep(1),
            InputError::EndedEarly,
            InputError::QueryNotUtf8,
            InputError::NotHttp,
        ] {
            let text = error.sentence(None, Language::Chinese);
            let english: Vec<&str> = text
                .split(|c: char| !c.is_ascii_alphabetic())
                .filter(|word| word.len() > 1 && !NAMES.contains(word))
                .collect();
            assert!(english.is_empty(), "{english:?} in {text}");
            let text = error.sentence(Some("/org"), Language::English);
            assert!(text.chars().all(|c| c.is_ascii() || "“”".contains(c)), "{text}");
        }
    }

    #[test]
    fn the_sentence_begins_with_the_field() {
        let error = InputError::one_of(&["a", "b"]);
        let said = |pointer, language| error.sentence(pointer, language);
        assert_eq!(said(Some("/x"), Language::English), "“/x” must be one of: a, b");
        assert_eq!(said(Some("/x"), Language::Chinese), "“/x”须为下列之一：a、b");
        let error = InputError::Type(JsonType::Object);
        assert_eq!(
            error.sentence(Some(""), Language::English),
            "the body must be an object"
        );
        assert_eq!(error.sentence(Some(""), Language::Chinese), "请求体须为对象");
    }
}
