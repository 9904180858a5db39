//! Organizations (§2.1, §2.6): what is known about one, the rules, what may be done with it, and whose turn it is.

pub mod actions;
pub mod chain;
pub mod facts;
pub mod rules;
pub mod turn;
