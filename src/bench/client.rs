//! How a request is sent, and sent again while its outcome is unknown.

use super::ledger::Ledger;
use super::signer::{Signer, Whose};
use crate::clock::Clock;

use crate::security::tokens::Bearer;
use anyhow::Result;
use awc::http::{Method, header};
use chrono::TimeDelta;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long an answer is waited for: longer than the service's own limits.
const ANSWER: Duration = Duration::from_secs(10);
/// How old a token gets before another is issued: younger than it lasts.
const FRESH: TimeDelta = TimeDelta::minutes(8);
/// The pause before something is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// A request.
pub struct Request {
    pub method: Method,
    pub path: String,
    pub bearer: Bearer,
    pub body: Option<Value>,
    /// What a decision was made on.
    pub version: Option<i64>,
    /// What it does, in the audit's words, if it writes.
    pub writes: Option<&'static str>,
}

/// What became of it.
pub struct Answer {
    /// The status; `None` if no answer came.
    pub status: Option<u16>,
    pub body: Vec<u8>,
    /// How often it was sent.
    pub sent: u32,
}

impl Answer {
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

    /// Whether nobody can know yet what became of a write: no answer, or the service's own trouble.
    fn is_open(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }
}

/// One thread's client of all servers.
pub struct Client {
    http: awc::Client,
    urls: Vec<String>,
    next: Cell<usize>,
    signer: Signer,
    issued: RefCell<HashMap<Whose, (String, Instant)>>,
    clock: Clock,
    ledger: Option<Ledger>,
    patience: Duration,
    /// What the keys of this thread begin with.
    run: String,
    keys: Cell<u64>,
}

impl Client {
    pub fn new(urls: &[String], signer: Signer, ledger: Option<Ledger>, patience: Duration, run: String) -> Rc<Self> {
        let connector = awc::Connector::new().limit(0).timeout(Duration::from_secs(2));
        let http = awc::Client::builder()
            .connector(connector)
            .timeout(ANSWER)
            .disable_redirects()
            .finish();
        Rc::new(Self {
            http,
            urls: urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect(),
            next: Cell::new(0),
            signer,
            issued: RefCell::default(),
            clock: Clock::system(),
            ledger,
            patience,
            run,
            keys: Cell::new(0),
        })
    }

    /// Sends a request. A write goes under a key of its own; while a ledger is kept, one whose outcome is unknown is sent
    /// again under the same key until it is known, and what was acknowledged is written down.
    pub async fn send(&self, request: &Request) -> Result<Answer> {
        let key = request.writes.map(|_| self.key());
        let begun = Instant::now();
        let mut sent = 0;
        loop {
            sent += 1;
            let mut answer = self.once(request, key.as_deref()).await?;
            answer.sent = sent;
            let (Some(ledger), Some(key), Some(action)) = (&self.ledger, &key, request.writes) else {
                return Ok(answer);
            };
            if answer.is_success() {
                ledger.acknowledged(key, action, &answer)?;
                return Ok(answer);
            }
            if !answer.is_open() {
                return Ok(answer);
            }
            if begun.elapsed() > self.patience {
                ledger.unresolved(key, action)?;
                return Ok(answer);
            }
            sleep(PAUSE * sent.min(10)).await;
        }
    }

    /// A key that is also the request's id, so that the audit row tells of it: no run of eleven digits.
    fn key(&self) -> String {
        let number = self.keys.get();
        self.keys.set(number + 1);
        format!("{}-{number}", self.run)
    }

    async fn once(&self, request: &Request, key: Option<&str>) -> Result<Answer> {
        let url = &self.urls[self.next.get() % self.urls.len()];
        self.next.set(self.next.get() + 1);
        let mut http = self
            .http
            .request(request.method.clone(), format!("{url}{}", request.path))
            .insert_header((header::AUTHORIZATION, self.authorization(request.bearer)?));
        if let Some(key) = key {
            http = http
                .insert_header(("idempotency-key", key))
                .insert_header(("x-request-id", key));
        }
        if let Some(version) = request.version {
            http = http.insert_header((header::IF_MATCH, format!("\"{version}\"")));
        }
        let sending = match &request.body {
            Some(body) => http.send_json(body),
            None => http.send(),
        };
        let no_answer = Answer {
            status: None,
            body: Vec::new(),
            sent: 0,
        };
        let Ok(mut response) = sending.await else {
            return Ok(no_answer);
        };
        // A body that breaks off says nothing, whatever its head said.
        Ok(match timeout(ANSWER, response.body()).await {
            Ok(Ok(body)) => Answer {
                status: Some(response.status().as_u16()),
                body: body.to_vec(),
                sent: 0,
            },
            _ => no_answer,
        })
    }

    /// The header with a token that is still good: a thousand players each sign once in a while, not for each request.
    fn authorization(&self, bearer: Bearer) -> Result<String> {
        let fresh = FRESH.to_std()?;
        let (mut issued, whose) = (self.issued.borrow_mut(), (bearer.account, bearer.office));
        if let Some((header, at)) = issued.get(&whose)
            && at.elapsed() < fresh
        {
            return Ok(header.clone());
        }
        let header = format!("Bearer {}", self.signer.issue(bearer, self.clock.now())?);
        issued.insert(whose, (header.clone(), Instant::now()));
        Ok(header)
    }
}
