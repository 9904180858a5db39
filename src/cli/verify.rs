//! `zhuanjie verify`: checks the invariants of everything stored.

use super::output::say;
use crate::clock::Clock;
use crate::db::{DatabaseSettings, DatabaseUrl, Db};
use crate::domain::core::time::Timestamp;
use crate::service::jobs::wording;
use crate::service::{self, verify};
use anyhow::Result;

/// Checks every invariant on one snapshot of a database, while others may write.
///
/// # Errors
/// When an invariant is broken, or the database fails.
pub async fn run(database: &DatabaseUrl) -> Result<()> {
    let db = Db::open(
        database,
        &DatabaseSettings {
            pool_size: 1,
            ..DatabaseSettings::default()
        },
    )?;
    let checked = db.survey::<_, service::Error, _>(|conn| {
        let mut report = VerifyReport::default();
        verify::run(conn, |finding| report.add(&finding))?;
        Ok(report)
    });
    let VerifyReport { broken, written, .. } = checked.await.map_err(|fault| anyhow::anyhow!("{}", wording(&fault)))?;
    written?;
    anyhow::ensure!(
        broken == 0,
        "{broken} of {} invariants are broken",
        verify::checked().len()
    );
    say(&format!("all {} hold\n", verify::checked().len()))
}

/// What `verify` has found so far.
struct VerifyReport {
    broken: usize,
    /// When the last finding was reported.
    since: Timestamp,
    /// Whether every line could be written.
    written: Result<()>,
}

impl Default for VerifyReport {
    fn default() -> Self {
        Self {
            broken: 0,
            since: Clock::system().now(),
            written: Ok(()),
        }
    }
}

impl VerifyReport {
    /// Writes a finding and how long it took.
    fn add(&mut self, finding: &verify::Finding) {
        let now = Clock::system().now();
        let took = (now - self.since).num_milliseconds();
        self.since = now;
        self.broken += usize::from(!finding.broken.is_empty());
        let verdict = if finding.broken.is_empty() { "ok    " } else { "BROKEN" };
        let mut line = format!("{verdict} {} {} ({took} ms)\n", finding.number, finding.holds);
        for row in &finding.broken {
            line.push_str(&format!("       {row}\n"));
        }
        if let Err(error) = say(&line) {
            self.written = Err(error);
        }
    }
}
