//! The load kit, a program beside the service. It loads a country of any size, plays a season against running servers,
//! keeps a ledger of acknowledged writes, and checks the ledger against the database.
//!
//! [`cast`] has the participants, [`play`] their operations, [`signer`] their tokens, [`client`] sends requests and
//! repeats them, [`wire`] is the connection. [`meter`] measures latencies, [`window`] tells when they count, [`ledger`]
//! keeps the promises, and [`due`] makes work for the jobs. `docs/performance.md` describes how its numbers are
//! measured.

mod cast;
mod client;
mod command;
mod database;
mod due;
mod ledger;
mod load;
mod message;
mod meter;
mod micro;
mod plan;
mod play;
mod signer;
mod window;
mod wire;

use clap::Parser;
use command::BenchCommand;
use std::process::ExitCode;

/// Measures zhuanjie: loads a country of any size, plays a season against running servers, and checks a ledger against
/// the database.
#[derive(Parser)]
#[command(name = "zhuanjie-bench", version)]
struct Bench {
    #[command(subcommand)]
    command: BenchCommand,
}

fn main() -> ExitCode {
    let bench = Bench::parse();
    zhuanjie::cli::exit_code(|| command::run(bench.command))
}
