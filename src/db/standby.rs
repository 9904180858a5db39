//! Reads on a standby. They see everything that was acknowledged before they began (decision 0012).
//!
//! A read asks the primary how far its write-ahead log (WAL) is flushed, and runs on the standby once the standby has
//! replayed the log up to there. Reads that wait at the same time share one query to the primary.

use super::connection::{Access, Conn, Epoch};
use super::pg_pool::{PgPool, ReadLease};
use super::read_workers::ReadWorkers;
use super::{DatabaseSettings, DatabaseUrl, DbError};
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long a read waits for the primary's position, then for a free slot at the standby, then for a connection and the
/// replay there. Each of the three waits has this limit. After it the read goes to the primary.
const WAIT: Duration = Duration::from_millis(100);
/// How long all reads go to the primary after the standby was too slow or could not be reached.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the standby's replay position is polled.
const POLL: Duration = Duration::from_millis(2);

/// A position in the primary's log. Every commit that was acknowledged before the query for the position lies before
/// it.
///
/// The timeline counts promotions. After a failover an old standby may have a higher position in the log, but on a
/// timeline that no longer counts.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
struct WalPosition {
    #[diesel(sql_type = sql_types::Text)]
    timeline: String,
    #[diesel(sql_type = sql_types::Text)]
    log: String,
}

/// A standby that serves reads.
pub(super) struct Standby {
    pool: PgPool,
    primary: PrimaryPosition,
    paused_until: Mutex<Option<Instant>>,
    answer: Duration,
}

impl Standby {
    pub(super) fn new(url: &DatabaseUrl, settings: &DatabaseSettings) -> Self {
        Self {
            pool: PgPool::new(url, Access::ReadOnly, settings, WAIT, &Epoch::default()),
            primary: PrimaryPosition::default(),
            paused_until: Mutex::default(),
            answer: settings.answer,
        }
    }

    /// A connection on which a read may run now. `None` when the standby can't be reached, is full or lags.
    pub(super) async fn lease(&self, primary: &ReadWorkers) -> Option<ReadLease> {
        if self
            .paused_until
            .lock()
            .await
            .is_some_and(|until| until > Instant::now())
        {
            return None;
        }
        let position = timeout(WAIT, self.primary.position(primary)).await.ok()?.ok()?;
        let lease = self.pool.lease(move |conn| await_replay(conn, &position)).await;
        if let Err(error) = &lease {
            log::warn!("reads go to the primary for {} s: {error}", PAUSE.as_secs());
            *self.paused_until.lock().await = Some(Instant::now() + PAUSE);
        }
        lease.ok()
    }

    /// How long a read may take.
    pub(super) fn answer(&self) -> Duration {
        self.answer
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Waits until the standby has replayed the log up to a position.
fn await_replay(conn: &mut Conn, position: &WalPosition) -> Result<(), DbError> {
    #[derive(QueryableByName)]
    struct Replay {
        #[diesel(sql_type = sql_types::Bool)]
        is_done: bool,
    }
    let looks = WAIT.as_millis() / POLL.as_millis();
    for _ in 0..looks {
        // This runs before the read's transaction, because its snapshot must not be older than the replay.
        let found: Replay = sql_query(
            "SELECT pg_is_in_recovery() AND coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) \
             AND lpad(upper(to_hex(timeline_id)), 8, '0') = $2 AS is_done FROM pg_control_checkpoint()",
        )
        .bind::<sql_types::Text, _>(&position.log)
        .bind::<sql_types::Text, _>(&position.timeline)
        .get_result(conn)?;
        if found.is_done {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    Err(DbError::Unavailable("the standby is behind".into()))
}

/// The primary's position, queried once for all reads that wait for it.
#[derive(Default)]
struct PrimaryPosition {
    /// How many queries have begun.
    begun: AtomicU64,
    /// The number of the last query that was answered, and its answer.
    known: Mutex<(u64, Option<WalPosition>)>,
}

impl PrimaryPosition {
    /// A position that was queried after this call began.
    async fn position(&self, primary: &ReadWorkers) -> Result<WalPosition, DbError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut known = self.known.lock().await;
        if let (number, Some(position)) = &*known
            && *number > begun
        {
            return Ok(position.clone());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let position: WalPosition = primary.read(query_position).await?;
        *known = (number, Some(position.clone()));
        Ok(position)
    }
}

/// The end of the flushed log. An acknowledged commit is always flushed. The name of a log file begins with its
/// timeline.
fn query_position(conn: &mut Conn) -> Result<WalPosition, DbError> {
    let query = "SELECT left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS timeline, \
                 pg_current_wal_flush_lsn()::text AS log";
    Ok(sql_query(query).get_result(conn)?)
}
