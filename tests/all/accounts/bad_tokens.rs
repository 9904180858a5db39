//! Tokens that must not be accepted (S-07). Each has a twin that differs from it in one point only and is accepted.

use super::{NOW, bearing, comparable, sign_in, text};
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use crate::support::{TestDb, both_engines};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use zhuanjie::app::App;
use zhuanjie::domain::core::ids::{AccountId, SessionId};
use zhuanjie::security::token_keys::{PublicKey, TokenKeys};
use zhuanjie::security::tokens::{Terms, Tokens};

const SECOND: i64 = 1_781_510_400; // NOW

fn part(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A forger who holds the service's own key and makes one mistake.
struct Forger {
    pair: Ed25519KeyPair,
    public: PublicKey,
    claims: Value,
}

impl Forger {
    fn header(&self) -> String {
        format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{}"}}"#, self.public.id)
    }

    /// Signed correctly, whatever the header and the claims are.
    fn signed(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", part(header), part(claims));
        format!("{signed}.{}", part(self.pair.sign(signed.as_bytes())))
    }

    fn good(&self) -> String {
        self.signed(&self.header(), &self.claims.to_string())
    }

    /// With another header.
    fn headed(&self, header: &str) -> String {
        self.signed(header, &self.claims.to_string())
    }

    /// With a member added to the header.
    fn with_header(&self, member: &str) -> String {
        self.headed(&self.header().replace('}', &format!(",{member}}}")))
    }

    /// With one part of the header replaced.
    fn changed(&self, from: &str, to: &str) -> String {
        let header = self.header();
        assert!(header.contains(from), "{from}");
        self.headed(&header.replacen(from, to, 1))
    }

    /// With a claim set, or removed where the value is null.
    fn claiming(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        let fields = claims.as_object_mut().expect("an object");
        match value {
            Value::Null => drop(fields.remove(name)),
            value => drop(fields.insert(name.into(), value)),
        }
        self.signed(&self.header(), &claims.to_string())
    }

    /// With a part of the claims' text replaced.
    fn saying(&self, from: &str, to: &str) -> String {
        let claims = self.claims.to_string();
        assert!(claims.contains(from), "{from}");
        self.signed(&self.header(), &claims.replacen(from, to, 1))
    }

    /// With a signature of another kind.
    fn otherwise(&self, header: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let signed = format!("{}.{}", part(header), part(self.claims.to_string()));
        format!("{signed}.{}", part(sign(signed.as_bytes())))
    }

    fn by_algorithm(&self) -> Vec<(&'static str, String)> {
        let named = |name: &str| self.header().replace("EdDSA", name);
        let mac = |key: &[u8], text: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
                .as_ref()
                .to_vec()
        };
        let elliptic = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let p256 = |text: &[u8]| {
            elliptic
                .sign(&SystemRandom::new(), text)
                .expect("a signature")
                .as_ref()
                .to_vec()
        };
        let own = Ed25519KeyPair::generate().expect("a key");
        let foreign = PublicKey::of(&own);
        let foreign_header = self.header().replace(&self.public.id, &foreign.id);
        let jwk = format!(
            r#","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}}}"#,
            part(&foreign.bytes)
        );
        let spki = [
            &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..],
            &self.public.bytes,
        ]
        .concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&spki)
        );
        vec![
            ("alg none, unsigned", self.otherwise(&named("none"), |_| Vec::new())),
            ("alg none, signed", self.headed(&named("none"))),
            ("alg None", self.otherwise(&named("None"), |_| Vec::new())),
            ("alg NONE", self.otherwise(&named("NONE"), |_| Vec::new())),
            ("alg nOnE", self.otherwise(&named("nOnE"), |_| Vec::new())),
            ("alg empty", self.headed(&named(""))),
            (
                "HS256 over the public key",
                self.otherwise(&named("HS256"), |text| mac(&self.public.bytes, text)),
            ),
            (
                "HS256 over its SPKI",
                self.otherwise(&named("HS256"), |text| mac(&spki, text)),
            ),
            (
                "HS256 over its PEM",
                self.otherwise(&named("HS256"), |text| mac(pem.as_bytes(), text)),
            ),
            (
                "HS256 with an empty key",
                self.otherwise(&named("HS256"), |text| mac(&[], text)),
            ),
            ("HS256 with our signature", self.headed(&named("HS256"))),
            ("ES256 by another key", self.otherwise(&named("ES256"), p256)),
            ("EdDSA named, ES256 signed", self.otherwise(&self.header(), p256)),
            ("RS256", self.headed(&named("RS256"))),
            ("PS256", self.headed(&named("PS256"))),
            ("ES384", self.headed(&named("ES384"))),
            ("another curve, Ed448", self.headed(&named("Ed448"))),
            ("alg in small letters", self.headed(&named("eddsa"))),
            ("alg a number", self.changed(r#""EdDSA""#, "1")),
            ("alg null", self.changed(r#""EdDSA""#, "null")),
            ("alg a list", self.changed(r#""EdDSA""#, r#"["EdDSA"]"#)),
            ("alg missing", self.changed(r#","alg":"EdDSA""#, "")),
            ("alg twice", self.with_header(r#""alg":"none""#)),
            (
                "a foreign kid and key",
                self.otherwise(&foreign_header, |text| own.sign(text).as_ref().to_vec()),
            ),
            ("a foreign kid, our key", self.headed(&foreign_header)),
            (
                "a foreign key, our kid",
                self.otherwise(&self.header(), |text| own.sign(text).as_ref().to_vec()),
            ),
            (
                "an embedded jwk",
                self.otherwise(&self.header().replace('}', &jwk), |text| {
                    own.sign(text).as_ref().to_vec()
                }),
            ),
            ("an embedded jwk, our key", self.with_header(r#""jwk":{}"#)),
        ]
    }

    fn by_header(&self) -> Vec<(&'static str, String)> {
        let kid = format!(r#""{}""#, self.public.id);
        vec![
            ("kid missing", self.changed(&format!(r#","kid":{kid}"#), "")),
            ("kid empty", self.changed(&kid, r#""""#)),
            ("kid null", self.changed(&kid, "null")),
            ("kid a number", self.changed(&kid, "0")),
            ("kid a path", self.changed(&kid, r#""../../../../dev/null""#)),
            ("kid a statement", self.changed(&kid, r#""' UNION SELECT 'x"#)),
            ("kid with a space", self.changed(&kid, &kid.replacen('"', "\" ", 1))),
            ("kid twice", self.with_header(&format!(r#""kid":{kid}"#))),
            ("typ JWT", self.changed("at+jwt", "JWT")),
            ("typ of an ID token", self.changed("at+jwt", "id_token+jwt")),
            ("typ of a refresh token", self.changed("at+jwt", "rt+jwt")),
            ("typ in capitals", self.changed("at+jwt", "AT+JWT")),
            ("typ empty", self.changed("at+jwt", "")),
            ("typ missing", self.changed(r#""typ":"at+jwt","#, "")),
            ("crit unknown", self.with_header(r#""crit":["urn:x"],"urn:x":true"#)),
            ("crit known", self.with_header(r#""crit":["exp"]"#)),
            ("crit empty", self.with_header(r#""crit":[]"#)),
            ("b64 false", self.with_header(r#""b64":false,"crit":["b64"]"#)),
            ("jku", self.with_header(r#""jku":"https://example.org/keys""#)),
            ("x5u", self.with_header(r#""x5u":"https://example.org/cert""#)),
            ("x5c", self.with_header(r#""x5c":["MIIB"]"#)),
            ("x5t", self.with_header(r#""x5t":"AAAA""#)),
            ("zip", self.with_header(r#""zip":"DEF""#)),
            ("cty", self.with_header(r#""cty":"JWT""#)),
            ("enc", self.with_header(r#""enc":"A256GCM""#)),
            ("something unknown", self.with_header(r#""x":1"#)),
            ("a header with a space", self.changed(",", ", ")),
            (
                "a header with trailing text",
                self.headed(&format!("{} ", self.header())),
            ),
            ("a header that is a list", self.headed("[]")),
            ("no header", self.headed("")),
        ]
    }

    fn by_claim(&self) -> Vec<(&'static str, String)> {
        let nobody = AccountId(i64::MAX / 2).to_string();
        let mut cases = vec![
            ("another issuer", self.claiming("iss", json!("https://example.org"))),
            ("the issuer in another case", self.claiming("iss", json!("Zhuanjie"))),
            ("another audience", self.claiming("aud", json!("other-api"))),
            (
                "a list of audiences",
                self.claiming("aud", json!(["zhuanjie-api", "other-api"])),
            ),
            ("nobody's account", self.claiming("sub", json!(nobody))),
            (
                "a subject of another kind",
                self.claiming("sub", json!("mem_0000000000001")),
            ),
            ("an empty subject", self.claiming("sub", json!(""))),
            ("expired by a second", self.claiming("exp", json!(SECOND - 1))),
            ("expired this second", self.claiming("exp", json!(SECOND))),
            ("expired long ago", self.claiming("exp", json!(-1))),
            ("valid from the next second", self.claiming("nbf", json!(SECOND + 1))),
            ("issued in the next second", self.claiming("iat", json!(SECOND + 1))),
            (
                "a session that does not exist",
                self.claiming("sid", json!(SessionId(i64::MAX / 2))),
            ),
            ("an empty jti", self.claiming("jti", json!(""))),
            (
                "an office that the subject does not hold",
                self.claiming("office", json!("apt_0000000000001")),
            ),
            ("an unknown claim", self.claiming("role", json!("administrator"))),
            (
                "claims with two subjects",
                self.saying("{", &format!(r#"{{"sub":"{nobody}","#)),
            ),
            ("claims with two expiries", self.saying("{", r#"{"exp":9999999999,"#)),
            (
                "claims with trailing text",
                self.signed(&self.header(), &format!("{} {{}}", self.claims)),
            ),
            (
                "a list of claims",
                self.signed(&self.header(), &format!("[{}]", self.claims)),
            ),
            (
                "claims that are a text",
                self.signed(&self.header(), &json!(self.claims.to_string()).to_string()),
            ),
            ("no claims", self.signed(&self.header(), "")),
            ("claims that are not UTF-8", {
                let signed = format!(
                    "{}.{}",
                    part(self.header()),
                    part([b"\xff", self.claims.to_string().as_bytes()].concat())
                );
                format!("{signed}.{}", part(self.pair.sign(signed.as_bytes())))
            }),
            (
                "the expiry as a fraction",
                self.saying(
                    &format!(r#""exp":{}"#, SECOND + 900),
                    &format!(r#""exp":{}.5"#, SECOND + 900),
                ),
            ),
        ];
        for (name, missing, other) in [
            ("iss", "iss missing", json!(1)),
            ("aud", "aud missing", json!(1)),
            ("sub", "sub missing", json!(1)),
            ("sid", "sid missing", json!(1)),
            ("exp", "exp missing", json!("9999999999")),
            ("nbf", "nbf missing", json!("0")),
            ("iat", "iat missing", json!("0")),
            ("jti", "jti missing", json!(1)),
        ] {
            cases.push((missing, self.claiming(name, Value::Null)));
            cases.push((name, self.claiming(name, other)));
            cases.push((name, self.claiming(name, json!({}))));
        }
        cases
    }

    fn by_form(&self) -> Vec<(&'static str, String)> {
        let good = self.good();
        let parts: Vec<&str> = good.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            panic!("three parts")
        };
        let bytes = URL_SAFE_NO_PAD.decode(signature).expect("base 64");
        let with = |bytes: &[u8]| format!("{header}.{claims}.{}", part(bytes));
        let other = self.claiming("jti", json!("another"));
        let others = other.rsplit('.').next().expect("a signature");
        let mut flipped = bytes.clone();
        flipped[0] ^= 1;
        vec![
            ("one part", header.to_owned()),
            ("two parts", format!("{header}.{claims}")),
            ("no signature", format!("{header}.{claims}.")),
            ("four parts", format!("{good}.{signature}")),
            (
                "five parts, as of a JWE",
                format!("{header}.{claims}.{claims}.{claims}.{signature}"),
            ),
            ("an empty part", format!("{header}..{claims}.{signature}")),
            ("a leading dot", format!(".{good}")),
            ("a trailing dot", format!("{good}.")),
            ("only dots", "..".to_owned()),
            ("another token's signature", format!("{header}.{claims}.{others}")),
            ("half a signature", with(&bytes[..32])),
            ("a signature with trailing bytes", with(&[&bytes[..], &[0]].concat())),
            ("a signature of zeros", with(&[0; 64])),
            ("a signature with a flipped bit", with(&flipped)),
            ("a signature plus the group's order", with(&malleable(&bytes))),
            (
                "a signature written another way",
                format!("{header}.{claims}.{}", loose(signature)),
            ),
            ("padding", format!("{header}.{claims}.{}", URL_SAFE.encode(&bytes))),
            (
                "the other alphabet",
                format!("{header}.{claims}.{}+/", &signature[..signature.len() - 2]),
            ),
            ("a space inside", format!("{header}. {claims}.{signature}")),
            ("a tab inside", format!("{header}.\t{claims}.{signature}")),
            ("two tokens and a comma", format!("{good},{good}")),
            ("percents", good.replacen('.', "%2E", 1)),
            ("the scheme twice", format!("Bearer {good}")),
            ("quotes", format!("\"{good}\"")),
            (
                "JSON serialization",
                json!({"protected": header, "payload": claims, "signature": signature}).to_string(),
            ),
            ("longer than the limit", format!("{good}{}", "A".repeat(4000))),
        ]
    }
}

/// R, S + L: a verifier that does not check the range of S accepts it as the same signature (RFC 8032 §5.1.7).
fn malleable(signature: &[u8]) -> Vec<u8> {
    let mut order = [0; 32];
    order[..16].copy_from_slice(&0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes());
    order[31] = 0x10;
    let mut changed = signature.to_vec();
    let mut carry = 0;
    for (byte, add) in changed[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    changed
}

/// Another text for the same 64 bytes: the last digit has four unused bits.
fn loose(signature: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (head, last) = signature.split_at(signature.len() - 1);
    let digit = DIGITS
        .iter()
        .position(|digit| *digit == last.as_bytes()[0])
        .expect("a digit");
    format!("{head}{}", char::from(DIGITS[digit + 1]))
}

/// The private key in a PEM text.
fn pair(pem: &str) -> Ed25519KeyPair {
    let body: String = pem.split("\\n").filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).expect("base 64");
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("a key")
}

fn forger(db: TestDb) -> (World, Forger) {
    let keys = TokenKeys::generate();
    let tokens = Tokens::new(&keys, Terms::lasting(TimeDelta::minutes(15))).expect("keys");
    let world = World::with(db, NOW, |app| App { tokens, ..app });
    let signed_in = sign_in(&world, "class_1/1");
    let token = text(&signed_in, "access_token");
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok())
        .expect("claims");
    let pair = pair(&keys.reveal());
    let forger = Forger {
        public: PublicKey::of(&pair),
        claims: serde_json::from_slice(&claims).expect("claims"),
        pair,
    };
    assert_eq!(forger.claims["iat"], json!(SECOND), "the clock is at NOW");
    (world, forger)
}

fn me(client: &Client, authorization: &str) -> Answer {
    client
        .request("GET", "/v1/me")
        .header("authorization", authorization)
        .send()
}

both_engines! {
    fn api2_s07_every_bad_token_is_refused_and_its_good_twin_is_accepted(db: TestDb) {
        let (world, forger) = forger(db);
        let client = world.anybody();
        let cases = [forger.by_algorithm(), forger.by_header(), forger.by_claim(), forger.by_form()].concat();
        assert!(cases.len() >= 60, "{}", cases.len());
        me(&client, &format!("Bearer {}", forger.good())).expect(200);
        let mut first = None;
        for (case, bad) in &cases {
            let refused = me(&client, &format!("Bearer {bad}"));
            assert_eq!((refused.status, refused.code().as_str()), (401, "request.unauthenticated"), "{case}: {bad}");
            // The answer does not say what was wrong with the token.
            let refused = comparable(&refused);
            assert_eq!(*first.get_or_insert_with(|| refused.clone()), refused, "{case}");
            // The twin is made anew in the same way, without the mistake.
            me(&client, &format!("Bearer {}", forger.claiming("jti", json!(format!("twin of {case}"))))).expect(200);
        }
    }

    fn api2_s07_a_token_comes_in_one_header_of_one_scheme(db: TestDb) {
        let (world, forger) = forger(db);
        let (client, good) = (world.anybody(), forger.good());
        me(&client, &format!("bearer {good}")).expect(200);
        // One blank or more (RFC 9110, 11.4).
        me(&client, &format!("Bearer  {good}")).expect(200);
        for bad in [good.clone(), format!("Basic {good}"), format!("Bearer{good}"), format!("Bearer\t{good}"),
            format!("DPoP {good}"), "Bearer".into(), "Bearer null".into(), "Bearer undefined".into()] {
            me(&client, &bad).refused(401, "request.unauthenticated");
        }
        let bearer = format!("Bearer {good}");
        let twice = client.request("GET", "/v1/me").header("authorization", &bearer).header("authorization", &bearer);
        twice.send().refused(401, "request.unauthenticated");
        client.get(&format!("/v1/me?access_token={good}")).refused(401, "request.unauthenticated");
        client.request("GET", "/v1/me").header("cookie", &format!("access_token={good}")).send().refused(401, "request.unauthenticated");
    }

    fn api2_s07_a_token_is_bound_to_its_session_and_its_account(db: TestDb) {
        let (world, forger) = forger(db);
        let client = world.anybody();
        let other = sign_in(&world, "class_1/2");
        let claims = text(&other, "access_token").split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let other: Value = serde_json::from_slice(&claims.expect("claims")).expect("claims");
        for (name, value) in [("sid", &other["sid"]), ("sub", &other["sub"])] {
            me(&client, &format!("Bearer {}", forger.claiming(name, value.clone()))).refused(401, "request.unauthenticated");
        }
        // A member's session can not act from an office, even one that the member holds.
        let office = sign_in(&world, "college");
        let held = office["offices"][0]["id"].clone();
        let token = text(&office, "access_token").to_owned();
        let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let forger = Forger { claims: serde_json::from_slice(&claims.expect("claims")).expect("claims"), ..forger };
        me(&client, &format!("Bearer {}", forger.good())).expect(200);
        me(&client, &format!("Bearer {}", forger.claiming("office", held))).refused(401, "request.unauthenticated");
    }
}

mod configured {
    use super::*;
    use crate::support::Engine;

    #[test]
    fn s07_issuer_and_audience_are_the_configured_ones() {
        Engine::Sqlite.with_database(|db| {
            let keys = TokenKeys::generate();
            let terms = |issuer: &str, audience: &str| Terms {
                issuer: issuer.into(),
                audience: audience.into(),
                lifetime: TimeDelta::minutes(15),
            };
            let tokens = |issuer, audience| Tokens::new(&keys, terms(issuer, audience)).expect("keys");
            let ours = tokens("https://zhuanjie.example", "transfers");
            let mut world = World::with(db, NOW, |app| App { tokens: ours, ..app });
            let token = sign_in(&world, "class_1/1");
            for (issuer, audience, status) in [
                ("https://zhuanjie.example", "transfers", 200),
                ("https://zhuanjie.example", "zhuanjie-api", 401),
                ("zhuanjie", "transfers", 401),
            ] {
                let server = world.another_server(|app| App {
                    tokens: tokens(issuer, audience),
                    ..app
                });
                assert_eq!(
                    bearing(&server, &token).get("/v1/me").status,
                    status,
                    "{issuer} {audience}"
                );
            }
        });
    }
}
