//! The actor cache: who the bearer of a token is, remembered for at most a second (S-08). A change on another server
//! takes effect here within that time, and a change on this server at once.

use super::Present;
use crate::clock::tick;
use crate::db::Db;
use crate::domain::core::time::Timestamp;
use crate::security::tokens::Bearer;
use crate::service::{Result, accounts};
use chrono::TimeDelta;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// S-08: how long an actor is remembered.
pub const A_SECOND: Duration = Duration::from_secs(1);
/// The largest number of actors that are remembered.
const MOST: usize = 16_384;

/// The actor cache. Cloning shares it.
#[derive(Clone)]
pub struct ActorCache(Arc<ActorCacheInner>);

struct ActorCacheInner {
    remembers: Duration,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: HashMap<Bearer, CachedActor>,
    /// How often the cache was cleared. A read that began before it was cleared must not be stored after.
    forgotten: u64,
}

struct CachedActor {
    present: Arc<Present>,
    /// When the read began, by the monotonic clock and by the service's clock, which jumps in tests.
    asked: Instant,
    now: Timestamp,
}

impl CachedActor {
    fn is_fresh(&self, remembers: Duration, now: Timestamp) -> bool {
        let apart = (now - self.now).abs();
        self.asked.elapsed() < remembers && TimeDelta::from_std(remembers).is_ok_and(|most| apart < most)
    }
}

impl ActorCache {
    /// A cache that remembers for this long. Zero remembers nothing.
    pub fn new(remembers: Duration) -> Self {
        Self(Arc::new(ActorCacheInner {
            remembers,
            memory: Mutex::default(),
        }))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // The map is consistent between calls, so a thread that panicked with the lock did no harm.
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a bearer, read now or within the last second.
    ///
    /// # Errors
    /// `request.unauthenticated` if the account is blocked, or the session, office or credential has ended.
    pub async fn of(&self, db: &Db, bearer: Bearer, now: Timestamp) -> Result<Arc<Present>> {
        if let Some(present) = self.recall(bearer, now) {
            return Ok(present);
        }
        let (forgotten, asked) = (self.memory().forgotten, tick());
        let present = Arc::new(db.read(move |conn| accounts::present(conn, bearer, now)).await?);
        let known = CachedActor {
            present: present.clone(),
            asked,
            now,
        };
        self.remember(bearer, known, forgotten);
        Ok(present)
    }

    /// The state of a bearer as this server read it within the last second.
    pub fn recall(&self, bearer: Bearer, now: Timestamp) -> Option<Arc<Present>> {
        let memory = self.memory();
        let known = memory.known.get(&bearer)?;
        known.is_fresh(self.0.remembers, now).then(|| known.present.clone())
    }

    fn remember(&self, bearer: Bearer, known: CachedActor, forgotten: u64) {
        let (remembers, now) = (self.0.remembers, known.now);
        let mut memory = self.memory();
        if memory.forgotten != forgotten || remembers.is_zero() {
            return;
        }
        if memory.known.len() >= MOST {
            memory.known.retain(|_, known| known.is_fresh(remembers, now));
        }
        if memory.known.len() >= MOST {
            memory.known.clear();
        }
        memory.known.insert(bearer, known);
    }

    /// Clears the cache, because a write on this server may have changed an actor.
    pub fn forget(&self) {
        let mut memory = self.memory();
        memory.known.clear();
        memory.forgotten += 1;
    }
}
