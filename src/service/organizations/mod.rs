//! Organizations: who may see them, lists of them, and their changes.

mod access;
mod change;
mod superior;
mod view;

pub use crate::repository::organizations::{Organization, OrganizationFilter};
pub(super) use access::object;
pub use access::{acting_sector, helper, is_visible, lock_visible, permitted, visible};
pub use change::{Creation, OrganizationContact, change_contact, close, create, rename};
pub use superior::{acting, acting_superior, appointing_superior, chain_of};
pub use view::{OrganizationListing, OrganizationProfile, get, list};
