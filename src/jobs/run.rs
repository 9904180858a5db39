//! One run of a job, under its lease and with its record.

use crate::clock::Clock;
use crate::db::{Conn, Db};
use crate::domain::authority::actor::Actor;
use crate::domain::core::time::Timestamp;
use crate::domain::job::ImplausibleInstant;
use crate::domain::retention::RetentionPeriods;
use crate::files::Folder;
use crate::security;
use crate::service::jobs::{self, JobName, Run, Tally};
use crate::service::{Context, Error, Result};

/// What jobs need to run.
#[derive(Clone)]
pub struct Environment {
    pub db: Db,
    pub clock: Clock,
    /// How long records are kept.
    pub retention: RetentionPeriods,
    /// The directory of uploaded files, if this process has one.
    pub files: Option<Folder>,
    /// Whether an operator confirmed what a job refuses by itself, such as an instant that can't be right.
    pub is_confirmed: bool,
}

/// How a run of a job ended.
#[derive(Debug, Clone)]
pub enum Ending {
    /// The run did everything that was due.
    Done(Run),
    /// Another server holds the lease, or took it during the run.
    Elsewhere,
    /// Nothing was done, because the instant can't be right and nobody confirmed it.
    Implausible(ImplausibleInstant),
}

/// What a run would do.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// The kinds of rows and how many of each, in the order of the job.
    pub parts: Vec<(&'static str, Tally)>,
    /// Whether it ended before it had counted everything.
    pub is_cut_short: bool,
    /// Why a run would refuse the instant, if nobody confirms it.
    pub doubt: Option<ImplausibleInstant>,
}

impl Rehearsal {
    /// Adds the rows of a batch.
    pub fn add(&mut self, part: &'static str, tally: Tally) {
        match self.parts.last_mut().filter(|(last, _)| *last == part) {
            Some((_, sum)) => *sum = sum.plus(tally),
            None => self.parts.push((part, tally)),
        }
    }
}

/// What a batch needs to run.
#[derive(Debug, Clone)]
pub struct JobContext {
    /// The context for the use cases that it calls. `now` is the instant the run works for.
    pub service: Context,
    /// How long records are kept.
    pub retention: RetentionPeriods,
}

/// Why a run ended early.
#[derive(Debug)]
pub enum Interrupted {
    /// Another server took the lease.
    LeaseLost,
    /// A fault, mostly of the database.
    Failed(Error),
}

impl From<Error> for Interrupted {
    fn from(fault: Error) -> Self {
        Self::Failed(fault)
    }
}

/// A run that holds its job's lease.
pub struct LeasedRun<'a> {
    pub environment: &'a Environment,
    db: Db,
    job: JobName,
    id: i64,
    /// A random text that identifies the holder of the lease.
    holder: String,
    started_at: Timestamp,
    context: JobContext,
}

impl JobContext {
    /// The context of a run for an instant. `request_id` names the run in the audit log.
    pub fn new(environment: &Environment, at: Timestamp, request_id: String) -> Self {
        let service = Context {
            actor: Actor::system(),
            now: at,
            request_id,
        };
        Self {
            service,
            retention: environment.retention,
        }
    }
}

impl<'a> LeasedRun<'a> {
    /// Takes the lease and begins a record. `None` while another server has the lease. `at` is the instant to work for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn begin(environment: &'a Environment, job: JobName, at: Timestamp) -> Result<Option<Self>> {
        let (db, holder) = (environment.db.patient(), security::random_text());
        let (now, me) = (environment.clock.now(), holder.clone());
        let begun = db.write(move |conn| jobs::begin(conn, job, &me, at, now)).await?;
        Ok(begun.map(|id| Self {
            environment,
            db,
            job,
            id,
            holder,
            started_at: now,
            context: JobContext::new(environment, at, format!("{job}/{id}")),
        }))
    }

    /// A text by which [`jobs::is_known`] finds the record of this run.
    pub fn stamp(&self) -> String {
        jobs::stamp(self.id, self.started_at)
    }

    /// Runs `work` in a transaction that also renews the lease and adds the returned tally to the record.
    ///
    /// # Errors
    /// When the lease is lost (nothing is done then), when the database fails, and the errors of `work`.
    pub async fn transaction<T: Send + 'static>(
        &self,
        work: impl Fn(&mut Conn, &JobContext) -> Result<(T, Tally)> + Send + 'static,
    ) -> std::result::Result<T, Interrupted> {
        let (job, id, holder, context) = (self.job, self.id, self.holder.clone(), self.context.clone());
        let now = self.environment.clock.now();
        let done = self
            .db
            .write(move |conn| {
                if !jobs::renew(conn, job, &holder, now)? {
                    return Ok::<_, Error>(None);
                }
                let (done, tally) = work(conn, &context)?;
                jobs::count(conn, id, tally)?;
                Ok(Some(done))
            })
            .await?;
        done.ok_or(Interrupted::LeaseLost)
    }

    /// Ends the record, with the problem if the run ended early, and releases the lease.
    ///
    /// # Errors
    /// The fault that ended the run, or a fault of the database.
    pub async fn finish(self, worked: std::result::Result<(), Interrupted>) -> Result<Ending> {
        let problem = match &worked {
            Ok(()) => None,
            Err(Interrupted::LeaseLost) => Some("the lease was lost".to_owned()),
            Err(Interrupted::Failed(fault)) => Some(jobs::wording(fault)),
        };
        let (id, holder, now) = (self.id, self.holder, self.environment.clock.now());
        let done = self
            .db
            .write(move |conn| jobs::finish(conn, id, &holder, problem.as_deref(), now))
            .await?;
        match worked {
            Ok(()) => Ok(Ending::Done(done)),
            Err(Interrupted::LeaseLost) => Ok(Ending::Elsewhere),
            Err(Interrupted::Failed(fault)) => Err(fault),
        }
    }
}
