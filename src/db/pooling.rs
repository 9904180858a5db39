//! Whether a session of PostgreSQL is one session.
//!
//! The limits of a connection, its prepared statements and the lock of the migrations belong to its session. A pooler in
//! transaction mode gives each transaction another one, so nothing of this would hold.

use super::{DatabaseUrl, DbError};
use diesel::{Connection, PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query, sql_types};

/// What the operator reads. `docs/operations.md` tells more.
const POOLED: &str = "DATABASE_URL leads to a pooler that does not keep a session for each connection, such as PgBouncer \
    with pool_mode = transaction. The service needs sessions of its own: use pool_mode = session, or connect to PostgreSQL itself. \
    The service holds few connections (ZHUANJIE_DB_POOL), so it needs no pooler";

#[derive(QueryableByName)]
struct SessionMark {
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    value: Option<String>,
}

/// Refuses an address behind which two connections can share a session.
///
/// # Errors
/// [`DbError::Url`] for a pooler in transaction mode; [`DbError::Unavailable`] when nobody answers.
pub(super) fn refuse_shared_sessions(url: &DatabaseUrl) -> Result<(), DbError> {
    let DatabaseUrl::Postgres(url) = url else {
        return Ok(());
    };
    let connect = || PgConnection::establish(url).map_err(|e| DbError::Unavailable(e.to_string()));
    let (mut one, mut other) = (connect()?, connect()?);
    for _ in 0..ROUNDS {
        if shares(&mut one, &mut other)? {
            return Err(DbError::Url(POOLED.into()));
        }
    }
    Ok(())
}

/// How often the sessions are compared.
const ROUNDS: usize = 3;

/// Whether two connections were seen to share a session.
///
/// A pooler hands out the session that was used last, or the one that has waited longest. In the first case the other
/// connection sees the mark. In the second case the first connection does not get the marked session twice in a row. While
/// the other one holds a session, the first one may get another, too.
fn shares(one: &mut PgConnection, other: &mut PgConnection) -> QueryResult<bool> {
    let mark = one.transaction(|one| value(one, MARK))?;
    if one.transaction(|one| value(one, SEE))? != mark {
        return Ok(true);
    }
    other.transaction(|other| {
        let seen = value(other, SEE)?;
        let kept = one.transaction(|one| value(one, SEE))?;
        Ok(seen == mark || kept != mark)
    })
}

/// Marks a session, and returns the mark.
const MARK: &str =
    "SELECT set_config('zhuanjie.session', md5(random()::text || clock_timestamp()::text), false) AS value";

/// The mark of a session.
const SEE: &str = "SELECT current_setting('zhuanjie.session', true) AS value";

/// The value of a query, which has no name: under a pooler another connection may have prepared a statement of that name.
fn value(conn: &mut PgConnection, query: &str) -> QueryResult<Option<String>> {
    let mark: SessionMark = sql_query(query).get_result(conn)?;
    Ok(mark.value)
}
