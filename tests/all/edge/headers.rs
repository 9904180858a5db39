//! The header fields of every answer, and which other origins may call (S-20, API8).

use super::{Raw, behind};
use crate::support::http::Answer;
use serde_json::json;
use zhuanjie::api::ServerSettings;

const PAGE: &str = "https://tuan.example.cn";

fn is_guarded(answer: &Answer, what: &str) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {name}");
    }
    let content = answer.header("content-security-policy").expect("a policy");
    assert!(content.contains("default-src 'none'"), "{what}: {content}");
    assert!(
        answer.header("strict-transport-security").is_none(),
        "{what}: sent although the answer came without TLS"
    );
    for name in ["server", "x-powered-by", "set-cookie"] {
        assert!(answer.header(name).is_none(), "{what}: {name}");
    }
}

#[test]
fn s20_api8_every_answer_has_the_protective_headers_errors_too() {
    behind(&ServerSettings::default(), |world| {
        let anybody = world.anybody();
        let admin = world.admin("college");
        for (what, answer, status) in [
            ("an answer", admin.get("/v1/organizations"), 200),
            ("a probe", anybody.get("/healthz"), 200),
            ("the page", anybody.get("/docs/"), 200),
            ("a redirection", anybody.get("/docs"), 308),
            ("no token", anybody.get("/v1/organizations"), 401),
            ("no route", anybody.get("/no/such/thing"), 404),
            ("no method", anybody.request("TRACE", "/v1/organizations").send(), 405),
            (
                "no JSON",
                anybody.request("POST", "/v1/auth/sign-in").body("{").send(),
                415,
            ),
            ("no sense", anybody.post("/v1/auth/sign-in", &json!({"x": 1})), 422),
            (
                "too large",
                anybody.post("/v1/auth/sign-in", &json!("x".repeat(70_000))),
                413,
            ),
        ] {
            is_guarded(&answer.expect(status), what);
        }
        let page = anybody.get("/docs/").expect(200);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(
            !page.text.contains("<script>"),
            "a script within the page would be blocked"
        );
    });
}

#[test]
fn api8_without_configuration_no_other_origin_may_call() {
    behind(&ServerSettings::default(), |world| {
        let answer = world
            .anybody()
            .request("GET", "/v1/rules")
            .header("origin", PAGE)
            .send()
            .expect(200);
        assert!(answer.header("access-control-allow-origin").is_none());
        let asked = world.anybody();
        let asked = asked.request("OPTIONS", "/v1/rules").header("origin", PAGE);
        let asked = asked.header("access-control-request-method", "GET").send().expect(204);
        assert!(asked.header("access-control-allow-origin").is_none());
    });
}

#[test]
fn api8_the_origins_of_the_list_may_call_and_read_what_they_need() {
    let settings = ServerSettings {
        cors_origins: vec![PAGE.into()],
        address_budget: 4,
        ..ServerSettings::default()
    };
    behind(&settings, |world| {
        let anybody = world.anybody();
        let asked = anybody.request("OPTIONS", "/v1/transfers").header("origin", PAGE);
        let asked = asked
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,idempotency-key,if-match,content-type",
            )
            .send()
            .expect(200);
        assert_eq!(asked.header("access-control-allow-origin"), Some(PAGE));
        assert!(asked.header("access-control-allow-credentials").is_none());
        is_guarded(&asked, "a preflight");
        let from = |origin: &str| anybody.request("GET", "/v1/rules").header("origin", origin).send();
        let answer = from(PAGE).expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        assert!(
            answer
                .header("vary")
                .is_some_and(|vary| vary.to_lowercase().contains("origin"))
        );
        let exposed = answer
            .header("access-control-expose-headers")
            .expect("a list")
            .to_lowercase();
        for name in [
            "etag",
            "link",
            "location",
            "ratelimit",
            "ratelimit-policy",
            "x-request-id",
            "retry-after",
        ] {
            assert!(exposed.split(',').any(|one| one.trim() == name), "{name} in {exposed}");
        }
        for stranger in [
            "https://evil.example",
            "https://tuan.example.cn.evil.example",
            "null",
            "http://tuan.example.cn",
        ] {
            assert!(
                from(stranger).header("access-control-allow-origin").is_none(),
                "{stranger}"
            );
        }
        // A page can also read a refusal of the edge.
        assert_eq!(from(PAGE).expect(429).header("access-control-allow-origin"), Some(PAGE));
    });
}

#[test]
fn api8_a_configured_text_that_is_no_origin_is_refused_at_startup() {
    for bad in [
        "*",
        "tuan.example.cn",
        "https://tuan.example.cn/",
        "https://tuan.example.cn/x",
        "",
    ] {
        let settings = ServerSettings {
            cors_origins: vec![bad.into()],
            ..ServerSettings::default()
        };
        let started = std::panic::catch_unwind(|| behind(&settings, |_| {}));
        assert!(started.is_err(), "{bad:?}");
    }
}

#[test]
fn api8_a_request_that_the_framework_can_not_read_is_refused_without_details() {
    behind(&ServerSettings::default(), |world| {
        for bad in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\nx",
            "\0\0\0\0\r\n\r\n",
        ] {
            let mut raw = Raw::to(&world);
            raw.send(bad);
            let (status, _, body) = raw.answer();
            assert_eq!((status, body.as_str()), (400, ""), "{bad:?}");
            raw.closed();
        }
    });
}
