//! Reads on a standby (decision 0012) see every acknowledged write of any server.

use crate::support::cluster::{OwnCluster, url};
use crate::support::database::texts;
use crate::support::{Fault, block_on};
use diesel::prelude::*;
use std::time::Duration;
use zhuanjie::db::schema::job_leases;
use zhuanjie::db::{Conn, DatabaseSettings, Db};

/// How many rows there are, and whether a standby answered.
fn look(conn: &mut Conn) -> Result<(i64, bool), Fault> {
    let rows = job_leases::table.count().get_result(conn)?;
    let standby = texts(conn, "SELECT pg_is_in_recovery()::text AS value") == ["true"];
    Ok((rows, standby))
}

fn insert(conn: &mut Conn, name: &str) -> Result<(), Fault> {
    let row = (
        job_leases::name.eq(name),
        job_leases::holder.eq("test"),
        job_leases::until.eq(0),
    );
    diesel::insert_into(job_leases::table).values(row).execute(conn)?;
    Ok(())
}

struct Pair {
    primary: OwnCluster,
    standby: OwnCluster,
}

impl Pair {
    fn new() -> Option<Self> {
        let primary = OwnCluster::new()?;
        let standby = primary.standby();
        Some(Self { primary, standby })
    }

    /// One of our servers.
    fn server(&self) -> Db {
        let standby = Some(url(&self.standby.address()));
        self.primary.open(&DatabaseSettings {
            standby,
            ..DatabaseSettings::default()
        })
    }
}

/// Reads until the standby answers. It may have to be connected first, or may be paused.
async fn until_the_standby_answers(db: &Db) -> i64 {
    let begun = crate::support::stopwatch();
    loop {
        let (rows, from_standby) = db.read(look).await.expect("a read");
        if from_standby {
            return rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the standby never answers");
    }
}

#[test]
fn i26_a_write_is_seen_by_reads_on_the_standby_and_on_another_server() {
    let Some(pair) = Pair::new() else { return };
    let (one, other) = (pair.server(), pair.server());
    block_on(async {
        until_the_standby_answers(&one).await;
        until_the_standby_answers(&other).await;
        let mut from_standby = 0;
        for n in 1..=100 {
            one.write(move |conn| insert(conn, &n.to_string()))
                .await
                .expect("a write");
            let (seen, is_standby) = other.read(look).await.expect("a read");
            assert_eq!(seen, n, "the write is not seen");
            from_standby += u32::from(is_standby);
        }
        assert!(from_standby > 50, "the standby answered {from_standby} of 100");
    });
}

#[test]
fn i26_a_lagging_standby_serves_no_read_until_it_has_caught_up() {
    let Some(pair) = Pair::new() else { return };
    let db = pair.server();
    block_on(async {
        until_the_standby_answers(&db).await;
        pair.standby.execute("SELECT pg_wal_replay_pause()");
        for n in 1..=5 {
            db.write(move |conn| insert(conn, &n.to_string()))
                .await
                .expect("a write");
            assert_eq!(db.read(look).await.expect("a read"), (n, false));
        }
        pair.standby.execute("SELECT pg_wal_replay_resume()");
        assert_eq!(until_the_standby_answers(&db).await, 5);
    });
}

#[test]
fn a_dead_or_frozen_standby_fails_no_read_but_the_one_it_serves() {
    let Some(mut pair) = Pair::new() else { return };
    let db = pair.server();
    block_on(async {
        until_the_standby_answers(&db).await;
        pair.standby.freeze();
        let begun = crate::support::stopwatch();
        for _ in 0..20 {
            assert_eq!(db.read(look).await.expect("a read"), (0, false));
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        pair.standby.thaw();
        until_the_standby_answers(&db).await;
        pair.standby.kill();
        // At most one read may fail: the one whose connection breaks.
        let mut refused = 0;
        for _ in 0..20 {
            match db.read(look).await {
                Ok(seen) => assert_eq!(seen, (0, false)),
                Err(_) => refused += 1,
            }
        }
        assert!(refused <= 1, "{refused} were refused");
        pair.standby.start(&[]);
        until_the_standby_answers(&db).await;
    });
}

#[test]
fn a_standby_of_an_older_timeline_serves_no_read() {
    let Some(pair) = Pair::new() else { return };
    let mut third = pair.primary.standby();
    third.kill();
    let Pair { mut primary, standby } = pair;
    primary.kill();
    standby.promote();
    // A standby without a primary still answers, and its log may be longer.
    third.start(&["primary_conninfo="]);
    let settings = DatabaseSettings {
        standby: Some(url(&third.address())),
        ..DatabaseSettings::default()
    };
    let db = standby.open(&settings);
    block_on(async {
        for n in 1..=5 {
            db.write(move |conn| insert(conn, &n.to_string()))
                .await
                .expect("a write");
            assert_eq!(db.read(look).await.expect("a read"), (n, false));
        }
    });
}
