//! Access tokens: JWT (RFC 7519, RFC 9068) signed with EdDSA over Ed25519 (RFC 8037).

use crate::domain::ids::{AccountId, AppointmentId};
use crate::domain::time::Timestamp;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who issues our tokens, and whom they are for.
const ISSUER: &str = "zhuanjie";
const AUDIENCE: &str = "zhuanjie-api";
/// RFC 9068: an access token says that it is one, so that no other kind of token passes for it.
const TYPE: &str = "at+jwt";

/// The token is not one of ours, or not valid now. Why is nobody's business outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub struct InvalidToken;

/// The signing key can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token key is not an Ed25519 private key in PKCS#8 PEM")]
pub struct BadKey;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    /// The office the bearer acts for; without it he acts for himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    office: Option<AppointmentId>,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

/// What a valid token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// Whose account it is.
    pub account: AccountId,
    /// The office he acts for, if any.
    pub office: Option<AppointmentId>,
}

/// Issues and checks tokens. Cloning shares the keys.
#[derive(Clone)]
pub struct Tokens(Arc<Keys>);

struct Keys {
    kid: String,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    lifetime: TimeDelta,
}

impl Tokens {
    /// Keys from a PKCS#8 PEM text; `\n` may stand for a line's end, since an environment file has one line a value.
    ///
    /// # Errors
    /// When the text is no Ed25519 private key.
    pub fn from_pem(pem: &str, lifetime: TimeDelta) -> Result<Self, BadKey> {
        let pem = pem.replace("\\n", "\n");
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body.trim()).map_err(|_| BadKey)?;
        Self::from_der(&der, lifetime)
    }

    /// A key of its own, gone with the process: for the demo and for tests.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn ephemeral(lifetime: TimeDelta) -> Self {
        Self::from_der(&generate(), lifetime).unwrap_or_else(|_| unreachable!("a key just made is a key"))
    }

    fn from_der(pkcs8: &[u8], lifetime: TimeDelta) -> Result<Self, BadKey> {
        use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| BadKey)?;
        let public = pair.public_key().as_ref();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // Times are checked against our own clock below: the library reads the machine's.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, public);
        Ok(Self(Arc::new(Keys {
            kid: base64::Engine::encode(
                &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                &digest.as_ref()[..12],
            ),
            signing: EncodingKey::from_ed_der(pkcs8),
            verifying: DecodingKey::from_ed_der(public),
            validation,
            lifetime,
        })))
    }

    /// How long a token is valid.
    pub fn lifetime(&self) -> TimeDelta {
        self.0.lifetime
    }

    /// A token for a bearer, valid from `now`.
    ///
    /// # Errors
    /// When the library can't sign, which it can with a key it has read.
    pub fn issue(&self, bearer: Bearer, now: Timestamp) -> Result<String, InvalidToken> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.into());
        header.kid = Some(self.0.kid.clone());
        let claims = Claims {
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
            sub: bearer.account.to_string(),
            office: bearer.office,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + self.0.lifetime).timestamp(),
            jti: super::random_text(),
        };
        jsonwebtoken::encode(&header, &claims, &self.0.signing).map_err(|_| InvalidToken)
    }

    /// Who bears a token, if it is ours and valid now.
    ///
    /// # Errors
    /// [`InvalidToken`] for anything else, whatever is wrong with it.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Bearer, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken)?;
        let is_ours = header.typ.as_deref() == Some(TYPE) && header.kid.as_deref() == Some(&self.0.kid);
        if !is_ours || header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() {
            return Err(InvalidToken);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.0.verifying, &self.0.validation)
            .map_err(|_| InvalidToken)?
            .claims;
        if now.timestamp() >= claims.exp || now.timestamp() < claims.nbf {
            return Err(InvalidToken);
        }
        Ok(Bearer {
            account: claims.sub.parse().map_err(|_| InvalidToken)?,
            office: claims.office,
        })
    }
}

/// A new Ed25519 key as PKCS#8.
///
/// # Panics
/// When the operating system has no randomness to give.
fn generate() -> Vec<u8> {
    use aws_lc_rs::signature::Ed25519KeyPair;
    match Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new()) {
        Ok(document) => document.as_ref().to_vec(),
        Err(_) => panic!("the operating system gives no random bytes"),
    }
}

/// A new signing key as PKCS#8 PEM, for the configuration.
///
/// # Panics
/// When the operating system has no randomness to give.
pub fn generate_pem() -> String {
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, generate());
    format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_timestamp(seconds, 0).unwrap()
    }

    const BEARER: Bearer = Bearer {
        account: AccountId(7),
        office: Some(AppointmentId(3)),
    };

    #[test]
    fn a_token_is_valid_from_its_first_second_to_before_its_last() {
        let tokens = Tokens::from_pem(&generate_pem(), TimeDelta::minutes(15)).unwrap();
        let token = tokens.issue(BEARER, at(1000)).unwrap();
        assert_eq!(tokens.check(&token, at(1000)), Ok(BEARER));
        assert_eq!(tokens.check(&token, at(1000 + 899)), Ok(BEARER));
        assert_eq!(tokens.check(&token, at(1000 + 900)), Err(InvalidToken));
        assert_eq!(tokens.check(&token, at(999)), Err(InvalidToken));
    }

    #[test]
    fn another_key_or_a_changed_letter_is_refused() {
        let tokens = Tokens::ephemeral(TimeDelta::minutes(15));
        let token = tokens.issue(BEARER, at(0)).unwrap();
        assert_eq!(
            Tokens::ephemeral(TimeDelta::minutes(15)).check(&token, at(0)),
            Err(InvalidToken)
        );
        for i in (0..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            if changed != token {
                assert_eq!(tokens.check(&changed, at(0)), Err(InvalidToken), "letter {i}");
            }
        }
    }
}
