//! The two doors: what `Db::read` and `Db::write` promise, on both engines.

use crate::support::database::texts;
use crate::support::rows::least;
use crate::support::{Engine, Fault, TestDb, block_on, both_engines};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zhuanjie::db::schema::{job_leases, organizations};
use zhuanjie::db::sql::dialect::{self, Locked};
use zhuanjie::db::{Conn, DatabaseSettings, Db, DbError, Unique};

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

/// A write that does not end before it is let go: whoever comes after it has to queue.
struct Held {
    has_begun: oneshot::Receiver<()>,
    release: mpsc::Sender<()>,
    write: JoinHandle<Result<(), Fault>>,
}

impl Held {
    /// Queues one that will store a row named `name`.
    async fn queue(db: &Db, name: &'static str) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        // A use case may be run again, so what it does once has to be taken out of something.
        let (released, begun) = (Mutex::new(released), Mutex::new(Some(begun)));
        let write = queue(db, move |conn| {
            if let Some(begun) = begun.lock().expect("nobody panics with it").take() {
                let _ = begun.send(());
            }
            let _ = released.lock().expect("nobody panics with it").recv();
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

    /// One that is at work.
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

/// Starts a write and lets it run up to its place in the queue.
async fn queue<T: Send + 'static>(
    db: &Db,
    use_case: impl Fn(&mut Conn) -> Result<T, Fault> + Send + 'static,
) -> JoinHandle<Result<T, Fault>> {
    let db = db.clone();
    let task = tokio::spawn(async move { db.write(use_case).await });
    // One turn of this thread's runtime: the task runs until it has to wait for its answer.
    tokio::task::yield_now().await;
    task
}

/// A question that is queued by the time this returns.
async fn ask<T: Send + 'static>(
    doors: &Db,
    question: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
) -> JoinHandle<Result<T, Fault>> {
    let doors = doors.clone();
    let task = tokio::spawn(async move { doors.read(question).await });
    tokio::task::yield_now().await;
    task
}

/// A question that has its answer and does not end.
struct Asked;

impl Asked {
    /// What it saw, what holds it as long as it is kept, and the question.
    #[expect(clippy::type_complexity, reason = "three ends of one thing")]
    fn hold(
        doors: &Db,
    ) -> (
        oneshot::Receiver<Vec<String>>,
        mpsc::Sender<()>,
        JoinHandle<Result<(), Fault>>,
    ) {
        let (saw, seen) = oneshot::channel();
        let (let_go, released) = mpsc::channel::<()>();
        let doors = doors.clone();
        let question = move |conn: &mut Conn| {
            let _ = saw.send(names(conn)?);
            let _ = released.recv();
            Ok(())
        };
        (seen, let_go, tokio::spawn(async move { doors.read(question).await }))
    }
}

both_engines! {
    async fn a_read_can_not_write(db: TestDb) {
        let refused = db.db().read(|conn| insert(conn, "x")).await;
        assert!(matches!(refused, Err(Fault::Db(DbError::Query(_)))), "{refused:?}");
        assert_eq!(db.count("job_leases"), 0);
        // The connection is still good for its purpose, and the other door for the other.
        assert_eq!(db.db().read(names).await.expect("a read"), [""; 0]);
        db.db().write(|conn| insert(conn, "x")).await.expect("a write");
    }

    async fn a_read_sees_one_state_however_many_statements_it_has(db: TestDb) {
        let doors = db.db();
        let writer = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        let (seen, wait) = (oneshot::channel(), mpsc::channel::<()>());
        let reader = tokio::spawn(async move {
            doors.read(move |conn| {
                let before = names(conn)?;
                let _ = seen.0.send(());
                let _ = wait.1.recv();
                Ok::<_, Fault>((before, names(conn)?))
            }).await
        });
        seen.1.await.expect("the reader has begun");
        writer.write(|conn| insert(conn, "x")).await.expect("a reader holds up no writer");
        drop(wait.0);
        let (before, after) = reader.await.expect("no panic").expect("a read");
        assert_eq!(before, after);
        assert_eq!(db.count("job_leases"), 1);
    }

    async fn a_short_question_does_not_wait_behind_long_ones(db: TestDb) {
        const PLACES: u32 = 6;
        let doors = db.open(&DatabaseSettings { pool_size: PLACES, ..DatabaseSettings::default() });
        let (mut let_go, mut long) = (Vec::new(), Vec::new());
        for _ in 1..PLACES {
            let (release, released) = mpsc::channel::<()>();
            let (begun, has_begun) = oneshot::channel();
            let doors = doors.clone();
            long.push(tokio::spawn(async move {
                doors.read(move |conn| {
                    let _ = begun.send(());
                    let _ = released.recv();
                    names(conn)
                }).await
            }));
            has_begun.await.expect("each begins");
            let_go.push(release);
        }
        assert_eq!(doors.read(names).await.expect("a place is left"), [""; 0]);
        drop(let_go);
        for question in long {
            question.await.expect("no panic").expect("an answer");
        }
    }

    async fn a_question_nobody_waits_for_any_more_is_not_asked(db: TestDb) {
        let doors = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        let (release, released) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let first = tokio::spawn({
            let doors = doors.clone();
            async move {
                doors.read(move |_| {
                    let _ = begun.send(());
                    let _ = released.recv();
                    Ok::<_, Fault>(())
                }).await
            }
        });
        has_begun.await.expect("it begins");
        let asked = Arc::new(AtomicUsize::new(0));
        let abandoned = tokio::spawn({
            let (doors, asked) = (doors.clone(), asked.clone());
            async move {
                doors.read(move |_| {
                    asked.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Fault>(())
                }).await
            }
        });
        tokio::task::yield_now().await;
        abandoned.abort();
        let _ = abandoned.await;
        drop(release);
        first.await.expect("no panic").expect("an answer");
        assert_eq!(doors.read(names).await.expect("a read"), [""; 0]);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    async fn what_was_acknowledged_before_a_question_is_seen_by_it_whatever_is_asked_meanwhile(db: TestDb) {
        let doors = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        // The only one who answers has a snapshot from before the write.
        let (seen, let_go, first) = Asked::hold(&doors);
        assert_eq!(seen.await.expect("it has begun"), [""; 0]);
        doors.write(|conn| insert(conn, "x")).await.expect("a write");
        let second = ask(&doors, names).await;
        drop(let_go);
        assert_eq!(second.await.expect("no panic").expect("an answer"), ["x"]);
        first.await.expect("no panic").expect("an answer");
    }

    async fn those_who_wait_together_are_answered_from_one_state_and_each_for_himself(db: TestDb) {
        let doors = db.open(&DatabaseSettings { pool_size: 1, ..DatabaseSettings::default() });
        let (seen, let_go, first) = Asked::hold(&doors);
        seen.await.expect("it has begun");
        // The second waits for a write that the third, who came before it, must not see.
        let (begun, has_begun) = oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let second = ask(&doors, move |conn| {
            let before = names(conn)?;
            let _ = begun.send(());
            let _ = released.recv();
            Ok::<_, Fault>(before)
        }).await;
        let third = ask(&doors, names).await;
        let failing = ask(&doors, |conn| Ok::<_, Fault>(dialect::texts(conn, "SELECT nonsense")?)).await;
        let refused = ask(&doors, |_| Err::<(), _>(Fault::Refused)).await;
        let panicking = ask(&doors, |_| -> Result<(), Fault> { panic!("as a test") }).await;
        let last = ask(&doors, names).await;
        drop(let_go);
        first.await.expect("no panic").expect("an answer");
        has_begun.await.expect("the second has begun");
        doors.write(|conn| insert(conn, "x")).await.expect("a write");
        drop(release);
        let second = second.await.expect("no panic").expect("an answer");
        assert_eq!((second, third.await.expect("no panic").expect("an answer")), (vec![], vec![]));
        let failed = failing.await.expect("no panic");
        assert!(matches!(failed, Err(Fault::Db(DbError::Query(_)))), "{failed:?}");
        assert!(matches!(refused.await.expect("no panic"), Err(Fault::Refused)));
        assert!(matches!(panicking.await.expect("kept inside"), Err(Fault::Db(DbError::Panicked))));
        // In a transaction of its own by now.
        assert_eq!(last.await.expect("no panic").expect("an answer"), ["x"]);
    }

    async fn what_is_acknowledged_is_seen(db: TestDb) {
        let doors = db.db();
        for n in 0..20 {
            let name = format!("{n:02}");
            doors.write(move |conn| insert(conn, &name)).await.expect("a write");
            assert_eq!(doors.read(names).await.expect("a read").len(), n + 1);
        }
        // By another server too.
        assert_eq!(db.open(&DatabaseSettings::default()).read(names).await.expect("a read").len(), 20);
    }

    async fn a_use_case_that_refuses_or_fails_or_panics_leaves_nothing_and_its_neighbours_stay(db: TestDb) {
        let wide = db.open(&DatabaseSettings { pool_size: 8, ..DatabaseSettings::default() });
        // On SQLite all of these share one commit: they queue behind the one that is held.
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
            // A step that fails may be got over, if it was a transaction of its own.
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
        assert!(matches!(panicked.await.expect("kept inside"), Err(Fault::Db(DbError::Panicked))));
        assert!(matches!(panicked_inside.await.expect("kept inside"), Err(Fault::Db(DbError::Panicked))));
        last.await.expect("no panic").expect("the last is stored");
        assert_eq!(wide.read(names).await.expect("a read"), ["first", "held", "last"]);
        // And the doors are whole.
        wide.write(|conn| insert(conn, "later")).await.expect("a write");
    }

    async fn a_panic_in_a_read_harms_nobody_else(db: TestDb) {
        let doors = db.db();
        for _ in 0..5 {
            let answer = doors.read(|_| -> Result<(), Fault> { panic!("as a test") }).await;
            assert!(matches!(answer, Err(Fault::Db(DbError::Panicked))), "{answer:?}");
        }
        assert_eq!(doors.read(names).await.expect("a read"), [""; 0]);
    }

    async fn no_increment_is_lost(db: TestDb) {
        const TASKS: usize = 8;
        const EACH: usize = 25;
        let doors = db.db();
        doors.write(|conn| insert(conn, "counter")).await.expect("a write");
        let tasks: Vec<_> = (0..TASKS).map(|_| {
            let doors = doors.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    doors.write(|conn| increment(conn, "counter")).await.expect("an increment");
                }
            })
        }).collect();
        for task in tasks {
            task.await.expect("no panic");
        }
        let until = doors.read(|conn| Ok::<i64, Fault>(job_leases::table.select(job_leases::until).first(conn)?)).await;
        assert_eq!(until.expect("a read"), (TASKS * EACH) as i64);
    }

    async fn a_full_house_says_so_and_does_nothing(db: TestDb) {
        // SQLite: one at work, one in the queue. PostgreSQL: one connection, and little patience before it.
        let narrow = db.open(&DatabaseSettings { pool_size: 1, wait: Duration::from_millis(50), write_queue: 1, ..DatabaseSettings::default() });
        let held = Held::begin(&narrow).await;
        let queued = queue(&narrow, |conn| insert(conn, "queued")).await;
        let turned_away = narrow.write(|conn| insert(conn, "turned away")).await;
        assert!(matches!(turned_away, Err(Fault::Db(DbError::Overloaded))), "{turned_away:?}");
        if db.engine() == Engine::Postgres {
            // Its patience ended too.
            let queued = queued.await.expect("no panic");
            assert!(matches!(queued, Err(Fault::Db(DbError::Overloaded))), "{queued:?}");
            held.end().await;
        } else {
            held.end().await;
            queued.await.expect("no panic").expect("what was accepted is done");
        }
        narrow.write(|conn| insert(conn, "after")).await.expect("the house is open again");
        assert!(!narrow.read(names).await.expect("a read").contains(&"turned away".to_owned()));
    }

    async fn closing_finishes_what_was_accepted(db: TestDb) {
        let doors = db.open(&DatabaseSettings { pool_size: 4, ..DatabaseSettings::default() });
        let held = Held::begin(&doors).await;
        let mut accepted = Vec::new();
        for n in 0..3 {
            accepted.push(queue(&doors, move |conn| insert(conn, &n.to_string())).await);
        }
        let closing = tokio::spawn({
            let doors = doors.clone();
            async move { doors.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished(), "one write is still at work");
        held.end().await;
        closing.await.expect("no panic");
        // All of it is there, whether or not those who asked have been told.
        assert_eq!(db.count("job_leases"), 4);
        for write in accepted {
            write.await.expect("no panic").expect("an answer for each");
        }
        let late = doors.write(|conn| insert(conn, "late")).await;
        assert!(late.is_err());
        assert_eq!(db.count("job_leases"), 4);
    }

    async fn a_caller_who_went_away_changes_nothing_for_the_work(db: TestDb) {
        let doors = db.open(&DatabaseSettings { pool_size: 2, ..DatabaseSettings::default() });
        let held = Held::begin(&doors).await;
        let abandoned = queue(&doors, |conn| insert(conn, "abandoned")).await;
        abandoned.abort();
        held.end().await;
        doors.close().await;
        assert_eq!(names(&mut db.conn()).expect("a question"), ["abandoned", "held"]);
    }
}

fn increment(conn: &mut Conn, name: &str) -> Result<(), Fault> {
    let row = job_leases::table.filter(job_leases::name.eq(name));
    let value: i64 = Locked(row.select(job_leases::until)).get_result(conn)?;
    diesel::update(row).set(job_leases::until.eq(value + 1)).execute(conn)?;
    Ok(())
}

/// The embedded writer's group commit.
mod group {
    use super::*;

    fn database() -> TestDb {
        TestDb::new(Engine::Sqlite).expect("SQLite is always there")
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_writer_stands_back_for_those_who_answer() {
        use rustix::process::getpriority_process;
        use rustix::thread::gettid;
        let db = database();
        let doors = db.db();
        block_on(async {
            let nice = |_: &mut Conn| Ok::<_, Fault>(getpriority_process(Some(gettid())).expect("it has one"));
            let ours = getpriority_process(Some(gettid())).expect("so have we");
            assert!(doors.write(nice).await.expect("an answer") > ours);
            assert_eq!(doors.read(nice).await.expect("an answer"), ours);
        });
    }

    #[test]
    fn nobody_is_answered_before_the_common_commit() {
        let db = database();
        let doors = db.db();
        block_on(async {
            let first = Held::begin(&doors).await;
            let second = queue(&doors, |conn| insert(conn, "second")).await;
            let refused = queue(&doors, |_| Err::<(), _>(Fault::Refused)).await;
            let mut last = Held::queue(&doors, "last").await;
            drop(first.release);
            last.has_begun().await;
            // The first three are decided, and not committed.
            assert_eq!(doors.read(names).await.expect("a read"), [""; 0]);
            assert!(!first.write.is_finished() && !second.is_finished() && !refused.is_finished());
            last.end().await;
            assert_eq!(doors.read(names).await.expect("a read"), ["held", "last", "second"]);
            assert!(second.await.expect("no panic").is_ok());
            assert!(matches!(refused.await.expect("no panic"), Err(Fault::Refused)));
        });
    }

    /// A group that waits to be let go: the one that holds it, a neighbour, and one that sends these statements.
    async fn group_with(
        doors: &Db,
        statements: &'static str,
    ) -> (mpsc::Sender<()>, [JoinHandle<Result<(), Fault>>; 3]) {
        let held = Held::begin(doors).await;
        let neighbour = queue(doors, |conn| insert(conn, "neighbour")).await;
        let culprit = queue(doors, move |conn| Ok(conn.batch_execute(statements)?)).await;
        (held.release, [held.write, neighbour, culprit])
    }

    #[test]
    fn when_the_engine_undoes_the_group_by_itself_nobody_is_answered_with_success() {
        let db = database();
        let doors = db.db();
        block_on(async {
            // As SQLite does on some errors of its own, of the disk above all.
            let again = "INSERT OR ROLLBACK INTO job_leases (name, holder, until) VALUES ('neighbour', 'test', 0)";
            let (release, group) = group_with(&doors, again).await;
            let panicking = queue(&doors, |conn| -> Result<(), Fault> {
                insert(conn, "half")?;
                panic!("as a test");
            })
            .await;
            let last = queue(&doors, |conn| insert(conn, "last")).await;
            drop(release);
            for write in group {
                let answer = write.await.expect("no panic");
                assert!(matches!(answer, Err(Fault::Db(DbError::Unavailable(_)))), "{answer:?}");
            }
            // Who had not had his turn by then is in the next group.
            assert!(matches!(
                panicking.await.expect("kept inside"),
                Err(Fault::Db(DbError::Panicked))
            ));
            last.await.expect("no panic").expect("it is stored");
            assert_eq!(doors.read(names).await.expect("a read"), ["last"]);
            // And the doors are whole.
            doors.write(|conn| insert(conn, "later")).await.expect("a write");
        });
    }

    #[test]
    fn a_commit_that_fails_answers_nobody_with_success_and_stores_nothing() {
        let db = database();
        let doors = db.db();
        block_on(async {
            // A foreign key that is checked only at the commit, and points nowhere.
            let nobody = "PRAGMA defer_foreign_keys = ON; INSERT INTO policies (season, version, body, changed_at, changed_by) \
                 VALUES (2026, 1, '{}', 0, 404)";
            let (release, group) = group_with(&doors, nobody).await;
            drop(release);
            for write in group {
                let answer = write.await.expect("no panic");
                assert!(
                    matches!(answer, Err(Fault::Db(DbError::OutcomeUnknown(_)))),
                    "{answer:?}"
                );
            }
            assert_eq!(doors.read(names).await.expect("a read"), [""; 0]);
            // The next group starts afresh.
            doors.write(|conn| insert(conn, "next")).await.expect("a write");
        });
        assert_eq!((db.count("job_leases"), db.count("policies")), (1, 0));
    }

    #[test]
    fn a_patient_one_shares_its_commit_with_nobody() {
        let db = database();
        let doors = db.db();
        block_on(async {
            let held = Held::begin(&doors).await;
            let before = queue(&doors, |conn| insert(conn, "before")).await;
            let mut long = Held::queue(&doors.patient(), "long").await;
            let after = queue(&doors, |conn| insert(conn, "after")).await;
            let patience = Duration::from_secs(30);
            let ended = tokio::time::timeout(patience, held.end()).await;
            ended.expect("who came before the long one does not wait for it");
            before.await.expect("no panic").expect("a write");
            long.has_begun().await;
            assert_eq!(doors.read(names).await.expect("a read"), ["before", "held"]);
            long.end().await;
            after.await.expect("no panic").expect("a write");
        });
        assert_eq!(db.count("job_leases"), 4);
    }

    #[test]
    fn more_than_one_group_holds_are_all_done() {
        let db = database();
        let doors = db.db();
        block_on(async {
            let held = Held::begin(&doors).await;
            let mut writes = Vec::new();
            for n in 0..600 {
                writes.push(queue(&doors, move |conn| insert(conn, &n.to_string())).await);
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
    let doors = db.db();
    let both_hold_one = Arc::new(Barrier::new(2));
    let runs = Arc::new(AtomicUsize::new(0));
    block_on(async {
        for name in ["a", "b"] {
            doors.write(move |conn| insert(conn, name)).await.expect("a write");
        }
        let mut writes = Vec::new();
        for order in [["a", "b"], ["b", "a"]] {
            let (both_hold_one, runs) = (both_hold_one.clone(), runs.clone());
            let write = queue(&doors, move |conn| {
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
fn sqlite_is_as_safe_as_it_was_told_to_be() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is always there").db();
    let settings = |conn: &mut Conn| {
        let ask = |pragma| format!("SELECT CAST({pragma} AS TEXT) AS value FROM pragma_{pragma}");
        let pragmas = ["journal_mode", "synchronous", "foreign_keys", "query_only"];
        Ok::<_, Fault>(pragmas.map(|pragma| texts(conn, &ask(pragma)).concat()))
    };
    // 2 is FULL: a commit has reached the disk before it is answered.
    assert_eq!(
        block_on(db.write(settings)).expect("the writer"),
        ["wal", "2", "1", "0"]
    );
    assert_eq!(block_on(db.read(settings)).expect("a reader"), ["wal", "2", "1", "1"]);
}

#[test]
fn postgres_is_as_safe_as_it_was_told_to_be() {
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
fn sqlite_leaves_one_plain_file_behind() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is always there");
    let doors = db.db();
    block_on(doors.write(|conn| insert(conn, "x"))).expect("a write");
    let address = db.address();
    let log = format!("{}-wal", address.strip_prefix("sqlite://").expect("a file"));
    let length = || std::fs::metadata(&log).map_or(0, |file| file.len());
    assert!(length() > 0, "the write went through the log");
    block_on(doors.close());
    assert_eq!(length(), 0);
}

/// What is below a node is what lies between its path and the next that does not begin with it.
fn below(conn: &mut Conn, from: &str, to: &str) -> Vec<String> {
    organizations::table
        .filter(organizations::path.ge(from).and(organizations::path.lt(to)))
        .order(organizations::path)
        .select(organizations::path)
        .load(conn)
        .expect("a question")
}

/// A digest nobody has yet, however often it is asked for.
fn a_new_digest(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "randomblob(32)",
        Engine::Postgres => "sha256(random()::text::bytea)",
    }
}

/// A digest that is always the same.
fn a_digest(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "x'01'",
        Engine::Postgres => "'x'::bytea",
    }
}

/// A statement that can run only once, for what `unique` says there is one of.
fn only_once(engine: Engine, unique: Unique) -> String {
    let (table, values): (_, &[_]) = match unique {
        Unique::OpenTransfer => ("transfers", &[("member_id", "1")]),
        Unique::InboundPerson => (
            "inbound_persons",
            &[
                ("transfer_id", "(SELECT count(*) + 1 FROM inbound_persons)"),
                ("open", "TRUE"),
            ],
        ),
        Unique::DevelopmentNumber => (
            "members",
            &[
                ("id_number_digest", a_new_digest(engine)),
                ("development_number", "'2021'"),
            ],
        ),
        Unique::MemberIdNumber => ("members", &[("id_number_digest", a_digest(engine))]),
        Unique::OpenMonthChange => ("month_changes", &[("state", "'open'")]),
        Unique::WaitingForm => ("certifications", &[("state", "'waiting'")]),
        Unique::OpenAppointmentRequest => ("appointment_requests", &[("state", "'open'")]),
        Unique::SiblingName => ("organizations", &[("parent_id", "1"), ("name", "'same'")]),
        Unique::SchoolCode => ("organizations", &[("school_code", "'10001'")]),
        Unique::IdempotencyKey => ("idempotency_keys", &[("actor", "'a'"), ("key", "'k'")]),
        Unique::PolicyVersion => ("policies", &[("season", "2026"), ("version", "1")]),
    };
    least(engine, table, values)
}

both_engines! {
    fn every_unique_constraint_that_a_client_can_run_into_is_recognised(db: TestDb) {
        use Unique::{
            DevelopmentNumber, IdempotencyKey, InboundPerson, MemberIdNumber, OpenAppointmentRequest, OpenMonthChange,
            OpenTransfer, PolicyVersion, SchoolCode, SiblingName, WaitingForm,
        };
        let conn = &mut db.conn();
        let mut run = |sql: &str| diesel::sql_query(sql).execute(conn);
        for stage in ["organizations", "accounts", "members"] {
            run(&least(db.engine(), stage, &[])).expect("the stage");
        }
        for unique in [
            OpenTransfer, InboundPerson, DevelopmentNumber, MemberIdNumber, OpenMonthChange, WaitingForm, OpenAppointmentRequest,
            SiblingName, SchoolCode, IdempotencyKey, PolicyVersion,
        ] {
            run(&only_once(db.engine(), unique)).expect("the first of its kind");
            let error = run(&only_once(db.engine(), unique)).expect_err("there is one already");
            assert_eq!(Unique::violated(&error), Some(unique), "{error:?}");
        }
    }

    fn other_violations_are_not_taken_for_one_of_these(db: TestDb) {
        let conn = &mut db.conn();
        insert(conn, "x").expect("the first");
        let again = insert(conn, "x").expect_err("the name is taken");
        let Fault::Db(DbError::Query(error)) = again else { panic!("{again:?}") };
        assert!(matches!(error, Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)));
        assert_eq!(Unique::violated(&error), None);
        assert_eq!(Unique::violated(&Error::NotFound), None);
        assert!(!DbError::is_retryable(&error));
    }

    fn paths_compare_by_bytes(db: TestDb) {
        let conn = &mut db.conn();
        for path in ["2/", "1/2/4/", "1/", "10/", "1/10/", "1/2/", "1/20/", "1/2/30/"] {
            let path = format!("'{path}'");
            db.execute(&least(db.engine(), "organizations", &[("path", &path), ("name", &path)]));
        }
        // '0' follows '/': the first path that no longer begins with "1/2/" is "1/20".
        assert_eq!(below(conn, "1/2/", "1/20"), ["1/2/", "1/2/30/", "1/2/4/"]);
        assert_eq!(below(conn, "", "9"), ["1/", "1/10/", "1/2/", "1/2/30/", "1/2/4/", "1/20/", "10/", "2/"]);
    }
}
