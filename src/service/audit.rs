//! The audit log (审计日志).
//!
//! Every write and every look-up of a person appends a row in its own transaction. Every refused attempt appends one in a
//! transaction of its own. A job seals the rows into a chain of hashes, `zhuanjie audit verify` checks the chain, and
//! auditors read the rows of their subtree.

use super::jobs::{Batch, Tally};
use super::{Context, Result};
use crate::db::Conn;
use crate::domain::audit::{AuditAction, AuditOutcome, AuditSubject, leaves_a_row};
use crate::domain::authority::Capacity;
use crate::domain::authority::actor::{Actor, Role};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::Path;
use crate::domain::retention::AUDIT_FLOOR;
use crate::repository::audit::{self, AuditCut, NewAuditRow};
pub use crate::repository::audit::{AuditFilter, StoredAuditRow};
use crate::repository::{look_ups, members, organizations};
use crate::security::seal::{GENESIS, link};
use chrono::TimeDelta;

/// Appends a row: what the actor did, and to what.
///
/// # Errors
/// When the row can't be written. The use case must fail then too (S-18).
pub fn record(conn: &mut Conn, context: &Context, action: AuditAction, subject: impl Into<AuditSubject>) -> Result<()> {
    record_in_turn(conn, context, None, action, subject)
}

/// Appends a row. `turn` is the organization whose turn it was. If the actor is from another organization, the row
/// names the first one as `on_behalf_of` (A10).
///
/// # Errors
/// As [`record`].
pub fn record_in_turn(
    conn: &mut Conn,
    context: &Context,
    turn: Option<OrganizationId>,
    action: AuditAction,
    subject: impl Into<AuditSubject>,
) -> Result<()> {
    let scope = scope(conn, &context.actor)?;
    let acting = context.actor.office().map(|office| office.organization);
    let row = NewAuditRow {
        on_behalf_of: turn.filter(|turn| acting.is_some_and(|acting| acting != *turn)),
        ..row_of(context, scope.as_ref(), action.as_str())
    };
    Ok(audit::append_many(conn, &[about(row, action, subject.into())])?)
}

/// One of several entries of an action, each with its own actor and subject.
pub struct AuditEntry<'a> {
    /// Who did it, and when.
    pub context: &'a Context,
    /// The place of the actor in the tree, if they are a member or an integrator.
    pub place: &'a Path,
    /// What it was done to.
    pub subject: AuditSubject,
}

/// Appends a row for each entry.
///
/// # Errors
/// As [`record`].
pub fn record_many(conn: &mut Conn, action: AuditAction, entries: &[AuditEntry<'_>]) -> Result<()> {
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let scope = match &entry.context.actor.role {
                Role::Administrator(office) | Role::Auditor(office) => Some(&office.path),
                Role::Integrator { .. } | Role::Member => Some(entry.place),
                Role::System => None,
            };
            about(row_of(entry.context, scope, action.as_str()), action, entry.subject)
        })
        .collect();
    Ok(audit::append_many(conn, &rows)?)
}

/// Appends a row for each subject, where one actor did the same to all of them at once.
///
/// # Errors
/// As [`record`].
pub fn record_same_for<S: Into<AuditSubject> + Copy>(
    conn: &mut Conn,
    context: &Context,
    action: AuditAction,
    subjects: &[S],
) -> Result<()> {
    let subjects: Vec<AuditSubject> = subjects.iter().map(|subject| (*subject).into()).collect();
    debug_assert!(subjects.iter().all(|subject| action.takes(subject)), "{action}");
    let texts: Vec<String> = subjects.iter().filter_map(AuditSubject::text).collect();
    let scope = scope(conn, &context.actor)?;
    Ok(audit::append_same_for(
        conn,
        &row_of(context, scope.as_ref(), action.as_str()),
        &texts,
    )?)
}

/// A row of the actor, still without a subject. `action` is the name of an action or the operation that was refused.
fn row_of<'a>(context: &'a Context, scope: Option<&'a Path>, action: &'a str) -> NewAuditRow<'a> {
    let actor = &context.actor;
    NewAuditRow {
        capacity: Capacity::of(actor),
        account_id: actor.account,
        organization_id: actor.acting_for().or(actor.audits().map(|office| office.organization)),
        scope_path: scope,
        ..NewAuditRow::of_service(context.now, action, &context.request_id)
    }
}

fn about(row: NewAuditRow<'_>, action: AuditAction, subject: AuditSubject) -> NewAuditRow<'_> {
    debug_assert!(action.takes(&subject), "{action}: {subject:?}");
    row.about(subject.text())
}

/// The place of an actor in the tree: their office, their branch or their system's organization. Auditors of this place
/// and of every place above it can read the row.
fn scope(conn: &mut Conn, actor: &Actor) -> Result<Option<Path>> {
    Ok(match (&actor.role, actor.member) {
        (Role::Administrator(office) | Role::Auditor(office), _) => Some(office.path.clone()),
        (Role::Integrator { organization, .. }, _) => organizations::find(conn, *organization)?.map(|found| found.path),
        (Role::Member, Some(member)) => members::find(conn, member)?.and_then(|member| member.place().cloned()),
        (Role::Member, None) | (Role::System, _) => None,
    })
}

/// An attempt that was refused.
#[derive(Debug, Clone)]
pub struct Denial {
    /// The operation, as `METHOD /path/{id}`.
    pub operation: String,
    /// The id in the path, if there is one.
    pub subject: Option<String>,
    /// Why it was refused.
    pub code: Code,
}

/// The span in which the refusals of one actor are counted, in seconds.
const SPAN: i64 = 3600;

/// Records a refused attempt (I-28). It needs a transaction of its own, because that of the attempt was rolled back. Not
/// every refusal leaves a row: see [`leaves_a_row`].
///
/// # Errors
/// When the row can't be written.
pub fn record_denial(conn: &mut Conn, context: &Context, denial: &Denial) -> Result<()> {
    let times = count_denial(conn, context)?;
    if !leaves_a_row(times) {
        return Ok(());
    }
    let scope = scope(conn, &context.actor)?;
    let row = NewAuditRow {
        outcome: AuditOutcome::Denied,
        code: Some(denial.code.name()),
        times,
        ..row_of(context, scope.as_ref(), &denial.operation)
    };
    Ok(audit::append_many(conn, &[row.about(denial.subject.clone())])?)
}

fn count_denial(conn: &mut Conn, context: &Context) -> Result<i64> {
    let actor = &context.actor;
    let account = actor.account.map_or(0, |account| account.0);
    let appointment = actor.appointment().map_or(0, |appointment| appointment.0);
    let span = context.now.timestamp().div_euclid(SPAN);
    Ok(look_ups::count(conn, &format!("denied/{account}/{appointment}"), span)?)
}

/// A page of the log of the auditor's subtree: the newest rows first, and only those before the row `before`.
///
/// # Errors
/// `actor.not_auditor`; `organization.not_found` if the filter names an organization outside the auditor's subtree.
pub fn page(
    conn: &mut Conn,
    actor: &Actor,
    filter: &AuditFilter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<StoredAuditRow>> {
    let office = actor.audits().ok_or(Code::ActorNotAuditor)?;
    if let Some(organization) = filter.organization {
        let found = organizations::find(conn, organization)?;
        found
            .filter(|found| found.path.is_within(&office.path))
            .ok_or(Code::OrganizationNotFound)?;
    }
    Ok(audit::page(conn, &office.path, filter, before, limit)?)
}

/// Seals the rows that were committed since the last time. Each gets the next place in the chain, and a hash over itself and
/// the hash before it. No write waits for it.
///
/// # Errors
/// When the database fails.
pub fn seal(conn: &mut Conn, limit: i64) -> Result<Batch<()>> {
    let (mut sequence, mut hash) = head(conn)?;
    let rows = audit::unsealed(conn, limit)?;
    for row in &rows {
        sequence += 1;
        hash = hash_of(row, sequence, &hash);
        audit::seal(conn, row.id, sequence, &hash)?;
    }
    Ok(Batch::of(rows.len(), limit, Tally::of(rows.len()), ()))
}

/// The end of the chain: the last sealed row or, if none is left, the last row that was deleted after its retention
/// period.
fn head(conn: &mut Conn) -> Result<(i64, Vec<u8>)> {
    let last = match audit::last_sealed(conn)? {
        Some(last) => Some(last),
        None => audit::deleted_until(conn)?.map(|cut| (cut.sequence, cut.hash)),
    };
    Ok(last.unwrap_or((0, GENESIS.to_vec())))
}

fn hash_of(row: &StoredAuditRow, sequence: i64, previous: &[u8]) -> Vec<u8> {
    let at = Timestamp::from(row.at).timestamp_micros();
    let number = |number: i64| Some(number.to_be_bytes());
    let numbers = [
        number(sequence),
        number(row.id),
        number(at),
        row.account_id.and_then(|id| number(id.0)),
        row.organization_id.and_then(|id| number(id.0)),
        row.on_behalf_of.and_then(|id| number(id.0)),
        number(row.times),
    ];
    let texts = [
        Some(row.capacity.as_str()),
        row.scope_path.as_deref(),
        Some(row.action.as_str()),
        row.subject.as_deref(),
        Some(row.request_id.as_str()),
        Some(row.outcome.as_str()),
        row.code.as_deref(),
    ];
    let numbers = numbers.iter().map(|number| number.as_ref().map(|bytes| &bytes[..]));
    link(
        previous,
        numbers.chain(texts.iter().map(|text| text.map(str::as_bytes))),
    )
}

/// A place in the chain with its instant and its hash. Kept outside the database, it later shows whether a row up to that
/// place was changed, or removed before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    pub sequence: i64,
    /// When the row at this place was written.
    pub at: Timestamp,
    pub hash: Vec<u8>,
}

impl Anchor {
    /// The place before the first row.
    fn genesis() -> Self {
        Self {
            sequence: 0,
            at: Timestamp::UNIX_EPOCH,
            hash: GENESIS.to_vec(),
        }
    }
}

/// Something that is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The row at this place is not the one that was sealed there. It, or the row before it, was changed or moved.
    Changed { sequence: i64, id: i64 },
    /// The rows from the first to the last of these places are gone.
    Missing { first: i64, last: i64 },
    /// The hash at an anchor's place is not the anchor's, or the log ends before that place.
    Anchor { sequence: i64 },
    /// Rows were removed up to this place, and no old row follows that shows that they were old.
    YoungCut { sequence: i64 },
    /// The row at an anchor's place was removed before its time.
    CutAnchor { sequence: i64 },
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { sequence, id } => write!(f, "place {sequence}: row {id} is not what was sealed there"),
            Self::Missing { first, last } if first == last => write!(f, "place {first}: the row is missing"),
            Self::Missing { first, last } => write!(f, "places {first} to {last}: the rows are missing"),
            Self::Anchor { sequence } => write!(
                f,
                "place {sequence}: the log is not the one that the anchor was taken from"
            ),
            Self::YoungCut { sequence } => write!(
                f,
                "place {sequence}: the rows up to here were removed, and no row that is {AUDIT_FLOOR} days old follows"
            ),
            Self::CutAnchor { sequence } => write!(
                f,
                "place {sequence}: the row of an anchor was removed, and it is younger than {AUDIT_FLOOR} days"
            ),
        }
    }
}

/// A check of the whole chain, a page at a time.
#[derive(Debug, Clone)]
pub struct Check {
    /// The place it has reached.
    pub head: Anchor,
    /// Where the log begins, if rows were removed, and when the row was written that comes next.
    pub cut: Option<(AuditCut, Option<Timestamp>)>,
    /// How many rows were checked.
    pub rows: i64,
    /// What is wrong, in the order of the chain.
    pub flaws: Vec<Flaw>,
    /// Rows that are not sealed yet.
    pub unsealed: i64,
    anchors: Vec<Anchor>,
    /// What was written later must still be there.
    floor: Timestamp,
    /// Whether the row after the cut has not been read yet.
    is_at_cut: bool,
}

impl Check {
    /// A check that also compares anchors that were kept elsewhere.
    pub fn new(anchors: Vec<Anchor>, now: Timestamp) -> Self {
        Self {
            head: Anchor::genesis(),
            cut: None,
            rows: 0,
            flaws: Vec::new(),
            unsealed: 0,
            anchors,
            floor: now - TimeDelta::days(AUDIT_FLOOR),
            is_at_cut: false,
        }
    }

    /// Checks the next rows. Returns `false` when none are left.
    ///
    /// # Errors
    /// When the database fails.
    pub fn go_on(&mut self, conn: &mut Conn, limit: i64) -> Result<bool> {
        // Retention may remove rows while the check runs.
        if let Some(cut) = audit::deleted_until(conn)?.filter(|cut| cut.sequence > self.head.sequence) {
            self.pass_cut(cut);
        }
        let rows = audit::sealed(conn, self.head.sequence, limit)?;
        for row in &rows {
            self.take(row);
        }
        if rows.is_empty() {
            // A cut by the job leaves the newest of the old rows.
            self.close_cut(None);
            let beyond = std::mem::take(&mut self.anchors)
                .into_iter()
                .filter(|anchor| anchor.sequence > self.head.sequence);
            self.flaws.extend(beyond.map(|anchor| Flaw::Anchor {
                sequence: anchor.sequence,
            }));
            self.unsealed = audit::count_unsealed(conn)?;
        }
        Ok(!rows.is_empty())
    }

    /// Continues after a cut. The anchors of removed rows show whether these were old enough.
    fn pass_cut(&mut self, cut: AuditCut) {
        let (removed, left) = std::mem::take(&mut self.anchors)
            .into_iter()
            .partition(|anchor| anchor.sequence <= cut.sequence);
        self.anchors = left;
        for Anchor { sequence, at, hash } in removed {
            // The place of the last cut has been compared already.
            if sequence <= self.head.sequence {
                continue;
            }
            if sequence == cut.sequence && hash != cut.hash {
                self.flaws.push(Flaw::Anchor { sequence });
            }
            if at > self.floor {
                self.flaws.push(Flaw::CutAnchor { sequence });
            }
        }
        self.head = Anchor {
            sequence: cut.sequence,
            at: cut.at.into(),
            hash: cut.hash.clone(),
        };
        self.is_at_cut = true;
        self.cut = Some((cut, None));
    }

    /// Judges a cut by the row after it. That row is covered by the chain, and no one can date it back.
    fn close_cut(&mut self, next: Option<Timestamp>) {
        let Some((cut, oldest)) = self.cut.as_mut().filter(|_| self.is_at_cut) else {
            return;
        };
        *oldest = next;
        self.is_at_cut = false;
        if next.is_none_or(|at| at > self.floor) {
            self.flaws.push(Flaw::YoungCut { sequence: cut.sequence });
        }
    }

    fn take(&mut self, row: &StoredAuditRow) {
        let (Some(sequence), Some(hash)) = (row.sequence, row.hash.clone()) else {
            return;
        };
        let at = Timestamp::from(row.at);
        self.close_cut(Some(at));
        let next = self.head.sequence + 1;
        if sequence > next {
            let last = sequence - 1;
            self.flaws.push(Flaw::Missing { first: next, last });
        } else if hash_of(row, sequence, &self.head.hash) != hash || !row.fits_its_key() {
            self.flaws.push(Flaw::Changed { sequence, id: row.id });
        }
        self.rows += 1;
        // Continues with the hash that is stored here, so that one flaw does not make all later rows look flawed.
        self.head = Anchor { sequence, at, hash };
        let head = &self.head;
        if self
            .anchors
            .iter()
            .any(|anchor| anchor.sequence == sequence && anchor != head)
        {
            self.flaws.push(Flaw::Anchor { sequence });
        }
    }
}

/// Removes the oldest rows that are sealed and were written before `before`, but for the newest of them: it shows that the
/// removed rows before it were old. Returns how many.
///
/// # Errors
/// When the database fails.
pub fn delete_expired(conn: &mut Conn, context: &Context, before: Timestamp, limit: i64) -> Result<usize> {
    let start = audit::deleted_until(conn)?.map_or(0, |cut| cut.sequence);
    let rows = audit::sealed(conn, start, limit + 1)?;
    let old = rows.iter().take_while(|row| Timestamp::from(row.at) < before).count();
    let removed = old.saturating_sub(1);
    let last = removed.checked_sub(1).and_then(|last| rows.get(last));
    if let Some((sequence, hash)) = last.and_then(|row| row.sequence.zip(row.hash.as_ref())) {
        audit::remove_until(conn, sequence, hash, context.now)?;
    }
    Ok(removed)
}
