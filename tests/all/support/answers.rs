//! Compares every problem that a test gets over HTTP with the document: its code must be listed at the operation that
//! answered it, under its status. In a run of all tests, the answers are recorded for `tests/answered.rs`.

use serde_json::Value;
use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use zhuanjie::api;

/// Codes that are answered before the operation is known.
const BEFORE_ANY: &[&str] = &["request.address_too_long", "request.head_too_large"];

/// Codes that are answered where there is no operation.
const OF_NONE: &[&str] = &[
    "request.not_found",
    "request.method_not_allowed",
    "request.malformed",
    "request.too_large",
    "request.timeout",
    "request.too_many",
    "service.busy",
];

/// An operation of the document.
struct Operation {
    id: String,
    method: String,
    path: Vec<String>,
    takes_body: bool,
    /// The status and the code of each problem it lists.
    listed: HashSet<(u16, String)>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(&api::document_text()).expect("the document is JSON");
    let paths = document["paths"].as_object().expect("paths");
    let of_path = |(path, item): (&String, &Value)| {
        let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let item = item.as_object().expect("operations").clone();
        item.into_iter().map(move |(method, operation)| Operation {
            id: operation["operationId"].as_str().expect("an id").to_owned(),
            method: method.to_uppercase(),
            path: segments.clone(),
            takes_body: operation.get("requestBody").is_some(),
            listed: listed(&operation),
        })
    };
    paths.iter().flat_map(of_path).collect()
});

fn listed(operation: &Value) -> HashSet<(u16, String)> {
    let responses = operation["responses"].as_object().expect("responses");
    let of_status = |(status, response): (&String, &Value)| {
        let status: u16 = status.parse().expect("a status");
        let examples = response["content"]["application/problem+json"]["examples"].as_object();
        let codes: Vec<String> = examples.into_iter().flat_map(|codes| codes.keys().cloned()).collect();
        codes.into_iter().map(move |code| (status, code))
    };
    responses.iter().flat_map(of_status).collect()
}

impl Operation {
    /// How many segments of its path are literal, if it is the operation of this request.
    fn fit(&self, method: &str, path: &[&str]) -> Option<usize> {
        let is_word = |own: &String| !own.starts_with('{');
        let fits = self.method == method
            && self.path.len() == path.len()
            && self
                .path
                .iter()
                .zip(path)
                .all(|(own, asked)| if is_word(own) { own == asked } else { !asked.is_empty() });
        fits.then(|| self.path.iter().filter(|own| is_word(own)).count())
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Operation> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let fitting = OPERATIONS
        .iter()
        .filter_map(|one| Some((one.fit(method, &segments)?, one)));
    fitting.max_by_key(|(words, _)| *words).map(|(_, one)| one)
}

/// Checks an answer against the document and records it.
///
/// # Panics
/// If the answer is a problem whose code is not listed at the operation under this status.
#[track_caller]
pub fn hold(method: &str, path: &str, status: u16, body: &str) {
    let Some(code) = code(status, body).filter(|code| !BEFORE_ANY.contains(&code.as_str())) else {
        return;
    };
    match operation(method, path) {
        None => assert!(
            OF_NONE.contains(&code.as_str()),
            "{method} {path} answered {code}, and the document has no such operation"
        ),
        // A client that sends a body where the document has none is outside of the document.
        Some(operation) if code == "request.too_large" && !operation.takes_body => {}
        Some(operation) => {
            let id = &operation.id;
            assert!(
                operation.listed.contains(&(status, code.clone())),
                "{method} {path} answered {status} {code}, which {id} does not list: add it to its refuses!"
            );
            record(id, &code);
        }
    }
}

/// Checks an answer from a bare connection. `request` begins with the request line, and `answer` includes the head.
#[track_caller]
pub fn hold_raw(request: &str, answer: &str) {
    let mut line = request.split(' ');
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    if let Some((status, body)) = status.zip(body) {
        hold(method, path, status, body);
    }
}

/// The code of a problem.
fn code(status: u16, body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok().filter(|_| status >= 400)?;
    let code = body["code"].as_str()?;
    body["request_id"].is_string().then(|| code.to_owned())
}

/// Operations with codes, and the file to which they are written.
type Record = Mutex<(HashSet<(String, String)>, File)>;

/// The answers so far and their file. `None` if only some of the tests run.
static RECORD: LazyLock<Option<Record>> = LazyLock::new(|| {
    let is_whole = std::env::args()
        .skip(1)
        .all(|argument| argument.starts_with('-') && !["--skip", "--exact", "--ignored"].contains(&argument.as_str()));
    if !is_whole {
        return None;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("answered");
    fs::create_dir_all(env!("CARGO_TARGET_TMPDIR")).expect("the folder of the tests");
    let mut file = File::create(path).expect("the record of the answers");
    let mut document = DefaultHasher::new();
    include_str!("../../../openapi/openapi.json").hash(&mut document);
    writeln!(file, "{:x}", document.finish()).expect("room for the record");
    Some(Mutex::new((HashSet::new(), file)))
});

fn record(operation: &str, code: &str) {
    let Some(record) = &*RECORD else { return };
    let (answered, file) = &mut *record.lock().expect("not poisoned");
    if answered.insert((operation.to_owned(), code.to_owned())) {
        writeln!(file, "{operation} {code}").expect("room for the record");
    }
}
