//! Signing in from the mini-program. An answer of WeChat is trusted as little as any other input (S-22).

use super::stand_in::{SECRET, SESSION_KEY, StandIn};
use super::{NOW, bearing, refresh, text};
use crate::support::http::Answer;
use crate::support::world::{PASSWORD, World};
use crate::support::{TestDb, both_engines};
use serde_json::json;
use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;
use zhuanjie::app::App;
use zhuanjie::clock::tick;
use zhuanjie::config::Wechat;

fn world(db: TestDb, upstream: &str) -> World {
    let wechat = Wechat {
        url: upstream.to_owned(),
        app_id: "wx0123456789".into(),
        secret: SECRET.into(),
        patience: Duration::from_secs(1),
    };
    World::with(db, NOW, |app| App {
        wechat: Some(wechat),
        ..app
    })
}

fn log_in(world: &World, code: &str) -> Answer {
    world.anybody().post("/v1/auth/wechat/login", &json!({"code": code}))
}

fn bind(world: &World, code: &str, person: &str, password: &str) -> Answer {
    let body = json!({"code": code, "id_number": world.id_number(person), "password": password});
    world.anybody().post("/v1/auth/wechat/bind", &body)
}

both_engines! {
    fn api2_a_wechat_identity_signs_in_to_the_account_it_was_bound_to(db: TestDb) {
        let wechat = StandIn::start();
        let world = world(db, &wechat.url);
        log_in(&world, "alice").refused(403, "wechat.not_bound");
        let bound = bind(&world, "alice", "class_1/1", PASSWORD).expect(200).json();
        bearing(&world.anybody(), &bound).get("/v1/me").expect(200);
        let signed_in = log_in(&world, "alice").expect(200);
        assert!(!signed_in.text.contains(SESSION_KEY) && !signed_in.text.contains("o-alice"), "{}", signed_in.text);
        let signed_in = signed_in.json();
        let me = bearing(&world.anybody(), &signed_in).get("/v1/me").expect(200).json();
        assert_eq!(me["account_id"], world.account("class_1/1"));
        refresh(&world.anybody(), text(&signed_in, "refresh_token")).expect(200);
        let asked = wechat.asked();
        let wanted = format!("GET /sns/jscode2session?appid=wx0123456789&secret={SECRET}&js_code=alice&grant_type=authorization_code HTTP/1.1");
        assert!(asked.iter().all(|line| *line == wanted), "{asked:?}");
        // An office can be named if the account holds it.
        bind(&world, "clerk", "college", PASSWORD).expect(200);
        let office = log_in(&world, "clerk").expect(200).json()["offices"][0]["id"].take();
        let body = json!({"code": "clerk", "office": office});
        world.anybody().post("/v1/auth/wechat/login", &body).expect(200);
        let body = json!({"code": "alice", "office": office});
        world.anybody().post("/v1/auth/wechat/login", &body).refused(403, "request.no_such_office");
        let body = json!({"code": "dora", "id_number": world.id_number("class_1/2"), "password": PASSWORD, "office": office});
        world.anybody().post("/v1/auth/wechat/bind", &body).refused(403, "request.no_such_office");
    }

    fn api2_a_reset_unbinds_the_identity_that_was_bound_with_the_old_password(db: TestDb) {
        let wechat = StandIn::start();
        let world = world(db, &wechat.url);
        bind(&world, "thief", "class_1/1", PASSWORD).expect(200);
        let path = format!("/v1/members/{}/reset-code", world.mem("class_1/1"));
        let code = world.admin("college").write(&path, &json!({})).expect(201).json();
        let reset = json!({"id_number": world.id_number("class_1/1"), "code": code["code"], "new_password": "a new password"});
        world.anybody().post("/v1/auth/reset", &reset).expect(204);
        log_in(&world, "thief").refused(403, "wechat.not_bound");
        bind(&world, "owner", "class_1/1", "a new password").expect(200);
    }

    fn api2_one_identity_for_an_account_and_one_account_for_an_identity(db: TestDb) {
        let wechat = StandIn::start();
        let world = world(db, &wechat.url);
        bind(&world, "alice", "class_1/1", "wrong").refused(401, "request.sign_in_failed");
        assert_eq!(wechat.asked().len(), 0, "a code of WeChat works once, so a wrong password must not use it up");
        bind(&world, "alice", "class_1/1", PASSWORD).expect(200);
        bind(&world, "alice", "class_1/1", PASSWORD).expect(200);
        bind(&world, "alice", "class_1/2", PASSWORD).refused(409, "wechat.bound_already");
        bind(&world, "other", "class_1/1", PASSWORD).refused(409, "wechat.bound_already");
        assert_eq!(world.db.count("wechat_bindings"), 1);
        let session = log_in(&world, "alice").expect(200).json();
        let client = bearing(&world.anybody(), &session);
        client.post("/v1/auth/wechat/unbind", &json!({})).expect(204);
        client.post("/v1/auth/wechat/unbind", &json!({})).expect(204);
        log_in(&world, "alice").refused(403, "wechat.not_bound");
        bind(&world, "alice", "class_1/2", PASSWORD).expect(200);
        bind(&world, "other", "class_1/1", PASSWORD).expect(200);
        for (action, rows) in [("wechat.bound", 3), ("wechat.unbound", 1)] {
            assert_eq!(world.db.count(&format!("audit_log WHERE action = '{action}'")), rows);
        }
        world.db.execute(&format!("UPDATE accounts SET status = 'blocked' WHERE member_id = {}", world.mem_key("class_1/2")));
        log_in(&world, "alice").refused(403, "wechat.not_bound");
        world.db.execute("UPDATE accounts SET status = 'active', must_change_password = true");
        let session = log_in(&world, "alice").expect(200).json();
        bearing(&world.anybody(), &session).get("/v1/me").refused(403, "account.password_change_required");
    }

    fn api10_no_faulty_answer_of_wechat_signs_anybody_in(db: TestDb) {
        let wechat = StandIn::start();
        let world = world(db, &wechat.url);
        bind(&world, "mallory", "class_1/1", PASSWORD).expect(200);
        let sessions = world.db.count("sessions");
        for (code, status, refusal) in [
            ("invalid", 422, "wechat.code_invalid"),
            ("used", 422, "wechat.code_invalid"),
            ("blocked", 403, "wechat.blocked"),
            ("too-often", 429, "request.too_many_attempts"),
            ("busy", 503, "wechat.unavailable"),
            ("bad-appid", 500, "service.fault"),
            ("bad-secret", 500, "service.fault"),
            ("new-number", 503, "wechat.unavailable"),
            ("malformed", 503, "wechat.unavailable"),
            ("html", 503, "wechat.unavailable"),
            ("empty", 503, "wechat.unavailable"),
            ("no-openid", 503, "wechat.unavailable"),
            ("huge", 503, "wechat.unavailable"),
            ("broken-off", 503, "wechat.unavailable"),
            ("redirect", 503, "wechat.unavailable"),
            ("fault", 503, "wechat.unavailable"),
            ("silent", 503, "wechat.unavailable"),
            ("", 422, "wechat.code_invalid"),
            ("a b", 422, "wechat.code_invalid"),
            (&"x".repeat(129), 422, "wechat.code_invalid"),
        ] {
            let begun = tick();
            let answer = log_in(&world, code).refused(status, refusal);
            assert!(begun.elapsed() < Duration::from_secs(4), "{code}: the service waited too long");
            assert_eq!(answer.header("retry-after").is_some(), status == 503 || status == 429, "{code}");
            for secret in [SECRET, SESSION_KEY, "errmsg", "rid:"] {
                assert!(!answer.text.contains(secret), "{code}: {}", answer.text);
            }
        }
        for (code, status, refusal) in [
            ("invalid", 422, "wechat.code_invalid"),
            ("blocked", 403, "wechat.blocked"),
            ("busy", 503, "wechat.unavailable"),
        ] {
            bind(&world, code, "class_1/2", PASSWORD).refused(status, refusal);
        }
        assert_eq!(log_in(&world, "too-often").header("retry-after"), Some("60"));
        assert_eq!(world.db.count("sessions"), sessions);
        assert!(wechat.asked().iter().all(|line| !line.contains("js_code=mallory HTTP")), "no redirect is followed");
        // The code is escaped, so it can not add parameters to the request.
        let _ = log_in(&world, "x&secret=mine&js_code=mallory").refused(403, "wechat.not_bound");
    }

    fn api10_an_unreachable_wechat_is_reported_and_the_password_still_works(db: TestDb) {
        // A port that no program listens on.
        let world = world(db, "http://127.0.0.1:1");
        log_in(&world, "alice").refused(503, "wechat.unavailable");
        let body = json!({"id_number": world.id_number("class_1/1"), "password": PASSWORD});
        world.anybody().post("/v1/auth/sign-in", &body).expect(200);
    }

    fn api10_the_secret_is_sent_only_within_tls(db: TestDb) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let world = world(db, &format!("https://{}", listener.local_addr().expect("it is bound")));
        let upstream = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut first = [0; 2];
            stream.read_exact(&mut first).expect("a greeting");
            first
        });
        log_in(&world, "alice").refused(503, "wechat.unavailable");
        // The first bytes of a TLS handshake, not of an HTTP request.
        assert_eq!(upstream.join().expect("the listener ends"), [22, 3]);
    }

    fn api2_a_service_without_a_mini_program_says_so(db: TestDb) {
        let world = World::new(db, NOW);
        log_in(&world, "alice").refused(404, "wechat.not_configured");
        bind(&world, "alice", "class_1/1", PASSWORD).refused(404, "wechat.not_configured");
        assert_eq!(world.db.count("sessions"), 0);
    }
}
