//! Transfers of organization relations (组织关系转接): proposing, preview, decisions, history.

mod case;
mod decide;
mod inbound;
mod insert;
mod load;
mod overdue;
mod proposal;
mod propose;
mod reroute;
mod turn;
mod view;

pub use crate::repository::transfers::Transfer;
pub use decide::{TransferDecision, decide};
pub use inbound::{InboundPerson, ProposedInbound, preview_inbound, propose_inbound};
pub use overdue::{Skip, escalate, expire};
pub use proposal::{ProposalSubject, ProposedTransfer};
pub use propose::{Preview, ProposalQueue, ProposeTransfer, preview, proposal_queue};
pub use reroute::reroute;
pub use view::{CaseView, Direction, HistoryEntry, TransferListing, get, history, list, place_in_list};
