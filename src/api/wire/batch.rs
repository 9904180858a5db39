//! Batches on the wire: their modes, and a result for each item.

use crate::api::response::problem::Blocking;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::language::Language;
use crate::service::batch::{BatchMode, BatchOptions, ItemOutcome, ReadItem};
use serde::Serialize;
use utoipa::ToSchema;

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// It was done.
    Done,
    /// It already was as requested.
    Unchanged,
    /// A rule refused it. See `errors`.
    Refused,
}

/// The result of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer<T> {
    /// The mode in which the batch ran.
    pub mode: BatchMode,
    /// Whether it was a dry run, which stores nothing.
    pub dry_run: bool,
    /// How many items were not refused.
    pub done: usize,
    /// How many items were refused.
    pub refused: usize,
    /// A result for each item, in the order of the request.
    pub results: Vec<T>,
}

impl<T> BatchAnswer<T> {
    /// Pairs each item with its outcome. A malformed item has no more to it than its place in the list.
    pub fn new<I, O>(
        options: BatchOptions,
        items: &[ReadItem<I>],
        outcomes: Vec<ItemOutcome<O>>,
        result: impl Fn(Option<&I>, ItemOutcome<O>) -> T,
    ) -> Self {
        let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        Self {
            mode: options.mode,
            dry_run: options.dry_run,
            done: outcomes.len() - refused,
            refused,
            results: items
                .iter()
                .zip(outcomes)
                .map(|(item, outcome)| result(item.as_ref().ok(), outcome))
                .collect(),
        }
    }
}

/// Renders refusals for clients.
pub fn blocking(refusals: &[Refusal], language: Language) -> Vec<Blocking> {
    refusals
        .iter()
        .map(|refusal| Blocking::new(refusal, language))
        .collect()
}
