//! Personal data: who sees it, where it is stored, who is told, and how long it is kept.

mod at_rest;
mod auditor;
mod disclosures;
pub mod forms;
mod kept;
mod resealed;
