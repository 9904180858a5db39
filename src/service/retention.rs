//! Deletes records after their retention period (S-29), one kind after the other, in batches.

use super::jobs::{self, Batch, Tally};
use super::{Context, Result, audit};
use crate::db::Conn;
use crate::domain::account::attempts::LONGEST_MEMORY;
use crate::domain::audit::{AuditAction, AuditSubject};
use crate::domain::retention::RetentionPeriods;
use crate::repository::{certifications, retention};

/// Replaces the name in an inbound case whose person never became a member.
pub const ANONYMOUS: &str = "—";

/// The kinds of records that are deleted, in the order of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordKind {
    /// Sealed rows of the audit log.
    #[default]
    AuditLog,
    /// Look-ups and disclosures.
    LookUps,
    /// The personal data of inbound cases that have ended.
    Persons,
    /// One-time codes.
    Codes,
    /// Answers under an idempotency key.
    Answers,
    /// Counts of hourly budgets.
    Budgets,
    /// Sessions.
    Sessions,
    /// Blocks of accounts that have ended.
    Blocks,
    /// Counts of failed attempts.
    Attempts,
}

impl RecordKind {
    /// Its rows, for an operator who asks what would be deleted.
    pub fn name(self) -> &'static str {
        match self {
            Self::AuditLog => "rows of the audit log",
            Self::LookUps => "look-ups and disclosures",
            Self::Persons => "persons of ended inbound cases",
            Self::Codes => "one-time codes",
            Self::Answers => "kept answers",
            Self::Budgets => "counts of budgets",
            Self::Sessions => "sessions",
            Self::Blocks => "ended blocks of accounts",
            Self::Attempts => "counts of failed attempts",
        }
    }

    fn next(self) -> Option<Self> {
        Some(match self {
            Self::AuditLog => Self::LookUps,
            Self::LookUps => Self::Persons,
            Self::Persons => Self::Codes,
            Self::Codes => Self::Answers,
            Self::Answers => Self::Budgets,
            Self::Budgets => Self::Sessions,
            Self::Sessions => Self::Blocks,
            Self::Blocks => Self::Attempts,
            Self::Attempts => return None,
        })
    }
}

/// Deletes at most `limit` records of a kind. A full batch means that more of the kind may follow.
///
/// # Errors
/// When the database fails.
pub fn delete(
    conn: &mut Conn,
    context: &Context,
    kept: &RetentionPeriods,
    kind: RecordKind,
    limit: i64,
) -> Result<Batch<RecordKind>> {
    let (now, ran_since) = (context.now, jobs::ran_since(conn)?);
    let log_until = kept.audit_until(now, ran_since);
    let deleted = match kind {
        RecordKind::AuditLog => audit::delete_expired(conn, context, log_until, limit)?,
        RecordKind::LookUps => retention::forget_look_ups(conn, log_until, limit)?,
        RecordKind::Persons => persons(conn, context, kept, limit)?,
        RecordKind::Codes => retention::forget_codes(conn, kept.codes_until(now), limit)?,
        RecordKind::Answers => retention::forget_answers(conn, kept.answers_until(now), limit)?,
        RecordKind::Budgets => retention::forget_budgets(conn, kept.budgets_until(now), limit)?,
        RecordKind::Sessions => retention::forget_sessions(conn, kept.sessions_until(now, ran_since), limit)?,
        RecordKind::Blocks => retention::forget_blocks(conn, log_until, limit)?,
        RecordKind::Attempts => retention::forget_attempts(conn, now - LONGEST_MEMORY, limit)?,
    };
    if deleted > 0 {
        audit::record(conn, context, AuditAction::ExpiredDataDeleted, AuditSubject::Nothing)?;
    }
    let tally = Tally::of(deleted);
    let is_full = tally.processed >= limit;
    Ok(Batch {
        tally,
        next: if is_full { Some(kind) } else { kind.next() },
    })
}

fn persons(conn: &mut Conn, context: &Context, kept: &RetentionPeriods, limit: i64) -> Result<usize> {
    let cases = retention::forgettable_persons(conn, kept.inbound_until(context.now), limit)?;
    for case in &cases {
        retention::forget_person(conn, *case, ANONYMOUS)?;
        audit::record(conn, context, AuditAction::InboundPersonDeleted, *case)?;
    }
    Ok(cases.len())
}

/// Those of the file names that no row refers to.
///
/// # Errors
/// When the database fails.
pub fn unused(conn: &mut Conn, names: &[String]) -> Result<Vec<String>> {
    let known = certifications::files_among(conn, names)?;
    Ok(names.iter().filter(|name| !known.contains(name)).cloned().collect())
}

/// Records that some files are put into the bin, or deleted from it, and counts them. Those to which a row refers by now
/// are left out.
///
/// # Errors
/// When the database fails.
pub fn record_unused(
    conn: &mut Conn,
    context: &Context,
    action: AuditAction,
    names: &[String],
) -> Result<(Vec<String>, Tally)> {
    let unused = unused(conn, names)?;
    if !unused.is_empty() {
        audit::record(conn, context, action, AuditSubject::Nothing)?;
    }
    let tally = Tally::of(unused.len());
    Ok((unused, tally))
}
