//! Answers already given, by actor and key.

use crate::db::dialect::take_turns;
use crate::db::schema::idempotency_keys::{self, dsl};
use crate::db::types::Micros;
use crate::db::{Backend, Conn};
use crate::domain::time::Timestamp;
use diesel::prelude::*;

/// A stored answer.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = idempotency_keys, check_for_backend(Backend))]
pub struct Stored {
    pub fingerprint: Vec<u8>,
    pub status: i32,
    pub location: Option<String>,
    pub etag: Option<String>,
    pub body: String,
}

/// The answer given to this actor under this key. A twin of the request that is still under way is waited for.
pub fn find(conn: &mut Conn, actor: &str, key: &str) -> QueryResult<Option<Stored>> {
    take_turns(conn, &format!("idempotency {actor} {key}"))?;
    dsl::idempotency_keys
        .find((actor, key))
        .select(Stored::as_select())
        .first(conn)
        .optional()
}

/// Keeps an answer. Runs into the primary key when a twin of the request was faster.
pub fn store(conn: &mut Conn, actor: &str, key: &str, answer: &Stored, now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(dsl::idempotency_keys)
        .values((
            dsl::actor.eq(actor),
            dsl::key.eq(key),
            dsl::fingerprint.eq(&answer.fingerprint),
            dsl::status.eq(answer.status),
            dsl::location.eq(&answer.location),
            dsl::etag.eq(&answer.etag),
            dsl::body.eq(&answer.body),
            dsl::created_at.eq(Micros::from(now)),
        ))
        .execute(conn)?;
    Ok(())
}
