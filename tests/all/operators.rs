//! The commands of those who operate the service: sessions, credentials, who administers what, the configuration, and
//! the log for programs.

use crate::external::{issue, signed_in};
use crate::season::keys;
use crate::support::both_engines;
use crate::support::process::{Process, run, typed, zhuanjie};
use crate::support::world::{PASSWORD, World};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::process::Command;

const NOW: &str = "2026-06-15T08:00:00Z";

/// A command on the world's database, with the keys of the world.
fn command(world: &World, args: &[&str]) -> Command {
    let key = |label: &str| STANDARD.encode(digest(&SHA256, label.as_bytes()));
    let mut command = zhuanjie(args.iter().copied());
    command
        .envs(keys())
        .env("DATABASE_URL", world.db.address())
        .env("ZHUANJIE_DATA_KEYS", format!("0:{}", key("demo: invented people only")))
        .env("ZHUANJIE_INDEX_KEY", key("demo: index"));
    command
}

both_engines! {
    fn s08_operators_end_every_session_of_an_account(db: TestDb) {
        let world = World::new(db, NOW);
        let nation = world.admin("nation");
        nation.get("/v1/me").expect(200);
        let number = world.id_number("nation");
        let mut ending = command(&world, &["accounts", "end-sessions"]);
        ending.stdin(typed(&number));
        let (status, lines) = run(ending);
        assert!(status.success() && lines.concat().contains("1 sessions ended"), "{lines:?}");
        assert!(!lines.concat().contains(&number));
        nation.get("/v1/me").refused(401, "request.unauthenticated");
        assert_eq!(world.db.texts("SELECT DISTINCT ending AS value FROM sessions WHERE ending IS NOT NULL"), ["ended_by_operators"]);
        assert_eq!(world.db.count("audit_log WHERE action = 'account.signed_out_everywhere' AND capacity = 'service'"), 1);
        // The password stays.
        let body = json!({"id_number": number, "password": PASSWORD});
        world.anybody().post("/v1/auth/sign-in", &body).expect(200);
        let mut unknown = command(&world, &["accounts", "end-sessions"]);
        unknown.stdin(typed("11010519491231002X"));
        let (status, lines) = run(unknown);
        assert!(!status.success() && lines.concat().contains("member.no_match"), "{lines:?}");
    }

    fn operators_revoke_a_credential(db: TestDb) {
        let world = World::new(db, NOW);
        let credential = issue(&world, "beijing");
        let system = signed_in(&world, &credential);
        system.get("/v1/me").expect(200);
        let client = credential.id.clone();
        let (status, lines) = run(command(&world, &["integrators", "revoke", &client]));
        assert!(status.success(), "{lines:?}");
        system.get("/v1/me").refused(401, "request.unauthenticated");
        assert_eq!(world.db.count("audit_log WHERE action = 'integrator.revoked' AND capacity = 'service'"), 1);
        let nobody = zhuanjie::domain::core::ids::AccountId(987_654).to_string();
        let (status, lines) = run(command(&world, &["integrators", "revoke", &nobody]));
        assert!(!status.success() && lines.concat().contains("integrator.not_found"), "{lines:?}");
    }

    fn operators_list_who_administers_what(db: TestDb) {
        let mut world = World::new(db, NOW);
        world.appoint("second", "college");
        let list = |args: &[&str]| {
            let (status, lines) = run(command(&world, args));
            assert!(status.success(), "{lines:?}");
            let rows = lines.iter().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
            rows.filter(|row| row.len() == 7).collect::<Vec<_>>()
        };
        let all = list(&["offices", "list"]);
        assert_eq!(all.len(), world.offices().len());
        let college = world.org("college");
        let below = list(&["offices", "list", "--organization", &college]);
        let names: Vec<&str> = below.iter().map(|row| row[4].as_str()).collect();
        assert_eq!(names, ["college", "class_1", "class_2", "teachers", "second"]);
        assert_eq!((&below[4][0], below[4][2].as_str()), (&college, "administrator"));
        let number = world.id_number("college");
        assert!(all.iter().flatten().all(|field| !field.contains(&number)));
        let nothing = zhuanjie::domain::core::ids::OrganizationId(987_654).to_string();
        let (status, lines) = run(command(&world, &["offices", "list", "--organization", &nothing]));
        assert!(!status.success(), "{lines:?}");
    }

    fn the_configuration_is_checked_and_nothing_is_changed(db: TestDb) {
        let world = World::new(db, NOW);
        let checked = |change: &dyn Fn(&mut Command)| {
            let mut checking = zhuanjie(["check-config"]);
            checking.envs(keys()).env("DATABASE_URL", world.db.address()).env("ZHUANJIE_FILES", &world.files);
            change(&mut checking);
            let (status, lines) = run(checking);
            (status.success(), lines.join("\n"))
        };
        let before = world.db.dump();
        let (good, said) = checked(&|_| {});
        assert!(good, "{said}");
        for (variable, value, part) in [
            ("ZHUANJIE_TOKEN_KEY", "geheim", "keys"),
            ("ZHUANJIE_DATA_KEYS", "1:geheim", "keys"),
            ("ZHUANJIE_TRUSTED_PROXIES", "10.0.0.0/99", "values"),
            ("ZHUANJIE_AUDIT_DAYS", "10", "values"),
            ("ZHUANJIE_CORS_ORIGINS", "*", "origins and certificate"),
            ("ZHUANJIE_ADMIN_LISTEN", "127.0.0.1:8080", "addresses"),
            ("ZHUANJIE_FILES", "/dev/null/files", "folder of files"),
            ("DATABASE_URL", "sqlite:///nowhere/at/all.sqlite", "database"),
        ] {
            let (good, said) = checked(&|command| {
                command.env(variable, value);
            });
            assert!(!good && said.contains(&format!("WRONG  {part}: ")), "{variable}: {said}");
            assert!(!said.contains("geheim"), "{said}");
        }
        let (good, said) = checked(&|command| {
            command
                .env("ZHUANJIE_TLS_CERTIFICATE", "/nowhere.pem")
                .env("ZHUANJIE_TLS_KEY", "/nowhere.pem")
                .env("ZHUANJIE_INDEX_KEY", "x");
        });
        // Everything that is wrong is said at once.
        assert!(!good && said.contains("WRONG  keys") && said.contains("WRONG  origins and certificate"), "{said}");
        assert_eq!(world.db.dump(), before);
    }
}

#[test]
fn s17_the_log_is_json_where_it_is_asked_for() {
    let folder = std::env::temp_dir().join(format!("zhuanjie-json-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let serving = |format: &str| {
        let mut command = zhuanjie(["serve", "--listen", "127.0.0.1:0"]);
        command
            .envs(keys())
            .env(
                "DATABASE_URL",
                format!("sqlite://{}", folder.join("json.sqlite").display()),
            )
            .env("ZHUANJIE_LOG_FORMAT", format);
        command
    };
    let (server, base) = Process::serve(serving("json"));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let client = crate::support::http::Client::new(&base);
    let request = client.request("GET", "/v1/rules");
    request
        .header("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"))
        .send()
        .expect(200);
    let (status, lines) = server.terminate();
    assert!(status.success());
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    for line in &lines {
        assert!(
            ["at", "level", "target", "message"]
                .iter()
                .all(|key| line[key].is_string()),
            "{line}"
        );
    }
    let access = lines
        .iter()
        .find(|line| line["target"] == "zhuanjie::access")
        .expect("a request");
    assert_eq!(
        (&access["status"], &access["route"]),
        (&json!(200), &json!("/v1/rules"))
    );
    assert_eq!(access["trace_id"], trace);
    assert!(access["micros"].is_u64());
    let start = lines.iter().find(|line| line["commit"].is_string()).expect("the start");
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    let (status, lines) = run(serving("xml"));
    assert!(
        !status.success() && lines.concat().contains("ZHUANJIE_LOG_FORMAT"),
        "{lines:?}"
    );
    let _ = std::fs::remove_dir_all(&folder);
}

#[test]
fn the_unit_and_the_image_use_variables_and_commands_that_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect("a file");
    let page = read("docs/operations.md");
    let mut found = 0;
    for file in ["docs/deploy/zhuanjie.service", "docs/deploy/Containerfile"] {
        let text = read(file);
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        for variable in words.filter(|word| word.starts_with("ZHUANJIE_") || *word == "DATABASE_URL") {
            assert!(page.contains(&format!("`{variable}`")), "{file}: {variable}");
            found += 1;
        }
    }
    assert!(found > 8, "{found}");
    let unit = read("docs/deploy/zhuanjie.service");
    for line in unit.lines().filter(|line| line.starts_with("Exec")) {
        let command = line.split("/usr/local/bin/zhuanjie ").nth(1).expect("the program");
        assert!(run(zhuanjie([command, "--help"])).0.success(), "{line}");
    }
}
