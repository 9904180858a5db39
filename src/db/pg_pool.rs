//! A pool of connections to a server with a fair gate before it, and the transactions that run on them.

use super::connection::{Conn, DatabaseUrl, Manager, Mode};
use super::error::FaultKind;
use super::{DatabaseSettings, DbError, Retryable};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::Error;
use diesel::{Connection, PgConnection, QueryResult};
use r2d2::PooledConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

type Pool = r2d2::Pool<Manager>;
pub(super) type TxManager = <Conn as Connection>::TransactionManager;

/// r2d2 pauses up to half of this between two tries to connect: short, so that a promoted standby is found at once.
const RECONNECT: Duration = Duration::from_millis(500);

/// Counts how often it turned out that the server written to is the primary no more, or may not be: connections from before
/// are not read from any more either.
#[derive(Debug, Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A pool with a fair gate before it: the gate queues first come first served, which r2d2's own queue does not.
pub(super) struct PgPool {
    pool: Pool,
    gate: Arc<Semaphore>,
    width: u32,
    wait: Duration,
    answer: Duration,
    epoch: Epoch,
}

/// A connection with an open transaction, and the place at the gate it was had for.
pub(super) struct ReadLease {
    conn: PooledConnection<Manager>,
    permit: OwnedSemaphorePermit,
}

/// A failed try to connect is no news by itself: whoever waits in vain is told why, and his request's line says it.
#[derive(Debug)]
struct Quiet;

impl r2d2::HandleError<DbError> for Quiet {
    fn handle_error(&self, error: DbError) {
        log::debug!("can't connect: {error}");
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// One snapshot for all statements of a question.
    Read,
    /// A use case.
    Write,
}

impl PgPool {
    /// A lane that connects when it is first used, `wait` being how long a request waits for a connection.
    pub(super) fn new(
        url: &DatabaseUrl,
        mode: Mode,
        settings: &DatabaseSettings,
        wait: Duration,
        epoch: &Epoch,
    ) -> Self {
        let pool = r2d2::Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(1))
            .connection_timeout(RECONNECT)
            // Every transaction's BEGIN finds out whether the connection still lives.
            .test_on_check_out(false)
            .error_handler(Box::new(Quiet))
            .build_unchecked(Manager::new(url.clone(), mode, settings.limits));
        Self {
            gate: Arc::new(Semaphore::new(settings.pool_size as usize)),
            width: settings.pool_size,
            pool,
            wait,
            answer: settings.answer,
            epoch: epoch.clone(),
        }
    }

    /// The gate is fair: whoever has all its places has seen everybody out who came before.
    pub(super) async fn close(&self) {
        let everybody = self.gate.acquire_many(self.width).await;
        self.gate.close();
        drop(everybody);
    }

    /// A place at the gate, in turn.
    async fn permit(&self) -> Result<OwnedSemaphorePermit, DbError> {
        timeout(self.wait, self.gate.clone().acquire_owned())
            .await
            .map_err(|_| DbError::Overloaded)?
            .map_err(|_| DbError::Unavailable("the gate is closed".into()))
    }

    /// Runs a use case on a connection of this lane, again if the database asks for it. `patient` callers wait for the
    /// answer however long it takes.
    pub(super) async fn write<T, E>(
        &self,
        patient: bool,
        use_case: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<Error> + Retryable + Send + 'static,
    {
        let permit = self.permit().await?;
        let (pool, wait, width, epoch) = (self.pool.clone(), self.wait, self.width, self.epoch.clone());
        let work = blocking(move || {
            let _permit = permit;
            let mut conn = begun(&pool, wait, width)?;
            retrying(&mut conn, &epoch, &use_case)
        });
        if patient {
            return work.await?;
        }
        // What was begun may still be committed.
        let unknown = |_| DbError::OutcomeUnknown(SILENT.into());
        timeout(self.answer, work).await.map_err(unknown)??
    }

    /// A connection with a question's transaction open on it, provided that `fits` finds nothing wrong with the
    /// connection before that.
    pub(super) async fn lease(
        &self,
        fits: impl FnOnce(&mut Conn) -> Result<(), DbError> + Send + 'static,
    ) -> Result<ReadLease, DbError> {
        let permit = self.permit().await?;
        let (pool, wait) = (self.pool.clone(), self.wait);
        let work = blocking(move || {
            let mut conn = pool.get_timeout(wait).map_err(unavailable)?;
            fits(&mut conn)?;
            begin(&mut conn, Purpose::Read)?;
            Ok(ReadLease { conn, permit })
        });
        timeout(self.wait, work).await.map_err(|_| silent())??
    }
}

impl ReadLease {
    /// Runs a question on the leased connection.
    pub(super) async fn read<T, E>(
        self,
        answer: Duration,
        question: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<Error> + Send + 'static,
    {
        let work = blocking(move || {
            let Self {
                mut conn,
                permit: _permit,
            } = self;
            answered(&mut conn, question)
        });
        timeout(answer, work).await.map_err(|_| silent())??
    }
}

const SILENT: &str = "the database did not answer in time";

pub(super) fn silent() -> DbError {
    DbError::Unavailable(SILENT.into())
}

fn unavailable(error: r2d2::Error) -> DbError {
    DbError::Unavailable(error.to_string())
}

/// A connection with a use case's transaction open on it. One that was lost while it lay idle is found out by its
/// BEGIN, before anything is done, and makes way for the next: after a failover, whoever comes first clears the pool.
fn begun(pool: &Pool, wait: Duration, width: u32) -> Result<PooledConnection<Manager>, DbError> {
    for _ in 0..width {
        let mut conn = pool.get_timeout(wait).map_err(unavailable)?;
        match begin(&mut conn, Purpose::Write) {
            Ok(()) => return Ok(conn),
            Err(error) if FaultKind::of(&error) == FaultKind::Lost => give_up(&mut conn),
            Err(error) => return Err(error.into()),
        }
    }
    let mut conn = pool.get_timeout(wait).map_err(unavailable)?;
    begin(&mut conn, Purpose::Write)?;
    Ok(conn)
}

pub(super) fn begin(conn: &mut Conn, purpose: Purpose) -> QueryResult<()> {
    let begin = match purpose {
        Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Purpose::Write => "BEGIN",
    };
    match conn {
        // In WAL mode a deferred transaction is a snapshot, and the connection itself is query_only.
        Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction(conn),
        Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(conn, begin),
    }
}

fn postgres(conn: &mut Conn) -> &mut PgConnection {
    match conn {
        Conn::Postgres(conn) => conn,
        Conn::Sqlite(_) => unreachable!("the embedded engine has no pool"),
    }
}

/// The answer to a question, in the transaction that is open.
fn answered<T, E>(conn: &mut Conn, question: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
    let answer = question(conn);
    // Nothing was written: how the transaction ends is no matter of the answer. A connection that can't end it is
    // broken, and the pool drops it.
    let _ = TxManager::rollback_transaction(conn);
    answer
}

/// How often a transaction is tried in all.
const TRIES: u32 = 3;

/// How long the first pause between two tries is; the next is twice as long. The victim of a deadlock that came back at
/// once could take the freed row before the survivor has woken up, and be in the same deadlock again.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs a use case in the transaction that is open, and in new ones while the database reports a conflict.
fn retrying<T, E>(conn: &mut Conn, epoch: &Epoch, use_case: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DbError> + From<Error> + Retryable,
{
    for tried in 1..TRIES {
        match committed(conn, epoch, use_case) {
            Err(e) if e.is_retryable() => std::thread::sleep(PAUSE * tried),
            settled => return settled,
        }
        begin(conn, Purpose::Write)?;
    }
    committed(conn, epoch, use_case)
}

/// Runs a use case in the transaction that is open, and ends it.
fn committed<T, E>(conn: &mut Conn, epoch: &Epoch, use_case: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DbError> + Retryable,
{
    match use_case(conn) {
        Ok(value) => commit(conn, epoch).map(|()| value).map_err(E::from),
        Err(e) => {
            let _ = TxManager::rollback_transaction(conn);
            if matches!(e.fault(), Some(DbError::Query(error)) if FaultKind::of(error) == FaultKind::ReadOnly) {
                // A primary no more: the next connection looks for the one that is.
                epoch.end();
                give_up(conn);
                return Err(DbError::Unavailable("the server takes no writes any more".into()).into());
            }
            Err(e)
        }
    }
}

/// Commits. PostgreSQL answers the COMMIT of a failed transaction with a rollback and no error, so a use case that went
/// on over a failed statement would be acknowledged and lost: the empty SELECT before it fails in such a transaction.
///
/// # Errors
/// A conflict, or a statement that failed before, is certain: the transaction was undone. Any other error leaves open what became of it: a primary that dies
/// or restarts while it waits for its standby has committed (reliability.md, fact 2).
fn commit(conn: &mut Conn, epoch: &Epoch) -> Result<(), DbError> {
    match postgres(conn).batch_execute("SELECT; COMMIT") {
        Ok(()) => {
            *TxManager::transaction_manager_status_mut(conn) = Default::default();
            Ok(())
        }
        Err(error) if FaultKind::of(&error) == FaultKind::Conflict || was_aborted(&error) => {
            let _ = TxManager::rollback_transaction(conn);
            Err(error.into())
        }
        Err(error) => {
            epoch.end();
            give_up(conn);
            Err(DbError::OutcomeUnknown(error.to_string()))
        }
    }
}

/// Whether a statement before the commit had failed.
fn was_aborted(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.message().starts_with("current transaction is aborted"))
}

/// Lets the pool drop a connection when it comes back.
fn give_up(conn: &mut Conn) {
    TxManager::transaction_manager_status_mut(conn).set_in_error();
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DbError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| DbError::Panicked)
}
