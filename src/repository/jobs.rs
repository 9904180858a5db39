//! Leases of jobs, and records of their runs.

use crate::db::columns::Micros;
use crate::db::schema::{job_leases, job_runs};
use crate::db::{Backend, Conn};
use crate::domain::core::time::Timestamp;
use crate::on_each;
use diesel::prelude::*;

/// Takes or renews a lease until `until`. Returns `false` while another holder has it.
///
/// `longest` is the latest end that a lease taken now can have. A lease with a later end was left by a clock that ran
/// ahead, and is void.
pub fn lease(
    conn: &mut Conn,
    name: &str,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
    longest: Timestamp,
) -> QueryResult<bool> {
    on_each!(conn, |conn| diesel::insert_into(job_leases::table)
        .values((
            job_leases::name.eq(name),
            job_leases::holder.eq(""),
            job_leases::until.eq(0_i64)
        ))
        .on_conflict_do_nothing()
        .execute(conn))?;
    let free = job_leases::holder
        .eq(holder)
        .or(job_leases::until.lt(Micros::from(now)))
        .or(job_leases::until.gt(Micros::from(longest)));
    let taken = diesel::update(job_leases::table.find(name).filter(free))
        .set((job_leases::holder.eq(holder), job_leases::until.eq(Micros::from(until))))
        .execute(conn)?;
    Ok(taken == 1)
}

/// Releases a lease.
pub fn release(conn: &mut Conn, name: &str, holder: &str) -> QueryResult<()> {
    diesel::update(job_leases::table.find(name).filter(job_leases::holder.eq(holder)))
        .set((job_leases::holder.eq(""), job_leases::until.eq(0_i64)))
        .execute(conn)?;
    Ok(())
}

/// A run of a job as stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = job_runs, check_for_backend(Backend))]
pub struct Run {
    pub id: i64,
    pub name: String,
    pub at: Micros,
    pub started_at: Micros,
    pub finished_at: Option<Micros>,
    pub processed: i64,
    pub failed: i64,
    pub problem: Option<String>,
}

/// Stores that a run has begun. `at` is the instant it works for.
pub fn begin(conn: &mut Conn, name: &str, at: Timestamp, now: Timestamp) -> QueryResult<i64> {
    diesel::insert_into(job_runs::table)
        .values((
            job_runs::name.eq(name),
            job_runs::at.eq(Micros::from(at)),
            job_runs::started_at.eq(Micros::from(now)),
            job_runs::processed.eq(0_i64),
            job_runs::failed.eq(0_i64),
        ))
        .returning(job_runs::id)
        .get_result(conn)
}

/// Adds a batch's counts to its run, in the batch's own transaction.
pub fn count(conn: &mut Conn, run: i64, processed: i64, failed: i64) -> QueryResult<()> {
    diesel::update(job_runs::table.find(run))
        .set((
            job_runs::processed.eq(job_runs::processed + processed),
            job_runs::failed.eq(job_runs::failed + failed),
        ))
        .execute(conn)?;
    Ok(())
}

/// Stores that a run has ended, and the problem if it ended early.
pub fn finish(conn: &mut Conn, run: i64, problem: Option<&str>, now: Timestamp) -> QueryResult<()> {
    diesel::update(job_runs::table.find(run))
        .set((
            job_runs::finished_at.eq(Micros::from(now)),
            job_runs::problem.eq(problem),
        ))
        .execute(conn)?;
    Ok(())
}

/// One run.
pub fn run(conn: &mut Conn, id: i64) -> QueryResult<Option<Run>> {
    job_runs::table.find(id).select(Run::as_select()).first(conn).optional()
}

/// When the runs of a job began that ended without a problem, newest first, with their ids. `before` is an id.
pub fn starts(conn: &mut Conn, name: &str, before: i64, limit: i64) -> QueryResult<Vec<(i64, Timestamp)>> {
    let starts: Vec<(i64, Micros)> = job_runs::table
        .filter(job_runs::name.eq(name))
        .filter(job_runs::id.lt(before))
        .filter(job_runs::finished_at.is_not_null())
        .filter(job_runs::problem.is_null())
        .order(job_runs::id.desc())
        .limit(limit)
        .select((job_runs::id, job_runs::started_at))
        .load(conn)?;
    Ok(starts.into_iter().map(|(id, at)| (id, at.into())).collect())
}

/// The last runs of a job, newest first.
pub fn last(conn: &mut Conn, name: &str, limit: i64) -> QueryResult<Vec<Run>> {
    job_runs::table
        .filter(job_runs::name.eq(name))
        .order(job_runs::id.desc())
        .limit(limit)
        .select(Run::as_select())
        .load(conn)
}
