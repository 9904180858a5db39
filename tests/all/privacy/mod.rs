//! Personal data: who sees it, where it lies, who hears of it, and how long it is kept.

mod at_rest;
mod auditor;
mod disclosures;
mod kept;
mod resealed;
