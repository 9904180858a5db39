//! A bounded number of places, handed out in the order of asking. (The queue of r2d2 is not fair.)

use super::DbError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A fair semaphore whose places are waited for no longer than `wait`.
pub(super) struct Gate {
    places: Arc<Semaphore>,
    width: u32,
    wait: Duration,
    waiting: AtomicUsize,
}

/// Somebody who waits at a gate.
struct GateWait<'a>(&'a AtomicUsize);

impl<'a> GateWait<'a> {
    fn at(gate: &'a Gate) -> Self {
        gate.waiting.fetch_add(1, Ordering::Relaxed);
        Self(&gate.waiting)
    }
}

impl Drop for GateWait<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(width: u32, wait: Duration) -> Self {
        Self {
            places: Arc::new(Semaphore::new(width as usize)),
            width,
            wait,
            waiting: AtomicUsize::new(0),
        }
    }

    /// How many wait for a place.
    pub(super) fn queued(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many places are taken, and how many there are.
    pub(super) fn usage(&self) -> (usize, usize) {
        let width = self.width as usize;
        (width.saturating_sub(self.places.available_permits()), width)
    }

    /// A place. It is free again when the permit is dropped.
    ///
    /// # Errors
    /// [`DbError::Overloaded`] when none is free in time, [`DbError::Unavailable`] when the gate is closed.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, DbError> {
        timeout(self.wait, self.enter_patiently())
            .await
            .map_err(|_| DbError::Overloaded)?
    }

    /// As [`enter`](Self::enter), waiting as long as it takes.
    pub(super) async fn enter_patiently(&self) -> Result<OwnedSemaphorePermit, DbError> {
        let _waiting = GateWait::at(self);
        let permit = self.places.clone().acquire_owned().await;
        permit.map_err(|_| DbError::closed())
    }

    /// Waits until all who asked before have left, and lets no more in.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(self.width).await;
        self.places.close();
        drop(all);
    }
}
