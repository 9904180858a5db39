//! Storing filed cases: the rows, their first events, their inbox rows and their audit rows.

use super::{Loaded, holders};
use crate::db::Conn;
use crate::db::columns::Micros;
use crate::domain::audit::AuditAction;
use crate::domain::core::ids::OrganizationId;
use crate::domain::core::text::Remark;
use crate::domain::organization::chain::Chain;
use crate::domain::organization::facts::Path;
use crate::domain::policy::Policy;
use crate::domain::transfer::expiry;
use crate::domain::transfer::propose::Proposal;
use crate::domain::transfer::reason::Details;
use crate::domain::transfer::route::Destination;
use crate::domain::transfer::state::Columns;
use crate::repository::inbox::{self, InboxEntry};
use crate::repository::organizations::{self, Organization};
use crate::repository::transfers::{self, NewTransfer, Transfer};
use crate::service::audit::{self, AuditEntry};
use crate::service::{Context, Error, Result};
use serde::Serialize;

/// A case to be stored: what was decided, and what it keeps beside that.
pub(super) struct Lodging<'a> {
    pub context: &'a Context,
    pub proposal: Proposal,
    pub policy: &'a Policy,
    pub member_name: &'a str,
    /// The branch the member leaves, or the leading organ of his province.
    pub source_path: &'a Path,
    pub source_name: &'a str,
    pub details: &'a Details,
    pub explanation: Option<&'a Remark>,
    /// The target, if it was named and loaded.
    pub target: Option<&'a Organization>,
    /// The chains that were loaded for the decision: the turn is at one of them as a rule.
    pub chains: Vec<&'a Chain>,
}

/// What of a case is put into words before it is stored.
struct Words {
    target: Target,
    details: String,
    facts: String,
}

/// What a case keeps of where it leads.
#[derive(Default)]
struct Target {
    path: String,
    name: String,
    province: Option<u8>,
}

/// Stores filed cases of different members. Gives back each as stored, with what is known of it by now.
pub(super) fn insert_batch(conn: &mut Conn, lodgings: Vec<Lodging<'_>>) -> Result<Vec<(Transfer, Loaded)>> {
    let words = |lodging: &Lodging<'_>| {
        Ok(Words {
            target: target(conn, &lodging.proposal.destination, lodging.target)?,
            details: json(lodging.details)?,
            facts: json(&lodging.proposal.event.kind)?,
        })
    };
    let words: Vec<Words> = lodgings.iter().map(words).collect::<Result<_>>()?;
    let rows: Vec<_> = lodgings
        .iter()
        .zip(&words)
        .map(|(lodging, words)| lodging.row(words))
        .collect();
    let stored = transfers::insert_all(conn, &rows)?;
    let mut events = Vec::with_capacity(stored.len());
    for ((lodging, words), stored) in lodgings.iter().zip(&words).zip(&stored) {
        events.push((stored.id, &lodging.proposal.event, words.facts.as_str()));
    }
    transfers::append_each(conn, &events)?;
    let entries = lodgings.iter().zip(&stored).map(|(lodging, stored)| AuditEntry {
        context: lodging.context,
        place: lodging.source_path,
        subject: stored.id.into(),
    });
    audit::record_many(conn, AuditAction::TransferProposed, &entries.collect::<Vec<_>>())?;
    let cases = put_before(conn, lodgings, &stored)?;
    Ok(stored.into_iter().zip(cases).collect())
}

impl Lodging<'_> {
    fn row<'b>(&'b self, words: &'b Words) -> NewTransfer<'b> {
        let proposal = &self.proposal;
        let turn = Columns::from(proposal.state.clone());
        NewTransfer {
            season: proposal.season,
            reason: proposal.reason,
            details: &words.details,
            explanation: self.explanation.map(Remark::as_str),
            started_by: proposal.started_by,
            filer_account_id: proposal.event.by,
            filer_organization_id: proposal.event.acting_for,
            member_id: proposal.origin.member(),
            member_name: self.member_name,
            source_branch_id: proposal.origin.branch(),
            source_path: self.source_path.as_str(),
            source_name: self.source_name,
            source_province: proposal.origin.province().map(i32::from),
            target_kind: proposal.destination.kind(),
            target_id: proposal.destination.organization(),
            target_path: &words.target.path,
            target_name: &words.target.name,
            target_province: words.target.province.map(i32::from),
            state: turn.phase,
            since: turn.since.into(),
            organization_id: turn.organization,
            side: turn.side,
            province: turn.province.map(i32::from),
            holding: turn.holding,
            deadline: expiry::deadline(&proposal.state, self.policy).map(Micros::from),
            filed_at: self.context.now.into(),
            version: proposal.event.number,
        }
    }
}

/// Puts new cases before whoever's turn it is (A8).
fn put_before(conn: &mut Conn, lodgings: Vec<Lodging<'_>>, stored: &[Transfer]) -> Result<Vec<Loaded>> {
    let mut cases = Vec::with_capacity(stored.len());
    let mut things = Vec::with_capacity(stored.len());
    for (lodging, stored) in lodgings.into_iter().zip(stored) {
        let Lodging { proposal, policy, .. } = lodging;
        let case = proposal.into_case(stored.id);
        let holders = holders(conn, &case, &lodging.chains)?;
        if holders.is_empty() {
            transfers::set_orphaned(conn, case.id, Some(lodging.context.now))?;
        }
        things.push(InboxEntry::of(&case, policy, lodging.member_name));
        cases.push(Loaded {
            case,
            holders,
            policy: policy.clone(),
        });
    }
    let mut entries: Vec<(OrganizationId, &InboxEntry<'_>)> = Vec::with_capacity(stored.len());
    for (loaded, thing) in cases.iter().zip(&things) {
        let holders = loaded.holders.iter().copied();
        entries.extend(
            thing
                .iter()
                .flat_map(|thing| holders.clone().map(move |id| (id, thing))),
        );
    }
    inbox::open_each(conn, &entries)?;
    Ok(cases)
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| Error::Corrupt("what can't be said in JSON"))
}

/// `known` is an organization that was loaded already. A holding keeps no path, so that no list by path finds it (S-30).
fn target(conn: &mut Conn, destination: &Destination, known: Option<&Organization>) -> Result<Target> {
    let province = match destination {
        Destination::Holding(_) => return Ok(Target::default()),
        Destination::Province { province, .. } => Some(*province),
        Destination::Organization(_) => None,
    };
    let id = destination.organization();
    let found = match known.filter(|known| known.id == id) {
        Some(known) => known,
        None => &organizations::find(conn, id)?.ok_or(Error::Corrupt("a case's target"))?,
    };
    Ok(Target {
        path: found.path.as_str().to_owned(),
        name: found.name.clone(),
        province,
    })
}
