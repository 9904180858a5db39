//! Puts late assignments into the direct superior's inbox too (A6).

use super::job::{HOUR, Job};
use super::run::JobContext;
use crate::db::Conn;
use crate::service::Result;
use crate::service::jobs::{Batch, JobName};
use crate::service::transfers::{self, Skip};
use std::time::Duration;

pub struct Escalation;

impl Job for Escalation {
    const NAME: JobName = JobName::Escalation;
    const EVERY: Duration = HOUR;
    type Cursor = Skip;

    fn batch(conn: &mut Conn, context: &JobContext, cursor: Skip, size: i64) -> Result<Batch<Skip>> {
        transfers::escalate(conn, &context.service, cursor, size)
    }
}
