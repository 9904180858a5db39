//! The command line: one binary with subcommands, one file for each.

mod accounts;
mod audit;
mod bootstrap;
mod check_config;
mod command;
mod forms;
mod jobs;
mod log_format;
mod offices;
mod options;
mod output;
mod reseal;
mod serve;
mod verify;

pub use command::{exit_code, main};
pub use options::DatabaseArgs;
pub use output::say;
pub(crate) use serve::{Serving, bind, serve_app};
pub use verify::run as verify;
