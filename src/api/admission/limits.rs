//! The size limits of a request (S-12), checked before anything of its body is read.

use crate::api::response::problem::Problem;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use actix_web::HttpRequest;
use actix_web::http::header;

/// The longest path with its query, in bytes.
pub const LONGEST_ADDRESS: usize = 4 * 1024;
/// The most header fields.
pub const MOST_FIELDS: usize = 64;
/// The size of all header fields together, names and values, in bytes.
pub const LARGEST_HEAD: usize = 16 * 1024;
/// The size of a JSON body about one thing, in bytes.
pub const SMALL: usize = 64 * 1024;
/// The size of a JSON body about many things, in bytes.
pub const LARGE: usize = 1 << 20;
/// How deep arrays and objects of a JSON body may be nested. No body of the interface needs more than six.
pub const DEEPEST: usize = 16;

/// The kind of body an operation takes. It decides the size limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Body {
    /// JSON about one thing, or no body.
    #[default]
    Small,
    /// JSON about many things.
    Batch,
    /// A file, streamed to the disk. Its handler enforces the size.
    Upload,
}

impl Body {
    /// The size limit in bytes; `None` where the handler counts.
    pub fn most(self) -> Option<usize> {
        match self {
            Self::Small => Some(SMALL),
            Self::Batch => Some(LARGE),
            Self::Upload => None,
        }
    }
}

/// Checks the head: the address, the header fields, and the announced length of the body. Only a known caller, one with
/// a valid token, may send a large body.
///
/// # Errors
/// `request.address_too_long` (414), `request.head_too_large` (431), and those of [`check_length`].
pub fn admit(request: &HttpRequest, body: Body, is_known: bool) -> Result<(), Problem> {
    let address = request
        .uri()
        .path_and_query()
        .map_or(0, |address| address.as_str().len());
    if address > LONGEST_ADDRESS {
        return Err(over(Code::RequestAddressTooLong, LONGEST_ADDRESS));
    }
    let headers = request.headers();
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers.len() > MOST_FIELDS || bytes > LARGEST_HEAD {
        let refusal = Refusal::new(Code::RequestHeadTooLarge).with("fields", MOST_FIELDS);
        return Err(Problem::new(refusal.with("limit", LARGEST_HEAD)));
    }
    announced(request).map_or(Ok(()), |length| check_length(body, is_known, length))
}

/// Checks the length that a body is announced to have, or has come to.
///
/// # Errors
/// `request.too_large` (413) beyond the limit of the operation; `request.unauthenticated` (401) beyond [`SMALL`] if the
/// caller is not known. An operation that takes more is for known callers only.
pub fn check_length(body: Body, is_known: bool, length: u64) -> Result<(), Problem> {
    match body.most() {
        Some(most) if length > most as u64 => Err(too_large(most)),
        Some(_) if !is_known && length > SMALL as u64 => Err(Code::RequestUnauthenticated.into()),
        _ => Ok(()),
    }
}

fn announced(request: &HttpRequest) -> Option<u64> {
    let length = request.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.trim().parse().ok()
}

/// The refusal of a body longer than `most`.
pub fn too_large(most: usize) -> Problem {
    over(Code::RequestTooLarge, most)
}

fn over(code: Code, limit: usize) -> Problem {
    Problem::new(Refusal::new(code).with("limit", limit))
}

/// How deep the arrays and objects of a JSON text are nested. It counts brackets outside of strings, so it needs no stack. For
/// a text that is not JSON the result means nothing.
pub fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn brackets_count_where_they_are_structure() {
        for (text, wanted) in [
            ("", 0),
            ("1", 0),
            ("{}", 1),
            (r#"{"a":[1,{"b":[]}],"c":[]}"#, 4),
            (r#"{"a":"[[[[","b":"\"[[","c":"\\","d":[]}"#, 2),
            ("]]]][", 1),
        ] {
            assert_eq!(depth(text.as_bytes()), wanted, "{text}");
        }
    }
}
