//! Organizations (§2.1, §2.6): the facts about one, the rules, the allowed actions, and whose turn it is.

pub mod actions;
pub mod chain;
pub mod facts;
pub mod rules;
pub mod turn;
