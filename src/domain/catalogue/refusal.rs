//! Refusals: a code of the table in [`super::code`] with the values for its text.

use super::code::Code;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::{Language, Text};
use std::collections::BTreeMap;

/// What kind of refusal a code is. The API answers each kind with an HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The caller may see the object, but not do this to it.
    Forbidden,
    /// There is no such object, or the caller may not know of it.
    NotFound,
    /// The state of the object does not allow it now.
    Conflict,
    /// The request says something impossible or lacks something required.
    Invalid,
    /// Too many requests in too short a time.
    Limited,
    /// The caller is not signed in.
    Unauthenticated,
    /// The request can't be read.
    Malformed,
    /// The address does not support the method.
    MethodNotAllowed,
    /// The body is larger than the limit.
    TooLarge,
    /// The address is longer than the limit.
    AddressTooLong,
    /// The header fields are more or larger than the limit.
    HeadTooLarge,
    /// The body did not arrive in time.
    Timeout,
    /// The content has another media type than the operation takes.
    UnsupportedMedia,
    /// The caller must say which version they decided on.
    PreconditionRequired,
    /// The caller decided on an older version.
    Stale,
    /// The service can't do it now. Nothing was done, or the outcome is unknown.
    Unavailable,
    /// The service failed.
    Fault,
}

impl Kind {
    /// The kind in a few words, for people.
    pub fn title(self, language: Language) -> &'static str {
        let (zh, en) = match self {
            Self::Forbidden => ("无权办理", "Forbidden"),
            Self::NotFound => ("没有找到", "Not Found"),
            Self::Conflict => ("与当前状态冲突", "Conflict"),
            Self::Invalid => ("请求内容有误", "Unprocessable Content"),
            Self::Limited => ("请求过于频繁", "Too Many Requests"),
            Self::Unauthenticated => ("未登录", "Unauthorized"),
            Self::Malformed => ("请求格式有误", "Bad Request"),
            Self::MethodNotAllowed => ("不支持的请求方法", "Method Not Allowed"),
            Self::TooLarge => ("请求体过大", "Content Too Large"),
            Self::AddressTooLong => ("请求地址过长", "URI Too Long"),
            Self::HeadTooLarge => ("请求头过大", "Request Header Fields Too Large"),
            Self::Timeout => ("请求超时", "Request Timeout"),
            Self::UnsupportedMedia => ("不支持的内容类型", "Unsupported Media Type"),
            Self::PreconditionRequired => ("缺少前提条件", "Precondition Required"),
            Self::Stale => ("内容已被修改", "Precondition Failed"),
            Self::Unavailable => ("服务暂不可用", "Service Unavailable"),
            Self::Fault => ("服务内部错误", "Internal Server Error"),
        };
        Text { zh, en }.in_language(language)
    }
}

/// A refusal: its code, and the values that fill the code's text.
///
/// Parameters are public: they are printed into the answer. Never put a name, an ID number or a telephone number here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// Values for the `{placeholders}` of the code's text, such as an id, a date or a month.
    pub params: BTreeMap<&'static str, String>,
    /// Terms for `{placeholders}` that read differently in each language, such as a field's name.
    pub terms: BTreeMap<&'static str, Text>,
    /// What is wrong with the input; fills `{problem}`.
    pub problem: Option<InputError>,
    /// The field it is about, as a JSON pointer (RFC 6901): of the body, or `/name` for a parameter of the query.
    pub pointer: Option<String>,
    /// The organization whose administrators can help.
    pub helper: Option<crate::domain::core::ids::OrganizationId>,
}

impl Refusal {
    /// A refusal without parameters.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            params: BTreeMap::new(),
            terms: BTreeMap::new(),
            problem: None,
            pointer: None,
            helper: None,
        }
    }

    /// The request was read, but says something impossible (`request.invalid`).
    pub fn invalid(problem: InputError) -> Self {
        Self {
            problem: Some(problem),
            ..Self::new(Code::RequestInvalid)
        }
    }

    /// The request can't be read (`request.malformed`).
    pub fn malformed(problem: InputError) -> Self {
        Self {
            problem: Some(problem),
            ..Self::new(Code::RequestMalformed)
        }
    }

    /// Adds a value for a placeholder of the text.
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.params.insert(name, value.to_string());
        self
    }

    /// Adds a term for a placeholder of the text.
    pub fn with_term(mut self, name: &'static str, term: Text) -> Self {
        self.terms.insert(name, term);
        self
    }

    /// Names the field it is about.
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Names the organization whose administrators can help.
    pub fn ask(mut self, organization: crate::domain::core::ids::OrganizationId) -> Self {
        self.helper = Some(organization);
        self
    }

    /// What is wrong, in a language, with every placeholder filled.
    pub fn detail(&self, language: Language) -> String {
        let mut text = self.code.detail(language).to_owned();
        for (name, value) in &self.params {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        for (name, term) in &self.terms {
            text = text.replace(&format!("{{{name}}}"), term.in_language(language));
        }
        if let Some(problem) = &self.problem {
            text = text.replace("{problem}", &problem.sentence(self.pointer.as_deref(), language));
        }
        text
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}
