//! Ends cases that waited too long for an approval (A6).

use super::job::{HOUR, Job};
use super::run::JobContext;
use crate::db::Conn;
use crate::service::Result;
use crate::service::jobs::{Batch, JobName};
use crate::service::transfers::{self, Skip};
use std::time::Duration;

pub struct Expiry;

impl Job for Expiry {
    const NAME: JobName = JobName::Expiry;
    const EVERY: Duration = HOUR;
    type Cursor = Skip;

    fn batch(conn: &mut Conn, context: &JobContext, cursor: Skip, size: i64) -> Result<Batch<Skip>> {
        transfers::expire(conn, &context.service, cursor, size)
    }
}
