//! Clients that send or read too slowly do not hold resources for long and do not delay others (S-13, API4).

use super::{Raw, behind, impatient, now, post};
use crate::support::world::World;
use std::time::Duration;
use zhuanjie::api::ServerSettings;

/// Longer than every timeout of [`impatient`] and than the intervals at which the server checks them.
const SOON: Duration = Duration::from_secs(9);

#[test]
fn s13_api4_a_byte_at_a_time_is_answered_and_cut_off() {
    behind(&impatient(), |world| {
        for kind in ["content-length: 5000\r\n", "transfer-encoding: chunked\r\n"] {
            let mut raw = Raw::to(&world);
            raw.send(post("/v1/auth/sign-in", kind));
            let mut writer = raw.again();
            let slow = std::thread::spawn(move || {
                let piece: &[u8] = if kind.starts_with('c') { b"x" } else { b"1\r\nx\r\n" };
                while writer.send(piece) {
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
            let begun = now();
            let (status, head, body) = raw.answer();
            assert_eq!(status, 408, "{body}");
            assert!(
                body.contains("request.timeout") && head.contains("connection: close"),
                "{head}{body}"
            );
            assert!(begun.elapsed() < SOON);
            assert!(raw.closed() < SOON);
            slow.join().expect("the server closed the connection");
        }
    });
}

#[test]
fn s13_a_body_that_keeps_to_the_rate_is_read_until_its_time_is_up() {
    behind(&impatient(), |world| {
        for (pieces, wanted) in [(8, 422), (80, 408)] {
            let mut raw = Raw::to(&world);
            let length = pieces * 100;
            raw.send(post("/v1/auth/sign-in", &format!("content-length: {length}\r\n")));
            let mut writer = raw.again();
            let sender = std::thread::spawn(move || {
                let mut body = format!("{{\"x\":\"{}\"}}", "y".repeat(length - 8)).into_bytes();
                while !body.is_empty() && writer.send(&body[..100]) {
                    body.drain(..100);
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
            assert_eq!(raw.answer().0, wanted, "{pieces} pieces");
            raw.shut();
            sender.join().expect("done");
        }
    });
}

#[test]
fn s13_a_head_that_never_ends_is_cut_off_on_a_new_and_on_a_used_connection() {
    behind(&impatient(), |world| {
        let mut first = Raw::to(&world);
        first.send("GET /healthz HTTP/1.1\r\nho");
        assert_eq!(first.answer().0, 408);
        assert!(first.closed() < SOON);
        let mut later = Raw::to(&world);
        later.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
        assert_eq!(later.answer().0, 200);
        later.send("GET /healthz HTTP/1.1\r\nho");
        assert!(later.closed() < SOON);
        let silent = Raw::to(&world);
        assert!(silent.closed() < SOON);
    });
}

#[test]
fn s13_an_upload_that_is_sent_too_slowly_is_cut_off_too() {
    behind(&impatient(), |world| {
        let member = world.mem("class_1/1");
        let token = world.token("class_1");
        let mut raw = Raw::to(&world);
        raw.send(format!(
            "POST /v1/members/{member}/certification HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             idempotency-key: k\r\ncontent-type: application/pdf\r\ncontent-length: 5000\r\n\r\n%PDF-"
        ));
        assert!(raw.closed() < SOON);
    });
}

#[test]
fn s13_the_connection_of_a_client_that_never_reads_is_closed() {
    behind(&impatient(), |world| {
        // Much more than the buffers of the operating system hold, requested at once and never read.
        let mut raw = Raw::to(&world);
        let question = "GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200);
        raw.stream.set_write_timeout(Some(SOON)).expect("a time");
        raw.send(&question);
        let begun = now();
        while raw.send("GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n") {
            assert!(begun.elapsed() < 2 * SOON, "the connection is still open");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .expect("its memory");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

/// The 99th percentile of 300 reads by a client that behaves well.
fn p99(world: &World) -> Duration {
    let client = world.admin("college");
    let mut times: Vec<Duration> = (0..300)
        .map(|_| {
            let begun = now();
            client.get("/v1/organizations?limit=20").expect(200);
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() * 99 / 100]
}

/// The full size is `ZHUANJIE_STALLED=1000` with `ulimit -n 8192`. The suite runs a tenth of it. Clients and server
/// share this process, so the measured memory is an upper bound.
#[test]
fn s13_api4_many_stalled_clients_cost_little_memory_delay_nobody_and_are_gone_in_fifteen_seconds() {
    let number = std::env::var("ZHUANJIE_STALLED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100);
    behind(&ServerSettings::default(), |world| {
        // The first reads open connections to the database.
        p99(&world);
        let (calm, before) = (p99(&world), resident());
        let begun = now();
        let stalled: Vec<Raw> = (0..number)
            .map(|n| {
                let mut raw = Raw::to(&world);
                match n % 3 {
                    0 => raw.send("GET /v1/organizations HTTP/1.1\r\nhost: x\r\nx-a: "),
                    1 => raw.send(post("/v1/auth/sign-in", "content-length: 60000\r\n") + &"x".repeat(50_000)),
                    _ => raw.send(post("/v1/transfers/decisions", "transfer-encoding: chunked\r\n") + "fff\r\nx"),
                };
                raw
            })
            .collect();
        let loaded = p99(&world);
        let more = resident().saturating_sub(before) / 1024;
        for raw in stalled {
            raw.closed();
        }
        let gone = begun.elapsed();
        crate::support::announce(&format!(
            "{number} stalled clients: {more} MB more, gone after {gone:.1?}, p99 {calm:.1?} before and {loaded:.1?} with them\n"
        ));
        assert!(more < 200, "{more} MB");
        assert!(gone < Duration::from_secs(15), "{gone:?}");
        // A busy machine may take twenty milliseconds for anything.
        assert!(
            loaded < 2 * calm + Duration::from_millis(20),
            "{calm:?} became {loaded:?}"
        );
    });
}
