//! The answer to a request for which there is no place. It is prepared beforehand, and counted instead of logged. Under
//! overload most answers are refusals, and the time they take is lost to the requests that are served.

use crate::api::request::language;
use crate::api::response::problem::{Problem, ProblemDetails, RETRY_AFTER, instance};
use crate::domain::catalogue::code::Code;
use crate::domain::core::language::Language;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};

/// The prepared answers for requests without a place, and how many were sent.
#[derive(Debug)]
pub struct BusyResponse {
    /// Since it was last told.
    count: AtomicU64,
    chinese: Template,
    english: Template,
}

impl Default for BusyResponse {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            chinese: Template::new(Language::Chinese),
            english: Template::new(Language::English),
        }
    }
}

impl BusyResponse {
    /// Counts one, fills in the fields of its answer (status 503), and gives back the body: the problem `service.busy` in a
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
        let words = match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.english,
        };
        words.about(path, id)
    }

    /// Says in the log how many there were, if any: a line each would be more work than the refusals.
    pub fn tell(&self) {
        match self.count.swap(0, Ordering::Relaxed) {
            0 => {}
            count => log::warn!(count = count; "requests were refused because all places were taken"),
        }
    }
}

/// The problem in one language, but for what differs: the path and the request's id.
#[derive(Debug)]
struct Template {
    before_path: String,
    before_id: String,
    after: String,
}

impl Template {
    /// What stands in the place of path and id, as JSON has it.
    const MARK: &str = "<>";
    const QUOTED: &str = "\"<>\"";

    fn new(language: Language) -> Self {
        let details = ProblemDetails::new(
            &Problem::from(Code::ServiceBusy),
            language,
            Self::MARK,
            Self::MARK,
            None,
        );
        // Plain strings always serialize.
        let text = serde_json::to_string(&details).unwrap_or_default();
        let mut parts = text.splitn(3, Self::QUOTED).map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Self {
            before_path: next(),
            before_id: next(),
            after: next(),
        }
    }

    fn about(&self, path: &str, id: &str) -> Bytes {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (path, id) = (quoted(&instance(path)), quoted(id));
        let parts = [&self.before_path, &path, &self.before_id, &id, &self.after];
        parts.map(String::as_str).concat().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_words_made_beforehand_are_those_of_the_problem() {
        for language in [Language::Chinese, Language::English] {
            let (path, id) = ("/v1/\"x\"", "an-id");
            let said: Value = serde_json::from_slice(&Template::new(language).about(path, id)).unwrap();
            let wanted = ProblemDetails::new(&Problem::from(Code::ServiceBusy), language, path, id, None);
            assert_eq!(said, serde_json::to_value(&wanted).unwrap());
            assert_eq!(
                (&said["instance"], &said["code"]),
                (&path.into(), &"service.busy".into())
            );
        }
    }
}
