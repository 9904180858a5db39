//! The audit log. Rows are appended, sealed once and never changed after that, which database triggers enforce too.

use super::subtree;
use crate::db::columns::Micros;
use crate::db::schema::audit_cuts;
use crate::db::schema::audit_log::{self, dsl};
use crate::db::sql::dialect::json_rows;
use crate::db::{Backend, Conn};
use crate::domain::audit::{AuditAction, AuditOutcome};
use crate::domain::authority::Capacity;
use crate::domain::core::ids::{AccountId, OrganizationId, key_of};
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::Path;
use crate::{insert_each, on_each, row};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

row! {
    /// A row to be appended.
    pub struct NewAuditRow<'a> in audit_log {
        /// When it happened.
        pub at: Micros,
        /// In what capacity the actor acted.
        pub capacity: Capacity,
        /// The actor's account. None for the service.
        pub account_id: Option<AccountId>,
        /// The organization the actor acted for.
        pub organization_id: Option<OrganizationId>,
        /// The place of the actor in the tree. It decides which auditors read the row.
        pub scope_path: Option<&'a Path>,
        /// The organization whose turn it was, if the actor acted on its behalf (A10).
        pub on_behalf_of: Option<OrganizationId>,
        /// The name of the action, or the operation that was refused.
        pub action: &'a str,
        /// What it is about. Set by [`NewAuditRow::about`].
        pub subject: Option<String>,
        /// The key of the subject's id. Set by [`NewAuditRow::about`].
        pub subject_key: Option<i64>,
        /// The id of the request or of the job run.
        pub request_id: &'a str,
        /// Whether it was done or refused.
        pub outcome: AuditOutcome,
        /// Why it was refused.
        pub code: Option<&'a str>,
        /// How many refusals this actor has had in this hour, including this one.
        pub times: i64,
    }
}

impl<'a> NewAuditRow<'a> {
    /// A row for an action of the service, without a subject.
    pub fn of_service(at: Timestamp, action: &'a str, request_id: &'a str) -> Self {
        Self {
            at: at.into(),
            capacity: Capacity::Service,
            account_id: None,
            organization_id: None,
            scope_path: None,
            on_behalf_of: None,
            action,
            subject: None,
            subject_key: None,
            request_id,
            outcome: AuditOutcome::Done,
            code: None,
            times: 1,
        }
    }

    /// Adds the subject: the text of an id, and the id's key for the index.
    pub fn about(self, subject: Option<String>) -> Self {
        Self {
            subject_key: subject.as_deref().and_then(key_of),
            subject,
            ..self
        }
    }
}

/// Appends rows.
///
/// # Errors
/// When the database fails.
pub fn append_many(conn: &mut Conn, rows: &[NewAuditRow<'_>]) -> QueryResult<()> {
    insert_each!(conn, audit_log::table, rows)
}

/// Appends one row for each subject in one statement. The rows differ only in their subjects, which are the texts of
/// ids.
///
/// # Errors
/// When the database fails.
pub fn append_same_for(conn: &mut Conn, row: &NewAuditRow<'_>, subjects: &[String]) -> QueryResult<()> {
    // Each subject follows its key, which is padded to 19 digits. Ids contain no character that JSON escapes.
    let subjects = subjects
        .iter()
        .map(|id| format!("\"{:019}{id}\"", key_of(id).unwrap_or(0)));
    let subjects = format!("[{}]", subjects.collect::<Vec<_>>().join(","));
    let (before, behind) = json_rows(matches!(conn, Conn::Postgres(_)));
    let statement = format!(
        "INSERT INTO audit_log (at, capacity, account_id, organization_id, scope_path, on_behalf_of, action, \
         request_id, outcome, code, times, subject, subject_key) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, substr(value, 20), \
         nullif(CAST(substr(value, 1, 19) AS BIGINT), 0) FROM {before}$12{behind}"
    );
    let rows = sql_query(statement)
        .bind::<BigInt, _>(row.at)
        .bind::<Text, _>(row.capacity)
        .bind::<Nullable<BigInt>, _>(row.account_id)
        .bind::<Nullable<BigInt>, _>(row.organization_id)
        .bind::<Nullable<Text>, _>(row.scope_path)
        .bind::<Nullable<BigInt>, _>(row.on_behalf_of)
        .bind::<Text, _>(row.action)
        .bind::<Text, _>(row.request_id)
        .bind::<Text, _>(row.outcome)
        .bind::<Nullable<Text>, _>(row.code)
        .bind::<BigInt, _>(row.times)
        .bind::<Text, _>(&subjects);
    on_each!(conn, |c| rows.execute(c))?;
    Ok(())
}

/// A row as it is stored. Its columns are texts and not enums, so that verification can read a row that was tampered
/// with.
#[derive(Debug, Clone, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Backend))]
pub struct StoredAuditRow {
    pub id: i64,
    pub at: Micros,
    pub capacity: String,
    pub account_id: Option<AccountId>,
    pub organization_id: Option<OrganizationId>,
    pub scope_path: Option<String>,
    pub on_behalf_of: Option<OrganizationId>,
    pub action: String,
    pub subject: Option<String>,
    pub request_id: String,
    pub outcome: String,
    pub code: Option<String>,
    pub times: i64,
    /// Its sequence number, once it is sealed.
    pub sequence: Option<i64>,
    /// The hash over the row and the hash before it, once it is sealed.
    pub hash: Option<Vec<u8>>,
    /// The key of the subject's id, which the index uses. Old rows have none.
    pub subject_key: Option<i64>,
}

impl StoredAuditRow {
    /// Whether the stored key is the key of the subject, so that the index finds the row.
    pub fn fits_its_key(&self) -> bool {
        self.subject_key.is_none() || self.subject_key == self.subject.as_deref().and_then(key_of)
    }
}

/// Which rows an auditor wants to see. A field that is `None` restricts nothing.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Rows from this instant on.
    pub from: Option<Timestamp>,
    /// Rows before this instant.
    pub until: Option<Timestamp>,
    /// Rows of this action.
    pub action: Option<AuditAction>,
    /// Refused attempts at this operation.
    pub operation: Option<String>,
    /// Rows of this outcome.
    pub outcome: Option<AuditOutcome>,
    /// Rows of actors who acted for this organization.
    pub organization: Option<OrganizationId>,
    /// Rows about the subject with this id.
    pub subject: Option<String>,
}

/// A page of the rows of a subtree, newest first, that come before the row `before`.
///
/// # Errors
/// When the database fails.
pub fn page(
    conn: &mut Conn,
    root: &Path,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<StoredAuditRow>> {
    let key = filter.subject.as_deref().and_then(key_of);
    let mut rows = part(conn, root, filter, before, limit, key)?;
    if key.is_some() {
        // Rows that were written before the key was stored.
        rows.extend(part(conn, root, filter, before, limit, None)?);
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(rows)
}

/// The rows of a page whose `subject_key` is `key`. `None` finds rows without a key. The key is used only if the filter
/// names a subject.
fn part(
    conn: &mut Conn,
    root: &Path,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: i64,
    key: Option<i64>,
) -> QueryResult<Vec<StoredAuditRow>> {
    let mut query = dsl::audit_log
        .order(dsl::id.desc())
        .limit(limit)
        .select(StoredAuditRow::as_select())
        .into_boxed();
    // The root's auditors read everything, including the service's own actions, which have no scope.
    if root.superiors().next().is_some() {
        let (from, until) = subtree(root);
        query = query.filter(dsl::scope_path.ge(from)).filter(dsl::scope_path.lt(until));
    }
    if let Some(before) = before {
        query = query.filter(dsl::id.lt(before));
    }
    if let Some(from) = filter.from {
        query = query.filter(dsl::at.ge(Micros::from(from)));
    }
    if let Some(until) = filter.until {
        query = query.filter(dsl::at.lt(Micros::from(until)));
    }
    if let Some(action) = filter.action {
        query = query.filter(dsl::action.eq(action.as_str()));
    }
    if let Some(operation) = &filter.operation {
        query = query.filter(dsl::action.eq(operation.clone()));
    }
    if let Some(outcome) = filter.outcome {
        query = query.filter(dsl::outcome.eq(outcome));
    }
    if let Some(organization) = filter.organization {
        query = query.filter(dsl::organization_id.eq(organization));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(dsl::subject.eq(subject.clone()));
        query = match key {
            Some(key) => query.filter(dsl::subject_key.eq(key)),
            None => query.filter(dsl::subject_key.is_null()),
        };
    }
    query.load(conn)
}

/// Unsealed rows, by id. This finds a row that commits late even if later ids are already sealed.
///
/// # Errors
/// When the database fails.
pub fn unsealed(conn: &mut Conn, limit: i64) -> QueryResult<Vec<StoredAuditRow>> {
    let rows = sql_query(select_unsealed(conn, "*", limit));
    on_each!(conn, |c| rows.load(c))
}

/// When the oldest unsealed row was written. `None` if every row is sealed.
///
/// # Errors
/// When the database fails.
pub fn oldest_unsealed(conn: &mut Conn) -> QueryResult<Option<Timestamp>> {
    let oldest = sql_query(select_unsealed(conn, "at", 1));
    let found: Vec<WrittenAt> = on_each!(conn, |c| oldest.load(c))?;
    Ok(found.first().map(|row| row.at.into()))
}

/// Selects columns of the first unsealed rows, by id.
fn select_unsealed(conn: &Conn, columns: &str, limit: i64) -> String {
    // With statistics from a time when most rows were unsealed, SQLite would read the whole table.
    let hint = match conn {
        Conn::Sqlite(_) => "INDEXED BY audit_log_unsealed",
        Conn::Postgres(_) => "",
    };
    format!("SELECT {columns} FROM audit_log {hint} WHERE sequence IS NULL ORDER BY id LIMIT {limit}")
}

#[derive(QueryableByName)]
struct WrittenAt {
    #[diesel(sql_type = BigInt)]
    at: Micros,
}

/// When the newest row was written.
///
/// # Errors
/// When the database fails.
pub fn newest(conn: &mut Conn) -> QueryResult<Option<Timestamp>> {
    let at: Option<Micros> = dsl::audit_log
        .order(dsl::id.desc())
        .select(dsl::at)
        .first(conn)
        .optional()?;
    Ok(at.map(Timestamp::from))
}

/// The number of unsealed rows.
///
/// # Errors
/// When the database fails.
pub fn count_unsealed(conn: &mut Conn) -> QueryResult<i64> {
    dsl::audit_log.filter(dsl::sequence.is_null()).count().get_result(conn)
}

/// Stores a row's sequence number and hash.
///
/// # Errors
/// When the database fails.
pub fn seal(conn: &mut Conn, id: i64, sequence: i64, hash: &[u8]) -> QueryResult<()> {
    diesel::update(dsl::audit_log.find(id))
        .set((dsl::sequence.eq(sequence), dsl::hash.eq(hash)))
        .execute(conn)?;
    Ok(())
}

/// The sequence number and the hash of the last sealed row.
///
/// # Errors
/// When the database fails.
pub fn last_sealed(conn: &mut Conn) -> QueryResult<Option<(i64, Vec<u8>)>> {
    dsl::audit_log
        .filter(dsl::sequence.is_not_null())
        .order(dsl::sequence.desc())
        .select((dsl::sequence.assume_not_null(), dsl::hash.assume_not_null()))
        .first(conn)
        .optional()
}

/// Sealed rows after a sequence number, in the order of the chain.
///
/// # Errors
/// When the database fails.
pub fn sealed(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<StoredAuditRow>> {
    dsl::audit_log
        .filter(dsl::sequence.gt(after))
        .order(dsl::sequence)
        .limit(limit)
        .select(StoredAuditRow::as_select())
        .load(conn)
}

/// Where the log begins after rows were removed.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_cuts, check_for_backend(Backend))]
pub struct AuditCut {
    /// The sequence number of the last row that was removed.
    pub sequence: i64,
    /// The hash of that row.
    pub hash: Vec<u8>,
    /// When it was removed.
    pub at: Micros,
}

/// The last cut.
///
/// # Errors
/// When the database fails.
pub fn deleted_until(conn: &mut Conn) -> QueryResult<Option<AuditCut>> {
    audit_cuts::table
        .order(audit_cuts::sequence.desc())
        .select(AuditCut::as_select())
        .first(conn)
        .optional()
}

/// Removes the rows up to a sequence number, and stores that number and its hash so that the chain can still be
/// checked.
///
/// # Errors
/// When the database fails.
pub fn remove_until(conn: &mut Conn, sequence: i64, hash: &[u8], now: Timestamp) -> QueryResult<()> {
    diesel::insert_into(audit_cuts::table)
        .values((
            audit_cuts::sequence.eq(sequence),
            audit_cuts::hash.eq(hash),
            audit_cuts::at.eq(Micros::from(now)),
        ))
        .execute(conn)?;
    diesel::delete(dsl::audit_log.filter(dsl::sequence.le(sequence))).execute(conn)?;
    diesel::delete(audit_cuts::table.filter(audit_cuts::sequence.lt(sequence))).execute(conn)?;
    Ok(())
}
