//! Passwords: Argon2id (RFC 9106). Few run at once, so that many sign-ins leave processor time for everything else.

use crate::domain::account::password::prepared;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many sign-ins may wait before more are refused.
const WAITING: usize = 64;

/// Too many sign-ins are waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct PasswordsBusy;

/// Checks passwords, a few at a time.
#[derive(Clone)]
pub struct Passwords {
    queue: Arc<Semaphore>,
    permits: Arc<Semaphore>,
    decoy: Arc<str>,
    computed: Arc<AtomicU64>,
}

impl Passwords {
    /// Checks `width` passwords at once.
    pub fn new(width: usize) -> Self {
        Self {
            queue: Arc::new(Semaphore::new(WAITING + width)),
            permits: Arc::new(Semaphore::new(width)),
            decoy: hash(&super::random_text()).into(),
            computed: Arc::default(),
        }
    }

    /// How many hashes were computed so far. Tests use it: the cost of a refusal must not depend on its reason.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// A place in the queue. It is taken before anything else is done for a sign-in, so a refused sign-in costs
    /// nothing.
    ///
    /// # Errors
    /// [`PasswordsBusy`] when too many are waiting.
    pub fn place(&self) -> Result<CheckPermit, PasswordsBusy> {
        let place = self.queue.clone().try_acquire_owned().map_err(|_| PasswordsBusy)?;
        Ok(CheckPermit {
            passwords: self.clone(),
            place: Arc::new(place),
        })
    }
}

/// A place in the queue. It is free again when this is dropped and no work runs for it.
pub struct CheckPermit {
    passwords: Passwords,
    place: Arc<OwnedSemaphorePermit>,
}

impl CheckPermit {
    /// Whether the password fits the stored hash. An account without a password is checked against a decoy, so that
    /// both answers take the same time.
    ///
    /// # Errors
    /// [`PasswordsBusy`] when the queue is closed.
    pub async fn check(&self, password: String, stored: Option<String>) -> Result<bool, PasswordsBusy> {
        let decoy = &self.passwords.decoy;
        let (exists, stored) = (stored.is_some(), stored.unwrap_or_else(|| decoy.to_string()));
        let fits = self.run(move || verify(&password, &stored)).await?;
        Ok(exists && fits)
    }

    /// As [`Self::check`], if a processor is free for it now; else nothing.
    pub async fn check_if_idle(&self, password: String, stored: Option<String>) -> Option<Result<bool, PasswordsBusy>> {
        if self.passwords.permits.available_permits() == 0 {
            return None;
        }
        Some(self.check(password, stored).await)
    }

    /// The hash to store for a new password.
    ///
    /// # Errors
    /// [`PasswordsBusy`] when the queue is closed.
    pub async fn hash(&self, password: String) -> Result<String, PasswordsBusy> {
        self.run(move || hash(&password)).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordsBusy> {
        let turn = self
            .passwords
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| PasswordsBusy)?;
        self.passwords.computed.fetch_add(1, Ordering::Relaxed);
        let place = self.place.clone();
        let done = tokio::task::spawn_blocking(move || {
            // The place is held in here: a client that disconnects drops the future, not the work.
            let _held = (place, turn);
            work()
        });
        done.await.map_err(|_| PasswordsBusy)
    }
}

/// Hashes a prepared password ([`prepared`]) with Argon2id at the first parameters that OWASP names (19 MiB, 2 passes, 1 lane) and a random salt.
///
/// # Panics
/// Only if the library refuses its own defaults.
pub fn hash(password: &str) -> String {
    let password = prepared(password);
    match Argon2::default().hash_password_with_salt(password.as_bytes(), &super::random::<16>()) {
        Ok(hash) => hash.to_string(),
        Err(_) => panic!("Argon2id refuses its default parameters"),
    }
}

fn verify(password: &str, stored: &str) -> bool {
    let password = prepared(password);
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
        // Any keyboard's space, and composed or not (RFC 8265).
        assert!(verify("correct\u{3000}horse", &stored));
        assert!(!verify("correct horsE", &stored));
        assert!(!verify("", &stored));
        assert!(!verify("correct horse", "not a hash"));
    }
}
