//! A PostgreSQL server for one test, which can be stopped, frozen, killed, promoted or configured differently from the
//! shared one.

use super::postgres::{finish, initialize, is_required, programs, unprivileged};
use super::process::Process;
use super::{block_on, scratch};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use zhuanjie::db::{DatabaseSettings, DatabaseUrl, Db};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with its directory. It listens on a loopback port and is killed on drop.
pub struct OwnCluster {
    programs: PathBuf,
    home: PathBuf,
    port: u16,
    server: Option<Process>,
}

impl OwnCluster {
    /// A new server that is not started yet. `None` if PostgreSQL is not installed.
    pub fn prepared() -> Option<Self> {
        let cluster = Self::in_a_new_home(programs()?);
        initialize(&|program, args| cluster.run(program, args));
        Some(cluster)
    }

    /// A running server with the schema in its database `postgres`.
    pub fn new() -> Option<Self> {
        let mut cluster = Self::prepared()?;
        cluster.start(&[]);
        block_on(async {
            let db = cluster.open(&DatabaseSettings::default());
            db.migrate().await.expect("the migrations run");
            db.close().await;
        });
        Some(cluster)
    }

    /// A standby that follows this server.
    pub fn standby(&self) -> Self {
        let mut standby = Self::in_a_new_home(self.programs.clone());
        let source = format!("host=127.0.0.1 port={} user=postgres", self.port);
        let copied = standby.run(
            "pg_basebackup",
            &["-D", "data", "-R", "-c", "fast", "--no-sync", "-d", &source],
        );
        copied.unwrap_or_else(|why| panic!("pg_basebackup: {why}"));
        standby.start(&[]);
        standby
    }

    fn in_a_new_home(programs: PathBuf) -> Self {
        static CLUSTERS: AtomicU32 = AtomicU32::new(0);
        let home = scratch::dir().join(format!("cluster-{}", CLUSTERS.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&home).unwrap_or_else(|e| panic!("{}: {e}", home.display()));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let cluster = Self {
            programs,
            home,
            port: port.expect("a free port").port(),
            server: None,
        };
        cluster.give_away(&cluster.home);
        cluster
    }

    /// PostgreSQL's files must belong to the user it runs as.
    fn give_away(&self, path: &Path) {
        if scratch::is_root() {
            let (uid, gid) = unprivileged();
            chown(path, Some(uid), Some(gid)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        }
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.args(args).current_dir(&self.home);
        if scratch::is_root() {
            let (uid, gid) = unprivileged();
            command.uid(uid).gid(gid);
        }
        command
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<String, String> {
        finish(self.command(program, args))
    }

    /// Starts the server with additional settings, and waits until it answers.
    pub fn start(&mut self, settings: &[&str]) {
        self.launch(settings);
        let begun = crate::support::stopwatch();
        while PgConnection::establish(&self.address()).is_err() {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the server without waiting.
    pub fn launch(&mut self, settings: &[&str]) {
        let (port, home) = (self.port.to_string(), self.home.display().to_string());
        let common = [
            "-D",
            "data",
            "-p",
            &port,
            "-k",
            &home,
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "fsync=off",
            "-c",
            "wal_retrieve_retry_interval=100ms",
            "-c",
            "max_connections=60",
        ];
        let given = settings.iter().flat_map(|setting| ["-c", setting]);
        let args: Vec<&str> = common.into_iter().chain(given).collect();
        self.server = Some(Process::start(self.command("postgres", &args)));
    }

    /// The server's `host:port`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The value of `DATABASE_URL` for the server.
    pub fn address(&self) -> String {
        address(&self.host(), "")
    }

    /// Opens the server's database.
    pub fn open(&self, settings: &DatabaseSettings) -> Db {
        Db::open(&url(&self.address()), settings).expect("the server runs")
    }

    /// A connection as the superuser.
    pub fn conn(&self) -> PgConnection {
        PgConnection::establish(&self.address()).expect("the server runs")
    }

    /// PgBouncer before this server, in a pool mode, with the port it listens on. `None` if it is not installed.
    pub fn pooler(&self, mode: &str) -> Option<(Command, u16)> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let Some(program) = program.iter().find(|program| Path::new(program).is_file()) else {
            assert!(!is_required(), "PgBouncer is not installed");
            return None;
        };
        let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = listener.expect("a free port").port();
        let (server, users) = (self.port, self.home.join(format!("{mode}.users")));
        fs::write(&users, "\"postgres\" \"\"\n").expect("a file");
        let settings = self.home.join(format!("{mode}.ini"));
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = 20\n\
             ignore_startup_parameters = extra_float_digits\n",
            users.display()
        );
        // `any` needs a user for each database.
        let text = text.replace(&format!("port={server}"), &format!("port={server} user=postgres"));
        fs::write(&settings, text).expect("a file");
        for file in [&users, &settings] {
            self.give_away(file);
        }
        let mut command = Command::new(program);
        command.arg(&settings).current_dir(&self.home);
        if scratch::is_root() {
            let (uid, gid) = unprivileged();
            command.uid(uid).gid(gid);
        }
        Some((command, port))
    }

    /// The number that a statement gives, which calls it `value`.
    pub fn number(&self, statement: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Number {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            value: i64,
        }
        let number: Number = diesel::RunQueryDsl::get_result(diesel::sql_query(statement), &mut self.conn())
            .unwrap_or_else(|e| panic!("{statement}: {e}"));
        number.value
    }

    /// Runs statements as the superuser.
    pub fn execute(&self, statements: &str) {
        self.conn()
            .batch_execute(statements)
            .unwrap_or_else(|e| panic!("{statements}: {e}"));
    }

    /// Makes a standby the primary.
    pub fn promote(&self) {
        self.execute("SELECT pg_promote()");
    }

    /// Kills the server without notice. Its processes end when they notice that the parent is gone.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            let processes = self.processes(&server);
            server.kill();
            signal("KILL", &processes);
        }
    }

    /// Stops every process of the server. Its sockets stay open and silent.
    pub fn freeze(&self) {
        self.signal_all("STOP");
    }

    /// Lets the stopped processes continue.
    pub fn thaw(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, name: &str) {
        let server = self.server.as_ref().expect("the server runs");
        // The parent comes first. A process that it made meanwhile would be missed.
        signal(name, &[server.id()]);
        signal(name, &self.processes(server));
    }

    /// The server's child processes.
    fn processes(&self, server: &Process) -> Vec<u32> {
        let of = server.id().to_string();
        let parent = |stat: &str| Some(stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.to_owned());
        fs::read_dir("/proc")
            .expect("the processes")
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                parent(&stat).as_deref() == Some(of.as_str())
            })
            .collect()
    }

    /// Gives the server a self-signed certificate for `localhost`, to be used with `ssl=on`. Returns the file that a
    /// client must trust, or `None` if there is no `openssl` to make one.
    pub fn certify(&self) -> Option<PathBuf> {
        let (key, certificate) = (self.home.join("data/server.key"), self.home.join("data/server.crt"));
        let mut command = Command::new("openssl");
        command
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
            ])
            .args([
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
                "-keyout",
            ])
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        if let Err(why) = finish(command) {
            assert!(!is_required(), "openssl: {why}");
            return None;
        }
        for file in [&key, &certificate] {
            self.give_away(file);
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the file belongs to this user");
        Some(certificate)
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.thaw();
        }
        self.kill();
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// An address of the database `postgres` on one or more hosts, with parameters.
pub fn address(hosts: &str, parameters: &str) -> String {
    format!("postgres://postgres@{hosts}/postgres{parameters}")
}

pub fn url(address: &str) -> DatabaseUrl {
    address.parse().expect("an address")
}

fn signal(name: &str, processes: &[u32]) {
    let script = "signal=$1; shift; kill -s \"$signal\" \"$@\" 2>&-; :";
    let pids = processes.iter().map(u32::to_string);
    let _ = Command::new("sh").args(["-c", script, "sh", name]).args(pids).status();
}
