//! Who the bearers of tokens are now, remembered for at most a second (S-08): what was taken away on another server is
//! gone here within that time, and what was taken away here at once.

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

/// S-08: how long is remembered who somebody is.
pub const A_SECOND: Duration = Duration::from_secs(1);
/// How many are remembered.
const MOST: usize = 16_384;

/// The memory. Cloning shares it.
#[derive(Clone)]
pub struct ActorCache(Arc<ActorCacheInner>);

struct ActorCacheInner {
    remembers: Duration,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: HashMap<Bearer, CachedActor>,
    /// How often all was forgotten: what was read before must not be remembered after.
    forgotten: u64,
}

struct CachedActor {
    present: Arc<Present>,
    /// When it was asked for, before it was read: by the clock that only goes forward, and by the service's own, which in
    /// tests jumps.
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
    /// A memory of so long; none with zero.
    pub fn new(remembers: Duration) -> Self {
        Self(Arc::new(ActorCacheInner {
            remembers,
            memory: Mutex::default(),
        }))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // The map is whole between its calls, whatever happened to a thread that held it.
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who a bearer is: as read within the last second, or read now.
    ///
    /// # Errors
    /// `request.unauthenticated` when his account is blocked, or his session, office or credential has ended.
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

    /// Who a bearer was found to be within the last second, on this server.
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

    /// Forgets everybody: something was written here that may have changed who somebody is.
    pub fn forget(&self) {
        let mut memory = self.memory();
        memory.known.clear();
        memory.forgotten += 1;
    }
}
