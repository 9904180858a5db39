//! Bodies and connections of one caller leave memory and places to the others (S-12, S-13, API4).

use super::{NOW, Raw, behind, post};
use crate::support::Engine;
use crate::support::world::World;
use serde_json::json;
use std::time::Duration;
use zhuanjie::api::ServerSettings;
use zhuanjie::app::App;
use zhuanjie::config::Keys;

#[test]
fn s12_api4_without_a_valid_token_a_body_has_64_kib_at_most() {
    behind(&ServerSettings::default(), |world| {
        let announced = |token: &str, length: usize| {
            let mut raw = Raw::to(&world);
            let fields = format!("authorization: Bearer {token}\r\ncontent-length: {length}\r\n");
            raw.send(post("/v1/transfers/decisions", &fields));
            raw
        };
        // Refused before the body: no byte of it was sent.
        for token in ["", "made-up"] {
            let mut raw = announced(token, 64 * 1024 + 1);
            let (status, head, body) = raw.answer();
            assert_eq!(status, 401, "{body}");
            assert!(
                head.contains("connection: close") && head.contains("www-authenticate"),
                "{head}"
            );
            assert!(raw.closed() < Duration::from_secs(5));
        }
        let mut raw = Raw::to(&world);
        raw.send(post("/v1/transfers/decisions", "transfer-encoding: chunked\r\n"));
        raw.send(format!("10001\r\n{}\r\n", "x".repeat(0x10001)));
        assert_eq!(raw.answer().0, 401, "in pieces");
        // One byte less is read, and refused for want of a token.
        let mut raw = announced("made-up", 64 * 1024);
        raw.send("x".repeat(64 * 1024));
        let (status, head, _) = raw.answer();
        assert!(status == 401 && !head.contains("connection: close"), "{head}");
        // A file is not read at all.
        let mut raw = Raw::to(&world);
        let path = format!("/v1/members/{}/certification", world.mem("class_1/1"));
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/pdf\r\ncontent-length: 5000000\r\n\r\n"
        ));
        assert_eq!(raw.answer().0, 401);
        assert!(raw.closed() < Duration::from_secs(5));
        let token = world.token("nation");
        let mut raw = announced(&token, 64 * 1024 + 1);
        raw.send("x".repeat(64 * 1024 + 1));
        let (status, head, body) = raw.answer();
        assert!((400..500).contains(&status) && status != 401, "{status} {head}{body}");
    });
}

#[test]
fn s13_api4_an_address_without_a_token_takes_no_memory_from_others() {
    behind(&ServerSettings::default(), |world| {
        let mut stalled: Vec<Raw> = (0..24)
            .map(|_| {
                let mut raw = Raw::to(&world);
                raw.send(post("/v1/auth/sign-in", "content-length: 60001\r\n") + &"x".repeat(60_000));
                raw
            })
            .collect();
        // The address has 1 MiB. What is beyond is refused at once.
        let mut refused = 0;
        for raw in &mut stalled {
            raw.stream
                .set_read_timeout(Some(Duration::from_millis(100)))
                .expect("a time");
            let (status, _, body) = raw.answer();
            assert!(
                status == 0 || (status == 503 && body.contains("service.busy")),
                "{status} {body}"
            );
            refused += usize::from(status == 503);
        }
        assert_eq!(refused, 24 - (1 << 20) / 60_000);
        // Whoever has a token is served, from the same address.
        let admin = world.admin("college");
        let path = format!("/v1/organizations/{}/contact", world.org("college"));
        let contact = json!({"name": "张三", "phone": "010-12345678"});
        for _ in 0..20 {
            admin.decide(&path, 0, &contact).refused(412, "request.stale");
        }
    });
}

#[test]
fn s13_api4_an_address_has_a_limit_of_connections_and_a_trusted_proxy_has_none() {
    let settings = ServerSettings {
        address_connections: 3,
        ..ServerSettings::default()
    };
    let ask = |world: &World| {
        let mut raw = Raw::to(world);
        raw.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
        (raw.answer().0, raw)
    };
    Engine::Sqlite.with_database(|db| {
        let world = World::behind(db, NOW, &settings);
        let mut held: Vec<Raw> = (0..3)
            .map(|_| {
                let (status, raw) = ask(&world);
                assert_eq!(status, 200);
                raw
            })
            .collect();
        for _ in 0..5 {
            let (status, raw) = ask(&world);
            assert_ne!(status, 200, "a fourth connection of one address is served");
            assert!(raw.closed() < Duration::from_secs(5));
        }
        held.remove(0).shut();
        let begun = super::now();
        while ask(&world).0 != 200 {
            assert!(begun.elapsed() < Duration::from_secs(5), "the place is not free again");
        }
    });
    Engine::Sqlite.with_database(|db| {
        let proxies = "127.0.0.0/8".parse().expect("a network");
        let world = World::set_up(db, NOW, Keys::demo(), &settings, |app| App { proxies, ..app });
        let held: Vec<_> = (0..8).map(|_| ask(&world)).collect();
        assert!(held.iter().all(|(status, _)| *status == 200));
    });
}
