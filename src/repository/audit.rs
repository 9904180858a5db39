//! The audit log: rows are appended, sealed once, and never changed after that. Triggers in the database hold this too.

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
        /// When it was done.
        pub at: Micros,
        /// In what capacity the actor acted.
        pub capacity: Capacity,
        /// The actor's account; none for the service.
        pub account_id: Option<AccountId>,
        /// The organization the actor acted for.
        pub organization_id: Option<OrganizationId>,
        /// The place of the actor in the tree. It decides whose auditors read the row.
        pub scope_path: Option<&'a Path>,
        /// The organization whose turn it was, if the actor acted in its place (A10).
        pub on_behalf_of: Option<OrganizationId>,
        /// The name of the action, or the operation that was refused.
        pub action: &'a str,
        /// What it is about: set by [`NewAuditRow::about`].
        pub subject: Option<String>,
        /// The key of the subject's id: set by [`NewAuditRow::about`].
        pub subject_key: Option<i64>,
        /// The request or the job's run it belongs to.
        pub request_id: &'a str,
        /// Whether it was done or refused.
        pub outcome: AuditOutcome,
        /// Why it was refused.
        pub code: Option<&'a str>,
        /// How many refusals of this actor there were in this hour, with this one.
        pub times: i64,
    }
}

impl<'a> NewAuditRow<'a> {
    /// A row that says that the service did something, without a subject.
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

    /// The row with its subject: the text of an id, with the id's key beside it for the index.
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

/// Appends one row for each subject, all alike but for it, in one statement. Subjects are the texts of ids.
///
/// # Errors
/// When the database fails.
pub fn append_same_for(conn: &mut Conn, row: &NewAuditRow<'_>, subjects: &[String]) -> QueryResult<()> {
    // Each subject follows its key, which is padded to 19 digits. An id holds no character that JSON would escape.
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

/// A row as it is stored. Its words are texts and not enums, because the check must be able to read a row that was
/// tampered with.
#[derive(Debug, Clone, Queryable, Selectable)]
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
    /// Its place in the chain, once it is sealed.
    pub sequence: Option<i64>,
    /// The hash over itself and the hash before it, once it is sealed.
    pub hash: Option<Vec<u8>>,
    /// The key of the subject's id, which the index finds it by. Old rows have none.
    pub subject_key: Option<i64>,
}

impl StoredAuditRow {
    /// Whether the key beside the subject is the subject's, so that the index finds the row.
    pub fn fits_its_key(&self) -> bool {
        self.subject_key.is_none() || self.subject_key == self.subject.as_deref().and_then(key_of)
    }
}

/// Which rows an auditor wants to see. What is `None` restricts nothing.
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
    /// Rows about the thing with this id.
    pub subject: Option<String>,
}

/// A page of the rows of a subtree: the newest first, and only those before the row `before`.
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
        // Rows from before the key was stored.
        rows.extend(part(conn, root, filter, before, limit, None)?);
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(rows)
}

/// The rows of a page whose `subject_key` is `key`. `None` finds rows without a key. The key counts only if the filter
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
    // The root's auditors read everything, the service's own actions too. Those have no scope.
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

/// Rows that are not sealed yet, by id. A row that commits late is found too, even if later ids are sealed already.
///
/// # Errors
/// When the database fails.
pub fn unsealed(conn: &mut Conn, limit: i64) -> QueryResult<Vec<StoredAuditRow>> {
    dsl::audit_log
        .filter(dsl::sequence.is_null())
        .order(dsl::id)
        .limit(limit)
        .select(StoredAuditRow::as_select())
        .load(conn)
}

/// How many rows are not sealed yet.
///
/// # Errors
/// When the database fails.
pub fn count_unsealed(conn: &mut Conn) -> QueryResult<i64> {
    dsl::audit_log.filter(dsl::sequence.is_null()).count().get_result(conn)
}

/// Gives a row its place and its hash in the chain.
///
/// # Errors
/// When the database fails.
pub fn seal(conn: &mut Conn, id: i64, sequence: i64, hash: &[u8]) -> QueryResult<()> {
    diesel::update(dsl::audit_log.find(id))
        .set((dsl::sequence.eq(sequence), dsl::hash.eq(hash)))
        .execute(conn)?;
    Ok(())
}

/// The place and the hash of the last sealed row.
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

/// Sealed rows after a place, in the order of the chain.
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

/// The place up to which rows were removed, and the hash of the row that stood there.
///
/// # Errors
/// When the database fails.
pub fn cut(conn: &mut Conn) -> QueryResult<Option<(i64, Vec<u8>)>> {
    audit_cuts::table
        .order(audit_cuts::sequence.desc())
        .select((audit_cuts::sequence, audit_cuts::hash))
        .first(conn)
        .optional()
}

/// Removes the rows up to a place, and stores the place and its hash, so that the chain can still be checked.
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
