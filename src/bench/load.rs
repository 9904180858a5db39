//! Loads the generator's country, of any size, and gives some of its members accounts to file by themselves.

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

/// Of how many members one gets an account.
const ONE_WITH_ACCOUNT_IN: i64 = 16;

/// What is loaded.
#[derive(clap::Args)]
pub struct LoadOptions {
    #[command(flatten)]
    database: DatabaseArgs,
    /// How many members the country has.
    #[arg(long)]
    members: u64,
    /// Another seed gives other people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// When the country is seen (RFC 3339): its classes graduate in that year.
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
    // A member is two rows: the person, and where the person is.
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

/// The accounts have no password: their tokens come from the key alone.
fn give_accounts(conn: &mut Conn) -> Result<()> {
    Ok(conn.batch_execute(&format!(
        "INSERT INTO accounts (kind, member_id, name, id_number_sealed, id_number_digest, must_change_password, status, created_at) \
         SELECT 'person', id, name, id_number_sealed, id_number_digest, FALSE, 'active', created_at FROM members m \
         WHERE id % {ONE_WITH_ACCOUNT_IN} = 0 AND NOT EXISTS \
         (SELECT 1 FROM accounts a WHERE a.member_id = m.id OR a.id_number_digest = m.id_number_digest)"
    ))?)
}
