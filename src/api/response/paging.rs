//! Keyset cursors: opaque, signed, and bound to the list they came from.

use super::problem::Problem;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::security::vault::{SealPurpose, Vault};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The largest number of items on a page.
pub const MOST: i64 = 200;
const DEFAULT: i64 = 20;
/// The length of a cursor's signature in bytes: 96 bits can't be guessed.
const TAG: usize = 12;

/// One list: its operation and filters, without cursor and limit. A cursor of another list is refused.
pub struct List<'a> {
    vault: &'a Vault,
    identity: String,
}

impl<'a> List<'a> {
    /// The list of an operation with its filters. `filters` must print them unambiguously.
    pub fn new(vault: &'a Vault, operation: &str, filters: &impl std::fmt::Debug) -> Self {
        Self {
            vault,
            identity: format!("{operation} {filters:?}"),
        }
    }

    /// The cursor that continues after an item.
    pub fn cursor(&self, after: i64) -> String {
        let mut bytes = after.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.tag(after));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key of the item that a cursor continues after.
    ///
    /// # Errors
    /// `request.malformed` if the cursor was not issued for this list.
    pub fn after(&self, cursor: Option<&str>) -> Result<Option<i64>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        let after = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| {
            let (after, tag) = bytes.split_first_chunk::<8>()?;
            let after = i64::from_be_bytes(*after);
            aws_lc_rs::constant_time::verify_slices_are_equal(tag, &self.tag(after))
                .ok()
                .map(|()| after)
        });
        let foreign = InputError::Said(Text {
            zh: "不是这个列表给出的游标",
            en: "is not a cursor of this list",
        });
        after
            .map(Some)
            .ok_or_else(|| Problem::new(Refusal::malformed(foreign).at("/cursor")))
    }

    fn tag(&self, after: i64) -> Vec<u8> {
        let mut tag = self
            .vault
            .digest(SealPurpose::Cursor, &format!("{} {after}", self.identity));
        tag.truncate(TAG);
        tag
    }
}

/// The number of items of a page.
///
/// # Errors
/// `request.malformed` outside of 1 to [`MOST`].
pub fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    limit_of(asked, DEFAULT, MOST)
}

/// As [`limit`], for a list with bounds of its own.
///
/// # Errors
/// `request.malformed` outside of 1 to `most`.
pub fn limit_of(asked: Option<i64>, default: i64, most: i64) -> Result<i64, Problem> {
    match asked {
        None => Ok(default),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::new(
            Refusal::malformed(InputError::Between(1, most)).at("/limit"),
        )),
    }
}

/// Splits a page off the rows, of which one more than the limit was read. Returns the items, and the key of the last
/// one if more follow.
pub fn split_page<T>(mut items: Vec<T>, limit: i64, key: impl Fn(&T) -> i64) -> (Vec<T>, Option<i64>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if items.len() <= limit {
        return (items, None);
    }
    items.truncate(limit);
    let last = items.last().map(key);
    (items, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let vault = Vault::new(&[(1, [1; 32])].into(), &[2; 32]).unwrap();
        let list = List::new(&vault, "list_members", &("org_1", true));
        let cursor = list.cursor(42);
        assert_eq!(list.after(Some(&cursor)).ok(), Some(Some(42)));
        assert!(
            List::new(&vault, "list_members", &("org_2", true))
                .after(Some(&cursor))
                .is_err()
        );
        let mut forged = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        forged[7] ^= 1;
        assert!(list.after(Some(&URL_SAFE_NO_PAD.encode(forged))).is_err());
        for text in ["", "x", "AAAA", "ü"] {
            assert!(list.after(Some(text)).is_err());
        }
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        assert_eq!(split_page(vec![1, 2], 2, |&x| x), (vec![1, 2], None));
        assert_eq!(split_page(vec![1, 2, 3], 2, |&x| x), (vec![1, 2], Some(2)));
    }
}
