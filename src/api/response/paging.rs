//! Keyset cursors: opaque, signed, and bound to the list they came from.

use super::problem::Problem;
use crate::domain::catalogue::refusal::Refusal;
use crate::domain::core::input_error::InputError;
use crate::domain::core::language::Text;
use crate::domain::organization::facts::PlaceInTree;
use crate::security::vault::{SealPurpose, Vault};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

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

    /// The cursor that continues after a position: the values by which the list is ordered, as the last item had them. The
    /// item may move or disappear before the next page is read.
    pub fn cursor(&self, after: impl Serialize) -> String {
        // Numbers and texts can always be written as JSON.
        let mut bytes = serde_json::to_vec(&after).unwrap_or_default();
        let tag = self.tag(&bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position that a cursor continues after.
    ///
    /// # Errors
    /// `request.malformed` if the cursor was not issued for this list.
    pub fn after<P: DeserializeOwned>(&self, cursor: Option<&str>) -> Result<Option<P>, Problem> {
        let Some(cursor) = cursor else { return Ok(None) };
        let after = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| {
            let (after, tag) = bytes.split_last_chunk::<TAG>()?;
            aws_lc_rs::constant_time::verify_slices_are_equal(tag, &self.tag(after)).ok()?;
            serde_json::from_slice(after).ok()
        });
        after.map(Some).ok_or_else(foreign)
    }

    /// The cursor of a list in the order of the tree.
    pub fn cursor_in_tree(&self, after: &PlaceInTree) -> String {
        self.cursor((after.path.as_str(), after.key))
    }

    /// The position of a list in the order of the tree.
    ///
    /// # Errors
    /// As [`List::after`].
    pub fn after_in_tree(&self, cursor: Option<&str>) -> Result<Option<PlaceInTree>, Problem> {
        let after: Option<(String, i64)> = self.after(cursor)?;
        let place = |(path, key): (String, i64)| {
            let path = path.parse().map_err(|_| foreign())?;
            Ok(PlaceInTree { path, key })
        };
        after.map(place).transpose()
    }

    fn tag(&self, after: &[u8]) -> Vec<u8> {
        let text = format!("{} {}", self.identity, String::from_utf8_lossy(after));
        let mut tag = self.vault.digest(SealPurpose::Cursor, &text);
        tag.truncate(TAG);
        tag
    }
}

/// The refusal of a cursor that this list did not issue.
fn foreign() -> Problem {
    let foreign = InputError::Said(Text {
        zh: "不是这个列表给出的游标",
        en: "is not a cursor of this list",
    });
    Problem::new(Refusal::malformed(foreign).at("/cursor"))
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

/// Splits a page off the rows, of which one more than the limit was read. Returns the items, and the position of the last
/// one if more follow.
pub fn split_page<T, P>(mut items: Vec<T>, limit: i64, position: impl Fn(&T) -> P) -> (Vec<T>, Option<P>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if items.len() <= limit {
        return (items, None);
    }
    items.truncate(limit);
    let last = items.last().map(position);
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
        let place = PlaceInTree {
            path: "1/2/".parse().unwrap(),
            key: 7,
        };
        assert_eq!(
            list.after_in_tree(Some(&list.cursor_in_tree(&place))).ok(),
            Some(Some(place))
        );
        assert!(list.after_in_tree(Some(&cursor)).is_err());
        assert!(
            List::new(&vault, "list_members", &("org_2", true))
                .after::<i64>(Some(&cursor))
                .is_err()
        );
        let mut forged = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        forged[0] ^= 1;
        assert!(list.after::<i64>(Some(&URL_SAFE_NO_PAD.encode(forged))).is_err());
        for text in ["", "x", "AAAA", "ü"] {
            assert!(list.after::<i64>(Some(text)).is_err());
        }
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        assert_eq!(split_page(vec![1, 2], 2, |&x| x), (vec![1, 2], None));
        assert_eq!(split_page(vec![1, 2, 3], 2, |&x| x), (vec![1, 2], Some(2)));
    }
}
