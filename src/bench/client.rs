//! Sends requests, and repeats a write while its outcome is unknown.

use super::ledger::Ledger;
use super::message::{BenchAnswer, BenchRequest};
use super::plan::SeasonPlan;
use super::signer::{AccountAndOffice, Signer};
use super::wire::Wire;
use anyhow::Result;
use chrono::TimeDelta;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use zhuanjie::clock::Clock;
use zhuanjie::security::tokens::Bearer;

/// How long to wait for an answer: longer than the service's own limits.
const ANSWER: Duration = Duration::from_secs(10);
/// The age at which a token is replaced, which is less than its lifetime.
const FRESH: TimeDelta = TimeDelta::minutes(8);
/// The pause before a request is sent again.
const PAUSE: Duration = Duration::from_millis(20);

/// The client that one thread uses for all servers.
pub struct BenchClient {
    servers: Vec<Wire>,
    next: Cell<usize>,
    signer: Signer,
    issued: RefCell<HashMap<AccountAndOffice, (Rc<str>, Instant)>>,
    clock: Clock,
    ledger: Option<Ledger>,
    patience: Duration,
    /// The prefix of this thread's keys.
    run: String,
    keys: Cell<u64>,
}

impl BenchClient {
    /// A client of the servers at these addresses, with a limited number of connections to each.
    ///
    /// # Errors
    /// When an address is malformed.
    pub fn new(plan: &SeasonPlan, signer: Signer, ledger: Option<Ledger>, run: String) -> Result<Rc<Self>> {
        let most = plan.connections.div_ceil(plan.threads);
        let servers = plan.urls.iter().map(|url| Wire::new(url, most));
        Ok(Rc::new(Self {
            servers: servers.collect::<io::Result<_>>()?,
            next: Cell::new(0),
            signer,
            issued: RefCell::default(),
            clock: Clock::system(),
            ledger,
            patience: plan.patience,
            run,
            keys: Cell::new(0),
        }))
    }

    /// Sends a request. A write has a key of its own. While a ledger is kept, a write with an unknown outcome is sent
    /// again under the same key until the outcome is known, and acknowledged writes are recorded.
    pub async fn send(&self, request: &BenchRequest) -> Result<BenchAnswer> {
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

    /// A new key. It is also the request's id, so that the audit row shows it. It never has eleven digits in a row.
    fn key(&self) -> String {
        let number = self.keys.get();
        self.keys.set(number + 1);
        format!("{}-{number}", self.run)
    }

    async fn once(&self, request: &BenchRequest, key: Option<&str>) -> Result<BenchAnswer> {
        let server = &self.servers[self.next.get() % self.servers.len()];
        self.next.set(self.next.get() + 1);
        let text = self.text(request, key, server.authority())?;
        let mut answer = BenchAnswer {
            status: None,
            body: Vec::new(),
            has_retry_after: false,
            sent: 0,
        };
        // If the body is incomplete, the answer tells nothing, whatever its status.
        if let Ok(Ok(reply)) = timeout(ANSWER, server.ask(&text)).await {
            answer.status = Some(reply.status);
            answer.body = reply.body;
            answer.has_retry_after = reply.has_retry_after;
        }
        Ok(answer)
    }

    /// The text of a request, as it is sent.
    fn text(&self, request: &BenchRequest, key: Option<&str>, authority: &str) -> Result<Vec<u8>> {
        let mut text = Vec::with_capacity(1024);
        let (method, path) = (&request.method, &request.path);
        write!(text, "{method} {path} HTTP/1.1\r\nhost: {authority}\r\nauthorization: ")?;
        text.extend_from_slice(self.authorization(request.bearer)?.as_bytes());
        if let Some(key) = key {
            write!(text, "\r\nidempotency-key: {key}\r\nx-request-id: {key}")?;
        }
        if let Some(version) = request.version {
            write!(text, "\r\nif-match: \"{version}\"")?;
        }
        match &request.body {
            None => text.extend_from_slice(b"\r\n\r\n"),
            Some(body) => {
                let body = body.to_string();
                write!(
                    text,
                    "\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )?;
            }
        }
        Ok(text)
    }

    /// The header with a valid token. A token serves many requests before it is replaced, so that thousands of players
    /// do not sign for each one.
    fn authorization(&self, bearer: Bearer) -> Result<Rc<str>> {
        let fresh = FRESH.to_std()?;
        let (mut issued, whose) = (self.issued.borrow_mut(), (bearer.account, bearer.office));
        if let Some((header, at)) = issued.get(&whose)
            && at.elapsed() < fresh
        {
            return Ok(header.clone());
        }
        let header: Rc<str> = format!("Bearer {}", self.signer.issue(bearer, self.clock.now())?).into();
        issued.insert(whose, (header.clone(), Instant::now()));
        Ok(header)
    }
}
