//! Reads on a standby that show everything that was acknowledged before they began (decision 0012).
//!
//! A read asks the primary how far its log is written, and goes to the standby once that has replayed so far. All reads
//! that wait at the same time share one question to the primary, so it costs the primary next to nothing.

use super::connection::{Conn, Mode};
use super::pg_pool::{Epoch, PgPool, ReadLease};
use super::read_workers::ReadWorkers;
use super::{DatabaseSettings, DatabaseUrl, DbError};
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long a read waits for the primary to say how far its log is, and as long again for the standby: to be connected, to
/// have a place, to have replayed enough. Then it is the primary's.
const WAIT: Duration = Duration::from_millis(100);
/// How long the standby is left alone after it kept a read waiting in vain.
const REST: Duration = Duration::from_secs(1);
/// Between two looks at how far the standby is.
const LOOK: Duration = Duration::from_millis(2);

/// A place in the primary's log: everything acknowledged before it was asked for lies before it.
///
/// The timeline counts the promotions: a standby that followed a primary which is none any more may be further along a
/// log that is void.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
struct Position {
    #[diesel(sql_type = sql_types::Text)]
    timeline: String,
    #[diesel(sql_type = sql_types::Text)]
    log: String,
}

/// The standby's lane.
pub(super) struct Replica {
    lane: PgPool,
    horizon: Horizon,
    rests_until: Mutex<Option<Instant>>,
    answer: Duration,
}

impl Replica {
    pub(super) fn new(url: &DatabaseUrl, settings: &DatabaseSettings) -> Self {
        Self {
            lane: PgPool::new(url, Mode::ReadOnly, settings, WAIT, &Epoch::default()),
            horizon: Horizon::default(),
            rests_until: Mutex::default(),
            answer: settings.answer,
        }
    }

    /// A connection on which a question may be asked now; `None` when the standby is gone, full or behind.
    pub(super) async fn lease(&self, primary: &ReadWorkers) -> Option<ReadLease> {
        if self
            .rests_until
            .lock()
            .await
            .is_some_and(|until| until > Instant::now())
        {
            return None;
        }
        let position = timeout(WAIT, self.horizon.position(primary)).await.ok()?.ok()?;
        let lease = self.lane.lease(move |conn| reach(conn, &position)).await;
        if let Err(error) = &lease {
            log::warn!("reads go to the primary for a while: {error}");
            *self.rests_until.lock().await = Some(Instant::now() + REST);
        }
        lease.ok()
    }

    /// How long a question may take.
    pub(super) fn answer(&self) -> Duration {
        self.answer
    }

    pub(super) async fn close(&self) {
        self.lane.close().await;
    }
}

/// Waits until the standby has replayed the log up to a place.
fn reach(conn: &mut Conn, position: &Position) -> Result<(), DbError> {
    #[derive(QueryableByName)]
    struct There {
        #[diesel(sql_type = sql_types::Bool)]
        there: bool,
    }
    let looks = WAIT.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        // Asked outside of the question's transaction, whose snapshot must not be older than the answer.
        let found: There = sql_query(
            "SELECT pg_is_in_recovery() AND coalesce(pg_last_wal_replay_lsn() >= $1::pg_lsn, false) \
             AND lpad(upper(to_hex(timeline_id)), 8, '0') = $2 AS there FROM pg_control_checkpoint()",
        )
        .bind::<sql_types::Text, _>(&position.log)
        .bind::<sql_types::Text, _>(&position.timeline)
        .get_result(conn)?;
        if found.there {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    Err(DbError::Unavailable("the standby is behind".into()))
}

/// How far the primary's log is written, asked once for all who wait.
#[derive(Default)]
struct Horizon {
    /// How many questions have begun.
    begun: AtomicU64,
    /// The number of the last question that was answered, and its answer.
    known: Mutex<(u64, Option<Position>)>,
}

impl Horizon {
    /// A position that was asked for after this call began.
    async fn position(&self, primary: &ReadWorkers) -> Result<Position, DbError> {
        let begun = self.begun.load(Ordering::SeqCst);
        let mut known = self.known.lock().await;
        if let (number, Some(position)) = &*known
            && *number > begun
        {
            return Ok(position.clone());
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let position: Position = primary.read(ask).await?;
        *known = (number, Some(position.clone()));
        Ok(position)
    }
}

/// What is acknowledged is flushed. The name of a log file begins with its timeline.
fn ask(conn: &mut Conn) -> Result<Position, DbError> {
    let question = "SELECT left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS timeline, \
                    pg_current_wal_flush_lsn()::text AS log";
    Ok(sql_query(question).get_result(conn)?)
}
