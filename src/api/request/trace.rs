//! The place of a request in a trace of several services (W3C Trace Context, `traceparent`). A client that sends none gets
//! none: the request's id is enough then.

use crate::security::random;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, in both directions.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// A longer run of digits may be somebody's ID number, and does not get into the log. One random id in five hundred has
/// one.
const MOST_DIGITS: usize = 16;

/// The trace that a request belongs to, and our own span in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace's id: 32 hexadecimal digits.
    pub trace: String,
    span: String,
    is_sampled: bool,
}

impl TraceContext {
    /// The trace that a client names, with a new span. `None` without one header that is well formed.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT);
        let value = values.next().filter(|_| values.next().is_none())?;
        let (trace, is_sampled) = parse(value.to_str().ok()?)?;
        let span = u64::from_be_bytes(random::<8>());
        Some(Self {
            trace: trace.to_owned(),
            // All zeros would be no span.
            span: format!("{:016x}", span.max(1)),
            is_sampled,
        })
    }

    /// The id of the request in the log, the audit log and the answer: unique, and found by the trace's id.
    pub fn request_id(&self) -> String {
        format!("{}-{}", self.trace, self.span)
    }

    /// The header of the answer.
    pub fn header(&self) -> Option<HeaderValue> {
        let flags = u8::from(self.is_sampled);
        HeaderValue::try_from(format!("00-{}-{}-{flags:02x}", self.trace, self.span)).ok()
    }
}

/// The trace's id, and whether the client records the trace.
fn parse(text: &str) -> Option<(&str, bool)> {
    let is_hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let mut parts = text.trim().splitn(5, '-');
    let [version, trace, parent, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    // Later versions may add parts, and keep these.
    let is_version = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let is_whole = is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2) && !is_zero(trace) && !is_zero(parent);
    let longest = trace.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    let is_harmless = longest.is_none_or(|longest| longest <= MOST_DIGITS);
    let flags = u8::from_str_radix(flags, 16)
        .ok()
        .filter(|_| is_version && is_whole && is_harmless)?;
    Some((trace, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_well_formed_header_is_accepted_and_no_other() {
        for (text, wanted) in [
            (format!("00-{TRACE}-b7ad6b7169203331-01"), Some(true)),
            (format!("00-{TRACE}-b7ad6b7169203331-00"), Some(false)),
            (format!("cc-{TRACE}-b7ad6b7169203331-03-more"), Some(true)),
            (format!("00-{TRACE}-b7ad6b7169203331-01-more"), None),
            (format!("ff-{TRACE}-b7ad6b7169203331-01"), None),
            (format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()), None),
            (format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-0000000000000000-01"), None),
            (format!("00-{TRACE}-b7ad6b7169203331"), None),
            (format!("00-{}-b7ad6b7169203331-01", &TRACE[1..]), None),
            // The ID number of somebody in the place of a random id.
            ("00-abcdefab110101199003070012abcdef-b7ad6b7169203331-01".into(), None),
            (String::new(), None),
        ] {
            assert_eq!(
                parse(&text),
                wanted.map(|is_sampled| (&text[3..35], is_sampled)),
                "{text}"
            );
        }
    }

    #[test]
    fn the_answer_has_the_trace_and_a_span_of_its_own() {
        let mut headers = HeaderMap::new();
        assert_eq!(TraceContext::of(&headers), None);
        let sent = format!("00-{TRACE}-b7ad6b7169203331-01");
        headers.insert(TRACEPARENT, HeaderValue::try_from(&sent).unwrap());
        let (one, other) = (TraceContext::of(&headers).unwrap(), TraceContext::of(&headers).unwrap());
        assert_ne!(one.request_id(), other.request_id());
        assert!(one.request_id().starts_with(TRACE));
        let answered = one.header().unwrap();
        assert_eq!(parse(answered.to_str().unwrap()), Some((TRACE, true)));
        assert_ne!(answered.to_str().unwrap(), sent);
        headers.append(TRACEPARENT, HeaderValue::try_from(&sent).unwrap());
        assert_eq!(TraceContext::of(&headers), None, "two headers are none");
    }
}
