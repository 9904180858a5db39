//! `zhuanjie jobs`: runs a job by hand, or lists the jobs.

use super::options::{DatabaseArgs, RetentionArgs};
use super::output::say;
use crate::clock::Clock;
use crate::db::Db;
use crate::domain::core::language::Language;
use crate::domain::core::time::Timestamp;
use crate::files::Folder;
use crate::jobs::{self, Ending, Environment};
use crate::service::jobs::{JobName, wording};
use anyhow::{Result, anyhow, ensure};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Jobs {
    /// Run a job once, and print what it did.
    Run(Box<JobRun>),
    /// Print the jobs, how often a server runs each, and what it does.
    List,
}

/// The job to run, its database and its instant.
#[derive(Args)]
pub struct JobRun {
    /// The name of the job, as `jobs list` prints it.
    name: JobName,
    #[command(flatten)]
    database: DatabaseArgs,
    /// The instant to run it for (RFC 3339), such as 2026-06-01T00:00:00+08:00. Now by default.
    #[arg(long)]
    at: Option<Timestamp>,
    /// The directory of uploaded files, which the retention job tidies too. By default it is next to an embedded
    /// database.
    #[arg(long, env = "ZHUANJIE_FILES")]
    files: Option<PathBuf>,
    #[command(flatten)]
    kept: RetentionArgs,
}

pub async fn run(command: Jobs) -> Result<()> {
    match command {
        Jobs::Run(run) => run_once(*run).await,
        Jobs::List => list(),
    }
}

/// Runs a job by hand. It takes the lease that servers take, so it never runs beside one of them.
async fn run_once(run: JobRun) -> Result<()> {
    let (job, retention, config) = (run.name, run.kept.retention()?, run.database.config()?);
    let environment = Environment {
        db: Db::open(&config.database, &config.settings)?,
        clock: Clock::system(),
        retention,
        files: Some(Folder::new(run.files.unwrap_or(config.files))),
    };
    let at = run.at.unwrap_or_else(|| environment.clock.now());
    let ending = jobs::run(&environment, job, at).await;
    let ending = ending.map_err(|fault| anyhow!("{job}: {}", wording(&fault)))?;
    environment.db.close().await;
    let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    match ending {
        Ending::Done(done) => {
            let (processed, failed) = (done.processed, done.failed);
            say(&format!("{job} at {at}: {processed} processed, {failed} failed\n"))?;
            ensure!(failed == 0, "{failed} could not be processed; the log says which");
            Ok(())
        }
        Ending::Elsewhere => say(&format!("{job}: another server is running it\n")),
    }
}

fn list() -> Result<()> {
    let line = |&job: &JobName| {
        let (seconds, does) = (jobs::interval(job).as_secs(), job.label(Language::English));
        format!("{:16}{seconds:>6} s  {does}\n", job.as_str())
    };
    say(&JobName::ALL.iter().map(line).collect::<String>())
}
