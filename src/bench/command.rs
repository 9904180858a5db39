//! The commands of the load kit.

use super::database::open;
use super::plan::{Mix, SeasonPlan};
use super::signer::Signer;
use super::window::Window;
use super::{cast, due, ledger, load, micro, play};
use anyhow::{Context, Result, anyhow};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
use zhuanjie::cli::{self, DatabaseArgs};
use zhuanjie::clock::Clock;
use zhuanjie::config::Keys;

use zhuanjie::service::jobs::JobName;

/// The subcommands of the load kit.
#[derive(Subcommand)]
pub enum BenchCommand {
    /// Load a country of invented people into an empty database. Use the keys that the servers will have.
    Load(load::LoadOptions),
    /// Make branches and cases due, as work for the yearly switch and the expiry.
    Due(due::DueOptions),
    /// Play a season against running servers, then check the invariants.
    Run(RunOptions),
    /// Compare a ledger with the database: every acknowledged write must be there once, with its audit row.
    Check {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The ledger that `run --ledger` wrote.
        #[arg(long)]
        ledger: PathBuf,
    },
    /// Time the work that every request needs: the check of a token.
    Micro,
}

/// How to play a season.
#[derive(Args)]
pub struct RunOptions {
    /// The database behind the servers. The participants are read from it, and the invariants are checked on it.
    #[command(flatten)]
    database: DatabaseArgs,
    /// The address of a server. Can be given several times; each request goes to one of the servers.
    #[arg(long = "url", required = true)]
    urls: Vec<String>,
    /// The operations to play, each with its weight: file_by_source, file_by_target, file_by_member, preview, approve,
    /// refuse, assign, withdraw, inbox, members, search, list.
    #[arg(long, default_value_t)]
    mix: Mix,
    /// The number of requests in progress at once.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// The most connections to each server. A request that finds none free waits for one, and its latency includes the
    /// wait.
    #[arg(long, default_value_t = 2000)]
    connections: usize,
    /// How long to measure, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How long to play before the measurement, in seconds.
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Measure while a run of this job lasts, from its beginning to its end. The job must begin after this command.
    /// `--seconds` is how long to wait for its beginning.
    #[arg(long)]
    during: Option<JobName>,
    /// Open loop: begin this many requests each second, whether or not earlier ones are answered. Latency then counts
    /// from the instant at which a request was due.
    #[arg(long)]
    rate: Option<f64>,
    /// The number of threads that send requests. The servers may share the processors with them.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// The number of members that take part.
    #[arg(long, default_value_t = 100_000)]
    members: i64,
    /// Selects the members that take part. Runs with different parts have different members.
    #[arg(long, default_value_t = 0)]
    part: i64,
    /// Keep a ledger of acknowledged writes in this file, and send writes with an unknown outcome again under the same
    /// key.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// How many seconds to repeat a write with an unknown outcome.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Do not check the invariants afterwards.
    #[arg(long)]
    unverified: bool,
}

/// Runs a subcommand of the load kit.
///
/// # Errors
/// When it can't begin, when a promise was not kept, or when an invariant is broken.
pub fn run(command: BenchCommand) -> Result<()> {
    match command {
        BenchCommand::Load(options) => load::run(&options),
        BenchCommand::Due(options) => due::run(&options),
        BenchCommand::Run(options) => play(options),
        BenchCommand::Check { database, ledger } => {
            let mut conn = open(&database)?.bulk_connection()?;
            ledger::check(&mut conn, &ledger)
        }
        BenchCommand::Micro => micro::run(),
    }
}

fn play(options: RunOptions) -> Result<()> {
    let keys = Keys::from_environment()?;
    let (cast, signer) = {
        let mut conn = open(&options.database)?.bulk_connection()?;
        let cast = cast::gather(&mut conn, &keys.vault, options.part, options.members)?;
        let signer = Signer::of(&mut conn, &keys, &cast, Clock::system().now())?;
        (cast, signer)
    };
    log::info!("{cast}");
    let seconds = Duration::from_secs(options.seconds);
    let (window, watch) = match options.during {
        None => (Window::after(Duration::from_secs(options.warm_up), seconds), None),
        Some(job) => {
            let (window, watch) = Window::of_run(open(&options.database)?.bulk_connection()?, job, seconds)?;
            (window, Some(watch))
        }
    };
    let plan = SeasonPlan {
        urls: options.urls,
        mix: options.mix,
        concurrency: options.concurrency.max(1),
        connections: options.connections.max(1),
        rate: options.rate,
        threads: options.threads.max(1),
        window,
        ledger: options.ledger,
        patience: Duration::from_secs(options.patience),
    };
    let measured = play::play(plan, cast, signer)?;
    cli::say(&measured.text())?;
    if let Some(watch) = watch {
        watch.join().map_err(|_| anyhow!("a thread panicked"))??;
    }
    if options.unverified {
        return Ok(());
    }
    let url = options.database.given()?.context("DATABASE_URL is not set")?;
    actix_web::rt::System::new().block_on(cli::verify(&url))
}
