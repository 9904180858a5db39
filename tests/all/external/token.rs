//! The token endpoint as clients of OAuth 2.0 use it (RFC 6749, 2.3, 3.2, 4.4, 5.1, 5.2).

use super::{Credential, TOKEN, issue, issued};
use crate::support::both_engines;
use crate::support::http::{Answer, Client};
use crate::support::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

const NOW: &str = "2026-09-07T02:00:00Z";
const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn with_basic(client: &Client, credential: &str, form: &str) -> Answer {
    let request = client
        .request("POST", TOKEN)
        .header("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    let value = format!("Basic {}", STANDARD.encode(credential));
    request.header("authorization", &value).body(form).send()
}

/// The status and the error of OAuth 2.0.
fn error(answer: &Answer) -> (u16, String) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let problem = answer.json();
    let text = |field: &str| {
        problem[field]
            .as_str()
            .unwrap_or_else(|| panic!("{field}: {problem}"))
            .to_owned()
    };
    // What every problem has is kept beside it.
    let description = text("error_description");
    assert!(
        !description.is_empty()
            && description
                .chars()
                .all(|c| (' '..='~').contains(&c) && c != '"' && c != '\\'),
        "{description}"
    );
    assert!(!text("code").is_empty() && !text("request_id").is_empty());
    (answer.status, text("error"))
}

both_engines! {
    fn the_credential_is_in_the_header_or_in_the_form(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.anybody();
        let Credential { id, secret } = issue(&world, "beijing");
        let form = client.form(TOKEN, &[GRANT, ("client_id", &id), ("client_secret", &secret), ("unknown", "x"), ("scope", "")]);
        let encoded = secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        for answer in [
            form,
            with_basic(&client, &format!("{id}:{secret}"), "grant_type=client_credentials"),
            with_basic(&client, &format!("{}:{encoded}", id.replace('_', "%5F")), "grant_type=client_credentials"),
            with_basic(&client, &format!("{id}:{secret}"), &format!("grant_type=client_credentials&client_id={id}&client_secret=")),
        ] {
            let answer = answer.expect(200);
            assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
            let token = answer.json();
            assert_eq!(token["token_type"], "Bearer");
            assert!(token["expires_in"].as_i64().is_some_and(|seconds| seconds > 0));
            assert!(token["scope"].as_str().is_some_and(|scope| scope.contains("inbound:propose")), "{token}");
            client.with_token(token["access_token"].as_str().expect("a token")).get("/v1/me").expect(200);
        }
    }

    fn each_error_has_its_name(db: TestDb) {
        let world = World::new(db, NOW);
        let client = world.anybody();
        let Credential { id, secret } = issue(&world, "beijing");
        let (id, secret) = (("client_id", id.as_str()), ("client_secret", secret.as_str()));
        for (form, expected) in [
            (vec![id, secret], (400, "invalid_request")),
            (vec![GRANT, GRANT, id, secret], (400, "invalid_request")),
            (vec![GRANT, ("client_secret", ""), id, secret], (400, "invalid_request")),
            (vec![GRANT, id, secret, ("x", "1"), ("x", "2")], (400, "invalid_request")),
            (vec![GRANT, id, secret, ("scope", "members:read"), ("scope", "members:read")], (400, "invalid_request")),
            (vec![("grant_type", "password"), id, secret], (400, "unsupported_grant_type")),
            (vec![GRANT], (401, "invalid_client")),
            (vec![GRANT, id], (401, "invalid_client")),
            (vec![GRANT, id, ("client_secret", "wrong")], (401, "invalid_client")),
            (vec![GRANT, ("client_id", "x"), secret], (401, "invalid_client")),
            (vec![GRANT, id, secret, ("scope", "everything")], (400, "invalid_scope")),
        ] {
            let (status, named) = error(&client.form(TOKEN, &form));
            assert_eq!((status, named.as_str()), expected, "{form:?}");
        }
        let both = with_basic(&client, &format!("{}:{}", id.1, secret.1), &format!("grant_type=client_credentials&client_secret={}", secret.1));
        assert_eq!(error(&both), (400, "invalid_request".into()));
        for wrong in ["no colon", ":", "x:y"] {
            let refused = with_basic(&client, wrong, "grant_type=client_credentials");
            assert_eq!(error(&refused), (401, "invalid_client".into()), "{wrong}");
            assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"zhuanjie\""));
        }
        let other = with_basic(&client, &format!("{}:{}", id.1, secret.1), &format!("grant_type=client_credentials&client_id={}", world.account("class_1/1")));
        assert_eq!(error(&other), (401, "invalid_client".into()));
        let json = client.post(TOKEN, &json!({"client_id": id.1, "client_secret": secret.1}));
        json.refused(415, "request.media_type");
    }

    fn a_scope_that_is_asked_for_is_one_that_the_credential_has(db: TestDb) {
        let world = World::new(db, NOW);
        let body = json!({"name": "x", "organization": world.org("college"), "scopes": ["organizations:read", "members:read"]});
        let credential = issued(world.admin("nation").post("/v1/integrators", &body));
        let ask = |scope: &str| {
            let mut form = credential.form().to_vec();
            form.push(("scope", scope));
            world.anybody().form(TOKEN, &form)
        };
        for scope in ["members:read", "members:read organizations:read", " "] {
            // The token has all scopes of the credential, and the answer says so (RFC 6749, 3.3).
            assert_eq!(ask(scope).expect(200).json()["scope"], "organizations:read members:read");
        }
        for scope in ["transfers:read", "members:read transfers:read", "x"] {
            assert_eq!(error(&ask(scope)), (400, "invalid_scope".into()));
        }
        // No token, no sign-in.
        assert_eq!(world.db.count("audit_log WHERE action = 'integrator.signed_in'"), 3);
    }
}
