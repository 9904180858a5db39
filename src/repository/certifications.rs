//! Application forms (《入团志愿书》) and their decisions (O7).

use super::members::{PathRange, written_within};
use super::pending::{Affected, PendingRow, close, decision, waiting_in};
use crate::db::columns::Micros;
use crate::db::schema::{certifications, members};
use crate::db::sql::locks::Locked;
use crate::db::{Backend, Conn};
use crate::domain::core::decision::Decision;
use crate::domain::core::ids::{AccountId, CertificationId, MemberId, OrganizationId};
use crate::domain::core::text::Remark;
use crate::domain::member::certification::{Form, FormState, Upload};
use diesel::prelude::*;

/// A form as stored.
#[derive(Clone, Queryable, Selectable)]
#[diesel(table_name = certifications, check_for_backend(Backend))]
pub struct StoredForm {
    pub id: CertificationId,
    pub member_id: MemberId,
    pub file: String,
    pub bytes: i64,
    pub sha256: Vec<u8>,
    pub uploader_account_id: AccountId,
    pub uploader_organization_id: OrganizationId,
    pub uploaded_at: Micros,
    pub state: FormState,
    pub decider_account_id: Option<AccountId>,
    pub decider_organization_id: Option<OrganizationId>,
    pub decided_at: Option<Micros>,
    pub decision_reason: Option<String>,
    pub version: i32,
}

/// Prints the key only, to keep personal data out of the logs.
impl std::fmt::Debug for StoredForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredForm({:?})", self.id)
    }
}

impl StoredForm {
    /// The form as the rules see it. `None` if the row is incomplete.
    pub fn form(&self) -> Option<Form> {
        let upload = Upload {
            by: self.uploader_account_id,
            at: self.uploaded_at.into(),
        };
        Some(match self.state {
            FormState::Waiting => Form::Waiting(upload),
            FormState::Certified => Form::Certified(upload, self.decision()?),
            FormState::Refused => {
                let reason = Remark::new(self.decision_reason.as_deref()?)?;
                Form::Refused(upload, self.decision()?, reason)
            }
        })
    }

    fn decision(&self) -> Option<Decision> {
        decision(self.decider_account_id, self.decider_organization_id, self.decided_at)
    }
}

impl PendingRow for StoredForm {
    const KIND: &'static str = "certification";
    type Id = CertificationId;

    fn affected(conn: &mut Conn, affected: &Affected<'_>) -> QueryResult<Vec<CertificationId>> {
        use certifications::dsl;
        let rows = dsl::certifications.inner_join(members::table.on(members::id.eq(dsl::member_id)));
        let waits = dsl::state.eq(FormState::Waiting);
        waiting_in!(conn, affected, rows, dsl::id, waits, members::branch_path, Self::KIND)
    }

    fn find_locked(conn: &mut Conn, id: CertificationId) -> QueryResult<Option<Self>> {
        Locked(certifications::table.find(id).select(Self::as_select()))
            .get_result(conn)
            .optional()
    }

    fn is_open(&self) -> bool {
        self.state == FormState::Waiting
    }
}

/// A form to be stored. Its file is already stored.
pub struct NewForm<'a> {
    pub member: MemberId,
    pub file: &'a str,
    pub bytes: i64,
    pub sha256: &'a [u8],
    pub upload: &'a Upload,
    pub uploaded_for: OrganizationId,
}

/// Stores a new form. Violates a unique index if the member already has one that waits.
pub fn add(conn: &mut Conn, new: &NewForm<'_>) -> QueryResult<CertificationId> {
    use certifications::dsl;
    diesel::insert_into(dsl::certifications)
        .values((
            dsl::member_id.eq(new.member),
            dsl::file.eq(new.file),
            dsl::bytes.eq(new.bytes),
            dsl::sha256.eq(new.sha256),
            dsl::uploader_account_id.eq(new.upload.by),
            dsl::uploader_organization_id.eq(new.uploaded_for),
            dsl::uploaded_at.eq(Micros::from(new.upload.at)),
            dsl::state.eq(FormState::Waiting),
        ))
        .returning(dsl::id)
        .get_result(conn)
}

/// One form.
pub fn find(conn: &mut Conn, id: CertificationId) -> QueryResult<Option<StoredForm>> {
    certifications::table
        .find(id)
        .select(StoredForm::as_select())
        .first(conn)
        .optional()
}

/// Every form of a member, newest first.
pub fn of_member(conn: &mut Conn, member: MemberId) -> QueryResult<Vec<StoredForm>> {
    certifications::table
        .filter(certifications::member_id.eq(member))
        .order(certifications::id.desc())
        .select(StoredForm::as_select())
        .load(conn)
}

/// The forms of a member that were decided while the member was within a part of the tree.
pub fn decided_within(conn: &mut Conn, member: MemberId, range: &PathRange) -> QueryResult<Vec<CertificationId>> {
    use certifications::dsl;
    dsl::certifications
        .filter(dsl::member_id.eq(member))
        .filter(written_within!(
            dsl::member_id,
            dsl::decided_at.assume_not_null(),
            range
        ))
        .select(dsl::id)
        .load(conn)
}

/// A page of all forms after an id.
pub fn page(conn: &mut Conn, after: CertificationId, limit: i64) -> QueryResult<Vec<StoredForm>> {
    certifications::table
        .filter(certifications::id.gt(after))
        .order(certifications::id)
        .limit(limit)
        .select(StoredForm::as_select())
        .load(conn)
}

/// Stores a decision if the form still has the version that was decided on. Returns whether it had.
pub fn close(
    conn: &mut Conn,
    found: &StoredForm,
    state: FormState,
    decision: &Decision,
    reason: Option<&Remark>,
) -> QueryResult<bool> {
    close!(conn, certifications, found, state, decision, reason)
}

/// Those of `names` that name a file of a stored form.
pub fn files_among(conn: &mut Conn, names: &[String]) -> QueryResult<Vec<String>> {
    certifications::table
        .filter(certifications::file.eq_any(names))
        .select(certifications::file)
        .load(conn)
}
