//! The participants: the offices that decide and the members that can be transferred, read from the database once.

use anyhow::{Context, Result, ensure};
use diesel::dsl::exists;
use diesel::prelude::*;
use std::collections::HashMap;
use std::fmt;
use zhuanjie::db::Conn;
use zhuanjie::db::schema::{accounts, appointments, members, organizations, transfers};
use zhuanjie::domain::core::ids::{AccountId, AppointmentId, MemberId, OrganizationId};
use zhuanjie::domain::member::{Certification, RealName, Standing};
use zhuanjie::domain::organization::facts::{Level, OrganizationKind, OrganizationPurpose, Path, Stage};
use zhuanjie::security::tokens::Bearer;
use zhuanjie::security::vault::{SealPurpose, SealedRow, Vault};

/// An office and its organization.
#[derive(Debug, Clone, Copy)]
pub struct PlayingOffice {
    pub organization: OrganizationId,
    pub bearer: Bearer,
}

/// A township that receives members, with the branch it assigns them to.
#[derive(Debug, Clone, Copy)]
pub struct Township {
    pub office: PlayingOffice,
    pub branch: OrganizationId,
}

/// A member of a school. There is no `Debug`, so that no log names them.
#[derive(Clone)]
pub struct Candidate {
    pub id: MemberId,
    pub branch: OrganizationId,
    pub name: String,
    pub id_number: String,
    /// The nearest school above the member with an office in force.
    pub school: PlayingOffice,
    /// The member's own account, if any.
    pub account: Option<AccountId>,
}

/// All participants.
pub struct Cast {
    /// The offices by organization.
    pub offices: HashMap<OrganizationId, Vec<PlayingOffice>>,
    pub provinces: Vec<PlayingOffice>,
    pub townships: Vec<Township>,
    pub candidates: Vec<Candidate>,
}

impl fmt::Display for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} members, {} townships and {} provinces play",
            self.candidates.len(),
            self.townships.len(),
            self.provinces.len()
        )
    }
}

type Held = (OrganizationId, AppointmentId, AccountId);

fn office((organization, appointment, account): Held) -> PlayingOffice {
    let office = Some(appointment);
    PlayingOffice {
        organization,
        bearer: Bearer {
            account,
            session: None,
            office,
        },
    }
}

/// The offices at organizations that `wanted` selects.
macro_rules! held {
    ($conn:expr, $wanted:expr) => {
        organizations::table
            .inner_join(appointments::table.on(appointments::organization_id.eq(organizations::id)))
            .filter(appointments::ended_at.is_null())
            .filter(organizations::closed_at.is_null())
            .filter($wanted)
            .order(organizations::id)
            .select((organizations::id, appointments::id, appointments::account_id))
            .load::<Held>($conn)?
            .into_iter()
            .map(office)
    };
}

/// Reads the participants: at most `most` members from all schools. Each `part` has different members.
///
/// # Errors
/// When the database fails, or the country has nobody for a role.
pub fn gather(conn: &mut Conn, vault: &Vault, part: i64, most: i64) -> Result<Cast> {
    let provinces = provinces(conn)?;
    let townships = townships(conn)?;
    let candidates = candidates(conn, vault, part, most)?;
    let mut offices: HashMap<OrganizationId, Vec<PlayingOffice>> = HashMap::new();
    for office in held!(conn, organizations::closed_at.is_null()) {
        offices.entry(office.organization).or_default().push(office);
    }
    let cast = Cast {
        offices,
        provinces,
        townships,
        candidates,
    };
    let is_complete = !cast.provinces.is_empty() && !cast.townships.is_empty() && !cast.candidates.is_empty();
    ensure!(is_complete, "the country is too small to play in: {cast}");
    Ok(cast)
}

fn provinces(conn: &mut Conn) -> Result<Vec<PlayingOffice>> {
    let is_province = organizations::kind
        .eq(OrganizationKind::LeadingOrgan)
        .and(organizations::level.eq(Level::Province));
    Ok(held!(conn, is_province).collect())
}

fn townships(conn: &mut Conn) -> Result<Vec<Township>> {
    let offices: Vec<PlayingOffice> = held!(conn, organizations::township.eq(true)).collect();
    let branches: Vec<(OrganizationId, Path)> = organizations::table
        .filter(organizations::kind.eq(OrganizationKind::Branch))
        .filter(organizations::purpose.eq(OrganizationPurpose::Ordinary))
        .filter(organizations::school_id.is_null())
        .filter(organizations::closed_at.is_null())
        .select((organizations::id, organizations::path))
        .load(conn)?;
    let mut first: HashMap<OrganizationId, OrganizationId> = HashMap::new();
    for (branch, path) in branches {
        for above in path.ids() {
            first.entry(above).or_insert(branch);
        }
    }
    let with_branch = |office: PlayingOffice| {
        let branch = *first.get(&office.organization)?;
        Some(Township { office, branch })
    };
    Ok(offices.into_iter().filter_map(with_branch).collect())
}

fn candidates(conn: &mut Conn, vault: &Vault, part: i64, most: i64) -> Result<Vec<Candidate>> {
    let is_school = organizations::school_code
        .is_not_null()
        .and(organizations::kind.eq(OrganizationKind::Committee))
        // Members under 16 need a further approval.
        .and(organizations::stage.ne(Stage::SeniorHigh));
    let schools: HashMap<OrganizationId, PlayingOffice> = held!(conn, is_school).map(|o| (o.organization, o)).collect();
    let greatest: Option<MemberId> = members::table.select(diesel::dsl::max(members::id)).first(conn)?;
    // A prime stride reaches every class.
    let stride = [1, 3, 7, 13, 31, 61, 127, 251, 509, 1021]
        .into_iter()
        .rev()
        .find(|stride| greatest.map_or(0, |id| id.0) / stride >= most)
        .unwrap_or(1);
    let wanted = (part..).step_by(stride as usize).take(most as usize).map(|id| id + 1);
    let wanted: Vec<i64> = wanted
        .take_while(|id| greatest.is_some_and(|most| *id <= most.0))
        .collect();
    let mut found = Vec::with_capacity(wanted.len());
    for ids in wanted.chunks(10_000) {
        found.append(&mut chunk(conn, vault, &schools, ids)?);
    }
    Ok(found)
}

type CandidateRow = (
    MemberId,
    Option<OrganizationId>,
    Path,
    String,
    Vec<u8>,
    Option<AccountId>,
);

/// Those of the given members that can be transferred from a school with an office in force.
fn chunk(
    conn: &mut Conn,
    vault: &Vault,
    schools: &HashMap<OrganizationId, PlayingOffice>,
    ids: &[i64],
) -> Result<Vec<Candidate>> {
    let open = transfers::table
        .filter(transfers::member_id.eq(members::id.nullable()))
        .filter(transfers::closed_at.is_null())
        .select(transfers::id);
    let rows: Vec<CandidateRow> = members::table
        .left_join(accounts::table.on(accounts::member_id.eq(members::id.nullable())))
        .filter(members::id.eq_any(ids.to_vec()))
        .filter(members::standing.eq(Standing::Good))
        .filter(members::real_name_check.eq(RealName::Passed))
        .filter(
            members::certification
                .eq(Certification::Certified)
                .or(members::certification.eq(Certification::NotRequired)),
        )
        .filter(diesel::dsl::not(exists(open)))
        .select((
            members::id,
            members::branch_id,
            members::branch_path,
            members::name,
            members::id_number_sealed,
            accounts::id.nullable(),
        ))
        .load(conn)?;
    let mut found = Vec::with_capacity(rows.len());
    for (id, branch, path, name, sealed, account) in rows {
        let school = path.ids().rev().find_map(|above| schools.get(&above)).copied();
        if let (Some(branch), Some(school)) = (branch, school) {
            let id_number = vault
                .open(SealPurpose::IdNumber, SealedRow::Member(id), &sealed)
                .context("the keys are not those the country was loaded with")?;
            found.push(Candidate {
                id,
                branch,
                name,
                id_number,
                school,
                account,
            });
        }
    }
    Ok(found)
}
