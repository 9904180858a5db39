//! Connecting to PostgreSQL: waiting for it, TLS, failover, a frozen server.

use crate::support::cluster::{OwnCluster, address, url};
use crate::support::database::texts;
use crate::support::http::Client;
use crate::support::process::{self, Process, zhuanjie};
use crate::support::{Fault, block_on};
use diesel::prelude::*;
use std::time::Duration;
use zhuanjie::db::schema::job_leases;
use zhuanjie::db::{Conn, DatabaseSettings, Db, DbError};

fn insert(conn: &mut Conn, name: &str) -> Result<(), Fault> {
    let row = (
        job_leases::name.eq(name),
        job_leases::holder.eq("test"),
        job_leases::until.eq(0),
    );
    diesel::insert_into(job_leases::table).values(row).execute(conn)?;
    Ok(())
}

fn count(conn: &mut Conn) -> Result<i64, Fault> {
    Ok(job_leases::table.count().get_result(conn)?)
}

fn start_within(seconds: f32) -> DatabaseSettings {
    DatabaseSettings {
        start: Duration::from_secs_f32(seconds),
        ..DatabaseSettings::default()
    }
}

fn why_not(address: &str) -> String {
    let refused = Db::open(&url(address), &start_within(0.3)).err();
    refused.expect("the server is refused").to_string()
}

#[test]
fn a_start_waits_for_the_database_and_then_gives_the_reason() {
    let Some(mut cluster) = OwnCluster::prepared() else {
        return;
    };
    let why = why_not(&cluster.address());
    assert!(
        why.contains("not reached within 0.3 s") && why.contains("Connection refused"),
        "{why}"
    );
    let place = url(&cluster.address());
    let waiting = std::thread::spawn(move || Db::open(&place, &start_within(60.0)).map(drop));
    cluster.launch(&[]);
    waiting.join().expect("no panic").expect("the database came in time");
}

#[test]
fn tls_is_used_and_checked_if_the_address_requires_it() {
    let Some(mut cluster) = OwnCluster::prepared() else {
        return;
    };
    let Some(certificate) = cluster.certify() else { return };
    cluster.start(&["ssl=on"]);
    let port = cluster
        .host()
        .split_once(':')
        .map(|(_, port)| port.to_owned())
        .expect("a port");
    let with = |host: &str, mode: &str| {
        let trusted = certificate.display();
        address(
            &format!("{host}:{port}"),
            &format!("?sslmode={mode}&sslrootcert={trusted}"),
        )
    };
    let db = Db::open(&url(&with("localhost", "verify-full")), &DatabaseSettings::default())
        .expect("the name is the certificate's");
    let version = "SELECT coalesce(version, 'none') AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let spoken = block_on(db.read(move |conn| Ok::<_, Fault>(texts(conn, version)))).expect("a read");
    assert_eq!(spoken, ["TLSv1.3"]);
    // The certificate is for another host name.
    let why = why_not(&with("127.0.0.1", "verify-full"));
    assert!(why.contains("certificate"), "{why}");
}

#[test]
fn a_server_without_tls_is_refused_if_the_address_requires_it() {
    let Some(mut cluster) = OwnCluster::prepared() else {
        return;
    };
    cluster.start(&[]);
    let why = why_not(&address(&cluster.host(), "?sslmode=require"));
    assert!(
        why.contains("server does not support SSL, but SSL was required"),
        "{why}"
    );
}

#[test]
fn the_language_of_a_role_may_come_from_its_configuration() {
    let Some(mut cluster) = OwnCluster::prepared() else {
        return;
    };
    cluster.start(&[]);
    cluster.execute("CREATE ROLE speaker LOGIN; ALTER ROLE speaker SET lc_messages = 'C'");
    // Only a superuser may set the language of errors in a session.
    let address = cluster.address().replace("postgres@", "speaker@");
    Db::open(&url(&address), &DatabaseSettings::default()).expect("English");
}

#[test]
fn only_a_host_that_takes_writes_is_used() {
    let Some(primary) = OwnCluster::new() else { return };
    let standby = primary.standby();
    let hosts = format!("{},{}", standby.host(), primary.host());
    let db = Db::open(&url(&address(&hosts, "")), &DatabaseSettings::default()).expect("one of them");
    block_on(db.write(|conn| insert(conn, "x"))).expect("a write");
    let why = why_not(&standby.address());
    assert!(why.contains("read-only"), "{why}");
    // A standby is refused even if the address allows any host.
    let why = why_not(&address(&standby.host(), "?target_session_attrs=any"));
    assert!(why.contains("standby"), "{why}");
}

#[test]
fn i19_after_a_failover_the_promoted_standby_is_found() {
    let Some(mut primary) = OwnCluster::new() else { return };
    let standby = primary.standby();
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.execute("SELECT pg_reload_conf()");
    let hosts = format!("{},{}", primary.host(), standby.host());
    let db = Db::open(
        &url(&address(&hosts, "")),
        &DatabaseSettings {
            wait: Duration::from_secs(1),
            ..DatabaseSettings::default()
        },
    );
    let db = db.expect("the primary");
    block_on(async {
        // Every connection of the pool has been used.
        let mut writes = Vec::new();
        for n in 0..24 {
            let db = db.clone();
            writes.push(tokio::spawn(async move {
                db.write(move |conn| insert(conn, &n.to_string())).await
            }));
        }
        for write in writes {
            write.await.expect("no panic").expect("a write");
        }
        primary.kill();
        let refused = db.write(|conn| insert(conn, "lost")).await;
        assert!(
            matches!(&refused, Err(Fault::Db(error)) if error.is_transient()),
            "{refused:?}"
        );
        standby.promote();
        let promoted = crate::support::stopwatch();
        db.write(|conn| insert(conn, "after")).await.expect("a write, at once");
        assert!(promoted.elapsed() < Duration::from_secs(1), "{:?}", promoted.elapsed());
        assert_eq!(db.read(count).await.expect("a read"), 25);
    });
}

#[test]
fn a_restart_of_an_idle_database_fails_no_request() {
    let Some(mut cluster) = OwnCluster::new() else { return };
    let db = cluster.open(&DatabaseSettings::default());
    block_on(db.write(|conn| insert(conn, "before"))).expect("a write");
    cluster.kill();
    cluster.start(&[]);
    block_on(db.write(|conn| insert(conn, "after"))).expect("a write over a new connection");
    assert_eq!(block_on(db.read(count)).expect("a read"), 2);
}

#[test]
fn a_frozen_database_delays_no_answer_beyond_its_limit() {
    let Some(cluster) = OwnCluster::new() else { return };
    let (wait, answer) = (Duration::from_millis(300), Duration::from_millis(900));
    let db = cluster.open(&DatabaseSettings {
        pool_size: 3,
        wait,
        answer,
        ..DatabaseSettings::default()
    });
    block_on(async {
        db.write(|conn| insert(conn, "before")).await.expect("a write");
        db.ping(wait).await.expect("the database answers");
        cluster.freeze();
        let begun = crate::support::stopwatch();
        let mut asked = Vec::new();
        for n in 0..20 {
            let db = db.clone();
            asked.push(tokio::spawn(async move {
                let answer = match n % 2 {
                    0 => db.read(count).await.map(drop),
                    _ => db.write(move |conn| insert(conn, &n.to_string())).await,
                };
                answer.expect_err("no answer from a frozen database")
            }));
        }
        let mut faults = Vec::new();
        for one in asked {
            faults.push(one.await.expect("no panic"));
        }
        assert!(
            begun.elapsed() < wait + answer + Duration::from_millis(500),
            "{:?}",
            begun.elapsed()
        );
        assert!(db.ping(wait).await.is_err(), "readiness");
        for fault in &faults {
            let is_expected = |error: &DbError| error.is_transient() || matches!(error, DbError::OutcomeUnknown(_));
            assert!(matches!(fault, Fault::Db(error) if is_expected(error)), "{fault:?}");
        }
        cluster.thaw();
        let thawed = crate::support::stopwatch();
        while db.ping(wait).await.is_err() {
            assert!(
                thawed.elapsed() < Duration::from_secs(2),
                "not back to normal 2 s after the thaw"
            );
        }
        db.write(|conn| insert(conn, "after")).await.expect("a write");
        // A refused write is not stored. A write with an unknown outcome may be.
        let unknown = faults
            .iter()
            .filter(|fault| matches!(fault, Fault::Db(DbError::OutcomeUnknown(_))))
            .count() as i64;
        let stored = db.read(count).await.expect("a read");
        assert!((2..=2 + unknown).contains(&stored), "{stored} of at most {unknown}");
    });
}

#[test]
fn a_frozen_database_ends_readiness_and_not_liveness() {
    let Some(cluster) = OwnCluster::new() else { return };
    let mut command = zhuanjie(["serve", "--listen", "127.0.0.1:0"]);
    for line in process::run(zhuanjie(["keys"])).1 {
        if let Some((name, value)) = line.split_once('=') {
            command.env(name, value.trim_matches('\''));
        }
    }
    command.env("DATABASE_URL", cluster.address());
    let (_server, base) = Process::serve(command);
    let client = Client::new(&base);
    let took = |path: &str, status: u16| {
        let begun = crate::support::stopwatch();
        client.get(path).expect(status);
        begun.elapsed()
    };
    took("/readyz", 200);
    cluster.freeze();
    assert!(took("/readyz", 503) < Duration::from_secs(3));
    assert!(took("/healthz", 200) < Duration::from_secs(1));
    cluster.thaw();
    let thawed = crate::support::stopwatch();
    while client.get("/readyz").status != 200 {
        assert!(
            thawed.elapsed() < Duration::from_secs(2),
            "not back to normal 2 s after the thaw"
        );
    }
}
