//! The temporary directory of a run, and the watchdog that removes it after the run.
//!
//! Statics are never dropped, and a killed process runs no destructor. So a shell waits at the other end of a pipe.
//! However this process ends, the kernel closes the pipe, and the shell kills the remaining processes and removes the
//! directory.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

/// `$1` is the directory: `pids/<pid>` for each child process, `postgres/data/postmaster.pid` for the cluster.
const WATCHDOG: &str = r#"
while read -r _; do :; done
lock="$1/postgres/data/postmaster.pid"
signal=QUIT
for tries in 1 2 3 4 5 6 7 8 9 10; do
    for file in "$1"/pids/*; do
        [ -e "$file" ] && kill -KILL "${file##*/}"
    done
    # The lock file disappears with the server. A server that is still starting is killed in the next round.
    if [ -s "$lock" ]; then
        read -r pid < "$lock"
        kill -s "$signal" "$pid"
        for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            [ -e "$lock" ] && sleep 0.1
        done
        signal=KILL
    fi
    rm -rf "$1" && exit
    sleep 1
done
"#;

struct Scratch {
    path: PathBuf,
    /// Holds the other end of the pipe. Nobody waits for it.
    _watchdog: Child,
}

static SCRATCH: LazyLock<Scratch> = LazyLock::new(|| {
    let base = base();
    let path = (0..)
        .map(|n| base.join(format!("zhuanjie-{}-{n}", std::process::id())))
        .find(|path| fs::create_dir(path).is_ok())
        .unwrap_or_else(|| unreachable!("the numbers don't end"));
    for sub in ["pids", "sqlite"] {
        fs::create_dir(path.join(sub)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let watchdog = Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(&path)
        .current_dir("/")
        .stdin(Stdio::piped())
        // Not inherited, so that a reader of the tests' output does not wait for the watchdog.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A process group of its own, so that the interrupt key reaches only the tests.
        .process_group(0)
        .spawn()
        .unwrap_or_else(|e| panic!("the watchdog needs sh: {e}"));
    Scratch {
        path,
        _watchdog: watchdog,
    }
});

/// The directory of this run. It is removed soon after the run.
pub fn dir() -> &'static Path {
    &SCRATCH.path
}

/// Tells the watchdog about a child process as long as this value exists.
pub struct Watched(PathBuf);

impl Watched {
    pub fn new(pid: u32) -> Self {
        let file = dir().join("pids").join(pid.to_string());
        fs::write(&file, "").unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        Self(file)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The system's temporary directory, unless another user can't enter it, because PostgreSQL does not run as root.
fn base() -> PathBuf {
    let base = std::env::temp_dir();
    let everybody_passes = |dir: &Path| fs::metadata(dir).is_ok_and(|m| m.permissions().mode() & 0o001 != 0);
    if is_root() && !base.ancestors().all(everybody_passes) {
        return PathBuf::from("/tmp");
    }
    base
}

/// Whether this process runs as root: its own entry in `/proc` belongs to the user it acts as.
pub fn is_root() -> bool {
    fs::metadata("/proc/self")
        .or_else(|_| fs::metadata(std::env::temp_dir()))
        .is_ok_and(|m| m.uid() == 0)
}
