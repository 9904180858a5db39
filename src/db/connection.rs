//! Connections of both engines, chosen by the address's scheme.

use super::{DatabaseSettings, DbError, Limits};
use diesel::connection::SimpleConnection;
use diesel::result::Error;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query, sql_types};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// A connection of either engine.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// The embedded engine.
    Sqlite(SqliteConnection),
    /// The engine of provinces and the nation.
    Postgres(PgConnection),
}

/// The backend diesel derives for [`Conn`].
pub type Backend = <Conn as Connection>::Backend;

/// Where a database is. Its `Display` leaves the password out.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://path`, relative or absolute.
    Sqlite(PathBuf),
    /// `postgres://…` or `postgresql://…`, as libpq reads it.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self, DbError> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            // An in-memory database would give each connection a database of its own.
            if path.is_empty() || path.contains(":memory:") {
                return Err(DbError::Url("DATABASE_URL: sqlite:// needs the path of a file".into()));
            }
            return Ok(Self::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.into()));
        }
        Err(DbError::Url(
            "DATABASE_URL must begin with sqlite:// or postgres://".into(),
        ))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                // Both places a password can stand in: before the host and among the parameters.
                let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                write!(f, "{scheme}://{}", rest.split('?').next().unwrap_or(rest))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    ReadOnly,
    ReadWrite,
}

/// What libpq is told where the address doesn't say otherwise: only a server that takes writes will do, a silent host
/// is given up after two seconds, and a dead peer is noticed within seconds (libpq's own defaults wait for hours).
const READ_WRITE: &[(&str, &str)] = &[("target_session_attrs", "read-write")];
const STANDBY: &[(&str, &str)] = &[("target_session_attrs", "prefer-standby")];
const PATIENCE: &[(&str, &str)] = &[
    ("connect_timeout", "2"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "8000"),
    ("application_name", "zhuanjie"),
];

/// An address with parameters added that it doesn't set itself.
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
    pub(super) fn open(url: &DatabaseUrl, mode: Mode, limits: &Limits) -> Result<Self, DbError> {
        let unavailable = |e: diesel::ConnectionError| DbError::Unavailable(e.to_string());
        match url {
            DatabaseUrl::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(&path.to_string_lossy()).map_err(unavailable)?;
                prepare_sqlite(&mut conn, mode)?;
                Ok(Self::Sqlite(conn))
            }
            DatabaseUrl::Postgres(url) => {
                let role = if mode == Mode::ReadWrite { READ_WRITE } else { STANDBY };
                let full = with_defaults(url, role.iter().chain(PATIENCE));
                let mut conn = PgConnection::establish(&full).map_err(unavailable)?;
                prepare_postgres(&mut conn, mode, limits)?;
                Ok(Self::Postgres(conn))
            }
        }
    }

    /// Runs a part of a use case that may fail alone: what it wrote is undone, the rest stands.
    ///
    /// # Errors
    /// What the part returns.
    pub fn savepoint<T, E: From<Error>>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        self.transaction(part)
    }

    /// Runs a part of a use case and undoes it whatever it returns: only the answer is wanted.
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
/// Each so many tries the log says what is waited for.
const SAY: u32 = 8;

/// The first connection to a server: one that is not there yet is waited for as long as a start may.
pub(super) fn await_first(url: &DatabaseUrl, settings: &DatabaseSettings) -> Result<Conn, DbError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a start waits is no matter of the rules' clock"
    )]
    let begun = Instant::now();
    let mut tried = 0;
    loop {
        let why = match Conn::open(url, Mode::ReadWrite, &settings.limits) {
            Err(DbError::Unavailable(why)) => why,
            settled => return settled,
        };
        let (waited, allowed) = (begun.elapsed(), settings.start);
        let why = why.trim().replace('\n', "; ");
        if waited + PAUSE >= allowed {
            let seconds = allowed.as_secs_f32();
            return Err(DbError::Unavailable(format!("not reached within {seconds} s: {why}")));
        }
        if tried % SAY == 0 {
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

/// Sets how long things may take, and makes sure that errors come in words we know and, for writing, that the server
/// takes writes: an address may lead to a standby all the same. A page reached by an index costs what it does without a
/// turning disk; else PostgreSQL reads thousands of offices to find those of one organization.
fn prepare_postgres(conn: &mut PgConnection, mode: Mode, limits: &Limits) -> Result<(), DbError> {
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
    // Only a superuser may choose the language; others have it from the server's or the role's configuration. And only
    // some systems can notice that a client is gone while its statement runs.
    let _ = conn.batch_execute("SET lc_messages = 'C'");
    let _ = conn.batch_execute(&format!("SET client_connection_check_interval = {gone}"));
    conn.batch_execute(
        "DO $$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN \
         PERFORM set_config('zhuanjie.words', SQLERRM, false); END $$",
    )?;
    let question = "SELECT current_setting('zhuanjie.words') || '/' || pg_is_in_recovery() AS value";
    let found: Setting = sql_query(question).get_result(conn)?;
    match found.value.split_once('/') {
        Some(("division by zero", "true")) if mode == Mode::ReadWrite => Err(DbError::Unavailable(
            "the server is a standby and takes no writes".into(),
        )),
        Some(("division by zero", _)) => Ok(()),
        _ => Err(DbError::Unavailable(
            "PostgreSQL reports errors in another language than English: ALTER ROLE … SET lc_messages = 'C'".into(),
        )),
    }
}

/// How hard a commit is made to last, and what reads back for it. Only FULL waits for the disk: in NORMAL, power cuts took
/// acknowledged writes away in nearly all tries. The control of `tests/harness/power_cut.py` shows that, and is never to
/// be served.
const SYNCHRONOUS: (&str, &str) = if CONTROL { ("NORMAL", "1") } else { ("FULL", "2") };

/// Whether this program was built to lose writes.
pub const CONTROL: bool = cfg!(feature = "control-synchronous-normal");

/// Sets what durability and integrity rest on, and reads it back: a pragma that is not understood fails in silence. The log
/// is folded into the file every 32 MiB: pages that many cases share are then copied once for all of them.
fn prepare_sqlite(conn: &mut SqliteConnection, mode: Mode) -> Result<(), DbError> {
    let (synchronous, read_back) = SYNCHRONOUS;
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; \
         PRAGMA mmap_size = 1073741824; PRAGMA wal_autocheckpoint = 8192;",
    ))?;
    if mode == Mode::ReadOnly {
        conn.batch_execute("PRAGMA query_only = ON")?;
    }
    for (pragma, wanted) in [
        ("journal_mode", "wal"),
        ("synchronous", read_back),
        ("foreign_keys", "1"),
    ] {
        let question = format!("SELECT CAST({pragma} AS TEXT) AS value FROM pragma_{pragma}");
        let found: Setting = sql_query(question).get_result(conn)?;
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

/// Makes connections for r2d2. Ours, because the derive's `establish` guesses the engine and hides the error.
pub(super) struct Manager {
    url: DatabaseUrl,
    mode: Mode,
    limits: Limits,
}

impl Manager {
    pub(super) fn new(url: DatabaseUrl, mode: Mode, limits: Limits) -> Self {
        Self { url, mode, limits }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Conn;
    type Error = DbError;

    fn connect(&self) -> Result<Conn, DbError> {
        Conn::open(&self.url, self.mode, &self.limits)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), DbError> {
        Ok(conn.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        // A connection in the hands of a panicking thread may be in the middle of anything.
        std::thread::panicking() || is_broken(conn)
    }
}

/// Whether a connection is lost, or in a transaction it can't end.
pub(super) fn is_broken(conn: &mut Conn) -> bool {
    match conn {
        Conn::Sqlite(c) => is_broken_of(c),
        Conn::Postgres(c) => is_broken_of(c),
    }
}

fn is_broken_of<C>(conn: &mut C) -> bool
where
    C: Connection<TransactionManager = diesel::connection::AnsiTransactionManager> + diesel::r2d2::R2D2Connection,
{
    use diesel::connection::TransactionManager;
    diesel::connection::AnsiTransactionManager::is_broken_transaction_manager(conn) || conn.is_broken()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_no_database_are_refused() {
        for text in [
            "",
            "sqlite:",
            "sqlite://",
            "sqlite://:memory:",
            "mysql://x",
            "/tmp/x.db",
        ] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        for text in [
            "postgres://u:geheim@h/db",
            "postgres://h/db?password=geheim",
            "postgres://u:p%40geheim@h/db?x=y",
        ] {
            let shown = text.parse::<DatabaseUrl>().unwrap().to_string();
            assert!(!shown.contains("geheim"), "{shown}");
        }
    }

    #[test]
    fn an_address_keeps_what_it_says_and_gets_the_rest() {
        let full = |url| with_defaults(url, READ_WRITE.iter().chain(&PATIENCE[..1]));
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
