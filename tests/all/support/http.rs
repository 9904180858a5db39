//! A client for a served program. It returns the answer whatever its status is.

use super::answers;
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use ureq::http::{HeaderMap, Request as HttpRequest};

/// The recorded answers, each with its head and body.
pub type Heard = Arc<Mutex<Vec<String>>>;

/// A client of one server, signed in or not.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
    heard: Option<Heard>,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// A request that is being built.
pub struct Request<'a> {
    client: &'a Client,
    method: &'a str,
    path: &'a str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Client {
    /// A client of the server at `base` (`http://host:port`).
    pub fn new(base: &str) -> Self {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        Self {
            agent,
            base: base.to_owned(),
            token: None,
            heard: None,
        }
    }

    /// The same client. All of its answers are recorded.
    pub fn heard_by(&self, heard: &Heard) -> Self {
        Self {
            heard: Some(heard.clone()),
            ..self.clone()
        }
    }

    /// The same client with a bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// The same client at another server.
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            ..self.clone()
        }
    }

    /// Begins a request with any method.
    pub fn request<'a>(&'a self, method: &'a str, path: &'a str) -> Request<'a> {
        let bearer = self
            .token
            .iter()
            .map(|token| ("authorization".to_owned(), format!("Bearer {token}")));
        Request {
            client: self,
            method,
            path,
            headers: bearer.collect(),
            body: Vec::new(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    /// All items of a list, with `limit` on each page. `list` ends with `?` or `&`.
    pub fn whole(&self, list: &str, limit: usize) -> Vec<Value> {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{list}limit={limit}{cursor}")).expect(200).json();
            let items = page["items"].as_array().expect("items");
            assert!(items.len() <= limit, "{page}");
            found.extend(items.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    }

    /// A form without files.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let request = self
            .request("POST", path)
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(form.finish()).send()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).json(body).send()
    }
}

impl Request<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Any bytes, also ones that are not JSON.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// # Panics
    /// If there is no answer.
    pub fn send(self) -> Answer {
        let mut request = HttpRequest::builder()
            .method(self.method)
            .uri(format!("{}{}", self.client.base, self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body).expect("a request that can be sent");
        let agent = &self.client.agent;
        let mut response = agent
            .run(request)
            .unwrap_or_else(|e| panic!("{} {}: {e}", self.method, self.path));
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.body_mut().read_to_string().expect("a body in UTF-8"),
        };
        answers::hold(self.method, self.path, answer.status, &answer.text);
        if let Some(heard) = &self.client.heard {
            let whole = format!("{} {} {answer:?}", self.method, self.path);
            heard.lock().expect("not poisoned").push(whole);
        }
        answer
    }
}

impl Answer {
    /// The text of a header field, if there is one.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// Returns the answer if it has this status.
    ///
    /// # Panics
    /// Otherwise, with the whole answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

mod tests {
    use super::*;
    use serde_json::json;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    /// Answers one request with `answer`. The thread returns the request.
    fn once(answer: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("the listener is bound"));
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a caller");
            let mut reader = BufReader::new(&stream);
            let mut asked = String::new();
            while !asked.ends_with("\r\n\r\n") {
                reader.read_line(&mut asked).expect("a line");
            }
            let length = asked
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).expect("the body");
            asked.push_str(&String::from_utf8_lossy(&body));
            (&stream).write_all(answer.as_bytes()).expect("the caller listens");
            asked
        });
        (base, server)
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let (base, server) = once("HTTP/1.1 409 Conflict\r\netag: \"7\"\r\ncontent-length: 12\r\n\r\n{\"code\":\"x\"}");
        let client = Client::new(&base).with_token("t0ken");
        let answer = client.post("/v1/things?x=1", &json!({"a": 1})).expect(409);
        assert_eq!(answer.header("ETag"), Some("\"7\""));
        assert_eq!(answer.json(), json!({"code": "x"}));
        let asked = server.join().expect("the server saw one request").to_lowercase();
        assert!(asked.starts_with("post /v1/things?x=1 http/1.1\r\n"), "{asked}");
        assert!(asked.contains("\r\nauthorization: bearer t0ken\r\n"), "{asked}");
        assert!(asked.ends_with("{\"a\":1}"), "{asked}");
    }

    #[test]
    fn a_question_has_no_body() {
        let (base, server) = once("HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(Client::new(&base).get("/").expect(204).text, "");
        let asked = server.join().expect("the server saw one request").to_lowercase();
        assert!(asked.starts_with("get / ") && asked.ends_with("\r\n\r\n"), "{asked}");
    }
}

impl Client {
    /// A write with a new key.
    pub fn write(&self, path: &str, body: &Value) -> Answer {
        self.write_with(&fresh_key(), path, body)
    }

    /// A write with a given key.
    pub fn write_with(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.request("POST", path)
            .header("idempotency-key", key)
            .json(body)
            .send()
    }

    /// A decision on a version.
    pub fn decide(&self, path: &str, version: i64, body: &Value) -> Answer {
        self.request("POST", path)
            .header("idempotency-key", &fresh_key())
            .header("if-match", &format!("\"{version}\""))
            .json(body)
            .send()
    }
}

impl Answer {
    /// The refusal's code.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the answer if it is a refusal with this status and code.
    ///
    /// # Panics
    /// Otherwise, with the whole answer.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text);
        self
    }
}

/// An idempotency key that is used only once.
pub fn fresh_key() -> String {
    static KEYS: AtomicU32 = AtomicU32::new(0);
    format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed))
}
