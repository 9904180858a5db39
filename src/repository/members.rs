//! Members.

use super::subtree;
use crate::db::dialect::Locked;
use crate::db::schema::members::{self, dsl};
use crate::db::schema::memberships;
use crate::db::types::Micros;
use crate::db::{Backend, Conn};
use crate::domain::ids::{MemberId, OrganizationId, TransferId};
use crate::domain::member::{Certification, Mark, RealNameCheck, Standing};
use crate::domain::organization::Path;
use crate::domain::time::{Month, Timestamp};
use diesel::prelude::*;

/// A member as stored; ID number and telephone are sealed.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = members, check_for_backend(Backend))]
pub struct Member {
    pub id: MemberId,
    pub branch_id: Option<OrganizationId>,
    pub branch_path: Path,
    pub name: String,
    pub id_number_sealed: Vec<u8>,
    pub phone_sealed: Option<Vec<u8>>,
    pub ethnic_group: Option<String>,
    pub political_status: Option<String>,
    pub education: Option<String>,
    pub joined_month: Month,
    pub development_number: Option<String>,
    pub standing: Standing,
    pub real_name_check: RealNameCheck,
    pub certification: Certification,
    pub mark: Option<Mark>,
    pub mark_month: Option<Month>,
    pub mark_reason: Option<String>,
    pub version: i32,
    pub created_at: Micros,
}
