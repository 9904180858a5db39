//! The audit log: rows are appended and sealed, and never touched again; the database itself refuses it.

use super::subtree;
use crate::db::columns::Micros;
use crate::db::schema::audit_cuts;
use crate::db::schema::audit_log::{self, dsl};
use crate::db::sql::dialect::unfolded;
use crate::db::{Backend, Conn};
use crate::domain::audit::AuditOutcome;
use crate::domain::core::ids::{AccountId, OrganizationId, key_of};
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::Path;
use crate::{insert_each, on_each, row};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

/// A row to be appended.
pub struct Entry<'a> {
    pub at: Timestamp,
    pub actor_kind: &'a str,
    pub account: Option<AccountId>,
    pub organization: Option<OrganizationId>,
    /// Whose auditors read it: where the actor stands.
    pub scope: Option<&'a Path>,
    pub on_behalf_of: Option<OrganizationId>,
    pub action: &'a str,
    pub subject: Option<&'a str>,
    pub request_id: &'a str,
    pub outcome: AuditOutcome,
    /// Why it was refused.
    pub code: Option<&'a str>,
    /// How often the actor was refused in this hour by then.
    pub times: i64,
}

/// Appends rows.
pub fn append_each(conn: &mut Conn, entries: &[Entry<'_>]) -> QueryResult<()> {
    let rows: Vec<NewRow<'_>> = entries.iter().map(NewRow::from).collect();
    insert_each!(conn, audit_log::table, &rows)
}

row! {
    /// A row as columns.
    struct NewRow<'a> in audit_log {
        at: Micros,
        actor_kind: &'a str,
        account_id: Option<AccountId>,
        organization_id: Option<OrganizationId>,
        scope_path: Option<&'a str>,
        on_behalf_of: Option<OrganizationId>,
        action: &'a str,
        subject: Option<&'a str>,
        subject_key: Option<i64>,
        request_id: &'a str,
        outcome: AuditOutcome,
        code: Option<&'a str>,
        times: i64,
    }
}

impl<'a> From<&'a Entry<'a>> for NewRow<'a> {
    fn from(entry: &'a Entry<'a>) -> Self {
        Self {
            at: entry.at.into(),
            actor_kind: entry.actor_kind,
            account_id: entry.account,
            organization_id: entry.organization,
            scope_path: entry.scope.map(Path::as_str),
            on_behalf_of: entry.on_behalf_of,
            action: entry.action,
            subject: entry.subject,
            subject_key: entry.subject.and_then(key_of),
            request_id: entry.request_id,
            outcome: entry.outcome,
            code: entry.code,
            times: entry.times,
        }
    }
}

/// Appends the same row for each of several subjects, ids as they are outside, in one statement.
pub fn append_all(conn: &mut Conn, entry: &Entry<'_>, subjects: &[String]) -> QueryResult<()> {
    // Each with its key before it, in a width that holds any. Nothing in them means anything in JSON.
    let subjects = subjects
        .iter()
        .map(|id| format!("\"{:019}{id}\"", key_of(id).unwrap_or(0)));
    let subjects = format!("[{}]", subjects.collect::<Vec<_>>().join(","));
    let (before, behind) = unfolded(matches!(conn, Conn::Postgres(_)));
    let statement = format!(
        "INSERT INTO audit_log (at, actor_kind, account_id, organization_id, scope_path, on_behalf_of, action, \
         request_id, outcome, code, times, subject, subject_key) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, substr(value, 20), \
         nullif(CAST(substr(value, 1, 19) AS BIGINT), 0) FROM {before}$12{behind}"
    );
    let rows = sql_query(statement)
        .bind::<BigInt, _>(entry.at.timestamp_micros())
        .bind::<Text, _>(entry.actor_kind)
        .bind::<Nullable<BigInt>, _>(entry.account.map(|id| id.0))
        .bind::<Nullable<BigInt>, _>(entry.organization.map(|id| id.0))
        .bind::<Nullable<Text>, _>(entry.scope.map(Path::as_str))
        .bind::<Nullable<BigInt>, _>(entry.on_behalf_of.map(|id| id.0))
        .bind::<Text, _>(entry.action)
        .bind::<Text, _>(entry.request_id)
        .bind::<Text, _>(entry.outcome.as_str())
        .bind::<Nullable<Text>, _>(entry.code)
        .bind::<BigInt, _>(entry.times)
        .bind::<Text, _>(&subjects);
    on_each!(conn, |c| rows.execute(c))?;
    Ok(())
}

/// A row as stored, word for word: a check must be able to read what somebody made of it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_log, check_for_backend(Backend))]
pub struct Row {
    pub id: i64,
    pub at: Micros,
    pub actor_kind: String,
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
    pub hash: Option<Vec<u8>>,
    /// The subject's key, which it is found by; of rows from before it was kept, none.
    pub subject_key: Option<i64>,
}

impl Row {
    /// Whether its key is its subject's, so that it is found by what it is about.
    pub fn fits_its_key(&self) -> bool {
        self.subject_key.is_none() || self.subject_key == self.subject.as_deref().and_then(key_of)
    }
}

/// What a reader narrows the log to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub action: Option<String>,
    pub organization: Option<OrganizationId>,
    pub subject: Option<String>,
}

/// A page of the rows of a subtree, newest first, before `before`.
pub fn page(conn: &mut Conn, root: &Path, filter: &Filter, before: Option<i64>, limit: i64) -> QueryResult<Vec<Row>> {
    let key = filter.subject.as_deref().and_then(key_of);
    let mut rows = part(conn, root, filter, before, limit, key)?;
    if key.is_some() {
        // What was written before ids had their keys beside them.
        rows.extend(part(conn, root, filter, before, limit, None)?);
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(rows)
}

/// Those rows of a page whose subject stands with this key beside it, or with none; all, if no subject is asked for.
fn part(
    conn: &mut Conn,
    root: &Path,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
    key: Option<i64>,
) -> QueryResult<Vec<Row>> {
    let mut query = dsl::audit_log
        .order(dsl::id.desc())
        .limit(limit)
        .select(Row::as_select())
        .into_boxed();
    // The nation's auditors read everything, what the service does by itself included.
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
    if let Some(action) = &filter.action {
        query = query.filter(dsl::action.eq(action.clone()));
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

/// Rows that are not sealed yet, by id. What commits late is found all the same, whatever was sealed meanwhile.
pub fn unsealed(conn: &mut Conn, limit: i64) -> QueryResult<Vec<Row>> {
    dsl::audit_log
        .filter(dsl::sequence.is_null())
        .order(dsl::id)
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
}

/// How many rows are not sealed yet.
pub fn count_unsealed(conn: &mut Conn) -> QueryResult<i64> {
    dsl::audit_log.filter(dsl::sequence.is_null()).count().get_result(conn)
}

/// Gives a row its place in the chain.
pub fn seal(conn: &mut Conn, id: i64, sequence: i64, hash: &[u8]) -> QueryResult<()> {
    diesel::update(dsl::audit_log.find(id))
        .set((dsl::sequence.eq(sequence), dsl::hash.eq(hash)))
        .execute(conn)?;
    Ok(())
}

/// The last sealed row's place and hash.
pub fn last_sealed(conn: &mut Conn) -> QueryResult<Option<(i64, Vec<u8>)>> {
    dsl::audit_log
        .filter(dsl::sequence.is_not_null())
        .order(dsl::sequence.desc())
        .select((dsl::sequence.assume_not_null(), dsl::hash.assume_not_null()))
        .first(conn)
        .optional()
}

/// Sealed rows behind a place, in the chain's order.
pub fn sealed(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<Row>> {
    dsl::audit_log
        .filter(dsl::sequence.gt(after))
        .order(dsl::sequence)
        .limit(limit)
        .select(Row::as_select())
        .load(conn)
}

/// Up to where the log was removed, and the hash there.
pub fn cut(conn: &mut Conn) -> QueryResult<Option<(i64, Vec<u8>)>> {
    audit_cuts::table
        .order(audit_cuts::sequence.desc())
        .select((audit_cuts::sequence, audit_cuts::hash))
        .first(conn)
        .optional()
}

/// Removes the log up to a place; the chain goes on from there.
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
