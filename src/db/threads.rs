//! Helpers for the queues of this folder: locks that ignore poisoning, and work that blocks its thread.

use super::DbError;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Locks a mutex. A poisoned one is used all the same, because no change under these locks can leave a value half
/// changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits on a condition variable, with the mutex of [`lock`].
pub(super) fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Runs work on a thread that may block.
///
/// # Errors
/// [`DbError::Panicked`] when the work panics.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DbError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| DbError::Panicked)
}
