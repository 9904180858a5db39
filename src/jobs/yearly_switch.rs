//! Turns marked branches into graduate branches when their time has come (G6).

use super::job::{HOUR, Job};
use super::run::JobContext;
use crate::db::Conn;
use crate::domain::core::ids::OrganizationId;
use crate::service::jobs::{Batch, JobName};
use crate::service::{Result, graduation};
use std::time::Duration;

pub struct YearlySwitch;

impl Job for YearlySwitch {
    const NAME: JobName = JobName::YearlySwitch;
    const EVERY: Duration = HOUR;
    /// The last branch of the previous batch.
    type Cursor = Option<OrganizationId>;

    fn batch(conn: &mut Conn, context: &JobContext, cursor: Self::Cursor, size: i64) -> Result<Batch<Self::Cursor>> {
        graduation::switch(conn, &context.service, cursor, size)
    }
}
