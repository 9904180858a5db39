//! How many requests are worked on at once. Beyond that more work only makes everybody wait: of requests coming ten times
//! faster than they can be answered, a server that takes them all answers hardly any in time. So who finds no place is
//! told at once to come back.

use super::body::MEMORY;
use super::limits::Body;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bodies received at once. Their senders may be slow without taking a place from those whose work can be done.
const RECEIVING: usize = 4096;

/// Which places a request competes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestClass {
    /// None: whether the process lives is asked when nothing else works.
    Probe,
    /// Checking a password takes a processor for a tenth of a second: a storm of them must leave places to the others.
    SignIn,
    /// A file takes as long as its sender's line does.
    Upload,
    /// Everything else.
    Work,
}

impl RequestClass {
    /// The lane of a path whose operation takes such a body.
    pub fn of(path: &str, body: Body) -> Self {
        match path {
            "/healthz" | "/readyz" => Self::Probe,
            _ if path.starts_with("/v1/auth/") => Self::SignIn,
            _ if body == Body::Upload => Self::Upload,
            _ => Self::Work,
        }
    }
}

/// All places are taken.
#[derive(Debug, PartialEq, Eq)]
pub struct AtCapacity;

/// The places there are.
pub struct ConcurrencyLimits {
    sign_in: Arc<Semaphore>,
    upload: Arc<Semaphore>,
    work: Arc<Semaphore>,
    receiving: Arc<Semaphore>,
    /// Bytes for the bodies of all of them.
    pub memory: Arc<Semaphore>,
}

impl ConcurrencyLimits {
    /// ConcurrencyLimits for so many requests at once; a quarter as many sign-ins and files.
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

    fn lane(&self, lane: RequestClass) -> Option<&Arc<Semaphore>> {
        match lane {
            RequestClass::Probe => None,
            RequestClass::SignIn => Some(&self.sign_in),
            RequestClass::Upload => Some(&self.upload),
            RequestClass::Work => Some(&self.work),
        }
    }

    /// Whether a lane has a place at the moment.
    pub fn has_place(&self, lane: RequestClass) -> bool {
        self.lane(lane).is_none_or(|places| places.available_permits() > 0)
    }

    /// Takes a place, held until the permit is dropped. Probes need none.
    ///
    /// # Errors
    /// When there is none.
    pub fn enter(&self, lane: RequestClass) -> Result<Option<OwnedSemaphorePermit>, AtCapacity> {
        self.lane(lane).map(take).transpose()
    }

    /// Takes a place among those whose body is still coming, if its lane has a place for it at the moment: what will not
    /// be worked on need not be sent.
    ///
    /// # Errors
    /// When there is none.
    pub fn receive(&self, lane: RequestClass) -> Result<OwnedSemaphorePermit, AtCapacity> {
        if !self.has_place(lane) {
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
    fn a_full_lane_refuses_and_leaves_the_others_alone() {
        let lanes = ConcurrencyLimits::new(4);
        let kept: Vec<_> = (0..4).map(|_| lanes.enter(RequestClass::Work)).collect();
        assert!(kept.iter().all(Result::is_ok));
        assert_eq!(lanes.enter(RequestClass::Work).err(), Some(AtCapacity));
        assert_eq!(lanes.receive(RequestClass::Work).err(), Some(AtCapacity));
        for other in [RequestClass::Probe, RequestClass::SignIn, RequestClass::Upload] {
            assert!(lanes.enter(other).is_ok(), "{other:?}");
        }
        drop(kept);
        assert!(lanes.enter(RequestClass::Work).is_ok());
    }
}
