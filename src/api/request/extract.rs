//! The extractors of handlers: bodies, queries, ids, keys and preconditions. Each has its own refusals, which only
//! callers with permission get. [`Json`] and [`Query`] are ours and replace those of actix.

use super::caller::authorized;
use super::serde_message::classify;
use crate::api::admission::limits::{DEEPEST, depth};
use crate::api::response::problem::Problem;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::input_error::InputError;
use crate::service::Expected;
use crate::service::batch::ReadItem;
use crate::service::idempotency::Claim;
use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt::Display;
use std::future::{Future, ready};
use std::ops::Deref;
use std::pin::Pin;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{RefOr, Required};
use utoipa::{IntoParams, PartialSchema};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST_KEY: usize = 64;

/// The result of an extractor, as a future.
pub type Found<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// Waits until [`authorized`] returns, and then for `found`.
pub fn once_authorized<T>(
    request: &HttpRequest,
    found: impl Future<Output = Result<T, Problem>> + 'static,
) -> Found<T> {
    let authorized = authorized(request);
    Box::pin(async move {
        authorized.await;
        found.await
    })
}

/// A JSON body. Unknown fields and values of a wrong type are refused, with a pointer to the place.
pub struct Json<T> {
    value: T,
    digest: Vec<u8>,
}

impl<T> Json<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Json<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| {
                value
                    .split(';')
                    .next()
                    .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
            });
        let encoding = admit_encoding(request);
        let body = web::Bytes::from_request(request, payload);
        once_authorized(request, async move {
            encoding?;
            if !is_json {
                return Err(Problem::new(
                    Refusal::new(Code::RequestMediaType).with("expected", "application/json"),
                ));
            }
            let bytes = body.await.map_err(body_problem)?;
            // Some programs put a byte order mark in front, which a reader may ignore (RFC 8259, 8.1).
            let bytes = bytes.strip_prefix(BOM).unwrap_or(&bytes);
            let value = parse(bytes)?;
            Ok(Self {
                value,
                digest: digest(&[&canonical(bytes)]),
            })
        })
    }
}

/// The byte order mark in UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// Checks that the body is not compressed or otherwise encoded (RFC 9110, 8.4). The service reads plain bodies only.
///
/// # Errors
/// `request.media_type`.
pub fn admit_encoding(request: &HttpRequest) -> Result<(), Problem> {
    let mut encodings = request.headers().get_all(header::CONTENT_ENCODING);
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let expected = "Content-Encoding: identity";
    Err(Problem::new(
        Refusal::new(Code::RequestMediaType).with("expected", expected),
    ))
}

/// The body in a form that does not depend on blanks and on the order of an object's members, which have none (RFC 8259,
/// 4). So the same content under the same key is the same request.
fn canonical(json: &[u8]) -> Vec<u8> {
    // It was parsed before, so this succeeds. Objects are maps in the order of their names.
    let value: Option<serde_json::Value> = serde_json::from_slice(json).ok();
    let sorted = value.and_then(|value| serde_json::to_vec(&value).ok());
    sorted.unwrap_or_else(|| json.to_vec())
}

/// The edge has already received the whole body within its limits ([`crate::api::admission::edge`]). So the body can
/// only have ended early.
fn body_problem(_: actix_web::Error) -> Problem {
    malformed(InputError::EndedEarly)
}

fn malformed(problem: InputError) -> Problem {
    Problem::new(Refusal::malformed(problem))
}

/// Whether the JSON text contains `\u0000` as an escape, which has an even number of backslashes before it. PostgreSQL
/// can't store that character. As a raw byte it is not valid JSON anyway.
fn has_nul(bytes: &[u8]) -> bool {
    const NUL: &[u8] = b"\\u0000";
    let is_escape = |at: usize| bytes[..at].iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 0;
    let places = bytes.windows(NUL.len()).enumerate();
    places.filter(|(_, text)| *text == NUL).any(|(at, _)| is_escape(at))
}

/// Reads JSON. Error messages contain only our own field names and types, never the client's text.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if has_nul(bytes) {
        return Err(Problem::new(Refusal::invalid(InputError::Nul)));
    }
    if depth(bytes) > DEEPEST {
        return Err(malformed(InputError::TooDeep(DEEPEST)));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        if error.inner().is_data() {
            let (problem, pointer) = located(&error);
            Problem::new(Refusal::invalid(problem).at(pointer))
        } else {
            malformed(InputError::NotJson)
        }
    })?;
    deserializer.end().map_err(|_| malformed(InputError::TrailingContent))?;
    Ok(value)
}

/// Reads a list whose items are refused one by one: for `#[serde(deserialize_with)]`.
///
/// # Errors
/// When it is no list.
pub fn items<'de, D, T>(deserializer: D) -> Result<Vec<ReadItem<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw: Vec<Box<RawValue>> = Vec::deserialize(deserializer)?;
    Ok(raw.iter().map(|item| read_item(item.get())).collect())
}

fn read_item<T: DeserializeOwned>(json: &str) -> ReadItem<T> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (problem, pointer) = located(&error);
        vec![Refusal::invalid(problem).at(pointer)]
    })
}

/// What is wrong, and the JSON pointer to it.
fn located(error: &serde_path_to_error::Error<impl Display>) -> (InputError, String) {
    let message = error.inner().to_string();
    let (problem, mut pointer) = (classify(&message), pointer(error.path()));
    // For these two errors serde gives the path of the object around the field. So the name of the field, which is one
    // of ours, is appended.
    let field = ["missing field `", "duplicate field `"].iter();
    let field = field.filter_map(|words| message.strip_prefix(words)?.split('`').next());
    field.for_each(|name| pointer = format!("{pointer}/{name}"));
    (problem, pointer)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("/{index}")),
            // A key is the client's text. Only keys that look like our own field names, which are short and plain, are
            // repeated.
            Segment::Map { key } if key.len() <= 40 && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                out.push('/');
                out.push_str(key);
            }
            Segment::Enum { .. } => {}
            _ => out.push_str("/?"),
        }
    }
    out
}

fn digest(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

/// The query parameters of an operation. An unknown parameter is an error.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Bytes that are not UTF-8 become U+FFFD, so this character means bad input.
        let parts = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        if parts.is_ok_and(|parts| parts.iter().any(|(_, value)| value.contains('\u{fffd}'))) {
            return once_authorized(request, ready(Err(malformed(InputError::QueryNotUtf8))));
        }
        let found = match web::Query::<Tracked<T>>::from_query(request.query_string()) {
            Ok(web::Query(Tracked(Ok(query)))) => Ok(Self(query)),
            Ok(web::Query(Tracked(Err((problem, pointer))))) => {
                Err(Problem::new(Refusal::malformed(problem).at(pointer)))
            }
            // Every query is a list of pairs, and `Tracked` contains every fault in them. So this does not happen.
            Err(_) => Err(Code::ServiceFault.into()),
        };
        once_authorized(request, ready(found))
    }
}

/// A value, or what is wrong with it and the pointer to it.
struct Tracked<T>(Result<T, (InputError, String)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tracked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = serde_path_to_error::deserialize(deserializer);
        Ok(Self(found.map_err(|error| located(&error))))
    }
}

/// An id in the path. A text that is not a valid id gets the same 404 as an id that does not exist.
pub struct Id<T>(pub T);

/// The code of the 404 for this type of id.
pub trait Missing: std::str::FromStr + 'static {
    /// The code.
    const CODE: Code;
}

impl<T: Missing> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        once_authorized(request, ready(id.map(Self).ok_or(T::CODE.into())))
    }
}

/// The `Idempotency-Key` of a write. A handler with this extractor requires the header.
pub struct Key(String);

impl Key {
    /// The key, with a digest of the request that it was sent with.
    pub fn claim<T>(self, request: &HttpRequest, body: &Json<T>) -> Claim {
        self.claim_for(request, &body.digest)
    }

    /// As [`claim`](Self::claim), for a request without a JSON body. `content` is what the request contains instead.
    pub fn claim_for(self, request: &HttpRequest, content: &[u8]) -> Claim {
        let fingerprint = digest(&[request.method().as_str().as_bytes(), request.path().as_bytes(), content]);
        Claim {
            key: self.0,
            fingerprint,
        }
    }
}

impl FromRequest for Key {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = request
            .headers()
            .get(IDEMPOTENCY_KEY)
            .and_then(|value| value.to_str().ok());
        let is_good = |key: &&str| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        let key = key.filter(is_good).map(|key| Self(key.to_owned()));
        once_authorized(request, ready(key.ok_or(Code::RequestKeyRequired.into())))
    }
}

impl IntoParams for Key {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "1 to 64 printable ASCII characters, unique for each request. If you send a request again \
                           with its key, it takes effect once and gets the first answer again.";
        vec![required(
            "Idempotency-Key",
            ParameterIn::Header,
            description,
            String::schema(),
        )]
    }
}

/// The version a caller decided on, from `If-Match`. A handler with this extractor requires the header.
pub struct IfMatch(pub Expected);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = if request.headers().contains_key(header::IF_MATCH) {
            expected(&list_of(request.headers(), &header::IF_MATCH)).map(Self)
        } else {
            Err(Code::RequestPreconditionRequired.into())
        };
        once_authorized(request, ready(found))
    }
}

/// The value of a header field that is a list. Several field lines are one list (RFC 9110, 5.3).
pub fn list_of(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines: Vec<&str> = headers.get_all(name).filter_map(|line| line.to_str().ok()).collect();
    lines.join(",")
}

/// What `If-Match` expects (RFC 9110, 13.1.1).
fn expected(list: &str) -> Result<Expected, Problem> {
    if list.trim() == "*" {
        return Ok(Expected::Any);
    }
    let versions: Vec<i64> = list.split(',').filter_map(version_of).collect();
    // A tag that is not one of ours matches no version.
    Expected::one_of(&versions).ok_or(Code::RequestStale.into())
}

/// The version in a strong tag: `"7"`, as answers to writes have it, or `"7-0123456789abcdef"`, as reads have it. A weak tag
/// never matches (RFC 9110, 8.8.3.2).
fn version_of(tag: &str) -> Option<i64> {
    let opaque = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    let (version, digest) = match opaque.split_once('-') {
        Some((version, digest)) => (version, Some(digest)),
        None => (opaque, None),
    };
    let is_hex = |digest: &str| digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_digest = digest.is_none_or(is_hex);
    // 07 and +7 are other tags than 7.
    let read: i64 = version.parse().ok()?;
    (is_digest && read.to_string() == version).then_some(read)
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The ETag of the version that you read, a list of them, or `*` for any version.";
        vec![required("If-Match", ParameterIn::Header, description, String::schema())]
    }
}

/// A required parameter in the document.
fn required(name: &str, place: ParameterIn, description: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// The strong entity tag of a version.
pub fn etag(version: impl Into<i64>) -> String {
    format!("\"{}\"", version.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read by the deserializer")]
    struct Body {
        month: crate::domain::core::time::Month,
        list: Vec<u32>,
    }

    #[test]
    fn a_rejected_value_is_never_repeated() {
        for body in [
            r#"{"month":"420106200001019999","list":[]}"#,
            r#"{"month":"2026-07","list":["420106200001019999"]}"#,
            r#"{"month":"2026-07","list":[],"420106200001019999":1}"#,
            r#"{"month":420106200001019999,"list":[]}"#,
            r#"420106200001019999"#,
            r#"{"month":"2026-07","list":[]} 420106200001019999"#,
            r#"{"420106200001019999"#,
        ] {
            let problem = parse::<Body>(body.as_bytes()).err().unwrap();
            assert!(!format!("{problem:?}").contains("420106200001019999"), "{problem:?}");
        }
    }

    #[test]
    fn the_character_that_postgresql_cannot_store_is_found_however_it_is_written() {
        for (text, found) in [
            (r#"{"a":"\u0000"}"#, true),
            (r#"{"a":"b\\\u0000c"}"#, true),
            (r#"{"a":"\\u0000"}"#, false),
            (r#"{"a":"\u0001 u0000 0000"}"#, false),
            ("", false),
        ] {
            assert_eq!(has_nul(text.as_bytes()), found, "{text}");
        }
    }

    #[test]
    fn the_same_content_has_one_form() {
        let one = canonical(br#"{"b": [1, {"y": 1, "x": "a"}], "a": null}"#);
        assert_eq!(one, canonical(br#"{"a":null,"b":[1,{"x":"a","y":1}]}"#));
        assert_ne!(one, canonical(br#"{"a":null,"b":[{"x":"a","y":1},1]}"#));
    }

    #[test]
    fn where_no_field_is_known_an_unknown_one_is_not_repeated_either() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let problem = parse::<Nothing>(br#"{"x, expected 420106200001019999":1}"#)
            .err()
            .unwrap();
        assert!(!format!("{problem:?}").contains("420106200001019999"), "{problem:?}");
    }

    #[test]
    fn the_pointer_shows_the_place() {
        let problem = parse::<Body>(br#"{"month":"2026-07","list":[1,"x"]}"#).err().unwrap();
        assert!(format!("{problem:?}").contains("/list/1"), "{problem:?}");
    }
}
