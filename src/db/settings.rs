//! How the doors are set up.

use super::DatabaseUrl;
use std::time::Duration;

/// How the doors are set up.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Connections that answer reads, and on PostgreSQL as many again for writes.
    pub pool_size: u32,
    /// How long a request waits for its turn before it is told to come back later.
    pub wait: Duration,
    /// How long a request waits for its answer in all: a database that has frozen answers nothing, not even an error.
    pub answer: Duration,
    /// How many writes may queue for the embedded database's writer.
    pub write_queue: usize,
    /// How long a start waits for the database.
    pub start: Duration,
    /// How long PostgreSQL lets one of our sessions go on.
    pub limits: Limits,
    /// A standby of the same PostgreSQL that reads may go to (decision 0012).
    pub replica: Option<DatabaseUrl>,
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
            replica: None,
        }
    }
}

/// PostgreSQL's own time limits on our sessions; zero is no limit.
#[derive(Debug, Clone, Copy)]
pub struct Limits<T = Duration> {
    /// For one statement (`statement_timeout`).
    pub statement: T,
    /// For the wait for one lock (`lock_timeout`).
    pub lock: T,
    /// For a transaction that does nothing (`idle_in_transaction_session_timeout`).
    pub idle: T,
    /// How often a running statement looks whether its client is still there (`client_connection_check_interval`).
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
    /// As PostgreSQL counts.
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
