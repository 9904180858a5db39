//! PgBouncer before PostgreSQL: in session mode the service works; in transaction mode it says so and does not start.

use crate::support::cluster::{OwnCluster, address, url};
use crate::support::process::Process;
use crate::support::{block_on, stopwatch};
use diesel::{Connection, PgConnection};
use std::time::Duration;
use zhuanjie::db::{DatabaseSettings, Db, DbError};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// PgBouncer before a server, in a mode. `None` if it is not installed.
fn pooler(cluster: &OwnCluster, mode: &str) -> Option<(Process, String)> {
    let (command, port) = cluster.pooler(mode)?;
    let process = Process::start(command);
    let address = address(&format!("127.0.0.1:{port}"), "");
    let begun = stopwatch();
    while PgConnection::establish(&address).is_err() {
        assert!(begun.elapsed() < PATIENCE, "PgBouncer does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some((process, address))
}

fn migrate(address: &str) -> Result<Vec<String>, DbError> {
    block_on(async {
        let db = Db::open(&url(address), &DatabaseSettings::default())?;
        let migrated = db.migrate().await;
        db.close().await;
        migrated
    })
}

#[test]
fn a_pooler_in_session_mode_is_like_the_server_itself() {
    let Some(mut cluster) = OwnCluster::prepared() else {
        return;
    };
    cluster.start(&[]);
    let Some((_pooler, address)) = pooler(&cluster, "session") else {
        return;
    };
    let applied = migrate(&address).expect("the migrations run");
    assert!(!applied.is_empty());
    assert_eq!(
        migrate(&address).expect("there is nothing left to do"),
        Vec::<String>::new()
    );
}

#[test]
fn a_pooler_in_transaction_mode_is_refused_at_the_start_with_the_way_out() {
    let Some(mut cluster) = OwnCluster::prepared() else {
        return;
    };
    cluster.start(&[]);
    let Some((_pooler, address)) = pooler(&cluster, "transaction") else {
        return;
    };
    for _ in 0..3 {
        let refused = migrate(&address).expect_err("sessions are shared").to_string();
        assert!(refused.contains("pool_mode = session"), "{refused}");
    }
    let tables = "SELECT count(*) AS value FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(cluster.number(tables), 0);
}
