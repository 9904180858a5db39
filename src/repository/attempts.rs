//! Failed sign-in attempts, counted for each subject that they share.

use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::schema::attempts;
use crate::db::sql::locks;
use crate::domain::core::time::Timestamp;
use crate::on_each;
use diesel::prelude::*;

/// Locks a subject until the transaction ends, so that one transaction at a time counts its failures.
pub fn take_turns(conn: &mut Conn, subject: &[u8]) -> QueryResult<()> {
    let name: String = subject.iter().map(|byte| format!("{byte:02x}")).collect();
    locks::lock_name(conn, &name)
}

/// The number of a subject's failures and the instant of the last one.
pub fn failures(conn: &mut Conn, subject: &[u8]) -> QueryResult<Option<(i64, Micros)>> {
    attempts::table
        .find(subject)
        .select((attempts::failures, attempts::last_at))
        .first(conn)
        .optional()
}

/// Stores the number of a subject's failures.
pub fn store(conn: &mut Conn, subject: &[u8], failures: i64, now: Timestamp) -> QueryResult<()> {
    let count = (
        attempts::failures.eq(failures),
        attempts::last_at.eq(now.timestamp_micros()),
    );
    let row = (attempts::subject.eq(subject), count);
    on_each!(conn, |conn| diesel::insert_into(attempts::table)
        .values(row)
        .on_conflict(attempts::subject)
        .do_update()
        .set(count)
        .execute(conn))?;
    Ok(())
}

/// Takes back an attempt that was counted as a failure and turned out not to be one.
pub fn uncount(conn: &mut Conn, subject: &[u8]) -> QueryResult<()> {
    diesel::update(attempts::table.find(subject).filter(attempts::failures.gt(0)))
        .set(attempts::failures.eq(attempts::failures - 1))
        .execute(conn)?;
    Ok(())
}

/// Removes a subject.
pub fn forget(conn: &mut Conn, subject: &[u8]) -> QueryResult<()> {
    diesel::delete(attempts::table.find(subject)).execute(conn)?;
    Ok(())
}
