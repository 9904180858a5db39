//! Kept answers, by actor and idempotency key.

use crate::db::columns::Micros;
use crate::db::schema::idempotency_keys::{self, dsl};
use crate::db::sql::locks::lock_names;
use crate::db::{Backend, Conn};
use crate::{insert_each, row};
use diesel::dsl::{AsSelect, SqlTypeOf};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{PgConnection, SqliteConnection};

/// A kept answer.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = idempotency_keys, check_for_backend(Backend))]
pub struct StoredAnswer {
    pub fingerprint: Vec<u8>,
    pub status: i32,
    pub location: Option<String>,
    pub etag: Option<String>,
    pub body: String,
}

row! {
    /// An answer to be kept.
    pub struct NewAnswer<'a> in idempotency_keys {
        pub actor: &'a str,
        pub key: &'a str,
        pub fingerprint: &'a [u8],
        pub status: i32,
        pub location: Option<&'a str>,
        pub etag: Option<&'a str>,
        pub body: &'a str,
        pub created_at: Micros,
    }
}

/// The answers kept for these actors under these keys. Waits for a concurrent request with the same key to finish.
pub fn find_many(conn: &mut Conn, keys: &[(String, String)]) -> QueryResult<Vec<Option<StoredAnswer>>> {
    let turns = keys.iter().map(|(actor, key)| format!("idempotency {actor} {key}"));
    lock_names(conn, turns.collect())?;
    match conn {
        Conn::Sqlite(conn) => keys.iter().map(|(actor, key)| find(conn, actor, key)).collect(),
        Conn::Postgres(conn) => find_at_once(conn, keys),
    }
}

fn find(conn: &mut SqliteConnection, actor: &str, key: &str) -> QueryResult<Option<StoredAnswer>> {
    let stored = dsl::idempotency_keys
        .find((actor, key))
        .select(StoredAnswer::as_select());
    stored.get_result(conn).optional()
}

/// Finds the kept answers for pairs of actor and key, each with the number of its pair. Hand-written, because diesel
/// can't join a table with an array of parameters. Prepared once, as diesel's own queries are.
#[derive(QueryId)]
struct GivenKeys {
    actors: Vec<String>,
    keys: Vec<String>,
}

impl Query for GivenKeys {
    type SqlType = (BigInt, SqlTypeOf<AsSelect<StoredAnswer, Pg>>);
}

impl RunQueryDsl<PgConnection> for GivenKeys {}

impl QueryFragment<Pg> for GivenKeys {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT number::bigint, fingerprint, status, location, etag, body FROM (SELECT ");
        out.push_bind_param::<Array<Text>, _>(&self.actors)?;
        out.push_sql("::text[] AS actors, ");
        out.push_bind_param::<Array<Text>, _>(&self.keys)?;
        out.push_sql(
            "::text[] AS keys) given, generate_subscripts(actors, 1) number, LATERAL (SELECT * FROM idempotency_keys \
             WHERE actor = actors[number] AND key = keys[number] LIMIT 1) stored",
        );
        Ok(())
    }
}

fn find_at_once(conn: &mut PgConnection, keys: &[(String, String)]) -> QueryResult<Vec<Option<StoredAnswer>>> {
    let (actors, words) = keys.iter().cloned().unzip();
    let given = GivenKeys { actors, keys: words };
    let mut answers: Vec<Option<StoredAnswer>> = keys.iter().map(|_| None).collect();
    for (number, stored) in given.load::<(i64, StoredAnswer)>(conn)? {
        let place = usize::try_from(number - 1)
            .ok()
            .and_then(|place| answers.get_mut(place));
        *place.ok_or(Error::NotFound)? = Some(stored);
    }
    Ok(answers)
}

/// Keeps answers. Violates the primary key if a concurrent request with the same key was faster.
pub fn store_many(conn: &mut Conn, answers: &[NewAnswer<'_>]) -> QueryResult<()> {
    insert_each!(conn, idempotency_keys::table, answers)
}
