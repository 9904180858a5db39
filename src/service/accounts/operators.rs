//! What only the operators of the service may do, by command: end every session of anybody, and list who administers
//! what.

use super::blocks::of_number;
use crate::db::Conn;
use crate::domain::account::session::SessionEnding;
use crate::domain::audit::AuditAction;
use crate::domain::core::ids::{AppointmentId, OrganizationId};
use crate::domain::organization::facts::Path;
use crate::repository::appointments::{self, Administering};
use crate::repository::{accounts, organizations, sessions};
use crate::service::{Context, Result, audit};

/// How many rows a page has.
const PAGE: i64 = 500;

/// Ends every session of the account with an ID number, given by its digest. Returns how many there were. The password
/// stays as it is.
///
/// # Errors
/// `member.no_match` if no account has the number.
pub fn end_sessions(conn: &mut Conn, context: &Context, id_number: &[u8]) -> Result<usize> {
    let account = of_number(conn, id_number)?;
    accounts::lock(conn, account)?;
    let ended = sessions::end_all(conn, account, None, SessionEnding::EndedByOperators, context.now)?;
    audit::record(conn, context, AuditAction::AccountSignedOutEverywhere, account)?;
    Ok(ended)
}

/// A page of the offices in force, earliest first: everywhere, or at an organization and below it.
///
/// # Errors
/// When the database fails.
pub fn administering(conn: &mut Conn, within: Option<&Path>, after: AppointmentId) -> Result<Vec<Administering>> {
    Ok(appointments::administering(conn, within, after, PAGE)?)
}

/// The path of an organization, if there is such an organization.
///
/// # Errors
/// When the database fails.
pub fn path_of(conn: &mut Conn, organization: OrganizationId) -> Result<Option<Path>> {
    Ok(organizations::find(conn, organization)?.map(|found| found.path))
}
