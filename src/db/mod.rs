//! The database behind two doors: [`Db::read`] and [`Db::write`]. Nothing else hands out a connection.
//!
//! A use case is one call of `write`: everything it stores is in one transaction, and its answer is given only after
//! the commit. On SQLite the writes go through one thread that commits in groups ([`writer`]); on PostgreSQL each has
//! a connection of its own. Both run the same closures.

mod batcher;
pub mod columns;
mod connection;
mod error;
mod migrate;
mod pg_pool;
mod read_workers;
pub mod schema;
mod settings;
pub mod sql;
mod sqlite_writer;
mod standby;

pub use batcher::{Batcher, Outcomes};
pub use connection::{Backend, CONTROL, Conn, DatabaseUrl};
pub use error::{DbError, FaultKind, Unique};
pub use migrate::Migration;
pub use settings::{DatabaseSettings, Limits};
pub use sql::bulk_insert::{BulkInsert, HasColumn, Row};
pub use sql::in_json_list::in_json_list;
pub use sql::in_padded::in_padded;

use connection::Mode;
use pg_pool::{Epoch, PgPool, blocking};
use read_workers::ReadWorkers;
use sqlite_writer::Writer;
use standby::Replica;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The two doors. Cloning shares them.
#[derive(Clone)]
pub struct Db {
    house: Arc<House>,
    is_patient: bool,
}

/// What all clones share.
struct House {
    url: DatabaseUrl,
    settings: DatabaseSettings,
    doors: Doors,
}

/// What stands behind the doors.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is shared")]
enum Doors {
    /// SQLite: threads that read, and the one that writes.
    Embedded { readers: ReadWorkers, writer: Writer },
    /// PostgreSQL: threads that read, a pool of connections to write with, and one to a standby.
    Server {
        readers: ReadWorkers,
        lane: PgPool,
        replica: Option<Replica>,
    },
}

impl Db {
    /// Opens the database; on SQLite the file is created if it does not exist. Runs no migration.
    ///
    /// # Errors
    /// When the database can't be reached in the time a start has, or its settings can't be made safe (see
    /// `connection`).
    pub fn open(url: &DatabaseUrl, settings: &DatabaseSettings) -> Result<Self, DbError> {
        let doors = match (url, &settings.replica) {
            (DatabaseUrl::Sqlite(_), None) => {
                let writer = Writer::start(url, settings.write_queue)?;
                let readers = ReadWorkers::start(url, settings, &Epoch::default())?;
                Doors::Embedded { readers, writer }
            }
            (DatabaseUrl::Postgres(_), None | Some(DatabaseUrl::Postgres(_))) => {
                drop(connection::await_first(url, settings)?);
                let (standby, epoch) = (settings.replica.as_ref(), Epoch::default());
                Doors::Server {
                    readers: ReadWorkers::start(url, settings, &epoch)?,
                    lane: PgPool::new(url, Mode::ReadWrite, settings, settings.wait, &epoch),
                    replica: standby.map(|standby| Replica::new(standby, settings)),
                }
            }
            _ => {
                return Err(DbError::Url(
                    "DATABASE_REPLICA_URL: only PostgreSQL has standbys".into(),
                ));
            }
        };
        let house = House {
            url: url.clone(),
            settings: settings.clone(),
            doors,
        };
        Ok(Self {
            house: Arc::new(house),
            is_patient: false,
        })
    }

    /// Which database it is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.house.url
    }

    /// Whether it is the embedded engine's, with its one writer.
    pub fn is_embedded(&self) -> bool {
        matches!(self.house.doors, Doors::Embedded { .. })
    }

    /// The same doors for one who waits for a write as long as it takes: jobs, and the rare use case that touches a
    /// great many rows ([`sql::dialect::take_time`]).
    pub fn patient(&self) -> Self {
        Self {
            is_patient: true,
            ..self.clone()
        }
    }

    /// Runs a question in a read-only transaction: all its statements see one state of the database, and in it everything
    /// that was acknowledged before this call, whichever server wrote it. A standby may answer (decision 0012).
    ///
    /// # Errors
    /// What the closure returns, or [`DbError`] when no connection or no answer could be had in time.
    pub async fn read<T, E, F>(&self, question: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        let (readers, replica) = match &self.house.doors {
            Doors::Embedded { readers, .. } => (readers, None),
            Doors::Server { readers, replica, .. } => (readers, replica.as_ref()),
        };
        if let Some(replica) = replica
            && let Some(lease) = replica.lease(readers).await
        {
            return lease.read(replica.answer(), question).await;
        }
        readers.read(question).await
    }

    /// Runs one use case in one transaction: `Ok` is committed before it is returned, `Err` leaves nothing behind.
    ///
    /// The closure may run more than once (PostgreSQL aborts one of two deadlocked transactions), so it must not have
    /// effects outside the database.
    ///
    /// # Errors
    /// What the closure returns; [`DbError::Overloaded`] when the queue is full; [`DbError::OutcomeUnknown`] when the
    /// commit itself failed or no answer came in time.
    pub async fn write<T, E, F>(&self, use_case: F) -> Result<T, E>
    where
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Retryable + Send + 'static,
    {
        let writer = match &self.house.doors {
            Doors::Embedded { writer, .. } => writer,
            Doors::Server { lane, .. } => return lane.write(self.is_patient, use_case).await,
        };
        if self.is_patient {
            return writer.submit(true, use_case).await;
        }
        let unknown = |_| DbError::OutcomeUnknown("the disk did not answer in time".into());
        timeout(self.house.settings.answer, writer.submit(false, use_case))
            .await
            .map_err(unknown)?
    }

    /// Whether the database answers now, within a time of one's own: a question, and one who writes. Embedded he may wait for
    /// a disk while questions are still answered from memory.
    ///
    /// # Errors
    /// When it doesn't.
    pub async fn answers_within(&self, patience: Duration) -> Result<(), DbError> {
        let ping = |conn: &mut Conn| sql::dialect::ping(conn).map_err(DbError::from);
        let asked = async {
            // There is nothing to write, only a turn to wait for.
            let nothing = |_: &mut Conn| Ok::<_, DbError>(());
            match &self.house.doors {
                Doors::Embedded { readers, writer } => {
                    readers.read(ping).await?;
                    writer.submit(false, nothing).await
                }
                Doors::Server { readers, lane, .. } => {
                    readers.read(ping).await?;
                    lane.write(false, nothing).await
                }
            }
        };
        let silence = |_| DbError::Unavailable("the database did not answer in time".into());
        timeout(patience, asked).await.map_err(silence)?
    }

    /// Brings the schema up to the newest version; returns what was applied.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> Result<Vec<Migration>, DbError> {
        let house = self.house.clone();
        blocking(move || migrate::up(&house.url, &house.settings.limits)).await?
    }

    /// Waits until what was accepted is done, and shuts both doors. For a graceful end.
    pub async fn close(&self) {
        match &self.house.doors {
            Doors::Embedded { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Doors::Server { readers, lane, replica } => {
                if let Some(replica) = replica {
                    replica.close().await;
                }
                readers.close().await;
                lane.close().await;
            }
        }
    }

    /// A connection of one's own outside the doors, for loading a country in bulk before anything is served.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub fn bulk_connection(&self) -> Result<Conn, DbError> {
        Conn::open(&self.house.url, Mode::ReadWrite, &self.house.settings.limits)
    }
}

impl Retryable for DbError {
    fn fault(&self) -> Option<&DbError> {
        Some(self)
    }
}

/// The error of a use case, which may be the database's.
pub trait Retryable {
    /// The database's fault in it, if that is what it is.
    fn fault(&self) -> Option<&DbError>;

    /// True for deadlock, serialization failure and busy, and for nothing else: another try may get past them.
    fn is_retryable(&self) -> bool {
        matches!(self.fault(), Some(DbError::Query(error)) if DbError::is_retryable(error))
    }
}
