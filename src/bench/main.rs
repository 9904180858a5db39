//! The load and scale kit, a program of its own beside the service: loads a country of any size, plays a season against
//! running servers, keeps a ledger of what was acknowledged, and checks the ledger against the database afterwards.
//!
//! [`cast`] says who plays, [`play`] what they do, [`signer`] as whom, [`client`] how it is sent and sent again and
//! [`wire`] over what, [`meter`] how long it took, [`window`] when it counts, [`ledger`] what was promised, [`due`] what
//! the jobs find to do. `docs/performance.md` says how its numbers are got.

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

/// Measures zhuanjie: loads a country of any size, plays a season against running servers, checks a ledger against the
/// database.
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
