//! The command line: one binary with subcommands.

use crate::api;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, DoorOptions, Keys};
use crate::db::{DatabaseUrl, Db, Settings, dialect};
use crate::domain::actor::Actor;
use crate::domain::id_number::IdNumber;
use crate::domain::refusal::Language;
use crate::domain::time::{Timestamp, shanghai_date};
use crate::jobs;
use crate::service;
use crate::service::bootstrap::{self, Founding};
use crate::service::jobs::{self as service_jobs, Job};
use crate::service::verify;
use anyhow::{Context, Result};
use chrono::SecondsFormat;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

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
    },
    /// What the service does by itself.
    #[command(subcommand)]
    Jobs(Jobs),
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
    /// Check that everything stored is as it must be: a line for each invariant; fails if one is broken.
    Verify {
        #[command(flatten)]
        database: Database,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Print a fresh set of keys for the environment.
    Keys,
}

#[derive(Subcommand)]
enum Jobs {
    /// Run a job once, and print what it did.
    Run {
        /// Which one; `jobs list` shows them.
        name: Job,
        #[command(flatten)]
        database: Database,
        /// The instant to run it for (RFC 3339), such as 2026-06-01T00:00:00+08:00; now when absent.
        #[arg(long)]
        at: Option<Timestamp>,
    },
    /// Print the jobs there are.
    List,
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
    fn config(&self) -> Result<Config> {
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
    pub fn settings(&self) -> Settings {
        Settings::from(&self.doors)
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
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format_timestamp_millis()
        .init();
    match run(cli.command) {
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
        } => {
            let every = Duration::from_secs(job_interval);
            actix_web::rt::System::new().block_on(serve(&database, listen, every, files))
        }
        Command::Jobs(Jobs::Run { name, database, at }) => {
            actix_web::rt::System::new().block_on(run_job(&database, name, at))
        }
        Command::Jobs(Jobs::List) => list_jobs(),
        Command::Migrate { database } => actix_web::rt::System::new().block_on(migrate(&database)),
        Command::Bootstrap {
            database,
            organization,
            short_name,
            administrator,
        } => actix_web::rt::System::new().block_on(bootstrap(&database, organization, short_name, administrator)),
        Command::Verify { database } => verify(&database.config()?.database),
        Command::Openapi => say(&api::document_text()),
        Command::Keys => say(&Keys::generate()),
    }
}

/// Writes to standard output, where what a command answers belongs; messages go to the log.
pub fn say(text: &str) -> Result<()> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}

async fn serve(database: &Database, listen: SocketAddr, every: Duration, files: Option<PathBuf>) -> Result<()> {
    let mut config = database.config()?;
    if let Some(files) = files {
        config.files = files;
    }
    let keys = Keys::from_environment()?;
    let app = App::start(&config, keys, Clock::system()).await?;
    serve_app(app, bind(listen)?, every, |_| Ok(())).await
}

/// Runs a job by hand. It takes the same lease as the servers do, so it never works beside one of them.
async fn run_job(database: &Database, job: Job, at: Option<Timestamp>) -> Result<()> {
    let config = database.config()?;
    let db = Db::open(&config.database, &config.settings)?;
    let clock = Clock::system();
    let at = at.unwrap_or_else(|| clock.now());
    let ending = jobs::run(&db, &clock, job, at).await.map_err(|fault| {
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

/// Serves until the process is told to stop, running the jobs at each interval, and closes the database behind the last
/// answer. `announce` is told the address once it is listened on.
///
/// # Errors
/// When the listener can't be used, or what `announce` returns.
pub async fn serve_app(
    app: App,
    listener: TcpListener,
    every: Duration,
    announce: impl FnOnce(SocketAddr) -> Result<()>,
) -> Result<()> {
    let address = listener.local_addr()?;
    let db = app.db.clone();
    let timer = jobs::start_timer(db.clone(), app.clock.clone(), every);
    let server = api::serve(app, listener)?;
    announce(address)?;
    log::info!("listening on http://{address}, interface at http://{address}/docs/");
    server.await?;
    timer.abort();
    db.close().await;
    log::info!("stopped; everything accepted is answered and stored");
    Ok(())
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
        &Settings {
            pool_size: 1,
            ..Settings::default()
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
