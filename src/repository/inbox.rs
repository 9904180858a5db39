//! The inbox (操作中心): one row for each organization that may act on a thing now (A8).

use crate::db::Conn;
use crate::db::schema::tasks::dsl;
use crate::db::types::Micros;
use crate::domain::ids::OrganizationId;
use crate::domain::time::Timestamp;
use diesel::prelude::*;

/// Lays a thing before an organization.
pub fn open(
    conn: &mut Conn,
    organization: OrganizationId,
    kind: &str,
    subject_id: i64,
    member_name: Option<&str>,
    since: Timestamp,
    due: Option<Timestamp>,
) -> QueryResult<()> {
    diesel::insert_into(dsl::tasks)
        .values((
            dsl::organization_id.eq(organization),
            dsl::kind.eq(kind),
            dsl::subject_id.eq(subject_id),
            dsl::member_name.eq(member_name),
            dsl::since.eq(Micros::from(since)),
            dsl::due_at.eq(due.map(Micros::from)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Takes a thing out of every inbox.
pub fn close(conn: &mut Conn, kind: &str, subject_id: i64) -> QueryResult<()> {
    let rows = dsl::tasks
        .filter(dsl::subject_id.eq(subject_id))
        .filter(dsl::kind.eq(kind));
    diesel::delete(rows).execute(conn)?;
    Ok(())
}
