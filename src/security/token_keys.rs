//! The keys of access tokens: Ed25519 (RFC 8032) in PKCS#8 PEM, one after another in one text. The first key signs and
//! all keys verify. So a new key can be known everywhere before it signs, and an old key stays known after it has
//! stopped signing.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A key can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not Ed25519 private keys in PKCS#8 PEM, one after another, each another one")]
pub struct BadKey;

/// One or more keys. The first one signs.
pub struct TokenKeys(Vec<Vec<u8>>);

/// A step of a rotation that signs nobody out. Each step is taken on every server before the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRotationStep {
    /// Adds a fresh key behind the others: it verifies everywhere and signs nowhere.
    Publish,
    /// Puts the last key first: it signs.
    Sign,
    /// Keeps only the first key. The tokens of the others have expired by then.
    Retire,
}

impl TokenKeys {
    /// One fresh key.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    pub fn generate() -> Self {
        Self(vec![fresh()])
    }

    /// Reads the keys. `\n` may stand for a line break, since an environment file has one line a value.
    ///
    /// # Errors
    /// [`BadKey`] when there is none, one is not an Ed25519 private key, or one occurs twice.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let text = text.replace("\\n", "\n");
        let mut keys = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (body, after) = rest
                .strip_prefix(BEGIN)
                .and_then(|rest| rest.split_once(END))
                .ok_or(BadKey)?;
            let body: String = body.split_whitespace().collect();
            let key = STANDARD.decode(body).map_err(|_| BadKey)?;
            pair(&key)?;
            if keys.contains(&key) {
                return Err(BadKey);
            }
            keys.push(key);
            rest = after.trim_start();
        }
        if keys.is_empty() { Err(BadKey) } else { Ok(Self(keys)) }
    }

    /// The text that [`TokenKeys::parse`] reads, on one line.
    pub fn reveal(&self) -> String {
        let pem = |key: &Vec<u8>| format!("{BEGIN}\\n{}\\n{END}\\n", STANDARD.encode(key));
        self.0.iter().map(pem).collect()
    }

    /// The keys after a step of a rotation.
    ///
    /// # Panics
    /// As [`TokenKeys::generate`].
    pub fn rotated(mut self, step: KeyRotationStep) -> Self {
        match step {
            KeyRotationStep::Publish => self.0.push(fresh()),
            KeyRotationStep::Sign => self.0.rotate_right(1),
            KeyRotationStep::Retire => self.0.truncate(1),
        }
        self
    }

    /// The private half of the signing key, as PKCS#8.
    pub(super) fn signing(&self) -> &[u8] {
        self.0.first().map(Vec::as_slice).unwrap_or_default()
    }

    /// The public halves, the signing key's first.
    ///
    /// # Errors
    /// Never for keys that were read or made.
    pub fn public(&self) -> Result<Vec<PublicKey>, BadKey> {
        self.0.iter().map(|key| Ok(PublicKey::of(&pair(key)?))).collect()
    }
}

/// The public half of a key, for verifying.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id in the header of tokens (`kid`).
    pub id: String,
    /// The 32 bytes of RFC 8032.
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// The public half of a pair. Its id is the start of its own digest, so ids need no coordination.
    pub fn of(pair: &Ed25519KeyPair) -> Self {
        let bytes = pair.public_key().as_ref().to_vec();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        Self {
            id: URL_SAFE_NO_PAD.encode(&digest.as_ref()[..12]),
            bytes,
        }
    }
}

fn pair(pkcs8: &[u8]) -> Result<Ed25519KeyPair, BadKey> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| BadKey)
}

fn fresh() -> Vec<u8> {
    match Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()) {
        Ok(document) => document.as_ref().to_vec(),
        Err(_) => panic!("the operating system gives no random bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(keys: &TokenKeys) -> Vec<String> {
        keys.public().unwrap().into_iter().map(|key| key.id).collect()
    }

    #[test]
    fn s07_a_rotation_publishes_then_signs_then_retires() {
        let old = TokenKeys::generate();
        let first = ids(&old);
        let published = old.rotated(KeyRotationStep::Publish);
        let both = ids(&published);
        assert_eq!((both.len(), &both[0]), (2, &first[0]));
        let signing = published.rotated(KeyRotationStep::Sign);
        assert_eq!(ids(&signing), [both[1].clone(), both[0].clone()]);
        assert_eq!(ids(&signing.rotated(KeyRotationStep::Retire)), [both[1].clone()]);
    }

    #[test]
    fn keys_are_read_as_they_are_written_and_nothing_else_is() {
        let keys = TokenKeys::generate().rotated(KeyRotationStep::Publish);
        let text = keys.reveal();
        assert_eq!(ids(&TokenKeys::parse(&text).unwrap()), ids(&keys));
        assert_eq!(ids(&TokenKeys::parse(&text.replace("\\n", "\n")).unwrap()), ids(&keys));
        for bad in [
            "",
            "geheim",
            &text[1..],
            &text.replace("END", "ENDE"),
            &format!("{text}{text}"),
        ] {
            assert!(TokenKeys::parse(bad).is_err());
        }
    }
}
