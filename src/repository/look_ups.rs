//! Look-ups of people, and the budgets they come out of.

use crate::db::Conn;
use crate::db::schema::{budgets, look_ups};
use crate::db::types::Micros;
use crate::domain::ids::{AccountId, MemberId, OrganizationId};
use crate::domain::time::Timestamp;
use crate::on_each;
use diesel::prelude::*;
use diesel::query_dsl::methods::FilterDsl;

/// Takes one out of a budget for a span of time, if there is one left: one statement, so that two servers at once can't
/// both take the last one.
pub fn spend(conn: &mut Conn, name: &str, span: i64, most: i64) -> QueryResult<bool> {
    let first = (budgets::name.eq(name), budgets::span.eq(span), budgets::used.eq(1));
    let taken = on_each!(conn, |conn| diesel::insert_into(budgets::table)
        .values(first)
        .on_conflict((budgets::name, budgets::span))
        .do_update()
        .set(budgets::used.eq(budgets::used + 1))
        .filter(budgets::used.lt(most))
        .execute(conn))?;
    Ok(taken == 1)
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
