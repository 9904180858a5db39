//! The address of the database, the number of connections to it, and the time limits.

use super::DbError;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where a database is. `Display` and `Debug` leave the password out.
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
                // A password can be before the host or among the parameters, so both are cut off.
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

/// How the connections and the queues before them are set up.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The number of connections for reads. On PostgreSQL there are as many again for writes, and as many for a
    /// standby.
    pub pool_size: u32,
    /// How long a request waits for its turn before it gets [`DbError::Overloaded`].
    pub wait: Duration,
    /// How long a request waits for its answer, all in all. A frozen database sends nothing, not even an error.
    pub answer: Duration,
    /// How many writes may queue for the SQLite writer, and how many items for a batcher.
    pub write_queue: usize,
    /// How long a start waits for the database.
    pub start: Duration,
    /// PostgreSQL's own time limits on our sessions.
    pub limits: Limits,
    /// A standby of the same PostgreSQL that may serve reads (decision 0012).
    pub standby: Option<DatabaseUrl>,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            pool_size: 8,
            wait: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            write_queue: 1024,
            start: Duration::from_secs(30),
            limits: Limits::default(),
            standby: None,
        }
    }
}

/// PostgreSQL's own time limits on our sessions. Zero means no limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits<T = Duration> {
    /// For one statement (`statement_timeout`).
    pub statement: T,
    /// For the wait for one lock (`lock_timeout`).
    pub lock: T,
    /// For a transaction that does nothing (`idle_in_transaction_session_timeout`).
    pub idle: T,
    /// How often a running statement checks that its client is still there (`client_connection_check_interval`).
    pub gone: T,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            statement: Duration::from_secs(5),
            lock: Duration::from_secs(2),
            idle: Duration::from_secs(10),
            gone: Duration::from_secs(1),
        }
    }
}

impl Limits {
    /// For work without a time limit. Only a lost client ends it.
    pub fn unlimited() -> Self {
        Self {
            statement: Duration::ZERO,
            lock: Duration::ZERO,
            idle: Duration::ZERO,
            ..Self::default()
        }
    }

    /// In milliseconds, as PostgreSQL counts.
    pub(super) fn in_millis(&self) -> Limits<u128> {
        let Self {
            statement,
            lock,
            idle,
            gone,
        } = *self;
        Limits {
            statement: statement.as_millis(),
            lock: lock.as_millis(),
            idle: idle.as_millis(),
            gone: gone.as_millis(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_no_known_database_are_refused() {
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
}
