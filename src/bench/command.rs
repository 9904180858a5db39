//! The parts of the kit as commands.

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

/// Parts of the kit.
#[derive(Subcommand)]
pub enum BenchCommand {
    /// Load a country of invented people into an empty database. Needs the keys the servers will have.
    Load(load::LoadOptions),
    /// Make branches and cases due, for the yearly switch and the expiry to find.
    Due(due::DueOptions),
    /// Play a season against running servers, then check the invariants.
    Run(RunOptions),
    /// Hold a ledger against the database: every acknowledged write is there once, with its audit row.
    Check {
        #[command(flatten)]
        database: DatabaseArgs,
        /// The ledger that `run --ledger` wrote.
        #[arg(long)]
        ledger: PathBuf,
    },
    /// Time what stands in the way of every request: the check of a token.
    Micro,
}

/// How a season is played.
#[derive(Args)]
pub struct RunOptions {
    /// The database behind the servers: who plays is read from it, and the invariants are checked on it.
    #[command(flatten)]
    database: DatabaseArgs,
    /// A server's address; given several times, each request goes to one of them.
    #[arg(long = "url", required = true)]
    urls: Vec<String>,
    /// What is played, and how often in relation to the rest: file_by_source, file_by_target, file_by_member, preview,
    /// approve, refuse, assign, withdraw, inbox, members, search, list.
    #[arg(long, default_value_t)]
    mix: Mix,
    /// How many requests are under way at once.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Connections to each server at most. Who finds none free waits for one, and his time counts.
    #[arg(long, default_value_t = 2000)]
    connections: usize,
    /// For how long it is measured.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// For how long it is played before that.
    #[arg(long, default_value_t = 2)]
    warm_up: u64,
    /// Play until a run of this job that begins from now on has ended, and count only what falls into the run; `--seconds`
    /// is how long the run may let one wait for it.
    #[arg(long)]
    during: Option<JobName>,
    /// Open loop: so many requests begin a second, whether or not the earlier ones are answered. Latency then counts from
    /// the instant a request was due.
    #[arg(long)]
    rate: Option<f64>,
    /// Threads that send; the servers may share the processors with them.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Members that take part.
    #[arg(long, default_value_t = 100_000)]
    members: i64,
    /// Which of the members take part: runs with different parts meet different ones.
    #[arg(long, default_value_t = 0)]
    part: i64,
    /// Keep a ledger of acknowledged writes in this file, and send again what has an unknown outcome, with the same key.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// For how many seconds what has an unknown outcome is sent again.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Do not check the invariants afterwards.
    #[arg(long)]
    unverified: bool,
}

/// Runs a part of the kit.
///
/// # Errors
/// When it can't be begun, a promise was broken, or an invariant is.
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
