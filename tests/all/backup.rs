//! `zhuanjie backup`: copies the embedded database while others write, and the copy can be restored.

use crate::support::process::{run, zhuanjie};
use crate::support::world::World;
use crate::support::{Engine, TestDb};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

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
