//! The operations of the players: proposals from three sides, previews, decisions, and the reads between them.

use super::cast::{Candidate, Cast, PlayingOffice, Township};
use super::client::BenchClient;
use super::ledger::Ledger;
use super::message::{BenchAnswer, BenchRequest};
use super::meter::{End, Meter};
use super::plan::{Operation, SeasonPlan};
use super::signer::Signer;
use actix_web::http::Method;
use anyhow::{Context, Result, anyhow};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use zhuanjie::domain::audit::AuditAction;
use zhuanjie::domain::core::ids::OrganizationId;
use zhuanjie::security::random_text;
use zhuanjie::security::tokens::Bearer;

/// Search texts for a target: parts of names, abbreviations and initials.
const TYPED: [&str; 8] = [
    "洪山",
    "关山街道",
    "武汉大学",
    "华科",
    "whdx",
    "朝阳区",
    "珞珈山",
    "团委",
];

/// An open case.
struct OnItsWay {
    id: String,
    version: i64,
    candidate: Candidate,
    township: Township,
    /// The bearer who proposed it and can withdraw it.
    proposer: Bearer,
    /// The bearer who decides it now.
    decider: Bearer,
}

/// The state that the players share: members to transfer, and cases to decide.
struct Deck {
    candidates: Vec<Candidate>,
    with_account: Vec<Candidate>,
    waiting: VecDeque<OnItsWay>,
    accepted: VecDeque<OnItsWay>,
}

impl Deck {
    /// Puts a case where its next decider finds it.
    fn lay(&mut self, is_accepted: bool, case: OnItsWay) {
        if is_accepted {
            self.accepted.push_back(case);
        } else {
            self.waiting.push_back(case);
        }
    }

    /// Takes back a member whose proposal was not begun.
    fn give_back(&mut self, operation: Operation, candidate: Candidate) {
        if operation == Operation::FileByMember && candidate.account.is_some() {
            self.with_account.push(candidate);
        } else {
            self.candidates.push(candidate);
        }
    }
}

struct SharedCast {
    cast: Cast,
    deck: Mutex<Deck>,
}

impl SharedCast {
    fn new(mut cast: Cast) -> Self {
        let all = std::mem::take(&mut cast.candidates);
        let (with_account, candidates) = all.into_iter().partition(|candidate| candidate.account.is_some());
        let deck = Deck {
            candidates,
            with_account,
            waiting: VecDeque::new(),
            accepted: VecDeque::new(),
        };
        Self {
            cast,
            deck: Mutex::new(deck),
        }
    }

    fn deck(&self) -> MutexGuard<'_, Deck> {
        self.deck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bearer who can decide for one of these organizations.
    fn decider(&self, at: &[OrganizationId], proposer: Bearer, candidate: &Candidate) -> Option<Bearer> {
        let offices = at.iter().filter_map(|id| self.cast.offices.get(id)).flatten();
        let mut able = offices
            .map(|office| office.bearer)
            .filter(|bearer| bearer.account != proposer.account && Some(bearer.account) != candidate.account);
        able.next()
    }
}

/// Plays until the window is over.
///
/// # Errors
/// When a thread can't be started, or the ledger can't be written.
pub fn play(plan: SeasonPlan, cast: Cast, signer: Signer) -> Result<Meter> {
    let ledger = plan.ledger.as_deref().map(Ledger::open).transpose()?;
    let stage = Arc::new(SharedCast::new(cast));
    let plan = Arc::new(plan);
    let threads: Vec<_> = (0..plan.threads)
        .map(|thread| {
            let (plan, stage, signer, ledger) = (plan.clone(), stage.clone(), signer.clone(), ledger.clone());
            std::thread::spawn(move || {
                let run = format!("b{thread}-{}", &random_text()[..8]);
                actix_web::rt::System::new().block_on(async move {
                    let client = BenchClient::new(&plan, signer, ledger, run)?;
                    let troupe = Troupe {
                        stage,
                        client,
                        meter: RefCell::new(Meter::new(plan.window.clone())),
                        rng: RefCell::new(Pcg64Mcg::seed_from_u64(thread as u64)),
                        plan,
                    };
                    Rc::new(troupe).perform().await
                })
            })
        })
        .collect();
    let mut meter = Meter::new(plan.window.clone());
    for thread in threads {
        meter.add(thread.join().map_err(|_| anyhow!("a thread panicked"))??);
    }
    Ok(meter)
}

/// The players of one thread.
struct Troupe {
    plan: Arc<SeasonPlan>,
    stage: Arc<SharedCast>,
    client: Rc<BenchClient>,
    meter: RefCell<Meter>,
    rng: RefCell<Pcg64Mcg>,
}

impl Troupe {
    async fn perform(self: Rc<Self>) -> Result<Meter> {
        match self.plan.rate {
            None => self.clone().closed().await?,
            Some(rate) => self.clone().open(rate / self.plan.threads as f64).await?,
        }
        let troupe = Rc::into_inner(self).context("a player is still running")?;
        Ok(troupe.meter.into_inner())
    }

    /// Closed loop: a number of players. Each waits for an answer before the next request.
    async fn closed(self: Rc<Self>) -> Result<()> {
        let players = self.plan.concurrency.div_ceil(self.plan.threads);
        let player = |troupe: Rc<Self>| async move {
            loop {
                let due = Instant::now();
                if troupe.plan.window.is_over(due) {
                    return anyhow::Ok(());
                }
                troupe.act(due).await?;
            }
        };
        let playing: Vec<_> = (0..players)
            .map(|_| actix_web::rt::spawn(player(self.clone())))
            .collect();
        for player in playing {
            player.await??;
        }
        Ok(())
    }

    /// Open loop: a number of requests each second, whatever happens to earlier ones.
    async fn open(self: Rc<Self>, rate: f64) -> Result<()> {
        let (begun, mut acting) = (Instant::now(), VecDeque::new());
        for number in 0_u32.. {
            let due = begun + Duration::from_secs_f64(f64::from(number) / rate);
            if due > Instant::now() {
                sleep_until(due).await;
            }
            if self.plan.window.is_over(due) {
                break;
            }
            let troupe = self.clone();
            acting.push_back(actix_web::rt::spawn(async move { troupe.act(due).await }));
            while acting.front().is_some_and(actix_web::rt::task::JoinHandle::is_finished) {
                if let Some(done) = acting.pop_front() {
                    done.await??;
                }
            }
        }
        for act in acting {
            act.await??;
        }
        Ok(())
    }

    /// Plays one operation of the mix. If there is no case to decide, it proposes one.
    async fn act(&self, due: Instant) -> Result<()> {
        let operation = self.plan.mix.draw(&mut self.rng.borrow_mut());
        match operation {
            Operation::FileBySource | Operation::FileByTarget | Operation::FileByMember => {
                self.file(operation, due).await
            }
            Operation::Approve | Operation::Refuse | Operation::Withdraw => {
                let case = self.stage.deck().waiting.pop_front();
                self.decide_or_propose(operation, case, due).await
            }
            Operation::Assign => {
                let case = self.stage.deck().accepted.pop_front();
                self.decide_or_propose(operation, case, due).await
            }
            Operation::Preview | Operation::Inbox | Operation::Members | Operation::Search | Operation::List => {
                self.look(operation, due).await
            }
        }
    }

    fn township(&self) -> Township {
        let townships = &self.stage.cast.townships;
        townships[self.rng.borrow_mut().random_range(0..townships.len())]
    }

    /// Any member. They stay in their branch.
    fn anybody(&self) -> Result<Candidate> {
        let deck = self.stage.deck();
        let count = deck.candidates.len();
        let index = self.rng.borrow_mut().random_range(0..count.max(1));
        deck.candidates
            .get(index)
            .cloned()
            .context("no member is left; give more with --members")
    }

    async fn file(&self, operation: Operation, due: Instant) -> Result<()> {
        let candidate = {
            let mut deck = self.stage.deck();
            let own = if operation == Operation::FileByMember {
                deck.with_account.pop()
            } else {
                None
            };
            own.or_else(|| deck.candidates.pop())
        };
        let candidate = candidate.context("no member is left; give more with --members")?;
        let township = self.township();
        let (proposer, member) = match (operation, candidate.account) {
            (Operation::FileByMember, Some(account)) => (
                Bearer {
                    account,
                    session: None,
                    office: None,
                },
                None,
            ),
            (Operation::FileByTarget, _) => {
                let named = json!({"name": candidate.name, "id_number": candidate.id_number});
                (township.office.bearer, Some(named))
            }
            _ => (candidate.school.bearer, Some(json!({"id": candidate.id}))),
        };
        let request = BenchRequest {
            method: Method::POST,
            path: "/v1/transfers".into(),
            bearer: proposer,
            body: Some(proposal(township.office, member)),
            version: None,
            writes: Some(AuditAction::TransferProposed),
        };
        let answer = self.send(operation, due, &request).await?;
        if answer.is_shed() {
            self.stage.deck().give_back(operation, candidate);
        } else {
            self.go_on(answer, candidate, township, proposer);
        }
        Ok(())
    }

    async fn decide_or_propose(&self, operation: Operation, case: Option<OnItsWay>, due: Instant) -> Result<()> {
        let Some(case) = case else {
            return self.file(Operation::FileBySource, due).await;
        };
        let (verb, bearer, body, writes) = match operation {
            Operation::Refuse => (
                "refuse",
                case.decider,
                json!({"reason": "信息错误"}),
                AuditAction::TransferRefused,
            ),
            Operation::Withdraw => ("withdraw", case.proposer, json!({}), AuditAction::TransferWithdrawn),
            Operation::Assign => {
                let branch = json!({"branch": case.township.branch});
                ("assign", case.decider, branch, AuditAction::TransferAssigned)
            }
            _ => ("approve", case.decider, json!({}), AuditAction::TransferApproved),
        };
        let request = BenchRequest {
            method: Method::POST,
            path: format!("/v1/transfers/{}/{verb}", case.id),
            bearer,
            body: Some(body),
            version: Some(case.version),
            writes: Some(writes),
        };
        let answer = self.send(operation, due, &request).await?;
        if answer.is_shed() {
            self.stage.deck().lay(operation == Operation::Assign, case);
        } else {
            self.go_on(answer, case.candidate, case.township, case.proposer);
        }
        Ok(())
    }

    /// Puts a case where its next decider finds it. A member whose case has ended can be transferred again. A member
    /// whose request failed is left out.
    fn go_on(&self, answer: BenchAnswer, candidate: Candidate, township: Township, proposer: Bearer) {
        let case = answer.is_success().then(|| answer.json()).flatten();
        let Some(case) = case.as_ref().and_then(Seen::of) else {
            return;
        };
        let Some(decider) = self.stage.decider(&case.waiting_for, proposer, &candidate) else {
            if ["refused", "withdrawn"].contains(&case.state) {
                self.stage.deck().candidates.insert(0, candidate);
            }
            return;
        };
        let on_its_way = OnItsWay {
            id: case.id.to_owned(),
            version: case.version,
            candidate,
            township,
            proposer,
            decider,
        };
        self.stage.deck().lay(case.state == "awaiting_assignment", on_its_way);
    }

    async fn look(&self, operation: Operation, due: Instant) -> Result<()> {
        let get = |path: String, bearer: Bearer| BenchRequest {
            method: Method::GET,
            path,
            bearer,
            body: None,
            version: None,
            writes: None,
        };
        let request = match operation {
            Operation::Preview => {
                let candidate = self.anybody()?;
                let body = proposal(self.township().office, Some(json!({"id": candidate.id})));
                BenchRequest {
                    method: Method::POST,
                    body: Some(body),
                    ..get("/v1/transfers/preview".into(), candidate.school.bearer)
                }
            }
            Operation::Inbox => get(
                "/v1/inbox?kind=approval_in&limit=20".into(),
                self.township().office.bearer,
            ),
            Operation::Members => {
                let candidate = self.anybody()?;
                let path = format!("/v1/organizations/{}/members?limit=20", candidate.branch);
                get(path, candidate.school.bearer)
            }
            Operation::Search => {
                let typed = TYPED[self.rng.borrow_mut().random_range(0..TYPED.len())];
                let typed: String = typed.bytes().map(|byte| format!("%{byte:02X}")).collect();
                get(format!("/v1/targets?q={typed}"), self.anybody()?.school.bearer)
            }
            _ => {
                let provinces = &self.stage.cast.provinces;
                let province = provinces[self.rng.borrow_mut().random_range(0..provinces.len())];
                get("/v1/transfers?side=in&limit=20".into(), province.bearer)
            }
        };
        self.send(operation, due, &request).await.map(drop)
    }

    async fn send(&self, operation: Operation, due: Instant, request: &BenchRequest) -> Result<BenchAnswer> {
        let answer = self.client.send(request).await?;
        let end = match answer.status {
            _ if answer.is_success() => End::Done {
                wrote: request.writes.is_some(),
            },
            _ if answer.is_shed() => End::Shed,
            _ => End::Error(answer.code()),
        };
        self.meter.borrow_mut().record(operation.name(), due, answer.sent, end);
        Ok(answer)
    }
}

/// The fields that a player reads of a case.
struct Seen<'a> {
    id: &'a str,
    version: i64,
    state: &'a str,
    waiting_for: Vec<OrganizationId>,
}

impl<'a> Seen<'a> {
    fn of(case: &'a Value) -> Option<Self> {
        let waiting_for = case["waiting_for"].as_array()?.iter();
        Some(Self {
            id: case["id"].as_str()?,
            version: case["version"].as_i64()?,
            state: case["state"].as_str()?,
            waiting_for: waiting_for
                .filter_map(|named| named["id"].as_str()?.parse().ok())
                .collect(),
        })
    }
}

/// The proposal of a graduate who goes home without work.
fn proposal(target: PlayingOffice, member: Option<Value>) -> Value {
    let mut body = json!({
        "reason": "unsettled",
        "details": {"home_address": {"division_code": "420111", "text": "珞喻路1037号"}},
        "target": target.organization,
    });
    if let Some(member) = member {
        body["member"] = member;
    }
    body
}
