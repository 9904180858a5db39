//! Renders every error as a problem document (RFC 9457), including the framework's own errors.

use crate::api::request::language;
use crate::db::DbError;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::catalogue::refusal_kind::RefusalKind;
use crate::domain::catalogue::rule::Rule;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::language::Language;
use crate::service;
use crate::service::organizations::Organization;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// How long a client waits before it tries again, in seconds.
pub const RETRY_AFTER: &str = "1";

/// A problem (RFC 9457), as `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// The path of the page about the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, in the caller's language.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, in the caller's language.
    detail: String,
    /// The request's path.
    instance: String,
    /// The machine-readable code.
    code: Code,
    /// The number of the rule it enforces.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule>,
    /// The manual's section that the rule comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'static str>,
    /// Every refusal, each with the field it is about.
    errors: Vec<Blocking>,
    /// What the caller can do now, and who can help.
    next_actions: Vec<NextAction>,
    /// The id of this request in the service's log.
    request_id: String,
    /// The error of OAuth 2.0 (RFC 6749, 5.2). Only at the token endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<OAuthError>,
    /// What is wrong, for a client of OAuth 2.0. Only at the token endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_description: Option<String>,
}

impl ProblemDetails {
    /// Renders a problem in a language, for a request to a path.
    pub fn new(problem: &Problem, language: Language, path: &str, request_id: &str, helper: Option<Helper>) -> Self {
        let (status, first) = (problem.status(), problem.first());
        Self {
            kind: format!("/v1/errors/{}", first.code.name()),
            title: first.code.kind().title(language),
            status: status.as_u16(),
            detail: first.detail(language),
            instance: instance(path),
            code: first.code,
            rule: first.code.rule(),
            section: first.code.rule().and_then(|rule| rule.section()),
            errors: problem
                .refusals
                .iter()
                .map(|refusal| Blocking::new(refusal, language))
                .collect(),
            next_actions: vec![NextAction {
                text: first.code.next_action(language),
                organization_id: first.helper,
                organization: helper,
            }],
            request_id: request_id.to_owned(),
            error: problem.oauth,
            error_description: problem.oauth.map(|_| described(first)),
        }
    }
}

/// One refusal of a problem.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refusal)]
pub struct Blocking {
    /// The machine-readable code.
    pub code: Code,
    /// The number of the rule it enforces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// What is wrong, in the caller's language.
    pub detail: String,
    /// The field of the body as a JSON pointer (RFC 6901), or `/` with the name of a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What the caller can do about it.
    pub next_action: NextAction,
}

/// Something the caller can do.
#[derive(Debug, Serialize, ToSchema)]
pub struct NextAction {
    /// What to do, in the caller's language.
    pub text: &'static str,
    /// The organization whose administrators can help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
    /// Its name and contact; only in `next_actions` of the problem itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<Helper>,
}

/// An organization whose administrators can help, as everybody who is signed in sees it in the directory.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = HelpContact)]
pub struct Helper {
    /// The full name.
    pub name: String,
    /// The contact's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    /// The office telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_phone: Option<String>,
}

impl From<Organization> for Helper {
    fn from(organization: Organization) -> Self {
        Self {
            name: organization.name,
            contact_name: organization.contact_name,
            contact_phone: organization.contact_phone,
        }
    }
}

impl Blocking {
    /// Renders a refusal in a language.
    pub fn new(refusal: &Refusal, language: Language) -> Self {
        Self {
            code: refusal.code,
            rule: refusal.code.rule(),
            detail: refusal.detail(language),
            pointer: refusal.pointer.clone(),
            next_action: NextAction {
                text: refusal.code.next_action(language),
                organization_id: refusal.helper,
                organization: None,
            },
        }
    }
}

/// An error response. The client gets the refusals. The private text is only logged.
#[derive(Debug)]
pub struct Problem {
    refusals: Vec<Refusal>,
    /// A text for the log. It is never sent.
    private: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What a client of OAuth 2.0 is told beside.
    oauth: Option<OAuthError>,
}

/// The errors of the token endpoint (RFC 6749, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OAuthError {
    /// A parameter is missing, comes twice or can't be read.
    InvalidRequest,
    /// The credential is unknown, or its secret is wrong.
    InvalidClient,
    /// The grant is not `client_credentials`.
    UnsupportedGrantType,
    /// The credential does not have a scope that was asked for.
    InvalidScope,
    /// There were too many failures. RFC 6749 has this error at another endpoint only (4.1.2.1).
    TemporarilyUnavailable,
}

/// A problem that is stored in a response. The edge renders it, because only the edge knows the language and the
/// request's id.
pub struct Unrendered(pub Problem);

impl Problem {
    /// A problem of one refusal.
    pub fn new(refusal: impl Into<Refusal>) -> Self {
        Self {
            refusals: vec![refusal.into()],
            private: None,
            headers: Vec::new(),
            oauth: None,
        }
    }

    /// Says it in the words of OAuth 2.0 too.
    pub fn oauth(mut self, error: OAuthError) -> Self {
        self.oauth = Some(error);
        self
    }

    /// Refuses with 429 after too many failed attempts, and says how long the caller has to wait.
    pub fn wait(time: chrono::TimeDelta) -> Self {
        // Rounded up, so that a caller who waits that long is not refused again.
        let seconds = (time.num_milliseconds() + 999) / 1000;
        Self::wait_seconds(u64::try_from(seconds).unwrap_or_default())
    }

    /// As [`Self::wait`], in whole seconds.
    pub fn wait_seconds(seconds: u64) -> Self {
        let problem = Self::new(Code::RequestTooManyAttempts);
        problem.with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Adds a text for the log.
    pub fn because(mut self, why: String) -> Self {
        self.private = Some(why);
        self
    }

    /// Adds a header to the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The code, if it denies access. A look-up without a match does not count, because it has an audit entry of its
    /// own (T4).
    pub fn denial(&self) -> Option<Code> {
        let code = self.first().code;
        let is_denial =
            matches!(code.kind(), RefusalKind::Forbidden | RefusalKind::NotFound) && code != Code::MemberNoMatch;
        is_denial.then_some(code)
    }

    fn first(&self) -> &Refusal {
        &self.refusals[0]
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        status(self.first().code.kind())
    }

    /// The text for the log.
    pub fn private(&self) -> Option<&str> {
        self.private.as_deref()
    }

    /// The organization whose administrators can help.
    pub fn helper(&self) -> Option<OrganizationId> {
        self.first().helper
    }

    /// The answer, in the language of the request.
    pub fn respond(self, request: &HttpRequest, request_id: &str, helper: Option<Helper>) -> HttpResponse {
        self.respond_in(language::of(request), request.path(), request_id, helper)
    }

    /// The answer in a language, for a request to a path.
    pub fn respond_in(self, language: Language, path: &str, request_id: &str, helper: Option<Helper>) -> HttpResponse {
        let status = self.status();
        let body = ProblemDetails::new(&self, language, path, request_id, helper);
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        // These come after the defaults, so that a problem's own Retry-After replaces the default.
        for (name, value) in self.headers {
            response.insert_header((name, value));
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = if self.oauth.is_some() {
                "Basic realm=\"zhuanjie\""
            } else {
                "Bearer"
            };
            response.insert_header((header::WWW_AUTHENTICATE, scheme));
        }
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // RFC 7694, 3: so that a client that compresses knows what to send.
            response.insert_header((header::ACCEPT_ENCODING, "identity"));
        }
        response
            .insert_header((header::CONTENT_LANGUAGE, language::tag(language)))
            // Clients of OAuth 2.0 read this type only (RFC 6749, 5.2).
            .content_type(if self.oauth.is_some() {
                "application/json"
            } else {
                "application/problem+json"
            })
            .json(body)
    }
}

/// A refusal in the characters that OAuth 2.0 allows: ASCII without quotes and backslashes (RFC 6749, 5.2). So it is in
/// English for everybody.
fn described(refusal: &Refusal) -> String {
    let plain = |c: char| match c {
        ' '..='~' if !matches!(c, '"' | '\\') => c,
        '“' | '”' | '"' => '\'',
        _ => '?',
    };
    refusal.detail(Language::English).chars().map(plain).collect()
}

/// The path of the request. A segment with 11 or more digits in a row is replaced by `…`, because it could be an ID
/// number.
fn instance(path: &str) -> String {
    let harmless = |segment: &str| !segment.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= 11);
    let segments: Vec<&str> = path
        .split('/')
        .map(|text| if harmless(text) { text } else { "…" })
        .collect();
    segments.join("/")
}

/// The HTTP status of each kind of refusal.
pub fn status(kind: RefusalKind) -> StatusCode {
    match kind {
        RefusalKind::Malformed => StatusCode::BAD_REQUEST,
        RefusalKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        RefusalKind::Conflict => StatusCode::CONFLICT,
        RefusalKind::Stale => StatusCode::PRECONDITION_FAILED,
        RefusalKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RefusalKind::AddressTooLong => StatusCode::URI_TOO_LONG,
        RefusalKind::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        RefusalKind::Timeout => StatusCode::REQUEST_TIMEOUT,
        RefusalKind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        RefusalKind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        RefusalKind::Limited => StatusCode::TOO_MANY_REQUESTS,
        RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        RefusalKind::Fault => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal)
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
    }
}

impl From<service::Error> for Problem {
    fn from(error: service::Error) -> Self {
        let (code, private) = match error {
            service::Error::Refused(refusals) if !refusals.is_empty() => {
                return Self {
                    refusals,
                    private: None,
                    headers: Vec::new(),
                    oauth: None,
                };
            }
            service::Error::Refused(_) => (Code::ServiceFault, "a refusal without a reason".to_owned()),
            service::Error::Corrupt(what) => (Code::ServiceFault, what.to_owned()),
            service::Error::Database(error) => {
                let code = match &error {
                    DbError::OutcomeUnknown(_) => Code::ServiceOutcomeUnknown,
                    fault if fault.is_transient() => Code::ServiceBusy,
                    _ => Code::ServiceFault,
                };
                (code, error.to_string())
            }
        };
        Self {
            private: Some(private),
            ..Self::new(code)
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        service::Error::from(error).into()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.first().code.name())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// An empty response for the edge to render.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::new(self.status());
        response.extensions_mut().insert(Unrendered(Problem {
            refusals: self.refusals.clone(),
            private: self.private.clone(),
            headers: self.headers.clone(),
            oauth: self.oauth,
        }));
        response
    }
}
