//! `db::Batcher`: items share a transaction, and each gets its own answer.

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

/// More batches than either engine runs at once.
const RUNNING: usize = 3;

/// What an item does.
#[derive(Debug, Clone, Copy)]
enum Item {
    /// Stores a row of this name and returns how many rows there are. If two items have the same name, the second is
    /// put off.
    Row(&'static str),
    /// The use case refuses it.
    Refused,
    /// Runs a statement that fails.
    Nonsense,
    Panic,
}

type Sizes = Arc<Mutex<Vec<usize>>>;

/// A batcher that records the sizes of its batches.
fn noting(db: Db) -> (Batcher<Item, i64, Fault>, Sizes) {
    let sizes = Sizes::default();
    let noted = sizes.clone();
    let use_case = move |conn: &mut Conn, items: &[&Item]| {
        noted.lock().expect("not poisoned").push(items.len());
        let mut names = HashSet::new();
        let outcome = |item: &&Item| match item {
            Item::Row(name) if names.insert(*name) => Ok(Some(Ok(store(conn, name)?))),
            Item::Row(_) => Ok(None),
            Item::Refused => Ok(Some(Err(Fault::Refused))),
            Item::Nonsense => diesel::sql_query("SELECT nonsense")
                .execute(conn)
                .map(|_| None)
                .map_err(Fault::from),
            Item::Panic => panic!("as a test"),
        };
        items
            .iter()
            .map(outcome)
            .collect::<Result<Outcomes<i64, Fault>, Fault>>()
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

/// A batcher whose batches run until they are released.
fn held(db: Db) -> (Batcher<Item, i64, Fault>, Sizes, mpsc::Sender<()>) {
    let sizes = Sizes::default();
    let noted = sizes.clone();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let use_case = move |_: &mut Conn, items: &[&Item]| -> Result<Outcomes<i64, Fault>, Fault> {
        noted.lock().expect("not poisoned").push(items.len());
        let _ = released.lock().expect("not poisoned").recv();
        Ok(items.iter().map(|_| Some(Ok(0))).collect())
    };
    (Batcher::new(db, use_case), sizes, release)
}

/// Submits a number of items, one after the other. All are queued or running when this returns.
async fn begin(batcher: &Batcher<Item, i64, Fault>, number: usize) -> Vec<JoinHandle<Result<i64, Fault>>> {
    let mut begun = Vec::new();
    for _ in 0..number {
        let batcher = batcher.clone();
        begun.push(tokio::spawn(async move { batcher.submit(Item::Refused).await }));
        tokio::task::yield_now().await;
    }
    begun
}

/// Submits all items at once and waits for their answers.
async fn submit_all(batcher: &Batcher<Item, i64, Fault>, items: &[Item]) -> Vec<Result<i64, Fault>> {
    join_all(items.iter().map(|item| batcher.submit(*item))).await
}

fn sizes(sizes: &Sizes) -> Vec<usize> {
    sizes.lock().expect("not poisoned").clone()
}

both_engines! {
    async fn items_that_wait_together_share_a_transaction_and_a_refusal_concerns_one(db: TestDb) {
        let (batcher, noted) = noting(db.db());
        let answers = submit_all(&batcher, &[Item::Row("a"), Item::Refused, Item::Row("b")]).await;
        assert!(matches!(answers[..], [Ok(1), Err(Fault::Refused), Ok(2)]), "{answers:?}");
        assert_eq!(sizes(&noted), [3]);
    }

    async fn an_item_that_has_to_see_another_is_put_off_to_the_next_batch(db: TestDb) {
        let (batcher, noted) = noting(db.db());
        let answers = submit_all(&batcher, &[Item::Row("a"), Item::Row("a"), Item::Row("a"), Item::Row("b")]).await;
        let answers: Vec<i64> = answers.into_iter().map(|answer| answer.expect("it is stored")).collect();
        assert_eq!(answers, [1, 3, 4, 2]);
        assert_eq!(sizes(&noted), [4, 2, 1]);
    }

    async fn an_item_that_fails_fails_alone(db: TestDb) {
        let (batcher, noted) = noting(db.db());
        let answers = submit_all(&batcher, &[Item::Row("a"), Item::Nonsense, Item::Row("b"), Item::Panic]).await;
        assert!(matches!(answers[0], Ok(1)), "{answers:?}");
        assert!(matches!(answers[1], Err(Fault::Db(DbError::Query(_)))), "{answers:?}");
        assert!(matches!(answers[2], Ok(2)), "{answers:?}");
        assert!(matches!(answers[3], Err(Fault::Db(DbError::Panicked))), "{answers:?}");
        assert_eq!(sizes(&noted), [4, 1, 1, 1, 1]);
        let again = submit_all(&batcher, &[Item::Row("c")]).await;
        assert!(matches!(again[..], [Ok(3)]), "{again:?}");
    }

    async fn a_batch_has_at_most_64_items(db: TestDb) {
        let (batcher, noted) = noting(db.db());
        let many = [Item::Refused; 100];
        let answers = submit_all(&batcher, &many).await;
        assert!(answers.iter().all(|answer| matches!(answer, Err(Fault::Refused))));
        assert_eq!(sizes(&noted).iter().sum::<usize>(), 100);
        assert!(sizes(&noted).iter().all(|size| *size <= 64), "{:?}", sizes(&noted));
    }

    async fn an_item_whose_caller_has_gone_is_not_run(db: TestDb) {
        let (batcher, noted, release) = held(db.db());
        let begun: Vec<_> = begin(&batcher, RUNNING).await;
        let gone = begin(&batcher, 1).await;
        gone[0].abort();
        let stays = begin(&batcher, 1).await;
        drop(release);
        for answer in join_all(begun.into_iter().chain(stays)).await {
            assert!(matches!(answer, Ok(Ok(_))), "{answer:?}");
        }
        assert_eq!(sizes(&noted).iter().sum::<usize>(), RUNNING + 1);
    }

    async fn a_batch_ends_though_the_thread_that_submitted_it_is_gone(db: TestDb) {
        let (batcher, _, release) = held(db.db());
        // A worker of the server ends once its own connections are closed.
        let (begun, is_begun) = oneshot::channel();
        let (end, ends) = oneshot::channel::<()>();
        let (kept, gone) = oneshot::channel::<()>();
        let theirs = batcher.clone();
        let worker = std::thread::spawn(move || block_on(async move {
            begin(&theirs, RUNNING).await;
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(kept);
            });
            begun.send(()).expect("the test waits for it");
            ends.await.expect("the test tells it to end");
        }));
        is_begun.await.expect("the batches run");
        let waiting = begin(&batcher, 1).await;
        end.send(()).expect("the worker waits");
        gone.await.expect_err("its tasks are dropped");
        drop(release);
        let answers = join_all(waiting).await;
        assert!(matches!(answers[..], [Ok(Ok(_))]), "{answers:?}");
        worker.join().expect("the worker ends");
    }

    async fn an_item_that_finds_the_queue_full_gets_overloaded(db: TestDb) {
        let settings = DatabaseSettings { write_queue: 2, ..DatabaseSettings::default() };
        let (batcher, _) = noting(db.open(&settings));
        let answers = submit_all(&batcher, &[Item::Row("a"), Item::Row("b"), Item::Row("c")]).await;
        assert!(matches!(answers[..], [Ok(1), Ok(2), Err(Fault::Db(DbError::Overloaded))]), "{answers:?}");
    }

    async fn an_item_that_waits_too_long_gets_overloaded(db: TestDb) {
        let settings = DatabaseSettings { wait: Duration::from_millis(200), ..DatabaseSettings::default() };
        let (batcher, _, release) = held(db.open(&settings));
        let begun = begin(&batcher, RUNNING).await;
        let late = batcher.submit(Item::Row("a")).await;
        assert!(matches!(late, Err(Fault::Db(DbError::Overloaded))), "{late:?}");
        drop(release);
        let answers = join_all(begun).await;
        let begun = answers.iter().filter(|answer| matches!(answer, Ok(Ok(0)))).count();
        assert!(begun >= 1, "a running batch is answered: {answers:?}");
    }

    async fn after_closing_each_item_gets_a_transient_fault(db: TestDb) {
        let handle = db.open(&DatabaseSettings::default());
        let (batcher, _) = noting(handle.clone());
        handle.close().await;
        for answer in submit_all(&batcher, &[Item::Row("a"), Item::Row("b")]).await {
            let Err(Fault::Db(fault)) = answer else { panic!("{answer:?}") };
            assert!(fault.is_transient(), "{fault:?}");
        }
    }
}
