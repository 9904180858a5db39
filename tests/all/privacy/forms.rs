//! The files of application forms: each belongs to its row, their folder to one database, and no job takes many of them
//! away (S-11, S-29).

use crate::support::http::{Answer, Client};
use crate::support::process::{self, Process, zhuanjie};
use crate::support::shared_keys::SharedKeys;
use crate::support::world::{World, fresh_key};
use crate::support::{TestDb, block_on, both_engines};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use zhuanjie::clock::Clock;

/// A country whose members need a certification, and the keys that programs beside it need. Programs tell the machine's
/// time, so the country does too.
pub fn country(db: TestDb) -> (World, SharedKeys) {
    let shared = SharedKeys::new();
    let world = World::with_keys(db, &Clock::system().now().to_rfc3339(), shared.keys.clone());
    world
        .db
        .execute("UPDATE members SET joined_month = 202105, certification = 'not_uploaded'");
    (world, shared)
}

/// Forms of one length and different content, as scans of the same form are.
fn pdf(member: &str) -> Vec<u8> {
    let mut file = format!("%PDF-1.7\n<</Type/Page>>\n{member}\n").into_bytes();
    file.resize(100_000, b' ');
    file.extend_from_slice(b"\nstartxref\n9\n%%EOF\n");
    file
}

/// Uploads a member's form. Returns the path to download it and the name of its file.
pub fn upload(world: &World, member: &str) -> (String, String) {
    let path = format!("/v1/members/{}/certification", world.mem(member));
    let client = world.admin("class_1");
    let request = client.request("POST", &path).header("content-type", "application/pdf");
    let form = request.header("idempotency-key", &fresh_key()).body(pdf(member)).send();
    let id = form.expect(201).json()["id"].as_str().expect("an id").to_owned();
    let newest = "SELECT file AS value FROM certifications ORDER BY id DESC LIMIT 1";
    (
        format!("/v1/certifications/{id}/form"),
        world.db.texts(newest).remove(0),
    )
}

pub fn download(world: &World, form: &str) -> Answer {
    world.admin("college").get(form)
}

/// A command for a database and the world's folder.
fn command(world: &World, shared: &SharedKeys, db: &TestDb, args: &[&str]) -> Command {
    let mut command = zhuanjie(args.iter().copied());
    command
        .env("DATABASE_URL", db.address())
        .env("ZHUANJIE_FILES", &world.files)
        .envs(shared.variables());
    command
}

fn run(world: &World, shared: &SharedKeys, db: &TestDb, args: &[&str]) -> (bool, String) {
    let (status, lines) = process::run(command(world, shared, db, args));
    (status.success(), lines.join("\n"))
}

/// Makes a file as old as a file that no server is still storing a row for.
fn settle(world: &World, name: &str) {
    let file = fs::File::options()
        .write(true)
        .open(world.files.join(name))
        .expect("the file exists");
    let then = file.metadata().and_then(|data| data.modified()).expect("a time") - Duration::from_secs(25 * 3600);
    file.set_modified(then).expect("the time can be set");
}

/// Stores a file that no row refers to.
fn stray(world: &World) -> String {
    let kept = block_on(async {
        world
            .app()
            .files
            .receive(1)
            .await
            .expect("room")
            .keep()
            .await
            .expect("room")
    });
    settle(world, &kept.name);
    kept.name
}

/// The names in the folder, without its mark.
pub fn names(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

both_engines! {
    fn s11_a_form_opens_for_its_own_row_only(db: TestDb) {
        let (world, shared) = country(db);
        let [(first, a), (second, b)] = ["class_1/1", "class_1/2"].map(|member| upload(&world, member));
        let verify = || run(&world, &shared, &world.db, &["verify", "--files"]);
        let whole = |form: &str| download(&world, form).expect(200);
        assert_eq!((whole(&first).text.into_bytes(), whole(&second).text.into_bytes()), (pdf("class_1/1"), pdf("class_1/2")));
        let (good, said) = verify();
        assert!(good && said.contains("all 2 files are those of their rows"), "{said}");
        // Somebody exchanges the files on the disk.
        let exchange = || {
            fs::rename(world.files.join(&a), world.files.join("x")).expect("it is there");
            fs::rename(world.files.join(&b), world.files.join(&a)).expect("it is there");
            fs::rename(world.files.join("x"), world.files.join(&b)).expect("it is there");
        };
        exchange();
        for form in [&first, &second] {
            download(&world, form).refused(409, "certification.file_altered");
        }
        let (good, said) = verify();
        assert!(!good && said.contains("2 of 2 files"), "{said}");
        exchange();
        // Somebody exchanges what the rows say about them.
        let other = |column: &str| format!("{column} = (SELECT k.{column} FROM kept k WHERE k.id <> certifications.id)");
        let exchange = format!(
            "CREATE TABLE kept AS SELECT * FROM certifications; UPDATE certifications SET {}, {}; DROP TABLE kept",
            other("file"),
            other("sha256")
        );
        world.db.execute(&exchange);
        for form in [&first, &second] {
            download(&world, form).refused(409, "certification.file_altered");
        }
        world.db.execute(&exchange);
        whole(&first);
    }

    fn s11_a_form_that_was_changed_or_is_gone_is_a_clear_problem(db: TestDb) {
        let (world, shared) = country(db);
        let (form, name) = upload(&world, "class_1/1");
        let (path, stored) = (world.files.join(&name), fs::read(world.files.join(&name)).expect("it is there"));
        let mut changed = stored.clone();
        changed[100] ^= 1;
        for other in [changed, stored[..stored.len() - 1].to_vec(), stored[..5].to_vec(), Vec::new()] {
            fs::write(&path, other).expect("room");
            download(&world, &form).refused(409, "certification.file_altered");
        }
        fs::remove_file(&path).expect("it is there");
        download(&world, &form).refused(404, "certification.file_missing");
        let (good, said) = run(&world, &shared, &world.db, &["verify", "--files"]);
        assert!(!good && said.contains("the file is missing") && said.contains("1 of 1 files"), "{said}");
        fs::write(&path, &stored).expect("room");
        download(&world, &form).expect(200);
        // What changes later than the first piece ends the answer before it is whole.
        let mut changed = stored;
        *changed.last_mut().expect("bytes") ^= 1;
        fs::write(&path, changed).expect("room");
        let (address, token) = (world.address().to_owned(), world.token("college"));
        let client = move || Client::new(&format!("http://{address}")).with_token(&token).get(&form);
        let answer = std::panic::catch_unwind(client);
        assert!(answer.map_or(true, |answer| !answer.text.contains("startxref")), "the changed form was sent whole");
    }

    fn s29_a_folder_of_files_belongs_to_one_database(db: TestDb) {
        let (world, shared) = country(db);
        let (form, name) = upload(&world, "class_1/1");
        settle(&world, &name);
        let other = TestDb::new(world.db.engine()).expect("a second database");
        other.execute("UPDATE database_identity SET id = 'another'");
        let there = names(world.files.clone());
        for args in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["jobs", "run", "retention", "--yes"],
            &["jobs", "run", "retention", "--dry-run"],
            &["reseal"],
            &["verify", "--files"],
        ] {
            let (good, said) = run(&world, &shared, &other, args);
            assert!(!good && said.contains("belongs to another database"), "{args:?}: {said}");
        }
        // The same holds for a folder that does not say whose its files are.
        let mark = world.files.join(".database");
        let said = fs::read_to_string(&mark).expect("a mark");
        fs::remove_file(&mark).expect("it is there");
        for db in [&other, &world.db] {
            let (good, said) = run(&world, &shared, db, &["jobs", "run", "retention"]);
            assert!(!good && said.contains("does not say whose they are"), "{said}");
        }
        fs::write(&mark, said).expect("room");
        assert_eq!(names(world.files.clone()), there);
        download(&world, &form).expect(200);
    }

    fn s29_an_older_copy_of_a_database_clears_nothing_away(db: TestDb) {
        let (world, shared) = country(db);
        upload(&world, "class_1/1");
        let retention = |more: &[&str]| run(&world, &shared, &world.db, &[&["jobs", "run", "retention"][..], more].concat());
        assert!(retention(&[]).0);
        // What the copy does not know: the run, and a form that was uploaded later.
        let (form, name) = upload(&world, "class_1/2");
        settle(&world, &name);
        let row = world.db.texts("SELECT CAST(max(id) AS TEXT) AS value FROM certifications").remove(0);
        world.db.execute(&format!("UPDATE certifications SET file = 'elsewhere' WHERE id = {row}; UPDATE job_runs SET started_at = started_at - 1"));
        let (good, said) = retention(&[]);
        assert!(!good && said.contains("an older copy"), "{said}");
        let (good, said) = retention(&["--dry-run"]);
        assert!(good && said.contains("into the bin: 0, and 1 would fail"), "{said}");
        assert!(world.files.join(&name).exists());
        // The copy takes the database's place.
        assert!(retention(&["--yes"]).0);
        assert!(world.files.join(".bin").join(&name).exists());
        // Its row comes back. The file is read from the bin, and the next run puts it back.
        world.db.execute(&format!("UPDATE certifications SET file = '{name}' WHERE id = {row}"));
        download(&world, &form).expect(200);
        assert!(retention(&[]).0);
        assert!(world.files.join(&name).exists() && !world.files.join(".bin").join(&name).exists());
        download(&world, &form).expect(200);
    }

    fn s29_a_run_takes_a_set_share_of_the_files_at_most(db: TestDb) {
        let (world, shared) = country(db);
        upload(&world, "class_1/1");
        let strays: Vec<String> = (0..12).map(|_| stray(&world)).collect();
        let retention = |more: &[&str]| run(&world, &shared, &world.db, &[&["jobs", "run", "retention"][..], more].concat());
        let left = || strays.iter().filter(|name| world.files.join(name).exists()).count();
        let (good, said) = retention(&[]);
        assert!(!good && said.contains("more files have no row"), "{said}");
        assert_eq!(left(), 12);
        assert!(world.db.count("job_runs WHERE problem LIKE '%more files have no row%'") == 1);
        assert!(retention(&["--yes"]).0);
        assert_eq!(left(), 2);
        assert!(retention(&[]).0);
        assert_eq!((left(), names(world.files.clone()).len()), (0, 1));
    }

    fn a_server_without_jobs_runs_none(db: TestDb) {
        let (world, shared) = country(db);
        let serve = |more: &[&str]| {
            let args = [&["serve", "--listen", "127.0.0.1:0"][..], more].concat();
            let (process, base) = Process::serve(command(&world, &shared, &world.db, &args));
            Client::new(&base).get("/readyz").expect(200);
            process
        };
        let (status, lines) = serve(&["--no-jobs"]).terminate();
        assert!(status.success() && lines.iter().any(|line| line.contains("no job runs here")), "{lines:?}");
        assert_eq!(world.db.count("job_runs"), 0);
        let mut with_jobs = serve(&[]);
        with_jobs.wait_for(|line| line.contains("job done").then_some(()));
        assert_ne!(world.db.count("job_runs"), 0);
    }
}
