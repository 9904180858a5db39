//! The database's own id.

use crate::db::Conn;
use crate::db::schema::database_identity;
use diesel::prelude::*;

/// The id of this database. Its copies have the same.
pub fn database_id(conn: &mut Conn) -> QueryResult<String> {
    database_identity::table.select(database_identity::id).first(conn)
}
