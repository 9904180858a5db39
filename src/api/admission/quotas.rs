//! How much of something each caller holds at the moment, within a quota: none of them can take all of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What each caller holds. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Quotas<K> {
    most: usize,
    held: Arc<Mutex<HashMap<K, usize>>>,
}

impl<K: Eq + Hash + Copy> Quotas<K> {
    /// Each caller may hold at most so much.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            held: Arc::default(),
        }
    }

    /// So much for a caller. `None` beyond the quota.
    pub fn take(&self, caller: K, amount: usize) -> Option<QuotaUse<K>> {
        let mut held = QuotaUse {
            quotas: self.clone(),
            caller,
            amount: 0,
        };
        held.grow(amount).then_some(held)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a caller holds. It is given back when this is dropped.
#[derive(Debug)]
pub struct QuotaUse<K: Eq + Hash + Copy> {
    quotas: Quotas<K>,
    caller: K,
    amount: usize,
}

impl<K: Eq + Hash + Copy> QuotaUse<K> {
    /// Takes more. `false` beyond the quota: then nothing more is taken.
    pub fn grow(&mut self, more: usize) -> bool {
        let mut held = self.quotas.held();
        let all = held.get(&self.caller).copied().unwrap_or(0).saturating_add(more);
        if all > self.quotas.most {
            return false;
        }
        held.insert(self.caller, all);
        self.amount += more;
        true
    }
}

impl<K: Eq + Hash + Copy> Drop for QuotaUse<K> {
    fn drop(&mut self) {
        let mut held = self.quotas.held();
        let left = held.get(&self.caller).map_or(0, |all| all.saturating_sub(self.amount));
        // Only callers who hold something are kept.
        if left == 0 {
            held.remove(&self.caller);
        } else {
            held.insert(self.caller, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_a_quota_and_gets_it_back() {
        let quotas = Quotas::new(10);
        let mut first = quotas.take('a', 6).unwrap();
        assert!(quotas.take('a', 5).is_none() && first.grow(4) && !first.grow(1));
        assert!(quotas.take('b', 10).is_some());
        drop(first);
        let _all = quotas.take('a', 10).unwrap();
        assert_eq!(quotas.held().len(), 1);
    }
}
