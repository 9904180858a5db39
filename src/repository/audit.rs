//! The audit log: rows are appended and never touched again.

use crate::db::Conn;
use crate::db::schema::audit_log::dsl;
use crate::db::types::Micros;
use crate::domain::ids::{AccountId, OrganizationId};
use crate::domain::time::Timestamp;
use diesel::prelude::*;

/// One row.
pub struct Entry<'a> {
    pub at: Timestamp,
    pub actor_kind: &'a str,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
    pub action: &'a str,
    pub subject: Option<&'a str>,
    pub request_id: &'a str,
}

/// Appends a row.
pub fn append(conn: &mut Conn, entry: &Entry<'_>) -> QueryResult<()> {
    diesel::insert_into(dsl::audit_log)
        .values((
            dsl::at.eq(Micros::from(entry.at)),
            dsl::actor_kind.eq(entry.actor_kind),
            dsl::account_id.eq(entry.account),
            dsl::organization_id.eq(entry.organization),
            dsl::action.eq(entry.action),
            dsl::subject.eq(entry.subject),
            dsl::request_id.eq(entry.request_id),
        ))
        .execute(conn)?;
    Ok(())
}
