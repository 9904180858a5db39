//! Removes personal data after its retention period (S-29), a few rows at a time.

use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::schema::{
    account_blocks, attempts, budgets, idempotency_keys, inbound_persons, look_ups, reset_codes, sessions, transfers,
};
use crate::domain::core::ids::{SessionId, TransferId};
use crate::domain::core::time::Timestamp;
use diesel::prelude::*;

/// Removes look-ups and disclosures from before an instant.
pub fn forget_look_ups(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<usize> {
    let old: Vec<i64> = look_ups::table
        .filter(look_ups::at.lt(Micros::from(before)))
        .order(look_ups::id)
        .limit(limit)
        .select(look_ups::id)
        .load(conn)?;
    diesel::delete(look_ups::table.filter(look_ups::id.eq_any(old))).execute(conn)
}

/// Removes one-time codes that were issued before an instant.
pub fn forget_codes(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<usize> {
    let old: Vec<i64> = reset_codes::table
        .filter(reset_codes::issued_at.lt(Micros::from(before)))
        .order(reset_codes::id)
        .limit(limit)
        .select(reset_codes::id)
        .load(conn)?;
    diesel::delete(reset_codes::table.filter(reset_codes::id.eq_any(old))).execute(conn)
}

/// Removes counts of failed attempts, the last of which was before an instant.
pub fn forget_attempts(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<usize> {
    let old: Vec<Vec<u8>> = attempts::table
        .filter(attempts::last_at.lt(Micros::from(before)))
        .order(attempts::last_at)
        .limit(limit)
        .select(attempts::subject)
        .load(conn)?;
    let mut forgotten = 0;
    for subject in old {
        forgotten += diesel::delete(attempts::table.find(subject)).execute(conn)?;
    }
    Ok(forgotten)
}

/// Removes sessions that were last used before an instant.
pub fn forget_sessions(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<usize> {
    let old: Vec<SessionId> = sessions::table
        .filter(sessions::last_used_at.lt(Micros::from(before)))
        .order((sessions::last_used_at, sessions::id))
        .limit(limit)
        .select(sessions::id)
        .load(conn)?;
    let old = old.into_iter().map(|id| id.0);
    diesel::delete(sessions::table.filter(sessions::id.eq_any(old))).execute(conn)
}

/// Removes blocks of accounts that ended before an instant. A block that has not ended is never removed.
pub fn forget_blocks(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<usize> {
    let old: Vec<i64> = account_blocks::table
        .filter(account_blocks::unblocked_at.lt(Micros::from(before)))
        .order(account_blocks::id)
        .limit(limit)
        .select(account_blocks::id)
        .load(conn)?;
    diesel::delete(account_blocks::table.filter(account_blocks::id.eq_any(old))).execute(conn)
}

/// Removes answers that were given before an instant.
pub fn forget_answers(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<usize> {
    use idempotency_keys::dsl;
    let old: Vec<(String, String)> = dsl::idempotency_keys
        .filter(dsl::created_at.lt(Micros::from(before)))
        .order(dsl::created_at)
        .limit(limit)
        .select((dsl::actor, dsl::key))
        .load(conn)?;
    for (actor, key) in &old {
        diesel::delete(dsl::idempotency_keys.find((actor, key))).execute(conn)?;
    }
    Ok(old.len())
}

/// Removes budgets whose hour began before an instant. Each span is an hour.
pub fn forget_budgets(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<usize> {
    use budgets::dsl;
    let span = before.timestamp().div_euclid(3600);
    let old: Vec<(String, i64)> = dsl::budgets
        .filter(dsl::span.lt(span))
        .limit(limit)
        .select((dsl::name, dsl::span))
        .load(conn)?;
    for (name, span) in &old {
        diesel::delete(dsl::budgets.find((name, span))).execute(conn)?;
    }
    Ok(old.len())
}

/// Persons of inbound cases that were closed before an instant. A person who became a member has a member row, and the
/// data of the others is no longer needed.
pub fn forgettable_persons(conn: &mut Conn, before: Timestamp, limit: i64) -> QueryResult<Vec<TransferId>> {
    inbound_persons::table
        .inner_join(transfers::table.on(transfers::id.eq(inbound_persons::transfer_id)))
        .filter(transfers::closed_at.lt(Micros::from(before)))
        .order(inbound_persons::transfer_id)
        .limit(limit)
        .select(inbound_persons::transfer_id)
        .load(conn)
}

/// Removes the person of an inbound case. If the case made nobody a member, this also clears the person's name and
/// details in the case.
pub fn forget_person(conn: &mut Conn, case: TransferId, anonymous: &str) -> QueryResult<()> {
    diesel::delete(inbound_persons::table.find(case)).execute(conn)?;
    let nobodys = transfers::table.find(case).filter(transfers::member_id.is_null());
    diesel::update(nobodys)
        .set((
            transfers::member_name.eq(anonymous),
            transfers::details.eq("{}"),
            transfers::explanation.eq(None::<String>),
        ))
        .execute(conn)?;
    Ok(())
}
