//! The answer to a request for which there is no place. It is counted instead of logged: under overload a line for each
//! would be more work than the refusals.

use crate::api::request::language;
use crate::api::response::problem::{Problem, ProblemDetails, RETRY_AFTER};
use crate::domain::catalogue::code::Code;
use crate::domain::core::language::Language;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};

/// Answers requests without a place, and counts them.
#[derive(Debug, Default)]
pub struct BusyResponse {
    /// The number of answers since the log was told.
    count: AtomicU64,
}

impl BusyResponse {
    /// Counts one, fills in the fields of its answer (status 503), and returns the body: the problem `service.busy` in a
    /// language, for a request to a path.
    pub fn refuse(&self, language: Language, path: &str, id: &str, fields: &mut HeaderMap) -> Bytes {
        self.count.fetch_add(1, Ordering::Relaxed);
        for (name, value) in [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::RETRY_AFTER, RETRY_AFTER),
            (header::CONTENT_LANGUAGE, language::tag(language)),
        ] {
            fields.insert(name, HeaderValue::from_static(value));
        }
        let details = ProblemDetails::new(&Problem::from(Code::ServiceBusy), language, path, id, None);
        // A problem without parameters always serializes.
        serde_json::to_vec(&details).unwrap_or_default().into()
    }

    /// Logs how many there were since the last call, if any.
    pub fn tell(&self) {
        match self.count.swap(0, Ordering::Relaxed) {
            0 => {}
            count => log::warn!(count = count; "requests were refused because all places were taken"),
        }
    }
}
