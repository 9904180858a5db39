//! The keys of access tokens: how other systems verify tokens with them, and how a command rotates them.

use super::{NOW, bearing, refresh, sign_in, text};
use crate::support::both_engines;
use crate::support::process::{run, zhuanjie};
use crate::support::world::World;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use zhuanjie::app::App;
use zhuanjie::security::token_keys::TokenKeys;
use zhuanjie::security::tokens::{Terms, Tokens};

fn with_keys(text: &str) -> impl FnOnce(App) -> App {
    let keys = TokenKeys::parse(text).expect("keys");
    let tokens = Tokens::new(&keys, Terms::lasting(TimeDelta::minutes(15))).expect("keys");
    move |app| App { tokens, ..app }
}

/// The keys that the command prints after a step of the rotation.
fn rotated(keys: &str, step: &str) -> String {
    let mut command = zhuanjie(["keys", "rotate", step]);
    command.env("ZHUANJIE_TOKEN_KEY", keys);
    let (status, lines) = run(command);
    assert!(status.success(), "{lines:?}");
    let line = lines.concat();
    let value = line
        .strip_prefix("ZHUANJIE_TOKEN_KEY='")
        .and_then(|rest| rest.strip_suffix('\''));
    value.expect("one variable").to_owned()
}

both_engines! {
    fn s07_others_verify_our_tokens_with_the_published_keys(db: TestDb) {
        let world = World::new(db, NOW);
        let answer = world.anybody().get("/.well-known/jwks.json").expect(200);
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        let keys = answer.json();
        let key = &keys["keys"][0];
        assert_eq!((&key["kty"], &key["crv"], &key["alg"], &key["use"]), (&"OKP".into(), &"Ed25519".into(), &"EdDSA".into(), &"sig".into()));
        assert_eq!(key.get("d"), None, "the private key is published");
        let signed_in = sign_in(&world, "class_1/1");
        let token = text(&signed_in, "access_token");
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&["zhuanjie"]);
        validation.set_audience(&["zhuanjie-api"]);
        // The token's times are of the test's clock, not of this machine's.
        validation.validate_exp = false;
        let public = DecodingKey::from_ed_components(text(key, "x")).expect("a key");
        let read = jsonwebtoken::decode::<Value>(token, &public, &validation).expect("another library reads it");
        assert_eq!(read.header.kid.as_deref(), key["kid"].as_str());
        assert_eq!(read.claims["sub"], world.account("class_1/1"));
        let lasts = read.claims["exp"].as_i64().expect("a number") - read.claims["iat"].as_i64().expect("a number");
        assert_eq!(lasts, signed_in["expires_in"]);
    }

    fn s07_a_rotation_by_command_signs_nobody_out(db: TestDb) {
        let old = TokenKeys::generate().reveal();
        let mut world = World::with(db, NOW, with_keys(&old));
        let published = rotated(&old, "publish");
        let signing = rotated(&published, "sign");
        let retired = rotated(&signing, "retire");
        let servers = [&published, &signing, &retired].map(|keys| world.another_server(with_keys(keys)));
        let [knows, signs, retires] = &servers;
        let before = sign_in(&world, "class_1/1");
        // Sessions continue while the servers change one after another.
        for server in [knows, signs] {
            bearing(server, &before).get("/v1/me").expect(200);
        }
        let body = serde_json::json!({"id_number": world.id_number("class_1/1"), "password": crate::support::world::PASSWORD});
        let after = signs.post("/v1/auth/sign-in", &body).expect(200).json();
        for server in [knows, retires] {
            bearing(server, &after).get("/v1/me").expect(200);
        }
        // The old key is gone in the end. The sessions from before are not.
        bearing(retires, &before).get("/v1/me").refused(401, "request.unauthenticated");
        let next = refresh(retires, text(&before, "refresh_token")).expect(200).json();
        bearing(retires, &next).get("/v1/me").expect(200);
        let counts = [knows, signs, retires].map(|server| server.get("/.well-known/jwks.json").json()["keys"].as_array().map_or(0, Vec::len));
        assert_eq!(counts, [2, 2, 1]);
    }
}

#[test]
fn s07_a_rotation_without_keys_names_the_missing_variable() {
    let (status, lines) = run(zhuanjie(["keys", "rotate", "publish"]));
    assert!(!status.success());
    assert!(lines.concat().contains("ZHUANJIE_TOKEN_KEY is not set"), "{lines:?}");
}
