//! How many requests are worked on at once. More work than that would only make everybody wait: at ten times its capacity, a
//! server that takes every request answers almost none in time. A request beyond the limit is refused at once and told to come
//! back.

use super::body::MEMORY;
use super::limits::Body;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many bodies may be received at once. Slow senders so take no place from requests whose work can be done.
const RECEIVING: usize = 4096;

/// The operations that hash a password. All others of `/v1/auth/` cost as little as any request: whoever is signed in stays
/// so when many sign in.
const HASHING: [&str; 4] = [
    "/v1/auth/sign-in",
    "/v1/auth/reset",
    "/v1/auth/password",
    "/v1/auth/wechat/bind",
];

/// The class of a request: each class has its own limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestClass {
    /// Probes have no limit: they must be answered when nothing else works.
    Probe,
    /// Sign-ins. Checking a password takes a processor for a tenth of a second, so many of them must leave room for the rest.
    SignIn,
    /// File uploads. They take as long as the sender's connection does.
    Upload,
    /// Everything else.
    Work,
}

impl RequestClass {
    /// The class of a path whose operation takes such a body.
    pub fn of(path: &str, body: Body) -> Self {
        match path {
            "/healthz" | "/readyz" => Self::Probe,
            _ if HASHING.contains(&path) => Self::SignIn,
            _ if body == Body::Upload => Self::Upload,
            _ => Self::Work,
        }
    }
}

/// All places of the class are taken.
#[derive(Debug, PartialEq, Eq)]
pub struct AtCapacity;

/// The limits of all classes.
pub struct ConcurrencyLimits {
    sign_in: Arc<Semaphore>,
    upload: Arc<Semaphore>,
    work: Arc<Semaphore>,
    receiving: Arc<Semaphore>,
    /// The memory for all bodies, in bytes.
    pub memory: Arc<Semaphore>,
}

impl ConcurrencyLimits {
    /// So many requests at once, and a quarter as many sign-ins and uploads each.
    pub fn new(in_flight: usize) -> Self {
        let places = |number: usize| Arc::new(Semaphore::new(number.max(1)));
        Self {
            sign_in: places(in_flight / 4),
            upload: places(in_flight / 4),
            work: places(in_flight),
            receiving: places(RECEIVING),
            memory: places(MEMORY),
        }
    }

    fn class(&self, class: RequestClass) -> Option<&Arc<Semaphore>> {
        match class {
            RequestClass::Probe => None,
            RequestClass::SignIn => Some(&self.sign_in),
            RequestClass::Upload => Some(&self.upload),
            RequestClass::Work => Some(&self.work),
        }
    }

    /// Whether a class has a free place at the moment.
    pub fn has_place(&self, class: RequestClass) -> bool {
        self.class(class).is_none_or(|places| places.available_permits() > 0)
    }

    /// Takes a place, held until the permit is dropped. Probes need none.
    ///
    /// # Errors
    /// When no place is free.
    pub fn enter(&self, class: RequestClass) -> Result<Option<OwnedSemaphorePermit>, AtCapacity> {
        self.class(class).map(take).transpose()
    }

    /// Takes a place among the bodies that are being received, if the class has a free place at the moment. A request that will be
    /// refused need not send its body.
    ///
    /// # Errors
    /// When no place is free.
    pub fn receive(&self, class: RequestClass) -> Result<OwnedSemaphorePermit, AtCapacity> {
        if !self.has_place(class) {
            return Err(AtCapacity);
        }
        take(&self.receiving)
    }
}

fn take(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, AtCapacity> {
    places.clone().try_acquire_owned().map_err(|_| AtCapacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hashes_a_password_has_the_places_of_sign_ins() {
        let class = |path| RequestClass::of(path, Body::Small);
        for path in HASHING {
            assert_eq!(class(path), RequestClass::SignIn, "{path}");
        }
        for path in [
            "/v1/auth/refresh",
            "/v1/auth/sign-out",
            "/v1/auth/token",
            "/v1/auth/wechat/login",
            "/v1/me",
        ] {
            assert_eq!(class(path), RequestClass::Work, "{path}");
        }
    }

    #[test]
    fn a_full_class_refuses_and_leaves_the_others_alone() {
        let limits = ConcurrencyLimits::new(4);
        let kept: Vec<_> = (0..4).map(|_| limits.enter(RequestClass::Work)).collect();
        assert!(kept.iter().all(Result::is_ok));
        assert_eq!(limits.enter(RequestClass::Work).err(), Some(AtCapacity));
        assert_eq!(limits.receive(RequestClass::Work).err(), Some(AtCapacity));
        for other in [RequestClass::Probe, RequestClass::SignIn, RequestClass::Upload] {
            assert!(limits.enter(other).is_ok(), "{other:?}");
        }
        drop(kept);
        assert!(limits.enter(RequestClass::Work).is_ok());
    }
}
