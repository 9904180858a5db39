//! The kinds of refusals.

use crate::domain::core::language::{Language, Text};

/// What kind of refusal a code is. The API answers each kind with an HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The caller may see the object, but not do this to it.
    Forbidden,
    /// The object does not exist, or the caller may not know of it.
    NotFound,
    /// The state of the object does not allow it now.
    Conflict,
    /// The request's content is impossible, or something required is missing.
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
    /// The content has a media type that the operation does not accept.
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

impl RefusalKind {
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
