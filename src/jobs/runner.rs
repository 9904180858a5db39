//! Runs a job: takes the lease, works batch after batch, ends the record.

use super::job::Job;
use super::run::{Ending, Environment, Interrupted, LeasedRun};
use crate::clock::tick;
use crate::domain::core::time::Timestamp;
use crate::service;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How many rows the first batch, that is one transaction, works on.
const FIRST_SIZE: i64 = 200;
/// How few and how many rows a batch may work on. SQLite binds no more than 32,766 values at once.
const SIZES: RangeInclusive<i64> = 100..=2400;
/// How long a batch is to take on SQLite, where every other write waits for it.
const BEAT: Duration = Duration::from_millis(15);
/// How long a batch is to take on PostgreSQL, where only writes to the same rows wait for it.
const LONG_BEAT: Duration = Duration::from_millis(100);

/// Runs a job for an instant until nothing is left to do.
///
/// # Errors
/// When the database fails. The run's record says so, and the next run does the rest.
pub async fn run<J: Job>(environment: &Environment, at: Timestamp) -> service::Result<Ending> {
    let Some(run) = LeasedRun::begin(environment, J::NAME, at).await? else {
        return Ok(Ending::Elsewhere);
    };
    let worked = work::<J>(&run).await;
    run.finish(worked).await
}

async fn work<J: Job>(run: &LeasedRun<'_>) -> Result<(), Interrupted> {
    let is_embedded = run.environment.db.is_embedded();
    let beat = if is_embedded { BEAT } else { LONG_BEAT };
    let (mut next, mut size) = (Some(J::Cursor::default()), FIRST_SIZE);
    while let Some(cursor) = next {
        let begun = tick();
        next = run
            .transaction(move |conn, context| {
                let batch = J::batch(conn, context, cursor.clone(), size)?;
                Ok((batch.next, batch.tally))
            })
            .await?;
        size = next_size(size, begun.elapsed(), beat);
    }
    J::after(run).await
}

/// How many rows the next batch works on, after one of a size that took so long: as many as fit into a beat, since what a
/// transaction costs, and each page it touches, is paid once for all its rows. At most twice as many as before, at least
/// half of them.
fn next_size(size: i64, took: Duration, beat: Duration) -> i64 {
    let fitting = size as f64 * beat.as_secs_f64() / took.as_secs_f64().max(f64::EPSILON);
    (fitting as i64)
        .clamp(size / 2, size * 2)
        .clamp(*SIZES.start(), *SIZES.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_grows_while_it_is_quick_and_shrinks_when_others_wait_for_it() {
        assert_eq!(next_size(200, BEAT / 9, BEAT), 400);
        assert_eq!(next_size(300, BEAT, BEAT), 300);
        assert_eq!(next_size(600, BEAT * 2, BEAT), 300);
        assert_eq!(next_size(600, BEAT * 9, BEAT), 300);
        assert_eq!(
            (next_size(2400, Duration::ZERO, BEAT), next_size(100, BEAT * 9, BEAT)),
            (2400, 100)
        );
    }

    #[test]
    fn the_page_for_operators_says_how_large_a_batch_is() {
        let page = include_str!("../../docs/operations.md").replace('\n', " ");
        let said = format!(
            "The first batch has {FIRST_SIZE} rows. Later ones are as large as fit into {} ms on SQLite and {} ms on PostgreSQL, but no smaller than {} and no larger than {} rows.",
            BEAT.as_millis(),
            LONG_BEAT.as_millis(),
            SIZES.start(),
            SIZES.end()
        );
        assert!(page.contains(&said), "docs/operations.md does not say: {said}");
    }
}
