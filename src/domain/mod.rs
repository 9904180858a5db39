//! The rules of the manual as pure functions and state machines. Nothing here knows a database, HTTP or the clock.

pub mod actor;
pub mod codes;
pub mod cohort;
pub mod division;
pub mod graduation;
pub mod id_number;
pub mod ids;
pub mod mark;
pub mod member;
pub mod organization;
pub mod policy;
pub mod reason;
pub mod refusal;
pub mod rule;
pub mod time;
pub mod transfer;
pub mod vocabulary;

#[cfg(test)]
mod testing;
