//! Loads the demo generator's country at any size, and gives accounts to some of its members, so that they can propose
//! transfers.

use super::database::open;
use anyhow::{Result, ensure};
use diesel::connection::SimpleConnection;
use std::time::Duration;
use tokio::time::Instant;
use zhuanjie::cli::{self, DatabaseArgs};
use zhuanjie::config::Keys;
use zhuanjie::db::Conn;
use zhuanjie::demo::holding::{self, Holding};
use zhuanjie::demo::{self, PASSWORD, Signature};
use zhuanjie::domain::core::time::Timestamp;
use zhuanjie::security::passwords;

/// One in this many members gets an account.
const ONE_WITH_ACCOUNT_IN: i64 = 16;

/// The country to load.
#[derive(clap::Args)]
pub struct LoadOptions {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The number of members.
    #[arg(long)]
    members: u64,
    /// The seed. Another seed gives other people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The time of the country (RFC 3339). Its classes graduate in that year.
    #[arg(long, default_value = "2026-06-20T09:00:00+08:00")]
    at: Timestamp,
}

/// Loads a country into an empty database.
///
/// # Errors
/// When the database is not empty, or fails.
pub fn run(options: &LoadOptions) -> Result<()> {
    let keys = Keys::from_environment()?;
    let db = open(&options.database)?;
    let runtime = actix_web::rt::System::new();
    runtime.block_on(db.migrate())?;
    let mut conn = db.bulk_connection()?;
    ensure!(
        holding::inspect(&mut conn)? == Holding::Nothing,
        "{} is not empty",
        db.url()
    );
    let signature = Signature {
        seed: options.seed,
        members: options.members,
        at: options.at,
    };
    let country = demo::Country::of(signature);
    let bar = demo::progress_bar(country.row_count())?;
    let begun = Instant::now();
    let progress = |rows| bar.inc(rows);
    demo::load::load(&mut conn, &country, &keys.vault, &passwords::hash(PASSWORD), &progress)?;
    bar.finish_and_clear();
    // A member has two rows: the person and the membership.
    let rows = country.organization_count() + 2 * country.member_count();
    cli::say(&rate("loaded", rows, begun.elapsed()))?;
    give_accounts(&mut conn)?;
    runtime.block_on(db.close());
    Ok(())
}

fn rate(what: &str, rows: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    format!(
        "{what} {rows} rows in {seconds:.1} s: {:.0} rows/s\n",
        rows as f64 / seconds
    )
}

/// The accounts have no password, because their tokens are signed with the key directly. Their numbers are in the members'
/// rows.
fn give_accounts(conn: &mut Conn) -> Result<()> {
    Ok(conn.batch_execute(&format!(
        "INSERT INTO accounts (kind, member_id, name, id_number_digest, must_change_password, status, created_at) \
         SELECT 'person', id, name, id_number_digest, FALSE, 'active', created_at FROM members m \
         WHERE id % {ONE_WITH_ACCOUNT_IN} = 0 AND NOT EXISTS \
         (SELECT 1 FROM accounts a WHERE a.member_id = m.id OR a.id_number_digest = m.id_number_digest)"
    ))?)
}
