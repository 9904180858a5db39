//! The offices that the owner of an account holds, as the rules ask for them that open or shut it.

use crate::db::Conn;
use crate::domain::account::Seat;
use crate::domain::core::ids::{AccountId, OrganizationId};
use crate::domain::organization::facts::{OrganizationKind, Path};
use crate::repository::{accounts, organizations};
use crate::service::organizations::appointing_superior;
use crate::service::{Error, Result};

/// Who appoints at an organization, and where it stands.
pub(super) struct HeldSeat {
    appoints: Option<OrganizationId>,
    path: Path,
    at_branch: bool,
}

impl HeldSeat {
    /// The seat as the rules see it.
    pub(super) fn seat(&self) -> Seat<'_> {
        Seat {
            path: &self.path,
            appoints: self.appoints,
            at_branch: self.at_branch,
        }
    }
}

/// The offices of an account. The account's row stays locked until the transaction ends, so that no two decisions are taken
/// on one state of it. To be called while the offices are kept as they are
/// ([`crate::repository::appointments::lock_offices_shared`]).
///
/// # Errors
/// When the database fails.
pub(super) fn locked(conn: &mut Conn, account: AccountId) -> Result<Vec<HeldSeat>> {
    accounts::lock(conn, account)?;
    let mut seats = Vec::new();
    for held in accounts::offices(conn, account)? {
        let organization = organizations::find(conn, held.office.organization)?;
        let organization = organization.ok_or(Error::Corrupt("an appointment's organization is missing"))?;
        seats.push(HeldSeat {
            appoints: appointing_superior(conn, &organization, &[])?,
            path: organization.path,
            at_branch: held.office.kind == OrganizationKind::Branch,
        });
    }
    Ok(seats)
}
