//! Personal data at rest: sealed with AES-256-GCM-SIV (RFC 8452), found again by a keyed digest (HMAC-SHA-256).
//!
//! A sealed value is `key id (1 byte) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The key id lets old and new keys live side
//! by side while a rotation re-seals. The purpose is authenticated with the value, so a telephone number can't be
//! passed off as an ID number by somebody who can write to the tables.

use super::random;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use std::collections::BTreeMap;
use std::sync::Arc;

const NONCE: usize = 12;

/// The bytes are not a sealed value of this purpose under a key we have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sealed value of this purpose under a known key")]
pub struct UnsealError;

/// What a sealed value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A citizen's ID number (公民身份号码).
    IdNumber,
    /// A telephone number.
    Phone,
    /// Another system's secret; only digested.
    IntegratorSecret,
    /// A one-time code; only digested.
    ResetCode,
    /// A refresh token, or what those of a session have in common; only digested.
    Refresh,
    /// Who failed to sign in from where; only digested.
    Attempt,
    /// A client's address; only digested.
    Address,
    /// A WeChat identity (openid); only digested.
    Wechat,
    /// The place in a list where the next page begins; only digested.
    Cursor,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::IdNumber => b"id_number",
            Self::Phone => b"phone",
            Self::IntegratorSecret => b"integrator_secret",
            Self::ResetCode => b"reset_code",
            Self::Refresh => b"refresh",
            Self::Attempt => b"attempt",
            Self::Address => b"address",
            Self::Wechat => b"wechat",
            Self::Cursor => b"cursor",
        }
    }
}

/// The keys of personal data. Cloning shares them; `Debug` shows none.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<BTreeMap<u8, LessSafeKey>>,
    newest: u8,
    index: Arc<hmac::Key>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} keys)", self.keys.len())
    }
}

impl Vault {
    /// A vault with sealing keys by id (the highest seals, all open) and the key of the digests, which never changes.
    /// `None` without a sealing key.
    pub fn new(sealing: &BTreeMap<u8, [u8; 32]>, index: &[u8; 32]) -> Option<Self> {
        let newest = *sealing.keys().next_back()?;
        let keys = sealing
            .iter()
            .map(|(&id, key)| Some((id, LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).ok()?))))
            .collect::<Option<_>>()?;
        Some(Self {
            keys: Arc::new(keys),
            newest,
            index: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, index)),
        })
    }

    /// Seals a value under the newest key.
    ///
    /// # Panics
    /// Only when the value is longer than 2^36 bytes, which no field is.
    pub fn seal(&self, purpose: Purpose, value: &str) -> Vec<u8> {
        let nonce = random::<NONCE>();
        let mut body = value.as_bytes().to_vec();
        let sealed = self.keys[&self.newest].seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose.label()),
            &mut body,
        );
        assert!(sealed.is_ok(), "a field too long to seal");
        let mut out = Vec::with_capacity(1 + NONCE + body.len());
        out.push(self.newest);
        out.extend_from_slice(&nonce);
        out.append(&mut body);
        out
    }

    /// Opens a sealed value.
    ///
    /// # Errors
    /// When it was sealed for another purpose, under a key we do not have, or changed since.
    pub fn open(&self, purpose: Purpose, sealed: &[u8]) -> Result<String, UnsealError> {
        let (&id, rest) = sealed.split_first().ok_or(UnsealError)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(UnsealError)?;
        let key = self.keys.get(&id).ok_or(UnsealError)?;
        let mut body = body.to_vec();
        let plain = key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose.label()),
                &mut body,
            )
            .map_err(|_| UnsealError)?;
        String::from_utf8(plain.to_vec()).map_err(|_| UnsealError)
    }

    /// The digest by which equal values are found without opening any.
    pub fn digest(&self, purpose: Purpose, value: &str) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(purpose.label());
        context.update(&[0]);
        context.update(value.as_bytes());
        context.sign().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(ids: &[u8]) -> Vault {
        Vault::new(&ids.iter().map(|&id| (id, [id; 32])).collect(), &[9; 32]).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_and_differs_each_time() {
        let vault = vault(&[1]);
        let (a, b) = (
            vault.seal(Purpose::Phone, "13800000000"),
            vault.seal(Purpose::Phone, "13800000000"),
        );
        assert_ne!(a, b);
        assert_eq!(vault.open(Purpose::Phone, &a).as_deref(), Ok("13800000000"));
        assert_eq!(vault.digest(Purpose::Phone, "x"), vault.digest(Purpose::Phone, "x"));
        assert_ne!(vault.digest(Purpose::Phone, "x"), vault.digest(Purpose::IdNumber, "x"));
    }

    #[test]
    fn a_changed_byte_another_purpose_or_a_lost_key_opens_nothing() {
        let sealed = vault(&[1]).seal(Purpose::IdNumber, "x");
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(
                vault(&[1]).open(Purpose::IdNumber, &changed),
                Err(UnsealError),
                "byte {i}"
            );
        }
        assert_eq!(vault(&[1]).open(Purpose::Phone, &sealed), Err(UnsealError));
        assert_eq!(vault(&[2]).open(Purpose::IdNumber, &sealed), Err(UnsealError));
        assert_eq!(vault(&[1, 2]).open(Purpose::IdNumber, &sealed).as_deref(), Ok("x"));
        assert_eq!(vault(&[1]).open(Purpose::IdNumber, &[]), Err(UnsealError));
    }
}
