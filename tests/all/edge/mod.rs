//! The edge: what it refuses, how fast, and that no client can block it (S-12, S-13, S-20, S-21; API4, API7 to API9).
//!
//! It does not depend on the engine, so most tests run on one.

mod administration;
mod bodies;
mod budgets;
mod draining;
mod headers;
mod inventory;
mod limits;
mod overload;
mod semantics;
mod slow;
mod supply;
mod tls;
mod traces;

use crate::support::answers;
use crate::support::world::World;
use crate::support::{Engine, stopwatch as now};
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use zhuanjie::api::{ServerSettings, Timeouts};
use zhuanjie::domain::core::ids;

const NOW: &str = "2026-06-15T02:00:00Z";

/// Runs a body with a world that is served with these settings.
fn behind(settings: &ServerSettings, body: impl FnOnce(World)) {
    Engine::Sqlite.with_database(|db| body(World::behind(db, NOW, settings)));
}

/// Settings with timeouts short enough for a test. The framework reads the clock for its own timeouts only twice a
/// second, so they can not be shorter.
fn impatient() -> ServerSettings {
    ServerSettings {
        timeouts: Timeouts {
            head: Duration::from_millis(1500),
            idle: Duration::from_millis(1500),
            grace: Duration::from_millis(400),
            rate: 1000,
            body: Duration::from_millis(1500),
            upload: Duration::from_millis(1500),
        },
        ..ServerSettings::default()
    }
}

/// A connection to which a test writes bytes itself.
struct Raw {
    stream: TcpStream,
    /// The first lines of the requests that are not answered yet.
    asked: Arc<Mutex<VecDeque<String>>>,
}

impl Raw {
    fn to(world: &World) -> Self {
        let stream = TcpStream::connect(world.address()).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            asked: Arc::default(),
        }
    }

    /// The same connection for another thread.
    fn again(&self) -> Self {
        Self {
            stream: self.stream.try_clone().expect("a second handle"),
            asked: self.asked.clone(),
        }
    }

    fn asked(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.asked.lock().expect("not poisoned")
    }

    /// Writes. Returns false if the other side has closed.
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let line = bytes.as_ref().split(|byte| *byte == b'\r').next().unwrap_or_default();
        if line.ends_with(b" HTTP/1.1") {
            self.asked().push_back(String::from_utf8_lossy(line).into_owned());
        }
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// The next answer: its status, its head, and a body of the length that the head says.
    fn answer(&mut self) -> (u16, String, String) {
        let mut text = Vec::new();
        let mut byte = [0];
        while !text.ends_with(b"\r\n\r\n") && self.stream.read(&mut byte).is_ok_and(|read| read == 1) {
            text.push(byte[0]);
        }
        let head = String::from_utf8(text).expect("ASCII").to_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let length = head.split("content-length: ").nth(1);
        let length = length
            .and_then(|rest| rest.split('\r').next()?.parse().ok())
            .unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body");
        let body = String::from_utf8(body).expect("UTF-8");
        // An answer `100 Continue` is not the answer to the request.
        let asked = if status >= 200 { self.asked().pop_front() } else { None };
        if let Some(asked) = asked {
            answers::hold_raw(&asked, &format!("{head}{body}"));
        }
        (status, head, body)
    }

    /// Waits until the other side closes the connection. Returns how long that took.
    fn closed(mut self) -> Duration {
        let begun = now();
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return begun.elapsed(),
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("still open after {:?}", begun.elapsed())
                }
                Err(_) => return begun.elapsed(),
            }
        }
    }

    /// Everything that arrives until the other side closes.
    fn answer_bytes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.stream.read_to_end(&mut bytes);
        bytes
    }

    /// The same as text in lower case.
    fn answer_text(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.answer_bytes()).to_lowercase();
        let asked = self.asked().pop_front();
        if let Some(asked) = asked {
            answers::hold_raw(&asked, &text);
        }
        text
    }

    fn shut(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// The head of a `POST` with a JSON body to follow. `rest` gives the length of the body.
fn post(path: &str, rest: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{rest}\r\n")
}

/// A schema, with its reference followed.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).expect("a schema"),
        None => schema,
    }
}

/// Every operation of the document: the method, the path with ids of nothing, and the description.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let found: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| {
            let filled = path
                .replace("{season}", "2026")
                .replace("{code}", "service.fault")
                .replace("{secret}", &ids::IntegratorSecretId(1).to_string())
                .replace("{id}", &nothing(path));
            let item = item.as_object().expect("operations");
            item.iter()
                .map(move |(method, operation)| (method.to_uppercase(), filled.clone(), operation.clone()))
        })
        .collect();
    assert!(found.len() > 30, "too few operations were found");
    found
}

/// A well-formed id that no object has, for each kind of object with a path.
fn nothing(path: &str) -> String {
    const KEY: i64 = 987_654;
    match path.split('/').nth(2) {
        Some("organizations") => ids::OrganizationId(KEY).to_string(),
        Some("members") => ids::MemberId(KEY).to_string(),
        Some("month-changes") => ids::MonthChangeId(KEY).to_string(),
        Some("appointments") => ids::AppointmentId(KEY).to_string(),
        Some("appointment-requests") => ids::AppointmentRequestId(KEY).to_string(),
        Some("certifications") => ids::CertificationId(KEY).to_string(),
        Some("integrators") => ids::AccountId(KEY).to_string(),
        _ => ids::TransferId(KEY).to_string(),
    }
}
