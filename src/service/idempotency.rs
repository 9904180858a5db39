//! One effect a key: the answer is stored in the effect's own transaction and given again to whoever repeats it.

use super::{Context, Error, Result};
use crate::db::{Conn, Unique};
use crate::domain::codes::Code;
use crate::repository::idempotency::{self, Stored};

/// A key with the digest of the request it was sent with.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// A digest over method, path and body.
    pub fingerprint: Vec<u8>,
}

/// What is answered and kept: everything of a response that must be the same the second time.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The new thing's address.
    pub location: Option<String>,
    /// Its version.
    pub etag: Option<String>,
    /// The JSON body.
    pub body: String,
    /// Whether it was given before.
    pub replayed: bool,
}

/// Runs a use case once for a key: a second request with the same key and content gets the first one's answer.
/// Refusals are not kept: they had no effect, and the next try may succeed.
///
/// # Errors
/// `request.idempotency_key_reused` when the key came with another content; else what the use case answers.
pub fn once(
    conn: &mut Conn,
    context: &Context,
    claim: &Claim,
    use_case: impl FnOnce(&mut Conn) -> Result<Answer>,
) -> Result<Answer> {
    let actor = actor_key(context)?;
    if let Some(stored) = idempotency::find(conn, &actor, &claim.key)? {
        return replay(stored, claim);
    }
    let answer = use_case(conn)?;
    let stored = Stored {
        fingerprint: claim.fingerprint.clone(),
        status: i32::from(answer.status),
        location: answer.location.clone(),
        etag: answer.etag.clone(),
        body: answer.body.clone(),
    };
    match idempotency::store(conn, &actor, &claim.key, &stored, context.now) {
        Ok(()) => Ok(answer),
        // A twin of this request committed meanwhile: this one is undone, and its repetition will find the answer.
        Err(e) if Unique::violated(&e) == Some(Unique::IdempotencyKey) => Err(Code::ServiceBusy.into()),
        Err(e) => Err(e.into()),
    }
}

fn replay(stored: Stored, claim: &Claim) -> Result<Answer> {
    if stored.fingerprint != claim.fingerprint {
        return Err(Code::RequestKeyReused.into());
    }
    Ok(Answer {
        status: u16::try_from(stored.status).map_err(|_| Error::Corrupt("a stored status"))?,
        location: stored.location,
        etag: stored.etag,
        body: stored.body,
        replayed: true,
    })
}

/// Keys are the account's own, apart for each office: what one office was answered is not for another.
fn actor_key(context: &Context) -> Result<String> {
    let account = context
        .actor
        .account
        .ok_or(Error::Corrupt("a key without an account"))?;
    Ok(match context.actor.appointment() {
        Some(appointment) => format!("{}/{}", account.0, appointment.0),
        None => account.0.to_string(),
    })
}
