//! Look-ups of people, and the budgets they come out of.

use crate::db::Conn;
use crate::db::schema::{budgets, look_ups};
use crate::db::types::Micros;
use crate::domain::ids::{AccountId, MemberId, OrganizationId};
use crate::domain::time::Timestamp;
use diesel::prelude::*;

/// Takes one out of a budget for a span of time, if there is one left.
pub fn spend(conn: &mut Conn, name: &str, span: i64, most: i64) -> QueryResult<bool> {
    let row = budgets::table.find((name, span));
    let taken = diesel::update(row.filter(budgets::used.lt(most)))
        .set(budgets::used.eq(budgets::used + 1))
        .execute(conn)?;
    if taken == 1 {
        return Ok(true);
    }
    let used: Option<i64> = budgets::table
        .find((name, span))
        .select(budgets::used)
        .first(conn)
        .optional()?;
    if used.is_some() || most < 1 {
        return Ok(false);
    }
    let first = (budgets::name.eq(name), budgets::span.eq(span), budgets::used.eq(1));
    diesel::insert_into(budgets::table).values(first).execute(conn)?;
    Ok(true)
}

/// Notes who looked for whom.
pub fn note(
    conn: &mut Conn,
    at: Timestamp,
    account: AccountId,
    organization: OrganizationId,
    found: Option<MemberId>,
) -> QueryResult<()> {
    diesel::insert_into(look_ups::table)
        .values((
            look_ups::at.eq(Micros::from(at)),
            look_ups::account_id.eq(account),
            look_ups::organization_id.eq(organization),
            look_ups::member_id.eq(found),
        ))
        .execute(conn)?;
    Ok(())
}
