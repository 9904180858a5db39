//! The requests that players send, and their answers.

use actix_web::http::Method;
use serde_json::Value;
use zhuanjie::domain::audit::AuditAction;
use zhuanjie::security::tokens::Bearer;

/// A request.
pub struct BenchRequest {
    pub method: Method,
    pub path: String,
    pub bearer: Bearer,
    pub body: Option<Value>,
    /// The version that a decision names.
    pub version: Option<i64>,
    /// The audit action, if the request writes.
    pub writes: Option<AuditAction>,
}

/// The answer to a request.
pub struct BenchAnswer {
    /// The status; `None` if no answer came.
    pub status: Option<u16>,
    pub body: Vec<u8>,
    /// Whether it has a `Retry-After` header.
    pub has_retry_after: bool,
    /// How often it was sent.
    pub sent: u32,
}

impl BenchAnswer {
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// The body as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The status with the refusal's code. Errors are counted by it.
    pub fn code(&self) -> String {
        let Some(status) = self.status else {
            return "no answer".to_owned();
        };
        let json = self.json();
        let code = json.as_ref().and_then(|json| json["code"].as_str()).unwrap_or("?");
        format!("{status} {code}")
    }

    /// Whether load shedding refused the request: nothing was begun, and the answer tells when to try again.
    pub fn is_shed(&self) -> bool {
        let busy = b"{\"type\":\"/v1/errors/service.busy\"";
        self.status == Some(503) && self.has_retry_after && self.body.starts_with(busy)
    }

    /// Whether the outcome of a write is unknown: no answer, or an error of the service.
    pub fn is_open(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }
}
