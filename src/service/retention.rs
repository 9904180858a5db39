//! Forgetting in time (S-29): a job, kind by kind, a batch of each at a time.

use super::jobs::Batch;
use super::{Context, Result, audit};
use crate::db::Conn;
use crate::domain::audit::{AuditAction, AuditSubject};
pub use crate::domain::retention::Retention;
use crate::repository::{certifications, retention};

/// What a case from another province shows instead of the name of somebody who never became a member.
pub const ANONYMOUS: &str = "—";

/// What one batch forgets; says of how many.
type RetentionStep = fn(&mut Conn, &Context, &Retention, i64) -> Result<i64>;

/// One after the other.
const KINDS: [RetentionStep; 8] = [
    |conn, context, kept, limit| audit::retire(conn, context, kept.audit_until(context.now), limit),
    |conn, context, kept, limit| count(retention::forget_look_ups(conn, kept.audit_until(context.now), limit)?),
    persons,
    |conn, context, kept, limit| count(retention::forget_codes(conn, kept.codes_until(context.now), limit)?),
    |conn, context, kept, limit| count(retention::forget_answers(conn, kept.answers_until(context.now), limit)?),
    |conn, context, kept, limit| count(retention::forget_budgets(conn, kept.budgets_until(context.now), limit)?),
    |conn, context, kept, limit| {
        count(retention::forget_sessions(
            conn,
            kept.sessions_until(context.now),
            limit,
        )?)
    },
    |conn, context, kept, limit| count(retention::forget_blocks(conn, kept.audit_until(context.now), limit)?),
];

fn count(rows: usize) -> Result<i64> {
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// Forgets a batch of the kind of this number. A full batch means that more of the kind may follow.
///
/// # Errors
/// When the database fails.
pub fn forget(conn: &mut Conn, context: &Context, kept: &Retention, number: i64, limit: i64) -> Result<Batch> {
    let kind = usize::try_from(number).ok().and_then(|number| KINDS.get(number));
    let processed = match kind {
        Some(forget) => forget(conn, context, kept, limit)?,
        None => 0,
    };
    if processed > 0 {
        audit::record(conn, context, AuditAction::ExpiredDataDeleted, AuditSubject::Nothing)?;
    }
    let next = if processed >= limit { number } else { number + 1 };
    let is_left = usize::try_from(next).is_ok_and(|next| next < KINDS.len());
    Ok(Batch {
        processed,
        failed: 0,
        next: is_left.then_some(next),
    })
}

fn persons(conn: &mut Conn, context: &Context, kept: &Retention, limit: i64) -> Result<i64> {
    let cases = retention::forgettable_persons(conn, kept.inbound_until(context.now), limit)?;
    for case in &cases {
        retention::forget_person(conn, *case, ANONYMOUS)?;
        audit::record(conn, context, AuditAction::InboundPersonDeleted, *case)?;
    }
    count(cases.len())
}

/// Of these names of files, those that nothing refers to and that are to be removed now.
///
/// # Errors
/// When the database fails.
pub fn orphans(conn: &mut Conn, context: &Context, names: &[String]) -> Result<Vec<String>> {
    let known = certifications::files_among(conn, names)?;
    let orphans: Vec<String> = names.iter().filter(|name| !known.contains(name)).cloned().collect();
    if !orphans.is_empty() {
        audit::record(conn, context, AuditAction::UnusedFilesDeleted, AuditSubject::Nothing)?;
    }
    Ok(orphans)
}
