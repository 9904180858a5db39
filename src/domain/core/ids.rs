//! Identifiers. Inside the service an id is the database's 64-bit key. Outside it is an opaque string with a prefix for
//! its kind (`org_…`, `mem_…`, `trf_…`).

use super::input_error::InputError;
use std::fmt;
use std::str::FromStr;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct ParseIdError;

/// Crockford's base 32, in lower case. It has no `i`, `l`, `o` or `u`, so an id can be read out on the telephone.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 13 characters of 5 bits hold 64 bits.
const LENGTH: usize = 13;

// An odd factor has an inverse modulo 2^64, so this is a bijection. Neighbouring keys get unlike texts, and nobody can
// read a count of members out of an id. This is no secret and protects nothing. Scope checks do.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
const INVERSE: u64 = 0xf1de_83e1_9937_733d;

fn scramble(key: u64) -> u64 {
    let x = key.wrapping_mul(FACTOR);
    (x ^ (x >> 32)).wrapping_mul(FACTOR)
}

fn unscramble(text: u64) -> u64 {
    let x = text.wrapping_mul(INVERSE);
    (x ^ (x >> 32)).wrapping_mul(INVERSE)
}

fn encode(prefix: &str, key: i64) -> String {
    let mut out = String::with_capacity(prefix.len() + 1 + LENGTH);
    out.push_str(prefix);
    out.push('_');
    let bits = scramble(key as u64);
    for i in (0..LENGTH).rev() {
        out.push(ALPHABET[(bits >> (i * 5)) as usize & 31] as char);
    }
    out
}

fn decode(prefix: &str, text: &str) -> Result<i64, ParseIdError> {
    let body = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or(ParseIdError)?;
    if body.len() != LENGTH {
        return Err(ParseIdError);
    }
    let mut bits: u128 = 0;
    for byte in body.bytes() {
        let digit = ALPHABET.iter().position(|&c| c == byte).ok_or(ParseIdError)?;
        bits = bits << 5 | digit as u128;
    }
    let bits = u64::try_from(bits).map_err(|_| ParseIdError)?;
    let key = unscramble(bits) as i64;
    if key > 0 { Ok(key) } else { Err(ParseIdError) }
}

/// Whether a text has the form of an id of any kind. Only such a text is copied from an address into a log.
pub fn has_form(text: &str) -> bool {
    let parts = text.split_once('_');
    parts.is_some_and(|(prefix, body)| {
        prefix.len() == 3
            && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
            && body.len() == LENGTH
            && body.bytes().all(|byte| ALPHABET.contains(&byte))
    })
}

/// The key of an id of any kind. `None` for a text that is not an id.
pub fn key_of(text: &str) -> Option<i64> {
    let (prefix, _) = text.split_once('_').filter(|_| has_form(text))?;
    decode(prefix, text).ok()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl $name {
            /// The prefix of the outside form.
            pub const PREFIX: &'static str = $prefix;
            /// An id that no row has.
            pub const NONE: Self = Self(0);
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&encode($prefix, self.0)) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}#{}", $prefix, self.0) }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> { decode($prefix, text).map(Self) }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(|_| InputError::Id($prefix.to_owned()).into_serde())
            }
        }
    )*};
}

ids! {
    /// An organization (团组织).
    OrganizationId = "org";
    /// A League member (团员).
    MemberId = "mem";
    /// A person's account.
    AccountId = "acc";
    /// One of the secrets of another system's credential.
    IntegratorSecretId = "sec";
    /// An appointment of a person to an office (管理员任职).
    AppointmentId = "apt";
    /// A request to appoint or dismiss an administrator (管理员任免申请).
    AppointmentRequestId = "apr";
    /// A transfer case (组织关系转接).
    TransferId = "trf";
    /// A request to change a graduate branch's month (毕业时间修改申请).
    MonthChangeId = "gmc";
    /// An identity certification (团员身份认证).
    CertificationId = "crt";
    /// One sign-in's session.
    SessionId = "ses";
    /// An entry of an organization's inbox (操作中心).
    InboxEntryId = "inb";
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_survives_the_way_out_and_back(key in 1..i64::MAX) {
            let id = MemberId(key);
            prop_assert_eq!(id.to_string().parse::<MemberId>(), Ok(id));
            prop_assert!(id.to_string().parse::<OrganizationId>().is_err());
            prop_assert!(has_form(&id.to_string()));
            prop_assert_eq!(key_of(&id.to_string()), Some(key));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,40}") {
            let _ = text.parse::<TransferId>();
            prop_assert!(has_form(&text) || key_of(&text).is_none());
        }
    }
}
