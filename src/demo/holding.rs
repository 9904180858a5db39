//! What a database holds: nothing, a demo country, or other data, which the demo must not touch.
//!
//! A country leaves its signature as one row of the audit log, in the transaction that stores the country.

use super::signature::Signature;
use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::schema::{accounts, audit_log, organizations};
use crate::db::sql::maintenance;
use crate::domain::audit::AuditAction;
use crate::domain::core::time::Timestamp;
use crate::repository::audit::{self, NewAuditRow};
use diesel::dsl::{exists, max, select};
use diesel::prelude::*;

/// The request id of the signature's audit row, since no request caused it.
const REQUEST: &str = "demo";

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// Nothing, or our tables without rows.
    Nothing,
    /// A demo country.
    Demo(Signature),
    /// Anything else.
    Other,
}

/// Stores the signature of a country that was just stored.
///
/// # Errors
/// When the database fails.
pub fn sign(conn: &mut Conn, signature: Signature) -> QueryResult<()> {
    let row = NewAuditRow::of_service(signature.at, AuditAction::DemoLoaded.as_str(), REQUEST);
    audit::append_many(conn, &[row.about(signature.subject().text())])
}

/// Finds out what a database holds, migrated or not.
///
/// # Errors
/// When the database fails.
pub fn inspect(conn: &mut Conn) -> QueryResult<Holding> {
    let tables = maintenance::table_names(conn)?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    if tables.is_empty() {
        return Ok(Holding::Nothing);
    }
    if !["organizations", "accounts", "audit_log"].into_iter().all(has) {
        return Ok(Holding::Other);
    }
    let signed: Option<(Micros, Option<String>)> = audit_log::table
        .filter(audit_log::action.eq(AuditAction::DemoLoaded.as_str()))
        .order(audit_log::id)
        .select((audit_log::at, audit_log::subject))
        .first(conn)
        .optional()?;
    Ok(match signed {
        Some((at, subject)) => {
            Signature::parse(at.into(), &subject.unwrap_or_default()).map_or(Holding::Other, Holding::Demo)
        }
        None if is_empty(conn)? => Holding::Nothing,
        None => Holding::Other,
    })
}

/// Every use of the database begins with an organization, an account or an audit row.
fn is_empty(conn: &mut Conn) -> QueryResult<bool> {
    let filled: bool = select(
        exists(organizations::table.select(organizations::id))
            .or(exists(accounts::table.select(accounts::id)))
            .or(exists(audit_log::table.select(audit_log::id))),
    )
    .get_result(conn)?;
    Ok(!filled)
}

/// The instant of the last recorded event.
///
/// # Errors
/// When the database fails.
pub fn last_instant(conn: &mut Conn) -> QueryResult<Option<Timestamp>> {
    let last: Option<Micros> = audit_log::table.select(max(audit_log::at)).first(conn)?;
    Ok(last.map(Timestamp::from))
}
