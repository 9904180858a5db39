//! Policies by season. Versions are added and never changed.

use crate::db::Conn;
use crate::db::columns::Micros;
use crate::db::schema::policies::dsl;
use crate::domain::core::ids::AccountId;
use crate::domain::core::time::{Season, Timestamp};
use crate::domain::policy::Policy;
use crate::on_each;
use diesel::prelude::*;
use diesel::result::Error;

/// A version of a season's policy as stored.
#[derive(Debug, Clone)]
pub struct StoredPolicy {
    pub version: i32,
    pub policy: Policy,
    pub changed_at: Timestamp,
    pub changed_by: Option<AccountId>,
}

type PolicyColumns = (i32, String, Micros, Option<AccountId>);

fn stored((version, body, changed_at, changed_by): PolicyColumns) -> QueryResult<StoredPolicy> {
    let policy = serde_json::from_str(&body).map_err(|e| Error::DeserializationError(e.into()))?;
    Ok(StoredPolicy {
        version,
        policy,
        changed_at: changed_at.into(),
        changed_by,
    })
}

/// The newest version. `None` while the season has the default policy.
pub fn current(conn: &mut Conn, season: Season) -> QueryResult<Option<StoredPolicy>> {
    let row: Option<PolicyColumns> = on_each!(conn, |c| dsl::policies
        .filter(dsl::season.eq(season))
        .order(dsl::version.desc())
        .select((dsl::version, dsl::body, dsl::changed_at, dsl::changed_by))
        .first(c))
    .optional()?;
    row.map(stored).transpose()
}

/// Every version, newest first.
pub fn history(conn: &mut Conn, season: Season) -> QueryResult<Vec<StoredPolicy>> {
    let rows: Vec<PolicyColumns> = dsl::policies
        .filter(dsl::season.eq(season))
        .order(dsl::version.desc())
        .select((dsl::version, dsl::body, dsl::changed_at, dsl::changed_by))
        .load(conn)?;
    rows.into_iter().map(stored).collect()
}

/// Adds a version. Violates the primary key if another transaction added it first.
pub fn add(conn: &mut Conn, version: i32, policy: &Policy, by: Option<AccountId>, now: Timestamp) -> QueryResult<()> {
    let body = serde_json::to_string(policy).map_err(|e| Error::SerializationError(e.into()))?;
    diesel::insert_into(dsl::policies)
        .values((
            dsl::season.eq(policy.season),
            dsl::version.eq(version),
            dsl::body.eq(body),
            dsl::changed_at.eq(Micros::from(now)),
            dsl::changed_by.eq(by),
        ))
        .execute(conn)?;
    Ok(())
}
