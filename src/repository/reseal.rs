//! The sealed fields of every table that has some, for sealing them again under a newer key. Rows are locked when they
//! are read, so that no change made between reading and storing is lost.

use crate::db::Conn;
use crate::db::schema::{accounts, appointment_requests, inbound_persons, member_changes, members};
use crate::db::sql::locks::Locked;
use diesel::prelude::*;

/// A row's sealed fields.
#[derive(Clone)]
pub struct Fields {
    pub key: i64,
    pub id_number: Option<Vec<u8>>,
    pub phone: Option<Vec<u8>>,
}

/// Prints the key only, to keep personal data out of the logs.
impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fields({})", self.key)
    }
}

type SealedColumns = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

fn fields((key, id_number, phone): SealedColumns) -> Fields {
    Fields { key, id_number, phone }
}

/// A page of members after a key.
pub fn members(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<Fields>> {
    let page = members::table
        .filter(members::id.gt(after))
        .order(members::id)
        .limit(limit)
        .select((members::id, members::id_number_sealed.nullable(), members::phone_sealed));
    let rows: Vec<SealedColumns> = Locked(page).load(conn)?;
    Ok(rows.into_iter().map(fields).collect())
}

/// Stores a member's fields.
pub fn store_member(conn: &mut Conn, new: &Fields) -> QueryResult<()> {
    diesel::update(members::table.find(new.key))
        .set((
            new.id_number
                .as_ref()
                .map(|sealed| members::id_number_sealed.eq(sealed)),
            members::phone_sealed.eq(&new.phone),
        ))
        .execute(conn)?;
    Ok(())
}

/// A page of accounts after a key.
pub fn accounts(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<Fields>> {
    let page = accounts::table
        .filter(accounts::id.gt(after))
        .order(accounts::id)
        .limit(limit)
        .select((accounts::id, accounts::id_number_sealed));
    let rows: Vec<(i64, Option<Vec<u8>>)> = Locked(page).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(key, id_number)| fields((key, id_number, None)))
        .collect())
}

/// Stores an account's fields.
pub fn store_account(conn: &mut Conn, new: &Fields) -> QueryResult<()> {
    diesel::update(accounts::table.find(new.key))
        .set(accounts::id_number_sealed.eq(&new.id_number))
        .execute(conn)?;
    Ok(())
}

/// A page of the persons of inbound cases, after a case's key.
pub fn inbound_persons(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<Fields>> {
    use inbound_persons::dsl;
    let page = dsl::inbound_persons
        .filter(dsl::transfer_id.gt(after))
        .order(dsl::transfer_id)
        .limit(limit)
        .select((dsl::transfer_id, dsl::id_number_sealed.nullable(), dsl::phone_sealed));
    let rows: Vec<SealedColumns> = Locked(page).load(conn)?;
    Ok(rows.into_iter().map(fields).collect())
}

/// A page of the people whom open appointment requests name, after a request's key.
pub fn requested_persons(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<Fields>> {
    use appointment_requests::dsl;
    let page = dsl::appointment_requests
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select((dsl::id, dsl::id_number_sealed));
    let rows: Vec<(i64, Option<Vec<u8>>)> = Locked(page).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(key, id_number)| fields((key, id_number, None)))
        .collect())
}

/// Stores the fields of a person whom an appointment request names.
pub fn store_requested_person(conn: &mut Conn, new: &Fields) -> QueryResult<()> {
    use appointment_requests::dsl;
    diesel::update(dsl::appointment_requests.find(new.key))
        .set(dsl::id_number_sealed.eq(&new.id_number))
        .execute(conn)?;
    Ok(())
}

/// A page of the old telephone numbers of members, after a change's key.
pub fn member_changes(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<Fields>> {
    use member_changes::dsl;
    let page = dsl::member_changes
        .filter(dsl::id.gt(after))
        .order(dsl::id)
        .limit(limit)
        .select((dsl::id, dsl::old_sealed));
    let rows: Vec<(i64, Option<Vec<u8>>)> = Locked(page).load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(key, phone)| fields((key, None, phone)))
        .collect())
}

/// Stores the old telephone number of a change.
pub fn store_member_change(conn: &mut Conn, new: &Fields) -> QueryResult<()> {
    use member_changes::dsl;
    diesel::update(dsl::member_changes.find(new.key))
        .set(dsl::old_sealed.eq(&new.phone))
        .execute(conn)?;
    Ok(())
}

/// Stores the fields of a person of an inbound case.
pub fn store_inbound_person(conn: &mut Conn, new: &Fields) -> QueryResult<()> {
    use inbound_persons::dsl;
    diesel::update(dsl::inbound_persons.find(new.key))
        .set((
            new.id_number.as_ref().map(|sealed| dsl::id_number_sealed.eq(sealed)),
            dsl::phone_sealed.eq(&new.phone),
        ))
        .execute(conn)?;
    Ok(())
}
