//! What a service that was told to stop does before its listener goes: it is not ready any more, it answers, and each
//! answer closes its connection.

use super::{NOW, Raw};
use crate::support::Engine;
use crate::support::http::Client;
use crate::support::process::{Process, run, zhuanjie};
use crate::support::world::World;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use zhuanjie::api::ServerSettings;

const PAGE: &str = "https://tuan.example.cn";

#[test]
fn while_it_drains_it_is_not_ready_and_every_answer_closes_its_connection() {
    let settings = ServerSettings {
        cors_origins: vec![PAGE.into()],
        in_flight: 1,
        ..ServerSettings::default()
    };
    Engine::Sqlite.with_database(|db| {
        let mut world = World::behind(db, NOW, &settings);
        let administration = world.administration();
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut kept = Raw::to(&world);
        kept.send(get("/v1/rules"));
        let (status, head, _) = kept.answer();
        assert!(status == 200 && !head.contains("connection: close"), "{head}");
        world.drain();
        world.anybody().get("/readyz").refused(503, "service.busy");
        world.anybody().get("/healthz").expect(200);
        let answer = administration.get("/readyz").expect(503).json();
        assert_eq!(answer["status"], "draining");
        assert!(
            administration
                .get("/metrics")
                .expect(200)
                .text
                .contains("zhuanjie_draining 1")
        );
        // The connection that was kept open is answered and closed, and so are new ones.
        let preflight = format!(
            "OPTIONS /v1/transfers HTTP/1.1\r\nhost: x\r\norigin: {PAGE}\r\naccess-control-request-method: POST\r\n\r\n"
        );
        for (wanted, mut raw, request) in [
            (200, kept, get("/v1/rules")),
            (200, Raw::to(&world), get("/v1/rules")),
            (404, Raw::to(&world), get("/v1/nothing")),
            (401, Raw::to(&world), get("/v1/me")),
            (200, Raw::to(&world), preflight),
        ] {
            raw.send(&request);
            let (status, head, body) = raw.answer();
            assert_eq!(status, wanted, "{body}");
            assert!(head.contains("connection: close"), "{request}: {head}");
            assert!(raw.closed() < Duration::from_secs(5));
        }
    });
}

/// A program of its own with an empty database.
fn serve(folder: &tempdir::Folder, name: &str, drain: &str) -> (Process, String) {
    let mut command = zhuanjie(["serve", "--listen", "127.0.0.1:0", "--address-budget", "0"]);
    command.env("DATABASE_URL", format!("sqlite://{}", folder.0.join(name).display()));
    command.envs(crate::season::keys()).env("ZHUANJIE_DRAIN", drain);
    Process::serve(command)
}

mod tempdir {
    use super::PathBuf;

    /// A folder that is removed at the end.
    pub struct Folder(pub PathBuf);

    impl Folder {
        pub fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("zhuanjie-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder");
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Clients behind a balancer that asks for readiness: while the first of two servers is stopped, each request is sent to
/// the server that is ready, and each gets its answer.
#[test]
fn of_five_thousand_requests_none_is_without_an_answer_when_a_server_stops() {
    const REQUESTS: usize = 5_000;
    let folder = tempdir::Folder::new("draining");
    let (first, first_base) = serve(&folder, "first.sqlite", "3");
    let (_second, second_base) = serve(&folder, "second.sqlite", "3");
    let (is_ready, sent, answered) = (AtomicBool::new(true), AtomicUsize::new(0), AtomicUsize::new(0));
    let first_answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Each keeps its connections open from one request to the next.
                let (first, second) = (Client::new(&first_base), Client::new(&second_base));
                while sent.fetch_add(1, Ordering::SeqCst) < REQUESTS {
                    let goes_first = is_ready.load(Ordering::SeqCst);
                    let client = if goes_first { &first } else { &second };
                    client.get("/healthz").expect(200);
                    answered.fetch_add(1, Ordering::SeqCst);
                    first_answered.fetch_add(usize::from(goes_first), Ordering::SeqCst);
                }
            });
        }
        // The balancer.
        let asking = Client::new(&first_base);
        while first_answered.load(Ordering::SeqCst) < REQUESTS / 4 {
            std::thread::sleep(Duration::from_millis(5));
        }
        first.signal("TERM");
        while asking.get("/readyz").status == 200 {
            std::thread::sleep(Duration::from_millis(50));
        }
        is_ready.store(false, Ordering::SeqCst);
    });
    assert_eq!(answered.load(Ordering::SeqCst), REQUESTS);
    assert!(
        first_answered.load(Ordering::SeqCst) < REQUESTS,
        "the first server was not left"
    );
    let (status, lines) = first.wait();
    assert!(status.success(), "{lines:#?}");
    assert!(
        lines
            .last()
            .is_some_and(|line| line.contains("stopped; everything accepted")),
        "{lines:#?}"
    );
}

#[test]
fn a_second_signal_and_an_interrupt_end_the_wait() {
    let folder = tempdir::Folder::new("interrupted");
    for (name, signals) in [("term.sqlite", &["TERM", "TERM"][..]), ("int.sqlite", &["INT"])] {
        // Much longer than the test waits for the end.
        let (mut server, base) = serve(&folder, name, "600");
        for (number, signal) in signals.iter().enumerate() {
            server.signal(signal);
            if number + 1 < signals.len() {
                server.wait_for(|line| line.contains("told to stop").then_some(()));
                assert_eq!(Client::new(&base).get("/readyz").status, 503);
            }
        }
        let (status, lines) = server.wait();
        assert!(status.success(), "{lines:#?}");
    }
}

#[test]
fn the_version_and_the_commit_are_told() {
    let (status, lines) = run(zhuanjie(["--version"]));
    assert!(status.success());
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        lines[0].starts_with(&format!("zhuanjie {version} (commit ")),
        "{lines:?}"
    );
    let folder = tempdir::Folder::new("version");
    let (server, _) = serve(&folder, "version.sqlite", "0");
    let (_, lines) = server.terminate();
    let line = lines
        .iter()
        .find(|line| line.contains("listening on"))
        .expect("the line of the start");
    assert!(
        line.contains(&format!("version={version}")) && line.contains("commit="),
        "{line}"
    );
}
