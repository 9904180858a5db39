//! The catalogue of rules and refusal codes, and the type of a refusal.

pub mod code;
pub mod refusal;
pub mod refusal_kind;
pub mod rule;
