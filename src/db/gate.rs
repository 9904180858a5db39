//! A bounded number of slots, given out in the order of the requests for them. (The queue of r2d2 is not fair.)

use super::DbError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A fair semaphore. A caller waits for a slot no longer than `wait`.
pub(super) struct Gate {
    slots: Arc<Semaphore>,
    width: u32,
    wait: Duration,
}

impl Gate {
    pub(super) fn new(width: u32, wait: Duration) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(width as usize)),
            width,
            wait,
        }
    }

    /// Waits for a slot. Dropping the permit frees it.
    ///
    /// # Errors
    /// [`DbError::Overloaded`] when none is free in time, [`DbError::Unavailable`] when the gate is closed.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, DbError> {
        timeout(self.wait, self.enter_patiently())
            .await
            .map_err(|_| DbError::Overloaded)?
    }

    /// As [`enter`](Self::enter), but waits without a limit.
    pub(super) async fn enter_patiently(&self) -> Result<OwnedSemaphorePermit, DbError> {
        let permit = self.slots.clone().acquire_owned().await;
        permit.map_err(|_| DbError::closed())
    }

    /// Waits until all earlier callers have freed their slots, and gives out no more.
    pub(super) async fn close(&self) {
        let all = self.slots.acquire_many(self.width).await;
        self.slots.close();
        drop(all);
    }
}
