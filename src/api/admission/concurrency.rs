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
pub enum Lane {
    /// None: whether the process lives is asked when nothing else works.
    Probe,
    /// Checking a password takes a processor for a tenth of a second: a storm of them must leave places to the others.
    SignIn,
    /// A file takes as long as its sender's line does.
    Upload,
    /// Everything else.
    Work,
}

impl Lane {
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
pub struct Full;

/// The places there are.
pub struct Lanes {
    sign_in: Arc<Semaphore>,
    upload: Arc<Semaphore>,
    work: Arc<Semaphore>,
    receiving: Arc<Semaphore>,
    /// Bytes for the bodies of all of them.
    pub memory: Arc<Semaphore>,
}

impl Lanes {
    /// Lanes for so many requests at once; a quarter as many sign-ins and files.
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

    fn lane(&self, lane: Lane) -> Option<&Arc<Semaphore>> {
        match lane {
            Lane::Probe => None,
            Lane::SignIn => Some(&self.sign_in),
            Lane::Upload => Some(&self.upload),
            Lane::Work => Some(&self.work),
        }
    }

    /// Whether a lane has a place at the moment.
    pub fn has_place(&self, lane: Lane) -> bool {
        self.lane(lane).is_none_or(|places| places.available_permits() > 0)
    }

    /// Takes a place, held until the permit is dropped. Probes need none.
    ///
    /// # Errors
    /// When there is none.
    pub fn enter(&self, lane: Lane) -> Result<Option<OwnedSemaphorePermit>, Full> {
        self.lane(lane).map(take).transpose()
    }

    /// Takes a place among those whose body is still coming, if its lane has a place for it at the moment: what will not
    /// be worked on need not be sent.
    ///
    /// # Errors
    /// When there is none.
    pub fn receive(&self, lane: Lane) -> Result<OwnedSemaphorePermit, Full> {
        if !self.has_place(lane) {
            return Err(Full);
        }
        take(&self.receiving)
    }
}

fn take(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Full> {
    places.clone().try_acquire_owned().map_err(|_| Full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_lane_refuses_and_leaves_the_others_alone() {
        let lanes = Lanes::new(4);
        let kept: Vec<_> = (0..4).map(|_| lanes.enter(Lane::Work)).collect();
        assert!(kept.iter().all(Result::is_ok));
        assert_eq!(lanes.enter(Lane::Work).err(), Some(Full));
        assert_eq!(lanes.receive(Lane::Work).err(), Some(Full));
        for other in [Lane::Probe, Lane::SignIn, Lane::Upload] {
            assert!(lanes.enter(other).is_ok(), "{other:?}");
        }
        drop(kept);
        assert!(lanes.enter(Lane::Work).is_ok());
    }
}
