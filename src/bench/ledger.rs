//! What was promised: each acknowledged write with its key, in a file that outlives the servers, and afterwards the
//! question whether the promises were kept (I-16 to I-20).

use super::message::BenchAnswer;
use anyhow::{Context, Result, ensure};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use zhuanjie::cli;
use zhuanjie::db::Conn;
use zhuanjie::db::schema::{audit_log, transfer_events};
use zhuanjie::domain::audit::AuditAction;
use zhuanjie::domain::core::ids::TransferId;

/// Rows of the database that are looked at in one question.
const PAGE: usize = 10_000;

/// A line of the ledger.
#[derive(Serialize, Deserialize)]
struct Line {
    /// The idempotency key, which was also the request's id.
    key: String,
    /// What was done.
    action: AuditAction,
    /// What the answer said; absent if none came as long as anybody had the patience.
    #[serde(flatten)]
    promise: Option<Promise>,
}

/// What an acknowledgement promises: that this case has this version.
#[derive(Serialize, Deserialize)]
struct Promise {
    transfer: TransferId,
    version: i64,
}

/// A ledger that is written. Cloning shares the file.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<File>>);

impl Ledger {
    /// A ledger in a new file or behind what an earlier run wrote.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("the ledger {}", path.display()))?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Takes note of a success.
    ///
    /// # Errors
    /// When the answer is not a case, or the file can't be written.
    pub fn acknowledged(&self, key: &str, action: AuditAction, answer: &BenchAnswer) -> Result<()> {
        #[derive(Deserialize)]
        struct LedgerCase {
            id: TransferId,
            version: i64,
        }
        let case: LedgerCase = serde_json::from_slice(&answer.body).context("a success that is no case")?;
        let promise = Promise {
            transfer: case.id,
            version: case.version,
        };
        self.write(key, action, Some(promise))
    }

    /// Takes note of what stayed unknown.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn unresolved(&self, key: &str, action: AuditAction) -> Result<()> {
        self.write(key, action, None)
    }

    fn write(&self, key: &str, action: AuditAction, promise: Option<Promise>) -> Result<()> {
        let line = Line {
            key: key.to_owned(),
            action,
            promise,
        };
        let line = serde_json::to_string(&line)? + "\n";
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One call a line: of a process that is killed the file holds whole lines.
        Ok(file.write_all(line.as_bytes())?)
    }
}

/// What became of a ledger's promises.
#[derive(Debug, Default)]
struct LedgerReport {
    acknowledged: usize,
    unresolved: usize,
    /// Promised transitions that did not happen.
    lost: Vec<String>,
    /// Promised transitions without their audit row.
    unaudited: Vec<String>,
    /// Keys with more than one effect.
    doubled: Vec<String>,
}

/// Holds a ledger against the database and says what it found.
///
/// # Errors
/// When a promise was broken, or file or database fail.
pub fn check(conn: &mut Conn, path: &Path) -> Result<()> {
    let lines = read(path)?;
    let mut verdict = LedgerReport::default();
    find_events(conn, &lines, &mut verdict)?;
    find_audit_rows(conn, &lines, &mut verdict)?;
    let LedgerReport {
        acknowledged,
        unresolved,
        lost,
        unaudited,
        doubled,
    } = &verdict;
    cli::say(&format!(
        "acknowledged {acknowledged}, lost {}, without audit row {}, twice {}, unresolved {unresolved}\n",
        lost.len(),
        unaudited.len(),
        doubled.len()
    ))?;
    for (what, keys) in [("lost", lost), ("without audit row", unaudited), ("twice", doubled)] {
        for key in keys.iter().take(20) {
            cli::say(&format!("{what}: {key}\n"))?;
        }
    }
    ensure!(acknowledged + unresolved > 0, "the ledger is empty: it shows nothing");
    let is_kept = lost.is_empty() && unaudited.is_empty() && doubled.is_empty();
    ensure!(is_kept, "promises were broken");
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Line>> {
    let file = File::open(path).with_context(|| format!("the ledger {}", path.display()))?;
    let lines = BufReader::new(file).lines();
    lines
        .map(|line| serde_json::from_str(&line?).context("a line of the ledger"))
        .collect()
}

/// Each promised transition is an event of its case.
fn find_events(conn: &mut Conn, lines: &[Line], verdict: &mut LedgerReport) -> Result<()> {
    for lines in lines.chunks(PAGE) {
        let promised: HashSet<i64> = lines
            .iter()
            .filter_map(|line| Some(line.promise.as_ref()?.transfer.0))
            .collect();
        let there: Vec<(TransferId, i64)> = transfer_events::table
            .filter(transfer_events::transfer_id.eq_any(promised.into_iter().collect::<Vec<_>>()))
            .select((transfer_events::transfer_id, transfer_events::number))
            .load(conn)?;
        let there: HashSet<(TransferId, i64)> = there.into_iter().collect();
        for line in lines {
            match &line.promise {
                None => verdict.unresolved += 1,
                Some(promise) => {
                    verdict.acknowledged += 1;
                    if !there.contains(&(promise.transfer, promise.version)) {
                        verdict.lost.push(line.key.clone());
                    }
                }
            }
        }
    }
    Ok(())
}

/// Each promised transition has one audit row that names its case, and nothing of these runs has two: a write that was
/// never acknowledged may be there once or not at all, but not twice.
fn find_audit_rows(conn: &mut Conn, lines: &[Line], verdict: &mut LedgerReport) -> Result<()> {
    let runs: HashSet<&str> = lines.iter().filter_map(|line| run_of(&line.key)).collect();
    let mut noted: HashMap<(String, String), (u32, Option<String>)> = HashMap::new();
    let mut after = 0;
    loop {
        let rows: Vec<(i64, String, Option<String>, String)> = audit_log::table
            .filter(audit_log::id.gt(after))
            .order(audit_log::id)
            .limit(PAGE as i64)
            .select((
                audit_log::id,
                audit_log::action,
                audit_log::subject,
                audit_log::request_id,
            ))
            .load(conn)?;
        let Some(&(last, ..)) = rows.last() else { break };
        after = last;
        let of_these = |key: &str| run_of(key).is_some_and(|run| runs.contains(run));
        for (_, action, subject, key) in rows.into_iter().filter(|row| of_these(&row.3)) {
            noted.entry((key, action)).or_insert((0, subject)).0 += 1;
        }
    }
    for line in lines {
        if let Some(promise) = &line.promise {
            let row = noted.get(&(line.key.clone(), line.action.to_string()));
            let names_it = row.is_some_and(|(_, subject)| *subject == Some(promise.transfer.to_string()));
            if !names_it {
                verdict.unaudited.push(line.key.clone());
            }
        }
    }
    // A proposal by name and number notes its look-up beside it, once for each time it was sent.
    let mut doubled: Vec<String> = noted
        .into_iter()
        .filter(|((_, action), (count, _))| *count > 1 && action.starts_with("transfer."))
        .map(|((key, _), _)| key)
        .collect();
    verdict.doubled.append(&mut doubled);
    Ok(())
}

/// The run a key belongs to: all but its number.
fn run_of(key: &str) -> Option<&str> {
    key.rsplit_once('-').map(|(run, _)| run)
}
