//! Many items in one request (G3, M4). Each has its own result, and the caller chooses whether one refusal stops them
//! all.

use super::{Error, Result};
use crate::db::Conn;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::input_error::InputError;
use crate::domain::core::vocabulary::vocabulary;
use std::collections::HashSet;

/// The most items in one request.
pub const MOST: usize = 200;

vocabulary! {
    /// What the refusal of one item means for the others.
    BatchMode {
        AllOrNothing = "all_or_nothing", "全部成功才生效", "all or nothing";
        PerItem = "per_item", "逐个处理", "item by item";
    }
}

/// How a batch is run.
#[derive(Debug, Clone, Copy)]
pub struct BatchOptions {
    /// What the refusal of one item means for the others.
    pub mode: BatchMode,
    /// Everything is decided, but nothing is stored.
    pub dry_run: bool,
}

/// An item as it arrived: what was read, or what is wrong with it. A malformed item is its own and not the batch's.
pub type ReadItem<T> = std::result::Result<T, Vec<Refusal>>;

/// The outcome of one item: its result, or every refusal that blocks it.
pub type ItemOutcome<T> = std::result::Result<T, Vec<Refusal>>;

/// Runs `each` for every item, in its own savepoint. `subject` names what an item is about: no two items may share it.
///
/// # Errors
/// `request.invalid` for an empty batch or one that is too long. `batch.item_twice` for a repeated subject. With
/// [`BatchMode::AllOrNothing`] every refusal of every item, with pointers into `/items/…`. Nothing is stored then.
pub fn run<I, S, T>(
    conn: &mut Conn,
    options: BatchOptions,
    items: &[ReadItem<I>],
    subject: impl Fn(&I) -> S,
    each: impl Fn(&mut Conn, &I) -> Result<T>,
) -> Result<Vec<ItemOutcome<T>>>
where
    S: std::hash::Hash + Eq,
{
    admit_length(items.len())?;
    admit_once(items.iter().map(|item| item.as_ref().ok().map(&subject)))?;
    let all = |conn: &mut Conn| decide(conn, options.mode, items, &each);
    if options.dry_run { conn.rehearse(all) } else { all(conn) }
}

fn decide<I, T>(
    conn: &mut Conn,
    mode: BatchMode,
    items: &[ReadItem<I>],
    each: &impl Fn(&mut Conn, &I) -> Result<T>,
) -> Result<Vec<ItemOutcome<T>>> {
    let mut outcomes = Vec::with_capacity(items.len());
    for item in items {
        outcomes.push(match item {
            Err(malformed) => Err(malformed.clone()),
            Ok(item) => match conn.savepoint(|conn| each(conn, item)) {
                Ok(done) => Ok(done),
                Err(Error::Refused(refusals)) => Err(refusals),
                Err(fault) => return Err(fault),
            },
        });
    }
    let blocked: Vec<Refusal> = match mode {
        BatchMode::PerItem => Vec::new(),
        BatchMode::AllOrNothing => outcomes.iter().enumerate().flat_map(blocked).collect(),
    };
    if blocked.is_empty() {
        Ok(outcomes)
    } else {
        Err(blocked.into())
    }
}

/// An item's refusals, with pointers from the root of the request.
fn blocked<T>((index, outcome): (usize, &ItemOutcome<T>)) -> Vec<Refusal> {
    let refusals = outcome.as_ref().err().cloned().unwrap_or_default();
    refusals.into_iter().map(|refusal| in_item(index, refusal)).collect()
}

fn in_item(index: usize, refusal: Refusal) -> Refusal {
    let inside = refusal.pointer.clone().unwrap_or_default();
    refusal.at(format!("/items/{index}{inside}"))
}

fn admit_length(length: usize) -> Result<()> {
    if (1..=MOST).contains(&length) {
        return Ok(());
    }
    Err(Refusal::invalid(InputError::Items(MOST)).at("/items").into())
}

fn admit_once<S: std::hash::Hash + Eq>(subjects: impl Iterator<Item = Option<S>>) -> Result<()> {
    let mut seen = HashSet::new();
    let twice: Vec<Refusal> = subjects
        .enumerate()
        .filter_map(|(index, subject)| (!seen.insert(subject?)).then_some(index))
        .map(|index| in_item(index, Code::BatchItemTwice.into()))
        .collect();
    if twice.is_empty() { Ok(()) } else { Err(twice.into()) }
}
