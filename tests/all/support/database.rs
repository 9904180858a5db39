//! A database for each test: a copy of a migrated, empty one, removed at the end of the test.

use super::process::{self, zhuanjie};
use super::{postgres, scratch};
use diesel::connection::SimpleConnection;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types};
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use zhuanjie::db::{Conn, DatabaseSettings, DatabaseUrl, Db, DbError, Retryable};

/// The engines every test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Runs a test's body with a database of its own. On PostgreSQL it does so only if that is installed.
    pub fn with_database(self, body: impl FnOnce(TestDb)) {
        if let Some(db) = TestDb::new(self) {
            body(db);
        }
    }
}

/// A migrated, empty database for one test. Dropping it removes it.
///
/// [`TestDb::db`] gives access as the service has it. The other functions bypass that access, to prepare a test or to
/// check its result.
pub struct TestDb {
    // Before `home`, so that the connections are closed before the files are removed.
    db: Db,
    home: Home,
}

enum Home {
    Sqlite(PathBuf),
    Postgres(&'static postgres::Cluster, String),
}

impl TestDb {
    /// `None` if the engine is not installed.
    pub fn new(engine: Engine) -> Option<Self> {
        // Few connections for each test, because many tests run at once.
        let settings = DatabaseSettings {
            pool_size: 2,
            ..DatabaseSettings::default()
        };
        Self::with_settings(engine, &settings)
    }

    /// Like [`TestDb::new`], with settings of the caller's own.
    pub fn with_settings(engine: Engine, settings: &DatabaseSettings) -> Option<Self> {
        let home = Home::new(engine)?;
        let db = home.open(settings);
        Some(Self { db, home })
    }

    /// A copy of this database, restored from a backup that is taken now.
    pub fn restored(&self) -> Self {
        let home = match &self.home {
            Home::Sqlite(_) => {
                let path = sqlite_file();
                let to = path.display().to_string();
                let command = zhuanjie(["backup", "--database", &self.address(), "--to", &to]);
                let (status, lines) = process::run(command);
                assert!(status.success(), "{lines:?}");
                Home::Sqlite(path)
            }
            Home::Postgres(cluster, name) => Home::Postgres(cluster, cluster.restore_copy(name)),
        };
        let settings = DatabaseSettings {
            pool_size: 2,
            ..DatabaseSettings::default()
        };
        let db = home.open(&settings);
        Self { db, home }
    }

    pub fn engine(&self) -> Engine {
        match self.home {
            Home::Sqlite(_) => Engine::Sqlite,
            Home::Postgres(..) => Engine::Postgres,
        }
    }

    /// The access that a server has.
    pub fn db(&self) -> Db {
        self.db.clone()
    }

    /// A separate access to the same database, as another server would have.
    pub fn open(&self, settings: &DatabaseSettings) -> Db {
        self.home.open(settings)
    }

    /// The value of `DATABASE_URL` for a program that uses this database.
    pub fn address(&self) -> String {
        self.home.address()
    }

    /// A connection that bypasses [`Db`].
    pub fn conn(&self) -> Conn {
        self.db.bulk_connection().expect("the database can be opened")
    }

    /// Runs statements on a connection that bypasses [`Db`].
    pub fn execute(&self, statements: &str) {
        self.conn()
            .batch_execute(statements)
            .unwrap_or_else(|e| panic!("{statements}: {e}"));
    }

    /// Removes the triggers that protect the audit log, as the owner of the database could.
    pub fn unlock_audit_log(&self) {
        let table = match self.engine() {
            Engine::Sqlite => "",
            Engine::Postgres => " ON audit_log",
        };
        self.execute(&format!(
            "DROP TRIGGER audit_log_stands{table}; DROP TRIGGER audit_log_stays{table}"
        ));
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) AS value FROM {table}"))
    }

    /// The result of a query for one number named `value`.
    pub fn number(&self, question: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = sql_types::BigInt)]
            value: i64,
        }
        let found: Number = sql_query(question)
            .get_result(&mut self.conn())
            .unwrap_or_else(|e| panic!("{question}: {e}"));
        found.value
    }

    /// The result of a query for texts named `value`.
    pub fn texts(&self, question: &str) -> Vec<String> {
        texts(&mut self.conn(), question)
    }

    /// The whole structure in the engine's own words.
    pub fn dump(&self) -> String {
        match &self.home {
            Home::Sqlite(_) => self
                .texts("SELECT coalesce(sql, name) AS value FROM sqlite_schema WHERE name <> 'sqlite_sequence' ORDER BY type, name")
                .join("\n"),
            Home::Postgres(cluster, name) => cluster.dump(name),
        }
    }
}

/// The result of a query for texts named `value`, on a given connection.
pub fn texts(conn: &mut Conn, question: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Text {
        #[diesel(sql_type = sql_types::Text)]
        value: String,
    }
    let found: Vec<Text> = sql_query(question)
        .load(conn)
        .unwrap_or_else(|e| panic!("{question}: {e}"));
    found.into_iter().map(|row| row.value).collect()
}

impl Home {
    fn new(engine: Engine) -> Option<Self> {
        match engine {
            Engine::Sqlite => {
                let path = sqlite_file();
                fs::copy(&*TEMPLATE, &path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                Some(Self::Sqlite(path))
            }
            Engine::Postgres => {
                let cluster = postgres::cluster()?;
                Some(Self::Postgres(cluster, cluster.create_database()))
            }
        }
    }

    fn address(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(cluster, name) => cluster.address(name),
        }
    }

    fn open(&self, settings: &DatabaseSettings) -> Db {
        let url: DatabaseUrl = self.address().parse().expect("our own address");
        Db::open(&url, settings).expect("the new database opens")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        match self {
            Self::Sqlite(path) => {
                for suffix in ["", "-wal", "-shm"] {
                    let _ = fs::remove_file(sibling(path, suffix));
                }
            }
            Self::Postgres(cluster, name) => cluster.drop_database(name),
        }
    }
}

/// The file that every SQLite test copies.
static TEMPLATE: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = sqlite_file();
    let home = Home::Sqlite(path.clone());
    block_on(async {
        let db = home.open(&DatabaseSettings {
            pool_size: 1,
            ..DatabaseSettings::default()
        });
        db.migrate().await.expect("the migrations run");
        db.close().await;
    });
    let log = sibling(&path, "-wal");
    assert!(
        fs::metadata(log).map_or(0, |m| m.len()) == 0,
        "a copy would miss what is in the log"
    );
    std::mem::forget(home);
    path
});

fn sqlite_file() -> PathBuf {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    scratch::dir().join("sqlite").join(format!("{number}.sqlite"))
}

fn sibling(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// Runs a future to its end on a runtime of its own.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built")
        .block_on(future)
}

/// The error of use cases that tests invent.
#[derive(Debug)]
pub enum Fault {
    /// A rule refused.
    Refused,
    /// The database failed.
    Db(DbError),
}

impl From<DbError> for Fault {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

impl From<diesel::result::Error> for Fault {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Retryable for Fault {
    fn fault(&self) -> Option<&DbError> {
        match self {
            Self::Db(error) => Some(error),
            Self::Refused => None,
        }
    }
}
