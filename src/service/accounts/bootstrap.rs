//! The first office of an empty database. Its holder creates everything else through the interface.

use super::resets::{self, IssuedCode};
use crate::db::Conn;
use crate::domain::audit::AuditAction;
use crate::domain::core::id_number::IdNumber;
use crate::domain::office::OfficeRole;
use crate::repository::{appointments, organizations};
use crate::security::vault::Vault;
use crate::service::people::{self, PersonRef};
use crate::service::{Context, Result, audit};

/// The root organization and its first administrator.
#[derive(Clone)]
pub struct Founding {
    /// The root's full name.
    pub organization: String,
    /// Its short name.
    pub short_name: String,
    /// The administrator's full name.
    pub administrator: String,
    /// The administrator's ID number.
    pub id_number: IdNumber,
}

/// Creates the root and its administrator, and issues the one-time code for the administrator's first password (O5).
/// `None` if an organization already exists.
///
/// # Errors
/// When the database fails.
pub fn found(conn: &mut Conn, context: &Context, vault: &Vault, founding: &Founding) -> Result<Option<IssuedCode>> {
    if organizations::any(conn)? {
        return Ok(None);
    }
    let root = organizations::create_root(conn, &founding.organization, &founding.short_name, context.now)?;
    let person = PersonRef::Named {
        name: founding.administrator.clone(),
        id_number: founding.id_number.clone(),
    };
    let person = people::find(conn, context, vault, &person)?;
    let account = people::account(conn, context, person)?;
    appointments::begin(conn, root, account, OfficeRole::Administrator, None, context.now)?;
    audit::record(conn, context, AuditAction::ServiceBootstrapped, root)?;
    resets::issue(conn, context, vault, account, account.into()).map(Some)
}
