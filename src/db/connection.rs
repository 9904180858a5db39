//! A connection of either engine: how it is opened, set up and checked, and how its transactions begin.

use super::{DatabaseSettings, DatabaseUrl, DbError, Limits, sqlite_file};
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::Error;
use diesel::{
    Connection, PgConnection, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A connection of either engine.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// SQLite, the embedded engine.
    Sqlite(SqliteConnection),
    /// PostgreSQL.
    Postgres(PgConnection),
}

/// The backend diesel derives for [`Conn`].
pub type Backend = <Conn as Connection>::Backend;

/// diesel's bookkeeping of a connection's transactions.
pub(super) type TxManager = <Conn as Connection>::TransactionManager;

/// What a connection or a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    ReadOnly,
    ReadWrite,
}

/// Counts how often a write found that its server is not, or may not be, the primary any more. Read workers drop the
/// connections that they opened before the last such event.
#[derive(Debug, Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// libpq parameters for an address that doesn't set them. A connection for writes goes only to a server that takes
/// writes. A silent host is given up after 2 s, and a dead peer is noticed within 8 to 11 s (libpq's own defaults wait
/// for hours).
const READ_WRITE: &[(&str, &str)] = &[("target_session_attrs", "read-write")];
const STANDBY: &[(&str, &str)] = &[("target_session_attrs", "prefer-standby")];
const TIMEOUTS: &[(&str, &str)] = &[
    ("connect_timeout", "2"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "8000"),
    ("application_name", "zhuanjie"),
];

/// Adds to an address the parameters that it doesn't set.
fn with_defaults(url: &str, defaults: impl IntoIterator<Item = &'static (&'static str, &'static str)>) -> String {
    let given = url.split_once('?').map_or("", |(_, parameters)| parameters);
    let is_given = |name: &str| given.split('&').any(|one| one.split('=').next() == Some(name));
    let mut full = url.to_owned();
    let missing = defaults.into_iter().filter(|(name, _)| !is_given(name));
    for (n, (name, value)) in missing.enumerate() {
        let separator = if n == 0 && !url.contains('?') { '?' } else { '&' };
        full.extend([separator.to_string().as_str(), name, "=", value]);
    }
    full
}

impl Conn {
    pub(super) fn open(url: &DatabaseUrl, access: Access, limits: &Limits) -> Result<Self, DbError> {
        let unavailable = |e: diesel::ConnectionError| DbError::Unavailable(e.to_string());
        match url {
            DatabaseUrl::Sqlite(path) => {
                let mut conn = sqlite_file::establish(path)?;
                prepare_sqlite(&mut conn, access)?;
                Ok(Self::Sqlite(conn))
            }
            DatabaseUrl::Postgres(url) => {
                let role = if access == Access::ReadWrite {
                    READ_WRITE
                } else {
                    STANDBY
                };
                let full = with_defaults(url, role.iter().chain(TIMEOUTS));
                let mut conn = PgConnection::establish(&full).map_err(unavailable)?;
                prepare_postgres(&mut conn, access, limits)?;
                Ok(Self::Postgres(conn))
            }
        }
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self, access: Access) -> QueryResult<()> {
        let begin = match access {
            Access::ReadOnly => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::ReadWrite => "BEGIN",
        };
        match self {
            // In WAL mode a deferred transaction is a snapshot, and a connection for reads is query_only.
            Self::Sqlite(conn) => AnsiTransactionManager::begin_transaction(conn),
            Self::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(conn, begin),
        }
    }

    /// Runs a query in the open transaction, and ends the transaction.
    pub(super) fn read<T, E>(&mut self, query: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let answer = query(self);
        // Nothing was written, so the answer is right however the transaction ends. The pool drops a connection that
        // can't end its transaction.
        let _ = TxManager::rollback_transaction(self);
        answer
    }

    /// Checks that the engine answers.
    pub(super) fn ping(&mut self) -> QueryResult<()> {
        self.batch_execute("SELECT 1")
    }

    /// Whether the connection is lost, or in a transaction that it can't end.
    pub(super) fn is_broken(&mut self) -> bool {
        match self {
            Self::Sqlite(conn) => is_broken(conn),
            Self::Postgres(conn) => is_broken(conn),
        }
    }

    /// Lifts the time limits of [`Limits`] for the rest of the transaction.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn lift_limits(&mut self) -> QueryResult<()> {
        match self {
            // SQLite has no such limits.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(conn) => conn.batch_execute(
                "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0",
            ),
        }
    }

    /// Runs a part of a use case that may fail alone. An `Err` undoes only what the part wrote.
    ///
    /// # Errors
    /// What the part returns.
    pub fn savepoint<T, E: From<Error>>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        self.transaction(part)
    }

    /// Runs a part of a use case, undoes what it wrote and returns its answer.
    ///
    /// # Errors
    /// What the part returns.
    pub fn rehearse<T, E: From<Error>>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let mut answer = None;
        let undone = self.transaction::<(), Error, _>(|conn| {
            answer = Some(part(conn));
            Err(Error::RollbackTransaction)
        });
        match (answer, undone) {
            (Some(answer), Err(Error::RollbackTransaction)) => answer,
            (_, undone) => Err(undone.err().unwrap_or(Error::NotFound).into()),
        }
    }
}

/// How long a start pauses between two tries to reach the database.
const PAUSE: Duration = Duration::from_millis(250);
/// Every eighth try is logged.
const LOG_EVERY: u32 = 8;

/// Opens the first connection to a server. Tries again for up to [`DatabaseSettings::start`].
///
/// # Errors
/// [`DbError::Unavailable`] with the reason of the last try.
pub(super) fn await_first(url: &DatabaseUrl, settings: &DatabaseSettings) -> Result<Conn, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a start waits does not depend on the clock of the rules"
    )]
    let begun = Instant::now();
    let mut tried = 0;
    loop {
        let why = match Conn::open(url, Access::ReadWrite, &settings.limits) {
            Err(DbError::Unavailable(why)) => why,
            settled => return settled,
        };
        let (waited, allowed) = (begun.elapsed(), settings.start);
        let why = why.trim().replace('\n', "; ");
        if waited + PAUSE >= allowed {
            let seconds = allowed.as_secs_f32();
            return Err(DbError::Unavailable(format!("not reached within {seconds} s: {why}")));
        }
        if tried % LOG_EVERY == 0 {
            log::warn!(
                "waiting for the database {url}, {:.0} of {:.0} s: {why}",
                waited.as_secs_f32(),
                allowed.as_secs_f32()
            );
        }
        tried += 1;
        std::thread::sleep(PAUSE);
    }
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = sql_types::Text)]
    value: String,
}

/// Sets the time limits of a session. Checks that error messages are in English. For writes it also checks that the
/// server is not a standby, because an address with parameters of its own may lead to one. `random_page_cost` is that
/// of a solid-state disk. With the default, PostgreSQL reads thousands of offices to find those of one organization.
fn prepare_postgres(conn: &mut PgConnection, access: Access, limits: &Limits) -> Result<(), DbError> {
    let Limits {
        statement,
        lock,
        idle,
        gone,
    } = limits.in_millis();
    conn.batch_execute(&format!(
        "SET TIME ZONE 'UTC'; SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
         SET idle_in_transaction_session_timeout = {idle}; SET client_min_messages = 'warning'; \
         SET random_page_cost = 1.1"
    ))?;
    // Both statements may fail. Only a superuser may set the language: other roles get it from the configuration of the
    // server or the role. Only some systems can check during a statement that the client is still there.
    let _ = conn.batch_execute("SET lc_messages = 'C'");
    let _ = conn.batch_execute(&format!("SET client_connection_check_interval = {gone}"));
    conn.batch_execute(
        "DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN \
         PERFORM set_config('zhuanjie.words', SQLERRM, false); END $$",
    )?;
    let query = "SELECT current_setting('zhuanjie.words') || '/' || pg_is_in_recovery() AS value";
    let found: Setting = sql_query(query).get_result(conn)?;
    match found.value.split_once('/') {
        Some(("division by zero", "true")) if access == Access::ReadWrite => Err(DbError::Unavailable(
            "the server is a standby and takes no writes".into(),
        )),
        Some(("division by zero", _)) => Ok(()),
        _ => Err(DbError::Unavailable(
            "PostgreSQL reports errors in another language than English: ALTER ROLE … SET lc_messages = 'C'".into(),
        )),
    }
}

/// SQLite's `synchronous`, and the value that it reads back as. Only FULL waits for the disk. With NORMAL, power cuts
/// lost acknowledged writes in nearly all tries. `tests/harness/power_cut.py` shows this with a control build, which
/// must never be used as a service.
const SYNCHRONOUS: (&str, &str) = if CONTROL { ("NORMAL", "1") } else { ("FULL", "2") };

/// Whether this is the control build, which loses writes.
pub const CONTROL: bool = cfg!(feature = "control-synchronous-normal");

/// Sets the pragmas for durability and integrity and reads them back, because SQLite ignores a pragma that it doesn't
/// know. The log is checkpointed every 32 MiB (8,192 pages), so that a page that many writes changed is copied only
/// once.
fn prepare_sqlite(conn: &mut SqliteConnection, access: Access) -> Result<(), DbError> {
    let (synchronous, read_back) = SYNCHRONOUS;
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
         PRAGMA mmap_size = 1073741824; PRAGMA wal_autocheckpoint = 8192;",
    ))?;
    if access == Access::ReadOnly {
        conn.batch_execute("PRAGMA query_only = ON")?;
    }
    for (pragma, wanted) in [
        ("journal_mode", "wal"),
        ("synchronous", read_back),
        ("foreign_keys", "1"),
    ] {
        let query = format!("SELECT CAST({pragma} AS TEXT) AS value FROM pragma_{pragma}");
        let found: Setting = sql_query(query).get_result(conn)?;
        if found.value != wanted {
            return Err(DbError::Unavailable(format!(
                "PRAGMA {pragma} is {}, not {wanted}",
                found.value
            )));
        }
    }
    let version: Setting = sql_query("SELECT sqlite_version() AS value").get_result(conn)?;
    if !is_at_least(&version.value, [3, 51, 3]) {
        // Earlier versions can reset a write-ahead log that still holds committed frames.
        return Err(DbError::Unavailable(format!(
            "SQLite {} is older than 3.51.3",
            version.value
        )));
    }
    Ok(())
}

fn is_at_least(version: &str, wanted: [u32; 3]) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let found: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
    found >= wanted
}

fn is_broken<C>(conn: &mut C) -> bool
where
    C: Connection<TransactionManager = AnsiTransactionManager> + diesel::r2d2::R2D2Connection,
{
    AnsiTransactionManager::is_broken_transaction_manager(conn) || conn.is_broken()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_parameters_and_gets_the_missing_ones() {
        let full = |url| with_defaults(url, READ_WRITE.iter().chain(&TIMEOUTS[..1]));
        assert_eq!(
            full("postgres://h/d"),
            "postgres://h/d?target_session_attrs=read-write&connect_timeout=2"
        );
        assert_eq!(
            full("postgres://a:1,b:2/d?connect_timeout=9"),
            "postgres://a:1,b:2/d?connect_timeout=9&target_session_attrs=read-write"
        );
        assert_eq!(
            full("postgres://h/d?target_session_attrs=any&connect_timeout=9"),
            "postgres://h/d?target_session_attrs=any&connect_timeout=9"
        );
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(is_at_least("3.53.0", [3, 51, 3]));
        assert!(is_at_least("3.51.3", [3, 51, 3]));
        assert!(!is_at_least("3.51.2", [3, 51, 3]));
        assert!(!is_at_least("3.9.30", [3, 51, 3]));
    }
}
