//! A temporary PostgreSQL cluster. It is started once in a run if its programs are on this machine.

use super::{announce, scratch};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use zhuanjie::db::{DatabaseSettings, Db};

/// If this variable is set, a missing PostgreSQL is a failure.
const REQUIRE: &str = "ZHUANJIE_REQUIRE_POSTGRES";

const ABSENT: &str = "
==================================================================================
  PostgreSQL's programs (initdb, pg_ctl) were not found on this machine, neither
  in PATH nor under /usr/lib/postgresql. EVERY `postgres` TEST BELOW IS SKIPPED,
  though it says ok: only SQLite was tested. Install PostgreSQL to test both.
==================================================================================

";

/// The database from which every test's database is copied.
const TEMPLATE: &str = "zhuanjie_template";

pub struct Cluster {
    socket: PathBuf,
    programs: PathBuf,
    /// Databases are made and dropped over one connection, one at a time.
    admin: Mutex<PgConnection>,
    databases: AtomicU32,
}

static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| match programs() {
    Some(programs) => Some(Cluster::start(programs)),
    None if is_required() => panic!("{REQUIRE} is set, but PostgreSQL's programs were not found"),
    None => {
        announce(ABSENT);
        None
    }
});

/// The cluster, or `None` if PostgreSQL is not installed.
pub fn cluster() -> Option<&'static Cluster> {
    CLUSTER.as_ref()
}

pub fn is_required() -> bool {
    std::env::var_os(REQUIRE).is_some_and(|value| value != "0" && !value.is_empty())
}

/// The directory with PostgreSQL's server programs: in `PATH`, otherwise the newest version in Debian's directory.
pub(super) fn programs() -> Option<PathBuf> {
    let in_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut installed: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    installed.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        std::cmp::Reverse(version.and_then(|text| text.parse::<u32>().ok()))
    });
    in_path
        .filter_map(|dir| {
            fs::canonicalize(dir.join("initdb"))
                .ok()?
                .parent()
                .map(Path::to_path_buf)
        })
        .chain(installed)
        .find(|bin| {
            ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|program| bin.join(program).is_file())
        })
}

impl Cluster {
    fn start(programs: PathBuf) -> Self {
        let home = scratch::dir().join("postgres");
        fs::create_dir(&home).unwrap_or_else(|e| panic!("{}: {e}", home.display()));
        let owner = scratch::is_root().then(unprivileged);
        if let Some((uid, gid)) = owner {
            chown(&home, Some(uid), Some(gid)).unwrap_or_else(|e| panic!("{}: {e}", home.display()));
        }
        let run = |program: &str, args: &[&str]| {
            let mut command = Command::new(programs.join(program));
            command.args(args).current_dir(&home);
            if let Some((uid, gid)) = owner {
                command.uid(uid).gid(gid);
            }
            finish(command)
        };
        initialize(&run);
        // A socket in a directory that no other user may enter needs no port and no password.
        let options = format!(
            "-c listen_addresses= -c unix_socket_permissions=0700 -c max_connections=300 \
             -c fsync=off -c full_page_writes=off -c deadlock_timeout=100ms -k '{}' -p 5432",
            home.display()
        );
        run(
            "pg_ctl",
            &["start", "--wait", "--silent", "-D", "data", "-l", "log", "-o", &options],
        )
        .unwrap_or_else(|why| {
            let log = fs::read_to_string(home.join("log")).unwrap_or_default();
            panic!("PostgreSQL did not start: {why}\n{log}")
        });
        let admin = PgConnection::establish(&address(&home, "postgres")).expect("the cluster just started");
        let cluster = Self {
            socket: home,
            programs,
            admin: Mutex::new(admin),
            databases: AtomicU32::new(0),
        };
        cluster.make_template();
        cluster
    }

    fn make_template(&self) {
        self.administer(&format!("CREATE DATABASE {TEMPLATE}"));
        super::block_on(async {
            let url = self.address(TEMPLATE).parse().expect("our own address");
            let db = Db::open(
                &url,
                &DatabaseSettings {
                    pool_size: 1,
                    ..DatabaseSettings::default()
                },
            )
            .expect("the template opens");
            db.migrate().await.expect("the migrations run");
            db.close().await;
        });
        // No further connections are allowed, because a database with a connection can't be copied.
        self.administer(&format!("ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false"));
    }

    fn administer(&self, statement: &str) {
        let mut admin: MutexGuard<'_, PgConnection> = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        admin
            .batch_execute(statement)
            .unwrap_or_else(|e| panic!("{statement}: {e}"));
    }

    /// Makes a copy of the migrated template. Returns its name.
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.administer(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
        name
    }

    /// Drops a database and ends the connections to it.
    pub fn drop_database(&self, name: &str) {
        self.administer(&format!("DROP DATABASE {name} WITH (FORCE)"));
    }

    /// Copies a database by a dump that is restored, as operators do it. Returns the copy's name.
    pub fn restore_copy(&self, database: &str) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.administer(&format!("CREATE DATABASE {name} TEMPLATE template0"));
        let file = scratch::dir().join(&name);
        let run = |program: &str, args: &[&str]| {
            let mut command = Command::new(self.programs.join(program));
            command.args(args);
            finish(command).unwrap_or_else(|why| panic!("{program}: {why}"));
        };
        let path = file.display().to_string();
        run("pg_dump", &["-Fc", "-d", &self.address(database), "-f", &path]);
        run("pg_restore", &["--no-owner", "-d", &self.address(&name), &path]);
        name
    }

    /// The address of a database, in the form of `DATABASE_URL`.
    pub fn address(&self, database: &str) -> String {
        address(&self.socket, database)
    }

    /// What `pg_dump` prints about a database's structure, without the random token that newer versions add.
    pub fn dump(&self, database: &str) -> String {
        let mut command = Command::new(self.programs.join("pg_dump"));
        command
            .args(["--schema-only", "--no-owner", "--dbname"])
            .arg(self.address(database));
        let dump = finish(command).unwrap_or_else(|why| panic!("pg_dump: {why}"));
        let is_content = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
        dump.lines().filter(is_content).collect::<Vec<_>>().join("\n")
    }
}

fn address(socket: &Path, database: &str) -> String {
    format!(
        "postgres:///{database}?host={}&port=5432&user=postgres",
        socket.display()
    )
}

/// Text compares by a linguistic collation, as in production. So code that silently relies on byte order fails here. A
/// build without ICU gets its plain default.
pub(super) fn initialize(run: &impl Fn(&str, &[&str]) -> Result<String, String>) {
    let plain = ["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"];
    let linguistic = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=zh-CN"];
    run("initdb", &[&plain[..], &linguistic].concat())
        .or_else(|_| run("initdb", &[&plain[..], &["--locale=C"]].concat()))
        .unwrap_or_else(|why| panic!("initdb: {why}"));
}

/// The user to run as if this process is root's: PostgreSQL's own user if there is one, otherwise `nobody`.
pub(super) fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |wanted: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let is_it = fields.next() == Some(wanted);
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            is_it.then_some((uid, gid))
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .expect("PostgreSQL refuses to run as root, and there is no user `postgres` and no user `nobody`")
}

pub(super) fn finish(mut command: Command) -> Result<String, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
