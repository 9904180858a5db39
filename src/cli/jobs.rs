//! `zhuanjie jobs`: runs a job by hand, or lists the jobs.

use super::options::{DatabaseArgs, FilesArgs, RetentionArgs};
use super::output::say;
use crate::app::folder_of;
use crate::clock::Clock;
use crate::db::Db;
use crate::domain::core::language::Language;
use crate::domain::core::time::Timestamp;
use crate::jobs::{self, Ending, Environment, Rehearsal};
use crate::service::jobs::{JobName, wording};
use anyhow::{Result, anyhow, bail, ensure};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};

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
    /// Print what the run would do, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Run it even for an instant that is later than this machine's clock, or more than a day later than the newest row
    /// of the audit log.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    files: FilesArgs,
    #[command(flatten)]
    kept: RetentionArgs,
}

pub async fn run(command: Jobs) -> Result<()> {
    match command {
        Jobs::Run(run) => run_once(*run).await,
        Jobs::List => list(),
    }
}

/// Runs a job by hand, or says what it would do. It takes the lease that servers take, so it never runs beside one of
/// them.
async fn run_once(run: JobRun) -> Result<()> {
    let (job, retention) = (run.name, run.kept.retention()?);
    let config = run.files.apply(run.database.config()?);
    let db = Db::open(&config.database, &config.settings)?;
    let environment = Environment {
        files: Some(folder_of(&db, &config).await?),
        db,
        clock: Clock::system(),
        retention,
        is_confirmed: run.yes,
    };
    let at = run.at.unwrap_or_else(|| environment.clock.now());
    let told = if run.dry_run {
        jobs::rehearse(&environment, job, at)
            .await
            .map(|rehearsal| foretell(job, at, &rehearsal))
    } else {
        jobs::run(&environment, job, at)
            .await
            .map(|ending| tell(job, at, ending))
    };
    environment.db.close().await;
    told.map_err(|fault| anyhow!("{job}: {}", wording(&fault)))?
}

fn tell(job: JobName, at: Timestamp, ending: Ending) -> Result<()> {
    match ending {
        Ending::Done(done) => {
            let (processed, failed) = (done.processed, done.failed);
            say(&format!(
                "{job} at {}: {processed} processed, {failed} failed\n",
                instant(at)
            ))?;
            ensure!(failed == 0, "{failed} could not be processed; the log says which");
            Ok(())
        }
        Ending::Elsewhere => say(&format!("{job}: another server is running it\n")),
        Ending::Implausible(why) => bail!(
            "{job}: {why}. Nothing was done. --dry-run says what the run would do; --yes runs it for this instant"
        ),
    }
}

fn foretell(job: JobName, at: Timestamp, rehearsal: &Rehearsal) -> Result<()> {
    let mut text = format!("{job} at {} would process (nothing was changed):\n", instant(at));
    for (part, tally) in &rehearsal.parts {
        text.push_str(&format!("  {part}: {}", tally.processed));
        if tally.failed > 0 {
            text.push_str(&format!(", and {} would fail", tally.failed));
        }
        text.push('\n');
    }
    if rehearsal.is_cut_short {
        text.push_str("  and more: counting ended, so that no write waits for it\n");
    }
    if let Some(doubt) = rehearsal.doubt {
        text.push_str(&format!("The run needs --yes: {doubt}\n"));
    }
    say(&text)
}

fn instant(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn list() -> Result<()> {
    let line = |&job: &JobName| {
        let (seconds, does) = (jobs::interval(job).as_secs(), job.label(Language::English));
        format!("{:16}{seconds:>6} s  {does}\n", job.as_str())
    };
    say(&JobName::ALL.iter().map(line).collect::<String>())
}
