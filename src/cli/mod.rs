//! The command line: one binary with subcommands.

mod accounts;
mod audit;
mod reseal;

use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, DoorOptions, Keys};
use crate::db::sql::dialect;
use crate::db::{CONTROL, DatabaseSettings, DatabaseUrl, Db};
use crate::domain::authority::actor::Actor;
use crate::domain::core::id_number::IdNumber;
use crate::domain::core::language::Language;
use crate::domain::core::time::{Timestamp, shanghai_date};
use crate::domain::retention::Retention;
use crate::files::Folder;
use crate::security::token_keys::Step;
use crate::service::accounts::bootstrap::{self, Founding};
use crate::service::jobs::{self as service_jobs, Job};
use crate::service::{self, verify};
use crate::{api, backup, jobs};
use anyhow::{Context, Result};
use chrono::SecondsFormat;
use clap::{Args, Parser, Subcommand};
use log::LevelFilter;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// zhuanjie (转接): transfers of the League's organization relations.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a demo country and serve it.
    Demo(crate::demo::Options),
    /// Serve a database.
    Serve {
        #[command(flatten)]
        database: Database,
        /// The address to listen on.
        #[arg(long, env = "ZHUANJIE_LISTEN", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// Seconds between two runs of the jobs.
        #[arg(long, env = "ZHUANJIE_JOB_INTERVAL", default_value_t = jobs::DEFAULT_INTERVAL.as_secs())]
        job_interval: u64,
        /// The directory uploaded files lie in; next to an embedded database when absent.
        #[arg(long, env = "ZHUANJIE_FILES")]
        files: Option<PathBuf>,
        #[command(flatten)]
        door: api::ServerSettings,
        #[command(flatten)]
        kept: Kept,
    },
    /// What the service does by itself.
    #[command(subcommand)]
    Jobs(Jobs),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Block and unblock accounts that no administrator stands above.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Bring a database's schema up to date.
    Migrate {
        #[command(flatten)]
        database: Database,
    },
    /// Make the root organization of an empty database and its first administrator; his ID number is read from standard
    /// input.
    Bootstrap {
        #[command(flatten)]
        database: Database,
        /// The root organization's full name.
        #[arg(long, default_value = "中国共产主义青年团中央委员会")]
        organization: String,
        /// Its short name.
        #[arg(long, default_value = "共青团中央")]
        short_name: String,
        /// The administrator's full name.
        #[arg(long)]
        administrator: String,
    },
    /// Seal all personal data and uploaded files under the newest of ZHUANJIE_DATA_KEYS, while the service runs. Run again,
    /// it goes on with what is left.
    Reseal {
        #[command(flatten)]
        database: Database,
        /// The directory uploaded files lie in; next to an embedded database when absent.
        #[arg(long, env = "ZHUANJIE_FILES")]
        files: Option<PathBuf>,
    },
    /// Check that everything stored is as it must be: a line for each invariant; fails if one is broken.
    Verify {
        #[command(flatten)]
        database: Database,
    },
    /// Copy the embedded database, while it is served, into a new file.
    Backup {
        #[command(flatten)]
        database: Database,
        /// The file, which must not exist yet.
        #[arg(long)]
        to: PathBuf,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Print a fresh set of keys for the environment, or the token keys after a step of their rotation.
    Keys {
        #[command(subcommand)]
        action: Option<KeysAction>,
    },
}

#[derive(Subcommand)]
enum KeysAction {
    /// Take a step of the rotation of the token keys in ZHUANJIE_TOKEN_KEY, which signs nobody out, and print them anew.
    Rotate {
        /// In this order, each on every server before the next: `publish` adds a key, `sign` signs with it, `retire`
        /// drops the old ones (no sooner than 15 minutes after `sign`).
        #[arg(value_enum)]
        step: RotationStep,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum RotationStep {
    Publish,
    Sign,
    Retire,
}

impl From<RotationStep> for Step {
    fn from(step: RotationStep) -> Self {
        match step {
            RotationStep::Publish => Self::Publish,
            RotationStep::Sign => Self::Sign,
            RotationStep::Retire => Self::Retire,
        }
    }
}

#[derive(Subcommand)]
enum Jobs {
    /// Run a job once, and print what it did.
    Run(Box<JobRun>),
    /// Print the jobs there are.
    List,
}

/// Which job, where, and for when.
#[derive(Args)]
struct JobRun {
    /// Which one; `jobs list` shows them.
    name: Job,
    #[command(flatten)]
    database: Database,
    /// The instant to run it for (RFC 3339), such as 2026-06-01T00:00:00+08:00; now when absent.
    #[arg(long)]
    at: Option<Timestamp>,
    /// The directory uploaded files lie in, which retention tidies too; next to an embedded database when absent.
    #[arg(long, env = "ZHUANJIE_FILES")]
    files: Option<PathBuf>,
    #[command(flatten)]
    kept: Kept,
}

/// How long records are kept.
#[derive(Args, Clone, Copy)]
struct Kept {
    /// Days the audit log, and who looked for or saw whom, is kept: at least 180.
    #[arg(long, env = "ZHUANJIE_AUDIT_DAYS", default_value_t = 1095)]
    audit_days: u16,
    /// Days the person of a case from another province is kept after the case has ended: at least 30.
    #[arg(long, env = "ZHUANJIE_INBOUND_DAYS", default_value_t = 90)]
    inbound_days: u16,
}

impl Kept {
    fn retention(self) -> Result<Retention> {
        Ok(Retention::new(self.audit_days, self.inbound_days)?)
    }
}

/// Which database.
#[derive(Args)]
pub struct Database {
    /// sqlite://path or postgres://…
    #[arg(long = "database", env = "DATABASE_URL", hide_env_values = true)]
    url: Option<String>,
    #[command(flatten)]
    doors: DoorOptions,
}

impl Database {
    /// The database with its doors, which must be named.
    ///
    /// # Errors
    /// When it is not, or the name is not a database's.
    pub fn config(&self) -> Result<Config> {
        let url = self
            .given()?
            .context("DATABASE_URL is not set: sqlite://path or postgres://user@host/name")?;
        let settings = self.settings();
        Ok(Config {
            settings,
            ..Config::new(url)
        })
    }

    /// How it is used.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings::from(&self.doors)
    }

    /// The database that was named, if one was.
    ///
    /// # Errors
    /// When the name is not a database's.
    pub fn given(&self) -> Result<Option<DatabaseUrl>> {
        Ok(self.url.as_deref().map(str::parse).transpose()?)
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    exit_code(|| run(cli.command))
}

/// Runs a program's work with the log set up. An error is logged and makes the exit code a failure.
pub fn exit_code(work: impl FnOnce() -> Result<()>) -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format_timestamp_millis()
        // At `trace` the HTTP client logs whole requests, and a request to WeChat holds the app's secret.
        .filter_module("ureq", LevelFilter::Info)
        .filter_module("ureq_proto", LevelFilter::Info)
        .init();
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(options) => actix_web::rt::System::new().block_on(crate::demo::run(options)),
        Command::Serve {
            database,
            listen,
            job_interval,
            files,
            door,
            kept,
        } => {
            let every = Duration::from_secs(job_interval);
            actix_web::rt::System::new().block_on(serve(&database, listen, every, files, &door, kept))
        }
        Command::Jobs(Jobs::Run(run)) => actix_web::rt::System::new().block_on(run_job(*run)),
        Command::Jobs(Jobs::List) => list_jobs(),
        Command::Audit(command) => actix_web::rt::System::new().block_on(audit::run(command)),
        Command::Accounts(command) => actix_web::rt::System::new().block_on(accounts::run(command)),
        Command::Migrate { database } => actix_web::rt::System::new().block_on(migrate(&database)),
        Command::Bootstrap {
            database,
            organization,
            short_name,
            administrator,
        } => actix_web::rt::System::new().block_on(bootstrap(&database, organization, short_name, administrator)),
        Command::Reseal { database, files } => actix_web::rt::System::new().block_on(reseal::run(&database, files)),
        Command::Verify { database } => verify(&database.config()?.database),
        Command::Backup { database, to } => {
            actix_web::rt::System::new().block_on(backup::take(&database.config()?.database, &to))?;
            say(&format!("{} is whole and on the disk\n", to.display()))
        }
        Command::Openapi => say(&api::document_text()),
        Command::Keys { action: None } => say(&Keys::generate()),
        Command::Keys {
            action: Some(KeysAction::Rotate { step }),
        } => say(&Keys::rotate(step.into())?),
    }
}

/// Writes to standard output, where what a command answers belongs; messages go to the log.
pub fn say(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

async fn serve(
    database: &Database,
    listen: SocketAddr,
    every: Duration,
    files: Option<PathBuf>,
    door: &api::ServerSettings,
    kept: Kept,
) -> Result<()> {
    let mut config = database.config()?;
    config.retention = kept.retention()?;
    if let Some(files) = files {
        config.files = files;
    }
    config.read_environment()?;
    let keys = Keys::for_service()?;
    let app = App::start(&config, keys, Clock::system()).await?;
    serve_app(app, bind(listen)?, door, every, |_| Ok(())).await
}

/// Runs a job by hand. It takes the same lease as the servers do, so it never works beside one of them.
async fn run_job(run: JobRun) -> Result<()> {
    let (job, kept, config) = (run.name, run.kept.retention()?, run.database.config()?);
    let files = Folder::new(run.files.unwrap_or(config.files));
    let db = Db::open(&config.database, &config.settings)?;
    let clock = Clock::system();
    let at = run.at.unwrap_or_else(|| clock.now());
    let ending = jobs::run_with_files(&db, &clock, jobs::JobRequest { job, at, kept }, Some(&files))
        .await
        .map_err(|fault| {
            let problem = service_jobs::wording(&fault);
            anyhow::anyhow!("{job}: {problem}")
        })?;
    db.close().await;
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    match ending {
        jobs::Ending::Done(done) => {
            let (processed, failed) = (done.processed, done.failed);
            say(&format!("{job} at {at}: {processed} processed, {failed} failed\n"))?;
            anyhow::ensure!(failed == 0, "{failed} could not be processed; the log says which");
            Ok(())
        }
        jobs::Ending::Elsewhere => say(&format!("{job}: another server is running it\n")),
    }
}

fn list_jobs() -> Result<()> {
    let line = |job: &Job| format!("{:16}{}\n", job.as_str(), job.label(Language::English));
    say(&Job::ALL.iter().map(line).collect::<String>())
}

/// Takes the address to listen on.
///
/// # Errors
/// When it is taken already or not ours to take.
pub fn bind(listen: SocketAddr) -> Result<TcpListener> {
    api::bind(listen).with_context(|| format!("can't listen on {listen}"))
}

/// How long the database may take to end what was accepted, after the last answer.
const CLOSING: Duration = Duration::from_secs(20);

/// Serves until the process is told to stop, running the jobs at each interval, and closes the database behind the last
/// answer. `announce` is told the address once it is listened on.
///
/// # Errors
/// When the listener can't be used, or what `announce` returns.
pub async fn serve_app(
    app: App,
    listener: TcpListener,
    door: &api::ServerSettings,
    every: Duration,
    announce: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    refuse_control()?;
    let address = listener.local_addr()?;
    let db = app.db.clone();
    let timer = jobs::start_timer(&app, every);
    let server = api::serve(app, listener, api::threads(), door)?;
    announce(address)?;
    let scheme = if door.tls_certificate.is_some() {
        "https"
    } else {
        "http"
    };
    log::info!("listening on {scheme}://{address}, interface at {scheme}://{address}/docs/");
    server.await?;
    timer.abort();
    if timeout(CLOSING, db.close()).await.is_err() {
        // Whoever waits for an answer of the database can't be called back, and to return would be to wait for him.
        log::error!("stopped, though the database does not answer: it alone knows what became of the last writes");
        std::process::exit(1);
    }
    log::info!("stopped; everything accepted is answered and stored");
    Ok(())
}

/// A program built as the control of the power cuts says so, and serves only where it is asked to.
fn refuse_control() -> Result<()> {
    if !CONTROL {
        return Ok(());
    }
    log::error!("BUILT TO LOSE WRITES (feature control-synchronous-normal): for tests/harness/power_cut.py only");
    std::env::var("ZHUANJIE_CONTROL")
        .map(drop)
        .context("ZHUANJIE_CONTROL is not set: nothing is served")
}

async fn migrate(database: &Database) -> Result<()> {
    let config = database.config()?;
    let applied = Db::open(&config.database, &config.settings)?.migrate().await?;
    match applied.as_slice() {
        [] => log::info!("the schema is up to date"),
        versions => versions.iter().for_each(|version| log::info!("applied {version}")),
    }
    Ok(())
}

/// Checks a database on one state of it, however long that takes and whoever writes meanwhile.
///
/// # Errors
/// When an invariant is broken, or the database fails.
pub fn verify(database: &DatabaseUrl) -> Result<()> {
    let clock = Clock::system();
    let (mut broken, mut begun, mut deaf) = (0, clock.now(), Ok(()));
    let tell = |finding: verify::Finding| {
        let took = (clock.now() - begun).num_milliseconds();
        begun = clock.now();
        broken += usize::from(!finding.broken.is_empty());
        let verdict = if finding.broken.is_empty() { "ok    " } else { "BROKEN" };
        let mut line = format!("{verdict} {} {} ({took} ms)\n", finding.number, finding.holds);
        finding
            .broken
            .iter()
            .for_each(|row| line.push_str(&format!("       {row}\n")));
        if let Err(error) = say(&line) {
            deaf = Err(error);
        }
    };
    let db = Db::open(
        database,
        &DatabaseSettings {
            pool_size: 1,
            ..DatabaseSettings::default()
        },
    )?;
    dialect::survey(&mut db.bulk_connection()?, |conn| verify::run(conn, tell))
        .map_err(|fault| anyhow::anyhow!("{}", service_jobs::wording(&fault)))?;
    deaf?;
    anyhow::ensure!(broken == 0, "{broken} of {} invariants are broken", verify::count());
    say(&format!("all {} hold\n", verify::count()))
}

/// Makes the first office. The ID number comes from standard input, so that it stands in no history of commands.
async fn bootstrap(database: &Database, organization: String, short_name: String, administrator: String) -> Result<()> {
    let clock = Clock::system();
    let keys = Keys::from_environment()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let id_number = IdNumber::parse(&line, shanghai_date(clock.now())).context("standard input: an ID number")?;
    let founding = Founding {
        organization,
        short_name,
        administrator,
        id_number,
    };
    let config = database.config()?;
    let db = Db::open(&config.database, &config.settings)?;
    db.migrate().await?;
    let context = service::Context {
        actor: Actor::system(),
        now: clock.now(),
        request_id: "bootstrap".into(),
    };
    let issued = db
        .write(move |conn| bootstrap::found(conn, &context, &keys.vault, &founding))
        .await
        .map_err(|fault| anyhow::anyhow!("{}", service_jobs::wording(&fault)))?;
    db.close().await;
    let issued = issued.context("the database holds organizations already")?;
    say(&format!(
        "one-time code: {}\nvalid until:   {}\nset a password with it: POST /v1/auth/reset {{\"id_number\", \"code\", \"new_password\"}}\n",
        issued.code,
        issued.valid_until.to_rfc3339_opts(SecondsFormat::Secs, true),
    ))
}
