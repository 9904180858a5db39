//! Long reads: exports, backups, `verify`. Each opens a connection of its own. So it holds no read worker, and the time
//! limits of short reads do not apply to it.

use super::connection::{Access, Conn};
use super::gate::Gate;
use super::sql::maintenance;
use super::threads::blocking;
use super::{DatabaseSettings, DatabaseUrl, DbError, Limits};
use diesel::connection::SimpleConnection;
use std::path::Path;

/// How many run at once. Each takes a connection of the server, or keeps SQLite's log from being shortened.
const AT_ONCE: u32 = 2;

/// The gate before the long reads.
pub(super) struct Surveys {
    url: DatabaseUrl,
    gate: Gate,
}

impl Surveys {
    pub(super) fn new(url: &DatabaseUrl, settings: &DatabaseSettings) -> Self {
        Self {
            url: url.clone(),
            gate: Gate::new(AT_ONCE, settings.wait),
        }
    }

    /// Runs a query in a read-only snapshot that begins after this call.
    pub(super) async fn run<T, E>(
        &self,
        is_patient: bool,
        query: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + From<diesel::result::Error> + Send + 'static,
    {
        self.on_connection(is_patient, |conn| {
            if let Conn::Sqlite(conn) = conn {
                conn.batch_execute("PRAGMA query_only = ON")?;
            }
            conn.begin(Access::ReadOnly)?;
            conn.read(query)
        })
        .await
    }

    /// Copies SQLite's file as it is at one instant into an empty file. `VACUUM INTO` takes its own snapshot, and fails
    /// in a transaction and with `query_only`.
    pub(super) async fn copy_to(&self, path: &Path) -> Result<(), DbError> {
        let path = path.to_string_lossy().into_owned();
        self.on_connection(false, move |conn| Ok(maintenance::vacuum_into(conn, &path)?))
            .await
    }

    /// Waits until the accepted surveys have ended, and accepts no more.
    pub(super) async fn close(&self) {
        self.gate.close().await;
    }

    async fn on_connection<T, E>(
        &self,
        is_patient: bool,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let permit = if is_patient {
            self.gate.enter_patiently().await?
        } else {
            self.gate.enter().await?
        };
        let url = self.url.clone();
        blocking(move || {
            let _permit = permit;
            work(&mut open(&url)?)
        })
        .await?
    }
}

/// A connection to the primary without time limits.
fn open(url: &DatabaseUrl) -> Result<Conn, DbError> {
    let mut conn = Conn::open(url, Access::ReadWrite, &Limits::unlimited())?;
    if let Conn::Sqlite(conn) = &mut conn {
        // A long read may sort more than fits into memory.
        conn.batch_execute("PRAGMA temp_store = FILE")?;
    }
    Ok(conn)
}
