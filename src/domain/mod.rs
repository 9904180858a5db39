//! The rules of the manual as pure functions and state machines. Nothing here knows a database, HTTP or the clock.

pub mod codes;
pub mod ids;
pub mod refusal;
pub mod rule;
pub mod time;
