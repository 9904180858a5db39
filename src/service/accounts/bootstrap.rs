//! The first offices of an empty database. Their holders create everything else through the interface.

use super::resets::{self, IssuedCode};
use crate::db::Conn;
use crate::domain::audit::AuditAction;
use crate::domain::core::id_number::IdNumber;
use crate::domain::office::OfficeRole;
use crate::repository::{appointments, organizations};
use crate::security::vault::Vault;
use crate::service::people::{self, PersonRef};
use crate::service::{Context, Result, audit};

/// The root organization and its first administrators.
#[derive(Clone)]
pub struct Founding {
    /// The root's full name.
    pub organization: String,
    /// Its short name.
    pub short_name: String,
    /// Its administrators: the full name and the ID number of each. Two can issue one-time codes for offices above a branch
    /// (O5).
    pub administrators: Vec<(String, IdNumber)>,
}

/// Creates the root and its administrators, and issues the one-time code for each administrator's first password (O5), in
/// their order. `None` if an organization already exists.
///
/// # Errors
/// When the database fails.
pub fn found(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    founding: &Founding,
) -> Result<Option<Vec<IssuedCode>>> {
    if organizations::any(conn)? {
        return Ok(None);
    }
    let root = organizations::create_root(conn, &founding.organization, &founding.short_name, context.now)?;
    audit::record(conn, context, AuditAction::ServiceBootstrapped, root)?;
    let mut codes = Vec::with_capacity(founding.administrators.len());
    for (name, id_number) in &founding.administrators {
        let person = PersonRef::Named {
            name: name.clone(),
            id_number: id_number.clone(),
        };
        let person = people::find(conn, context, vault, &person)?;
        let account = people::account(conn, context, person)?;
        appointments::begin(conn, root, account, OfficeRole::Administrator, None, context.now)?;
        codes.push(resets::issue(conn, context, vault, account, account.into())?);
    }
    Ok(Some(codes))
}
