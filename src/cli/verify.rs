//! `zhuanjie verify`: checks the invariants of everything stored.

use super::forms::FormPages;
use super::output::say;
use crate::app::folder_of;
use crate::clock::Clock;
use crate::config::{Config, Keys};
use crate::db::{DatabaseSettings, DatabaseUrl, Db};
use crate::domain::core::time::Timestamp;
use crate::files::{FileRecord, Files};
use crate::service::jobs::wording;
use crate::service::{self, verify};
use anyhow::{Result, ensure};
use std::path::PathBuf;

/// The variable that names the folder of files.
const FOLDER: &str = "ZHUANJIE_FILES";

/// Checks every invariant, and every uploaded file if `files` is given: `None` in it stands for the folder that the
/// service uses. The files come last, since they take longest.
///
/// # Errors
/// When an invariant is broken or a file is not the one of its row, or the database fails.
pub async fn with_files(mut config: Config, files: Option<Option<PathBuf>>) -> Result<()> {
    // A missing key is named before anything long begins.
    let keys = files.is_some().then(Keys::from_environment).transpose()?;
    if let Some(folder) = files.flatten().or_else(|| std::env::var_os(FOLDER).map(PathBuf::from)) {
        config.files = folder;
    }
    let (invariants, all_files) = (run(&config.database).await, check_files(&config, keys).await);
    invariants.and(all_files)
}

/// Reads the file of every form, if there are keys.
async fn check_files(config: &Config, keys: Option<Keys>) -> Result<()> {
    let Some(keys) = keys else {
        return Ok(());
    };
    let db = Db::open(&config.database, &config.settings)?;
    let files = Files::new(folder_of(&db, config).await?, keys.vault);
    files.folder().check().await?;
    let (mut all, mut broken) = (0, 0);
    let mut forms = FormPages::new(&db);
    while let Some(page) = forms.next().await? {
        for form in page {
            all += 1;
            if let Err(fault) = files.check(&FileRecord::from(&form)).await {
                broken += 1;
                say(&format!("BROKEN form {}: {fault}\n", form.id))?;
            }
        }
    }
    db.close().await;
    ensure!(broken == 0, "{broken} of {all} files are not those of their rows");
    say(&format!("all {all} files are those of their rows\n"))
}

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
    ensure!(
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
