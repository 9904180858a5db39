//! People who act on their own accounts.

use crate::domain::authority::actor::{Actor, Role};
use crate::domain::core::time::Timestamp;
use crate::domain::office::OfficeRole;
use crate::repository::accounts::{Account, HeldOffice};
use crate::service::Context;

/// A person in one of their offices, or in none.
pub(super) fn person(account: &Account, held: Option<HeldOffice>) -> Actor {
    let role = match held {
        Some(held) if held.role == OfficeRole::Auditor => Role::Auditor(held.office),
        Some(held) => Role::Administrator(held.office),
        None => Role::Member,
    };
    Actor {
        account: Some(account.id),
        member: account.member_id,
        role,
    }
}

/// The context of a person who acts on their own account, without an office.
pub(super) fn as_member(account: &Account, now: Timestamp, request_id: &str) -> Context {
    acting(account, None, now, request_id)
}

/// The context of a person who acts from one of their offices. That organization's auditors read what they do.
pub(super) fn acting(account: &Account, held: Option<HeldOffice>, now: Timestamp, request_id: &str) -> Context {
    Context {
        actor: person(account, held),
        now,
        request_id: request_id.to_owned(),
    }
}
