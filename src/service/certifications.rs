//! Identity certifications (团员身份认证, §2.8, O7). The branch uploads a member's application form, and the committee above
//! decides. The file itself is in the file directory. The database stores what is known about it.

use super::organizations::chain_of;
use super::pending::{self, Pending, Waiting};
use super::{Context, Error, Expected, Result, audit, may, members, policies};
use crate::db::{Conn, Unique};
use crate::domain::audit::AuditAction;
use crate::domain::authority::Action;
use crate::domain::authority::actor::Actor;
use crate::domain::catalogue::code::Code;
use crate::domain::core::decision::Verdict;
use crate::domain::core::ids::{AccountId, CertificationId, MemberId, OrganizationId};
use crate::domain::core::time::season_of;
use crate::domain::member::Certification;
use crate::domain::member::certification::{self as rules, Form, t3_certification, t3_under};
pub use crate::repository::certifications::StoredForm;
use crate::repository::certifications::{self as store, NewForm};
use crate::repository::members::{self as rows, Member};
use crate::repository::pending::PendingRow;
use crate::repository::{accounts, appointments, inbox};

/// A file that was received and stored.
#[derive(Debug, Clone)]
pub struct ReceivedFile {
    /// Its name in the file directory.
    pub file: String,
    pub bytes: u64,
    pub sha256: Vec<u8>,
}

/// A member's certification: its state and the forms, newest first.
#[derive(Debug, Clone)]
pub struct CertificationStatus {
    pub certification: Certification,
    pub forms: Vec<StoredForm>,
}

/// A member's certification, for the member and for administrators at or above their branch.
///
/// # Errors
/// `member.not_found`.
pub fn get(conn: &mut Conn, context: &Context, member: MemberId) -> Result<CertificationStatus> {
    let (actor, now) = (&context.actor, context.now);
    let member = members::visible(conn, actor, Action::ReadMember, member)?;
    let policy = policies::of_season(conn, season_of(now))?;
    let mut forms = store::of_member(conn, member.id)?;
    // Why an old school refused a form is for those within whose reach it was written, as a mark's reason is.
    if let Some(range) = members::history_range(conn, actor, member.id)? {
        let decided_here = store::decided_within(conn, member.id, &range)?;
        let elsewhere = forms.iter_mut().filter(|form| !decided_here.contains(&form.id));
        elsewhere.for_each(|form| form.decision_reason = None);
    }
    Ok(CertificationStatus {
        certification: t3_under(&policy, member.certification, member.joined_month),
        forms,
    })
}

/// Checks that the caller may upload forms for a member. It is called before the first byte of the body is read.
///
/// # Errors
/// `member.not_found`, `certification.not_uploader`.
pub fn check_uploader(conn: &mut Conn, actor: &Actor, member: MemberId) -> Result<()> {
    let member = members::visible(conn, actor, Action::UploadForm, member)?;
    // The branch uploads, or the organization that acts for it (A10).
    let uploader = members::acting_for(conn, &member)?;
    let object = members::object(&member, uploader.as_slice());
    may(actor, Action::UploadForm, object)
}

/// The organization that decides: the committee above the branch, or the next one up where somebody other than the
/// uploader and the member can decide (A10, I-04).
fn approver(conn: &mut Conn, member: &Member, uploaded_by: AccountId) -> Result<Option<OrganizationId>> {
    let excluded: Vec<AccountId> = accounts::of_member(conn, member.id)?
        .into_iter()
        .chain([uploaded_by])
        .collect();
    let Some(path) = member.place() else {
        return Ok(None);
    };
    let committee = path.superiors().next();
    let committee = committee.ok_or(Error::Corrupt("a branch has no superior"))?;
    Ok(chain_of(conn, path)?.first_able(committee, &excluded))
}

/// O7: stores a form that was received, and puts it in the inbox of the committee above.
///
/// # Errors
/// `member.not_found` and those of [`rules::o7_upload`].
pub fn upload(conn: &mut Conn, context: &Context, member: MemberId, received: &ReceivedFile) -> Result<StoredForm> {
    appointments::lock_offices_shared(conn)?;
    members::visible(conn, &context.actor, Action::UploadForm, member)?;
    let member = rows::find_locked(conn, member)?.ok_or(Code::MemberNotFound)?;
    // The branch uploads, or the organization that acts for it (A10).
    let uploader = members::acting_for(conn, &member)?;
    let policy = policies::of_season(conn, season_of(context.now))?;
    let standing = t3_under(&policy, member.certification, member.joined_month);
    let form = rules::o7_upload(&context.actor, uploader.as_slice(), standing, &policy, context.now)?;
    let Form::Waiting(upload) = &form else {
        return Err(Error::Corrupt("an uploaded form does not wait for a decision"));
    };
    let new = NewForm {
        member: member.id,
        file: &received.file,
        bytes: i64::try_from(received.bytes).map_err(|_| Error::Corrupt("a file's size is out of range"))?,
        sha256: &received.sha256,
        upload,
        uploaded_for: uploader.ok_or(Code::CertificationNotUploader)?,
    };
    let id = store::add(conn, &new).map_err(|e| match Unique::violated(&e) {
        Some(Unique::WaitingForm) => Code::CertificationWaiting.into(),
        _ => Error::from(e),
    })?;
    let certification = t3_certification(member.joined_month, Some(&form), &policy);
    set(conn, &member, certification)?;
    let stored = found(conn, id)?;
    pending::hand_to_holders(conn, &stored)?;
    audit::record_in_turn(conn, context, member.branch_id, AuditAction::CertificationUploaded, id)?;
    Ok(stored)
}

fn set(conn: &mut Conn, member: &Member, certification: Certification) -> Result<()> {
    if rows::set_certification(conn, member.id, member.version, certification)? {
        Ok(())
    } else {
        Err(Code::RequestStale.into())
    }
}

fn found(conn: &mut Conn, id: CertificationId) -> Result<StoredForm> {
    Ok(store::find(conn, id)?.ok_or(Code::CertificationNotFound)?)
}

/// A form with its member, if the caller may know of it.
fn known(conn: &mut Conn, actor: &Actor, action: Action, id: CertificationId) -> Result<(StoredForm, Member)> {
    let stored = store::find(conn, id)?;
    // Loads a member in any case: a missing form costs the same statements as a hidden one.
    let member = rows::find(conn, stored.as_ref().map_or(MemberId::NONE, |stored| stored.member_id))?;
    let decided = members::with_access(conn, actor, action, member);
    let stored = stored.ok_or(Code::CertificationNotFound)?;
    let (member, verdict) = decided?;
    verdict.seen()?;
    Ok((stored, member))
}

/// The form whose file the caller wants to read. The read is audited.
///
/// # Errors
/// `certification.not_found` for callers who may not know of the member.
pub fn read(conn: &mut Conn, context: &Context, id: CertificationId) -> Result<StoredForm> {
    let (stored, _) = known(conn, &context.actor, Action::ReadForm, id)?;
    audit::record(conn, context, AuditAction::CertificationRead, id)?;
    Ok(stored)
}

/// O7: the committee above decides.
///
/// # Errors
/// `certification.not_found`, `request.stale` and those of [`Form::decide`].
pub fn decide(
    conn: &mut Conn,
    context: &Context,
    id: CertificationId,
    expected: Expected,
    verdict: &Verdict,
) -> Result<StoredForm> {
    let (_, member) = known(conn, &context.actor, Action::DecideCertification, id)?;
    // Locks the member first, as uploading does.
    let member = rows::find_locked(conn, member.id)?.ok_or(Error::Corrupt("a form's member is missing"))?;
    let stored = StoredForm::find_locked(conn, id)?.ok_or(Code::CertificationNotFound)?;
    let form = stored
        .form()
        .ok_or(Error::Corrupt("a form's columns do not fit together"))?;
    let approver = approver(conn, &member, stored.uploader_account_id)?;
    let member_account = accounts::of_member(conn, member.id)?;
    let decided = form.decide(
        &context.actor,
        approver.as_slice(),
        member_account,
        verdict.clone(),
        context.now,
    )?;
    expected.check_version(stored.version)?;
    store_decision(conn, context, &member, &stored, &decided)?;
    found(conn, id)
}

fn store_decision(
    conn: &mut Conn,
    context: &Context,
    member: &Member,
    stored: &StoredForm,
    decided: &Form,
) -> Result<()> {
    let (decision, reason, action) = match decided {
        Form::Waiting(_) => return Err(Error::Corrupt("a decision left the request open")),
        Form::Certified(_, decision) => (decision, None, AuditAction::CertificationApproved),
        Form::Refused(_, decision, reason) => (decision, Some(reason), AuditAction::CertificationRefused),
    };
    if !store::close(conn, stored, decided.state(), decision, reason)? {
        return Err(Code::RequestStale.into());
    }
    let policy = policies::of_season(conn, season_of(context.now))?;
    let certification = t3_certification(member.joined_month, Some(decided), &policy);
    set(conn, member, certification)?;
    inbox::close(conn, StoredForm::KIND, stored.id.0)?;
    let committee = member.place().and_then(|path| path.superiors().next());
    audit::record_in_turn(conn, context, committee, action, stored.id)
}

impl Pending for StoredForm {
    fn waiting(&self, conn: &mut Conn) -> Result<Waiting> {
        let member = rows::find(conn, self.member_id)?.ok_or(Error::Corrupt("a form's member is missing"))?;
        let approver = approver(conn, &member, self.uploader_account_id)?;
        Ok(Waiting {
            subject: self.id.0,
            since: self.uploaded_at.into(),
            member_name: Some(member.name),
            holders: approver.into_iter().collect(),
        })
    }
}
