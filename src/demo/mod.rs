//! The demo country: real divisions and schools, invented people. A pure generator of rows that gives the same rows
//! for the same seed, size and time, and makes 1,000 or 10,000,000 members with the same code.
//!
//! The frame is held in memory (some 48,000 organizations). All else comes out of units, one after the other: a unit's
//! branches and members are drawn when their turn comes and never kept.
//!
//! [`load`] stores a country, [`holding`] finds it again, and [`run`] is the command around them.

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
