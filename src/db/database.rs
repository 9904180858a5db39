//! [`Db`], the handle through which all other modules use the database.

use super::connection::{self, Access, Conn, Epoch};
use super::migrate::{self, Migration};
use super::pg_pool::PgPool;
use super::read_workers::ReadWorkers;
use super::sqlite_writer::SqliteWriter;
use super::standby::Standby;
use super::surveys::Surveys;
use super::threads::blocking;
use super::{DatabaseSettings, DatabaseUrl, DbError, Retryable, sqlite_file};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The database. Cloning shares its connections and queues.
#[derive(Clone)]
pub struct Db {
    shared: Arc<DbInner>,
    is_patient: bool,
}

/// How much waits for the database at one moment.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseLoad {
    /// Reads without a connection yet.
    pub reads_queued: usize,
    /// Writes without a connection yet, or before the one thread that writes.
    pub writes_queued: usize,
    /// PostgreSQL: connections for writes that are in use, and how many may be.
    pub pool: Option<(usize, usize)>,
}

/// What all clones share.
struct DbInner {
    url: DatabaseUrl,
    settings: DatabaseSettings,
    surveys: Surveys,
    engine: Engine,
}

/// The threads and pools of one engine.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is shared")]
enum Engine {
    /// SQLite.
    Embedded { readers: ReadWorkers, writer: SqliteWriter },
    /// PostgreSQL.
    Server {
        readers: ReadWorkers,
        pool: PgPool,
        standby: Option<Standby>,
    },
}

impl Db {
    /// Opens the database, and creates the file of an SQLite database that does not exist. Runs no migration.
    ///
    /// # Errors
    /// When the database can't be reached within [`DatabaseSettings::start`], or a connection can't be set up safely.
    pub fn open(url: &DatabaseUrl, settings: &DatabaseSettings) -> Result<Self, DbError> {
        let engine = match (url, &settings.standby) {
            (DatabaseUrl::Sqlite(path), None) => {
                sqlite_file::warn_if_shared(path);
                let writer = SqliteWriter::start(url, settings.write_queue)?;
                let readers = ReadWorkers::start(url, settings, &Epoch::default())?;
                Engine::Embedded { readers, writer }
            }
            (DatabaseUrl::Postgres(_), None | Some(DatabaseUrl::Postgres(_))) => {
                drop(connection::await_first(url, settings)?);
                let epoch = Epoch::default();
                Engine::Server {
                    readers: ReadWorkers::start(url, settings, &epoch)?,
                    pool: PgPool::new(url, Access::ReadWrite, settings, settings.wait, &epoch),
                    standby: settings.standby.as_ref().map(|url| Standby::new(url, settings)),
                }
            }
            _ => {
                return Err(DbError::Url(
                    "DATABASE_REPLICA_URL: only PostgreSQL has standbys".into(),
                ));
            }
        };
        let shared = DbInner {
            url: url.clone(),
            settings: settings.clone(),
            surveys: Surveys::new(url, settings),
            engine,
        };
        Ok(Self {
            shared: Arc::new(shared),
            is_patient: false,
        })
    }

    /// The address of the database.
    pub fn url(&self) -> &DatabaseUrl {
        &self.shared.url
    }

    pub(super) fn settings(&self) -> &DatabaseSettings {
        &self.shared.settings
    }

    /// Whether it is SQLite, with its one writer.
    pub fn is_embedded(&self) -> bool {
        matches!(self.shared.engine, Engine::Embedded { .. })
    }

    /// A handle of the same database for patient callers. They wait without a limit for the answer to a write, or for
    /// the slot of a survey. These callers are jobs, and the rare use cases that change a great many rows
    /// ([`Conn::lift_limits`]).
    pub fn patient(&self) -> Self {
        Self {
            is_patient: true,
            ..self.clone()
        }
    }

    /// Runs a query in a read-only transaction. All its statements see one state of the database. That state includes
    /// everything that was acknowledged before this call, by any server. A standby may answer (decision 0012).
    ///
    /// # Errors
    /// What the query returns; [`DbError`] when there is no connection or no answer in time.
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        let (readers, standby) = match &self.shared.engine {
            Engine::Embedded { readers, .. } => (readers, None),
            Engine::Server { readers, standby, .. } => (readers, standby.as_ref()),
        };
        if let Some(standby) = standby
            && let Some(lease) = standby.lease(readers).await
        {
            return lease.read(standby.answer(), query).await;
        }
        readers.read(query).await
    }

    /// Runs one use case in one transaction. `Ok` is committed before it is returned, `Err` leaves nothing behind.
    ///
    /// The use case may run more than once, because PostgreSQL aborts one of two deadlocked transactions. So it must
    /// have no effect outside the database.
    ///
    /// # Errors
    /// What the use case returns; [`DbError::Overloaded`] when the queue is full; [`DbError::OutcomeUnknown`] when the
    /// commit failed or was not answered in time.
    pub async fn write<T, E, F>(&self, use_case: F) -> Result<T, E>
    where
        F: Fn(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Retryable + Send + 'static,
    {
        let writer = match &self.shared.engine {
            Engine::Embedded { writer, .. } => writer,
            Engine::Server { pool, .. } => return pool.write(self.is_patient, use_case).await,
        };
        if self.is_patient {
            return writer.submit(true, use_case).await;
        }
        let unknown = |_| DbError::OutcomeUnknown("the disk did not answer in time".into());
        timeout(self.shared.settings.answer, writer.submit(false, use_case))
            .await
            .map_err(unknown)?
    }

    /// Runs a long read, such as an export, in a read-only transaction on its own connection. It holds no read worker
    /// and has no time limit. All its statements see one state of the database. That state includes everything that was
    /// acknowledged before this call. Two surveys run at once. Further ones wait.
    ///
    /// # Errors
    /// What the query returns; [`DbError::Overloaded`] when two others run for longer than [`DatabaseSettings::wait`].
    pub async fn survey<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        self.shared.surveys.run(self.is_patient, query).await
    }

    /// Copies an SQLite database as it is at one instant into an empty file, as a survey. Writes go on meanwhile.
    ///
    /// # Errors
    /// As [`survey`](Self::survey), and on PostgreSQL, which has no such copy.
    pub async fn copy_to(&self, path: &Path) -> Result<(), DbError> {
        self.shared.surveys.copy_to(path).await
    }

    /// Checks that reads and writes are answered within a time. (A full disk stops writes while reads are still
    /// answered from memory.)
    ///
    /// # Errors
    /// When one of them isn't.
    pub async fn ping(&self, limit: Duration) -> Result<(), DbError> {
        let read = |conn: &mut Conn| conn.ping().map_err(DbError::from);
        // It writes nothing and only waits for its turn.
        let write = |_: &mut Conn| Ok::<_, DbError>(());
        let both = async {
            match &self.shared.engine {
                Engine::Embedded { readers, writer } => {
                    readers.read(read).await?;
                    writer.submit(false, write).await
                }
                Engine::Server { readers, pool, .. } => {
                    readers.read(read).await?;
                    pool.write(false, write).await
                }
            }
        };
        timeout(limit, both).await.map_err(|_| DbError::no_answer())?
    }

    /// How much waits for it at the moment.
    pub fn load(&self) -> DatabaseLoad {
        match &self.shared.engine {
            Engine::Embedded { readers, writer } => DatabaseLoad {
                reads_queued: readers.queued(),
                writes_queued: writer.queued(),
                pool: None,
            },
            Engine::Server { readers, pool, .. } => DatabaseLoad {
                reads_queued: readers.queued(),
                writes_queued: pool.queued(),
                pool: Some(pool.usage()),
            },
        }
    }

    /// Brings the schema up to the newest version, and returns the migrations that were applied.
    ///
    /// # Errors
    /// When a migration fails.
    pub async fn migrate(&self) -> Result<Vec<Migration>, DbError> {
        let shared = self.shared.clone();
        blocking(move || migrate::up(&shared.url, &shared.settings.limits)).await?
    }

    /// Accepts no more work, and waits until all accepted work is done.
    pub async fn close(&self) {
        match &self.shared.engine {
            Engine::Embedded { readers, writer } => {
                readers.close().await;
                self.shared.surveys.close().await;
                writer.close().await;
            }
            Engine::Server { readers, pool, standby } => {
                if let Some(standby) = standby {
                    standby.close().await;
                }
                readers.close().await;
                self.shared.surveys.close().await;
                pool.close().await;
            }
        }
    }

    /// A connection for loading rows in bulk into a database that is not served.
    ///
    /// # Errors
    /// When the database can't be reached.
    pub fn bulk_connection(&self) -> Result<Conn, DbError> {
        Conn::open(&self.shared.url, Access::ReadWrite, &self.shared.settings.limits)
    }
}
