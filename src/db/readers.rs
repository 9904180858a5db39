//! Those who answer questions: a few threads, each with a connection of its own, and one queue.
//!
//! Most questions take some ten microseconds, as long as waking a thread for one. So no more threads are woken than there
//! are processors: whoever has answered one question takes the next at once, and the busier they are, the less a question
//! costs. The others are the reserve, called by who has waited for a while, lest short questions wait behind long ones.
//!
//! What has queued up by the time a snapshot begins is answered from it, one question after the other: to begin and to end
//! one are two ways to PostgreSQL and back, as many as most questions need themselves.

use super::connection::{Conn, DatabaseUrl, Mode, is_broken};
use super::error::FaultKind;
use super::lane::{Manners, Purpose, begin, silent};
use super::{DbError, Limits, Settings};
use diesel::connection::TransactionManager;
use diesel::result::Error;
use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a question to the embedded database waits before the reserve is called: longer than most take.
const EMBEDDED: Duration = Duration::from_millis(5);
/// The same for a server, which may be far away: whoever waits for it needs no processor.
const SERVER: Duration = Duration::from_millis(1);

/// A question with the one who waits for its answer; told why where there is no connection to ask it on. Says whether
/// another one may be asked in the same transaction.
type Job = Box<dyn FnOnce(Result<&mut Conn, DbError>) -> bool + Send>;

/// The threads and their queue.
pub(super) struct Readers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    patience: Duration,
    wait: Duration,
    answer: Duration,
}

impl Readers {
    /// As many as a pool would have connections; each connects when it is first asked something.
    pub(super) fn start(url: &DatabaseUrl, settings: &Settings) -> Result<Self, DbError> {
        let queue = Arc::new(Queue::default());
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (mode, patience) = match url {
            DatabaseUrl::Sqlite(_) => (Mode::ReadOnly, EMBEDDED),
            // Only where writes go is everything that was acknowledged.
            DatabaseUrl::Postgres(_) => (Mode::ReadWrite, SERVER),
        };
        let reader = |number| {
            let (place, queue) = (Place::new(url, mode, settings), queue.clone());
            let watch = if number < processors {
                Watch::First
            } else {
                Watch::Reserve
            };
            std::thread::Builder::new()
                .name("reader".into())
                .spawn(move || run(&place, &queue, watch))
                .map_err(|e| DbError::Unavailable(e.to_string()))
        };
        let threads = (0..settings.pool_size as usize).map(reader).collect::<Result<_, _>>()?;
        Ok(Self {
            queue,
            threads: Mutex::new(threads),
            patience,
            wait: settings.wait,
            answer: settings.answer,
        })
    }

    /// Asks a question in a snapshot that begins after this call has.
    pub(super) async fn read<T, E>(
        &self,
        question: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<Error> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        let has_begun = Arc::new(AtomicBool::new(false));
        let begun = has_begun.clone();
        self.queue.push(Box::new(move |conn| {
            // Nobody waits any more: he went away, or his time is over.
            if reply.is_closed() {
                return true;
            }
            begun.store(true, Ordering::Relaxed);
            let answer = conn.map_err(E::from).and_then(question);
            let went_well = answer.is_ok();
            let _ = reply.send(answer);
            went_well
        }))?;
        let answered = match timeout(self.patience, &mut answer).await {
            Ok(answered) => answered,
            Err(_) => {
                self.queue.call_reserve();
                match timeout(self.wait, &mut answer).await {
                    Ok(answered) => answered,
                    Err(_) if !has_begun.load(Ordering::Relaxed) => return Err(DbError::Overloaded.into()),
                    Err(_) => timeout(self.answer.saturating_sub(self.wait), answer)
                        .await
                        .map_err(|_| silent())?,
                }
            }
        };
        answered.map_err(|_| DbError::Panicked)?
    }

    /// Lets the queue run dry and waits for the last answer.
    pub(super) async fn close(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = tokio::task::spawn_blocking(|| threads.into_iter().try_for_each(JoinHandle::join)).await;
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Where questions are asked.
struct Place {
    url: DatabaseUrl,
    mode: Mode,
    limits: Limits,
}

impl Place {
    fn new(url: &DatabaseUrl, mode: Mode, settings: &Settings) -> Self {
        let (url, limits) = (url.clone(), settings.limits);
        Self { url, mode, limits }
    }

    fn connect(&self) -> Result<Conn, DbError> {
        Conn::open(&self.url, self.mode, &self.limits)
    }

    /// A connection with a snapshot. One that was lost while it lay idle is found out by its BEGIN, before anything is asked.
    fn begun(&self, connected: Option<Conn>) -> Result<Conn, DbError> {
        if let Some(mut conn) = connected {
            match begin(&mut conn, Purpose::Read) {
                Ok(()) => return Ok(conn),
                Err(error) if FaultKind::of(&error) == FaultKind::Lost => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut conn = self.connect()?;
        begin(&mut conn, Purpose::Read)?;
        Ok(conn)
    }
}

fn run(place: &Place, queue: &Queue, watch: Watch) {
    let mut connected = None;
    while let Some((job, horizon)) = queue.next(watch) {
        match place.begun(connected.take()) {
            Ok(conn) => connected = answer(conn, job, queue, horizon),
            Err(fault) => drop(job(Err(fault))),
        }
    }
}

/// Answers a question and, from the same snapshot, what came before that began. Gives the connection back if it is whole.
fn answer(mut conn: Conn, mut job: Job, queue: &Queue, horizon: u64) -> Option<Conn> {
    loop {
        // Who panicked may have left anything behind: the next question gets another connection.
        let went_well = catch_unwind(AssertUnwindSafe(|| job(Ok(&mut conn)))).ok()?;
        // PostgreSQL answers nothing more in a transaction in which something failed.
        match went_well.then(|| queue.another(horizon)).flatten() {
            Some(next) => job = next,
            None => break,
        }
    }
    // Nothing was written: how the transaction ends is no matter of the answers.
    let _ = Manners::rollback_transaction(&mut conn);
    (!is_broken(&mut conn)).then_some(conn)
}

/// What wakes a thread.
#[derive(Debug, Clone, Copy)]
enum Watch {
    /// Every question.
    First,
    /// A question that waits.
    Reserve,
}

/// What waits to be answered, first come first served.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    first: Condvar,
    reserve: Condvar,
}

#[derive(Default)]
struct State {
    /// Each with its number.
    jobs: VecDeque<(u64, Job)>,
    /// The number of the last that came.
    last: u64,
    is_closed: bool,
    /// How many of the first watch sleep: waking nobody costs a system call too.
    asleep: usize,
}

impl Queue {
    /// A poisoned lock only says that a thread died while holding it; each change is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) -> Result<(), DbError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(DbError::Unavailable("the door is closed".into()));
        }
        state.last += 1;
        let number = state.last;
        state.jobs.push_back((number, job));
        let is_anybody_asleep = state.asleep > 0;
        drop(state);
        if is_anybody_asleep {
            self.first.notify_one();
        }
        Ok(())
    }

    fn call_reserve(&self) {
        if !self.state().jobs.is_empty() {
            self.reserve.notify_one();
        }
    }

    /// The next job, once there is one, and the number of the last that has come by then; `None` when the queue is closed
    /// and empty.
    fn next(&self, watch: Watch) -> Option<(Job, u64)> {
        let mut state = self.state();
        loop {
            match state.jobs.pop_front() {
                Some((_, job)) => return Some((job, state.last)),
                None if state.is_closed => return None,
                None => state = self.sleep(state, watch),
            }
        }
    }

    /// Another job at once, if the next one's number is not behind this one.
    fn another(&self, horizon: u64) -> Option<Job> {
        let mut state = self.state();
        let next = state.jobs.pop_front_if(|(number, _)| *number <= horizon);
        next.map(|(_, job)| job)
    }

    fn sleep<'a>(&'a self, mut state: MutexGuard<'a, State>, watch: Watch) -> MutexGuard<'a, State> {
        match watch {
            Watch::First => {
                state.asleep += 1;
                let mut state = self.first.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.asleep -= 1;
                state
            }
            Watch::Reserve => self.reserve.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn close(&self) {
        self.state().is_closed = true;
        self.first.notify_all();
        self.reserve.notify_all();
    }
}
