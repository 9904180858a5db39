//! Answers already given, by actor and key.

use crate::db::dialect::take_all_turns;
use crate::db::schema::idempotency_keys::{self, dsl};
use crate::db::types::Micros;
use crate::db::{Backend, Conn};
use crate::insert_each;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{PgConnection, SqliteConnection, sql_query};

/// A stored answer.
#[derive(Debug, Clone, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = idempotency_keys, check_for_backend(Backend))]
pub struct Stored {
    pub fingerprint: Vec<u8>,
    pub status: i32,
    pub location: Option<String>,
    pub etag: Option<String>,
    pub body: String,
}

/// An answer to be kept.
#[derive(Insertable)]
#[diesel(table_name = idempotency_keys, treat_none_as_default_value = false)]
pub struct NewAnswer<'a> {
    pub actor: &'a str,
    pub key: &'a str,
    pub fingerprint: &'a [u8],
    pub status: i32,
    pub location: Option<&'a str>,
    pub etag: Option<&'a str>,
    pub body: &'a str,
    pub created_at: Micros,
}

/// The answers given to these actors under these keys. A twin of a request that is still under way is waited for.
pub fn find_all(conn: &mut Conn, keys: &[(String, String)]) -> QueryResult<Vec<Option<Stored>>> {
    let turns = keys.iter().map(|(actor, key)| format!("idempotency {actor} {key}"));
    take_all_turns(conn, turns.collect())?;
    match conn {
        Conn::Sqlite(conn) => keys.iter().map(|(actor, key)| find(conn, actor, key)).collect(),
        Conn::Postgres(conn) => find_at_once(conn, keys),
    }
}

fn find(conn: &mut SqliteConnection, actor: &str, key: &str) -> QueryResult<Option<Stored>> {
    let stored = dsl::idempotency_keys.find((actor, key)).select(Stored::as_select());
    stored.get_result(conn).optional()
}

/// A stored answer and which key it belongs to, counted from 1.
#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(embed)]
    stored: Stored,
}

fn find_at_once(conn: &mut PgConnection, keys: &[(String, String)]) -> QueryResult<Vec<Option<Stored>>> {
    let (actors, words): (Vec<&str>, Vec<&str>) =
        keys.iter().map(|(actor, key)| (actor.as_str(), key.as_str())).unzip();
    let found: Vec<Numbered> = sql_query(
        "SELECT number, fingerprint, status, location, etag, body \
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (actor, key, number) JOIN idempotency_keys USING (actor, key)",
    )
    .bind::<Array<Text>, _>(actors)
    .bind::<Array<Text>, _>(words)
    .load(conn)?;
    let mut answers: Vec<Option<Stored>> = keys.iter().map(|_| None).collect();
    for Numbered { number, stored } in found {
        let place = usize::try_from(number - 1)
            .ok()
            .and_then(|place| answers.get_mut(place));
        *place.ok_or(diesel::result::Error::NotFound)? = Some(stored);
    }
    Ok(answers)
}

/// Keeps answers. Runs into the primary key when a twin of a request was faster.
pub fn store_all(conn: &mut Conn, answers: &[NewAnswer<'_>]) -> QueryResult<()> {
    insert_each!(conn, idempotency_keys::table, answers)
}
