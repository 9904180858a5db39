//! Queries and rows, one file for each aggregate. They are free functions on a connection and hold no rules.

pub mod accounts;
pub mod appointments;
pub mod attempts;
pub mod audit;
pub mod blocks;
pub mod certifications;
pub mod chain;
pub mod cohort;
pub mod graduation;
pub mod idempotency;
pub mod identity;
pub mod inbound;
pub mod inbox;
pub mod integrators;
pub mod invariants;
pub mod jobs;
pub mod look_ups;
pub mod marks;
pub mod member_changes;
pub mod members;
pub mod organizations;
pub mod pending;
pub mod policies;
pub mod reseal;
pub mod retention;
pub mod search;
pub mod sessions;
pub mod transfers;
pub mod wechat;

use crate::domain::organization::facts::Path;

/// The range of paths from an organization down. Every path in it begins with the organization's own.
///
/// `/` is followed by `0` in ASCII, so replacing the closing slash gives the first text after the subtree.
fn subtree(path: &Path) -> (String, String) {
    let from = path.as_str().to_owned();
    let mut until = from.clone();
    until.pop();
    until.push('0');
    (from, until)
}
