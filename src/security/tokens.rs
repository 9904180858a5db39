//! Access tokens: JWT (RFC 7519) of type `at+jwt` (RFC 9068), signed with EdDSA over Ed25519 (RFC 8037).
//!
//! A token's header holds nothing but the id of its key. So there is exactly one valid header for each key, and a
//! token's header is compared with those byte by byte. A token with another algorithm, another type, a key of its own
//! (`jwk`, `jku`, `x5u`, `x5c`), a `crit` or anything else is refused without being parsed (S-07).

use super::token_keys::{BadKey, PublicKey, TokenKeys};
use super::verified::{Fingerprint, Verified};
use crate::domain::core::ids::{AccountId, AppointmentId, SessionId};
use crate::domain::core::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The default issuer and audience of our tokens.
pub const ISSUER: &str = "zhuanjie";
pub const AUDIENCE: &str = "zhuanjie-api";
/// RFC 9068: the type says that it is an access token, so that no other kind of token is accepted as one.
const TYPE: &str = "at+jwt";
/// Twice the length of our tokens. A longer text is refused without computing a digest.
const LONGEST: usize = 1024;

/// The token is not one of ours, or not valid now. Clients are not told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

/// Every claim occurs once and with its type, and no other claim occurs: serde refuses anything else.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: AccountId,
    /// The session; an integrator's token has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    /// The office the bearer acts from. Without it they act for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    office: Option<AppointmentId>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

/// The content of a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bearer {
    /// The account.
    pub account: AccountId,
    /// The session. People have one, integrators none.
    pub session: Option<SessionId>,
    /// The office the bearer acts from, if any.
    pub office: Option<AppointmentId>,
}

/// Issuer, audience and lifetime of tokens.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The issuer (`iss`).
    pub issuer: String,
    /// The audience (`aud`).
    pub audience: String,
    /// How long a token is valid.
    pub lifetime: TimeDelta,
}

impl Terms {
    /// The defaults, with a lifetime.
    pub fn lasting(lifetime: TimeDelta) -> Self {
        Self {
            issuer: ISSUER.into(),
            audience: AUDIENCE.into(),
            lifetime,
        }
    }
}

/// Issues and checks tokens. Cloning shares the keys.
#[derive(Clone)]
pub struct Tokens(Arc<TokensInner>);

struct TokensInner {
    terms: Terms,
    signing: EncodingKey,
    header: Header,
    /// Each key by the header of the tokens it signs, as it is written in the token.
    verifying: HashMap<String, DecodingKey>,
    validation: Validation,
    /// In the order of the configuration.
    public: Vec<PublicKey>,
    verified: Verified<Stated>,
}

/// The content of a token with a valid signature, and when it is valid.
#[derive(Debug, Clone, Copy)]
struct Stated {
    bearer: Bearer,
    from: i64,
    until: i64,
}

impl Tokens {
    /// Issues with the first key and checks with all.
    ///
    /// # Errors
    /// Never for keys that were read or made.
    pub fn new(keys: &TokenKeys, terms: Terms) -> Result<Self, BadKey> {
        let public = keys.public()?;
        let verifying = public
            .iter()
            .map(|key| Ok((written(&header(key))?, DecodingKey::from_ed_der(&key.bytes))));
        let verifying = verifying.collect::<Result<_, BadKey>>()?;
        Ok(Self(Arc::new(TokensInner {
            signing: EncodingKey::from_ed_der(keys.signing()),
            header: header(public.first().ok_or(BadKey)?),
            verifying,
            validation: validation(&terms),
            terms,
            public,
            verified: Verified::new(),
        })))
    }

    /// A key that exists only in this process, for the demo and for tests.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    pub fn ephemeral(lifetime: TimeDelta) -> Self {
        Self::new(&TokenKeys::generate(), Terms::lasting(lifetime))
            .unwrap_or_else(|_| unreachable!("a key just made is a key"))
    }

    /// How long a token is valid.
    pub fn lifetime(&self) -> TimeDelta {
        self.0.terms.lifetime
    }

    /// The public keys that anybody may verify our tokens with, the signing key's first.
    pub fn public_keys(&self) -> &[PublicKey] {
        &self.0.public
    }

    /// A token for a bearer, valid from `now`.
    ///
    /// # Errors
    /// When the library can't sign. It can with a key that was read.
    pub fn issue(&self, bearer: Bearer, now: Timestamp) -> Result<String, InvalidToken> {
        let terms = &self.0.terms;
        let claims = Claims {
            iss: terms.issuer.clone(),
            aud: terms.audience.clone(),
            sub: bearer.account,
            sid: bearer.session,
            office: bearer.office,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + terms.lifetime).timestamp(),
            jti: super::random_text(),
        };
        jsonwebtoken::encode(&self.0.header, &claims, &self.0.signing).map_err(|_| InvalidToken)
    }

    /// The bearer of a token, if it is ours and valid now. A token that was verified before costs a digest and a
    /// look-up.
    ///
    /// # Errors
    /// [`InvalidToken`] for any other text.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Bearer, InvalidToken> {
        if token.len() > LONGEST {
            return Err(InvalidToken);
        }
        let fingerprint = Fingerprint::of(token);
        let stated = match self.0.verified.get(&fingerprint) {
            Some(stated) => stated,
            None => {
                let stated = self.verify(token).ok_or(InvalidToken)?;
                let has_ended = |stated: &Stated, now: Timestamp| now.timestamp() >= stated.until;
                self.0.verified.put(fingerprint, stated, now, has_ended);
                stated
            }
        };
        if (stated.from..stated.until).contains(&now.timestamp()) {
            Ok(stated.bearer)
        } else {
            Err(InvalidToken)
        }
    }

    /// Checks everything about a token that does not change with time.
    fn verify(&self, token: &str) -> Option<Stated> {
        let (header, _) = token.split_once('.')?;
        let key = self.0.verifying.get(header)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.0.validation)
            .ok()?
            .claims;
        (!claims.jti.is_empty()).then_some(Stated {
            bearer: Bearer {
                account: claims.sub,
                session: claims.sid,
                office: claims.office,
            },
            // A token issued in the future is as invalid as one that is not valid yet.
            from: claims.nbf.max(claims.iat),
            until: claims.exp,
        })
    }
}

fn header(key: &PublicKey) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.into());
    header.kid = Some(key.id.clone());
    header
}

/// A header as it is written in a token.
fn written(header: &Header) -> Result<String, BadKey> {
    let text = serde_json::to_vec(header).map_err(|_| BadKey)?;
    Ok(URL_SAFE_NO_PAD.encode(text))
}

/// The library's defaults accept too much, so every check is stated here.
fn validation(terms: &Terms) -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[&terms.issuer]);
    validation.set_audience(&[&terms.audience]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
    // Times are checked against our clock: the library reads the machine's.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::token_keys::KeyRotationStep;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    fn tokens(keys: &TokenKeys) -> Tokens {
        Tokens::new(keys, Terms::lasting(TimeDelta::minutes(15))).unwrap()
    }

    const BEARER: Bearer = Bearer {
        account: AccountId(7),
        session: Some(SessionId(5)),
        office: Some(AppointmentId(3)),
    };

    #[test]
    fn s07_a_token_is_valid_from_its_first_second_to_before_its_last() {
        let tokens = Tokens::ephemeral(TimeDelta::minutes(15));
        let token = tokens.issue(BEARER, at(1000)).unwrap();
        // Twice, since a remembered signature says nothing about the time.
        for _ in 0..2 {
            assert_eq!(tokens.check(&token, at(1000)), Ok(BEARER));
            assert_eq!(tokens.check(&token, at(1000 + 899)), Ok(BEARER));
            assert_eq!(tokens.check(&token, at(1000 + 900)), Err(InvalidToken));
            assert_eq!(tokens.check(&token, at(999)), Err(InvalidToken));
        }
    }

    #[test]
    fn s07_another_key_or_a_changed_letter_is_refused() {
        let tokens = Tokens::ephemeral(TimeDelta::minutes(15));
        let token = tokens.issue(BEARER, at(0)).unwrap();
        assert_eq!(tokens.check(&token, at(0)), Ok(BEARER));
        let others = Tokens::ephemeral(TimeDelta::minutes(15));
        assert_eq!(others.check(&token, at(0)), Err(InvalidToken));
        for i in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens.check(&changed, at(0)), Err(InvalidToken), "letter {i}");
        }
    }

    #[test]
    fn s07_a_rotation_signs_nobody_out_on_any_server_at_any_step() {
        let text = TokenKeys::generate().reveal();
        let keys = || TokenKeys::parse(&text).unwrap();
        let published = keys().rotated(KeyRotationStep::Publish);
        let signing = TokenKeys::parse(&published.reveal())
            .unwrap()
            .rotated(KeyRotationStep::Sign);
        let [old, known, new] = [&keys(), &published, &signing].map(tokens);
        // Neighbouring steps may be in force at once.
        for (one, other) in [(&old, &known), (&known, &new)] {
            for (issuer, checker) in [(one, other), (other, one)] {
                assert_eq!(checker.check(&issuer.issue(BEARER, at(0)).unwrap(), at(0)), Ok(BEARER));
            }
        }
        let retired = tokens(&signing.rotated(KeyRotationStep::Retire));
        assert_eq!(retired.check(&new.issue(BEARER, at(0)).unwrap(), at(0)), Ok(BEARER));
        assert_eq!(
            retired.check(&old.issue(BEARER, at(0)).unwrap(), at(0)),
            Err(InvalidToken)
        );
    }
}
