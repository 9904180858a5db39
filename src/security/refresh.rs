//! Refresh tokens are opaque and random. The service stores only digests of them (RFC 9700 §4.14).
//!
//! A token has two parts. The first is random, belongs to the session and is the same in all of its tokens. The second
//! is random in the first token, and in each later one a keyed digest of the token before it. So a token that was used
//! before is recognized as one of its session, which then ends, and a guessed token names no session. Whoever shows the
//! same token twice within the grace is told the same next one, though it is stored nowhere.

use super::vault::{SealPurpose, Vault};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const FAMILY: usize = 16;
const TURN: usize = 32;

/// A refresh token on its way to the client.
pub struct Refresh([u8; FAMILY + TURN]);

/// The stored digests of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// The digest that finds its session.
    pub family: Vec<u8>,
    /// The digest that tells which of the session's tokens it is.
    pub token: Vec<u8>,
}

impl Refresh {
    /// The first token of a new session.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    pub fn first() -> Self {
        Self(super::random())
    }

    /// The next token of the same session. Only the service can tell it from this one.
    pub fn next(&self, vault: &Vault) -> Self {
        let mut bytes = self.0;
        let turn = vault.digest(SealPurpose::NextRefresh, &URL_SAFE_NO_PAD.encode(self.0));
        bytes[FAMILY..].copy_from_slice(&turn[..TURN]);
        Self(bytes)
    }

    /// Reads a token as a client sends it; `None` for a text that can't be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The token as the client keeps it.
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The digests to store.
    pub fn digests(&self, vault: &Vault) -> Digests {
        let digest = |bytes: &[u8]| vault.digest(SealPurpose::Refresh, &URL_SAFE_NO_PAD.encode(bytes));
        Digests {
            family: digest(&self.0[..FAMILY]),
            token: digest(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api2_tokens_of_a_session_share_its_family_and_nothing_else() {
        let vault = Vault::new(&[(1, [1; 32])].into(), &[2; 32]).unwrap();
        let first = Refresh::first();
        let (next, other) = (first.next(&vault), Refresh::first());
        assert_eq!(first.next(&vault).reveal(), next.reveal());
        assert_ne!(next.next(&vault).reveal(), next.reveal());
        let (a, b, c) = (first.digests(&vault), next.digests(&vault), other.digests(&vault));
        assert_eq!(a.family, b.family);
        assert_ne!(a.token, b.token);
        assert_ne!(a.family, c.family);
        let read = Refresh::parse(&next.reveal()).unwrap();
        assert_eq!(read.digests(&vault), b);
        assert_eq!(next.reveal().len(), 64);
    }

    #[test]
    fn api2_a_text_that_is_no_token_is_not_parsed() {
        let token = Refresh::first().reveal();
        for text in [
            "",
            "x",
            &token[1..],
            &format!("{token}A"),
            &format!(" {token}"),
            &token.replace(|_| true, "!"),
        ] {
            assert!(Refresh::parse(text).is_none(), "{text}");
        }
    }
}
