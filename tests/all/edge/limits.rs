//! Every limit at one less, exactly, and one more (S-12, API4), before a body is read and while it arrives.

use super::{NOW, Raw, behind, post};
use crate::support::Engine;
use crate::support::world::World;
use serde_json::json;
use zhuanjie::api::ServerSettings;
use zhuanjie::domain::core::ids::TransferId;

const SMALL: usize = 64 * 1024;
const LARGE: usize = 1024 * 1024;

fn world(body: impl FnOnce(World)) {
    behind(&ServerSettings::default(), body);
}

#[test]
fn s12_api4_an_address_may_have_its_greatest_length_and_no_more() {
    world(|world| {
        let client = world.admin("nation");
        for (length, wanted) in [(4095, 400), (4096, 400), (4097, 414)] {
            let start = "/v1/organizations?x=";
            let address = format!("{start}{}", "y".repeat(length - start.len()));
            let answer = client.get(&address).expect(wanted);
            assert_eq!(answer.code() == "request.address_too_long", wanted == 414, "{length}");
        }
    });
}

#[test]
fn s12_api4_a_head_may_have_its_greatest_number_of_fields_and_bytes_and_no_more() {
    world(|world| {
        let ask = |head: String| {
            let mut raw = Raw::to(&world);
            raw.send(format!("GET /healthz HTTP/1.1\r\n{head}\r\n"));
            raw.answer()
        };
        for (fields, wanted) in [(63, 200), (64, 200), (65, 431), (96, 431)] {
            let more: String = (1..fields).map(|n| format!("x-{n}: y\r\n")).collect();
            let (status, _, body) = ask(format!("host: x\r\n{more}"));
            assert_eq!(status, wanted, "{fields} fields: {body}");
            assert_eq!(body.contains("request.head_too_large"), wanted == 431);
        }
        // More fields than the framework reads. It answers itself, without a body.
        let more: String = (1..200).map(|n| format!("x-{n}: y\r\n")).collect();
        assert_eq!(ask(format!("host: x\r\n{more}")).0, 431);
        for (bytes, wanted) in [(16_383, 200), (16_384, 200), (16_385, 431)] {
            let long = "y".repeat(bytes - "hostx".len() - "x-1".len());
            assert_eq!(ask(format!("host: x\r\nx-1: {long}\r\n")).0, wanted, "{bytes} bytes");
        }
        let (status, ..) = ask(format!("host: x\r\nx-1: {}\r\n", "y".repeat(200_000)));
        assert_eq!(status, 431, "the framework refuses a head without an end");
    });
}

#[test]
fn s12_api4_a_body_may_have_the_length_its_operation_needs_announced_or_chunked() {
    world(|world| {
        let token = world.token("nation");
        for (path, limit) in [("/v1/transfers", SMALL), ("/v1/transfers/decisions", LARGE)] {
            for (length, is_refused) in [(limit - 1, false), (limit, false), (limit + 1, true)] {
                let body = format!("{{\"x\":\"{}\"}}", "y".repeat(length - 8));
                assert_eq!(body.len(), length);
                let fields = format!("authorization: Bearer {token}\r\nidempotency-key: k\r\n");
                let mut announced = Raw::to(&world);
                announced.send(post(path, &format!("{fields}content-length: {length}\r\n")));
                announced.send(&body);
                let mut pieces = Raw::to(&world);
                pieces.send(post(path, &format!("{fields}transfer-encoding: chunked\r\n")));
                pieces.send(format!("{length:x}\r\n{body}\r\n0\r\n\r\n"));
                for (name, mut raw) in [("announced", announced), ("in pieces", pieces)] {
                    let (status, _, text) = raw.answer();
                    assert_eq!(
                        status,
                        if is_refused { 413 } else { 422 },
                        "{path} {length} {name}: {text}"
                    );
                    assert_eq!(text.contains(&limit.to_string()), is_refused, "{text}");
                }
            }
        }
    });
}

#[test]
fn s12_api4_json_may_have_its_greatest_depth_and_no_more() {
    world(|world| {
        let nested = |depth: usize| format!("{{\"id_number\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        for (depth, status, code) in [
            (15, 422, "request.invalid"),
            (16, 422, "request.invalid"),
            (17, 400, "request.malformed"),
            (30_000, 400, "request.malformed"),
        ] {
            let client = world.anybody();
            let request = client.request("POST", "/v1/auth/sign-in");
            let answer = request
                .header("content-type", "application/json")
                .body(nested(depth))
                .send();
            answer.refused(status, code);
        }
    });
}

#[test]
fn s12_api4_a_batch_and_a_page_may_have_their_greatest_number_of_items_and_no_more() {
    world(|world| {
        let admin = world.admin("college");
        let batch = |length: i64| {
            let item = |key: i64| json!({"transfer": TransferId(key + 1), "action": "approve"});
            json!({"mode": "per_item", "items": (0..length).map(item).collect::<Vec<_>>()})
        };
        for (length, status) in [(0, 422), (1, 200), (199, 200), (200, 200), (201, 422), (10_000, 422)] {
            admin.write("/v1/transfers/decisions", &batch(length)).expect(status);
        }
        for (limit, status) in [
            ("0", 400),
            ("1", 200),
            ("199", 200),
            ("200", 200),
            ("201", 400),
            ("999999999", 400),
        ] {
            admin.get(&format!("/v1/organizations?limit={limit}")).expect(status);
        }
    });
}

#[test]
fn s12_api4_ten_gigabytes_are_refused_without_being_read() {
    Engine::Sqlite.with_database(|db| {
        let world = World::new(db, NOW);
        for path in ["/v1/auth/sign-in", "/v1/transfers/decisions", "/v1/no/such/thing"] {
            let mut raw = Raw::to(&world);
            raw.send(post(path, "content-length: 10737418240\r\n"));
            let (status, head, body) = raw.answer();
            assert_eq!(status, 413, "{path}: {body}");
            assert!(
                head.contains("connection: close") && body.contains("request.too_large"),
                "{head}{body}"
            );
            raw.closed();
        }
        // The length of a chunked body is not known until it is too long. Then no more of it is read.
        let mut raw = Raw::to(&world);
        raw.send(post("/v1/auth/sign-in", "transfer-encoding: chunked\r\n"));
        let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        raw.send(&piece);
        raw.send(&piece);
        let (status, head, _) = raw.answer();
        assert_eq!(status, 413);
        assert!(head.contains("connection: close"), "{head}");
        let begun = super::now();
        while raw.send(&piece) {
            assert!(begun.elapsed().as_secs() < 10, "the server still reads");
        }
    });
}
