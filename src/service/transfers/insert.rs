//! Storing new cases: their rows, first events, inbox entries and audit entries.

use super::case::LoadedCase;
use super::turn::{holders, inbox_entry};
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
use crate::domain::transfer::state::StateParts;
use crate::repository::inbox::{self, InboxEntry};
use crate::repository::organizations::{self, Organization};
use crate::repository::transfers::{self, NewTransfer, Transfer};
use crate::service::audit::{self, AuditEntry};
use crate::service::{Context, Error, Result};
use serde::Serialize;

/// A case to be stored: the accepted proposal and what the case keeps besides.
pub(super) struct NewCase<'a> {
    pub context: &'a Context,
    pub proposal: Proposal,
    pub policy: &'a Policy,
    pub member_name: &'a str,
    /// The path of the branch the member leaves. For an inbound case, of the leading organ of their province.
    pub source_path: &'a Path,
    pub source_name: &'a str,
    pub details: &'a Details,
    pub explanation: Option<&'a Remark>,
    /// The target, if one was named and loaded.
    pub target: Option<&'a Organization>,
    /// The chains that were loaded for the decision. The turn is usually at one of them.
    pub chains: Vec<&'a Chain>,
}

/// The parts of a case that are stored as text.
struct StoredText {
    target: TargetColumns,
    details: String,
    facts: String,
}

/// What a case stores about its destination.
#[derive(Default)]
struct TargetColumns {
    path: String,
    name: String,
    province: Option<u8>,
}

/// Stores new cases of different members. Returns each case as stored, with its holders and policy.
pub(super) fn insert_batch(conn: &mut Conn, new_cases: Vec<NewCase<'_>>) -> Result<Vec<(Transfer, LoadedCase)>> {
    let text = |new_case: &NewCase<'_>| {
        Ok(StoredText {
            target: target(conn, &new_case.proposal.destination, new_case.target)?,
            details: json(new_case.details)?,
            facts: json(&new_case.proposal.event.kind)?,
        })
    };
    let text: Vec<StoredText> = new_cases.iter().map(text).collect::<Result<_>>()?;
    let rows: Vec<_> = new_cases
        .iter()
        .zip(&text)
        .map(|(new_case, text)| new_case.row(text))
        .collect();
    let stored = transfers::insert_many(conn, &rows)?;
    let mut events = Vec::with_capacity(stored.len());
    for ((new_case, text), stored) in new_cases.iter().zip(&text).zip(&stored) {
        events.push((stored.id, &new_case.proposal.event, text.facts.as_str()));
    }
    transfers::append_many(conn, &events)?;
    let entries = new_cases.iter().zip(&stored).map(|(new_case, stored)| AuditEntry {
        context: new_case.context,
        place: new_case.source_path,
        subject: stored.id.into(),
    });
    audit::record_many(conn, AuditAction::TransferProposed, &entries.collect::<Vec<_>>())?;
    let cases = open_inbox_entries(conn, new_cases, &stored)?;
    Ok(stored.into_iter().zip(cases).collect())
}

impl NewCase<'_> {
    fn row<'b>(&'b self, text: &'b StoredText) -> NewTransfer<'b> {
        let proposal = &self.proposal;
        let turn = StateParts::from(proposal.state.clone());
        NewTransfer {
            season: proposal.season,
            reason: proposal.reason,
            details: &text.details,
            explanation: self.explanation.map(Remark::as_str),
            started_by: proposal.started_by,
            proposer_account_id: proposal.event.by,
            proposer_organization_id: proposal.event.acting_for,
            member_id: proposal.origin.member(),
            member_name: self.member_name,
            source_branch_id: proposal.origin.branch(),
            source_path: self.source_path.as_str(),
            source_name: self.source_name,
            source_province: proposal.origin.province().map(i32::from),
            target_kind: proposal.destination.kind(),
            target_id: proposal.destination.organization(),
            target_path: &text.target.path,
            target_name: &text.target.name,
            target_province: text.target.province.map(i32::from),
            state: turn.phase,
            since: turn.since.into(),
            organization_id: turn.organization,
            side: turn.side,
            province: turn.province.map(i32::from),
            holding: turn.holding,
            deadline: expiry::deadline(&proposal.state, self.policy).map(Micros::from),
            proposed_at: self.context.now.into(),
            version: proposal.event.number,
        }
    }
}

/// Adds an inbox entry for each holder of a new case (A8).
fn open_inbox_entries(conn: &mut Conn, new_cases: Vec<NewCase<'_>>, stored: &[Transfer]) -> Result<Vec<LoadedCase>> {
    let mut cases = Vec::with_capacity(stored.len());
    let mut shown = Vec::with_capacity(stored.len());
    for (new_case, stored) in new_cases.into_iter().zip(stored) {
        let NewCase { proposal, policy, .. } = new_case;
        let case = proposal.into_case(stored.id);
        let holders = holders(conn, &case, &new_case.chains)?;
        if holders.is_empty() {
            transfers::set_orphaned(conn, case.id, Some(new_case.context.now))?;
        }
        shown.push(inbox_entry(&case, policy, new_case.member_name));
        cases.push(LoadedCase {
            case,
            holders,
            policy: policy.clone(),
        });
    }
    let mut entries: Vec<(OrganizationId, &InboxEntry<'_>)> = Vec::with_capacity(stored.len());
    for (loaded, entry) in cases.iter().zip(&shown) {
        let holders = loaded.holders.iter().copied();
        entries.extend(
            entry
                .iter()
                .flat_map(|entry| holders.clone().map(move |id| (id, entry))),
        );
    }
    inbox::open_many(conn, &entries)?;
    Ok(cases)
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| Error::Corrupt("a case's facts can't be written as JSON"))
}

/// `known` is an organization that is already loaded. A case into a holding stores no path, so that no list by path
/// finds it (S-30).
fn target(conn: &mut Conn, destination: &Destination, known: Option<&Organization>) -> Result<TargetColumns> {
    let province = match destination {
        Destination::Holding(_) => return Ok(TargetColumns::default()),
        Destination::Province { province, .. } => Some(*province),
        Destination::Organization(_) => None,
    };
    let id = destination.organization();
    let found = match known.filter(|known| known.id == id) {
        Some(known) => known,
        None => &organizations::find(conn, id)?.ok_or(Error::Corrupt("a case's target is missing"))?,
    };
    Ok(TargetColumns {
        path: found.path.as_str().to_owned(),
        name: found.name.clone(),
        province,
    })
}
