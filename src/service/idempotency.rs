//! One effect a key: the answer is stored in the effect's own transaction and given again to whoever repeats it.

use super::{Context, Error, Result};
use crate::db::{Conn, Unique};
use crate::domain::catalogue::code::Code;
use crate::repository::idempotency::{self, NewAnswer, StoredAnswer};
use std::collections::HashSet;

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
pub struct KeptAnswer {
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

/// What a key says about a request before anything is done.
pub enum ClaimState {
    /// It was answered before, or came before with another content.
    Answered(Result<KeptAnswer>),
    /// A twin of it is among those asked about with it, and comes first.
    Twin,
    /// Nothing was done for it yet.
    New,
}

/// How several requests stand. Their twins, wherever they are under way, are waited for.
///
/// # Errors
/// When the database fails.
pub fn standings(conn: &mut Conn, claims: &[(&Context, &Claim)]) -> Result<Vec<ClaimState>> {
    let keys = claims
        .iter()
        .map(|(context, claim)| Ok((actor_key(context)?, claim.key.clone())));
    let keys: Vec<(String, String)> = keys.collect::<Result<_>>()?;
    let stored = idempotency::find_many(conn, &keys)?;
    let mut seen = HashSet::new();
    let mut standings = Vec::with_capacity(claims.len());
    for ((key, stored), (_, claim)) in keys.iter().zip(stored).zip(claims) {
        standings.push(match stored {
            Some(stored) => ClaimState::Answered(replay(stored, claim)),
            None if seen.insert(key) => ClaimState::New,
            None => ClaimState::Twin,
        });
    }
    Ok(standings)
}

/// Keeps the answers of new requests.
///
/// # Errors
/// `service.busy` when a twin of one was faster: this one is undone, and its repetition will find the answer.
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

/// Runs a use case once for a key: a second request with the same key and content gets the first one's answer.
/// Refusals are not kept: they had no effect, and the next try may succeed.
///
/// # Errors
/// `request.idempotency_key_reused` when the key came with another content; else what the use case answers.
pub fn once(
    conn: &mut Conn,
    context: &Context,
    claim: &Claim,
    use_case: impl FnOnce(&mut Conn) -> Result<KeptAnswer>,
) -> Result<KeptAnswer> {
    for standing in standings(conn, &[(context, claim)])? {
        if let ClaimState::Answered(answer) = standing {
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
