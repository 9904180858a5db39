//! The database behind two doors: [`Db::read`] and [`Db::write`]. Nothing else hands out a connection.
//!
//! A use case is one call of `write`: everything it stores is in one transaction, and its answer is given only after
//! the commit. On SQLite the writes go through one thread that commits in groups ([`writer`]); on PostgreSQL each has
//! a connection of its own. Both run the same closures.

mod connection;
pub mod dialect;
mod error;
mod migrate;
pub mod schema;
pub mod types;
mod writer;

pub use connection::{Backend, CONTROL, Conn, DatabaseUrl};
pub use error::{DbError, Unique};
pub use migrate::Migration;

use connection::{Manager, Mode};
use diesel::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use writer::Writer;

type Pool = r2d2::Pool<Manager>;

/// How the doors are set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections that answer reads (and, on PostgreSQL, writes).
    pub pool_size: u32,
    /// How long a request waits for its turn before it is told to come back later.
    pub wait: Duration,
    /// How many writes may queue for the embedded database's writer.
    pub write_queue: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pool_size: 8,
            wait: Duration::from_secs(5),
            write_queue: 1024,
        }
    }
}

/// The two doors. Cloning shares them.
#[derive(Clone)]
pub struct Db {
    lane: Arc<Lane>,
    writer: Option<Writer>,
}

/// A pool with a fair gate before it: the gate queues first come first served, which r2d2's own queue does not.
struct Lane {
    url: DatabaseUrl,
    pool: Pool,
    gate: Arc<Semaphore>,
    width: u32,
    wait: Duration,
}

impl Db {
    /// Opens the database; on SQLite the file is created if it does not exist. Runs no migration.
    ///
    /// # Errors
    /// When the database can't be reached or its settings can't be made safe (see `connection`).
    pub fn open(url: &DatabaseUrl, settings: &Settings) -> Result<Self, DbError> {
        let writer = match url {
            DatabaseUrl::Sqlite(_) => Some(Writer::start(url, settings.write_queue)?),
            DatabaseUrl::Postgres(_) => None,
        };
        let mode = if writer.is_some() {
            Mode::ReadOnly
        } else {
            Mode::ReadWrite
        };
        let pool = r2d2::Pool::builder()
            .max_size(settings.pool_size)
            .min_idle(Some(1))
            // r2d2 backs off up to half of this between two tries: short, so that a promoted standby is found at once.
            .connection_timeout(Duration::from_secs(2))
            .test_on_check_out(false)
            .build(Manager::new(url.clone(), mode))
            .map_err(|e| DbError::Unavailable(e.to_string()))?;
        let lane = Lane {
            url: url.clone(),
            gate: Arc::new(Semaphore::new(settings.pool_size as usize)),
            width: settings.pool_size,
            pool,
            wait: settings.wait,
        };
        Ok(Self {
            lane: Arc::new(lane),
            writer,
        })
    }

    /// Which database it is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.lane.url
    }

    /// Runs a question in a read-only transaction: all its statements see one state of the database.
    ///
    /// # Errors
    /// What the closure returns, or [`DbError`] when no connection could be had in time.
    pub async fn read<T, E, F>(&self, question: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        self.lane.run(move |conn| conn.read_transaction(question)).await
    }

    /// Runs one use case in one transaction: `Ok` is committed before it is returned, `Err` leaves nothing behind.
    ///
    /// The closure may run more than once (PostgreSQL aborts one of two deadlocked transactions), so it must not have
    /// effects outside the database.
    ///
    /// # Errors
    /// What the closure returns; [`DbError::Overloaded`] when the queue is full;
    /// [`DbError::OutcomeUnknown`] when the commit itself failed.
    pub async fn write<T, E, F>(&self, use_case: F) -> Result<T, E>
    where
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Retryable + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.submit(use_case).await,
            None => self.lane.run(move |conn| retrying(conn, &use_case)).await,
        }
    }

    /// Brings the schema up to the newest version; returns what was applied.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> Result<Vec<Migration>, DbError> {
        let url = self.lane.url.clone();
        blocking(move || migrate::up(&url)).await?
    }

    /// Waits until what was accepted is done, and shuts both doors. For a graceful end.
    pub async fn close(&self) {
        self.lane.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    /// A connection of one's own outside the doors, for loading a country in bulk before anything is served.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub fn bulk_connection(&self) -> Result<Conn, DbError> {
        Conn::open(&self.lane.url, Mode::ReadWrite)
    }
}

impl Lane {
    /// The gate is fair: whoever has all its places has seen everybody out who came before.
    async fn close(&self) {
        let everybody = self.gate.acquire_many(self.width).await;
        self.gate.close();
        drop(everybody);
    }

    async fn run<T, E>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let permit: OwnedSemaphorePermit = tokio::time::timeout(self.wait, self.gate.clone().acquire_owned())
            .await
            .map_err(|_| DbError::Overloaded)?
            .map_err(|_| DbError::Unavailable("the gate is closed".into()))?;
        let pool = self.pool.clone();
        blocking(move || {
            // The permit lives in here: a client that goes away drops the future, not the work.
            let _permit = permit;
            let mut conn = pool.get().map_err(|e| DbError::Unavailable(e.to_string()))?;
            work(&mut conn)
        })
        .await?
    }
}

/// Whether an error is one of those that another try may get past.
pub trait Retryable {
    /// True for deadlock, serialization failure and busy, and for nothing else.
    fn is_retryable(&self) -> bool;
}

/// How often a transaction is tried in all.
const TRIES: u32 = 3;

/// How long the first pause between two tries is; the next is twice as long. The victim of a deadlock that came back at
/// once could take the freed row before the survivor has woken up, and be in the same deadlock again.
const PAUSE: Duration = Duration::from_millis(20);

fn retrying<T, E>(conn: &mut Conn, use_case: &impl Fn(&mut Conn) -> Result<T, E>) -> Result<T, E>
where
    E: From<DbError> + From<diesel::result::Error> + Retryable,
{
    for tried in 1..TRIES {
        match conn.transaction(use_case) {
            Err(e) if e.is_retryable() => std::thread::sleep(PAUSE * tried),
            settled => return settled,
        }
    }
    conn.transaction(use_case)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DbError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| DbError::Panicked)
}
