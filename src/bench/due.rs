//! Makes work for the jobs: branches that are due for the yearly switch (G6), and cases that waited too long for an
//! approval (A6).

use super::database::open;
use anyhow::{Context, Result, anyhow, ensure};
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use zhuanjie::cli::{self, DatabaseArgs};
use zhuanjie::clock::Clock;
use zhuanjie::db::Conn;
use zhuanjie::db::schema::{organizations, transfers};
use zhuanjie::db::sql::maintenance;
use zhuanjie::domain::core::ids::{OrganizationId, TransferId};
use zhuanjie::domain::core::time::{Month, Timestamp, season_of};
use zhuanjie::domain::policy::Policy;
use zhuanjie::domain::transfer::events::EventKind;
use zhuanjie::domain::transfer::state::{ApprovalSide, CaseState};
use zhuanjie::service::policies;

/// How much to make due, in a country that `zhuanjie-bench load` loaded.
#[derive(clap::Args)]
pub struct DueOptions {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The number of branches that the next yearly switch will turn.
    #[arg(long, default_value_t = 0)]
    branches: i64,
    /// The number of cases that the next expiry will end.
    #[arg(long, default_value_t = 0)]
    cases: i64,
}

/// Makes branches and cases due, without a server. Like `zhuanjie-bench load` it bypasses the rules, but every row it
/// leaves is one that the rules could have produced.
///
/// # Errors
/// When the country is too small, or the database fails.
pub fn run(options: &DueOptions) -> Result<()> {
    // Keep the database open to the end: closing it checkpoints the log, and a transaction that reads before it writes
    // would find the file locked.
    let db = open(&options.database)?;
    let mut conn = db.bulk_connection()?;
    let now = Clock::system().now();
    let (branches, cases) = conn.transaction::<_, anyhow::Error, _>(|conn| {
        let switched = policy_behind(conn, now, Policy::switch_at)?;
        let branches = mark_branches(conn, switched.season, options.branches)?;
        let expiring = policy_behind(conn, now, |policy| policy.expiry_start() + waiting_time(policy))?;
        Ok((branches, propose_cases(conn, &expiring, options.cases)?))
    })?;
    maintenance::analyze(&mut conn)?;
    cli::say(&format!("{branches} branches are due, {cases} cases are\n"))
}

/// The newest policy whose instant has passed: this season's or the last one's.
fn policy_behind(conn: &mut Conn, now: Timestamp, instant: impl Fn(&Policy) -> Timestamp) -> Result<Policy> {
    let mut of = |season| policies::of_season(conn, season).map_err(|_| anyhow!("the policy of {season}"));
    let policy = of(season_of(now))?;
    if now > instant(&policy) {
        return Ok(policy);
    }
    of(policy.season - 1)
}

fn waiting_time(policy: &Policy) -> TimeDelta {
    TimeDelta::days(i64::from(policy.expiry_days))
}

/// Marks unmarked school branches until the wanted number is due to turn. Returns how many are.
fn mark_branches(conn: &mut Conn, season: i32, wanted: i64) -> Result<i64> {
    let month = Month::new(season, 6).context("the season is out of range")?;
    let month = month.as_number();
    // A delayed graduate's month is later than the branch's (M7), so a branch with delayed graduates stays as it is.
    let unmarked = "kind = 'branch' AND sector = 'school' AND purpose = 'ordinary' AND status = 'active' AND graduated_season IS NULL \
        AND graduation_month IS NULL AND NOT EXISTS \
        (SELECT 1 FROM members m WHERE m.branch_id = organizations.id AND m.mark = 'delayed')";
    let due =
        format!("SELECT count(*) FROM organizations WHERE graduated_season IS NULL AND graduation_month <= {season}12");
    let missing = (wanted - count(conn, &due)?).max(0);
    conn.batch_execute(&format!(
        "UPDATE organizations SET graduation_month = {month}, graduation_undetermined = NULL WHERE id IN \
         (SELECT id FROM organizations WHERE {unmarked} ORDER BY id LIMIT {missing})"
    ))?;
    let marked = count(conn, &due)?;
    ensure!(
        marked >= wanted,
        "the country has only {marked} branches to turn: load more members"
    );
    Ok(marked)
}

/// Proposes cases of school members, each with its event, its audit row, and its row in the inbox of a township that
/// never answers. Returns how many are due.
fn propose_cases(conn: &mut Conn, policy: &Policy, wanted: i64) -> Result<i64> {
    if wanted == 0 {
        return Ok(0);
    }
    let since = policy.expiry_start();
    let deadline = (since + waiting_time(policy)).timestamp_micros();
    let townships = number_townships(conn)?;
    spell_facts(conn, since)?;
    let last = count(conn, "SELECT coalesce(max(id), 0) FROM transfers")?;
    let (season, since) = (policy.season, since.timestamp_micros());
    conn.batch_execute(&format!(
        "INSERT INTO transfers (season, reason, details, started_by, proposer_account_id, proposer_organization_id, member_id, \
            member_name, source_branch_id, source_path, source_name, target_kind, target_id, target_path, target_name, \
            state, since, organization_id, side, holding, deadline, proposed_at, version) \
         SELECT {season}, 'unsettled', '{DETAILS}', 'source', held.account, held.id, m.id, \
            m.name, b.id, b.path, b.name, 'organization', t.id, t.path, t.name, \
            'awaiting_approval', {since}, t.id, 'target', FALSE, {deadline}, {since}, 1 \
         FROM members m JOIN organizations b ON b.id = m.branch_id JOIN held ON held.id = b.school_id \
         JOIN townships t ON t.number = m.id % {townships} \
         WHERE m.standing = 'good' \
         AND NOT EXISTS (SELECT 1 FROM transfers o WHERE o.member_id = m.id AND o.closed_at IS NULL) \
         ORDER BY m.id LIMIT {wanted}"
    ))?;
    spell_subjects(conn, last)?;
    conn.batch_execute(&format!(
        "INSERT INTO transfer_events (transfer_id, number, at, account_id, organization_id, event, facts) \
         SELECT t.id, 1, {since}, t.proposer_account_id, t.proposer_organization_id, 'proposed', f.facts \
         FROM transfers t JOIN first_facts f ON f.organization_id = t.organization_id WHERE t.id > {last} ORDER BY t.id; \
         INSERT INTO audit_log (at, capacity, account_id, organization_id, scope_path, action, subject, subject_key, request_id) \
         SELECT {since}, 'administrator', proposer_account_id, proposer_organization_id, o.path, 'transfer.proposed', s.subject, t.id, 'bench' \
         FROM transfers t JOIN organizations o ON o.id = t.proposer_organization_id JOIN subjects s ON s.transfer_id = t.id \
         ORDER BY t.id; \
         INSERT INTO inbox_entries (organization_id, kind, subject_id, member_name, since, due_at) \
         SELECT organization_id, 'approval_in', id, member_name, {since}, {deadline} \
         FROM transfers WHERE id > {last} ORDER BY id"
    ))?;
    let proposed = count(conn, &format!("SELECT count(*) FROM transfers WHERE id > {last}"))?;
    ensure!(
        proposed == wanted,
        "the country has only {proposed} members to propose transfers for: load more"
    );
    Ok(proposed)
}

/// Stores the administrators' organizations, and the townships among them in order, in temporary tables. As part of the
/// larger query PostgreSQL could not estimate their number and would scan all townships for each member. Returns the
/// number of townships.
fn number_townships(conn: &mut Conn) -> Result<i64> {
    conn.batch_execute(
        "CREATE TEMPORARY TABLE held (id BIGINT PRIMARY KEY, account BIGINT NOT NULL); \
         INSERT INTO held SELECT organization_id, min(account_id) FROM appointments \
            WHERE ended_at IS NULL AND role = 'administrator' GROUP BY organization_id; \
         CREATE TEMPORARY TABLE townships (number BIGINT PRIMARY KEY, id BIGINT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL); \
         INSERT INTO townships SELECT row_number() OVER (ORDER BY o.id) - 1, o.id, o.path, o.name \
            FROM organizations o JOIN held ON held.id = o.id WHERE o.township AND o.status = 'active'; \
         ANALYZE held; ANALYZE townships",
    )?;
    count(conn, "SELECT count(*) FROM townships")
}

/// The details of a case with a home address.
const DETAILS: &str = r#"{"home_address":{"division_code":"420111","text":"珞喻路1037号"}}"#;

/// Stores the facts of a case's first event for each township in a temporary table. They contain ids in their public
/// form, which SQL can't produce.
fn spell_facts(conn: &mut Conn, since: Timestamp) -> Result<()> {
    conn.batch_execute("CREATE TEMPORARY TABLE first_facts (organization_id BIGINT PRIMARY KEY, facts TEXT NOT NULL)")?;
    let townships = organizations::table
        .filter(organizations::township)
        .select(organizations::id)
        .load::<OrganizationId>(conn)?;
    for townships in townships.chunks(1000) {
        let rows = townships.iter().map(|&id| {
            let first = CaseState::AwaitingApproval {
                side: ApprovalSide::Target,
                at: id,
                since,
            };
            let facts = serde_json::to_string(&EventKind::Proposed { first })?;
            Ok(format!("({}, '{facts}')", id.0))
        });
        let rows = rows.collect::<Result<Vec<_>>>()?.join(", ");
        conn.batch_execute(&format!("INSERT INTO first_facts VALUES {rows}"))?;
    }
    Ok(())
}

/// Stores the audit subjects of the cases after `last` in a temporary table.
fn spell_subjects(conn: &mut Conn, last: i64) -> Result<()> {
    conn.batch_execute("CREATE TEMPORARY TABLE subjects (transfer_id BIGINT PRIMARY KEY, subject TEXT NOT NULL)")?;
    let cases = transfers::table
        .filter(transfers::id.gt(last))
        .order(transfers::id)
        .select(transfers::id)
        .load::<TransferId>(conn)?;
    for cases in cases.chunks(1000) {
        let rows: Vec<_> = cases.iter().map(|id| format!("({}, '{id}')", id.0)).collect();
        conn.batch_execute(&format!("INSERT INTO subjects VALUES {}", rows.join(", ")))?;
    }
    Ok(())
}

fn count(conn: &mut Conn, question: &str) -> Result<i64> {
    let answer = maintenance::query_texts(conn, &format!("SELECT CAST(({question}) AS TEXT) AS value"))?;
    Ok(answer.first().context("a count")?.parse()?)
}
