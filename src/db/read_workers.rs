//! Those who answer questions: a few threads, each with a connection of its own, and one queue.
//!
//! Most questions take some ten microseconds, as long as waking a thread for one. So no more threads are woken than there
//! are processors: whoever has answered one question takes the next at once, and the busier they are, the less a question
//! costs. The others are the reserve, called by who has waited for a while, lest short questions wait behind long ones;
//! of the embedded database only when nobody has taken a question for that long. Where there is simply much to do they would
//! take the processors from those who answer, and who refuse what is too much.
//!
//! What has queued up by the time a snapshot begins is answered from it, one question after the other: to begin and to end
//! one are two ways to PostgreSQL and back, as many as most questions need themselves.

use super::connection::{Conn, DatabaseUrl, Mode, is_broken};
use super::error::FaultKind;
use super::pg_pool::{Epoch, Purpose, TxManager, begin, silent};
use super::{DatabaseSettings, DbError, Limits};
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
use tokio::time::{Instant, timeout};

/// When a question that waits calls the reserve.
#[derive(Debug, Clone, Copy)]
struct SparePolicy {
    /// How long it waits before it does.
    time: Duration,
    /// Whether it does so even if questions are taken all the time.
    is_short: bool,
}

/// Longer than most questions to the embedded database take.
const EMBEDDED: SparePolicy = SparePolicy {
    time: Duration::from_millis(5),
    is_short: false,
};
/// A server may be far away, and whoever waits for it needs no processor.
const SERVER: SparePolicy = SparePolicy {
    time: Duration::from_millis(1),
    is_short: true,
};

/// How long a thread that can't connect leaves the questions to others, who may have a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How old a connection gets: what a server keeps for one only grows.
const OLDEST: Duration = Duration::from_secs(30 * 60);

/// A question with the one who waits for its answer; told why where there is no connection to ask it on. Says whether
/// another one may be asked in the same transaction.
type Job = Box<dyn FnOnce(Result<&mut Conn, DbError>) -> bool + Send>;

/// The threads and their queue.
pub(super) struct ReadWorkers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    patience: SparePolicy,
    wait: Duration,
    answer: Duration,
}

impl ReadWorkers {
    /// As many as a pool would have connections; each connects when it is first asked something.
    pub(super) fn start(url: &DatabaseUrl, settings: &DatabaseSettings, epoch: &Epoch) -> Result<Self, DbError> {
        let queue = Arc::new(Queue::default());
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (mode, patience) = match url {
            DatabaseUrl::Sqlite(_) => (Mode::ReadOnly, EMBEDDED),
            // Only where writes go is everything that was acknowledged.
            DatabaseUrl::Postgres(_) => (Mode::ReadWrite, SERVER),
        };
        let reader = |number| {
            let (place, queue) = (Connector::new(url, mode, settings, epoch), queue.clone());
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
        let number = self.queue.push(Box::new(move |conn| {
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
        let ticket = Ticket {
            queue: &self.queue,
            number,
            has_begun,
        };
        let wait = self.wait.min(self.answer);
        let mut waited = Duration::ZERO;
        // Each time twice as long: who waits for long looks seldom.
        let mut pause = self.patience.time;
        let answered = loop {
            match timeout(pause, &mut answer).await {
                Ok(answered) => break answered,
                Err(_) => waited += pause,
            }
            if ticket.has_begun() {
                break timeout(self.answer.saturating_sub(waited), answer)
                    .await
                    .map_err(|_| silent())?;
            }
            if waited >= wait {
                return Err(self.queue.why().into());
            }
            if self.queue.needs_reserve(self.patience) {
                self.queue.reserve.notify_one();
            }
            pause = waited.min(wait - waited);
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

impl Drop for ReadWorkers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A question's place in the queue. Whoever goes away before it has begun takes it with him.
struct Ticket<'a> {
    queue: &'a Queue,
    number: u64,
    has_begun: Arc<AtomicBool>,
}

impl Ticket<'_> {
    fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.has_begun() {
            self.queue.leave(self.number);
        }
    }
}

/// Where questions are asked.
struct Connector {
    url: DatabaseUrl,
    mode: Mode,
    limits: Limits,
    epoch: Epoch,
}

/// A connection, and when it was made.
struct Connected {
    conn: Conn,
    epoch: u64,
    since: Instant,
}

impl Connector {
    fn new(url: &DatabaseUrl, mode: Mode, settings: &DatabaseSettings, epoch: &Epoch) -> Self {
        Self {
            url: url.clone(),
            mode,
            limits: settings.limits,
            epoch: epoch.clone(),
        }
    }

    fn connect(&self) -> Result<Connected, DbError> {
        let epoch = self.epoch.now();
        Ok(Connected {
            conn: Conn::open(&self.url, self.mode, &self.limits)?,
            epoch,
            since: Instant::now(),
        })
    }

    /// A connection with a snapshot. One that was lost while it lay idle is found out by its BEGIN, before anything is asked;
    /// one to a server that is the primary no more, by those who write.
    fn begun(&self, connected: Option<Connected>) -> Result<Connected, DbError> {
        let is_good = |one: &Connected| one.epoch == self.epoch.now() && one.since.elapsed() < OLDEST;
        if let Some(mut connected) = connected.filter(is_good) {
            match begin(&mut connected.conn, Purpose::Read) {
                Ok(()) => return Ok(connected),
                Err(error) if FaultKind::of(&error) == FaultKind::Lost => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut connected = self.connect()?;
        begin(&mut connected.conn, Purpose::Read)?;
        Ok(connected)
    }
}

fn run(place: &Connector, queue: &Queue, watch: Watch) {
    let mut connected = None;
    while let Some((number, job, horizon)) = queue.next(watch) {
        match place.begun(connected.take()) {
            Ok(begun) => {
                queue.is_reached();
                connected = answer(begun, job, queue, horizon);
            }
            Err(fault) => queue.put_back(number, job, fault),
        }
    }
}

/// Answers a question and, from the same snapshot, what came before that began. Gives the connection back if it is whole.
fn answer(mut connected: Connected, mut job: Job, queue: &Queue, horizon: u64) -> Option<Connected> {
    let conn = &mut connected.conn;
    loop {
        // Who panicked may have left anything behind: the next question gets another connection.
        let went_well = catch_unwind(AssertUnwindSafe(|| job(Ok(conn)))).ok()?;
        // PostgreSQL answers nothing more in a transaction in which a statement failed; a refusal may be that too.
        match went_well.then(|| queue.another(horizon)).flatten() {
            Some(next) => job = next,
            None => break,
        }
    }
    // Nothing was written: how the transaction ends is no matter of the answers.
    let _ = TxManager::rollback_transaction(conn);
    (!is_broken(conn)).then_some(connected)
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
    closed: Condvar,
}

#[derive(Default)]
struct State {
    /// Each with its number.
    jobs: VecDeque<(u64, Job)>,
    /// The number of the last that came.
    last: u64,
    /// When one was taken last.
    taken: Option<Instant>,
    is_closed: bool,
    /// Why nobody could connect, since somebody could.
    fault: Option<String>,
    /// How many of the first watch sleep: waking nobody costs a system call too.
    asleep: usize,
}

impl Queue {
    /// A poisoned lock only says that a thread died while holding it; each change is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job; gives back its number.
    fn push(&self, job: Job) -> Result<u64, DbError> {
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
        Ok(number)
    }

    /// Takes a job out, if it is still there.
    fn leave(&self, number: u64) {
        let mut state = self.state();
        if let Ok(place) = state.jobs.binary_search_by_key(&number, |(number, _)| *number) {
            state.jobs.remove(place);
        }
    }

    /// Puts a job back to the front, for somebody who has a connection, and pauses: who fails at once must not take the
    /// questions away from those who would answer them. When all is closed, it is told why.
    fn put_back(&self, number: u64, job: Job, fault: DbError) {
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            job(Err(fault));
            return;
        }
        state.fault = Some(fault.to_string());
        let place = state.jobs.partition_point(|(other, _)| *other < number);
        state.jobs.insert(place, (number, job));
        self.first.notify_one();
        self.reserve.notify_one();
        drop(self.closed.wait_timeout(state, PAUSE));
    }

    /// Notes that somebody could connect.
    fn is_reached(&self) {
        let mut state = self.state();
        if state.fault.is_some() {
            state.fault = None;
        }
    }

    /// Why nobody had time for a question.
    fn why(&self) -> DbError {
        let fault = self.state().fault.clone();
        fault.map_or(DbError::Overloaded, DbError::Unavailable)
    }

    /// Whether those who are at it don't get on with what waits.
    fn needs_reserve(&self, patience: SparePolicy) -> bool {
        let state = self.state();
        let is_stuck = state.taken.is_none_or(|taken| taken.elapsed() >= patience.time);
        !state.jobs.is_empty() && (is_stuck || patience.is_short)
    }

    /// The next job with its number, once there is one, and the number of the last that has come by then; `None` when the
    /// queue is closed and empty.
    fn next(&self, watch: Watch) -> Option<(u64, Job, u64)> {
        let mut state = self.state();
        loop {
            match state.jobs.pop_front() {
                Some((number, job)) => {
                    state.taken = Some(Instant::now());
                    return Some((number, job, state.last));
                }
                None if state.is_closed => return None,
                None => state = self.sleep(state, watch),
            }
        }
    }

    /// Another job at once, if the next one's number is not behind this one.
    fn another(&self, horizon: u64) -> Option<Job> {
        let mut state = self.state();
        let (_, job) = state.jobs.pop_front_if(|(number, _)| *number <= horizon)?;
        state.taken = Some(Instant::now());
        Some(job)
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
        self.closed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_needed_where_nobody_gets_on_and_not_where_there_is_much_to_do() {
        let forever = Duration::from_secs(3600);
        let patience = |time, is_short| SparePolicy { time, is_short };
        let queue = Queue::default();
        assert!(!queue.needs_reserve(patience(Duration::ZERO, true)), "nothing waits");
        for _ in 0..3 {
            queue.push(Box::new(|_| true)).expect("it is open");
        }
        assert!(queue.needs_reserve(patience(forever, false)), "nobody has ever come");
        drop(queue.next(Watch::First));
        assert!(!queue.needs_reserve(patience(forever, false)), "one was taken just now");
        assert!(queue.needs_reserve(patience(Duration::ZERO, false)), "and none since");
        assert!(queue.needs_reserve(patience(forever, true)), "a server may be far away");
        assert!(queue.another(2).is_some());
        assert!(!queue.needs_reserve(patience(forever, false)));
    }
}
