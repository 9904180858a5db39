//! Seals new rows of the audit log: gives each its sequence number and hash (S-18).

use super::job::{HOUR, Job};
use super::run::JobContext;
use crate::db::Conn;
use crate::service::jobs::{Batch, JobName};
use crate::service::{Result, audit};
use std::time::Duration;

pub struct AuditSeal;

impl Job for AuditSeal {
    const NAME: JobName = JobName::AuditSeal;
    const EVERY: Duration = HOUR;
    /// No cursor is needed, because a sealed row is not found again.
    type Cursor = ();

    fn batch(conn: &mut Conn, _: &JobContext, (): (), size: i64) -> Result<Batch<()>> {
        audit::seal(conn, size)
    }
}
