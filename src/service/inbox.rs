//! The inbox (操作中心): what waits for the caller's organization (A8).

use super::{Context, Result, may};
use crate::db::Conn;
use crate::domain::authority::{Action, Object};
use crate::repository::inbox::{self, Reader};
pub use crate::repository::inbox::{InboxPlace, InboxRow};

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
    after: Option<InboxPlace>,
    limit: i64,
) -> Result<Vec<InboxRow>> {
    let reader = reader(context)?;
    Ok(inbox::page(conn, reader, kind, after, limit)?)
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
