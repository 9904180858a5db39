//! Organizations: who may see them, lists of them, and their changes.

mod access;
mod change;
mod superior;
mod view;

pub use crate::repository::organizations::{Filter, Organization};
pub(super) use access::object;
pub use access::{acting_sector, helper, in_scope, inside, is_visible, visible};
pub use change::{Contact, Creation, change_contact, close, create, rename};
pub use superior::{appointing_superior, chain_of};
pub use view::{Detail, Listing, get, list};
