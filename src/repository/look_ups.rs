//! Look-ups and disclosures of people, and the budgets that limit them.

use crate::db::columns::Micros;
use crate::db::schema::{budgets, look_ups, organizations};
use crate::db::{Backend, Conn};
use crate::domain::core::ids::{AccountId, MemberId, OrganizationId};
use crate::domain::core::time::Timestamp;
use crate::domain::disclosure::DisclosureKind;
use crate::on_each;
use diesel::prelude::*;

/// Takes one from a budget for a span of time, if one is left. It is a single statement, so that two servers can't both
/// take the last one.
pub fn spend(conn: &mut Conn, name: &str, span: i64, most: i64) -> QueryResult<bool> {
    use diesel::query_dsl::methods::FilterDsl;
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

/// Adds one to a count for a span of time, without a limit. Returns the new count.
pub fn count(conn: &mut Conn, name: &str, span: i64) -> QueryResult<i64> {
    let first = (budgets::name.eq(name), budgets::span.eq(span), budgets::used.eq(1));
    on_each!(conn, |conn| diesel::insert_into(budgets::table)
        .values(first)
        .on_conflict((budgets::name, budgets::span))
        .do_update()
        .set(budgets::used.eq(budgets::used + 1))
        .returning(budgets::used)
        .get_result(conn))
}

/// A look-up or disclosure to be stored: who learned what about which member.
pub struct Note {
    pub at: Timestamp,
    pub account: AccountId,
    pub organization: OrganizationId,
    /// `None` if nobody was found.
    pub member: Option<MemberId>,
    pub kind: DisclosureKind,
    /// The fields that were seen in full.
    pub fields: Option<String>,
    /// The stated purpose.
    pub purpose: Option<String>,
}

/// Stores a look-up or disclosure.
pub fn note(conn: &mut Conn, note: &Note) -> QueryResult<()> {
    diesel::insert_into(look_ups::table)
        .values((
            look_ups::at.eq(Micros::from(note.at)),
            look_ups::account_id.eq(note.account),
            look_ups::organization_id.eq(note.organization),
            look_ups::member_id.eq(note.member),
            look_ups::kind.eq(note.kind),
            look_ups::fields.eq(&note.fields),
            look_ups::purpose.eq(&note.purpose),
        ))
        .execute(conn)?;
    Ok(())
}

/// A disclosure as its member sees it: which organization learned what about them.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = look_ups, check_for_backend(Backend))]
pub struct Disclosure {
    pub id: i64,
    pub at: Micros,
    pub kind: DisclosureKind,
    pub organization_id: OrganizationId,
    #[diesel(select_expression = organizations::name)]
    pub organization_name: String,
    pub fields: Option<String>,
    pub purpose: Option<String>,
}

/// A page of the disclosures of a member, newest first, before `before`.
pub fn about(conn: &mut Conn, member: MemberId, before: Option<i64>, limit: i64) -> QueryResult<Vec<Disclosure>> {
    look_ups::table
        .inner_join(organizations::table.on(organizations::id.eq(look_ups::organization_id)))
        .filter(look_ups::member_id.eq(member))
        .filter(look_ups::id.lt(before.unwrap_or(i64::MAX)))
        .order(look_ups::id.desc())
        .limit(limit)
        .select(Disclosure::as_select())
        .load(conn)
}
