//! What the players send, and what came of it.

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
    /// What a decision was made on.
    pub version: Option<i64>,
    /// What the audit log calls it, if it writes.
    pub writes: Option<AuditAction>,
}

/// What became of it.
pub struct BenchAnswer {
    /// The status; `None` if no answer came.
    pub status: Option<u16>,
    pub body: Vec<u8>,
    /// Whether it says when to come again.
    pub has_retry_after: bool,
    /// How often it was sent.
    pub sent: u32,
}

impl BenchAnswer {
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// A field of a JSON object.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The status with the refusal's code, as errors are counted by.
    pub fn code(&self) -> String {
        let Some(status) = self.status else {
            return "no answer".to_owned();
        };
        let json = self.json();
        let code = json.as_ref().and_then(|json| json["code"].as_str()).unwrap_or("?");
        format!("{status} {code}")
    }

    /// Whether it was refused for want of room, properly: nothing was begun, and it says when to come again.
    pub fn is_shed(&self) -> bool {
        let busy = b"{\"type\":\"/v1/errors/service.busy\"";
        self.status == Some(503) && self.has_retry_after && self.body.starts_with(busy)
    }

    /// Whether nobody can know yet what became of a write: no answer, or the service's own trouble.
    pub fn is_open(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }
}
