//! Keys, tokens and passwords.

pub mod code;
pub mod passwords;
pub mod refresh;
pub mod seal;
pub mod token_keys;
pub mod tokens;
pub mod vault;
mod verified;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes from the operating system's generator.
///
/// # Panics
/// When the operating system gives no randomness: no secret can be made then.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        panic!("the operating system gives no random bytes");
    }
    bytes
}

/// A new secret for an integrator: 256 bits, URL-safe.
///
/// # Panics
/// As [`random`].
pub fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// Whether two digests are equal. The time does not depend on where they differ.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// A random text for secrets and identifiers: 128 bits, URL-safe.
pub fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}
