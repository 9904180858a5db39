//! Idempotency keys: the answer is stored in the same transaction as the effect, and a repeated request gets it again.

use super::{Context, Error, Result};
use crate::db::{Conn, Unique};
use crate::domain::catalogue::code::Code;
use crate::repository::idempotency::{self, NewAnswer, StoredAnswer};
use std::collections::HashSet;

/// An idempotency key with the digest of the request it was sent with.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The client's `Idempotency-Key`.
    pub key: String,
    /// A digest over the request's method, path and body.
    pub fingerprint: Vec<u8>,
}

/// The part of a response that is kept and must be the same for a repeated request.
#[derive(Debug, Clone)]
pub struct KeptAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The address of what was created.
    pub location: Option<String>,
    /// Its version.
    pub etag: Option<String>,
    /// The JSON body.
    pub body: String,
    /// Whether this is a repeated answer.
    pub replayed: bool,
}

/// What to do with a request, given its key.
pub enum ClaimState {
    /// There is an answer already: the kept one, or a refusal because the key was used with another content.
    Answered(Result<KeptAnswer>),
    /// Another request of this batch has the same key and comes first.
    SameKeyEarlier,
    /// No request with this key has been run.
    New,
}

/// The states of several keys. Waits for concurrent requests with the same keys to finish.
///
/// # Errors
/// When the database fails.
pub fn claim_states(conn: &mut Conn, claims: &[(&Context, &Claim)]) -> Result<Vec<ClaimState>> {
    let keys = claims
        .iter()
        .map(|(context, claim)| Ok((actor_key(context)?, claim.key.clone())));
    let keys: Vec<(String, String)> = keys.collect::<Result<_>>()?;
    let stored = idempotency::find_many(conn, &keys)?;
    let mut seen = HashSet::new();
    let mut states = Vec::with_capacity(claims.len());
    for ((key, stored), (_, claim)) in keys.iter().zip(stored).zip(claims) {
        states.push(match stored {
            Some(stored) => ClaimState::Answered(replay(stored, claim)),
            None if seen.insert(key) => ClaimState::New,
            None => ClaimState::SameKeyEarlier,
        });
    }
    Ok(states)
}

/// Keeps the answers of new requests.
///
/// # Errors
/// `service.busy` if a concurrent request with the same key was faster. This one is rolled back, and sending it again
/// gets the answer.
pub fn keep_many(conn: &mut Conn, answers: &[(&Context, &Claim, KeptAnswer)]) -> Result<()> {
    let actors = answers.iter().map(|(context, ..)| actor_key(context));
    let actors: Vec<String> = actors.collect::<Result<_>>()?;
    let mut rows = Vec::with_capacity(answers.len());
    for (actor, (context, claim, answer)) in actors.iter().zip(answers) {
        rows.push(NewAnswer {
            actor,
            key: &claim.key,
            fingerprint: &claim.fingerprint,
            status: i32::from(answer.status),
            location: answer.location.as_deref(),
            etag: answer.etag.as_deref(),
            body: &answer.body,
            created_at: context.now.into(),
        });
    }
    match idempotency::store_many(conn, &rows) {
        Err(e) if Unique::violated(&e) == Some(Unique::IdempotencyKey) => Err(Code::ServiceBusy.into()),
        stored => Ok(stored?),
    }
}

/// Runs a use case once for a key. A repeated request with the same key and content gets the first answer. Refusals are
/// not kept, because they had no effect and the next try may succeed.
///
/// # Errors
/// `request.idempotency_key_reused` if the key came with another content before. Otherwise the errors of the use case.
pub fn once(
    conn: &mut Conn,
    context: &Context,
    claim: &Claim,
    use_case: impl FnOnce(&mut Conn) -> Result<KeptAnswer>,
) -> Result<KeptAnswer> {
    for state in claim_states(conn, &[(context, claim)])? {
        if let ClaimState::Answered(answer) = state {
            return answer;
        }
    }
    let kept = [(context, claim, use_case(conn)?)];
    keep_many(conn, &kept)?;
    let [(.., answer)] = kept;
    Ok(answer)
}

fn replay(stored: StoredAnswer, claim: &Claim) -> Result<KeptAnswer> {
    if stored.fingerprint != claim.fingerprint {
        return Err(Code::RequestKeyReused.into());
    }
    Ok(KeptAnswer {
        status: u16::try_from(stored.status)
            .map_err(|_| Error::Corrupt("the HTTP status of a kept answer is out of range"))?,
        location: stored.location,
        etag: stored.etag,
        body: stored.body,
        replayed: true,
    })
}

/// The scope of a key: the account and the office it acts from. An answer to one office is not for another.
fn actor_key(context: &Context) -> Result<String> {
    let account = context
        .actor
        .account
        .ok_or(Error::Corrupt("an idempotency key has no account"))?;
    Ok(match context.actor.appointment() {
        Some(appointment) => format!("{}/{}", account.0, appointment.0),
        None => account.0.to_string(),
    })
}
