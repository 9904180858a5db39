//! A cache of verified tokens: a token is verified once, then recognized by its digest.
//!
//! The digest covers the whole token, so a token that differs in one bit is verified separately. The cache reveals no
//! token. The time of a look-up reveals at most which digests begin alike.

use crate::domain::core::time::Timestamp;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of locks that the tokens are spread over, by one byte of their digest.
const SHARDS: usize = 16;
/// How many tokens each shard holds: 65,536 in all, some ten megabytes.
const MOST: usize = 4096;

/// The digest of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The digest of this token.
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }
}

/// The cache, bounded.
pub struct Verified<T>([Mutex<HashMap<Fingerprint, T>>; SHARDS]);

impl<T: Copy> Verified<T> {
    /// An empty cache.
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }

    fn shard(&self, token: &Fingerprint) -> MutexGuard<'_, HashMap<Fingerprint, T>> {
        let shard = &self.0[usize::from(token.0[0]) % SHARDS];
        // A map is consistent between its calls, whatever happened to a thread that held the lock.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The content of a token, if it was verified before.
    pub fn get(&self, token: &Fingerprint) -> Option<T> {
        self.shard(token).get(token).copied()
    }

    /// Stores a token. At the limit it drops the expired tokens, or all tokens if none is expired.
    pub fn put(&self, token: Fingerprint, says: T, now: Timestamp, has_ended: impl Fn(&T, Timestamp) -> bool) {
        let mut shard = self.shard(&token);
        if shard.len() >= MOST {
            shard.retain(|_, says| !has_ended(says, now));
        }
        if shard.len() >= MOST {
            shard.clear();
        }
        shard.insert(token, says);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn s12_the_cache_is_bounded_and_drops_expired_tokens_first() {
        let verified = Verified::<i64>::new();
        let has_ended = |end: &i64, now: Timestamp| *end <= now.timestamp();
        let lasting = Fingerprint::of("lasting");
        verified.put(lasting, 1000, at(0), has_ended);
        for number in 0..2 * SHARDS * MOST {
            verified.put(Fingerprint::of(&number.to_string()), 10, at(20), has_ended);
        }
        assert_eq!(verified.get(&lasting), Some(1000));
        let kept: usize = verified.0.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * MOST, "{kept}");
    }
}
