//! Those who answer questions to the embedded database: a few threads, each with a connection of its own, and one queue.
//!
//! Most questions take some ten microseconds, as long as waking a thread for one. So no more threads are woken than there
//! are processors: whoever has answered one question takes the next at once, and the busier they are, the less a question
//! costs. The others are the reserve, called by who has waited for [`PATIENCE`], lest short questions wait behind long ones.

use super::connection::{Conn, DatabaseUrl, Mode, is_broken};
use super::lane::{Manners, answered, silent};
use super::{DbError, Limits, Settings};
use diesel::connection::TransactionManager;
use diesel::result::Error;
use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a question waits before the reserve is called: longer than most take.
const PATIENCE: Duration = Duration::from_millis(5);

/// A question with the one who waits for its answer; told why where there is no connection to ask it on.
type Job = Box<dyn FnOnce(Result<&mut Conn, DbError>) + Send>;

/// The threads and their queue.
pub(super) struct Readers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    answer: Duration,
}

impl Readers {
    /// As many as a pool would have connections; each connects when it is first asked something.
    pub(super) fn start(url: &DatabaseUrl, settings: &Settings) -> Result<Self, DbError> {
        let queue = Arc::new(Queue::default());
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let reader = |number| {
            let (url, queue) = (url.clone(), queue.clone());
            let watch = if number < processors {
                Watch::First
            } else {
                Watch::Reserve
            };
            std::thread::Builder::new()
                .name("reader".into())
                .spawn(move || run(&url, &queue, watch))
                .map_err(|e| DbError::Unavailable(e.to_string()))
        };
        let threads = (0..settings.pool_size as usize).map(reader).collect::<Result<_, _>>()?;
        Ok(Self {
            queue,
            threads: Mutex::new(threads),
            answer: settings.answer,
        })
    }

    /// Asks a question in a snapshot of its own.
    pub(super) async fn read<T, E>(
        &self,
        question: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<Error> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        self.queue.push(Box::new(move |conn| {
            // Nobody waits any more: he went away, or his time is over.
            if !reply.is_closed() {
                let _ = reply.send(conn.map_err(E::from).and_then(|conn| ask(conn, question)));
            }
        }))?;
        let answered = match timeout(PATIENCE, &mut answer).await {
            Ok(answered) => answered,
            Err(_) => {
                self.queue.call_reserve();
                timeout(self.answer, answer).await.map_err(|_| silent())?
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

fn ask<T, E: From<Error>>(conn: &mut Conn, question: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    // The connection itself is query_only, and a deferred transaction in WAL mode is a snapshot.
    Manners::begin_transaction(conn)?;
    answered(conn, question)
}

fn run(url: &DatabaseUrl, queue: &Queue, watch: Watch) {
    let mut connected = None;
    while let Some(job) = queue.next(watch) {
        let opened = connected
            .take()
            .map_or_else(|| Conn::open(url, Mode::ReadOnly, &Limits::default()), Ok);
        let mut conn = match opened {
            Ok(conn) => conn,
            Err(fault) => {
                job(Err(fault));
                continue;
            }
        };
        // Who panicked may have left his transaction open: the next question gets another connection.
        let ended = catch_unwind(AssertUnwindSafe(|| job(Ok(&mut conn))));
        connected = Some(conn).filter(|_| ended.is_ok());
        connected = connected.and_then(|mut conn| (!is_broken(&mut conn)).then_some(conn));
    }
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
    jobs: VecDeque<Job>,
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
        state.jobs.push_back(job);
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

    /// The next job, once there is one; `None` when the queue is closed and empty.
    fn next(&self, watch: Watch) -> Option<Job> {
        let mut state = self.state();
        loop {
            match state.jobs.pop_front() {
                None if !state.is_closed => state = self.sleep(state, watch),
                settled => return settled,
            }
        }
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
