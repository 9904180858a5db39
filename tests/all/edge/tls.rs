//! TLS by rustls: which clients can connect, and that a renewed certificate is used without a restart.

use super::{behind, now};
use crate::support::world::World;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zhuanjie::api::ServerSettings;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/all/edge/certificates")
        .join(name)
}

/// A directory of its own with a copy of a certificate.
struct Served(PathBuf);

impl Served {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("zhuanjie-tls-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let served = Self(folder);
        served.show("first");
        served
    }

    fn show(&self, name: &str) {
        for (from, to) in [("key.pem", "key.pem"), ("pem", "chain.pem")] {
            fs::copy(file(&format!("{name}.{from}")), self.0.join(to)).expect("a copy");
        }
    }

    fn settings(&self) -> ServerSettings {
        ServerSettings {
            tls_certificate: Some(self.0.join("chain.pem")),
            tls_key: Some(self.0.join("key.pem")),
            ..ServerSettings::default()
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A client that trusts one authority and offers these protocols.
fn client(
    world: &World,
    authority: &str,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&[u8]],
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(file(&format!("{authority}.authority.pem"))).expect("a certificate");
    roots.add(authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let stream = StreamOwned::new(client, TcpStream::connect(world.address())?);
    stream.sock.set_read_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

/// Requests the liveness probe with trust in one authority.
fn ask(world: &World, authority: &str, versions: &[&'static SupportedProtocolVersion]) -> io::Result<String> {
    let mut stream = client(world, authority, versions, &[])?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(String::from_utf8(text).expect("UTF-8").to_lowercase()),
    }
}

#[test]
fn it_speaks_tls_1_2_and_1_3_says_so_to_browsers_and_nothing_else() {
    let served = Served::new("versions");
    behind(&served.settings(), |world| {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let answer = ask(&world, "first", &[version]).expect("an answer");
            assert!(answer.starts_with("http/1.1 200"), "{answer}");
            assert!(
                answer.contains("strict-transport-security: max-age=31536000"),
                "{answer}"
            );
        }
        assert!(
            ask(&world, "second", rustls::ALL_VERSIONS).is_err(),
            "a certificate of another authority was accepted"
        );
        let mut plain = super::Raw::to(&world);
        plain.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
        assert!(!plain.answer_text().contains("200 ok"), "answered without TLS");
        // The version of the record layer does not matter. This greeting asks for TLS 1.1 with a cipher of its time.
        let mut old = super::Raw::to(&world);
        let mut greeting = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
        greeting.extend([7; 32]);
        greeting.extend([0, 0, 2, 0, 47, 1, 0]);
        old.send(greeting);
        let answer = old.answer_bytes();
        assert_eq!(
            answer.first().copied().unwrap_or(21),
            21,
            "neither an alert nor nothing: {answer:?}"
        );
    });
}

#[test]
fn s12_over_tls_it_offers_http_1_1_and_no_other_protocol() {
    let served = Served::new("protocols");
    behind(&served.settings(), |world| {
        let greet = |protocols: &[&[u8]]| {
            let mut stream = client(&world, "first", rustls::ALL_VERSIONS, protocols)?;
            stream.conn.complete_io(&mut stream.sock)?;
            io::Result::Ok(stream)
        };
        let mut stream = greet(&[b"h2", b"http/1.1"]).expect("a handshake");
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        // A client that sends HTTP/2 anyway is refused like any input that is not HTTP.
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .expect("the bytes are sent");
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        assert!(text.is_empty() || text.starts_with(b"HTTP/1.1 400"), "{text:?}");
        assert!(greet(&[b"h2"]).is_err(), "a handshake without HTTP/1.1 succeeded");
    });
}

#[test]
fn s13_a_handshake_that_never_ends_is_cut_off() {
    let served = Served::new("handshake");
    behind(&served.settings(), |world| {
        let mut raw = super::Raw::to(&world);
        raw.send([22, 3, 1]);
        assert!(raw.closed() < Duration::from_secs(10));
    });
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let served = Served::new("renewed");
    behind(&served.settings(), |world| {
        ask(&world, "first", rustls::ALL_VERSIONS).expect("the first");
        fs::write(served.0.join("key.pem"), "no key").expect("the key is replaced");
        ask(&world, "first", rustls::ALL_VERSIONS).expect("the first still");
        served.show("second");
        let begun = now();
        while ask(&world, "second", rustls::ALL_VERSIONS).is_err() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "the certificate was not read again"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        assert!(ask(&world, "first", rustls::ALL_VERSIONS).is_err());
    });
}

#[test]
fn a_certificate_that_can_t_be_read_stops_the_start() {
    let served = Served::new("missing");
    fs::remove_file(served.0.join("chain.pem")).expect("the file is removed");
    assert!(std::panic::catch_unwind(|| behind(&served.settings(), |_| {})).is_err());
}

#[test]
fn s13_api4_an_address_has_a_limit_of_connections_before_the_handshake_too() {
    let served = Served::new("limit");
    let settings = ServerSettings {
        address_connections: 2,
        ..served.settings()
    };
    behind(&settings, |world| {
        let connect = || {
            let stream = TcpStream::connect(world.address()).expect("the server listens");
            stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a time");
            stream
        };
        // Neither begins a handshake.
        let held = [connect(), connect()];
        let begun = now();
        assert_eq!(connect().read(&mut [0; 1]).expect("closed"), 0);
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "it has waited for a handshake"
        );
        drop(held);
    });
}
