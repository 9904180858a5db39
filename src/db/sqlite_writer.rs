//! The embedded database's one writer: a thread that commits in groups.
//!
//! A commit with `synchronous=FULL` costs a wait for the disk; taken once for everything that is queued, it costs next
//! to nothing a use case. Each use case runs in its own savepoint, so one that refuses, fails or panics undoes itself
//! alone; but for the first of a group, before which there is nothing, so that all of it can be undone: for a savepoint
//! SQLite keeps a copy of each page that is changed after it. Nobody is answered before the commit: also a refusal may
//! rest on what a neighbour in the group wrote. A patient use case, a job's batch above all, is a group of its own: who
//! waits before it is answered before it begins.
//!
//! The writer stands back for those who answer and who refuse what is too much. There is one of it and it never rests while
//! something is queued: where there are more threads than processors, refusals else wait as long as writes.

use super::connection::{Conn, DatabaseUrl, Mode};
use super::{DbError, Limits};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::{Connection, SqliteConnection};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// How many use cases share one commit at most: bounds how long the first of them waits.
const GROUP: usize = 256;

/// How nice the writer is to the other threads (`nice(1)`): of a processor it shares with one of them it gets a tenth.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// A queued use case with the one who waits for its answer.
trait Job: Send {
    /// Decides and stores, in a savepoint of its own.
    fn run(&mut self, conn: &mut Conn);
    /// The same without one; false if what it left is to be undone.
    fn run_first(&mut self, conn: &mut Conn) -> bool;
    /// Answers, once the group's fate is known.
    fn answer(self: Box<Self>, group: Result<(), GroupFault>);
}

/// What waits for the writer.
struct Work {
    job: Box<dyn Job>,
    /// Whether it may take as long as it takes: it has a transaction of its own, lest its neighbours wait for it too.
    is_patient: bool,
}

struct Pending<T, E, F> {
    use_case: F,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Pending<T, E, F>
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
        // Whoever asked may have gone away; what was decided stands all the same.
        let _ = reply.send(result);
    }
}

/// Why a whole group was lost.
#[derive(Clone)]
enum GroupFault {
    /// Nothing of the group was written.
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

#[derive(Clone)]
pub(super) struct Writer {
    queue: Arc<Mutex<Option<mpsc::Sender<Work>>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(url: &DatabaseUrl, capacity: usize) -> Result<Self, DbError> {
        let conn = Conn::open(url, Mode::ReadWrite, &Limits::default())?;
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

    /// Queues a use case; a patient one shares its commit with nobody.
    pub(super) async fn submit<T, E, F>(&self, is_patient: bool, use_case: F) -> Result<T, E>
    where
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending {
            use_case,
            result: None,
            reply,
        });
        let queue = lock(&self.queue).clone().ok_or(DbError::Overloaded)?;
        queue
            .try_send(Work { job, is_patient })
            .map_err(|_| DbError::Overloaded)?;
        drop(queue);
        answer.await.map_err(|_| DbError::Panicked)?
    }

    /// Lets the queue run dry and waits for the last commit.
    pub(super) async fn close(&self) {
        drop(lock(&self.queue).take());
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// A poisoned lock only says that a thread died while holding it; an `Option` is whole at any moment.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn in_savepoint<T, E>(conn: &mut Conn, use_case: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DbError> + From<diesel::result::Error>,
{
    type Manager = <Conn as Connection>::TransactionManager;
    Manager::begin_transaction(conn)?;
    match catch_unwind(AssertUnwindSafe(|| use_case(conn))) {
        Ok(Ok(value)) => {
            Manager::commit_transaction(conn)?;
            Ok(value)
        }
        Ok(Err(e)) => {
            Manager::rollback_transaction(conn)?;
            Err(e)
        }
        Err(_) => {
            // A use case may have died inside a transaction of its own: unwind to the group's level.
            while depth(conn) > 1 {
                Manager::rollback_transaction(conn)?;
            }
            Err(DbError::Panicked.into())
        }
    }
}

fn depth(conn: &mut Conn) -> u32 {
    use diesel::connection::TransactionManagerStatus::{InError, Valid};
    match <Conn as Connection>::TransactionManager::transaction_manager_status_mut(conn) {
        Valid(status) => status.transaction_depth().map_or(0, u32::from),
        InError => 0,
    }
}

fn sqlite(conn: &mut Conn) -> &mut SqliteConnection {
    match conn {
        Conn::Sqlite(conn) => conn,
        Conn::Postgres(_) => unreachable!("only the embedded engine has a writer thread"),
    }
}

/// Elsewhere a priority is the whole process's.
#[cfg(not(target_os = "linux"))]
fn stand_back() {}

/// A thread has a priority of its own on Linux (setpriority(2)). Where it can't be set, all goes on as without.
#[cfg(target_os = "linux")]
fn stand_back() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

fn run(mut conn: Conn, queue: mpsc::Receiver<Work>) {
    stand_back();
    let mut queue = Queue {
        receiver: queue,
        held: None,
    };
    while let Some(first) = queue.first() {
        let mut group = vec![first];
        let outcome = run_group(&mut conn, &mut group, &mut queue);
        if outcome.is_err() {
            recover(&mut conn);
        }
        for work in group {
            work.job.answer(outcome.clone());
        }
    }
    // The last one out folds the log into the file, so that what is left behind is one plain file.
    let _ = conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

/// What waits, in its order.
struct Queue {
    receiver: mpsc::Receiver<Work>,
    /// A patient one whose turn came in the midst of a group: the first of the next.
    held: Option<Work>,
}

impl Queue {
    /// The first of a group; waits for it. `None` once nobody can come any more.
    fn first(&mut self) -> Option<Work> {
        self.held.take().or_else(|| self.receiver.blocking_recv())
    }

    /// The next of a group, if there is one that may share its commit.
    fn another(&mut self) -> Option<Work> {
        let next = self.receiver.try_recv().ok()?;
        if next.is_patient {
            self.held = Some(next);
            return None;
        }
        Some(next)
    }
}

/// Runs what waits, up to [`GROUP`], in one transaction; on return the group holds every job that was taken.
fn run_group(conn: &mut Conn, group: &mut Vec<Work>, queue: &mut Queue) -> Result<(), GroupFault> {
    begin(conn)?;
    let mut is_fresh = true;
    for done in 0..GROUP {
        if done == group.len() {
            let next = if group[0].is_patient { None } else { queue.another() };
            match next {
                Some(work) => group.push(work),
                None => break,
            }
        }
        let job = &mut group[done].job;
        if !is_fresh {
            job.run(conn);
        } else if job.run_first(conn) {
            is_fresh = false;
        } else {
            recover(conn);
            begin(conn)?;
        }
        // Some errors, of the disk above all, make SQLite undo the whole transaction: who came next would begin one of his own.
        if depth(conn) != 1 {
            return Err(GroupFault::NotBegun("the engine undid the group's transaction".into()));
        }
    }
    AnsiTransactionManager::commit_transaction(sqlite(conn)).map_err(|e| GroupFault::Commit(e.to_string()))
}

fn begin(conn: &mut Conn) -> Result<(), GroupFault> {
    // Immediate: a deferred transaction that reads first can lose its right to write.
    AnsiTransactionManager::begin_transaction_sql(sqlite(conn), "BEGIN IMMEDIATE")
        .map_err(|e| GroupFault::NotBegun(e.to_string()))
}

/// Leaves whatever transaction is half open.
fn recover(conn: &mut Conn) {
    let conn = sqlite(conn);
    let _ = conn.batch_execute("ROLLBACK");
    *AnsiTransactionManager::transaction_manager_status_mut(conn) = Default::default();
}
