//! The audit log: a row of every write and every look-up of a person, written in the effect's own transaction, and of
//! every refused attempt; sealed in the background, checked by whoever wants to, read by auditors.

use super::jobs::{Batch, Tally};
use super::{Context, Result};
use crate::db::Conn;
use crate::domain::audit::{AuditOutcome, leaves_a_row};
use crate::domain::authority::actor::{Actor, Role};
use crate::domain::catalogue::code::Code;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::time::Timestamp;
use crate::domain::organization::facts::Path;
use crate::repository::audit::{self, Entry};
pub use crate::repository::audit::{Filter, Row};
use crate::repository::{look_ups, members, organizations};
use crate::security::seal::{GENESIS, link};

/// Appends a row: what was done to what. `subject` is an id's outside form, never a name or number.
///
/// # Errors
/// When the row can't be written; the use case fails with it (S-18).
pub fn record(conn: &mut Conn, context: &Context, action: &str, subject: Option<&str>) -> Result<()> {
    append(conn, context, None, action, subject)
}

/// Something that was done, with all that its row says.
pub struct Deed<'a> {
    pub context: &'a Context,
    /// Where a member or another system that did it stands.
    pub standing: &'a Path,
    /// What it was done to.
    pub subject: &'a str,
}

/// Appends a row for each of several deeds of one kind, whoever did them.
///
/// # Errors
/// As [`record`].
pub fn record_each(conn: &mut Conn, action: &str, deeds: &[Deed<'_>]) -> Result<()> {
    let entries: Vec<_> = deeds
        .iter()
        .map(|deed| {
            let scope = match &deed.context.actor.role {
                Role::Administrator(office) | Role::Auditor(office) => Some(&office.path),
                Role::Integrator { .. } | Role::Member => Some(deed.standing),
                Role::System => None,
            };
            entry(deed.context, scope, action, Some(deed.subject))
        })
        .collect();
    Ok(audit::append_each(conn, &entries)?)
}

/// Appends a row for each of several things to which the same was done.
///
/// # Errors
/// As [`record`].
pub fn record_all(conn: &mut Conn, context: &Context, action: &str, subjects: &[String]) -> Result<()> {
    let scope = scope(conn, &context.actor)?;
    let done = entry(context, scope.as_ref(), action, None);
    Ok(audit::append_all(conn, &done, subjects)?)
}

/// The same where it was an organization's turn: who acts from another does so on its behalf (A10), and the row says so.
///
/// # Errors
/// As [`record`].
pub fn record_in_turn(
    conn: &mut Conn,
    context: &Context,
    turn: Option<OrganizationId>,
    action: &str,
    subject: Option<&str>,
) -> Result<()> {
    let acting = context.actor.office().map(|office| office.organization);
    let on_behalf_of = turn.filter(|turn| acting.is_some_and(|acting| acting != *turn));
    append(conn, context, on_behalf_of, action, subject)
}

fn append(
    conn: &mut Conn,
    context: &Context,
    on_behalf_of: Option<OrganizationId>,
    action: &str,
    subject: Option<&str>,
) -> Result<()> {
    let scope = scope(conn, &context.actor)?;
    let done = entry(context, scope.as_ref(), action, subject);
    Ok(audit::append_each(conn, &[Entry { on_behalf_of, ..done }])?)
}

fn entry<'a>(context: &'a Context, scope: Option<&'a Path>, action: &'a str, subject: Option<&'a str>) -> Entry<'a> {
    let actor = &context.actor;
    Entry {
        at: context.now,
        actor_kind: actor_kind(&actor.role),
        account: actor.account,
        organization: actor.acting_for().or(actor.audits().map(|office| office.organization)),
        scope,
        on_behalf_of: None,
        action,
        subject,
        request_id: &context.request_id,
        outcome: AuditOutcome::Done,
        code: None,
        times: 1,
    }
}

/// Where an actor stands: his office, his branch, his system's organization. Whose auditors read of him follows from it.
fn scope(conn: &mut Conn, actor: &Actor) -> Result<Option<Path>> {
    Ok(match (&actor.role, actor.member) {
        (Role::Administrator(office) | Role::Auditor(office), _) => Some(office.path.clone()),
        (Role::Integrator { organization, .. }, _) => organizations::find(conn, *organization)?.map(|found| found.path),
        (Role::Member, Some(member)) => members::find(conn, member)?.map(|member| member.branch_path),
        (Role::Member, None) | (Role::System, _) => None,
    })
}

/// The stored word for the capacity somebody acts in.
pub fn actor_kind(role: &Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Administrator(_) => "administrator",
        Role::Auditor(_) => "auditor",
        Role::Integrator { .. } => "integrator",
        Role::System => "system",
    }
}

/// An attempt that was refused.
#[derive(Debug, Clone)]
pub struct Denial {
    /// The operation, as `METHOD /path/{id}`.
    pub action: String,
    /// What it was tried on, if it names something.
    pub subject: Option<String>,
    /// Why it was refused.
    pub code: Code,
}

/// The span within which refusals of one actor are counted, in seconds.
const SPAN: i64 = 3600;

/// Notes a refused attempt (I-28), in a transaction of its own: what was refused has been undone. The first hundred of an
/// actor within an hour each leave a row; after that each doubling does.
///
/// # Errors
/// When the row can't be written.
pub fn record_denial(conn: &mut Conn, context: &Context, denial: &Denial) -> Result<()> {
    let times = count_denial(conn, context)?;
    if !leaves_a_row(times) {
        return Ok(());
    }
    let scope = scope(conn, &context.actor)?;
    let attempt = entry(context, scope.as_ref(), &denial.action, denial.subject.as_deref());
    let denied = Entry {
        outcome: AuditOutcome::Denied,
        code: Some(denial.code.name()),
        times,
        ..attempt
    };
    Ok(audit::append_each(conn, &[denied])?)
}

fn count_denial(conn: &mut Conn, context: &Context) -> Result<i64> {
    let actor = &context.actor;
    let account = actor.account.map_or(0, |account| account.0);
    let appointment = actor.appointment().map_or(0, |appointment| appointment.0);
    let span = context.now.timestamp().div_euclid(SPAN);
    Ok(look_ups::count(conn, &format!("denied/{account}/{appointment}"), span)?)
}

/// A page of the log of the auditor's subtree, newest first.
///
/// # Errors
/// `actor.not_auditor`; `organization.not_found` for an organization outside of his subtree.
pub fn page(conn: &mut Conn, actor: &Actor, filter: &Filter, before: Option<i64>, limit: i64) -> Result<Vec<Row>> {
    let office = actor.audits().ok_or(Code::ActorNotAuditor)?;
    if let Some(organization) = filter.organization {
        let found = organizations::find(conn, organization)?;
        found
            .filter(|found| found.path.is_within(&office.path))
            .ok_or(Code::OrganizationNotFound)?;
    }
    Ok(audit::page(conn, &office.path, filter, before, limit)?)
}

/// Seals what has been committed since: each row gets the next place in the chain and the hash over itself and the one
/// before. Never in the way of a write.
///
/// # Errors
/// When the database fails.
pub fn seal(conn: &mut Conn, _: &Context, _: i64, limit: i64) -> Result<Batch> {
    let (mut sequence, mut hash) = head(conn)?;
    let rows = audit::unsealed(conn, limit)?;
    for row in &rows {
        sequence += 1;
        hash = hash_of(row, sequence, &hash);
        audit::seal(conn, row.id, sequence, &hash)?;
    }
    let tally = Tally {
        processed: i64::try_from(rows.len()).unwrap_or(i64::MAX),
        failed: 0,
    };
    Ok(Batch::of(rows.len(), limit, rows.last().map(|row| row.id), tally))
}

/// Where the chain ends now: the last sealed row, or the cut if nothing is left behind it.
fn head(conn: &mut Conn) -> Result<(i64, Vec<u8>)> {
    let last = match audit::last_sealed(conn)? {
        Some(last) => Some(last),
        None => audit::cut(conn)?,
    };
    Ok(last.unwrap_or((0, GENESIS.to_vec())))
}

fn hash_of(row: &Row, sequence: i64, previous: &[u8]) -> Vec<u8> {
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
        Some(row.actor_kind.as_str()),
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

/// A place in the chain with its hash: kept elsewhere, it shows later that nothing up to it was changed or cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    pub sequence: i64,
    pub hash: Vec<u8>,
}

/// What is wrong with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// The row at a place is not what was sealed there: it was changed, or moved, or the one before it was.
    Changed { sequence: i64, id: i64 },
    /// The rows from the first to the last of these places are gone.
    Missing { first: i64, last: i64 },
    /// At an anchor's place stands another hash than the anchor's, or the log ends before it.
    Anchor { sequence: i64 },
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { sequence, id } => write!(f, "place {sequence}: row {id} is not what was sealed there"),
            Self::Missing { first, last } if first == last => write!(f, "place {first}: the row is missing"),
            Self::Missing { first, last } => write!(f, "places {first} to {last}: the rows are missing"),
            Self::Anchor { sequence } => write!(f, "place {sequence}: the log is not the one the anchor was taken of"),
        }
    }
}

/// A check of the whole chain, page by page.
#[derive(Debug, Clone)]
pub struct Check {
    /// Up to where it was checked.
    pub head: Anchor,
    /// How many rows were checked.
    pub rows: i64,
    /// What is wrong, in the chain's order.
    pub flaws: Vec<Flaw>,
    /// Rows that are not sealed yet.
    pub unsealed: i64,
    anchors: Vec<Anchor>,
}

impl Check {
    /// A check that also compares what was kept elsewhere.
    pub fn new(anchors: Vec<Anchor>) -> Self {
        let head = Anchor {
            sequence: 0,
            hash: GENESIS.to_vec(),
        };
        Self {
            head,
            rows: 0,
            flaws: Vec::new(),
            unsealed: 0,
            anchors,
        }
    }

    /// Checks the next rows; `false` when there are none left.
    ///
    /// # Errors
    /// When the database fails.
    pub fn go_on(&mut self, conn: &mut Conn, limit: i64) -> Result<bool> {
        // What retention has removed is past, also when it does so meanwhile.
        if let Some((sequence, hash)) = audit::cut(conn)?.filter(|(sequence, _)| *sequence > self.head.sequence) {
            self.anchors.retain(|anchor| anchor.sequence >= sequence);
            self.pass(Anchor { sequence, hash });
        }
        let rows = audit::sealed(conn, self.head.sequence, limit)?;
        for row in &rows {
            self.take(row);
        }
        if rows.is_empty() {
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

    fn take(&mut self, row: &Row) {
        let (Some(sequence), Some(hash)) = (row.sequence, row.hash.clone()) else {
            return;
        };
        let next = self.head.sequence + 1;
        if sequence > next {
            let last = sequence - 1;
            self.flaws.push(Flaw::Missing { first: next, last });
        } else if hash_of(row, sequence, &self.head.hash) != hash || !row.fits_its_key() {
            self.flaws.push(Flaw::Changed { sequence, id: row.id });
        }
        self.rows += 1;
        self.pass(Anchor { sequence, hash });
    }

    /// Goes on from a place as it stands there, so that one flaw does not make the rest look flawed.
    fn pass(&mut self, place: Anchor) {
        let is_other = |anchor: &&Anchor| anchor.sequence == place.sequence && anchor.hash != place.hash;
        if self.anchors.iter().any(|anchor| is_other(&anchor)) {
            self.flaws.push(Flaw::Anchor {
                sequence: place.sequence,
            });
        }
        self.head = place;
    }
}

/// Removes the oldest rows, as far as they are sealed and were written before `before`.
///
/// # Errors
/// When the database fails.
pub fn retire(conn: &mut Conn, context: &Context, before: Timestamp, limit: i64) -> Result<i64> {
    let start = audit::cut(conn)?.map_or(0, |(sequence, _)| sequence);
    let rows = audit::sealed(conn, start, limit)?;
    let old: Vec<&Row> = rows.iter().take_while(|row| Timestamp::from(row.at) < before).collect();
    if let Some((sequence, hash)) = old.last().and_then(|row| row.sequence.zip(row.hash.as_ref())) {
        audit::remove_until(conn, sequence, hash, context.now)?;
    }
    Ok(i64::try_from(old.len()).unwrap_or(i64::MAX))
}
