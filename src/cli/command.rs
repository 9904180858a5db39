//! The commands of the command line, and what each of them runs.

use super::options::{DatabaseArgs, FilesArgs};
use super::output::say;
use super::{accounts, audit, bootstrap, check_config, jobs, log_format, offices, reseal, serve, verify};
use crate::config::Keys;
use crate::config::version::DESCRIPTION;
use crate::db::Db;
use crate::security::token_keys::KeyRotationStep;
use crate::{api, backup};
use anyhow::Result;
use clap::{Parser, Subcommand};
use log::LevelFilter;
use std::path::PathBuf;
use std::process::ExitCode;

/// zhuanjie (转接): transfers of the League's organization relations.
#[derive(Parser)]
#[command(version = DESCRIPTION, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a demo country and serve it.
    Demo(crate::demo::DemoOptions),
    /// Serve a database.
    Serve(Box<serve::ServeArgs>),
    /// Check what `serve` would be started with: every value, the keys, the certificate, the folder of files and the
    /// database. Changes nothing. Fails if something is wrong.
    CheckConfig(Box<serve::ServeArgs>),
    /// The work that the service does without a request.
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Block and unblock accounts that no administrator stands above, and end sessions of any account.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Who administers what.
    #[command(subcommand)]
    Offices(offices::OfficesCommand),
    /// The credentials of other systems.
    #[command(subcommand)]
    Integrators(offices::IntegratorsCommand),
    /// Bring a database's schema up to date.
    Migrate {
        #[command(flatten)]
        database: DatabaseArgs,
    },
    /// Create the root organization of an empty database and its first administrators, whose ID numbers are read from
    /// standard input, one on each line. Name two: a one-time code for somebody with an office above a branch takes two
    /// administrators.
    Bootstrap {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The root organization's full name.
        #[arg(long, default_value = "中国共产主义青年团中央委员会")]
        organization: String,
        /// The root organization's short name.
        #[arg(long, default_value = "共青团中央")]
        short_name: String,
        /// An administrator's full name. Give it once for each administrator.
        #[arg(long = "administrator", required = true)]
        administrators: Vec<String>,
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
    let mut log = env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"));
    log.format_timestamp_millis()
        // At `trace` the HTTP client logs whole requests, and a request to WeChat holds the app's secret.
        .filter_module("ureq", LevelFilter::Info)
        .filter_module("ureq_proto", LevelFilter::Info);
    let format = log_format::set(&mut log);
    log.init();
    match format.and_then(|()| work()) {
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
        Command::Serve(args) => actix_web::rt::System::new().block_on(serve::run(*args)),
        Command::CheckConfig(args) => actix_web::rt::System::new().block_on(check_config::run(&args)),
        Command::Jobs(command) => actix_web::rt::System::new().block_on(jobs::run(command)),
        Command::Audit(command) => actix_web::rt::System::new().block_on(audit::run(command)),
        Command::Accounts(command) => actix_web::rt::System::new().block_on(accounts::run(command)),
        Command::Offices(command) => actix_web::rt::System::new().block_on(offices::list(command)),
        Command::Integrators(command) => actix_web::rt::System::new().block_on(offices::revoke(command)),
        Command::Migrate { database } => actix_web::rt::System::new().block_on(migrate(&database)),
        Command::Bootstrap {
            database,
            organization,
            short_name,
            administrators,
        } => actix_web::rt::System::new().block_on(bootstrap::run(&database, organization, short_name, administrators)),
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

async fn migrate(database: &DatabaseArgs) -> Result<()> {
    let config = database.config()?;
    let applied = Db::open(&config.database, &config.settings)?.migrate().await?;
    match applied.as_slice() {
        [] => log::info!("the schema is up to date"),
        versions => versions.iter().for_each(|version| log::info!("applied {version}")),
    }
    Ok(())
}
