//! The people that inbound cases are about (X2). They are not members while the case is open, and may never become
//! members.

use crate::db::in_json_list;
use crate::db::schema::inbound_persons::{self, dsl};
use crate::db::{Backend, Conn};
use crate::domain::core::ids::TransferId;
use crate::domain::core::time::Month;
use diesel::prelude::*;

/// A person as an external province describes them. ID number and telephone number are sealed.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = inbound_persons, check_for_backend(Backend), treat_none_as_default_value = false)]
pub struct SealedPerson {
    pub id_number_sealed: Vec<u8>,
    pub id_number_digest: Vec<u8>,
    pub phone_sealed: Option<Vec<u8>>,
    pub phone_digest: Option<Vec<u8>>,
    pub ethnic_group: Option<String>,
    pub political_status: Option<String>,
    pub education: Option<String>,
    pub joined_month: Month,
    pub development_number: Option<String>,
}

/// Prints no field: all of them are personal data.
impl std::fmt::Debug for SealedPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedPerson(redacted)")
    }
}

/// Stores the person an open inbound case is about. Violates `inbound_persons_one_open` if another open case is
/// about the same person.
pub fn insert(conn: &mut Conn, transfer: TransferId, person: &SealedPerson) -> QueryResult<()> {
    diesel::insert_into(dsl::inbound_persons)
        .values((dsl::transfer_id.eq(transfer), person, dsl::open.eq(true)))
        .execute(conn)?;
    Ok(())
}

/// The person a case is about.
pub fn find(conn: &mut Conn, transfer: TransferId) -> QueryResult<Option<SealedPerson>> {
    dsl::inbound_persons
        .find(transfer)
        .select(SealedPerson::as_select())
        .first(conn)
        .optional()
}

/// The open case about a person.
pub fn open_of(conn: &mut Conn, id_number_digest: &[u8]) -> QueryResult<Option<TransferId>> {
    dsl::inbound_persons
        .filter(dsl::id_number_digest.eq(id_number_digest))
        .filter(dsl::open)
        .select(dsl::transfer_id)
        .first(conn)
        .optional()
}

/// Notes that the case of a person has ended.
pub fn close(conn: &mut Conn, transfer: TransferId) -> QueryResult<()> {
    close_many(conn, &[transfer])
}

/// Notes that the cases of several persons have ended.
pub fn close_many(conn: &mut Conn, transfers: &[TransferId]) -> QueryResult<()> {
    diesel::update(dsl::inbound_persons.filter(in_json_list(dsl::transfer_id, transfers.iter().map(|id| id.0))))
        .set(dsl::open.eq(false))
        .execute(conn)?;
    Ok(())
}
