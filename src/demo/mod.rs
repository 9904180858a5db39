//! The demo country: real divisions and schools, invented people. A pure generator of rows: the same seed, size and
//! time give the same rows. One code makes 1,000 or 10,000,000 members.
//!
//! The frame (some 48,000 organizations) is held in memory. Everything else belongs to units. The branches and members
//! of a unit are generated when their turn comes, and are not kept.
//!
//! [`load`] stores a country, [`holding`] finds it again, and [`run`] is the command that uses them.

mod command;
mod country;
mod file;
mod filling;
mod frame;
pub mod holding;
mod input;
mod layout;
pub mod load;
mod offices;
mod people;
mod records;
mod signature;
#[cfg(test)]
mod tests;
mod welcome;

pub use command::{DemoOptions, progress_bar, run};
pub use country::{Country, PASSWORD};
pub use people::check_character;
pub use records::{
    AccountRecord, AppointmentRecord, Ascii, DemoRole, DemoSignIn, DevelopmentNumber, FormerNameRecord,
    GeneratedIdNumber, MemberRecord, OrganizationRecord, Phone,
};
pub use signature::Signature;
