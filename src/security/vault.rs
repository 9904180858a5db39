//! Personal data at rest: sealed with AES-256-GCM-SIV (RFC 8452), found by a keyed digest (HMAC-SHA-256).
//!
//! A sealed value is `key id (1 byte) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. With the key id, old and new keys can be
//! used side by side while data is resealed. The purpose and the row are authenticated with the value. So somebody who
//! can write to the tables can't present a telephone number as an ID number, or one person's as another's.

use super::random;
use crate::domain::core::ids::{AccountId, AppointmentRequestId, MemberId, TransferId};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use std::collections::BTreeMap;
use std::sync::Arc;

const NONCE: usize = 12;

/// The bytes are not a sealed value of this purpose and row under a known key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a sealed value of this purpose and row under a known key")]
pub struct UnsealError;

/// The row that holds a sealed value. The value opens in no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealedRow {
    /// A member.
    Member(MemberId),
    /// An account.
    Account(AccountId),
    /// The person of an inbound case.
    InboundCase(TransferId),
    /// The person whom an appointment request names.
    AppointmentRequest(AppointmentRequestId),
    /// A change of a member's record, by its key.
    MemberChange(i64),
}

impl SealedRow {
    fn parts(self) -> (&'static [u8], i64) {
        match self {
            Self::Member(id) => (b"member", id.0),
            Self::Account(id) => (b"account", id.0),
            Self::InboundCase(id) => (b"inbound_case", id.0),
            Self::AppointmentRequest(id) => (b"appointment_request", id.0),
            Self::MemberChange(key) => (b"member_change", key),
        }
    }
}

/// What is authenticated with a sealed value. No label contains a zero.
fn bound_to(purpose: SealPurpose, row: SealedRow) -> Vec<u8> {
    let (table, key) = row.parts();
    [purpose.label(), &[0], table, &[0], &key.to_be_bytes()].concat()
}

/// What a sealed or digested value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealPurpose {
    /// A citizen's ID number (公民身份号码).
    IdNumber,
    /// A telephone number.
    Phone,
    /// An integrator's secret. Only digested.
    IntegratorSecret,
    /// A one-time code. Only digested.
    ResetCode,
    /// A refresh token, or the common part of a session's tokens. Only digested.
    Refresh,
    /// The token after a refresh token. Only digested.
    NextRefresh,
    /// The ID number or the address of a sign-in that failed. Only digested.
    Attempt,
    /// A client's address. Only digested.
    Address,
    /// A WeChat identity (openid). Only digested.
    Wechat,
    /// The position in a list where the next page begins. Only digested.
    Cursor,
}

impl SealPurpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::IdNumber => b"id_number",
            Self::Phone => b"phone",
            Self::IntegratorSecret => b"integrator_secret",
            Self::ResetCode => b"reset_code",
            Self::Refresh => b"refresh",
            Self::NextRefresh => b"next_refresh",
            Self::Attempt => b"attempt",
            Self::Address => b"address",
            Self::Wechat => b"wechat",
            Self::Cursor => b"cursor",
        }
    }
}

/// The first bytes of a sealed file.
const MARK: &[u8; 4] = b"ZJF2";
/// The length of what precedes a sealed file's first piece: the mark, the key's id, and the prefix of its nonces.
pub const FILE_HEADER: usize = 12;
/// How many bytes of a file are sealed at a time.
pub const FILE_PIECE: usize = 64 * 1024;
/// How many bytes longer a piece is when it is sealed.
pub const FILE_TAG: usize = 16;

/// Seals or opens a file piece by piece. Each piece is sealed with its number, and the last one is marked as the last,
/// so that no piece can be changed, left out, moved or cut off (the STREAM construction, Hoang et al. 2015). What the
/// file is bound to is authenticated with each piece, so that no file can be presented as another.
pub struct FileSeal {
    keys: Arc<BTreeMap<u8, LessSafeKey>>,
    header: [u8; FILE_HEADER],
    bound_to: Vec<u8>,
    number: u32,
}

impl FileSeal {
    fn new(keys: Arc<BTreeMap<u8, LessSafeKey>>, header: [u8; FILE_HEADER], bound_to: Vec<u8>) -> Self {
        Self {
            keys,
            header,
            bound_to,
            number: 0,
        }
    }

    /// The bytes that the file begins with.
    pub fn header(&self) -> &[u8; FILE_HEADER] {
        &self.header
    }

    fn key(&self) -> Result<&LessSafeKey, UnsealError> {
        self.keys.get(&self.header[MARK.len()]).ok_or(UnsealError)
    }

    fn next_nonce(&mut self, is_last: bool) -> Result<Nonce, UnsealError> {
        let mut nonce = [0; NONCE];
        nonce[..7].copy_from_slice(&self.header[MARK.len() + 1..]);
        nonce[7..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(is_last);
        self.number = self.number.checked_add(1).ok_or(UnsealError)?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }

    /// Seals the next piece.
    ///
    /// # Errors
    /// After 2^32 pieces.
    pub fn seal(&mut self, piece: &mut Vec<u8>, is_last: bool) -> Result<(), UnsealError> {
        let nonce = self.next_nonce(is_last)?;
        self.key()?
            .seal_in_place_append_tag(nonce, Aad::from(&self.bound_to), piece)
            .map_err(|_| UnsealError)
    }

    /// Opens the next piece.
    ///
    /// # Errors
    /// When it is not the piece that was sealed at this position, or the file is bound to something else.
    pub fn open(&mut self, piece: &mut Vec<u8>, is_last: bool) -> Result<(), UnsealError> {
        let nonce = self.next_nonce(is_last)?;
        let length = self
            .key()?
            .open_in_place(nonce, Aad::from(&self.bound_to), piece)
            .map_err(|_| UnsealError)?
            .len();
        piece.truncate(length);
        Ok(())
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

    /// Seals a value for a row under the newest key.
    ///
    /// # Panics
    /// Only when the value is longer than 2^36 bytes, which no field is.
    pub fn seal(&self, purpose: SealPurpose, row: SealedRow, value: &str) -> Vec<u8> {
        let nonce = random::<NONCE>();
        let mut body = value.as_bytes().to_vec();
        let sealed = self.keys[&self.newest].seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(bound_to(purpose, row)),
            &mut body,
        );
        assert!(sealed.is_ok(), "a field too long to seal");
        let mut out = Vec::with_capacity(1 + NONCE + body.len());
        out.push(self.newest);
        out.extend_from_slice(&nonce);
        out.append(&mut body);
        out
    }

    /// Opens a sealed value of a row.
    ///
    /// # Errors
    /// When it was sealed for another purpose or row or under an unknown key, or changed since.
    pub fn open(&self, purpose: SealPurpose, row: SealedRow, sealed: &[u8]) -> Result<String, UnsealError> {
        let (&id, rest) = sealed.split_first().ok_or(UnsealError)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(UnsealError)?;
        let key = self.keys.get(&id).ok_or(UnsealError)?;
        let mut body = body.to_vec();
        let plain = key
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(bound_to(purpose, row)),
                &mut body,
            )
            .map_err(|_| UnsealError)?;
        String::from_utf8(plain.to_vec()).map_err(|_| UnsealError)
    }

    /// A sealed value under the newest key; `None` if it is under that key already.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn reseal(&self, purpose: SealPurpose, row: SealedRow, sealed: &[u8]) -> Result<Option<Vec<u8>>, UnsealError> {
        if sealed.first() == Some(&self.newest) {
            return Ok(None);
        }
        Ok(Some(self.seal(purpose, row, &self.open(purpose, row, sealed)?)))
    }

    /// A value of one row, sealed for another.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn hand_over(
        &self,
        purpose: SealPurpose,
        from: SealedRow,
        to: SealedRow,
        sealed: &[u8],
    ) -> Result<Vec<u8>, UnsealError> {
        Ok(self.seal(purpose, to, &self.open(purpose, from, sealed)?))
    }

    /// The id of the key that seals.
    pub fn newest(&self) -> u8 {
        self.newest
    }

    /// Begins to seal a file under the newest key, bound to some bytes.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    pub fn seal_file(&self, bound_to: Vec<u8>) -> FileSeal {
        let mut header = [0; FILE_HEADER];
        header[..MARK.len()].copy_from_slice(MARK);
        header[MARK.len()] = self.newest;
        header[MARK.len() + 1..].copy_from_slice(&random::<7>());
        FileSeal::new(self.keys.clone(), header, bound_to)
    }

    /// Begins to open a file by its first bytes. It opens only if it was bound to the same bytes.
    ///
    /// # Errors
    /// When it is not a sealed file, or sealed under an unknown key.
    pub fn open_file(&self, header: [u8; FILE_HEADER], bound_to: Vec<u8>) -> Result<FileSeal, UnsealError> {
        let is_known = header.starts_with(MARK) && self.keys.contains_key(&header[MARK.len()]);
        let seal = FileSeal::new(self.keys.clone(), header, bound_to);
        is_known.then_some(seal).ok_or(UnsealError)
    }

    /// Whether a file with this beginning is sealed under the newest key.
    pub fn is_newest(&self, header: &[u8; FILE_HEADER]) -> bool {
        header.starts_with(MARK) && header[MARK.len()] == self.newest
    }

    /// The digest that finds equal values without opening any.
    pub fn digest(&self, purpose: SealPurpose, value: &str) -> Vec<u8> {
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

    const ROW: SealedRow = SealedRow::Member(MemberId(7));

    fn vault(ids: &[u8]) -> Vault {
        Vault::new(&ids.iter().map(|&id| (id, [id; 32])).collect(), &[9; 32]).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_and_differs_each_time() {
        let vault = vault(&[1]);
        let (a, b) = (
            vault.seal(SealPurpose::Phone, ROW, "13800000000"),
            vault.seal(SealPurpose::Phone, ROW, "13800000000"),
        );
        assert_ne!(a, b);
        assert_eq!(vault.open(SealPurpose::Phone, ROW, &a).as_deref(), Ok("13800000000"));
        assert_eq!(
            vault.digest(SealPurpose::Phone, "x"),
            vault.digest(SealPurpose::Phone, "x")
        );
        assert_ne!(
            vault.digest(SealPurpose::Phone, "x"),
            vault.digest(SealPurpose::IdNumber, "x")
        );
    }

    #[test]
    fn s11_no_piece_of_a_sealed_file_can_be_changed_left_out_moved_or_cut_off() {
        let vault = vault(&[1]);
        let mut seal = vault.seal_file(b"row 1".to_vec());
        let header = *seal.header();
        let pieces: Vec<Vec<u8>> = [(b"one", false), (b"two", false), (b"end", true)]
            .map(|(text, is_last)| {
                let mut piece = text.to_vec();
                seal.seal(&mut piece, is_last).unwrap();
                piece
            })
            .into();
        let read_for = |row: &str, order: &[usize], vault: &Vault| -> Result<Vec<u8>, UnsealError> {
            let mut seal = vault.open_file(header, row.into())?;
            let mut text = Vec::new();
            for (at, &piece) in order.iter().enumerate() {
                let mut piece = pieces[piece].clone();
                seal.open(&mut piece, at + 1 == order.len())?;
                text.append(&mut piece);
            }
            Ok(text)
        };
        let read = |order: &[usize], vault: &Vault| read_for("row 1", order, vault);
        assert_eq!(read_for("row 2", &[0, 1, 2], &vault), Err(UnsealError));
        assert_eq!(read(&[0, 1, 2], &vault).as_deref(), Ok(&b"onetwoend"[..]));
        for order in [&[1, 0, 2][..], &[0, 2], &[0, 1], &[0], &[0, 1, 1, 2], &[2]] {
            assert_eq!(read(order, &vault), Err(UnsealError), "{order:?}");
        }
        assert_eq!(read(&[0, 1, 2], &self::vault(&[2])), Err(UnsealError));
    }

    #[test]
    fn only_what_is_under_an_older_key_is_sealed_again() {
        let (old, both, new) = (vault(&[1]), vault(&[1, 2]), vault(&[2]));
        let sealed = old.seal(SealPurpose::Phone, ROW, "x");
        let again = both.reseal(SealPurpose::Phone, ROW, &sealed).unwrap().unwrap();
        assert_eq!(new.open(SealPurpose::Phone, ROW, &again).as_deref(), Ok("x"));
        assert_eq!(both.reseal(SealPurpose::Phone, ROW, &again), Ok(None));
        assert_eq!(new.reseal(SealPurpose::Phone, ROW, &sealed), Err(UnsealError));
    }

    #[test]
    fn s11_a_value_opens_in_its_own_row_only_and_can_be_handed_over() {
        let vault = vault(&[1]);
        let rows = [
            ROW,
            SealedRow::Member(MemberId(8)),
            SealedRow::Account(AccountId(7)),
            SealedRow::InboundCase(TransferId(7)),
            SealedRow::AppointmentRequest(AppointmentRequestId(7)),
        ];
        for from in rows {
            let sealed = vault.seal(SealPurpose::Phone, from, "x");
            for to in rows {
                let opened = vault.open(SealPurpose::Phone, to, &sealed);
                assert_eq!(opened.is_ok(), from == to, "{from:?} in {to:?}");
                let handed = vault.hand_over(SealPurpose::Phone, from, to, &sealed).unwrap();
                assert_eq!(vault.open(SealPurpose::Phone, to, &handed).as_deref(), Ok("x"));
            }
        }
    }

    #[test]
    fn a_changed_byte_another_purpose_or_a_lost_key_opens_nothing() {
        let sealed = vault(&[1]).seal(SealPurpose::IdNumber, ROW, "x");
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(
                vault(&[1]).open(SealPurpose::IdNumber, ROW, &changed),
                Err(UnsealError),
                "byte {i}"
            );
        }
        assert_eq!(vault(&[1]).open(SealPurpose::Phone, ROW, &sealed), Err(UnsealError));
        assert_eq!(vault(&[2]).open(SealPurpose::IdNumber, ROW, &sealed), Err(UnsealError));
        assert_eq!(
            vault(&[1, 2]).open(SealPurpose::IdNumber, ROW, &sealed).as_deref(),
            Ok("x")
        );
        assert_eq!(vault(&[1]).open(SealPurpose::IdNumber, ROW, &[]), Err(UnsealError));
    }
}
