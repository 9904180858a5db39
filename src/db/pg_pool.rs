//! PostgreSQL: a pool of connections behind a fair gate, and the transactions that run on them.

use super::connection::{Access, Conn, Epoch, TxManager};
use super::error::FaultKind;
use super::gate::Gate;
use super::threads::blocking;
use super::{DatabaseSettings, DatabaseUrl, DbError, Limits, Retryable};
use diesel::PgConnection;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::result::Error;
use r2d2::PooledConnection;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

type Pool = r2d2::Pool<ConnectionManager>;

/// r2d2 pauses up to half of this time between two tries to connect. It is short, so that a promoted standby is found
/// soon.
const RECONNECT: Duration = Duration::from_millis(500);
/// How often a transaction is tried, including the first time.
const TRIES: u32 = 3;
/// The pause before the second try. The pause before the third is twice as long. Without it, the victim of a deadlock
/// could take the freed row before the survivor has woken up, and run into the same deadlock again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Opens and checks the connections of a pool. (The `establish` that diesel derives guesses the engine and hides the
/// error.)
struct ConnectionManager {
    url: DatabaseUrl,
    access: Access,
    limits: Limits,
}

impl r2d2::ManageConnection for ConnectionManager {
    type Connection = Conn;
    type Error = DbError;

    fn connect(&self) -> Result<Conn, DbError> {
        Conn::open(&self.url, self.access, &self.limits)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), DbError> {
        Ok(conn.ping()?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        // A panicking thread may have left its connection in any state.
        std::thread::panicking() || conn.is_broken()
    }
}

/// Logs a failed try to connect at level `debug` only. The request that waited gets the reason, and its log line
/// contains it.
#[derive(Debug)]
struct DebugLog;

impl r2d2::HandleError<DbError> for DebugLog {
    fn handle_error(&self, error: DbError) {
        log::debug!("can't connect: {error}");
    }
}

/// A pool of connections to one server. The gate before it has as many slots as the pool has connections, and gives
/// them out in the order of the requests.
pub(super) struct PgPool {
    pool: Pool,
    gate: Gate,
    size: u32,
    wait: Duration,
    answer: Duration,
    epoch: Epoch,
}

/// A connection with an open read transaction, and its slot at the gate.
pub(super) struct ReadLease {
    conn: PooledConnection<ConnectionManager>,
    permit: OwnedSemaphorePermit,
}

impl PgPool {
    /// A pool that connects when it is first used. `wait` bounds both the wait at the gate and the wait for a
    /// connection.
    pub(super) fn new(
        url: &DatabaseUrl,
        access: Access,
        settings: &DatabaseSettings,
        wait: Duration,
        epoch: &Epoch,
    ) -> Self {
        let manager = ConnectionManager {
            url: url.clone(),
            access,
            limits: settings.limits,
        };
        let pool = r2d2::Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(1))
            .connection_timeout(RECONNECT)
            // The BEGIN of every transaction shows whether the connection is alive.
            .test_on_check_out(false)
            .error_handler(Box::new(DebugLog))
            .build_unchecked(manager);
        Self {
            gate: Gate::new(settings.pool_size, wait),
            size: settings.pool_size,
            pool,
            wait,
            answer: settings.answer,
            epoch: epoch.clone(),
        }
    }

    /// Waits until the accepted transactions have ended, and accepts no more.
    pub(super) async fn close(&self) {
        self.gate.close().await;
    }

    /// Runs a use case in a transaction, up to [`TRIES`] times while the database reports a conflict. A `patient`
    /// caller waits for the answer without a limit.
    pub(super) async fn write<T, E>(
        &self,
        patient: bool,
        use_case: impl Fn(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<Error> + Retryable + Send + 'static,
    {
        let permit = self.gate.enter().await?;
        let (pool, wait, size, epoch) = (self.pool.clone(), self.wait, self.size, self.epoch.clone());
        let work = blocking(move || {
            let _permit = permit;
            let mut conn = checkout(&pool, wait, size)?;
            run_with_retries(&mut conn, &epoch, &use_case)
        });
        if patient {
            return work.await?;
        }
        // The transaction goes on and may still be committed.
        let unknown = |_| DbError::OutcomeUnknown("the database did not answer in time".into());
        timeout(self.answer, work).await.map_err(unknown)??
    }

    /// A connection with an open read transaction, if `check` accepts the connection before that.
    pub(super) async fn lease(
        &self,
        check: impl FnOnce(&mut Conn) -> Result<(), DbError> + Send + 'static,
    ) -> Result<ReadLease, DbError> {
        let permit = self.gate.enter().await?;
        let (pool, wait) = (self.pool.clone(), self.wait);
        let work = blocking(move || {
            let mut conn = pool.get_timeout(wait).map_err(unavailable)?;
            check(&mut conn)?;
            conn.begin(Access::ReadOnly)?;
            Ok(ReadLease { conn, permit })
        });
        timeout(self.wait, work).await.map_err(|_| DbError::no_answer())??
    }
}

impl ReadLease {
    /// Runs a query in the transaction, and waits up to `limit` for its answer.
    pub(super) async fn read<T, E>(
        self,
        limit: Duration,
        query: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
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
            conn.read(query)
        });
        timeout(limit, work).await.map_err(|_| DbError::no_answer())??
    }
}

fn unavailable(error: r2d2::Error) -> DbError {
    DbError::Unavailable(error.to_string())
}

/// Takes a connection out of the pool and begins a transaction on it. If the connection was lost while it was idle, the
/// BEGIN fails. Then the connection is poisoned and the next one is tried. So the first request after a failover clears
/// the pool.
fn checkout(pool: &Pool, wait: Duration, size: u32) -> Result<PooledConnection<ConnectionManager>, DbError> {
    for _ in 0..size {
        let mut conn = pool.get_timeout(wait).map_err(unavailable)?;
        match conn.begin(Access::ReadWrite) {
            Ok(()) => return Ok(conn),
            Err(error) if FaultKind::of(&error) == FaultKind::Lost => poison(&mut conn),
            Err(error) => return Err(error.into()),
        }
    }
    let mut conn = pool.get_timeout(wait).map_err(unavailable)?;
    conn.begin(Access::ReadWrite)?;
    Ok(conn)
}

/// Marks a connection as broken, so that the pool drops it when it comes back.
fn poison(conn: &mut Conn) {
    TxManager::transaction_manager_status_mut(conn).set_in_error();
}

/// Runs a use case in the open transaction, and in new ones while the database reports a conflict.
fn run_with_retries<T, E>(conn: &mut Conn, epoch: &Epoch, use_case: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DbError> + From<Error> + Retryable,
{
    for tried in 1..TRIES {
        match run_and_commit(conn, epoch, use_case) {
            Err(e) if e.is_retryable() => std::thread::sleep(RETRY_PAUSE * tried),
            settled => return settled,
        }
        conn.begin(Access::ReadWrite)?;
    }
    run_and_commit(conn, epoch, use_case)
}

/// Runs a use case in the open transaction and ends it: `Ok` is committed, `Err` rolled back.
fn run_and_commit<T, E>(conn: &mut Conn, epoch: &Epoch, use_case: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DbError> + Retryable,
{
    match use_case(conn) {
        Ok(value) => commit(conn, epoch).map(|()| value).map_err(E::from),
        Err(e) => {
            let _ = TxManager::rollback_transaction(conn);
            if matches!(e.fault(), Some(DbError::Query(error)) if FaultKind::of(error) == FaultKind::ReadOnly) {
                // The server was demoted: the next connection looks for the primary.
                epoch.end();
                poison(conn);
                return Err(DbError::Unavailable("the server takes no writes any more".into()).into());
            }
            Err(e)
        }
    }
}

/// Commits. PostgreSQL answers the COMMIT of a failed transaction with a rollback and no error. So a use case that
/// ignored a failed statement would be reported as stored. The empty SELECT before the COMMIT fails in such a
/// transaction.
///
/// # Errors
/// After a conflict or a failed statement the transaction is certainly rolled back. Any other error leaves the outcome
/// unknown: a primary that dies or restarts while it waits for its standby has committed (reliability.md, fact 2).
fn commit(conn: &mut Conn, epoch: &Epoch) -> Result<(), DbError> {
    match postgres(conn).batch_execute("SELECT; COMMIT") {
        Ok(()) => {
            *TxManager::transaction_manager_status_mut(conn) = Default::default();
            Ok(())
        }
        Err(error) if FaultKind::of(&error) == FaultKind::Conflict || is_of_failed_transaction(&error) => {
            let _ = TxManager::rollback_transaction(conn);
            Err(error.into())
        }
        Err(error) => {
            epoch.end();
            poison(conn);
            Err(DbError::OutcomeUnknown(error.to_string()))
        }
    }
}

/// Whether a statement failed earlier in the transaction.
fn is_of_failed_transaction(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.message().starts_with("current transaction is aborted"))
}

fn postgres(conn: &mut Conn) -> &mut PgConnection {
    match conn {
        Conn::Postgres(conn) => conn,
        Conn::Sqlite(_) => unreachable!("SQLite has no pool"),
    }
}
