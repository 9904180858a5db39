//! The commands of the command line, and what each of them runs.

use super::options::{DatabaseArgs, FilesArgs, RetentionArgs};
use super::output::say;
use super::serve::{bind, serve_app};
use super::{accounts, audit, bootstrap, jobs, reseal, verify};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Keys;
use crate::db::Db;
use crate::jobs::ScheduleSettings;
use crate::security::token_keys::KeyRotationStep;
use crate::{api, backup};
use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use log::LevelFilter;
use std::net::SocketAddr;
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
    Demo(crate::demo::DemoOptions),
    /// Serve a database.
    Serve {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The address to listen on.
        #[arg(long, env = "ZHUANJIE_LISTEN", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// The longest time between two runs of a job, in seconds. Each job has its own interval (`jobs list`).
        #[arg(long, env = "ZHUANJIE_JOB_INTERVAL")]
        job_interval: Option<u64>,
        /// Run no jobs: for a drill, or where another server or a timer runs them.
        #[arg(long, env = "ZHUANJIE_NO_JOBS", value_parser = FalseyValueParser::new())]
        no_jobs: bool,
        #[command(flatten)]
        files: FilesArgs,
        #[command(flatten)]
        settings: api::ServerSettings,
        #[command(flatten)]
        kept: RetentionArgs,
    },
    /// The work that the service does without a request.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Block and unblock accounts that no administrator stands above.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Bring a database's schema up to date.
    Migrate {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Create the root organization of an empty database and its first administrator, whose ID number is read from
    /// standard input.
    Bootstrap {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The root organization's full name.
        #[arg(long, default_value = "中国共产主义青年团中央委员会")]
        organization: String,
        /// The root organization's short name.
        #[arg(long, default_value = "共青团中央")]
        short_name: String,
        /// The administrator's full name.
        #[arg(long)]
        administrator: String,
    },
    /// Seal all personal data and uploaded files under the newest of ZHUANJIE_DATA_KEYS, while the service runs. A
    /// second run continues where the first one stopped.
    Reseal {
        #[command(flatten)]
        database: DatabaseArgs,
        #[command(flatten)]
        files: FilesArgs,
    },
    /// Check the invariants of everything stored, one line for each. Fails if one is broken.
    Verify {
        #[command(flatten)]
        database: DatabaseArgs,
        /// Read every uploaded file too, and check that it is the one of its row. This needs the keys of `serve`. The
        /// folder is that of `serve`, if none is named.
        #[arg(long, value_name = "FOLDER")]
        files: Option<Option<PathBuf>>,
    },
    /// Copy the embedded database into a new file, while it is served.
    Backup {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The file, which must not exist yet.
        #[arg(long)]
        to: PathBuf,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Print a new set of keys for the environment, or the token keys after a step of their rotation.
    Keys {
        #[command(subcommand)]
        action: Option<KeysAction>,
    },
}

#[derive(Subcommand)]
enum KeysAction {
    /// Take a step of the rotation of the token keys in ZHUANJIE_TOKEN_KEY, and print the new keys. Nobody is signed
    /// out.
    Rotate {
        /// The steps in order. Take each on every server before the next: `publish` adds a key, `sign` signs with it,
        /// `retire` drops the old keys (at least 15 minutes after `sign`).
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

impl From<RotationStep> for KeyRotationStep {
    fn from(step: RotationStep) -> Self {
        match step {
            RotationStep::Publish => Self::Publish,
            RotationStep::Sign => Self::Sign,
            RotationStep::Retire => Self::Retire,
        }
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    exit_code(|| run(cli.command))
}

/// Sets up the log and runs a program's work. An error is logged and gives the exit code of a failure.
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
            no_jobs,
            files,
            settings,
            kept,
        } => {
            let schedule = (!no_jobs).then(|| ScheduleSettings {
                longest: job_interval.map(Duration::from_secs),
                is_confirmed: false,
            });
            actix_web::rt::System::new().block_on(serve(&database, listen, schedule, files, &settings, kept))
        }
        Command::Jobs(command) => actix_web::rt::System::new().block_on(jobs::run(command)),
        Command::Audit(command) => actix_web::rt::System::new().block_on(audit::run(command)),
        Command::Accounts(command) => actix_web::rt::System::new().block_on(accounts::run(command)),
        Command::Migrate { database } => actix_web::rt::System::new().block_on(migrate(&database)),
        Command::Bootstrap {
            database,
            organization,
            short_name,
            administrator,
        } => actix_web::rt::System::new().block_on(bootstrap::run(&database, organization, short_name, administrator)),
        Command::Reseal { database, files } => actix_web::rt::System::new().block_on(reseal::run(&database, files)),
        Command::Verify { database, files } => {
            actix_web::rt::System::new().block_on(verify::with_files(database.config()?, files))
        }
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

async fn serve(
    database: &DatabaseArgs,
    listen: SocketAddr,
    schedule: Option<ScheduleSettings>,
    files: FilesArgs,
    settings: &api::ServerSettings,
    kept: RetentionArgs,
) -> Result<()> {
    let mut config = files.apply(database.config()?);
    config.retention = kept.retention()?;
    config.read_environment()?;
    let keys = Keys::for_service()?;
    let app = App::start(&config, keys, Clock::system()).await?;
    serve_app(app, bind(listen)?, settings, schedule, |_| Ok(())).await
}

async fn migrate(database: &DatabaseArgs) -> Result<()> {
    let config = database.config()?;
    let applied = Db::open(&config.database, &config.settings)?.migrate().await?;
    match applied.as_slice() {
        [] => log::info!("the schema is up to date"),
        versions => versions.iter().for_each(|version| log::info!("applied {version}")),
    }
    Ok(())
}
