//! The chain of hashes over the audit log (S-18): each row's hash covers the row, its place and the hash before it, so
//! that none can be changed, removed or moved without every later hash being another.
//!
//! The chain has no key on purpose: whoever holds a copy of one hash can check the log up to it without being trusted
//! with anything.

use aws_lc_rs::digest::{Context, SHA256};

/// The length of a hash.
pub const LENGTH: usize = 32;
/// What the first row is linked to.
pub const GENESIS: [u8; LENGTH] = [0; LENGTH];

/// The hash of a row: SHA-256 over the hash before it and the row's fields, each with its length before it, so that no
/// two rows read alike. An absent field is not an empty one.
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
