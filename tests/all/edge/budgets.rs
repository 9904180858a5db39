//! The rate limit of requests, and the RateLimit fields (API4).

use super::behind;
use zhuanjie::api::ServerSettings;

#[test]
fn api4_a_budget_is_counted_reported_and_enforced_for_each_account_and_each_address() {
    let settings = ServerSettings {
        account_budget: 5,
        address_budget: 3,
        ..ServerSettings::default()
    };
    behind(&settings, |world| {
        let client = world.admin("college");
        let first = client.get("/v1/organizations?limit=1").expect(200);
        assert_eq!(first.header("ratelimit-policy"), Some("\"account\";q=5;w=60"));
        assert_eq!(first.header("ratelimit"), Some("\"account\";r=4;t=12"));
        for _ in 0..4 {
            client.get("/v1/organizations?limit=1").expect(200);
        }
        let spent = client.get("/v1/organizations?limit=1").refused(429, "request.too_many");
        assert!(
            spent
                .header("ratelimit")
                .is_some_and(|text| text.starts_with("\"account\";r=0;t="))
        );
        let wait: u64 = spent
            .header("retry-after")
            .and_then(|text| text.parse().ok())
            .expect("seconds");
        assert!((1..=13).contains(&wait), "{wait}");
        // Another account has a budget of its own. Requests without a token, or with an invented one, use the budget of
        // their address.
        world.admin("county").get("/v1/organizations?limit=1").expect(200);
        for n in 0..4 {
            let made_up = world.anybody().with_token(&format!("made-up-{n}"));
            let wanted = if n < 3 { 401 } else { 429 };
            made_up.get("/v1/organizations?limit=1").expect(wanted);
        }
        world.anybody().get("/v1/rules").refused(429, "request.too_many");
        for _ in 0..20 {
            let probe = world.anybody().get("/healthz").expect(200);
            assert!(probe.header("ratelimit").is_none());
        }
    });
}

#[test]
fn api4_without_a_budget_nothing_is_counted() {
    let settings = ServerSettings {
        account_budget: 0,
        address_budget: 0,
        ..ServerSettings::default()
    };
    behind(&settings, |world| {
        let answer = world.anybody().get("/v1/rules").expect(200);
        assert!(answer.header("ratelimit").is_none() && answer.header("ratelimit-policy").is_none());
    });
}
