//! Seals everything again under the newest data key, in batches, while the service runs.

use super::Result;
use crate::db::Conn;
use crate::domain::core::ids::{AccountId, AppointmentRequestId, MemberId, TransferId};
use crate::repository::reseal::{self as rows, Fields};
use crate::security::vault::{SealPurpose, SealedRow, Vault};

/// The number of rows that one transaction reads.
const BATCH: i64 = 500;

/// A table with sealed fields.
#[derive(Debug, Clone, Copy)]
pub enum SealedTable {
    Members,
    Accounts,
    InboundPersons,
    RequestedPersons,
    MemberChanges,
}

impl SealedTable {
    /// Every table with sealed fields.
    pub const ALL: [Self; 5] = [
        Self::Members,
        Self::Accounts,
        Self::InboundPersons,
        Self::RequestedPersons,
        Self::MemberChanges,
    ];
}

impl SealedTable {
    fn row(self, key: i64) -> SealedRow {
        match self {
            Self::Members => SealedRow::Member(MemberId(key)),
            Self::Accounts => SealedRow::Account(AccountId(key)),
            Self::InboundPersons => SealedRow::InboundCase(TransferId(key)),
            Self::RequestedPersons => SealedRow::AppointmentRequest(AppointmentRequestId(key)),
            Self::MemberChanges => SealedRow::MemberChange(key),
        }
    }
}

impl std::fmt::Display for SealedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Members => "members",
            Self::Accounts => "accounts",
            Self::InboundPersons => "inbound_persons",
            Self::RequestedPersons => "appointment_requests",
            Self::MemberChanges => "member_changes",
        })
    }
}

/// The result of a batch.
#[derive(Debug, Clone, Copy)]
pub struct ResealBatch {
    /// Rows that were sealed again.
    pub changed: i64,
    /// The key after which the next batch begins. `None` when nothing is left.
    pub next: Option<i64>,
}

/// Seals the rows after a key again if they are sealed under an older data key. A row that changes meanwhile is sealed
/// under the newest key by that change.
///
/// # Errors
/// When a field is sealed under an unknown data key, or when the database fails.
pub fn reseal(conn: &mut Conn, vault: &Vault, table: SealedTable, after: i64) -> Result<ResealBatch> {
    let rows = match table {
        SealedTable::Members => rows::members(conn, after, BATCH)?,
        SealedTable::Accounts => rows::accounts(conn, after, BATCH)?,
        SealedTable::InboundPersons => rows::inbound_persons(conn, after, BATCH)?,
        SealedTable::RequestedPersons => rows::requested_persons(conn, after, BATCH)?,
        SealedTable::MemberChanges => rows::member_changes(conn, after, BATCH)?,
    };
    let mut changed = 0;
    for row in &rows {
        let place = table.row(row.key);
        let id_number = again(vault, SealPurpose::IdNumber, place, row.id_number.as_deref())?;
        let phone = again(vault, SealPurpose::Phone, place, row.phone.as_deref())?;
        if id_number.is_none() && phone.is_none() {
            continue;
        }
        let new = Fields {
            key: row.key,
            id_number: id_number.or_else(|| row.id_number.clone()),
            phone: phone.or_else(|| row.phone.clone()),
        };
        match table {
            SealedTable::Members => rows::store_member(conn, &new)?,
            SealedTable::Accounts => rows::store_account(conn, &new)?,
            SealedTable::InboundPersons => rows::store_inbound_person(conn, &new)?,
            SealedTable::RequestedPersons => rows::store_requested_person(conn, &new)?,
            SealedTable::MemberChanges => rows::store_member_change(conn, &new)?,
        }
        changed += 1;
    }
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= BATCH);
    Ok(ResealBatch {
        changed,
        next: rows.last().map(|row| row.key).filter(|_| is_full),
    })
}

fn again(vault: &Vault, purpose: SealPurpose, row: SealedRow, sealed: Option<&[u8]>) -> Result<Option<Vec<u8>>> {
    Ok(match sealed {
        Some(sealed) => vault.reseal(purpose, row, sealed)?,
        None => None,
    })
}
