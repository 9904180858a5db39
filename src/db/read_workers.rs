//! Reads: a few workers, each a thread with its own connection, and one queue before them.
//!
//! Most reads take some ten microseconds, about as long as waking a thread. So there are two kinds of workers. Core
//! workers, one for each processor, wake for every read. A worker that has answered one read takes the next at once.
//! Spare workers wake only when a read has waited 1 ms (PostgreSQL), or when no read was taken for 5 ms (SQLite), so
//! that short reads don't wait behind long ones. If they woke more often, the threads that handle requests would get
//! less processor time.
//!
//! Reads that are queued when a snapshot begins are answered from it one after the other. On PostgreSQL, to begin and
//! end a snapshot takes two round trips, as many as most reads need themselves.

use super::connection::{Access, Conn, Epoch, TxManager};
use super::error::FaultKind;
use super::threads::{lock, wait};
use super::{DatabaseSettings, DatabaseUrl, DbError, Limits};
use diesel::connection::TransactionManager;
use diesel::result::Error;
use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// When a waiting read wakes a spare worker.
#[derive(Debug, Clone, Copy)]
struct SparePolicy {
    /// How long the read waits first.
    after: Duration,
    /// Whether it wakes one even while other reads are being taken from the queue.
    even_if_busy: bool,
}

/// Most reads of SQLite take less.
const SQLITE: SparePolicy = SparePolicy {
    after: Duration::from_millis(5),
    even_if_busy: false,
};
/// A worker that waits for a remote server needs no processor.
const POSTGRES: SparePolicy = SparePolicy {
    after: Duration::from_millis(1),
    even_if_busy: true,
};

/// How long a worker that can't connect leaves the queue to others.
const RECONNECT_PAUSE: Duration = Duration::from_millis(100);
/// The maximum age of a connection, because a PostgreSQL server process uses more and more memory over time.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// A query, with the channel to the caller that waits for its answer. The argument is a connection, or the reason why
/// there is none. The result tells whether another query may run in the same transaction.
type ReadRequest = Box<dyn FnOnce(Result<&mut Conn, DbError>) -> bool + Send>;

/// The workers and their queue.
pub(super) struct ReadWorkers {
    queue: Arc<ReadQueue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    spare: SparePolicy,
    wait: Duration,
    answer: Duration,
}

impl ReadWorkers {
    /// Starts [`DatabaseSettings::pool_size`] workers. Each connects when it takes its first read.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub(super) fn start(url: &DatabaseUrl, settings: &DatabaseSettings, epoch: &Epoch) -> Result<Self, DbError> {
        let queue = Arc::new(ReadQueue::default());
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (access, spare) = match url {
            DatabaseUrl::Sqlite(_) => (Access::ReadOnly, SQLITE),
            // Only the primary is sure to have everything that was acknowledged.
            DatabaseUrl::Postgres(_) => (Access::ReadWrite, POSTGRES),
        };
        let start = |number| {
            let (connector, queue) = (Connector::new(url, access, settings, epoch), queue.clone());
            let worker = if number < processors {
                Worker::Core
            } else {
                Worker::Spare
            };
            std::thread::Builder::new()
                .name("reader".into())
                .spawn(move || run(&connector, &queue, worker))
                .map_err(|e| DbError::Unavailable(e.to_string()))
        };
        let threads = (0..settings.pool_size as usize).map(start).collect::<Result<_, _>>()?;
        Ok(Self {
            queue,
            threads: Mutex::new(threads),
            spare,
            wait: settings.wait,
            answer: settings.answer,
        })
    }

    /// Runs a query in a snapshot that begins after this call.
    ///
    /// # Errors
    /// What the query returns. [`DbError::Overloaded`] when no worker takes it within [`DatabaseSettings::wait`], or
    /// [`DbError::Unavailable`] if the workers can't connect; [`DbError::Unavailable`] when it is not answered within
    /// [`DatabaseSettings::answer`].
    pub(super) async fn read<T, E>(
        &self,
        query: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<Error> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        let has_begun = Arc::new(AtomicBool::new(false));
        let begun = has_begun.clone();
        let number = self.queue.push(Box::new(move |conn| {
            // The caller has disconnected, or has waited too long.
            if reply.is_closed() {
                return true;
            }
            begun.store(true, Ordering::Relaxed);
            let answer = conn.map_err(E::from).and_then(query);
            let is_ok = answer.is_ok();
            let _ = reply.send(answer);
            is_ok
        }))?;
        let ticket = ReadTicket {
            queue: &self.queue,
            number,
            has_begun,
        };
        let wait = self.wait.min(self.answer);
        let mut waited = Duration::ZERO;
        // The pauses double.
        let mut pause = self.spare.after;
        let answered = loop {
            match timeout(pause, &mut answer).await {
                Ok(answered) => break answered,
                Err(_) => waited += pause,
            }
            if ticket.has_begun() {
                break timeout(self.answer.saturating_sub(waited), answer)
                    .await
                    .map_err(|_| DbError::no_answer())?;
            }
            if waited >= wait {
                return Err(self.queue.why_not_taken().into());
            }
            if self.queue.needs_spare(self.spare) {
                self.queue.spare.notify_one();
            }
            pause = waited.min(wait - waited);
        };
        answered.map_err(|_| DbError::Panicked)?
    }

    /// Takes no more reads, and waits until those in the queue are answered.
    pub(super) async fn close(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *lock(&self.threads));
        let _ = tokio::task::spawn_blocking(|| threads.into_iter().try_for_each(JoinHandle::join)).await;
    }
}

impl Drop for ReadWorkers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// The number of a read in the queue. If the caller gives up before the read has begun, dropping the ticket takes the
/// read out of the queue.
struct ReadTicket<'a> {
    queue: &'a ReadQueue,
    number: u64,
    has_begun: Arc<AtomicBool>,
}

impl ReadTicket<'_> {
    fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }
}

impl Drop for ReadTicket<'_> {
    fn drop(&mut self) {
        if !self.has_begun() {
            self.queue.remove(self.number);
        }
    }
}

/// Connects one worker.
struct Connector {
    url: DatabaseUrl,
    access: Access,
    limits: Limits,
    epoch: Epoch,
}

/// A worker's connection, with the epoch and the instant at which it was opened.
struct WorkerConnection {
    conn: Conn,
    epoch: u64,
    since: Instant,
}

impl Connector {
    fn new(url: &DatabaseUrl, access: Access, settings: &DatabaseSettings, epoch: &Epoch) -> Self {
        Self {
            url: url.clone(),
            access,
            limits: settings.limits,
            epoch: epoch.clone(),
        }
    }

    fn connect(&self) -> Result<WorkerConnection, DbError> {
        let epoch = self.epoch.now();
        Ok(WorkerConnection {
            conn: Conn::open(&self.url, self.access, &self.limits)?,
            epoch,
            since: Instant::now(),
        })
    }

    /// A connection with an open snapshot: the worker's own, or a new one. If the connection was lost while it was
    /// idle, the BEGIN fails. If its epoch has ended, it may lead to a server that is no longer the primary.
    fn begin(&self, own: Option<WorkerConnection>) -> Result<WorkerConnection, DbError> {
        let is_good = |own: &WorkerConnection| own.epoch == self.epoch.now() && own.since.elapsed() < MAX_AGE;
        if let Some(mut own) = own.filter(is_good) {
            match own.conn.begin(Access::ReadOnly) {
                Ok(()) => return Ok(own),
                Err(error) if FaultKind::of(&error) == FaultKind::Lost => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut new = self.connect()?;
        new.conn.begin(Access::ReadOnly)?;
        Ok(new)
    }
}

fn run(connector: &Connector, queue: &ReadQueue, worker: Worker) {
    let mut own = None;
    while let Some((number, request, horizon)) = queue.next(worker) {
        match connector.begin(own.take()) {
            Ok(begun) => {
                queue.note_connected();
                own = answer(begun, request, queue, horizon);
            }
            Err(fault) => queue.put_back(number, request, fault),
        }
    }
}

/// Answers a read and, from the same snapshot, the reads that were queued before the snapshot began. Returns the
/// connection if it is intact.
fn answer(
    mut own: WorkerConnection,
    mut request: ReadRequest,
    queue: &ReadQueue,
    horizon: u64,
) -> Option<WorkerConnection> {
    let conn = &mut own.conn;
    loop {
        // A panic may leave the connection in any state: the next read gets a new one.
        let is_ok = catch_unwind(AssertUnwindSafe(|| request(Ok(conn)))).ok()?;
        // After a failed statement PostgreSQL runs no further statement in the transaction. An `Err` may come from one.
        match is_ok.then(|| queue.another(horizon)).flatten() {
            Some(next) => request = next,
            None => break,
        }
    }
    // Nothing was written, so the answers are right however the transaction ends.
    let _ = TxManager::rollback_transaction(conn);
    (!conn.is_broken()).then_some(own)
}

/// What wakes a worker.
#[derive(Debug, Clone, Copy)]
enum Worker {
    /// Every read.
    Core,
    /// A read that has waited: see [`SparePolicy`].
    Spare,
}

/// Reads that wait for a worker, in the order of their arrival.
#[derive(Default)]
struct ReadQueue {
    state: Mutex<ReadQueueState>,
    core: Condvar,
    spare: Condvar,
    closed: Condvar,
}

#[derive(Default)]
struct ReadQueueState {
    /// Each read with its number.
    requests: VecDeque<(u64, ReadRequest)>,
    /// The number of the newest read.
    last: u64,
    /// When a read was last taken.
    taken: Option<Instant>,
    is_closed: bool,
    /// Why the last try to connect failed, if none has succeeded since.
    fault: Option<String>,
    /// How many core workers sleep. A notification costs a system call even if nobody sleeps.
    asleep: usize,
}

impl ReadQueue {
    fn state(&self) -> MutexGuard<'_, ReadQueueState> {
        lock(&self.state)
    }

    /// Queues a read and returns its number.
    fn push(&self, request: ReadRequest) -> Result<u64, DbError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(DbError::closed());
        }
        state.last += 1;
        let number = state.last;
        state.requests.push_back((number, request));
        let is_anybody_asleep = state.asleep > 0;
        drop(state);
        if is_anybody_asleep {
            self.core.notify_one();
        }
        Ok(number)
    }

    /// Takes a read out of the queue, if it is still there.
    fn remove(&self, number: u64) {
        let mut state = self.state();
        if let Ok(place) = state.requests.binary_search_by_key(&number, |(number, _)| *number) {
            state.requests.remove(place);
        }
    }

    /// Puts a read back into the queue in its order, for a worker that has a connection. Then pauses, because a worker
    /// that can't connect must not take the reads from workers that could answer them. If the queue is closed, the read
    /// gets the fault.
    fn put_back(&self, number: u64, request: ReadRequest, fault: DbError) {
        let mut state = self.state();
        if state.is_closed {
            drop(state);
            request(Err(fault));
            return;
        }
        state.fault = Some(fault.to_string());
        let place = state.requests.partition_point(|(other, _)| *other < number);
        state.requests.insert(place, (number, request));
        self.core.notify_one();
        self.spare.notify_one();
        drop(self.closed.wait_timeout(state, RECONNECT_PAUSE));
    }

    /// Notes that a worker could connect.
    fn note_connected(&self) {
        let mut state = self.state();
        if state.fault.is_some() {
            state.fault = None;
        }
    }

    /// Why no worker took a read in time.
    fn why_not_taken(&self) -> DbError {
        let fault = self.state().fault.clone();
        fault.map_or(DbError::Overloaded, DbError::Unavailable)
    }

    /// Whether a spare worker should wake for a read that has waited [`SparePolicy::after`].
    fn needs_spare(&self, policy: SparePolicy) -> bool {
        let state = self.state();
        let is_stuck = state.taken.is_none_or(|taken| taken.elapsed() >= policy.after);
        !state.requests.is_empty() && (is_stuck || policy.even_if_busy)
    }

    /// Waits for a read. Returns its number, the read, and the number of the newest read at that moment (the horizon).
    /// `None` when the queue is closed and empty.
    fn next(&self, worker: Worker) -> Option<(u64, ReadRequest, u64)> {
        let mut state = self.state();
        loop {
            match state.requests.pop_front() {
                Some((number, request)) => {
                    state.taken = Some(Instant::now());
                    return Some((number, request, state.last));
                }
                None if state.is_closed => return None,
                None => state = self.sleep(state, worker),
            }
        }
    }

    /// The next read, if one is queued whose number is at most `horizon`.
    fn another(&self, horizon: u64) -> Option<ReadRequest> {
        let mut state = self.state();
        let (_, request) = state.requests.pop_front_if(|(number, _)| *number <= horizon)?;
        state.taken = Some(Instant::now());
        Some(request)
    }

    fn sleep<'a>(
        &'a self,
        mut state: MutexGuard<'a, ReadQueueState>,
        worker: Worker,
    ) -> MutexGuard<'a, ReadQueueState> {
        match worker {
            Worker::Core => {
                state.asleep += 1;
                let mut state = wait(&self.core, state);
                state.asleep -= 1;
                state
            }
            Worker::Spare => wait(&self.spare, state),
        }
    }

    fn close(&self) {
        self.state().is_closed = true;
        self.core.notify_all();
        self.spare.notify_all();
        self.closed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spare_worker_is_needed_when_no_read_is_taken_and_not_when_there_are_many() {
        let forever = Duration::from_secs(3600);
        let policy = |after, even_if_busy| SparePolicy { after, even_if_busy };
        let queue = ReadQueue::default();
        assert!(!queue.needs_spare(policy(Duration::ZERO, true)), "nothing waits");
        for _ in 0..3 {
            queue.push(Box::new(|_| true)).expect("it is open");
        }
        assert!(queue.needs_spare(policy(forever, false)), "no read was ever taken");
        drop(queue.next(Worker::Core));
        assert!(!queue.needs_spare(policy(forever, false)), "one was taken just now");
        assert!(queue.needs_spare(policy(Duration::ZERO, false)), "none was taken since");
        assert!(queue.needs_spare(policy(forever, true)), "PostgreSQL may be far away");
        assert!(queue.another(2).is_some());
        assert!(!queue.needs_spare(policy(forever, false)));
    }
}
