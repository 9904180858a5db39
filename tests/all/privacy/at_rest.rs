//! Personal data at rest (S-11, S-17): no file of the database, no uploaded file and no answer contains it in the
//! clear. Every key can be replaced while the service runs.

use crate::support::process::{self, zhuanjie};
use crate::support::world::{World, fresh_key};
use crate::support::{Engine, TestDb, block_on, both_engines};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::TryStreamExt;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use zhuanjie::db::{DatabaseSettings, DatabaseUrl, Db};
use zhuanjie::domain::core::ids::{CertificationId, MemberId};
use zhuanjie::files::{FileRecord, Files};
use zhuanjie::repository::certifications;
use zhuanjie::security::vault::{SealPurpose, SealedRow, Vault};

const NOW: &str = "2026-06-15T00:00:00Z";
const PHONE: &str = "13800000042";

/// A form that contains a name.
fn form(world: &World) -> Vec<u8> {
    let mut file = format!("%PDF-1.7\n<</Type/Page>>\n{} {PHONE}\n", world.id_number("class_1/1")).into_bytes();
    file.resize(200_000, b' ');
    file.extend_from_slice(b"\nstartxref\n9\n%%EOF\n");
    file
}

fn country(db: TestDb) -> World {
    let world = World::new(db, NOW);
    world
        .db
        .execute("UPDATE members SET joined_month = 202105, certification = 'not_uploaded'");
    world
}

fn upload(world: &World) -> String {
    let path = format!("/v1/members/{}/certification", world.mem("class_1/1"));
    let client = world.admin("class_1");
    let request = client.request("POST", &path).header("content-type", "application/pdf");
    let form = request
        .header("idempotency-key", &fresh_key())
        .body(form(world))
        .send()
        .expect(201)
        .json();
    format!("/v1/certifications/{}/form", form["id"].as_str().expect("an id"))
}

/// Everything the service has written to disk, file by file. For PostgreSQL, every row of every table.
fn on_disk(world: &World) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let uploads = std::fs::read_dir(&world.files)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let database = world.db.address();
    let database = ["", "-wal", "-shm"]
        .map(|suffix| PathBuf::from(format!("{}{suffix}", database.trim_start_matches("sqlite://"))));
    for path in uploads.chain(database) {
        found.extend(
            std::fs::read(&path)
                .ok()
                .map(|bytes| (path.display().to_string(), bytes)),
        );
    }
    if world.db.engine() == Engine::Postgres {
        let tables = world
            .db
            .texts("SELECT tablename::text AS value FROM pg_tables WHERE schemaname = 'public'");
        for table in tables {
            let rows = world.db.texts(&format!("SELECT t::text AS value FROM {table} t"));
            found.push((table, rows.join("\n").into_bytes()));
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The data key of a demo world under number 0, the key that follows it, and the index key.
pub fn keys() -> ([u8; 32], [u8; 32], [u8; 32]) {
    let key = |label: &str| digest(&SHA256, label.as_bytes()).as_ref().try_into().expect("32 bytes");
    (key("demo: invented people only"), [7; 32], key("demo: index"))
}

fn reseal(world: &World, data_keys: &str) -> (bool, Vec<String>) {
    let (status, lines) = process::run(resealing(world, data_keys));
    (status.success(), lines)
}

/// The reseal command.
pub fn resealing(world: &World, data_keys: &str) -> Command {
    let (_, lines) = process::run(zhuanjie(["keys"]));
    let token = lines[0]
        .split_once('=')
        .expect("name=value")
        .1
        .trim_matches('\'')
        .to_owned();
    let mut command = zhuanjie(["reseal"]);
    command
        .env("DATABASE_URL", world.db.address())
        .env("ZHUANJIE_FILES", &world.files)
        .env("ZHUANJIE_TOKEN_KEY", token)
        .env("ZHUANJIE_DATA_KEYS", data_keys)
        .env("ZHUANJIE_INDEX_KEY", STANDARD.encode(keys().2));
    command
}

/// How many sealed fields are not under a key.
pub fn not_under(db: &TestDb, key: u8) -> i64 {
    let first = |column: &str| match db.engine() {
        Engine::Sqlite => format!("hex(substr({column}, 1, 1)) <> '{key:02X}'"),
        Engine::Postgres => format!("get_byte({column}, 0) <> {key}"),
    };
    let count = |table: &str, column: &str| {
        db.number(&format!(
            "SELECT count(*) AS value FROM {table} WHERE {column} IS NOT NULL AND {}",
            first(column)
        ))
    };
    count("members", "id_number_sealed")
        + count("members", "phone_sealed")
        + count("accounts", "id_number_sealed")
        + count("inbound_persons", "id_number_sealed")
        + count("inbound_persons", "phone_sealed")
}

#[test]
fn s11_only_its_owner_can_read_an_embedded_database() {
    let folder = std::env::temp_dir().join(format!("zhuanjie-mode-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("room");
    let file = |suffix: &str| folder.join(format!("new.sqlite{suffix}"));
    let mode = |path: PathBuf| std::fs::metadata(path).expect("the file exists").permissions().mode() & 0o777;
    let url: DatabaseUrl = format!("sqlite://{}", file("").display()).parse().expect("an address");
    let db = Db::open(&url, &DatabaseSettings::default()).expect("a new file");
    block_on(db.migrate()).expect("the migrations run");
    assert_eq!(["", "-wal", "-shm"].map(|suffix| mode(file(suffix))), [0o600; 3]);
    block_on(db.close());
    let demo = folder.join("demo.sqlite");
    zhuanjie::db::sqlite_file::create(&demo, 1).expect("room");
    assert_eq!(mode(demo), 0o600);
    // A file that its owner shares keeps its mode, and the log says so.
    std::fs::set_permissions(file(""), PermissionsExt::from_mode(0o640)).expect("it is ours");
    let (status, lines) = process::run(zhuanjie(["migrate", "--database", &url.to_string()]));
    assert!(
        status.success() && lines.iter().any(|line| line.contains("chmod 600")),
        "{lines:?}"
    );
    assert_eq!(mode(file("")), 0o640);
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

both_engines! {
    fn s11_no_file_of_ours_holds_a_number_in_the_clear(db: TestDb) {
        let world = country(db);
        let file = upload(&world);
        let number = world.id_number("class_1/1");
        world.admin("township").post("/v1/members/look-up", &json!({"name": "class_1/1", "id_number": number})).expect(200);
        world.admin("class_1").post(&format!("/v1/members/{}/reveal", world.mem("class_1/1")), &json!({"fields": ["id_number"], "purpose": "核对入团志愿书"})).expect(200);
        world.admin("college").write(
            &format!("/v1/organizations/{}/appointments", world.org("class_1")),
            &json!({"name": "class_2/1", "id_number": world.id_number("class_2/1")}),
        ).expect(201);
        let disk = on_disk(&world);
        let everybody = ["class_1/1", "class_1/2", "class_2/1", "nation"].map(|name| world.id_number(name));
        for (place, bytes) in &disk {
            for secret in everybody.iter().map(String::as_str).chain([PHONE]) {
                assert!(!holds(bytes, secret), "{place} holds a number");
            }
            assert!(!holds(bytes, "%PDF") && !holds(bytes, "startxref"), "{place} holds a form in the clear");
        }
        // The search finds texts that are there: names are stored in the clear, and the form is returned unchanged.
        assert!(disk.iter().any(|(_, bytes)| holds(bytes, "class_1/1")));
        assert!(disk.iter().any(|(_, bytes)| bytes.starts_with(b"ZJF2")));
        let read = world.admin("college").get(&file).expect(200);
        assert_eq!(read.text.as_bytes(), form(&world));
    }

    fn s11_every_key_can_be_replaced_and_the_old_one_discarded(db: TestDb) {
        let world = country(db);
        upload(&world);
        let vault = Vault::new(&[(0, keys().0)].into(), &keys().2).expect("a key");
        let row = SealedRow::Member(MemberId(world.mem_key("class_1/1")));
        let sealed = vault.seal(SealPurpose::Phone, row, PHONE);
        let sealed: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        let literal = match world.db.engine() {
            Engine::Sqlite => format!("x'{sealed}'"),
            Engine::Postgres => format!("'\\x{sealed}'::bytea"),
        };
        world.db.execute(&format!("UPDATE members SET phone_sealed = {literal} WHERE id = {}", world.mem_key("class_1/1")));
        assert!(not_under(&world.db, 1) > 15);
        let (old, new, index) = keys();
        let both = format!("0:{},1:{}", STANDARD.encode(old), STANDARD.encode(new));
        let (done, lines) = reseal(&world, &both);
        assert!(done, "{lines:?}");
        assert!(lines.iter().any(|line| line == "files: 1 sealed again"), "{lines:?}");
        assert_eq!(not_under(&world.db, 1), 0);
        // A second run, without the old key, has nothing left to do.
        let (done, lines) = reseal(&world, &format!("1:{}", STANDARD.encode(new)));
        assert!(done && lines.iter().any(|line| line == "members: 0 sealed again"), "{lines:?}");
        // The new key alone opens everything.
        let vault = Vault::new(&[(1, new)].into(), &index).expect("a key");
        let phones = world.db.number(&format!("SELECT count(*) AS value FROM members WHERE phone_sealed IS NOT NULL AND id = {}", world.mem_key("class_1/1")));
        assert_eq!(phones, 1);
        let form = certifications::page(&mut world.db.conn(), CertificationId::NONE, 10).expect("a form").remove(0);
        let files = Files::new(world.app().files.folder().clone(), vault);
        let read: Vec<u8> = block_on(async {
            let pieces = files.read(&FileRecord::from(&form)).await.expect("the file opens");
            let all: Vec<Vec<u8>> = pieces.try_collect().await.expect("whole");
            all.concat()
        });
        assert_eq!(Ok(form.bytes), i64::try_from(read.len()));
        assert!(read.starts_with(b"%PDF-1.7") && read.ends_with(b"%%EOF\n"));
    }

    fn s11_a_missing_key_is_reported_and_nothing_is_lost(db: TestDb) {
        let world = country(db);
        let (done, lines) = reseal(&world, &format!("1:{}", STANDARD.encode(keys().1)));
        assert!(!done && lines.iter().any(|line| line.contains("a sealed field does not open")), "{lines:?}");
        assert_eq!(not_under(&world.db, 0), 0);
    }
    fn s11_a_number_opens_in_its_own_row_only(db: TestDb) {
        let world = country(db);
        let [first, second] = ["class_1/1", "class_1/2"].map(|name| (world.mem(name), world.mem_key(name)));
        let page = |member: &str| world.admin("class_1").get(&format!("/v1/members/{member}"));
        let shown = [&first, &second].map(|(id, _)| page(id).expect(200).json()["id_number"].clone());
        let keep = "CREATE TABLE kept AS SELECT id, id_number_sealed, id_number_digest FROM members";
        let other = |column: &str| {
            let (first, second) = (first.1, second.1);
            format!("{column} = (SELECT k.{column} FROM kept k WHERE k.id = {first} + {second} - members.id)")
        };
        let both = format!("WHERE id IN ({}, {})", first.1, second.1);
        // Somebody exchanges the sealed numbers of two members, and then the digests by which they are found too.
        world.db.execute(&format!("{keep}; UPDATE members SET {} {both}; DROP TABLE kept", other("id_number_sealed")));
        for (id, _) in [&first, &second] {
            page(id).refused(500, "service.fault");
        }
        world.db.execute(&format!(
            "{keep}; DROP INDEX members_id_number; UPDATE members SET {} {both}; DROP TABLE kept",
            other("id_number_digest")
        ));
        for (id, _) in [&first, &second] {
            page(id).refused(500, "service.fault");
        }
        world.db.execute(&format!(
            "{keep}; UPDATE members SET {}, {} {both}; DROP TABLE kept",
            other("id_number_sealed"),
            other("id_number_digest")
        ));
        assert_eq!([&first, &second].map(|(id, _)| page(id).expect(200).json()["id_number"].clone()), shown);
        // An account does not open with a member's number.
        world.db.execute(&format!(
            "UPDATE accounts SET id_number_sealed = (SELECT id_number_sealed FROM members WHERE id = member_id) WHERE member_id = {}",
            first.1
        ));
        let (old, new, _) = keys();
        let (done, lines) = reseal(&world, &format!("0:{},1:{}", STANDARD.encode(old), STANDARD.encode(new)));
        assert!(!done && lines.iter().any(|line| line.contains("accounts: a sealed field does not open")), "{lines:?}");
    }
}
