//! Jobs: work that the service does without a request. A job may run at any hour, late, twice and on several servers
//! without harm.
//!
//! - [`job`]: the trait. Each job has a file of its own, and [`registry`] lists them all.
//! - [`run`]: one run of a job. A lease in the database lets one server at a time run a job.
//! - [`runner`]: works batch after batch. Each batch is one transaction that looks for what is due, renews the lease
//!   and adds to the run's record. A server whose lease has run out writes nothing more. After a crash the next run
//!   does the rest.
//! - [`schedule`]: runs each job at its interval while the server runs.
//!
//! `docs/adding-a-job.md` shows how to add one.

mod audit_seal;
mod escalation;
mod expiry;
mod job;
mod registry;
mod retention;
mod run;
mod runner;
mod schedule;
mod yearly_switch;

pub use registry::{interval, rehearse, run};
pub use run::{Ending, Environment, Rehearsal};
pub use schedule::{ScheduleSettings, intervals, start as start_schedule};
