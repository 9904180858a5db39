//! Creating, renaming and closing organizations, and their contact (O1 to O3).

use super::access::lock_visible;
use super::superior::{acting, acting_superior};
use super::view::contents;
use crate::db::{Conn, Unique};
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::division::Division;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::organization::facts::{Level, OrganizationKind, OrganizationPurpose, Sector, Stage, System};
use crate::domain::organization::rules;
use crate::domain::organization::rules::SchoolCodeWarning;
use crate::repository::organizations::{self, NewOrganization, Organization};
use crate::repository::{appointments, search};
use crate::service::{Context, Error, Expected, Result, appointments as offices, audit, integrators};

/// An organization to be created.
#[derive(Debug, Clone)]
pub struct Creation {
    pub superior: OrganizationId,
    pub kind: OrganizationKind,
    pub level: Level,
    /// Defaults to the superior's.
    pub system: Option<System>,
    pub sector: Sector,
    pub stage: Option<Stage>,
    pub township: bool,
    pub school_code: Option<String>,
    pub purpose: OrganizationPurpose,
    /// Defaults to the superior's.
    pub division_code: Option<String>,
    pub name: String,
    /// Defaults to the full name.
    pub short_name: Option<String>,
    pub contact: Option<OrganizationContact>,
}

/// The person to contact: the secretary (书记).
#[derive(Debug, Clone)]
pub struct OrganizationContact {
    pub name: String,
    pub phone: Option<String>,
}

/// O1 to O3: creates an organization below the caller's own.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree, `organization.name_taken`, `organization.school_code_taken`,
/// and everything that is wrong with the request at once.
pub fn create(
    conn: &mut Conn,
    context: &Context,
    creation: &Creation,
) -> Result<(Organization, Vec<SchoolCodeWarning>)> {
    let superior = lock_visible(conn, &context.actor, Action::CreateOrganization, creation.superior)?;
    let acts = acting(conn, &superior)?;
    rules::o3_direct_superior(&context.actor, Action::CreateOrganization, &superior.facts(), acts)?;
    let warnings = check_creation(creation, &superior)?;
    let name = creation.name.trim();
    let new = NewOrganization {
        kind: creation.kind,
        level: creation.level,
        system: creation.system.unwrap_or(superior.system),
        sector: creation.sector,
        stage: creation.stage,
        township: creation.township,
        school_code: creation.school_code.as_deref(),
        purpose: creation.purpose,
        division_code: creation.division_code.as_deref().or(superior.division_code.as_deref()),
        name,
        short_name: creation.short_name.as_deref().map_or(name, str::trim),
        contact_name: creation.contact.as_ref().map(|contact| contact.name.as_str()),
        contact_phone: creation.contact.as_ref().and_then(|contact| contact.phone.as_deref()),
    };
    let id = organizations::create(conn, &superior, &new, context.now).map_err(taken)?;
    Ok((
        after_change(conn, context, id, AuditAction::OrganizationCreated)?,
        warnings,
    ))
}

/// Checks a creation. Fails with everything that is wrong, or returns warnings about its school code.
fn check_creation(creation: &Creation, superior: &Organization) -> Result<Vec<SchoolCodeWarning>> {
    let facts = superior.facts();
    let school_code = creation
        .school_code
        .as_deref()
        .map(rules::check_school_code)
        .transpose();
    let checks = [
        rules::o1_may_stand_under(creation.kind, creation.level, &facts),
        rules::o2_purpose(creation.purpose, creation.kind, &creation.name, &facts),
        rules::o3_name(&creation.name),
        creation.short_name.as_deref().map_or(Ok(()), rules::o3_name),
        rules::check_stage(creation.sector, creation.stage),
        school_code.clone().map(drop),
        check_system(creation, superior),
        check_division(creation.division_code.as_deref()),
    ];
    let refusals: Vec<Refusal> = checks.into_iter().filter_map(std::result::Result::err).collect();
    match school_code {
        Ok(warnings) if refusals.is_empty() => Ok(warnings.unwrap_or_default()),
        _ => Err(refusals.into()),
    }
}

/// An organization belongs to its superior's system. Only the nation has several systems below it (§1.4.5).
fn check_system(creation: &Creation, superior: &Organization) -> std::result::Result<(), Refusal> {
    let fits = superior.level == Level::Nation || creation.system.is_none_or(|system| system == superior.system);
    if fits {
        return Ok(());
    }
    Err(Refusal::invalid(InputError::one_of(&[superior.system.as_str()])).at("/system"))
}

fn check_division(code: Option<&str>) -> std::result::Result<(), Refusal> {
    if code.is_none_or(|code| code.len() == 6 && Division::find(code).is_some()) {
        return Ok(());
    }
    let problem = InputError::Said(Text {
        zh: "须为六位行政区划代码（GB/T 2260）",
        en: "must be a division code of six digits (GB/T 2260)",
    });
    Err(Refusal::invalid(problem).at("/division_code"))
}

/// Turns a violated unique index into the refusal for a taken name or school code.
fn taken(error: diesel::result::Error) -> Error {
    match Unique::violated(&error) {
        Some(Unique::SiblingName) => Refusal::new(Code::OrganizationNameTaken).at("/name").into(),
        Some(Unique::SchoolCode) => Refusal::new(Code::OrganizationSchoolCodeTaken)
            .at("/school_code")
            .into(),
        _ => error.into(),
    }
}

/// O3: renames an organization and keeps the former name.
///
/// # Errors
/// `organization.not_found`, `organization.not_direct_superior`, `organization.closed`, `organization.name_required`,
/// `organization.floating_name`, `organization.purpose_not_allowed`, `request.stale`, `organization.name_taken`.
pub fn rename(
    conn: &mut Conn,
    context: &Context,
    id: OrganizationId,
    expected: Expected,
    name: &str,
    short_name: Option<&str>,
) -> Result<Organization> {
    // A proposal holds the shared lock on appointments. One that began before stores the old name, and is renamed here
    // too.
    appointments::lock_offices(conn)?;
    let found = lock_visible(conn, &context.actor, Action::RenameOrganization, id)?;
    rules::o3_rename(&context.actor, &found.facts(), acting_superior(conn, &found)?)?;
    rules::o3_name(name)?;
    short_name.map_or(Ok(()), rules::o3_name)?;
    let (name, short_name) = (name.trim(), short_name.map_or(name.trim(), str::trim));
    rules::o2_name(found.purpose, name)?;
    expected.check_version(found.version)?;
    if name == found.name && short_name == found.short_name {
        return Ok(found);
    }
    stored(organizations::rename(conn, &found, name, short_name).map_err(taken)?)?;
    if name != found.name {
        organizations::keep_name(conn, id, &found.name, context.now)?;
        organizations::rename_in_open_cases(conn, &found, name)?;
    }
    after_change(conn, context, id, AuditAction::OrganizationRenamed)
}

/// O3: closes an organization that holds nothing any more. Its appointments and credentials end with it.
///
/// # Errors
/// `organization.not_found`, `organization.not_direct_superior`, `organization.closed`, `organization.not_empty`,
/// `request.stale`.
pub fn close(conn: &mut Conn, context: &Context, id: OrganizationId, expected: Expected) -> Result<Organization> {
    // A proposal holds the shared lock on appointments. Once this has the exclusive lock, no new transfer can lead
    // here.
    appointments::lock_offices(conn)?;
    let found = lock_visible(conn, &context.actor, Action::CloseOrganization, id)?;
    let contents = contents(conn, &found)?;
    rules::o3_close(&context.actor, &found.facts(), acting_superior(conn, &found)?, contents)?;
    expected.check_version(found.version)?;
    stored(organizations::close(conn, &found, context.now)?)?;
    offices::end_all(conn, context, id)?;
    // The credentials of other systems that are bound to it end with it.
    integrators::end_all_of(conn, context, id)?;
    after_change(conn, context, id, AuditAction::OrganizationClosed)
}

/// Changes the contact of an organization.
///
/// # Errors
/// `organization.not_found`, `organization.contact_not_allowed`, `organization.closed`, `request.stale`.
pub fn change_contact(
    conn: &mut Conn,
    context: &Context,
    id: OrganizationId,
    expected: Expected,
    contact: &OrganizationContact,
) -> Result<Organization> {
    let found = lock_visible(conn, &context.actor, Action::ChangeContact, id)?;
    rules::o3_contact(&context.actor, &found.facts(), acting(conn, &found)?)?;
    expected.check_version(found.version)?;
    stored(organizations::set_contact(
        conn,
        &found,
        &contact.name,
        contact.phone.as_deref(),
    )?)?;
    audit::record(conn, context, AuditAction::ContactChanged, id)?;
    refreshed(conn, id)
}

fn stored(is_stored: bool) -> Result<()> {
    if is_stored {
        Ok(())
    } else {
        Err(Code::RequestStale.into())
    }
}

/// What follows when an organization is created, renamed or closed: its rows in the search index (O4) and the audit
/// entry.
fn after_change(conn: &mut Conn, context: &Context, id: OrganizationId, action: AuditAction) -> Result<Organization> {
    let organization = refreshed(conn, id)?;
    let former_names = organizations::former_names(conn, id)?;
    search::index(conn, &organization, &former_names)?;
    audit::record(conn, context, action, id)?;
    Ok(organization)
}

fn refreshed(conn: &mut Conn, id: OrganizationId) -> Result<Organization> {
    organizations::find(conn, id)?.ok_or(Error::Corrupt("an organization that was just stored is missing"))
}
