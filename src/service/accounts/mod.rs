//! Accounts: signing in, sessions, passwords, one-time codes and blocks.

mod account;
mod acting;
pub mod attempts;
pub mod blocks;
pub mod bootstrap;
pub(crate) mod operators;
pub mod passwords;
pub mod presence;
pub mod resets;
mod seats;
pub mod sessions;
pub mod sign_in;
pub mod wechat;

pub use account::{CodeNotice, HeldOffice, Myself, Present, credentials, myself, present};
