//! The hash chain over the audit log (S-18). Each row's hash covers the row, its number and the hash before it, so
//! changing, removing or moving a row changes every later hash.
//!
//! The chain has no key on purpose: anybody with a copy of one hash can check the log up to it, without being trusted
//! with a secret.

use aws_lc_rs::digest::{Context, SHA256};

/// The length of a hash in bytes.
pub const LENGTH: usize = 32;
/// The hash before the first row.
pub const GENESIS: [u8; LENGTH] = [0; LENGTH];

/// The hash of a row: SHA-256 over the hash before it and the row's fields, each with its length before it, so that no
/// two different rows give the same input. An absent field differs from an empty one.
pub fn link<'a>(previous: &[u8], fields: impl IntoIterator<Item = Option<&'a [u8]>>) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    for field in fields {
        let length = field.map_or(u64::MAX, |bytes| bytes.len() as u64);
        context.update(&length.to_be_bytes());
        context.update(field.unwrap_or_default());
    }
    context.finish().as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s18_every_difference_makes_another_hash() {
        let rows: [&[Option<&[u8]>]; 6] = [
            &[Some(b"a"), Some(b"b")],
            &[Some(b"ab"), Some(b"")],
            &[Some(b"ab"), None],
            &[None, Some(b"ab")],
            &[Some(b"ab")],
            &[],
        ];
        let mut hashes: Vec<Vec<u8>> = rows.iter().map(|row| link(&GENESIS, row.iter().copied())).collect();
        hashes.push(link(&[1; LENGTH], rows[0].iter().copied()));
        let count = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }
}
