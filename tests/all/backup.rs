//! `zhuanjie backup`: copies the embedded database while others write, and the copy can be restored.

use crate::privacy::forms::{country, download, names, upload};
use crate::support::process::{Process, run, zhuanjie};
use crate::support::world::World;
use crate::support::{Engine, TestDb, both_engines};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// The commands of the page's drill, for a backup and a copied folder. `drill` is the folder of the drill.
fn drill_commands(backup: &str, folder: &Path, drill: &Path, engine: Engine) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md")).expect("the page");
    let (_, section) = page
        .split_once("### A restore drill")
        .expect("the page describes a drill");
    let (_, block) = section.split_once("```sh\n").expect("commands");
    let (block, _) = block.split_once("```").expect("their end");
    assert_eq!(block.matches("zhuanjie serve --no-jobs").count(), 1);
    let mut commands = String::from("set -e\n");
    for line in block.lines() {
        let is_copied_file = line.starts_with("cp /backups/2026-06-20.sqlite");
        if engine == Engine::Postgres && is_copied_file {
            continue;
        }
        let line = match engine {
            Engine::Sqlite => line.replace("/backups/2026-06-20.sqlite", backup),
            Engine::Postgres => line.replace("sqlite:///drill/zhuanjie.sqlite", &format!("'{backup}'")),
        };
        let line = line
            .replace("/backups/zhuanjie.files", &folder.display().to_string())
            .replace("/drill", &drill.display().to_string())
            .replace("127.0.0.1:8089", "127.0.0.1:0");
        let program = format!("'{}' ", env!("CARGO_BIN_EXE_zhuanjie"));
        let line = match line.strip_prefix("zhuanjie ") {
            // The last command serves in the place of the shell, so that it can be stopped.
            Some(rest) if rest.starts_with("serve") => format!("exec {program}{rest}"),
            Some(rest) => format!("{program}{rest}"),
            None => line,
        };
        commands.push_str(&line);
        commands.push('\n');
    }
    commands
}

both_engines! {
    fn a_restore_drill_as_the_page_describes_it_leaves_the_live_service_alone(db: TestDb) {
        let (world, shared) = country(db);
        let (kept, _) = upload(&world, "class_1/1");
        // Signed in before the backup, so that the copy knows the session.
        let college = world.admin("college");
        let restored = world.db.restored();
        let (later, _) = upload(&world, "class_1/2");
        let live = names(world.files.clone());
        let drill = Place::new(&format!("drill-{:?}", world.db.engine()));
        fs::create_dir(&drill.0).expect("room");
        let backup = restored.address();
        let commands = drill_commands(backup.trim_start_matches("sqlite://"), &world.files, &drill.0, world.db.engine());
        let mut shell = Command::new("sh");
        shell.args(["-c", &commands]).envs(shared.variables());
        let (process, base) = Process::serve(shell);
        let client = college.at(&base);
        client.get(&kept).expect(200);
        client.get(&later).refused(404, "certification.not_found");
        let (status, lines) = process.terminate();
        let said = |text: &str| lines.iter().any(|line| line.contains(text));
        assert!(status.success() && said("all 1 files are those of their rows") && said("anchor: "), "{lines:?}");
        assert_eq!(restored.count("job_runs"), 0);
        assert_eq!(names(world.files.clone()), live);
        for form in [&kept, &later] {
            download(&world, form).expect(200);
        }
        fs::remove_dir_all(&drill.0).expect("the folder is ours");
    }
}

/// A path for a backup. Its files are removed at the start and at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place = Self(std::env::temp_dir().join(format!("zhuanjie-backup-{}-{name}", std::process::id())));
        place.clear();
        place
    }

    fn text(&self) -> String {
        self.0.display().to_string()
    }

    fn clear(&self) {
        for suffix in ["", "-wal", "-shm", ".partial"] {
            let _ = fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clear();
    }
}

fn backup(db: &TestDb, to: &str) -> (bool, Vec<String>) {
    let (status, lines) = run(zhuanjie(["backup", "--database", &db.address(), "--to", to]));
    (status.success(), lines)
}

#[test]
fn a_backup_under_writers_is_whole_and_passes_every_invariant() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is built in");
    let mut world = World::new(db, "2026-06-15T00:00:00Z");
    let members: Vec<String> = (0..60).map(|number| format!("writer {number}")).collect();
    members
        .iter()
        .for_each(|name| world.add_member(name, "class_2", "2003-01-01"));
    let place = Place::new("under-writers");
    let (client, copied) = (world.admin("class_2"), AtomicBool::new(false));
    let proposed = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut during = 0;
            for name in &members {
                let details = json!({"home_address": {"division_code": "420106", "text": "珞珈山路1号"}});
                let body = json!({"member": {"id": world.mem(name)}, "reason": "unsettled", "details": details, "target": world.org("village")});
                client.write("/v1/transfers", &body).expect(201);
                during += usize::from(!copied.load(Ordering::SeqCst));
            }
            during
        });
        while world.db.count("transfers") == 0 {
            std::thread::yield_now();
        }
        let (done, lines) = backup(&world.db, &place.text());
        copied.store(true, Ordering::SeqCst);
        assert!(done, "{lines:?}");
        writer.join().expect("the writer proposes")
    });
    assert!(proposed > 1, "nothing was written during the backup");
    let address = format!("sqlite://{}", place.text());
    let (status, lines) = run(zhuanjie(["verify", "--database", &address]));
    assert!(status.success(), "{lines:?}");
    let mode = fs::metadata(&place.0).expect("the copy").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only the owner may read the copy");
    assert!(!PathBuf::from(format!("{}.partial", place.text())).exists());
}

#[test]
fn a_backup_overwrites_nothing_and_leaves_nothing_half_done() {
    let db = TestDb::new(Engine::Sqlite).expect("SQLite is built in");
    let place = Place::new("taken");
    fs::write(&place.0, "somebody's").expect("a file");
    let (done, lines) = backup(&db, &place.text());
    assert!(
        !done && lines.iter().any(|line| line.contains("exists already")),
        "{lines:?}"
    );
    assert_eq!(fs::read_to_string(&place.0).expect("the file"), "somebody's");
    let nowhere = Place::new("no-such-directory").0.join("backup.sqlite");
    let (done, _) = backup(&db, &nowhere.display().to_string());
    assert!(!done);
    // The database holds a row that refers to nothing. The backup is refused and leaves no copy.
    let place = Place::new("unsound");
    db.execute("PRAGMA foreign_keys = OFF; INSERT INTO memberships (member_id, branch_id, since) VALUES (77, 77, 0)");
    let (done, lines) = backup(&db, &place.text());
    assert!(
        !done && lines.iter().any(|line| line.contains("not sound")),
        "{lines:?}"
    );
    assert!(!place.0.exists() && !PathBuf::from(format!("{}.partial", place.text())).exists());
}

#[test]
fn a_postgresql_database_is_backed_up_by_its_own_ways() {
    let Some(db) = TestDb::new(Engine::Postgres) else {
        return;
    };
    let place = Place::new("postgres");
    let (done, lines) = backup(&db, &place.text());
    assert!(
        !done && lines.iter().any(|line| line.contains("docs/operations.md")),
        "{lines:?}"
    );
    assert!(!place.0.exists());
}
