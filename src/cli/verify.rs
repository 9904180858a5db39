//! `zhuanjie verify`: checking that everything stored is as it must be.

use super::output::say;
use crate::clock::Clock;
use crate::db::sql::dialect;
use crate::db::{DatabaseSettings, DatabaseUrl, Db};
use crate::service::jobs::wording;
use crate::service::verify;
use anyhow::Result;

/// Checks a database on one state of it, however long that takes and whoever writes meanwhile.
///
/// # Errors
/// When an invariant is broken, or the database fails.
pub fn run(database: &DatabaseUrl) -> Result<()> {
    let clock = Clock::system();
    let (mut broken, mut begun, mut deaf) = (0, clock.now(), Ok(()));
    let tell = |finding: verify::Finding| {
        let took = (clock.now() - begun).num_milliseconds();
        begun = clock.now();
        broken += usize::from(!finding.broken.is_empty());
        let verdict = if finding.broken.is_empty() { "ok    " } else { "BROKEN" };
        let mut line = format!("{verdict} {} {} ({took} ms)\n", finding.number, finding.holds);
        finding
            .broken
            .iter()
            .for_each(|row| line.push_str(&format!("       {row}\n")));
        if let Err(error) = say(&line) {
            deaf = Err(error);
        }
    };
    let db = Db::open(
        database,
        &DatabaseSettings {
            pool_size: 1,
            ..DatabaseSettings::default()
        },
    )?;
    dialect::survey(&mut db.bulk_connection()?, |conn| verify::run(conn, tell))
        .map_err(|fault| anyhow::anyhow!("{}", wording(&fault)))?;
    deaf?;
    anyhow::ensure!(broken == 0, "{broken} of {} invariants are broken", verify::count());
    say(&format!("all {} hold\n", verify::count()))
}
