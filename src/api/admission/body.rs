//! Receiving bodies: each within its size and minimum rate, all together within the memory set aside for them. The framework
//! has no deadline for bodies and would keep what a stalled client sent for ever (S-13).

use super::limits::too_large;
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

/// The most bytes of all bodies that are being received or read at one time.
pub const MEMORY: usize = 64 << 20;

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

/// A whole body, and its share of the memory until it is dropped.
pub struct Whole {
    /// The body.
    pub bytes: Bytes,
    /// Its share of the memory for bodies.
    pub room: OwnedSemaphorePermit,
}

/// Receives a body of at most `most` bytes into memory.
///
/// # Errors
/// `request.too_large`, as soon as the limit is passed; `request.timeout` for a body that is too slow; `request.malformed` for
/// one that ends early; `service.busy` when the memory for bodies is taken.
pub async fn receive(
    mut payload: Payload,
    most: usize,
    memory: &Arc<Semaphore>,
    timeouts: &Timeouts,
) -> Result<Whole, Problem> {
    let mut pace = Pace::new(timeouts, timeouts.body);
    let mut room = reserve(memory, 0)?;
    let mut body = BytesMut::new();
    while let Some(piece) = pace.next(&mut payload).await {
        let piece = piece.map_err(|error| broken(&error))?;
        if body.len() + piece.len() > most {
            return Err(too_large(most));
        }
        room.merge(reserve(memory, piece.len())?);
        body.extend_from_slice(&piece);
    }
    Ok(Whole {
        bytes: body.freeze(),
        room,
    })
}

fn reserve(memory: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Code> {
    let bytes = u32::try_from(bytes).map_err(|_| Code::ServiceBusy)?;
    memory
        .clone()
        .try_acquire_many_owned(bytes)
        .map_err(|_| Code::ServiceBusy)
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
