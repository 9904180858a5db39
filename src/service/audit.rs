//! The audit row of every write and every look-up of a person, written in the effect's own transaction.

use super::{Context, Result};
use crate::db::Conn;
use crate::domain::actor::Role;
use crate::repository::audit::{self, Entry};

/// Appends a row: what was done to what. `subject` is an id's outside form, never a name or number.
///
/// # Errors
/// When the row can't be written; the use case fails with it.
pub fn record(conn: &mut Conn, context: &Context, action: &str, subject: Option<&str>) -> Result<()> {
    let actor = &context.actor;
    audit::append(
        conn,
        &Entry {
            at: context.now,
            actor_kind: actor_kind(&actor.role),
            account: actor.account,
            organization: actor.acting_for().or(actor.audits().map(|office| office.organization)),
            action,
            subject,
            request_id: &context.request_id,
        },
    )?;
    Ok(())
}

/// The stored word for the capacity somebody acts in.
pub fn actor_kind(role: &Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Administrator(_) => "administrator",
        Role::Auditor(_) => "auditor",
        Role::Integrator { .. } => "integrator",
        Role::System => "system",
    }
}
