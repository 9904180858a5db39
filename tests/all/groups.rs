//! Use cases that share transactions (`db::Batcher`): each gets its own answer, whatever becomes of its neighbours.

use crate::support::{Fault, block_on, both_engines};
use diesel::prelude::*;
use futures_util::future::join_all;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zhuanjie::db::schema::job_leases;
use zhuanjie::db::{Batcher, Conn, DatabaseSettings, Db, DbError, Outcomes};

/// More groups than are ever under way at once.
const UNDER_WAY: usize = 3;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// A row of this name; answered with how many rows there are by then. Of two of one name, the second is put off.
    Row(&'static str),
    /// A refusal.
    No,
    /// A statement that fails.
    Nonsense,
    Panic,
}

type Sizes = Arc<Mutex<Vec<usize>>>;

/// Batcher that note how many they are.
fn groups(db: Db) -> (Batcher<Wish, i64, Fault>, Sizes) {
    let sizes = Sizes::default();
    let noted = sizes.clone();
    let use_case = move |conn: &mut Conn, wishes: &[&Wish]| {
        noted.lock().expect("nobody panics with it").push(wishes.len());
        let mut names = HashSet::new();
        let fate = |wish: &&Wish| match wish {
            Wish::Row(name) if names.insert(*name) => Ok(Some(Ok(store(conn, name)?))),
            Wish::Row(_) => Ok(None),
            Wish::No => Ok(Some(Err(Fault::Refused))),
            Wish::Nonsense => diesel::sql_query("SELECT nonsense")
                .execute(conn)
                .map(|_| None)
                .map_err(Fault::from),
            Wish::Panic => panic!("as wished"),
        };
        wishes.iter().map(fate).collect::<Result<Outcomes<i64, Fault>, Fault>>()
    };
    (Batcher::new(db, use_case), sizes)
}

fn store(conn: &mut Conn, name: &str) -> Result<i64, Fault> {
    diesel::insert_into(job_leases::table)
        .values((
            job_leases::name.eq(format!("{name} {}", stored(conn)?)),
            job_leases::holder.eq("test"),
            job_leases::until.eq(0),
        ))
        .execute(conn)?;
    stored(conn)
}

fn stored(conn: &mut Conn) -> Result<i64, Fault> {
    Ok(job_leases::table.count().get_result(conn)?)
}

/// Batcher none of which ends before it is let go: how many they are is answered.
fn held(db: Db) -> (Batcher<Wish, i64, Fault>, Sizes, mpsc::Sender<()>) {
    let sizes = Sizes::default();
    let noted = sizes.clone();
    let (let_go, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let use_case = move |_: &mut Conn, wishes: &[&Wish]| -> Result<Outcomes<i64, Fault>, Fault> {
        noted.lock().expect("nobody panics with it").push(wishes.len());
        let _ = held.lock().expect("nobody panics with it").recv();
        Ok(wishes.iter().map(|_| Some(Ok(0))).collect())
    };
    (Batcher::new(db, use_case), sizes, let_go)
}

/// So many that have asked by the time this returns, one after the other.
async fn begin(groups: &Batcher<Wish, i64, Fault>, number: usize) -> Vec<JoinHandle<Result<i64, Fault>>> {
    let mut begun = Vec::new();
    for _ in 0..number {
        let groups = groups.clone();
        begun.push(tokio::spawn(async move { groups.submit(Wish::No).await }));
        tokio::task::yield_now().await;
    }
    begun
}

/// Asks for all of these at once, and waits for all the answers.
async fn ask(groups: &Batcher<Wish, i64, Fault>, wishes: &[Wish]) -> Vec<Result<i64, Fault>> {
    join_all(wishes.iter().map(|wish| groups.submit(*wish))).await
}

fn sizes(sizes: &Sizes) -> Vec<usize> {
    sizes.lock().expect("nobody panics with it").clone()
}

both_engines! {
    async fn who_waits_together_shares_a_transaction_and_a_refusal_is_his_own(db: TestDb) {
        let (groups, noted) = groups(db.db());
        let answers = ask(&groups, &[Wish::Row("a"), Wish::No, Wish::Row("b")]).await;
        assert!(matches!(answers[..], [Ok(1), Err(Fault::Refused), Ok(2)]), "{answers:?}");
        assert_eq!(sizes(&noted), [3]);
    }

    async fn who_has_to_see_what_another_stores_is_put_off_to_the_next_group(db: TestDb) {
        let (groups, noted) = groups(db.db());
        let answers = ask(&groups, &[Wish::Row("a"), Wish::Row("a"), Wish::Row("a"), Wish::Row("b")]).await;
        let answers: Vec<i64> = answers.into_iter().map(|answer| answer.expect("it is stored")).collect();
        assert_eq!(answers, [1, 3, 4, 2]);
        assert_eq!(sizes(&noted), [4, 2, 1]);
    }

    async fn whoever_is_at_fault_is_so_alone(db: TestDb) {
        let (groups, noted) = groups(db.db());
        let answers = ask(&groups, &[Wish::Row("a"), Wish::Nonsense, Wish::Row("b"), Wish::Panic]).await;
        assert!(matches!(answers[0], Ok(1)), "{answers:?}");
        assert!(matches!(answers[1], Err(Fault::Db(DbError::Query(_)))), "{answers:?}");
        assert!(matches!(answers[2], Ok(2)), "{answers:?}");
        assert!(matches!(answers[3], Err(Fault::Db(DbError::Panicked))), "{answers:?}");
        assert_eq!(sizes(&noted), [4, 1, 1, 1, 1]);
        let again = ask(&groups, &[Wish::Row("c")]).await;
        assert!(matches!(again[..], [Ok(3)]), "{again:?}");
    }

    async fn a_group_has_its_bounds_and_the_rest_comes_next(db: TestDb) {
        let (groups, noted) = groups(db.db());
        let many = [Wish::No; 100];
        let answers = ask(&groups, &many).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(Fault::Refused))));
        assert_eq!(sizes(&noted).iter().sum::<usize>(), 100);
        assert!(sizes(&noted).iter().all(|size| *size <= 64), "{:?}", sizes(&noted));
    }

    async fn who_has_gone_away_before_his_turn_is_not_decided(db: TestDb) {
        let (groups, noted, let_go) = held(db.db());
        let begun: Vec<_> = begin(&groups, UNDER_WAY).await;
        let gone = begin(&groups, 1).await;
        gone[0].abort();
        let stays = begin(&groups, 1).await;
        drop(let_go);
        for answer in join_all(begun.into_iter().chain(stays)).await {
            assert!(matches!(answer, Ok(Ok(_))), "{answer:?}");
        }
        assert_eq!(sizes(&noted).iter().sum::<usize>(), UNDER_WAY + 1);
    }

    async fn a_group_is_decided_to_its_end_though_the_thread_of_who_began_it_is_gone(db: TestDb) {
        let (groups, _, let_go) = held(db.db());
        // A worker of the server, which ends once its own connections are closed.
        let (begun, is_begun) = oneshot::channel();
        let (end, ends) = oneshot::channel::<()>();
        let (kept, gone) = oneshot::channel::<()>();
        let theirs = groups.clone();
        let worker = std::thread::spawn(move || block_on(async move {
            begin(&theirs, UNDER_WAY).await;
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(kept);
            });
            begun.send(()).expect("it is waited for");
            ends.await.expect("it is told to");
        }));
        is_begun.await.expect("they are under way");
        let waiting = begin(&groups, 1).await;
        end.send(()).expect("it waits");
        gone.await.expect_err("its tasks are dropped");
        drop(let_go);
        let answers = join_all(waiting).await;
        assert!(matches!(answers[..], [Ok(Ok(_))]), "{answers:?}");
        worker.join().expect("it ends");
    }

    async fn a_full_queue_says_so_and_does_nothing(db: TestDb) {
        let settings = DatabaseSettings { write_queue: 2, ..DatabaseSettings::default() };
        let (groups, _) = groups(db.open(&settings));
        let answers = ask(&groups, &[Wish::Row("a"), Wish::Row("b"), Wish::Row("c")]).await;
        assert!(matches!(answers[..], [Ok(1), Ok(2), Err(Fault::Db(DbError::Overloaded))]), "{answers:?}");
    }

    async fn who_waited_too_long_is_told_that_nothing_was_done(db: TestDb) {
        let settings = DatabaseSettings { wait: Duration::from_millis(200), ..DatabaseSettings::default() };
        let (groups, _, let_go) = held(db.open(&settings));
        let begun = begin(&groups, UNDER_WAY).await;
        let late = groups.submit(Wish::Row("a")).await;
        assert!(matches!(late, Err(Fault::Db(DbError::Overloaded))), "{late:?}");
        drop(let_go);
        let answers = join_all(begun).await;
        let begun = answers.iter().filter(|answer| matches!(answer, Ok(Ok(0)))).count();
        assert!(begun >= 1, "what was under way is answered all the same: {answers:?}");
    }

    async fn a_closed_house_is_said_to_each(db: TestDb) {
        let doors = db.open(&DatabaseSettings::default());
        let (groups, _) = groups(doors.clone());
        doors.close().await;
        for answer in ask(&groups, &[Wish::Row("a"), Wish::Row("b")]).await {
            let Err(Fault::Db(fault)) = answer else { panic!("{answer:?}") };
            assert!(fault.is_passing(), "{fault:?}");
        }
    }
}
