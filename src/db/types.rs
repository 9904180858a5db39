//! How the domain's values stand in columns: instants as microseconds, months as numbers, ids as keys, enums as words.

use super::Backend;
use crate::domain::time::{Month, Timestamp};
use chrono::{DateTime, Utc};

/// An instant as stored: microseconds since 1970-01-01 UTC.
pub fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// The inverse of [`micros`]; a value that is no instant becomes the epoch, which no rule takes for a date of ours.
pub fn instant(micros: i64) -> Timestamp {
    DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default()
}

/// A month as stored.
pub fn month(number: i32) -> Option<Month> {
    Month::from_number(number)
}

/// A type parameter of every query here.
pub type Db = Backend;
