//! Receiving bodies: each within its size and minimum rate, all together within the memory set aside for them (64 MiB),
//! and those of one caller within a quota. The framework has no deadline for bodies and would keep what a stalled
//! client sent for ever (S-13).

use super::limits::{Body, check_length};
use super::quotas::{QuotaUse, Quotas};
use super::rate_limit::Caller;
use crate::api::response::problem::Problem;
use crate::api::settings::Timeouts;
use crate::domain::catalogue::code::Code;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::input_error::InputError;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// By when the next piece of a body must arrive: a steady rate after a grace period, and a deadline for the whole.
#[derive(Clone)]
struct Pace {
    begun: Instant,
    grace: Duration,
    rate: usize,
    whole: Duration,
    received: usize,
}

impl Pace {
    fn new(timeouts: &Timeouts, whole: Duration) -> Self {
        Self {
            begun: Instant::now(),
            grace: timeouts.grace,
            rate: timeouts.rate,
            whole,
            received: 0,
        }
    }

    fn deadline(&self) -> Instant {
        let earned = Duration::from_secs_f64(self.received as f64 / self.rate as f64);
        self.begun + (self.grace + earned).min(self.whole)
    }

    /// The next piece, if it comes in time.
    async fn next(&mut self, payload: &mut Payload) -> Option<Result<Bytes, PayloadError>> {
        let next = timeout_at(self.deadline(), payload.next()).await;
        match next {
            Ok(piece) => {
                self.received += piece.as_ref().and_then(|p| p.as_ref().ok()).map_or(0, Bytes::len);
                piece
            }
            Err(_) => Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))),
        }
    }
}

/// The memory for bodies of one kind, and the most of it that one caller may hold.
struct BodyPool {
    memory: Arc<Semaphore>,
    size: usize,
    quotas: Quotas<Caller>,
}

impl BodyPool {
    fn new(size: usize, parts: usize) -> Self {
        Self {
            memory: Arc::new(Semaphore::new(size)),
            size,
            quotas: Quotas::new(size / parts),
        }
    }
}

/// The memory for all bodies that are being received or read. Callers without a valid token, small bodies and large
/// bodies each have a pool of their own, so that none of them takes the others' memory.
pub struct BodyPools {
    unknown: BodyPool,
    small: BodyPool,
    large: BodyPool,
}

impl Default for BodyPools {
    fn default() -> Self {
        Self {
            unknown: BodyPool::new(16 << 20, 16),
            small: BodyPool::new(16 << 20, 4),
            large: BodyPool::new(32 << 20, 4),
        }
    }
}

impl BodyPools {
    fn of(&self, caller: Caller, kind: Body) -> &BodyPool {
        match (caller, kind) {
            (Caller::Address(_), _) => &self.unknown,
            (Caller::Account(_), Body::Batch) => &self.large,
            (Caller::Account(_), Body::Small | Body::Upload) => &self.small,
        }
    }

    /// The name of each pool, the bytes in use and its size.
    pub fn usage(&self) -> [(&'static str, usize, usize); 3] {
        [
            ("unknown", &self.unknown),
            ("small", &self.small),
            ("large", &self.large),
        ]
        .map(|(name, pool)| (name, pool.size - pool.memory.available_permits(), pool.size))
    }
}

/// The memory of one body, until it is dropped.
pub struct BodyPermit {
    memory: OwnedSemaphorePermit,
    quota: QuotaUse<Caller>,
}

impl BodyPermit {
    fn enter(pool: &BodyPool, caller: Caller) -> Result<Self, Code> {
        let memory = reserve(&pool.memory, 0)?;
        let quota = pool.quotas.take(caller, 0).ok_or(Code::ServiceBusy)?;
        Ok(Self { memory, quota })
    }

    fn grow(&mut self, pool: &BodyPool, bytes: usize) -> Result<(), Code> {
        if !self.quota.grow(bytes) {
            return Err(Code::ServiceBusy);
        }
        self.memory.merge(reserve(&pool.memory, bytes)?);
        Ok(())
    }
}

fn reserve(memory: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Code> {
    let bytes = u32::try_from(bytes).map_err(|_| Code::ServiceBusy)?;
    memory
        .clone()
        .try_acquire_many_owned(bytes)
        .map_err(|_| Code::ServiceBusy)
}

/// A whole body, and its memory until it is dropped.
pub struct Whole {
    /// The body.
    pub bytes: Bytes,
    /// Its part of the memory for bodies.
    pub memory: BodyPermit,
}

/// Receives a body of a kind into memory.
///
/// # Errors
/// Those of [`check_length`], as soon as a limit is passed; `request.timeout` for a body that is too slow;
/// `request.malformed` for one that ends early; `service.busy` when the memory for such bodies or the caller's quota
/// is taken.
pub async fn receive(
    mut payload: Payload,
    kind: Body,
    caller: Caller,
    body_pools: &BodyPools,
    timeouts: &Timeouts,
) -> Result<Whole, Problem> {
    let mut pace = Pace::new(timeouts, timeouts.body);
    let pool = body_pools.of(caller, kind);
    let mut memory = BodyPermit::enter(pool, caller)?;
    let mut body = BytesMut::new();
    while let Some(piece) = pace.next(&mut payload).await {
        let piece = piece.map_err(|error| broken(&error))?;
        check_length(kind, caller.is_known(), (body.len() + piece.len()) as u64)?;
        memory.grow(pool, piece.len())?;
        body.extend_from_slice(&piece);
    }
    Ok(Whole {
        bytes: body.freeze(),
        memory,
    })
}

fn broken(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => Code::RequestTimeout.into(),
        _ => Problem::new(Refusal::malformed(InputError::EndedEarly)),
    }
}

/// An uploaded file: it is not kept in memory, but the minimum rate holds.
pub fn paced(payload: Payload, timeouts: &Timeouts) -> Payload {
    let pace = Pace::new(timeouts, timeouts.upload);
    let pieces: std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
        Box::pin(stream::unfold((payload, pace), |(mut payload, mut pace)| async move {
            let piece = pace.next(&mut payload).await?;
            Some((piece, (payload, pace)))
        }));
    Payload::Stream { payload: pieces }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::core::ids::AccountId;

    #[test]
    fn no_caller_takes_the_memory_of_the_others() {
        let body_pools = BodyPools::default();
        let caller = |last: u8| Caller::at([192, 0, 2, last].into());
        let fill = |caller: Caller, kind: Body| {
            let pool = body_pools.of(caller, kind);
            let mut permit = BodyPermit::enter(pool, caller).unwrap();
            while permit.grow(pool, 64 << 10).is_ok() {}
            permit
        };
        let held = fill(caller(1), Body::Small);
        assert_eq!(body_pools.usage()[0], ("unknown", 1 << 20, 16 << 20));
        let others: Vec<_> = (2..=16).map(|last| fill(caller(last), Body::Batch)).collect();
        assert_eq!(body_pools.usage()[0], ("unknown", 16 << 20, 16 << 20));
        // All addresses together took nothing of the body_pools of known callers, and large bodies take none of small ones.
        let known = |key| Caller::Account(AccountId(key));
        let large: Vec<_> = (1..=4).map(|key| fill(known(key), Body::Batch)).collect();
        assert_eq!(body_pools.usage()[2], ("large", 32 << 20, 32 << 20));
        assert_eq!(body_pools.usage()[1], ("small", 0, 16 << 20));
        let small = fill(known(1), Body::Small);
        assert_eq!(body_pools.usage()[1], ("small", 4 << 20, 16 << 20));
        drop((held, others, large, small));
        assert!(body_pools.usage().iter().all(|(_, used, _)| *used == 0));
    }
}
