//! The load generator: what it plays breaks no invariant, its ledger holds what was acknowledged, and the check of the
//! ledger finds what is missing.

use crate::support::process::{Process, run, zhuanjie, zhuanjie_bench};
use crate::support::world::fresh_key;
use crate::support::{TestDb, both_engines};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Enough members for every role.
const MEMBERS: &str = "3000";

/// How the test breaks promises, and what the check says about each.
const BREACHES: [(&str, &str); 3] = [
    (
        "DELETE FROM transfer_events WHERE event = 'proposed' AND transfer_id = (SELECT max(transfer_id) FROM transfer_events)",
        "lost 1,",
    ),
    (
        "DELETE FROM audit_log WHERE id = (SELECT max(id) FROM audit_log WHERE action = 'transfer.proposed')",
        "without audit row 1,",
    ),
    (
        "INSERT INTO audit_log (at, capacity, action, subject, request_id) SELECT at, capacity, action, subject, request_id \
         FROM audit_log WHERE id = (SELECT max(id) FROM audit_log WHERE action = 'transfer.proposed')",
        "twice 1,",
    ),
];

/// A loaded country with the keys it was loaded with.
struct Stage {
    db: TestDb,
    keys: Vec<(String, String)>,
    ledger: PathBuf,
}

impl Stage {
    fn load(db: TestDb) -> Self {
        let (_, lines) = run(zhuanjie(["keys"]));
        let keys = lines.iter().filter_map(|line| line.split_once('='));
        let keys = keys.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()));
        let ledger = std::env::temp_dir().join(format!("zhuanjie-ledger-{}", fresh_key()));
        let stage = Self {
            keys: keys.collect(),
            ledger: ledger.with_extension(format!("{:?}", db.engine())),
            db,
        };
        let _ = std::fs::remove_file(&stage.ledger);
        let (status, lines) = stage.run(&["load", "--members", MEMBERS]);
        assert!(status, "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("rows/s")), "{lines:?}");
        stage
    }

    /// A program with the keys and the database of this stage.
    fn equip(&self, mut command: Command) -> Command {
        command.envs(self.keys.clone()).env("DATABASE_URL", self.db.address());
        command
    }

    /// Runs a command of the load generator.
    fn run(&self, args: &[&str]) -> (bool, Vec<String>) {
        let (status, lines) = run(self.equip(zhuanjie_bench(args.iter().copied())));
        (status.success(), lines)
    }

    /// Runs a command of the service.
    fn service(&self, args: &[&str]) -> (bool, Vec<String>) {
        let (status, lines) = run(self.equip(zhuanjie(args.iter().copied())));
        (status.success(), lines)
    }

    fn serve(&self, listen: &str) -> (Process, String) {
        Process::serve(self.equip(zhuanjie(["serve", "--listen", listen])))
    }

    fn play(&self, base: &str, seconds: &str) -> Command {
        let ledger = self.ledger.display().to_string();
        self.equip(zhuanjie_bench([
            "run",
            "--url",
            base,
            "--seconds",
            seconds,
            "--warm-up",
            "0",
            "--concurrency",
            "8",
            "--ledger",
            &ledger,
        ]))
    }

    fn check(&self) -> (bool, Vec<String>) {
        self.run(&["check", "--ledger", &self.ledger.display().to_string()])
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ledger);
    }
}

both_engines! {
    /// I-16 to I-20: two servers are killed during a season. Afterwards each kind of broken promise is made and found.
    fn i17_i20_acknowledged_writes_are_stored_once_and_missing_ones_are_found(db: TestDb) {
        let stage = Stage::load(db);
        let (server, base) = stage.serve("127.0.0.1:0");
        let mut play = Process::start(stage.play(&base, "8"));
        play.wait_for(|line| line.contains("provinces play").then_some(()));
        let mut server = Some(server);
        for written in [20, 60] {
            // As soon as some writes have been acknowledged.
            let promises = || std::fs::read_to_string(&stage.ledger).map_or(0, |ledger| ledger.lines().count());
            // A limit, because the season may have ended and acknowledge nothing more.
            for _ in 0..4000 {
                if promises() >= written {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            assert!(promises() >= written, "too few writes were acknowledged");
            server.take().expect("the server runs").kill();
            server = Some(stage.serve(base.trim_start_matches("http://")).0);
        }
        let (status, lines) = play.wait();
        assert!(status.success(), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("sent again")), "no server was killed during the season: {lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("all ") && line.ends_with(" hold")), "{lines:?}");
        server.take().expect("the server runs").terminate();
        let (kept, lines) = stage.check();
        assert!(kept, "{lines:?}");
        stage.db.unlock_audit_log();
        for (breach, what) in BREACHES {
            stage.db.execute(breach);
            let (kept, lines) = stage.check();
            assert!(!kept, "{breach}");
            assert!(lines.iter().any(|line| line.contains(what)), "{what}: {lines:?}");
        }
    }

    /// Rows made due for the jobs are a state that the rules could have led to, and the jobs find all of them.
    fn what_is_made_due_is_whole_and_the_jobs_find_all_of_it(db: TestDb) {
        let stage = Stage::load(db);
        let (made, lines) = stage.run(&["due", "--branches", "20", "--cases", "300"]);
        assert!(made, "{lines:?}");
        let (kept, lines) = stage.service(&["verify"]);
        assert!(kept, "{lines:?}");
        for (job, wanted) in [("yearly-switch", "20 processed, 0 failed"), ("expiry", "300 processed, 0 failed")] {
            let (ran, lines) = stage.service(&["jobs", "run", job, "--yes"]);
            assert!(ran && lines.iter().any(|line| line.contains(wanted)), "{lines:?}");
        }
        let (kept, lines) = stage.service(&["verify"]);
        assert!(kept, "{lines:?}");
        let (made, lines) = stage.run(&["due", "--cases", "1000000"]);
        assert!(!made, "there are not that many cases: {lines:?}");
    }
}
