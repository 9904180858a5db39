//! SQLite: the one thread that writes. It commits in groups.
//!
//! A commit with `synchronous=FULL` waits for the disk. All queued use cases share one such wait, so it adds little to
//! each. Each use case runs in its own savepoint, so that a refusal, an error or a panic undoes only that use case. The
//! first of a group needs no savepoint: nothing comes before it, so the whole transaction can be rolled back. (With a
//! savepoint SQLite keeps a copy of each page that is changed after it.) No answer is given before the commit, because
//! even a refusal may be caused by an uncommitted change of another use case in the group.
//!
//! A patient use case, such as a job's batch, may take long. It never shares a commit, and the use cases queued before
//! it are answered before it begins.
//!
//! The thread runs at a lower priority than those that serve requests. It is busy as long as the queue is not empty. At
//! normal priority, on a machine with few processors, it would slow down the threads that answer 503.

use super::connection::{Access, Conn, TxManager};
use super::threads::lock;
use super::{DatabaseUrl, DbError, Limits};
use diesel::SqliteConnection;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// The largest number of use cases in one commit. It bounds how long the first of them waits.
const MAX_GROUP: usize = 256;

/// The thread's `nice(1)` value. If another thread wants the same processor, this one gets a tenth of the time.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// A use case with the caller that waits for its answer.
trait QueuedWrite: Send {
    /// Runs the use case in a savepoint.
    fn run(&mut self, conn: &mut Conn);
    /// Runs the use case without a savepoint. False if the transaction has to be rolled back.
    fn run_first(&mut self, conn: &mut Conn) -> bool;
    /// Answers the caller, once the group is committed or has failed.
    fn answer(self: Box<Self>, group: Result<(), GroupFault>);
}

/// An entry of the queue.
struct WriteRequest {
    write: Box<dyn QueuedWrite>,
    /// Whether it may take long, so that it gets a transaction of its own.
    is_patient: bool,
}

struct PendingWrite<T, E, F> {
    use_case: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> QueuedWrite for PendingWrite<T, E, F>
where
    F: Fn(&mut Conn) -> Result<T, E> + Send,
    T: Send,
    E: From<DbError> + From<diesel::result::Error> + Send,
{
    fn run(&mut self, conn: &mut Conn) {
        self.result = Some(in_savepoint(conn, &self.use_case));
    }

    fn run_first(&mut self, conn: &mut Conn) -> bool {
        let ended = catch_unwind(AssertUnwindSafe(|| (self.use_case)(conn)));
        let result = ended.unwrap_or_else(|_| Err(DbError::Panicked.into()));
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>, group: Result<(), GroupFault>) {
        let Self { result, reply, .. } = *self;
        let result = match group {
            Ok(()) => result.unwrap_or_else(|| Err(DbError::Unavailable("the use case was not run".into()).into())),
            Err(fault) => Err(DbError::from(fault).into()),
        };
        // The caller may have disconnected. That does not undo the commit.
        let _ = reply.send(result);
    }
}

/// Why a whole group failed.
#[derive(Clone)]
enum GroupFault {
    /// Nothing was written.
    NotBegun(String),
    /// The commit failed.
    Commit(String),
}

impl From<GroupFault> for DbError {
    fn from(fault: GroupFault) -> Self {
        match fault {
            GroupFault::NotBegun(why) => Self::Unavailable(why),
            GroupFault::Commit(why) => Self::OutcomeUnknown(why),
        }
    }
}

/// The queue and the handle of the thread. Closing takes both out.
#[derive(Clone)]
pub(super) struct SqliteWriter {
    queue: Arc<Mutex<Option<mpsc::Sender<WriteRequest>>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl SqliteWriter {
    pub(super) fn start(url: &DatabaseUrl, capacity: usize) -> Result<Self, DbError> {
        let conn = Conn::open(url, Access::ReadWrite, &Limits::default())?;
        let (sender, receiver) = mpsc::channel(capacity);
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || run(conn, receiver))
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        Ok(Self {
            queue: Arc::new(Mutex::new(Some(sender))),
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Queues a use case and waits for its answer. A patient one never shares a commit.
    ///
    /// # Errors
    /// What the use case returns; [`DbError::Overloaded`] when the queue is full.
    pub(super) async fn submit<T, E, F>(&self, is_patient: bool, use_case: F) -> Result<T, E>
    where
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let write = Box::new(PendingWrite {
            use_case,
            result: None,
            reply,
        });
        let queue = lock(&self.queue).clone().ok_or(DbError::Overloaded)?;
        queue
            .try_send(WriteRequest { write, is_patient })
            .map_err(|_| DbError::Overloaded)?;
        drop(queue);
        answer.await.map_err(|_| DbError::Panicked)?
    }

    /// Takes no more use cases, and waits until those in the queue are committed.
    pub(super) async fn close(&self) {
        drop(lock(&self.queue).take());
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn in_savepoint<T, E>(conn: &mut Conn, use_case: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DbError> + From<diesel::result::Error>,
{
    TxManager::begin_transaction(conn)?;
    match catch_unwind(AssertUnwindSafe(|| use_case(conn))) {
        Ok(Ok(value)) => {
            TxManager::commit_transaction(conn)?;
            Ok(value)
        }
        Ok(Err(e)) => {
            TxManager::rollback_transaction(conn)?;
            Err(e)
        }
        Err(_) => {
            // The use case may have panicked inside a nested transaction: roll back to the level of the group.
            while depth(conn) > 1 {
                TxManager::rollback_transaction(conn)?;
            }
            Err(DbError::Panicked.into())
        }
    }
}

fn depth(conn: &mut Conn) -> u32 {
    use diesel::connection::TransactionManagerStatus::{InError, Valid};
    match TxManager::transaction_manager_status_mut(conn) {
        Valid(status) => status.transaction_depth().map_or(0, u32::from),
        InError => 0,
    }
}

fn sqlite(conn: &mut Conn) -> &mut SqliteConnection {
    match conn {
        Conn::Sqlite(conn) => conn,
        Conn::Postgres(_) => unreachable!("PostgreSQL has no writer thread"),
    }
}

/// On Linux a thread has its own priority (setpriority(2)). If it can't be set, the thread keeps the usual one.
#[cfg(target_os = "linux")]
fn lower_thread_priority() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

/// Does nothing: on other systems the priority is that of the whole process.
#[cfg(not(target_os = "linux"))]
fn lower_thread_priority() {}

fn run(mut conn: Conn, receiver: mpsc::Receiver<WriteRequest>) {
    lower_thread_priority();
    let mut queue = WriteQueue { receiver, held: None };
    while let Some(first) = queue.first() {
        let mut group = vec![first];
        let outcome = run_group(&mut conn, &mut group, &mut queue);
        if outcome.is_err() {
            recover(&mut conn);
        }
        for request in group {
            request.write.answer(outcome.clone());
        }
    }
    // Copies the write-ahead log into the database file, so that only one file is left.
    let _ = conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// The thread's end of the queue.
struct WriteQueue {
    receiver: mpsc::Receiver<WriteRequest>,
    /// A patient use case that ended a group. It is the first of the next group.
    held: Option<WriteRequest>,
}

impl WriteQueue {
    /// Waits for the first use case of a group. `None` when the queue is closed and empty.
    fn first(&mut self) -> Option<WriteRequest> {
        self.held.take().or_else(|| self.receiver.blocking_recv())
    }

    /// The next use case of a group, if one is queued that may share the commit.
    fn another(&mut self) -> Option<WriteRequest> {
        let next = self.receiver.try_recv().ok()?;
        if next.is_patient {
            self.held = Some(next);
            return None;
        }
        Some(next)
    }
}

/// Runs up to [`MAX_GROUP`] queued use cases in one transaction. When it returns, `group` contains every use case that
/// must be answered.
fn run_group(conn: &mut Conn, group: &mut Vec<WriteRequest>, queue: &mut WriteQueue) -> Result<(), GroupFault> {
    begin(conn)?;
    let mut is_fresh = true;
    for done in 0..MAX_GROUP {
        if done == group.len() {
            let next = if group[0].is_patient { None } else { queue.another() };
            match next {
                Some(request) => group.push(request),
                None => break,
            }
        }
        let write = &mut group[done].write;
        if !is_fresh {
            write.run(conn);
        } else if write.run_first(conn) {
            is_fresh = false;
        } else {
            recover(conn);
            begin(conn)?;
        }
        // After some errors, above all of the disk, SQLite rolls back the whole transaction. The next use case would
        // then begin a transaction of its own.
        if depth(conn) != 1 {
            return Err(GroupFault::NotBegun(
                "SQLite rolled back the group's transaction".into(),
            ));
        }
    }
    AnsiTransactionManager::commit_transaction(sqlite(conn)).map_err(|e| GroupFault::Commit(e.to_string()))
}

fn begin(conn: &mut Conn) -> Result<(), GroupFault> {
    // A deferred transaction that reads first can fail when it writes later.
    AnsiTransactionManager::begin_transaction_sql(sqlite(conn), "BEGIN IMMEDIATE")
        .map_err(|e| GroupFault::NotBegun(e.to_string()))
}

/// Ends the transaction, whatever its state.
fn recover(conn: &mut Conn) {
    let conn = sqlite(conn);
    let _ = conn.batch_execute("ROLLBACK");
    *AnsiTransactionManager::transaction_manager_status_mut(conn) = Default::default();
}
