//! The ledger: each acknowledged write with its key, in a file that outlives the servers. Afterwards a check finds out
//! whether the promises were kept (I-16 to I-20).

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

/// How many keys one query looks up.
const PAGE: usize = 10_000;

/// A line of the ledger.
#[derive(Serialize, Deserialize)]
struct Line {
    /// The idempotency key, which is also the request's id.
    key: String,
    /// The audit action of the write.
    action: AuditAction,
    /// The content of the answer. Absent if no answer came before the patience ran out.
    #[serde(flatten)]
    promise: Option<Promise>,
}

/// The promise of an acknowledgement: this case has this version.
#[derive(Serialize, Deserialize)]
struct Promise {
    transfer: TransferId,
    version: i64,
}

/// A ledger to write to. Cloning shares the file.
#[derive(Clone)]
pub struct Ledger(Arc<Mutex<File>>);

impl Ledger {
    /// Opens a ledger, in a new file or after what an earlier run wrote.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("the ledger {}", path.display()))?;
        Ok(Self(Arc::new(Mutex::new(file))))
    }

    /// Records an acknowledged write.
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

    /// Records a write whose outcome stayed unknown.
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
        // One call writes a whole line, so the file of a killed process has only whole lines.
        Ok(file.write_all(line.as_bytes())?)
    }
}

/// The result of checking a ledger.
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

/// Compares a ledger with the database and reports the result.
///
/// # Errors
/// When a promise was not kept, or the file or the database fails.
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

/// Checks that each promised transition is an event of its case.
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

/// Checks that each promised transition has one audit row that names its case, and that no write of these runs has two.
/// A write that was never acknowledged may be there once or not at all.
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
    // A proposal by name and ID number also records its look-up, once for each time it was sent.
    let mut doubled: Vec<String> = noted
        .into_iter()
        .filter(|((_, action), (count, _))| *count > 1 && action.starts_with("transfer."))
        .map(|((key, _), _)| key)
        .collect();
    verdict.doubled.append(&mut doubled);
    Ok(())
}

/// The run of a key: everything but its number.
fn run_of(key: &str) -> Option<&str> {
    key.rsplit_once('-').map(|(run, _)| run)
}
