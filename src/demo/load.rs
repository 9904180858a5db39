//! Stores a country in an empty, migrated database. It uses one transaction, so an interrupted load leaves nothing
//! behind.
//!
//! One thread generates members and seals their numbers while this thread stores the ones before. The indexes on
//! members are dropped meanwhile: with them SQLite takes 16 s for a million members and their memberships, without them
//! 11 s.

use super::country::Country;
use super::holding;
use super::records::{AccountRecord, AppointmentRecord, FormerNameRecord, MemberRecord, OrganizationRecord};
use crate::db::schema::{accounts, appointments, members, memberships, organization_names, organizations};
use crate::db::sql::maintenance;
use crate::db::{Conn, DbError};
use crate::domain::account::AccountStatus;
use crate::domain::authority::actor::AccountKind;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::name::name_key;
use crate::domain::core::time::Timestamp;

use crate::domain::organization::facts::{Graduation, Status};
use crate::domain::search::{Named, province_of_branch, scopes, terms};
use crate::on_each;
use crate::repository::search::{self, SearchEntry};
use crate::security::vault::{SealPurpose, SealedRow, Vault};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use std::collections::HashMap;
use std::sync::mpsc;

/// Rows in each statement. A hundred would be as fast. The engines bind at most 32,766 (SQLite) or 65,535 values at
/// once.
const ROWS: usize = 500;
/// How many statements' rows can be ready before the generating thread waits.
const READY: usize = 8;

/// Stores the country. All its accounts get `password_hash`. `progress` gets the number of rows stored since its last
/// call; they add up to [`Country::row_count`].
///
/// # Errors
/// When the database fails or is not empty. It then holds what it held before.
pub fn load(
    conn: &mut Conn,
    country: &Country,
    vault: &Vault,
    password_hash: &str,
    progress: &(impl Fn(u64) + Sync),
) -> Result<(), DbError> {
    conn.transaction(|conn| {
        conn.lift_limits()?;
        load_organizations(conn, country, progress)?;
        load_members(conn, country, vault, progress)?;
        load_accounts(conn, country, vault, password_hash)?;
        maintenance::advance_sequences(
            conn,
            &[
                "organizations",
                "organization_names",
                "members",
                "memberships",
                "accounts",
                "appointments",
            ],
        )?;
        maintenance::analyze(conn)?;
        holding::sign(conn, country.signature())?;
        Ok(())
    })
}

/// Stores rows of one table in statements of [`ROWS`].
macro_rules! store {
    ($conn:expr, $table:ident, $rows:expr) => {
        on_each!($conn, |c| diesel::insert_into($table::table).values($rows).execute(c))?
    };
}

fn load_organizations(conn: &mut Conn, country: &Country, progress: &impl Fn(u64)) -> QueryResult<()> {
    let mut former_names: HashMap<OrganizationId, Vec<String>> = HashMap::new();
    for record in country.former_names() {
        former_names.entry(record.organization).or_default().push(record.name);
    }
    let mut records = country.organizations();
    for records in chunks(&mut records) {
        let rows: Vec<_> = records.iter().map(OrganizationRow::from).collect();
        store!(conn, organizations, &rows);
        let entries: Vec<_> = records
            .iter()
            .flat_map(|record| entries(record, former_names.get(&record.id).map_or(&[], Vec::as_slice)))
            .collect();
        search::store(conn, &entries)?;
        progress(rows.len() as u64);
    }
    let rows: Vec<_> = country.former_names().map(OrganizationNameRow::from).collect();
    store!(conn, organization_names, &rows);
    Ok(())
}

/// The search terms of an organization (O4). A holding has none (S-30).
fn entries(record: &OrganizationRecord, former_names: &[String]) -> Vec<SearchEntry> {
    if record.purpose == crate::domain::organization::facts::OrganizationPurpose::SpecialUnit {
        return Vec::new();
    }
    let terms = terms(&Named {
        name: &record.name,
        short_name: &record.short_name,
        former_names,
        school_code: record.school_code,
        kind: record.kind,
    });
    let scopes = scopes(&record.path, record.kind, record.province, record.leading_organ);
    let province = province_of_branch(record.kind, record.province);
    SearchEntry::all(record.id, &scopes, province, terms).collect()
}

fn load_members(
    conn: &mut Conn,
    country: &Country,
    vault: &Vault,
    progress: &(impl Fn(u64) + Sync),
) -> QueryResult<()> {
    let mut indexes = maintenance::drop_indexes(conn, "members")?;
    indexes.append(&mut maintenance::drop_indexes(conn, "memberships")?);
    std::thread::scope(|scope| {
        let (sender, ready) = mpsc::sync_channel(READY);
        scope.spawn(move || {
            let mut records = country.members();
            for records in chunks(&mut records) {
                let rows: Vec<_> = records
                    .into_iter()
                    .map(|record| MemberRow::seal(record, vault))
                    .collect();
                // The receiver is gone when a statement has failed.
                if sender.send(rows).is_err() {
                    return;
                }
            }
        });
        for rows in ready {
            store!(conn, members, &rows);
            let intervals: Vec<_> = rows.iter().map(MembershipRow::from).collect();
            store!(conn, memberships, &intervals);
            progress(rows.len() as u64);
        }
        QueryResult::Ok(())
    })?;
    indexes.iter().try_for_each(|index| conn.batch_execute(index))
}

fn load_accounts(conn: &mut Conn, country: &Country, vault: &Vault, password_hash: &str) -> QueryResult<()> {
    for records in chunks(&mut country.accounts()) {
        let rows: Vec<_> = records
            .iter()
            .map(|record| AccountRow::seal(record, vault, password_hash))
            .collect();
        store!(conn, accounts, &rows);
    }
    for records in chunks(&mut country.appointments()) {
        let rows: Vec<_> = records.into_iter().map(AppointmentRow::from).collect();
        store!(conn, appointments, &rows);
    }
    Ok(())
}

/// The rest of an iterator in chunks of [`ROWS`].
fn chunks<T>(rows: &mut impl Iterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let chunk: Vec<T> = rows.by_ref().take(ROWS).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

// The rows as columns of both engines. An absent value is stored as null instead of the column's default: SQLite has no
// defaults in an insert of many rows, so diesel would insert them one by one.

#[derive(Insertable)]
#[diesel(table_name = organizations, treat_none_as_default_value = false)]
struct OrganizationRow<'a> {
    id: i64,
    parent_id: Option<i64>,
    path: &'a str,
    kind: &'static str,
    level: &'static str,
    system: &'static str,
    sector: &'static str,
    stage: Option<&'static str>,
    township: bool,
    school_code: Option<&'static str>,
    purpose: &'static str,
    division_code: Option<&'static str>,
    province_id: Option<i64>,
    leading_organ_id: Option<i64>,
    school_id: Option<i64>,
    name: &'a str,
    short_name: &'a str,
    contact_name: Option<&'a str>,
    contact_phone: Option<&'a str>,
    status: &'static str,
    graduation_month: Option<i32>,
    graduation_undetermined: Option<&'static str>,
    created_at: i64,
    name_key: String,
}

impl<'a> From<&'a OrganizationRecord> for OrganizationRow<'a> {
    fn from(record: &'a OrganizationRecord) -> Self {
        let (month, undetermined) = match record.graduation {
            Some(Graduation::Month(month)) => (Some(*month.as_number()), None),
            Some(Graduation::Undetermined(reason)) => (None, Some(reason.as_str())),
            None => (None, None),
        };
        Self {
            id: record.id.0,
            parent_id: record.parent.map(|id| id.0),
            path: record.path.as_str(),
            kind: record.kind.as_str(),
            level: record.level.as_str(),
            system: record.system.as_str(),
            sector: record.sector.as_str(),
            stage: record.stage.map(|stage| stage.as_str()),
            township: record.township,
            school_code: record.school_code,
            purpose: record.purpose.as_str(),
            division_code: record.division_code,
            province_id: record.province.map(|id| id.0),
            leading_organ_id: record.leading_organ.map(|id| id.0),
            school_id: record.school.map(|id| id.0),
            name: &record.name,
            short_name: &record.short_name,
            contact_name: record.contact_name.as_deref(),
            contact_phone: record.contact_phone.as_ref().map(|phone| phone.as_str()),
            status: Status::Active.as_str(),
            graduation_month: month,
            graduation_undetermined: undetermined,
            created_at: micros(record.created_at),
            name_key: name_key(&record.name),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = organization_names, treat_none_as_default_value = false)]
struct OrganizationNameRow {
    id: i64,
    organization_id: i64,
    kind: &'static str,
    name: String,
    recorded_at: i64,
}

impl From<FormerNameRecord> for OrganizationNameRow {
    fn from(record: FormerNameRecord) -> Self {
        Self {
            id: record.id,
            organization_id: record.organization.0,
            kind: "former",
            name: record.name,
            recorded_at: micros(record.recorded_at),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = members, treat_none_as_default_value = false)]
struct MemberRow {
    id: i64,
    branch_id: i64,
    branch_path: String,
    name: String,
    id_number_sealed: Vec<u8>,
    id_number_digest: Vec<u8>,
    phone_sealed: Option<Vec<u8>>,
    phone_digest: Option<Vec<u8>>,
    ethnic_group: &'static str,
    political_status: &'static str,
    education: &'static str,
    joined_month: i32,
    development_number: Option<String>,
    standing: &'static str,
    real_name_check: &'static str,
    certification: &'static str,
    created_at: i64,
}

impl MemberRow {
    fn seal(record: MemberRecord, vault: &Vault) -> Self {
        let row = SealedRow::Member(record.id);
        let (id_number, phone) = (record.id_number.as_str(), record.phone);
        let phone = phone.as_ref().map(|phone| phone.as_str());
        Self {
            id: record.id.0,
            branch_id: record.branch.0,
            branch_path: record.branch_path.as_str().to_owned(),
            name: record.name,
            id_number_sealed: vault.seal(SealPurpose::IdNumber, row, id_number),
            id_number_digest: vault.digest(SealPurpose::IdNumber, id_number),
            phone_sealed: phone.map(|phone| vault.seal(SealPurpose::Phone, row, phone)),
            phone_digest: phone.map(|phone| vault.digest(SealPurpose::Phone, phone)),
            ethnic_group: record.ethnic_group,
            political_status: record.political_status,
            education: record.education,
            joined_month: *record.joined.as_number(),
            development_number: record.development_number.map(|number| number.as_str().to_owned()),
            standing: record.standing.as_str(),
            real_name_check: record.real_name_check.as_str(),
            certification: record.certification.as_str(),
            created_at: micros(record.since),
        }
    }
}

/// A member's membership since their first day. It has the id of the member.
#[derive(Insertable)]
#[diesel(table_name = memberships, treat_none_as_default_value = false)]
struct MembershipRow {
    id: i64,
    member_id: i64,
    branch_id: i64,
    since: i64,
}

impl From<&MemberRow> for MembershipRow {
    fn from(member: &MemberRow) -> Self {
        Self {
            id: member.id,
            member_id: member.id,
            branch_id: member.branch_id,
            since: member.created_at,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
struct AccountRow<'a> {
    id: i64,
    kind: &'static str,
    member_id: Option<i64>,
    name: &'a str,
    id_number_sealed: Option<Vec<u8>>,
    id_number_digest: Option<Vec<u8>>,
    password_hash: &'a str,
    must_change_password: bool,
    status: &'static str,
    created_at: i64,
}

impl<'a> AccountRow<'a> {
    fn seal(record: &'a AccountRecord, vault: &Vault, password_hash: &'a str) -> Self {
        let id_number = record.id_number.as_str();
        Self {
            id: record.id.0,
            kind: AccountKind::Person.as_str(),
            member_id: record.member.map(|id| id.0),
            name: &record.name,
            id_number_sealed: Some(vault.seal(SealPurpose::IdNumber, SealedRow::Account(record.id), id_number)),
            id_number_digest: Some(vault.digest(SealPurpose::IdNumber, id_number)),
            password_hash,
            must_change_password: false,
            status: AccountStatus::Active.as_str(),
            created_at: micros(record.created_at),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = appointments, treat_none_as_default_value = false)]
struct AppointmentRow {
    id: i64,
    account_id: i64,
    organization_id: i64,
    started_at: i64,
}

impl From<AppointmentRecord> for AppointmentRow {
    fn from(record: AppointmentRecord) -> Self {
        Self {
            id: record.id.0,
            account_id: record.account.0,
            organization_id: record.organization.0,
            started_at: micros(record.started_at),
        }
    }
}
