//! The inbox (操作中心): what waits for the caller's organization (A8).

use super::{Context, Result};
use crate::db::Conn;
use crate::domain::codes::Code;
use crate::domain::ids::TaskId;
use crate::repository::inbox;
pub use crate::repository::inbox::Task;

/// How much waits, by kind.
///
/// # Errors
/// `actor.not_administrator` for members.
pub fn counts(conn: &mut Conn, context: &Context) -> Result<Vec<(String, i64)>> {
    let office = context.actor.office().ok_or(Code::ActorNotAdministrator)?;
    Ok(inbox::counts(conn, office.organization)?)
}

/// A page of what waits, longest waiting first.
///
/// # Errors
/// `actor.not_administrator` for members.
pub fn page(conn: &mut Conn, context: &Context, kind: &str, after: Option<TaskId>, limit: i64) -> Result<Vec<Task>> {
    let office = context.actor.office().ok_or(Code::ActorNotAdministrator)?;
    let after = match after {
        // An entry that was settled since the last page leaves no place to go on from: begin again.
        Some(id) => inbox::find(conn, id)?,
        None => None,
    };
    Ok(inbox::page(conn, office.organization, kind, after.as_ref(), limit)?)
}
