//! Passwords: Argon2id (RFC 9106) in a bounded lane of their own, so that a storm of sign-ins starves nothing else.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// How many sign-ins may wait for their turn before more are sent away.
const WAITING: usize = 64;

/// The lane is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy;

/// Checks passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    queue: Arc<Semaphore>,
    lane: Arc<Semaphore>,
    decoy: Arc<str>,
}

impl Passwords {
    /// A lane that checks `width` passwords at once.
    pub fn new(width: usize) -> Self {
        Self {
            queue: Arc::new(Semaphore::new(WAITING + width)),
            lane: Arc::new(Semaphore::new(width)),
            decoy: hash(&super::random_text()).into(),
        }
    }

    /// Whether the password fits the stored hash. An account without one is checked against a decoy, so that knowing
    /// that it does not exist takes as long as knowing that the password is wrong.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already.
    pub async fn check(&self, password: String, stored: Option<String>) -> Result<bool, Busy> {
        let (exists, stored) = (stored.is_some(), stored.unwrap_or_else(|| self.decoy.to_string()));
        let fits = self.run(move || verify(&password, &stored)).await?;
        Ok(exists && fits)
    }

    /// The hash to store for a new password.
    ///
    /// # Errors
    /// [`Busy`] when too many wait already.
    pub async fn hash(&self, password: String) -> Result<String, Busy> {
        self.run(move || hash(&password)).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let place = self.queue.clone().try_acquire_owned().map_err(|_| Busy)?;
        let turn = self.lane.clone().acquire_owned().await.map_err(|_| Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            work()
        });
        done.await.map_err(|_| Busy)
    }
}

/// Hashes with Argon2id at the parameters OWASP names first (19 MiB, 2 passes, 1 lane), a random salt each.
///
/// # Panics
/// Only if the library refuses its own defaults.
pub fn hash(password: &str) -> String {
    match Argon2::default().hash_password_with_salt(password.as_bytes(), &super::random::<16>()) {
        Ok(hash) => hash.to_string(),
        Err(_) => panic!("Argon2id refuses its default parameters"),
    }
}

fn verify(password: &str, stored: &str) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_fits() {
        let stored = hash("correct horse");
        assert!(stored.starts_with("$argon2id$"));
        assert!(verify("correct horse", &stored));
        assert!(!verify("correct horsE", &stored));
        assert!(!verify("", &stored));
        assert!(!verify("correct horse", "not a hash"));
    }
}
