//! The inbox (操作中心): what waits for the caller's organization (A8).

use super::{Context, Result, may};
use crate::db::Conn;
use crate::domain::authority::{Action, Object};
use crate::domain::core::ids::InboxEntryId;
pub use crate::repository::inbox::InboxRow;
use crate::repository::inbox::{self, Reader};

/// The number of entries that wait, by kind.
///
/// # Errors
/// `actor.not_administrator` for members.
pub fn counts(conn: &mut Conn, context: &Context) -> Result<Vec<(String, i64)>> {
    Ok(inbox::counts(conn, reader(context)?)?)
}

/// A page of entries. Those that have waited longest come first.
///
/// # Errors
/// `actor.not_administrator` for members.
pub fn page(
    conn: &mut Conn,
    context: &Context,
    kind: &str,
    after: Option<InboxEntryId>,
    limit: i64,
) -> Result<Vec<InboxRow>> {
    let reader = reader(context)?;
    let after = match after {
        // If the entry was settled since the last page, there is no position to continue from, so the list starts
        // again.
        Some(id) => inbox::find(conn, id)?,
        None => None,
    };
    Ok(inbox::page(conn, reader, kind, after.as_ref(), limit)?)
}

fn reader(context: &Context) -> Result<Reader> {
    may(&context.actor, Action::ReadInbox, Object::Oneself)?;
    let (account, organization) = context.actor.in_office()?;
    Ok(Reader {
        organization,
        account: Some(account),
        member: context.actor.member,
    })
}
