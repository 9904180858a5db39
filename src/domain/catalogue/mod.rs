//! The catalogue of rules and of refusal codes, and what a refusal is.

pub mod code;
pub mod refusal;
pub mod refusal_kind;
pub mod rule;
