//! Runs a job: takes the lease, works batch after batch and ends the record. Or rehearses it: does the same in one
//! transaction and undoes it.

use super::job::Job;
use super::run::{Ending, Environment, Interrupted, JobContext, LeasedRun, Rehearsal};
use crate::clock::tick;
use crate::domain::core::time::Timestamp;
use crate::domain::job::ImplausibleInstant;
use crate::service::{self, jobs};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The number of rows in the first batch. A batch is one transaction.
const FIRST_SIZE: i64 = 200;
/// The bounds of the number of rows in a batch. SQLite binds at most 32,766 values in a statement.
const SIZES: RangeInclusive<i64> = 100..=2400;
/// The intended duration of a batch on SQLite, where all other writes wait for it.
const BEAT: Duration = Duration::from_millis(15);
/// The intended duration of a batch on PostgreSQL, where only writes to the same rows wait for it.
const LONG_BEAT: Duration = Duration::from_millis(100);
/// How long a rehearsal may work. Writes wait for it as for a batch, and on SQLite all of them do.
const REHEARSAL: Duration = Duration::from_secs(2);

/// Runs a job for the instant `at` until nothing is left to do. An instant that can't be right has to be confirmed.
///
/// # Errors
/// When the database fails. The run's record then holds the problem, and the next run does the rest.
pub async fn run<J: Job>(environment: &Environment, at: Timestamp) -> service::Result<Ending> {
    if !environment.is_confirmed
        && let Some(doubt) = doubt(environment, at).await?
    {
        return Ok(Ending::Implausible(doubt));
    }
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

async fn doubt(environment: &Environment, at: Timestamp) -> service::Result<Option<ImplausibleInstant>> {
    let clock = environment.clock.now();
    environment.db.read(move |conn| jobs::doubt(conn, at, clock)).await
}

/// Does what a run for the instant `at` would do, and undoes it. It takes no lease and leaves no record.
///
/// # Errors
/// When the database or the disk fails.
pub async fn rehearse<J: Job>(environment: &Environment, at: Timestamp) -> service::Result<Rehearsal> {
    let context = JobContext::new(environment, at, format!("{}/rehearsal", J::NAME));
    let db = environment.db.patient();
    let rehearsed = db.write(move |conn| {
        conn.rehearse(|conn| {
            let (mut rehearsal, begun) = (Rehearsal::default(), tick());
            let mut next = Some(J::Cursor::default());
            while let Some(cursor) = next {
                if begun.elapsed() > REHEARSAL {
                    rehearsal.is_cut_short = true;
                    break;
                }
                let part = J::part(&cursor);
                let batch = J::batch(conn, &context, cursor, *SIZES.end())?;
                rehearsal.add(part, batch.tally);
                next = batch.next;
            }
            Ok::<_, service::Error>(rehearsal)
        })
    });
    let mut rehearsal = rehearsed.await?;
    for (part, tally) in J::rehearse_after(environment).await? {
        rehearsal.add(part, tally);
    }
    rehearsal.doubt = doubt(environment, at).await?;
    Ok(rehearsal)
}

/// The number of rows in the next batch: as many as fit into `beat`, because a larger batch shares the cost of the
/// transaction and of each page it touches. At most twice and at least half as many as in the last batch, which had
/// `size` rows and took `took`.
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
