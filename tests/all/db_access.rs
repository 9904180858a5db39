//! What `Db::read`, `Db::write` and `Db::survey` promise, on both engines.

use crate::support::database::texts;
use crate::support::{Engine, Fault, TestDb, block_on, both_engines};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zhuanjie::db::schema::job_leases;
use zhuanjie::db::sql::locks::Locked;
use zhuanjie::db::sql::maintenance;
use zhuanjie::db::{Conn, DatabaseSettings, Db, DbError, Limits, Unique};

/// Stores a row named `name`.
fn insert(conn: &mut Conn, name: &str) -> Result<(), Fault> {
    diesel::insert_into(job_leases::table)
        .values((
            job_leases::name.eq(name),
            job_leases::holder.eq("test"),
            job_leases::until.eq(0),
        ))
        .execute(conn)?;
    Ok(())
}

fn names(conn: &mut Conn) -> Result<Vec<String>, Fault> {
    Ok(job_leases::table
        .select(job_leases::name)
        .order(job_leases::name)
        .load(conn)?)
}

/// A write that runs until it is released: writes after it have to queue.
struct Held {
    has_begun: oneshot::Receiver<()>,
    release: mpsc::Sender<()>,
    write: JoinHandle<Result<(), Fault>>,
}

impl Held {
    /// Queues a held write that will store a row named `name`.
    async fn queue(db: &Db, name: &'static str) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        // A use case may run again, so what it uses only once is taken out of a mutex.
        let (released, begun) = (Mutex::new(released), Mutex::new(Some(begun)));
        let write = queue(db, move |conn| {
            if let Some(begun) = begun.lock().expect("not poisoned").take() {
                let _ = begun.send(());
            }
            let _ = released.lock().expect("not poisoned").recv();
            insert(conn, name)
        })
        .await;
        Self {
            has_begun,
            release,
            write,
        }
    }

    async fn has_begun(&mut self) {
        (&mut self.has_begun).await.expect("it begins");
    }

    /// A held write that has begun.
    async fn begin(db: &Db) -> Self {
        let mut held = Self::queue(db, "held").await;
        held.has_begun().await;
        held
    }

    async fn end(self) {
        drop(self.release);
        self.write.await.expect("no panic").expect("it is stored");
    }
}

/// Starts a write. It is queued when this returns.
async fn queue<T: Send + 'static>(
    db: &Db,
    use_case: impl Fn(&mut Conn) -> Result<T, Fault> + Send + 'static,
) -> JoinHandle<Result<T, Fault>> {
    let db = db.clone();
    let task = tokio::spawn(async move { db.write(use_case).await });
    // The task runs until it waits for its answer.
    tokio::task::yield_now().await;
    task
}

/// Starts a read. It is queued when this returns.
async fn queue_read<T: Send + 'static>(
    handle: &Db,
    query: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
) -> JoinHandle<Result<T, Fault>> {
    let handle = handle.clone();
    let task = tokio::spawn(async move { handle.read(query).await });
    tokio::task::yield_now().await;
    task
}

/// A read that has seen the rows and runs until it is released.
struct HeldRead;

impl HeldRead {
    /// What the read saw, the sender that holds it until dropped, and the read.
    #[expect(clippy::type_complexity, reason = "three ends of one read")]
    fn begin(
        handle: &Db,
    ) -> (
        oneshot::Receiver<Vec<String>>,
        mpsc::Sender<()>,
        JoinHandle<Result<(), Fault>>,
    ) {
        let (saw, seen) = oneshot::channel();
        let (let_go, released) = mpsc::channel::<()>();
        let handle = handle.clone();
        let query = move |conn: &mut Conn| {
            let _ = saw.send(names(conn)?);
            let _ = released.recv();
            Ok(())
        };
        (seen, let_go, tokio::spawn(async move { handle.read(query).await }))
    }
}

both_engines! {
    async fn a_read_can_not_write(db: TestDb) {
        let refused = db.db().read(|conn| insert(conn, "x")).await;
        assert!(matches!(refused, Err(Fault::Db(DbError::Query(_)))), "{refused:?}");
        assert_eq!(db.count("job_leases"), 0);
        // The connection still serves reads, and writes are still stored.
        assert_eq!(db.db().read(names).await.expect("a read"), [""; 0]);
        db.db().write(|conn| insert(conn, "x")).await.expect("a write");
    }

    async fn a_read_sees_one_state_however_many_statements_it_has(db: TestDb) {
        let handle = db.db();
        let writer = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        let (seen, wait) = (oneshot::channel(), mpsc::channel::<()>());
        let reader = tokio::spawn(async move {
            handle.read(move |conn| {
                let before = names(conn)?;
                let _ = seen.0.send(());
                let _ = wait.1.recv();
                Ok::<_, Fault>((before, names(conn)?))
            }).await
        });
        seen.1.await.expect("the reader has begun");
        writer.write(|conn| insert(conn, "x")).await.expect("a read blocks no write");
        drop(wait.0);
        let (before, after) = reader.await.expect("no panic").expect("a read");
        assert_eq!(before, after);
        assert_eq!(db.count("job_leases"), 1);
    }

    async fn a_short_read_does_not_wait_behind_long_ones(db: TestDb) {
        const WORKERS: u32 = 6;
        let handle = db.open(&DatabaseSettings { pool_size: WORKERS, ..DatabaseSettings::default() });
        let (mut let_go, mut long) = (Vec::new(), Vec::new());
        for _ in 1..WORKERS {
            let (release, released) = mpsc::channel::<()>();
            let (begun, has_begun) = oneshot::channel();
            let handle = handle.clone();
            long.push(tokio::spawn(async move {
                handle.read(move |conn| {
                    let _ = begun.send(());
                    let _ = released.recv();
                    names(conn)
                }).await
            }));
            has_begun.await.expect("each begins");
            let_go.push(release);
        }
        assert_eq!(handle.read(names).await.expect("a worker is free"), [""; 0]);
        drop(let_go);
        for read in long {
            read.await.expect("no panic").expect("an answer");
        }
    }

    async fn a_read_whose_caller_has_gone_is_not_run(db: TestDb) {
        let handle = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        let (release, released) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let first = tokio::spawn({
            let handle = handle.clone();
            async move {
                handle.read(move |_| {
                    let _ = begun.send(());
                    let _ = released.recv();
                    Ok::<_, Fault>(())
                }).await
            }
        });
        has_begun.await.expect("it begins");
        let runs = Arc::new(AtomicUsize::new(0));
        let abandoned = tokio::spawn({
            let (handle, runs) = (handle.clone(), runs.clone());
            async move {
                handle.read(move |_| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Fault>(())
                }).await
            }
        });
        tokio::task::yield_now().await;
        abandoned.abort();
        let _ = abandoned.await;
        drop(release);
        first.await.expect("no panic").expect("an answer");
        assert_eq!(handle.read(names).await.expect("a read"), [""; 0]);
        assert_eq!(runs.load(Ordering::SeqCst), 0);
    }

    async fn a_read_sees_what_was_acknowledged_before_it(db: TestDb) {
        let handle = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        // The only worker has a snapshot from before the write.
        let (seen, let_go, first) = HeldRead::begin(&handle);
        assert_eq!(seen.await.expect("it has begun"), [""; 0]);
        handle.write(|conn| insert(conn, "x")).await.expect("a write");
        let second = queue_read(&handle, names).await;
        drop(let_go);
        assert_eq!(second.await.expect("no panic").expect("an answer"), ["x"]);
        first.await.expect("no panic").expect("an answer");
    }

    async fn reads_that_wait_together_share_a_snapshot_and_fail_alone(db: TestDb) {
        let handle = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        let (seen, let_go, first) = HeldRead::begin(&handle);
        seen.await.expect("it has begun");
        // During the second read a row is written. The third read shares its snapshot and must not see the row.
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let second = queue_read(&handle, move |conn| {
            let before = names(conn)?;
            let _ = begun.send(());
            let _ = released.recv();
            Ok::<_, Fault>(before)
        }).await;
        let third = queue_read(&handle, names).await;
        let failing = queue_read(&handle, |conn| Ok::<_, Fault>(maintenance::query_texts(conn, "SELECT nonsense")?)).await;
        let refused = queue_read(&handle, |_| Err::<(), _>(Fault::Refused)).await;
        let panicking = queue_read(&handle, |_| -> Result<(), Fault> { panic!("as a test") }).await;
        let last = queue_read(&handle, names).await;
        drop(let_go);
        first.await.expect("no panic").expect("an answer");
        has_begun.await.expect("the second has begun");
        handle.write(|conn| insert(conn, "x")).await.expect("a write");
        drop(release);
        let second = second.await.expect("no panic").expect("an answer");
        assert_eq!((second, third.await.expect("no panic").expect("an answer")), (vec![], vec![]));
        let failed = failing.await.expect("no panic");
        assert!(matches!(failed, Err(Fault::Db(DbError::Query(_)))), "{failed:?}");
        assert!(matches!(refused.await.expect("no panic"), Err(Fault::Refused)));
        assert!(matches!(panicking.await.expect("the panic is caught"), Err(Fault::Db(DbError::Panicked))));
        // The panic ended the shared transaction, so this one sees the row.
        assert_eq!(last.await.expect("no panic").expect("an answer"), ["x"]);
    }

    async fn acknowledged_writes_are_seen(db: TestDb) {
        let handle = db.db();
        for n in 0..20 {
            let name = format!("{n:02}");
            handle.write(move |conn| insert(conn, &name)).await.expect("a write");
            assert_eq!(handle.read(names).await.expect("a read").len(), n + 1);
        }
        // Another server sees them too.
        assert_eq!(db.open(&DatabaseSettings::default()).read(names).await.expect("a read").len(), 20);
    }

    async fn a_use_case_that_refuses_or_fails_or_panics_stores_nothing_and_the_others_are_stored(db: TestDb) {
        let wide = db.open(&DatabaseSettings { pool_size: 8, ..DatabaseSettings::default() });
        // On SQLite all of these share one commit: they queue behind the held one.
        let held = Held::begin(&wide).await;
        let first = queue(&wide, |conn| insert(conn, "first")).await;
        let refused = queue(&wide, |conn| {
            insert(conn, "refused")?;
            Err::<(), _>(Fault::Refused)
        }).await;
        let failed = queue(&wide, |conn| {
            insert(conn, "failed")?;
            insert(conn, "failed")
        }).await;
        let panicked = queue(&wide, |conn| -> Result<(), Fault> {
            insert(conn, "panicked")?;
            panic!("as a test");
        }).await;
        let panicked_inside = queue(&wide, |conn| {
            conn.transaction(|conn| -> Result<(), Fault> {
                insert(conn, "panicked inside")?;
                panic!("as a test");
            })
        }).await;
        let last = queue(&wide, |conn| {
            // A use case may go on after a step that failed in a nested transaction.
            let step = conn.transaction(|conn| {
                insert(conn, "step")?;
                Err::<(), _>(Fault::Refused)
            });
            assert!(step.is_err());
            insert(conn, "last")
        }).await;
        held.end().await;
        first.await.expect("no panic").expect("the first is stored");
        assert!(matches!(refused.await.expect("no panic"), Err(Fault::Refused)));
        let failed = failed.await.expect("no panic");
        let is_duplicate = matches!(
            &failed,
            Err(Fault::Db(DbError::Query(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))))
        );
        assert!(is_duplicate, "{failed:?}");
        assert!(matches!(panicked.await.expect("the panic is caught"), Err(Fault::Db(DbError::Panicked))));
        assert!(matches!(panicked_inside.await.expect("the panic is caught"), Err(Fault::Db(DbError::Panicked))));
        last.await.expect("no panic").expect("the last is stored");
        assert_eq!(wide.read(names).await.expect("a read"), ["first", "held", "last"]);
        // The database still works.
        wide.write(|conn| insert(conn, "later")).await.expect("a write");
    }

    async fn a_panic_in_a_read_harms_no_other_read(db: TestDb) {
        let handle = db.db();
        for _ in 0..5 {
            let answer = handle.read(|_| -> Result<(), Fault> { panic!("as a test") }).await;
            assert!(matches!(answer, Err(Fault::Db(DbError::Panicked))), "{answer:?}");
        }
        assert_eq!(handle.read(names).await.expect("a read"), [""; 0]);
    }

    async fn no_increment_is_lost(db: TestDb) {
        const TASKS: usize = 8;
        const EACH: usize = 25;
        let handle = db.db();
        handle.write(|conn| insert(conn, "counter")).await.expect("a write");
        let tasks: Vec<_> = (0..TASKS).map(|_| {
            let handle = handle.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    handle.write(|conn| increment(conn, "counter")).await.expect("an increment");
                }
            })
        }).collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        let until = handle.read(|conn| Ok::<i64, Fault>(job_leases::table.select(job_leases::until).first(conn)?)).await;
        assert_eq!(until.expect("a read"), (TASKS * EACH) as i64);
    }

    async fn a_write_that_finds_the_queue_full_gets_overloaded(db: TestDb) {
        // SQLite: one write runs and one is queued. PostgreSQL: there is one connection, and 50 ms to wait for it.
        let narrow = db.open(&DatabaseSettings { pool_size: 1, wait: Duration::from_millis(50), write_queue: 1, ..DatabaseSettings::default() });
        let held = Held::begin(&narrow).await;
        let queued = queue(&narrow, |conn| insert(conn, "queued")).await;
        let refused = narrow.write(|conn| insert(conn, "refused")).await;
        assert!(matches!(refused, Err(Fault::Db(DbError::Overloaded))), "{refused:?}");
        if db.engine() == Engine::Postgres {
            // It waited too long as well.
            let queued = queued.await.expect("no panic");
            assert!(matches!(queued, Err(Fault::Db(DbError::Overloaded))), "{queued:?}");
            held.end().await;
        } else {
            held.end().await;
            queued.await.expect("no panic").expect("an accepted write is done");
        }
        narrow.write(|conn| insert(conn, "after")).await.expect("the queue is empty again");
        assert!(!narrow.read(names).await.expect("a read").contains(&"refused".to_owned()));
    }

    async fn closing_finishes_what_was_accepted(db: TestDb) {
        let handle = db.open(&DatabaseSettings { pool_size: 4, ..DatabaseSettings::default() });
        let held = Held::begin(&handle).await;
        let mut accepted = Vec::new();
        for n in 0..3 {
            accepted.push(queue(&handle, move |conn| insert(conn, &n.to_string())).await);
        }
        let closing = tokio::spawn({
            let handle = handle.clone();
            async move { handle.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished(), "one write is still running");
        held.end().await;
        closing.await.expect("no panic");
        // All of it is stored, whether or not the callers have been answered.
        assert_eq!(db.count("job_leases"), 4);
        for write in accepted {
            write.await.expect("no panic").expect("an answer for each");
        }
        let late = handle.write(|conn| insert(conn, "late")).await;
        assert!(late.is_err());
        assert_eq!(db.count("job_leases"), 4);
    }

    async fn a_caller_who_went_away_changes_nothing_for_the_work(db: TestDb) {
        let handle = db.open(&DatabaseSettings { pool_size: 2, ..DatabaseSettings::default() });
        let held = Held::begin(&handle).await;
        let abandoned = queue(&handle, |conn| insert(conn, "abandoned")).await;
        abandoned.abort();
        held.end().await;
        handle.close().await;
        assert_eq!(names(&mut db.conn()).expect("an answer"), ["abandoned", "held"]);
    }
}

/// A survey that runs until it is released.
struct HeldSurvey {
    release: mpsc::Sender<()>,
    survey: JoinHandle<Result<Vec<String>, Fault>>,
}

impl HeldSurvey {
    /// Starts a survey and waits until it has read the rows.
    async fn begin(db: &Db) -> Self {
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let db = db.clone();
        let query = move |conn: &mut Conn| {
            let before = names(conn)?;
            let _ = begun.send(());
            let _ = released.recv();
            assert_eq!(names(conn)?, before, "a survey sees one state");
            Ok(before)
        };
        let survey = tokio::spawn(async move { db.survey(query).await });
        has_begun.await.expect("it begins");
        Self { release, survey }
    }

    async fn end(self) -> Vec<String> {
        drop(self.release);
        self.survey.await.expect("no panic").expect("an answer")
    }
}

both_engines! {
    async fn a_survey_can_not_write_and_sees_what_was_acknowledged(db: TestDb) {
        let handle = db.db();
        handle.write(|conn| insert(conn, "x")).await.expect("a write");
        let refused = handle.survey(|conn| insert(conn, "y")).await;
        assert!(matches!(refused, Err(Fault::Db(DbError::Query(_)))), "{refused:?}");
        let panicked = handle.survey(|_| -> Result<(), Fault> { panic!("as a test") }).await;
        assert!(matches!(panicked, Err(Fault::Db(DbError::Panicked))), "{panicked:?}");
        assert_eq!(handle.survey(names).await.expect("a survey"), ["x"]);
    }

    async fn surveys_hold_no_read_worker_and_block_no_write(db: TestDb) {
        let handle = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        let (one, two) = (HeldSurvey::begin(&handle).await, HeldSurvey::begin(&handle).await);
        handle.write(|conn| insert(conn, "x")).await.expect("a write");
        assert_eq!(handle.read(names).await.expect("a read"), ["x"]);
        assert_eq!((one.end().await, two.end().await), (vec![], vec![]));
    }

    async fn two_surveys_run_at_once_and_a_third_gets_overloaded_unless_it_is_patient(db: TestDb) {
        let handle = db.open(&DatabaseSettings { wait: Duration::from_millis(50), ..DatabaseSettings::default() });
        let (one, two) = (HeldSurvey::begin(&handle).await, HeldSurvey::begin(&handle).await);
        let third = handle.survey(names).await;
        assert!(matches!(third, Err(Fault::Db(DbError::Overloaded))), "{third:?}");
        let patient = handle.patient();
        let waiting = tokio::spawn(async move { patient.survey(names).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!waiting.is_finished());
        one.end().await;
        assert_eq!(waiting.await.expect("no panic").expect("a survey"), [""; 0]);
        two.end().await;
    }

    async fn closing_waits_for_a_survey(db: TestDb) {
        let handle = db.open(&DatabaseSettings::default());
        let survey = HeldSurvey::begin(&handle).await;
        let closing = tokio::spawn({
            let handle = handle.clone();
            async move { handle.close().await }
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!closing.is_finished());
        assert_eq!(survey.end().await, [""; 0]);
        closing.await.expect("no panic");
        let late = handle.survey(names).await;
        assert!(matches!(late, Err(Fault::Db(DbError::Unavailable(_)))), "{late:?}");
    }
}

#[test]
fn postgres_limits_no_statement_of_a_survey() {
    let limits = Limits {
        statement: Duration::from_millis(100),
        ..Limits::default()
    };
    let Some(db) = TestDb::with_settings(
        Engine::Postgres,
        &DatabaseSettings {
            limits,
            ..DatabaseSettings::default()
        },
    ) else {
        return;
    };
    let handle = db.db();
    let sleep = |conn: &mut Conn| {
        Ok::<_, Fault>(maintenance::query_texts(
            conn,
            "SELECT 'done' AS value FROM pg_sleep(0.5)",
        )?)
    };
    block_on(handle.read(sleep)).expect_err("a read is cut off");
    assert_eq!(block_on(handle.survey(sleep)).expect("a survey"), ["done"]);
}

fn increment(conn: &mut Conn, name: &str) -> Result<(), Fault> {
    let row = job_leases::table.filter(job_leases::name.eq(name));
    let value: i64 = Locked(row.select(job_leases::until)).get_result(conn)?;
    diesel::update(row).set(job_leases::until.eq(value + 1)).execute(conn)?;
    Ok(())
}

/// The group commit of the SQLite writer.
mod group {
    use super::*;

    fn database() -> TestDb {
        TestDb::new(Engine::Sqlite).expect("SQLite is built in")
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_writer_runs_at_a_lower_priority() {
        use rustix::process::getpriority_process;
        use rustix::thread::gettid;
        let db = database();
        let handle = db.db();
        block_on(async {
            let nice =
                |_: &mut Conn| Ok::<_, Fault>(getpriority_process(Some(gettid())).expect("a thread has a priority"));
            let ours = getpriority_process(Some(gettid())).expect("a thread has a priority");
            assert!(handle.write(nice).await.expect("an answer") > ours);
            assert_eq!(handle.read(nice).await.expect("an answer"), ours);
        });
    }

    #[test]
    fn no_use_case_is_answered_before_the_commit_of_its_group() {
        let db = database();
        let handle = db.db();
        block_on(async {
            let first = Held::begin(&handle).await;
            let second = queue(&handle, |conn| insert(conn, "second")).await;
            let refused = queue(&handle, |_| Err::<(), _>(Fault::Refused)).await;
            let mut last = Held::queue(&handle, "last").await;
            drop(first.release);
            last.has_begun().await;
            // The first three have run and are not committed.
            assert_eq!(handle.read(names).await.expect("a read"), [""; 0]);
            assert!(!first.write.is_finished() && !second.is_finished() && !refused.is_finished());
            last.end().await;
            assert_eq!(handle.read(names).await.expect("a read"), ["held", "last", "second"]);
            assert!(second.await.expect("no panic").is_ok());
            assert!(matches!(refused.await.expect("no panic"), Err(Fault::Refused)));
        });
    }

    /// A group that waits to be released: the held write, a second write, and one that runs these statements.
    async fn group_with(
        handle: &Db,
        statements: &'static str,
    ) -> (mpsc::Sender<()>, [JoinHandle<Result<(), Fault>>; 3]) {
        let held = Held::begin(handle).await;
        let second = queue(handle, |conn| insert(conn, "second")).await;
        let third = queue(handle, move |conn| Ok(conn.batch_execute(statements)?)).await;
        (held.release, [held.write, second, third])
    }

    #[test]
    fn when_sqlite_rolls_back_the_group_no_use_case_of_it_succeeds() {
        let db = database();
        let handle = db.db();
        block_on(async {
            // SQLite does this on some errors, especially those of the disk.
            let again = "INSERT OR ROLLBACK INTO job_leases (name, holder, until) VALUES ('second', 'test', 0)";
            let (release, group) = group_with(&handle, again).await;
            let panicking = queue(&handle, |conn| -> Result<(), Fault> {
                insert(conn, "half")?;
                panic!("as a test");
            })
            .await;
            let last = queue(&handle, |conn| insert(conn, "last")).await;
            drop(release);
            for write in group {
                let answer = write.await.expect("no panic");
                assert!(matches!(answer, Err(Fault::Db(DbError::Unavailable(_)))), "{answer:?}");
            }
            // Use cases that had not run by then are in the next group.
            assert!(matches!(
                panicking.await.expect("the panic is caught"),
                Err(Fault::Db(DbError::Panicked))
            ));
            last.await.expect("no panic").expect("it is stored");
            assert_eq!(handle.read(names).await.expect("a read"), ["last"]);
            // The database still works.
            handle.write(|conn| insert(conn, "later")).await.expect("a write");
        });
    }

    #[test]
    fn a_commit_that_fails_stores_nothing_and_leaves_every_outcome_unknown() {
        let db = database();
        let handle = db.db();
        block_on(async {
            // A foreign key that refers to no row. It is checked at the commit.
            let dangling = "PRAGMA defer_foreign_keys = ON; INSERT INTO policies (season, version, body, changed_at, changed_by) \
                 VALUES (2026, 1, '{}', 0, 404)";
            let (release, group) = group_with(&handle, dangling).await;
            drop(release);
            for write in group {
                let answer = write.await.expect("no panic");
                assert!(
                    matches!(answer, Err(Fault::Db(DbError::OutcomeUnknown(_)))),
                    "{answer:?}"
                );
            }
            assert_eq!(handle.read(names).await.expect("a read"), [""; 0]);
            // The next group is committed.
            handle.write(|conn| insert(conn, "next")).await.expect("a write");
        });
        assert_eq!((db.count("job_leases"), db.count("policies")), (1, 0));
    }

    #[test]
    fn a_patient_write_has_a_group_of_its_own() {
        let db = database();
        let handle = db.db();
        block_on(async {
            let held = Held::begin(&handle).await;
            let before = queue(&handle, |conn| insert(conn, "before")).await;
            let mut long = Held::queue(&handle.patient(), "long").await;
            let after = queue(&handle, |conn| insert(conn, "after")).await;
            let ended = tokio::time::timeout(Duration::from_secs(30), held.end()).await;
            ended.expect("a write queued before the long one does not wait for it");
            before.await.expect("no panic").expect("a write");
            long.has_begun().await;
            assert_eq!(handle.read(names).await.expect("a read"), ["before", "held"]);
            long.end().await;
            after.await.expect("no panic").expect("a write");
        });
        assert_eq!(db.count("job_leases"), 4);
    }

    #[test]
    fn more_writes_than_fit_into_a_group_are_all_stored() {
        let db = database();
        let handle = db.db();
        block_on(async {
            let held = Held::begin(&handle).await;
            let mut writes = Vec::new();
            for n in 0..600 {
                writes.push(queue(&handle, move |conn| insert(conn, &n.to_string())).await);
            }
            held.end().await;
            for write in writes {
                write.await.expect("no panic").expect("a write");
            }
        });
        assert_eq!(db.count("job_leases"), 601);
    }
}

#[test]
fn one_of_two_deadlocked_writes_is_tried_again() {
    let Some(db) = TestDb::new(Engine::Postgres) else {
        return;
    };
    let handle = db.db();
    let both_hold_one = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicUsize::new(0));
    block_on(async {
        for name in ["a", "b"] {
            handle.write(move |conn| insert(conn, name)).await.expect("a write");
        }
        let mut writes = Vec::new();
        for order in [["a", "b"], ["b", "a"]] {
            let (both_hold_one, runs) = (both_hold_one.clone(), runs.clone());
            let write = queue(&handle, move |conn| {
                let is_first_try = runs.fetch_add(1, Ordering::SeqCst) < 2;
                for (n, name) in order.into_iter().enumerate() {
                    if n == 1 && is_first_try {
                        both_hold_one.wait();
                    }
                    increment(conn, name)?;
                }
                Ok(())
            });
            writes.push(write.await);
        }
        for write in writes {
            write.await.expect("no panic").expect("a write");
        }
    });
    assert_eq!(runs.load(Ordering::SeqCst), 3, "one of them was run twice");
    assert_eq!(
        db.number("SELECT CAST(sum(until) AS BIGINT) AS value FROM job_leases"),
        4
    );
}

#[test]
fn sqlite_connections_have_the_safe_settings() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is built in").db();
    let settings = |conn: &mut Conn| {
        let ask = |pragma| format!("SELECT CAST({pragma} AS TEXT) AS value FROM pragma_{pragma}");
        let pragmas = ["journal_mode", "synchronous", "foreign_keys", "query_only"];
        Ok::<_, Fault>(pragmas.map(|pragma| texts(conn, &ask(pragma)).concat()))
    };
    // 2 is FULL: a commit is on the disk before it is answered.
    assert_eq!(
        block_on(db.write(settings)).expect("the writer"),
        ["wal", "2", "1", "0"]
    );
    assert_eq!(block_on(db.read(settings)).expect("a reader"), ["wal", "2", "1", "1"]);
}

#[test]
fn postgres_connections_have_the_safe_settings() {
    let Some(db) = TestDb::new(Engine::Postgres) else {
        return;
    };
    let settings = |conn: &mut Conn| {
        let shown = [
            "transaction_isolation",
            "transaction_read_only",
            "synchronous_commit",
            "TimeZone",
            "statement_timeout",
        ];
        let ask = |name| format!("SELECT current_setting('{name}') AS value");
        Ok::<_, Fault>(shown.map(|name| texts(conn, &ask(name)).concat()))
    };
    let writes = block_on(db.db().write(settings)).expect("a write");
    assert_eq!(writes, ["read committed", "off", "on", "UTC", "5s"]);
    let reads = block_on(db.db().read(settings)).expect("a read");
    assert_eq!(reads, ["repeatable read", "on", "on", "UTC", "5s"]);
}

#[test]
fn a_closed_sqlite_database_is_one_file() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is built in");
    let handle = db.db();
    block_on(handle.write(|conn| insert(conn, "x"))).expect("a write");
    let address = db.address();
    let log = format!("{}-wal", address.strip_prefix("sqlite://").expect("a file"));
    let length = || std::fs::metadata(&log).map_or(0, |file| file.len());
    assert!(length() > 0, "the write went through the log");
    block_on(handle.close());
    assert_eq!(length(), 0);
}

both_engines! {
    fn another_violation_is_not_taken_for_one_of_these(db: TestDb) {
        let conn = &mut db.conn();
        insert(conn, "x").expect("the first");
        let again = insert(conn, "x").expect_err("the name is taken");
        let Fault::Db(DbError::Query(error)) = again else { panic!("{again:?}") };
        assert!(matches!(error, Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)));
        assert_eq!(Unique::violated(&error), None);
        assert_eq!(Unique::violated(&Error::NotFound), None);
        assert!(!DbError::is_retryable(&error));
    }
}
