//! Appointments (管理员任职): who has them, how they begin and end, and requests for that. Every change updates the holders
//! of what waits there (A10).

use super::organizations::{appointing_superior, chain_of, lock_visible, object, permitted};
use super::pending::{self, Pending, Waiting};
use super::people::{KnownPerson, Newcomer};
use super::transfers::reroute as reroute_transfers;
use super::{Context, Error, Expected, Result, audit, may, people, sees};
use crate::db::{Conn, Unique};
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::core::decision::Verdict;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::ids::{AccountId, AppointmentId, AppointmentRequestId, OrganizationId};
use crate::domain::core::name::is_same_name;
use crate::domain::core::time::{Timestamp, shanghai_date};
use crate::domain::office::{self, AppointmentMode, AppointmentRequest, OfficeRole, RequestKind, RequestState};
use crate::domain::organization::facts::Path;
use crate::repository::appointments as store;
use crate::repository::appointments::RequestedPerson;
pub use crate::repository::appointments::{Appointment, StoredRequest};
use crate::repository::certifications::StoredForm;
use crate::repository::graduation::StoredChange;
use crate::repository::organizations::{self, Organization};
use crate::repository::pending::{Affected, PendingRow};
use crate::repository::{accounts, inbox, members, reseal};
use crate::security::vault::{SealPurpose, SealedRow, Vault};

/// A page of an organization's appointments in force, earliest first.
///
/// # Errors
/// `organization.not_found` outside the caller's subtree (O6).
pub fn list(
    conn: &mut Conn,
    actor: &Actor,
    organization: OrganizationId,
    after: i64,
    limit: i64,
) -> Result<Vec<Appointment>> {
    let found = permitted(conn, actor, Action::ListAppointments, organization)?;
    Ok(store::page(conn, found.id, AppointmentId(after), limit)?)
}

/// The outcome of appointing somebody or ending an appointment.
#[derive(Debug, Clone)]
pub enum AppointmentOutcome {
    /// The appointment has begun or ended.
    Done(Appointment),
    /// The direct superior was asked.
    Requested(StoredRequest),
}

/// Appoints an administrator or auditor: at once if the direct superior asks, as a request if the organization itself
/// asks.
///
/// # Errors
/// `organization.not_found`, those of [`office::may_change`] and of [`people::account`], `appointment.held_already`,
/// `appointment.request_open`.
pub fn appoint(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    organization: OrganizationId,
    role: OfficeRole,
    person: &people::PersonRef,
) -> Result<AppointmentOutcome> {
    store::lock_offices(conn)?;
    let organization = lock_visible(conn, &context.actor, Action::Appoint, organization)?;
    let superior = appointing_superior(conn, &organization, &[])?;
    let way = may_change(context, Action::Appoint, &organization, superior, role)?;
    let person = people::find(conn, context, vault, person)?;
    let known = match &person {
        KnownPerson::Account(account) => Some(*account),
        KnownPerson::Newcomer(_) => None,
    };
    if let Some(account) = known
        && store::held(conn, organization.id, account)?.is_some()
    {
        return Err(Code::AppointmentHeldAlready.into());
    }
    let request = AppointmentRequest {
        role,
        ..request_of(context, RequestKind::Begin, known)?
    };
    match way {
        AppointmentMode::AtOnce if needs_consent(conn, context, known)? => {
            let state = RequestState::AwaitingConsent;
            offer(conn, context, &organization, &AppointmentRequest { state, ..request })
        }
        AppointmentMode::AtOnce => {
            let account = people::account(conn, context, person)?;
            let by = context.actor.account;
            begin(conn, context, &organization, account, role, by).map(AppointmentOutcome::Done)
        }
        AppointmentMode::OnRequest => {
            let newcomer = match &person {
                KnownPerson::Account(_) => None,
                KnownPerson::Newcomer(newcomer) => Some(newcomer),
            };
            ask(conn, context, &organization, &request, newcomer)
        }
    }
}

/// Whether the person takes the office by their own consent only.
fn needs_consent(conn: &mut Conn, context: &Context, account: Option<AccountId>) -> Result<bool> {
    let appointing = context.actor.office().ok_or(Code::ActorNotAdministrator)?;
    let Some(account) = account else {
        return Ok(false);
    };
    let mut places: Vec<Path> = Vec::new();
    if let Some(member) = accounts::find(conn, account)?.and_then(|account| account.member_id) {
        let member = members::find(conn, member)?;
        places.extend(member.and_then(|member| member.place().cloned()));
    }
    let offices = accounts::offices(conn, account)?;
    places.extend(offices.into_iter().map(|held| held.office.path));
    Ok(office::needs_consent(&appointing.path, &places))
}

/// Ends an appointment: at once if the direct superior asks, as a request if the organization's own administrators ask.
///
/// # Errors
/// `appointment.not_found` outside the caller's subtree, those of [`office::may_change`], `appointment.ended`,
/// `appointment.last_of_nation`, `appointment.request_open`.
pub fn end(conn: &mut Conn, context: &Context, id: AppointmentId) -> Result<AppointmentOutcome> {
    store::lock_offices(conn)?;
    let (appointment, organization) = known(conn, &context.actor, Action::EndAppointment, id)?;
    let superior = appointing_superior(conn, &organization, &[])?;
    let way = may_change(
        context,
        Action::EndAppointment,
        &organization,
        superior,
        appointment.role,
    )?;
    if appointment.ended_at.is_some() {
        return Err(Code::AppointmentEnded.into());
    }
    match way {
        AppointmentMode::AtOnce => Ok(AppointmentOutcome::Done(finish(
            conn,
            context,
            &organization,
            &appointment,
        )?)),
        AppointmentMode::OnRequest => {
            let request = AppointmentRequest {
                role: appointment.role,
                ..request_of(context, RequestKind::End, Some(appointment.account_id))?
            };
            ask(conn, context, &organization, &request, None)
        }
    }
}

fn request_of(context: &Context, kind: RequestKind, about: Option<AccountId>) -> Result<AppointmentRequest> {
    Ok(AppointmentRequest {
        kind,
        role: OfficeRole::Administrator,
        about,
        proposed_by: context.actor.account.ok_or(Code::ActorNotAdministrator)?,
        state: RequestState::Open,
    })
}

/// An appointment in the caller's subtree, with its organization.
///
/// # Errors
/// `appointment.not_found` outside the subtree (O6).
pub fn known(conn: &mut Conn, actor: &Actor, action: Action, id: AppointmentId) -> Result<(Appointment, Organization)> {
    let appointment = store::find(conn, id)?;
    // A missing appointment costs the same statements as a hidden one.
    let at = appointment
        .as_ref()
        .map_or(OrganizationId::NONE, |found| found.organization_id);
    let organization = organizations::find(conn, at)?;
    let appointment = appointment.ok_or(Code::AppointmentNotFound)?;
    let organization = organization.ok_or(Error::Corrupt("an appointment's organization is missing"))?;
    sees(actor, action, object(&organization))?;
    Ok((appointment, organization))
}

fn may_change(
    context: &Context,
    action: Action,
    organization: &Organization,
    superior: Option<OrganizationId>,
    role: OfficeRole,
) -> Result<AppointmentMode> {
    let rule = match role {
        OfficeRole::Administrator => office::may_change,
        OfficeRole::Auditor => office::may_change_auditor,
    };
    Ok(rule(&context.actor, action, &organization.facts(), superior)?)
}

fn begin(
    conn: &mut Conn,
    context: &Context,
    organization: &Organization,
    account: AccountId,
    role: OfficeRole,
    appointed_by: Option<AccountId>,
) -> Result<Appointment> {
    let id = store::begin(conn, organization.id, account, role, appointed_by, context.now)?;
    after_change(conn, context, organization, account, AuditAction::AppointmentMade, id)
}

fn finish(
    conn: &mut Conn,
    context: &Context,
    organization: &Organization,
    office: &Appointment,
) -> Result<Appointment> {
    let governs = organization.parent_id.is_none() && office.role == OfficeRole::Administrator;
    let is_theirs = |account: &AccountId| *account == office.account_id;
    if governs
        && organizations::administrators(conn, organization.id)?
            .iter()
            .all(is_theirs)
    {
        return Err(Code::AppointmentLastOfNation.into());
    }
    store::end(conn, office.id, context.now)?;
    // Nobody is sent to somebody who was dismissed (§2.5).
    if let Some(contact) = &organization.contact_name
        && is_same_name(contact, &office.account_name)
    {
        organizations::remove_contact(conn, organization.id, contact)?;
    }
    after_change(
        conn,
        context,
        organization,
        office.account_id,
        AuditAction::AppointmentEnded,
        office.id,
    )
}

/// What follows from every change of an appointment.
fn after_change(
    conn: &mut Conn,
    context: &Context,
    organization: &Organization,
    account: AccountId,
    action: AuditAction,
    id: AppointmentId,
) -> Result<Appointment> {
    // Open requests about this account at this organization are settled by the change.
    for request in store::open_requests(conn, organization.id, Some(account))? {
        lapse(conn, context, request)?;
    }
    reroute(conn, organization, context.now)?;
    audit::record_in_turn(conn, context, organization.parent_id, action, id)?;
    store::find(conn, id)?.ok_or(Error::Corrupt("an appointment that was just stored is missing"))
}

fn lapse(conn: &mut Conn, context: &Context, request: AppointmentRequestId) -> Result<()> {
    inbox::close(conn, StoredRequest::KIND, request.0)?;
    Ok(store::lapse(conn, request, context.now)?)
}

/// A10, I-31: updates the holders of everything that waits at the organization or was passed on from it.
fn reroute(conn: &mut Conn, organization: &Organization, now: Timestamp) -> Result<()> {
    let path = &organization.path;
    let chain = chain_of(conn, path)?;
    reroute_transfers(conn, organization, &chain, now)?;
    let affected = Affected {
        path,
        before: path.ids().collect(),
        orphans: chain.may_orphan(),
    };
    pending::reroute::<StoredChange>(conn, &affected)?;
    pending::reroute::<StoredForm>(conn, &affected)?;
    pending::reroute::<StoredRequest>(conn, &affected)
}

impl Pending for StoredRequest {
    fn waiting(&self, conn: &mut Conn) -> Result<Waiting> {
        let organization = organization_of(conn, self)?;
        let holder = appointing_superior(conn, &organization, &self.request().excluded())?;
        Ok(Waiting {
            subject: self.id.0,
            since: self.proposed_at.into(),
            member_name: None,
            holders: holder.into_iter().collect(),
        })
    }
}

/// A10: updates the holders of what waits where an account has offices, after the account was blocked or unblocked.
/// Call it while holding the lock of [`store::lock_offices`].
///
/// # Errors
/// When the database fails.
pub(super) fn reroute_offices_of(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<()> {
    for held in accounts::offices(conn, account)? {
        let found = organizations::find(conn, held.office.organization)?;
        let organization = found.ok_or(Error::Corrupt("an appointment's organization is missing"))?;
        reroute(conn, &organization, now)?;
    }
    Ok(())
}

/// P6: the offices that somebody loses by moving from one place to another: those at or above the place they leave, and not
/// above the place they go to. Who holds an office elsewhere keeps it.
///
/// # Errors
/// When the database fails.
pub(super) fn left(
    conn: &mut Conn,
    account: AccountId,
    from: &Path,
    to: Option<&Path>,
) -> Result<Vec<(AppointmentId, OrganizationId)>> {
    let offices = accounts::offices(conn, account)?;
    let left = offices.into_iter().map(|held| held.office).filter(|office| {
        let contains = |place: &Path| place == &office.path || place.is_below(&office.path);
        contains(from) && !to.is_some_and(contains)
    });
    Ok(left.map(|office| (office.appointment, office.organization)).collect())
}

/// P6: ends an office that its holder has left. The audit entry is in the direct superior's turn. The last administrator
/// of the nation stays.
///
/// # Errors
/// When the database fails.
pub(super) fn end_left(
    conn: &mut Conn,
    context: &Context,
    (office, organization): (AppointmentId, OrganizationId),
) -> Result<()> {
    let organization = organizations::find(conn, organization)?;
    let organization = organization.ok_or(Error::Corrupt("an appointment's organization is missing"))?;
    let office = store::find(conn, office)?.ok_or(Error::Corrupt("an appointment is missing"))?;
    match finish(conn, context, &organization, &office) {
        Err(Error::Refused(refusals)) if refusals.iter().all(|r| r.code == Code::AppointmentLastOfNation) => Ok(()),
        ended => ended.map(drop),
    }
}

/// Ends every appointment at an organization that is being closed, and every request for one. Nothing waits there any
/// more (O3).
///
/// # Errors
/// When the database fails.
pub(super) fn end_all(conn: &mut Conn, context: &Context, organization: OrganizationId) -> Result<()> {
    for request in store::open_requests(conn, organization, None)? {
        lapse(conn, context, request)?;
    }
    Ok(store::end_all(conn, organization, context.now)?)
}

/// Sends a request to the direct superior.
fn ask(
    conn: &mut Conn,
    context: &Context,
    organization: &Organization,
    request: &AppointmentRequest,
    newcomer: Option<&Newcomer>,
) -> Result<AppointmentOutcome> {
    let stored = store_request(conn, context, organization, request, newcomer)?;
    pending::hand_to_holders(conn, &stored)?;
    audit::record(conn, context, AuditAction::AppointmentRequestSubmitted, stored.id)?;
    Ok(AppointmentOutcome::Requested(stored))
}

/// Asks the person.
fn offer(
    conn: &mut Conn,
    context: &Context,
    organization: &Organization,
    request: &AppointmentRequest,
) -> Result<AppointmentOutcome> {
    let stored = store_request(conn, context, organization, request, None)?;
    audit::record_in_turn(
        conn,
        context,
        organization.parent_id,
        AuditAction::AppointmentRequestOffered,
        stored.id,
    )?;
    Ok(AppointmentOutcome::Requested(stored))
}

fn store_request(
    conn: &mut Conn,
    context: &Context,
    organization: &Organization,
    request: &AppointmentRequest,
    newcomer: Option<&Newcomer>,
) -> Result<StoredRequest> {
    let person = newcomer.map(|newcomer| RequestedPerson {
        name: &newcomer.name,
        id_number_digest: &newcomer.id_number_digest,
    });
    match store::open_request(conn, organization.id, request, person.as_ref(), context.now) {
        Err(e) => match Unique::violated(&e) {
            Some(Unique::OpenAppointmentRequest | Unique::OpenNewcomerRequest) => {
                Err(Code::AppointmentRequestOpen.into())
            }
            _ => Err(e.into()),
        },
        Ok(stored) => {
            if let Some(newcomer) = newcomer {
                let fields = newcomer.sealed_for(SealedRow::AppointmentRequest(stored), stored.0);
                reseal::store_requested_person(conn, &fields)?;
            }
            found(conn, stored)
        }
    }
}

/// The person whom a request names without an account. They may have got one since.
fn requested_person(conn: &mut Conn, context: &Context, vault: &Vault, stored: &StoredRequest) -> Result<KnownPerson> {
    if let Some(account) = stored.account_id {
        return Ok(KnownPerson::Account(account));
    }
    let number = store::requested_number(conn, stored.id)?;
    let sealed = number.ok_or(Error::Corrupt("a request names nobody"))?;
    let number = vault.open(SealPurpose::IdNumber, SealedRow::AppointmentRequest(stored.id), &sealed)?;
    let number = IdNumber::parse(&number, shanghai_date(context.now))
        .map_err(|_| Error::Corrupt("a stored ID number is invalid"))?;
    let newcomer = Newcomer::new(stored.name().to_owned(), number, vault);
    let person = people::find_newcomer(conn, context, newcomer)?;
    if let KnownPerson::Account(account) = &person {
        store::set_requested_account(conn, stored.id, *account)?;
    }
    Ok(person)
}

fn organization_of(conn: &mut Conn, stored: &StoredRequest) -> Result<Organization> {
    let organization = organizations::find(conn, stored.organization_id)?;
    organization.ok_or(Error::Corrupt("an appointment request's organization is missing"))
}

fn found(conn: &mut Conn, id: AppointmentRequestId) -> Result<StoredRequest> {
    Ok(store::request(conn, id)?.ok_or(Code::AppointmentRequestNotFound)?)
}

/// One request, for administrators at or above its organization.
///
/// # Errors
/// `appointment.request_not_found`.
pub fn request(conn: &mut Conn, actor: &Actor, id: AppointmentRequestId) -> Result<StoredRequest> {
    let stored = store::request(conn, id)?;
    let at = stored
        .as_ref()
        .map_or(OrganizationId::NONE, |stored| stored.organization_id);
    let organization = organizations::find(conn, at)?;
    let stored = stored.ok_or(Code::AppointmentRequestNotFound)?;
    let organization = organization.ok_or(Error::Corrupt("an appointment request's organization is missing"))?;
    may(actor, Action::ReadAppointmentRequest, object(&organization))?;
    Ok(stored)
}

/// The direct superior decides a request. Approving it begins or ends the appointment at once.
///
/// # Errors
/// `appointment.request_not_found`, `request.stale` and those of [`AppointmentRequest::decide`].
pub fn decide(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    id: AppointmentRequestId,
    expected: Expected,
    verdict: &Verdict,
) -> Result<StoredRequest> {
    store::lock_offices(conn)?;
    request(conn, &context.actor, id)?;
    let stored = StoredRequest::find_locked(conn, id)?.ok_or(Code::AppointmentRequestNotFound)?;
    let organization = organization_of(conn, &stored)?;
    let request = stored.request();
    let holder = appointing_superior(conn, &organization, &request.excluded())?;
    let needs_consent = match (request.kind, verdict) {
        (RequestKind::Begin, Verdict::Approve) => {
            let about = match requested_person(conn, context, vault, &stored)? {
                KnownPerson::Account(account) => Some(account),
                KnownPerson::Newcomer(_) => None,
            };
            needs_consent(conn, context, about)?
        }
        _ => false,
    };
    let decided = request.decide(&context.actor, holder, verdict.clone(), needs_consent, context.now)?;
    expected.check_version(stored.version)?;
    if !store::close_request(conn, &stored, &decided)? {
        return Err(Code::RequestStale.into());
    }
    inbox::close(conn, StoredRequest::KIND, id.0)?;
    let turn = organization.parent_id;
    let action = match decided.state {
        RequestState::Refused => AuditAction::AppointmentRequestRefused,
        _ => AuditAction::AppointmentRequestApproved,
    };
    audit::record_in_turn(conn, context, turn, action, id)?;
    if decided.state == RequestState::Approved {
        let stored = found(conn, id)?;
        carry_out(conn, context, vault, &stored, context.actor.account)?;
    }
    if decided.state != RequestState::AwaitingConsent {
        store::forget_number(conn, id)?;
    }
    found(conn, id)
}

/// Stores the answer of the person an appointment is about. If they consent, the office begins at once.
///
/// # Errors
/// Those of [`AppointmentRequest::answer`]; `request.stale`.
pub fn answer(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    id: AppointmentRequestId,
    expected: Expected,
    consents: bool,
) -> Result<StoredRequest> {
    store::lock_offices(conn)?;
    let account = context.actor.account.ok_or(Code::RequestUnauthenticated)?;
    // What is somebody else's costs the same statements as what does not exist.
    let id = store::about(conn, id, account)?.ok_or(Code::AppointmentRequestNotFound)?;
    let stored = StoredRequest::find_locked(conn, id)?.ok_or(Code::AppointmentRequestNotFound)?;
    let state = stored.request().answer(account, consents)?;
    expected.check_version(stored.version)?;
    if !store::answer_request(conn, &stored, state, context.now)? {
        return Err(Code::RequestStale.into());
    }
    let action = if consents {
        AuditAction::AppointmentRequestConsented
    } else {
        AuditAction::AppointmentRequestDeclined
    };
    audit::record(conn, context, action, id)?;
    if consents {
        // The superior that decided appoints; without a decision it made the offer itself.
        let appointed_by = stored.decider_account_id.unwrap_or(stored.proposer_account_id);
        carry_out(conn, context, vault, &stored, Some(appointed_by))?;
    }
    found(conn, id)
}

fn carry_out(
    conn: &mut Conn,
    context: &Context,
    vault: &Vault,
    stored: &StoredRequest,
    appointed_by: Option<AccountId>,
) -> Result<()> {
    let organization = organizations::find_locked(conn, stored.organization_id)?;
    let organization = organization.ok_or(Error::Corrupt("an appointment request's organization is missing"))?;
    let person = requested_person(conn, context, vault, stored)?;
    let is_new = matches!(person, KnownPerson::Newcomer(_));
    let account = people::account(conn, context, person)?;
    if is_new {
        store::set_requested_account(conn, stored.id, account)?;
    }
    let held = match store::held(conn, organization.id, account)? {
        Some(office) => store::find(conn, office)?,
        None => None,
    };
    match (stored.kind, held) {
        (RequestKind::Begin, None) => begin(conn, context, &organization, account, stored.role, appointed_by).map(drop),
        (RequestKind::End, Some(office)) => finish(conn, context, &organization, &office).map(drop),
        // Every change of an appointment lets the open requests about it lapse.
        _ => Err(Error::Corrupt(
            "an open appointment request does not fit the person's appointments",
        )),
    }
}
